//! What is served where, to other people's clients.

mod support;

use std::io::{Read, Write};

use support::Server;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

fn closing<S: Read + Write>(socket: &mut WebSocket<S>) -> (u16, String) {
    match socket.read().expect("a frame") {
        Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
        other => panic!("{other:?} came instead of a close frame"),
    }
}

#[test]
fn the_console_page_and_all_it_needs() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.field("content-security-policy")
            .is_some_and(|csp| csp.starts_with("default-src 'none'"))
    );
    assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
    for (path, kind) in [
        ("console.css", "text/css; charset=utf-8"),
        ("console.js", "text/javascript; charset=utf-8"),
    ] {
        assert!(page.body.contains(path));
        let file = server.get(&format!("/{path}"));
        assert_eq!((file.status, file.field("content-type")), (200, Some(kind)));
    }
    // The script and every module that it imports, and those import.
    let mut modules = vec!["console.js".to_owned()];
    let mut next = 0;
    while let Some(module) = modules.get(next) {
        let file = server.get(&format!("/{module}"));
        assert_eq!(file.status, 200, "{module}");
        for line in file.body.lines() {
            let import = line.split_once("from \"./").map(|(_, rest)| rest);
            if let Some(import) = import.and_then(|rest| rest.strip_suffix("\";"))
                && !modules.iter().any(|known| known == import)
            {
                modules.push(import.to_owned());
            }
        }
        next += 1;
    }
    assert_eq!(modules.len(), 8, "{modules:?}");
}

#[test]
fn other_paths() {
    let server = Server::start();
    assert_eq!(server.get("/favicon.ico").status, 204);
    let nothing = server.get("/nothing/here");
    assert_eq!(
        (nothing.status, &*nothing.body),
        (404, "there is nothing here\n")
    );
    let plain = server.get("/ws/echo");
    assert_eq!(
        (plain.status, plain.field("upgrade")),
        (426, Some("websocket"))
    );
    let posted = server.request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
    assert_eq!(
        (posted.status, posted.field("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn echo_of_text_and_binary() {
    let server = Server::start();
    let mut socket = server.websocket("/ws/echo");
    for message in [
        Message::text(""),
        Message::text("grüße, 世界"),
        Message::binary(vec![0, 255, 128]),
        Message::binary(vec![7; 1_000_000]),
    ] {
        socket.send(message.clone()).expect("sent");
        assert_eq!(socket.read().expect("echoed"), message);
    }
    socket.close(None).expect("sent");
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn echo_agrees_to_the_first_subprotocol_and_to_compression_without_takeover() {
    let server = Server::start();
    let mut stream = server.connect();
    let request = format!(
        "GET /ws/echo HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: b, a\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        server.host()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    // A masked close frame with an empty mask: the server answers and closes.
    stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server closes");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(
        answer.contains("\r\nsec-websocket-protocol: b\r\n"),
        "{answer}"
    );
    let extensions = answer
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-extensions: "))
        .unwrap_or_else(|| panic!("no extension: {answer}"));
    for part in [
        "permessage-deflate",
        "server_no_context_takeover",
        "client_no_context_takeover",
    ] {
        assert!(extensions.contains(part), "{extensions}");
    }
}

#[test]
fn close_with_code_and_reason() {
    let server = Server::start();
    for (query, code, reason) in [
        ("", 1000, ""),
        ("?code=4001&reason=bye", 4001, "bye"),
        ("?reason=gr%C3%BC%C3%9Fe+dich", 1000, "grüße dich"),
        ("?code=1013", 1013, ""),
    ] {
        let mut socket = server.websocket(&format!("/ws/close{query}"));
        assert_eq!(closing(&mut socket), (code, reason.to_owned()), "{query}");
    }
    for query in [
        "?code=1005",
        "?code=1006",
        "?code=999",
        "?code=x",
        "?code=5000",
    ] {
        assert_eq!(
            server.handshake_status(&format!("/ws/close{query}"), &[]),
            400,
            "{query}"
        );
    }
}

#[test]
fn the_limit_of_a_message() {
    let server = Server::start_with(["--listen", "127.0.0.1:0", "--max-message", "1k"]);
    let mut socket = server.websocket("/ws/echo");
    socket.send(Message::binary(vec![1; 1024])).expect("sent");
    assert_eq!(socket.read().expect("echoed").len(), 1024);
    socket.send(Message::binary(vec![1; 1025])).expect("sent");
    assert_eq!(closing(&mut socket).0, u16::from(CloseCode::Size));
}

#[test]
fn pages_of_other_origins_are_kept_out_unless_allowed() {
    let strict = Server::start();
    let own = format!("http://{}", strict.host());
    let listed = Server::start_with([
        "--listen",
        "127.0.0.1:0",
        "--allow-origin",
        "https://*.example.com",
    ]);
    let open = Server::start_with(["--listen", "127.0.0.1:0", "--allow-origin", "*"]);
    let (app, evil) = ("https://app.example.com", "https://evil.test");
    for (server, origin, status) in [
        (&strict, own.as_str(), 101),
        (&strict, app, 403),
        (&listed, app, 101),
        (&listed, evil, 403),
        (&open, evil, 101),
    ] {
        for path in ["/ws/echo", "/ws/close"] {
            assert_eq!(
                server.handshake_status(path, &[("Origin", origin)]),
                status,
                "{origin} at {path}"
            );
        }
    }
}

#[test]
fn drafts_that_are_left_out_are_refused() {
    let server = Server::start_with(["--listen", "127.0.0.1:0", "--drafts", "8"]);
    let mut socket = server.try_websocket("/ws/echo", &[("Sec-WebSocket-Version", "8")]);
    assert!(socket.is_ok(), "{socket:?}");
    socket = server.try_websocket("/ws/echo", &[]);
    assert!(socket.is_err());
}

#[test]
fn several_listeners() {
    let server = Server::start_with(["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    assert_ne!(server.addresses[0], server.addresses[1]);
    for address in &server.addresses {
        let host = address.strip_prefix("http://").expect("a plain listener");
        assert!(!host.ends_with(":0"));
        let stream = support::patient(std::net::TcpStream::connect(host).expect("accepted"));
        let answer = support::exchange(stream, "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n");
        assert_eq!(answer.status, 204);
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_and_one_that_was_left_behind() {
    use std::os::unix::net::{UnixListener, UnixStream};

    let path = std::env::temp_dir().join(format!("sockjs-server-{}.sock", std::process::id()));
    drop(UnixListener::bind(&path).expect("the path is free")); // the file stays
    let listen = format!("unix:{}", path.display());
    let server = Server::start_with(["--listen", &listen]);
    assert_eq!(server.addresses, [listen.as_str()]);

    let stream = UnixStream::connect(&path).expect("accepted");
    let (mut socket, _) = tungstenite::client("ws://localhost/ws/echo", stream).expect("upgraded");
    socket.send(Message::text("over a file")).expect("sent");
    assert_eq!(socket.read().expect("echoed"), Message::text("over a file"));

    let second = support::output(["--listen", &listen]);
    assert_eq!(
        second.status.code(),
        Some(2),
        "a socket in use is not taken away"
    );
    drop(socket);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists(), "the file is removed in the end");
}
