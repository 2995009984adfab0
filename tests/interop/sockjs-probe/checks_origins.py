"""The default policy on origins: the server's own, and who names none (6.4)."""
from session import Checks
from wire import demand, same

CHECKS = Checks()

PATHS = {"info": ("GET", "/echo/info"), "xhr": ("POST", "S/xhr"), "xhr_streaming": ("POST", "S/xhr_streaming"),
         "eventsource": ("GET", "S/eventsource"), "preflight": ("OPTIONS", "S/xhr")}
FOREIGN = {"foreign": [("Origin", "http://a.b:1")], "null": [("Origin", "null")], "port": [("Origin", "http://127.0.0.1:1")],
           "suffix": [("Origin", "http://127.0.0.1.a.b")], "fetch": [("Sec-Fetch-Site", "cross-site")]}


def path_of(target, path):
    """The path, with a session of its own for S."""
    session = target.session()
    return session, path.replace("S/", f"{session.url}/")


@CHECKS.table("6.4-refused", {f"{name}-{kind}": (*PATHS[name], headers) for name in PATHS if name != "info"
                              for kind, headers in FOREIGN.items()})
def refused(target, method, path, headers):
    session, path = path_of(target, path)
    demand_refusal(target.ask(method, path, headers, b"" if method == "POST" else None))
    same(session.post('["x"]').status, 404, "the session was made all the same: a send")


@CHECKS.table("6.4-refused-info", {kind: (headers,) for kind, headers in FOREIGN.items()}, since="0.2")
def info_refused(target, headers):
    demand_refusal(target.ask("GET", "/echo/info", headers))


def demand_refusal(answer):
    same((answer.status, answer.body), (403, b""), "status and body")
    for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Set-Cookie"):
        same(answer.one(name), None, name)


@CHECKS.table("6.4-refused-send", {f"{name}-{kind}": (name, headers) for name in ("xhr_send", "jsonp_send")
                                   for kind, headers in FOREIGN.items()})
def send_refused(target, name, headers):
    session = target.session().open()
    # Without "any origin" there is no JSONP at all: its reads cannot be guarded.
    refusal = 404 if name == "jsonp_send" else 403
    same(session.post('["x"]', [("Content-Type", "text/plain"), *headers], name).status, refusal, "status")
    session.send('["y"]')
    same(session.poll(), b'a["y"]\n', "the next echo")


@CHECKS.table("6.4-refused-websocket", {"foreign": (FOREIGN["foreign"],), "null": (FOREIGN["null"],)})
def websocket_refused(target, headers):
    session, path = path_of(target, "S/websocket")
    with target.wire() as wire:
        wire.request("GET", path, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                                   ("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw=="), *headers])
        answer = wire.answer()
        body = wire.body(answer)
    if target.dialect.since("0.3"):
        same((answer.status, body), (403, b""), "status and body")
    else:
        same((answer.status, body.strip()), (400, b"Unverified origin."), "status and body")


@CHECKS.table("6.4-allowed", {name: PATHS[name] for name in ("xhr", "xhr_streaming", "eventsource", "preflight")})
def allowed(target, method, path):
    own = f"http://{target.address[0]}:{target.address[1]}"
    for headers in ([("Origin", own)], [("Origin", own), ("Sec-Fetch-Site", "same-origin")], []):
        with target.wire() as wire:
            wire.request(method, path_of(target, path)[1], headers, b"" if method == "POST" else None)
            answer = wire.answer()
        demand(answer.status in (200, 204), f"{headers}: {answer.line}")


@CHECKS.check("6.4-allowed-websocket")
def websocket_allowed(target):
    target.websocket().close()
