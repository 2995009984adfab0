//! The specification's vectors, byte for byte, through HTTP: WebSockets.

use core::time::Duration;

use sockjs_proto::Dialect;
use tests::frames::masked;
use tests::ids;
use tests::suite::Server;
use tests::suite::verify::{DIGEST, HIXIE, RFC};

fn server() -> Server {
    Server::new(Dialect::Newest)
}

const VECTORS: &[(&str, fn())] = &[
    ("2.11-websocket", websocket),
    ("2.11-close", websocket_close),
    ("2.11-raw", raw_websocket),
    ("2.12-late-nonce", late_nonce),
    ("2.12-digest-alone", digest_alone),
    ("2.12-close", hixie76_close),
    ("2.12-close-after-late-nonce", late_nonce_close),
    ("2.12-close-0.2", hixie76_close_without_a_frame),
    ("2.12-hixie75", hixie75),
];

#[test]
fn vectors() {
    for (id, vector) in VECTORS {
        println!("{id}");
        vector();
    }
    ids::check("sockjs-2-sockets", VECTORS.iter().map(|(id, _)| *id));
}

fn websocket() {
    let mut server = server();
    let (client, head) = server.upgrade("/echo/000/s/websocket", RFC, b"");
    let accept = Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    assert_eq!(head.field("Sec-WebSocket-Accept"), accept);
    assert_eq!(server.bytes(client), b"\x81\x01o");
    for (message, answer) in [
        (r#"["a"]"#, &b"\x81\x06a[\"a\"]"[..]),
        (r#""a""#, b"\x81\x06a[\"a\"]"),
        (r#"["a","b"]"#, b"\x81\x0aa[\"a\",\"b\"]"),
        ("", b""),
        ("[]", b""),
        (
            r#"["a"#,
            b"\x81\x19c[3000,\"Broken framing.\"]\x88\x11\x0b\xb8Broken framing.",
        ),
    ] {
        server.send(client, &masked(0x81, message.as_bytes()));
        assert_eq!(server.bytes(client), answer, "{message}");
    }
    server.send(client, &masked(0x88, b"\x0b\xb8"));
    assert!(server.is_over(client));
}

fn websocket_close() {
    let mut server = server();
    let (client, _) = server.upgrade("/close/000/s/websocket", RFC, b"");
    let close = b"\x81\x01o\x81\x12c[3000,\"Go away!\"]\x88\x0a\x0b\xb8Go away!";
    assert_eq!(server.bytes(client), close);
    let (client, _) = server.upgrade("/close/websocket", RFC, b"");
    assert_eq!(server.bytes(client), b"\x88\x0a\x0b\xb8Go away!");
}

fn raw_websocket() {
    let mut server = server();
    let (client, _) = server.upgrade("/echo/websocket", RFC, b"");
    server.send(client, &masked(0x81, "h\u{ffff}".as_bytes()));
    assert_eq!(server.bytes(client), b"\x81\x04h\xef\xbf\xbf");
    server.send(client, &masked(0x81, b""));
    assert_eq!(server.bytes(client), b"\x81\0", "an empty message is one");
}

fn late_nonce() {
    let mut server = server();
    let (client, _) = server.upgrade("/echo/000/hx/websocket", HIXIE, b"");
    assert_eq!(server.bytes(client), b"");
    server.send(client, b"aaaa");
    assert_eq!(server.bytes(client), b"");
    server.send(client, b"aaaa");
    assert_eq!(server.bytes(client), [&DIGEST[..], b"\0o\xff"].concat());
    server.send(client, b"\0[\"a\"]\xff");
    assert_eq!(server.bytes(client), b"\0a[\"a\"]\xff");
}

fn digest_alone() {
    let mut server = Server::new(Dialect::V0_2_1);
    let (client, _) = server.upgrade("/echo/000/hx/websocket", HIXIE, b"");
    server.send(client, b"aaaaaaaa");
    assert_eq!(server.bytes(client), DIGEST);
    server.pass(Duration::from_millis(24));
    assert_eq!(server.bytes(client), b"");
    server.pass(Duration::from_millis(1));
    assert_eq!(server.bytes(client), b"\0o\xff");
}

fn hixie76_close() {
    let mut server = server();
    let (client, _) = server.upgrade("/close/000/hx/websocket", HIXIE, b"aaaaaaaa");
    let close = b"\0o\xff\0c[3000,\"Go away!\"]\xff\xff\0";
    assert_eq!(server.bytes(client), [&DIGEST[..], close].concat());
}

fn late_nonce_close() {
    let mut server = server();
    let (client, _) = server.upgrade("/close/000/hx/websocket", HIXIE, b"");
    assert_eq!(server.bytes(client), b"");
    assert_eq!(
        server.log("/close"),
        [""; 0],
        "not open before its handshake"
    );
    server.send(client, b"aaaaaaaa");
    let close = b"\0o\xff\0c[3000,\"Go away!\"]\xff\xff\0";
    assert_eq!(server.bytes(client), [&DIGEST[..], close].concat());
    server.send(client, b"\xff\0");
    assert!(server.is_over(client));
}

fn hixie76_close_without_a_frame() {
    let mut server = Server::new(Dialect::V0_2);
    let (client, _) = server.upgrade("/close/000/hx/websocket", HIXIE, b"aaaaaaaa");
    let close = b"\0o\xff\0c[3000,\"Go away!\"]\xff";
    assert_eq!(server.bytes(client), [&DIGEST[..], close].concat());
    assert!(server.is_over(client));
}

fn hixie75() {
    let mut server = server();
    let fields = [
        "Connection: Upgrade",
        "Upgrade: WebSocket",
        "Origin: http://o",
    ];
    let (client, head) = server.upgrade("/echo/000/hx/websocket", &fields, b"");
    assert_eq!(head.field("WebSocket-Origin"), Some("http://o"));
    let location = Some("ws://localhost/echo/000/hx/websocket");
    assert_eq!(head.field("WebSocket-Location"), location);
    assert_eq!(server.bytes(client), b"\0o\xff");
}
