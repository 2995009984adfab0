// What every transport has to carry. Runs in a page and in Node alike: `interop.exercise(...)`.
(function (root) {
  'use strict';

  // exercise(SockJS, BASE, TRANSPORT, {oneAtATime, noCode}): 1000 numbered messages each way in order,
  // every UTF-16 code unit, the strings that embeddings damage, 64 KiB, then the code and reason of
  // /close. Resolves to a short text, rejects with what went wrong.
  async function exercise(SockJS, base, transport, client) {
    const echo = await connect(SockJS, base + '/echo', transport);
    if (echo.using !== transport) throw new Error('the transport in use is ' + echo.using);
    const inFlight = client.oneAtATime ? 1 : IN_FLIGHT;
    await echoed(echo, numbers(0, COUNT / 2), client.oneAtATime ? 1 : COUNT, 'first numbers');
    await echoed(echo, numbers(COUNT / 2, COUNT), inFlight, 'last numbers');
    await echoed(echo, DAMAGED, inFlight, 'damaged strings');
    await echoed(echo, codeUnits(), inFlight, 'code units');
    await echoed(echo, [large()], 1, '64 KiB');
    const ours = echo.closed();
    echo.sock.close();
    await ours;

    const goodbye = await connect(SockJS, base + '/close', transport);
    if (goodbye.using !== transport) throw new Error('the transport in use on /close is ' + goodbye.using);
    const end = await goodbye.closed();
    if (!client.noCode && (end.code !== 3000 || end.reason !== 'Go away!')) {
      throw new Error('/close ended with ' + end.code + ' ' + JSON.stringify(end.reason));
    }
    return COUNT + ' numbered, 65536 code units, ' + DAMAGED.length + ' strings, 64 KiB, ' +
      (client.noCode ? 'close' : '3000 "Go away!"');
  }

  // refused(SockJS, BASE, TRANSPORT): the client itself must say that it has no such transport.
  async function refused(SockJS, base, transport) {
    const end = await new Promise((resolve) => {
      const sock = create(SockJS, base + '/echo', transport);
      sock.onopen = () => { resolve({ code: 'open by ' + (sock.transport || sock.protocol) }); sock.close(); };
      sock.onclose = resolve;
    });
    if (end.code !== 2000) throw new Error('expected to be refused by the client, but: ' + end.code + ' ' + end.reason);
    return 'refused by the client';
  }

  function create(SockJS, url, transport) {
    if (/^0/.test(SockJS.version)) return new SockJS(url, undefined, { protocols_whitelist: [transport], rtt: PATIENCE });
    // How long a transport may take to open follows from the measured round trip, which says little
    // on a loaded machine.
    SockJS.prototype.countRTO = () => PATIENCE;
    return new SockJS(url, undefined, { transports: [transport] });
  }

  function connect(SockJS, url, transport) {
    const link = { sock: create(SockJS, url, transport), end: null, received: () => {}, ended: () => {} };
    link.closed = () => new Promise((resolve) => {
      if (link.end) resolve(link.end);
      else link.ended = resolve;
    });
    link.sock.onmessage = (event) => link.received(event.data);
    return new Promise((resolve, reject) => {
      link.sock.onopen = () => {
        link.using = link.sock.transport || link.sock.protocol;
        resolve(link);
      };
      link.sock.onclose = (event) => {
        link.end = { code: event.code, reason: event.reason };
        link.ended(link.end);
        reject(new Error('not opened: ' + event.code + ' ' + event.reason));
      };
    });
  }

  // Sends `messages` with at most `inFlight` unanswered, and demands each of them back in order.
  function echoed(link, messages, inFlight, what) {
    return new Promise((resolve, reject) => {
      let sent = 0;
      let back = 0;
      let stalled;
      const moved = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => reject(new Error(what + ': nothing came for ' + STALL / 1000 + ' s after ' + back +
          ' of ' + messages.length)), STALL);
      };
      const more = () => {
        while (sent < messages.length && sent - back < inFlight) link.sock.send(messages[sent++]);
      };
      link.ended = (end) => reject(new Error(what + ': closed after ' + back + ' of ' + messages.length + ': ' +
        end.code + ' ' + end.reason));
      link.received = (data) => {
        if (data !== messages[back]) {
          reject(new Error(what + ': message ' + back + ' was ' + shown(messages[back]) + ' and came back as ' + shown(data)));
          return;
        }
        back += 1;
        moved();
        if (back < messages.length) {
          more();
        } else {
          clearTimeout(stalled);
          resolve();
        }
      };
      moved();
      more();
    });
  }

  // A text with everything but plain ASCII as \uXXXX, cut short.
  function shown(text) {
    if (typeof text !== 'string') return String(text);
    const plain = text.replace(/[^ -~]/g, (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'));
    return JSON.stringify(plain.length > 300 ? plain.slice(0, 300) + '...' : plain) + ' (' + text.length + ' units)';
  }

  function numbers(from, to) {
    return Array.from({ length: to - from }, (_, index) => 'message ' + (from + index));
  }

  // All of them, 256 to a message; so every surrogate is there without its partner.
  function codeUnits() {
    return Array.from({ length: 256 }, (_, high) =>
      String.fromCharCode(...Array.from({ length: 256 }, (__, low) => (high << 8) | low)));
  }

  function large() {
    return 'sixteen bytes %2'.repeat(4096);
  }

  const COUNT = 1000;
  const IN_FLIGHT = 20;
  const PATIENCE = 5000; // milliseconds
  const STALL = 10000; // milliseconds; far less than a heartbeat, which would free what a proxy holds back
  const DAMAGED = [
    '', ' ', '\0', 'a\0b', '\r', '\n', '\r\n', '\u2028', '\u2029', 'a\u2028b\u2029c', '\u200d', '\ufeff', '\uffff',
    '\ud800', '\udfff', 'a\ud800b', '\udc00\ud800', '\ud83d\ude00', '\ud83d', 'x\ud83d\ude00\ud83dy',
    '%', '%41', '%%41', '%25', '%2541', '%80', '100%', '%u0041', '+', 'a+b', '&d=x', 'a=b&c=d',
    '</script>', '</SCRIPT >', '<!--', '-->', '<script>', ']]>', '<', '>', '&', '&lt;', '\'', '"', '\\', '\\u0041', '\\\\"',
    '/', '/**/', ');', '");', 'data: x', 'data: x\r\n\r\n', '\r\n\r\ndata: y', 'id: 1', ':', 'o', 'h', 'c[3000,"Go away!"]',
    '[]', '["a"]', '{}', 'null', '__proto__', '\u00e9\u00df\u4e16\u754c', '\u0600\u070f\u17b4\u0300\u0341',
  ];

  root.interop = { exercise, refused };
})(typeof window === 'undefined' ? module.exports : window);
