"""CORS, cookies and caching (1.2, 1.10, 1.11)."""
from checks_pages import forever
from session import Checks
from wire import demand, new_id, same

CHECKS = Checks()

ORIGINS = {"none": None, "other": "http://a.b:1", "null": "null"}
SESSION_POSTS = ("xhr", "xhr_streaming", "xhr_send")


def origin_headers(origin):
    return [] if origin is None else [("Origin", origin)]


def cors(target, answer, origin):
    same(answer.one("Access-Control-Allow-Origin"), target.dialect.allowed_origin(origin), "Access-Control-Allow-Origin")
    same(answer.one("Access-Control-Allow-Credentials"), target.dialect.credentials(origin),
         "Access-Control-Allow-Credentials")
    demand("origin" in (answer.one("Vary") or "").lower(), f"Vary is {answer.one('Vary')}")


def head_of(target, path, headers=(), method="POST"):
    """The head of an answer whose body may not end."""
    with target.wire() as wire:
        wire.request(method, path, headers, b"" if method == "POST" else None)
        return wire.answer()


@CHECKS.table("1.10-post", {f"{name}-{kind}": (name, origin) for name in SESSION_POSTS for kind, origin in ORIGINS.items()})
def cors_on_posts(target, name, origin):
    session = target.session()
    if name == "xhr_send":
        session.open()
    cors(target, head_of(target, f"{session.url}/{name}", origin_headers(origin)), origin)


@CHECKS.table("1.10-preflight", {f"{name}-{kind}": (name, origin) for name in SESSION_POSTS for kind, origin in ORIGINS.items()})
def preflight(target, name, origin):
    answer = target.ask("OPTIONS", f"/echo/000/{new_id()}/{name}", origin_headers(origin))
    demand(answer.status in ((204, 200) if target.dialect.preflight_superset else (204,)), answer.line)
    cors(target, answer, origin)
    listed = answer.one(target.dialect.preflight_list) or ""
    if target.dialect.preflight_superset:
        demand({"OPTIONS", "POST"} <= set(listed.split(", ")), f"{target.dialect.preflight_list}: {listed}")
    else:
        same(listed, "OPTIONS, POST", target.dialect.preflight_list)
    same(answer.one("Access-Control-Max-Age"), "31536000", "Access-Control-Max-Age")
    forever(answer)
    same(answer.body, b"", "body")


@CHECKS.table("1.10-info", {f"{method}-{kind}": (method, origin) for method in ("GET", "OPTIONS") for kind, origin in ORIGINS.items()},
              since="0.2")
def cors_on_info(target, method, origin):
    cors(target, target.ask(method, "/echo/info", origin_headers(origin)), origin)


@CHECKS.check("1.10-chunking-test", until="0.1")
def cors_on_chunking_test(target):
    cors(target, head_of(target, "/echo/chunking_test", origin_headers("http://a.b:1")), "http://a.b:1")
    answer = target.ask("OPTIONS", "/echo/chunking_test", origin_headers("http://a.b:1"))
    cors(target, answer, "http://a.b:1")
    same(answer.status, 204, "status")
    same(answer.one("Allow"), "OPTIONS, POST", "Allow")
    forever(answer)


@CHECKS.table("1.10-eventsource", {kind: (origin,) for kind, origin in ORIGINS.items()}, since="newest")
def cors_on_eventsource(target, origin):
    cors(target, head_of(target, f"/echo/000/{new_id()}/eventsource", origin_headers(origin), "GET"), origin)


@CHECKS.table("1.10-without-cors", {"htmlfile": ("htmlfile?c=a",), "jsonp": ("jsonp?c=a",)})
def no_cors(target, name):
    answer = head_of(target, f"/echo/000/{new_id()}/{name}", origin_headers("http://a.b:1"), "GET")
    same(answer.one("Access-Control-Allow-Origin"), None, "Access-Control-Allow-Origin")


HEADERS = {"two": ("a, b", "a, b"), "odd": ("X-Custom_1,content-type", "X-Custom_1,content-type"), "empty": ("", None), "none": (None, None)}


@CHECKS.table("1.10-allow-headers", HEADERS, since="0.3.3")
def allow_headers(target, asked, allowed):
    headers = origin_headers("http://a.b:1") + ([] if asked is None else [("Access-Control-Request-Headers", asked)])
    for path in (f"/echo/000/{new_id()}/xhr", "/echo/info"):
        same(target.ask("OPTIONS", path, headers).one("Access-Control-Allow-Headers"), allowed, path)


@CHECKS.table("1.10-allow-headers-on-post", HEADERS, since="0.3", until="0.3")
def allow_headers_on_post(target, asked, allowed):
    headers = origin_headers("http://a.b:1") + ([] if asked is None else [("Access-Control-Request-Headers", asked)])
    answer = target.ask("POST", f"/echo/000/{new_id()}/xhr", headers, b"")
    same(answer.one("Access-Control-Allow-Headers"), allowed, "Access-Control-Allow-Headers")


# --- cookies ----------------------------------------------------------------------------------------

COOKIES = {
    "none": (None, "dummy"), "given": ("JSESSIONID=abcdef", "abcdef"), "foreign": ("secret=1; x=2", "dummy"),
    "among": ("a=b; JSESSIONID=abc-1.2; c=d", "abc-1.2"), "like": ("XJSESSIONID=abc", "dummy"),
    "unsafe": ("JSESSIONID=a\"b\\c", "dummy"), "long": (f"JSESSIONID={'a' * 129}", "dummy"),
}
WITH_COOKIE = (("POST", "xhr"), ("POST", "xhr_streaming"), ("GET", "eventsource"), ("GET", "htmlfile?c=a"),
               ("GET", "jsonp?c=a"), ("POST", "jsonp_send"))


def with_cookie(target):
    return "/echo" if target.dialect.always_cookie else "/cookie_needed_echo"


@CHECKS.table("2.10-cookie", COOKIES)
def cookie_value(target, sent, set_to):
    headers = [] if sent is None else [("Cookie", sent)]
    answer = head_of(target, f"{with_cookie(target)}/000/{new_id()}/xhr", headers)
    same(answer.one("Set-Cookie"), f"JSESSIONID={set_to}; path=/", "Set-Cookie")


@CHECKS.table("2.10-cookie-on", {name.split("?")[0]: (method, name) for method, name in WITH_COOKIE})
def cookie_on(target, method, name):
    session = target.session(with_cookie(target))
    if name == "jsonp_send":
        session.open()
    with target.wire() as wire:
        body = b'["x"]' if name == "jsonp_send" else b"" if method == "POST" else None
        wire.request(method, f"{session.url}/{name}", [("Content-Type", "text/plain")] if body else [], body)
        answer = wire.answer()
    same(answer.status, 200, "status")
    same(answer.one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


@CHECKS.table("2.10-cookie-on-options", {name: (name,) for name in SESSION_POSTS}, until="0.2.1")
def cookie_on_options(target, name):
    answer = target.ask("OPTIONS", f"/echo/000/{new_id()}/{name}")
    same(answer.one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


@CHECKS.check("2.10-cookie-on-xhr_send", until="0.2.1")
def cookie_on_send(target):
    same(target.session().open().post('["x"]').one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


@CHECKS.check("2.10-cookie-on-options-chunking_test", until="0.2.1")
def cookie_on_probe_options(target):
    same(target.ask("OPTIONS", "/echo/chunking_test").one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


@CHECKS.check("2.10-cookie-on-options-info", since="0.2", until="0.2.1")
def cookie_on_info_options(target):
    same(target.ask("OPTIONS", "/echo/info").one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


@CHECKS.table("2.10-no-cookie", {name.split("?")[0]: (method, name) for method, name in WITH_COOKIE[:5]}, since="0.3")
def no_cookie(target, method, name):
    same(head_of(target, f"/echo/000/{new_id()}/{name}", method=method).one("Set-Cookie"), None, "Set-Cookie")


@CHECKS.check("2.10-no-cookie-on-pages")
def no_cookie_on_pages(target):
    for path in ("", "/info", "/iframe.html"):
        same(target.ask("GET", f"/cookie_needed_echo{path}", [("Cookie", "JSESSIONID=a")]).one("Set-Cookie"), None, path)


@CHECKS.check("1.18-unknown-session-cookie", since="0.1", until="0.2.1")
def unknown_session_cookie(target):
    answer = target.session().post('["x"]')
    same(answer.status, 404, "status")
    same(answer.one("Set-Cookie"), "JSESSIONID=dummy; path=/", "Set-Cookie")


# --- caching ----------------------------------------------------------------------------------------


def uncached(target, answer, required=True):
    value = answer.one("Cache-Control")
    if required or value is not None:
        same(value, target.dialect.no_cache, "Cache-Control")
    same(answer.one("Expires"), None, "Expires")
    same(answer.one("Last-Modified"), None, "Last-Modified")
    if target.dialect.no_etag:
        same(answer.one("ETag"), None, "ETag")


@CHECKS.check("1.2-no-cache-info", since="0.2")
def info_uncached(target):
    uncached(target, target.ask("GET", "/echo/info"))


@CHECKS.table("1.2-no-cache", {name.split("?")[0]: (method, name) for method, name in WITH_COOKIE[:5]})
def receivers_uncached(target, method, name):
    answer = head_of(target, f"/echo/000/{new_id()}/{name}", method=method)
    uncached(target, answer, method == "GET" or target.dialect.no_cache_on_post)


@CHECKS.table("1.2-no-cache", {"xhr_send": ("xhr_send",), "jsonp_send": ("jsonp_send",)})
def senders_uncached(target, name):
    session = target.session().open()
    uncached(target, session.post('["x"]', name=name), target.dialect.no_cache_on_post)


@CHECKS.table("1.15-unbuffered", {name.split("?")[0]: (method, name) for method, name in WITH_COOKIE[1:4]})
def unbuffered(target, method, name):
    answer = head_of(target, f"/echo/000/{new_id()}/{name}", method=method)
    same((answer.one("X-Accel-Buffering") or "").lower(), "no", "X-Accel-Buffering")
