//! After the end of a connection, whatever ended it, a machine is silent.

use std::sync::Arc;

use bytes::Buf;
use websocket_proto::connection::Config;
use websocket_proto::handshake::Agreed;
use websocket_proto::http1::{client, server};
use websocket_proto::{Connection, Draft, Instant, Machine, Outbox};

use crate::planted;
use crate::stream::counter;

const NOW: Instant = Instant::ZERO;

/// The first byte chooses the machine; the others are its input, which then comes once more.
pub fn check(data: &[u8]) {
    let Some((machine, input)) = data.split_first() else {
        return;
    };
    let drafts = [
        Draft::Hixie75,
        Draft::Hixie76,
        Draft::Hybi07,
        Draft::Rfc6455,
    ];
    let agreed = Agreed::new(drafts[usize::from(machine >> 2 & 3)]);
    let config = Arc::new(Config::default());
    match machine % 4 {
        0 => http_server(input),
        1 => http_client(input),
        2 => {
            let mut machine = Connection::server(agreed, config, Outbox::new(), NOW);
            silent(&mut machine, input, |machine| {
                let event = machine.poll_event();
                event.map(|event| matches!(event, websocket_proto::Event::Closed(_)))
            });
        }
        _ => {
            let mut machine = Connection::client(agreed, config, counter(), NOW);
            silent(&mut machine, input, |machine| {
                let event = machine.poll_event();
                event.map(|event| matches!(event, websocket_proto::Event::Closed(_)))
            });
        }
    }
}

fn http_server(input: &[u8]) {
    let mut machine = server::Connection::new(Arc::default(), NOW);
    silent(&mut machine, input, |machine| {
        let event = machine.poll_event()?;
        if let server::Event::Request(_) = event {
            machine.read_body(NOW, u64::MAX).expect("a request");
        }
        if let server::Event::RequestEnd(_) = event {
            let head = websocket_proto::http1::ResponseHead::new(204);
            machine
                .respond(NOW, &head, server::Body::Empty)
                .expect("a request");
        }
        Some(matches!(event, server::Event::Closed(_)))
    });
}

fn http_client(input: &[u8]) {
    let request = client::Request::new("GET", "/").and_then(|request| request.header("Host", "h"));
    let config = client::Config::default();
    let mut machine = client::Exchange::new(&request.expect("legal"), config, NOW).expect("host");
    silent(&mut machine, input, |machine| {
        let event = machine.poll_event()?;
        Some(matches!(
            event,
            client::Event::Closed(_) | client::Event::Switched(_)
        ))
    });
}

/// `next` takes an event, and tells whether it is the last.
fn silent<M: Machine>(machine: &mut M, input: &[u8], mut next: impl FnMut(&mut M) -> Option<bool>) {
    let (mut rest, mut over) = (input, false);
    loop {
        let taken = machine.receive(NOW, &mut rest.to_vec());
        rest = &rest[taken..];
        let mut moved = taken > 0;
        while let Some(last) = next(machine) {
            assert!(!over, "an event behind the last");
            (over, moved) = (last, true);
        }
        let len = machine.outbox().len();
        machine.outbox().advance(len);
        if !(moved || len > 0) {
            break;
        }
    }
    if !over {
        machine.receive_eof(NOW);
        while let Some(last) = next(machine) {
            assert!(!over, "an event behind the last");
            over = last;
        }
        let len = machine.outbox().len();
        machine.outbox().advance(len);
    }
    assert!(over, "nothing is told of the end");
    let late = planted("silence-answers-a-late-ping") && input.contains(&0x89);
    let mut now = NOW;
    for _ in 0..3 {
        machine.receive(now, &mut input.to_vec());
        now = machine.poll_timeout().map_or(now, |next| next.max(now));
        machine.handle_timeout(now);
        assert!(next(machine).is_none(), "an event after the end");
        assert!(machine.outbox().is_empty() && !late, "bytes after the end");
        machine.receive_eof(now);
    }
    assert!(machine.is_finished(), "it ends");
}
