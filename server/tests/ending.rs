//! SIGINT and SIGTERM: an orderly end, and a fast one.
#![cfg(unix)]

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use support::Server;
use tungstenite::{Error, Message};

#[test]
fn a_signal_closes_websockets_with_1001_and_exits_0() {
    for signal in ["TERM", "INT"] {
        let server = Server::start();
        let mut socket = server.websocket("/ws/echo");
        socket.send(Message::text("hello")).expect("sent");
        assert_eq!(socket.read().expect("echoed"), Message::text("hello"));
        server.signal(signal);
        let Ok(Message::Close(Some(frame))) = socket.read() else {
            panic!("no close frame")
        };
        assert_eq!(u16::from(frame.code), 1001);
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
        let began = Instant::now();
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "nothing was left to wait for"
        );
    }
}

#[test]
fn an_idle_server_ends_at_once() {
    let server = Server::start();
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn idle_http_connections_do_not_hold_up_the_end() {
    let server = Server::start();
    let mut silent = server.connect();
    let began = Instant::now();
    server.signal("TERM");
    let mut rest = Vec::new();
    drop(silent.read_to_end(&mut rest));
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_peer_that_does_not_answer_the_close_frame_is_waited_for_and_then_cut_off() {
    let server = Server::start();
    let socket = server.websocket("/ws/echo");
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let took = began.elapsed();
    assert!(
        took > Duration::from_secs(5) && took < Duration::from_secs(14),
        "{took:?}"
    );
    drop(socket);
}

#[test]
fn a_second_signal_kills() {
    let server = Server::start();
    let socket = server.websocket("/ws/echo");
    server.signal("INT");
    // The close frame is there, and is not answered: the drain goes on.
    socket.get_ref().peek(&mut [0; 4]).expect("a frame");
    let began = Instant::now();
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5));
}
