//! The SockJS services and their options: every transport once, and what each option changes. The rules
//! of the protocol have their tests elsewhere.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use support::{Answer, Server, refused};
use tungstenite::{Message, WebSocket};

/// A server whose services any page may use, with more options.
fn open(options: &[&str]) -> Server {
    Server::start_with(
        ["--listen", "127.0.0.1:0", "--allow-origin", "*"]
            .into_iter()
            .chain(options.iter().copied()),
    )
}

/// One request with a body, in the oldest version of HTTP, whose responses have no framing.
fn post(server: &Server, path: &str, fields: &str, body: &str) -> Answer {
    let length = body.len();
    support::exchange_with_body(
        server.connect(),
        &format!("POST {path} HTTP/1.0\r\nHost: a\r\nContent-Length: {length}\r\n{fields}"),
        body,
    )
}

fn poll(server: &Server, session: &str) -> String {
    post(server, &format!("{session}/xhr"), "", "").body
}

fn send(server: &Server, session: &str, body: &str) {
    let answer = post(server, &format!("{session}/xhr_send"), "", body);
    assert_eq!(answer.status, 204, "{}", answer.body);
}

/// A response that goes on.
struct Streaming {
    stream: TcpStream,
    seen: String,
}

impl Streaming {
    fn open(server: &Server, method: &str, path: &str) -> Self {
        let mut stream = server.connect();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: a\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("taken");
        Self {
            stream,
            seen: String::new(),
        }
    }

    /// Reads on until `part` has come.
    fn expect(&mut self, part: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(part) {
            let n = match self.stream.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.expect("more comes in time"),
            };
            assert!(n > 0, "ended without {part:?}: {}", self.seen);
            self.seen += std::str::from_utf8(&bytes[..n]).expect("ASCII");
        }
    }

    /// Reads to the end.
    fn rest(mut self) -> String {
        self.stream.read_to_string(&mut self.seen).expect("an end");
        self.seen
    }
}

fn text(socket: &mut WebSocket<TcpStream>) -> String {
    loop {
        match socket.read().expect("a message") {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Ping(_) => {}
            other => panic!("{other:?} is no text"),
        }
    }
}

#[test]
fn every_transport_once() {
    let server = open(&[]);

    let mut socket = server.websocket("/echo/000/ws/websocket");
    assert_eq!(text(&mut socket), "o");
    socket.send(Message::text(r#"["a"]"#)).expect("sent");
    assert_eq!(text(&mut socket), r#"a["a"]"#);

    let mut raw = server.websocket("/echo/websocket");
    raw.send(Message::text("a")).expect("sent");
    assert_eq!(text(&mut raw), "a");

    assert_eq!(poll(&server, "/echo/000/xhr"), "o\n");
    send(&server, "/echo/000/xhr", r#"["a","b"]"#);
    assert_eq!(poll(&server, "/echo/000/xhr"), "a[\"a\",\"b\"]\n");

    for (method, name, query, open, message) in [
        ("POST", "xhr_streaming", "", "\no\n", "a[\"%\"]\n"),
        (
            "GET",
            "eventsource",
            "",
            "\r\ndata: o\r\n\r\n",
            "data: a[\"%25\"]\r\n\r\n",
        ),
        (
            "GET",
            "htmlfile",
            "?c=cb",
            "p(\"o\");",
            "<script>\np(\"a[\\\"%\\\"]\");\n</script>\r\n",
        ),
    ] {
        let session = format!("/echo/000/{name}");
        let mut stream = Streaming::open(&server, method, &format!("{session}/{name}{query}"));
        stream.expect(open);
        send(&server, &session, r#"["%"]"#);
        stream.expect(message);
    }

    let jsonp = || server.get_old("/echo/000/jsonp/jsonp?c=cb").body;
    assert_eq!(jsonp(), "/**/cb(\"o\");\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let sent = post(
        &server,
        "/echo/000/jsonp/jsonp_send",
        form,
        "d=%5B%22a+b%22%5D",
    );
    assert_eq!((sent.status, sent.body.as_str()), (200, "ok"));
    assert_eq!(jsonp(), "/**/cb(\"a[\\\"a b\\\"]\");\r\n");
}

#[test]
fn pages_of_every_service() {
    let server = open(&[]);
    for (service, websocket, cookie) in [
        ("/echo", true, false),
        ("/disabled_websocket_echo", false, false),
        ("/cookie_needed_echo", true, true),
        ("/close", true, false),
        ("/ticker", true, false),
        ("/amplify", true, false),
        ("/broadcast", true, false),
        ("/chat", true, false),
    ] {
        for path in [service.to_owned(), format!("{service}/")] {
            assert_eq!(server.get(&path).body, "Welcome to SockJS!\n", "{path}");
        }
        let info = server.get(&format!("{service}/info")).body;
        let told = format!(r#""websocket":{websocket},"origins":["*:*"],"cookie_needed":{cookie}"#);
        assert!(info.contains(&told), "{service}: {info}");
        let page = server.get(&format!("{service}/iframe.html"));
        let script =
            r#"<script src="https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js">"#;
        assert!(page.body.contains(script), "{service}: {}", page.body);
        assert_eq!(server.get(&format!("{service}es")).status, 404);
    }
}

#[test]
fn a_service_without_websockets() {
    let server = open(&[]);
    for path in ["000/a/websocket", "websocket"] {
        let path = format!("/disabled_websocket_echo/{path}");
        assert_eq!(server.handshake_status(&path, &[]), 404, "{path}");
    }
    assert_eq!(poll(&server, "/disabled_websocket_echo/000/a"), "o\n");
}

#[test]
fn a_service_with_cookies() {
    let server = open(&[]);
    for (id, sent, set) in [
        ("a", "", "dummy"),
        ("b", "Cookie: JSESSIONID=abc\r\n", "abc"),
    ] {
        let answer = post(
            &server,
            &format!("/cookie_needed_echo/000/{id}/xhr"),
            sent,
            "",
        );
        let expected = format!("JSESSIONID={set}; path=/");
        assert_eq!(answer.field("Set-Cookie"), Some(expected.as_str()));
    }
}

#[test]
fn a_service_that_closes() {
    let server = open(&[]);
    let told = "c[3000,\"Go away!\"]\n";
    assert_eq!(poll(&server, "/close/000/a"), "o\n");
    assert_eq!(poll(&server, "/close/000/a"), told);
    assert_eq!(poll(&server, "/close/000/a"), told, "to whoever asks again");
    let stream = Streaming::open(&server, "POST", "/close/000/b/xhr_streaming").rest();
    assert!(stream.ends_with(&format!("\no\n{told}")), "{stream}");
    let mut raw = server.websocket("/close/websocket");
    let Ok(Message::Close(Some(frame))) = raw.read() else {
        panic!("no close frame with a code")
    };
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (3000, "Go away!")
    );
}

#[test]
fn a_service_that_ticks() {
    let server = open(&[]);
    let mut stream = Streaming::open(&server, "POST", "/ticker/000/a/xhr_streaming");
    stream.expect("a[\"tick!\"]\na[\"tick!\"]\n");
}

#[test]
fn a_service_that_amplifies() {
    let server = open(&[]);
    let mut raw = server.websocket("/amplify/websocket");
    for (asked, times) in [
        ("0", 2),
        ("1", 2),
        ("3", 8),
        ("18", 1 << 18),
        ("19", 2),
        ("-1", 2),
        ("many", 2),
    ] {
        raw.send(Message::text(asked)).expect("sent");
        assert_eq!(text(&mut raw), "x".repeat(times), "{asked}");
    }
}

#[test]
fn a_broadcast_reaches_every_transport() {
    let server = open(&[]);
    let mut raw = server.websocket("/broadcast/websocket");
    let mut socket = server.websocket("/broadcast/000/ws/websocket");
    assert_eq!(text(&mut socket), "o");
    let mut stream = Streaming::open(&server, "GET", "/broadcast/000/es/eventsource");
    stream.expect("data: o\r\n\r\n");
    assert_eq!(poll(&server, "/broadcast/000/xhr"), "o\n");
    send(&server, "/broadcast/000/xhr", r#"["100%"]"#);
    assert_eq!(poll(&server, "/broadcast/000/xhr"), "a[\"100%\"]\n");
    stream.expect("data: a[\"100%25\"]\r\n\r\n");
    assert_eq!(text(&mut socket), "a[\"100%\"]");
    assert_eq!(text(&mut raw), "100%");
}

#[test]
fn a_chat() {
    let server = open(&[]);
    let mut ann = server.websocket("/chat/websocket");
    ann.send(Message::text(r#"{"join":"Ann"}"#)).expect("sent");
    assert_eq!(
        text(&mut ann),
        r#"{"welcome":{"members":["Ann"],"recent":[]}}"#
    );
    let mut ben = server.websocket("/chat/websocket");
    for (name, reply) in [
        ("Ann", r#"{"refused":"Somebody here has this name."}"#),
        (
            "Ben",
            r#"{"welcome":{"members":["Ann","Ben"],"recent":[]}}"#,
        ),
    ] {
        let join = format!(r#"{{"join":"{name}"}}"#);
        ben.send(Message::text(join)).expect("sent");
        assert_eq!(text(&mut ben), reply);
    }
    assert_eq!(text(&mut ann), r#"{"joined":"Ben"}"#);
    ben.send(Message::text(r#"{"say":"hi"}"#)).expect("sent");
    for reader in [&mut ann, &mut ben] {
        let said = text(reader);
        assert!(
            said.starts_with(r#"{"said":{"from":"Ben","text":"hi","at":"#),
            "{said}"
        );
    }
    drop(ben);
    assert_eq!(text(&mut ann), r#"{"left":"Ben"}"#);
}

/// How many bytes of frames come in a streaming response before it ends.
fn streamed(server: &Server, service: &str, message: &str) -> usize {
    let session = format!("{service}/000/a");
    let mut stream = Streaming::open(server, "POST", &format!("{session}/xhr_streaming"));
    stream.expect("\no\n");
    send(server, &session, &format!("[\"{message}\"]"));
    let text = stream.rest();
    let frames = text.split_once("h\no\n").expect("a prelude").1;
    frames.len() + "o\n".len()
}

#[test]
fn the_response_limit_is_an_option_but_for_echo() {
    let server = open(&["--response-limit", "100"]);
    let long = "x".repeat(4096);
    assert_eq!(streamed(&server, "/echo", &long), 2 + 6 + 4096);
    assert_eq!(streamed(&server, "/amplify", "7"), 2 + 6 + 128);
}

#[test]
fn delays_are_options() {
    let server = open(&["--heartbeat-delay", "200ms", "--disconnect-delay", "300ms"]);
    assert_eq!(poll(&server, "/echo/000/a"), "o\n");
    assert_eq!(poll(&server, "/echo/000/a"), "h\n");
    std::thread::sleep(std::time::Duration::from_millis(900));
    let late = post(&server, "/echo/000/a/xhr_send", "", r#"["a"]"#);
    assert_eq!(late.status, 404);
    assert_eq!(poll(&server, "/echo/000/a"), "o\n");
}

#[test]
fn a_dialect_changes_the_wire_and_not_the_drafts() {
    let server = open(&["--dialect", "0.3.3", "--drafts", "13"]);
    assert_eq!(
        server.get_old("/echo/000/a/jsonp?c=cb").body,
        "cb(\"o\");\r\n"
    );
    let mut stream = Streaming::open(&server, "GET", "/echo/000/b/eventsource");
    stream.expect("text/event-stream; charset=UTF-8");
    let hybi08 = [("Sec-WebSocket-Version", "8")];
    assert_eq!(
        server.handshake_status("/echo/000/c/websocket", &hybi08),
        426
    );

    let oldest = open(&["--dialect", "0.0.4"]);
    assert_eq!(
        oldest.get_old("/echo/000/a/jsonp?c=cb").field("Set-Cookie"),
        Some("JSESSIONID=dummy; path=/")
    );
    let hybi07 = [("Sec-WebSocket-Version", "7")];
    assert_eq!(
        oldest.handshake_status("/echo/000/c/websocket", &hybi07),
        101
    );
}

#[test]
fn limits_are_options() {
    let server = open(&[
        "--max-sockjs-body",
        "64",
        "--max-sockjs-message",
        "32",
        "--max-session-id",
        "4",
        "--max-sessions",
        "2",
    ]);
    assert_eq!(poll(&server, "/echo/000/a"), "o\n");
    let long = format!("[\"{}\"]", "x".repeat(100));
    assert_eq!(post(&server, "/echo/000/a/xhr_send", "", &long).status, 413);
    assert_eq!(post(&server, "/echo/000/abcde/xhr", "", "").status, 404);

    let mut socket = server.websocket("/echo/websocket");
    assert_eq!(
        post(&server, "/echo/000/b/xhr", "", "").status,
        503,
        "the third session"
    );
    socket.send(Message::text("x".repeat(33))).expect("sent");
    let Ok(Message::Close(Some(frame))) = socket.read() else {
        panic!("no close frame with a code")
    };
    assert_eq!(u16::from(frame.code), 1009);
}

#[test]
fn limits_of_an_address_are_options() {
    let begin =
        |server: &Server, n: u32| post(server, &format!("/echo/000/{n}/xhr"), "", "").status;
    let server = open(&["--max-sessions-per-address", "2"]);
    assert_eq!([0, 1, 2].map(|n| begin(&server, n)), [200, 200, 429]);
    assert_eq!(server.handshake_status("/echo/000/a/websocket", &[]), 429);
    // Ten times the rate may come at once.
    let server = open(&["--max-session-rate", "1"]);
    let statuses: Vec<u16> = (0..12).map(|n| begin(&server, n)).collect();
    assert_eq!(statuses[..10], [200; 10]);
    assert!(statuses[10..].contains(&429), "{statuses:?}");
}

#[test]
fn origins_hold_for_every_transport() {
    let server = Server::start();
    let foreign = "Origin: https://evil.test\r\n";
    for path in ["xhr", "xhr_streaming", "xhr_send"] {
        let answer = post(&server, &format!("/echo/000/a/{path}"), foreign, "[]");
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{path}");
        assert_eq!(answer.field("Access-Control-Allow-Origin"), None);
    }
    for path in ["000/a/websocket", "websocket"] {
        let path = format!("/echo/{path}");
        let origin = [("Origin", "https://evil.test")];
        assert_eq!(server.handshake_status(&path, &origin), 403, "{path}");
    }
    for path in ["jsonp?c=cb", "htmlfile?c=cb"] {
        let answer = server.get(&format!("/echo/000/a/{path}"));
        assert_eq!(answer.status, 404, "{path} cannot tell the page's origin");
    }
    let page = server.get("/echo/iframe.html");
    assert_eq!(page.field("X-Frame-Options"), Some("SAMEORIGIN"));
    assert_eq!(poll(&server, "/echo/000/a"), "o\n", "no Origin: no page");
}

#[test]
fn the_client_is_served_under_the_name_of_its_content() {
    let file = std::env::temp_dir().join(format!("sockjs-client-{}.js", std::process::id()));
    let content = "var SockJS = 1; // ü\n";
    std::fs::write(&file, content).expect("a file");
    let option = file.display().to_string();
    let server = open(&["--sockjs-client", &option]);
    let mut urls = Vec::new();
    for service in ["/echo", "/chat"] {
        let page = server.get(&format!("{service}/iframe.html")).body;
        let url = page
            .split_once("<script src=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .expect("a script")
            .0;
        assert!(url.starts_with(&format!("{service}/sockjs-")), "{url}");
        let answer = server.get(url);
        assert_eq!((answer.status, answer.body.as_str()), (200, content));
        assert_eq!(
            answer.field("Content-Type"),
            Some("text/javascript; charset=utf-8")
        );
        let caching = answer.field("Cache-Control").expect("cached");
        assert!(caching.contains("max-age=31536000") && caching.contains("immutable"));
        let etag = answer.field("ETag").expect("a tag");
        let again = server.request(&format!(
            "GET {url} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {etag}\r\n"
        ));
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        urls.push(url.to_owned());
    }
    drop(server);
    std::fs::write(&file, "var SockJS = 2;").expect("a file");
    let server = open(&["--sockjs-client", &option]);
    assert!(!server.get("/echo/iframe.html").body.contains(&urls[0]));
    assert_eq!(
        server.get(&urls[0]).status,
        404,
        "another content has another name"
    );

    std::fs::write(&file, "nothing of the kind").expect("a file");
    refused(
        &["--listen", "127.0.0.1:0", "--sockjs-client", &option],
        &["--sockjs-client", &option, "no build of sockjs-client"],
    );
    std::fs::remove_file(&file).expect("it is there");
    refused(
        &["--listen", "127.0.0.1:0", "--sockjs-client", &option],
        &["--sockjs-client", &option, "cannot read"],
    );
}

#[test]
fn health() {
    let server = Server::start();
    let answer = server.get("/healthz");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.field("Cache-Control"), Some("no-store"));
}

/// `GET /stats` with more fields.
fn stats(server: &Server, fields: &str) -> Answer {
    server.request(&format!(
        "GET /stats HTTP/1.1\r\nHost: localhost\r\n{fields}"
    ))
}

#[test]
fn numbers() {
    let server = open(&[]);
    assert_eq!(poll(&server, "/echo/000/a"), "o\n");
    send(&server, "/echo/000/a", r#"["ab","c"]"#);
    assert_eq!(poll(&server, "/echo/000/a"), "a[\"ab\",\"c\"]\n");
    assert_eq!(post(&server, "/echo/000/b/xhr_send", "", "[]").status, 404);
    let answer = stats(&server, "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let read: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let echo = &read["services"]["/echo"];
    for (name, value) in [("sessions", 1), ("messages_in", 2), ("messages_out", 2)] {
        assert_eq!(echo[name], value, "{name} in {}", answer.body);
    }
    assert_eq!(echo["transports"]["xhr"]["opened"], 1);
    assert_eq!(echo["transports"]["xhr"]["bytes_in"], 3);
    assert_eq!(echo["refusals"]["unknown_session"], 1);
    assert_eq!(read["services"]["/chat"]["sessions"], 0);
    assert!(read["connections"].as_u64().expect("a number") >= 1);
}

#[test]
fn numbers_are_for_the_machine_itself_unless_allowed() {
    let claimed = "X-Forwarded-For: 203.0.113.9\r\n";
    let local = "X-Forwarded-For: 127.0.0.1\r\n";
    for (options, fields, status) in [
        (&[][..], "", 200),
        (&[], claimed, 403),
        // Behind a proxy nobody told us about, everybody looks local.
        (&[], local, 403),
        (&["--trusted-proxy", "127.0.0.1"], claimed, 403),
        (&["--trusted-proxy", "127.0.0.1"], local, 200),
        (&["--stats-from", "10.0.0.0/8"], "", 403),
        (&["--stats-from", "127.0.0.0/8"], "", 200),
        (&["--stats-from", "any"], claimed, 200),
        (
            &[
                "--stats-from",
                "203.0.113.0/24",
                "--trusted-proxy",
                "127.0.0.0/8",
            ],
            claimed,
            200,
        ),
    ] {
        let server = open(options);
        let answer = stats(&server, fields);
        assert_eq!(answer.status, status, "{options:?} {fields}");
    }
}

#[test]
fn behind_a_proxy_that_speaks_the_proxy_protocol_its_word_counts() {
    let listen = [
        "--listen",
        "proxy:127.0.0.1:0",
        "--stats-from",
        "10.1.0.0/16",
    ];
    let server = Server::start_with(listen.into_iter().chain(["--trusted-proxy", "127.0.0.1"]));
    for (client, status) in [("10.1.2.3", 200), ("10.2.2.3", 403)] {
        let header = format!("PROXY TCP4 {client} 10.0.0.1 40000 80\r\n");
        let request = "GET /stats HTTP/1.1\r\nHost: localhost\r\n";
        assert_eq!(
            server.request(&(header + request)).status,
            status,
            "{client}"
        );
    }
    let mut stream = server.connect();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"", "without a header nothing is answered");

    let stranger = Server::start_with(listen.into_iter().chain(["--trusted-proxy", "10.9.9.9"]));
    let mut stream = stranger.connect();
    // The connection may be gone already.
    let _ = stream.write_all(
        b"PROXY TCP4 10.1.2.3 10.0.0.1 40000 80\r\nGET /stats HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"", "not a proxy that is trusted");
    refused(
        &listen,
        &["cannot listen on proxy:127.0.0.1:0", "--trusted-proxy"],
    );
}

#[cfg(unix)]
#[test]
fn the_end_of_the_server_is_told_to_sessions() {
    let server = open(&[]);
    let mut stream = Streaming::open(&server, "POST", "/echo/000/a/xhr_streaming");
    stream.expect("\no\n");
    let mut socket = server.websocket("/echo/000/b/websocket");
    assert_eq!(text(&mut socket), "o");
    server.signal("TERM");
    let told = "c[1001,\"Going away\"]";
    assert_eq!(text(&mut socket), told);
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    drop(socket);
    assert!(stream.rest().ends_with(&format!("{told}\n")));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn mistakes_are_told_by_the_option() {
    for (option, value, part) in [
        (
            "--dialect",
            "0.4",
            "0.4 is not one of 0.0.4, 0.1, 0.2, 0.2.1, 0.3, 0.3.3, newest",
        ),
        ("--heartbeat-delay", "25", "--heartbeat-delay"),
        ("--response-limit", "0", "more than zero"),
        ("--closing-deadline", "1s", "--closing-deadline"),
        ("--trusted-proxy", "10.0.0.0/33", "--trusted-proxy"),
        ("--stats-from", "everybody", "--stats-from"),
        ("--max-sessions-per-address", "0", "more than zero"),
    ] {
        refused(&["--listen", "127.0.0.1:0", option, value], &[part]);
    }
}
