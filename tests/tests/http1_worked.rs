//! Worked inputs: what the application sees and what the peer gets.

use bytes::Bytes;
use tests::http1::{Handler, Served, echo};
use tests::ids;
use tests::splits::for_each_split;
use websocket_proto::http1::server::{Body, ChunkRefused, Config, Connection, Event, Misuse};
use websocket_proto::http1::{Closed, Fields, RequestHead, ResponseHead, client};
use websocket_proto::{Instant, Machine, WallClock};

const START: Instant = Instant::from_millis(0);

/// A response with the fields that depend on the connection.
fn response(status: &str, fields: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ok(body: &str) -> String {
    response("200 OK", "", body)
}

/// Feeds `input` in every cut and compares the whole log and output.
fn story(input: &str, log: &[&str], output: &str) {
    story_with(echo, input, log, output);
}

fn story_with(handler: Handler, input: &str, log: &[&str], output: &str) {
    for_each_split(input.as_bytes(), |pieces| {
        let mut served = Served::new(Config::default(), handler);
        served.feed(pieces);
        assert_eq!(served.log, log, "{input:?} in {} pieces", pieces.len());
        assert_eq!(
            served.text(),
            output,
            "{input:?} in {} pieces",
            pieces.len()
        );
    });
}

const CLOSE: &str = "Connection: close\r\n";

fn h1() {
    story(
        "\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
        &["GET /a"],
        &ok("/a"),
    );
}

fn h2() {
    story(
        "GET /a HTTP/1.1\r\nHost: h\r\n\r\n\
         GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\
         GET /c HTTP/1.1\r\nHost: h\r\n\r\n",
        &["GET /a", "GET /b", "closed: complete"],
        &(ok("/a") + &response("200 OK", CLOSE, "/b")),
    );
}

fn h3() {
    story(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
         4;x=\"y\"\r\nWiki\r\n5 \t;z\r\npedia\r\n0\r\nX-T: 1\r\nContent-Length: 7\r\nhost: evil\r\n\r\n\
         GET /next HTTP/1.1\r\nHost: h\r\n\r\n",
        &["POST /", "body Wikipedia", "trailer X-T: 1", "GET /next"],
        &(ok("/") + &ok("/next")),
    );
}

fn h4() {
    story(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWikix\r\n",
        &["POST /", "body Wiki", "closed: malformed chunk"],
        &response("400 Bad Request", CLOSE, ""),
    );
}

fn h5() {
    story(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        &["closed: ambiguous body length"],
        &response("400 Bad Request", CLOSE, ""),
    );
}

fn h6() {
    story(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        &["closed: malformed content-length"],
        &response("400 Bad Request", CLOSE, ""),
    );
}

fn h7() {
    let input =
        "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc";
    // A 100 also when the body is there already: what goes out must not depend on the cutting.
    let accepted = String::from("HTTP/1.1 100 Continue\r\n\r\n") + &ok("/x");
    story(input, &["POST /x", "body abc"], &accepted);

    let mut connection = Connection::new(Config::default().into(), START);
    let mut bytes = input.as_bytes().to_vec();
    let taken = connection.receive(START, &mut bytes);
    assert_eq!(taken, bytes.len() - 3, "the body waits");
    connection
        .respond(START, &ResponseHead::new(403), Body::Empty)
        .unwrap();
    assert_eq!(connection.receive(START, &mut bytes[taken..]), 0);
    assert!(connection.is_finished());
    assert_eq!(connection.read_body(START, 10), Err(Misuse::Closed));
    assert_eq!(
        written(&mut connection),
        response("403 Forbidden", CLOSE, "")
    );
}

fn h8() {
    story(
        "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\nGET /abc HTTP/1.1\r\nHost: h\r\n\r\n",
        &["HEAD /abc", "GET /abc"],
        &(String::from("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n") + &ok("/abc")),
    );
    fn streams(connection: &mut Connection, request: &RequestHead, _: Instant) {
        let body = match request.path() {
            "/sized" => Body::Sized(5),
            _ => Body::Stream,
        };
        connection
            .respond(START, &ResponseHead::new(200), body)
            .unwrap();
        connection.send_chunk(Bytes::from_static(b"hello")).unwrap();
        connection.finish(START).unwrap();
    }
    story_with(
        streams,
        "HEAD /sized HTTP/1.1\r\nHost: h\r\n\r\nHEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        &["HEAD /sized", "HEAD /", "GET /"],
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
         HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
}

fn h9() {
    story(
        "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        &["GET /a", "closed: complete"],
        &response("200 OK", CLOSE, "/a"),
    );
    story(
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n",
        &["GET /a", "GET /b", "closed: complete"],
        &(response("200 OK", "Connection: keep-alive\r\n", "/a")
            + &response("200 OK", CLOSE, "/b")),
    );
    fn stream(connection: &mut Connection, _: &RequestHead, _: Instant) {
        connection.inform(&ResponseHead::new(103)).unwrap();
        connection
            .respond(START, &ResponseHead::new(200), Body::Stream)
            .unwrap();
        connection
            .send_chunk(Bytes::from_static(b"never chunked"))
            .unwrap();
        connection.finish(START).unwrap();
    }
    story_with(
        stream,
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &["GET /a", "closed: complete"],
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nnever chunked",
    );
    // RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored.
    story(
        "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
        &["POST /a", "body x", "closed: complete"],
        &response("200 OK", CLOSE, "/a"),
    );
}

fn h10() {
    fn host(connection: &mut Connection, request: &RequestHead, _: Instant) {
        let (host, query) = (request.host().unwrap(), request.query().unwrap_or("none"));
        let body = format!("{host} {} {query}", request.path());
        connection
            .respond(START, &ResponseHead::new(200), Body::Full(body.into()))
            .unwrap();
    }
    for (target, host_field, expected) in [
        ("http://other.test/x", "h", "other.test /x none"),
        ("http://other.test:80/x?a?b", "h", "other.test:80 /x a?b"),
        ("http://other.test", "h", "other.test / none"),
        ("http://other.test?q=/", "h", "other.test / q=/"),
        ("ws://[::1]:9/", "h", "[::1]:9 / none"),
        ("/http://x/", "h:1", "h:1 /http://x/ none"),
        ("//evil.test/", "h", "h //evil.test/ none"),
        ("/?", "h", "h / "),
    ] {
        let input = format!("GET {target} HTTP/1.1\r\nHost: {host_field}\r\n\r\n");
        story_with(host, &input, &[&format!("GET {target}")], &ok(expected));
    }
}

fn h11() {
    for fields in ["Host : h\r\n", " Host: h\r\n", "Host: h\r\nA: b\r\n c\r\n"] {
        let mut served = Served::echo();
        served.feed(&[format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes()]);
        assert_eq!(served.text(), response("400 Bad Request", CLOSE, ""));
    }
}

fn h12() {
    let chunks = "1\r\nx\r\n".repeat(40);
    story(
        &format!(
            "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n\
             GET /q?r HTTP/1.1\r\nHost: h\r\nEmpty:\r\nSpaced: \t a b \t\r\n\r\n"
        ),
        &["POST /p", &format!("body {}", "x".repeat(40)), "GET /q?r"],
        &(ok("/p") + &ok("/q")),
    );
}

fn h13() {
    let input = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc";
    for_each_split(input, |pieces| {
        let mut served = Served::echo();
        served.feed(pieces).eof();
        assert_eq!(
            served.log,
            ["PUT /", "body abc", "closed: cut short by the peer"]
        );
        assert_eq!(served.text(), "");
    });
}

fn h14() {
    let respond_early = |head: &[u8], unread: usize| {
        let mut connection = Connection::new(Config::default().into(), START);
        let mut input = [head, &vec![b'x'; unread]].concat();
        let mut taken = connection.receive(START, &mut input);
        assert_eq!(taken, head.len());
        connection
            .respond(START, &ResponseHead::new(413), Body::Empty)
            .unwrap();
        let announced = written(&mut connection).contains(CLOSE);
        while let n @ 1.. = connection.receive(START, &mut input[taken..]) {
            taken += n;
        }
        (announced, connection.is_finished(), taken - head.len())
    };
    let gigabyte = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n";
    assert_eq!(respond_early(gigabyte, 100_000), (true, true, 0));
    let fits = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n";
    assert_eq!(respond_early(fits, 65_536), (false, false, 65_536));
    let too_long = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n";
    assert_eq!(respond_early(too_long, 65_537), (true, true, 0));
    // Nobody knows how long a chunked body is: it is read up to the limit.
    let endless = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n";
    let (head, _) = endless.split_at(endless.len() - 9);
    let mut connection = Connection::new(Config::default().into(), START);
    let mut input = [&endless[..], &[b'x'; 100_000]].concat();
    assert_eq!(connection.receive(START, &mut input), head.len());
    connection
        .respond(START, &ResponseHead::new(413), Body::Empty)
        .unwrap();
    assert_eq!(connection.receive(START, &mut input[head.len()..]), 65_537);
    assert!(connection.is_finished());

    // The next request after a dropped body.
    let mut connection = Connection::new(Config::default().into(), START);
    let mut input = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n0\r\nT: x\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
        .to_vec();
    let mut at = 0;
    let mut seen = Vec::new();
    while at < input.len() {
        at += connection.receive(START, &mut input[at..]);
        while let Some(event) = connection.poll_event() {
            let Event::Request(head) = event else {
                panic!("{event:?}")
            };
            seen.push(head.path().to_owned());
            connection
                .respond(START, &ResponseHead::new(200), Body::Empty)
                .unwrap();
        }
    }
    assert_eq!(seen, ["/a", "/b"]);
}

fn h15() {
    let sized = |chunks: &[&'static str]| {
        let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        connection
            .respond(START, &ResponseHead::new(200), Body::Sized(5))
            .unwrap();
        let refused: Vec<_> = chunks
            .iter()
            .filter_map(|chunk| {
                connection
                    .send_chunk(Bytes::from_static(chunk.as_bytes()))
                    .err()
            })
            .map(|error| (error.chunk, error.why))
            .collect();
        let finished = connection.finish(START);
        let closed = connection.is_finished();
        (
            refused,
            finished,
            closed,
            written(&mut connection).replace("HTTP/1.1 200 OK\r\n", ""),
        )
    };
    let head = "Content-Length: 5\r\n\r\n";
    let too_short = Err(Misuse::BodyTooShort);
    assert_eq!(
        sized(&["abc"]),
        (vec![], too_short, true, format!("{head}abc"))
    );
    let rest = (Bytes::from_static(b"67"), ChunkRefused::BeyondLength);
    assert_eq!(
        sized(&["1234567"]),
        (vec![rest], Ok(()), false, format!("{head}12345"))
    );
    let late = (Bytes::from_static(b"6"), ChunkRefused::BeyondLength);
    assert_eq!(
        sized(&["12345", "", "6"]),
        (vec![late], Ok(()), false, format!("{head}12345"))
    );
}

fn h16() {
    for status in [204, 304] {
        for body in [
            Body::Full(Bytes::from_static(b"body")),
            Body::Stream,
            Body::Sized(4),
        ] {
            let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            let result = connection.respond(START, &ResponseHead::new(status), body);
            assert_eq!(result, Err(Misuse::BodyForbidden));
            let why = connection
                .send_chunk(Bytes::from_static(b"body"))
                .unwrap_err()
                .why;
            assert_eq!(why, ChunkRefused::NotStreaming);
            let head = ResponseHead::new(status);
            assert_eq!(
                written(&mut connection),
                format!("HTTP/1.1 {status} {}\r\n\r\n", head.reason())
            );
            assert!(!connection.is_finished());
        }
        let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(
            connection.respond(START, &ResponseHead::new(status), Body::Empty),
            Ok(())
        );
    }
}

fn h17() {
    let mut input = b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n\
        GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00"
        .to_vec();
    let mut connection = Connection::new(Config::default().into(), START);
    let slow = connection.receive(START, &mut input);
    assert!(
        matches!(connection.poll_event(), Some(Event::Request(head)) if head.path() == "/slow")
    );
    connection
        .respond(START, &ResponseHead::new(200), Body::Stream)
        .unwrap();
    assert_eq!(
        connection.receive(START, &mut input[slow..]),
        0,
        "the upgrade waits"
    );
    connection.finish(START).unwrap();
    let taken = slow + connection.receive(START, &mut input[slow..]);
    assert_eq!(
        &input[taken..],
        b"\x81\x00",
        "bytes of the next protocol are not taken"
    );
    let Some(Event::Request(head)) = connection.poll_event() else {
        panic!()
    };
    assert!(head.headers().has_token("connection", "upgrade"));
    let mut outbox = connection.upgrade().expect("a request waits");
    outbox.append(b"HTTP/1.1 101 \r\n\r\n");
    let len = outbox.len();
    let written = bytes::Buf::copy_to_bytes(&mut outbox, len);
    assert!(written.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(written.ends_with(b"\r\n\r\n0\r\n\r\nHTTP/1.1 101 \r\n\r\n"));
}

fn h18() {
    for size in ["FFFFFFFFFFFFFFFF1", "-1", "0x4", "4 ", ""] {
        let input =
            format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n");
        story(
            &input,
            &["POST /", "closed: malformed chunk"],
            &response("400 Bad Request", CLOSE, ""),
        );
    }
}

fn h19() {
    let request = client::Request::new("GET", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap();
    let input = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    for_each_split(input, |pieces| {
        let mut exchange =
            client::Exchange::new(&request, client::Config::default(), START).unwrap();
        let mut log = Vec::new();
        for piece in pieces {
            let taken = exchange.receive(START, &mut piece.to_vec());
            assert_eq!(taken, piece.len());
            while let Some(event) = exchange.poll_event() {
                match event {
                    client::Event::Interim(head) => log.push(format!("interim {}", head.status())),
                    client::Event::Response { head, .. } => {
                        log.push(format!("final {}", head.status()));
                    }
                    client::Event::Body(data) => log.push(format!("body {}", data.len())),
                    other => log.push(format!("{other:?}")),
                }
            }
        }
        assert_eq!(log[..2], ["interim 103", "final 200"]);
        assert!(log.last().unwrap().contains("Closed(Complete)"));
    });
}

fn h20() {
    let mut served = Served::echo();
    served.feed(&[b"GET / HTTP/1.1\r\nHost: h\r\nA: "]);
    let piece = vec![b'a'; 2048];
    for _ in 0..1024 {
        served.feed(&[&piece]);
        if served.closed.is_some() {
            break;
        }
    }
    assert_eq!(served.log, ["closed: head over its limit"]);
    assert_eq!(served.statuses(), [431]);
}

#[test]
fn worked_inputs() {
    let rows: [(&str, fn()); 20] = [
        ("5.3-H1", h1),
        ("5.3-H2", h2),
        ("5.3-H3", h3),
        ("5.3-H4", h4),
        ("5.3-H5", h5),
        ("5.3-H6", h6),
        ("5.3-H7", h7),
        ("5.3-H8", h8),
        ("5.3-H9", h9),
        ("5.3-H10", h10),
        ("5.3-H11", h11),
        ("5.3-H12", h12),
        ("5.3-H13", h13),
        ("5.3-H14", h14),
        ("5.3-H15", h15),
        ("5.3-H16", h16),
        ("5.3-H17", h17),
        ("5.3-H18", h18),
        ("5.3-H19", h19),
        ("5.3-H20", h20),
    ];
    for (id, run) in rows {
        println!("{id}");
        run();
    }
    ids::check("5.3", rows.iter().map(|(id, _)| *id));
}

#[test]
fn responses_carry_a_date_and_trailers() {
    // The tests around have no clock, and so no date.
    let config = Config {
        wall: Some(WallClock::new(784_111_776)),
        ..Config::default()
    };
    let mut connection = Connection::new(config.into(), START);
    let mut input = *b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    connection.receive(START, &mut input);
    let at = Instant::from_millis(1500);
    connection
        .inform(&ResponseHead::new(103).header("Link", "</a>").unwrap())
        .unwrap();
    assert_eq!(
        connection.inform(&ResponseHead::new(101)),
        Err(Misuse::Status)
    );
    assert_eq!(
        connection.respond(at, &ResponseHead::new(101), Body::Empty),
        Err(Misuse::Status)
    );
    let head = ResponseHead::new(299).with_reason("Fine").unwrap();
    connection.respond(at, &head, Body::Stream).unwrap();
    let mut trailers = Fields::new();
    trailers.append("Set-Cookie", "a=b").unwrap();
    assert_eq!(connection.finish_with(at, &trailers), Err(Misuse::Trailer));
    let mut trailers = Fields::new();
    trailers.append("Checksum", "1").unwrap();
    connection
        .send_chunk(Bytes::from(vec![b'x'; 5000]))
        .unwrap();
    connection.finish_with(at, &trailers).unwrap();
    let outbox = connection.outbox();
    let text = bytes::Buf::copy_to_bytes(outbox, outbox.len());
    let expected = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
         HTTP/1.1 299 Fine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nTransfer-Encoding: chunked\r\n\r\n\
         1388\r\n{}\r\n0\r\nChecksum: 1\r\n\r\n",
        "x".repeat(5000)
    );
    assert_eq!(text, expected.as_bytes());
    assert!(!connection.is_finished());

    let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let own = ResponseHead::new(200).header("date", "today").unwrap();
    connection.respond(at, &own, Body::Empty).unwrap();
    let outbox = connection.outbox();
    let text = bytes::Buf::copy_to_bytes(outbox, outbox.len());
    assert_eq!(
        text,
        &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: today\r\n\r\n"[..]
    );
}

#[test]
fn a_complete_request_is_answered_after_the_end_of_the_stream() {
    let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    connection.receive_eof(START);
    assert!(matches!(connection.poll_event(), Some(Event::Eof)));
    connection
        .respond(START, &ResponseHead::new(200), Body::Empty)
        .unwrap();
    assert!(matches!(
        connection.poll_event(),
        Some(Event::Closed(Closed::Complete))
    ));
    assert!(connection.poll_event().is_none());
    assert_eq!(written(&mut connection), response("200 OK", CLOSE, ""));
}

#[test]
fn shutdown_answers_the_current_request_only() {
    let mut idle = Connection::new(Config::default().into(), START);
    idle.shutdown();
    assert!(matches!(
        idle.poll_event(),
        Some(Event::Closed(Closed::Shutdown))
    ));

    let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    connection.shutdown();
    assert!(!connection.is_finished());
    connection
        .respond(START, &ResponseHead::new(200), Body::Empty)
        .unwrap();
    assert_eq!(written(&mut connection), response("200 OK", CLOSE, ""));
    assert!(matches!(
        connection.poll_event(),
        Some(Event::Closed(Closed::Shutdown))
    ));

    // In the middle of a head: that request is still served.
    let mut served = Served::echo();
    served.feed(&[b"GET /last HTTP/1.1\r\nHo"]);
    served.connection.shutdown();
    served.feed(&[b"st: h\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n"]);
    assert_eq!(served.log, ["GET /last", "closed: shut down"]);
}

#[test]
fn full_and_writable() {
    let mut connection = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    connection
        .respond(START, &ResponseHead::new(200), Body::Stream)
        .unwrap();
    let chunk = Bytes::from(vec![7; 70_000]);
    connection
        .send_chunk(chunk.clone())
        .expect("one chunk over the mark passes");
    assert!(!connection.is_writable());
    let refused = connection.send_chunk(chunk.clone()).unwrap_err();
    assert_eq!((refused.chunk, refused.why), (chunk, ChunkRefused::Full));
    let outbox = connection.outbox();
    bytes::Buf::advance(outbox, outbox.len() - 32 * 1024 - 1);
    assert!(
        connection.poll_event().is_none(),
        "half of the mark is not free yet"
    );
    bytes::Buf::advance(connection.outbox(), 1);
    assert!(matches!(connection.poll_event(), Some(Event::Writable)));
    assert!(connection.poll_event().is_none());
    assert!(connection.is_writable());
}

#[test]
fn undelivered_bodies_are_bounded() {
    let mut connection = Connection::new(Config::default().into(), START);
    let mut head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    assert_eq!(connection.receive(START, &mut head), head.len());
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    connection.read_body(START, u64::MAX).unwrap();
    assert_eq!(
        connection.read_body(START, u64::MAX),
        Err(Misuse::AlreadyRead)
    );
    let mut piece = vec![b'x'; 10_000];
    let mut taken = 0;
    while let n @ 1.. = connection.receive(START, &mut piece) {
        taken += n;
    }
    assert_eq!(taken, 70_000, "mark and one piece");
    let Some(Event::Body(data)) = connection.poll_event() else {
        panic!()
    };
    assert_eq!(data.len(), taken);
    assert_eq!(connection.receive(START, &mut piece), piece.len());
}

#[test]
fn verbs_out_of_turn_are_typed_errors() {
    let mut connection = Connection::new(Config::default().into(), START);
    let head = ResponseHead::new(200);
    assert_eq!(
        connection.respond(START, &head, Body::Empty),
        Err(Misuse::NoRequest)
    );
    assert_eq!(connection.read_body(START, 0), Err(Misuse::NoRequest));
    assert_eq!(
        connection.inform(&ResponseHead::new(100)),
        Err(Misuse::NoRequest)
    );
    assert_eq!(connection.finish(START), Err(Misuse::NotStreaming));
    let connection = connection.upgrade().expect_err("nothing to upgrade");
    let mut connection = *connection;
    connection.abort();
    connection.abort();
    assert!(matches!(
        connection.poll_event(),
        Some(Event::Closed(Closed::Aborted))
    ));
    assert!(connection.poll_event().is_none());
    let refused = connection.send_chunk(Bytes::from_static(b"x")).unwrap_err();
    assert_eq!(
        (&refused.chunk[..], refused.why),
        (&b"x"[..], ChunkRefused::Closed)
    );
    assert_eq!(connection.receive(START, &mut [b'G']), 0);
}

#[test]
fn a_request_answered_unseen_is_still_reported() {
    let mut connection = Connection::new(Config::default().into(), START);
    let mut input =
        b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
    let taken = connection.receive(START, &mut input);
    connection
        .respond(START, &ResponseHead::new(200), Body::Empty)
        .unwrap();
    assert_eq!(
        connection.receive(START, &mut input[taken..]),
        0,
        "there is room for one"
    );
    assert!(matches!(connection.poll_event(), Some(Event::Request(head)) if head.path() == "/a"));
    connection.receive(START, &mut input[taken..]);
    assert!(matches!(connection.poll_event(), Some(Event::Request(head)) if head.path() == "/b"));
}

/// A connection whose application has seen the request in `input`.
fn asked(input: &str) -> Connection {
    let mut connection = Connection::new(Config::default().into(), START);
    let mut input = input.as_bytes().to_vec();
    assert_eq!(connection.receive(START, &mut input), input.len());
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    connection
}

/// What waits in the outbox.
fn written(connection: &mut Connection) -> String {
    let outbox = connection.outbox();
    let bytes = bytes::Buf::copy_to_bytes(outbox, outbox.len());
    String::from_utf8(bytes.into()).unwrap()
}

#[test]
fn fields_are_added_behind_those_of_a_head_that_is_made_once() {
    let head = ResponseHead::new(204).header("A", "b").unwrap();
    let mut connection = Connection::new(Config::default().into(), START);
    let mut ask = |more: &[(&str, &str)]| {
        connection.receive(START, &mut b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec());
        while connection.poll_event().is_some() {}
        let result = connection.respond_with(START, &head, more, Body::Empty);
        let outbox = connection.outbox();
        let text = bytes::Buf::copy_to_bytes(outbox, outbox.len());
        result.map(|()| String::from_utf8(text.into()).unwrap())
    };
    for refused in [
        ("Date", "x"),
        ("upgrade", "x"),
        ("Connection", "close"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("a b", "x"),
        ("", "x"),
        ("C", "d\r\nE: f"),
        ("C", "d\0"),
        ("C", " d"),
        ("C", "d\t"),
    ] {
        assert_eq!(
            ask(&[("C", "d"), refused]),
            Err(Misuse::Field),
            "{refused:?}"
        );
    }
    for _ in 0..2 {
        let text = ask(&[("C", "d e"), ("F", "")]).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 204 No Content\r\nA: b\r\nC: d e\r\nF: \r\n\r\n"
        );
    }
}
