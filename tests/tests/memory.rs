//! What connections cost in memory: nothing when idle, what arrived plus a constant at most.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use tests::frames::{masked, unmasked};
use tests::heap::{Counting, Meter};
use tests::pair::{counter, events};
use websocket_proto::connection::{
    Cause, Config, Connection, Delivery, Event, Incoming, Outgoing, Prepared, Sink,
};
use websocket_proto::handshake::Agreed;
use websocket_proto::http1::{self, ResponseHead};
use websocket_proto::{
    Draft, Instant, Machine, Message, MessageKind, Outbox, ProtocolError, Refused, deflate,
};

#[global_allocator]
static HEAP: Counting = Counting;

const NOW: Instant = Instant::ZERO;
const KIB: usize = 1024;
/// What `Bytes` allocates when it is first cloned.
const SHARED: isize = 32;

fn server_of(agreed: Agreed, config: &Arc<Config>) -> Connection {
    Connection::server(agreed, Arc::clone(config), Outbox::new(), NOW)
}

fn server(config: Config) -> Connection {
    server_of(Agreed::new(Draft::Rfc6455), &Arc::new(config))
}

fn without_takeover() -> Agreed {
    Agreed {
        deflate: Some(deflate::Params {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..deflate::Params::default()
        }),
        ..Agreed::new(Draft::Rfc6455)
    }
}

fn with_takeover() -> Agreed {
    Agreed {
        deflate: Some(deflate::Params::default()),
        ..Agreed::new(Draft::Rfc6455)
    }
}

/// Feeds `input` in `chop`s, and echoes and writes everything at once.
fn echo(machine: &mut Connection, input: &mut [u8], chop: usize) {
    for mut piece in input.chunks_mut(chop) {
        while !piece.is_empty() {
            let taken = machine.receive(NOW, piece);
            piece = &mut piece[taken..];
            while let Some(event) = machine.poll_event() {
                if let Event::Message(message) = event {
                    machine.send(message).expect("room");
                }
            }
            let outbox = machine.outbox();
            outbox.advance(outbox.len());
        }
    }
}

#[test]
fn an_idle_connection_owns_nothing_whatever_it_carried() {
    let plain = [
        Agreed::new(Draft::Hixie75),
        Agreed::new(Draft::Hixie76),
        Agreed::new(Draft::Rfc6455),
        without_takeover(),
    ];
    for agreed in plain {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            let config = Arc::new(Config {
                delivery,
                ..Config::default()
            });
            let hybi = agreed.draft.is_hybi();
            let mut machine = server_of(agreed.clone(), &config);
            let meter = Meter::start();
            for len in [0, 1, 125, 126, 4096, 16 * 1024, 65_536, 300_000] {
                let text = vec![b'a'; len];
                let mut input = match hybi {
                    true => [
                        masked(0x01, &text),
                        masked(0x89, b"ping"),
                        masked(0x80, &text),
                        masked(0x81, &text),
                        masked(0x8a, b"pong"),
                    ]
                    .concat(),
                    false => [b"\x00", &text[..], b"\xff"].concat(),
                };
                for chop in [1000, usize::MAX] {
                    let mut input = input.clone();
                    echo(&mut machine, &mut input, chop);
                }
                drop(text);
                input.clear();
                input.shrink_to_fit();
                drop(input);
                assert_eq!(
                    meter.held(),
                    0,
                    "after {len} bytes in {agreed:?} {delivery:?}"
                );
            }
        }
    }
}

#[test]
fn an_idle_http_connection_owns_nothing_whatever_it_carried() {
    let mut machine =
        http1::server::Connection::new(Arc::new(http1::server::Config::default()), NOW);
    let meter = Meter::start();
    for len in [0, 1, 5000, 100_000] {
        let mut input = format!(
            "POST /{} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n",
            "a".repeat(3000)
        )
        .into_bytes();
        input.resize(input.len() + len, b'x');
        for chop in [700, usize::MAX] {
            for mut piece in input.clone().chunks_mut(chop) {
                while !piece.is_empty() {
                    let taken = machine.receive(NOW, piece);
                    piece = &mut piece[taken..];
                    while let Some(event) = machine.poll_event() {
                        match event {
                            http1::server::Event::Request(_) => {
                                machine.read_body(NOW, u64::MAX).expect("a request");
                            }
                            http1::server::Event::RequestEnd(_) => {
                                let body = http1::server::Body::Full(Bytes::from(vec![b'y'; len]));
                                machine
                                    .respond(NOW, &ResponseHead::new(200), body)
                                    .expect("a request");
                            }
                            _ => {}
                        }
                    }
                    let outbox = machine.outbox();
                    outbox.advance(outbox.len());
                }
            }
        }
        drop(input);
        assert_eq!(meter.held(), 0, "after bodies of {len} bytes");
    }
}

#[test]
fn a_length_that_is_only_announced_costs_nothing() {
    let deliveries = [(Delivery::Whole, usize::MAX), (Delivery::Streamed, 1)];
    let lengths = [1 << 40, i64::MAX.unsigned_abs()];
    for ((delivery, max_message), len) in deliveries
        .into_iter()
        .flat_map(|delivery| lengths.map(|len| (delivery, len)))
    {
        let mut machine = server(Config {
            delivery,
            max_message,
            ..Config::default()
        });
        let mut head = [b"\x82\xff", &len.to_be_bytes()[..], b"kkkkx"].concat();
        let meter = Meter::start();
        assert_eq!(machine.receive(NOW, &mut head), head.len());
        let told = events(&mut machine);
        assert!(meter.peak() < 4 * KIB, "{} bytes for one", meter.peak());
        if delivery == Delivery::Whole && usize::try_from(len).is_err() {
            // No memory of words of 32 bits holds it.
            assert!(matches!(&told[..], [Event::Closed(_)]), "{told:?}");
            continue;
        }
        assert!(told.iter().all(|event| matches!(event, Event::Chunk(_))));
        assert!(machine.direct_read().is_none_or(|room| room.len() < 4096));
        assert!(!machine.is_finished(), "it is awaited");
    }
    // Hixie's frames to discard, and what is longer than a default message: refused, for nothing.
    for (draft, mut head) in [
        (Draft::Hixie76, b"\x80\xa0\x80\x80\x80\x80\x00xxxx".to_vec()),
        (Draft::Rfc6455, b"\x82\xff\0\0\x01\0\0\0\0\0kkkkx".to_vec()),
    ] {
        let mut machine = server_of(Agreed::new(draft), &Arc::new(Config::default()));
        let meter = Meter::start();
        machine.receive(NOW, &mut head);
        let told = events(&mut machine);
        let [Event::Closed(closed)] = &told[..] else {
            panic!("{draft:?}: {told:?}");
        };
        assert_eq!(
            closed.cause,
            Cause::Protocol(ProtocolError::MessageTooBig),
            "{draft:?}"
        );
        assert!(meter.peak() < 4 * KIB, "{} bytes", meter.peak());
    }
    let mut machine = server(Config {
        max_message: usize::MAX,
        ..Config::default()
    });
    let meter = Meter::start();
    let mut arrived = *b"\x82\xff\0\0\0\0\x70\0\0\0kkkk";
    machine.receive(NOW, &mut arrived);
    let (mut bytes, mut straight) = (0, false);
    while bytes < 4_000_000 {
        if let Some(room) = machine.direct_read() {
            straight = true;
            let n = room.len().min(7000);
            machine.direct_filled(NOW, n);
            bytes += n;
        } else {
            bytes += machine.receive(NOW, &mut [0; 1500]);
        }
        let most = (3 * bytes + 4 * KIB).cast_signed();
        assert!(meter.held() <= most, "{} bytes for {bytes}", meter.held());
    }
    assert!(
        straight,
        "large payloads are read straight to their message"
    );
    assert!(meter.taken() < 3 * 2 * bytes, "copied again and again");
}

#[test]
fn an_announced_body_costs_nothing() {
    for head in [
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1099511627776\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000\r\nx",
    ] {
        let mut machine =
            http1::server::Connection::new(Arc::new(http1::server::Config::default()), NOW);
        let mut input = head.as_bytes().to_vec();
        let meter = Meter::start();
        let taken = machine.receive(NOW, &mut input);
        assert!(matches!(
            machine.poll_event(),
            Some(http1::server::Event::Request(_))
        ));
        machine.read_body(NOW, u64::MAX).expect("a request");
        let end = machine.receive(NOW, &mut input[taken..]);
        assert_eq!(taken + end, head.len());
        assert!(meter.peak() < 4 * KIB, "{} bytes", meter.peak());
    }
}

#[test]
fn a_million_fragments_are_refused_early() {
    for (delivery, byte) in [
        (Delivery::Whole, &b"x"[..]),
        (Delivery::Whole, b""),
        (Delivery::Streamed, b"x"),
        (Delivery::Streamed, b""),
    ] {
        let mut machine = server(Config {
            delivery,
            ..Config::default()
        });
        let fragment = masked(0, byte);
        let meter = Meter::start();
        machine.receive(NOW, &mut masked(0x02, byte));
        let mut fragments = 0;
        let closed = loop {
            assert!(
                fragments < 2000,
                "{fragments} fragments of {} bytes",
                byte.len()
            );
            machine.receive(NOW, &mut fragment.clone());
            fragments += 1;
            match events(&mut machine).pop() {
                None | Some(Event::Chunk(_)) => {}
                Some(Event::Closed(closed)) => break closed,
                Some(event) => panic!("{event:?}"),
            }
        };
        assert_eq!(
            closed.cause,
            Cause::Protocol(ProtocolError::TooManyFragments)
        );
        assert!(meter.peak() < 8 * KIB, "{} bytes", meter.peak());
    }
}

#[test]
fn a_million_honest_fragments_cost_their_payload() {
    // A limit of so many bytes lets through a 64th part as many fragments, if they are worth it.
    let (each, count) = (40, 1 << 20);
    for delivery in [Delivery::Whole, Delivery::Streamed] {
        let mut machine = server(Config {
            delivery,
            max_message: 65 << 20,
            ..Config::default()
        });
        let fragments = masked(0x00, &[7; 40]).repeat(256);
        let mut input = fragments.clone();
        let meter = Meter::start();
        machine.receive(NOW, &mut masked(0x02, b""));
        for _ in 0..count / 256 {
            input.copy_from_slice(&fragments);
            let mut rest = &mut input[..];
            while !rest.is_empty() {
                let taken = machine.receive(NOW, rest);
                rest = &mut rest[taken..];
                while let Some(event) = machine.poll_event() {
                    assert!(matches!(event, Event::Chunk(_)), "{event:?}");
                }
            }
        }
        machine.receive(NOW, &mut masked(0x80, b""));
        let most = match delivery {
            // The message, and the half of it that it outgrew.
            Delivery::Whole => 2 * each * count + 64 * KIB,
            Delivery::Streamed => 256 * KIB,
        };
        assert!(meter.peak() <= most, "{} bytes, {delivery:?}", meter.peak());
        match (delivery, machine.poll_event()) {
            (Delivery::Whole, Some(Event::Message(message))) => {
                assert_eq!(message.as_bytes().len(), each * count);
            }
            (Delivery::Streamed, Some(Event::Chunk(chunk))) => assert!(chunk.last),
            (_, event) => panic!("{event:?}"),
        }
    }
}

/// Drops everything.
struct Nowhere;

impl Sink for Nowhere {
    fn message(&mut self, _: Incoming<'_>, _: &mut Outgoing) {}
}

#[test]
fn a_million_pings_of_a_peer_that_does_not_read_are_bounded() {
    let pings = masked(0x89, &[b'p'; 125]).repeat(100);
    // With a sink that takes everything, and nobody who writes.
    let mut machine = server(Config::default());
    let mut input = pings.clone();
    let meter = Meter::start();
    for _ in 0..10_000 {
        input.copy_from_slice(&pings);
        assert_eq!(
            machine.receive_with(NOW, &mut input, &mut Nowhere),
            input.len()
        );
    }
    assert!(meter.peak() < 8 * KIB, "{} bytes", meter.peak());
    // With a driver that looks into the outbox, and a socket that takes nothing.
    let mark = Config::default().outbox_mark;
    for _ in 0..1000 {
        input.copy_from_slice(&pings);
        machine.receive_with(NOW, &mut input, &mut Nowhere);
        assert!(machine.outbox().len() < mark + 16 * 127);
    }
    assert!(meter.peak() < 3 * mark, "{} bytes", meter.peak());
    // With events that nobody takes.
    let mut machine = server(Config::default());
    let meter = Meter::start();
    let mut taken = 0;
    for _ in 0..100 {
        input.copy_from_slice(&pings);
        taken += machine.receive(NOW, &mut input);
    }
    assert!(taken < 2 * 65_536, "{taken} bytes taken");
    assert!(meter.peak() < 4 * mark, "{} bytes", meter.peak());
}

#[test]
fn a_peer_that_does_not_read_costs_the_mark_and_a_message() {
    for draft in [Draft::Hixie76, Draft::Hybi08, Draft::Rfc6455] {
        for len in [1, 1000, 100_000] {
            let mut machine = server_of(Agreed::new(draft), &Arc::new(Config::default()));
            let mark = Config::default().outbox_mark;
            let message = Message::text("x".repeat(len));
            let meter = Meter::start();
            let mut sent = 0;
            let refused = loop {
                match machine.send(message.clone()) {
                    Ok(()) => sent += 1,
                    Err(refused) => break refused,
                }
                assert!(sent <= mark);
            };
            assert_eq!((refused.why, &refused.payload), (Refused::Full, &message));
            drop(refused);
            assert!((mark..mark + len + 16).contains(&machine.outbox().len()));
            assert!(meter.peak() <= 3 * mark, "{} bytes", meter.peak());
            let outbox = machine.outbox();
            outbox.advance(outbox.len());
            assert!(meter.held() <= SHARED, "{} bytes", meter.held());
        }
    }
}

#[test]
fn part_of_a_head_costs_no_more_than_the_limit_allows() {
    let limits = http1::Limits::default();
    let mut machine =
        http1::server::Connection::new(Arc::new(http1::server::Config::default()), NOW);
    let meter = Meter::start();
    machine.receive(NOW, &mut b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec());
    let line = format!("X: {}\r\n", "0".repeat(300));
    let mut taken = 25;
    while !machine.is_finished() {
        let at = (taken - 25) % line.len();
        taken += machine.receive(NOW, &mut line.as_bytes()[at..=at].to_vec());
        assert!(taken <= usize::from(limits.head) + 1);
        let most = (2 * taken + 4 * KIB).cast_signed();
        assert!(meter.held() <= most, "{} bytes for {taken}", meter.held());
    }
    assert!(taken >= usize::from(limits.head));
}

#[test]
fn a_bomb_costs_the_limit_and_what_its_codec_needs() {
    let limit = 1 << 20;
    let (codec, step) = (48 * KIB, 16 * KIB);
    for (len, passes) in [(limit, true), (limit + 1, false), (8 * limit, false)] {
        let mut bomb = Vec::new();
        deflate::Compressor::new(15, true, deflate::Effort::default()).compress(
            &vec![0; len],
            true,
            &mut bomb,
        );
        assert!(bomb.len() <= 1100 * (len >> 20), "{} bytes", bomb.len());
        for agreed in [without_takeover(), with_takeover()] {
            for chop in [1, 1000, usize::MAX] {
                let mut frame = masked(0xc2, &bomb);
                let config = Arc::new(Config {
                    max_message: limit,
                    ..Config::default()
                });
                let mut machine = server_of(agreed.clone(), &config);
                let meter = Meter::start();
                for piece in frame.chunks_mut(chop) {
                    machine.receive(NOW, piece);
                }
                let peak = meter.peak();
                let told = events(&mut machine);
                match &told[..] {
                    [Event::Message(message)] => {
                        assert!(passes && message.as_bytes().len() == limit);
                    }
                    [Event::Closed(closed)] => {
                        let cause = Cause::Protocol(ProtocolError::MessageTooBig);
                        assert!(!passes && closed.cause == cause, "{closed}");
                    }
                    told => panic!("{told:?}"),
                }
                // The window that is kept for the next message is no part of this one.
                let window = 32 * KIB;
                let most = limit + codec + window + step;
                assert!(peak <= most, "{peak} bytes for {len} in {chop}s");
            }
        }
    }
}

#[test]
fn a_thousand_half_requests_cost_what_came_of_them() {
    // Slow heads and slow bodies, each as long as it may be before the last byte.
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}", "x".repeat(8000));
    let start = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
    let body = format!("{start}{}", "x".repeat(8000));
    for (input, body) in [(head, false), (body, true)] {
        let config = Arc::new(http1::server::Config::default());
        let mut connections = Vec::with_capacity(1000);
        let meter = Meter::start();
        for _ in 0..1000 {
            let mut machine = http1::server::Connection::new(Arc::clone(&config), NOW);
            for piece in input.clone().into_bytes().chunks_mut(500) {
                let taken = machine.receive(NOW, piece);
                let mut rest = &mut piece[taken..];
                while !rest.is_empty() {
                    while let Some(event) = machine.poll_event() {
                        if let http1::server::Event::Request(_) = event {
                            machine.read_body(NOW, u64::MAX).expect("a request");
                        }
                    }
                    let taken = machine.receive(NOW, rest);
                    rest = &mut rest[taken..];
                }
            }
            assert!(machine.poll_timeout().is_some(), "it has a deadline");
            while machine.poll_event().is_some() {}
            connections.push(machine);
        }
        let each = meter.held().unsigned_abs() / 1000;
        let most = if body { KIB } else { 2 * input.len() };
        connections.clear();
        assert!(meter.held() <= 0, "{} bytes left", meter.held());
        assert!(each <= most, "{each} bytes, body: {body}");
        let kind = if body { "body" } else { "head" };
        println!("bytes of a slow {kind} of 8 KB: {each}");
    }
}

#[test]
fn a_message_in_pieces_is_not_copied_again_and_again() {
    // A counter instead of a clock: with twice the input, about twice the bytes are allocated.
    let work = |len: usize, fragment: usize, agreed: &Agreed| {
        let config = Arc::new(Config::default());
        let mut client = Connection::client(agreed.clone(), Arc::clone(&config), counter(), NOW);
        let payload = vec![b'x'; len];
        let mut input = Vec::new();
        for (index, piece) in payload.chunks(fragment).enumerate() {
            let first = u8::from(index == 0) * 2;
            let last = u8::from((index + 1) * fragment >= len) * 0x80;
            input.extend_from_slice(&unmasked(first | last, piece));
        }
        let meter = Meter::start();
        for piece in input.chunks_mut(100) {
            client.receive(NOW, piece);
        }
        assert_eq!(events(&mut client).len(), 1);
        meter.taken()
    };
    for agreed in [Agreed::new(Draft::Rfc6455), without_takeover()] {
        for fragment in [64, 5000, usize::MAX / 2] {
            let (small, large) = (
                work(500_000, fragment, &agreed),
                work(1_000_000, fragment, &agreed),
            );
            assert!(large < small * 5 / 2 + 10_000, "{small} then {large} bytes");
            assert!(large < 4 * 1_000_000, "{large} bytes for a million");
        }
    }
}

#[test]
fn a_prepared_message_is_not_doubled() {
    let message = Message::binary(vec![7; 1_000_000]);
    let meter = Meter::start();
    let prepared = Prepared::new(message);
    assert!(meter.peak() < KIB, "{} bytes", meter.peak());
    let mut machine = server(Config::default());
    machine.send_prepared(&prepared).expect("room");
    assert!(meter.peak() < 4 * KIB, "shared");
    assert_eq!(machine.outbox().len(), 10 + 1_000_000);
}

#[test]
fn streamed_messages_of_any_length_are_bounded() {
    let config = Config {
        delivery: Delivery::Streamed,
        max_message: 10,
        ..Config::default()
    };
    let mut machine = server(config);
    let mut input = masked(0x01, "κόσμε".repeat(100).as_bytes());
    let more = masked(0x00, "κόσμε".repeat(100).as_bytes());
    let meter = Meter::start();
    for _ in 0..1000 {
        for piece in input.chunks_mut(999) {
            machine.receive(NOW, piece);
            for event in events(&mut machine) {
                assert!(matches!(event, Event::Chunk(chunk) if chunk.kind == MessageKind::Text));
            }
        }
        input.clear();
        input.extend_from_slice(&more);
    }
    assert!(meter.peak() < 8 * KIB, "{} bytes", meter.peak());
}
