"""xhr_send and jsonp_send: types, forms, errors and their order (1.9)."""
from session import Checks
from wire import same

CHECKS = Checks()

EXPECTED, BROKEN = b"Payload expected.", b"Broken JSON encoding."
PLAIN = "text/plain"
FORM = "application/x-www-form-urlencoded"


@CHECKS.check("2.3-send")
def send(target):
    answer = target.session().open().post('["x"]')
    same((answer.status, answer.body), (204, b""), "status and body")
    same(answer.one("Content-Type"), target.dialect.send_type, "Content-Type")


TYPES = ("text/plain", "T", "application/json", "application/xml", "", "text/plain;charset=UTF-8",
         "application/json; charset=utf-8", "text/xml; charset=utf-8", "text/xml")


@CHECKS.table("1.9-type", {value or "empty": (value,) for value in TYPES} | {"absent": (None,)})
def accepted_type(target, value):
    session = target.session().open()
    same(session.post('["x"]', [] if value is None else [("Content-Type", value)]).status, 204, "status")
    same(session.poll(), b'a["x"]\n', "the echo")


BAD = {"empty": ("", EXPECTED), "open": ('["a', BROKEN), "word": ("a", BROKEN), "behind": ('["a"]x', BROKEN), "object": ("{}", EXPECTED),
       "string": ('"a"', EXPECTED), "number": ("1", EXPECTED), "null": ("null", EXPECTED), "number-item": ('["a",1]', EXPECTED),
       "null-item": ('[null,"a"]', EXPECTED), "array-item": ('["a",[]]', EXPECTED), "object-item": ('[{"a":2}]', EXPECTED),
       "not-utf8": (b'["\xff"]', BROKEN), "control": ('["\n"]', BROKEN)}


@CHECKS.table("2.8-xhr_send", BAD)
def bad_payload(target, body, error):
    session = target.session().open()
    answer = session.post(body)
    same((answer.status, answer.body), (500, error), "status and body")
    session.send('["after"]')
    same(session.poll(), b'a["after"]\n', "the next echo")


@CHECKS.table("2.8-jsonp_send", {name: (body, error) for name, (body, error) in {
    "empty": (b"", EXPECTED), "empty-d": (b"d=", EXPECTED), "no-d": (b"p=p", EXPECTED), "broken": (b"d=%5B%22x", BROKEN),
    "object": (b"d={}", EXPECTED), "number-item": (b"d=[1]", EXPECTED)}.items()})
def bad_form(target, body, error):
    session = target.session().open()
    answer = session.post(body, [("Content-Type", FORM)], "jsonp_send")
    same((answer.status, answer.body), (500, error), "status and body")


@CHECKS.check("2.8-foreign-type")
def foreign_type(target):
    answer = target.session().open().post('["x"]', [("Content-Type", "foo/bar")])
    same((answer.status, answer.body), (500, EXPECTED), "status and body")


@CHECKS.check("2.8-empty-array")
def empty_array(target):
    session = target.session().open()
    same(session.post("[]").status, 204, "xhr_send")
    same(session.post("d=%5B%5D", [("Content-Type", FORM)], "jsonp_send").status, 200, "jsonp_send")
    session.send('["x"]')
    same(session.poll(), b'a["x"]\n', "the next echo")


@CHECKS.table("2.7-form", {"plus": ("d=%5B%22a+b%22%5D", b'a["a b"]\n'), "encoded-plus": ("d=[%22a%2Bb%22]", b'a["a+b"]\n'),
                           "letter": ('d=["%61"]', b'a["a"]\n'), "behind": ("x=y&d=%5B%22a%22%5D&z", b'a["a"]\n'),
                           "utf8": ("d=%5B%22%C3%A9%22%5D", 'a["\u00e9"]\n'.encode())})
def form(target, body, echo):
    session = target.session().open()
    same(session.post(body, [("Content-Type", FORM)], "jsonp_send").status, 200, "status")
    same(session.poll(), echo, "the echo")


@CHECKS.table("1.9-unknown-session", {"xhr_send": ("xhr_send",), "jsonp_send": ("jsonp_send",)})
def unknown_session(target, name):
    session = target.session()
    same(session.post('["x"]', name=name).status, 404, "a good body")
    same(session.post('["x', name=name).status, 500, "a broken body")
    same(session.post("", name=name).status, 500, "no body")
    same(session.poll(), b"o\n", "none of them made a session: a poll")


@CHECKS.check("1.18-unknown-session-body", until="0.0.4")
def unknown_session_body(target):
    same(target.session().post('["x"]').body, b"", "body")


@CHECKS.table("1.9-other-receiver", {"eventsource": ("eventsource",), "htmlfile": ("htmlfile?c=cb",), "jsonp": ("jsonp?c=cb",)})
def other_receiver(target, path):
    session = target.session()
    with session.receiver(path):
        same(session.post('["x"]').status, 204, "xhr_send")


@CHECKS.check("1.9-large")
def large(target):
    session = target.session().open()
    text = "0123456789abcdef" * 16384
    session.send(f'["{text}"]')
    same(session.poll(), f'a["{text}"]\n'.encode(), "256 KiB")


@CHECKS.check("1.9-expect-continue")
def expect_continue(target):
    """Bodies over 1 KiB from curl wait for this."""
    session = target.session().open()
    with target.wire() as wire:
        wire.send(f"POST {session.url}/xhr_send HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n".encode())
        same(wire.answer().status, 100, "the interim answer")
        wire.send(b'["x"]')
        same(wire.answer().status, 204, "the answer")


@CHECKS.check("1.9-chunked-request")
def chunked_request(target):
    session = target.session().open()
    with target.wire() as wire:
        wire.request("POST", f"{session.url}/xhr_send", [("Transfer-Encoding", "chunked")])
        wire.send(b'3\r\n["x\r\n2\r\n"]\r\n0\r\n\r\n')
        same(wire.answer().status, 204, "status")
    same(session.poll(), b'a["x"]\n', "the echo")


@CHECKS.check("1.12-closing-send")
def closing_send(target):
    """404 or, as sockjs-node, 204 and dropped (1.17); never a success that is delivered."""
    session = target.session("/close").open()
    same(session.post('["x"]').status in (204, 404), True, "204 or 404")
