#!/usr/bin/env python3
"""What one idle connection or session of a kind costs a server, in bytes of resident memory.

    measure.py URL PID KIND COUNT

PID is the server's. Some are opened first, so that what the server keeps once is not counted; then
COUNT more. At the end samples of all of them must still answer. Prints the bytes for each.

    http       a kept connection after one answered request      (no session)
    ws         an open WebSocket on /ws/echo                     (no session)
    websocket  an open SockJS WebSocket
    streaming  an attached xhr_streaming receiver
    between    a session by poll, without a connection of its own
    pending    a session by poll, the next poll waiting
"""
import os
import re
import socket
import sys
import time
import urllib.parse

WARM = 500
STEP = 250  # requests on their way at once
SETTLE = 1.0  # seconds
SAMPLES = 50
SHARED = 25  # connections that the sessions of `between` take turns on
KEY = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
MASKED_X = b'\x81\x85\0\0\0\0["x"]'


class Peer:
    """One connection; reads until what it waits for has come."""

    def __init__(self, address):
        self.tcp = socket.create_connection(address, 30)
        self.seen = b""

    def request(self, method, path, fields="", body=""):
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        self.tcp.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}{fields}\r\n{body}".encode())

    def until(self, pattern):
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            data = self.tcp.recv(65536)
            if not data:
                raise SystemExit(f"the server ended a connection after {self.seen[-200:]!r}")
            self.seen += data
        self.seen = b""
        return found


class Kind:
    """How one kind is opened, in two steps so that many can be on their way, and how it is asked to answer."""

    def __init__(self, address, name):
        self.address = address
        self.name = name
        self.shared = [Peer(address) for _ in range(SHARED)] if name == "between" else []
        self.next = 0

    def begin(self):
        url = f"/echo/000/{os.urandom(5).hex()}"
        if self.name == "between":
            self.next += 1
            peer = self.shared[self.next % SHARED]
        else:
            peer = Peer(self.address)
        if self.name == "http":
            peer.request("GET", "/echo")
        elif self.name == "ws":
            peer.request("GET", "/ws/echo", KEY)
        elif self.name == "websocket":
            peer.request("GET", f"{url}/websocket", KEY)
        elif self.name == "streaming":
            peer.request("POST", f"{url}/xhr_streaming")
        else:
            peer.request("POST", f"{url}/xhr")
        return peer, url

    def finish(self, peer, url):
        if self.name == "http":
            peer.until(rb"Welcome to SockJS!\n")
        elif self.name == "ws":
            peer.until(rb"^HTTP/1.1 101 .*?\r\n\r\n")
        elif self.name == "websocket":
            peer.until(rb"^HTTP/1.1 101 .*?\r\n\r\n\x81\x01o$")
        elif self.name == "streaming":
            peer.until(rb"^HTTP/1.1 200 .*h{2048}\n\r\n2\r\no\n\r\n$")
        else:
            peer.until(rb"^HTTP/1.1 200 .*\r\n\r\n(o\n|2\r\no\n\r\n0\r\n\r\n)$")
        if self.name == "pending":
            peer.request("POST", f"{url}/xhr")

    def answers(self, peer, url):
        if self.name == "http":
            peer.request("GET", "/echo")
            peer.until(rb"Welcome to SockJS!\n")
        elif self.name == "ws":
            peer.tcp.sendall(MASKED_X)
            peer.until(rb'\x81\x05\["x"\]$')
        elif self.name == "websocket":
            peer.tcp.sendall(MASKED_X)
            peer.until(rb'\x81\x06a\["x"\]$')
        else:
            sender = Peer(self.address)
            sender.request("POST", f"{url}/xhr_send", "Content-Type: text/plain\r\n", '["x"]')
            sender.until(rb"^HTTP/1.1 204 ")
            if self.name == "between":
                sender.request("POST", f"{url}/xhr")
                peer = sender
            peer.until(rb'a\["x"\]\n')


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def main():
    url, pid, name, count = sys.argv[1:]
    parts = urllib.parse.urlsplit(url)
    kind = Kind((parts.hostname, parts.port), name)
    opened = []

    def open_more(total):
        while total > 0:
            # The sessions of `between` share connections, which carry one request at a time.
            step = min(total, SHARED if name == "between" else STEP)
            batch = [kind.begin() for _ in range(step)]
            for peer, session in batch:
                kind.finish(peer, session)
            opened.extend(batch)
            total -= step

    open_more(WARM)
    time.sleep(SETTLE)
    before = resident(pid)
    open_more(int(count))
    time.sleep(SETTLE)
    after = resident(pid)
    for peer, session in opened[:: len(opened) // SAMPLES]:
        kind.answers(peer, session)
    print(round((after - before) / int(count)))


if __name__ == "__main__":
    main()
