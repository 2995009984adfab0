#!/usr/bin/env python3
"""Opens a session by poll and one by WebSocket from 127.0.0.2, with a forged X-Forwarded-For.

    address.py PORT

PORT is a proxy's or the server's on 127.0.0.1. Prints `ok`, or what was answered instead.
"""
import os
import socket
import sys

FORGED = "203.0.113.9"
HERE = "127.0.0.2"


def ask(port, head):
    tcp = socket.create_connection(("127.0.0.1", port), 5, source_address=(HERE, 0))
    with tcp:
        tcp.sendall((head + f"\r\nHost: localhost\r\nX-Forwarded-For: {FORGED}\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer and (data := tcp.recv(4096)):
            answer += data
    return answer.split(b"\r\n")[0].decode("latin-1")


def main(port):
    id = os.urandom(8).hex()
    poll = ask(port, f"POST /echo/000/{id}p/xhr HTTP/1.1\r\nContent-Length: 0")
    socket_ = ask(port, f"GET /echo/000/{id}w/websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    good = " 200 " in poll and " 101 " in socket_
    print("ok" if good else f"{poll}; {socket_}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
