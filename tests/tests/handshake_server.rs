//! Requests as a server reads them, and its answers: every row of the specification's tables.

use std::sync::Arc;

use hyper::http as types;
use tests::heads::Head;
use tests::ids;
use websocket_proto::handshake::{
    Accept, AcceptError, FieldDefect, FieldError, Location, OriginPolicy, Policy, Refusal,
    Strictness, Upgrade, accept_key, detect, is_upgrade,
};
use websocket_proto::{Draft, Drafts, Instant, Machine, Outbox, deflate, http1};

/// How a row's request differs from a good one.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Line(&'static str),
    /// Replaces the first field of that name, or adds it.
    Set(&'static str, &'static str),
    Add(&'static str, &'static str),
    Drop(&'static str),
}
use Edit::{Add, Drop, Line, Set};

fn edited(good: &[u8], edits: &[Edit]) -> Head {
    let mut head = Head::parse(good);
    for edit in edits {
        match *edit {
            Line(line) => head.line = line.to_owned(),
            Set(name, value) => {
                let found = head.fields.iter_mut().find(|(field, _)| field == name);
                match found {
                    Some((_, old)) => *old = value.into(),
                    None => head.fields.push((name.into(), value.into())),
                }
            }
            Add(name, value) => head.fields.push((name.into(), value.into())),
            Drop(name) => head.fields.retain(|(field, _)| field != name),
        }
    }
    head
}

const RFC: &[u8] =
    b"GET /demo HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const HIXIE76: &[u8] = b"GET /demo HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://page.test\r\n\r\n";
const HIXIE75: &[u8] = b"GET /demo?x=1 HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Host: server.test:8880\r\nOrigin: http://page.test\r\nWebSocket-Protocol: sample\r\n\r\n";

fn every_draft() -> Policy {
    Policy {
        drafts: Drafts::ALL,
        origins: OriginPolicy::Any,
        ..Policy::default()
    }
}

/// Reads `head` as it stands, as a map of fields tells it, in the types that hyper uses and as our
/// `http1` parses it, which must not matter.
fn read(head: &Head, policy: &Policy) -> Result<Upgrade, Refusal> {
    let result = Upgrade::read(head, policy);
    let of_map = Upgrade::read(&head.as_map(), policy);
    assert_eq!(format!("{result:?}"), format!("{of_map:?}"));
    if let Some(request) = through_types(head) {
        let of_types = Upgrade::read(&request, policy);
        assert_eq!(format!("{result:?}"), format!("{of_types:?}"));
    }
    match through_http1(head) {
        Some(parsed) => {
            let of_http1 = Upgrade::read(&parsed, policy);
            assert_eq!(format!("{result:?}"), format!("{of_http1:?}"));
        }
        None => assert!(
            result.is_err(),
            "http1 refuses what is accepted here: {head:?}"
        ),
    }
    result
}

/// The head as `http1` parses it; `None` when it refuses it itself.
fn through_http1(head: &Head) -> Option<http1::RequestHead> {
    let mut connection = http1::server::Connection::new(Arc::default(), Instant::ZERO);
    connection.receive(Instant::ZERO, &mut head.to_bytes());
    match connection.poll_event() {
        Some(http1::server::Event::Request(parsed)) => Some(parsed),
        Some(_) => None,
        None => panic!("a whole head is an event: {head:?}"),
    }
}

/// The head in the types of the `http` crate, if they can hold it.
fn through_types(head: &Head) -> Option<types::Request<()>> {
    let mut line = head.line.split(' ');
    let (method, target) = (line.next()?, line.next()?);
    let version = match line.next()? {
        "HTTP/1.0" => types::Version::HTTP_10,
        "HTTP/1.1" => types::Version::HTTP_11,
        _ => return None,
    };
    let uri: types::Uri = target.parse().ok()?;
    // It drops fragments, and its view the query behind an empty path.
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    if target.contains('#') || path.starts_with('?') {
        return None;
    }
    let request = types::Request::builder().method(method).uri(uri);
    let add = |request: types::request::Builder, (name, value): &(String, Vec<u8>)| {
        request.header(name.as_str(), value.as_slice())
    };
    let request = head.fields.iter().fold(request.version(version), add);
    request.body(()).ok()
}

fn refusal_text(refusal: Refusal, drafts: Drafts) -> String {
    let mut out = Vec::new();
    refusal.write(drafts, &mut out);
    String::from_utf8(out).unwrap()
}

struct Row {
    id: &'static str,
    good: &'static [u8],
    edits: &'static [Edit],
    expected: Result<Draft, (Refusal, u16)>,
}

const fn row(
    id: &'static str,
    good: &'static [u8],
    edits: &'static [Edit],
    expected: Result<Draft, (Refusal, u16)>,
) -> Row {
    Row {
        id,
        good,
        edits,
        expected,
    }
}

fn run(rows: &[Row], policy: &Policy) {
    for Row {
        id,
        good,
        edits,
        expected,
    } in rows
    {
        let result = read(&edited(good, edits), policy);
        let seen = result
            .map(|upgrade| upgrade.draft())
            .map_err(|why| (why, why.status()));
        assert_eq!(seen, *expected, "{id}");
        if let Err((refusal, status)) = *expected {
            let head = Head::parse(refusal_text(refusal, policy.drafts).as_bytes());
            assert!(
                head.line.starts_with(&format!("HTTP/1.1 {status} ")),
                "{id}"
            );
            assert!(head.field("connection").unwrap().ends_with("close"), "{id}");
            assert_eq!(head.field("content-length"), Some("0"), "{id}");
        }
    }
}

const GOOD: Result<Draft, (Refusal, u16)> = Ok(Draft::Rfc6455);
const V: &str = "Sec-WebSocket-Version";
const K: &str = "Sec-WebSocket-Key";
const P: &str = "Sec-WebSocket-Protocol";
const E: &str = "Sec-WebSocket-Extensions";

#[test]
fn drafts_are_told_apart() {
    type Row<'a> = (&'a str, &'a [u8], &'a [Edit], Result<Draft, Refusal>);
    let rows: &[Row<'_>] = &[
        (
            "1.2-plain",
            RFC,
            &[Drop("Upgrade")],
            Err(Refusal::NotUpgrade),
        ),
        (
            "1.2-other-upgrade",
            RFC,
            &[Set("Upgrade", "h2c")],
            Err(Refusal::NotUpgrade),
        ),
        ("1.2-version-7", RFC, &[Set(V, "7")], Ok(Draft::Hybi07)),
        ("1.2-version-8", RFC, &[Set(V, "8")], Ok(Draft::Hybi08)),
        ("1.2-version-13", RFC, &[Drop(K)], Ok(Draft::Rfc6455)),
        (
            "1.2-version-unknown",
            RFC,
            &[Set(V, "6")],
            Err(Refusal::VersionUnsupported),
        ),
        (
            "1.2-key-without-version",
            RFC,
            &[Drop(V)],
            Err(Refusal::VersionMissing),
        ),
        (
            "1.2-version-before-hixie-keys",
            HIXIE76,
            &[Set(V, "8")],
            Ok(Draft::Hybi08),
        ),
        ("1.2-key1-and-key2", HIXIE76, &[], Ok(Draft::Hixie76)),
        (
            "1.2-key1-alone",
            HIXIE76,
            &[Drop("Sec-WebSocket-Key2")],
            Ok(Draft::Hixie76),
        ),
        (
            "1.2-key2-alone",
            HIXIE76,
            &[Drop("Sec-WebSocket-Key1")],
            Ok(Draft::Hixie76),
        ),
        ("1.2-neither", HIXIE75, &[], Ok(Draft::Hixie75)),
    ];
    ids::check("1.2", rows.iter().map(|row| row.0));
    for (id, good, edits, expected) in rows {
        let head = edited(good, edits);
        assert_eq!(detect(&head), *expected, "{id}");
        assert_eq!(
            is_upgrade(&head),
            *expected != Err(Refusal::NotUpgrade),
            "{id}"
        );
    }
}

#[test]
fn checks_of_a_hybi_request() {
    const MANY: &str = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,0,1,2,3,4,5,6";
    const LONG: &str = match std::str::from_utf8(&[b','; 4097]) {
        Ok(commas) => commas,
        Err(_) => "",
    };
    use Refusal::{
        BadExtensions, BadHost, BadKey, BadOrigin, BadProtocol, BadTarget, BadVersion, HasBody,
        HttpVersion, NotConnectionUpgrade, NotGet, NotUpgrade, OriginRefused, VersionMissing,
        VersionUnsupported,
    };
    let rows = [
        row(
            "1.6-method",
            RFC,
            &[Line("POST /demo HTTP/1.1")],
            Err((NotGet, 405)),
        ),
        row(
            "1.6-http-1.0",
            RFC,
            &[Line("GET /demo HTTP/1.0")],
            Err((HttpVersion, 426)),
        ),
        row(
            "1.6-host-missing",
            RFC,
            &[Drop("Host")],
            Err((BadHost, 400)),
        ),
        row(
            "1.6-host-twice",
            RFC,
            &[Add("Host", "server.test")],
            Err((BadHost, 400)),
        ),
        row(
            "1.6-host-empty",
            RFC,
            &[Set("Host", "")],
            Err((BadHost, 400)),
        ),
        row(
            "1.6-host-malformed",
            RFC,
            &[Set("Host", "server.test:0x50")],
            Err((BadHost, 400)),
        ),
        row(
            "1.6-upgrade-missing",
            RFC,
            &[Drop("Upgrade")],
            Err((NotUpgrade, 426)),
        ),
        row(
            "1.6-upgrade-other",
            RFC,
            &[Set("Upgrade", "websockets")],
            Err((NotUpgrade, 426)),
        ),
        row(
            "1.6-upgrade-list",
            RFC,
            &[Set("Upgrade", "h2c, WebSocket")],
            GOOD,
        ),
        row(
            "1.6-connection-close",
            RFC,
            &[Set("Connection", "close")],
            Err((NotConnectionUpgrade, 400)),
        ),
        row(
            "1.6-connection-missing",
            RFC,
            &[Drop("Connection")],
            Err((NotConnectionUpgrade, 400)),
        ),
        row(
            "1.6-connection-firefox",
            RFC,
            &[Set("Connection", "keep-alive, Upgrade")],
            GOOD,
        ),
        row(
            "1.6-connection-empty-elements",
            RFC,
            &[Set("Connection", "Upgrade, keep-alive, , ")],
            GOOD,
        ),
        row(
            "1.6-connection-two-lines",
            RFC,
            &[
                Set("Connection", "keep-alive"),
                Add("Connection", "upgrade"),
            ],
            GOOD,
        ),
        row(
            "1.6-version-missing",
            RFC,
            &[Drop(V)],
            Err((VersionMissing, 400)),
        ),
        row(
            "1.6-version-repeated",
            RFC,
            &[Add(V, "13")],
            Err((BadVersion, 400)),
        ),
        row(
            "1.6-version-list",
            RFC,
            &[Set(V, "13, 8")],
            Err((BadVersion, 400)),
        ),
        row(
            "1.6-version-malformed",
            RFC,
            &[Set(V, "013")],
            Err((BadVersion, 400)),
        ),
        row(
            "1.6-version-unknown",
            RFC,
            &[Set(V, "255")],
            Err((VersionUnsupported, 426)),
        ),
        row(
            "1.6-version-zero",
            RFC,
            &[Set(V, "0")],
            Err((VersionUnsupported, 426)),
        ),
        row(
            "1.6-version-disabled",
            RFC,
            &[Set(V, "8")],
            Err((VersionUnsupported, 426)),
        ),
        row("1.6-key-missing", RFC, &[Drop(K)], Err((BadKey, 400))),
        row(
            "1.6-key-repeated",
            RFC,
            &[Add(K, "dGhlIHNhbXBsZSBub25jZQ==")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-key-15-bytes",
            RFC,
            &[Set(K, "AAAAAAAAAAAAAAAAAAAA")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-key-17-bytes",
            RFC,
            &[Set(K, "AAAAAAAAAAAAAAAAAAAAAAA=")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-key-alphabet",
            RFC,
            &[Set(K, "dGhlIHNhbXBsZSBub25j_Q==")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-key-comma",
            RFC,
            &[Set(K, "dGhlIHNhbXBsZSBub25jZQ==,")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-key-trailing-bits",
            RFC,
            &[Set(K, "AQIDBAUGBwgJCgsMDQ4PEC==")],
            Err((BadKey, 400)),
        ),
        row(
            "1.6-protocol-character",
            RFC,
            &[Set(P, "chat@2")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-space",
            RFC,
            &[Set(P, "chat two")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-empty-element",
            RFC,
            &[Set(P, "chat,,two")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-empty",
            RFC,
            &[Set(P, "")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-duplicate",
            RFC,
            &[Set(P, "a, b, a")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-duplicate-lines",
            RFC,
            &[Add(P, "a"), Add(P, "a")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-protocol-two-lines",
            RFC,
            &[Add(P, "a, A"), Add(P, "b")],
            GOOD,
        ),
        row(
            "1.6-protocol-too-many",
            RFC,
            &[Set(P, MANY)],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.6-extensions-malformed",
            RFC,
            &[Set(E, "a;")],
            Err((BadExtensions, 400)),
        ),
        row(
            "1.6-extensions-unknown",
            RFC,
            &[Set(E, "constructor; x=1, __proto__")],
            GOOD,
        ),
        row(
            "1.6-extensions-empty-elements",
            RFC,
            &[Set(E, ", a, ,"), Add(E, "")],
            GOOD,
        ),
        row(
            "1.6-extensions-too-long",
            RFC,
            &[Set(E, LONG)],
            Err((BadExtensions, 400)),
        ),
        row(
            "1.6-target-fragment",
            RFC,
            &[Line("GET /demo#x HTTP/1.1")],
            Err((BadTarget, 400)),
        ),
        row(
            "1.6-target-absolute",
            RFC,
            &[Line("GET wss://Other.test:1/demo HTTP/1.1")],
            GOOD,
        ),
        row(
            "1.6-target-scheme",
            RFC,
            &[Line("GET ftp://server.test/ HTTP/1.1")],
            Err((BadTarget, 400)),
        ),
        row(
            "1.6-target-asterisk",
            RFC,
            &[Line("GET * HTTP/1.1")],
            Err((BadTarget, 400)),
        ),
        row(
            "1.6-body-length",
            RFC,
            &[Set("Content-Length", "8")],
            Err((HasBody, 400)),
        ),
        row(
            "1.6-body-length-zero",
            RFC,
            &[Set("Content-Length", "0")],
            GOOD,
        ),
        row(
            "1.6-body-chunked",
            RFC,
            &[Set("Transfer-Encoding", "chunked")],
            Err((HasBody, 400)),
        ),
        row(
            "1.6-origin-same",
            RFC,
            &[Set("Origin", "https://server.test")],
            GOOD,
        ),
        row(
            "1.6-origin-other",
            RFC,
            &[Set("Origin", "https://page.test")],
            Err((OriginRefused, 403)),
        ),
        row(
            "1.6-origin-none",
            RFC,
            &[Set("Sec-Fetch-Site", "none")],
            GOOD,
        ),
        row(
            "1.6-origin-none-cross-site",
            RFC,
            &[Set("Sec-Fetch-Site", "cross-site")],
            Err((OriginRefused, 403)),
        ),
        row(
            "1.6-origin-twice",
            RFC,
            &[
                Add("Origin", "http://server.test"),
                Add("Origin", "http://server.test"),
            ],
            Err((BadOrigin, 400)),
        ),
    ];
    let hybi07: Policy = Policy {
        drafts: Drafts::default().with(Draft::Hybi07).with(Draft::Hybi08),
        ..Policy::default()
    };
    const OLD: &str = "Sec-WebSocket-Origin";
    let by_name = [
        row(
            "1.6-origin-contradiction",
            RFC,
            &[
                Set(V, "8"),
                Set("Origin", "http://server.test"),
                Set(OLD, "http://page.test"),
            ],
            Err((BadOrigin, 400)),
        ),
        row(
            "1.6-origin-old-name-in-7",
            RFC,
            &[Set(V, "7"), Set(OLD, "http://page.test")],
            Err((OriginRefused, 403)),
        ),
        row(
            "1.6-origin-old-name-in-8",
            RFC,
            &[Set(V, "8"), Set(OLD, "http://page.test")],
            Err((OriginRefused, 403)),
        ),
        row(
            "1.6-origin-new-name-in-8",
            RFC,
            &[Set(V, "8"), Set("Origin", "http://page.test")],
            Err((OriginRefused, 403)),
        ),
        // It means nothing there; the SockJS protocol tests send it.
        row(
            "1.6-origin-old-name-in-13",
            RFC,
            &[Set(OLD, "http://asd")],
            GOOD,
        ),
        row(
            "1.6-names-without-case",
            b"GET / HTTP/1.1\r\nhOST: a\r\nUPGRADE: WEBSOCKET\r\nconnection: UPGRADE\r\n\
              SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
            &[],
            GOOD,
        ),
    ];
    ids::check("1.6", rows.iter().chain(&by_name).map(|row| row.id));
    run(&rows, &Policy::default());
    run(&by_name, &hybi07);
}

#[test]
fn the_first_defect_is_the_one_answered() {
    // Each row undoes the defect named before it.
    let edits = [
        (Line("POST /#x HTTP/1.0"), Refusal::NotGet),
        (Line("GET /#x HTTP/1.0"), Refusal::HttpVersion),
        (Line("GET /#x HTTP/1.1"), Refusal::BadHost),
        (Set("Host", "server.test"), Refusal::NotUpgrade),
        (Set("Upgrade", "websocket"), Refusal::NotConnectionUpgrade),
        (Set("Connection", "Upgrade"), Refusal::BadVersion),
        (Set(V, "14"), Refusal::VersionUnsupported),
        (Set(V, "13"), Refusal::BadKey),
        (Set(K, "dGhlIHNhbXBsZSBub25jZQ=="), Refusal::BadProtocol),
        (Set(P, "chat"), Refusal::BadExtensions),
        (Set(E, "x"), Refusal::BadTarget),
        (Line("GET / HTTP/1.1"), Refusal::HasBody),
        (Set("Content-Length", "0"), Refusal::OriginRefused),
    ];
    let mut head = edited(
        RFC,
        &[
            Set("Host", ""),
            Set("Upgrade", "x"),
            Set("Connection", "x"),
            Set(V, "x"),
            Set(K, "x"),
            Set(P, ""),
            Set(E, ";"),
            Set("Content-Length", "1"),
            Set("Origin", "http://page.test"),
        ],
    );
    for (edit, refusal) in edits {
        head = edited(&head.to_bytes(), &[edit]);
        assert_eq!(read(&head, &Policy::default()).unwrap_err(), refusal);
    }
}

#[test]
fn accept_keys() {
    let rows = [
        (
            "1.6-accept-rfc",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
        (
            "1.6-accept-wikipedia",
            "x3JJHMbDL1EzLkh9GBhXDw==",
            "HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
        ),
        (
            "1.6-accept-autobahn",
            "4g7iQRMsPmytaE8vj/pMpw==",
            "4OOgfyWTDLpqC68k4Ke138yUIgo=",
        ),
        (
            "1.6-accept-zeros",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "ICX+Yqv66kxgM0FcWaLWlFLwTAI=",
        ),
        (
            "1.6-accept-ones",
            "/////////////////////w==",
            "XXpj4jYzLM2yUE0C7TIgMwTQh2g=",
        ),
        (
            "1.6-accept-hybi07",
            "w4v7O6xFTi36lq3RNcgctw==",
            "Oy4NRAQ13jhfONC7bP8dTKb4PTU=",
        ),
        (
            "1.6-accept-hybi08",
            "DSIhUE/XTvIxAia/1SfpgA==",
            "n/K7yPleVJcb50uPAc77xCd6DCU=",
        ),
        (
            "1.6-accept-trailing-bits",
            "AQIDBAUGBwgJCgsMDQ4PEC==",
            "OfS0wDaT5NoxF2gqm7Zj2YtetzM=",
        ),
    ];
    ids::check("1.6-accept", rows.iter().map(|row| row.0));
    for (id, key, accept) in rows {
        assert_eq!(accept_key(key.as_bytes()), accept.as_bytes(), "{id}");
        let mut head = edited(RFC, &[]);
        head.fields
            .iter_mut()
            .find(|(name, _)| name == K)
            .unwrap()
            .1 = key.into();
        match read(&head, &Policy::default()) {
            Ok(upgrade) => {
                let accepted = upgrade.accept(Accept::default()).unwrap();
                let field = accepted
                    .fields()
                    .find(|(name, _)| *name == "Sec-WebSocket-Accept");
                assert_eq!(field.unwrap().1, accept, "{id}");
            }
            Err(refusal) => {
                assert_eq!((id, refusal), ("1.6-accept-trailing-bits", Refusal::BadKey));
            }
        }
    }
}

#[test]
fn bad_requests() {
    use Refusal::{
        BadChallenge, BadDraft, BadExtensions, BadHost, BadKey, BadOrigin, BadProtocol, BadTarget,
        BadVersion, HasBody, HttpVersion, NotConnectionUpgrade, NotExact, NotGet, NotUpgrade,
        OriginRefused, VersionMissing, VersionUnsupported,
    };
    const HIXIE: Result<Draft, (Refusal, u16)> = Ok(Draft::Hixie76);
    let of_default = [
        row(
            "1.10-post",
            RFC,
            &[Line("POST /demo HTTP/1.1")],
            Err((NotGet, 405)),
        ),
        row(
            "1.10-head",
            RFC,
            &[Line("HEAD /demo HTTP/1.1")],
            Err((NotGet, 405)),
        ),
        row(
            "1.10-http-1.0",
            RFC,
            &[Line("GET /demo HTTP/1.0")],
            Err((HttpVersion, 426)),
        ),
        row(
            "1.10-no-upgrade",
            RFC,
            &[Drop("Upgrade")],
            Err((NotUpgrade, 426)),
        ),
        row(
            "1.10-h2c",
            RFC,
            &[Set("Upgrade", "h2c")],
            Err((NotUpgrade, 426)),
        ),
        row(
            "1.10-connection-close",
            RFC,
            &[Set("Connection", "close")],
            Err((NotConnectionUpgrade, 400)),
        ),
        row(
            "1.10-host-missing",
            RFC,
            &[Drop("Host")],
            Err((BadHost, 400)),
        ),
        row(
            "1.10-host-twice",
            RFC,
            &[Add("Host", "b")],
            Err((BadHost, 400)),
        ),
        row(
            "1.10-host-malformed",
            RFC,
            &[Set("Host", "a b")],
            Err((BadHost, 400)),
        ),
        row(
            "1.10-fragment",
            RFC,
            &[Line("GET /echo#frag HTTP/1.1")],
            Err((BadTarget, 400)),
        ),
        row(
            "1.10-origin-refused",
            RFC,
            &[Set("Origin", "null")],
            Err((OriginRefused, 403)),
        ),
        row(
            "1.10-key-defects",
            RFC,
            &[Set(K, "dGhlIHNhbXBsZSBub25jZQ")],
            Err((BadKey, 400)),
        ),
        row(
            "1.10-version-absent",
            RFC,
            &[Drop(V)],
            Err((VersionMissing, 400)),
        ),
        row(
            "1.10-version-99",
            RFC,
            &[Set(V, "99")],
            Err((VersionUnsupported, 426)),
        ),
        row(
            "1.10-version-0",
            RFC,
            &[Set(V, "0")],
            Err((VersionUnsupported, 426)),
        ),
        row(
            "1.10-version-list",
            RFC,
            &[Set(V, "13, 8")],
            Err((BadVersion, 400)),
        ),
        row(
            "1.10-version-two-lines",
            RFC,
            &[Add(V, "8")],
            Err((BadVersion, 400)),
        ),
        row(
            "1.10-version-8-disabled",
            RFC,
            &[Set(V, "8")],
            Err((VersionUnsupported, 426)),
        ),
        row(
            "1.10-protocol-at-sign",
            RFC,
            &[Set(P, "a@b")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.10-protocol-duplicate",
            RFC,
            &[Set(P, "a,a")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.10-extensions-semicolon",
            RFC,
            &[Set(E, "a;")],
            Err((BadExtensions, 400)),
        ),
        row(
            "1.10-extensions-no-name",
            RFC,
            &[Set(E, "=x")],
            Err((BadExtensions, 400)),
        ),
        row(
            "1.10-extensions-open-quote",
            RFC,
            &[Set(E, "a; b=\"c")],
            Err((BadExtensions, 400)),
        ),
        row("1.10-extension-unknown", RFC, &[Set(E, "mux")], GOOD),
        row(
            "1.10-extension-bad-parameter",
            RFC,
            &[Set(E, "permessage-deflate; x")],
            GOOD,
        ),
        row(
            "1.10-transfer-encoding",
            RFC,
            &[Set("Transfer-Encoding", "gzip")],
            Err((HasBody, 400)),
        ),
        row(
            "1.10-content-length",
            RFC,
            &[Set("Content-Length", "1")],
            Err((HasBody, 400)),
        ),
        row(
            "1.10-hixie-76-disabled",
            HIXIE76,
            &[],
            Err((Refusal::DraftDisabled, 400)),
        ),
        row(
            "1.10-hixie-75-disabled",
            HIXIE75,
            &[],
            Err((VersionMissing, 400)),
        ),
    ];
    let of_all = [
        row(
            "1.10-bad-number",
            HIXIE76,
            &[Set("Sec-WebSocket-Key1", "1 0 1")],
            Err((BadChallenge, 400)),
        ),
        row(
            "1.10-key1-missing",
            HIXIE76,
            &[Drop("Sec-WebSocket-Key1")],
            Err((BadChallenge, 400)),
        ),
        row(
            "1.10-key2-missing",
            HIXIE76,
            &[Drop("Sec-WebSocket-Key2")],
            Err((BadChallenge, 400)),
        ),
        row(
            "1.10-hixie-origin-missing",
            HIXIE75,
            &[Drop("Origin")],
            Err((BadOrigin, 400)),
        ),
        row(
            "1.10-hixie-host-missing",
            HIXIE76,
            &[Drop("Host")],
            Err((BadHost, 400)),
        ),
        row(
            "1.10-hixie-protocol-empty",
            HIXIE76,
            &[Set(P, "")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.10-hixie-protocol-unprintable",
            HIXIE76,
            &[Set(P, "é")],
            Err((BadProtocol, 400)),
        ),
        row(
            "1.10-hixie-draft-field",
            HIXIE76,
            &[Set("Sec-WebSocket-Draft", "4")],
            Err((BadDraft, 400)),
        ),
        row(
            "1.10-nonce-announced",
            HIXIE76,
            &[Set("Content-Length", "8")],
            HIXIE,
        ),
        row(
            "1.10-nonce-announced-wrongly",
            HIXIE76,
            &[Set("Content-Length", "9")],
            Err((HasBody, 400)),
        ),
    ];
    let exact = [row(
        "1.10-not-exactly-75",
        HIXIE75,
        &[Add("X-More", "1")],
        Err((NotExact, 400)),
    )];
    let by_hand = [
        "1.10-absolute-foreign-host",
        "1.10-handler-fails",
        "1.10-unrequested-protocol",
    ];
    let of_tables = of_default
        .iter()
        .chain(&of_all)
        .chain(&exact)
        .map(|row| row.id);
    ids::check("1.10", of_tables.chain(by_hand));
    run(&of_default, &Policy::default());
    run(&of_all, &every_draft());
    run(
        &exact,
        &Policy {
            strictness: Strictness::Hixie75Exact,
            ..every_draft()
        },
    );

    // 1.10-absolute-foreign-host: the authority takes the place of `Host`, for the origin as for
    // whoever routes; that it has no resource is then a 404.
    let foreign = edited(
        RFC,
        &[
            Line("GET http://other.test/demo HTTP/1.1"),
            Set("Origin", "http://server.test"),
        ],
    );
    assert_eq!(
        read(&foreign, &Policy::default()).unwrap_err(),
        OriginRefused
    );
    assert_eq!(Refusal::NotFound.status(), 404);

    // 1.10-handler-fails, 1.10-unrequested-protocol
    let upgrade = read(&edited(RFC, &[Set(P, "a, b")]), &Policy::default()).unwrap();
    let error = upgrade
        .accept(Accept {
            protocol: Some("c"),
            headers: &[],
        })
        .unwrap_err();
    assert_eq!(error, AcceptError::ProtocolNotOffered);
    assert_eq!(
        (error.refusal(), error.refusal().status()),
        (Refusal::Failed, 500)
    );
}

#[test]
fn answers_byte_by_byte() {
    let rows = [
        (
            "1.11-hixie-75",
            HIXIE75,
            Some("sample"),
            "HTTP/1.1 101 Web Socket Protocol Handshake|Upgrade: WebSocket|Connection: Upgrade|\
             WebSocket-Origin: http://page.test|WebSocket-Location: ws://server.test:8880/demo?x=1|\
             WebSocket-Protocol: sample||",
        ),
        (
            "1.11-hixie-76",
            HIXIE76,
            None,
            "HTTP/1.1 101 WebSocket Protocol Handshake|Upgrade: WebSocket|Connection: Upgrade|\
             Sec-WebSocket-Origin: http://page.test|Sec-WebSocket-Location: ws://server.test/demo||",
        ),
        (
            "1.11-hybi-07",
            b"GET /demo HTTP/1.1\r\nHost: server.test\r\nConnection: keep-alive, Upgrade\r\n\
              Upgrade: websocket\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Origin: http://page.test\r\n\
              Sec-WebSocket-Key: w4v7O6xFTi36lq3RNcgctw==\r\nSec-WebSocket-Extensions: deflate-stream\r\n\r\n",
            None,
            "HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Accept: Oy4NRAQ13jhfONC7bP8dTKb4PTU=||",
        ),
        (
            "1.11-hybi-08",
            b"GET /demo HTTP/1.1\r\nHost: server.test\r\nConnection: keep-alive, Upgrade\r\n\
              Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Origin: http://page.test\r\n\
              Sec-WebSocket-Key: DSIhUE/XTvIxAia/1SfpgA==\r\nSec-WebSocket-Protocol: chat, superchat\r\n\r\n",
            Some("chat"),
            "HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Accept: n/K7yPleVJcb50uPAc77xCd6DCU=|Sec-WebSocket-Protocol: chat||",
        ),
        (
            "1.11-rfc",
            b"GET /demo HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: 4g7iQRMsPmytaE8vj/pMpw==\r\nSec-WebSocket-Version: 13\r\n\
              Origin: http://page.test\r\n\
              Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
            None,
            "HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Accept: 4OOgfyWTDLpqC68k4Ke138yUIgo=|\
             Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover||",
        ),
        (
            "1.11-refusal",
            b"GET /demo HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: 4g7iQRMsPmytaE8vj/pMpw==\r\nSec-WebSocket-Version: 99\r\n\r\n",
            None,
            "HTTP/1.1 426 Upgrade Required|Sec-WebSocket-Version: 13, 8, 7|Upgrade: websocket|\
             Connection: Upgrade, close|Content-Length: 0||",
        ),
    ];
    ids::check("1.11", rows.iter().map(|row| row.0));
    let deflate = deflate::Config {
        client_no_context_takeover: true,
        ..deflate::Config::default()
    };
    let policy = Policy {
        deflate: Some(deflate),
        ..every_draft()
    };
    for (id, request, protocol, expected) in rows {
        let mut out = Vec::new();
        match read(&Head::parse(request), &policy) {
            Ok(upgrade) => {
                let accepted = upgrade
                    .accept(Accept {
                        protocol,
                        headers: &[],
                    })
                    .unwrap();
                accepted.write(&mut out);
                let mut outbox = Outbox::new();
                accepted.queue(&mut outbox);
                assert_eq!(
                    bytes::Buf::copy_to_bytes(&mut outbox, out.len()),
                    out,
                    "{id}"
                );
            }
            Err(refusal) => refusal.write(policy.drafts, &mut out),
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            expected.replace('|', "\r\n"),
            "{id}"
        );
    }
}

#[test]
fn refusals_say_what_would_do() {
    let hybi = Drafts::default().with(Draft::Hybi08).with(Draft::Hybi07);
    let versions = |refusal, drafts| {
        let head = Head::parse(refusal_text(refusal, drafts).as_bytes());
        head.field(V).map(str::to_owned)
    };
    assert_eq!(
        versions(Refusal::VersionUnsupported, hybi).as_deref(),
        Some("13, 8, 7")
    );
    assert_eq!(
        versions(Refusal::VersionMissing, hybi).as_deref(),
        Some("13, 8, 7")
    );
    assert_eq!(
        versions(Refusal::VersionMissing, Drafts::default()).as_deref(),
        Some("13")
    );
    assert_eq!(
        versions(
            Refusal::VersionUnsupported,
            Drafts::NONE.with(Draft::Hixie76)
        ),
        None
    );
    // Every subset of the hybi drafts lists its own members, newest first.
    for bits in 0..8_u8 {
        let members = [(1, Draft::Hybi07), (2, Draft::Hybi08), (4, Draft::Rfc6455)];
        let drafts: Drafts = members
            .into_iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, draft)| draft)
            .collect();
        let names: Vec<&str> = drafts.iter().map(Draft::name).collect();
        let expected = (!names.is_empty()).then(|| names.join(", "));
        assert_eq!(versions(Refusal::BadVersion, drafts), expected);
    }
    assert_eq!(
        refusal_text(Refusal::NotGet, hybi),
        "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(
        refusal_text(Refusal::NotUpgrade, hybi),
        "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8, 7\r\nUpgrade: websocket\r\n\
         Connection: Upgrade, close\r\nContent-Length: 0\r\n\r\n",
    );
}

#[test]
fn protocols_in_the_order_of_the_client() {
    let head = edited(RFC, &[Add(P, "v2 ,  v1"), Add(P, "chat")]);
    let upgrade = read(&head, &Policy::default()).unwrap();
    assert_eq!(
        upgrade.protocols().collect::<Vec<_>>(),
        ["v2", "v1", "chat"]
    );
    assert_eq!(upgrade.first_protocol(&["chat", "v1"]), Some("v1"));
    assert_eq!(upgrade.first_protocol(&["V1"]), None);
    // Asked for and none chosen is legal in hybi.
    assert!(
        upgrade
            .accept(Accept::default())
            .unwrap()
            .agreed()
            .protocol
            .is_none()
    );

    // In hixie the value is one name, and a client that asked needs it echoed.
    let head = edited(HIXIE76, &[Add(P, "a, b c")]);
    let upgrade = read(&head, &every_draft()).unwrap();
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["a, b c"]);
    assert_eq!(
        upgrade.accept(Accept::default()).unwrap_err(),
        AcceptError::ProtocolRequired
    );
    assert_eq!(AcceptError::ProtocolRequired.refusal().status(), 400);
    let agreed = upgrade
        .accept(Accept {
            protocol: Some("a, b c"),
            headers: &[],
        })
        .unwrap()
        .agreed();
    assert_eq!(agreed.protocol.as_deref(), Some("a, b c"));
}

#[test]
fn fields_of_the_application() {
    let upgrade = read(&edited(RFC, &[]), &Policy::default()).unwrap();
    fn with<'a>(headers: &'a [(&'a str, &'a str)]) -> Accept<'a> {
        Accept {
            protocol: None,
            headers,
        }
    }
    let headers = [
        ("Set-Cookie", "a=b; Path=/"),
        ("X-Empty", ""),
        ("X-Text", "é\t"),
    ];
    let good = upgrade.accept(with(&headers)).unwrap();
    let mut out = Vec::new();
    good.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.ends_with("Set-Cookie: a=b; Path=/\r\nX-Empty: \r\nX-Text: é\t\r\n\r\n"),
        "{text}"
    );

    for (name, value, why) in [
        ("X-A", "a\r\nSet-Cookie: b", FieldDefect::Value),
        ("X-A", "a\n", FieldDefect::Value),
        ("X-A", "a\0", FieldDefect::Value),
        ("X-A\r\nX-B", "a", FieldDefect::Name),
        ("X A", "a", FieldDefect::Name),
        ("X-A:", "a", FieldDefect::Name),
        ("", "a", FieldDefect::Name),
        ("connection", "close", FieldDefect::Reserved),
        ("Upgrade", "h2c", FieldDefect::Reserved),
        ("Content-Length", "0", FieldDefect::Reserved),
        ("Transfer-Encoding", "chunked", FieldDefect::Reserved),
        ("SEC-WebSocket-Extensions", "x", FieldDefect::Reserved),
        ("WebSocket-Origin", "x", FieldDefect::Reserved),
    ] {
        let error = upgrade
            .accept(with(&[("X-Good", "1"), (name, value)]))
            .unwrap_err();
        assert_eq!(
            error,
            AcceptError::Field(FieldError { index: 1, why }),
            "{name:?}"
        );
    }
    // Nothing was used up by the failures.
    assert!(upgrade.accept(with(&[])).is_ok());
}

#[test]
fn hixie_locations() {
    let location = |edits: &[Edit], location: Location| {
        let upgrade = read(
            &edited(HIXIE76, edits),
            &Policy {
                location,
                ..every_draft()
            },
        )
        .unwrap();
        let accepted = upgrade.accept(Accept::default()).unwrap();
        let field = accepted
            .fields()
            .find(|(name, _)| *name == "Sec-WebSocket-Location");
        field.unwrap().1.to_owned()
    };
    let plain = Location::default;
    let rows: [(&[Edit], Location, &str); 7] = [
        (&[], plain(), "ws://server.test/demo"),
        (
            &[Set("Host", "SERVER.test:80")],
            plain(),
            "ws://server.test/demo",
        ),
        (
            &[Set("Host", "server.test:443")],
            plain(),
            "ws://server.test:443/demo",
        ),
        (
            &[Set("Host", "server.test:443")],
            Location::new(true),
            "wss://server.test/demo",
        ),
        (
            &[Line("GET /a?b=%20 HTTP/1.1")],
            plain(),
            "ws://server.test/a?b=%20",
        ),
        (
            &[Line("GET http://x.test?b HTTP/1.1")],
            plain(),
            "ws://x.test/?b",
        ),
        (
            &[],
            Location::new(true)
                .with_authority("Front.test:444")
                .unwrap(),
            "wss://front.test:444/demo",
        ),
    ];
    for (edits, at, expected) in rows {
        assert_eq!(location(edits, at), expected);
    }
    assert!(Location::new(true).with_authority("a/b").is_err());
}

#[test]
fn exactly_hixie_75() {
    let policy = Policy {
        strictness: Strictness::Hixie75Exact,
        ..every_draft()
    };
    let good: &[&[Edit]] = &[&[], &[Drop("WebSocket-Protocol")], &[Add("Cookie", "a=b")]];
    for edits in good {
        assert!(
            Upgrade::read(&edited(HIXIE75, edits), &policy).is_ok(),
            "{edits:?}"
        );
    }
    let bad: &[&[Edit]] = &[
        &[Set("Upgrade", "websocket")],
        &[Set("Connection", "upgrade")],
        &[Drop("Host"), Add("Host", "server.test")],
        &[Drop("Host"), Add("host", "server.test")],
        &[Add("Accept", "*/*")],
    ];
    for edits in bad {
        let head = edited(HIXIE75, edits);
        assert_eq!(
            Upgrade::read(&head, &policy).unwrap_err(),
            Refusal::NotExact,
            "{edits:?}"
        );
        assert!(Upgrade::read(&head, &every_draft()).is_ok(), "{edits:?}");
    }
}

#[test]
fn a_client_of_2010_that_is_no_browser() {
    // websocket-client 0.4 sends its `Host` as `Origin`, without a scheme.
    let edits = [
        Set("Host", "server.test:8081"),
        Set("Origin", "server.test:8081"),
    ];
    let policy = Policy {
        drafts: Drafts::ALL,
        ..Policy::default()
    };
    assert!(read(&edited(HIXIE76, &edits), &policy).is_ok());
    let edits = [
        Set("Host", "server.test:8081"),
        Set("Origin", "other.test:8081"),
    ];
    assert_eq!(
        read(&edited(HIXIE76, &edits), &policy).unwrap_err(),
        Refusal::OriginRefused
    );
}

#[test]
fn no_input_breaks_a_line() {
    // S12: whatever stands in a value, the heads hold no line break that is not ours.
    let evil = [
        "a\r\nX: y",
        "a\nX: y",
        "a\rb",
        "a\0b",
        "http://a\r\nX: y",
        "\r\n\r\nGET / HTTP/1.1",
    ];
    let names = [
        "Host",
        "Origin",
        V,
        K,
        P,
        E,
        "Sec-WebSocket-Key1",
        "Sec-WebSocket-Origin",
        "WebSocket-Protocol",
        "Sec-WebSocket-Draft",
        "Cookie",
    ];
    let policy = Policy {
        deflate: Some(deflate::Config::default()),
        ..every_draft()
    };
    for good in [RFC, HIXIE76, HIXIE75] {
        for value in evil {
            for name in names {
                let mut head = edited(good, &[]);
                head.fields.retain(|(field, _)| field != name);
                head.fields.push((name.to_owned(), value.into()));
                check_lines(&head, &policy);
            }
            let mut head = edited(good, &[]);
            head.line = format!("GET /{value} HTTP/1.1");
            check_lines(&head, &policy);
        }
    }
}

fn check_lines(head: &Head, policy: &Policy) {
    let mut out = Vec::new();
    match Upgrade::read(head, policy) {
        Ok(upgrade) => {
            let protocols: Vec<_> = upgrade.protocols().map(str::to_owned).collect();
            let protocol = protocols.first().map(String::as_str);
            upgrade
                .accept(Accept {
                    protocol,
                    headers: &[],
                })
                .unwrap()
                .write(&mut out);
        }
        Err(refusal) => refusal.write(policy.drafts, &mut out),
    }
    let text = String::from_utf8(out).unwrap();
    let body = text.strip_suffix("\r\n\r\n").unwrap();
    assert!(
        !body.contains('\0') && !body.contains("X: y") && !body.contains("\r\n\r\n"),
        "{body}"
    );
    assert!(
        body.split("\r\n").all(|line| !line.contains(['\r', '\n'])),
        "{body}"
    );
}

#[test]
fn long_lists_of_protocols_are_refused_in_one_pass() {
    // S3: a name, spaces, and a character that spoils the match.
    for value in [
        format!("b{}x", " ".repeat(64 * 1024)),
        format!("b{}", ",b ".repeat(20 * 1024)),
        " ,".repeat(32 * 1024),
    ] {
        let mut head = edited(RFC, &[]);
        head.fields.push((P.into(), value.into_bytes()));
        assert_eq!(
            Upgrade::read(&head, &Policy::default()).unwrap_err(),
            Refusal::BadProtocol
        );
    }
}

#[test]
fn spoilt_requests_have_one_answer() {
    const SPOILERS: &[u8] = b" ,;=\"\\\0\r\n\tAw0918/+\xff";
    // Bytes of the values changed, doubled or lost, in every draft: an acceptance or a refusal, both
    // of whole lines.
    let rich = edited(
        RFC,
        &[
            Add(P, "chat, superchat"),
            Add(E, "permessage-deflate; client_max_window_bits=\"12\", x; y"),
            Add("Origin", "http://server.test"),
        ],
    );
    let policy = Policy {
        deflate: Some(deflate::Config::default()),
        ..every_draft()
    };
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let (mut accepted, mut refused) = (0, 0);
    for good in [rich, edited(HIXIE76, &[]), edited(HIXIE75, &[])] {
        for _ in 0..20_000 {
            let mut head = good.clone();
            for _ in 0..=random(2) {
                let index = random(head.fields.len());
                let value = &mut head.fields[index].1;
                let at = random(value.len() + 1);
                let byte = SPOILERS[random(SPOILERS.len())];
                match random(3) {
                    0 => value.insert(at, byte),
                    1 if at < value.len() => value[at] = byte,
                    _ => value.truncate(at),
                }
            }
            check_lines(&head, &policy);
            match Upgrade::read(&head, &policy) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > 5000 && refused > 5000, "{accepted} {refused}");
}
