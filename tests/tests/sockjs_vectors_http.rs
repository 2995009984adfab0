//! The specification's vectors, byte for byte, through HTTP: pages and HTTP transports.

use sockjs_proto::{Config, Dialect};
use tests::ids;
use tests::suite::{Server, echo};
use websocket_proto::Drafts;
use websocket_proto::handshake::OriginPolicy;

fn server() -> Server {
    Server::new(Dialect::Newest)
}

const VECTORS: &[(&str, fn())] = &[
    ("2.1-greeting", greeting),
    ("2.1-info", info),
    ("2.1-info-preflight", info_preflight),
    ("2.2-iframe", iframe),
    ("2.3-xhr", xhr),
    ("2.3-three-sends", three_sends),
    ("2.4-close", streaming_close),
    ("2.4-limit", streaming_limit),
    ("2.4-limit-of-one-message", limit_of_one_message),
    ("2.5-close", eventsource_close),
    ("2.5-escapes", eventsource_escapes),
    ("2.6-page", htmlfile_page),
    ("2.6-message", htmlfile_message),
    ("2.6-callback", htmlfile_callback),
    ("2.7-round-trip", jsonp_round_trip),
    ("2.7-form-and-text", jsonp_form_and_text),
    ("2.7-close", jsonp_close),
    ("2.7-bodies", jsonp_bodies),
    ("2.8-errors", send_errors),
    ("2.9-second-receiver", second_receiver),
    ("2.9-cut", cut_receiver),
    ("2.9-timeout", timeout),
    ("2.10-cookies", cookies),
    ("2.13-keep-alive", http10_keep_alive),
    ("2.13-streaming", http10_streaming),
    ("2.14-escapes", escape_test),
];

#[test]
fn vectors() {
    for (id, vector) in VECTORS {
        println!("{id}");
        vector();
    }
    ids::check("sockjs-2-http", VECTORS.iter().map(|(id, _)| *id));
}

fn greeting() {
    let reply = server().get("/echo");
    assert_eq!(reply.status, 200);
    let text = Some("text/plain; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), text);
    assert_eq!(reply.field("Content-Length"), Some("19"));
    assert_eq!(reply.text(), "Welcome to SockJS!\n");
}

fn info() {
    let reply = server().ask("GET /echo/info", &["Origin: http://a.b:1"], "");
    assert_eq!(reply.status, 200);
    reply.verify_cors("http://a.b:1", true);
    reply.verify_not_cached(Dialect::Newest);
    assert_eq!(reply.field("Vary"), Some("Origin"));
    let json = Some("application/json; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), json);
    assert_eq!(
        reply.text(),
        r#"{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":117901063}"#
    );
}

fn info_preflight() {
    let fields = ["Origin: null", "Access-Control-Request-Headers: a, b"];
    let reply = server().ask("OPTIONS /echo/info", &fields, "");
    reply.verify_preflight();
    reply.verify_cors("null", true);
    assert_eq!(reply.field("Access-Control-Allow-Headers"), Some("a, b"));
    let methods = Some("OPTIONS, GET");
    assert_eq!(reply.field("Access-Control-Allow-Methods"), methods);
}

fn iframe() {
    let tag = "\"5a7a1ac4408427b794c788162b8e61cf\"";
    let reply = server().get("/echo/iframe.html");
    assert_eq!(reply.body.len(), 435);
    assert_eq!(reply.field("ETag"), Some(tag));
    let known = format!("If-None-Match: {tag}");
    let reply = server().ask("GET /echo/iframe.html", &[&known], "");
    assert_eq!((reply.status, reply.text()), (304, ""));
    assert_eq!(reply.field("Content-Type"), None);
}

fn xhr() {
    let mut server = server();
    let fields = ["Origin: http://x", "Content-Length: 0"];
    let client = server.begin("POST /echo/000/s1/xhr", &fields, "");
    let bytes = String::from_utf8(server.bytes(client)).expect("text");
    assert!(bytes.ends_with("\r\n\r\n2\r\no\n\r\n0\r\n\r\n"), "{bytes}");
    let script = "\r\nContent-Type: application/javascript; charset=UTF-8\r\n";
    assert!(bytes.contains(script), "{bytes}");
    let reply = server.post("/echo/000/s1/xhr_send", r#"["a\u2028b%","c"]"#);
    assert_eq!((reply.status, reply.text()), (204, ""));
    let text = Some("text/plain; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), text);
    let reply = server.post("/echo/000/s1/xhr", "");
    let frame = "13 a[\"a\\u2028b%\",\"c\"]\n";
    assert_eq!(reply.show_chunks(), [frame]);
}

fn three_sends() {
    let mut server = server();
    let url = server.open("/echo");
    for body in [r#"["a"]"#, r#"["b"]"#, r#"["c"]"#] {
        server.tell(&url, body);
    }
    let reply = server.post(&format!("{url}/xhr"), "");
    assert_eq!(reply.show_chunks(), ["f a[\"a\",\"b\",\"c\"]\n"]);
}

fn prelude() -> String {
    format!("801 {}\n", "h".repeat(2048))
}

fn streaming_close() {
    let reply = server().post("/close/000/s/xhr_streaming", "");
    let chunks = [&*prelude(), "2 o\n", "13 c[3000,\"Go away!\"]\n"];
    assert_eq!(reply.show_chunks(), chunks);
}

fn streaming_limit() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = format!("POST {url}/xhr_streaming");
    let client = server.begin(&stream, &[], "");
    let message = format!("\"{}\"", "x".repeat(128));
    for sent in 0..40 {
        assert_eq!(server.reply_is_complete(client), sent > 30, "{sent}");
        server.tell(&url, &format!("[{message}]"));
    }
    let reply = server.reply(client);
    let chunks = reply.show_chunks();
    assert_eq!(chunks.len(), 2 + 31);
    assert_eq!(chunks[..2], [&*prelude(), "2 o\n"]);
    for chunk in &chunks[2..] {
        assert_eq!(*chunk, format!("86 a[{message}]\n"));
    }
    let client = server.begin(&stream, &[], "");
    let rest = format!("49e a[{}]\n", [&*message; 9].join(","));
    assert_eq!(server.reply(client).show_chunks(), [prelude(), rest]);
}

fn limit_of_one_message() {
    for transport in ["GET eventsource", "GET htmlfile?c=cb", "POST xhr_streaming"] {
        let mut server = server();
        let url = server.session("/echo");
        let (method, end) = transport.split_once(' ').expect("two words");
        let client = server.begin(&format!("{method} {url}/{end}"), &[], "");
        assert!(!server.reply_is_complete(client));
        server.tell(&url, &format!("[\"{}\"]", "x".repeat(4096)));
        assert!(server.reply_is_complete(client), "{transport}");
        assert_eq!(server.reply(client).chunks.len(), 3);
    }
}

fn eventsource_close() {
    let reply = server().get("/close/000/s/eventsource");
    assert_eq!(reply.field("Content-Type"), Some("text/event-stream"));
    let chunks = [
        "2 \r\n",
        "b data: o\r\n\r\n",
        "1c data: c[3000,\"Go away!\"]\r\n\r\n",
    ];
    assert_eq!(reply.show_chunks(), chunks);
}

fn eventsource_escapes() {
    let mut server = server();
    let url = server.session("/echo");
    let client = server.begin(&format!("GET {url}/eventsource"), &[], "");
    server.tell(&url, r#"["%41 100%"]"#);
    server.tell(&url, "[\"\u{1f600}\u{200c}\u{fff0}\u{e9}\"]");
    let chunks = server.reply(client).show_chunks();
    let escaped = "data: a[\"%2541 100%25\"]\r\n\r\n";
    assert!(chunks[2].ends_with(escaped), "{chunks:?}");
    let escaped = " data: a[\"\\ud83d\\ude00\\u200c\\ufff0\u{e9}\"]\r\n\r\n";
    assert!(chunks[3].ends_with(escaped), "{chunks:?}");
}

fn htmlfile_page() {
    let mut server = server();
    let client = server.begin("GET /echo/000/s/htmlfile?c=cb", &[], "");
    let reply = server.reply(client);
    let page = std::str::from_utf8(&reply.chunks[0]).expect("text");
    assert_eq!(page.len(), 0x405);
    assert!(page.ends_with(" \r\n\r\n"));
    assert_eq!(page.trim(), PAGE.trim());
    let open = "1c <script>\np(\"o\");\n</script>\r\n";
    assert_eq!(reply.show_chunks()[1..], [open]);
}

const PAGE: &str = r#"
<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.cb;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>
"#;

fn htmlfile_message() {
    let mut server = server();
    let url = server.session("/echo");
    let client = server.begin(&format!("GET {url}/htmlfile?c=cb"), &[], "");
    let _ = (server.chunk(client), server.chunk(client));
    server.tell(&url, r#"["x"]"#);
    let frame = "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n";
    assert_eq!(server.chunk(client), frame);
    server.tell(&url, r#"["</script>"]"#);
    let frame = "<script>\np(\"a[\\\"\\u003c/script\\u003e\\\"]\");\n</script>\r\n";
    assert_eq!(server.chunk(client), frame);
}

fn htmlfile_callback() {
    for (query, text) in [
        ("", "\"callback\" parameter required"),
        ("?c=abc(", "invalid \"callback\" parameter"),
        ("?c=%20", "invalid \"callback\" parameter"),
        ("?c=*", "invalid \"callback\" parameter"),
        ("?c=abc%28", "invalid \"callback\" parameter"),
    ] {
        for transport in ["htmlfile", "jsonp"] {
            let mut server = server();
            let reply = server.get(&format!("/echo/000/s/{transport}{query}"));
            assert_eq!((reply.status, reply.text()), (500, text));
            assert_eq!(server.endpoint("/echo").session_count(), 0);
        }
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn jsonp_round_trip() {
    let mut server = server();
    let reply = server.get("/echo/000/s4/jsonp?c=cb");
    assert_eq!(reply.show_chunks(), ["e /**/cb(\"o\");\r\n"]);
    assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"));
    let script = Some("application/javascript; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), script);
    let send = "POST /echo/000/s4/jsonp_send";
    let reply = server.ask(send, &[FORM], "d=%5B%22a+b%22%5D");
    assert_eq!((reply.status, reply.text()), (200, "ok"));
    assert_eq!(reply.field("Content-Length"), Some("2"));
    let text = Some("text/plain; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), text);
    let reply = server.get("/echo/000/s4/jsonp?c=cb");
    assert_eq!(reply.show_chunks(), ["17 /**/cb(\"a[\\\"a b\\\"]\");\r\n"]);
}

fn jsonp_form_and_text() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("POST {url}/jsonp_send");
    server.ask(&send, &[FORM], "d=[\"abc\"]");
    server.ask(&send, &["Content-Type: text/plain"], r#"["%61bc"]"#);
    let reply = server.get(&format!("{url}/jsonp?c=x"));
    let both = "/**/x(\"a[\\\"abc\\\",\\\"%61bc\\\"]\");\r\n";
    assert_eq!(reply.text(), both);
}

fn jsonp_close() {
    let mut server = server();
    let poll = "/close/000/s/jsonp?c=x";
    assert_eq!(server.get(poll).text(), "/**/x(\"o\");\r\n");
    for _ in 0..2 {
        let close = "/**/x(\"c[3000,\\\"Go away!\\\"]\");\r\n";
        assert_eq!(server.get(poll).text(), close);
    }
}

fn jsonp_bodies() {
    let mut server = server();
    let send = format!("POST {}/jsonp_send", server.open("/echo"));
    for (body, status, text) in [
        ("", 500, "Payload expected."),
        ("d=", 500, "Payload expected."),
        ("p=p", 500, "Payload expected."),
        ("d=%5B%22x", 500, "Broken JSON encoding."),
        ("d=%5B%5D", 200, "ok"),
    ] {
        let reply = server.ask(&send, &[FORM], body);
        assert_eq!((reply.status, reply.text()), (status, text), "{body}");
    }
}

fn send_errors() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("POST {url}/xhr_send");
    for (field, body, text) in [
        ("Content-Type:", "", "Payload expected."),
        ("Content-Type:", r#"["a"#, "Broken JSON encoding."),
        ("Content-Type:", "{}", "Payload expected."),
        ("Content-Type: foo/bar", r#"["a"]"#, "Payload expected."),
    ] {
        let reply = server.ask(&send, &[field], body);
        assert_eq!((reply.status, reply.text()), (500, text));
    }
    let nobody = server.post("/echo/000/nobody/xhr_send", r#"["a"]"#);
    nobody.verify_404();
    let broken = server.post("/echo/000/nobody/xhr_send", "[");
    assert_eq!(
        (broken.status, broken.text()),
        (500, "Broken JSON encoding.")
    );
    server
        .get(&format!("{url}/xhr"))
        .verify_405("POST, OPTIONS");
    server.post("/echo/0/0/websocket", "").verify_405("GET");
}

fn second_receiver() {
    let frame = "c[2010,\"Another connection still open\"]";
    let script = frame.replace('"', "\\\"");
    for (line, expected) in [
        ("POST xhr", vec![format!("28 {frame}\n")]),
        (
            "POST xhr_streaming",
            vec![prelude(), format!("28 {frame}\n")],
        ),
        (
            "GET eventsource",
            vec!["2 \r\n".into(), format!("31 data: {frame}\r\n\r\n")],
        ),
        (
            "GET jsonp?c=cb",
            vec![format!("36 /**/cb(\"{script}\");\r\n")],
        ),
        (
            "GET htmlfile?c=cb",
            vec![format!("44 <script>\np(\"{script}\");\n</script>\r\n")],
        ),
    ] {
        let mut server = server();
        let url = server.open("/echo");
        let first = server.begin(&format!("POST {url}/xhr"), &[], "");
        let (method, end) = line.split_once(' ').expect("two words");
        let reply = server.ask(&format!("{method} {url}/{end}"), &[], "");
        let chunks = reply.show_chunks();
        let page = usize::from(line.contains("htmlfile"));
        assert_eq!(chunks[page..], expected, "{line}");
        server.tell(&url, r#"["still"]"#);
        assert_eq!(server.reply(first).text(), "a[\"still\"]\n");
    }
}

fn cut_receiver() {
    for transport in ["xhr", "xhr_streaming"] {
        let mut server = server();
        let url = server.open("/echo");
        let first = server.begin(&format!("POST {url}/{transport}"), &[], "");
        server.hang_up(first);
        let close = "c[1002,\"Connection interrupted\"]\n";
        assert_eq!(server.poll(&url), close, "{transport}");
    }
}

fn timeout() {
    let mut server = server();
    let url = server.open("/echo");
    server.pass(core::time::Duration::from_millis(5300));
    let send = format!("{url}/xhr_send");
    assert_eq!(server.post(&send, r#"["a"]"#).status, 404);
    assert_eq!(server.poll(&url), "o\n");
}

fn cookies() {
    let mut server = server();
    for (cookie, value) in [
        ("Cookie:", "dummy"),
        ("Cookie: JSESSIONID=abcdef", "abcdef"),
        ("Cookie: secret=1; x=2", "dummy"),
    ] {
        let url = server.session("/cookie_needed_echo");
        let reply = server.ask(&format!("POST {url}/xhr"), &[cookie], "");
        let expected = format!("JSESSIONID={value}; path=/");
        assert_eq!(reply.field("Set-Cookie"), Some(&*expected));
    }
    server.get("/cookie_needed_echo/info").verify_no_cookie();
}

fn http10_keep_alive() {
    let mut server = server();
    let fields = ["Connection: Keep-Alive"];
    let client = server.begin("GET /echo HTTP/1.0", &fields, "");
    let reply = server.reply(client);
    assert_eq!(reply.field("Content-Length"), Some("19"));
    assert_eq!(reply.field("Connection"), Some("keep-alive"));
    assert!(!server.is_over(client));
    let client = server.begin("GET /echo HTTP/1.0", &[], "");
    assert!(server.reply(client).complete && server.is_over(client));
}

fn http10_streaming() {
    let mut server = server();
    let line = "POST /close/000/x/xhr_streaming HTTP/1.0";
    let client = server.begin(line, &["Connection: Keep-Alive"], "");
    assert!(
        server.is_over(client),
        "the end of the connection is its end"
    );
    let reply = server.reply(client);
    assert_eq!(reply.field("Content-Length"), None);
    assert_eq!(reply.field("Transfer-Encoding"), None);
    let body = format!("{}\no\nc[3000,\"Go away!\"]\n", "h".repeat(2048));
    assert_eq!(reply.text(), body);
}

/// Every character that is escaped, from U+00FF up.
fn escape_test() {
    let config = Config {
        origins: OriginPolicy::Any,
        drafts: Drafts::NONE,
        websocket: false,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let all: Vec<char> = ['\u{200c}'..='\u{200f}', '\u{2028}'..='\u{202f}']
        .into_iter()
        .chain(['\u{2060}'..='\u{206f}', '\u{fff0}'..='\u{ffff}'])
        .flatten()
        .collect();
    assert_eq!(all.len(), 44);
    let text: String = all.iter().collect();
    let escaped: String = all
        .iter()
        .map(|&c| format!("\\u{:04x}", c as u32))
        .collect();
    let url = server.open("");
    server.tell(&url, &format!("[\"{text}\"]"));
    assert_eq!(server.poll(&url), format!("a[\"{escaped}\"]\n"));
}
