//! A client's machine and a server's, with any order of calls.

use std::num::NonZeroUsize;

use arbitrary::{Arbitrary, Unstructured};
use websocket_proto::connection::{Config, Delivery, SendOptions};
use websocket_proto::{Draft, Message, MessageKind, Role};

use crate::stream::Terms;
use crate::two::{Op, Two};

/// What is chosen before the first call.
#[derive(Arbitrary, Debug)]
struct Choice {
    draft: u8,
    deflate: Option<bool>,
    streamed: bool,
    small_marks: bool,
    compress_all: bool,
    server_closes: bool,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Send(Body, bool, Option<u8>),
    Prepared(Body),
    Chunk(Body, bool),
    Ping(u8),
    Close(u8),
    Carry(u16),
    Take(u8),
}

/// A text, in few bytes of input.
#[derive(Arbitrary, Debug)]
struct Body {
    binary: bool,
    letter: char,
    times: u8,
    more: bool,
}

/// What the bytes choose happens, and the promises of [`Two`] are kept.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(choice) = Choice::arbitrary(&mut input) else {
        return;
    };
    let drafts = [
        Draft::Hixie75,
        Draft::Hixie76,
        Draft::Hybi07,
        Draft::Hybi08,
        Draft::Rfc6455,
    ];
    let mark = if choice.small_marks { 100 } else { 64 * 1024 };
    let terms = Terms {
        draft: drafts[usize::from(choice.draft) % drafts.len()],
        role: Role::Server,
        deflate: choice.deflate,
        config: Config {
            delivery: if choice.streamed {
                Delivery::Streamed
            } else {
                Delivery::Whole
            },
            inbound_mark: mark,
            outbox_mark: mark,
            compress_above: if choice.compress_all { 0 } else { 100 },
            max_message: 200_000,
            ..Config::default()
        },
    };
    let mut two = Two::new(&terms);
    let calls = input.arbitrary_iter::<(bool, Call)>().into_iter().flatten();
    for (client, call) in calls.map_while(Result::ok).take(200) {
        two.run(call.op(if client { Role::Client } else { Role::Server }));
    }
    two.finish(if choice.server_closes {
        Role::Server
    } else {
        Role::Client
    });
}

impl Call {
    fn op(self, role: Role) -> Op {
        match self {
            Self::Send(body, compress, fragment) => {
                let fragment = fragment.and_then(|most| NonZeroUsize::new(64 * usize::from(most)));
                let options = fragment.map_or_else(SendOptions::default, |most| {
                    SendOptions::default().fragmented(most)
                });
                let options = if compress {
                    options
                } else {
                    options.uncompressed()
                };
                Op::Send(role, body.message(), options)
            }
            Self::Prepared(body) => Op::Prepared(role, body.message()),
            Self::Chunk(body, last) => Op::Chunk(role, body.kind(), body.text(), last),
            Self::Ping(len) => Op::Ping(role, vec![len; usize::from(len).min(125)]),
            Self::Close(code) => {
                let code = [1000, 1001, 3000, 4999][usize::from(code % 4)];
                Op::Close(role, code, "r".repeat(usize::from(code % 7)))
            }
            Self::Carry(most) => Op::Carry(role, 1 + usize::from(most)),
            Self::Take(most) => Op::Take(role, 1 + usize::from(most % 8)),
        }
    }
}

impl Body {
    const fn kind(&self) -> MessageKind {
        if self.binary {
            MessageKind::Binary
        } else {
            MessageKind::Text
        }
    }

    fn text(&self) -> String {
        let times = usize::from(self.times) * if self.more { 50 } else { 1 };
        self.letter.to_string().repeat(times)
    }

    fn message(&self) -> Message {
        match self.kind() {
            MessageKind::Text => Message::text(self.text()),
            MessageKind::Binary => Message::binary(self.text().into_bytes()),
        }
    }
}
