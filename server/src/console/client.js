// A SockJS client for looking at the protocol: it keeps a session over one transport after the other
// and tells of every frame as it came over the wire.

/** The transports, in the order in which they are tried. */
export const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"];

/**
 * A session with the service at a path of this server, over the first of `transports` that works.
 *
 * It calls, where they are given: `on.info(object)`, `on.trying(transport)`, `on.failed(transport, why)`,
 * `on.open(transport)`, `on.frame(direction, kind, text, size)` for every frame either way (the size only where
 * the text is not all of it), `on.message(text)`, and at the end, once, `on.close(code, reason, clean)`.
 */
export class Session {
  #service;
  #transports;
  #on;
  #state = "connecting";
  #url = "";
  #transport = "";
  #receiver = NONE;
  #timer = 0;
  #queue = [];
  #posting = false;

  constructor(service, transports, on) {
    this.#service = service;
    this.#transports = [...transports];
    this.#on = on;
    this.#start();
  }

  get isOpen() {
    return this.#state === "open";
  }

  send(text) {
    if (this.#receiver.send) {
      const body = JSON.stringify([text]);
      this.#on.frame?.("sent", "array", body);
      this.#receiver.send(body);
    } else {
      this.#queue.push(text);
      this.#post();
    }
  }

  /** Over HTTP a client cannot say why it leaves: the receiver is cut. */
  close(code = 1000, reason = "") {
    if (this.#state === "closed") return;
    if (this.#receiver.close) {
      this.#state = "closing";
      this.#receiver.close(code, reason);
    } else {
      this.#finish(code, reason, true);
    }
  }

  async #start() {
    let info;
    try {
      const response = await fetch(`${this.#service}/info?t=${Date.now()}`);
      if (!response.ok) throw new Error(`/info: ${status(response)}`);
      info = await response.json();
    } catch (error) {
      return this.#finish(1002, error.message, false);
    }
    if (this.#state !== "connecting") return;
    this.#on.info?.(info);
    if (info.base_url) this.#service = new URL(info.base_url, location.href).href.replace(/\/+$/, "");
    if (!info.websocket && this.#transports.length > 1) {
      this.#transports = this.#transports.filter((name) => name !== "websocket");
    }
    this.#next("no transport works");
  }

  #next(why) {
    this.#transport = this.#transports.shift();
    if (!this.#transport) return this.#finish(2000, why, false);
    this.#on.trying?.(this.#transport);
    const server = String(Math.floor(Math.random() * 1000)).padStart(3, "0");
    this.#url = `${this.#service}/${server}/${random()}`;
    this.#timer = setTimeout(() => this.#failed("it did not open in time"), OPEN_LIMIT);
    this.#attach();
  }

  #attach() {
    let attached = true;
    const whileAttached = (act) => (...values) => attached && act(...values);
    const events = {
      prelude: whileAttached((text) => {
        this.#on.frame?.("received", "prelude", `${text[0]} × ${text.length}`, text.length + 1);
      }),
      frame: whileAttached((frame) => this.#frame(frame)),
      ended: whileAttached(() => this.#attach()),
      failed: whileAttached((why) => this.#failed(why)),
      closed: whileAttached((code, reason, clean) => this.#closed(code, reason, clean)),
    };
    const receiver = RECEIVERS[this.#transport](this.#url, events);
    this.#receiver = { ...receiver, stop: () => ((attached = false), receiver.stop()) };
  }

  #frame(frame) {
    this.#on.frame?.("received", KINDS[frame[0]] ?? "unknown", frame);
    if (frame[0] === "o") {
      if (this.#state !== "connecting") return this.#finish(1006, "Server lost session", false);
      clearTimeout(this.#timer);
      this.#state = "open";
      this.#on.open?.(this.#transport);
    } else if (frame[0] === "a") {
      for (const message of JSON.parse(frame.slice(1))) this.#on.message?.(message);
    } else if (frame[0] === "c") {
      const [code, reason] = JSON.parse(frame.slice(1));
      this.#finish(code, reason, true);
    }
  }

  /** The WebSocket under the session is gone. */
  #closed(code, reason, clean) {
    if (this.#state === "connecting") this.#failed("refused, unreachable or not a WebSocket");
    else this.#finish(code, reason, clean);
  }

  #failed(why) {
    clearTimeout(this.#timer);
    this.#receiver.stop();
    this.#on.failed?.(this.#transport, why);
    if (this.#state === "connecting") this.#next(why);
    else this.#finish(1006, why, false);
  }

  #finish(code, reason, clean) {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timer);
    this.#receiver.stop();
    this.#on.close?.(code, reason, clean);
  }

  /** One request at a time, with all that piled up: two could overtake each other. */
  async #post() {
    if (this.#posting) return;
    this.#posting = true;
    while (this.#queue.length && this.#state === "open") {
      const body = JSON.stringify(this.#queue.splice(0));
      this.#on.frame?.("sent", "array", body);
      const [path, content] =
        this.#transport === "jsonp-polling" ? ["jsonp_send", new URLSearchParams({ d: body })] : ["xhr_send", body];
      try {
        const response = await fetch(`${this.#url}/${path}`, { method: "POST", body: content });
        if (!response.ok) throw new Error(`${path}: ${status(response)}`);
      } catch (error) {
        this.#finish(1006, error.message, false);
      }
    }
    this.#posting = false;
  }
}

// Each attaches to a session's URL, tells of frames, and of the end: `ended` when the session goes on
// with the next receiver, `failed` when it cannot.
const RECEIVERS = {
  websocket(url, events) {
    const address = new URL(`${url}/websocket`, location.href);
    address.protocol = address.protocol.replace(/^http/, "ws");
    const socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => events.frame(data));
    socket.addEventListener("close", ({ code, reason, wasClean }) => events.closed(code, reason, wasClean));
    return {
      send: (body) => socket.send(body),
      close: (code, reason) => socket.close(code, reason),
      stop: () => socket.close(),
    };
  },

  "xhr-streaming": (url, events) => lines(`${url}/xhr_streaming`, events),

  "xhr-polling": (url, events) => lines(`${url}/xhr`, events),

  eventsource(url, events) {
    const source = new EventSource(`${url}/eventsource`);
    source.addEventListener("message", ({ data }) => {
      // As the usual client does it: a percent sign of a message comes as %25.
      events.frame(decodeURI(data.replace(/%(?![0-9a-f]{2})/gi, "%25")));
    });
    source.addEventListener("error", () => {
      // A browser reconnects by itself after an end, and not after a status other than 200.
      const refused = source.readyState === EventSource.CLOSED;
      source.close();
      if (refused) events.failed("the event stream was refused");
      else events.ended();
    });
    return { stop: () => source.close() };
  },

  htmlfile(url, events) {
    const name = callback();
    const frame = document.createElement("iframe");
    let started = false;
    try {
      // Where this still has a meaning, documents reach each other only when both did it; the frame's does.
      document.domain = document.domain;
    } catch {
      // Where it has none any more.
    }
    const stop = () => {
      frame.remove();
      delete window[name];
    };
    window[name] = {
      start: () => (started = true),
      message: events.frame,
      stop: () => {
        stop();
        events.ended();
      },
    };
    frame.addEventListener("load", () => started || events.failed(NOT_SERVED));
    frame.hidden = true;
    frame.src = `${url}/htmlfile?c=${name}`;
    document.body.append(frame);
    return { stop };
  },

  "jsonp-polling"(url, events) {
    const name = callback();
    const script = document.createElement("script");
    let called = false;
    window[name] = (frame) => {
      called = true;
      events.frame(frame);
    };
    const after = (act) => () => {
      script.remove();
      delete window[name];
      act();
    };
    script.addEventListener("load", after(() => (called ? events.ended() : events.failed("the answer was empty"))));
    script.addEventListener("error", after(() => events.failed(NOT_SERVED)));
    script.src = `${url}/jsonp?c=${name}`;
    document.head.append(script);
    // A script that is under way cannot be called back: it finds its function, which then does nothing.
    return { stop() {} };
  },
};

/** A receiver whose frames are lines, over a response that is read as it comes. */
function lines(url, events) {
  const abort = new AbortController();
  const read = async () => {
    const response = await fetch(url, { method: "POST", signal: abort.signal });
    if (!response.ok) throw new Error(status(response));
    let rest = "";
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const found = (rest + value).split("\n");
      rest = found.pop();
      for (const line of found) line.startsWith("hh") ? events.prelude(line) : events.frame(line);
    }
  };
  read().then(events.ended, (error) => events.failed(error.message));
  return { stop: () => abort.abort() };
}

const status = (response) => `${response.status} ${response.statusText}`.trim();
const random = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => ALPHABET[byte % 32]).join("");
const callback = () => `_console_${random()}`;

const NONE = { stop() {} };
const KINDS = { o: "open", h: "beat", a: "array", c: "close" };
const ALPHABET = "abcdefghijklmnopqrstuvwxyz012345";
const OPEN_LIMIT = 5000; // milliseconds; a proxy that holds a stream back is given up on
const NOT_SERVED = "refused: jsonp and htmlfile are served only when every origin may connect";
