//! By which names a server may be asked: S18, for WebSocket handshakes and on every route of SockJS.

use sockjs_proto::{Answer, Config};
use tests::asks::{ABOUT, ask, open_config, service};
use tests::ids;
use websocket_proto::handshake::{
    HostPattern, HostPolicy, OriginPolicy, PatternError, Policy, Refusal, Upgrade,
};

const UPGRADE: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

/// Of a SockJS service at `/echo`; the last two are answered 404 and 405 under the right name.
const LINES: [&str; 13] = [
    "GET /echo",
    "GET /echo/iframe.html",
    "GET /echo/info",
    "OPTIONS /echo/info",
    "POST /echo/chunking_test",
    "POST /echo/0/s/xhr",
    "OPTIONS /echo/0/s/xhr",
    "POST /echo/0/s/xhr_send",
    "GET /echo/0/s/eventsource",
    "GET /echo/0/s/websocket",
    "GET /echo/websocket",
    "GET /echo/nowhere",
    "PUT /echo/info",
];

#[test]
fn names() {
    // Patterns; what stands before the path in the target; `Host`; whether that passes.
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static str,
        Option<&'static str>,
        bool,
    );
    const NAME: &[&str] = &["a.test"];
    const PORT: &[&str] = &["a.test:8081"];
    const DEFAULT: &[&str] = &["a.test:80"];
    const TLS: &[&str] = &["a.test:443"];
    const IPV6: &[&str] = &["[::1]"];
    const BELOW: &[&str] = &["*.a.test"];
    const MANY: &[&str] = &["localhost", "[::1]:8081", "a.test"];
    let some = Some;
    let rows: &[Row] = &[
        ("S18-any", &[], "", some("evil.test"), true),
        (
            "S18-any-star",
            &["*", "a.test"],
            "",
            some("evil.test"),
            true,
        ),
        ("S18-any-missing", &[], "", None, true),
        ("S18-exact", NAME, "", some("a.test"), true),
        ("S18-any-port", NAME, "", some("a.test:8081"), true),
        ("S18-upper-case", NAME, "", some("A.Test:8081"), true),
        ("S18-other", NAME, "", some("evil.test"), false),
        (
            "S18-other-with-port",
            NAME,
            "",
            some("evil.test:8081"),
            false,
        ),
        ("S18-prefix", NAME, "", some("a.test.evil"), false),
        ("S18-suffix", NAME, "", some("evila.test"), false),
        ("S18-label", NAME, "", some("b.a.test"), false),
        ("S18-root-dot", NAME, "", some("a.test."), false),
        ("S18-missing", NAME, "", None, false),
        ("S18-empty", NAME, "", some(""), false),
        ("S18-malformed", NAME, "", some("a.test, evil.test"), false),
        ("S18-port", PORT, "", some("a.test:8081"), true),
        ("S18-port-missing", PORT, "", some("a.test"), false),
        ("S18-port-other", PORT, "", some("a.test:8080"), false),
        ("S18-port-of-http", DEFAULT, "", some("a.test"), true),
        ("S18-port-of-http", DEFAULT, "", some("a.test:80"), true),
        ("S18-port-of-http", DEFAULT, "", some("a.test:443"), false),
        ("S18-port-of-https", TLS, "", some("a.test"), true),
        ("S18-ipv6", IPV6, "", some("[::1]"), true),
        ("S18-ipv6", IPV6, "", some("[::1]:8081"), true),
        ("S18-ipv6-other", IPV6, "", some("[::2]:8081"), false),
        ("S18-ipv6-unbracketed", IPV6, "", some("::1"), false),
        ("S18-star", BELOW, "", some("b.a.test"), true),
        ("S18-star", BELOW, "", some("c.b.a.test:1"), true),
        ("S18-star-no-label", BELOW, "", some("a.test"), false),
        ("S18-star-empty-label", BELOW, "", some(".a.test"), false),
        ("S18-star-evil", BELOW, "", some("b.a.test.evil"), false),
        ("S18-list", MANY, "", some("localhost:1"), true),
        ("S18-list", MANY, "", some("[::1]:8081"), true),
        ("S18-list-unlisted", MANY, "", some("[::1]:8082"), false),
        (
            "S18-absolute",
            NAME,
            "http://a.test",
            some("evil.test"),
            true,
        ),
        (
            "S18-absolute-other",
            NAME,
            "http://evil.test",
            some("a.test"),
            false,
        ),
        (
            "S18-absolute-user",
            NAME,
            "http://a.test@evil.test",
            some("a.test"),
            false,
        ),
    ];
    ids::check("8-S18", rows.iter().map(|row| row.0));
    for &(id, patterns, authority, host, passes) in rows {
        let hosts = HostPolicy::parse(patterns.iter().copied()).expect(id);
        if authority.is_empty() {
            assert_eq!(hosts.check(host), passes, "{id} {host:?}");
        }
        let host_field = host.map(|host| format!("Host: {host}"));
        let field = host_field.as_deref();
        handshake(id, &hosts, &format!("GET {authority}/ws"), field, passes);

        let service = service(Config {
            hosts,
            ..open_config()
        });
        for line in LINES {
            let fields: Vec<&str> = match line.ends_with("websocket") {
                true => field.into_iter().chain(UPGRADE).collect(),
                false => field.into_iter().collect(),
            };
            let asked = line.replacen(' ', &format!(" {authority}"), 1);
            match service.answer(&ask(&asked, &fields), &ABOUT) {
                Answer::Response(answer) if !passes => {
                    assert_eq!(
                        (answer.head.status(), &*answer.body),
                        (403, &b""[..]),
                        "{id} {line}"
                    );
                    let told = answer.head.headers().iter();
                    assert!(
                        !told
                            .map(|(name, _)| name)
                            .any(|name| name.starts_with("Access-")),
                        "{id} {line}"
                    );
                }
                Answer::Response(answer) => assert_ne!(answer.head.status(), 403, "{id} {line}"),
                Answer::Receive(_) | Answer::Send(_) | Answer::Websocket(_) | Answer::Timed(_) => {
                    assert!(passes, "{id} {line}");
                }
            }
        }
    }
}

/// A page of the name that is asked for, to which no origin policy objects.
fn handshake(id: &str, hosts: &HostPolicy, line: &str, host: Option<&str>, passes: bool) {
    let policy = Policy {
        origins: OriginPolicy::Any,
        hosts: hosts.clone(),
        ..Policy::default()
    };
    let fields: Vec<&str> = host.into_iter().chain(UPGRADE).collect();
    let read = Upgrade::read(&ask(line, &fields), &policy);
    // Without a host, or with one that is none, a handshake is wrong whatever the policy.
    let malformed = matches!(id, "S18-any-missing" | "S18-missing" | "S18-empty")
        || matches!(id, "S18-malformed" | "S18-ipv6-unbracketed");
    let expected = match (malformed, passes) {
        (true, _) => Err(Refusal::BadHost),
        (false, false) if id == "S18-absolute-user" => Err(Refusal::BadTarget),
        (false, false) => Err(Refusal::HostRefused),
        (false, true) => Ok(()),
    };
    assert_eq!(read.map(drop), expected, "{id} {host:?}");

    // Nothing about the request is told to whoever asks by another name.
    let plain: Vec<&str> = host.into_iter().collect();
    let read = Upgrade::read(&ask(line, &plain), &policy).map(drop);
    let expected = expected.and(Err(Refusal::NotUpgrade));
    let expected = match expected {
        Err(Refusal::BadTarget) => Err(Refusal::NotUpgrade),
        expected => expected,
    };
    assert_eq!(read, expected, "{id} {host:?}");
}

#[test]
fn patterns() {
    use PatternError::{Host, UpperCase, Wildcard};
    for (pattern, expected) in [
        ("a.test", Ok(())),
        ("a.test:8081", Ok(())),
        ("127.0.0.1", Ok(())),
        ("[::1]:8081", Ok(())),
        ("*.a.test:1", Ok(())),
        ("A.test", Err(UpperCase)),
        ("http://a.test", Err(Host)),
        ("a.test/", Err(Host)),
        ("a.test:x", Err(Host)),
        ("::1", Err(Host)),
        ("", Err(Host)),
        ("*a.test", Err(Wildcard)),
        ("a.*.test", Err(Wildcard)),
        ("*.", Err(Host)),
    ] {
        assert_eq!(
            HostPolicy::parse([pattern]).map(drop),
            expected,
            "{pattern:?}"
        );
        if expected.is_ok() {
            let read = pattern.parse::<HostPattern>().expect(pattern);
            assert_eq!(read.to_string(), pattern);
        }
    }
    assert_eq!(
        HostPolicy::parse(["*", "x y"]),
        Err(Host),
        "a bad pattern is never hidden"
    );
    assert_eq!(HostPolicy::parse([]), Ok(HostPolicy::default()));
}
