#!/usr/bin/env node
// npm `ws` in the place of our autobahn-client (contract: autobahn/run.sh).
'use strict';
const fs = require('fs');
const WebSocket = require('ws');

const AGENT = 'ws';
const base = process.argv.at(-1);
const authority = process.argv.indexOf('--ca');
const ca = authority < 0 ? undefined : fs.readFileSync(process.argv[authority + 1]);

// Resolves to the last text message once the connection has ended.
const visit = (path, echo) => new Promise((resolve) => {
  let last;
  const socket = new WebSocket(base + path, { ca, maxPayload: 64 << 20 });
  socket.on('message', (data, binary) => {
    last = data.toString();
    if (echo) socket.send(data, { binary });
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve(last));
});

(async () => {
  const count = Number(await visit('/getCaseCount'));
  if (!count) throw new Error('no case count');
  for (let number = 1; number <= count; number += 1) await visit(`/runCase?case=${number}&agent=${AGENT}`, true);
  await visit(`/updateReports?agent=${AGENT}`);
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
