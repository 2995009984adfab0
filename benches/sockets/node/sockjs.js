// Echo with `sockjs`, at /echo. SIGUSR2 collects garbage (node --expose-gc); the end of the standard input
// ends the process.
'use strict';
const http = require('http');
const sockjs = require('sockjs');

const echo = sockjs.createServer({ prefix: '/echo', log: () => {} });
echo.on('connection', (session) => {
  session.on('data', (message) => session.write(message));
});
const server = http.createServer();
echo.installHandlers(server);
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
process.stdin.on('end', () => process.exit()).resume();
process.on('SIGUSR2', () => global.gc());
