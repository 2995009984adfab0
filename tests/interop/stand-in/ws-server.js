#!/usr/bin/env node
// npm `ws` in the place of sockjs-server: same options and paths, so that the scripts can be tried.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const [cert, key] = [option('--tls-cert'), option('--tls-key')];
const page = (request, response) => response.end('<!doctype html><title>stand-in</title>');
const server = cert
  ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, page)
  : http.createServer(page);

new WebSocketServer({ server, perMessageDeflate: true, maxPayload: 16 << 20 }).on('connection', (socket, request) => {
  socket.on('error', () => {});
  const { pathname, searchParams } = new URL(request.url, 'ws://host');
  if (pathname === '/ws/close') socket.close(Number(searchParams.get('code') || 1000), searchParams.get('reason') || '');
  else socket.on('message', (data, binary) => socket.send(data, { binary }));
});

const [host, port] = option('--listen').split(':');
server.listen(Number(port), host, () =>
  console.log(`listening on ${cert ? 'https' : 'http'}://${host}:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
