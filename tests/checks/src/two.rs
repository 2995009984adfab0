//! Two machines, what their applications do, and the promises between them.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use websocket_proto::connection::{Closed, Connection, Event, Prepared, SendOptions};
use websocket_proto::{CloseCode, Draft, Instant, Machine, Message, MessageKind, Refused, Role};

use crate::planted;
use crate::stream::Terms;

const NOW: Instant = Instant::ZERO;

/// What happens between two machines.
#[derive(Clone, Debug)]
pub enum Op {
    /// Sends a message.
    Send(Role, Message, SendOptions),
    /// Sends one that was encoded before.
    Prepared(Role, Message),
    /// Sends part of one, perhaps the last.
    Chunk(Role, MessageKind, String, bool),
    /// Pings.
    Ping(Role, Vec<u8>),
    /// Begins to close.
    Close(Role, u16, String),
    /// Brings up to so many bytes of what this side has written to the other.
    Carry(Role, usize),
    /// Takes up to so many events of this side.
    Take(Role, usize),
}

/// One machine, and what its application did and saw.
#[derive(Debug)]
struct Side {
    machine: Connection,
    /// Messages that were accepted and that the other side has not told yet.
    accepted: VecDeque<Message>,
    streamed: Option<(MessageKind, Vec<u8>)>,
    /// Chunks of the message under way, as received.
    gathered: Vec<u8>,
    /// It was the application that began to close.
    has_closed: bool,
    closed: Option<Closed>,
    told_eof: bool,
    /// The most that the outbox may hold besides its mark.
    slack: usize,
    awaits_room: bool,
}

/// A client and a server.
#[derive(Debug)]
pub struct Two {
    client: Side,
    server: Side,
    mark: usize,
}

impl Two {
    /// Both sides on the same terms.
    pub fn new(terms: &Terms) -> Self {
        let side = |role| Side {
            machine: terms.machine(role),
            accepted: VecDeque::new(),
            streamed: None,
            gathered: Vec::new(),
            has_closed: false,
            closed: None,
            told_eof: false,
            slack: 4000,
            awaits_room: false,
        };
        Self {
            client: side(Role::Client),
            server: side(Role::Server),
            mark: terms.config.outbox_mark,
        }
    }

    fn sides(&mut self, role: Role) -> (&mut Side, &mut Side) {
        match role {
            Role::Client => (&mut self.client, &mut self.server),
            Role::Server => (&mut self.server, &mut self.client),
        }
    }

    /// Does one thing, and checks what holds after each.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    pub fn run(&mut self, op: Op) {
        let mark = self.mark;
        match op {
            Op::Send(role, message, options) => {
                let side = self.sides(role).0;
                let full = side.machine.outbox().len() >= mark;
                let sent = side.machine.send_with(message.clone(), options);
                let back = sent.map_err(|error| (error.why, error.payload));
                side.was_sent(message, back, full);
            }
            Op::Prepared(role, message) => {
                let side = self.sides(role).0;
                let full = side.machine.outbox().len() >= mark;
                let sent = side.machine.send_prepared(&Prepared::new(message.clone()));
                let back = sent.map_err(|why| (why, message.clone()));
                side.was_sent(message, back, full);
            }
            Op::Chunk(role, kind, chunk, last) => {
                let side = self.sides(role).0;
                let bytes = Bytes::from(chunk.into_bytes());
                let full = side.machine.outbox().len() >= mark;
                match side.machine.send_chunk(kind, bytes.clone(), last) {
                    Ok(()) => {
                        assert!(!full, "over its mark");
                        side.slack = side.slack.max(4000 + 2 * bytes.len());
                        let (_, gathered) = side.streamed.get_or_insert((kind, Vec::new()));
                        gathered.extend_from_slice(&bytes);
                        if last && let Some((kind, gathered)) = side.streamed.take() {
                            side.accepted.push_back(match kind {
                                MessageKind::Text => {
                                    Message::text(String::from_utf8(gathered).expect("text"))
                                }
                                MessageKind::Binary => Message::binary(gathered),
                            });
                        }
                    }
                    Err(refused) => {
                        assert_eq!(refused.payload, bytes);
                        side.was_refused(refused.why);
                        assert!(full || refused.why != Refused::Full, "there is room");
                    }
                }
            }
            Op::Ping(role, payload) => {
                let side = self.sides(role).0;
                match side.machine.ping(NOW, &payload) {
                    Ok(()) => side.slack += 140,
                    Err(why) => side.was_refused(why),
                }
            }
            Op::Close(role, code, reason) => {
                let side = self.sides(role).0;
                side.machine
                    .close(NOW, CloseCode(code), &reason)
                    .expect("a legal code");
                let open = !std::mem::replace(&mut side.has_closed, true);
                if let Some((_, part)) = side.streamed.take()
                    && side.machine.draft() == Draft::Hixie76
                    && open
                {
                    // Its closing frame can only stand behind the end of the text.
                    side.accepted
                        .push_back(Message::text(String::from_utf8(part).expect("text")));
                }
            }
            Op::Carry(role, most) => drop(self.carry(role, most)),
            Op::Take(role, most) => drop(self.take(role, most)),
        }
        for role in [Role::Client, Role::Server] {
            let mark = self.mark;
            let side = self.sides(role).0;
            let len = side.machine.outbox().len();
            assert!(len <= mark + side.slack, "{len} bytes over {mark}");
            side.machine.handle_timeout(NOW);
            assert!(side.machine.poll_timeout().is_none_or(|next| next > NOW));
        }
    }

    fn carry(&mut self, role: Role, most: usize) -> bool {
        let (from, to) = self.sides(role);
        let outbox = from.machine.outbox();
        if outbox.is_empty() {
            if from.machine.is_finished() && !to.told_eof {
                to.told_eof = true;
                to.machine.receive_eof(NOW);
                return true;
            }
            return false;
        }
        if to.told_eof || to.machine.is_finished() {
            // A socket that is closed.
            outbox.advance(outbox.len());
            return true;
        }
        let n = outbox.chunk().len().min(most);
        if let Some(room) = to.machine.direct_read() {
            let n = n.min(room.len());
            room[..n].copy_from_slice(&outbox.chunk()[..n]);
            outbox.advance(n);
            to.machine.direct_filled(NOW, n);
            return true;
        }
        let mut bytes = outbox.chunk()[..n].to_vec();
        let taken = to.machine.receive(NOW, &mut bytes);
        outbox.advance(taken);
        taken > 0
    }

    fn take(&mut self, role: Role, most: usize) -> bool {
        let (side, other) = self.sides(role);
        for taken in 0..most {
            let Some(event) = side.machine.poll_event() else {
                return taken > 0;
            };
            assert!(side.closed.is_none(), "{event:?} after the end");
            match event {
                Event::Message(message)
                    if planted("pair-swallows-empty") && message.as_bytes().is_empty() => {}
                Event::Message(message) => side.tell(message, other),
                Event::Chunk(chunk) => {
                    assert_eq!(chunk.first, side.gathered.is_empty() || chunk.first);
                    side.gathered.extend_from_slice(&chunk.payload);
                    if chunk.last {
                        let gathered = std::mem::take(&mut side.gathered);
                        let message = match chunk.kind {
                            MessageKind::Text => {
                                Message::text(String::from_utf8(gathered).expect("text"))
                            }
                            MessageKind::Binary => Message::binary(gathered),
                        };
                        side.tell(message, other);
                    }
                }
                Event::Writable => {
                    assert!(std::mem::take(&mut side.awaits_room), "nobody asked");
                    assert_ne!(side.machine.can_send(), Err(Refused::Full));
                }
                Event::Closed(closed) => side.closed = Some(closed),
                Event::Ping(_) | Event::Pong { .. } => {}
                event => panic!("{event:?}"),
            }
        }
        true
    }

    /// Lets everything arrive, closes unless somebody has, and checks what holds at the end.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    pub fn finish(mut self, closer: Role) {
        self.settle();
        if !self.client.has_closed && !self.server.has_closed {
            for side in [&self.client, &self.server] {
                assert!(side.closed.is_none(), "{:?}", side.closed);
                assert!(
                    side.accepted.is_empty(),
                    "{} are missing",
                    side.accepted.len()
                );
            }
            self.run(Op::Close(closer, 1000, String::new()));
            self.settle();
        }
        for role in [Role::Client, Role::Server] {
            let (side, other) = self.sides(role);
            let closed = side.closed.clone();
            assert!(closed.is_some(), "{role:?} ends");
            assert!(side.machine.is_finished());
            assert!(side.machine.outbox().is_empty());
            // Who has closed drops what still comes. Who has not misses nothing.
            let missing = other.accepted.len();
            assert!(side.has_closed || missing == 0, "{role:?} misses {missing}");
            let clean = side.machine.draft() != Draft::Hixie75;
            assert_eq!(closed.map(|closed| closed.clean), Some(clean));
        }
    }

    /// Lets everything flow until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for role in [Role::Client, Role::Server] {
                moved |= self.carry(role, 10_000);
                moved |= self.take(role, 10);
            }
            if !moved {
                return;
            }
        }
    }
}

impl Side {
    /// `full` tells whether the outbox was at its mark before.
    fn was_sent(&mut self, message: Message, sent: Result<(), (Refused, Message)>, full: bool) {
        match sent {
            Ok(()) => {
                assert!(!full, "over its mark");
                self.slack = self.slack.max(4000 + 2 * message.as_bytes().len());
                self.accepted.push_back(message);
            }
            Err((why, back)) => {
                assert_eq!(back, message, "the refused message comes back");
                assert!(full || why != Refused::Full, "there is room");
                self.was_refused(why);
            }
        }
    }

    fn was_refused(&mut self, why: Refused) {
        match why {
            Refused::Full => self.awaits_room = true,
            Refused::Closing => assert!(
                self.has_closed
                    || self.closed.is_some()
                    || self.machine.has_events()
                    || self.told_eof,
                "refused for no reason"
            ),
            Refused::Interleaved => assert!(self.streamed.is_some()),
            Refused::Unsupported => assert!(!self.machine.draft().is_hybi()),
            why => panic!("{why}"),
        }
    }

    /// The oldest message that `other` sent is the one that is told.
    fn tell(&self, message: Message, other: &mut Self) {
        let sent = other.accepted.pop_front();
        assert!(
            sent.as_ref() == Some(&message),
            "{message:.80?} instead of {sent:.80?}"
        );
    }
}
