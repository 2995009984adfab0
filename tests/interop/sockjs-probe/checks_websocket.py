"""The WebSocket transport, the raw one, and what is no handshake (1.13, 1.14)."""
from session import GO_AWAY, Checks
from wire import demand, new_id, same

CHECKS = Checks()


@CHECKS.table("2.11-handshake", {draft: (draft,) for draft in ("7", "8", "13")})
def handshake(target, draft):
    with target.wire() as wire:
        answer = wire.upgrade(f"/echo/000/{new_id()}/websocket", draft)
        same(answer.status, 101, "status")
        same(answer.one("Sec-WebSocket-Accept"), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=", "Sec-WebSocket-Accept")
        same((answer.one("Upgrade") or "").lower(), "websocket", "Upgrade")
        same((answer.one("Connection") or "").lower(), "upgrade", "Connection")
        for name in ("Content-Length", "Transfer-Encoding", "Set-Cookie"):
            same(answer.one(name), None, name)
        same(wire.exactly(3), b"\x81\x01o", "open")
        wire.text('["a"]')
        same(wire.exactly(8), b'\x81\x06a["a"]', "the echo")
        wire.send_frame(0x88, b"\x03\xe8bye")
        first, payload = wire.frame()
        same((first, payload[:2]), (0x88, b"\x03\xe8"), "the answer to our close")
        same(wire.rest(), b"", "after the close")


@CHECKS.table("2.11-connection", {name: (value,) for name, value in {
    "firefox": "keep-alive, Upgrade", "lower": "upgrade", "upper": "UPGRADE", "spaces": "close ,  upgrade"}.items()})
def connection_token(target, value):
    with target.wire() as wire:
        same(wire.upgrade(f"/echo/000/{new_id()}/websocket", connection=value).status, 101, "status")


@CHECKS.check("2.11-string")
def legacy_string(target):
    with target.websocket() as wire:
        wire.text('"a"')
        same(wire.frame(), (0x81, b'a["a"]'), "the echo")


@CHECKS.check("2.11-two")
def two_messages(target):
    with target.websocket() as wire:
        wire.text('["a","b"]')
        frame = wire.frame()
        if frame != (0x81, b'a["a","b"]'):
            same([frame, wire.frame()], [(0x81, b'a["a"]'), (0x81, b'a["b"]')], "the echoes")


@CHECKS.check("2.11-nothing")
def nothing(target):
    with target.websocket() as wire:
        wire.text("")
        wire.text("[]")
        wire.text('["x"]')
        same(wire.frame(), (0x81, b'a["x"]'), "what comes after two frames without messages")


@CHECKS.check("2.11-broken")
def broken(target):
    with target.websocket() as wire:
        wire.text('["a')
        first, payload = wire.frame()
        if (first, payload[:1]) == (0x81, b"c"):
            first, payload = wire.frame()
        same(first, 0x88, "the frame before the end")
        wire.send_frame(0x88, payload)
        same(wire.rest(), b"", "after the close")


@CHECKS.table("2.11-broken-framing", {"json": ('["a',), "number": ("[1]",), "mixed": ('["a",1]',), "object": ("{}",), "null": ("null",)})
def broken_framing(target, body):
    with target.websocket() as wire:
        wire.text(body)
        first, payload = wire.frame()
        if target.dialect.name == "newest":
            same((first, payload), (0x81, b'c[3000,"Broken framing."]'), "the last frame")
            first, payload = wire.frame()
        same((first, payload[:2]), (0x88, b"\x0b\xb8"), "the close")
        wire.send_frame(0x88, payload)
        same(wire.rest(), b"", "after the close")


@CHECKS.check("2.11-close", since="0.2")
def close(target):
    with target.wire() as wire:
        same(wire.upgrade(f"/close/000/{new_id()}/websocket").status, 101, "status")
        same(wire.exactly(3), b"\x81\x01o", "open")
        same(wire.exactly(20), b"\x81\x12" + GO_AWAY, "the close frame of SockJS")
        first, payload = wire.frame()
        same(first, 0x88, "the next frame")
        demand(len(payload) == 0 or int.from_bytes(payload[:2], "big") in (1000, 3000), f"close {payload!r}")
        wire.send_frame(0x88, payload)
        same(wire.rest(), b"", "after the close")


@CHECKS.check("2.11-reuse")
def reuse(target):
    path = f"/echo/000/{new_id()}/websocket"
    for _ in range(2):
        with target.websocket(path) as wire:
            wire.text('["x"]')
            same(wire.frame(), (0x81, b'a["x"]'), "the echo")


@CHECKS.check("2.11-large")
def large(target):
    text = ("0123456789abcde\u00e9" * 3000).encode()
    with target.websocket() as wire:
        wire.text(b'["' + text + b'"]')
        same(wire.frame(), (0x81, b'a["' + text + b'"]'), "the echo")


@CHECKS.check("2.11-no-leak-of-id")
def session_id_is_not_told(target):
    id = new_id()
    with target.wire() as wire:
        answer = wire.upgrade(f"/echo/000/{id}/websocket")
        demand(not any(id in value for _, value in answer.fields), "the id is in the answer")


# --- raw (1.14) -----------------------------------------------------------------------------------------


@CHECKS.check("2.11-raw-echo", since="0.2")
def raw_echo(target):
    with target.wire() as wire:
        same(wire.upgrade("/echo/websocket").status, 101, "status")
        wire.text("h\uffff")
        same(wire.exactly(6), b"\x81\x04h\xef\xbf\xbf", "the echo")
        wire.text('["a"]')
        same(wire.frame(), (0x81, b'["a"]'), "the echo")


@CHECKS.check("2.11-raw-close", since="0.2")
def raw_close(target):
    with target.wire() as wire:
        same(wire.upgrade("/close/websocket").status, 101, "status")
        same(wire.exactly(12), b"\x88\x0a\x0b\xb8Go away!", "the close")
        wire.send_frame(0x88, b"\x0b\xb8")
        same(wire.rest(), b"", "after the close")


# --- no handshake ---------------------------------------------------------------------------------------

NO_UPGRADE, NO_CONNECTION = b'Can "Upgrade" only to "WebSocket".', b'"Connection" must be "Upgrade".'
WRONG = {
    "plain": ([], NO_UPGRADE),
    "other": ([("Upgrade", "h2c"), ("Connection", "Upgrade")], NO_UPGRADE),
    "no-connection": ([("Upgrade", "websocket")], NO_CONNECTION),
    "connection-close": ([("Upgrade", "websocket"), ("Connection", "close")], NO_CONNECTION),
}


@CHECKS.table("1.13-wrong", WRONG)
def wrong_handshake(target, headers, text):
    answer = target.ask("GET", f"/echo/000/{new_id()}/websocket", headers)
    same(answer.status, 400, "status")
    if target.dialect.old_upgrade_errors and (text == NO_UPGRADE or not target.dialect.since("0.2")):
        demand(text in answer.body if target.dialect.since("0.2") else answer.body.strip() == text, f"body {answer.body!r}")


@CHECKS.table("1.13-post", {"plain": ([],), "upgrade": ([("Upgrade", "websocket"), ("Connection", "Upgrade"),
                                                         ("Sec-WebSocket-Version", "13"),
                                                         ("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==")],)})
def post(target, headers):
    answer = target.ask("POST", f"/echo/000/{new_id()}/websocket", headers, b"")
    same((answer.status, answer.one("Content-Type"), answer.body), (405, None, b""), "status, type and body")
    if target.dialect.since("0.2"):
        same(answer.one("Allow"), "GET", "Allow")
