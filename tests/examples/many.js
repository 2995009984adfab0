// Many connections to an echo server at once: node many.js URL COUNT

const assert = require("node:assert/strict");
const WebSocket = require("ws");

const [url, count] = [process.argv[2], Number(process.argv[3])];
const sockets = [];
let echoes = 0;
let closes = 0;

// All are open before the first sends.
function open() {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const text = `message ${sockets.length}`;
  sockets.push(socket);
  socket.on("open", () => {
    if (sockets.length < count) open();
    else sockets.forEach((each, n) => each.send(`message ${n}`));
  });
  socket.on("message", (data) => {
    assert.equal(data.toString(), text);
    if (++echoes === count) sockets.forEach((each) => each.close(1000));
  });
  socket.on("close", (code) => {
    assert.equal(code, 1000);
    closes += 1;
  });
}

process.on("exit", () => assert.deepEqual([echoes, closes], [count, count]));
open();
