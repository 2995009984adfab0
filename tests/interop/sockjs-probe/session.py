"""What the checks share: the list of checks, the server, one session over HTTP."""
import json

from dialect import NAMES
from wire import Wire, demand, new_id, same

PRELUDE = b"h" * 2048 + b"\n"
GO_AWAY = b'c[3000,"Go away!"]'
TAKEN = b'c[2010,"Another connection still open"]'


class Checks:
    """The checks of one file, by id."""

    def __init__(self):
        self.rows = []

    def check(self, name, since="0.0.4", until="newest"):
        """Marks a function as a check for the dialects from `since` to `until`."""
        def add(run):
            self.rows.append((name, NAMES.index(since), NAMES.index(until), run))
            return run
        return add

    def table(self, prefix, rows, since="0.0.4", until="newest"):
        """The same check for each row: `rows` maps the rest of the id to the arguments."""
        def add(run):
            for name, arguments in rows.items():
                self.check(f"{prefix}-{name}", since, until)(
                    lambda target, arguments=arguments: run(target, *arguments))
            return run
        return add

    def of(self, dialect):
        return [(name, run) for name, first, last, run in self.rows if first <= dialect.rank <= last]


class Target:
    """The server and the dialect it is to speak."""

    def __init__(self, address, dialect):
        self.address = address
        self.dialect = dialect

    def wire(self):
        return Wire(self.address)

    def ask(self, method, path, headers=(), body=None, version="HTTP/1.1"):
        with self.wire() as wire:
            return wire.ask(method, path, headers, body, version)

    def session(self, base="/echo", id=None):
        return Session(self, base, id or new_id())

    def websocket(self, path=None, draft="13"):
        """An open WebSocket behind its `o`."""
        wire = self.wire()
        answer = wire.upgrade(path or f"/echo/000/{new_id()}/websocket", draft)
        same(answer.status, 101, "the handshake")
        same(wire.frame(), (0x81, b"o"), "the first frame")
        return wire


class Session:
    """One session over HTTP, whichever the transports."""

    def __init__(self, target, base, id):
        self.target = target
        self.url = f"{base}/000/{id}"

    def poll(self, headers=()):
        """What one poll brings."""
        answer = self.target.ask("POST", f"{self.url}/xhr", headers, b"")
        same(answer.status, 200, "a poll")
        return answer.body

    def open(self):
        same(self.poll(), b"o\n", "the first poll")
        return self

    def post(self, body, headers=(("Content-Type", "text/plain"),), name="xhr_send"):
        return self.target.ask("POST", f"{self.url}/{name}", headers, body)

    def send(self, body):
        """Sends what must be accepted."""
        same(self.post(body).status, 204, f"the status for {body[:80]!r}")
        return self

    def receiver(self, name, headers=(), version="HTTP/1.1"):
        """A receiver that is left open, behind its head."""
        wire = self.target.wire()
        method = "POST" if name.startswith("xhr") else "GET"
        wire.request(method, f"{self.url}/{name}", headers, b"" if method == "POST" else None, version)
        answer = wire.answer()
        demand(answer.status == 200, f"{name} answered {answer.line}")
        wire.head = answer
        return wire

    def stream(self, name):
        """An open stream behind its prelude and `o`."""
        wire = self.receiver(name)
        wire.chunk()
        same(wire.chunk()[1], embedded(name, b"o"), f"the second chunk of {name}")
        return wire


def javascript(frame):
    """`frame` as a JavaScript string, the way JSONP and htmlfile embed it."""
    return json.dumps(frame.decode(), ensure_ascii=False).encode()


def embedded(name, frame):
    """One frame as a streaming transport writes it."""
    name = name.split("?")[0]
    if name == "eventsource":
        return b"data: " + frame.replace(b"%", b"%25") + b"\r\n\r\n"
    if name == "htmlfile":
        return b"<script>\np(" + javascript(frame) + b");\n</script>\r\n"
    return frame + b"\n"
