//! What hostile peers send byte by byte, in any length: the work must grow as the input does.
//!
//! `tests/tests/linearity.rs` counts what is allocated and copied to other places on the heap;
//! `tests/linearity.sh` counts the processor's instructions.

use std::sync::Arc;

use bytes::Buf;
use sockjs_proto::{
    Admit, AnySession, Capacity, Endpoint, Mount, ServerConnection, Service, Socket, Transport,
};
use websocket_proto::connection::{Config, Connection, Delivery, Event};
use websocket_proto::handshake::{Agreed, Policy, Upgrade};
use websocket_proto::http1::{self, HeadParser, Limits, client, server};
use websocket_proto::{Draft, Instant, Machine, Message, Outbox, deflate};

use crate::frames::masked;
use crate::heads::Head;

/// An input of any length, and whoever it is fed to.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Said to the script.
    pub name: &'static str,
    /// The longest that default limits let through, where that is short; or else long enough.
    pub longest: usize,
    /// Feeds an input of about that many bytes, one at a time, and panics unless it is taken as what
    /// it is.
    pub feed: fn(usize),
}

/// Every case.
pub const CASES: &[Case] = &[
    case("request-head", 16 * 1024, request_head),
    case(
        "request-head-of-one-field",
        8 * 1024,
        request_head_of_one_field,
    ),
    case("response-head", 16 * 1024, response_head),
    case("chunks", 16 * 1024, chunks),
    case("trailers", 4 * 1024, trailers),
    case("extensions", 4096, extensions),
    case("protocols", 8 * 1024, protocols),
    case("text", 16 * 1024, text),
    case("text-streamed", 16 * 1024, text_streamed),
    case("fragments", 16 * 1024, fragments),
    case("compressed", 16 * 1024, compressed),
    case("hixie-text", 16 * 1024, hixie_text),
    case("messages-in-one-piece", 64 * 1024, messages_in_one_piece),
    case("pings-in-one-piece", 64 * 1024, pings_in_one_piece),
    case("slow-reader", 16 * 1024, slow_reader),
    case("sockjs-websocket", 16 * 1024, sockjs_websocket),
    case("sockjs-body", 16 * 1024, sockjs_body),
    case("sockjs-strings", 16 * 1024, sockjs_strings),
];

const fn case(name: &'static str, longest: usize, feed: fn(usize)) -> Case {
    Case {
        name,
        longest,
        feed,
    }
}

const NOW: Instant = Instant::ZERO;

/// Feeds `input` in pieces; the peer reads nothing. `look` is for the events.
fn drip<M: Machine>(machine: &mut M, input: &mut [u8], size: usize, mut look: impl FnMut(&mut M)) {
    for mut piece in input.chunks_mut(size) {
        let mut refused = 0;
        while !piece.is_empty() {
            let taken = machine.receive(NOW, piece);
            refused = if taken == 0 { refused + 1 } else { 0 };
            assert!(
                refused < 3,
                "it takes nothing although its events were taken"
            );
            piece = &mut piece[taken..];
            look(machine);
        }
    }
}

/// Fields of about `len` bytes.
fn fields(len: usize) -> String {
    format!("A: {}\r\n", "x".repeat(170)).repeat(len / 175)
}

fn parse_head(head: &str) -> http1::RequestHead {
    let (mut parser, limits) = (HeadParser::new(), Limits::default());
    let mut pieces = head.as_bytes().chunks(1);
    pieces
        .find_map(|piece| parser.parse(piece, &limits).expect("legal").1)
        .expect("complete")
}

fn request_head(len: usize) {
    let fields = fields(len.saturating_sub(200));
    let head = parse_head(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    assert_eq!(head.headers().len(), 1 + fields.len() / 175);
}

fn request_head_of_one_field(len: usize) {
    let value = "x".repeat(len.saturating_sub(40));
    let head = parse_head(&format!("GET / HTTP/1.1\r\nHost: h\r\nA: {value}\r\n\r\n"));
    assert_eq!(head.headers().get("a").map(<[u8]>::len), Some(value.len()));
}

/// A request of a client, and that many events of its exchange from the answer.
fn answered(answer: String) -> usize {
    let request = client::Request::new("GET", "/").and_then(|request| request.header("Host", "h"));
    let mut exchange =
        client::Exchange::new(&request.expect("legal"), client::Config::default(), NOW)
            .expect("legal");
    let (mut ended, mut body) = (0, 0);
    drip(&mut exchange, &mut answer.into_bytes(), 1, |exchange| {
        while let Some(event) = exchange.poll_event() {
            match event {
                client::Event::Body(data) => body += data.len(),
                client::Event::End { .. } => ended += 1,
                _ => {}
            }
        }
    });
    assert_eq!(ended, 1);
    body
}

fn response_head(len: usize) {
    let fields = fields(len.saturating_sub(200));
    answered(format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n"
    ));
}

fn chunks(len: usize) {
    let chunks = "1;a=\"b\"\r\nx\r\n".repeat(len / 12);
    let body = answered(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunks.replace(";a=\"b\"", "")
    ));
    assert_eq!(body, len / 12);
}

fn trailers(len: usize) {
    let value = "x".repeat(len.saturating_sub(100) / 4);
    let fields = format!("A: {value}\r\n").repeat(4);
    answered(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{fields}\r\n"
    ));
}

/// An upgrade with one field more.
fn upgrade(field: &str) -> http1::RequestHead {
    parse_head(&format!(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{field}\r\n\r\n"
    ))
}

fn extensions(len: usize) {
    let start = "permessage-deflate; server_max_window_bits=\"";
    let escapes = "\\1".repeat((len.saturating_sub(start.len() + 1) / 2).max(1));
    let head = upgrade(&format!("Sec-WebSocket-Extensions: {start}{escapes}\""));
    let policy = Policy {
        deflate: Some(deflate::Config::default()),
        ..Policy::default()
    };
    let upgrade = Upgrade::read(&head, &policy).expect("it may be declined");
    assert_eq!(upgrade.deflate(), None, "no such window");
}

fn protocols(len: usize) {
    // A list within the limit of its length in one case, and one that is too long to be looked at.
    let list = vec!["proto"; len / 7].join(", ");
    let head = Head::parse(upgrade(&format!("Sec-WebSocket-Protocol: {list}")).as_bytes());
    if let Ok(upgrade) = Upgrade::read(&head, &Policy::default()) {
        assert_eq!(upgrade.protocols().count(), len / 7);
    }
}

/// Feeds what holds one message of `len` bytes.
fn one_message(agreed: Agreed, delivery: Delivery, input: &mut [u8], len: usize) {
    let config = Config {
        delivery,
        max_message: len.max(1),
        ..Config::default()
    };
    let mut machine = Connection::server(agreed, Arc::new(config), Outbox::new(), NOW);
    let mut told = 0;
    drip(&mut machine, input, 1, |machine| {
        while let Some(event) = machine.poll_event() {
            match event {
                Event::Message(message) => told += message.as_bytes().len(),
                Event::Chunk(chunk) => told += chunk.payload.len(),
                event => panic!("{event:?}"),
            }
        }
    });
    assert_eq!(told, len);
}

fn characters(len: usize) -> String {
    let text: String = "aé漢😀".chars().cycle().take(len / 10 * 4).collect();
    let rest = len - text.len();
    text + &"x".repeat(rest)
}

fn text(len: usize) {
    let mut input = masked(0x81, characters(len).as_bytes());
    one_message(
        Agreed::new(Draft::Rfc6455),
        Delivery::Whole,
        &mut input,
        len,
    );
}

fn text_streamed(len: usize) {
    let mut input = masked(0x81, characters(len).as_bytes());
    one_message(
        Agreed::new(Draft::Rfc6455),
        Delivery::Streamed,
        &mut input,
        len,
    );
}

fn fragments(len: usize) {
    let mut input = masked(0x01, b"");
    for piece in characters(len).as_bytes().chunks(33) {
        input.extend(masked(0x00, piece));
    }
    input.extend(masked(0x80, b""));
    one_message(
        Agreed::new(Draft::Rfc6455),
        Delivery::Whole,
        &mut input,
        len,
    );
}

fn compressed(len: usize) {
    let digits: String = (1_u32..)
        .map(|n| n.wrapping_mul(2_654_435_761).to_string())
        .take(len / 9 + 1)
        .collect();
    let len = len.min(digits.len());
    let mut payload = Vec::new();
    let effort = deflate::Effort::default();
    deflate::Compressor::new(15, true, effort).compress(
        &digits.as_bytes()[..len],
        true,
        &mut payload,
    );
    let agreed = Agreed {
        deflate: Some(deflate::Params::default()),
        ..Agreed::new(Draft::Rfc6455)
    };
    one_message(agreed, Delivery::Whole, &mut masked(0xc1, &payload), len);
}

fn hixie_text(len: usize) {
    let mut input = [b"\x00", characters(len).as_bytes(), b"\xff"].concat();
    one_message(
        Agreed::new(Draft::Hixie76),
        Delivery::Whole,
        &mut input,
        len,
    );
}

/// Feeds everything at once to a machine whose events are taken one by one; how many there were.
fn all_at_once(mut input: Vec<u8>) -> usize {
    let config = Config {
        inbound_mark: 1,
        ..Config::default()
    };
    let agreed = Agreed::new(Draft::Rfc6455);
    let mut machine = Connection::server(agreed, Arc::new(config), Outbox::new(), NOW);
    let mut told = 0;
    drip(&mut machine, &mut input, usize::MAX, |machine| {
        told += usize::from(machine.poll_event().is_some());
    });
    told + std::iter::from_fn(|| machine.poll_event()).count()
}

fn messages_in_one_piece(len: usize) {
    assert_eq!(all_at_once(masked(0x82, b"abc").repeat(len / 9)), len / 9);
}

fn pings_in_one_piece(len: usize) {
    assert_eq!(all_at_once(masked(0x89, b"abc").repeat(len / 9)), len / 9);
}

/// Many messages, which share a buffer, and one that is queued by reference, to a peer that takes a
/// byte at a time.
fn slow_reader(len: usize) {
    let agreed = Agreed::new(Draft::Rfc6455);
    let mut machine = Connection::server(agreed, Arc::default(), Outbox::new(), NOW);
    for _ in 0..len / 10 {
        machine
            .send(Message::binary(&b"abcdefgh"[..]))
            .expect("room");
    }
    machine.send(Message::binary(vec![7; len])).expect("room");
    let mut written = 0;
    while machine.outbox().has_remaining() {
        machine.outbox().advance(1);
        written += 1;
    }
    assert!(written >= len / 10 * 10 + len);
}

fn sockjs_websocket(len: usize) {
    let service = Arc::new(Service::new(sockjs_proto::Config::default()).expect("good options"));
    let terms = Arc::new(Socket::connection_config(&service));
    let agreed = Agreed::new(Draft::Rfc6455);
    let connection = Connection::server(agreed, terms, Outbox::new(), NOW);
    let permit = Capacity::new(1).take();
    let mut socket = Socket::new(connection, service, Transport::Websocket, permit, NOW);
    let strings = vec!["\"a\\u00e9\""; len / 10].join(",");
    let mut messages = 0;
    drip(
        &mut socket,
        &mut masked(0x81, format!("[{strings}]").as_bytes()),
        1,
        |socket| {
            while let Some(event) = socket.poll_event() {
                messages += usize::from(matches!(event, sockjs_proto::Event::Message(_)));
            }
        },
    );
    assert_eq!(messages, len / 10);
}

/// A body of `xhr_send`, and how many messages the session gets.
fn posted(body: &str) -> usize {
    let config = sockjs_proto::Config {
        incoming_messages: usize::MAX,
        ..sockjs_proto::Config::default()
    };
    let service = Service::new(config).expect("good options");
    let capacity = Capacity::new(1);
    let mut endpoint =
        Endpoint::<http1::RequestHead>::new(&service, Admit::All, capacity.clone(), [7; 16]);
    let mount = Mount::new(service, server::Config::default(), capacity);
    let mut connection = ServerConnection::new(mount, NOW);
    let post = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let mut messages = 0;
    for (end, rest) in [("xhr", "\r\n"), ("xhr_send", &post)] {
        let request = format!("POST /000/a/{end} HTTP/1.1\r\nHost: h\r\n{rest}");
        drip(
            &mut connection,
            &mut request.into_bytes(),
            1,
            |connection| {
                connection.exchange(NOW, &mut endpoint, &mut |bytes: &mut [u8]| bytes.fill(7));
                while let Some(wake) = endpoint.poll_wake() {
                    if let sockjs_proto::Wake::Opened(key) | sockjs_proto::Wake::Session(key) = wake
                    {
                        while let Some(event) = endpoint.poll_event(key) {
                            messages +=
                                usize::from(matches!(event, sockjs_proto::Event::Message(_)));
                        }
                    }
                }
                let outbox = connection.outbox();
                outbox.advance(outbox.len());
            },
        );
    }
    messages
}

fn sockjs_body(len: usize) {
    assert_eq!(posted(&format!("[\"{}\"]", characters(len))), 1);
}

fn sockjs_strings(len: usize) {
    let strings = vec!["\"a\\u00e9\""; len / 10].join(",");
    assert_eq!(posted(&format!("[{strings}]")), len / 10);
}
