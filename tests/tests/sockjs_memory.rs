//! What an idle session costs.

use std::sync::Arc;

use bytes::Buf;
use sockjs_proto::{
    Admit, AnySession, Capacity, Config, Endpoint, Event, FromSession, Literal, Message, Service,
    Socket, Transport, Wake, Wrapping,
};
use tests::heap::{Counting, Meter};
use websocket_proto::handshake::Agreed;
use websocket_proto::{Connection, Draft, Instant, Machine, Outbox};

#[global_allocator]
static HEAP: Counting = Counting;

const NOW: Instant = Instant::ZERO;
/// Just over a power of two, where tables have just grown: the worst count.
const SESSIONS: usize = 8200;

/// Bytes of a session that has had a message each way, and of which `then` makes something else.
fn each(then: impl Fn(&mut Endpoint<Box<u64>>, &str)) -> isize {
    let service = Service::new(Config::default()).unwrap();
    let capacity = Capacity::new(SESSIONS);
    let ids: Vec<String> = (0..SESSIONS).map(|nth| format!("{nth:08}")).collect();
    let mut endpoint = Endpoint::new(&service, Admit::All, capacity, [9; 16]);
    let meter = Meter::start();
    for id in &ids {
        poll(&mut endpoint, id);
        let Some(Wake::Opened(key)) = endpoint.poll_wake() else {
            panic!("it begins");
        };
        assert_eq!(endpoint.poll_event(key), Some(Event::Open));
        endpoint.send(key, Literal::from("x")).unwrap();
        poll(&mut endpoint, id);
        let messages = [Message::from("y")].into();
        assert_eq!(endpoint.deliver(NOW, id, messages), FromSession::Delivered);
        assert_eq!(endpoint.poll_event(key), Some(Event::Message("y".into())));
        assert_eq!(endpoint.poll_event(key), None);
        then(&mut endpoint, id);
    }
    meter.held() / SESSIONS.cast_signed()
}

/// A poll that is answered.
fn poll(endpoint: &mut Endpoint<Box<u64>>, id: &str) {
    let poll = endpoint.attach(NOW, id, Wrapping::Xhr, || Ok(Box::new(1)));
    assert!(matches!(
        endpoint.pull(NOW, poll, 1000),
        FromSession::Frame { last: true, .. }
    ));
    endpoint.flushed(NOW, poll);
}

/// A receiver that waits.
fn wait(endpoint: &mut Endpoint<Box<u64>>, id: &str, wrapping: Wrapping) {
    let receiver = endpoint.attach(NOW, id, wrapping, || Ok(Box::new(1)));
    while let FromSession::Frame { .. } = endpoint.pull(NOW, receiver, 1000) {}
}

#[test]
fn an_idle_session_is_small() {
    let between = each(|_, _| {});
    let polling = each(|endpoint, id| wait(endpoint, id, Wrapping::Xhr));
    let streaming = each(|endpoint, id| wait(endpoint, id, Wrapping::XhrStreaming));
    println!(
        "bytes of a session: {between} between polls, {polling} with a poll, {streaming} with a stream"
    );
    assert!(between <= 150 && polling <= 215 && streaming <= 215);
}

#[test]
fn a_socket_adds_little_to_its_connection() {
    let service = Arc::new(Service::new(Config::default()).unwrap());
    let terms = Arc::new(Socket::connection_config(&service));
    let capacity = Capacity::new(1);
    let meter = Meter::start();
    let agreed = Agreed::new(Draft::Rfc6455);
    let connection = Connection::server(agreed, terms, Outbox::new(), NOW);
    let plain = size_of::<Connection>();
    let mut socket = Socket::new(
        connection,
        service,
        Transport::Websocket,
        capacity.take(),
        NOW,
    );
    let outbox = socket.outbox();
    outbox.advance(outbox.len());
    let mut input = *b"\x81\x86\0\0\0\0[\"hi\"]";
    socket.receive(NOW, &mut input);
    while let Some(event) = socket.poll_event() {
        if let Event::Message(message) = event {
            socket.send(message).unwrap();
        }
    }
    let outbox = socket.outbox();
    outbox.advance(outbox.len());
    // Before anything is printed: a test's output is kept on its heap.
    let held = meter.held();
    let added = size_of::<Socket>() - plain;
    println!("bytes of a socket: {added} beyond a connection of {plain}, {held} on the heap");
    assert!(added <= 112 && held == 0, "{added} {held}");
}
