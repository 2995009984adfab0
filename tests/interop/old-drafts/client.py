# -*- coding: utf-8 -*-
# Python 2.7: PyPI's websocket-client 0.4, which speaks hixie-76; arguments as for client.rb.
# It writes the head and the nonce together, and its Origin is a host and port without a scheme.
import signal
import sys

import websocket

MESSAGES = ["", "The quick brown fox. " * 3414, u"κόσμε, grüße, мир, 世界, \U0001f980".encode("utf-8")]


def fail(why):
    print("FAILED %s" % why)
    sys.exit(1)


signal.signal(signal.SIGALRM, lambda *_: fail("nothing more within 15 s"))
signal.alarm(15)
options, url = dict(zip(sys.argv[1:-1:2], sys.argv[2:-1:2])), sys.argv[-1]
if options["--draft"] != "76":
    fail("websocket-client 0.4 speaks hixie-76 only")
way = options["--close"]
try:
    client = websocket.create_connection(url)
    if way != "at-once":
        for message in MESSAGES:
            client.send(message)
            echo = client.recv()
            if echo != message:
                fail("no echo of %d bytes" % len(message))
    if way == "ours":
        # close() of this version is silent about a bad answer, so its steps are taken here.
        client.io_sock.send("\xff\x00")
        if client._recv_strict(2) != "\xff\x00":
            fail("the closing bytes were not answered")
    else:
        if way == "theirs":
            client.send("please close")
        frame, length = client._recv(1), client._recv(1)
        if frame + length != "\xff\x00":
            fail("no closing bytes")
        client.io_sock.send("\xff\x00")
    if client.sock.recv(1) != "":
        fail("bytes after the close")
except Exception as error:
    fail("%s %s" % (type(error).__name__, error))
print("ok %s messages, close %s" % ("no" if way == "at-once" else len(MESSAGES), way))
