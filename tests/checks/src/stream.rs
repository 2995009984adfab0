//! One side of a WebSocket, brought a stream in any way, and what it told and wrote.

use std::sync::Arc;

use bytes::Buf;
use websocket_proto::connection::{Closed, Config, Connection, Event};
use websocket_proto::deflate::Params;
use websocket_proto::frame::{Decoder, OpCode, Step, hixie};
use websocket_proto::handshake::Agreed;
use websocket_proto::{
    Draft, Entropy, Instant, Machine, Message, MessageKind, Outbox, ReadInterest, Refused, Role,
};

use crate::planted;

const NOW: Instant = Instant::ZERO;

/// What both sides of a connection settled, and how it is configured.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of both sides.
    pub draft: Draft,
    /// Which side is looked at.
    pub role: Role,
    /// Whether permessage-deflate is in use, and whether it takes contexts over.
    pub deflate: Option<bool>,
    /// Of both sides.
    pub config: Config,
}

impl Terms {
    /// What the handshake would have settled.
    pub fn agreed(&self) -> Agreed {
        let params = self.deflate.map(|takeover| Params {
            server_no_context_takeover: !takeover,
            client_no_context_takeover: !takeover,
            ..Params::default()
        });
        Agreed {
            deflate: params.filter(|_| self.draft.is_hybi()),
            ..Agreed::new(self.draft)
        }
    }

    /// A machine on these terms.
    pub fn machine(&self, role: Role) -> Connection {
        let config = Arc::new(self.config.clone());
        match role {
            Role::Server => Connection::server(self.agreed(), config, Outbox::new(), NOW),
            Role::Client => Connection::client(self.agreed(), config, counter(), NOW),
        }
    }
}

/// How a stream is brought to a machine.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// The longest piece; pieces are of any length up to it.
    pub most: usize,
    /// Chooses the lengths of pieces.
    pub seed: u64,
    /// Reads straight to the message where that is offered.
    pub direct: bool,
    /// Takes events only when the machine wants nothing more.
    pub lazy: bool,
    /// Calls `handle_timeout` all the time.
    pub early: bool,
}

impl Driver {
    /// Everything at once.
    pub const WHOLE: Self = Self {
        most: usize::MAX,
        seed: 0,
        direct: false,
        lazy: false,
        early: false,
    };

    fn length(&mut self) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        match self.most {
            usize::MAX => usize::MAX,
            most => 1 + (self.seed >> 33) as usize % most,
        }
    }
}

/// Events with the chunks of a message joined, where nothing stands between them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// Anything else.
    Event(Event),
    /// Part of a message.
    Chunks {
        /// Of the message.
        kind: MessageKind,
        /// Joined.
        payload: Vec<u8>,
        /// It begins the message.
        first: bool,
        /// It ends it.
        last: bool,
    },
}

/// What a machine told and wrote.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    /// Its events.
    pub told: Vec<Told>,
    /// Its bytes.
    pub output: Vec<u8>,
}

impl Trace {
    fn tell(&mut self, event: Event) {
        if let Some(Told::Event(Event::Closed(_))) = self.told.last() {
            panic!("{event:?} after the end");
        }
        let Event::Chunk(chunk) = event else {
            return self.told.push(Told::Event(event));
        };
        if chunk.kind == MessageKind::Text {
            assert!(
                std::str::from_utf8(&chunk.payload).is_ok(),
                "a chunk of text is text"
            );
        }
        match self.told.last_mut() {
            Some(Told::Chunks {
                kind,
                payload,
                last: last @ false,
                ..
            }) => {
                assert!(*kind == chunk.kind && !chunk.first);
                payload.extend_from_slice(&chunk.payload);
                *last = chunk.last;
            }
            _ => self.told.push(Told::Chunks {
                kind: chunk.kind,
                payload: chunk.payload.to_vec(),
                first: chunk.first,
                last: chunk.last,
            }),
        }
    }

    /// How it ended.
    pub fn closed(&self) -> Option<&Closed> {
        match self.told.last() {
            Some(Told::Event(Event::Closed(closed))) => Some(closed),
            _ => None,
        }
    }

    /// Takes what the machine has to tell and to write; tells whether there was anything.
    fn work(&mut self, machine: &mut Connection, events: bool) -> bool {
        let before = (self.told.len(), self.output.len());
        let mut told = false;
        while events && let Some(event) = machine.poll_event() {
            told = true;
            self.tell(event);
        }
        let outbox = machine.outbox();
        let bytes = outbox.copy_to_bytes(outbox.len());
        self.output.extend_from_slice(&bytes);
        told || before != (self.told.len(), self.output.len())
    }
}

/// Brings `input` and its end to a machine, and checks what holds at each step.
///
/// # Panics
///
/// When a promise is broken.
pub fn drive(terms: &Terms, input: &[u8], mut driver: Driver) -> Trace {
    let mut machine = terms.machine(terms.role);
    let mut trace = Trace::default();
    let mut rest = input;
    while !rest.is_empty() {
        let piece = &rest[..rest.len().min(driver.length())];
        let mut moved = 0;
        if driver.direct
            && let Some(room) = machine.direct_read()
        {
            moved = room.len().min(piece.len());
            room[..moved].copy_from_slice(&piece[..moved]);
            machine.direct_filled(NOW, moved);
        } else {
            let mut buffer = piece.to_vec();
            let wants = machine.read_interest() == ReadInterest::Data;
            moved += machine.receive(NOW, &mut buffer);
            assert_eq!(
                buffer[moved..],
                piece[moved..],
                "bytes not taken were modified"
            );
            assert!(moved > 0 || !wants, "it wants data but takes none");
            if trace.closed().is_some() {
                assert_eq!(moved, piece.len(), "after the end everything is taken");
            }
        }
        rest = &rest[moved..];
        if driver.early {
            machine.handle_timeout(NOW);
            assert!(machine.poll_timeout().is_none_or(|next| next > NOW));
        }
        let worked = trace.work(&mut machine, !driver.lazy || moved < piece.len());
        assert!(worked || moved > 0, "neither input nor events move");
    }
    machine.receive_eof(NOW);
    trace.work(&mut machine, true);
    assert!(trace.closed().is_some(), "the end is told");
    assert!(machine.is_finished());
    assert!(!machine.has_events());
    assert!(!trace.work(&mut machine, true));
    assert_eq!(
        machine.send(Message::text("late")).map_err(|late| late.why),
        Err(Refused::Closing)
    );
    trace
}

/// What an application that says nothing may have put on the wire: pongs and one close frame, last.
///
/// # Panics
///
/// When there is more.
pub fn check_output(terms: &Terms, output: &[u8]) {
    if !terms.draft.is_hybi() {
        let mut decoder = hixie::Decoder::new(terms.draft, 0);
        let steps = decoder.decode(output);
        let close = matches!(steps, Ok((2, hixie::Step::Close))) && output.len() == 2;
        assert!(output.is_empty() || close, "{output:?}");
        return;
    }
    let peer = match terms.role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    };
    let mut decoder = Decoder::new(terms.draft, peer, false);
    let mut output = output.to_vec();
    let (mut rest, mut closed) = (&mut output[..], false);
    while !rest.is_empty() {
        let taken = match decoder.decode(rest).expect("valid frames") {
            Step::Header { header, consumed } => {
                assert!(!closed, "nothing follows a close frame");
                closed = header.opcode == OpCode::Close;
                assert!(closed || header.opcode == OpCode::Pong);
                consumed
            }
            Step::Payload { at, .. } => at.end,
            Step::Need => panic!("half a frame"),
        };
        rest = &mut rest[taken..];
    }
}

/// Brings `input` whole and in pieces to machines that differ in nothing.
///
/// # Panics
///
/// When a promise is broken.
pub fn check_stream(terms: &Terms, input: &[u8], seed: u64) -> Trace {
    let mut whole = drive(terms, input, Driver::WHOLE);
    if planted("stream-closes-twice") && whole.output.starts_with(&[0x88]) {
        let output = whole.output.clone();
        whole.output.extend(output);
    }
    check_output(terms, &whole.output);
    let drivers = [
        Driver {
            most: 1,
            ..Driver::WHOLE
        },
        Driver {
            most: 20,
            early: true,
            ..Driver::WHOLE
        },
        Driver {
            most: 3000,
            lazy: true,
            ..Driver::WHOLE
        },
        Driver {
            most: 20_000,
            direct: true,
            ..Driver::WHOLE
        },
        Driver {
            most: 40_000,
            direct: true,
            lazy: true,
            early: true,
            ..Driver::WHOLE
        },
    ];
    let mut cut = input.to_vec();
    if planted("stream-loses-a-length") && cut.get(1).is_some_and(|second| second & 0x7f == 126) {
        cut.truncate(2);
    }
    // RFC 6455 §5.5.3: of pings that come faster than answers leave, only late ones are answered.
    let is_ping = |told: &&Told| matches!(told, Told::Event(Event::Ping(_)));
    let forgets_pongs = whole.told.iter().filter(is_ping).count() > 16;
    for driver in drivers {
        if input.len() > 3000 && driver.most < 100 {
            continue;
        }
        let chopped = drive(terms, &cut, Driver { seed, ..driver });
        let written = forgets_pongs || chopped.output == whole.output;
        assert!(
            written && chopped.told == whole.told,
            "{driver:?}: {} but whole {}",
            brief(&chopped),
            brief(&whole)
        );
    }
    whole
}

/// A trace without long payloads, for messages.
fn brief(trace: &Trace) -> String {
    let told: Vec<String> = trace
        .told
        .iter()
        .map(|told| format!("{told:?}").chars().take(200).collect())
        .collect();
    format!("{told:#?} and {} bytes out", trace.output.len())
}

/// Random bytes that are the same in each run.
pub fn counter() -> Box<dyn Entropy> {
    let mut state = 1u64;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    })
}
