// A client of an echo server: node echo.js URL

const assert = require("node:assert/strict");
const WebSocket = require("ws");

const socket = new WebSocket(process.argv[2]);
const messages = ["", "grüße, 世界", Buffer.from([0, 255, 1]), "x".repeat(70_000)];
let next = 0;

socket.on("open", () => socket.send(messages[0]));
socket.on("message", (data, isBinary) => {
  const sent = messages[next++];
  assert.equal(isBinary, typeof sent !== "string");
  assert.deepEqual(isBinary ? data : data.toString(), sent);
  if (next < messages.length) socket.send(messages[next]);
  else socket.close(4001, "done");
});
socket.on("close", (code) => {
  assert.equal(next, messages.length);
  assert.equal(code, 4001);
});
