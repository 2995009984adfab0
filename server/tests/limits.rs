//! Every option of a limit or a timer does what it says.

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use support::Server;
use tungstenite::{Error, Message};

fn start(options: &[&str]) -> Server {
    Server::start_with(
        ["--listen", "127.0.0.1:0"]
            .into_iter()
            .chain(options.iter().copied()),
    )
}

#[test]
fn request_heads() {
    for (options, field, status) in [
        (
            ["--max-head", "200"],
            format!("X: {}\r\n", "x".repeat(100)),
            404,
        ),
        (
            ["--max-head", "200"],
            format!("X: {}\r\n", "x".repeat(200)),
            431,
        ),
        (["--max-fields", "5"], "X: x\r\n".repeat(3), 404),
        (["--max-fields", "5"], "X: x\r\n".repeat(4), 431),
    ] {
        let server = start(&options);
        let answer = server.request(&format!("GET /none HTTP/1.1\r\nHost: a\r\n{field}"));
        assert_eq!(answer.status, status, "{options:?} {field:?}");
    }
}

#[test]
fn request_lines() {
    let server = start(&["--max-request-line", "100"]);
    for (length, status) in [(100, 404), (101, 414)] {
        let path = "/".repeat(length - "GET  HTTP/1.1".len());
        assert_eq!(server.get(&path).status, status, "{length}");
    }
}

#[test]
fn a_head_that_does_not_come() {
    let server = start(&["--head-timeout", "200ms"]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").expect("sent");
    let began = Instant::now();
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server closes");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() < LONG, "the default is 10 s");
}

#[test]
fn an_idle_connection() {
    let server = start(&["--idle-timeout", "200ms"]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("sent");
    let began = Instant::now();
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server closes");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(200) && began.elapsed() < LONG);
}

#[test]
fn a_closing_handshake_that_is_not_answered() {
    let server = start(&["--close-timeout", "200ms"]);
    let mut socket = server.websocket("/ws/close");
    let began = Instant::now();
    // The close frame is taken off the socket and not answered.
    let mut bytes = Vec::new();
    drop(socket.get_mut().read_to_end(&mut bytes));
    assert!(began.elapsed() < LONG, "the default is 10 s");
}

#[test]
fn pings_and_a_pong_that_does_not_come() {
    let server = start(&["--ping-interval", "100ms", "--pong-timeout", "200ms"]);
    let mut socket = server.websocket("/ws/echo");
    assert!(matches!(socket.read(), Ok(Message::Ping(_))));
    // tungstenite answers with the next call; not calling it is silence.
    let began = Instant::now();
    let mut bytes = Vec::new();
    drop(socket.get_mut().read_to_end(&mut bytes));
    assert!(began.elapsed() < LONG, "the default is 30 s");
}

#[test]
fn echo_is_not_pinged_by_default() {
    let server = start(&["--idle-timeout", "50ms", "--pong-timeout", "50ms"]);
    let mut socket = server.websocket("/ws/echo");
    let short = Some(Duration::from_millis(300));
    socket
        .get_ref()
        .set_read_timeout(short)
        .expect("a socket option");
    assert!(
        matches!(socket.read(), Err(Error::Io(_))),
        "nothing comes and nothing ends"
    );
}

#[test]
fn a_peer_that_does_not_read() {
    let server = start(&["--write-stall", "300ms"]);
    let mut socket = server.websocket("/ws/echo");
    let limit = Some(LONG);
    socket
        .get_ref()
        .set_write_timeout(limit)
        .expect("a socket option");
    let began = Instant::now();
    let message = Message::binary(vec![0; 1 << 20]);
    // Both directions fill up, then the server gives up; the socket says so in one way or another.
    let ended = (0..1000).any(|_| socket.send(message.clone()).is_err());
    assert!(ended && began.elapsed() < LONG, "the default is 30 s");
}

#[test]
fn connections() {
    let server = start(&["--max-connections", "2"]);
    let first = server.websocket("/ws/echo");
    let second = server.websocket("/ws/echo");
    let mut third = server.connect();
    third
        .write_all(b"GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("the kernel takes it");
    let short = Some(Duration::from_millis(300));
    third.set_read_timeout(short).expect("a socket option");
    assert!(third.read(&mut [0; 1]).is_err(), "nobody is accepted");
    drop(first);
    third.set_read_timeout(Some(LONG)).expect("a socket option");
    let mut byte = [0; 1];
    assert_eq!(third.read(&mut byte).expect("accepted now"), 1);
    drop(second);
}

/// Well above the times set here, and below the defaults.
const LONG: Duration = Duration::from_secs(8);
