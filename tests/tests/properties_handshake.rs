//! Whatever a request says, it is accepted or refused, and the answer is one legal response.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tests::heads::Head;
use websocket_proto::handshake::{
    Accept, Challenge, OriginPolicy, Policy, Refusal, Upgrade, accept_key,
};
use websocket_proto::http1::{self, HeadParser, Limits};
use websocket_proto::{Draft, Drafts, Instant, Machine, deflate};

const NOW: Instant = Instant::ZERO;
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// At least so many cases; more with `PROPTEST_CASES`.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        cases: default.cases.max(cases),
        ..default
    }
}

/// Requests that are right.
fn bases() -> Vec<Vec<&'static str>> {
    let hybi = |version, origin| {
        vec![
            "Host: server.test",
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            version,
            origin,
            "Sec-WebSocket-Protocol: chat, v2",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        ]
    };
    vec![
        hybi("Sec-WebSocket-Version: 13", "Origin: http://server.test"),
        hybi("Sec-WebSocket-Version: 13", "Origin: http://server.test"),
        hybi(
            "Sec-WebSocket-Version: 8",
            "Sec-WebSocket-Origin: http://server.test",
        ),
        hybi(
            "Sec-WebSocket-Version: 7",
            "Sec-WebSocket-Origin: http://server.test",
        ),
        vec![
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            "Host: server.test",
            "Origin: http://server.test",
            "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
            "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
            "Sec-WebSocket-Protocol: sample one",
        ],
        vec![
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            "Host: server.test",
            "Origin: http://server.test",
            "WebSocket-Protocol: sample",
        ],
    ]
}

/// A change to a request: which line, and what with it.
#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Double(usize),
    Value(usize, String),
    Add(&'static str, String),
}

fn value() -> impl Strategy<Value = String> {
    let words = select(vec![
        "websocket",
        "WebSocket",
        "upgrade",
        "Upgrade",
        "close",
        "13",
        "8",
        "7",
        "14",
        "0",
        "013",
        "256",
        KEY,
        "AQIDBAUGBwgJCgsMDQ4PEC==",
        "http://server.test",
        "https://evil.test",
        "null",
        "server.test",
        "server.test:80",
        "chat",
        "permessage-deflate",
        "; server_max_window_bits=8",
        "; server_max_window_bits=\"10\"",
        "; client_max_window_bits=15",
        "; x=\"",
        "cross-site",
        ",",
        " ",
        ";",
        "=",
        "\\",
        "\"",
        "@",
        "#",
        "1 2 3",
        "99999 999999",
        "\u{e9}",
        "",
    ]);
    vec(words, 0..4).prop_map(|words| words.concat())
}

fn change() -> impl Strategy<Value = Change> {
    let names = select(vec![
        "Host",
        "Origin",
        "Sec-WebSocket-Origin",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Key1",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Draft",
        "Sec-Fetch-Site",
        "Content-Length",
        "Transfer-Encoding",
        "Cookie",
    ]);
    prop_oneof![
        1 => (0..8usize).prop_map(Change::Drop),
        1 => (0..8usize).prop_map(Change::Double),
        3 => (0..8usize, value()).prop_map(|(line, value)| Change::Value(line, value)),
        3 => (names, value()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let methods = select(vec!["GET", "GET", "GET", "GET", "GET", "POST"]);
    let targets = select(vec![
        "/",
        "/a?b",
        "http://server.test/a",
        "ws://other.test",
        "*",
        "/a#b",
    ]);
    let versions = select(vec![
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0",
    ]);
    (
        methods,
        targets,
        versions,
        select(bases()),
        vec(change(), 0..4),
    )
        .prop_map(|(method, target, version, base, changes)| {
            let mut lines: Vec<String> = base.into_iter().map(str::to_owned).collect();
            for change in changes {
                match change {
                    Change::Drop(at) if at < lines.len() => drop(lines.remove(at)),
                    Change::Double(at) if at < lines.len() => lines.push(lines[at].clone()),
                    Change::Value(at, value) if at < lines.len() => {
                        let name = lines[at].split(':').next().unwrap_or_default();
                        lines[at] = format!("{name}: {value}");
                    }
                    Change::Add(name, value) => lines.push(format!("{name}: {value}")),
                    Change::Drop(_) | Change::Double(_) | Change::Value(..) => {}
                }
            }
            format!(
                "{method} {target} {version}\r\n{}\r\n\r\n",
                lines.join("\r\n")
            )
            .into_bytes()
        })
}

/// What a client takes an answer for.
fn read_answer(answer: &[u8]) -> http1::client::Event {
    let request = http1::client::Request::new("GET", "/")
        .and_then(|request| request.header("Host", "h"))
        .and_then(|request| request.header("Connection", "Upgrade"))
        .and_then(|request| request.header("Upgrade", "websocket"))
        .expect("a request");
    let config = http1::client::Config::default();
    let mut exchange = http1::client::Exchange::new(&request, config, NOW).expect("a host");
    assert_eq!(
        exchange.receive(NOW, &mut answer.to_vec()),
        answer.len(),
        "one answer"
    );
    let event = exchange.poll_event().expect("a whole head");
    assert!(exchange.is_finished(), "without a body");
    event
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn a_request_is_accepted_or_refused_with_one_legal_answer(
        request in request(),
        all in any::<bool>(),
        any_origin in any::<bool>(),
        deflate in any::<bool>(),
    ) {
        let policy = Policy {
            drafts: if all { Drafts::ALL } else { Drafts::default() },
            origins: if any_origin { OriginPolicy::Any } else { OriginPolicy::default() },
            deflate: deflate.then(deflate::Config::default),
            ..Policy::default()
        };
        let foreign = Head::parse(&request);
        let read = Upgrade::read(&foreign, &policy);
        let mapped = Upgrade::read(&foreign.as_map(), &policy);
        prop_assert_eq!(format!("{:?}", mapped), format!("{:?}", read), "the order of names says nothing");
        let parsed = HeadParser::new().parse(&request, &Limits::default());
        if let Ok((taken, head)) = parsed {
            prop_assert_eq!(taken, request.len());
            let own = Upgrade::read(&head.expect("complete"), &policy);
            prop_assert_eq!(format!("{:?}", own), format!("{:?}", read), "all stacks say the same");
        }
        let mut answer = Vec::new();
        let refusal = match &read {
            Ok(upgrade) => {
                let protocol = upgrade.protocols().next();
                let accept = Accept { protocol, headers: &[("Set-Cookie", "a=b")] };
                let accepted = upgrade.accept(accept).expect("what was asked for");
                let agreed = accepted.agreed();
                accepted.write(&mut answer);
                let http1::client::Event::Switched(head) = read_answer(&answer) else {
                    panic!("{}", answer.escape_ascii());
                };
                let fields = head.headers();
                prop_assert!(policy.drafts.contains(agreed.draft));
                prop_assert_eq!(fields.get_all("set-cookie").count(), 1);
                prop_assert!(!fields.contains("content-length"));
                prop_assert_eq!(agreed.protocol.as_deref(), protocol);
                prop_assert!(agreed.deflate.is_none() || deflate && agreed.draft.is_hybi());
                prop_assert_eq!(fields.contains("sec-websocket-extensions"), agreed.deflate.is_some());
                match agreed.draft {
                    Draft::Hixie75 => prop_assert!(fields.contains("websocket-location")),
                    Draft::Hixie76 => {
                        prop_assert!(fields.contains("sec-websocket-location"));
                        let nonce = matches!(agreed.challenge, Challenge::ServerAwaitsNonce { .. });
                        prop_assert!(nonce);
                    }
                    Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
                        let proofs: Vec<_> = fields.get_all("sec-websocket-accept").collect();
                        let sent = Head::parse(&request);
                        let key = sent.field("Sec-WebSocket-Key").expect("a key");
                        prop_assert_eq!(proofs, [&accept_key(key.trim().as_bytes())[..]]);
                    }
                }
                return Ok(());
            }
            Err(refusal) => *refusal,
        };
        refusal.write(policy.drafts, &mut answer);
        let http1::client::Event::Response { head, .. } = read_answer(&answer) else {
            panic!("{}", answer.escape_ascii());
        };
        prop_assert!((400..600).contains(&head.status()));
        prop_assert_eq!(head.status(), refusal.status());
        prop_assert!(head.headers().has_token("connection", "close"), "S16");
        prop_assert_eq!(head.headers().get("content-length"), Some(&b"0"[..]));
        let advertises = head.headers().contains("sec-websocket-version");
        prop_assert_eq!(head.status() == 426, head.headers().has_token("upgrade", "websocket"));
        prop_assert!(advertises || refusal != Refusal::VersionUnsupported);
        // The same through our own stack.
        let own = refusal.response(policy.drafts);
        prop_assert!(own.closes());
        prop_assert_eq!(own.status(), head.status());
    }
}
