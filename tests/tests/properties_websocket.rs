//! What holds for every input and every order of calls: the promises of a connection, on random
//! streams of frames and between two machines.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use checks::stream::{Terms, check_stream};
use checks::two::{Op, Two};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tests::frames::{masked, unmasked};
use tests::pair::counter;
use websocket_proto::connection::{Config, Connection, Delivery, Event, SendOptions};
use websocket_proto::deflate::{Compressor, Effort};
use websocket_proto::handshake::Challenge;
use websocket_proto::{CloseCode, Draft, Instant, Machine, Message, MessageKind, Outbox, Role};

const NOW: Instant = Instant::ZERO;

/// At least so many cases; more with `PROPTEST_CASES`.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        cases: default.cases.max(cases),
        ..default
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let drafts = [
        Draft::Hixie75,
        Draft::Hixie76,
        Draft::Hybi07,
        Draft::Hybi08,
        Draft::Rfc6455,
        Draft::Rfc6455,
        Draft::Rfc6455,
    ];
    let marks = [1, 100, 5000, 64 * 1024];
    let config = (
        select(vec![Delivery::Whole, Delivery::Streamed]),
        select(marks.to_vec()),
        select(marks.to_vec()),
        select(vec![0, 10, 1024]),
        any::<bool>(),
    )
        .prop_map(
            |(delivery, inbound_mark, outbox_mark, compress_above, fail_by_drop)| Config {
                delivery,
                inbound_mark,
                outbox_mark,
                compress_above,
                fail_by_drop,
                max_message: 200_000,
                ..Config::default()
            },
        );
    let roles = select(vec![Role::Server, Role::Client]);
    (
        select(drafts.to_vec()),
        roles,
        any::<Option<bool>>(),
        config,
    )
        .prop_map(|(draft, role, deflate, config)| Terms {
            draft,
            role,
            deflate,
            config,
        })
}

/// What a peer may send.
#[derive(Clone, Debug)]
enum Sent {
    Message {
        text: bool,
        body: Vec<u8>,
        compressed: bool,
        /// Lengths of the fragments before the last one.
        fragments: Vec<usize>,
        /// The payload of a ping between them.
        between: Option<Vec<u8>>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    Raw(Vec<u8>),
}

fn text() -> impl Strategy<Value = String> {
    let chars = select(vec!['a', 'b', ' ', '\0', 'é', '€', '\u{1f600}']);
    (vec(chars, 0..60), select(vec![1, 1, 1, 1, 20, 900])).prop_map(|(chars, times)| {
        let text: String = chars.into_iter().collect();
        text.repeat(times)
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let control = || vec(any::<u8>(), 0..=125);
    let message = (
        any::<bool>(),
        text(),
        any::<bool>(),
        vec(0..2000usize, 0..3),
        proptest::option::of(control()),
    )
        .prop_map(
            |(text, body, compressed, fragments, between)| Sent::Message {
                text,
                body: body.into_bytes(),
                compressed,
                fragments,
                between,
            },
        );
    prop_oneof![
        10 => message,
        2 => control().prop_map(Sent::Ping),
        1 => control().prop_map(Sent::Pong),
        1 => (select(vec![1000, 1001, 1005, 3000, 4999, 5000]), "[a-z\u{e9}]{0,40}")
            .prop_map(|(code, reason)| Sent::Close(code, reason)),
        1 => vec(any::<u8>(), 0..40).prop_map(Sent::Raw),
    ]
}

/// One byte of the stream made wrong: where, in millionths of its length, and how.
type Mutation = (usize, u8, u8);

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let one = || (0..10_000usize, 0..3u8, any::<u8>());
    prop_oneof![
        3 => Just(Vec::new()),
        2 => vec(one(), 1..4),
    ]
}

/// The stream of what `terms.role`'s peer sends.
fn stream(terms: &Terms, sent: &[Sent], mutations: &[Mutation]) -> Vec<u8> {
    let frame = match terms.role {
        Role::Server => masked,
        Role::Client => unmasked,
    };
    let mut compressor = Compressor::new(15, terms.deflate == Some(false), Effort::default());
    let mut out = Vec::new();
    for sent in sent {
        match sent {
            Sent::Raw(bytes) => out.extend_from_slice(bytes),
            Sent::Message { body, .. } if !terms.draft.is_hybi() => {
                out.extend_from_slice(&[b"\x00", &body[..], b"\xff"].concat());
            }
            Sent::Ping(bytes) if !terms.draft.is_hybi() => {
                out.extend_from_slice(&[0x80, bytes.len().to_le_bytes()[0]]);
                out.extend_from_slice(bytes);
            }
            Sent::Pong(bytes) if !terms.draft.is_hybi() => {
                let ascii = bytes.iter().map(|byte| byte & 0x7f);
                out.push(5);
                out.extend(ascii);
                out.push(0xff);
            }
            Sent::Close(..) if !terms.draft.is_hybi() => out.extend_from_slice(b"\xff\x00"),
            Sent::Message {
                text,
                body,
                compressed,
                fragments,
                between,
            } => {
                let compressed = *compressed && terms.deflate.is_some();
                let mut payload = body.clone();
                if compressed {
                    payload.clear();
                    compressor.compress(body, true, &mut payload);
                }
                let mut first = if *text { 1 } else { 2 } | if compressed { 0x40 } else { 0 };
                for &len in fragments {
                    let rest = payload.split_off(len.min(payload.len()));
                    out.extend(frame(first, &payload));
                    out.extend(between.iter().flat_map(|ping| frame(0x89, ping)));
                    (payload, first) = (rest, 0);
                }
                out.extend(frame(first | 0x80, &payload));
            }
            Sent::Ping(bytes) => out.extend(frame(0x89, bytes)),
            Sent::Pong(bytes) => out.extend(frame(0x8a, bytes)),
            Sent::Close(code, reason) => {
                let body = [&code.to_be_bytes(), reason.as_bytes()].concat();
                out.extend(frame(0x88, &body));
            }
        }
    }
    for &(place, how, byte) in mutations {
        let at = out.len() * place / 10_000;
        match how {
            _ if out.is_empty() => {}
            0 => out[at] = byte,
            1 => out.insert(at, byte),
            _ => drop(out.remove(at)),
        }
    }
    out
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn any_chopping_of_a_stream_tells_and_writes_the_same(
        terms in terms(),
        sent in vec(sent(), 0..8),
        mutations in mutations(),
        seed in any::<u64>(),
    ) {
        let input = stream(&terms, &sent, &mutations);
        check_stream(&terms, &input, seed);
    }
}

fn op() -> impl Strategy<Value = Op> {
    let role = || select(vec![Role::Client, Role::Server]);
    let kind = || {
        select(vec![
            MessageKind::Text,
            MessageKind::Text,
            MessageKind::Binary,
        ])
    };
    let message = || {
        (kind(), text()).prop_map(|(kind, text)| match kind {
            MessageKind::Text => Message::text(text),
            MessageKind::Binary => Message::binary(text.into_bytes()),
        })
    };
    let options =
        (any::<bool>(), proptest::option::of(64..5000usize)).prop_map(|(compress, fragment)| {
            let options = match fragment.and_then(NonZeroUsize::new) {
                Some(most) => SendOptions::default().fragmented(most),
                None => SendOptions::default(),
            };
            if compress {
                options
            } else {
                options.uncompressed()
            }
        });
    prop_oneof![
        12 => (role(), message(), options).prop_map(|(role, message, options)| Op::Send(role, message, options)),
        2 => (role(), message()).prop_map(|(role, message)| Op::Prepared(role, message)),
        6 => (role(), kind(), text(), any::<bool>())
            .prop_map(|(role, kind, chunk, last)| Op::Chunk(role, kind, chunk, last)),
        3 => (role(), vec(any::<u8>(), 0..=125)).prop_map(|(role, payload)| Op::Ping(role, payload)),
        1 => (role(), select(vec![1000, 1001, 4000]), "[a-z]{0,20}")
            .prop_map(|(role, code, reason)| Op::Close(role, code, reason)),
        14 => (role(), select(vec![1, 7, 100, 5000, 100_000])).prop_map(|(role, most)| Op::Carry(role, most)),
        10 => (role(), 1..4usize).prop_map(|(role, most)| Op::Take(role, most)),
    ]
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn two_machines_keep_their_promises(
        terms in terms(),
        ops in vec(op(), 0..60),
        closer in select(vec![Role::Client, Role::Server]),
    ) {
        let mut two = Two::new(&terms);
        for op in ops {
            two.run(op);
        }
        two.finish(closer);
    }
}

/// What happens to one machine while time passes.
#[derive(Clone, Debug)]
enum Moment {
    Pass(u64),
    /// Lets time pass up to the next deadline.
    Wait,
    /// Brings so many bytes.
    Feed(usize),
    Send(usize),
    Ping,
    Close,
    /// Writes up to so many bytes.
    Write(usize),
    Take,
    Eof,
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        3 => (0..40_000u64).prop_map(Moment::Pass),
        6 => Just(Moment::Wait),
        6 => (1..3000usize).prop_map(Moment::Feed),
        2 => (0..5000usize).prop_map(Moment::Send),
        1 => Just(Moment::Ping),
        1 => Just(Moment::Close),
        6 => (1..20_000usize).prop_map(Moment::Write),
        6 => Just(Moment::Take),
        1 => Just(Moment::Eof),
    ]
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn deadlines_lie_ahead_and_a_silent_peer_is_given_up(
        terms in terms(),
        awaits in any::<bool>(),
        sent in vec(sent(), 0..5),
        mutations in mutations(),
        moments in vec(moment(), 0..40),
    ) {
        let mut input = stream(&terms, &sent, &mutations);
        let mut agreed = terms.agreed();
        let mut settings = terms.config.clone();
        if awaits && terms.draft == Draft::Hixie76 {
            settings.first_frame_delay = Duration::from_millis(25);
            agreed.challenge = match terms.role {
                Role::Server => Challenge::ServerAwaitsNonce { numbers: [1; 8] },
                Role::Client => Challenge::ClientExpectsDigest { digest: [b'd'; 16] },
            };
            input.splice(0..0, [b'd'; 16]);
        }
        let settings = Arc::new(settings);
        let mut machine = match terms.role {
            Role::Server => Connection::server(agreed, settings, Outbox::new(), NOW),
            Role::Client => Connection::client(agreed, settings, counter(), NOW),
        };
        let (mut now, mut rest, mut closed, mut waits) = (NOW, &input[..], 0, 0);
        let mut moments = moments.into_iter();
        while !machine.is_finished() {
            match moments.next() {
                Some(Moment::Pass(millis)) => now = now + Duration::from_millis(millis),
                Some(Moment::Feed(len)) => {
                    let len = len.min(rest.len());
                    let taken = machine.receive(now, &mut rest[..len].to_vec());
                    rest = &rest[taken..];
                }
                Some(Moment::Send(len)) => drop(machine.send(Message::text("s".repeat(len)))),
                Some(Moment::Ping) => drop(machine.ping(now, b"?")),
                Some(Moment::Close) => machine.close(now, CloseCode::NORMAL, "").expect("legal"),
                Some(Moment::Write(len)) => {
                    let outbox = machine.outbox();
                    outbox.advance(len.min(outbox.len()));
                }
                Some(Moment::Eof) => machine.receive_eof(now),
                Some(Moment::Take) => {
                    while let Some(event) = machine.poll_event() {
                        prop_assert_eq!(closed, 0, "{:?} after the end", event);
                        closed += usize::from(matches!(event, Event::Closed(_)));
                    }
                }
                Some(Moment::Wait) => now = machine.poll_timeout().map_or(now, |next| next.max(now)),
                None => {
                    // Nobody does anything any more, and a hixie peer is not asked for a sign of life.
                    let Some(next) = machine.poll_timeout() else {
                        prop_assert!(!terms.draft.is_hybi(), "waits for ever");
                        break;
                    };
                    prop_assert!(waits < 20, "never given up");
                    waits += 1;
                    now = next.max(now);
                    while machine.poll_event().is_some() {}
                }
            }
            machine.handle_timeout(now);
            prop_assert!(machine.poll_timeout().is_none_or(|next| next > now));
            // What a timer queued starts the clock of writes; then nothing changes any more.
            machine.handle_timeout(now);
            let next = machine.poll_timeout();
            machine.handle_timeout(now);
            prop_assert_eq!(machine.poll_timeout(), next);
        }
    }
}
