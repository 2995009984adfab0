//! The checks of the newest suite, by the names they have there: pages, session URLs, headers,
//! cookies and versions of HTTP.

use sockjs_proto::Dialect;
use tests::suite::{Reply, Server};

const DIALECT: Dialect = Dialect::Newest;

fn server() -> Server {
    Server::new(DIALECT)
}

fn verify_options(target: &str, methods: &str) {
    let mut server = server();
    for (fields, allow, credentials) in [
        (&[][..], "*", false),
        (&["Origin: test"], "test", true),
        (&["Origin: null"], "null", true),
    ] {
        let asked = ["Access-Control-Request-Method: POST"];
        let reply = server.ask(&format!("OPTIONS {target}"), &[fields, &asked].concat(), "");
        reply.verify_preflight();
        reply.verify_cors(allow, credentials);
        let allowed = reply.field("Access-Control-Allow-Methods");
        assert_eq!(allowed, Some(methods));
    }
}

#[test]
fn base_url_greeting() {
    for url in ["/echo", "/echo/"] {
        let reply = server().get(url);
        let text = Some("text/plain; charset=UTF-8");
        assert_eq!(reply.field("Content-Type"), text);
        let body = (reply.status, reply.text());
        assert_eq!(body, (200, "Welcome to SockJS!\n"));
        reply.verify_no_cookie();
    }
}

#[test]
fn base_url_not_found() {
    for end in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"] {
        server().get(&format!("/echo{end}")).verify_404();
    }
}

#[test]
fn iframe_page() {
    let mut server = server();
    for end in [
        "/iframe.html",
        "/iframe-a.html",
        "/iframe-.html",
        "/iframe-0.1.2.html",
        "/iframe-0.1.2abc-dirty.2144.html",
        "/iframe-a.html?t=1234",
        "/iframe-0.1.2.html?t=123414",
        "/iframe-0.1.2abc-dirty.2144.html?t=qweqweq123",
    ] {
        let reply = server.get(&format!("/echo{end}"));
        assert_eq!(reply.status, 200, "{end}");
        let html = Some("text/html; charset=UTF-8");
        assert_eq!(reply.field("Content-Type"), html);
        reply.verify_cached();
        reply.verify_no_cookie();
        let order = "  <script src=\"http://localhost/sockjs.js\"></script>\n  <script>\n    \
            document.domain = document.domain;\n    SockJS.bootstrap_iframe();\n  </script>\n</head>";
        assert!(reply.text().contains(order), "{}", reply.text());
    }
}

#[test]
fn iframe_invalid_url() {
    for end in [
        "/iframe.htm",
        "/iframe",
        "/IFRAME.HTML",
        "/IFRAME",
        "/iframe.HTML",
        "/iframe.xml",
        "/iframe-/.html",
    ] {
        server().get(&format!("/echo{end}")).verify_404();
    }
}

#[test]
fn iframe_cacheability() {
    let mut server = server();
    let first = server.get("/echo/iframe.html");
    let tag = first.field("ETag").expect("a tag");
    assert_eq!(server.get("/echo/iframe.html").field("ETag"), Some(tag));
    for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".into()] {
        let known = format!("If-None-Match: {known}");
        let reply = server.ask("GET /echo/iframe.html", &[&known], "");
        assert_eq!((reply.status, reply.text()), (304, ""));
        assert_eq!(reply.field("Content-Type"), None);
    }
    let reply = server.ask("GET /echo/iframe.html", &["If-None-Match: \"x\""], "");
    assert_eq!(reply.status, 200);
}

#[test]
fn info_basic() {
    for (prefix, websocket, cookie) in [
        ("/echo", true, false),
        ("/disabled_websocket_echo", false, false),
        ("/cookie_needed_echo", true, true),
    ] {
        let reply = server().get(&format!("{prefix}/info"));
        assert_eq!(reply.status, 200);
        let json = Some("application/json; charset=UTF-8");
        assert_eq!(reply.field("Content-Type"), json);
        reply.verify_no_cookie();
        reply.verify_not_cached(DIALECT);
        reply.verify_cors("*", false);
        let text = format!(
            "{{\"websocket\":{websocket},\"origins\":[\"*:*\"],\"cookie_needed\":{cookie},\"entropy\":117901063}}"
        );
        assert_eq!(reply.text(), text);
    }
}

#[test]
fn info_options() {
    verify_options("/echo/info", "OPTIONS, GET");
}

#[test]
fn session_urls_any_value() {
    let mut server = server();
    for part in [
        "/a/a",
        "/_/_",
        "/1/1",
        "/abcdefgh_i-j%20/abcdefg_i-j%20",
        "/%/%",
    ] {
        assert_eq!(server.poll(&format!("/echo{part}")), "o\n");
    }
}

#[test]
fn session_urls_invalid_paths() {
    let mut server = server();
    for part in ["//", "/a./a", "/a/a.", "/./.", "/", "///", "/a/a;b"] {
        let url = format!("/echo{part}/xhr");
        server.get(&url).verify_404();
        server.post(&url, "").verify_404();
    }
}

#[test]
fn session_urls_ignoring_server_id() {
    let mut server = server();
    assert_eq!(server.poll("/echo/000/abc"), "o\n");
    server.tell("/echo/000/abc", r#"["a"]"#);
    assert_eq!(server.poll("/echo/999/abc"), "a[\"a\"]\n");
}

#[test]
fn ids_are_compared_as_they_stand() {
    let mut server = server();
    assert_eq!(server.poll("/echo/000/x%41y"), "o\n");
    assert_eq!(server.poll("/echo/000/xAy"), "o\n");
}

#[test]
fn two_services_share_no_session() {
    let mut server = server();
    assert_eq!(server.poll("/echo/000/abc"), "o\n");
    let send = "/cookie_needed_echo/000/abc/xhr_send";
    assert_eq!(server.post(send, r#"["a"]"#).status, 404);
}

#[test]
fn transports_options() {
    for end in ["xhr", "xhr_send", "xhr_streaming"] {
        verify_options(&format!("/echo/abc/abc/{end}"), "OPTIONS, POST");
    }
}

#[test]
fn xhr_polling_request_headers_cors() {
    let mut server = server();
    for (asked, allowed) in [("a, b, c", Some("a, b, c")), ("", None)] {
        let field = format!("Access-Control-Request-Headers: {asked}");
        let url = format!("OPTIONS {}/xhr", server.session("/echo"));
        let reply = server.ask(&url, &[&field], "");
        reply.verify_preflight();
        assert_eq!(reply.field("Access-Control-Allow-Headers"), allowed);
    }
}

#[test]
fn wrong_methods() {
    let mut server = server();
    for (method, end, allow) in [
        ("POST", "", "GET"),
        ("POST", "/iframe.html", "GET"),
        ("POST", "/info", "OPTIONS, GET"),
        ("GET", "/0/0/xhr", "POST, OPTIONS"),
        ("PUT", "/0/0/xhr_streaming", "POST, OPTIONS"),
        ("GET", "/0/0/xhr_send", "POST, OPTIONS"),
        ("POST", "/0/0/eventsource", "GET"),
        ("OPTIONS", "/0/0/htmlfile?c=x", "GET"),
        ("POST", "/0/0/jsonp?c=x", "GET"),
        ("GET", "/0/0/jsonp_send", "POST"),
        ("POST", "/websocket", "GET"),
    ] {
        let reply = server.ask(&format!("{method} /echo{end}"), &[], "");
        reply.verify_405(allow);
    }
    assert_eq!(server.endpoint("/echo").session_count(), 0);
}

fn verify_jsessionid(method: &str, end: &str) {
    let mut server = server();
    for (field, value) in [
        ("Cookie: unrelated=cookie", "dummy"),
        ("Cookie: JSESSIONID=abcdef", "abcdef"),
        ("Cookie: a=b; JSESSIONID=xy; c=d", "xy"),
    ] {
        let line = format!("{method} {}/{end}", server.session("/cookie_needed_echo"));
        let client = server.begin(&line, &[field], "");
        let reply = server.reply(client);
        assert_eq!(reply.status, 200, "{line}");
        let cookie = format!("JSESSIONID={value}; path=/");
        assert_eq!(reply.field("Set-Cookie"), Some(&*cookie));
        let line = format!("{method} {}/{end}", server.session("/echo"));
        let client = server.begin(&line, &[field], "");
        server.reply(client).verify_no_cookie();
    }
}

#[test]
fn jsessionid_cookie_on_every_receiver() {
    verify_jsessionid("POST", "xhr");
    verify_jsessionid("POST", "xhr_streaming");
    verify_jsessionid("GET", "eventsource");
    verify_jsessionid("GET", "htmlfile?c=cb");
    verify_jsessionid("GET", "jsonp?c=cb");
}

#[test]
fn jsessionid_cookie_on_senders() {
    let mut server = server();
    let url = server.open("/cookie_needed_echo");
    let reply = server.post(&format!("{url}/xhr_send"), r#"["a"]"#);
    reply.verify_cookie();
    let reply = server.post(&format!("{url}/jsonp_send"), r#"["a"]"#);
    reply.verify_cookie();
}

#[test]
fn http10_synchronous() {
    let mut server = server();
    let client = server.begin("GET /echo HTTP/1.0", &["Connection: keep-alive"], "");
    let reply = server.reply(client);
    assert_eq!(reply.text(), "Welcome to SockJS!\n");
    assert_eq!(reply.field("Transfer-Encoding"), None);
    assert_eq!(reply.field("Content-Length"), Some("19"));
    server.send(client, b"GET /echo HTTP/1.0\r\n\r\n");
    assert_eq!(server.reply(client).text(), "Welcome to SockJS!\n");
    assert!(server.is_over(client));
}

fn verify_http10(reply: &Reply) {
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("Transfer-Encoding"), None);
    assert_eq!(reply.field("Content-Length"), None);
}

#[test]
fn http10_streaming() {
    let mut server = server();
    let line = "POST /close/000/s/xhr_streaming HTTP/1.0";
    let client = server.begin(line, &["Connection: keep-alive"], "");
    let reply = server.reply(client);
    verify_http10(&reply);
    let body = "h".repeat(2048) + "\no\nc[3000,\"Go away!\"]\n";
    assert_eq!(reply.text(), body);
    assert!(server.is_over(client));
}

#[test]
fn http10_polling() {
    let mut server = server();
    let client = server.begin("POST /echo/000/s/xhr HTTP/1.0", &[], "");
    let reply = server.reply(client);
    verify_http10(&reply);
    assert_eq!(reply.text(), "o\n");
    assert!(server.is_over(client));
}

#[test]
fn http11_synchronous() {
    let mut server = server();
    let client = server.begin("GET /echo", &["Connection: Keep-Alive"], "");
    for _ in 0..3 {
        let reply = server.reply(client);
        assert_eq!(reply.text(), "Welcome to SockJS!\n");
        assert_eq!(reply.field("Content-Length"), Some("19"));
        server.send(client, b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
}

#[test]
fn http11_streaming() {
    let mut server = server();
    let line = "POST /close/000/s/xhr_streaming";
    let client = server.begin(line, &[], "");
    let reply = server.reply(client);
    assert_eq!(reply.field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(reply.field("Content-Length"), None);
    assert_eq!(reply.chunks.len(), 3);
    server.send(client, b"GET /close HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(server.reply(client).status, 200, "the connection goes on");
}

#[test]
fn upgrades_of_what_is_no_websocket() {
    let fields = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    ];
    for version in ["1.0", "1.1"] {
        for (line, status) in [
            ("GET /echo", 200),
            ("GET /echo/info", 200),
            ("GET /echo/iframe.html", 200),
            ("POST /echo/000/a/xhr", 200),
            ("POST /echo/000/b/xhr_send", 404),
            ("GET /echo/a", 404),
            ("GET /disabled_websocket_echo/0/0/websocket", 404),
            ("GET /disabled_websocket_echo/websocket", 404),
            ("POST /echo/0/0/websocket", 405),
        ] {
            let mut server = server();
            let body = if line.contains("send") { "[]" } else { "" };
            let line = format!("{line} HTTP/{version}");
            let client = server.begin(&line, &fields, body);
            let reply = server.reply(client);
            assert!(reply.complete, "{line}");
            assert_eq!(reply.status, status, "{line}");
            assert_eq!(server.bytes(client), b"", "{line} has one answer");
        }
    }
}
