//! The checks of the protocol's first suite, in its dialect, by the names they have there:
//! WebSockets.

use sockjs_proto::Dialect;
use tests::frames::masked;
use tests::suite::Server;
use tests::suite::verify::{DIGEST, HIXIE, RFC};

fn server() -> Server {
    Server::new(Dialect::V0_0_4)
}

/// A WebSocket of a new session, with what it said first.
fn hixie(server: &mut Server, prefix: &str) -> (usize, Vec<u8>) {
    let url = server.session(prefix) + "/websocket";
    let (client, _) = server.upgrade(&url, HIXIE, b"aaaaaaaa");
    let said = server.bytes(client);
    assert_eq!(said[..16], DIGEST);
    (client, said[16..].to_vec())
}

fn hybi(server: &mut Server, prefix: &str) -> (usize, Vec<u8>) {
    let url = server.session(prefix) + "/websocket";
    let fields: Vec<_> = RFC.iter().map(|field| field.replace("13", "8")).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    let (client, _) = server.upgrade(&url, &fields, b"");
    let said = server.bytes(client);
    (client, said)
}

#[test]
fn http_errors_disabled_transport() {
    server()
        .get("/disabled_websocket_echo/0/0/websocket")
        .verify_404();
}

#[test]
fn http_errors_http_method() {
    let reply = server().get("/echo/0/0/websocket");
    let text = "Can \"Upgrade\" only to \"WebSocket\".";
    assert_eq!((reply.status, reply.text()), (400, text));
}

#[test]
fn http_errors_verify_origin() {
    use sockjs_proto::Config;
    use tests::suite::echo;
    use websocket_proto::Drafts;
    let config = Config {
        dialect: Dialect::V0_0_4,
        drafts: Drafts::ALL,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let fields = ["Upgrade: WebSocket", "Origin: VeryWrongOrigin"];
    let reply = server.ask("GET /0/0/websocket", &fields, "");
    assert_eq!((reply.status, reply.text()), (400, "Unverified origin."));
}

#[test]
fn http_errors_invalid_connection_header() {
    let fields = ["Upgrade: WebSocket", "Connection: close"];
    let reply = server().ask("GET /echo/0/0/websocket", &fields, "");
    let text = "\"Connection\" must be \"Upgrade\".";
    assert_eq!((reply.status, reply.text()), (400, text));
}

#[test]
fn http_errors_invalid_method() {
    for fields in [&["Upgrade: WebSocket", "Connection: Upgrade"][..], &[]] {
        let reply = server().ask("POST /echo/0/0/websocket", fields, "");
        reply.verify_405("GET");
    }
}

#[test]
fn hixie76_transport() {
    let mut server = server();
    let (client, said) = hixie(&mut server, "/echo");
    assert_eq!(said, b"\0o\xff");
    server.send(client, b"\0[\"a\"]\xff");
    assert_eq!(server.bytes(client), b"\0a[\"a\"]\xff");
    server.send(client, b"\xff\0");
    assert_eq!(server.bytes(client), b"\xff\0");
    assert!(server.is_over(client));
}

#[test]
fn hixie76_close() {
    let (_, said) = hixie(&mut server(), "/close");
    assert_eq!(said, b"\0o\xff\0c[3000,\"Go away!\"]\xff\xff\0");
}

#[test]
fn hixie76_empty_frame() {
    let mut server = server();
    let (client, said) = hixie(&mut server, "/echo");
    assert_eq!(said, b"\0o\xff");
    server.send(client, b"\0\xff\0\"a\"\xff");
    assert_eq!(server.bytes(client), b"\0a[\"a\"]\xff");
}

#[test]
fn hixie76_reuse_session_id() {
    let mut server = server();
    let url = server.session("/echo") + "/websocket";
    let open = |server: &mut Server| {
        let (client, _) = server.upgrade(&url, HIXIE, b"aaaaaaaa");
        assert_eq!(server.bytes(client)[16..], *b"\0o\xff");
        client
    };
    let (first, second) = (open(&mut server), open(&mut server));
    for (client, message) in [(first, "a"), (second, "b")] {
        server.send(client, format!("\0\"{message}\"").as_bytes());
        server.send(client, b"\xff");
        let echo = server.bytes(client);
        let expected = format!("\0a[\"{message}\"]");
        assert_eq!(echo, [expected.as_bytes(), b"\xff"].concat());
    }
    server.send(first, b"\xff\0");
    server.send(second, b"\xff\0");
    let third = open(&mut server);
    server.send(third, b"\0\"a\"\xff");
    assert_eq!(server.bytes(third), b"\0a[\"a\"]\xff");
}

#[test]
fn hixie76_headers_sanity() {
    let mut server = server();
    let url = server.session("/echo") + "/websocket";
    let (client, head) = server.upgrade(&url, HIXIE, b"");
    let location = format!("ws://localhost{url}");
    for (name, value) in [
        ("Sec-WebSocket-Location", &*location),
        ("Connection", "Upgrade"),
        ("Upgrade", "WebSocket"),
        ("Sec-WebSocket-Origin", "http://localhost:9324"),
    ] {
        assert_eq!(head.field(name), Some(value));
    }
    assert_eq!(server.bytes(client), b"", "the nonce has not come");
}

#[test]
fn hixie76_broken_json() {
    let mut server = server();
    let (client, _) = hixie(&mut server, "/echo");
    server.send(client, b"\0\"a\xff");
    assert_eq!(server.bytes(client), b"\xff\0", "no further frame");
    server.send(client, b"\xff\0");
    assert!(server.is_over(client));
}

#[test]
fn hybi10_transport() {
    let mut server = server();
    let (client, said) = hybi(&mut server, "/echo");
    assert_eq!(said, b"\x81\x01o");
    server.send(client, &masked(0x81, b""));
    server.send(client, &masked(0x81, b"\"a\""));
    assert_eq!(server.bytes(client), b"\x81\x06a[\"a\"]");
}

#[test]
fn hybi10_close() {
    let (_, said) = hybi(&mut server(), "/close");
    let frames = b"\x81\x01o\x81\x12c[3000,\"Go away!\"]\x88\x0a\x0b\xb8Go away!";
    assert_eq!(said, frames);
}

#[test]
fn hybi10_headers_sanity() {
    for version in ["7", "8", "13"] {
        let mut server = server();
        let url = server.session("/echo") + "/websocket";
        let fields = [
            "Upgrade: websocket",
            "Connection: Upgrade",
            &format!("Sec-WebSocket-Version: {version}"),
            "Sec-WebSocket-Origin: http://asd",
            "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
        ];
        let (client, head) = server.upgrade(&url, &fields, b"");
        let accept = Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
        assert_eq!(head.field("Sec-WebSocket-Accept"), accept);
        assert_eq!(head.field("Connection"), Some("Upgrade"));
        assert_eq!(head.field("Upgrade"), Some("websocket"));
        assert_eq!(server.bytes(client), b"\x81\x01o");
    }
}

#[test]
fn hybi10_broken_json() {
    let mut server = server();
    let (client, _) = hybi(&mut server, "/echo");
    server.send(client, &masked(0x81, b"\"a"));
    let said = server.bytes(client);
    assert_eq!(
        said, b"\x88\x11\x0b\xb8Broken framing.",
        "no further message"
    );
}

#[test]
fn hybi10_firefox_602_connection_header() {
    let mut server = server();
    let url = server.session("/echo") + "/websocket";
    let fields = [
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 7",
        "Sec-WebSocket-Origin: http://asd",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    ];
    server.upgrade(&url, &fields, b"");
}
