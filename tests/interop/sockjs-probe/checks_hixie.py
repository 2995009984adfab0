"""hixie-76 and hixie-75 (1.15, 2.12)."""
import hashlib

from session import GO_AWAY, Checks
from wire import demand, new_id, same

CHECKS = Checks()

KEY1, KEY2 = "4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00"
NONCE = b"aaaaaaaa"
DIGEST = bytes.fromhex("ca3400d8a50847972cd5715ababf437b")
OPEN = b"\x00o\xff"


def begin(target, path, length=None, origin="http://localhost:9324", keys=True):
    """A connection behind a hixie request without its nonce, in small pieces."""
    wire = target.wire()
    lines = [f"GET {path} HTTP/1.1", "Host: localhost:9324", "Connection: Upgrade", "Upgrade: WebSocket", f"Origin: {origin}"]
    if keys:
        lines += [f"Sec-WebSocket-Key1: {KEY1}", f"Sec-WebSocket-Key2: {KEY2}"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    wire.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    return wire


def demand_head(answer, path, prefix):
    same(answer.status, 101, "status")
    same(answer.one("Upgrade"), "WebSocket", "Upgrade")
    same((answer.one("Connection") or "").lower(), "upgrade", "Connection")
    same(answer.one(f"{prefix}-Origin"), "http://localhost:9324", f"{prefix}-Origin")
    same(answer.one(f"{prefix}-Location"), f"ws://localhost:9324{path}", f"{prefix}-Location")


@CHECKS.check("2.12-late-nonce")
def late_nonce(target):
    """HAProxy sends the nonce on only after it has seen the 101."""
    path = f"/echo/000/{new_id()}/websocket"
    with begin(target, path) as wire:
        demand_head(wire.answer(), path, "Sec-WebSocket")
        wire.silent(0.15)
        wire.send(NONCE)
        if target.dialect.name == "0.2.1":
            wire.fill()
            same(wire.buffer, DIGEST, "the first read after the nonce")
        same(wire.exactly(16), DIGEST, "the digest")
        same(wire.exactly(3), OPEN, "open")
        wire.send(b'\x00["a"]\xff')
        same(wire.hixie_frame(), b'a["a"]', "the echo")
        wire.send(b'\x00"b"\xff')
        same(wire.hixie_frame(), b'a["b"]', "the echo of a bare string")
        wire.send(b"\xff\x00")
        demand(wire.rest() in (b"", b"\xff\x00"), "something behind the close")


@CHECKS.table("2.12-nonce", {"with-the-head": (None, 8), "length-8": (8, 8), "length-0": (0, 8), "byte-by-byte": (None, 1)})
def nonce(target, length, piece):
    path = f"/echo/000/{new_id()}/websocket"
    with begin(target, path, length) as wire:
        for at in range(0, 8, piece):
            wire.send(NONCE[at:at + piece])
        demand_head(wire.answer(), path, "Sec-WebSocket")
        same(wire.exactly(19), DIGEST + OPEN, "digest and open")


@CHECKS.check("2.12-length-other")
def other_length(target):
    with begin(target, f"/echo/000/{new_id()}/websocket", 9) as wire:
        wire.send(NONCE + b"a")
        same(wire.answer().status, 400, "status")


@CHECKS.check("2.12-digest")
def other_keys(target):
    """The digest of the keys that the tables use is the one in the standard's own words."""
    numbers = []
    for key in (KEY1, KEY2):
        digits = int("".join(letter for letter in key if letter.isdigit()))
        numbers.append((digits // key.count(" ")).to_bytes(4, "big"))
    same(hashlib.md5(b"".join(numbers) + NONCE).digest(), DIGEST, "our own digest")


@CHECKS.check("2.12-close", since="0.2")
def close(target):
    with begin(target, f"/close/000/{new_id()}/websocket") as wire:
        wire.send(NONCE)
        same(wire.answer().status, 101, "status")
        same(wire.exactly(19), DIGEST + OPEN, "digest and open")
        same(wire.hixie_frame(), GO_AWAY, "the close frame of SockJS")
        behind = the_end(wire)
        if target.dialect.name == "newest":
            same(behind, b"\xff\x00", "the end")
        elif target.dialect.name == "0.2":
            same(behind, b"", "the end")
        else:
            demand(behind in (b"", b"\xff\x00"), f"the end: {behind!r}")


def the_end(wire):
    """What comes behind the last frame; our own close follows the peer's, as a client's does."""
    while wire.fill():
        if wire.buffer == b"\xff\x00":
            wire.send(b"\xff\x00")
    data, wire.buffer = wire.buffer, b""
    return data


@CHECKS.check("2.12-hixie-75")
def hixie_75(target):
    path = f"/echo/000/{new_id()}/websocket"
    with begin(target, path, keys=False) as wire:
        demand_head(wire.answer(), path, "WebSocket")
        same(wire.exactly(3), OPEN, "open")
        wire.send(b'\x00["a"]\xff')
        same(wire.hixie_frame(), b'a["a"]', "the echo")


@CHECKS.check("2.12-escapes")
def escapes(target):
    with begin(target, f"/echo/000/{new_id()}/websocket") as wire:
        wire.send(NONCE)
        wire.answer()
        same(wire.exactly(19), DIGEST + OPEN, "digest and open")
        wire.send('\x00["\u00e9\u2028\U0001f600\\ud800"]'.encode() + b"\xff")
        same(wire.hixie_frame(), 'a["\u00e9\\u2028\\ud83d\\ude00\\ud800"]'.encode(), "the echo")
