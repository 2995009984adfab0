//! Events that are taken all at once, and what they hold.

use std::sync::Arc;

use bytes::Buf;
use tests::frames::masked;
use tests::heap::{Counting, Meter};
use tests::pair::{events, output};
use websocket_proto::connection::{Cause, Config, Connection, Event};
use websocket_proto::handshake::Agreed;
use websocket_proto::{Draft, Instant, Machine, Message, Outbox, ReadInterest};

#[global_allocator]
static HEAP: Counting = Counting;

const NOW: Instant = Instant::ZERO;

fn server(config: Config) -> Connection {
    let agreed = Agreed::new(Draft::Rfc6455);
    Connection::server(agreed, Arc::new(config), Outbox::new(), NOW)
}

fn feed(machine: &mut Connection, mut input: Vec<u8>) {
    assert_eq!(machine.receive(NOW, &mut input), input.len());
}

/// Of every kind and length that is kept in a way of its own.
fn mixed() -> (Vec<u8>, Vec<Event>) {
    let mut input = Vec::new();
    let mut expected = Vec::new();
    for len in [0, 1, 125, 1023, 1024, 1025, 5000] {
        let text = "x".repeat(len);
        input.extend(masked(0x81, text.as_bytes()));
        expected.push(Event::Message(Message::text(text.clone())));
        input.extend(masked(0x89, b"ping"));
        expected.push(Event::Ping(b"ping"[..].into()));
        input.extend(masked(0x02, text.as_bytes()));
        input.extend(masked(0x80, b"end"));
        expected.push(Event::Message(Message::binary(
            [text.as_bytes(), b"end"].concat(),
        )));
        input.extend(masked(0x82, text.as_bytes()));
        expected.push(Event::Message(Message::binary(text.into_bytes())));
    }
    (input, expected)
}

#[test]
fn both_ways_tell_the_same_in_the_same_order() {
    let (input, expected) = mixed();
    let mut machine = server(Config::default());
    feed(&mut machine, input.clone());
    assert_eq!(events(&mut machine), expected);

    for skip in 0..3 {
        let mut machine = server(Config::default());
        feed(&mut machine, input.clone());
        let mut told: Vec<_> = (0..skip).filter_map(|_| machine.poll_event()).collect();
        let mut taken = machine.take_events().expect("they wait");
        while !taken.is_empty() {
            match taken.next_message() {
                Some(message) => told.push(Event::Message(message)),
                None => told.extend(taken.next()),
            }
        }
        assert_eq!((taken.next_message(), taken.next()), (None, None));
        assert_eq!(told, expected);
        machine.give_back(taken);
        assert!(!machine.has_events());
    }
}

#[test]
fn what_is_taken_still_counts() {
    let mut message = masked(0x82, &[7; 100]);
    let mut machine = server(Config {
        inbound_mark: 1000,
        ..Config::default()
    });
    feed(&mut machine, message.repeat(3));
    let taken = machine.take_events().expect("they wait");
    // The mark is reached with what comes behind them.
    feed(&mut machine, message.repeat(3));
    assert_eq!(machine.read_interest(), ReadInterest::Data);
    feed(&mut machine, message.clone());
    assert_eq!(machine.read_interest(), ReadInterest::Nothing);
    assert_eq!(machine.receive(NOW, &mut message), 0);
    assert!(machine.take_events().is_none(), "one at a time");
    machine.give_back(taken);
    assert_eq!(machine.read_interest(), ReadInterest::Data);
    assert_eq!(events(&mut machine).len(), 4);
}

#[test]
fn what_is_put_back_is_told_next() {
    let (input, expected) = mixed();
    for seen in 0..=expected.len() {
        for later in [0, 3] {
            let mut machine = server(Config::default());
            feed(&mut machine, input.clone());
            let mut taken = machine.take_events().expect("they wait");
            let mut told: Vec<_> = taken.by_ref().take(seen).collect();
            let more = masked(0x82, b"later").repeat(later);
            feed(&mut machine, more);
            machine.put_back(taken);
            assert_eq!(machine.has_events(), seen < expected.len() || later > 0);
            told.extend(events(&mut machine));
            assert_eq!(told[..expected.len()], expected);
            let later = vec![Event::Message(Message::binary(&b"later"[..])); later];
            assert_eq!(told[expected.len()..], later);
            assert_eq!(machine.read_interest(), ReadInterest::Data);
        }
    }
}

#[test]
fn more_than_half_of_the_mark_is_taken_one_by_one() {
    let mut machine = server(Config {
        inbound_mark: 1000,
        ..Config::default()
    });
    feed(&mut machine, masked(0x82, &[7; 100]).repeat(4));
    assert!(machine.take_events().is_none());
    assert!(machine.has_events());
    assert!(matches!(machine.poll_event(), Some(Event::Message(_))));
    let taken = machine.take_events().expect("half of the mark is left");
    assert_eq!(taken.count(), 3);
}

#[test]
fn an_end_waits_for_what_was_taken_before_it() {
    let mut machine = server(Config::default());
    feed(&mut machine, masked(0x81, b"a").repeat(2));
    let mut taken = machine.take_events().expect("two messages");
    feed(&mut machine, masked(0x88, &[0x03, 0xe8]));
    assert_eq!(taken.by_ref().count(), 2);
    assert!(machine.has_events());
    assert_eq!(machine.poll_event(), None);
    machine.send(Message::text("answer")).expect("it is open");
    assert_eq!(output(&mut machine), b"\x81\x06answer");
    machine.give_back(taken);
    let Some(Event::Closed(closed)) = machine.poll_event() else {
        panic!("no end");
    };
    assert_eq!(closed.cause, Cause::Peer);
    assert_eq!(output(&mut machine), b"\x88\x02\x03\xe8");
}

#[test]
fn a_message_that_is_kept_pins_no_other() {
    const KEPT: usize = 1000;
    const LEN: usize = 40;
    let mut machine = server(Config::default());
    let mut kept = Vec::with_capacity(KEPT);
    let meter = Meter::start();
    while kept.len() < KEPT {
        feed(&mut machine, masked(0x82, &[7; LEN]).repeat(100));
        kept.extend(events(&mut machine).into_iter().step_by(10));
    }
    assert_eq!(meter.held(), (KEPT * LEN).cast_signed());
}

#[test]
fn an_application_always_behind_does_not_pile_up_what_it_has_seen() {
    let mut machine = server(Config::default());
    let frame = masked(0x82, &[7; 100]);
    feed(&mut machine, frame.clone());
    let meter = Meter::start();
    for _ in 0..10_000 {
        feed(&mut machine, frame.clone());
        assert!(machine.poll_event().is_some());
    }
    assert!(meter.peak() < 64 * 1024, "{} bytes", meter.peak());
}

#[test]
fn an_outbox_writes_to_what_it_was_lent() {
    let mut machine = server(Config::default());
    let mut buffer = Vec::with_capacity(4096);
    let frames = masked(0x82, &[7; 100]).repeat(30);
    let meter = Meter::start();
    for _ in 0..100 {
        feed(&mut machine, frames.clone());
        machine.outbox().lend(buffer);
        while let Some(event) = machine.poll_event() {
            if let Event::Message(message) = event {
                machine.send(message).expect("room");
            }
        }
        let outbox = machine.outbox();
        outbox.advance(outbox.len());
        buffer = outbox.reclaim().expect("it was lent");
    }
    assert_eq!(buffer.capacity(), 4096);
    drop(buffer);
    assert_eq!(meter.held(), -4096);
}
