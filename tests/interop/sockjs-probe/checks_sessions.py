"""The life of a session: second receivers, cut receivers, timers, races (1.12)."""
import json
import time

from checks_frames import STREAMS
from session import GO_AWAY, TAKEN, Checks, embedded, javascript
from wire import demand, new_id, same

CHECKS = Checks()

CUT = b'c[1002,"Connection interrupted"]\n'
DISCONNECT_DELAY = 5.0  # seconds
ROUNDS = 100


def second(target, session, path):
    """The body that a further receiver gets."""
    answer = target.ask("POST" if path.startswith("xhr") else "GET", f"{session.url}/{path}",
                        body=b"" if path.startswith("xhr") else None)
    same(answer.status, 200, "status")
    return answer.body


@CHECKS.table("2.9-second", {name: (path,) for name, path in STREAMS.items()}, since="0.2")
def second_stream(target, path):
    session = target.session()
    with session.stream(path) as first:
        body = second(target, session, path)
        refused = embedded(path, TAKEN)
        demand(body.endswith(refused), f"{body[-100:]!r} instead of {refused!r}")
        demand(embedded(path, b"o") not in body, "a second o")
        session.send('["still"]')
        same(first.chunk()[1], embedded(path, b'a["still"]'), "what the first receiver gets after that")


@CHECKS.check("2.9-second-xhr")
def second_poll(target):
    session = target.session().open()
    with target.wire() as first:
        first.request("POST", f"{session.url}/xhr", body=b"")
        time.sleep(0.2)
        same(second(target, session, "xhr"), TAKEN + b"\n", "the second poll")
        session.send('["still"]')
        same(first.body(first.answer()), b'a["still"]\n', "the first poll")


@CHECKS.check("2.9-second-jsonp")
def second_jsonp(target):
    session = target.session()
    url = f"{session.url}/jsonp?c=cb"
    target.ask("GET", url)
    with target.wire() as first:
        first.request("GET", url)
        time.sleep(0.2)
        same(second(target, session, "jsonp?c=cb"), target.dialect.jsonp("cb", javascript(TAKEN)), "the second poll")
        session.send('["still"]')
        same(first.body(first.answer()), target.dialect.jsonp("cb", javascript(b'a["still"]')), "the first poll")


@CHECKS.check("2.9-second-after-close", since="0.2")
def second_after_close(target):
    """The close frame is served again, and again."""
    session = target.session("/close")
    for _ in range(3):
        with session.receiver("xhr_streaming") as wire:
            body = wire.body(wire.head)
            demand(body.endswith(GO_AWAY + b"\n"), f"{body[-60:]!r}")


def after_cut(target, session):
    """What the receivers of a cut session get: the close, or as sockjs-node a new session."""
    end = time.monotonic() + 2
    while (body := session.poll()) == TAKEN + b"\n":
        demand(time.monotonic() < end, "the cut receiver still counts after 2 s")
        time.sleep(0.02)
    return body


@CHECKS.table("2.9-cut", {name: (path,) for name, path in STREAMS.items()}, since="0.2")
def cut_stream(target, path):
    session = target.session()
    session.stream(path).close()
    demand(after_cut(target, session) in (b"o\n", CUT), "neither o nor 1002")


@CHECKS.check("2.9-cut-xhr", since="0.2")
def cut_poll(target):
    session = target.session().open()
    wire = target.wire()
    wire.request("POST", f"{session.url}/xhr", body=b"")
    time.sleep(0.2)
    wire.close()
    demand(after_cut(target, session) in (b"o\n", CUT), "neither o nor 1002")


@CHECKS.table("1.17-cut-1002", {name: (path,) for name, path in STREAMS.items()}, since="0.2")
def cut_is_told(target, path):
    session = target.session()
    session.stream(path).close()
    time.sleep(0.1)
    same([after_cut(target, session), session.poll()], [CUT] * 2, "two polls after the cut")
    same(session.post('["x"]').status, 404, "a send after the cut")


@CHECKS.check("2.9-timeout")
def timeout(target):
    session = target.session().open()
    time.sleep(DISCONNECT_DELAY - 0.7)
    session.send('["x"]')
    time.sleep(1.2)
    same(session.post('["y"]').status, 404, "a send after the delay")
    same(session.poll(), b"o\n", "a poll after the delay")


@CHECKS.check("2.9-poll-restarts-delay")
def poll_restarts_delay(target):
    session = target.session().open()
    for round in range(2):
        time.sleep(DISCONNECT_DELAY * 0.6)
        session.send(f'["{round}"]')
        same(session.poll(), f'a["{round}"]\n'.encode(), f"poll {round}")


@CHECKS.check("1.12-pending-outlives-delay")
def pending_outlives_delay(target):
    session = target.session().open()
    with target.wire() as wire:
        wire.request("POST", f"{session.url}/xhr", body=b"")
        time.sleep(DISCONNECT_DELAY + 0.6)
        session.send('["x"]')
        same(wire.body(wire.answer()), b'a["x"]\n', "the poll that waited")


@CHECKS.check("1.12-race-same-connection")
def race_same_connection(target):
    """The next poll is on its way before the last chunk of the one before has been read."""
    session = target.session()
    with target.wire() as wire:
        wire.request("POST", f"{session.url}/xhr", body=b"")
        for round in range(ROUNDS):
            body = wire.body(wire.answer())
            same(body, b"o\n" if round == 0 else f'a["{round - 1}"]\n'.encode(), f"poll {round}")
            wire.request("POST", f"{session.url}/xhr", body=b"")
            session.send(f'["{round}"]')


@CHECKS.check("1.12-race-other-connection")
def race_other_connection(target):
    """The next poll comes by another connection the instant the frame is there."""
    session = target.session()
    wires = [target.wire(), target.wire()]
    try:
        wires[0].request("POST", f"{session.url}/xhr", body=b"")
        for round in range(ROUNDS):
            current, other = wires[round % 2], wires[1 - round % 2]
            answer = current.answer()
            first = current.chunk()[1] if answer.is_chunked() else current.exactly(int(answer.one("Content-Length")))
            other.request("POST", f"{session.url}/xhr", body=b"")
            same(first, b"o\n" if round == 0 else f'a["{round - 1}"]\n'.encode(), f"poll {round}")
            if answer.is_chunked():
                same(current.chunk(), ("0", b""), "the end")
            session.send(f'["{round}"]')
    finally:
        for wire in wires:
            wire.close()


@CHECKS.check("1.12-race-stream")
def race_stream(target):
    """A stream that reached its limit is followed at once, by another connection."""
    session = target.session()
    text = "x" * 4096
    wire = session.stream("xhr_streaming")
    for round in range(20):
        session.send(f'["{round}{text}"]')
        frame = wire.chunk()[1]
        after = target.wire()
        after.request("POST", f"{session.url}/xhr_streaming", body=b"")
        same(frame, f'a["{round}{text}"]\n'.encode(), f"stream {round}")
        same(wire.chunk(), ("0", b""), "the end of the stream")
        wire.close()
        same(after.answer().status, 200, "the next stream")
        same(len(after.chunk()[1]), 2049, "its prelude")
        wire = after
    wire.close()


@CHECKS.check("1.12-send-before-poll-answered")
def sends_in_a_row(target):
    """Order holds over many sends while polls come and go."""
    session = target.session().open()
    got = []
    with target.wire() as sender, target.wire() as poller:
        poller.request("POST", f"{session.url}/xhr", body=b"")
        for number in range(0, 200, 2):
            same(sender.ask("POST", f"{session.url}/xhr_send", body=f'["{number}","{number + 1}"]').status, 204, "send")
        while len(got) < 200:
            got += json.loads(poller.body(poller.answer())[1:])
            poller.request("POST", f"{session.url}/xhr", body=b"")
    same(got, [str(number) for number in range(200)], "the numbers")


@CHECKS.check("1.12-websocket-ids-apart")
def websocket_ids_apart(target):
    id = new_id()
    session = target.session(id=id).open()
    path = f"/echo/000/{id}/websocket"
    with target.websocket(path) as one, target.websocket(path) as two:
        one.text('["1"]')
        two.text('["2"]')
        session.send('["3"]')
        same([one.frame()[1], two.frame()[1], session.poll()], [b'a["1"]', b'a["2"]', b'a["3"]\n'], "three echoes")
