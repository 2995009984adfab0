//! A SockJS session over one connection, from its opening to its close.

use alloc::vec::Vec;

use bytes::Buf;
use sockjs_proto::{
    Admit, AnySession, Capacity, Close, Config, Endpoint, Event, Literal, Message, Mount,
    ServerConnection, Service, SessionKey, Wake,
};
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Instant, Machine};

const NOW: Instant = Instant::ZERO;

/// A poll opens it, messages go both ways, the application closes it.
pub fn a_session() {
    let service = Service::new(Config::default()).expect("good options");
    let capacity = Capacity::new(1);
    let mut endpoint = Endpoint::new(&service, Admit::All, capacity.clone(), [7; 16]);
    let mount = Mount::new(service, server::Config::default(), capacity);
    let mut connection = ServerConnection::new(mount, NOW);

    let opened = ask(&mut connection, &mut endpoint, POLL);
    assert!(opened.ends_with(b"\r\n\r\n2\r\no\n\r\n0\r\n\r\n"));
    let Some(Wake::Opened(key)) = endpoint.poll_wake() else {
        panic!("no session");
    };
    assert_eq!(endpoint.poll_event(key), Some(Event::Open));

    let sent = ask(&mut connection, &mut endpoint, SEND);
    assert!(sent.starts_with(b"HTTP/1.1 204 "));
    hear(&mut endpoint, key);
    endpoint.send(key, Literal::from("there")).expect("room");
    let polled = ask(&mut connection, &mut endpoint, POLL);
    assert!(polled.ends_with(b"\r\n\r\nb\r\na[\"there\"]\n\r\n0\r\n\r\n"));

    let mut session = endpoint.session(key);
    session.close(NOW, Close::new(3000, "Go away!"));
    let closed = ask(&mut connection, &mut endpoint, POLL);
    assert!(closed.ends_with(b"\r\n\r\n13\r\nc[3000,\"Go away!\"]\n\r\n0\r\n\r\n"));
    let last = endpoint.poll_event(key);
    assert!(matches!(last, Some(Event::Closed(closed)) if closed.code == 3000));
    assert_eq!(endpoint.session_count(), 0);
}

fn hear(endpoint: &mut Endpoint<RequestHead>, key: SessionKey) {
    let event = endpoint.poll_event(key);
    assert_eq!(event, Some(Event::Message(Message::from("here"))));
}

/// The whole response to a request.
fn ask(
    connection: &mut ServerConnection<RequestHead>,
    endpoint: &mut Endpoint<RequestHead>,
    request: &[u8],
) -> Vec<u8> {
    let mut input = Vec::from(request);
    let mut written = Vec::new();
    loop {
        let taken = connection.receive(NOW, &mut input);
        input.drain(..taken);
        connection.exchange(NOW, endpoint, &mut |bytes: &mut [u8]| bytes.fill(7));
        let outbox = connection.outbox();
        if outbox.is_empty() && taken == 0 {
            return written;
        }
        written.extend_from_slice(&outbox.copy_to_bytes(outbox.len()));
    }
}

const POLL: &[u8] = b"POST /000/abc/xhr HTTP/1.1\r\nHost: h\r\n\r\n";

const SEND: &[u8] =
    b"POST /000/abc/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n[\"here\"]";
