//! What a SockJS service answers without knowing any session: routes, fields, bodies, frames.

use core::time::Duration;

use bytes::Bytes;
use sockjs_proto::{
    Answer, Close, Config, Dialect, Embedding, Frame, Literal, Response, Sending, Service,
    Transport, Transports,
};
use tests::asks::{ABOUT, ask, field, open_config, response, service, show};
use tests::ids;
use websocket_proto::handshake::OriginPolicy;

const ENDS: &[(&str, &str)] = &[
    // Below the prefix; what a request with the right method brings.
    ("1.2-greeting", ""),
    ("1.2-greeting-slash", "/"),
    ("1.2-iframe", "/iframe.html"),
    ("1.2-iframe-version", "/iframe-0.1.2abc-dirty.2144.html"),
    ("1.2-iframe-dash", "/iframe-.html"),
    ("1.2-info", "/info"),
    ("1.2-chunking-test", "/chunking_test"),
    ("1.2-raw-websocket", "/websocket"),
    ("1.2-websocket", "/000/abc/websocket"),
    ("1.2-xhr", "/000/abc/xhr"),
    ("1.2-xhr-streaming", "/000/abc/xhr_streaming"),
    ("1.2-xhr-send", "/000/abc/xhr_send"),
    ("1.2-eventsource", "/000/abc/eventsource"),
    ("1.2-htmlfile", "/000/abc/htmlfile?c=cb"),
    ("1.2-jsonp", "/000/abc/jsonp?c=cb"),
    ("1.2-jsonp-send", "/000/abc/jsonp_send"),
    ("1.2-escape", "/abcdefgh_i-j%20/abcdefg_i-j%20/xhr"),
    ("1.2-malformed-escape", "/%/%/xhr"),
    ("1.2-trailing-slash", "/a/a/xhr/"),
    ("1.2-query", "/a/a/xhr?t=1&x=/../."),
    ("1.2-id-256", LONGEST_ID),
];

const NOWHERE: &[(&str, &str)] = &[
    ("1.2-404-a", "/a"),
    ("1.2-404-a-html", "/a.html"),
    ("1.2-404-a-slash", "/a/"),
    ("1.2-404-two-slashes", "//"),
    ("1.2-404-three-slashes", "///"),
    ("1.2-404-two-segments", "/a/a"),
    ("1.2-404-two-segments-slash", "/a/a/"),
    ("1.2-404-one-segment", "/a/xhr"),
    ("1.2-404-four-segments", "/a/a/a/xhr"),
    ("1.2-404-empty-server", "//a/xhr"),
    ("1.2-404-empty-session", "/a//xhr"),
    ("1.2-404-empty-both", "///xhr"),
    ("1.2-404-dot-server", "/a./a/xhr"),
    ("1.2-404-dot-session", "/a/a./xhr"),
    ("1.2-404-dots", "/./../xhr"),
    ("1.2-404-semicolon", "/a/a;b/xhr"),
    ("1.2-404-semicolon-transport", "/a/a/xhr;jsessionid=x"),
    ("1.2-404-two-trailing-slashes", "/a/a/xhr//"),
    ("1.2-404-unknown-transport", "/a/a/xhr2"),
    ("1.2-404-upper-case", "/a/a/XHR"),
    ("1.2-404-raw-below-session", "/a/a/raw_websocket"),
    ("1.2-404-iframe-bare", "/iframe"),
    ("1.2-404-iframe-htm", "/iframe.htm"),
    ("1.2-404-iframe-xml", "/iframe.xml"),
    ("1.2-404-iframe-upper", "/iframe.HTML"),
    ("1.2-404-iframe-all-upper", "/IFRAME.HTML"),
    ("1.2-404-iframe-upper-bare", "/IFRAME"),
    ("1.2-404-iframe-slash", "/iframe-/.html"),
    ("1.2-404-iframe-upper-version", "/iframe-A.html"),
    ("1.2-404-id-257", TOO_LONG_ID),
    ("1.2-404-info-file", "/info;setup.bat"),
];

const A64: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Replaced by what its length says.
const LONGEST_ID: &str = "/000/{256}/xhr";
const TOO_LONG_ID: &str = "/000/{257}/xhr";

fn expanded(path: &str) -> String {
    path.replace("{256}", &A64.repeat(4))
        .replace("{257}", &format!("{}a", A64.repeat(4)))
}

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "get", "CONNECT",
];
const UPGRADES: &[&[&str]] = &[
    &[],
    &["Upgrade: websocket"],
    &["Upgrade: websocket", "Connection: close"],
    &["Upgrade: h2c", "Connection: Upgrade"],
    &["Connection: Upgrade"],
    &[
        "Upgrade: WebSocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    ],
];

/// What an answer is, in a word or two.
fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Response(response) => {
            let close = if response.head.closes() { " close" } else { "" };
            match field(response, "Allow") {
                Some(allow) => format!("{} {allow}{close}", response.head.status()),
                None => format!("{}{close}", response.head.status()),
            }
        }
        Answer::Receive(receive) => format!("receive {}", receive.wrapping.transport()),
        Answer::Send(sending) => format!("send {}", sending.transport()),
        Answer::Websocket(websocket) => {
            format!("upgrade {}", websocket.session.is_some())
        }
        Answer::Timed(_) => "timed".into(),
    }
}

fn expected_kind(path: &str, method: &str, upgrade: usize, http10: bool) -> String {
    let asks_upgrade = !http10 && matches!(upgrade, 1 | 2 | 5);
    let close = if asks_upgrade { " close" } else { "" };
    let path = path.split('?').next().unwrap().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap();
    let (good, allow): (&[(&str, &str)], _) = match last {
        "" => (&[("GET", "200"), ("HEAD", "200")], "GET"),
        name if name.ends_with(".html") => (&[("GET", "200"), ("HEAD", "200")], "GET"),
        "info" => (
            &[("GET", "200"), ("HEAD", "200"), ("OPTIONS", "204")],
            "OPTIONS, GET",
        ),
        "chunking_test" => (&[("POST", "timed"), ("OPTIONS", "204")], "POST, OPTIONS"),
        "xhr" => (
            &[("POST", "receive xhr"), ("OPTIONS", "204")],
            "POST, OPTIONS",
        ),
        "xhr_streaming" => (
            &[("POST", "receive xhr_streaming"), ("OPTIONS", "204")],
            "POST, OPTIONS",
        ),
        "xhr_send" => (
            &[("POST", "send xhr_send"), ("OPTIONS", "204")],
            "POST, OPTIONS",
        ),
        "jsonp_send" => (&[("POST", "send jsonp_send")], "POST"),
        "eventsource" => (&[("GET", "receive eventsource")], "GET"),
        "htmlfile" => (&[("GET", "receive htmlfile")], "GET"),
        "jsonp" => (&[("GET", "receive jsonp")], "GET"),
        "websocket" if method == "GET" => {
            return match (asks_upgrade, upgrade) {
                (true, 5) => format!("upgrade {}", path.len() > "/websocket".len()),
                _ => format!("400{close}"),
            };
        }
        "websocket" => (&[], "GET"),
        _ => return format!("404{close}"),
    };
    match good.iter().find(|(name, _)| *name == method) {
        Some((_, kind)) => (*kind).to_owned(),
        None => format!("405 {allow}{close}"),
    }
}

/// Every path with every method, with and without upgrade, in both versions of HTTP.
#[test]
fn every_request_has_its_answer() {
    ids::check("sockjs-1.2", ENDS.iter().chain(NOWHERE).map(|row| row.0));
    let service = service(open_config());
    for (index, (id, path)) in ENDS.iter().chain(NOWHERE).enumerate() {
        for method in METHODS {
            for (upgrade, fields) in UPGRADES.iter().enumerate() {
                for http10 in [false, true] {
                    let line = format!("{method} /echo{}", expanded(path));
                    let mut head = ask(&line, fields);
                    head.fields.push(("Host".into(), b"localhost".to_vec()));
                    if http10 {
                        head.line = head.line.replace("HTTP/1.1", "HTTP/1.0");
                    }
                    let answer = service.answer(&head, &ABOUT);
                    let expected = match index < ENDS.len() {
                        true => expected_kind(path, method, upgrade, http10),
                        false => expected_kind("/x", method, upgrade, http10),
                    };
                    assert_eq!(kind(&answer), expected, "{id}: {head:?}");
                    if let Answer::Response(response) = answer {
                        check_end_to_end(&response);
                        if response.head.status() == 405 {
                            assert!(response.body.is_empty());
                            assert_eq!(response.head.headers().iter().count(), 1, "only Allow");
                        }
                    }
                }
            }
        }
    }
}

fn check_end_to_end(response: &Response) {
    for name in [
        "Connection",
        "Transfer-Encoding",
        "Content-Length",
        "Date",
        "Last-Modified",
    ] {
        assert_eq!(field(response, name), None);
    }
}

#[test]
fn prefixes() {
    for (prefix, target, expected) in [
        ("", "/", "200"),
        ("", "", "200"),
        ("", "/info", "200"),
        ("/a/b/c", "/a/b/c", "200"),
        ("/a/b/c", "/a/b/c/", "200"),
        ("/a/b/c", "/a/b/c/info", "200"),
        ("/a/b/c", "/a/b/cinfo", "404"),
        ("/a/b/c", "/a/b", "404"),
        ("/a/b/c", "/a/b/c//", "404"),
        ("/echo", "/Echo", "404"),
        ("/echo", "/ech%6f", "404"),
        ("/echo", "http://h.test/echo/info", "200"),
        ("/echo", "*", "404"),
        ("/echo", "http://[", "404"),
    ] {
        let service = service(Config {
            prefix: prefix.into(),
            ..open_config()
        });
        let answer = service.answer(&ask(&format!("GET {target}"), &[]), &ABOUT);
        assert_eq!(kind(&answer), expected, "{prefix} {target}");
    }
}

#[test]
fn owned_paths() {
    let service = service(open_config());
    for (path, owned) in [
        ("/echo", true),
        ("/echo/", true),
        ("/echo/x", true),
        ("/echo2", false),
        ("/", false),
        ("", false),
    ] {
        assert_eq!(service.owns(path), owned, "{path}");
    }
}

/// JSONP clients give up after 35 s, whatever the option says.
#[test]
fn heartbeats_of_jsonp_come_in_time() {
    let heartbeat_delay = Duration::from_secs(60);
    let service = service(Config {
        heartbeat_delay,
        ..open_config()
    });
    assert_eq!(
        service.heartbeat_delay(Transport::XhrStreaming),
        heartbeat_delay
    );
    assert_eq!(
        service.heartbeat_delay(Transport::Jsonp),
        Duration::from_secs(30)
    );
}

#[test]
fn what_is_off_is_404() {
    let off = |config: Config| {
        let service = service(Config {
            prefix: String::new(),
            ..config
        });
        let paths = ENDS.iter().filter(|(_, path)| {
            let answer =
                |method| service.answer(&ask(&format!("{method} {}", expanded(path)), &[]), &ABOUT);
            METHODS.iter().all(|method| kind(&answer(method)) == "404")
        });
        paths
            .map(|(id, _)| id.trim_start_matches("1.2-"))
            .collect::<Vec<_>>()
    };
    let raw_and_not = vec!["raw-websocket", "websocket"];
    assert_eq!(off(open_config()), Vec::<&str>::new());
    assert_eq!(
        off(Config {
            websocket: false,
            ..open_config()
        }),
        raw_and_not
    );
    assert_eq!(
        off(Config {
            raw_websocket: false,
            ..open_config()
        }),
        ["raw-websocket"]
    );
    let transports = Transports::ALL.without(Transport::Jsonp);
    assert_eq!(
        off(Config {
            transports,
            ..open_config()
        }),
        ["jsonp", "jsonp-send"]
    );
    let no_iframe = off(Config {
        disable_cors: true,
        ..open_config()
    });
    assert_eq!(no_iframe, ["iframe", "iframe-version", "iframe-dash"]);
    for origins in [
        OriginPolicy::SameOrigin,
        OriginPolicy::parse(["http://a.test"]).unwrap(),
    ] {
        let untold = ["htmlfile", "jsonp", "jsonp-send"];
        assert_eq!(
            off(Config {
                origins,
                ..open_config()
            }),
            untold
        );
    }
    let transports = Transports::NONE.with(Transport::Websocket);
    let only = Config {
        transports,
        ..open_config()
    };
    assert!(!only.served().contains(Transport::XhrSend));
}

/// A request and the exact answer.
struct Vector {
    id: &'static str,
    line: &'static str,
    fields: &'static [&'static str],
    expected: &'static str,
}

const NO_CACHE: &str =
    "Cache-Control: no-store, no-cache, no-transform, must-revalidate, max-age=0\n";
const FOREVER: &str =
    "Cache-Control: public, max-age=31536000\nExpires: Thu, 06 Nov 2025 00:00:00 GMT\n";

#[test]
fn greeting_info_and_errors() {
    let vectors = [
        Vector {
            id: "2.1-greeting",
            line: "GET /echo",
            fields: &[],
            expected: "200\nContent-Type: text/plain; charset=UTF-8\n\nWelcome to SockJS!\n",
        },
        Vector {
            id: "2.1-info",
            line: "GET /echo/info",
            fields: &["Origin: http://a.b:1", "Cookie: JSESSIONID=a"],
            expected: "200\nAccess-Control-Allow-Credentials: true\n\
                Access-Control-Allow-Origin: http://a.b:1\n{no-cache}\
                Content-Type: application/json; charset=UTF-8\nVary: Origin\n\n\
                {\"websocket\":true,\"origins\":[\"*:*\"],\"cookie_needed\":false,\"entropy\":2438970947}",
        },
        Vector {
            id: "2.1-info-preflight",
            line: "OPTIONS /echo/info",
            fields: &["Origin: null", "Access-Control-Request-Headers: a, b"],
            expected: "204\nAccess-Control-Allow-Credentials: true\n\
                Access-Control-Allow-Headers: a, b\nAccess-Control-Allow-Methods: OPTIONS, GET\n\
                Access-Control-Allow-Origin: null\nAccess-Control-Max-Age: 31536000\n\
                {forever}Vary: Origin\n",
        },
        Vector {
            id: "2.2-not-modified",
            line: "GET /echo/iframe.html",
            fields: &["If-None-Match: \"5a7a1ac4408427b794c788162b8e61cf\""],
            expected: "304\n{forever-1}ETag: \"5a7a1ac4408427b794c788162b8e61cf\"\n{forever-2}\
                Referrer-Policy: no-referrer\n",
        },
        Vector {
            id: "2.8-get-xhr",
            line: "GET /echo/000/s1/xhr",
            fields: &["Origin: http://x"],
            expected: "405\nAllow: POST, OPTIONS\n",
        },
        Vector {
            id: "2.8-post-websocket",
            line: "POST /echo/000/s1/websocket",
            fields: &["Upgrade: websocket", "Connection: Upgrade"],
            expected: "405\nAllow: GET\n",
        },
        Vector {
            id: "2.8-not-found",
            line: "GET /echo/a",
            fields: &["Origin: http://x"],
            expected: "404\n{no-cache}Content-Type: text/plain; charset=UTF-8\n\n\
                404 Error: Page not found\n",
        },
        Vector {
            id: "2.6-no-callback",
            line: "GET /echo/000/s1/htmlfile",
            fields: &[],
            expected: "500\n{no-cache}Content-Type: text/plain; charset=UTF-8\n\
                X-Content-Type-Options: nosniff\n\n\"callback\" parameter required",
        },
        Vector {
            id: "2.6-invalid-callback",
            line: "GET /echo/000/s1/htmlfile?c=abc(",
            fields: &[],
            expected: "500\n{no-cache}Content-Type: text/plain; charset=UTF-8\n\
                X-Content-Type-Options: nosniff\n\ninvalid \"callback\" parameter",
        },
        Vector {
            id: "2.3-xhr",
            line: "POST /echo/000/s1/xhr",
            fields: &["Origin: http://x"],
            expected: "200\nAccess-Control-Allow-Credentials: true\n\
                Access-Control-Allow-Origin: http://x\n{no-cache}\
                Content-Type: application/javascript; charset=UTF-8\nVary: Origin\n",
        },
        Vector {
            id: "2.3-xhr-preflight",
            line: "OPTIONS /echo/000/s1/xhr",
            fields: &["Origin: http://x", "Access-Control-Request-Headers:"],
            expected: "204\nAccess-Control-Allow-Credentials: true\n\
                Access-Control-Allow-Methods: OPTIONS, POST\nAccess-Control-Allow-Origin: http://x\n\
                Access-Control-Max-Age: 31536000\n{forever}Vary: Origin\n",
        },
        Vector {
            id: "2.4-xhr-streaming",
            line: "POST /echo/000/s1/xhr_streaming",
            fields: &[],
            expected: "200\nAccess-Control-Allow-Origin: *\n{no-cache}\
                Content-Type: application/javascript; charset=UTF-8\nVary: Origin\n\
                X-Accel-Buffering: no\n",
        },
        Vector {
            id: "2.5-eventsource",
            line: "GET /echo/000/s1/eventsource",
            fields: &[],
            expected: "200\nAccess-Control-Allow-Origin: *\n{no-cache}\
                Content-Type: text/event-stream\nVary: Origin\nX-Accel-Buffering: no\n",
        },
        Vector {
            id: "2.6-htmlfile",
            line: "GET /echo/000/s1/htmlfile?c=cb",
            fields: &["Sec-Fetch-Dest: iframe"],
            expected: "200\n{no-cache}\
                Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'\n\
                Content-Type: text/html; charset=UTF-8\nReferrer-Policy: no-referrer\n\
                X-Accel-Buffering: no\nX-Content-Type-Options: nosniff\n",
        },
        Vector {
            id: "2.7-jsonp",
            line: "GET /echo/000/s1/jsonp?c=cb",
            fields: &[],
            expected: "200\n{no-cache}Content-Type: application/javascript; charset=UTF-8\n\
                X-Content-Type-Options: nosniff\n",
        },
    ];
    ids::check("sockjs-2-heads", vectors.iter().map(|vector| vector.id));
    let config = Config {
        sockjs_url: "http://localhost/sockjs.js".into(),
        ..open_config()
    };
    let service = service(config);
    let (cache, expires) = FOREVER.split_at(FOREVER.find("Expires").unwrap());
    for Vector {
        id,
        line,
        fields,
        expected,
    } in vectors
    {
        let expected = expected
            .replace("{no-cache}", NO_CACHE)
            .replace("{forever}", FOREVER)
            .replace("{forever-1}", cache)
            .replace("{forever-2}", expires);
        assert_eq!(
            show(&response(&service, &ask(line, fields))),
            expected,
            "{id}"
        );
    }
}

#[test]
fn iframe_pages() {
    let rows = [
        (
            "2.2-localhost",
            "http://localhost/sockjs.js",
            435,
            "5a7a1ac4408427b794c788162b8e61cf",
        ),
        (
            "2.2-cdn",
            "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js",
            472,
            "08c88a6396a2481f245d665a53d9dc14",
        ),
        (
            "2.2-relative",
            "/sockjs.js",
            419,
            "5ff84430262941008d61a8033546b552",
        ),
        (
            "2.2-localhost-old",
            "http://localhost/sockjs.js",
            465,
            "4241561678e5ae67f4d58ccffdd85f0b",
        ),
        (
            "2.2-cdn-old",
            "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js",
            502,
            "9fc72ff7ea0c808d877f76c66a4b5a5f",
        ),
        (
            "2.2-relative-old",
            "/sockjs.js",
            449,
            "6c1053d651aa446ac8872a34347b9360",
        ),
    ];
    ids::check("sockjs-2.2", rows.iter().map(|row| row.0));
    for (id, url, length, md5) in rows {
        let dialect = if id.ends_with("-old") {
            Dialect::V0_3_3
        } else {
            Dialect::Newest
        };
        let service = service(Config {
            sockjs_url: url.into(),
            dialect,
            ..open_config()
        });
        let page = response(&service, &ask("GET /echo/iframe-0.1.html?t=1", &[]));
        assert_eq!(page.body.len(), length, "{id}");
        assert_eq!(field(&page, "ETag"), Some(format!("\"{md5}\"")), "{id}");
        assert_eq!(
            field(&page, "Content-Type").as_deref(),
            Some("text/html; charset=UTF-8")
        );
        for (tags, status) in [
            (format!("W/\"{md5}\""), 304),
            (format!("\"x\", \"{md5}\""), 304),
            ("*".into(), 304),
            ("\"x\"".into(), 200),
            (md5.to_owned(), 200),
        ] {
            let field = format!("If-None-Match: {tags}");
            let page = response(&service, &ask("GET /echo/iframe.html", &[&field]));
            assert_eq!(page.head.status(), status, "{id} {tags}");
        }
    }
}

/// A receiver's bytes: the prelude, then each frame.
fn stream(service: &Service, line: &str, frames: &[Frame<'_>]) -> Vec<Vec<u8>> {
    let Answer::Receive(receive) = service.answer(&ask(line, &[]), &ABOUT) else {
        panic!("{line} is no receiver");
    };
    let mut prelude = Vec::new();
    receive.wrapping.write_prelude(&mut prelude);
    let mut chunks = vec![prelude];
    for frame in frames {
        let mut chunk = Vec::new();
        assert_eq!(receive.wrapping.write(frame, &mut chunk), chunk.len());
        chunks.push(chunk);
    }
    chunks
}

#[test]
fn frames_on_every_transport() {
    const POST: &str = "POST /echo/000/s1/";
    const GET: &str = "GET /echo/000/s1/";
    let away = Close::new(3000, "Go away!");
    let literal = |text: &str| [Literal::from(text)];
    let closing = Frame::Close(&away);
    let another = Frame::Close(&Close::ANOTHER_CONNECTION);
    let percent = literal("%41 100%");
    let exotic = literal("\u{1f600}\u{200c}\u{fff0}\u{e9}");
    let script = literal("</script>");
    let ampersand = literal("<!--&-->");
    let x = literal("x");
    let two = [Literal::from("a\u{2028}b%"), Literal::from("c")];
    let tail = [Literal::from("abc"), Literal::from("%61bc")];
    let hex = literal(&"x".repeat(128));
    let messages = Frame::Messages;
    let rows: &[(&str, &str, &str, Frame<'_>, &str)] = &[
        ("2.3-open", POST, "xhr", Frame::Open, "o\n"),
        (
            "2.3-two",
            POST,
            "xhr",
            messages(&two),
            "a[\"a\\u2028b%\",\"c\"]\n",
        ),
        ("2.3-heartbeat", POST, "xhr", Frame::Heartbeat, "h\n"),
        ("2.4-open", POST, "xhr_streaming", Frame::Open, "o\n"),
        (
            "2.4-close",
            POST,
            "xhr_streaming",
            closing,
            "c[3000,\"Go away!\"]\n",
        ),
        (
            "2.4-134",
            POST,
            "xhr_streaming",
            messages(&hex),
            "a[\"{128x}\"]\n",
        ),
        (
            "2.5-open",
            GET,
            "eventsource",
            Frame::Open,
            "data: o\r\n\r\n",
        ),
        (
            "2.5-close",
            GET,
            "eventsource",
            closing,
            "data: c[3000,\"Go away!\"]\r\n\r\n",
        ),
        (
            "2.5-percent",
            GET,
            "eventsource",
            messages(&percent),
            "data: a[\"%2541 100%25\"]\r\n\r\n",
        ),
        (
            "2.5-exotic",
            GET,
            "eventsource",
            messages(&exotic),
            "data: a[\"\\ud83d\\ude00\\u200c\\ufff0\u{e9}\"]\r\n\r\n",
        ),
        (
            "2.6-open",
            GET,
            "htmlfile?c=cb",
            Frame::Open,
            "<script>\np(\"o\");\n</script>\r\n",
        ),
        (
            "2.6-message",
            GET,
            "htmlfile?c=cb",
            messages(&x),
            "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n",
        ),
        (
            "2.6-script",
            GET,
            "htmlfile?c=cb",
            messages(&script),
            "<script>\np(\"a[\\\"\\u003c/script\\u003e\\\"]\");\n</script>\r\n",
        ),
        (
            "2.6-ampersand",
            GET,
            "htmlfile?c=cb",
            messages(&ampersand),
            "<script>\np(\"a[\\\"\\u003c!--\\u0026--\\u003e\\\"]\");\n</script>\r\n",
        ),
        (
            "2.7-open",
            GET,
            "jsonp?c=cb",
            Frame::Open,
            "/**/cb(\"o\");\r\n",
        ),
        (
            "2.7-messages",
            GET,
            "jsonp?callback=x",
            messages(&tail),
            "/**/x(\"a[\\\"abc\\\",\\\"%61bc\\\"]\");\r\n",
        ),
        (
            "2.7-close",
            GET,
            "jsonp?c=x",
            closing,
            "/**/x(\"c[3000,\\\"Go away!\\\"]\");\r\n",
        ),
        (
            "2.9-xhr",
            POST,
            "xhr",
            another,
            "c[2010,\"Another connection still open\"]\n",
        ),
        (
            "2.9-eventsource",
            GET,
            "eventsource",
            another,
            "data: c[2010,\"Another connection still open\"]\r\n\r\n",
        ),
        (
            "2.9-jsonp",
            GET,
            "jsonp?c=cb",
            another,
            "/**/cb(\"c[2010,\\\"Another connection still open\\\"]\");\r\n",
        ),
        (
            "2.9-htmlfile",
            GET,
            "htmlfile?c=cb",
            another,
            "<script>\np(\"c[2010,\\\"Another connection still open\\\"]\");\n</script>\r\n",
        ),
    ];
    ids::check("sockjs-2-frames", rows.iter().map(|row| row.0));
    let service = service(open_config());
    for (id, method, end, frame, expected) in rows {
        let expected = expected.replace("{128x}", &"x".repeat(128));
        let chunks = stream(&service, &format!("{method}{end}"), &[*frame]);
        assert_eq!(String::from_utf8_lossy(&chunks[1]), expected, "{id}");
        // What it is for: the client gets the frame itself, whatever it was wrapped in.
        let mut plain = Vec::new();
        frame.write(Embedding::Plain, &mut plain);
        assert_eq!(unwrapped(end, &expected).as_bytes(), plain, "{id}");
    }
    let lengths = [("2.4-134", 0x86), ("2.9-xhr", 0x28), ("2.9-htmlfile", 0x44)];
    for (id, length) in lengths {
        let (_, method, end, frame, _) = rows.iter().find(|row| row.0 == id).unwrap();
        assert_eq!(
            stream(&service, &format!("{method}{end}"), &[*frame])[1].len(),
            length
        );
    }
}

/// What a client makes of a response's chunk.
fn unwrapped(end: &str, chunk: &str) -> String {
    let between = |from: char, to: char| {
        let inner = &chunk[chunk.find(from).unwrap() + 1..chunk.rfind(to).unwrap()];
        serde_json::from_str::<String>(inner).unwrap()
    };
    match end.split('?').next().unwrap() {
        "eventsource" => {
            let data = chunk
                .strip_prefix("data: ")
                .unwrap()
                .strip_suffix("\r\n\r\n")
                .unwrap();
            data.replace("%25", "%")
        }
        "htmlfile" => {
            let inner = chunk.strip_prefix("<script>\n").unwrap();
            let inner = inner.strip_suffix("\n</script>\r\n").unwrap();
            assert!(!inner.contains(['<', '>', '&']));
            between('(', ')')
        }
        "jsonp" => between('(', ')'),
        _ => chunk.strip_suffix('\n').unwrap().to_owned(),
    }
}

#[test]
fn preludes() {
    let service = service(open_config());
    let prelude = |line: &str| stream(&service, line, &[]).remove(0);
    let rows: &[(&str, Vec<u8>)] = &[
        ("POST /echo/0/s/xhr", vec![]),
        (
            "POST /echo/0/s/xhr_streaming",
            [vec![b'h'; 2048], vec![b'\n']].concat(),
        ),
        ("GET /echo/0/s/eventsource", b"\r\n".to_vec()),
        ("GET /echo/0/s/jsonp?c=cb", vec![]),
    ];
    for (line, expected) in rows {
        assert_eq!(prelude(line), *expected, "{line}");
    }
    for (callback, length) in [("cb", 0x405), ("_jp.aXXXXXX", 1038)] {
        let page = prelude(&format!("GET /echo/0/s/htmlfile?c={callback}"));
        assert_eq!(page.len(), length);
        assert!(page.ends_with(b"   \r\n\r\n"));
        let head = HTMLFILE.replace("%s", callback);
        assert_eq!(String::from_utf8(page).unwrap().trim(), head);
    }
}

const HTMLFILE: &str = r#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%s;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"#;

#[test]
fn chunking_test() {
    let answer = service(open_config()).answer(&ask("POST /echo/chunking_test", &[]), &ABOUT);
    let Answer::Timed(timed) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(timed.head.status(), 200);
    let delays: Vec<_> = timed
        .chunks
        .iter()
        .map(|(delay, _)| delay.as_millis())
        .collect();
    assert_eq!(delays, [0, 0, 5, 25, 125, 625, 3125]);
    let prelude = [&[b' '; 2048][..], b"h\n"].concat();
    for (index, (_, chunk)) in timed.chunks.iter().enumerate() {
        assert_eq!(*chunk, if index == 1 { &prelude[..] } else { b"h\n" });
    }
}

fn sending(service: &Service, line: &str, fields: &[&str]) -> Sending {
    match service.answer(&ask(line, fields), &ABOUT) {
        Answer::Send(sending) => sending,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn bodies_of_senders() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let (payload, broken) = (Err("Payload expected."), Err("Broken JSON encoding."));
    type Expected = Result<&'static [&'static str], &'static str>;
    type Row = (
        &'static str,
        &'static str,
        Option<&'static str>,
        &'static [u8],
        Expected,
    );
    let rows: &[Row] = &[
        ("2.8-empty", "xhr_send", None, b"", payload),
        ("2.8-broken", "xhr_send", None, b"[\"a", broken),
        ("2.8-object", "xhr_send", None, b"{}", payload),
        (
            "2.8-other-type",
            "xhr_send",
            Some("foo/bar"),
            b"[\"a\"]",
            payload,
        ),
        (
            "2.8-good",
            "xhr_send",
            None,
            b"[\"a\",\"b\"]",
            Ok(&["a", "b"]),
        ),
        ("1.9-no-items", "xhr_send", None, b"[]", Ok(&[])),
        ("1.9-string", "xhr_send", None, b"\"a\"", payload),
        ("1.9-not-utf-8", "xhr_send", None, b"[\"\xff\"]", broken),
        (
            "1.9-not-utf-8-escaped",
            "xhr_send",
            None,
            b"[\"\\n\xff\"]",
            broken,
        ),
        (
            "1.9-text-plain",
            "xhr_send",
            Some("text/plain"),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        ("1.9-t", "xhr_send", Some("T"), b"[\"a\"]", Ok(&["a"])),
        (
            "1.9-json",
            "xhr_send",
            Some("application/json"),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        (
            "1.9-xml",
            "xhr_send",
            Some("application/xml"),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        (
            "1.9-text-xml",
            "xhr_send",
            Some("text/xml; charset=utf-8"),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        (
            "1.9-charset",
            "xhr_send",
            Some("application/json; charset=utf-8"),
            b"[]",
            Ok(&[]),
        ),
        (
            "1.9-empty-type",
            "xhr_send",
            Some(""),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        (
            "1.9-case",
            "xhr_send",
            Some("Text/Plain"),
            b"[\"a\"]",
            Ok(&["a"]),
        ),
        (
            "1.9-form-to-xhr",
            "xhr_send",
            Some(FORM),
            b"d=%5B%5D",
            payload,
        ),
        (
            "2.7-form",
            "jsonp_send",
            Some(FORM),
            b"d=%5B%22a+b%22%5D",
            Ok(&["a b"]),
        ),
        (
            "2.7-form-decoded",
            "jsonp_send",
            Some(FORM),
            b"d=[\"%61bc\"]",
            Ok(&["abc"]),
        ),
        (
            "2.7-form-later",
            "jsonp_send",
            Some(FORM),
            b"x=1&d=%5B%5D&d=2",
            Ok(&[]),
        ),
        (
            "2.7-plus",
            "jsonp_send",
            Some(FORM),
            b"d=[\"%2B\"]",
            Ok(&["+"]),
        ),
        (
            "2.7-malformed-escape",
            "jsonp_send",
            Some(FORM),
            b"d=[\"%4\"]",
            Ok(&["%4"]),
        ),
        (
            "2.7-text",
            "jsonp_send",
            Some("text/plain"),
            b"[\"%61bc\"]",
            Ok(&["%61bc"]),
        ),
        ("2.7-untyped", "jsonp_send", None, b"[\"a\"]", Ok(&["a"])),
        ("2.7-empty", "jsonp_send", Some(FORM), b"", payload),
        ("2.7-empty-d", "jsonp_send", Some(FORM), b"d=", payload),
        ("2.7-no-d", "jsonp_send", Some(FORM), b"p=p", payload),
        ("2.7-broken", "jsonp_send", Some(FORM), b"d=%5B%22x", broken),
        (
            "2.7-no-items",
            "jsonp_send",
            Some(FORM),
            b"d=%5B%5D",
            Ok(&[]),
        ),
        (
            "1.9-jsonp-json",
            "jsonp_send",
            Some("application/json"),
            b"[]",
            payload,
        ),
    ];
    ids::check("sockjs-1.9", rows.iter().map(|row| row.0));
    let service = service(open_config());
    for (id, end, content_type, body, expected) in rows {
        let field = content_type.map(|content_type| format!("Content-Type: {content_type}"));
        let fields: Vec<&str> = field.iter().map(String::as_str).collect();
        let sending = sending(&service, &format!("POST /echo/0/s/{end}"), &fields);
        match (sending.messages(&Bytes::copy_from_slice(body)), expected) {
            (Ok(messages), Ok(expected)) => assert_eq!(messages, *expected, "{id}"),
            (Err(refused), Err(text)) => {
                assert_eq!(refused.head.status(), 500, "{id}");
                assert_eq!(refused.body, text.as_bytes(), "{id}");
            }
            (result, _) => panic!("{id}: {result:?}"),
        }
    }
}

#[test]
fn answers_to_senders() {
    let service = service(open_config());
    let xhr = sending(&service, "POST /echo/0/s/xhr_send", &["Origin: http://x"]);
    let cors = "Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Origin: http://x\n";
    let text = "Content-Type: text/plain; charset=UTF-8\n";
    assert_eq!(
        show(&xhr.accepted()),
        format!("204\n{cors}{NO_CACHE}{text}Vary: Origin\n")
    );
    assert_eq!(
        show(&xhr.unknown_session()),
        format!("404\n{cors}{NO_CACHE}Vary: Origin\n")
    );
    assert_eq!(show(&xhr.closing()), show(&xhr.unknown_session()));
    assert!(xhr.too_large().head.closes());
    assert_eq!(xhr.too_large().head.status(), 413);
    assert_eq!((xhr.session().as_str(), xhr.max_body()), ("s", 1024 * 1024));
    let jsonp = sending(&service, "POST /echo/0/s/jsonp_send", &["Origin: http://x"]);
    assert_eq!(
        show(&jsonp.accepted()),
        format!("200\n{NO_CACHE}{text}\nok")
    );
    assert_eq!(jsonp.transport(), Transport::JsonpSend);
}
