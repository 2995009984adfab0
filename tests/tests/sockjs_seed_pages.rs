//! The checks of the protocol's first suite, in its dialect, by the names they have there: pages,
//! session URLs, polling, streaming and scripts.

use core::time::Duration;

use sockjs_proto::Dialect;
use tests::suite::{Reply, Server};

const DIALECT: Dialect = Dialect::V0_0_4;

fn server() -> Server {
    Server::new(DIALECT)
}

fn verify_options(target: &str, methods: &str) {
    let mut server = server();
    for (fields, origin) in [(&[][..], "*"), (&["Origin: test"], "test")] {
        let reply = server.ask(&format!("OPTIONS {target}"), fields, "");
        reply.verify_preflight();
        assert_eq!(reply.field("Allow"), Some(methods));
        reply.verify_cors(origin, true);
        reply.verify_cookie();
    }
}

#[test]
fn base_url_greeting() {
    for url in ["/echo", "/echo/"] {
        let reply = server().get(url);
        assert_eq!(reply.status, 200);
        let text = Some("text/plain; charset=UTF-8");
        assert_eq!(reply.field("Content-Type"), text);
        assert_eq!(reply.text(), "Welcome to SockJS!\n");
        reply.verify_no_cookie();
    }
}

#[test]
fn base_url_not_found() {
    for end in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"] {
        server().get(&format!("/echo{end}")).verify_404();
    }
}

fn verify_iframe(end: &str) {
    let reply = server().get(&format!("/echo{end}"));
    assert_eq!(reply.status, 200);
    let html = Some("text/html; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), html);
    reply.verify_cached();
    reply.verify_no_cookie();
    // MD5 of the old form of the page around this client.
    let tag = "\"4241561678e5ae67f4d58ccffdd85f0b\"";
    assert_eq!(reply.field("ETag"), Some(tag));
    assert_eq!(reply.body.len(), 465);
    let order = "    _sockjs_onload = function(){SockJS.bootstrap_iframe();};\n  </script>\n  \
        <script src=\"http://localhost/sockjs.js\"></script>\n</head>";
    assert!(reply.text().contains(order), "{}", reply.text());
}

#[test]
fn iframe_simple_url() {
    verify_iframe("/iframe.html");
}

#[test]
fn iframe_versioned_url() {
    verify_iframe("/iframe-a.html");
    verify_iframe("/iframe-.html");
    verify_iframe("/iframe-0.1.2.html");
    verify_iframe("/iframe-0.1.2abc-dirty.2144.html");
}

#[test]
fn iframe_queried_url() {
    verify_iframe("/iframe-a.html?t=1234");
    verify_iframe("/iframe-0.1.2.html?t=123414");
    verify_iframe("/iframe-0.1.2abc-dirty.2144.html?t=qweqweq123");
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
    let known = format!("If-None-Match: {tag}");
    let reply = server.ask("GET /echo/iframe.html", &[&known], "");
    assert_eq!((reply.status, reply.text()), (304, ""));
    assert_eq!(reply.field("Content-Type"), None);
}

#[test]
fn chunking_test_basic() {
    let mut server = server();
    let client = server.begin("POST /echo/chunking_test", &[], "");
    let head = server.reply(client);
    assert_eq!(head.status, 200);
    let script = Some("application/javascript; charset=UTF-8");
    assert_eq!(head.field("Content-Type"), script);
    head.verify_no_cookie();
    head.verify_cors("*", true);
    assert_eq!(server.chunk(client), "h\n");
    assert_eq!(server.chunk(client), " ".repeat(2048) + "h\n");
    for millis in [5, 25, 125, 625, 3125] {
        server.pass(Duration::from_millis(millis - 1));
        assert!(server.is_waiting(client), "{millis} ms are not over");
        server.pass(Duration::from_millis(1));
        assert_eq!(server.chunk(client), "h\n");
    }
    assert!(server.reply(client).complete);
}

#[test]
fn chunking_test_options() {
    verify_options("/echo/chunking_test", "OPTIONS, POST");
}

#[test]
fn session_urls_any_value() {
    let mut server = server();
    for part in ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"] {
        assert_eq!(server.poll(&format!("/echo{part}")), "o\n");
    }
}

#[test]
fn session_urls_invalid_paths() {
    let mut server = server();
    for part in ["//", "/a./a", "/a/a.", "/./.", "/", "///"] {
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
fn protocol_simple_session() {
    let mut server = server();
    let url = server.open("/echo");
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
    let reply = server.post("/echo/000/bad_session/xhr_send", r#"["a"]"#);
    assert_eq!((reply.status, reply.text()), (404, ""));
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    let second = server.poll(&url);
    assert_eq!(second, "c[2010,\"Another connection still open\"]\n");
    assert!(server.is_waiting(first));
}

#[test]
fn protocol_close_session() {
    let mut server = server();
    let url = server.open("/close");
    assert_eq!(server.poll(&url), "c[3000,\"Go away!\"]\n");
    assert_eq!(server.poll(&url), "c[3000,\"Go away!\"]\n");
}

#[test]
fn xhr_polling_options() {
    for end in ["/xhr", "/xhr_send"] {
        verify_options(&format!("/echo/abc/abc{end}"), "OPTIONS, POST");
    }
}

fn verify_script(reply: &Reply) {
    assert_eq!(reply.status, 200);
    let script = Some("application/javascript; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), script);
    reply.verify_cookie();
}

#[test]
fn xhr_polling_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let reply = server.post(&format!("{url}/xhr"), "");
    assert_eq!(reply.text(), "o\n");
    verify_script(&reply);
    reply.verify_cors("*", true);
    let reply = server.post(&format!("{url}/xhr_send"), r#"["x"]"#);
    assert_eq!((reply.status, reply.text()), (204, ""));
    assert_eq!(reply.field("Content-Type"), Some("text/plain"));
    reply.verify_cookie();
    reply.verify_cors("*", true);
    assert_eq!(server.poll(&url), "a[\"x\"]\n");
}

#[test]
fn xhr_polling_invalid_session() {
    let reply = server().post("/echo/000/nobody/xhr_send", r#"["x"]"#);
    assert_eq!((reply.status, reply.text()), (404, ""));
}

#[test]
fn xhr_polling_invalid_json() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("{url}/xhr_send");
    for (body, text) in [
        (r#"["x"#, "Broken JSON encoding."),
        ("", "Payload expected."),
    ] {
        let reply = server.post(&send, body);
        assert_eq!((reply.status, reply.text()), (500, text));
    }
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
}

#[test]
fn xhr_polling_content_types() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("POST {url}/xhr_send");
    for media in ["text/plain", "T", "application/json", "application/xml", ""] {
        let reply = server.ask(&send, &[&format!("Content-Type: {media}")], r#"["a"]"#);
        assert_eq!((reply.status, reply.text()), (204, ""), "{media}");
    }
    assert_eq!(server.poll(&url), "a[\"a\",\"a\",\"a\",\"a\",\"a\"]\n");
}

#[test]
fn xhr_polling_jsessionid() {
    let mut server = server();
    let poll = format!("POST {}/xhr", server.session("/echo"));
    server.ask(&poll, &[], "").verify_cookie();
    let poll = format!("POST {}/xhr", server.session("/echo"));
    let reply = server.ask(&poll, &["Cookie: JSESSIONID=abcdef"], "");
    let cookie = Some("JSESSIONID=abcdef; path=/");
    assert_eq!(reply.field("Set-Cookie"), cookie);
}

#[test]
fn xhr_streaming_options() {
    verify_options("/echo/abc/abc/xhr_streaming", "OPTIONS, POST");
}

#[test]
fn xhr_streaming_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
    let head = server.reply(stream);
    verify_script(&head);
    head.verify_cors("*", true);
    assert_eq!(server.chunk(stream), "h".repeat(2048) + "\n");
    assert_eq!(server.chunk(stream), "o\n");
    server.tell(&url, r#"["x"]"#);
    assert_eq!(server.chunk(stream), "a[\"x\"]\n");
    assert!(server.is_waiting(stream));
}

#[test]
fn eventsource_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = server.begin(&format!("GET {url}/eventsource"), &[], "");
    let head = server.reply(stream);
    assert_eq!(head.status, 200);
    let media = Some("text/event-stream; charset=UTF-8");
    assert_eq!(head.field("Content-Type"), media);
    head.verify_not_cached(DIALECT);
    head.verify_cookie();
    assert_eq!(server.chunk(stream), "\r\n");
    assert_eq!(server.chunk(stream), "data: o\r\n\r\n");
    server.tell(&url, r#"["x"]"#);
    assert_eq!(server.chunk(stream), "data: a[\"x\"]\r\n\r\n");
    server.tell(&url, r#"["  \u0000\n\r "]"#);
    let blanks = "data: a[\"  \\u0000\\n\\r \"]\r\n\r\n";
    assert_eq!(server.chunk(stream), blanks);
}

#[test]
fn htmlfile_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = server.begin(&format!("GET {url}/htmlfile?c=%63allback"), &[], "");
    let head = server.reply(stream);
    assert_eq!(head.status, 200);
    let html = Some("text/html; charset=UTF-8");
    assert_eq!(head.field("Content-Type"), html);
    head.verify_not_cached(DIALECT);
    head.verify_cookie();
    let page = server.chunk(stream);
    assert!(page.len() > 1024);
    assert!(page.contains("    var c = parent.callback;\n"), "{page}");
    let open = "<script>\np(\"o\");\n</script>\r\n";
    assert_eq!(server.chunk(stream), open);
    server.tell(&url, r#"["x"]"#);
    let message = "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n";
    assert_eq!(server.chunk(stream), message);
}

#[test]
fn htmlfile_no_callback() {
    verify_no_callback("htmlfile");
}

#[test]
fn jsonp_polling_no_callback() {
    verify_no_callback("jsonp");
}

fn verify_no_callback(transport: &str) {
    let reply = server().get(&format!("/echo/a/a/{transport}"));
    let text = "\"callback\" parameter required";
    assert_eq!((reply.status, reply.text()), (500, text));
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn jsonp_polling_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let poll = format!("{url}/jsonp?c=%63allback");
    let reply = server.get(&poll);
    verify_script(&reply);
    reply.verify_not_cached(DIALECT);
    assert_eq!(reply.text(), "callback(\"o\");\r\n");
    let send = format!("POST {url}/jsonp_send");
    let reply = server.ask(&send, &[FORM], "d=%5B%22x%22%5D");
    assert_eq!((reply.status, reply.text()), (200, "ok"));
    assert_eq!(reply.field("Content-Type"), None);
    reply.verify_cookie();
    let reply = server.get(&poll);
    assert_eq!(reply.text(), "callback(\"a[\\\"x\\\"]\");\r\n");
}

#[test]
fn jsonp_polling_invalid_json() {
    let mut server = server();
    let url = server.session("/echo");
    let poll = format!("{url}/jsonp?c=x");
    assert_eq!(server.get(&poll).text(), "x(\"o\");\r\n");
    let send = format!("POST {url}/jsonp_send");
    for (body, text) in [
        ("d=%5B%22x", "Broken JSON encoding."),
        ("", "Payload expected."),
        ("d=", "Payload expected."),
        ("p=p", "Payload expected."),
    ] {
        let reply = server.ask(&send, &[FORM], body);
        assert_eq!((reply.status, reply.text()), (500, text), "{body}");
    }
    let reply = server.ask(&send, &[FORM], "d=%5B%22b%22%5D");
    assert_eq!(reply.text(), "ok");
    assert_eq!(server.get(&poll).text(), "x(\"a[\\\"b\\\"]\");\r\n");
}

#[test]
fn jsonp_polling_content_types() {
    let mut server = server();
    let url = server.session("/echo");
    let poll = format!("{url}/jsonp?c=x");
    assert_eq!(server.get(&poll).text(), "x(\"o\");\r\n");
    let send = format!("POST {url}/jsonp_send");
    for (media, body) in [
        (FORM, "d=%5B%22abc%22%5D"),
        ("Content-Type: text/plain", r#"["%61bc"]"#),
    ] {
        let reply = server.ask(&send, &[media], body);
        assert_eq!((reply.status, reply.text()), (200, "ok"));
    }
    let both = "x(\"a[\\\"abc\\\",\\\"%61bc\\\"]\");\r\n";
    assert_eq!(server.get(&poll).text(), both);
}
