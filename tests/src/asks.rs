//! Requests to a SockJS service, and its answers as text.

use sockjs_proto::{About, Answer, Config, Response, Service};
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::{Instant, WallClock};

use crate::heads::Head;

/// A request of HTTP/1.1: `line` is method and target, each field `Name: value`.
///
/// # Panics
///
/// When a field has no colon.
pub fn ask(line: &str, fields: &[&str]) -> Head {
    let field = |field: &&str| {
        let (name, value) = field.split_once(':').expect("a field");
        (name.to_owned(), value.trim().as_bytes().to_vec())
    };
    Head {
        line: format!("{line} HTTP/1.1"),
        fields: fields.iter().map(field).collect(),
    }
}

/// The options of a test's echo service: everything on, for pages of all origins.
pub fn open_config() -> Config {
    Config {
        prefix: "/echo".into(),
        origins: OriginPolicy::Any,
        ..Config::default()
    }
}

/// A service of these options.
///
/// # Panics
///
/// When they cannot be.
pub fn service(config: Config) -> Service {
    Service::new(config).expect("good options")
}

/// A year before 2025-11-06, and the entropy of the specification's example.
pub const ABOUT: About = About {
    now: Instant::ZERO,
    clock: WallClock::new(1_730_851_200),
    entropy: 2_438_970_947,
    secure: false,
};

/// Status, fields and body of a whole response: `204`, lines of `Name: value` in the order of their
/// names, and, when there is one, an empty line and the body.
pub fn show(response: &Response) -> String {
    let fields = response.head.headers().iter();
    let mut fields: Vec<String> = fields
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)))
        .collect();
    fields.sort();
    let mut text = format!("{}\n{}", response.head.status(), fields.concat());
    if !response.body.is_empty() {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&response.body));
    }
    text
}

/// What a service answers, when it is a whole response or the head of a longer one.
///
/// # Panics
///
/// For a WebSocket and for a body that is yet to be read.
pub fn response(service: &Service, request: &Head) -> Response {
    let body = bytes::Bytes::new();
    match service.answer(request, &ABOUT) {
        Answer::Response(response) => response,
        Answer::Receive(receive) => Response {
            head: receive.head(),
            body,
        },
        Answer::Timed(timed) => Response {
            head: timed.head,
            body,
        },
        answer @ (Answer::Send(_) | Answer::Websocket(_)) => panic!("{answer:?}"),
    }
}

/// The value of a response's only field of that name.
///
/// # Panics
///
/// When there are two.
pub fn field(response: &Response, name: &str) -> Option<String> {
    let mut values = response
        .head
        .headers()
        .get_all(name)
        .map(String::from_utf8_lossy);
    let value = values.next().map(std::borrow::Cow::into_owned);
    assert!(values.next().is_none(), "{name} twice");
    value
}
