// Drives one SockJS client in every place and through every transport that is asked for.
//
//   node drive.js DIRECTORY VERSION URL BROWSER PLACES TRANSPORTS
//
// DIRECTORY is the installation, URL the server's, BROWSER a Chromium; PLACES and TRANSPORTS are lists
// with commas, TRANSPORTS may be empty for all. One line each; status 0 only when all are good.
'use strict';
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const { CLIENTS, PLACES, REQUESTS } = require('./clients');
const { interop } = require('./exercise');

const [directory, version, server, executablePath, places, transports] = process.argv.slice(2);
const client = CLIENTS[version];
const chosen = transports ? transports.split(',') : [];

async function main() {
  const jobs = [];
  let absent = 0;
  for (const place of places.split(',')) {
    for (const [transport, expected] of Object.entries(client.places[place] || {})) {
      if (chosen.length === 0 || chosen.includes(transport)) jobs.push({ place, transport, expected });
    }
  }
  const browser = jobs.some(({ place }) => place !== 'node') && await launch();
  const run = { node: inNode, other: inPage(browser), own: inPage(browser) };

  let failed = 0;
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const { place, transport, expected } = job;
      const name = `${version.padEnd(6)} ${PLACES[place].padEnd(13)} ${transport.padEnd(19)}`;
      const start = Date.now();
      try {
        const detail = await within(LIMIT, run[place](place, transport, expected));
        if (expected !== true) absent += 1;
        console.log(expected === true ? `ok      ${name} ${detail}, ${((Date.now() - start) / 1000).toFixed(1)} s`
          : `absent  ${name} ${expected}`);
      } catch (error) {
        failed += 1;
        console.log(`FAILED  ${name} ${String(error.message || error).split('\n')[0]}`);
      }
    }
  };
  const count = jobs.length;
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (browser) await browser.close();
  console.log(`${version}: ${count - failed - absent} ok, ${absent} absent as known, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

function within(limit, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// --- what was asked of the server ---------------------------------------------------------------------

// The last part of a path below a service; `iframe` for each iframe page. The client file that iframe
// pages load from a server which serves it is no transport.
function kind(target) {
  const below = /^\/(?:echo|close)(\/[^?#]*)/.exec(target);
  if (!below || /^\/sockjs-[0-9a-f]+\.js$/.test(below[1])) return null;
  return /^\/iframe[^/]*\.html$/.test(below[1]) ? 'iframe' : below[1].split('/').pop();
}

function demandRequests(transport, targets) {
  const wanted = REQUESTS[transport].filter((name) => !(client.noInfo && name === 'info'));
  const seen = [...new Set(targets.map(kind).filter(Boolean))];
  const missing = wanted.filter((name) => !seen.includes(name));
  const foreign = seen.filter((name) => !wanted.includes(name));
  if (missing.length || foreign.length) {
    throw new Error(`the server was asked for ${seen.join(' ') || 'nothing'} instead of ${wanted.join(' ')}`);
  }
}

// --- Node ---------------------------------------------------------------------------------------------

async function inNode(place, transport, expected) {
  const relay = await recorder();
  try {
    const SockJS = version === '0.1.3' ? oldest(require(client.module)) : require(client.module);
    const base = `http://127.0.0.1:${relay.port}`;
    if (expected !== true) return await interop.refused(SockJS, base, transport);
    const detail = await interop.exercise(SockJS, base, transport, client);
    demandRequests(transport, relay.targets);
    return detail;
  } finally {
    relay.close();
  }
}

// A relay to the server that notes the request lines that pass.
async function recorder() {
  const to = new URL(server);
  const targets = [];
  const sockets = new Set();
  const relay = net.createServer({ noDelay: true }, (near) => {
    const far = net.connect({ port: Number(to.port), host: to.hostname, noDelay: true });
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => { sockets.delete(socket); other.destroy(); });
      socket.pipe(other);
    }
    near.on('data', (bytes) => {
      for (const line of bytes.toString('latin1').matchAll(/^[A-Z]+ (\S+) HTTP\/1\.1\r$/gm)) targets.push(line[1]);
    });
  });
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const close = () => { relay.close(); for (const socket of sockets) socket.destroy(); };
  return { targets, port: relay.address().port, close };
}

// sockjs-client 0.1.3 behind the face of the later ones.
function oldest(library) {
  function SockJS(url) {
    const sock = library.create(url);
    this.protocol = 'xhr-streaming';
    this.send = (message) => sock.write(message);
    this.close = () => sock.close();
    sock.on('connection', () => this.onopen());
    sock.on('data', (data) => this.onmessage({ data }));
    sock.on('error', (error) => this.onclose({ code: 1006, reason: String(error) }));
    sock.on('close', () => this.onclose({ code: 1000, reason: 'not told' }));
  }
  SockJS.version = version;
  return SockJS;
}

// --- a page -------------------------------------------------------------------------------------------

function launch() {
  const { chromium } = require('playwright-core');
  return chromium.launch({ executablePath, args: FLAGS });
}

const inPage = (browser) => async (place, transport, expected) => {
  const files = {
    '/interop/': ['text/html; charset=UTF-8', PAGE],
    '/interop/client.js': ['application/javascript; charset=UTF-8', fs.readFileSync(path.join(directory, client.script))],
    '/interop/exercise.js': ['application/javascript; charset=UTF-8', fs.readFileSync(path.join(__dirname, 'exercise.js'))],
  };
  const context = await browser.newContext({ bypassCSP: place === 'own' });
  const own = place === 'own' ? null : await pages(files);
  try {
    const page = await context.newPage();
    const targets = [];
    const complaints = [];
    page.on('request', (request) => sameOrigin(request.url()) && targets.push(new URL(request.url()).pathname));
    page.on('websocket', (socket) => targets.push(new URL(socket.url()).pathname));
    page.on('pageerror', (error) => complaints.push(error.message));
    if (own) {
      await page.goto(`http://127.0.0.1:${own.address().port}/interop/`);
    } else {
      // Any page of the server will do, and its greeting is always there; what we need is put into it.
      await page.goto(new URL('/echo', server).href);
      targets.length = 0;
      for (const name of ['client', 'exercise']) {
        await page.addScriptTag({ content: String(files[`/interop/${name}.js`][1]) });
      }
    }
    const detail = await page.evaluate(
      ([base, name, known, step]) => window.interop[step](window.SockJS, base, name, known),
      [server.replace(/\/$/, ''), transport, client, expected === true ? 'exercise' : 'refused'],
    ).catch((error) => {
      throw new Error([error.message.split('\n')[0], ...complaints].join('; '));
    });
    const used = await page.evaluate(() => window.SockJS.version);
    if (used !== version) throw new Error(`the client says it is ${used}`);
    if (expected === true) demandRequests(transport, targets);
    return detail;
  } finally {
    await context.close();
    if (own) own.close();
  }
};

const sameOrigin = (url) => new URL(url).host === new URL(server).host;

// The files on a port of their own: another origin.
async function pages(files) {
  const host = http.createServer((request, response) => {
    const [type, body] = files[request.url] || ['text/plain', ''];
    response.writeHead(files[request.url] ? 200 : 404, { 'Content-Type': type });
    response.end(body);
  });
  await new Promise((resolve) => host.listen(0, '127.0.0.1', resolve));
  return host;
}

const PAGE = `<!DOCTYPE html><html><head><meta charset="UTF-8"><title>interop</title>
<script src="/interop/client.js"></script><script src="/interop/exercise.js"></script></head><body></body></html>`;
const LIMIT = 120_000; // milliseconds for one transport
const AT_ONCE = 3;
// As root there is no sandbox, and without the others Chromium calls home.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
