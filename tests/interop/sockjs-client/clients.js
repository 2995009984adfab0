// The SockJS clients under test and what each of them must be able to do, as data.
//
// `places` says for each place and transport either `true`, it must work, or why that client has not got
// it there; `true` is tried and must pass, a reason is tried too and the client must refuse by itself.
'use strict';

const STREAMS_IN_IFRAMES = 'the 0.3 line has this only inside the iframe';
const OWN_ORIGIN_ONLY = 'the client offers it only to pages of the server\'s own origin';
const NO_DOCUMENT = 'needs a document';
const IE = 'needs XDomainRequest, which only Internet Explorer 8 and 9 have';

const TRANSPORTS = [
  'websocket', 'xhr-streaming', 'xdr-streaming', 'eventsource', 'iframe-eventsource', 'htmlfile', 'iframe-htmlfile',
  'xhr-polling', 'xdr-polling', 'iframe-xhr-polling', 'jsonp-polling',
];

const has = (absent) => Object.fromEntries(TRANSPORTS.map((name) => [name, absent[name] || true]));

const INTERNET_EXPLORER = { 'xdr-streaming': IE, 'xdr-polling': IE };

// In Chromium `htmlfile` is the plain iframe of the client's own code; the ActiveX object that
// Internet Explorer wants only gives the same iframe another owner.
const OTHER_ORIGIN = has({ ...INTERNET_EXPLORER, htmlfile: OWN_ORIGIN_ONLY });
const OWN_ORIGIN = has(INTERNET_EXPLORER);

const NODE = has({
  'xdr-streaming': IE,
  'xdr-polling': IE,
  'iframe-eventsource': NO_DOCUMENT,
  htmlfile: NO_DOCUMENT,
  'iframe-htmlfile': NO_DOCUMENT,
  'iframe-xhr-polling': NO_DOCUMENT,
  'jsonp-polling': NO_DOCUMENT,
});

// The 0.3 line: other origin and own origin are the same to it.
const OLD_BROWSER = has({ ...INTERNET_EXPLORER, eventsource: STREAMS_IN_IFRAMES, htmlfile: STREAMS_IN_IFRAMES });

// `module` is what Node loads, `script` what a page loads; paths are inside the installation.
exports.CLIENTS = {
  '1.6.1': {
    module: 'client-1.6.1',
    script: 'node_modules/client-1.6.1/dist/sockjs.js',
    places: { node: NODE, other: OTHER_ORIGIN, own: OWN_ORIGIN },
  },
  '1.1.5': {
    module: 'client-1.1.5',
    script: 'node_modules/client-1.1.5/dist/sockjs.js',
    places: { node: NODE, other: OTHER_ORIGIN, own: OWN_ORIGIN },
  },
  // npm's package has no browser build, so run.sh bundles its sources.
  '1.0.3': {
    module: 'client-1.0.3',
    script: 'sockjs-1.0.3.js',
    places: { node: NODE, other: OTHER_ORIGIN, own: OWN_ORIGIN },
  },
  // Never published on npm under its own name; primus 1.5.2 carries the browser build.
  '0.3.4': {
    script: 'node_modules/primus/transformers/sockjs/library.js',
    places: { other: OLD_BROWSER, own: OLD_BROWSER },
  },
  // The same, in ss-sockjs 0.1.4.
  '0.3.1': {
    script: 'node_modules/ss-sockjs/client/lib.min.js',
    places: { other: OLD_BROWSER, own: OLD_BROWSER },
  },
  // A Node client of 2011 with one transport and no choice of it. It never asks for /info, posts without
  // waiting for the post before, and does not pass on the code of a close.
  '0.1.3': {
    module: 'client-0.1.3',
    places: { node: { 'xhr-streaming': true } },
    oneAtATime: true,
    noInfo: true,
    noCode: true,
  },
};

// What a transport asks the server for, and nothing else: the last part of each path.
exports.REQUESTS = {
  websocket: ['info', 'websocket'],
  'xhr-streaming': ['info', 'xhr_streaming', 'xhr_send'],
  eventsource: ['info', 'eventsource', 'xhr_send'],
  'iframe-eventsource': ['info', 'iframe', 'eventsource', 'xhr_send'],
  htmlfile: ['info', 'htmlfile', 'xhr_send'],
  'iframe-htmlfile': ['info', 'iframe', 'htmlfile', 'xhr_send'],
  'xhr-polling': ['info', 'xhr', 'xhr_send'],
  'iframe-xhr-polling': ['info', 'iframe', 'xhr', 'xhr_send'],
  'jsonp-polling': ['info', 'jsonp', 'jsonp_send'],
};

exports.PLACES = { node: 'Node', other: 'other origin', own: 'own origin' };
