#!/usr/bin/env node
// sockjs-node 0.3.24 in the place of sockjs-server: the same services on the same paths.
//
//   server.js --listen HOST:PORT [--sockjs-client FILE] [--heartbeat-delay TIME] [--disconnect-delay TIME]
//     [--trusted-proxy ADDRESS]
//
// Prints `session from ADDRESS` to stderr for each session; behind the trusted proxy that is the last
// address of X-Forwarded-For. Other options are taken and ignored. With REPAIRED=1 htmlfile writes \u003c for `<`, without which a message
// of `</script>` is lost there. Prints `listening on http://HOST:PORT`.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const sockjs = require('sockjs');
const WebSocket = require(path.join(path.dirname(require.resolve('sockjs/package.json')), 'node_modules/faye-websocket'));

const options = {};
for (let at = 2; at < process.argv.length; at += 2) options[process.argv[at].slice(2)] = process.argv[at + 1];
const [, host, port] = /^(.*):(\d+)$/.exec(options.listen);
const milliseconds = (time) => parseFloat(time) * (/ms$/.test(time) ? 1 : 1000);

const server = http.createServer((request, response) => {
  if (request.url === '/sockjs.js' && options['sockjs-client']) {
    response.setHeader('Content-Type', 'application/javascript; charset=UTF-8');
    fs.createReadStream(options['sockjs-client']).pipe(response);
  } else if (!/^\/(echo|close|disabled_websocket_echo|cookie_needed_echo)(\/|$)/.test(request.url)) {
    response.writeHead(404);
    response.end();
  }
});
server.keepAliveTimeout = 75_000; // ours; Node's 5 s would race against slow clients

server.on('upgrade', (request, socket, head) => {
  if (request.url !== '/ws/echo') return;
  const peer = new WebSocket(request, socket, head);
  peer.on('message', (event) => peer.send(event.data));
});

function mount(prefix, own, open) {
  const service = sockjs.createServer({
    prefix,
    log: (severity, line) => severity === 'error' && console.error(line),
    ...(options['sockjs-client'] && { sockjs_url: '/sockjs.js' }),
    ...(options['heartbeat-delay'] && { heartbeat_delay: milliseconds(options['heartbeat-delay']) }),
    ...(options['disconnect-delay'] && { disconnect_delay: milliseconds(options['disconnect-delay']) }),
    ...own,
  });
  service.on('connection', (connection) => {
    if (!connection) return; // the request was gone before the session was there
    const proxied = connection.remoteAddress === options['trusted-proxy'] && connection.headers['x-forwarded-for'];
    console.error(`session from ${proxied ? proxied.split(/, */).pop() : connection.remoteAddress}`);
    open(connection);
  });
  service.installHandlers(server);
}

const echo = (connection) => connection.on('data', (message) => connection.write(message));
mount('/echo', { response_limit: 4096 }, echo);
mount('/disabled_websocket_echo', { websocket: false }, echo);
mount('/cookie_needed_echo', { jsessionid: true }, echo);
mount('/close', {}, (connection) => connection.close(3000, 'Go away!'));

if (process.env.REPAIRED === '1') {
  server.prependListener('request', (request, response) => {
    if (!/\/htmlfile\?/.test(request.url)) return;
    const write = response.write;
    response.write = (frame, ...rest) => write.call(response,
      /^<script>\np\(/.test(frame) ? `${frame.slice(0, 11)}${frame.slice(11, -12).replace(/</g, '\\u003c')}${frame.slice(-12)}` : frame,
      ...rest);
  });
}

// An upgrade on a path without WebSocket throws in a callback of 0.3.24 and would end the process.
process.on('uncaughtException', (error) => console.error(error));
process.on('SIGTERM', () => process.exit(0));
server.listen(Number(port), host, () => console.log(`listening on http://${host}:${server.address().port}`));
