//! The client's side of an exchange: responses of every framing, switches, proxies, timers.

use bytes::{Buf, Bytes};
use tests::splits::for_each_split;
use websocket_proto::http1::client::{Config, Event, Exchange, Request};
use websocket_proto::http1::{Closed, FieldError, Timer};
use websocket_proto::{Instant, Machine, ReadInterest};

const START: Instant = Instant::from_millis(0);

fn get() -> Request {
    Request::new("GET", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap()
}

fn head() -> Request {
    Request::new("HEAD", "/")
        .unwrap()
        .header("Host", "h")
        .unwrap()
}

fn upgrade() -> Request {
    get()
        .header("Connection", "Upgrade")
        .unwrap()
        .header("Upgrade", "x")
        .unwrap()
}

fn tunnel() -> Request {
    Request::connect("h:443").unwrap()
}

/// Runs one exchange; the log joins the pieces of the body. Returns what was not taken, too.
fn run(request: &Request, config: Config, pieces: &[&[u8]], eof: bool) -> (Vec<String>, Vec<u8>) {
    let mut exchange = Exchange::new(request, config, START).unwrap();
    let mut log: Vec<String> = Vec::new();
    let mut body = Vec::new();
    let mut kept = Vec::new();
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let taken = exchange.receive(START, &mut kept);
            kept.drain(..taken);
            drain(&mut exchange, &mut log, &mut body);
            if taken == 0 {
                break;
            }
        }
    }
    if eof {
        exchange.receive_eof(START);
        drain(&mut exchange, &mut log, &mut body);
    }
    (log, kept)
}

fn drain(exchange: &mut Exchange, log: &mut Vec<String>, body: &mut Vec<u8>) {
    while let Some(event) = exchange.poll_event() {
        if let Event::Body(data) = event {
            body.extend_from_slice(&data);
            continue;
        }
        if !body.is_empty() {
            log.push(format!("body {}", std::mem::take(body).escape_ascii()));
        }
        log.push(match event {
            Event::Interim(head) => format!("interim {}", head.status()),
            Event::Switched(head) => format!("switched {}", head.status()),
            Event::Response { head, .. } => format!("{} {}", head.status(), head.reason()),
            Event::End {
                trailers,
                truncated_possible,
            } => {
                let names: Vec<_> = trailers.headers().iter().map(|(name, _)| name).collect();
                let doubt = if truncated_possible { " or cut" } else { "" };
                format!("end{doubt} {}", names.join(" "))
                    .trim_end()
                    .to_owned()
            }
            Event::Closed(closed) => format!("closed: {closed}"),
            other => panic!("{other:?}"),
        });
    }
}

struct Row {
    request: fn() -> Request,
    input: &'static str,
    eof: bool,
    log: &'static [&'static str],
    left: &'static str,
}

const fn row(request: fn() -> Request, input: &'static str, log: &'static [&'static str]) -> Row {
    Row {
        request,
        input,
        eof: false,
        log,
        left: "",
    }
}

const fn at_eof(
    request: fn() -> Request,
    input: &'static str,
    log: &'static [&'static str],
) -> Row {
    Row {
        eof: true,
        ..row(request, input, log)
    }
}

const fn leaving(left: &'static str, row: Row) -> Row {
    Row { left, ..row }
}

const ROWS: &[Row] = &[
    // A length.
    row(
        get,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        &["200 OK", "body hi", "end", "closed: complete"],
    ),
    row(
        get,
        "HTTP/1.1 404 Nope\r\nContent-Length: 0\r\n\r\n",
        &["404 Nope", "end", "closed: complete"],
    ),
    leaving(
        "HTTP/1.1 200",
        row(
            get,
            "HTTP/1.0 200\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200",
            &["200 ", "body hi", "end", "closed: complete"],
        ),
    ),
    at_eof(
        get,
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
        &["200 OK", "body hi", "closed: cut short by the peer"],
    ),
    // Chunks.
    row(
        get,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\nT: a\r\nAge: 1\r\n\r\n",
        &["200 OK", "body hi", "end T", "closed: complete"],
    ),
    at_eof(
        get,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        &["200 OK", "body hi", "closed: cut short by the peer"],
    ),
    // Up to the end.
    at_eof(
        get,
        "HTTP/1.0 200 OK\r\n\r\nhi",
        &["200 OK", "body hi", "end or cut", "closed: complete"],
    ),
    at_eof(
        get,
        "HTTP/1.1 200 OK\r\n\r\n",
        &["200 OK", "end or cut", "closed: complete"],
    ),
    // No body, whatever the fields say.
    row(
        head,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        &["200 OK", "end", "closed: complete"],
    ),
    row(
        get,
        "HTTP/1.1 204 No Content\r\n\r\n",
        &["204 No Content", "end", "closed: complete"],
    ),
    row(
        get,
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        &["304 Not Modified", "end", "closed: complete"],
    ),
    // Interim responses.
    row(
        get,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: a\r\n\r\nHTTP/1.1 204 \r\n\r\n",
        &[
            "interim 100",
            "interim 103",
            "204 ",
            "end",
            "closed: complete",
        ],
    ),
    // Switches: what is behind the head stays.
    leaving(
        "\u{81}\0",
        row(
            upgrade,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\u{81}\0",
            &["switched 101"],
        ),
    ),
    row(
        upgrade,
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        &["403 Forbidden", "body no", "end", "closed: complete"],
    ),
    row(
        get,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        &["closed: switch of protocols nobody asked for"],
    ),
    leaving(
        "tls",
        row(
            tunnel,
            "HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\ntls",
            &["switched 200"],
        ),
    ),
    row(
        tunnel,
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
        &[
            "407 Proxy Authentication Required",
            "body no",
            "end",
            "closed: complete",
        ],
    ),
    // No HTTP.
    at_eof(get, "", &["closed: cut short by the peer"]),
    at_eof(
        get,
        "HTTP/1.1 200 OK\r\nA: b\r\n",
        &["closed: cut short by the peer"],
    ),
    row(
        get,
        "220 mail.test ESMTP\r\n",
        &["closed: malformed http version"],
    ),
    row(get, "SSH-2.0-x\r\n", &["closed: malformed status line"]),
    row(
        get,
        "HTTP/2.0 200 OK\r\n",
        &["closed: unsupported http version"],
    ),
    row(
        get,
        "HTTP/1.1 20 OK\r\n",
        &["closed: malformed status line"],
    ),
    row(
        get,
        "HTTP/1.1 2000 OK\r\n",
        &["closed: malformed status line"],
    ),
    row(
        get,
        "HTTP/1.1 099 OK\r\n",
        &["closed: malformed status line"],
    ),
    row(
        get,
        "HTTP/1.1 200 O\0K\r\n",
        &["closed: malformed status line"],
    ),
    row(
        get,
        "\r\nHTTP/1.1 200 OK\r\n",
        &["closed: malformed status line"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\n",
        &["closed: line feed without carriage return"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        &["closed: malformed field name"],
    ),
    // Two readings.
    row(
        get,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &["closed: ambiguous body length"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        &["closed: malformed content-length"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        &["closed: unsupported transfer coding"],
    ),
    // Over the bound of 10 bytes.
    row(
        get,
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhi",
        &["200 OK", "closed: body over its limit"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n2\r\n",
        &["200 OK", "body 012345678", "closed: body over its limit"],
    ),
    row(
        get,
        "HTTP/1.1 200 OK\r\n\r\n01234567890",
        &["200 OK", "body 0123456789", "closed: body over its limit"],
    ),
];

#[test]
fn responses() {
    let config = Config {
        max_body: 10,
        ..Config::default()
    };
    for row in ROWS {
        // Bytes above 127 stand for themselves.
        let bytes: Vec<u8> = row.input.chars().map(|c| c as u8).collect();
        let left: Vec<u8> = row.left.chars().map(|c| c as u8).collect();
        for_each_split(&bytes, |pieces| {
            let (log, kept) = run(&(row.request)(), config, pieces, row.eof);
            assert_eq!(log, row.log, "{:?} in {} pieces", row.input, pieces.len());
            if !left.is_empty() {
                assert_eq!(kept, left, "{:?} in {} pieces", row.input, pieces.len());
            }
        });
    }
}

#[test]
fn requests_on_the_wire() {
    let wire = |request: &Request| {
        let mut exchange = Exchange::new(request, Config::default(), START).unwrap();
        let outbox = exchange.outbox();
        String::from_utf8(outbox.copy_to_bytes(outbox.len()).into()).unwrap()
    };
    assert_eq!(
        wire(&upgrade()),
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    );
    let post = Request::new("POST", "/p?q")
        .unwrap()
        .header("Host", "h")
        .unwrap();
    assert_eq!(
        wire(&post.body(Bytes::from_static(b"body"))),
        "POST /p?q HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
    );
    let proxied = tunnel()
        .basic_proxy_authorization("Aladdin", "open sesame")
        .unwrap();
    assert_eq!(
        wire(&proxied),
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\
         Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
    );
    assert!(
        !format!("{proxied:?}").contains("QWx"),
        "credentials are not printed"
    );
}

#[test]
fn requests_that_cannot_be() {
    for (method, target, error) in [
        ("GET", "", FieldError::Value),
        ("GET", "/a b", FieldError::Value),
        ("GET", "/a\r\nX: y", FieldError::Value),
        ("GET", "/#", FieldError::Value),
        ("GET", "*", FieldError::Value),
        ("", "/", FieldError::Name),
        ("G T", "/", FieldError::Name),
        ("GET\r\n", "/", FieldError::Name),
        ("CONNECT", "h", FieldError::Value),
    ] {
        assert_eq!(
            Request::new(method, target).err(),
            Some(error),
            "{method:?} {target:?}"
        );
    }
    assert_eq!(Request::connect("h:1\r\n").err(), Some(FieldError::Value));
    let reserved = get().header("content-length", "5").err();
    assert_eq!(reserved, Some(FieldError::Reserved));
    for (user, password) in [("a:b", ""), ("a", "b\r\n"), ("\0", "")] {
        let refused = tunnel().basic_proxy_authorization(user, password).err();
        assert_eq!(refused, Some(FieldError::Value));
    }
    for request in [
        Request::new("GET", "/").unwrap(),
        get().header("host", "h").unwrap(),
        Request::new("GET", "/")
            .unwrap()
            .header("Host", "a b")
            .unwrap(),
    ] {
        assert!(Exchange::new(&request, Config::default(), START).is_err());
    }
}

#[test]
fn taking_over_after_a_switch() {
    let mut exchange = Exchange::new(&upgrade(), Config::default(), START).unwrap();
    exchange.outbox().append(b"nonce");
    exchange = *exchange.upgrade().expect_err("nothing was agreed on");
    let mut input = *b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00";
    assert_eq!(exchange.receive(START, &mut input), input.len() - 2);
    assert!(exchange.is_finished());
    assert_eq!(exchange.read_interest(), ReadInterest::Nothing);
    assert_eq!(exchange.poll_timeout(), None);
    let mut outbox = exchange.upgrade().expect("agreed");
    let len = outbox.len();
    assert!(outbox.copy_to_bytes(len).ends_with(b"\r\n\r\nnonce"));
}

#[test]
fn timers_of_an_exchange() {
    let closed = |exchange: &mut Exchange| {
        std::iter::from_fn(|| exchange.poll_event()).find_map(|event| match event {
            Event::Closed(closed) => Some(closed),
            _ => None,
        })
    };
    let at = Instant::from_millis;
    let mut exchange = Exchange::new(&get(), Config::default(), at(0)).unwrap();
    exchange.outbox().clear();
    exchange.receive(at(9_000), &mut b"HTTP/1.1 100 \r\n\r\nHTTP/1.1".to_vec());
    exchange.handle_timeout(at(9_999));
    assert_eq!(closed(&mut exchange), None);
    exchange.handle_timeout(at(10_000));
    assert_eq!(closed(&mut exchange), Some(Closed::Timeout(Timer::Head)));

    let mut exchange = Exchange::new(&get(), Config::default(), at(0)).unwrap();
    exchange.outbox().clear();
    exchange.receive(at(9_000), &mut b"HTTP/1.1 200 OK\r\n\r\nx".to_vec());
    assert_eq!(exchange.poll_timeout(), Some(at(39_000)));
    exchange.handle_timeout(at(39_000));
    assert_eq!(closed(&mut exchange), Some(Closed::Timeout(Timer::Body)));

    let config = Config {
        head_timeout: core::time::Duration::from_secs(99),
        ..Config::default()
    };
    let mut exchange = Exchange::new(&get(), config, at(0)).unwrap();
    exchange.handle_timeout(at(1));
    exchange.handle_timeout(at(30_001));
    assert_eq!(closed(&mut exchange), Some(Closed::Timeout(Timer::Write)));
    assert!(exchange.outbox().is_empty());

    let mut exchange = Exchange::new(&get(), config, at(0)).unwrap();
    exchange.abort();
    exchange.abort();
    assert_eq!(closed(&mut exchange), Some(Closed::Aborted));
    assert_eq!(closed(&mut exchange), None);
}
