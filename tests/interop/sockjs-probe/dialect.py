"""What the dialects of SockJS say differently, as one value."""
NAMES = ("0.0.4", "0.1", "0.2", "0.2.1", "0.3", "0.3.3", "newest")


class Dialect:
    def __init__(self, name):
        self.name = name
        self.rank = NAMES.index(name)
        info = self.since("0.2")
        self.always_cookie = not self.since("0.3")
        self.preflight_list = "Access-Control-Allow-Methods" if info else "Allow"
        self.preflight_superset = self.since("0.3.3")
        self.no_cache = "no-store, no-cache, no-transform, must-revalidate, max-age=0" if name == "newest" \
            else "no-store, no-cache, must-revalidate, max-age=0"
        self.no_cache_on_post = self.since("0.3.3")
        self.no_etag = not info
        self.send_type = "text/plain; charset=UTF-8" if info else "text/plain"
        self.jsonp_send_type = "text/plain; charset=UTF-8" if info else None
        self.eventsource_type = "text/event-stream" if name == "newest" else "text/event-stream; charset=UTF-8"
        self.jsonp_comment = b"/**/" if name == "newest" else b""
        self.old_iframe = name != "newest"
        self.old_upgrade_errors = name != "newest"

    def since(self, name):
        return self.rank >= NAMES.index(name)

    def allowed_origin(self, origin):
        if origin is None or (origin == "null" and self.name in ("0.3", "0.3.3")):
            return "*"
        return origin

    def credentials(self, origin):
        if not self.since("0.3.3"):
            return "true"
        if origin is None or (origin == "null" and self.name == "0.3.3"):
            return None
        return "true"

    def jsonp(self, callback, frame):
        return self.jsonp_comment + callback.encode() + b"(" + frame + b");\r\n"
