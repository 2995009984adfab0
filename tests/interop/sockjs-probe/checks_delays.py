"""Heartbeats and the end of idle sessions, on a server with delays of one second (1.12)."""
import time

from checks_frames import STREAMS
from session import Checks, embedded, javascript
from wire import demand, same

CHECKS = Checks()


def due(since, seconds=1.0):
    took = time.monotonic() - since
    demand(seconds * 0.8 < took < seconds + 0.7, f"after {took:.2f} s instead of {seconds}")


@CHECKS.table("1.12-heartbeat", {name: (path,) for name, path in STREAMS.items()})
def heartbeat_of_stream(target, path):
    session = target.session()
    with session.stream(path) as wire:
        for _ in range(2):
            start = time.monotonic()
            same(wire.chunk()[1], embedded(path, b"h"), "the heartbeat")
            due(start)
        session.send('["x"]')
        same(wire.chunk()[1], embedded(path, b'a["x"]'), "the echo")


@CHECKS.check("1.12-heartbeat-xhr")
def heartbeat_of_poll(target):
    session = target.session().open()
    start = time.monotonic()
    same(session.poll(), b"h\n", "the poll")
    due(start)
    session.send('["x"]')
    same(session.poll(), b'a["x"]\n', "the echo")


@CHECKS.check("1.12-heartbeat-jsonp")
def heartbeat_of_jsonp(target):
    url = f"{target.session().url}/jsonp?c=cb"
    target.ask("GET", url)
    start = time.monotonic()
    same(target.ask("GET", url).body, target.dialect.jsonp("cb", javascript(b"h")), "the poll")
    due(start)


@CHECKS.check("1.12-disconnect")
def disconnect(target):
    session = target.session().open()
    time.sleep(0.6)
    session.send('["x"]')
    time.sleep(0.9)
    same(session.post('["y"]').status, 404, "a send after the delay, which a send does not restart")
    same(session.poll(), b"o\n", "a poll after the delay")


@CHECKS.check("1.12-attached-outlives-delay")
def attached(target):
    session = target.session()
    with session.stream("xhr_streaming"):
        time.sleep(2.5)
        session.send('["x"]')


@CHECKS.check("1.12-closing-ends")
def closing_ends(target):
    """The close is served until the delay has passed, then a poll opens anew."""
    session = target.session("/close").open()
    time.sleep(0.4)
    same(session.poll(), b'c[3000,"Go away!"]\n', "a poll before the delay")
    time.sleep(1.8)
    same(session.poll(), b"o\n", "a poll after the delay")
