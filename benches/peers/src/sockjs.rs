//! Messages of SockJS: JSON strings out and in. serde_json and sonic-rs write fewer escapes than SockJS
//! demands.

use std::hint::black_box;

use bytes::Bytes;
use sockjs_proto::json::{self, Form};
use sockjs_proto::{Embedding, Frame, Literal, LoneSurrogates, Message};

use crate::floor;
use crate::harness::Contender;

pub const ENCODE: &str = "ours, Literal and Frame";
pub const WRITE: &str = "ours, Literal::write";
pub const PARSE: &str = "ours, json::messages";

/// From a message to the frame `a["..."]`: by a literal that many receivers share, and for one.
pub fn encode(text: &str) -> Vec<Contender> {
    let texts: [String; 4] = std::array::from_fn(|_| text.to_owned());
    let [ours, once, serde, sonic] = texts;
    let (message, once) = (Message::from(ours), Message::from(once));
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    let (mut serde_out, mut sonic_out) = (Vec::new(), Vec::new());
    vec![
        Contender::new(ENCODE, move |times| {
            for _ in 0..times {
                frame.clear();
                let literal = Literal::new(black_box(&message));
                Frame::Messages(&[literal]).write(Embedding::Plain, &mut frame);
                black_box(&mut frame);
            }
        }),
        Contender::new(WRITE, move |times| {
            for _ in 0..times {
                out.clear();
                out.extend_from_slice(b"a[");
                Literal::write(black_box(&once), &mut out);
                out.push(b']');
                black_box(&mut out);
            }
        }),
        Contender::new("serde_json 1 to_writer", move |times| {
            for _ in 0..times {
                serde_out.clear();
                serde_out.extend_from_slice(b"a[");
                serde_json::to_writer(&mut serde_out, black_box(&serde)).expect("a Vec takes all");
                serde_out.push(b']');
                black_box(&mut serde_out);
            }
        }),
        Contender::new("sonic-rs 0.5 to_writer", move |times| {
            for _ in 0..times {
                sonic_out.clear();
                sonic_out.extend_from_slice(b"a[");
                sonic_rs::to_writer(&mut sonic_out, black_box(&sonic)).expect("a Vec takes all");
                sonic_out.push(b']');
                black_box(&mut sonic_out);
            }
        }),
        floor::copy_of(&Bytes::from(text.to_owned())),
    ]
}

/// From the body `["..."]` to its message.
pub fn parse(text: &str) -> Vec<Contender> {
    let body = serde_json::to_string(&[text]).expect("text");
    let texts: [String; 3] = std::array::from_fn(|_| body.clone());
    let [ours, serde, sonic] = texts;
    let ours = Bytes::from(ours);
    vec![
        Contender::new(PARSE, move |times| {
            for _ in 0..times {
                let messages = json::messages(black_box(&ours), Form::Array, LoneSurrogates::Wtf8);
                black_box(messages.expect("an array of strings"));
            }
        }),
        Contender::new("serde_json 1 Vec<String>", move |times| {
            for _ in 0..times {
                let messages = serde_json::from_slice::<Vec<String>>(black_box(serde.as_bytes()));
                black_box(messages.expect("an array of strings"));
            }
        }),
        Contender::new("sonic-rs 0.5 Vec<String>", move |times| {
            for _ in 0..times {
                let messages = sonic_rs::from_slice::<Vec<String>>(black_box(sonic.as_bytes()));
                black_box(messages.expect("an array of strings"));
            }
        }),
        floor::copy_of(&Bytes::from(text.to_owned())),
    ]
}
