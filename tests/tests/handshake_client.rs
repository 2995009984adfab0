//! Requests as our client makes them, and the answers it believes.

use tests::heads::Head;
use tests::ids;
use websocket_proto::deflate::{self, ParamsError};
use websocket_proto::handshake::{
    Client, ClientError, ClientRequest, FieldDefect, FieldError, RequestError, Url, accept_key,
    versions,
};
use websocket_proto::{Draft, Drafts};

fn url() -> Url {
    "ws://Server.test:80/demo?x=1".parse().unwrap()
}

/// The key of RFC 6455 §1.3.
fn sample(bytes: &mut [u8]) {
    bytes.copy_from_slice(b"the sample nonce");
}

fn text(client: &Client) -> &str {
    std::str::from_utf8(client.request()).unwrap()
}

#[test]
fn requests_byte_by_byte() {
    let url = url();
    let full = |draft, protocols| ClientRequest {
        draft,
        origin: Some("http://page.test"),
        protocols,
        deflate: Some(deflate::Config::default()),
        headers: &[("Cookie", "a=b")],
        ..ClientRequest::new(&url)
    };
    for (request, expected) in [
        (
            ClientRequest::new(&url),
            "GET /demo?x=1 HTTP/1.1|Host: server.test|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Version: 13||",
        ),
        (
            full(Draft::Rfc6455, &["chat", "superchat"]),
            "GET /demo?x=1 HTTP/1.1|Host: server.test|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Version: 13|\
             Origin: http://page.test|Sec-WebSocket-Protocol: chat, superchat|\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits|Cookie: a=b||",
        ),
        (
            full(Draft::Hybi08, &[]),
            "GET /demo?x=1 HTTP/1.1|Host: server.test|Upgrade: websocket|Connection: Upgrade|\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Version: 8|\
             Sec-WebSocket-Origin: http://page.test|\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits|Cookie: a=b||",
        ),
        (
            full(Draft::Hixie75, &["a, b"]),
            "GET /demo?x=1 HTTP/1.1|Upgrade: WebSocket|Connection: Upgrade|Host: server.test|\
             Origin: http://page.test|WebSocket-Protocol: a, b|Cookie: a=b||",
        ),
        (
            ClientRequest {
                draft: Draft::Hixie75,
                ..ClientRequest::new(&url)
            },
            "GET /demo?x=1 HTTP/1.1|Upgrade: WebSocket|Connection: Upgrade|Host: server.test|\
             Origin: http://server.test||",
        ),
    ] {
        let client = Client::new(&request, &mut sample).unwrap();
        assert_eq!(text(&client), expected.replace('|', "\r\n"));
        assert_eq!(client.draft(), request.draft);
    }
}

#[test]
fn requests_that_cannot_be_made() {
    let url = url();
    let many = ["a"; 33];
    let new = ClientRequest::new(&url);
    let hixie = ClientRequest {
        draft: Draft::Hixie76,
        ..new.clone()
    };
    let field = |why| RequestError::Field(FieldError { index: 0, why });
    for (request, expected) in [
        (
            ClientRequest {
                protocols: &["a b"],
                ..new.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &[""],
                ..new.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &["a", "a"],
                ..new.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &many,
                ..new.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &["a\r\nX: y"],
                ..new.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &["a", "b"],
                ..hixie.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &[" a"],
                ..hixie.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                protocols: &["a\n"],
                ..hixie.clone()
            },
            RequestError::Protocol,
        ),
        (
            ClientRequest {
                origin: Some("http://a\r\nX: y"),
                ..new.clone()
            },
            RequestError::Origin,
        ),
        (
            ClientRequest {
                origin: Some(" "),
                ..hixie.clone()
            },
            RequestError::Origin,
        ),
        (
            ClientRequest {
                origin: Some("http://a "),
                ..new.clone()
            },
            RequestError::Origin,
        ),
        (
            ClientRequest {
                origin: Some(""),
                ..hixie
            },
            RequestError::Origin,
        ),
        (
            ClientRequest {
                headers: &[("Host", "a")],
                ..new.clone()
            },
            field(FieldDefect::Reserved),
        ),
        (
            ClientRequest {
                headers: &[("Upgrade", "a")],
                ..new.clone()
            },
            field(FieldDefect::Reserved),
        ),
        (
            ClientRequest {
                headers: &[("X\r\nY", "a")],
                ..new.clone()
            },
            field(FieldDefect::Name),
        ),
        (
            ClientRequest {
                headers: &[("X", "a\r\nY: b")],
                ..new
            },
            field(FieldDefect::Value),
        ),
    ] {
        assert_eq!(
            Client::new(&request, &mut |_: &mut [u8]| {}).unwrap_err(),
            expected
        );
    }
}

/// An id, what to replace in the good answer, what to add, and what the client makes of it.
type Row<'a> = (
    &'a str,
    (&'a str, &'a str),
    &'a str,
    Result<(), ClientError>,
);

const GOOD: &str = "HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=|";

/// The good answer, with one piece of text replaced, and lines added.
fn answer(good: &str, replace: (&str, &str), add: &str) -> Head {
    assert!(good.contains(replace.0));
    let text = format!("{}{add}", good.replacen(replace.0, replace.1, 1));
    Head::parse(
        format!(
            "{}\r\n\r\n",
            text.trim_end_matches('|').replace('|', "\r\n")
        )
        .as_bytes(),
    )
}

#[test]
fn answers_of_hybi() {
    use ClientError::{
        Accept, Connection, Deflate, ExtensionNotOffered, Extensions, Protocol, Status, Upgrade,
    };
    const A: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=|";
    const SAME: (&str, &str) = ("", "");
    let other_key = accept_key(b"AAAAAAAAAAAAAAAAAAAAAA==");
    let other_key = std::str::from_utf8(&other_key).unwrap();
    let rows: &[Row<'_>] = &[
        ("1.7-good", SAME, "", Ok(())),
        (
            "1.7-case",
            (
                "websocket|Connection: Upgrade",
                "WebSocket|Connection: x, UPGRADE",
            ),
            "",
            Ok(()),
        ),
        ("1.7-status-200", ("101", "200"), "", Err(Status(200))),
        ("1.7-status-401", ("101", "401"), "", Err(Status(401))),
        (
            "1.7-upgrade-missing",
            ("Upgrade: websocket|", ""),
            "",
            Err(Upgrade),
        ),
        (
            "1.7-upgrade-twice",
            SAME,
            "Upgrade: websocket|",
            Err(Upgrade),
        ),
        (
            "1.7-upgrade-other",
            ("websocket", "websocket, h2c"),
            "",
            Err(Upgrade),
        ),
        (
            "1.7-connection-missing",
            ("Connection: Upgrade|", ""),
            "",
            Err(Connection),
        ),
        (
            "1.7-connection-other",
            ("Connection: Upgrade", "Connection: close"),
            "",
            Err(Connection),
        ),
        ("1.7-accept-missing", (A, ""), "", Err(Accept)),
        ("1.7-accept-twice", SAME, A, Err(Accept)),
        (
            "1.7-accept-of-another-key",
            ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", other_key),
            "",
            Err(Accept),
        ),
        ("1.7-accept-case", ("s3pP", "S3PP"), "", Err(Accept)),
        (
            "1.7-accept-is-the-key",
            (A, "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==|"),
            "",
            Err(Accept),
        ),
        ("1.7-accept-truncated", ("xOo=", "xOo"), "", Err(Accept)),
        (
            "1.7-protocol-offered",
            SAME,
            "Sec-WebSocket-Protocol: b|",
            Ok(()),
        ),
        ("1.7-protocol-absent", SAME, "X-Other: b|", Ok(())),
        (
            "1.7-protocol-not-offered",
            SAME,
            "Sec-WebSocket-Protocol: c|",
            Err(Protocol),
        ),
        (
            "1.7-protocol-case",
            SAME,
            "Sec-WebSocket-Protocol: B|",
            Err(Protocol),
        ),
        (
            "1.7-protocol-list",
            SAME,
            "Sec-WebSocket-Protocol: a, b|",
            Err(Protocol),
        ),
        (
            "1.7-protocol-twice",
            SAME,
            "Sec-WebSocket-Protocol: a|Sec-WebSocket-Protocol: a|",
            Err(Protocol),
        ),
        (
            "1.7-extension-not-offered",
            SAME,
            "Sec-WebSocket-Extensions: mux|",
            Err(ExtensionNotOffered),
        ),
        (
            "1.7-extension-twice",
            SAME,
            "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate|",
            Err(ExtensionNotOffered),
        ),
        (
            "1.7-extensions-malformed",
            SAME,
            "Sec-WebSocket-Extensions: a;|",
            Err(Extensions),
        ),
        (
            "1.7-extensions-two-lines",
            SAME,
            "Sec-WebSocket-Extensions: permessage-deflate|Sec-WebSocket-Extensions: |",
            Err(Extensions),
        ),
        (
            "1.7-deflate",
            SAME,
            "Sec-WebSocket-Extensions: permessage-deflate|",
            Ok(()),
        ),
        (
            "1.7-deflate-bad-parameter",
            SAME,
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16|",
            Err(Deflate(ParamsError::BadValue)),
        ),
    ];
    ids::check("1.7", rows.iter().map(|row| row.0));
    let url = url();
    for draft in [Draft::Hybi07, Draft::Hybi08, Draft::Rfc6455] {
        let request = ClientRequest {
            draft,
            protocols: &["a", "b"],
            deflate: Some(deflate::Config::default()),
            ..ClientRequest::new(&url)
        };
        let client = Client::new(&request, &mut sample).unwrap();
        // With nothing offered, nothing optional may come.
        let bare = ClientRequest {
            draft,
            ..ClientRequest::new(&url)
        };
        let bare = Client::new(&bare, &mut sample).unwrap();
        for (id, replace, add, expected) in rows {
            let head = answer(GOOD, *replace, add);
            assert_eq!(client.verify(&head).map(drop), *expected, "{id}");
            assert_eq!(client.verify(&head.as_map()).map(drop), *expected, "{id}");
            if add.starts_with("Sec-WebSocket-") {
                assert!(bare.verify(&head).is_err(), "{id}");
            }
        }
        let head = answer(
            GOOD,
            SAME,
            "Sec-WebSocket-Protocol: b|Sec-WebSocket-Extensions: permessage-deflate|",
        );
        let agreed = client.verify(&head).unwrap();
        assert_eq!(
            (agreed.draft, agreed.protocol.as_deref()),
            (draft, Some("b"))
        );
        assert_eq!(agreed.deflate, Some(deflate::Params::default()));
    }
}

#[test]
fn answers_of_hixie() {
    use ClientError::{Location, Origin, Protocol, Upgrade};
    const SAME: (&str, &str) = ("", "");
    const GOOD: &str = "HTTP/1.1 101 X|Upgrade: WebSocket|Connection: Upgrade|Sec-WebSocket-Origin: http://Page.test|\
        Sec-WebSocket-Location: ws://server.test/demo?x=1|Sec-WebSocket-Protocol: a b|";
    let rows: &[Row<'_>] = &[
        ("1.5-good", SAME, "", Ok(())),
        (
            "1.5-lower-case-origin",
            ("http://Page.test", "http://page.test"),
            "",
            Ok(()),
        ),
        (
            "1.5-upgrade-case",
            ("WebSocket|", "websocket|"),
            "",
            Err(Upgrade),
        ),
        (
            "1.5-connection-case",
            ("Connection: Upgrade", "Connection: upgrade"),
            "",
            Ok(()),
        ),
        (
            "1.5-origin-other",
            ("http://Page.test", "http://other.test"),
            "",
            Err(Origin),
        ),
        (
            "1.5-origin-missing",
            ("Sec-WebSocket-Origin", "X-Origin"),
            "",
            Err(Origin),
        ),
        (
            "1.5-location-other",
            ("/demo?x=1", "/demo"),
            "",
            Err(Location),
        ),
        (
            "1.5-location-secure",
            ("ws://server.test", "wss://server.test"),
            "",
            Err(Location),
        ),
        (
            "1.5-location-missing",
            ("Sec-WebSocket-Location", "X-Location"),
            "",
            Err(Location),
        ),
        (
            "1.5-protocol-missing",
            ("Sec-WebSocket-Protocol: a b|", ""),
            "",
            Err(Protocol),
        ),
        ("1.5-protocol-other", ("a b", "a"), "", Err(Protocol)),
        (
            "1.5-names-of-75",
            ("Sec-WebSocket-Origin", "WebSocket-Origin"),
            "",
            Err(Origin),
        ),
    ];
    ids::check("1.5", rows.iter().map(|row| row.0));
    let url = url();
    for draft in [Draft::Hixie75, Draft::Hixie76] {
        let request = ClientRequest {
            draft,
            origin: Some("http://Page.test"),
            protocols: &["a b"],
            // There is none in these drafts, so none is offered.
            deflate: Some(deflate::Config::default()),
            ..ClientRequest::new(&url)
        };
        let client = Client::new(&request, &mut |bytes: &mut [u8]| bytes.fill(7)).unwrap();
        assert!(
            !client
                .request()
                .windows(10)
                .any(|bytes| bytes == b"Extensions")
        );
        for (id, replace, add, expected) in rows {
            let mut head = answer(GOOD, *replace, add);
            if draft == Draft::Hixie75 {
                if *id == "1.5-names-of-75" {
                    continue;
                }
                for (name, _) in &mut head.fields {
                    *name = name.replace("Sec-", "");
                }
            }
            assert_eq!(client.verify(&head).map(drop), *expected, "{id} {draft}");
        }
    }
}

#[test]
fn versions_to_try_again_with() {
    let head = |lines: &str| answer("HTTP/1.1 426 Upgrade Required|", ("", ""), lines);
    let hybi = Drafts::default().with(Draft::Hybi08).with(Draft::Hybi07);
    assert_eq!(versions(&head("Sec-WebSocket-Version: 13, 8, 7|")), hybi);
    assert_eq!(
        versions(&head(
            "Sec-WebSocket-Version: 25,13|sec-websocket-version: 8 , 7|"
        )),
        hybi
    );
    assert_eq!(versions(&head("X: 13|")), Drafts::NONE);
}
