#!/usr/bin/env node
// npm `websocket-driver` as an echo server of all five drafts.
//
// Prints `listening on http://HOST:PORT`, then for each connection `open DRAFT`, for each message
// `text DRAFT BYTES CHARACTERS` and at the end `closed DRAFT CODE REASON`. The text `please close`
// makes the server close (1000 `bye`), and so does the path /ws/close at once: with that it can also
// stand in for sockjs-server.
'use strict';
const net = require('net');
const driver = require('websocket-driver');

const HIXIE = { 'hixie-75': '75', 'hixie-76': '76' };

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  const peer = driver.server({ maxLength: 16 << 20 });
  socket.on('error', () => {});
  socket.on('end', () => { peer.close(); socket.end(); });
  let draft;
  peer.on('connect', () => peer.start());
  peer.on('open', () => {
    draft = HIXIE[peer.version] || peer.headers['sec-websocket-version'];
    console.log(`open ${draft}`);
    if (peer.url.startsWith('/ws/close')) peer.close('bye', 1000);
  });
  peer.on('message', ({ data }) => {
    console.log(`text ${draft} ${Buffer.byteLength(data)} ${[...data].length}`);
    if (data === 'please close') peer.close('bye', 1000);
    else peer.text(data);
  });
  peer.once('close', ({ code, reason }) => {
    console.log(`closed ${draft} ${code ?? '-'} ${reason ?? ''}`);
    socket.end();
  });
  socket.pipe(peer.io).pipe(socket);
});

const listen = process.argv.indexOf('--listen');
const [host, port] = process.argv[listen + 1].split(':');
server.listen(Number(port), host, () => console.log(`listening on http://${host}:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
