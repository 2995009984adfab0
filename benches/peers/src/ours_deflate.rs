//! permessage-deflate. None of the peers compared here has it; the floor is zlib-rs itself, with a
//! state that lives on and without any check.

use std::hint::black_box;
use std::rc::Rc;

use websocket_proto::deflate::{Compressor, Effort, Inflater};
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::harness::Contender;
use crate::workload::Messages;

const LIMIT: usize = 16 << 20;

fn ways(no_context_takeover: bool) -> &'static str {
    if no_context_takeover {
        "ours, no context takeover"
    } else {
        "ours, context takeover"
    }
}

pub fn inflate(messages: &Rc<Messages>, no_context_takeover: bool) -> Contender {
    let messages = Rc::clone(messages);
    let mut inflater = Inflater::new(15, no_context_takeover);
    let mut next = 0;
    Contender::new(ways(no_context_takeover), move |times| {
        let payloads = if no_context_takeover {
            &messages.without_context
        } else {
            &messages.with_context
        };
        for _ in 0..times {
            // The first message refers to nothing: it may follow the last.
            let mut message = Vec::new();
            inflater
                .inflate(&payloads[next], &mut message, LIMIT)
                .expect("a legal payload");
            inflater
                .finish(&mut message, LIMIT)
                .expect("a legal payload");
            assert_eq!(message.len(), messages.plain[next].len());
            black_box(message);
            next = (next + 1) % payloads.len();
        }
    })
}

pub fn inflate_floor(messages: &Rc<Messages>) -> Contender {
    let messages = Rc::clone(messages);
    let mut codec = Inflate::new(false, 15);
    let mut next = 0;
    Contender::new("bound: zlib-rs, context takeover", move |times| {
        for _ in 0..times {
            let mut message = vec![0; messages.plain[next].len()];
            for input in [&messages.with_context[next][..], &[0x00, 0x00, 0xff, 0xff]] {
                let at = codec.total_out();
                codec
                    .decompress(input, &mut message, InflateFlush::NoFlush)
                    .expect("a legal payload");
                black_box(at);
            }
            black_box(message);
            next = (next + 1) % messages.plain.len();
        }
    })
}

pub fn deflate(messages: &Rc<Messages>, no_context_takeover: bool) -> Contender {
    let messages = Rc::clone(messages);
    let mut compressor = Compressor::new(15, no_context_takeover, Effort::default());
    let mut next = 0;
    Contender::new(ways(no_context_takeover), move |times| {
        for _ in 0..times {
            let mut payload = Vec::new();
            compressor.compress(&messages.plain[next], true, &mut payload);
            black_box(payload);
            next = (next + 1) % messages.plain.len();
        }
    })
}

pub fn deflate_floor(messages: &Rc<Messages>) -> Contender {
    let messages = Rc::clone(messages);
    let mut codec = Deflate::new(6, false, 15);
    let mut next = 0;
    Contender::new("bound: zlib-rs, context takeover", move |times| {
        for _ in 0..times {
            let mut payload = vec![0; messages.plain[next].len() + 64];
            codec
                .compress(&messages.plain[next], &mut payload, DeflateFlush::SyncFlush)
                .expect("it fits");
            black_box(payload);
            next = (next + 1) % messages.plain.len();
        }
    })
}
