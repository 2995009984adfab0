//! Any request to be a WebSocket: accepted only when it holds to RFC 6455 §4.2.1 or the draft that it
//! names, and answered by one legal head either way.

use websocket_proto::handshake::{Accept, OriginPolicy, Policy, Upgrade};
use websocket_proto::http1::{HeadParser, Limits, RequestHead, client};
use websocket_proto::{Draft, Drafts, Instant, Machine, deflate};

use crate::planted;

const NOW: Instant = Instant::ZERO;

/// `data` is the head of the request.
pub fn check(data: &[u8]) {
    let Some(mut request) = parse(data) else {
        return;
    };
    let policy = Policy {
        drafts: Drafts::ALL,
        origins: OriginPolicy::Any,
        deflate: Some(deflate::Config::default()),
        ..Policy::default()
    };
    let asked = request.clone();
    if planted("upgrade-version-9") {
        let text = String::from_utf8_lossy(data).replace("Version: 9\r", "Version: 8\r");
        request = parse(text.as_bytes()).unwrap_or(request);
    }
    if planted("upgrade-without-connection") {
        let text = String::from_utf8_lossy(data).replace("keep-alive\r", "Upgrade\r");
        request = parse(text.as_bytes()).unwrap_or(request);
    }
    let mut answer = Vec::new();
    match Upgrade::read(&request, &policy) {
        Ok(upgrade) => {
            let protocol = upgrade.protocols().next();
            let accept = Accept {
                protocol,
                headers: &[],
            };
            let accepted = upgrade.accept(accept).expect("what was asked for");
            may_be_accepted(&asked, accepted.agreed().draft);
            accepted.write(&mut answer);
            let event = read_answer(&answer);
            assert!(matches!(event, client::Event::Switched(_)), "{event:?}");
        }
        Err(refusal) => {
            refusal.write(policy.drafts, &mut answer);
            let client::Event::Response { head, .. } = read_answer(&answer) else {
                panic!("{}", answer.escape_ascii());
            };
            assert_eq!(head.status(), refusal.status());
            assert!(
                (400..600).contains(&head.status())
                    && head.headers().has_token("connection", "close")
            );
        }
    }
}

fn parse(data: &[u8]) -> Option<RequestHead> {
    HeadParser::new().parse(data, &Limits::default()).ok()?.1
}

fn may_be_accepted(request: &RequestHead, draft: Draft) {
    let fields = request.headers();
    assert_eq!(request.method(), "GET");
    assert!(fields.has_token("upgrade", "websocket") && fields.has_token("connection", "upgrade"));
    let values = |name| fields.get_all(name).collect::<Vec<_>>();
    let version = match draft {
        Draft::Hixie75 | Draft::Hixie76 => {
            assert!(!fields.contains("sec-websocket-version"));
            assert_eq!(
                fields.contains("sec-websocket-key1"),
                draft == Draft::Hixie76
            );
            return;
        }
        Draft::Hybi07 => &b"7"[..],
        Draft::Hybi08 => b"8",
        Draft::Rfc6455 => b"13",
    };
    assert_eq!(values("sec-websocket-version"), [version]);
    let keys = values("sec-websocket-key");
    let [key] = keys[..] else {
        panic!("{keys:?}");
    };
    // RFC 6455 §4.2.1: 16 bytes in base64.
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    assert!(key.len() == 24 && key[..22].iter().all(base64) && key.ends_with(b"=="));
}

fn read_answer(answer: &[u8]) -> client::Event {
    let request = client::Request::new("GET", "/")
        .and_then(|request| request.header("Host", "h"))
        .and_then(|request| request.header("Connection", "Upgrade"))
        .and_then(|request| request.header("Upgrade", "websocket"));
    let config = client::Config::default();
    let mut exchange = client::Exchange::new(&request.expect("legal"), config, NOW).expect("host");
    assert_eq!(exchange.receive(NOW, &mut answer.to_vec()), answer.len());
    let event = exchange.poll_event().expect("a whole head");
    assert!(exchange.is_finished(), "without a body");
    event
}
