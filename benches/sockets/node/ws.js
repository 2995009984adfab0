// Echo with `ws` and its optional `bufferutil`. SIGUSR2 collects garbage (node --expose-gc); the end of
// the standard input ends the process.
'use strict';
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
process.stdin.on('end', () => process.exit()).resume();
process.on('SIGUSR2', () => global.gc());
