//! Known failures of other SockJS servers, each tried on ours.
//!
//! Every test here is named by a row of [`tests::ids::security`], which also names those that stand
//! beside the machine they try.

use std::collections::HashSet;

use sockjs_proto::{About, Answer, Config, Dialect, Response, SessionCookie, SessionId};
use tests::asks::{ABOUT, ask, field, open_config, response, service};
use tests::suite::{self, Application, Server};
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::http1::FieldError;

const UPGRADE: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

/// Every kind of path below a prefix.
const PATHS: [&str; 16] = [
    "",
    "/",
    "/info",
    "/iframe.html",
    "/iframe-1.2.3.html",
    "/chunking_test",
    "/websocket",
    "/000/s/websocket",
    "/000/s/xhr",
    "/000/s/xhr_streaming",
    "/000/s/xhr_send",
    "/000/s/eventsource",
    "/000/s/htmlfile?c=cb",
    "/000/s/jsonp?c=cb",
    "/000/s/jsonp_send",
    "/nothing/here",
];

/// The receivers, with their methods.
const RECEIVERS: [&str; 5] = [
    "POST /echo/000/s/xhr",
    "POST /echo/000/s/xhr_streaming",
    "GET /echo/000/s/eventsource",
    "GET /echo/000/s/htmlfile?c=cb",
    "GET /echo/000/s/jsonp?c=cb",
];

#[test]
fn a_request_has_one_response_whatever_it_asks_for() {
    for (path, upgrade) in PATHS
        .into_iter()
        .flat_map(|path| [(path, false), (path, true)])
    {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
        ] {
            for version in ["1.0", "1.1"] {
                let mut server = Server::new(Dialect::Newest);
                let line = format!("{method} /echo{path} HTTP/{version}");
                let fields: &[&str] = if upgrade { &UPGRADE } else { &[] };
                let client = server.begin(&line, fields, "");
                let text = server.bytes(client);
                server.hang_up(client);
                let text = [text, server.bytes(client)].concat();
                let text = String::from_utf8_lossy(&text);
                assert!(text.starts_with("HTTP/1.1 "), "{line}: {text}");
                assert_eq!(
                    text.matches("HTTP/1.1 ").count(),
                    1,
                    "{line} {upgrade}: {text}"
                );
                assert!(
                    server.is_over(client),
                    "{line} {upgrade}: its end is not doubted"
                );
            }
        }
    }
}

#[test]
fn a_callback_is_checked_before_a_session_begins() {
    let mut server = Server::new(Dialect::Newest);
    for name in [
        "alert(1)//",
        "%3Cscript%3E",
        "a%0d%0ab",
        "\u{1b}",
        "",
        "a'",
        "a%00",
        "$",
        "1a",
    ] {
        for transport in ["htmlfile", "jsonp"] {
            let client = server.begin(&format!("GET /echo/000/s/{transport}?c={name}"), &[], "");
            let status = server.reply(client).status;
            assert!(
                matches!(status, 400 | 500),
                "{transport} {name:?}: {status}"
            );
        }
    }
    assert_eq!(server.endpoint("/echo").session_count(), 0);
}

#[test]
fn no_answer_to_a_script_begins_with_the_callers_bytes() {
    // CVE-2014-4671 needs a long callback as the first bytes, and a browser that guesses the type.
    for dialect in Dialect::ALL {
        let service = service(Config {
            dialect,
            ..open_config()
        });
        let longest = "C".repeat(32);
        for (name, passes) in [(longest.clone(), true), (longest + "W", false)] {
            let answer = response(
                &service,
                &ask(&format!("GET /echo/000/s/jsonp?c={name}"), &[]),
            );
            assert_eq!(answer.head.status() == 200, passes, "{dialect:?}");
            assert_eq!(
                field(&answer, "X-Content-Type-Options").as_deref(),
                Some("nosniff")
            );
        }
        let mut server = Server::new(dialect);
        let reply = server.get("/echo/000/s/jsonp?c=CWS");
        let comment = if dialect == Dialect::Newest {
            "/**/"
        } else {
            ""
        };
        assert_eq!(
            reply.text(),
            format!("{comment}CWS(\"o\");\r\n"),
            "{dialect:?}"
        );
    }
}

#[test]
fn no_path_looks_like_a_file_to_be_saved() {
    // CVE-2015-5211: the end of the path is the name a browser saves under.
    let service = service(open_config());
    let status = |line: &str| response(&service, &ask(line, &[])).head.status();
    for end in ["info", "000/s/jsonp", "000/s/eventsource", "000/s/htmlfile"] {
        for odd in [
            ".bat", ";a.bat", ";/a.bat", "/a.bat", "%2fa.bat", "%3ba.bat", "\\a.bat",
        ] {
            assert_eq!(
                status(&format!("GET /echo/{end}{odd}?c=cb")),
                404,
                "{end}{odd}"
            );
        }
    }
    for id in ["a;b", "a.b", "", ".", "..", "a;jsessionid=1", "x.bat"] {
        assert_eq!(status(&format!("POST /echo/000/{id}/xhr")), 404, "{id:?}");
        assert_eq!(status(&format!("POST /echo/{id}/a/xhr")), 404, "{id:?}");
    }
}

#[test]
fn messages_are_opaque() {
    // CVE-2018-1270 and others: nothing within a message is a command or an expression.
    let mut server = Server::new(Dialect::Newest);
    server.post("/echo/000/s/xhr", "");
    for text in [
        "SUBSCRIBE\\nselector:T(java.lang.Runtime).getRuntime().exec('id')\\n\\n\\u0000",
        "${7*7}#{7*7}{{7*7}}",
        "c[3000,\\\"Go away!\\\"]",
        "h",
        "o",
        "]\\\"]",
    ] {
        let body = format!("[\"{text}\"]");
        assert_eq!(server.post("/echo/000/s/xhr_send", &body).status, 204);
        let reply = server.post("/echo/000/s/xhr", "");
        assert_eq!(reply.text(), format!("a{body}\n"));
    }
}

#[test]
fn entropy_is_the_sources_alone() {
    let service = service(open_config());
    let mut told = HashSet::new();
    for entropy in (0..1000_u32).map(|nth| nth.wrapping_mul(0x9e37_79b1)) {
        let about = About { entropy, ..ABOUT };
        let Answer::Response(info) = service.answer(&ask("GET /echo/info", &[]), &about) else {
            panic!("a page");
        };
        let body = String::from_utf8(info.body.to_vec()).expect("text");
        assert!(
            body.ends_with(&format!("\"entropy\":{entropy}}}")),
            "{body}"
        );
        assert!(told.insert(body), "another each time");
    }
}

#[test]
fn no_message_breaks_out_of_its_page_or_script() {
    let every: String = (0..0x3000).filter_map(char::from_u32).collect();
    let tricks = "</script><script>alert(1)</script><!-- --> & \u{2028}\u{2029} ]]> \" \\";
    for text in [every.as_str(), tricks] {
        for (line, start, end) in [
            (
                "GET /echo/000/s/htmlfile?c=cb",
                "<script>\np(\"",
                "\");\n</script>\r\n",
            ),
            ("GET /echo/000/s/jsonp?c=cb", "/**/cb(\"", "\");\r\n"),
        ] {
            let mut server = Server::new(Dialect::Newest);
            let first = server.begin(line, &[], "");
            let body = serde_json::to_string(&[text]).expect("strings");
            let sent = server.ask("POST /echo/000/s/xhr_send", &[], &body);
            assert_eq!(sent.status, 204);
            let written = if line.contains("htmlfile") {
                server.bytes(first)
            } else {
                server.get("/echo/000/s/jsonp?c=cb").body
            };
            let written = String::from_utf8(written).expect("text");
            let at = written.rfind(start).expect("the frame") + start.len();
            let inner = &written[at..];
            let inner = &inner[..inner.find(end).expect("its end")];
            let html = line.contains("htmlfile");
            let dangerous = |c: char| {
                c < ' ' || matches!(c, '\u{2028}' | '\u{2029}') || html && "<>&".contains(c)
            };
            assert_eq!(inner.find(dangerous), None, "{line}");
            // Neither the string nor what it holds ends early.
            let frame: String = serde_json::from_str(&format!("\"{inner}\"")).expect("a string");
            let messages: Vec<String> = serde_json::from_str(&frame[1..]).expect("an array");
            assert_eq!(messages, [text], "{line}");
        }
    }
}

#[test]
fn a_page_that_is_a_receiver_runs_its_own_scripts_alone() {
    let service = service(open_config());
    let answer = response(&service, &ask("GET /echo/000/s/htmlfile?c=cb", &[]));
    for (name, value) in [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'unsafe-inline'",
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ] {
        assert_eq!(field(&answer, name).as_deref(), Some(value));
    }
    let page = ask(
        "GET /echo/000/s/htmlfile?c=cb",
        &["Sec-Fetch-Dest: document"],
    );
    assert_eq!(
        response(&service, &page).head.status(),
        403,
        "not as a page of its own"
    );
    let iframe = response(&service, &ask("GET /echo/iframe.html", &[]));
    assert_eq!(
        field(&iframe, "Referrer-Policy").as_deref(),
        Some("no-referrer")
    );
}

#[test]
fn a_session_that_is_fed_rubbish_harms_no_other() {
    let mut server = Server::new(Dialect::Newest);
    server.post("/echo/000/good/xhr", "");
    let mut deep = "[".repeat(500_000);
    deep += "\"a\"";
    server.post("/echo/000/bad/xhr", "");
    for body in [
        "[null]",
        "[1]",
        "[{\"__proto__\":null}]",
        "{\"a\":1}",
        "[\"a\",[]]",
        "[[\"a\"]]",
        "\"",
        "[",
        "",
        "[\"\\x\"]",
        "\u{feff}[]",
        "nul",
        &deep,
    ] {
        let status = server.ask("POST /echo/000/bad/xhr_send", &[], body).status;
        assert_eq!(status, 500, "{}", &body[..body.len().min(20)]);
    }
    assert_eq!(
        server.post("/echo/000/good/xhr_send", "[\"still\"]").status,
        204
    );
    assert_eq!(
        server.post("/echo/000/good/xhr", "").text(),
        "a[\"still\"]\n"
    );
    let mut log = server.log("/echo");
    log.retain(|line| line != "open");
    assert_eq!(log, ["message still"]);
}

#[test]
fn whoever_guesses_learns_little() {
    // Neither logs nor other pages learn an id, and an id that is not there tells nothing.
    let id = SessionId::from("0123456789abcdef");
    assert_eq!(format!("{id} {id:?}"), "012… 012…");
    let mut server = Server::new(Dialect::Newest);
    server.post("/echo/000/mine/xhr", "");
    let guess = server.post("/echo/000/guess/xhr_send", "[\"x\"]");
    let other = server.post("/echo/000/other/xhr_send", "[\"x\"]");
    assert_eq!((guess.status, guess.text()), (other.status, other.text()));
    assert_eq!(guess.status, 404);
    assert_eq!(
        server.endpoint("/echo").session_count(),
        1,
        "nothing is stored for a guess"
    );
}

#[test]
fn what_foreign_pages_may_embed_is_off_with_a_list() {
    let listed = OriginPolicy::Listed(vec!["https://*.a.test".parse().expect("a pattern")]);
    for (origins, status) in [
        (OriginPolicy::Any, 200),
        (OriginPolicy::SameOrigin, 404),
        (listed, 404),
    ] {
        let service = service(Config {
            origins,
            ..open_config()
        });
        for transport in ["jsonp", "htmlfile"] {
            let line = format!("GET /echo/000/s/{transport}?c=cb");
            assert_eq!(
                response(&service, &ask(&line, &[])).head.status(),
                status,
                "{line}"
            );
        }
        let sender = "POST /echo/000/s/jsonp_send";
        let is_there = !matches!(
            service.answer(&ask(sender, &[]), &ABOUT),
            Answer::Response(_)
        );
        assert_eq!(is_there, status == 200, "{sender}");
    }
}

#[test]
fn posts_of_foreign_pages_are_refused_without_a_preflight() {
    let service = service(Config {
        origins: OriginPolicy::SameOrigin,
        ..open_config()
    });
    let host = "Host: localhost";
    for (fields, passes) in [
        (&[host][..], true),
        (&[host, "Origin: http://localhost"], true),
        (&[host, "Sec-Fetch-Site: same-origin"], true),
        (&[host, "Origin: http://evil.test"], false),
        (&[host, "Origin: null"], false),
        (&[host, "Sec-Fetch-Site: cross-site"], false),
    ] {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=a",
        ] {
            let kind = format!("Content-Type: {kind}");
            let fields = [fields, &[kind.as_str()]].concat();
            let answer = service.answer(&ask("POST /echo/000/s/xhr_send", &fields), &ABOUT);
            match answer {
                Answer::Send(_) => assert!(passes, "{fields:?}"),
                Answer::Response(refused) => {
                    assert!(!passes, "{fields:?}");
                    assert_eq!(refused.head.status(), 403);
                    assert_eq!(field(&refused, "Access-Control-Allow-Origin"), None);
                }
                answer => panic!("{answer:?}"),
            }
        }
    }
}

#[test]
fn credentials_are_for_origins_that_pass_alone() {
    // A sandboxed frame of any site has the origin `null`. Only under `OriginPolicy::Any`, where the
    // protocol's suite wants it so, does it pass without being listed.
    let listed = |patterns: &[&'static str]| {
        let patterns = patterns
            .iter()
            .map(|pattern| pattern.parse().expect("a pattern"));
        OriginPolicy::Listed(patterns.collect())
    };
    let (a, null) = ("http://a.test", "null");
    for (origins, passing, refused) in [
        (OriginPolicy::SameOrigin, "http://localhost", [a, null]),
        (listed(&[a]), a, ["http://b.test", null]),
        (listed(&[null]), null, [a, "http://b.test"]),
    ] {
        let service = service(Config {
            origins,
            ..open_config()
        });
        for line in [
            "GET /echo/info",
            "POST /echo/000/s/xhr",
            "POST /echo/000/s/xhr_streaming",
            "GET /echo/000/s/eventsource",
            "OPTIONS /echo/000/s/xhr_send",
        ] {
            let answer = |origin: &str| {
                let origin = format!("Origin: {origin}");
                response(&service, &ask(line, &["Host: localhost", &origin]))
            };
            for origin in refused {
                let refused = answer(origin);
                assert_eq!(refused.head.status(), 403, "{line} {origin}");
                for name in [
                    "Access-Control-Allow-Origin",
                    "Access-Control-Allow-Credentials",
                ] {
                    assert_eq!(field(&refused, name), None, "{line} {origin}");
                }
            }
            let answer = answer(passing);
            let echoed = field(&answer, "Access-Control-Allow-Origin");
            assert_eq!(echoed.as_deref(), Some(passing), "{line}");
            let with = field(&answer, "Access-Control-Allow-Credentials");
            assert_eq!(with.as_deref(), Some("true"), "{line} {passing}");
        }
    }
    assert_eq!(Config::default().origins, OriginPolicy::SameOrigin);
}

#[test]
fn what_stands_in_heads_was_checked_and_in_frames_is_escaped() {
    let config = Config {
        jsessionid: SessionCookie::On,
        ..open_config()
    };
    let service = service(config);
    for evil in [
        "JSESSIONID=a\u{7f}b",
        "JSESSIONID=a\u{80}",
        "JSESSIONID=\"x\"",
        "JSESSIONID=a,b",
    ] {
        let answer = response(&service, &ask(RECEIVERS[0], &[&format!("Cookie: {evil}")]));
        assert_eq!(
            field(&answer, "Set-Cookie").as_deref(),
            Some("JSESSIONID=dummy; path=/")
        );
    }
    for evil in ["http://a\u{7f}", "http://\u{e9}.test", "a b"] {
        let answer = response(
            &service,
            &ask("GET /echo/info", &[&format!("Origin: {evil}")]),
        );
        let echoed = field(&answer, "Access-Control-Allow-Origin");
        assert!(echoed.is_none_or(|origin| origin.is_ascii()), "{evil}");
    }
    let head = websocket_proto::http1::ResponseHead::new(200);
    assert_eq!(head.header("A", "b\r\nC: d").err(), Some(FieldError::Value));
    // The reason of a close is a JSON string in every frame.
    let leave: Application = |now, session, event| {
        if event == sockjs_proto::Event::Open {
            session.close(now, sockjs_proto::Close::new(3000, "\"]\n</script>\u{1b}"));
        }
    };
    let mut server = Server::serving(vec![(open_config(), leave)]);
    server.post("/echo/000/s/xhr", "");
    let reply = server.post("/echo/000/s/xhr", "");
    let frame = reply.text().strip_prefix('c').expect("a close");
    let close: (u16, String) = serde_json::from_str(frame).expect("JSON");
    assert_eq!(close, (3000, "\"]\n</script>\u{1b}".into()));
    assert!(!frame.trim_end().contains(char::is_control));
}

#[test]
fn no_body_is_left_for_the_next_request_to_begin_with() {
    let hidden = "GET /echo/info HTTP/1.1\r\nHost: h\r\n\r\n";
    let next = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (line, status) in [
        ("PUT /echo/000/s/xhr", 405),
        ("POST /echo/nothing", 404),
        ("GET /echo", 200),
        ("GET /echo/info", 200),
        ("POST /echo/000/s/xhr_send", 404),
        ("OPTIONS /echo/info", 204),
    ] {
        let mut server = Server::new(Dialect::Newest);
        let client = server.connect("/echo");
        let request = suite::request(line, &["Content-Type: text/plain"], hidden);
        server.send(client, (request + next).as_bytes());
        let first = server.reply(client);
        assert!(first.complete, "{line}");
        assert!(
            matches!(first.status, s if s == status || s == 500),
            "{line}: {}",
            first.status
        );
        let second = server.reply(client);
        let greeting = second.complete && second.text() == "Welcome to SockJS!\n";
        assert!(greeting || server.is_over(client), "{line}: {second:?}");
        assert_eq!(server.bytes(client), b"", "{line}: the body is no request");
    }
}

#[test]
fn what_changes_is_not_stored_by_caches() {
    for dialect in Dialect::ALL {
        let service = service(Config {
            dialect,
            ..open_config()
        });
        let off = self::service(Config {
            dialect,
            websocket: false,
            ..open_config()
        });
        let dynamic = RECEIVERS.map(|line| (&service, line)).into_iter().chain([
            (&service, "GET /echo/info"),
            (&service, "GET /echo/nothing"),
            (&off, "GET /echo/000/s/websocket"),
            (&off, "GET /echo/websocket"),
        ]);
        for (service, line) in dynamic {
            let answer: Response = response(service, &ask(line, &["Origin: http://a.test"]));
            let stored = field(&answer, "Cache-Control");
            assert!(
                stored.is_some_and(|value| value.contains("no-store")),
                "{dialect:?} {line}"
            );
            let vary = field(&answer, "Vary");
            if field(&answer, "Access-Control-Allow-Origin").is_some_and(|origin| origin != "*") {
                assert_eq!(vary.as_deref(), Some("Origin"), "{dialect:?} {line}");
            }
        }
    }
}
