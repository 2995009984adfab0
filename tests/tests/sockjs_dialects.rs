//! What differs between the ages of the protocol: every row of the table, in every dialect.

use core::time::Duration;

use sockjs_proto::json::{self, Form};
use sockjs_proto::{
    Answer, Config, Dialect, Embedding, Frame, Literal, LoneSurrogates, Sending, Service,
    SessionCookie,
};
use tests::asks::{ABOUT, ask, field, open_config, response, service};
use tests::ids;
use websocket_proto::handshake::OriginPolicy;

/// A row: whether a service behaves as its dialect should; and what that is in each dialect, in
/// their order.
struct Row {
    name: &'static str,
    seen: fn(&Service) -> String,
    expected: [&'static str; 7],
}

const fn row(name: &'static str, seen: fn(&Service) -> String, expected: [&'static str; 7]) -> Row {
    Row {
        name,
        seen,
        expected,
    }
}

/// Up to and including a dialect one thing, then another.
macro_rules! until {
    (0.1: $old:expr, $new:expr) => {
        [$old, $old, $new, $new, $new, $new, $new]
    };
    (0.2.1: $old:expr, $new:expr) => {
        [$old, $old, $old, $old, $new, $new, $new]
    };
    (0.3.3: $old:expr, $new:expr) => {
        [$old, $old, $old, $old, $old, $old, $new]
    };
}

fn rows() -> Vec<Row> {
    const BROKEN: &str = "[\"x";
    vec![
        row(
            "1.18-probes",
            |s| both(status(s, "GET /echo/info"), timed(s)),
            ["200 timed"; 7],
        ),
        row("1.18-message-frame", |_| message_frame(), ["a[\"x\"]"; 7]),
        row(
            "1.18-websocket-input",
            |_| websocket_input(),
            ["array string"; 7],
        ),
        row(
            "1.18-cookie-on-sessions",
            |s| set_by(s, "POST /echo/0/s/xhr", "Set-Cookie"),
            until!(0.2.1: "JSESSIONID=dummy; path=/", "-"),
        ),
        row(
            "1.18-cookie-on-preflight",
            |s| set_by(s, "OPTIONS /echo/0/s/xhr_send", "Set-Cookie"),
            until!(0.2.1: "JSESSIONID=dummy; path=/", "-"),
        ),
        row(
            "1.18-cookie-on-info-preflight",
            |s| set_by(s, "OPTIONS /echo/info", "Set-Cookie"),
            until!(0.2.1: "JSESSIONID=dummy; path=/", "-"),
        ),
        row(
            "1.18-cookie-on-probe-preflight",
            |s| set_by(s, "OPTIONS /echo/chunking_test", "Set-Cookie"),
            until!(0.2.1: "JSESSIONID=dummy; path=/", "-"),
        ),
        row("1.18-cookie-never", never_cookies, ["-"; 7]),
        row(
            "1.18-cookie-option",
            cookie_option,
            ["JSESSIONID=dummy; path=/"; 7],
        ),
        row(
            "1.18-unknown-session",
            |s| {
                let refused = xhr_send(s).unknown_session();
                let cookie = field(&refused, "Set-Cookie").is_some();
                format!("{} {} {cookie}", refused.head.status(), refused.body.len())
            },
            [
                "404 0 false",
                "404 0 true",
                "404 0 true",
                "404 0 true",
                "404 0 false",
                "404 0 false",
                "404 0 false",
            ],
        ),
        row(
            "1.18-cookie-needed",
            |s| {
                let info = response(s, &ask("GET /echo/info", &[])).body;
                let json = String::from_utf8(info.to_vec()).unwrap();
                json.contains("\"cookie_needed\":true").to_string()
            },
            until!(0.2.1: "true", "false"),
        ),
        row(
            "1.18-preflight-allow",
            |s| set_by(s, "OPTIONS /echo/0/s/xhr", "Allow"),
            until!(0.1: "OPTIONS, POST", "-"),
        ),
        row(
            "1.18-preflight-methods",
            |s| {
                let methods = "Access-Control-Allow-Methods";
                let of_info = set_by(s, "OPTIONS /echo/info", methods);
                both(set_by(s, "OPTIONS /echo/0/s/xhr", methods), of_info)
            },
            ["OPTIONS, POST OPTIONS, GET"; 7],
        ),
        row(
            "1.18-preflight-status",
            |s| status(s, "OPTIONS /echo/0/s/xhr"),
            ["204"; 7],
        ),
        row(
            "1.18-null-origin",
            |s| origin(s, &["Origin: null"]),
            ["null", "null", "null", "null", "*", "*", "null"],
        ),
        row(
            "1.18-credentials",
            |s| {
                let origins: [&[&str]; 3] = [&[], &["Origin: null"], &["Origin: http://x"]];
                origins.map(|fields| credentials(s, fields)).join(" ")
            },
            [
                "true true true",
                "true true true",
                "true true true",
                "true true true",
                "true true true",
                "- - true",
                "- true true",
            ],
        ),
        row(
            "1.18-allow-headers",
            |s| both(allow_headers(s, "POST"), allow_headers(s, "OPTIONS")),
            until!(0.2.1: "- -", "a, b a, b"),
        ),
        row(
            "1.18-no-cache",
            |s| set_by(s, "GET /echo/info", "Cache-Control"),
            until!(0.3.3:
                "no-store, no-cache, must-revalidate, max-age=0",
                "no-store, no-cache, no-transform, must-revalidate, max-age=0"
            ),
        ),
        row("1.18-no-cache-no-etag", no_validators, ["-"; 7]),
        row(
            "1.18-no-cache-on-post",
            |s| {
                let of_poll = set_by(s, "POST /echo/0/s/xhr", "Cache-Control");
                let of_send = field(&xhr_send(s).accepted(), "Cache-Control");
                (of_send.as_deref() == Some(s.config().dialect.no_cache())
                    && Some(of_poll) == of_send)
                    .to_string()
            },
            ["true"; 7],
        ),
        row(
            "1.18-content-types",
            |s| set_by(s, "POST /echo/0/s/xhr", "Content-Type"),
            ["application/javascript; charset=UTF-8"; 7],
        ),
        row(
            "1.18-xhr-send-type",
            |s| field(&xhr_send(s).accepted(), "Content-Type").unwrap(),
            until!(0.1: "text/plain", "text/plain; charset=UTF-8"),
        ),
        row(
            "1.18-jsonp-send-type",
            |s| {
                let accepted = send(s, "jsonp_send", &[]).accepted();
                assert_eq!(
                    (accepted.head.status(), &accepted.body[..]),
                    (200, &b"ok"[..])
                );
                field(&accepted, "Content-Type").unwrap_or("-".into())
            },
            until!(0.1: "-", "text/plain; charset=UTF-8"),
        ),
        row("1.18-accepted-types", accepted_types, ["all"; 7]),
        row(
            "1.18-error-bodies",
            |s| both(refusal(s, BROKEN), refusal(s, "")),
            ["500 Broken JSON encoding. 500 Payload expected."; 7],
        ),
        row(
            "1.18-invalid-callback",
            |s| {
                let answer = response(s, &ask("GET /echo/0/s/jsonp?c=a(", &[]));
                both(answer.head.status().to_string(), text(&answer.body))
            },
            ["500 invalid \"callback\" parameter"; 7],
        ),
        row(
            "1.18-405",
            |s| {
                let answer = response(s, &ask("GET /echo/0/s/xhr", &["Cookie: JSESSIONID=a"]));
                let fields: Vec<_> = answer.head.headers().iter().map(|(name, _)| name).collect();
                format!(
                    "{} {} {}",
                    answer.head.status(),
                    fields.join(","),
                    answer.body.len()
                )
            },
            ["405 Allow 0"; 7],
        ),
        row(
            "1.18-disabled-websocket",
            disabled_websocket,
            ["404 404 false"; 7],
        ),
        row(
            "1.18-websocket-bad-upgrade",
            |s| websocket(s, &["Origin: http://x"]),
            until!(0.3.3:
                "400 Can \"Upgrade\" only to \"WebSocket\".",
                "400 Not a valid websocket request"
            ),
        ),
        row(
            "1.18-websocket-bad-connection",
            |s| websocket(s, &["Upgrade: WebSocket", "Connection: close"]),
            until!(0.3.3:
                "400 \"Connection\" must be \"Upgrade\".",
                "400 Not a valid websocket request"
            ),
        ),
        row(
            "1.18-websocket-bad-origin",
            |s| {
                let config = Config {
                    origins: OriginPolicy::SameOrigin,
                    ..s.config().clone()
                };
                let fields = &["Host: h", "Upgrade: WebSocket", "Origin: VeryWrongOrigin"];
                websocket(&service(config), fields)
            },
            until!(0.2.1: "400 Unverified origin.", "403 "),
        ),
        row(
            "1.18-drafts",
            |s| format!("{:?}", s.config().drafts),
            ["{Rfc6455}"; 7],
        ),
        row(
            "1.18-hixie76-close",
            |s| s.config().dialect.hixie76_closing_frame().to_string(),
            ["true", "true", "false", "true", "true", "true", "true"],
        ),
        row(
            "1.18-hixie76-digest",
            |s| {
                s.config()
                    .dialect
                    .hixie76_first_frame_delay()
                    .as_millis()
                    .to_string()
            },
            ["0", "0", "0", "25", "0", "0", "0"],
        ),
        row(
            "1.18-response-limit",
            |s| s.config().response_limit.to_string(),
            ["131072"; 7],
        ),
        row(
            "1.18-raw-websocket",
            |s| status(s, "GET /echo/websocket"),
            ["400"; 7],
        ),
        row(
            "1.18-unicode-escapes",
            |_| text(Literal::from("\u{200c}").as_json()),
            ["\"\\u200c\""; 7],
        ),
        row(
            "1.18-iframe-order",
            iframe_order,
            until!(0.3.3: "start load", "load start"),
        ),
        row(
            "1.18-jsonp-body",
            |s| {
                let Answer::Receive(receive) =
                    s.answer(&ask("GET /echo/0/s/jsonp?c=cb", &[]), &ABOUT)
                else {
                    panic!("jsonp receives");
                };
                let mut out = Vec::new();
                receive.wrapping.write(&Frame::Open, &mut out);
                text(&out)
            },
            until!(0.3.3: "cb(\"o\");\r\n", "/**/cb(\"o\");\r\n"),
        ),
        row(
            "1.18-jsonp-nosniff",
            |s| set_by(s, "GET /echo/0/s/jsonp?c=cb", "X-Content-Type-Options"),
            ["nosniff"; 7],
        ),
        row(
            "1.18-event-stream-type",
            |s| set_by(s, "GET /echo/0/s/eventsource", "Content-Type"),
            until!(0.3.3: "text/event-stream; charset=UTF-8", "text/event-stream"),
        ),
        row(
            "1.18-no-items",
            |s| {
                xhr_send(s)
                    .messages(&"[]".into())
                    .unwrap()
                    .len()
                    .to_string()
            },
            ["0"; 7],
        ),
    ]
}

#[test]
fn every_row_in_every_dialect() {
    let rows = rows();
    let ids: Vec<String> = rows
        .iter()
        .flat_map(|row| Dialect::ALL.map(|dialect| format!("{}/{dialect}", row.name)))
        .collect();
    ids::check("sockjs-1.18", ids.iter().map(String::as_str));
    for Row {
        name,
        seen,
        expected,
    } in rows
    {
        for (dialect, expected) in Dialect::ALL.into_iter().zip(expected) {
            let service = service(Config {
                dialect,
                ..open_config()
            });
            assert_eq!(seen(&service), expected, "{name}/{dialect}");
        }
    }
}

#[test]
fn names() {
    for dialect in Dialect::ALL {
        assert_eq!(Dialect::from_name(dialect.name()), Some(dialect));
    }
    assert_eq!(Dialect::from_name("dev"), None);
    assert_eq!(
        Dialect::V0_2_1.hixie76_first_frame_delay(),
        Duration::from_millis(25)
    );
}

fn both(a: String, b: String) -> String {
    format!("{a} {b}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn status(service: &Service, line: &str) -> String {
    response(service, &ask(line, &[])).head.status().to_string()
}

fn set_by(service: &Service, line: &str, name: &str) -> String {
    field(&response(service, &ask(line, &[])), name).unwrap_or("-".into())
}

fn timed(service: &Service) -> String {
    match service.answer(&ask("POST /echo/chunking_test", &[]), &ABOUT) {
        Answer::Timed(_) => "timed".into(),
        answer => format!("{answer:?}"),
    }
}

fn message_frame() -> String {
    let mut out = Vec::new();
    Frame::Messages(&[Literal::from("x")]).write(Embedding::Plain, &mut out);
    text(&out)
}

fn websocket_input() -> String {
    let read = |frame: &'static str| {
        json::messages(&frame.into(), Form::ArrayOrString, LoneSurrogates::Wtf8)
    };
    assert_eq!(read("[\"a\"]").unwrap(), ["a"]);
    assert_eq!(read("\"a\"").unwrap(), ["a"]);
    "array string".into()
}

fn never_cookies(service: &Service) -> String {
    let lines = [
        "GET /echo",
        "GET /echo/info",
        "GET /echo/iframe.html",
        "POST /echo/chunking_test",
        "GET /echo/x",
        "PUT /echo/0/s/xhr",
    ];
    let cookie = lines.map(|line| set_by(service, line, "Set-Cookie"));
    cookie
        .into_iter()
        .find(|cookie| cookie != "-")
        .unwrap_or("-".into())
}

fn cookie_option(of: &Service) -> String {
    let config = Config {
        jsessionid: SessionCookie::On,
        ..of.config().clone()
    };
    set_by(&service(config), "POST /echo/0/s/xhr", "Set-Cookie")
}

fn no_validators(service: &Service) -> String {
    let response = response(service, &ask("GET /echo/info", &[]));
    let found = ["ETag", "Expires", "Last-Modified"].map(|name| field(&response, name));
    found.into_iter().flatten().next().unwrap_or("-".into())
}

fn origin(service: &Service, fields: &[&str]) -> String {
    let response = response(service, &ask("POST /echo/0/s/xhr", fields));
    field(&response, "Access-Control-Allow-Origin").unwrap()
}

fn credentials(service: &Service, fields: &[&str]) -> String {
    let response = response(service, &ask("OPTIONS /echo/0/s/xhr", fields));
    field(&response, "Access-Control-Allow-Credentials").unwrap_or("-".into())
}

fn allow_headers(service: &Service, method: &str) -> String {
    let fields = &["Origin: test", "Access-Control-Request-Headers: a, b"];
    let response = response(service, &ask(&format!("{method} /echo/0/s/xhr"), fields));
    field(&response, "Access-Control-Allow-Headers").unwrap_or("-".into())
}

fn send(service: &Service, end: &str, fields: &[&str]) -> Sending {
    match service.answer(&ask(&format!("POST /echo/0/s/{end}"), fields), &ABOUT) {
        Answer::Send(sending) => sending,
        answer => panic!("{answer:?}"),
    }
}

fn xhr_send(service: &Service) -> Sending {
    send(service, "xhr_send", &[])
}

fn accepted_types(service: &Service) -> String {
    for content_type in [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml; charset=utf-8",
        "text/xml",
    ] {
        let sending = send(
            service,
            "xhr_send",
            &[&format!("Content-Type: {content_type}")],
        );
        if sending.messages(&"[\"a\"]".into()).is_err() {
            return content_type.into();
        }
    }
    "all".into()
}

fn refusal(service: &Service, body: &'static str) -> String {
    let refused = xhr_send(service).messages(&body.into()).unwrap_err();
    both(refused.head.status().to_string(), text(&refused.body))
}

fn websocket(service: &Service, fields: &[&str]) -> String {
    let refused = response(service, &ask("GET /echo/0/0/websocket", fields));
    both(refused.head.status().to_string(), text(&refused.body))
}

fn disabled_websocket(of: &Service) -> String {
    let off = service(Config {
        websocket: false,
        ..of.config().clone()
    });
    let answer = response(&off, &ask("GET /echo/0/0/websocket", &[]));
    assert!(answer.body.len() <= 1024);
    let info = response(&off, &ask("GET /echo/info", &[]));
    let told = text(&info.body).contains("\"websocket\":true");
    format!(
        "{} {} {told}",
        answer.head.status(),
        status(&off, "GET /echo/websocket")
    )
}

fn iframe_order(service: &Service) -> String {
    let page = text(&response(service, &ask("GET /echo/iframe.html", &[])).body);
    let load = page.find("<script src=").unwrap();
    let old = page.find("_sockjs_onload = function(){SockJS.bootstrap_iframe();};");
    let start = page.find("document.domain").unwrap();
    assert_eq!(old.is_some(), start < load);
    assert_eq!(service.config().dialect.iframe_loads_first(), load < start);
    if load < start {
        "load start".into()
    } else {
        "start load".into()
    }
}
