//! Known failures of HTTP parsers, and every limit at its edge.

use std::collections::BTreeSet;

use bytes::{Buf, Bytes};
use tests::http1::{Served, echo};
use tests::ids;
use tests::splits::for_each_split;
use websocket_proto::http1::client::{self, Exchange};
use websocket_proto::http1::server::{Body, Config, Connection, Event};
use websocket_proto::http1::{
    Closed, Fields, Framing, HeadParser, Limits, ProtocolError, ResponseHead, Timer, Version,
};
use websocket_proto::{Instant, Machine, ReadInterest};

const START: Instant = Instant::from_millis(0);
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

/// What HTTP/1.1 makes of these fields: the framing, or nothing at all.
const SMUGGLING: [(&str, Option<Framing>); 44] = {
    const NO: Option<Framing> = None;
    const NONE: Option<Framing> = Some(Framing::None);
    const CHUNKED: Option<Framing> = Some(Framing::Chunked);
    const fn length(n: u64) -> Option<Framing> {
        Some(Framing::Length(n))
    }
    [
        ("", NONE),
        ("Content-Length: 5", length(5)),
        ("content-length:5", length(5)),
        ("Content-Length: \t5\t ", length(5)),
        ("Content-Length: 005", length(5)),
        ("Content-Length: 0", length(0)),
        ("Content-Length: 18446744073709551615", length(u64::MAX)),
        ("Content-Length: 18446744073709551616", NO),
        ("Content-Length: 5\r\nContent-Length: 5", NO),
        ("Content-Length: 5\r\nContent-Length: 6", NO),
        ("Content-Length: 5, 5", NO),
        ("Content-Length: 5,", NO),
        ("Content-Length: +5", NO),
        ("Content-Length: -5", NO),
        ("Content-Length: 5.0", NO),
        ("Content-Length: 5e0", NO),
        ("Content-Length: 0x5", NO),
        ("Content-Length: 5 ;", NO),
        ("Content-Length: \"5\"", NO),
        ("Content-Length:", NO),
        ("Content-Length : 5", NO),
        (" Content-Length: 5", NO),
        ("X: y\r\n Content-Length: 5", NO),
        ("Content-Length: 5\x0b", NO),
        ("Content-Length: \u{661}", NO),
        ("Content_Length: 5", NONE),
        ("Transfer-Encoding: chunked", CHUNKED),
        ("transfer-encoding: CHUNKED", CHUNKED),
        ("Transfer-Encoding:\tchunked", CHUNKED),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", NO),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", NO),
        ("Content-Length: 5\r\nTransfer-Encoding: identity", NO),
        ("Transfer-Encoding: identity", NO),
        ("Transfer-Encoding: identity, chunked", NO),
        ("Transfer-Encoding: chunked, identity", NO),
        ("Transfer-Encoding: chunked, chunked", NO),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", NO),
        ("Transfer-Encoding: x\r\nTransfer-Encoding: chunked", NO),
        ("Transfer-Encoding: xchunked", NO),
        ("Transfer-Encoding: chunkedx", NO),
        ("Transfer-Encoding: ,chunked", NO),
        ("Transfer-Encoding: chunked\x0c", NO),
        ("Transfer-Encoding\x20: chunked", NO),
        ("Transfer-Encoding: chun\r\n ked", NO),
    ]
};

#[test]
fn s01_a_head_of_any_length_stops_at_the_limit() {
    let mut parser = HeadParser::new();
    let limits = Limits::default();
    let mut head = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
    while head.len() < 17_000 {
        head.extend_from_slice(b"Some-Field: with a value\r\n");
    }
    let limits = Limits {
        fields: 10_000,
        ..limits
    };
    for (at, byte) in head.iter().enumerate() {
        match parser.parse(&[*byte], &limits) {
            Ok(taken) => assert_eq!(taken.0, 1),
            Err(error) => {
                assert_eq!((error, at), (ProtocolError::HeadTooLarge, 16 * 1024));
                return;
            }
        }
    }
    panic!("a head of any length");
}

#[test]
fn s02_one_field_too_many_or_one_missing() {
    let mut input = String::from("GET / HTTP/1.1\r\nHost: h\r\n");
    for i in 0..99 {
        input += &format!("A{i}: b\r\n");
    }
    input += "Upgrade: websocket\r\n\r\n";
    for_each_split(input.as_bytes(), |pieces| {
        let mut served = Served::echo();
        served.feed(pieces);
        assert_eq!(served.statuses(), [431]);
    });
    // Every field may be missing.
    let fields = [
        "Host: h",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Content-Length: 0",
    ];
    for missing in 0..fields.len() {
        let mut input = String::from("GET / HTTP/1.1\r\n");
        for (_, field) in fields.iter().enumerate().filter(|(i, _)| *i != missing) {
            input = input + field + "\r\n";
        }
        let mut served = Served::echo();
        served.feed(&[input.as_bytes(), b"\r\n"]);
        assert_eq!(served.statuses(), [if missing == 0 { 400 } else { 200 }]);
    }
}

#[test]
fn s07_announced_lengths_of_64_bits() {
    for length in [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
        read_without_bound(&head, "abc");
    }
    for size in ["7fffffffffffffff", "8000000000000000", "ffffffffffffffff"] {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        read_without_bound(head, &format!("{size}\r\nabc"));
        // The sum of two chunks over 64 bits.
        let mut connection = read_without_bound(head, "1\r\nabc\r\n".split_at(4).0);
        connection.receive(START, &mut format!("\r\n{size}\r\nabc").into_bytes());
    }
}

fn read_without_bound(head: &str, body: &str) -> Connection {
    let mut connection = Connection::new(Config::default().into(), START);
    connection.receive(START, &mut head.as_bytes().to_vec());
    connection.read_body(START, u64::MAX).unwrap();
    assert_eq!(
        connection.receive(START, &mut body.as_bytes().to_vec()),
        body.len()
    );
    assert!(!connection.is_finished());
    connection
}

/// Whatever names and values are accepted, the head parses back to exactly them.
#[test]
fn s12_what_is_written_parses_back_as_it_was() {
    let mut samples: Vec<Vec<u8>> = (0..=255).map(|byte| vec![b'a', byte, b'b']).collect();
    samples.extend([
        b"\r\n\r\n".to_vec(),
        b"a\r\nB: c".to_vec(),
        b"\0".to_vec(),
        vec![],
    ]);
    let mut accepted = 0;
    for sample in &samples {
        let text = String::from_utf8_lossy(sample);
        let as_name = ResponseHead::new(200).header(&text, "v");
        let as_value = ResponseHead::new(200).header("N", sample);
        let as_reason = ResponseHead::new(200).with_reason(&text);
        for head in [as_name, as_value, as_reason].into_iter().flatten() {
            accepted += 1;
            let mut connection = Connection::new(Config::default().into(), START);
            connection.receive(START, &mut NEXT.as_bytes().to_vec());
            connection.respond(START, &head, Body::Empty).unwrap();
            let outbox = connection.outbox();
            let written = outbox.copy_to_bytes(outbox.len());
            // Content-Length is the machine's.
            assert_lines(&written, 1 + 1 + head.headers().len());
        }
        let requests = [
            client::Request::new("GET", &format!("/{text}")),
            client::Request::new(&text, "/"),
            client::Request::new("GET", "/").and_then(|request| request.header(&text, "v")),
            client::Request::new("GET", "/").and_then(|request| request.header("N", sample)),
        ];
        for request in requests.into_iter().flatten() {
            accepted += 1;
            let request = request.header("Host", "h").unwrap();
            let Ok(mut exchange) = Exchange::new(&request, client::Config::default(), START) else {
                continue;
            };
            let outbox = exchange.outbox();
            let written = outbox.copy_to_bytes(outbox.len());
            let lines = written.split(|&byte| byte == b'\n').count() - 2;
            assert!((2..=3).contains(&lines));
            assert_lines(&written, lines);
        }
        let mut trailers = Fields::new();
        let _ = trailers.append(&text, sample);
        assert!(
            trailers
                .headers()
                .iter()
                .all(|(_, value)| !value.contains(&b'\n'))
        );
    }
    assert!(accepted > 500, "the property is not empty: {accepted}");
}

/// Exactly `lines` lines and an empty one, without stray CR, LF or NUL.
fn assert_lines(head: &[u8], lines: usize) {
    let ends = head.windows(2).filter(|pair| pair == b"\r\n").count();
    let count = |byte| head.iter().filter(|&&b| b == byte).count();
    assert_eq!(
        (ends, count(b'\r'), count(b'\n'), count(0)),
        (lines + 1, lines + 1, lines + 1, 0)
    );
    assert!(head.ends_with(b"\r\n\r\n"));
}

fn refused_chunks(body: &str) {
    let input =
        format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{NEXT}");
    for_each_split(input.as_bytes(), |pieces| {
        let mut served = Served::echo();
        served.feed(pieces);
        assert_eq!(served.statuses(), [400], "{body:?}");
    });
}

#[test]
fn s13_the_data_of_a_chunk_ends_with_crlf() {
    refused_chunks("5\r\nhelloXX0\r\n\r\n");
    refused_chunks("5\r\nhello\rX0\r\n\r\n");
}

#[test]
fn s14_no_bare_line_feed_in_a_chunk_line() {
    refused_chunks("5;a\nb\r\nhello\r\n0\r\n\r\n");
    refused_chunks("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n");
    refused_chunks("5\nhello\r\n0\r\n\r\n");
    refused_chunks("0\n\n");
}

#[test]
fn s15_each_framing_has_one_reading() {
    let different: BTreeSet<_> = SMUGGLING.iter().map(|(fields, _)| fields).collect();
    assert_eq!(different.len(), SMUGGLING.len());
    for (fields, expected) in SMUGGLING {
        let line_end = if fields.is_empty() { "" } else { "\r\n" };
        let head = format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}{line_end}\r\n");
        let (parsed, body, seen) = match expected {
            None => (None, NEXT, vec![]),
            Some(Framing::Length(u64::MAX)) => (expected, "hello", vec!["POST /a"]),
            Some(Framing::None | Framing::Length(0)) => {
                (expected, "", vec!["POST /a", "GET /next"])
            }
            Some(Framing::Length(_)) => (
                expected,
                "hello",
                vec!["POST /a", "body hello", "GET /next"],
            ),
            Some(Framing::Chunked) => (
                expected,
                "5\r\nhello\r\n0\r\n\r\n",
                vec!["POST /a", "body hello", "GET /next"],
            ),
        };
        let framing = HeadParser::new().parse(head.as_bytes(), &Limits::default());
        let framing = framing
            .ok()
            .map(|(_, head)| head.expect("complete").framing());
        assert_eq!(framing, parsed, "{fields:?}");
        for_each_split(
            &[head.as_bytes(), body.as_bytes(), NEXT.as_bytes()].concat(),
            |pieces| {
                let mut served = Served::echo();
                served.feed(pieces);
                match expected {
                    None => {
                        assert_eq!(served.log.len(), 1, "{fields:?}: {:?}", served.log);
                        assert!(served.closed.is_some(), "{fields:?}");
                        assert!(
                            served.text().contains("Connection: close\r\n"),
                            "{fields:?}"
                        );
                    }
                    Some(Framing::Length(u64::MAX)) => assert_eq!(served.statuses(), [413]),
                    Some(_) => assert_eq!(served.log, seen, "{fields:?}"),
                }
            },
        );
    }
}

#[test]
fn s16_a_refused_upgrade_ends_the_connection() {
    let refuse: tests::http1::Handler = |connection, _, now| {
        let head = ResponseHead::new(426)
            .header("Upgrade", "websocket")
            .unwrap()
            .close();
        connection.respond(now, &head, Body::Empty).unwrap();
    };
    let input = format!(
        "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n{NEXT}"
    );
    for_each_split(input.as_bytes(), |pieces| {
        let mut served = Served::new(Config::default(), refuse);
        served.feed(pieces);
        assert_eq!(served.log, ["GET /chat", "closed: complete"]);
        assert!(served.text().contains("Connection: Upgrade, close\r\n"));
    });
}

#[test]
fn s20_what_is_no_response_opens_nothing() {
    let request = client::Request::new("GET", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap();
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}\u{2}", // nobody asked for it
        "+OK POP3 ready\r\n",
        "\u{16}\u{3}\u{1}\0\n",
        "HTTP/0.9 101 x\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
    ] {
        let mut exchange = Exchange::new(&request, client::Config::default(), START).unwrap();
        exchange.receive(START, &mut answer.as_bytes().to_vec());
        let first = exchange.poll_event();
        assert!(
            matches!(first, Some(client::Event::Closed(Closed::Protocol(_)))),
            "{answer:?}: {first:?}"
        );
        assert!(exchange.upgrade().is_err());
    }
}

#[test]
fn s23_slow_heads_and_bodies_end_in_time() {
    let mut served = Served::echo();
    for second in 0..=10 {
        served.until(1000 * second);
        if served.closed.is_none() {
            served.feed(&[b"G"]);
        }
    }
    assert_eq!(served.closed, Some(Closed::Timeout(Timer::Head)));
    let mut served = Served::echo();
    served.feed(&[b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"]);
    for second in 0..=60 {
        served.until(1000 * second);
        if served.closed.is_none() {
            served.feed(&[b"x"]);
        }
    }
    assert_eq!(served.closed, Some(Closed::Timeout(Timer::Body)));
}

#[test]
fn s28_an_announced_body_is_awaited_not_allocated() {
    // How much memory that takes is measured where it can be seen, beside the machine.
    let mut connection = read_without_bound(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1099511627776\r\n\r\n",
        "abc",
    );
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    assert!(matches!(connection.poll_event(), Some(Event::Body(data)) if data == "abc"));
}

/// Broken heads and bodies of every kind: no panic, one `Closed`, and the same for every cut.
#[test]
fn s37_broken_heads_and_bodies_have_one_end() {
    let seeds: [&[u8]; 4] = [
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: u\r\n\r\n",
        b"POST http://h/ HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ];
    let bytes = b"\0\t\n\r :;,/0aG\x7f\x80\xff";
    let request = client::Request::new("GET", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap();
    for seed in seeds {
        for at in 0..seed.len() {
            let (before, after) = seed.split_at(at);
            let mut variants = vec![[before, &after[1..]].concat(), [seed, after].concat()];
            for byte in bytes {
                variants.push([before, &[*byte], after].concat());
                variants.push([before, &[*byte], &after[1..]].concat());
            }
            for input in variants {
                let serve = |pieces: &[&[u8]]| {
                    let mut served = Served::echo();
                    served.feed(pieces).eof();
                    (served.log, served.output)
                };
                let bytewise: Vec<&[u8]> = input.chunks(1).collect();
                assert_eq!(
                    serve(&[&input]),
                    serve(&bytewise),
                    "{}",
                    input.escape_ascii()
                );
                let mut exchange =
                    Exchange::new(&request, client::Config::default(), START).unwrap();
                exchange.receive(START, &mut input.clone());
                exchange.receive_eof(START);
                let closed = std::iter::from_fn(|| exchange.poll_event())
                    .filter(|event| matches!(event, client::Event::Closed(_)))
                    .count();
                assert_eq!(closed, 1);
            }
        }
    }
}

#[test]
fn s38_http_1_0_has_no_chunks() {
    let upgrade = b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let (_, head) = HeadParser::new()
        .parse(upgrade, &Limits::default())
        .unwrap();
    assert_eq!(
        head.unwrap().version(),
        Version::Http10,
        "the handshake can tell"
    );
    let chunked = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    let refused = HeadParser::new().parse(chunked, &Limits::default()).err();
    assert_eq!(refused, Some(ProtocolError::AmbiguousFraming));
}

#[test]
fn s39_requests_wait_their_turn() {
    let mut connection = Connection::new(Config::default().into(), START);
    let mut flood = NEXT.repeat(1000).into_bytes();
    assert_eq!(connection.receive(START, &mut flood), NEXT.len());
    assert_eq!(connection.receive(START, &mut flood), 0, "one at a time");
    assert_eq!(connection.read_interest(), ReadInterest::Eof);
    let mut served = Served::echo();
    served.feed(&[&flood]);
    assert_eq!(served.statuses().len(), 1000);
}

#[test]
fn s40_the_longest_head_is_looked_up() {
    let mut input = String::from("GET / HTTP/1.1\r\nHost: h\r\n");
    for i in 0..98 {
        input += &format!("{i}: {i}\r\n");
    }
    input += "Last: x\r\n\r\n";
    let (_, head) = HeadParser::new()
        .parse(input.as_bytes(), &Limits::default())
        .unwrap();
    let head = head.unwrap();
    assert_eq!(head.headers().len(), 100);
    assert_eq!(head.headers().get("last"), Some(&b"x"[..]));
    assert_eq!(head.headers().get("97"), Some(&b"97"[..]));
}

/// An input whose size is given, and the status at the limit and one above it.
struct Limit {
    id: &'static str,
    at: usize,
    input: fn(usize) -> String,
    over: u16,
}

const LIMITS: [Limit; 10] = [
    Limit {
        id: "limit-start-line",
        at: 8192,
        input: |n| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(n - 14)),
        over: 414,
    },
    Limit {
        id: "limit-head",
        at: 16 * 1024,
        input: |n| {
            let filled = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n", "a".repeat(8000));
            let rest = n - filled.len() - "B: \r\n\r\n".len() - "C: \r\n".len() - 8000;
            format!(
                "{filled}B: {}\r\nC: {}\r\n\r\n",
                "b".repeat(8000),
                "c".repeat(rest)
            )
        },
        over: 431,
    },
    Limit {
        id: "limit-fields",
        at: 100,
        input: |n| {
            format!(
                "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
                "A: b\r\n".repeat(n - 1)
            )
        },
        over: 431,
    },
    Limit {
        id: "limit-field-name",
        at: 256,
        input: |n| format!("GET / HTTP/1.1\r\nHost: h\r\n{}: b\r\n\r\n", "A".repeat(n)),
        over: 431,
    },
    Limit {
        id: "limit-field-value",
        at: 8192,
        input: |n| format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}\r\n\r\n", "b".repeat(n)),
        over: 431,
    },
    Limit {
        id: "limit-trailers",
        at: 4096,
        input: |n| chunked(&format!("0\r\nA: {}\r\n\r\n", "b".repeat(n - 7))),
        over: 431,
    },
    Limit {
        id: "limit-trailer-fields",
        at: 32,
        input: |n| chunked(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(n))),
        over: 431,
    },
    Limit {
        id: "limit-chunk-line",
        at: 256,
        input: |n| chunked(&format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(n - 2))),
        over: 400,
    },
    Limit {
        id: "limit-chunk-extensions",
        at: 4096,
        input: |n| {
            let chunk = |n| format!("1;{}\r\nx\r\n", "e".repeat(n - 1));
            chunked(&format!(
                "{}{}0\r\n\r\n",
                chunk(200).repeat(20),
                chunk(n - 4000)
            ))
        },
        over: 400,
    },
    Limit {
        id: "limit-body",
        at: 1024 * 1024,
        input: |n| {
            format!(
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {n}\r\n\r\n{}",
                "x".repeat(n)
            )
        },
        over: 413,
    },
];

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[test]
fn every_limit_at_its_edge() {
    for limit in &LIMITS {
        for (size, status) in [(limit.at, 200), (limit.at + 1, limit.over)] {
            let input = (limit.input)(size);
            let check = |pieces: &[&[u8]]| {
                let mut served = Served::new(Config::default(), echo);
                served.feed(pieces);
                assert_eq!(served.statuses(), [status], "{} {size}", limit.id);
            };
            if input.len() > 100_000 {
                check(&[input.as_bytes()]);
            } else {
                for_each_split(input.as_bytes(), check);
            }
        }
    }
    drain_limit();
    interim_limit();
    let ran = LIMITS
        .iter()
        .map(|limit| limit.id)
        .chain(["limit-drain", "limit-interim"]);
    ids::check("limits-http1", ran);
}

#[test]
fn limits_of_any_size_hold_in_every_cut() {
    let head = b"GET /abc HTTP/1.1\r\nHost: h\r\nName: value\r\n\r\n";
    let all = Limits {
        start_line: 17,
        head: 43,
        fields: 2,
        field_name: 4,
        field_value: 5,
        ..Limits::default()
    };
    assert_eq!(head.len(), 43);
    for (limits, expected) in [
        (all, None),
        (
            Limits {
                start_line: 16,
                ..all
            },
            Some(ProtocolError::StartLineTooLong),
        ),
        (
            Limits { head: 42, ..all },
            Some(ProtocolError::HeadTooLarge),
        ),
        (
            Limits { fields: 1, ..all },
            Some(ProtocolError::TooManyFields),
        ),
        (
            Limits { fields: 0, ..all },
            Some(ProtocolError::TooManyFields),
        ),
        (
            Limits {
                field_name: 3,
                ..all
            },
            Some(ProtocolError::HeadTooLarge),
        ),
        (
            Limits {
                field_value: 4,
                ..all
            },
            Some(ProtocolError::HeadTooLarge),
        ),
        (
            Limits {
                start_line: 0,
                head: 0,
                ..all
            },
            Some(ProtocolError::StartLineTooLong),
        ),
    ] {
        for_each_split(head, |pieces| {
            let mut parser = HeadParser::new();
            let error = pieces
                .iter()
                .find_map(|piece| parser.parse(piece, &limits).err());
            assert_eq!(error, expected, "{limits:?} in {} pieces", pieces.len());
        });
    }
}

fn interim_limit() {
    let request = client::Request::new("GET", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap();
    for (count, last) in [
        (16, Closed::Complete),
        (17, Closed::Protocol(ProtocolError::TooManyInterim)),
    ] {
        let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(count);
        let input = interim + "HTTP/1.1 204 No Content\r\n\r\n";
        for_each_split(input.as_bytes(), |pieces| {
            let mut exchange = Exchange::new(&request, client::Config::default(), START).unwrap();
            for piece in pieces {
                exchange.receive(START, &mut piece.to_vec());
            }
            let events: Vec<_> = std::iter::from_fn(|| exchange.poll_event()).collect();
            let is_interim = |event: &&client::Event| matches!(event, client::Event::Interim(_));
            assert_eq!(events.iter().filter(is_interim).count(), 16);
            let closed = events.last();
            assert!(matches!(closed, Some(client::Event::Closed(cause)) if *cause == last));
        });
    }
}

fn drain_limit() {
    for (unread, kept) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let mut connection = Connection::new(Config::default().into(), START);
        let mut head =
            format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {unread}\r\n\r\n").into_bytes();
        connection.receive(START, &mut head);
        let body = Body::Full(Bytes::from_static(b"early"));
        connection
            .respond(START, &ResponseHead::new(200), body)
            .unwrap();
        assert_eq!(connection.is_finished(), !kept);
    }
}
