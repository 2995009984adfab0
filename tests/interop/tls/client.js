#!/usr/bin/env node
// One check over TLS from Node, with the certificate verified:
//   client.js CERTIFICATE https URL     GET / gives 200 with a body, then a clean end
//   client.js CERTIFICATE wss URL       echo of texts and binary up to 1 MiB, close from our side
//   client.js CERTIFICATE closed URL    the server closes at once with 1000 `bye`
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const WebSocket = require('ws');

const [certificate, check, url] = process.argv.slice(2);
const ca = fs.readFileSync(certificate);

const fail = (why) => { console.log(why); process.exit(1); };
setTimeout(() => fail('nothing more within 15 s'), 15000).unref();

const checks = {
  https() {
    https.get(url, { ca, agent: false }, (response) => {
      let size = 0;
      response.on('data', (data) => { size += data.length; });
      response.on('end', () => {
        if (response.statusCode !== 200 || size === 0) fail(`status ${response.statusCode}, ${size} bytes`);
        console.log(`200, ${size} bytes, ${response.socket.getProtocol()}`);
      });
    }).on('error', (error) => fail(error.message));
  },

  wss() {
    const messages = ['', 'κόσμε 🦀', 'x'.repeat(70000), crypto.randomBytes(1 << 20)];
    const socket = new WebSocket(url, { ca });
    let echoed = 0;
    const next = () => (echoed < messages.length ? socket.send(messages[echoed]) : socket.close(1000));
    socket.on('open', next);
    socket.on('message', (data, binary) => {
      const sent = messages[echoed];
      if (binary !== Buffer.isBuffer(sent) || !data.equals(Buffer.from(sent))) fail(`message ${echoed} came back changed`);
      echoed += 1;
      next();
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', (code) => {
      if (echoed !== messages.length || code !== 1000) fail(`${echoed} echoes, close code ${code}`);
      console.log(`${echoed} echoes, close 1000`);
    });
  },

  closed() {
    const socket = new WebSocket(url, { ca });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', (code, reason) => {
      if (code !== 1000 || String(reason) !== 'bye') fail(`close ${code} ${reason}`);
      console.log('close 1000 bye');
    });
  },
};
checks[check]();
