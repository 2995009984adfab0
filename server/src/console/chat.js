// The panel for the chat: a small application over SockJS, of the kind that people build with it.
//
// Each message is a JSON object: { join: name } and { say: text } go out; { welcome: { members, recent } },
// { refused: why }, { joined: name }, { left: name } and { said: { from, text, at } } come back.

import { Session, TRANSPORTS } from "./client.js";
import * as format from "./format.js";
import { showState } from "./panel.js";

export class ChatPanel {
  #root;
  #session = null;
  #members = new Set();
  #own = "";

  constructor(root) {
    this.#root = root;
    this.#part("connection").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#session) this.#session.close();
      else this.#join();
    });
    this.#part("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      const { message } = event.target.elements;
      if (!message.value.trim()) return;
      this.#tell({ say: message.value });
      message.value = "";
    });
    this.#enter("closed");
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  #join() {
    const { name, transport } = this.#part("connection").elements;
    this.#own = name.value.trim();
    this.#trouble("");
    this.#session = new Session("/chat", transport.value ? [transport.value] : TRANSPORTS, {
      open: () => this.#tell({ join: this.#own }),
      message: (text) => this.#hear(JSON.parse(text)),
      close: (code, reason, clean) => {
        this.#session = null;
        this.#members.clear();
        if (!clean) this.#trouble(`The connection ended: ${reason || code}.`);
        this.#enter(clean ? "closed" : "failed");
      },
    });
    this.#enter("connecting");
  }

  #tell(message) {
    this.#session.send(JSON.stringify(message));
  }

  #hear({ welcome, refused, joined, left, said }) {
    if (welcome) {
      this.#members = new Set(welcome.members);
      this.#part("said").replaceChildren();
      this.#part("empty").textContent = "Nobody has said anything yet.";
      for (const one of welcome.recent) this.#said(one);
      this.#enter("open");
      this.#part("composer").elements.message.focus();
    } else if (refused) {
      this.#trouble(refused);
      this.#session.close();
    } else if (joined) {
      this.#members.add(joined);
      this.#event(`${joined} joined`);
    } else if (left) {
      this.#members.delete(left);
      this.#event(`${left} left`);
    } else if (said) {
      this.#said(said);
    }
    this.#showMembers();
  }

  #said({ from, text, at }) {
    const item = element("li", "said");
    const time = element("time", "", format.minute(new Date(at)));
    item.toggleAttribute("data-self", from === this.#own);
    item.append(element("strong", "", from), time, element("p", "", text));
    this.#append(item);
  }

  #event(text) {
    this.#append(element("li", "said event", text));
  }

  #append(item) {
    const scroll = this.#part("scroll");
    const following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
    this.#part("empty").hidden = true;
    this.#part("said").append(item);
    while (this.#part("said").childElementCount > MAX_SHOWN) this.#part("said").firstElementChild.remove();
    if (following) scroll.scrollTop = scroll.scrollHeight;
  }

  #showMembers() {
    const names = [...this.#members].sort((a, b) => a.localeCompare(b));
    this.#part("members").replaceChildren(
      ...names.map((name) => {
        const item = element("li", "", name);
        item.toggleAttribute("data-self", name === this.#own);
        return item;
      }),
    );
    this.#part("count").textContent = names.length ? String(names.length) : "";
    this.#part("nobody").hidden = names.length > 0;
  }

  #trouble(text) {
    this.#part("trouble").textContent = text;
    this.#part("trouble").hidden = !text;
  }

  #enter(state) {
    const idle = !this.#session;
    const { name, transport } = this.#part("connection").elements;
    showState(this.#part("state"), state);
    this.#part("toggle").textContent = idle ? "Join" : state === "open" ? "Leave" : "Cancel";
    this.#part("toggle").classList.toggle("primary", idle);
    name.readOnly = !idle;
    transport.disabled = !idle;
    for (const one of this.#part("composer").elements) one.disabled = state !== "open";
    this.#showMembers();
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const MAX_SHOWN = 1000; // a conversation this long still scrolls smoothly
