//! What malformed requests are answered with, and whether the connection goes on.

use bytes::Bytes;
use tests::http1::Served;
use tests::ids;
use tests::splits::for_each_split;
use websocket_proto::Instant;
use websocket_proto::http1::server::{Body, Config, Connection, Misuse};
use websocket_proto::http1::{Closed, RequestHead, ResponseHead};

/// What follows the response, or its absence.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// The next request is answered, too.
    Keep,
    /// Nothing behind is parsed.
    Close,
    /// No byte is sent: the peer ends its stream here.
    SilentAtEof,
    /// As `Close`, once time has passed.
    CloseLater,
}
use Then::{Close, CloseLater, Keep, SilentAtEof};

struct Row {
    id: &'static str,
    inputs: &'static [&'static str],
    status: u16,
    then: Then,
}

const fn row(id: &'static str, status: u16, then: Then, inputs: &'static [&'static str]) -> Row {
    Row {
        id,
        inputs,
        status,
        then,
    }
}

/// In the inputs `¶` is CRLF and `«n×c»` is n times c.
const ROWS: &[Row] = &[
    row("5.2-only-empty-lines", 0, SilentAtEof, &["¶", "¶¶¶¶", "\r"]),
    row(
        "5.2-request-line-parts",
        400,
        Close,
        &[
            "GET /¶",
            "GET¶",
            "GET / HTTP/1.1 x¶",
            "GET  / HTTP/1.1¶",
            "GET /  HTTP/1.1¶",
            "GET / HTTP/1.1 ¶",
            " GET / HTTP/1.1¶",
            "GET\t/\tHTTP/1.1¶",
            "¶¶¶¶¶",
        ],
    ),
    row(
        "5.2-unknown-method",
        501,
        Keep,
        &["get / HTTP/1.1¶Host: h¶¶", "BREW /pot HTTP/1.1¶Host: h¶¶"],
    ),
    row(
        "5.2-malformed-method",
        400,
        Close,
        &[
            "GE(T / HTTP/1.1¶",
            "G\0T / HTTP/1.1¶",
            "«33×A» / HTTP/1.1¶",
            "\u{e9} / HTTP/1.1¶",
            "GET: / HTTP/1.1¶",
        ],
    ),
    row(
        "5.2-target-too-long",
        414,
        Close,
        &["GET /«8200×a» HTTP/1.1¶Host: h¶¶", "GET /«9000×a»"],
    ),
    row(
        "5.2-malformed-target",
        400,
        Close,
        &[
            "GET a HTTP/1.1¶",
            "GET ?a HTTP/1.1¶",
            "GET /\u{1} HTTP/1.1¶",
            "GET /\t HTTP/1.1¶",
            "GET /\r HTTP/1.1¶",
            "GET /\u{7f} HTTP/1.1¶",
            "GET /\u{e9} HTTP/1.1¶",
            "GET * HTTP/1.1¶",
            "GET http:/x HTTP/1.1¶",
            "GET http:///x HTTP/1.1¶",
            "GET http://u@h/x HTTP/1.1¶",
            "GET 1a://h/x HTTP/1.1¶",
            "GET h:80 HTTP/1.1¶",
            "CONNECT / HTTP/1.1¶",
            "CONNECT h HTTP/1.1¶",
            "CONNECT http://h:80/ HTTP/1.1¶",
        ],
    ),
    row(
        "5.2-fragment",
        400,
        Close,
        &["GET /#a HTTP/1.1¶", "GET http://h/#a HTTP/1.1¶"],
    ),
    row(
        "5.2-version-2",
        505,
        Close,
        &[
            "GET / HTTP/2.0¶",
            "GET / HTTP/3¶",
            "GET / HTTP/0.9¶",
            "PRI * HTTP/2.0¶¶SM¶¶", // what a client of HTTP/2 begins with
        ],
    ),
    row(
        "5.2-version-1.2",
        200,
        Keep,
        &["GET / HTTP/1.2¶Host: h¶¶", "GET / HTTP/1.9¶Host: h¶¶"],
    ),
    row(
        "5.2-malformed-version",
        400,
        Close,
        &[
            "GET / http/1.1¶",
            "GET / HTTP/1.¶",
            "GET / HTTP/1¶",
            "GET / HTTP/01.1¶",
            "GET / HTTP/1.10¶",
            "GET / HTTP/1,1¶",
            "GET / HTTPS/1.1¶",
            "GET / ¶",
        ],
    ),
    row(
        "5.2-head-too-large",
        431,
        Close,
        &[
            "GET / HTTP/1.1¶Host: h¶A: «8000×a»¶B: «8000×b»¶C: «1000×c»¶¶",
            "GET / HTTP/1.1¶Host: h¶«101×A: b¶»¶",
        ],
    ),
    row(
        "5.2-leading-space",
        400,
        Close,
        &["GET / HTTP/1.1¶ Host: h¶¶", "GET / HTTP/1.1¶\tA: b¶¶"],
    ),
    row(
        "5.2-space-before-colon",
        400,
        Close,
        &[
            "GET / HTTP/1.1¶Host : h¶¶",
            "GET / HTTP/1.1¶Host: h¶Content-Length\t: 5¶¶",
        ],
    ),
    row(
        "5.2-no-name-or-colon",
        400,
        Close,
        &[
            "GET / HTTP/1.1¶Host: h¶Name¶¶",
            "GET / HTTP/1.1¶Host: h¶: v¶¶",
            "GET / HTTP/1.1¶Host: h¶A b: v¶¶",
            "GET / HTTP/1.1¶Host: h¶\u{e9}: v¶¶",
        ],
    ),
    row(
        "5.2-folded-field",
        400,
        Close,
        &[
            "GET / HTTP/1.1¶Host: h¶A: b¶ c¶¶",
            "GET / HTTP/1.1¶Host: h¶A: b¶\tc¶¶",
        ],
    ),
    row(
        "5.2-nul-or-bare-cr",
        400,
        Close,
        &[
            "GET / HTTP/1.1¶Host: h¶A: \0¶¶",
            "GET / HTTP/1.1¶Host: h¶A: b\rC: d¶¶",
            "GET / HTTP/1.1¶Host: h¶A: b\r¶¶",
            "GET / HTTP/1.1¶Host: h¶A: \u{7f}¶¶",
            "GET / HTTP/1.1¶Host: h¶\r¶¶",
        ],
    ),
    row(
        "5.2-bare-lf",
        400,
        Close,
        &[
            "GET / HTTP/1.1\nHost: h\n\n",
            "GET / HTTP/1.1¶Host: h\nA: b¶¶",
            "GET / HTTP/1.1¶Host: h¶\n",
            "\n",
        ],
    ),
    row(
        "5.2-malformed-host",
        400,
        Close,
        &[
            "GET / HTTP/1.1¶¶",
            "GET / HTTP/1.1¶A: b¶¶",
            "GET / HTTP/1.1¶Host: h¶Host: h¶¶",
            "GET / HTTP/1.0¶Host: h¶hOST: i¶¶",
            "GET / HTTP/1.1¶Host: a b¶¶",
            "GET / HTTP/1.1¶Host: h/p¶¶",
            "GET / HTTP/1.1¶Host: u@h¶¶",
            "GET / HTTP/1.1¶Host: h:x¶¶",
            "GET / HTTP/1.0¶Host: [::1¶¶",
            "GET http://h/ HTTP/1.1¶Host:¶¶",
        ],
    ),
    row(
        "5.2-unknown-host",
        421,
        Keep,
        &["GET / HTTP/1.1¶Host: unknown.test¶¶"],
    ),
    row(
        "5.2-malformed-content-length",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Content-Length: -1¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: +5¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5 5¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 0x10¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length:¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 18446744073709551616¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5;¶¶",
        ],
    ),
    row(
        "5.2-content-length-differs",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5¶Content-Length: 6¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5, 6¶¶",
        ],
    ),
    row(
        "5.2-content-length-twice",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5¶Content-Length: 5¶¶hello",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5, 5¶¶hello",
        ],
    ),
    row(
        "5.2-content-length-and-transfer-encoding",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Content-Length: 5¶Transfer-Encoding: chunked¶¶0¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶Content-Length: 5¶¶0¶¶",
        ],
    ),
    row(
        "5.2-unsupported-coding",
        501,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: gzip, chunked¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: gzip¶Transfer-Encoding: chunked¶¶",
        ],
    ),
    row(
        "5.2-malformed-transfer-encoding",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked, gzip¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked, chunked¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶Transfer-Encoding: chunked¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: xchunked¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: identity¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked;q=1¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding:¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked,¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: \"chunked\"¶¶",
        ],
    ),
    row(
        "5.2-transfer-encoding-in-1.0",
        400,
        Close,
        &["POST / HTTP/1.0¶Transfer-Encoding: chunked¶¶0¶¶"],
    ),
    row(
        "5.2-body-too-large",
        413,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Content-Length: 1048577¶¶",
            "POST / HTTP/1.1¶Host: h¶Content-Length: 1048577¶Expect: 100-continue¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶1¶a¶100000¶",
        ],
    ),
    row(
        "5.2-malformed-chunk-size",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶;a=b¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶-1¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶+1¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0x4¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶1_0¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶4 ¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶ 4¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶4 4¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶FFFFFFFFFFFFFFFF1¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶00000000000000004¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶4\rabcd¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶4\nabcd¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶\ra",
        ],
    ),
    row(
        "5.2-malformed-chunk-extension",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5;a\nb¶hello¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5;a=\"\n\"¶hello¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5;a\rb¶hello¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5;\0¶hello¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5;«300×a»¶hello¶",
        ],
    ),
    row(
        "5.2-chunk-data-without-crlf",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶helloXX0¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶hello\n0¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶hello\rX0¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶hello 0¶¶",
        ],
    ),
    row(
        "5.2-malformed-trailers",
        400,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶A¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶A : b¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶A: b\n¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶A: b¶ c¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶\n",
        ],
    ),
    row(
        "5.2-trailers-too-large",
        431,
        Close,
        &[
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶A: «5000×a»¶¶",
            "POST / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶0¶«33×A: b¶»¶",
        ],
    ),
    row(
        "5.2-eof-inside",
        0,
        SilentAtEof,
        &[
            "G",
            "GET / HTTP/1.1¶Host",
            "GET / HTTP/1.1¶Host: h¶",
            "PUT / HTTP/1.1¶Host: h¶Content-Length: 10¶¶abc",
            "PUT / HTTP/1.1¶Host: h¶Content-Length: 10¶¶",
            "PUT / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶hel",
            "PUT / HTTP/1.1¶Host: h¶Transfer-Encoding: chunked¶¶5¶hello¶0¶",
        ],
    ),
    row(
        "5.2-slow-head",
        408,
        CloseLater,
        &["G", "GET / HTTP/1.1¶Host: h¶"],
    ),
    row(
        "5.2-expectation",
        417,
        Keep,
        &[
            "GET / HTTP/1.1¶Host: h¶Expect: x¶¶",
            "GET / HTTP/1.1¶Host: h¶Expect: 100-continue, x¶¶",
        ],
    ),
    row(
        "5.2-connect",
        405,
        Close,
        &["CONNECT h:443 HTTP/1.1¶Host: h:443¶¶"],
    ),
    row(
        "5.2-options-asterisk",
        204,
        Keep,
        &["OPTIONS * HTTP/1.1¶Host: h¶¶"],
    ),
    row("5.2-trace", 405, Keep, &["TRACE / HTTP/1.1¶Host: h¶¶"]),
    row(
        "5.2-refused-upgrade",
        426,
        Close,
        &["GET /upgrade HTTP/1.1¶Host: h¶Connection: Upgrade¶Upgrade: h2c¶¶"],
    ),
    row(
        "5.2-range",
        200,
        Keep,
        &["GET /a HTTP/1.1¶Host: h¶Range: bytes=abc¶¶"],
    ),
    row(
        "5.2-handler-error",
        500,
        Close,
        &["GET /fails HTTP/1.1¶Host: h¶¶"],
    ),
];

/// An application with the answers that are its own to give.
fn application(connection: &mut Connection, request: &RequestHead, now: Instant) {
    let allow = |status| {
        ResponseHead::new(status)
            .header("Allow", "GET, POST")
            .unwrap()
    };
    let head = match (request.method(), request.path()) {
        ("CONNECT" | "TRACE", _) => allow(405),
        ("OPTIONS", "*") => allow(204),
        ("GET", "/upgrade") => ResponseHead::new(426)
            .header("Upgrade", "websocket")
            .unwrap()
            .close(),
        ("GET", "/fails") => ResponseHead::new(500).close(),
        ("GET" | "HEAD" | "POST" | "PUT", _) if request.host() == Some("unknown.test") => {
            ResponseHead::new(421)
        }
        ("GET" | "HEAD" | "POST" | "PUT", _) => ResponseHead::new(200),
        _ => ResponseHead::new(501),
    };
    let body = match head.status() {
        204 => Body::Empty,
        _ => Body::Full(Bytes::from_static(b"text")),
    };
    assert_eq!(connection.respond(now, &head, body), Ok(()));
}

fn expand(input: &str) -> Vec<u8> {
    let mut text = String::new();
    let mut rest = input;
    while let Some((before, behind)) = rest.split_once('«') {
        let (repeat, behind) = behind.split_once('»').unwrap();
        let (count, what) = repeat.split_once('×').unwrap();
        text += before;
        text += &what.repeat(count.parse().unwrap());
        rest = behind;
    }
    (text + rest).replace('¶', "\r\n").into_bytes()
}

const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

fn check(row: &Row, pieces: &[&[u8]], shown: &str) {
    let mut served = Served::new(Config::default(), application);
    served.feed(pieces);
    match row.then {
        Keep => {
            served.feed(&[NEXT]);
            assert_eq!(served.statuses(), [row.status, 200], "{shown}");
            assert_eq!(served.closed, None, "{shown}");
            assert!(!served.text().contains("Connection: close"), "{shown}");
        }
        Close => {
            served.feed(&[NEXT]).eof();
            assert_eq!(served.statuses(), [row.status], "{shown}");
            assert!(served.closed.is_some(), "{shown}");
            let text = served.text();
            assert!(
                text.contains("close\r\n") && text.contains("Content-Length: "),
                "{shown}"
            );
        }
        CloseLater => {
            assert_eq!(served.output, b"", "{shown}");
            served.until(11_000).feed(&[NEXT]);
            assert_eq!(served.statuses(), [row.status], "{shown}");
            assert!(served.closed.is_some(), "{shown}");
        }
        SilentAtEof => {
            served.eof();
            assert_eq!(served.output, b"", "{shown}");
            assert!(
                matches!(served.closed, Some(Closed::Eof | Closed::Truncated)),
                "{shown}"
            );
        }
    }
}

#[test]
fn malformed_input_has_one_answer() {
    for row in ROWS {
        for input in row.inputs {
            let bytes = expand(input);
            for_each_split(&bytes, |pieces| {
                check(
                    row,
                    pieces,
                    &format!("{}: {input:?} in {} pieces", row.id, pieces.len()),
                );
            });
        }
    }
    ids::check("5.2", ROWS.iter().map(|row| row.id));
}

#[test]
fn all_cuts_end_with_the_same_event() {
    for row in ROWS.iter().filter(|row| row.then == Close) {
        for input in row.inputs {
            let mut bytes = expand(input);
            bytes.extend_from_slice(NEXT);
            let whole = |pieces: &[&[u8]]| {
                let mut served = Served::new(Config::default(), application);
                served.feed(pieces);
                (served.log, served.output)
            };
            let expected = whole(&[&bytes]);
            for_each_split(&bytes, |pieces| {
                assert_eq!(
                    whole(pieces),
                    expected,
                    "{input:?} in {} pieces",
                    pieces.len()
                );
            });
        }
    }
}

#[test]
fn a_failed_handler_after_its_head_cuts_the_response() {
    fn broken(connection: &mut Connection, _: &RequestHead, now: Instant) {
        connection
            .respond(now, &ResponseHead::new(200), Body::Stream)
            .unwrap();
        connection.send_chunk(Bytes::from_static(b"part")).unwrap();
        let again = connection.respond(now, &ResponseHead::new(500), Body::Empty);
        assert_eq!(again, Err(Misuse::AlreadyAnswered));
        connection.abort();
    }
    let mut served = Served::new(Config::default(), broken);
    served.feed(&[b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"]);
    assert_eq!(served.closed, Some(Closed::Aborted));
    assert!(!served.text().ends_with("0\r\n\r\n"));
}
