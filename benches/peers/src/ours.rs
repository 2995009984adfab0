//! This project.

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use websocket_proto::connection::{Config, Connection, Event, Incoming, Outgoing, Sink};
use websocket_proto::frame::{Header, OpCode, header_len, push_frame};
use websocket_proto::handshake::{Accept, Agreed, Policy, Upgrade};
use websocket_proto::{Draft, Instant, Machine, Message, Outbox, http1};

use crate::harness::Contender;
use crate::stream::Endless;
use crate::workload::{ACCEPT, READ, REQUEST, STATUS_LINE};

/// The rows that have a target.
pub const BORROWED: &str = "ours, receive_with";
pub const OWNED: &str = "ours, receive and poll_event";
pub const WHOLE: &str = "ours, receive_with, whole frames";
pub const PUSH_FRAME: &str = "ours, frame::push_frame";
pub const HANDSHAKE: &str = "ours, http1 and handshake";
const NOW: Instant = Instant::ZERO;
/// What one write takes: a header and a payload of each message of a batch.
const SLICES: usize = 32;

fn server() -> Connection {
    Connection::server(
        Agreed::new(Draft::Rfc6455),
        Arc::new(Config::default()),
        Outbox::new(),
        NOW,
    )
}

/// Looks at messages where they lie.
struct Count {
    messages: usize,
    size: usize,
}

impl Sink for Count {
    fn message(&mut self, message: Incoming<'_>, _: &mut Outgoing) {
        assert_eq!(message.as_bytes().len(), self.size);
        self.messages += 1;
    }
}

fn count_events(ws: &mut Connection, size: usize) -> usize {
    let mut messages = 0;
    while let Some(event) = ws.poll_event() {
        match event {
            Event::Message(message) => assert_eq!(message.as_bytes().len(), size),
            other => panic!("{other:?}"),
        }
        messages += 1;
    }
    messages
}

pub fn decode_borrowed(stream: &'static [u8], size: usize) -> Contender {
    let mut stream = Endless::new(stream);
    let mut ws = server();
    let mut scratch = vec![0; READ];
    Contender::at_least(BORROWED, move |times| {
        let mut done = 0;
        while done < times {
            done += match read_direct(&mut ws, &mut stream) {
                Some(()) => count_events(&mut ws, size),
                None => {
                    let bytes = stream.next(READ);
                    scratch[..bytes.len()].copy_from_slice(bytes);
                    let mut sink = Count { messages: 0, size };
                    let taken = ws.receive_with(NOW, &mut scratch[..bytes.len()], &mut sink);
                    assert_eq!(taken, bytes.len());
                    assert_eq!(ws.poll_event(), None);
                    sink.messages
                }
            };
        }
        done
    })
}

pub fn decode_owned(stream: &'static [u8], size: usize) -> Contender {
    let mut stream = Endless::new(stream);
    let mut ws = server();
    let mut scratch = vec![0; READ];
    Contender::at_least(OWNED, move |times| {
        let mut done = 0;
        while done < times {
            if read_direct(&mut ws, &mut stream).is_some() {
                done += count_events(&mut ws, size);
                continue;
            }
            let bytes = stream.next(READ);
            scratch[..bytes.len()].copy_from_slice(bytes);
            let mut rest = &mut scratch[..bytes.len()];
            while !rest.is_empty() {
                let taken = ws.receive(NOW, rest);
                rest = &mut rest[taken..];
                done += count_events(&mut ws, size);
            }
        }
        done
    })
}

/// Reads that end where a frame does, as they do when the peer waits for answers.
pub fn decode_whole_reads(stream: &'static [u8], size: usize) -> Contender {
    let mut stream = Endless::new(stream);
    let frame = size + header_len(size as u64, true);
    let read = READ / frame * frame;
    let mut ws = server();
    let mut scratch = vec![0; READ];
    Contender::at_least(WHOLE, move |times| {
        let mut done = 0;
        while done < times {
            let bytes = stream.next(read);
            scratch[..bytes.len()].copy_from_slice(bytes);
            let mut sink = Count { messages: 0, size };
            let taken = ws.receive_with(NOW, &mut scratch[..bytes.len()], &mut sink);
            assert_eq!(taken, bytes.len());
            done += sink.messages;
        }
        done
    })
}

/// What a driver does with a payload too large for its buffer.
fn read_direct(ws: &mut Connection, stream: &mut Endless) -> Option<()> {
    let room = ws.direct_read()?;
    let bytes = stream.next(room.len());
    room[..bytes.len()].copy_from_slice(bytes);
    ws.direct_filled(NOW, bytes.len());
    Some(())
}

/// Writes all that waits, as a vectored write does.
fn write(outbox: &mut Outbox) {
    while outbox.has_remaining() {
        let mut slices = [std::io::IoSlice::new(&[]); SLICES];
        let used = outbox.chunks_vectored(&mut slices);
        let written = black_box(&slices[..used])
            .iter()
            .map(|slice| slice.len())
            .sum();
        outbox.advance(written);
    }
}

pub fn send(payload: &Bytes, per_flush: usize) -> Contender {
    let payload = payload.clone();
    let mut ws = server();
    Contender::new("ours, send", move |times| {
        for i in 1..=times {
            // Large messages fill the outbox before the batch is complete.
            if let Err(refused) = ws.send(Message::Binary(payload.clone())) {
                write(ws.outbox());
                ws.send(refused.payload).expect("the outbox is empty");
            }
            if i % per_flush == 0 {
                write(ws.outbox());
            }
        }
    })
}

pub fn encode_frames(payload: &Bytes, per_flush: usize) -> Contender {
    let payload = payload.clone();
    let mut outbox = Outbox::new();
    let header = Header {
        fin: true,
        rsv1: false,
        opcode: OpCode::Binary,
        len: payload.len() as u64,
    };
    Contender::new(PUSH_FRAME, move |times| {
        for i in 1..=times {
            push_frame(header, payload.clone(), &mut outbox);
            if i % per_flush == 0 {
                write(&mut outbox);
            }
        }
    })
}

/// From the bytes of the request to the bytes of the answer.
pub fn handshake() -> Contender {
    let config = Arc::new(http1::server::Config::default());
    let policy = Policy::default();
    let mut scratch = REQUEST.as_bytes().to_vec();
    Contender::new(HANDSHAKE, move |times| {
        for _ in 0..times {
            let mut http = http1::server::Connection::new(Arc::clone(&config), NOW);
            assert_eq!(http.receive(NOW, &mut scratch), REQUEST.len());
            let Some(http1::server::Event::Request(request)) = http.poll_event() else {
                panic!("no request");
            };
            let upgrade = Upgrade::read(&request, &policy).expect("a legal request");
            let accepted = upgrade.accept(Accept::default()).expect("a legal answer");
            let mut outbox = http.upgrade().expect("an upgrade");
            accepted.queue(&mut outbox);
            assert!(black_box(outbox.chunk()).starts_with(STATUS_LINE));
            black_box(accepted.agreed());
        }
    })
}

/// For servers whose HTTP is somebody else's.
pub fn handshake_of_parsed_request() -> Contender {
    let policy = Policy::default();
    let mut scratch = REQUEST.as_bytes().to_vec();
    let mut http = http1::server::Connection::new(Arc::default(), NOW);
    assert_eq!(http.receive(NOW, &mut scratch), REQUEST.len());
    let Some(http1::server::Event::Request(request)) = http.poll_event() else {
        panic!("no request");
    };
    let mut answer = Vec::new();
    Contender::new("ours, handshake alone", move |times| {
        for _ in 0..times {
            answer.clear();
            let upgrade = Upgrade::read(&request, &policy).expect("a legal request");
            let accepted = upgrade.accept(Accept::default()).expect("a legal answer");
            accepted.write(&mut answer);
            black_box(accepted.agreed());
        }
        assert!(String::from_utf8_lossy(&answer).contains(ACCEPT));
    })
}
