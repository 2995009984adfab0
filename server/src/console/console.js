// The console page: tabs, and a class for the panel of each.

import { ChatPanel } from "./chat.js";
import { SockJsPanel } from "./sockjs.js";
import { WebSocketPanel } from "./websocket.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];

function select(chosen) {
  for (const tab of tabs) {
    const selected = tab === chosen;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
    panelOf(tab).hidden = !selected;
  }
}

const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

/** The tab that the address names, so that a panel can be linked to. */
function selectByAddress() {
  select(tabs.find((tab) => panelOf(tab).id === location.hash.slice(1)) ?? tabs[0]);
}

for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => {
    history.replaceState(null, "", `#${panelOf(tab).id}`);
    select(tab);
  });
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    next.focus();
    next.click();
  });
}

document.getElementById("host").textContent = location.host;
new WebSocketPanel(document.getElementById("websocket"));
new SockJsPanel(document.getElementById("sockjs"));
new ChatPanel(document.getElementById("chat"));
addEventListener("hashchange", selectByAddress);
selectByAddress();
