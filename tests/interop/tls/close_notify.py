"""Sends close_notify without ending TCP and demands the server's close_notify and end of TCP.

    close_notify.py CERTIFICATE PORT idle|websocket

idle: on a connection that had a whole request and answer and waits for the next.
websocket: on an open WebSocket, in the middle of everything. Python's ssl is OpenSSL; its unwrap()
returns the bare socket only when the peer's close_notify has come.
"""

import socket
import ssl
import sys

certificate, port, state = sys.argv[1:]
REQUEST = {
    "idle": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "websocket": b"GET /ws/echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}[state]
STATUS = {"idle": b"HTTP/1.1 200 ", "websocket": b"HTTP/1.1 101 "}[state]


def answer(stream):
    """Reads the head and a body of Content-Length or chunks, so that nothing is under way afterwards."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.read(1)
        if not byte:
            raise SystemExit(f"the connection ended in the head {head!r}")
        head += byte
    if not head.startswith(STATUS):
        raise SystemExit(f"status {head.splitlines()[0]!r}")
    fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:] if b": " in line)
    if b"content-length" in fields:
        stream.read(int(fields[b"content-length"]))
    elif fields.get(b"transfer-encoding") == b"chunked":
        while size := int(stream.readline().split(b";")[0], 16):
            stream.read(size + 2)
        stream.readline()


context = ssl.create_default_context(cafile=certificate)
tcp = socket.create_connection(("127.0.0.1", int(port)), timeout=10)
tls = context.wrap_socket(tcp, server_hostname="localhost")
tls.sendall(REQUEST)
answer(tls.makefile("rb", buffering=0) if state == "websocket" else tls.makefile("rb"))
try:
    bare = tls.unwrap()
    rest = bare.recv(1)
except TimeoutError:
    raise SystemExit("the server neither answered close_notify nor ended within 10 s") from None
except (ssl.SSLError, OSError) as error:
    raise SystemExit(f"no close_notify from the server: {error}") from None
if rest:
    raise SystemExit("the server went on after close_notify")
print("answered with close_notify and the end of TCP")
