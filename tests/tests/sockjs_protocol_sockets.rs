//! The checks of the newest suite, by the names they have there: WebSockets, framed and raw.

use sockjs_proto::Dialect;
use tests::frames::masked;
use tests::suite::Server;
use tests::suite::verify::{DIGEST, HIXIE, RFC};

fn server() -> Server {
    Server::new(Dialect::Newest)
}

fn open(server: &mut Server, url: &str) -> usize {
    let (client, _) = server.upgrade(url, RFC, b"");
    assert_eq!(server.bytes(client), b"\x81\x01o");
    client
}

#[test]
fn http_errors_http_method() {
    let reply = server().get("/echo/0/0/websocket");
    let text = "Not a valid websocket request";
    assert_eq!((reply.status, reply.text()), (400, text));
}

#[test]
fn http_errors_invalid_connection_header() {
    let fields = ["Upgrade: WebSocket", "Connection: close"];
    let reply = server().ask("GET /echo/0/0/websocket", &fields, "");
    assert_eq!(reply.status, 400);
}

#[test]
fn http_errors_invalid_method() {
    for fields in [&["Upgrade: WebSocket", "Connection: Upgrade"][..], &[]] {
        let reply = server().ask("POST /echo/0/0/websocket", fields, "");
        reply.verify_405("GET");
    }
}

#[test]
fn websocket_transport() {
    let mut server = server();
    let client = open(&mut server, "/echo/000/s/websocket");
    server.send(client, &masked(0x81, br#"["a"]"#));
    assert_eq!(server.bytes(client), b"\x81\x06a[\"a\"]");
    server.send(client, &masked(0x88, b"\x03\xe8"));
    assert_eq!(server.bytes(client), b"\x88\x02\x03\xe8");
    assert!(server.is_over(client));
    let log = server.log("/echo");
    assert_eq!(log.len(), 3, "{log:?}");
}

#[test]
fn websocket_close() {
    let mut server = server();
    let (client, _) = server.upgrade("/close/000/s/websocket", RFC, b"");
    let frames = b"\x81\x01o\x81\x12c[3000,\"Go away!\"]\x88\x0a\x0b\xb8Go away!";
    assert_eq!(server.bytes(client), frames);
    server.send(client, &masked(0x88, b"\x0b\xb8"));
    assert!(server.is_over(client));
}

#[test]
fn websocket_empty_frames() {
    let mut server = server();
    let client = open(&mut server, "/echo/000/s/websocket");
    server.send(client, &masked(0x81, b""));
    server.send(client, &masked(0x81, b"[]"));
    server.send(client, &masked(0x81, br#""a""#));
    assert_eq!(server.bytes(client), b"\x81\x06a[\"a\"]");
    assert_eq!(server.log("/echo"), ["open", "message a"]);
}

#[test]
fn websocket_reuse_session_id() {
    let mut server = server();
    let url = "/echo/000/s/websocket";
    let (first, second) = (open(&mut server, url), open(&mut server, url));
    server.send(first, &masked(0x81, br#"["a"]"#));
    server.send(second, &masked(0x81, br#"["b"]"#));
    assert_eq!(server.bytes(first), b"\x81\x06a[\"a\"]");
    assert_eq!(server.bytes(second), b"\x81\x06a[\"b\"]");
    server.send(first, &masked(0x88, b""));
    server.send(second, &masked(0x88, b""));
    let third = open(&mut server, url);
    server.send(third, &masked(0x81, br#"["a"]"#));
    assert_eq!(server.bytes(third), b"\x81\x06a[\"a\"]");
}

#[test]
fn websockets_and_http_share_no_session() {
    let mut server = server();
    open(&mut server, "/echo/000/s/websocket");
    assert_eq!(server.post("/echo/000/s/xhr_send", "[]").status, 404);
    assert_eq!(server.poll("/echo/000/s"), "o\n");
}

#[test]
fn websocket_broken_json() {
    let mut server = server();
    let client = open(&mut server, "/echo/000/s/websocket");
    server.send(client, &masked(0x81, br#"["a"]"#));
    server.send(client, &masked(0x81, br#"["a"#));
    server.send(client, &masked(0x81, br#"["late"]"#));
    let frames =
        b"\x81\x06a[\"a\"]\x81\x19c[3000,\"Broken framing.\"]\x88\x11\x0b\xb8Broken framing.";
    assert_eq!(server.bytes(client), frames);
}

#[test]
fn websocket_firefox_602_connection_header() {
    let mut server = server();
    let fields: Vec<_> = RFC
        .iter()
        .map(|field| field.replace("Connection: U", "Connection: keep-alive, U"))
        .collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    server.upgrade("/echo/000/s/websocket", &fields, b"");
}

#[test]
fn websocket_haproxy() {
    let mut server = server();
    let (client, head) = server.upgrade("/echo/000/s/websocket", HIXIE, b"");
    let location = Some("ws://localhost/echo/000/s/websocket");
    assert_eq!(head.field("Sec-WebSocket-Location"), location);
    assert_eq!(server.bytes(client), b"");
    server.send(client, b"aaaaaaaa");
    assert_eq!(server.bytes(client), [&DIGEST[..], b"\0o\xff"].concat());
    server.send(client, b"\0[\"a\"]\xff\xff\0");
    assert_eq!(server.bytes(client), b"\0a[\"a\"]\xff\xff\0");
    assert!(server.is_over(client));
}

#[test]
fn a_nonce_that_never_comes() {
    let mut server = server();
    let (client, _) = server.upgrade("/echo/000/s/websocket", HIXIE, b"");
    server.send(client, b"aaaa");
    server.hang_up(client);
    assert!(server.is_over(client));
    let log = server.log("/echo");
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(log[0], "open");
}

#[test]
fn raw_websocket_transport() {
    let mut server = server();
    let (client, _) = server.upgrade("/echo/websocket", RFC, b"");
    assert_eq!(server.bytes(client), b"");
    server.send(client, &masked(0x81, "Hello world!\u{ffff}".as_bytes()));
    let echo = b"\x81\x0fHello world!\xef\xbf\xbf";
    assert_eq!(server.bytes(client), echo);
    server.send(client, &masked(0x88, b"\x03\xe8"));
    assert_eq!(server.bytes(client), b"\x88\x02\x03\xe8");
}

#[test]
fn raw_websocket_close() {
    let mut server = server();
    let (client, _) = server.upgrade("/close/websocket", RFC, b"");
    assert_eq!(server.bytes(client), b"\x88\x0a\x0b\xb8Go away!");
    server.send(client, &masked(0x88, b"\x0b\xb8"));
    assert!(server.is_over(client));
}
