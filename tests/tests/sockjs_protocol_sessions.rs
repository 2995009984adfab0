//! The checks of the newest suite, by the names they have there: sessions over HTTP.

use core::time::Duration;

use sockjs_proto::Dialect;
use tests::suite::{Reply, Server};

const DIALECT: Dialect = Dialect::Newest;

fn server() -> Server {
    Server::new(DIALECT)
}

const GO_AWAY: &str = "c[3000,\"Go away!\"]\n";
const INTERRUPTED: &str = "c[1002,\"Connection interrupted\"]\n";
const STILL_OPEN: &str = "c[2010,\"Another connection still open\"]\n";

#[test]
fn protocol_simple_session() {
    let mut server = server();
    let url = server.open("/echo");
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
    let nobody = server.post("/echo/000/bad_session/xhr_send", r#"["a"]"#);
    assert_eq!(nobody.status, 404);
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    assert_eq!(server.poll(&url), STILL_OPEN);
    server.hang_up(first);
    assert_eq!(server.log("/echo").len(), 3);
}

#[test]
fn protocol_close_session() {
    let mut server = server();
    let url = server.open("/close");
    assert_eq!(server.poll(&url), GO_AWAY);
    assert_eq!(server.poll(&url), GO_AWAY);
    server.pass(Duration::from_millis(5001));
    assert_eq!(server.poll(&url), "o\n");
}

fn verify_script(reply: &Reply) {
    assert_eq!(reply.status, 200);
    let script = Some("application/javascript; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), script);
    reply.verify_cors("*", false);
    reply.verify_not_cached(DIALECT);
}

#[test]
fn xhr_polling_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let reply = server.post(&format!("{url}/xhr"), "");
    verify_script(&reply);
    assert_eq!(reply.text(), "o\n");
    let reply = server.post(&format!("{url}/xhr_send"), r#"["x"]"#);
    assert_eq!((reply.status, reply.text()), (204, ""));
    let text = Some("text/plain; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), text);
    reply.verify_cors("*", false);
    reply.verify_not_cached(DIALECT);
    assert_eq!(server.poll(&url), "a[\"x\"]\n");
}

#[test]
fn xhr_polling_invalid_json() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("{url}/xhr_send");
    for (body, text) in [
        (r#"["x"#, "Broken JSON encoding."),
        ("", "Payload expected."),
        ("\"x\"", "Payload expected."),
        ("[1,null,{\"a\":2},\"s\"]", "Payload expected."),
    ] {
        let reply = server.post(&send, body);
        assert_eq!((reply.status, reply.text()), (500, text));
    }
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n", "nothing of a bad body");
}

#[test]
fn xhr_polling_content_types() {
    let mut server = server();
    let url = server.open("/echo");
    let send = format!("POST {url}/xhr_send");
    let types = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml; charset=utf-8",
        "text/xml",
    ];
    for media in types {
        let reply = server.ask(&send, &[&format!("Content-Type: {media}")], r#"["a"]"#);
        assert_eq!((reply.status, reply.text()), (204, ""), "{media}");
    }
    let all = ["\"a\""; 8].join(",");
    assert_eq!(server.poll(&url), format!("a[{all}]\n"));
}

#[test]
fn xhr_polling_sending_empty_frame() {
    let mut server = server();
    let url = server.open("/echo");
    server.tell(&url, "[]");
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
    assert_eq!(server.log("/echo"), ["open", "message a"]);
}

#[test]
fn xhr_streaming_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
    let head = server.reply(stream);
    verify_script(&head);
    assert_eq!(head.field("X-Accel-Buffering"), Some("no"));
    assert_eq!(server.chunk(stream), "h".repeat(2048) + "\n");
    assert_eq!(server.chunk(stream), "o\n");
    server.tell(&url, r#"["x"]"#);
    assert_eq!(server.chunk(stream), "a[\"x\"]\n");
    assert!(server.is_waiting(stream));
}

#[test]
fn response_limit_on_every_stream() {
    for (line, framing) in [
        ("POST xhr_streaming", 6),
        ("GET eventsource", 15),
        ("GET htmlfile?c=cb", 34),
    ] {
        let mut server = server();
        let url = server.session("/echo");
        let (method, end) = line.split_once(' ').expect("two words");
        let line = format!("{method} {url}/{end}");
        let stream = server.begin(&line, &[], "");
        let (_, open) = (server.chunk(stream), server.chunk(stream));
        let mut counted = open.len();
        // One message short of the limit, to the byte, and one more byte.
        let message = "x".repeat(4096 - counted - framing - 1);
        server.tell(&url, &format!("[\"{message}\"]"));
        counted += server.chunk(stream).len();
        assert_eq!(counted, 4095, "{line}");
        assert!(server.is_waiting(stream));
        server.tell(&url, r#"[""]"#);
        server.chunk(stream);
        assert!(server.reply_is_complete(stream), "{line}");
        server.tell(&url, r#"["next"]"#);
        let stream = server.begin(&line, &[], "");
        let frame = (server.chunk(stream), server.chunk(stream)).1;
        assert!(frame.contains("next"), "{frame}");
    }
}

#[test]
fn eventsource_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let stream = server.begin(&format!("GET {url}/eventsource"), &[], "");
    let head = server.reply(stream);
    assert_eq!(head.field("Content-Type"), Some("text/event-stream"));
    head.verify_not_cached(DIALECT);
    assert_eq!(server.chunk(stream), "\r\n");
    assert_eq!(server.chunk(stream), "data: o\r\n\r\n");
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
    let html = Some("text/html; charset=UTF-8");
    assert_eq!(head.field("Content-Type"), html);
    head.verify_not_cached(DIALECT);
    let page = server.chunk(stream);
    assert_eq!(page.len(), 1027 + "callback".len());
    assert!(page.contains("    var c = parent.callback;\n"), "{page}");
    let open = "<script>\np(\"o\");\n</script>\r\n";
    assert_eq!(server.chunk(stream), open);
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn jsonp_polling_transport() {
    let mut server = server();
    let url = server.session("/echo");
    let reply = server.get(&format!("{url}/jsonp?c=%63allback"));
    let script = Some("application/javascript; charset=UTF-8");
    assert_eq!(reply.field("Content-Type"), script);
    reply.verify_not_cached(DIALECT);
    assert_eq!(reply.text(), "/**/callback(\"o\");\r\n");
    let send = format!("POST {url}/jsonp_send");
    let reply = server.ask(&send, &[FORM], "d=%5B%22x%22%5D");
    assert_eq!((reply.status, reply.text()), (200, "ok"));
    reply.verify_not_cached(DIALECT);
    let reply = server.get(&format!("{url}/jsonp?callback=cb"));
    assert_eq!(reply.text(), "/**/cb(\"a[\\\"x\\\"]\");\r\n");
}

#[test]
fn jsonp_polling_close() {
    let mut server = server();
    let url = server.session("/close");
    let poll = format!("{url}/jsonp?c=x");
    assert_eq!(server.get(&poll).text(), "/**/x(\"o\");\r\n");
    let close = "/**/x(\"c[3000,\\\"Go away!\\\"]\");\r\n";
    assert_eq!(server.get(&poll).text(), close);
    assert_eq!(server.get(&poll).text(), close);
}

#[test]
fn json_encoding_xhr_server_encodes() {
    let mut server = server();
    let url = server.open("/echo");
    let escaped = r#"["\u200c\u2028\u2060\ufff0\uffff\ud800\ud83d\ude00"]"#;
    server.tell(&url, escaped);
    assert_eq!(server.poll(&url), format!("a{escaped}\n"));
}

#[test]
fn json_encoding_xhr_server_decodes() {
    let mut server = server();
    let url = server.open("/echo");
    // Deployed clients escape these, and servers send them as they are.
    server.tell(
        &url,
        r#"["\u0300\u06ff\u0f40\u2000\uf900\ufb2a\u00e9\u0041"]"#,
    );
    let plain = "\u{300}\u{6ff}\u{f40}\u{2000}\u{f900}\u{fb2a}\u{e9}A";
    assert_eq!(server.poll(&url), format!("a[\"{plain}\"]\n"));
}

#[test]
fn handling_close_close_frame() {
    let mut server = server();
    let url = server.session("/close");
    for first in ["o\n", ""] {
        let stream = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
        let reply = server.reply(stream);
        assert!(reply.complete);
        let body = format!("{}\n{first}{GO_AWAY}", "h".repeat(2048));
        assert_eq!(reply.text(), body);
    }
}

#[test]
fn handling_close_close_request() {
    let mut server = server();
    let url = server.session("/echo");
    let first = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
    let (_, open) = (server.chunk(first), server.chunk(first));
    assert_eq!(open, "o\n");
    let second = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
    let reply = server.reply(second);
    assert!(reply.complete);
    assert!(reply.text().ends_with(STILL_OPEN), "{}", reply.text());
    assert!(server.is_waiting(first));
}

#[test]
fn handling_close_abort_xhr_streaming() {
    let mut server = server();
    let url = server.session("/echo");
    let line = format!("POST {url}/xhr_streaming");
    let first = server.begin(&line, &[], "");
    server.hang_up(first);
    let second = server.begin(&line, &[], "");
    assert!(server.reply(second).text().ends_with(INTERRUPTED));
    let log = server.log("/echo");
    assert_eq!(log.len(), 2, "{log:?}");
}

#[test]
fn handling_close_abort_xhr_polling() {
    let mut server = server();
    let url = server.open("/echo");
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.hang_up(first);
    assert_eq!(server.poll(&url), INTERRUPTED);
    assert_eq!(server.poll(&url), INTERRUPTED);
}

#[test]
fn heartbeats_end_polls_and_continue_streams() {
    let mut server = server();
    let url = server.open("/echo");
    let poll = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.pass(Duration::from_millis(24_999));
    assert!(!server.reply_is_complete(poll));
    server.pass(Duration::from_millis(1));
    assert_eq!(server.reply(poll).text(), "h\n");
    let stream = server.begin(&format!("GET {url}/eventsource"), &[], "");
    server.chunk(stream);
    for _ in 0..3 {
        server.pass(Duration::from_secs(25));
        assert_eq!(server.chunk(stream), "data: h\r\n\r\n");
        assert!(server.is_waiting(stream));
    }
}

#[test]
fn senders_and_receivers_of_all_transports_mix() {
    let mut server = server();
    let url = server.open("/echo");
    for (line, quoted) in [
        ("POST xhr", false),
        ("GET jsonp?c=cb", true),
        ("POST xhr", false),
    ] {
        let (method, end) = line.split_once(' ').expect("two words");
        server.tell(&url, r#"["a"]"#);
        server.ask(&format!("POST {url}/jsonp_send"), &[FORM], "d=[\"b\"]");
        let reply = server.ask(&format!("{method} {url}/{end}"), &[], "");
        let frame = r#"a["a","b"]"#;
        let frame = if quoted {
            frame.replace('"', "\\\"")
        } else {
            frame.into()
        };
        assert!(reply.text().contains(&frame), "{}", reply.text());
    }
}

#[test]
fn a_session_without_a_receiver_times_out() {
    let mut server = server();
    let url = server.open("/echo");
    server.pass(Duration::from_millis(4999));
    server.tell(&url, r#"["a"]"#);
    server.pass(Duration::from_millis(1));
    assert_eq!(
        server.post(&format!("{url}/xhr_send"), r#"["a"]"#).status,
        404
    );
    let log = server.log("/echo");
    assert!(log[2].starts_with("closed: no receiver came"), "{log:?}");
    assert_eq!(server.poll(&url), "o\n");
}
