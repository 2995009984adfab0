//! Which origins pass: S17, and the patterns.

use tests::ids;
use websocket_proto::handshake::{OriginPolicy, PatternError};

#[test]
fn origins() {
    let same = OriginPolicy::SameOrigin;
    let list = OriginPolicy::parse(["https://example.com", "http://localhost:3000"]).unwrap();
    let null = OriginPolicy::parse(["null"]).unwrap();
    let star = OriginPolicy::parse(["https://*.example.com", "http://*.test:8080"]).unwrap();
    let any = OriginPolicy::parse(["http://a.test", "*"]).unwrap();
    assert_eq!(any, OriginPolicy::Any);
    assert_eq!(OriginPolicy::parse([]), Ok(OriginPolicy::default()));

    const HOST: &str = "server.test:8081";
    let some = Some;
    type Row<'a> = (
        &'a str,
        &'a OriginPolicy,
        Option<&'a str>,
        &'a str,
        Option<&'a str>,
        bool,
    );
    let rows: &[Row<'_>] = &[
        (
            "S17-same",
            &same,
            some("http://server.test:8081"),
            HOST,
            None,
            true,
        ),
        (
            "S17-same-default-port",
            &same,
            some("http://server.test:80"),
            "server.test",
            None,
            true,
        ),
        (
            "S17-same-behind-tls-proxy",
            &same,
            some("https://server.test"),
            "server.test",
            None,
            true,
        ),
        (
            "S17-same-behind-tls-proxy",
            &same,
            some("https://server.test"),
            "server.test:443",
            None,
            true,
        ),
        (
            "S17-same-port",
            &same,
            some("https://server.test"),
            "server.test:80",
            None,
            false,
        ),
        (
            "S17-same-upper-case",
            &same,
            some("HTTP://Server.TEST:8081"),
            HOST,
            None,
            true,
        ),
        (
            "S17-same-ipv6",
            &same,
            some("http://[::1]:8081"),
            "[::1]:8081",
            None,
            true,
        ),
        ("S17-null", &same, some("null"), HOST, None, false),
        ("S17-missing", &same, None, HOST, None, true),
        (
            "S17-missing-cross-site",
            &same,
            None,
            HOST,
            some("Cross-Site"),
            false,
        ),
        (
            "S17-missing-same-site",
            &same,
            None,
            HOST,
            some("same-site"),
            true,
        ),
        ("S17-empty", &same, some(""), HOST, None, false),
        (
            "S17-subdomain",
            &same,
            some("http://a.server.test:8081"),
            HOST,
            None,
            false,
        ),
        (
            "S17-parent",
            &same,
            some("http://test:8081"),
            HOST,
            None,
            false,
        ),
        (
            "S17-other-port",
            &same,
            some("http://server.test:8082"),
            HOST,
            None,
            false,
        ),
        (
            "S17-other-port",
            &same,
            some("http://server.test"),
            HOST,
            None,
            false,
        ),
        (
            "S17-prefix",
            &same,
            some("http://evil-server.test:8081"),
            HOST,
            None,
            false,
        ),
        (
            "S17-suffix",
            &same,
            some("http://server.test.evil:8081"),
            HOST,
            None,
            false,
        ),
        (
            "S17-scheme-unknown",
            &same,
            some("file://server.test:8081"),
            HOST,
            None,
            false,
        ),
        (
            "S17-with-path",
            &same,
            some("http://server.test:8081/"),
            HOST,
            None,
            false,
        ),
        (
            "S17-user-info",
            &same,
            some("http://server.test:8081@evil.test"),
            HOST,
            None,
            false,
        ),
        (
            "S17-host-as-origin",
            &same,
            some("Server.test:8081"),
            HOST,
            None,
            true,
        ),
        (
            "S17-list-exact",
            &list,
            some("https://example.com"),
            HOST,
            None,
            true,
        ),
        (
            "S17-list-exact",
            &list,
            some("http://localhost:3000"),
            HOST,
            None,
            true,
        ),
        (
            "S17-list-default-port",
            &list,
            some("https://example.com:443"),
            HOST,
            None,
            true,
        ),
        (
            "S17-list-other-port",
            &list,
            some("https://example.com:444"),
            HOST,
            None,
            false,
        ),
        (
            "S17-list-other-port",
            &list,
            some("http://localhost"),
            HOST,
            None,
            false,
        ),
        (
            "S17-list-other-scheme",
            &list,
            some("http://example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-list-other-scheme",
            &list,
            some("http://example.com:443"),
            HOST,
            None,
            false,
        ),
        (
            "S17-list-upper-case",
            &list,
            some("HTTPS://EXAMPLE.com"),
            HOST,
            None,
            true,
        ),
        (
            "S17-list-same-origin",
            &list,
            some("http://server.test:8081"),
            HOST,
            None,
            true,
        ),
        ("S17-list-null", &null, some("null"), HOST, None, true),
        (
            "S17-list-null-unlisted",
            &list,
            some("null"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-one-label",
            &star,
            some("https://a.example.com"),
            HOST,
            None,
            true,
        ),
        (
            "S17-star-two-labels",
            &star,
            some("https://b.a.example.com"),
            HOST,
            None,
            true,
        ),
        (
            "S17-star-no-label",
            &star,
            some("https://example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-empty-label",
            &star,
            some("https://.example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-empty-label",
            &star,
            some("https://a..example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-evil",
            &star,
            some("https://evil-example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-evil",
            &star,
            some("https://a.example.com.evil"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-below-evil",
            &star,
            some("https://a.evil-example.com"),
            HOST,
            None,
            false,
        ),
        (
            "S17-star-port",
            &star,
            some("http://a.test:8080"),
            HOST,
            None,
            true,
        ),
        (
            "S17-star-port",
            &star,
            some("http://a.test"),
            HOST,
            None,
            false,
        ),
        ("S17-any", &any, some("http://evil.test"), HOST, None, true),
        ("S17-any-null", &any, some("null"), HOST, None, true),
        (
            "S17-any-cross-site",
            &any,
            None,
            HOST,
            some("cross-site"),
            true,
        ),
    ];
    ids::check("8-S17", rows.iter().map(|row| row.0));
    for (id, policy, origin, host, fetch_site, expected) in rows {
        assert_eq!(
            policy.check(*origin, host, *fetch_site),
            *expected,
            "{id} {origin:?}"
        );
    }
}

#[test]
fn patterns() {
    use PatternError::{Host, Scheme, UpperCase, Wildcard};
    for (pattern, expected) in [
        ("https://example.com", Ok(())),
        ("http://localhost:8080", Ok(())),
        ("http://[::1]:8080", Ok(())),
        ("https://*.example.com:444", Ok(())),
        ("capacitor://localhost", Ok(())),
        ("null", Ok(())),
        ("https://Example.com", Err(UpperCase)),
        ("HTTPS://example.com", Err(UpperCase)),
        ("example.com", Err(Scheme)),
        ("//example.com", Err(Scheme)),
        ("://example.com", Err(Scheme)),
        ("*://example.com", Err(Scheme)),
        ("", Err(Scheme)),
        ("https://", Err(Host)),
        ("https://example.com/", Err(Host)),
        ("https://example.com:x", Err(Host)),
        ("https://a b", Err(Host)),
        ("https://*", Err(Wildcard)),
        ("https://*example.com", Err(Wildcard)),
        ("https://a.*.com", Err(Wildcard)),
        ("https://*.*.com", Err(Wildcard)),
        ("https://*.", Err(Host)),
    ] {
        assert_eq!(
            OriginPolicy::parse([pattern]).map(drop),
            expected,
            "{pattern:?}"
        );
    }
    assert_eq!(
        OriginPolicy::parse(["*", "x"]),
        Err(Scheme),
        "a bad pattern is never hidden"
    );
}
