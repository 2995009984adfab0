// What the panels with a log have in common: a connection form, a composer that recalls what was sent,
// a form that closes, and the log beside them.

import * as format from "./format.js";
import { Log } from "./log.js";

export class Panel {
  /** The socket or session, while there is one. */
  connection = null;
  #recent = [];
  #recalled = 0;

  /** `noun` is what the log counts. */
  constructor(root, noun) {
    this.root = root;
    this.form = { connection: this.part("connection"), composer: this.part("composer"), closing: this.part("closing") };
    this.log = new Log(this.part("log"), "Connect, then send something: what moves shows up here.", noun);
    this.onSubmit("connection", () => (this.connection ? this.connection.close() : this.connect()));
    this.onSubmit("composer", () => this.#sendText());
    this.onSubmit("closing", () => {
      const { code, reason } = this.form.closing.elements;
      this.control("closing", [code.value, reason.value && quoted(reason.value)].filter(Boolean).join(" "));
      this.enter("closing");
      this.connection.close(Number(code.value), reason.value);
    });
    this.form.composer.elements.message.addEventListener("keydown", (event) => this.#key(event));
    this.form.closing.elements.reason.addEventListener("input", ({ target }) => {
      const long = utf8(target.value).length > MAX_REASON;
      target.setCustomValidity(long ? `The reason is longer than ${MAX_REASON} bytes.` : "");
    });
    this.enter("closed");
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  onSubmit(name, act) {
    this.form[name].addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
  }

  control(kind, text, failed = false) {
    this.log.add({ direction: "control", kind, text, failed });
  }

  /** Shows facts about the connection, by name. */
  facts(facts) {
    for (const [name, value] of Object.entries(facts)) {
      this.part("facts").querySelector(`[data-fact="${name}"]`).textContent = value;
    }
    this.part("facts").hidden = false;
  }

  enter(state) {
    const idle = !this.connection;
    const open = state === "open";
    if (idle) this.part("facts").hidden = true;
    showState(this.part("state"), state);
    this.part("toggle").textContent = idle ? "Connect" : open ? "Disconnect" : "Cancel";
    this.part("toggle").classList.toggle("primary", idle);
    for (const field of this.form.connection.querySelectorAll("input")) field.readOnly = !idle;
    for (const field of this.form.connection.querySelectorAll("select")) field.disabled = !idle;
    for (const form of [this.form.composer, this.form.closing]) {
      for (const button of form.querySelectorAll("button")) button.disabled = !open;
    }
  }

  #sendText() {
    const field = this.form.composer.elements.message;
    if (!this.isOpen()) return;
    this.send(field.value);
    if (field.value && this.#recent.at(-1) !== field.value) this.#recent.push(field.value);
    this.#recalled = this.#recent.length;
    field.value = "";
    field.focus();
  }

  #key(event) {
    if (event.isComposing) return;
    const field = event.target;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#sendText();
    } else if (["ArrowUp", "ArrowDown"].includes(event.key) && this.#isRecall(field.value)) {
      const to = this.#recalled + (event.key === "ArrowUp" ? -1 : 1);
      if (to < 0 || to > this.#recent.length) return;
      event.preventDefault();
      this.#recalled = to;
      field.value = this.#recent[to] ?? "";
    }
  }

  /** Whether arrows walk through what was sent: not while something new is being written. */
  #isRecall(value) {
    return value === (this.#recent[this.#recalled] ?? "");
  }
}

export function showState(element, state) {
  element.dataset.state = state;
  element.textContent = STATES[state];
}

/** How a close is written. */
export function closed(code, reason, clean) {
  const meaning = format.closeMeaning(code);
  return [code, meaning && `(${meaning})`, reason && quoted(reason), clean ? "" : "not clean"]
    .filter(Boolean)
    .join(" ");
}

export const quoted = (text) => `“${text}”`;
export const utf8 = (text) => new TextEncoder().encode(text);

const STATES = {
  closed: "Disconnected",
  connecting: "Connecting…",
  open: "Connected",
  closing: "Closing…",
  failed: "Failed",
};
const MAX_REASON = 123; // a control frame's 125 bytes less the code (RFC 6455 section 5.5.1)
