"""Bytes over one TCP connection: requests, answers, chunks, WebSocket frames. No library knows better."""
import base64
import os
import socket
import time

LIMIT = 4.0  # seconds for any one read


class Wrong(AssertionError):
    """What the server did, and what it should have done."""


def demand(condition, text):
    if not condition:
        raise Wrong(text)


def same(got, wanted, what):
    demand(got == wanted, f"{what}: {shown(got)} instead of {shown(wanted)}")


def shown(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:120]}...{text[-60:]} ({len(value)} long)"


class Answer:
    """The head of an answer; `names` are lower case."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = lines[0].split(" ", 2)
        self.line, self.version, self.status = lines[0], version, int(status)
        self.fields = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.fields.append((name.lower(), value.strip()))

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def one(self, name):
        values = self.all(name)
        demand(len(values) <= 1, f"{name} is there {len(values)} times: {values}")
        return values[0] if values else None

    def is_chunked(self):
        return (self.one("Transfer-Encoding") or "").lower() == "chunked"


class Wire:
    """One connection, read with a time limit."""

    def __init__(self, address):
        self.address = address
        self.tcp = socket.create_connection(address, LIMIT)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.tcp.close()

    def send(self, data):
        self.tcp.sendall(data)

    def fill(self, limit=LIMIT):
        """One read; False at the end of the connection."""
        self.tcp.settimeout(limit)
        try:
            data = self.tcp.recv(65536)
        except TimeoutError:
            raise Wrong(f"nothing came for {limit} s after {shown(self.buffer)}") from None
        except ConnectionError:
            return False
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            demand(self.fill(), f"the connection ended before {mark!r}, after {shown(self.buffer)}")
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def exactly(self, count):
        while len(self.buffer) < count:
            demand(self.fill(), f"the connection ended {count - len(self.buffer)} bytes short, after {shown(self.buffer)}")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def rest(self):
        """Everything until the end of the connection."""
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def silent(self, seconds):
        """Nothing comes and nothing ends for so long."""
        self.tcp.settimeout(seconds)
        try:
            data = self.tcp.recv(65536)
        except TimeoutError:
            data = None
        demand(not self.buffer and data is None, f"silence was due, but {shown(self.buffer + data) if data else 'the end'} came")

    # --- HTTP -------------------------------------------------------------------------------------

    def request(self, method, target, headers=(), body=None, version="HTTP/1.1"):
        lines = [f"{method} {target} {version}", f"Host: {self.address[0]}:{self.address[1]}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + (body or b""))

    def answer(self):
        return Answer(self.until(b"\r\n\r\n"))

    def chunk(self):
        """The next chunk as (hexadecimal size, data); data is b"" for the last one."""
        size = self.until(b"\r\n").decode().split(";")[0].lower()
        data = self.exactly(int(size, 16))
        same(self.exactly(2), b"\r\n", "the end of a chunk")
        return size, data

    def body(self, answer, method="GET"):
        if answer.status in (204, 304) or method == "HEAD":
            return b""
        if answer.is_chunked():
            parts = []
            while (data := self.chunk()[1]) != b"":
                parts.append(data)
            return b"".join(parts)
        length = answer.one("Content-Length")
        return self.rest() if length is None else self.exactly(int(length))

    def ask(self, method, target, headers=(), body=None, version="HTTP/1.1"):
        """A whole exchange; the answer with its body in `.body`."""
        self.request(method, target, headers, body, version)
        answer = self.answer()
        answer.body = self.body(answer, method)
        return answer

    # --- WebSocket, RFC 6455 and hybi-07/08 ---------------------------------------------------------

    def upgrade(self, target, draft="13", headers=(), connection="Upgrade", key="x3JJHMbDL1EzLkh9GBhXDw=="):
        origin = "Sec-WebSocket-Origin" if draft in ("7", "8") else "Origin"
        self.request("GET", target, [
            ("Upgrade", "websocket"), ("Connection", connection), ("Sec-WebSocket-Version", draft),
            ("Sec-WebSocket-Key", key), (origin, f"http://{self.address[0]}:{self.address[1]}"), *headers])
        answer = self.answer()
        if answer.status != 101:
            answer.body = self.body(answer)
        return answer

    def frame(self):
        """The next server frame as (first byte, payload)."""
        first, second = self.exactly(2)
        demand(second < 128, "a server frame is masked")
        if second == 126:
            second = int.from_bytes(self.exactly(2), "big")
        elif second == 127:
            second = int.from_bytes(self.exactly(8), "big")
        return first, self.exactly(second)

    def text(self, payload):
        self.send_frame(0x81, payload if isinstance(payload, bytes) else payload.encode())

    def send_frame(self, first, payload):
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 1 << 16:
            length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
        else:
            length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
        masked = bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload))
        self.send(bytes([first]) + length + mask + masked)

    def hixie_frame(self):
        same(self.exactly(1), b"\x00", "the start of a hixie frame")
        return self.until(b"\xff")


def new_id():
    return base64.b32encode(os.urandom(10)).decode().lower()


def eventually(limit, step):
    """Repeats `step` until it returns something true."""
    end = time.monotonic() + limit
    while not (result := step()):
        demand(time.monotonic() < end, f"not so within {limit} s")
        time.sleep(0.02)
    return result
