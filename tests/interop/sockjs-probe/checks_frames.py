"""What the receiving transports write: preludes, frames, chunks, limits, escapes (1.7, 1.8)."""
import json
import time

from session import GO_AWAY, PRELUDE, Checks, embedded, javascript
from wire import Wrong, demand, new_id, same

CHECKS = Checks()

JAVASCRIPT = "application/javascript; charset=UTF-8"
HTML_HEAD = b"""<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%s;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"""
STREAMS = {"xhr_streaming": "xhr_streaming", "eventsource": "eventsource", "htmlfile": "htmlfile?c=cb"}
# What the server escapes from U+00FF up, and below U+0020.
ESCAPED = [*range(0x200C, 0x2010), *range(0x2028, 0x2030), *range(0x2060, 0x2070), *range(0xFFF0, 0x10000)]
CONTROLS = range(0x20)
SIMPLE = "!~\u00e9\u4e16"


@CHECKS.check("2.3-open")
def open_by_poll(target):
    session = target.session()
    with session.receiver("xhr", [("Origin", "http://x")]) as wire:
        same(wire.head.one("Content-Type"), JAVASCRIPT, "Content-Type")
        if wire.head.is_chunked():
            same(wire.chunk(), ("2", b"o\n"), "first chunk")
            same(wire.chunk(), ("0", b""), "last chunk")
        else:
            same(wire.body(wire.head), b"o\n", "body")


@CHECKS.check("2.3-batch")
def batch(target):
    session = target.session().open()
    session.send('["a\\u2028b%","c"]')
    same(session.poll(), b'a["a\\u2028b%","c"]\n', "both messages in one frame")
    for body in ('["a"]', '["b"]', '["c"]'):
        session.send(body)
    same(session.poll(), b'a["a","b","c"]\n', "three sends in one frame")


@CHECKS.check("2.3-pending")
def pending(target):
    session = target.session().open()
    with target.wire() as wire:
        wire.request("POST", f"{session.url}/xhr", body=b"")
        session.send('["x"]')
        same(wire.body(wire.answer()), b'a["x"]\n', "the waiting poll")


@CHECKS.check("2.3-post-without-length")
def post_without_length(target):
    with target.wire() as wire:
        wire.request("POST", f"/echo/000/{new_id()}/xhr")
        same(wire.body(wire.answer()), b"o\n", "body")


@CHECKS.check("2.3-body-ignored")
def body_ignored(target):
    same(target.ask("POST", f"/echo/000/{new_id()}/xhr", body='["x"]').body, b"o\n", "body")


@CHECKS.check("2.3-after-close")
def poll_after_close(target):
    session = target.session("/close").open()
    same([session.poll(), session.poll()], [GO_AWAY + b"\n"] * 2, "two polls after the end")


TYPES = {"xhr_streaming": lambda _: JAVASCRIPT, "eventsource": lambda dialect: dialect.eventsource_type,
         "htmlfile": lambda _: "text/html; charset=UTF-8"}
PRELUDES = {"xhr_streaming": "801", "eventsource": "2", "htmlfile": "405"}


@CHECKS.table("2.4-close", {name: (name, path) for name, path in STREAMS.items()})
def stream_of_close(target, name, path):
    with target.session("/close").receiver(path) as wire:
        same(wire.head.one("Content-Type"), TYPES[name](target.dialect), "Content-Type")
        demand(wire.head.is_chunked(), "not chunked")
        size, prelude = wire.chunk()
        same(size, PRELUDES[name], "the size of the first chunk")
        check_prelude(name, prelude)
        for frame in (b"o", GO_AWAY):
            same(wire.chunk()[1], embedded(name, frame), f"the chunk of {frame}")
        same(wire.chunk(), ("0", b""), "last chunk")


def check_prelude(name, prelude):
    if name == "xhr_streaming":
        same(prelude, PRELUDE, "prelude")
    elif name == "eventsource":
        same(prelude, b"\r\n", "prelude")
    else:
        same(prelude.strip(), HTML_HEAD % b"cb", "prelude, trimmed")
        same(prelude[-4:], b"\r\n\r\n", "the end of the prelude")


@CHECKS.check("2.4-limit-xhr_streaming")
def limit_of_streaming(target):
    session = target.session()
    message = json.dumps(["x" * 128]).encode()
    with session.stream("xhr_streaming") as wire:
        for _ in range(31):
            session.send(message)
            same(wire.chunk(), ("86", b"a" + message + b"\n"), "an echo")
        same(wire.chunk(), ("0", b""), "the end after 4156 bytes")
        for _ in range(9):
            session.send(message)
        wire.request("POST", f"{session.url}/xhr_streaming", body=b"")
        same(wire.answer().status, 200, "the next stream, on the same connection")
        same(wire.chunk(), ("801", PRELUDE), "its first chunk")
        same(wire.chunk(), ("49e", b"a" + json.dumps(["x" * 128] * 9, separators=(",", ":")).encode() + b"\n"), "its second")
        session.send('["y"]')
        same(wire.chunk()[1], b'a["y"]\n', "its third")


@CHECKS.table("2.4-limit-one-message", {name: (name, path) for name, path in STREAMS.items()})
def limit_of_one_message(target, name, path):
    session = target.session()
    with session.stream(path) as wire:
        session.send(json.dumps(["x" * 4096]))
        same(wire.chunk()[1], embedded(name, b'a["' + b"x" * 4096 + b'"]'), "the echo")
        same(wire.chunk(), ("0", b""), "the end")
    with session.receiver(path) as wire:
        wire.chunk()
        session.send('["y"]')
        same(wire.chunk()[1], embedded(name, b'a["y"]'), "the next stream's first frame")


@CHECKS.table("1.15-prompt", {name: (name, path) for name, path in STREAMS.items()})
def prompt(target, name, path):
    """What is written arrives at once, also where a proxy cuts the chunks anew."""
    for size in (1, 100, 4000, 4096, 5000, 20000, 65536):
        session = target.session()
        with session.receiver(path) as wire:
            body = b""
            while not body.endswith(embedded(name, b"o")):
                body += wire.chunk()[1]
            start = time.monotonic()
            session.send(json.dumps(["x" * size]))
            while not body.endswith(embedded(name, b'a["' + b"x" * size + b'"]')):
                body += wire.chunk()[1]
            if size >= 4096:
                same(wire.chunk(), ("0", b""), "the end")
            took = time.monotonic() - start
            demand(took < 2, f"{size} bytes took {took:.1f} s")


@CHECKS.check("2.5-percent")
def percent(target):
    session = target.session()
    with session.stream("eventsource") as wire:
        session.send('["%41 100%"]')
        same(wire.chunk()[1], b'data: a["%2541 100%25"]\r\n\r\n', "the event")


@CHECKS.check("2.5-escapes")
def eventsource_escapes(target):
    session = target.session()
    with session.stream("eventsource") as wire:
        session.send('["\\ud83d\\ude00\u200c\ufff0\u00e9"]'.encode())
        same(wire.chunk()[1], b'data: a["\\ud83d\\ude00\\u200c\\ufff0\xc3\xa9"]\r\n\r\n', "the event")


@CHECKS.check("2.6-script")
def htmlfile_script(target):
    session = target.session()
    with session.stream("htmlfile?c=cb") as wire:
        session.send('["x"]')
        same(wire.chunk()[1], b'<script>\np("a[\\"x\\"]");\n</script>\r\n', "a message")
        session.send('["</script>"]')
        same(wire.chunk()[1], b'<script>\np("a[\\"\\u003c/script\\u003e\\"]");\n</script>\r\n', "</script>")
        session.send('["<!-- & <script"]')
        same(wire.chunk()[1], b'<script>\np("a[\\"\\u003c!-- \\u0026 \\u003cscript\\"]");\n</script>\r\n', "a comment")


@CHECKS.table("2.6-nosniff", {"htmlfile": ("htmlfile?c=cb",), "jsonp": ("jsonp?c=cb",)})
def nosniff(target, path):
    with target.session().receiver(path) as wire:
        same(wire.head.one("X-Content-Type-Options"), "nosniff", "X-Content-Type-Options")


@CHECKS.check("6.2-htmlfile-document")
def htmlfile_as_document(target):
    session = target.session()
    with target.wire() as wire:
        wire.request("GET", f"{session.url}/htmlfile?c=cb", [("Sec-Fetch-Dest", "document")])
        demand(wire.answer().status != 200, "served to a document of its own")
    same(session.post('["x"]').status, 404, "the session was made all the same: a send")


MISSING, INVALID = b'"callback" parameter required', b'invalid "callback" parameter'
CALLBACKS = {"missing": ("", MISSING), "paren": ("?c=abc(", INVALID), "space": ("?c=%20", INVALID),
             "star": ("?c=*", INVALID), "encoded": ("?c=abc%28", INVALID), "quote": ("?c=a%22", INVALID),
             "newline": ("?c=a%0A", INVALID), "non-ascii": ("?c=%C3%A9", INVALID)}


@CHECKS.table("2.6-callback", {f"{name}-{kind}": (name, query, error) for name in ("htmlfile", "jsonp")
                               for kind, (query, error) in CALLBACKS.items()})
def bad_callback(target, name, query, error):
    session = target.session()
    answer = target.ask("GET", f"{session.url}/{name}{query}")
    same((answer.status, answer.body), (500, error), "status and body")
    same(session.post('["x"]').status, 404, "the session was made all the same: a send")


@CHECKS.table("6.1-callback", {f"{name}-{kind}": (name, query) for name in ("htmlfile", "jsonp")
                               for kind, query in {"empty": "", "digit": "1a", "dot": ".a", "dash": "-a"}.items()})
def callback_that_is_no_name(target, name, query):
    same(target.ask("GET", f"/echo/000/{new_id()}/{name}?c={query}").status, 500, "status")


@CHECKS.check("2.6-callback-jsonp-long")
def long_callback(target):
    same(target.ask("GET", f"/echo/000/{new_id()}/jsonp?c={'a' * 33}").body, INVALID, "33 characters")
    same(target.ask("GET", f"/echo/000/{new_id()}/jsonp?c={'a' * 32}").status, 200, "32 characters")


@CHECKS.table("2.7-callback", {"c": ("c=_jp.a12-3",), "alias": ("callback=_jp.a12-3",), "encoded": ("c=%5Fjp%2Ea12-3",),
                               "later": ("t=1&c=_jp.a12-3",)})
def callback(target, query):
    answer = target.ask("GET", f"/echo/000/{new_id()}/jsonp?{query}")
    same(answer.body, target.dialect.jsonp("_jp.a12-3", b'"o"'), "body")


@CHECKS.check("2.7-jsonp")
def jsonp(target):
    session = target.session()
    url = f"{session.url}/jsonp?c=cb"
    answer = target.ask("GET", url)
    same((answer.status, answer.one("Content-Type")), (200, JAVASCRIPT), "status and type")
    same(answer.body, target.dialect.jsonp("cb", b'"o"'), "body")
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    sent = session.post("d=%5B%22a+b%22%5D", form, "jsonp_send")
    same((sent.status, sent.body, sent.one("Content-Length")), (200, b"ok", "2"), "jsonp_send")
    same(sent.one("Content-Type"), target.dialect.jsonp_send_type, "its type")
    same(target.ask("GET", url).body, target.dialect.jsonp("cb", b'"a[\\"a b\\"]"'), "the echo")
    same(session.post('d=["%61bc"]', form, "jsonp_send").status, 200, "a form")
    same(session.post('["%61bc"]', name="jsonp_send").status, 200, "text/plain")
    same(target.ask("GET", url).body, target.dialect.jsonp("cb", b'"a[\\"abc\\",\\"%61bc\\"]"'), "both echoes")


@CHECKS.check("2.7-close")
def jsonp_close(target):
    url = f"/close/000/{new_id()}/jsonp?c=x"
    closed = target.dialect.jsonp("x", javascript(GO_AWAY))
    same([target.ask("GET", url).body for _ in range(3)], [target.dialect.jsonp("x", b'"o"'), closed, closed], "three polls")


# --- escapes (1.7) ------------------------------------------------------------------------------------


def echoed(target, name, text):
    """The frame that brings `text` back by way of a transport, out of its embedding; bytes."""
    session = target.session()
    body = json.dumps([text]).encode()
    if name == "xhr":
        session.open().send(body)
        return session.poll().removesuffix(b"\n")
    if name == "jsonp":
        target.ask("GET", f"{session.url}/jsonp?c=cb")
        session.send(body)
        answer = target.ask("GET", f"{session.url}/jsonp?c=cb").body
        return json.loads(answer.removeprefix(target.dialect.jsonp_comment)[3:-4]).encode()
    if name == "websocket":
        with target.websocket() as wire:
            wire.text(body)
            return wire.frame()[1]
    with session.stream(STREAMS[name]) as wire:
        session.send(body)
        frame = wire.chunk()[1]
    if name == "eventsource":
        return frame[6:-4].replace(b"%25", b"%")
    if name == "htmlfile":
        return json.loads(frame[len(b"<script>\np("):-len(b");\n</script>\r\n")]).encode()
    return frame.removesuffix(b"\n")


ALL = ("xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp", "websocket")


@CHECKS.table("2.14-escapes", {name: (name,) for name in ALL})
def escapes(target, name):
    text = "".join(map(chr, ESCAPED))
    wanted = "".join(f"\\u{code:04x}" for code in ESCAPED).encode()
    same(echoed(target, name, text), b'a["' + wanted + b'"]', "the 44 code points")


@CHECKS.table("1.7-controls", {name: (name,) for name in ALL})
def controls(target, name):
    text = "".join(map(chr, CONTROLS)) + "\"\\/" + SIMPLE
    frame = echoed(target, name, text)
    demand(not any(byte < 0x20 for byte in frame), f"a control character is in {frame!r}")
    same(json.loads(frame[1:]), [text], "what the frame says")


@CHECKS.table("1.7-lone-surrogates", {name: (name,) for name in ALL})
def lone_surrogates(target, name):
    text = "\ud800a\udfffb\udc00\ud800"
    same(echoed(target, name, text), b'a["\\ud800a\\udfffb\\udc00\\ud800"]', "the frame")


@CHECKS.table("1.7-every-unit", {name: (name,) for name in ALL})
def every_unit(target, name):
    """Each UTF-16 code unit, none of them next to a partner."""
    text = "".join(chr(code) + "|" for code in range(0x10000))
    try:
        values = json.loads(echoed(target, name, text)[1:])
    except UnicodeDecodeError as error:
        raise Wrong(f"not UTF-8: {error}") from None
    same(values, [text], "what came back")
