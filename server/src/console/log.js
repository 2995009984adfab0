// The log beside a panel's controls: entries, counters, filters, copy and clear.
//
// An entry is { direction: "sent" | "received" | "control", kind, text } for text and control, and
// { direction, kind, blob } for binary, with `size` in bytes and `failed` for what went wrong.

import * as format from "./format.js";

export class Log {
  #part;
  #template = document.getElementById("entry");
  #kept = [];
  #keptBytes = 0;
  #waiting = [];
  #following = true;
  #show = "all";
  #search = "";
  #noun;
  #counts = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };

  /** Fills `root`. `emptyText` is what stands there before the first entry, `noun` what is counted. */
  constructor(root, emptyText, noun) {
    const content = document.getElementById("log").content.cloneNode(true);
    // Radio buttons of one name are one group in the whole page.
    for (const radio of content.querySelectorAll('[type="radio"]')) radio.name = `show ${noun}`;
    root.append(content);
    this.#noun = noun;
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.#part = {
      root,
      scroll: find("scroll"),
      entries: find("entries"),
      empty: find("empty"),
      latest: find("latest"),
    };
    this.emptyText = emptyText;

    find("clear").addEventListener("click", () => this.clear());
    find("copy").addEventListener("click", (event) => this.#copy(event.currentTarget));
    find("search").addEventListener("input", (event) => {
      this.#search = event.target.value.toLowerCase();
      this.#filter();
    });
    root.querySelector(".segments").addEventListener("change", (event) => {
      this.#show = event.target.value;
      this.#filter();
    });
    this.#part.latest.addEventListener("click", () => this.#toEnd());
    this.#part.scroll.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = this.#part.scroll;
      this.#following = scrollHeight - scrollTop - clientHeight < 24;
      this.#part.latest.hidden = this.#following;
    });
    this.#settle();
  }

  add(entry) {
    entry.at = new Date();
    const counted = this.#counts[entry.direction];
    if (counted) {
      counted.messages += 1;
      counted.bytes += entry.size;
    }
    // A busy peer gets one layout per frame, and what would be dropped anyway is never shown.
    if (this.#waiting.push(entry) === 1) requestAnimationFrame(() => this.#flush());
    if (this.#waiting.length > MAX_ENTRIES) this.#waiting.splice(1, 1);
  }

  clear() {
    this.#kept = [];
    this.#keptBytes = 0;
    this.#part.entries.replaceChildren();
    for (const counted of Object.values(this.#counts)) Object.assign(counted, { messages: 0, bytes: 0 });
    this.#following = true;
    this.#settle();
  }

  #flush() {
    const entries = this.#waiting;
    this.#waiting = [];
    for (const entry of entries) {
      entry.item = this.#item(entry);
      entry.item.hidden = !this.#matches(entry);
      this.#kept.push(entry);
      this.#keptBytes += entry.size ?? 0;
    }
    this.#part.entries.append(...entries.map((entry) => entry.item));
    while (this.#kept.length > MAX_ENTRIES || (this.#keptBytes > MAX_BYTES && this.#kept.length > 1)) {
      const oldest = this.#kept.shift();
      this.#keptBytes -= oldest.size ?? 0;
      oldest.item.remove();
    }
    this.#settle();
  }

  #settle() {
    for (const [direction, { messages, bytes }] of Object.entries(this.#counts)) {
      const cell = this.#part.root.querySelector(`[data-count="${direction}"]`);
      cell.textContent = messages ? `${format.count(messages, this.#noun)}, ${format.size(bytes)}` : "nothing";
    }
    const visible = this.#kept.some((entry) => !entry.item.hidden);
    this.#part.empty.hidden = visible;
    this.#part.empty.textContent = this.#kept.length ? "Nothing matches the filter." : this.emptyText;
    if (this.#following) this.#toEnd();
    this.#part.latest.hidden = this.#following;
  }

  #toEnd() {
    this.#part.scroll.scrollTop = this.#part.scroll.scrollHeight;
  }

  #filter() {
    for (const entry of this.#kept) entry.item.hidden = !this.#matches(entry);
    this.#settle();
  }

  #matches({ direction, kind, text, head }) {
    return (
      (this.#show === "all" || this.#show === direction) &&
      (!this.#search || `${kind} ${text ?? (head ? decode(head) : "")}`.toLowerCase().includes(this.#search))
    );
  }

  #item(entry) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    item.dataset.direction = entry.direction;
    item.toggleAttribute("data-failed", Boolean(entry.failed));
    const find = (selector) => item.querySelector(selector);
    find("time").textContent = format.time(entry.at);
    find("time").dateTime = entry.at.toISOString();
    find(".arrow").textContent = ARROWS[entry.direction];
    find(".arrow").setAttribute("role", "img");
    find(".arrow").setAttribute("aria-label", entry.direction);
    find(".kind").textContent = entry.kind;
    find(".size").textContent = entry.size === undefined ? "" : format.size(entry.size);
    if (entry.blob) this.#binary(entry, find("pre"), find(".actions"));
    else text(entry.text, find("pre"), find(".actions"));
    return item;
  }

  async #binary(entry, pre, actions) {
    pre.textContent = entry.name ?? "…";
    let length = PREVIEW_BYTES;
    let asText = false;
    const show = async () => {
      entry.head = new Uint8Array(await entry.blob.slice(0, length).arrayBuffer());
      pre.classList.toggle("hex", !asText);
      pre.textContent = asText ? decode(entry.head) : format.hex(entry.head);
      more.hidden = entry.size <= length;
      more.textContent = `Show ${format.size(Math.min(entry.size, MAX_SHOWN))} of ${format.size(entry.size)}`;
      if (length === MAX_SHOWN) more.hidden = true;
      entry.item.hidden = !this.#matches(entry);
      this.#settle();
    };
    const swap = button("As text", () => {
      asText = !asText;
      swap.textContent = asText ? "As hex" : "As text";
      show();
    });
    const more = button("", () => {
      length = MAX_SHOWN;
      show();
    });
    const save = button("Save", () => download(entry.blob, entry.name ?? "message.bin"));
    if (entry.size === 0) {
      pre.textContent = "";
      return;
    }
    if (entry.name) actions.append(label(entry.name));
    actions.append(swap, more, save);
    actions.hidden = false;
    await show();
  }

  async #copy(asked) {
    const lines = this.#kept
      .filter((entry) => !entry.item.hidden)
      .map((entry) => {
        const content = entry.item.querySelector("pre").textContent;
        const bytes = entry.size === undefined ? "" : ` ${entry.size} B`;
        const gap = entry.blob && entry.size ? "\n" : " ";
        return `${entry.at.toISOString()} ${entry.direction} ${entry.kind}${bytes}:${gap}${entry.text ?? content}`;
      });
    asked.textContent = (await toClipboard(lines.join("\n"))) ? "Copied" : "Not allowed";
    setTimeout(() => (asked.textContent = "Copy"), 1500);
  }
}

/** Shows a text, the beginning of it when it is long. */
function text(whole, pre, actions) {
  const short = whole.length > PREVIEW_CHARACTERS ? whole.slice(0, PREVIEW_CHARACTERS) + "…" : whole;
  pre.textContent = short;
  if (short === whole) return;
  const shown = whole.slice(0, MAX_SHOWN);
  const more = button("Show more", () => {
    const long = pre.textContent === short;
    pre.textContent = long ? shown : short;
    more.textContent = long ? "Show less" : "Show more";
  });
  actions.append(more);
  actions.hidden = false;
}

const decode = (bytes) => new TextDecoder().decode(bytes);

function button(caption, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = caption;
  made.addEventListener("click", act);
  return made;
}

function label(caption) {
  const made = document.createElement("span");
  made.textContent = caption;
  return made;
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Copies also where the page is not a secure context and has no clipboard object. */
async function toClipboard(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = content;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

const ARROWS = { sent: "↑", received: "↓", control: "•" };
const MAX_ENTRIES = 2000; // a list this long still scrolls smoothly
const MAX_BYTES = 256 * 1024 * 1024; // sixteen messages of the largest default size
const PREVIEW_BYTES = 64; // four lines of hexadecimal
const PREVIEW_CHARACTERS = 300;
const MAX_SHOWN = 64 * 1024; // more in one element makes the page slow; offsets have four digits
