// The panel for SockJS sessions.

import { Session, TRANSPORTS } from "./client.js";
import { Panel, closed, utf8 } from "./panel.js";

export class SockJsPanel extends Panel {
  constructor(root) {
    super(root, "frame");
    this.#offerLibrary();
  }

  isOpen() {
    return Boolean(this.connection?.isOpen);
  }

  connect() {
    const { service, transport, client } = this.form.connection.elements;
    const transports = transport.value ? [transport.value] : TRANSPORTS;
    const started = performance.now();
    const Client = client.value === "library" ? Library : Session;
    this.control("connect", service.value);
    this.connection = new Client(service.value, transports, {
      info: (info) => this.control("info", JSON.stringify(info)),
      trying: (name) => this.control("try", name),
      failed: (name, why) => this.control("error", `${name}: ${why}`, true),
      frame: (direction, kind, text, size = utf8(text).length) => this.log.add({ direction, kind, text, size }),
      open: (name) => {
        this.enter("open");
        this.facts({ transport: name, opened: `${(performance.now() - started).toFixed(1)} ms` });
        this.control("open", name);
      },
      close: (code, reason, clean) => {
        const opened = this.part("facts").hidden === false;
        this.connection = null;
        this.control("close", closed(code, reason, clean), !clean);
        this.enter(opened || clean ? "closed" : "failed");
      },
    });
    this.enter("connecting");
  }

  send(text) {
    this.connection.send(text);
  }

  /** Offers the client that the server was given, whose URL is in the iframe page. */
  async #offerLibrary() {
    const page = await fetch("/echo/iframe.html").then((response) => response.text(), () => "");
    const [, url] = /<script src="(\/[^"/][^"]*)"/.exec(page) ?? [];
    if (!url) return;
    const script = document.createElement("script");
    script.addEventListener("load", () => (this.part("library").hidden = false));
    script.src = url;
    document.head.append(script);
  }
}

/** `sockjs-client` with the face of `Session`; it tells messages instead of frames. */
class Library {
  #socket;
  #on;

  constructor(service, transports, on) {
    this.#on = on;
    this.#socket = new globalThis.SockJS(service, null, { transports });
    this.#socket.onopen = () => on.open(this.#socket.transport);
    this.#socket.onmessage = ({ data }) => on.frame("received", "text", data);
    this.#socket.onheartbeat = () => on.frame("received", "beat", "h");
    this.#socket.onclose = ({ code, reason, wasClean }) => on.close(code, reason, wasClean);
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(text) {
    this.#on.frame("sent", "text", text);
    this.#socket.send(text);
  }

  close(code = 1000, reason = "") {
    this.#socket.close(code, reason);
  }
}
