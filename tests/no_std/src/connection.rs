//! A server's connection from its first byte to its last, on time that the program makes up.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Buf;
use websocket_proto::connection::{Cause, Config, Connection, Event, Timer};
use websocket_proto::handshake::{Accept, Agreed, Policy, Upgrade};
use websocket_proto::http1::server::{self, Event as HttpEvent};
use websocket_proto::{CloseCode, Closed, Draft, Instant, Machine, Message, Outbox, Utf8Bytes};

const START: Instant = Instant::ZERO;

/// RFC 6455 §1.2, with a frame right behind the request.
pub fn a_handshake() {
    let mut http = server::Connection::new(Arc::default(), START);
    let mut input = Vec::from(REQUEST);
    input.extend_from_slice(MASKED_HELLO);
    // What follows the request is not taken: it belongs to whatever comes next.
    assert_eq!(http.receive(START, &mut input), REQUEST.len());
    let Some(HttpEvent::Request(request)) = http.poll_event() else {
        panic!("no request");
    };
    let upgrade = Upgrade::read(&request, &Policy::default()).expect("a handshake");
    let protocol = upgrade.first_protocol(&["chat"]);
    let accepted = upgrade
        .accept(Accept {
            protocol,
            ..Accept::default()
        })
        .expect("asked for");
    let mut outbox = http.upgrade().expect("a request waits");
    accepted.queue(&mut outbox);
    let mut ws = Connection::server(accepted.agreed(), Arc::default(), outbox, START);
    assert_eq!(output(&mut ws), ANSWER);
    assert_eq!(
        ws.receive(START, &mut input[REQUEST.len()..]),
        MASKED_HELLO.len()
    );
    assert_eq!(
        ws.poll_event(),
        Some(Event::Message(Message::text("Hello")))
    );
}

/// RFC 6455 §5.7, byte by byte.
pub fn a_masked_echo() {
    let mut ws = open();
    for byte in MASKED_HELLO {
        assert_eq!(ws.receive(START, &mut [*byte]), 1);
    }
    let Some(Event::Message(message)) = ws.poll_event() else {
        panic!("no message");
    };
    ws.send(message).expect("room");
    assert_eq!(output(&mut ws), b"\x81\x05Hello");
}

/// A peer that has vanished: nobody answers the ping that goes out after a silence.
pub fn a_ping_timeout() {
    let config = Config::default();
    let ping = START + config.ping_interval.expect("on by default");
    let mut ws = open();
    assert_eq!(ws.poll_timeout(), Some(ping));
    ws.handle_timeout(ping);
    assert_eq!(output(&mut ws)[..2], [0x89, 8], "a ping with eight bytes");
    assert_eq!(ws.poll_timeout(), Some(ping + config.pong_timeout));
    ws.handle_timeout(ping + (config.pong_timeout - Duration::from_nanos(1)));
    assert!(!ws.is_finished());
    ws.handle_timeout(ping + config.pong_timeout);
    let closed = Closed {
        cause: Cause::Timeout(Timer::Pong),
        code: CloseCode::ABNORMAL,
        reason: Utf8Bytes::new(),
        clean: false,
    };
    assert_eq!(ws.poll_event(), Some(Event::Closed(closed)));
    assert!(ws.is_finished() && ws.poll_timeout().is_none());
}

/// Ours, answered by the peer with the same code.
pub fn a_closing_handshake() {
    let mut ws = open();
    ws.close(START, CloseCode::GOING_AWAY, "bye")
        .expect("a code for the wire");
    assert_eq!(output(&mut ws), b"\x88\x05\x03\xe9bye");
    assert!(ws.send(Message::text("late")).is_err());
    let mut answer = *b"\x88\x82\x37\xfa\x21\x3d\x34\x13"; // 1001, masked
    assert_eq!(ws.receive(START, &mut answer), answer.len());
    let closed = Closed {
        cause: Cause::Local,
        code: CloseCode::GOING_AWAY,
        reason: Utf8Bytes::new(),
        clean: true,
    };
    assert_eq!(ws.poll_event(), Some(Event::Closed(closed)));
    assert_eq!(ws.poll_event(), None);
    assert!(ws.is_finished());
}

fn open() -> Connection {
    let agreed = Agreed::new(Draft::Rfc6455);
    Connection::server(agreed, Arc::default(), Outbox::new(), START)
}

fn output(ws: &mut Connection) -> Vec<u8> {
    let outbox = ws.outbox();
    outbox.copy_to_bytes(outbox.len()).into()
}

const MASKED_HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\r\n";
