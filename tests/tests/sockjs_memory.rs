//! What sessions cost: idle, in floods, and unread.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use sockjs_proto::{
    Admit, AnySession, Capacity, Config, Endpoint, Event, FromSession, Literal, Message, Mount,
    ServerConnection, Service, Socket, Transport, Wake, Wrapping,
};
use tests::heap::{Counting, Meter};
use websocket_proto::handshake::Agreed;
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Connection, Draft, Instant, Machine, Outbox};

#[global_allocator]
static HEAP: Counting = Counting;

const NOW: Instant = Instant::ZERO;
const KIB: usize = 1024;
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

/// An endpoint of a service, and the service.
fn endpoint<R>(config: Config) -> (Service, Endpoint<R>) {
    let capacity = Capacity::new(config.max_sessions);
    let service = Service::new(config).unwrap();
    let endpoint = Endpoint::new(&service, Admit::All, capacity, [9; 16]);
    (service, endpoint)
}

#[test]
fn a_flood_of_sessions_ends_at_the_limit_and_leaves_empty_slots() {
    let (_service, mut endpoint) = endpoint(Config {
        max_sessions: 1000,
        remembered_ids: 100,
        ..Config::default()
    });
    let ids: Vec<String> = (0..20_000).map(|nth| format!("{nth:0200}")).collect();
    let mut now = NOW;
    let meter = Meter::start();
    let mut bound = 0;
    for round in 0..5 {
        let (mut begun, mut refused) = (0, 0);
        for id in &ids {
            let receiver = endpoint.attach(now, id.as_str(), Wrapping::Xhr, || Ok(Box::new(1)));
            match endpoint.pull(now, receiver, 1000) {
                FromSession::Frame { .. } => begun += 1,
                FromSession::Refused(503) => refused += 1,
                other => panic!("{other:?}"),
            }
            endpoint.flushed(now, receiver);
            // What is never asked for, that a guess finds nothing.
            let messages = [Message::from("y")].into();
            let guess = format!("-{id}");
            let told = endpoint.deliver(now, &guess, messages);
            assert_eq!(told, FromSession::UnknownSession);
        }
        assert_eq!((begun, refused), (1000, 19_000));
        if round == 0 {
            bound = meter.peak();
            assert!(bound <= 1000 * KIB, "{bound} bytes for 1000 sessions");
        }
        assert!(meter.peak() <= bound + bound / 8, "{} bytes", meter.peak());
        // Their browsers never come again.
        let later = now + Duration::from_secs(60);
        while let Some(next) = endpoint.poll_timeout().filter(|&next| next <= later) {
            now = next;
            endpoint.handle_timeout(now);
        }
        now = later;
        while let Some(wake) = endpoint.poll_wake() {
            if let Wake::Opened(key) | Wake::Session(key) = wake {
                while endpoint.poll_event(key).is_some() {}
            }
        }
        assert_eq!(endpoint.session_count(), 0);
    }
    // Their slots wait for the next.
    let left = meter.held().unsigned_abs();
    println!("bytes of a flood with ids of 200 bytes: {bound} for 1000 sessions, {left} left");
    assert!(left <= 1000 * 256, "{left} bytes left");
}

#[test]
fn a_browser_that_never_reads_costs_the_mark_and_a_message() {
    let (service, mut endpoint) = endpoint(Config::default());
    let mark = service.config().outgoing_mark;
    for len in [10, 1000, 100_000] {
        let text = "x".repeat(len);
        wait(&mut endpoint, &format!("{len}"), Wrapping::XhrStreaming);
        let wakes = std::iter::from_fn(|| endpoint.poll_wake());
        let opened = wakes.filter_map(|wake| match wake {
            Wake::Opened(key) => Some(key),
            _ => None,
        });
        let key = opened.last().expect("it begins");
        while endpoint.poll_event(key).is_some() {}
        let meter = Meter::start();
        let mut sent = 0;
        while endpoint.send(key, Literal::from(text.as_str())).is_ok() {
            sent += 1;
            assert!(sent <= mark, "without end");
        }
        let waiting = endpoint.buffered(key);
        assert!(
            (mark..=mark + len + 32).contains(&waiting),
            "{waiting} bytes"
        );
        // Short ones cost a literal each besides their bytes.
        let most = 3 * mark + len + sent * 100;
        assert!(meter.peak() <= most, "{} bytes, {len} each", meter.peak());
    }
}

#[test]
fn a_slow_body_costs_what_came_of_it() {
    let (service, mut endpoint) = endpoint::<RequestHead>(Config::default());
    let mount = Mount::new(service, server::Config::default(), Capacity::new(1));
    let mut connection = ServerConnection::new(mount, NOW);
    let head = "POST /000/a/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n[\"";
    let mut input = head.as_bytes().to_vec();
    input.resize(head.len() + 100_000, b'x');
    let meter = Meter::start();
    let mut come = 0;
    for piece in input.chunks_mut(100) {
        let mut rest = piece;
        while !rest.is_empty() {
            let taken = connection.receive(NOW, rest);
            rest = &mut rest[taken..];
            come += taken;
            let mut entropy = |bytes: &mut [u8]| bytes.fill(7);
            connection.exchange(NOW, &mut endpoint, &mut entropy);
        }
        let most = (3 * come + 8 * KIB).cast_signed();
        assert!(meter.held() <= most, "{} bytes for {come}", meter.held());
    }
    drop(connection);
    assert!(meter.held() <= 0, "{} bytes left", meter.held());
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
