"""Which paths and methods there are (1.2)."""
from session import Checks
from wire import Wrong, demand, new_id, same

CHECKS = Checks()

NOT_FOUND = ("//", "///", "/a", "/a.html", "/a/a", "/a/a/", "/a/", "//x/y", "/x//y")
BAD_SESSIONS = ("//", "/a./a", "/a/a.", "/./.", "//a", "/a//", "/a/a/a", "/a;b/c", "/a/c;b")
METHODS = ("GET", "POST", "PUT", "OPTIONS", "DELETE")
OLD_ALLOW = {"POST, OPTIONS": {"POST", "OPTIONS"}, "OPTIONS, GET": {"OPTIONS", "GET"}, "GET": {"GET"}, "POST": {"POST"}}


@CHECKS.table("1.2-not-found", {f"{method}-{path}": (method, path) for path in NOT_FOUND for method in METHODS[:3]})
def not_found(target, method, path):
    answer = target.ask(method, "/echo" + path, body=None if method == "GET" else b"")
    same(answer.status, 404, f"{method} /echo{path}")
    same(answer.one("Set-Cookie"), None, "Set-Cookie")
    demand("max-age=3" not in (answer.one("Cache-Control") or ""), "a 404 for ever")


@CHECKS.table("1.2-bad-session", {f"{method}-{part}": (method, part) for part in BAD_SESSIONS for method in ("GET", "POST")})
def bad_session(target, method, part):
    path = f"/echo{part}/{'htmlfile?c=a' if method == 'GET' else 'xhr'}"
    same(target.ask(method, path, body=None if method == "GET" else b"").status, 404, f"{method} {path}")


@CHECKS.table("1.2-unknown-transport", {name: (name,) for name in ("xhr_polling", "XHR", "xhr%5Fsend", "%78hr", "xdr")})
def unknown_transport(target, name):
    same(target.ask("POST", f"/echo/000/{new_id()}/{name}", body=b"").status, 404, name)


@CHECKS.table("1.2-prefix", {name: (path,) for name, path in {
    "longer": "/echox", "longer-info": "/echox/info", "capital": "/ECHO", "before": "/x/echo"}.items()})
def other_prefix(target, path):
    demand(target.ask("GET", path).body != b"Welcome to SockJS!\n", f"{path} is a service")


@CHECKS.table("1.2-not-allowed", {f"{method}-{path}": (method, path, allow) for path, methods, allow in [
    ("", "POST PUT DELETE", "GET"),
    ("/iframe.html", "POST PUT", "GET"),
    ("/S/I/xhr", "GET PUT DELETE", "POST, OPTIONS"),
    ("/S/I/xhr_streaming", "GET PUT", "POST, OPTIONS"),
    ("/S/I/xhr_send", "GET PUT", "POST, OPTIONS"),
    ("/S/I/eventsource?x", "POST PUT OPTIONS", "GET"),
    ("/S/I/htmlfile?c=a", "POST PUT OPTIONS", "GET"),
    ("/S/I/jsonp?c=a", "POST PUT OPTIONS", "GET"),
    ("/S/I/jsonp_send", "GET PUT OPTIONS", "POST"),
    ("/S/I/websocket", "POST PUT", "GET"),
] for method in methods.split()})
def not_allowed(target, method, path, allow):
    answer = target.ask(method, "/echo" + path.replace("S/I", f"000/{new_id()}"), body=b"")
    refused(target, answer, allow)


@CHECKS.table("1.2-not-allowed", {f"{method}-info": (method,) for method in ("POST", "PUT")}, since="0.2")
def info_not_allowed(target, method):
    refused(target, target.ask(method, "/echo/info", body=b""), "OPTIONS, GET")


@CHECKS.table("1.2-not-allowed", {f"{method}-raw": (method,) for method in ("POST", "PUT")}, since="0.2")
def raw_not_allowed(target, method):
    refused(target, target.ask(method, "/echo/websocket", body=b""), "GET")


def refused(target, answer, allow):
    same(answer.status, 405, "status")
    same(answer.one("Content-Type"), None, "Content-Type")
    same(answer.one("Set-Cookie"), None, "Set-Cookie")
    same(answer.body, b"", "body")
    if target.dialect.since("0.2"):
        methods = {method.strip() for method in (answer.one("Allow") or "").split(",")}
        demand(methods >= OLD_ALLOW[allow], f"Allow is {answer.one('Allow')}, not {allow}")


@CHECKS.table("1.2-upgrade-elsewhere", {path: (path,) for path in ("/echo", "/echo/info", "/echo/a.b", "/echo/000/I/xhr")})
def upgrade_elsewhere(target, path):
    """CVE-2020-7693: an upgrade on a path that has none must be answered once, and the server must live."""
    with target.wire() as wire:
        try:
            answer = wire.upgrade(path.replace("/I/", f"/{new_id()}/"))
        except Wrong:
            answer = None  # sockjs-node closes without a word
        demand(answer is None or answer.status != 101, "upgraded")
    same(target.ask("GET", "/echo").status, 200, "the next request")


@CHECKS.check("1.2-server-id-ignored")
def server_id(target):
    id = new_id()
    same(target.ask("POST", f"/echo/000/{id}/xhr", body=b"").body, b"o\n", "open")
    same(target.ask("POST", f"/echo/999/{id}/xhr_send", body=b'["x"]').status, 204, "send by way of 999")
    same(target.ask("POST", f"/echo/zzz/{id}/xhr", body=b"").body, b'a["x"]\n', "poll by way of zzz")


@CHECKS.check("1.2-ids-undecoded")
def undecoded(target):
    id = new_id()
    for name in (f"{id}%41y", f"{id}Ay", f"{id}%20", f"{id}%", f"{id}%zz", f"{id}~!$&'()*+,=:@"):
        same(target.ask("POST", f"/echo/%20/{name}/xhr", body=b"").body, b"o\n", f"session {name}")


@CHECKS.check("1.2-query-ignored")
def query(target):
    session = target.session()
    same(target.ask("POST", f"{session.url}/xhr?t=1&u=/a.b", body=b"").body, b"o\n", "open")
    session.send('["x"]')
    same(target.ask("POST", f"{session.url}/xhr?t=2", body=b"").body, b'a["x"]\n', "poll")


@CHECKS.check("1.2-trailing-slash")
def trailing_slash(target):
    same(target.ask("POST", f"/echo/000/{new_id()}/xhr/", body=b"").body, b"o\n", "a poll with a slash behind it")


@CHECKS.check("1.2-other-service")
def other_service(target):
    """A session belongs to the service it was opened on."""
    session = target.session().open()
    id = session.url.split("/")[-1]
    same(target.ask("POST", f"/cookie_needed_echo/000/{id}/xhr_send", body=b'["x"]').status, 404, "send by another service")


@CHECKS.table("1.2-websocket-disabled", {"upgrade": (True,), "plain": (False,)})
def websocket_disabled(target, upgrade):
    path = f"/disabled_websocket_echo/000/{new_id()}/websocket"
    with target.wire() as wire:
        answer = wire.upgrade(path) if upgrade else wire.ask("GET", path)
    same(answer.status, 404, "status")
    demand(len(answer.body) <= 1024, f"{len(answer.body)} bytes of body")
    demand("max-age=3" not in (answer.one("Cache-Control") or ""), "a 404 for ever")


@CHECKS.check("1.2-raw-disabled", since="0.2")
def raw_disabled(target):
    with target.wire() as wire:
        same(wire.upgrade("/disabled_websocket_echo/websocket").status, 404, "status")
