//! Known failures of other WebSocket and HTTP code, each tried on ours.
//!
//! Every test here is named by a row of [`tests::ids::security`], which also names those that stand
//! beside the machine they try.

use std::collections::HashSet;
use std::hint::black_box;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use tests::frames::{masked, unmasked};
use tests::heads::Head;
use tests::http1::Served;
use tests::pair::{counter, events, output};
use tests::splits::for_each_split;
use websocket_proto::connection::{Cause, Closed, Config, Connection, Delivery, Event};
use websocket_proto::handshake::{
    Accept, Agreed, Client, ClientRequest, Extensions, Policy, Upgrade, Url,
};
use websocket_proto::http1::{self, HeadParser, Limits, ResponseHead};
use websocket_proto::{
    CloseCode, Draft, Instant, Machine, Message, Outbox, ProtocolError, Server, Utf8Bytes, deflate,
    utf8,
};

const NOW: Instant = Instant::ZERO;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn server(config: Config) -> Connection {
    server_of(Agreed::new(Draft::Rfc6455), config)
}

fn server_of(agreed: Agreed, config: Config) -> Connection {
    Connection::server(agreed, Arc::new(config), Outbox::new(), NOW)
}

fn with_deflate(no_context_takeover: bool) -> Agreed {
    Agreed {
        deflate: Some(deflate::Params {
            server_no_context_takeover: no_context_takeover,
            client_no_context_takeover: no_context_takeover,
            ..deflate::Params::default()
        }),
        ..Agreed::new(Draft::Rfc6455)
    }
}

/// Feeds all of `bytes` and tells what comes of it.
fn feed(machine: &mut Connection, bytes: &[u8]) -> Vec<Event> {
    let mut bytes = bytes.to_vec();
    let (mut rest, mut told) = (&mut bytes[..], Vec::new());
    while !rest.is_empty() {
        let taken = machine.receive(NOW, rest);
        rest = &mut rest[taken..];
        let before = told.len();
        told.extend(events(machine));
        assert!(
            taken > 0 || told.len() > before,
            "it neither takes nor tells"
        );
    }
    told
}

/// The rule that the peer broke, when that is all that is told.
fn broken(told: &[Event]) -> Option<ProtocolError> {
    match told {
        [
            Event::Closed(Closed {
                cause: Cause::Protocol(error),
                ..
            }),
        ] => Some(*error),
        _ => None,
    }
}

/// Random numbers that are the same in each run.
fn random() -> impl FnMut(usize) -> usize {
    let mut source = counter();
    move |below| {
        let mut bytes = [0; 4];
        source.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % below
    }
}

#[test]
fn s03_s04_hostile_values_are_read_once() {
    // The head is looked at before its values, and refuses those that are too long for any.
    for value in [
        format!("b{}x", " ".repeat(64 * 1024)),
        format!("a; b=\"{}", "\\c".repeat(16 * 1024)),
    ] {
        for name in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
            let head = REQUEST.replace("\r\n\r\n", &format!("\r\n{name}: {value}\r\n\r\n"));
            let mut served = Served::echo();
            served.feed(&[head.as_bytes()]);
            assert_eq!(served.statuses(), [431], "{name}");
            // A stack without that limit hands all of it to the handshake.
            let upgrade = Upgrade::read(
                &Head::parse(head.as_bytes()),
                &Policy {
                    deflate: Some(deflate::Config::default()),
                    ..Policy::default()
                },
            );
            assert_eq!(
                upgrade.map_err(|refusal| refusal.status()).err(),
                Some(400),
                "{name}"
            );
        }
    }
}

#[test]
fn s05_no_unknown_extension_is_agreed_on() {
    let policy = Policy {
        deflate: Some(deflate::Config::default()),
        ..Policy::default()
    };
    let mut names: Vec<String> = [
        "constructor",
        "__proto__",
        "prototype",
        "toString",
        "hasOwnProperty",
        "valueOf",
        "null",
        "undefined",
        "permessage-deflat",
        "permessage-deflate2",
        "Permessage-Deflate",
        "PERMESSAGE-DEFLATE",
        "permessage-bzip2",
        "perframe-deflate",
        "deflate-frame",
        "x-webkit-deflate-frame",
        "mux",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut random = random();
    let token = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    names.extend((0..2000).map(|_| {
        let len = 1 + random(20);
        (0..len)
            .map(|_| char::from(token[random(token.len())]))
            .collect()
    }));
    let client = Client::new(
        &ClientRequest {
            deflate: Some(deflate::Config::default()),
            ..ClientRequest::new(&"ws://server.test/".parse().expect("a URL"))
        },
        &mut |nonce: &mut [u8]| nonce.copy_from_slice(b"the sample nonce"),
    )
    .expect("a request");
    for name in names {
        for offer in [
            name.clone(),
            format!("{name}; server_max_window_bits=10"),
            format!("{name}, {name}"),
        ] {
            let head = REQUEST.replace(
                "\r\n\r\n",
                &format!("\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n"),
            );
            let upgrade =
                Upgrade::read(&Head::parse(head.as_bytes()), &policy).expect("it may be ignored");
            assert_eq!(upgrade.deflate(), None, "{offer}");
            let mut answer = Vec::new();
            upgrade
                .accept(Accept::default())
                .expect("nothing to refuse")
                .write(&mut answer);
            let answer = Head::parse(&answer);
            assert_eq!(answer.field("Sec-WebSocket-Extensions"), None, "{offer}");
            // A server that agrees to what nobody offered is not believed.
            let answer = with_field(&answer, "Sec-WebSocket-Extensions", &offer);
            assert!(client.verify(&answer).is_err(), "{offer}");
        }
    }
}

fn with_field(head: &Head, name: &str, value: &str) -> Head {
    let mut head = head.clone();
    head.fields.push((name.to_owned(), value.into()));
    head
}

#[test]
fn s06_announced_lengths_neither_wrap_nor_pass_the_limit() {
    let head = |first: u8, len: u64| [&[first, 0xff][..], &len.to_be_bytes(), b"kkkk"].concat();
    let lengths = [
        1 << 16,
        1 << 31,
        u64::from(u32::MAX),
        1 << 32,
        (1 << 32) + 5,
        1 << 40,
        (1 << 63) - 1,
    ];
    for delivery in [Delivery::Whole, Delivery::Streamed] {
        for agreed in [Agreed::new(Draft::Rfc6455), with_deflate(true)] {
            let config = |max_message| Config {
                delivery,
                max_message,
                ..Config::default()
            };
            let hybi = |max| server_of(agreed.clone(), config(max));
            for msb in [1 << 63, (1 << 63) | 5, u64::MAX] {
                let told = feed(&mut hybi(usize::MAX), &head(0x82, msb));
                assert_eq!(
                    broken(&told),
                    Some(ProtocolError::LengthTooLarge),
                    "{msb:#x}"
                );
            }
            let limited = delivery == Delivery::Whole;
            for len in lengths {
                let told = feed(&mut hybi(1000), &head(0x82, len));
                let refused = limited.then_some(ProtocolError::MessageTooBig);
                assert_eq!(broken(&told), refused, "{len:#x}");
                // What the processor's words can count is let in where nothing limits it, and no
                // byte of it can be taken for the next frame.
                let mut open = hybi(usize::MAX);
                let told = feed(&mut open, &head(0x02, len));
                let fits = usize::try_from(len).is_ok() || !limited;
                assert_eq!(broken(&told).is_none(), fits, "{len:#x}");
            }
            // The second fragment's length and what has come: over every integer, not round it.
            for len in [(1 << 63) - 1, (1 << 62) + 1, u64::from(u32::MAX)] {
                let mut limited_to = hybi(1000);
                assert_eq!(
                    broken(&feed(&mut limited_to, &masked(0x02, &[0; 900]))),
                    None
                );
                let told = feed(&mut limited_to, &head(0x80, len));
                let closed = told.iter().any(|event| matches!(event, Event::Closed(_)));
                assert_eq!(closed, limited, "{len:#x} behind 900 bytes");
            }
        }
    }
    // The sum over many fragments of an endless message.
    let mut endless = server(Config {
        delivery: Delivery::Streamed,
        ..Config::default()
    });
    feed(&mut endless, &head(0x02, (1 << 63) - 1));
    assert!(!endless.is_finished());
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "of builds for tests")]
fn s07_arithmetic_is_checked_in_these_tests_and_by_the_fuzzer() {
    let sum = panic::catch_unwind(|| black_box(u8::MAX) + black_box(1));
    assert!(sum.is_err(), "an overflow is a panic");
    let fuzz = include_str!("../../fuzz/Cargo.toml");
    let (_, profile) = fuzz.split_once("[profile.release]").expect("a profile");
    let profile = profile.split("\n[").next().unwrap_or_default();
    for line in ["overflow-checks = true", "debug-assertions = true"] {
        assert!(profile.contains(line), "{line}");
    }
}

#[test]
fn s16_nothing_behind_a_refused_upgrade_is_parsed() {
    let next = "GET /secret HTTP/1.1\r\nHost: server.test\r\n\r\n";
    let spoilt = [
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Version: 13", "Version: 99"),
        ("Version: 13", "Version: 7"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        (
            "Connection: Upgrade",
            "Connection: keep-alive, Upgrade\r\nOrigin: http://evil.test",
        ),
    ];
    for (good, bad) in spoilt {
        let input = REQUEST.replace(good, bad) + next;
        for_each_split(input.as_bytes(), |pieces| {
            let mut server = Server::new(Arc::default(), NOW);
            let (mut requests, mut written) = (0, Vec::new());
            for piece in pieces {
                let mut piece = piece.to_vec();
                let mut rest = &mut piece[..];
                while !rest.is_empty() {
                    let taken = server.receive(NOW, rest);
                    rest = &mut rest[taken..];
                    let Server::Http(http) = &mut server else {
                        panic!("{bad} is a WebSocket");
                    };
                    if let Some(http1::server::Event::Request(request)) = http.poll_event() {
                        requests += 1;
                        server = server.answer(&request, &Policy::default(), Arc::default(), NOW);
                    }
                    let outbox = server.outbox();
                    written.extend_from_slice(&outbox.copy_to_bytes(outbox.len()));
                    if taken == 0 {
                        break;
                    }
                }
            }
            let text = String::from_utf8(written).expect("text");
            assert_eq!(
                (requests, text.matches("HTTP/1.1 ").count()),
                (1, 1),
                "{bad}"
            );
            let closes = text
                .lines()
                .any(|line| line.starts_with("Connection: ") && line.contains("close"));
            assert!(closes, "{bad}: {text}");
        });
    }
}

#[test]
fn s18_the_authority_asked_for_is_known_before_the_answer() {
    // Whose names are served is the application's to know: 421 to others. A target of the absolute
    // form is no way round it.
    let mine = |head: &str| {
        let (_, head) = HeadParser::new()
            .parse(head.as_bytes(), &Limits::default())
            .expect("a head");
        let head = head.expect("complete");
        matches!(head.host(), Some("server.test" | "localhost:8080"))
    };
    for (target, host, expected) in [
        ("/", "server.test", true),
        ("/", "localhost:8080", true),
        ("/", "evil.test", false),
        ("/", "server.test.evil.test", false),
        ("/", "server.test:81", false),
        ("http://evil.test/", "server.test", false),
        ("http://server.test/", "evil.test", true),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(mine(&head), expected, "{target} {host}");
    }
}

#[test]
fn s19_every_frame_has_a_key_of_its_own_from_the_source() {
    // A source that never repeats itself.
    let mut given = 0_u32;
    let source = move |bytes: &mut [u8]| {
        for key in bytes.chunks_mut(4) {
            given += 1;
            let scrambled = given.wrapping_mul(0x9e37_79b1).to_be_bytes();
            key.copy_from_slice(&scrambled[..key.len()]);
        }
    };
    let agreed = Agreed::new(Draft::Rfc6455);
    let mut client = Connection::client(agreed, Arc::default(), Box::new(source), NOW);
    let mut keys = HashSet::new();
    for nth in 0..10_000_u32 {
        let payload = nth.to_be_bytes();
        match nth % 3 {
            0 => client
                .send(Message::binary(payload.to_vec()))
                .expect("room"),
            1 => client.ping(NOW, &payload).expect("open"),
            _ => {
                let ping = unmasked(0x89, &payload);
                assert_eq!(feed(&mut client, &ping).len(), 1, "and a pong");
            }
        }
        let frame = output(&mut client);
        let (head, masked) = frame.split_at(6);
        assert_eq!(head[1], 0x84);
        let key: [u8; 4] = head[2..].try_into().expect("four bytes");
        assert!(keys.insert(key), "the key of frame {nth} again");
        let clear: Vec<u8> = masked
            .iter()
            .zip(key)
            .map(|(byte, key)| byte ^ key)
            .collect();
        assert_eq!(clear, payload);
    }
    // Long ones too, whose payload is masked in place or copied.
    for len in [126, 5000, 70_000] {
        client.send(Message::binary(vec![0; len])).expect("room");
        let outbox = client.outbox();
        outbox.advance(if len < 1 << 16 { 4 } else { 10 });
        let key: [u8; 4] = outbox.copy_to_bytes(4)[..].try_into().expect("four bytes");
        assert!(keys.insert(key), "the key of a frame of {len} bytes again");
        outbox.advance(len);
    }
}

#[test]
fn s25_nothing_is_told_after_a_close_but_the_end() {
    let mut random = random();
    let text = masked(0x81, b"late");
    for draft in [Draft::Hixie76, Draft::Hybi08, Draft::Rfc6455] {
        for ours in [false, true] {
            for _ in 0..200 {
                let mut machine = server_of(Agreed::new(draft), Config::default());
                let closing = match draft.is_hybi() {
                    true => masked(0x88, b"\x03\xe8"),
                    false => b"\xff\x00".to_vec(),
                };
                let mut told = Vec::new();
                if ours {
                    machine.close(NOW, CloseCode::NORMAL, "").expect("legal");
                } else {
                    told.extend(feed(&mut machine, &closing));
                }
                let mut flood: Vec<u8> = Vec::new();
                for _ in 0..random(20) {
                    match random(4) {
                        0 => flood.extend(&text),
                        1 => flood.extend(masked(0x89, b"ping")),
                        2 => flood.extend(&closing),
                        _ => flood.extend(
                            (0..random(10)).map(|_| u8::try_from(random(256)).expect("a byte")),
                        ),
                    }
                }
                told.extend(feed(&mut machine, &flood));
                machine.receive_eof(NOW);
                told.extend(events(&mut machine));
                assert!(
                    matches!(&told[..], [Event::Closed(_)]),
                    "{draft:?}: {told:?}"
                );
                let written = output(&mut machine);
                assert!(written.len() <= 4, "at most one close frame: {written:?}");
                assert!(machine.is_finished());
            }
        }
    }
}

#[test]
fn s27_what_is_told_as_text_is_text() {
    // Every sequence of up to three bytes of every class, against the standard library.
    let classes = [
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
        0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
    ];
    let mut texts = vec![vec![]];
    for a in classes {
        texts.push(vec![a]);
        for b in classes {
            texts.push(vec![a, b]);
            for c in classes {
                texts.push(vec![a, b, c]);
                texts.push(vec![a, b, c, 0x80]);
            }
        }
    }
    let (mut good, mut bad) = (0, 0);
    for bytes in texts {
        let expected = std::str::from_utf8(&bytes).ok();
        *if expected.is_some() {
            &mut good
        } else {
            &mut bad
        } += 1;
        assert_eq!(utf8::is_valid(&bytes), expected.is_some());
        let made = Utf8Bytes::from_bytes(bytes.clone().into()).ok();
        assert_eq!(made.as_ref().map(Utf8Bytes::as_str), expected);
        let mut machine = server(Config::default());
        let told = feed(&mut machine, &masked(0x81, &bytes));
        match (&told[..], expected) {
            ([Event::Message(message)], Some(text)) => assert_eq!(message.as_text(), Some(text)),
            (told, None) => {
                assert_eq!(broken(told), Some(ProtocolError::InvalidUtf8), "{bytes:x?}");
            }
            (told, Some(_)) => panic!("{bytes:x?}: {told:?}"),
        }
    }
    assert!(good > 100 && bad > 10_000, "{good} {bad}");
}

#[test]
fn s29_what_is_printed_holds_no_control_character_of_the_peer() {
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}\r\nERROR: <script>\u{0}\u{9b}";
    let harmless = |text: &str, what: &str| {
        let bad: Vec<char> = text.chars().filter(|c| c.is_control()).collect();
        assert!(bad.is_empty(), "{what}: {bad:?} in {text:?}");
    };
    let mut reason = vec![0x03, 0xe8];
    reason.extend_from_slice(evil.as_bytes());
    let mut machine = server(Config::default());
    let told = feed(&mut machine, &masked(0x88, &reason));
    let [Event::Closed(closed)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        closed.reason.as_str(),
        evil,
        "the application gets it as it came"
    );
    harmless(&closed.to_string(), "Display");
    harmless(&format!("{closed:?}"), "Debug");
    let told = feed(
        &mut server(Config::default()),
        &masked(0x81, evil.as_bytes()),
    );
    harmless(&format!("{told:?}"), "a message");
    // Bytes above 0x7f and tabs are legal in values; heads show them escaped.
    let head = "GET /\u{7f} HTTP/1.1\r\nHost: h\r\n\r\n";
    assert!(
        HeadParser::new()
            .parse(head.as_bytes(), &Limits::default())
            .is_err()
    );
    let head = b"GET /<script> HTTP/1.1\r\nHost: h\r\nA: \xc2\x9b2J\tx\r\n\r\n";
    let (_, head) = HeadParser::new()
        .parse(head, &Limits::default())
        .expect("legal");
    harmless(&format!("{:?}", head.expect("complete")), "a request");
    let response = ResponseHead::new(200)
        .header("A", b"\xc2\x9b2J\tx")
        .expect("legal");
    harmless(&format!("{response:?}"), "a response");
}

#[test]
fn s36_pings_between_the_fragments_of_a_compressed_message_disturb_nothing() {
    let text = "again and again, κόσμε ".repeat(200);
    for no_context_takeover in [false, true] {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            let mut machine = server_of(
                with_deflate(no_context_takeover),
                Config {
                    delivery,
                    ..Config::default()
                },
            );
            let effort = deflate::Effort::default();
            let mut compressor = deflate::Compressor::new(15, no_context_takeover, effort);
            for nth in 0..3 {
                let mut payload = Vec::new();
                compressor.compress(text.as_bytes(), true, &mut payload);
                let fragments: Vec<&[u8]> = payload.chunks(7).collect();
                let (mut got, mut pings) = (Vec::new(), 0);
                for (at, fragment) in fragments.iter().enumerate() {
                    let first = if at == 0 { 0x42 - 1 } else { 0x00 };
                    let last = if at + 1 == fragments.len() {
                        0x80
                    } else {
                        0x00
                    };
                    let mut input = masked(first | last, fragment);
                    if last == 0 {
                        input.extend(masked(0x89, b"between"));
                    }
                    for event in feed(&mut machine, &input) {
                        match event {
                            Event::Ping(_) => pings += 1,
                            Event::Message(message) => got.extend_from_slice(message.as_bytes()),
                            Event::Chunk(chunk) => got.extend_from_slice(&chunk.payload),
                            event => panic!("{event:?}"),
                        }
                    }
                    let pong = unmasked(0x8a, b"between");
                    assert_eq!(output(&mut machine), if last == 0 { pong } else { vec![] });
                }
                assert_eq!(got, text.as_bytes(), "message {nth}");
                assert_eq!(pings, fragments.len() - 1);
            }
        }
    }
}

#[test]
fn s37_heads_that_lack_any_field_have_an_answer_in_both_roles() {
    let request = Head::parse(REQUEST.as_bytes());
    let policy = Policy {
        drafts: websocket_proto::Drafts::ALL,
        ..Policy::default()
    };
    for present in 0..1_u32 << request.fields.len() {
        let mut head = request.clone();
        let mut nth = 0..;
        head.fields
            .retain(|_| present & (1 << nth.next().expect("endless")) != 0);
        let complete = head.fields.len() == request.fields.len();
        assert_eq!(Upgrade::read(&head, &policy).is_ok(), complete, "{head:?}");
    }
    let url: Url = "ws://server.test/chat".parse().expect("a URL");
    let mut nonce = |nonce: &mut [u8]| nonce.copy_from_slice(b"the sample nonce");
    let client = Client::new(&ClientRequest::new(&url), &mut nonce).expect("a request");
    let mut answer = Vec::new();
    let upgrade = Upgrade::read(&request, &policy).expect("complete");
    upgrade
        .accept(Accept::default())
        .expect("nothing optional")
        .write(&mut answer);
    let answer = Head::parse(&answer);
    assert!(client.verify(&answer).is_ok());
    for present in 0..(1_u32 << answer.fields.len()) - 1 {
        let mut head = answer.clone();
        let mut nth = 0..;
        head.fields
            .retain(|_| present & (1 << nth.next().expect("endless")) != 0);
        assert!(client.verify(&head).is_err(), "{head:?}");
    }
}

#[test]
fn s24_no_timer_outlives_a_connection() {
    for draft in Draft::ALL {
        let mut machine = server_of(Agreed::new(draft), Config::default());
        machine.close(NOW, CloseCode::NORMAL, "").expect("legal");
        output(&mut machine);
        let mut now = NOW;
        for _ in 0..10 {
            let Some(next) = machine.poll_timeout() else {
                break;
            };
            assert!(next >= now);
            now = next;
            machine.handle_timeout(now);
        }
        assert!(now <= NOW + Duration::from_secs(10));
        assert_eq!(
            (machine.is_finished(), machine.poll_timeout()),
            (true, None),
            "{draft:?}"
        );
    }
}

#[test]
fn s40_a_head_of_equal_names_is_looked_up_in_order() {
    // No hash, so none to aim at: the lookups of all names of the longest head.
    let mut head = String::from("GET / HTTP/1.1\r\nHost: h\r\n");
    for nth in 0..99 {
        head += &format!("A{}: {nth}\r\n", nth % 3);
    }
    let (_, head) = HeadParser::new()
        .parse((head + "\r\n").as_bytes(), &Limits::default())
        .expect("legal");
    let head = head.expect("complete");
    for name in ["a0", "A1", "a2"] {
        let values: Vec<_> = head.headers().get_all(name).collect();
        assert_eq!(values.len(), 33);
        assert!(values.is_sorted_by_key(|value| {
            std::str::from_utf8(value)
                .expect("digits")
                .parse::<u8>()
                .expect("a number")
        }));
    }
    assert!(Extensions::parse(&b"a,".repeat(16)).is_ok());
    assert!(
        Extensions::parse(&b"a,".repeat(17)).is_err(),
        "lists are as short"
    );
}
