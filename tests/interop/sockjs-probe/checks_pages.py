"""Greeting, info, iframe page, chunking test, HTTP/1.0 and connections that go on (1.3 to 1.5, 1.15)."""
import email.utils
import hashlib
import json
import re
import time

from session import GO_AWAY, PRELUDE, Checks
from wire import demand, same

CHECKS = Checks()
FOREVER = "public, max-age=31536000"

INLINE = "    document.domain = document.domain;\n"
NEW_PAGE = f'  <script src="%s"></script>\n  <script>\n{INLINE}    SockJS.bootstrap_iframe();\n  </script>\n'
OLD_PAGE = (f"  <script>\n{INLINE}    _sockjs_onload = function(){{SockJS.bootstrap_iframe();}};\n  </script>\n"
            '  <script src="%s"></script>\n')
PAGE = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
%s</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""
# The page with the usual CDN's client, as (length, MD5), old and newest form.
CDN = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"
CDN_PAGE = {True: (502, "9fc72ff7ea0c808d877f76c66a4b5a5f"), False: (472, "08c88a6396a2481f245d665a53d9dc14")}


@CHECKS.table("2.1-greeting", {"bare": ("/echo",), "slash": ("/echo/",), "query": ("/echo?a=b",), "close": ("/close",)})
def greeting(target, path):
    answer = target.ask("GET", path)
    same(answer.status, 200, "status")
    same(answer.one("Content-Type"), "text/plain; charset=UTF-8", "Content-Type")
    same(answer.body, b"Welcome to SockJS!\n", "body")
    same(answer.one("Set-Cookie"), None, "Set-Cookie")


@CHECKS.check("2.1-info", since="0.2")
def info(target):
    first, second = (target.ask("GET", "/echo/info", [("Origin", "http://a.b:1")]) for _ in range(2))
    same(first.status, 200, "status")
    same(first.one("Content-Type"), "application/json; charset=UTF-8", "Content-Type")
    same(first.one("Set-Cookie"), None, "Set-Cookie")
    values = json.loads(first.body)
    same(values.get("websocket"), True, "websocket")
    same(values.get("origins"), ["*:*"], "origins")
    entropy = values.get("entropy")
    demand(type(entropy) is int and 0 <= entropy < 1 << 32, f"entropy is {entropy!r}")
    demand(entropy != json.loads(second.body)["entropy"], "entropy is the same twice")


@CHECKS.table("2.1-info-cookie-needed", {"off": ("/echo",), "on": ("/cookie_needed_echo",)}, since="0.2")
def cookie_needed(target, base):
    values = json.loads(target.ask("GET", f"{base}/info").body)
    same(values.get("cookie_needed"), target.dialect.always_cookie or base != "/echo", "cookie_needed")


@CHECKS.check("2.1-info-websocket-disabled", since="0.2")
def websocket_disabled(target):
    same(json.loads(target.ask("GET", "/disabled_websocket_echo/info").body)["websocket"], False, "websocket")


@CHECKS.check("2.1-info-options", since="0.2")
def info_options(target):
    answer = target.ask("OPTIONS", "/echo/info", [("Origin", "http://a.b:1")])
    demand(answer.status in ((204, 200) if target.dialect.preflight_superset else (204,)), answer.line)
    same(answer.body, b"", "body")
    same(answer.one("Access-Control-Allow-Methods"), "OPTIONS, GET", "Access-Control-Allow-Methods")
    same(answer.one("Access-Control-Max-Age"), "31536000", "Access-Control-Max-Age")
    forever(answer)


def forever(answer):
    same(answer.one("Cache-Control"), FOREVER, "Cache-Control")
    expires = email.utils.parsedate_to_datetime(answer.one("Expires") or "").timestamp() - time.time()
    demand(364 * 86400 < expires < 366 * 86400, f"Expires is {expires:.0f} s away")
    same(answer.one("Last-Modified"), None, "Last-Modified")


@CHECKS.table("2.2-iframe", {
    name: (f"/iframe{name}.html",) for name in ("", "-a", "-", "-0.1.2", "-0.1.2abc-dirty.2144", "0_a")} | {
    "query": ("/iframe.html?t=1",)})
def iframe(target, path):
    answer = target.ask("GET", "/echo" + path)
    same(answer.status, 200, "status")
    same(answer.one("Content-Type"), "text/html; charset=UTF-8", "Content-Type")
    same(answer.one("Set-Cookie"), None, "Set-Cookie")
    demand(re.fullmatch(r'"[^"]+"', answer.one("ETag") or ""), f"ETag is {answer.one('ETag')}")
    forever(answer)
    body = answer.body.decode()
    script = re.search(r'src="([^"]*)"', body)
    demand(script and re.match("/|http", script[1]), f"no script with a usable address in {body}")
    same(body, PAGE % ((OLD_PAGE if target.dialect.old_iframe else NEW_PAGE) % script[1]), "body")
    if script[1] == CDN:
        same((len(body), hashlib.md5(answer.body).hexdigest()), CDN_PAGE[target.dialect.old_iframe], "length and MD5")


@CHECKS.table("2.2-iframe-not-found", {
    path: (path,) for path in ("iframe", "iframe.htm", "iframe.xml", "iframe.HTML", "IFRAME", "IFRAME.HTML", "iframe-/.html")})
def iframe_not_found(target, path):
    same(target.ask("GET", f"/echo/{path}").status, 404, "status")


def tag(target):
    return target.ask("GET", "/echo/iframe.html").one("ETag")


@CHECKS.table("2.2-iframe-cached", {"equal": ("%s",), "weak": ("W/%s",), "list": ('"x", %s',), "any": ("*",)})
def iframe_cached(target, value):
    answer = target.ask("GET", "/echo/iframe.html", [("If-None-Match", value.replace("%s", tag(target)))])
    same(answer.status, 304, "status")
    same(answer.one("Content-Type"), None, "Content-Type")
    same(answer.body, b"", "body")


@CHECKS.check("2.2-iframe-other-tag")
def iframe_other_tag(target):
    same(target.ask("GET", "/echo/iframe.html", [("If-None-Match", '"x"')]).status, 200, "status")
    same(tag(target), tag(target), "ETag, asked for again")


@CHECKS.check("1.18-chunking-test")
def chunking_test(target):
    with target.wire() as wire:
        wire.request("POST", "/echo/chunking_test", body=b"")
        answer = wire.answer()
        same(answer.status, 200, "status")
        same(answer.one("Content-Type"), "application/javascript; charset=UTF-8", "Content-Type")
        same(answer.one("Set-Cookie"), None, "Set-Cookie")
        start = time.monotonic()
        same(wire.chunk()[1], b"h\n", "first chunk")
        same(wire.chunk()[1], b" " * 2048 + b"h\n", "second chunk")
        demand(time.monotonic() - start < 0.5, "the first two chunks are not sent at once")
        for milliseconds in (5, 25, 125, 625, 3125):
            before = time.monotonic()
            same(wire.chunk()[1], b"h\n", f"chunk after {milliseconds} ms")
            took = (time.monotonic() - before) * 1000
            demand(milliseconds * 0.7 - 5 < took < milliseconds + 400, f"{took:.0f} ms instead of {milliseconds}")
        same(wire.chunk(), ("0", b""), "last chunk")


# --- HTTP/1.0 and HTTP/1.1 (1.15) -------------------------------------------------------------------


@CHECKS.check("2.13-http10-greeting")
def http10_greeting(target):
    with target.wire() as wire:
        wire.request("GET", "/echo", [("Connection", "Keep-Alive")], version="HTTP/1.0")
        answer = wire.answer()
        same(answer.one("Transfer-Encoding"), None, "Transfer-Encoding")
        same(wire.body(answer), b"Welcome to SockJS!\n", "body")
        if (answer.one("Connection") or "close").lower() == "close":
            same(wire.rest(), b"", "after the body")
        else:
            same(answer.one("Content-Length"), "19", "Content-Length")
            same(wire.ask("GET", "/echo", version="HTTP/1.0").status, 200, "the second request")


@CHECKS.check("2.13-http10-xhr")
def http10_xhr(target):
    session = target.session("/close")
    with session.receiver("xhr", version="HTTP/1.0") as wire:
        same(wire.head.one("Transfer-Encoding"), None, "Transfer-Encoding")
        same(wire.body(wire.head), b"o\n", "body")


@CHECKS.table("2.13-http10-streaming", {"plain": ([],), "keep-alive": ([("Connection", "Keep-Alive")],)})
def http10_streaming(target, headers):
    with target.session("/close").receiver("xhr_streaming", headers, version="HTTP/1.0") as wire:
        same(wire.head.one("Transfer-Encoding"), None, "Transfer-Encoding")
        same(wire.head.one("Content-Length"), None, "Content-Length")
        same(wire.rest(), PRELUDE + b"o\n" + GO_AWAY + b"\n", "body to the end of the connection")


@CHECKS.check("1.15-keep-alive")
def keep_alive(target):
    """One connection through answers of every kind."""
    session = target.session()
    with target.wire() as wire:
        for method, path, body, status in [
            ("GET", "/echo", None, 200), ("GET", "/echo/iframe.html", None, 200), ("GET", "/echo/a.b", None, 404),
            ("PUT", "/echo", b"x", 405), ("POST", f"{session.url}/xhr_send", b'["a"]', 404),
            ("POST", f"{session.url}/xhr", b"", 200), ("POST", f"{session.url}/xhr_send", b"", 500),
            ("POST", f"{session.url}/xhr_send", b'["a"]', 204), ("POST", f"{session.url}/xhr", b"", 200),
            ("OPTIONS", f"{session.url}/xhr", None, 204), ("POST", "/close/000/keepalive/xhr_streaming", b"", 200),
            ("GET", "/echo", None, 200),
        ]:
            answer = wire.ask(method, path, body=body)
            same(answer.status, status, f"{method} {path}")
            demand((answer.one("Connection") or "").lower() != "close", f"{method} {path}: Connection: close")


@CHECKS.check("1.15-connection-close")
def connection_close(target):
    with target.wire() as wire:
        same(wire.ask("GET", "/echo", [("Connection", "close")]).status, 200, "status")
        same(wire.rest(), b"", "after the answer")
