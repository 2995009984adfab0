// The panel for plain WebSockets.

import { Panel, closed, utf8 } from "./panel.js";

export class WebSocketPanel extends Panel {
  constructor(root) {
    super(root, "message");
    const file = this.part("file");
    this.part("choose").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      this.#sendFiles(file.files);
      file.value = "";
    });
    this.#acceptDrops(this.form.composer);
  }

  isOpen() {
    return this.connection?.readyState === WebSocket.OPEN;
  }

  connect() {
    const { url, protocols } = this.form.connection.elements;
    const names = protocols.value.split(",").map((name) => name.trim()).filter(Boolean);
    let socket;
    try {
      socket = new WebSocket(absolute(url.value.trim()), names);
    } catch (error) {
      this.control("error", error.message, true);
      this.enter("failed");
      return;
    }
    const started = performance.now();
    let opened = false;
    socket.binaryType = "blob";
    socket.addEventListener("open", () => {
      opened = true;
      this.enter("open");
      this.facts({
        protocol: socket.protocol || "none",
        extensions: socket.extensions || "none",
        opened: `${(performance.now() - started).toFixed(1)} ms`,
      });
      this.control("open", described(socket));
    });
    socket.addEventListener("message", ({ data }) => this.log.add(message("received", data)));
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      this.connection = null;
      if (opened) this.control("close", closed(code, reason, wasClean), !wasClean);
      else this.control("error", "No connection: refused, unreachable or not a WebSocket.", true);
      this.enter(opened ? "closed" : "failed");
    });
    this.connection = socket;
    this.control("connect", socket.url);
    this.enter("connecting");
  }

  send(data) {
    this.connection.send(data);
    this.log.add(message("sent", data));
  }

  #sendFiles(files) {
    for (const file of files) if (this.isOpen()) this.send(file);
  }

  #acceptDrops(target) {
    const drag = (over) => (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      target.classList.toggle("dropping", over && this.isOpen());
    };
    target.addEventListener("dragover", drag(true));
    target.addEventListener("dragleave", drag(false));
    target.addEventListener("drop", (event) => {
      drag(false)(event);
      this.#sendFiles(event.dataTransfer.files);
    });
  }
}

/** A WebSocket URL from a path, or from a URL of any of the four schemes. */
function absolute(typed) {
  const url = new URL(typed, location.href);
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.hash = "";
  return url;
}

function message(direction, data) {
  if (typeof data === "string") {
    return { direction, kind: "text", text: data, size: utf8(data).length };
  }
  return { direction, kind: "binary", blob: data, name: data.name, size: data.size };
}

function described(socket) {
  const agreed = [
    socket.protocol && `subprotocol ${socket.protocol}`,
    socket.extensions && `extensions ${socket.extensions}`,
  ].filter(Boolean);
  return agreed.join(", ") || "no subprotocol, no extensions";
}
