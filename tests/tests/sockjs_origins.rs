//! Who may use a SockJS service: CORS, the origin policy on every route, cookies, WebSocket refusals,
//! and the answers to known attacks.

use sockjs_proto::{
    Answer, BaseUrl, Close, Config, Dialect, PayloadErrors, PerRequest, SendToClosing, Service,
    SessionCookie, SessionId,
};
use tests::asks::{ABOUT, ask, field, open_config, response, service, show};
use tests::ids;
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::{Draft, Drafts, Instant};

const UPGRADE: &[&str] = &[
    "Host: localhost:8081",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

fn origins(patterns: &[&'static str]) -> OriginPolicy {
    OriginPolicy::parse(patterns.iter().copied()).unwrap()
}

#[test]
fn cors() {
    const ALLOW: &str = "Access-Control-Allow-";
    type Fields = (Option<&'static str>, bool, Option<&'static str>);
    let rows: &[(&str, &[&str], Fields)] = &[
        ("1.10-no-origin", &[], (Some("*"), false, None)),
        (
            "1.10-origin",
            &["Origin: http://a.b:1"],
            (Some("http://a.b:1"), true, None),
        ),
        (
            "1.10-verbatim",
            &["Origin: VeryWrong"],
            (Some("VeryWrong"), true, None),
        ),
        ("1.10-null", &["Origin: null"], (Some("null"), true, None)),
        ("1.10-empty-origin", &["Origin:"], (Some("*"), false, None)),
        (
            "1.10-headers",
            &["Access-Control-Request-Headers: a, b"],
            (Some("*"), false, Some("a, b")),
        ),
        (
            "1.10-empty-headers",
            &["Access-Control-Request-Headers:"],
            (Some("*"), false, None),
        ),
    ];
    ids::check("sockjs-1.10", rows.iter().map(|row| row.0));
    let service = service(open_config());
    for (id, fields, (origin, credentials, headers)) in rows {
        for line in [
            "GET /echo/info",
            "OPTIONS /echo/info",
            "POST /echo/chunking_test",
            "OPTIONS /echo/chunking_test",
            "POST /echo/0/s/xhr",
            "OPTIONS /echo/0/s/xhr",
            "POST /echo/0/s/xhr_streaming",
            "OPTIONS /echo/0/s/xhr_streaming",
            "OPTIONS /echo/0/s/xhr_send",
            "GET /echo/0/s/eventsource",
        ] {
            let response = response(&service, &ask(line, fields));
            let allow = |name: &str| field(&response, &format!("{ALLOW}{name}"));
            assert_eq!(allow("Origin").as_deref(), *origin, "{id} {line}");
            assert_eq!(allow("Credentials").is_some(), *credentials, "{id} {line}");
            assert_eq!(allow("Headers").as_deref(), *headers, "{id} {line}");
            assert_eq!(
                field(&response, "Vary").as_deref(),
                Some("Origin"),
                "{id} {line}"
            );
        }
        for line in [
            "GET /echo",
            "GET /echo/iframe.html",
            "GET /echo/0/s/jsonp?c=x",
            "GET /echo/0/s/htmlfile?c=x",
            "GET /echo/0/s/websocket",
            "GET /echo/0/s/xhr",
            "GET /echo/x",
        ] {
            let response = response(&service, &ask(line, fields));
            assert_eq!(
                field(&response, "Access-Control-Allow-Origin"),
                None,
                "{id} {line}"
            );
        }
    }
}

/// One list for every route: the same origins pass and are refused, and a refusal tells nothing.
#[test]
fn the_policy_holds_on_every_route() {
    const HOST: &str = "Host: localhost:8081";
    let same = OriginPolicy::SameOrigin;
    let listed = origins(&["https://*.a.test"]);
    let rows: &[(&str, &OriginPolicy, &[&str], bool)] = &[
        ("6.4-no-origin", &same, &[HOST], true),
        (
            "6.4-same",
            &same,
            &[HOST, "Origin: http://localhost:8081"],
            true,
        ),
        (
            "6.4-other-port",
            &same,
            &[HOST, "Origin: http://localhost:8080"],
            false,
        ),
        (
            "6.4-other-host",
            &same,
            &[HOST, "Origin: https://x.a.test"],
            false,
        ),
        ("6.4-null", &same, &[HOST, "Origin: null"], false),
        (
            "6.4-cross-site",
            &same,
            &[HOST, "Sec-Fetch-Site: cross-site"],
            false,
        ),
        (
            "6.4-same-site",
            &same,
            &[HOST, "Sec-Fetch-Site: same-origin"],
            true,
        ),
        (
            "6.4-two-origins",
            &same,
            &[HOST, "Origin: http://localhost:8081", "Origin: x"],
            false,
        ),
        (
            "6.4-listed",
            &listed,
            &[HOST, "Origin: https://x.a.test"],
            true,
        ),
        (
            "6.4-listed-and-same",
            &listed,
            &[HOST, "Origin: http://localhost:8081"],
            true,
        ),
        (
            "6.4-unlisted",
            &listed,
            &[HOST, "Origin: https://a.test.evil"],
            false,
        ),
        (
            "6.4-no-host",
            &same,
            &["Origin: http://localhost:8081"],
            false,
        ),
        (
            "6.4-any",
            &OriginPolicy::Any,
            &[HOST, "Origin: http://x", "Sec-Fetch-Site: cross-site"],
            true,
        ),
        (
            "6.4-any-unsafe",
            &OriginPolicy::Any,
            &[HOST, "Origin: http://\u{e9}"],
            false,
        ),
    ];
    ids::check("sockjs-6.4", rows.iter().map(|row| row.0));
    for (id, policy, fields, passes) in rows {
        let service = service(Config {
            origins: (*policy).clone(),
            ..open_config()
        });
        for line in [
            "GET /echo/info",
            "OPTIONS /echo/info",
            "POST /echo/chunking_test",
            "OPTIONS /echo/0/s/xhr",
            "POST /echo/0/s/xhr",
            "POST /echo/0/s/xhr_streaming",
            "POST /echo/0/s/xhr_send",
            "GET /echo/0/s/eventsource",
            "GET /echo/0/s/websocket",
            "GET /echo/websocket",
        ] {
            let mut fields = fields.to_vec();
            if line.ends_with("websocket") {
                fields.extend(&UPGRADE[1..]);
                // A WebSocket without a host is refused for that.
                if *id == "6.4-no-host" {
                    continue;
                }
            }
            match service.answer(&ask(line, &fields), &ABOUT) {
                Answer::Response(refused) if !passes => {
                    let no_store = "Cache-Control: no-store, no-cache, no-transform, \
                        must-revalidate, max-age=0";
                    assert_eq!(
                        show(&refused),
                        format!("403\n{no_store}\nVary: Origin\n"),
                        "{id} {line}"
                    );
                }
                Answer::Response(response) => {
                    assert!(matches!(response.head.status(), 200 | 204), "{id} {line}");
                }
                Answer::Receive(_) | Answer::Send(_) | Answer::Websocket(_) | Answer::Timed(_) => {
                    assert!(passes, "{id} {line}");
                }
            }
        }
    }
}

#[test]
fn who_may_frame_the_iframe_page() {
    for (policy, csp, options) in [
        (OriginPolicy::Any, None, None),
        (
            OriginPolicy::SameOrigin,
            Some("frame-ancestors 'self'"),
            Some("SAMEORIGIN"),
        ),
        (
            origins(&["https://*.a.test", "null", "http://b.test:81"]),
            Some("frame-ancestors 'self' https://*.a.test http://b.test:81"),
            None,
        ),
    ] {
        let service = service(Config {
            origins: policy,
            ..open_config()
        });
        // A frame of another site's page tells no origin.
        let request = ask("GET /echo/iframe.html", &["Sec-Fetch-Site: cross-site"]);
        let page = response(&service, &request);
        assert_eq!(page.head.status(), 200);
        assert_eq!(field(&page, "Content-Security-Policy").as_deref(), csp);
        assert_eq!(field(&page, "X-Frame-Options").as_deref(), options);
    }
}

#[test]
fn websocket_handshakes() {
    const UP: &str = "Upgrade: websocket";
    let key = &UPGRADE[4..];
    let rows: &[(&str, Dialect, Vec<&str>, &str)] = &[
        (
            "1.13-plain",
            Dialect::Newest,
            vec![],
            "400 Not a valid websocket request",
        ),
        (
            "1.13-no-connection",
            Dialect::Newest,
            vec![UP],
            "400 Not a valid websocket request",
        ),
        (
            "1.13-plain-old",
            Dialect::V0_3_3,
            vec![],
            "400 Can \"Upgrade\" only to \"WebSocket\".",
        ),
        (
            "1.13-other-upgrade",
            Dialect::V0_3_3,
            vec!["Upgrade: h2c", "Connection: Upgrade"],
            "400 Can \"Upgrade\" only to \"WebSocket\".",
        ),
        (
            "1.13-connection-close",
            Dialect::V0_3_3,
            vec!["Upgrade: WebSocket", "Connection: close"],
            "400 \"Connection\" must be \"Upgrade\".",
        ),
        (
            "1.13-before-version-and-key",
            Dialect::V0_0_4,
            vec!["Upgrade: WebSocket", "Sec-WebSocket-Version: 99"],
            "400 \"Connection\" must be \"Upgrade\".",
        ),
        (
            "1.13-firefox",
            Dialect::Newest,
            [
                &UPGRADE[..2],
                &["Connection: keep-alive, Upgrade"],
                &UPGRADE[3..],
            ]
            .concat(),
            "101 13",
        ),
        (
            "1.13-any-case",
            Dialect::Newest,
            [
                &["Upgrade: WebSocket", "Connection: UPGRADE"],
                &UPGRADE[..1],
                &UPGRADE[3..],
            ]
            .concat(),
            "101 13",
        ),
        (
            "1.13-version-8",
            Dialect::Newest,
            [&UPGRADE[..3], &["Sec-WebSocket-Version: 8"], key].concat(),
            "426 ",
        ),
        (
            "1.13-no-version",
            Dialect::Newest,
            [&UPGRADE[..3], key].concat(),
            "400 ",
        ),
        (
            "1.13-no-key",
            Dialect::Newest,
            UPGRADE[..4].to_vec(),
            "400 ",
        ),
        (
            "1.13-body",
            Dialect::Newest,
            [UPGRADE, &["Content-Length: 1"]].concat(),
            "400 ",
        ),
        (
            "1.13-unverified-origin",
            Dialect::V0_0_4,
            vec!["Host: a", "Upgrade: WebSocket", "Origin: VeryWrongOrigin"],
            "400 Unverified origin.",
        ),
        (
            "1.13-unverified-origin-newer",
            Dialect::V0_3,
            vec!["Host: a", "Upgrade: WebSocket", "Origin: VeryWrongOrigin"],
            "403 ",
        ),
    ];
    ids::check("sockjs-1.13", rows.iter().map(|row| row.0));
    for (id, dialect, fields, expected) in rows {
        let origins = match id.contains("origin") {
            true => OriginPolicy::SameOrigin,
            false => OriginPolicy::Any,
        };
        let service = service(Config {
            dialect: *dialect,
            origins,
            ..open_config()
        });
        for path in ["/echo/websocket", "/echo/0/s/websocket"] {
            let seen = match service.answer(&ask(&format!("GET {path}"), fields), &ABOUT) {
                Answer::Websocket(socket) => {
                    assert_eq!(socket.session.is_some(), path.contains("/s/"));
                    format!("101 {}", socket.upgrade.draft())
                }
                Answer::Response(response) => {
                    let upgrading = fields
                        .iter()
                        .any(|field| field.eq_ignore_ascii_case("upgrade: websocket"));
                    assert_eq!(response.head.closes(), upgrading, "{id}");
                    let text = String::from_utf8_lossy(&response.body);
                    format!("{} {text}", response.head.status())
                }
                answer => panic!("{answer:?}"),
            };
            assert_eq!(seen, *expected, "{id} {path}");
        }
    }
}

/// Drafts 7 and 8 call the origin something else, and are held to the policy all the same.
#[test]
fn old_drafts_have_origins_too() {
    for (dialect, expected) in [(Dialect::Newest, 403), (Dialect::V0_1, 400)] {
        let service = service(Config {
            drafts: Drafts::default().with(Draft::Hybi08),
            origins: OriginPolicy::SameOrigin,
            dialect,
            ..open_config()
        });
        let mut fields = UPGRADE.to_vec();
        fields[3] = "Sec-WebSocket-Version: 8";
        fields.push("Sec-WebSocket-Origin: http://evil.test");
        let refused = response(&service, &ask("GET /echo/0/s/websocket", &fields));
        assert_eq!(refused.head.status(), expected);
    }
}

#[test]
fn the_426_tells_the_versions() {
    let mut fields = UPGRADE.to_vec();
    fields[3] = "Sec-WebSocket-Version: 12";
    let refused = response(
        &service(open_config()),
        &ask("GET /echo/websocket", &fields),
    );
    assert_eq!(
        show(&refused),
        "426\nSec-WebSocket-Version: 13\nUpgrade: websocket\n"
    );
}

#[test]
fn cookies() {
    let on_service = service(Config {
        jsessionid: SessionCookie::On,
        ..open_config()
    });
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("2.10-dummy", &[], Some("JSESSIONID=dummy; path=/")),
        (
            "2.10-echo",
            &["Cookie: JSESSIONID=abcdef"],
            Some("JSESSIONID=abcdef; path=/"),
        ),
        (
            "2.10-others",
            &["Cookie: secret=1; x=2"],
            Some("JSESSIONID=dummy; path=/"),
        ),
        (
            "2.10-second-line",
            &["Cookie: secret=1", "Cookie: JSESSIONID=a"],
            Some("JSESSIONID=a; path=/"),
        ),
        (
            "2.10-not-octets",
            &["Cookie: JSESSIONID=a\"b"],
            Some("JSESSIONID=dummy; path=/"),
        ),
    ];
    ids::check("sockjs-2.10", rows.iter().map(|row| row.0));
    for (id, fields, expected) in rows {
        for line in [
            "POST /echo/0/s/xhr",
            "OPTIONS /echo/0/s/xhr",
            "POST /echo/0/s/xhr_streaming",
            "OPTIONS /echo/0/s/xhr_send",
            "GET /echo/0/s/eventsource",
            "GET /echo/0/s/htmlfile?c=x",
            "GET /echo/0/s/jsonp?c=x",
        ] {
            let answer = response(&on_service, &ask(line, fields));
            assert_eq!(
                field(&answer, "Set-Cookie").as_deref(),
                *expected,
                "{id} {line}"
            );
            let answer = response(&service(open_config()), &ask(line, fields));
            assert_eq!(field(&answer, "Set-Cookie"), None, "{id} {line}");
        }
        for line in [
            "GET /echo",
            "GET /echo/iframe.html",
            "GET /echo/info",
            "OPTIONS /echo/info",
            "GET /echo/x",
            "PUT /echo/0/s/xhr",
            "GET /echo/0/s/websocket",
        ] {
            let answer = response(&on_service, &ask(line, fields));
            assert_eq!(field(&answer, "Set-Cookie"), None, "{id} {line}");
        }
    }
    let info = response(&on_service, &ask("GET /echo/info", &[]));
    assert!(String::from_utf8_lossy(&info.body).contains("\"cookie_needed\":true"));
}

#[test]
fn options_that_are_functions() {
    let cookie = PerRequest::new(|asked| {
        let value = asked.jsessionid.unwrap_or("new");
        (asked.path != "/echo/0/s/xhr").then(|| format!("JSESSIONID={value}; path=/; HttpOnly"))
    });
    let url = PerRequest::new(|asked| asked.host.map(|host| format!("//{host}/\"x\"")));
    let config = Config {
        jsessionid: SessionCookie::PerRequest(cookie),
        base_url: BaseUrl::PerRequest(url),
        ..open_config()
    };
    let with_functions = service(config);
    let answer = response(&with_functions, &ask("GET /echo/0/s/eventsource", &[]));
    let cookie = field(&answer, "Set-Cookie");
    assert_eq!(cookie.as_deref(), Some("JSESSIONID=new; path=/; HttpOnly"));
    let answer = response(&with_functions, &ask("POST /echo/0/s/xhr", &[]));
    assert_eq!(field(&answer, "Set-Cookie"), None);
    let info = response(&with_functions, &ask("GET /echo/info", &["Host: h.test"]));
    let json = String::from_utf8_lossy(&info.body);
    assert!(json.ends_with(r#","base_url":"//h.test/\"x\""}"#), "{json}");
    let base_url = BaseUrl::Fixed("http://node1.test/echo".into());
    let fixed = service(Config {
        base_url,
        ..open_config()
    });
    let info = response(&fixed, &ask("GET /echo/info", &[]));
    assert!(
        String::from_utf8_lossy(&info.body).ends_with(",\"base_url\":\"http://node1.test/echo\"}")
    );
}

#[test]
fn without_cors() {
    let service = service(Config {
        disable_cors: true,
        ..open_config()
    });
    let origin = &["Origin: http://x", "Access-Control-Request-Headers: a"];
    for line in [
        "GET /echo/info",
        "OPTIONS /echo/info",
        "POST /echo/0/s/xhr",
        "OPTIONS /echo/0/s/xhr",
    ] {
        let answer = response(&service, &ask(line, origin));
        assert!(!show(&answer).contains("Access-Control"), "{line}");
        assert!(!show(&answer).contains("origins"), "{line}");
    }
}

/// Section 6: what is pure of the answers to known problems.
#[test]
fn known_attacks() {
    let open = service(open_config());
    let status = |line: &str, fields: &[&str]| match open.answer(&ask(line, fields), &ABOUT) {
        Answer::Response(response) => response.head.status(),
        Answer::Receive(_) | Answer::Send(_) | Answer::Websocket(_) | Answer::Timed(_) => 200,
    };
    let document = &["Sec-Fetch-Dest: document"];
    let rows: &[(&str, &str, &[&str], u16)] = &[
        ("6.1-upgrade-elsewhere", "GET /echo/info", UPGRADE, 200),
        ("6.1-upgrade-on-xhr", "GET /echo/0/s/xhr", UPGRADE, 405),
        (
            "6.1-htmlfile-callback",
            "GET /echo/0/s/htmlfile?c=alert(1)//",
            &[],
            500,
        ),
        (
            "6.1-jsonp-long-callback",
            "GET /echo/0/s/jsonp?c=CWSMIKI0hCD0Up0IZUnnnnnnnnnnnnnnnnn",
            &[],
            500,
        ),
        ("6.1-path-parameter", "GET /echo/info;setup.bat", &[], 404),
        (
            "6.1-jsessionid-parameter",
            "POST /echo/0/s;jsessionid=a/xhr",
            &[],
            404,
        ),
        (
            "6.2-htmlfile-as-page",
            "GET /echo/0/s/htmlfile?c=cb",
            document,
            403,
        ),
        (
            "6.2-htmlfile-in-frame",
            "GET /echo/0/s/htmlfile?c=cb",
            &["Sec-Fetch-Dest: iframe"],
            200,
        ),
        ("6.2-get-creates-nothing", "GET /echo/0/s/xhr", &[], 405),
        ("6.2-bad-target", "GET http://[", &[], 404),
    ];
    ids::check("sockjs-6", rows.iter().map(|row| row.0));
    for (id, line, fields, expected) in rows {
        assert_eq!(status(line, fields), *expected, "{id}");
    }
    let id = SessionId::from("abcdefgh");
    assert_eq!(format!("{id} {id:?}"), "abc… abc…");
    assert_eq!(format!("{:?}", SessionId::from("ab")), "a…");
    let receive = open.answer(&ask("POST /echo/0/secretsecret/xhr", &[]), &ABOUT);
    assert!(!format!("{receive:?}").contains("secrets"));
    let Answer::Receive(receive) = receive else {
        panic!("{receive:?}");
    };
    assert_eq!(receive.refused(429).head.status(), 429);
}

#[test]
fn options_are_checked() {
    let ok = |config: Config| Service::new(config).map(drop).map_err(|error| error.field);
    let base = open_config;
    let zero = core::time::Duration::ZERO;
    for prefix in ["", "/a", "/a/b/c", "/a%20b"] {
        assert_eq!(
            ok(Config {
                prefix: prefix.into(),
                ..base()
            }),
            Ok(()),
            "{prefix}"
        );
    }
    for prefix in ["a", "/", "/a/", "/a?b", "/a b", "/é", "/a\r\n", "/a;b"] {
        assert_eq!(
            ok(Config {
                prefix: prefix.into(),
                ..base()
            }),
            Err("prefix"),
            "{prefix}"
        );
    }
    for url in ["/a.js", "//cdn/a.js", "http://a", "https://a/b?c"] {
        assert_eq!(
            ok(Config {
                sockjs_url: url.into(),
                ..base()
            }),
            Ok(()),
            "{url}"
        );
    }
    for url in ["", "a.js", "httpx", "/a\"b", "/<a>", "/a b", "javascript:x"] {
        assert_eq!(
            ok(Config {
                sockjs_url: url.into(),
                ..base()
            }),
            Err("sockjs_url"),
            "{url}"
        );
    }
    let rows = [
        (
            "heartbeat_delay",
            Config {
                heartbeat_delay: zero,
                ..base()
            },
        ),
        (
            "disconnect_delay",
            Config {
                disconnect_delay: zero,
                ..base()
            },
        ),
        (
            "admission_deadline",
            Config {
                admission_deadline: zero,
                ..base()
            },
        ),
        (
            "closing_deadline",
            Config {
                closing_deadline: core::time::Duration::from_secs(4),
                ..base()
            },
        ),
        (
            "response_limit",
            Config {
                response_limit: 0,
                ..base()
            },
        ),
        (
            "max_body",
            Config {
                max_body: 0,
                ..base()
            },
        ),
        (
            "max_message",
            Config {
                max_message: 0,
                ..base()
            },
        ),
        (
            "outgoing_mark",
            Config {
                outgoing_mark: 0,
                ..base()
            },
        ),
        (
            "incoming_mark",
            Config {
                incoming_mark: 0,
                ..base()
            },
        ),
        (
            "incoming_messages",
            Config {
                incoming_messages: 0,
                ..base()
            },
        ),
        (
            "max_session_id",
            Config {
                max_session_id: 0,
                ..base()
            },
        ),
        (
            "max_sessions",
            Config {
                max_sessions: 0,
                ..base()
            },
        ),
        (
            "base_url",
            Config {
                base_url: BaseUrl::Fixed(String::new()),
                ..base()
            },
        ),
        (
            "drafts",
            Config {
                drafts: Drafts::NONE,
                ..base()
            },
        ),
        (
            "default_close",
            Config {
                default_close: Close::new(1006, ""),
                ..base()
            },
        ),
        (
            "default_close",
            Config {
                default_close: Close {
                    code: 3000,
                    reason: "x".repeat(124).into(),
                },
                ..base()
            },
        ),
    ];
    for (field, config) in rows {
        assert_eq!(ok(config), Err(field));
    }
    assert_eq!(
        ok(Config {
            drafts: Drafts::NONE,
            websocket: false,
            ..base()
        }),
        Ok(())
    );
    let error = Service::new(Config {
        prefix: "a".into(),
        ..base()
    })
    .unwrap_err();
    let text = "the option `prefix` must be one that begins with a slash or is empty";
    assert_eq!(error.to_string(), text);
}

#[test]
fn compatible_choices() {
    let service = service(Config {
        send_to_closing: SendToClosing::Accept,
        payload_errors: PayloadErrors::BadRequest,
        ..open_config()
    });
    let Answer::Send(sending) = service.answer(&ask("POST /echo/0/s/xhr_send", &[]), &ABOUT) else {
        panic!("xhr_send sends");
    };
    assert_eq!(sending.closing().head.status(), 204);
    assert_eq!(
        sending.messages(&"[".into()).unwrap_err().head.status(),
        400
    );
    let answer = response(&service, &ask("GET /echo/0/s/jsonp", &[]));
    assert_eq!(answer.head.status(), 400);
}

#[test]
fn expiry_moves_with_the_clock() {
    let service = service(open_config());
    let about = sockjs_proto::About {
        now: Instant::from_millis(86_400_000),
        ..ABOUT
    };
    let Answer::Response(page) = service.answer(&ask("GET /echo/iframe.html", &[]), &about) else {
        panic!("a page");
    };
    assert_eq!(
        field(&page, "Expires").as_deref(),
        Some("Fri, 07 Nov 2025 00:00:00 GMT")
    );
}
