// Clicks through the console page: node check.js URL BROWSER

const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

const [url, executablePath] = process.argv.slice(2);

async function main() {
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 } });
  context.setDefaultTimeout(STEP_LIMIT);
  const page = await context.newPage();
  const complaints = [];
  const requested = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  page.on("request", (request) => requested.push(request.url()));

  let failed = 0;
  for (const [name, check] of CHECKS) {
    try {
      await check({ page, complaints, requested });
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error.message.split("\n").slice(0, 6).join(" ")}`);
    }
  }
  await browser.close();
  console.log(`${CHECKS.length - failed} of ${CHECKS.length} ok`);
  process.exitCode = failed ? 1 : 0;
}

const panel = (page) => page.locator('[role="tabpanel"]:not([hidden])');
const tab = (page, name) => page.getByRole("tab", { name }).click();
const field = (page, label) => page.getByRole("textbox", { name: label });
const pathField = (page) => page.getByRole("combobox", { name: "Path or URL" });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const state = (page, text) => page.getByRole("status").getByText(text, { exact: true }).waitFor();
const entry = (page, direction, text) =>
  panel(page).locator(`.entry[data-direction="${direction}"]:not([hidden])`, { hasText: text });
const visibleEntries = (page) => panel(page).locator(".entry:not([hidden])").count();

async function connect(page, path, protocols = "") {
  await pathField(page).fill(path);
  await field(page, "Subprotocols").fill(protocols);
  await press(page, "Connect");
}

async function session(page, service, transport) {
  await panel(page).getByRole("combobox", { name: "Service" }).selectOption(service);
  await panel(page).getByRole("combobox", { name: "Transport" }).selectOption(transport);
  await press(page, "Connect");
}

/** A text as the server writes it: pairs of surrogates by their escapes. */
const escaped = (text) =>
  JSON.stringify(text).replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`);

const TABS = ["WebSocket", "SockJS", "Chat"];

const CHECKS = [
  ["the page loads under its policy, from nowhere else, without complaints", async ({ page, complaints, requested }) => {
    const response = await page.goto(url);
    assert.equal(response.status(), 200);
    assert.match(response.headers()["content-security-policy"], /^default-src 'none';/);
    await state(page, "Disconnected");
    await page.waitForLoadState("networkidle");
    const foreign = requested.filter((one) => !one.startsWith(url) && !one.startsWith("data:"));
    assert.deepEqual(foreign, []);
    assert.deepEqual(complaints, []);
  }],
  ["it connects and shows what was agreed", async ({ page }) => {
    await connect(page, "/ws/echo", "chat.v2, chat.v1");
    await state(page, "Connected");
    assert.equal(await panel(page).locator('[data-fact="protocol"]').textContent(), "chat.v2");
    assert.match(await panel(page).locator('[data-fact="extensions"]').textContent(), /^permessage-deflate/);
  }],
  ["Enter sends a text, and its echo is logged with time, size and direction", async ({ page }) => {
    await field(page, "Message").fill("Grüße, 世界 🌍");
    await field(page, "Message").press("Enter");
    await entry(page, "sent", "Grüße, 世界 🌍").waitFor();
    const echo = entry(page, "received", "Grüße, 世界 🌍");
    await echo.waitFor();
    assert.match(await echo.locator("time").textContent(), /^\d\d:\d\d:\d\d[.,]\d{3}$/);
    assert.equal(await echo.locator(".size").textContent(), "20 B");
    assert.equal(await field(page, "Message").inputValue(), "");
  }],
  ["Shift and Enter break the line", async ({ page }) => {
    const message = field(page, "Message");
    await message.pressSequentially("one");
    await message.press("Shift+Enter");
    await message.pressSequentially("two");
    await press(page, "Send text");
    const echo = entry(page, "received", "one");
    await echo.waitFor();
    assert.equal(await echo.locator("pre").textContent(), "one\ntwo");
  }],
  ["the arrow recalls what was sent", async ({ page }) => {
    const message = field(page, "Message");
    await message.press("ArrowUp");
    await message.press("ArrowUp");
    assert.equal(await message.inputValue(), "Grüße, 世界 🌍");
    await message.fill("");
  }],
  ["a file goes out as binary and comes back, shown as hexadecimal and as text", async ({ page }) => {
    const bytes = Buffer.concat([Buffer.from([0, 1, 254, 255]), Buffer.from("plain words here")]);
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press(page, "Send file…")]);
    await chooser.setFiles({ name: "sample.bin", mimeType: "application/octet-stream", buffer: bytes });
    await entry(page, "sent", "sample.bin").waitFor();
    const echo = entry(page, "received", "00 01 fe ff");
    await echo.waitFor();
    assert.equal(await echo.locator(".kind").textContent(), "binary");
    assert.equal(await echo.locator(".size").textContent(), "20 B");
    await echo.getByRole("button", { name: "As text" }).click();
    await entry(page, "received", "plain words here").waitFor();
    const save = entry(page, "received", "plain words here").getByRole("button", { name: "Save" });
    const [download] = await Promise.all([page.waitForEvent("download"), save.click()]);
    assert.equal(download.suggestedFilename(), "message.bin");
  }],
  ["a large message comes back whole", async ({ page }) => {
    await field(page, "Message").fill("x".repeat(300_000));
    await press(page, "Send text");
    const echo = entry(page, "received", "293 KiB");
    await echo.waitFor();
    await echo.getByRole("button", { name: "Show more" }).click();
    assert.equal((await echo.locator("pre").textContent()).length, 65_536);
    await echo.getByRole("button", { name: "Show less" }).click();
  }],
  ["the counters tell messages and bytes", async ({ page }) => {
    for (const direction of ["sent", "received"]) {
      const text = await panel(page).locator(`[data-count="${direction}"]`).textContent();
      assert.equal(text, "4 messages, 293 KiB");
    }
  }],
  ["the log is filtered by direction and by text", async ({ page }) => {
    const all = await visibleEntries(page);
    await page.getByRole("radio", { name: "Sent" }).check();
    assert.equal(await visibleEntries(page), 4);
    await page.getByRole("searchbox", { name: "Filter by text" }).fill("GRÜSSE");
    await page.getByText("Nothing matches the filter.").waitFor();
    await page.getByRole("searchbox", { name: "Filter by text" }).fill("GRÜ");
    assert.equal(await visibleEntries(page), 1);
    await page.getByRole("searchbox", { name: "Filter by text" }).fill("");
    await page.getByRole("radio", { name: "All" }).check();
    assert.equal(await visibleEntries(page), all);
  }],
  ["the log is copied", async ({ page }) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await press(page, "Copy");
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^\d{4}-\d\d-\d\dT.* received text 20 B: Grüße, 世界 🌍$/m);
  }],
  ["it closes with 4001 and a reason", async ({ page }) => {
    await field(page, "Code").fill("4001");
    await field(page, "Reason").fill("bye");
    await press(page, "Close");
    await state(page, "Disconnected");
    await entry(page, "control", "4001 “bye”").filter({ hasText: "closing" }).waitFor();
    await entry(page, "control", "4001").filter({ hasText: /close\s/ }).waitFor();
  }],
  ["the log is cleared", async ({ page }) => {
    await press(page, "Clear");
    assert.equal(await panel(page).locator(".entry").count(), 0);
    assert.equal(await panel(page).locator('[data-count="sent"]').textContent(), "nothing");
  }],
  ["a close by the server arrives with its code and reason", async ({ page }) => {
    await connect(page, "/ws/close?code=4002&reason=go%20now");
    await entry(page, "control", "4002 “go now”").waitFor();
    await state(page, "Disconnected");
  }],
  ["a path without a WebSocket fails, and is said to", async ({ page }) => {
    await connect(page, "/nothing");
    await state(page, "Failed");
    await entry(page, "control", "No connection").waitFor();
  }],
  ["a subprotocol that is no token is refused before anything is sent", async ({ page }) => {
    await connect(page, "/ws/echo", "two words");
    await state(page, "Failed");
    await entry(page, "control", "two words").waitFor();
  }],
  ["the keyboard is enough: connect, send, disconnect", async ({ page }) => {
    await pathField(page).fill("/ws/echo");
    await field(page, "Subprotocols").fill("");
    await field(page, "Subprotocols").press("Enter");
    await state(page, "Connected");
    for (const name of ["Disconnect", "Message"]) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement.textContent || document.activeElement.name);
      assert.equal(focused.trim().toLowerCase(), name.toLowerCase());
    }
    await page.keyboard.type("by hand");
    await page.keyboard.press("Enter");
    await entry(page, "received", "by hand").waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await state(page, "Disconnected");
  }],
  ["tabs go by mouse, by arrow and by address", async ({ page }) => {
    await tab(page, "SockJS");
    assert.equal(await panel(page).getAttribute("id"), "sockjs");
    await page.keyboard.press("ArrowRight");
    assert.equal(await panel(page).getAttribute("id"), "chat");
    await page.keyboard.press("ArrowRight");
    assert.equal(await panel(page).getAttribute("id"), "websocket");
    await page.goto(`${url}#sockjs`);
    assert.equal(await panel(page).getAttribute("id"), "sockjs");
    assert.equal(await page.getByRole("tab", { selected: true }).textContent(), "SockJS");
  }],
  ...["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"].map((transport) => [
    `a session over ${transport}: frames out and in, and a close by the client`,
    async ({ page, complaints }) => {
      complaints.length = 0;
      await press(page, "Clear");
      await session(page, "/echo", transport);
      await state(page, "Connected");
      assert.equal(await panel(page).locator('[data-fact="transport"]').textContent(), transport);
      await entry(page, "received", "open").waitFor();
      for (const text of ["Grüße 🌍", '</script> %41 100% "quoted"', "x".repeat(5000)]) {
        await field(page, "Message").fill(text);
        await field(page, "Message").press("Enter");
        await entry(page, "received", `a[${escaped(text)}`.slice(0, 250)).waitFor();
      }
      await field(page, "Code").fill("3001");
      await field(page, "Reason").fill("enough");
      await press(page, "Close");
      await state(page, "Disconnected");
      // Of a WebSocket's closing handshake the code comes back, over HTTP nothing does.
      const told = transport === "websocket" ? "3001" : "3001 “enough”";
      await entry(page, "control", told).filter({ hasText: /close\s/ }).waitFor();
      assert.deepEqual(complaints, []);
    },
  ]),
  ["a service closes with its code and reason", async ({ page }) => {
    for (const transport of ["websocket", "xhr-streaming", "xhr-polling", "jsonp-polling"]) {
      await press(page, "Clear");
      await session(page, "/close", transport);
      await entry(page, "received", 'c[3000,"Go away!"]').waitFor();
      await entry(page, "control", "3000 “Go away!”").waitFor();
      await state(page, "Disconnected");
    }
  }],
  ["what is not served is given up, and the next transport is tried", async ({ page, complaints }) => {
    await press(page, "Clear");
    await session(page, "/disabled_websocket_echo", "websocket");
    await state(page, "Failed");
    await entry(page, "control", "websocket: refused").waitFor();
    await session(page, "/disabled_websocket_echo", "");
    await state(page, "Connected");
    assert.equal(await panel(page).locator('[data-fact="transport"]').textContent(), "xhr-streaming");
    await press(page, "Disconnect");
    await state(page, "Disconnected");
    complaints.length = 0; // the browser tells of the refused handshake itself
  }],
  ["ticks come each second", async ({ page }) => {
    await press(page, "Clear");
    await session(page, "/ticker", "xhr-streaming");
    await entry(page, "received", 'a["tick!"]').nth(1).waitFor();
    await press(page, "Disconnect");
    await state(page, "Disconnected");
  }],
  ["two people chat over two transports", async ({ page, complaints }) => {
    const other = await page.context().newPage();
    await other.goto(`${url}#chat`);
    await tab(page, "Chat");
    for (const [one, name, transport] of [[page, "Ann", "websocket"], [other, "Béla", "xhr-polling"]]) {
      await field(one, "Name").fill(name);
      await one.getByRole("combobox", { name: "Transport" }).selectOption(transport);
      await press(one, "Join");
      await state(one, "Connected");
    }
    await panel(page).getByText("Béla joined").waitFor();
    for (const [one, text] of [[page, "hello <b>there</b>"], [other, "hello yourself"]]) {
      await field(one, "Message").fill(text);
      await field(one, "Message").press("Enter");
      for (const reader of [page, other]) await panel(reader).getByText(text).waitFor();
    }
    assert.deepEqual(await panel(page).locator(".members li").allTextContents(), ["Ann", "Béla"]);
    await press(other, "Leave");
    await panel(page).getByText("Béla left").waitFor();
    await field(other, "Name").fill("Ann");
    await press(other, "Join");
    await panel(other).getByText("Somebody here has this name.").waitFor();
    await other.close();
    await press(page, "Leave");
    await state(page, "Disconnected");
    assert.deepEqual(complaints, []);
  }],
  ["every control has a name", async ({ page }) => {
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, input:not([hidden]), textarea, select")]
        .filter((one) => !(one.labels?.[0]?.textContent || one.ariaLabel || one.textContent).trim())
        .map((one) => one.outerHTML),
    );
    assert.deepEqual(nameless, []);
  }],
  ["nothing hangs over the side on a phone, in either colour scheme", async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const [colorScheme, name] of ["light", "dark"].flatMap((one) => TABS.map((name) => [one, name]))) {
      await page.emulateMedia({ colorScheme });
      await tab(page, name);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name}: ${over} px too wide`);
    }
  }],
];

const STEP_LIMIT = 10_000; // milliseconds for any one wait
// As root there is no sandbox, and without the others Chromium calls home.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
