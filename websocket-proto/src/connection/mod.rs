//! A WebSocket after its handshake: messages in, messages out.
//!
//! ```text
//!              close()                        peer's close frame
//!     Open ───────────────► Closing ───────────────────────────────► Over
//!      │                       │  close_timeout, EOF, violation ──────►│
//!      │ peer's close frame,   └──────────────────────────────────────  │
//!      │ violation, EOF                                                 │
//!      └──────────────────► Held ── the application has taken every ───►┘
//!                                   event that came before (or time ran out)
//! ```
//!
//! *Held* is why an echo server answers a good message that came in the same read as a bad frame: the
//! close frame goes out when the application has had its chance to answer what came before it.
//! *Over* tells [`Event::Closed`] once. A client then waits for the server to close TCP
//! (RFC 6455 §7.1.1); a server is finished as soon as its outbox is empty.

mod answers;
mod config;
mod event;
mod gather;
mod hixie;
mod inbound;
mod life;
mod machine;
mod opening;
mod options;
mod outgoing;
mod pings;
mod prepared;
mod queue;
mod seldom;
mod sink;
mod streamed;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

pub use answers::Answers;
pub use config::{Config, Delivery};
pub use event::{Cause, Chunk, Closed, Event, Timer};
pub use options::{Compress, SendOptions};
pub use outgoing::Outgoing;
pub use prepared::Prepared;
pub use queue::Events;
pub use sink::{Incoming, Sink};

use crate::frame::CloseCode;
use crate::handshake::Agreed;
use crate::{Draft, Entropy, Instant, Message, MessageKind, Outbox, Refused, Role, SendError};
use inbound::{Around, Inbound, Stop};
use life::{Clocks, Life};
use opening::{Opening, Progress};
use pings::Pings;
use queue::Queue;

/// One WebSocket connection, either side, any draft.
///
/// Feed it through [`Machine`](crate::Machine); take [`Event`]s from [`poll_event`](Self::poll_event). Pings are
/// answered, close frames exchanged and limits enforced without the application's help.
///
/// ```
/// use std::sync::Arc;
/// use websocket_proto::connection::{Config, Connection, Event};
/// use websocket_proto::handshake::Agreed;
/// use websocket_proto::{Draft, Instant, Machine, Message, Outbox};
/// use bytes::Buf;
///
/// let now = Instant::ZERO;
/// let agreed = Agreed::new(Draft::Rfc6455);
/// let mut ws = Connection::server(agreed, Arc::new(Config::default()), Outbox::new(), now);
///
/// let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // "Hello", masked
/// assert_eq!(ws.receive(now, &mut input), input.len());
/// while let Some(event) = ws.poll_event() {
///     if let Event::Message(message) = event {
///         ws.send(message).expect("the outbox has room");
///     }
/// }
/// assert_eq!(ws.outbox().chunk(), b"\x81\x05Hello");
/// ```
pub struct Connection {
    stage: Stage,
    outgoing: Outgoing,
    queue: Queue,
    pings: Pings,
    life: Life,
    /// The latest time that was told.
    now: Instant,
    /// `None` while none runs.
    clocks: Option<Box<Clocks>>,
}

/// How the next input is read.
enum Stage {
    Opening(Opening),
    Hybi(Inbound),
    Hixie(hixie::Inbound),
}

impl Connection {
    /// The server's side of a connection whose handshake is done.
    ///
    /// `outbox` holds what still goes out before the first frame: the 101.
    pub fn server(agreed: Agreed, config: Arc<Config>, outbox: Outbox, now: Instant) -> Self {
        Self::new(&agreed, Role::Server, config, None, outbox, now)
    }

    /// The client's side of a connection whose handshake is done. `entropy` gives the mask keys.
    ///
    /// When not all of the request was written before its answer came, what
    /// [`upgrade`](crate::http1::client::Exchange::upgrade) gave back still has to go out first:
    /// move it with [`append_outbox`](Outbox::append_outbox).
    pub fn client(
        agreed: Agreed,
        config: Arc<Config>,
        entropy: Box<dyn Entropy>,
        now: Instant,
    ) -> Self {
        let masks = agreed.draft.is_hybi().then_some(entropy);
        Self::new(&agreed, Role::Client, config, masks, Outbox::new(), now)
    }

    fn new(
        agreed: &Agreed,
        role: Role,
        config: Arc<Config>,
        masks: Option<Box<dyn Entropy>>,
        outbox: Outbox,
        now: Instant,
    ) -> Self {
        let (mark, max_message) = (config.inbound_mark, config.max_message);
        let nonce_until = now + config.nonce_timeout;
        let mut outgoing = Outgoing::new(agreed, role, config, masks, outbox);
        let mut deadline = None;
        let stage = match Opening::new(agreed.challenge) {
            Some(opening) => {
                outgoing.hold();
                deadline = Some(nonce_until);
                Stage::Opening(opening)
            }
            None if agreed.draft.is_hybi() => Stage::Hybi(Inbound::new(agreed, role)),
            None => Stage::Hixie(hixie::Inbound::new(agreed.draft, max_message)),
        };
        let mut new = Self {
            queue: Queue::new(mark),
            stage,
            outgoing,
            pings: Pings::new(now),
            life: Life::Open,
            now,
            clocks: None,
        };
        new.set_deadline(deadline);
        new
    }

    /// The draft in use.
    pub fn draft(&self) -> Draft {
        self.outgoing.draft()
    }

    /// Whether the handshake is complete. In hixie-76 its last bytes follow the heads; until they
    /// have come, nothing that is sent leaves, a close neither.
    pub const fn is_established(&self) -> bool {
        !matches!(self.stage, Stage::Opening(_))
    }

    /// Whether frames are kept back, should there be any: in hixie-76 until the handshake is complete and,
    /// at a server, [`Config::first_frame_delay`] has passed.
    pub fn is_holding(&self) -> bool {
        self.outgoing.is_held()
    }

    /// Takes the next event. After [`Event::Closed`] there is none.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.queue.pop() {
            return Some(event);
        }
        self.poll_other_event()
    }

    /// Takes at once all events that wait, for an application that has to lock the connection and would
    /// rather do that once than for each.
    ///
    /// Until they are [given back](Self::give_back) the events count as waiting: they fill the
    /// [inbound mark](Config::inbound_mark), an end of the connection is neither answered nor told, and
    /// no more can be taken. `None` when none waits, or more than half of the mark;
    /// [`poll_event`](Self::poll_event) tells what there is all the same.
    #[inline]
    pub fn take_events(&mut self) -> Option<Events> {
        self.queue.take()
    }

    /// Tells that the application is done with `events`; what is left of them is dropped.
    #[inline]
    pub fn give_back(&mut self, events: Events) {
        self.queue.give_back(events);
    }

    /// Takes `events` back as they are: what is left of them is told next, before all that came since.
    #[inline]
    pub fn put_back(&mut self, events: Events) {
        self.queue.put_back(events);
    }

    /// Lends memory for events to come until it is [reclaimed](Self::reclaim_events): the counterpart of
    /// [`Outbox::lend`]. It is dropped where events wait in other memory.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use websocket_proto::connection::{Connection, Events};
    /// use websocket_proto::handshake::Agreed;
    /// use websocket_proto::{Draft, Instant, Machine, Outbox};
    ///
    /// let (now, agreed) = (Instant::ZERO, Agreed::new(Draft::Rfc6455));
    /// let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), now);
    /// ws.lend_events(Events::default());
    /// ws.receive(now, &mut *b"\x82\x81\0\0\0\0!".to_vec()); // masked with zeros
    /// assert!(ws.poll_event().is_some());
    /// let events = ws.reclaim_events().expect("no event waits");
    /// assert!(events.is_empty() && events.capacity() > 0);
    /// ```
    #[inline]
    pub fn lend_events(&mut self, events: Events) {
        self.queue.lend(events);
    }

    /// Gives back memory that was [lent](Self::lend_events), perhaps more of it, unless events wait in it:
    /// then it has become the connection's own.
    #[inline]
    pub fn reclaim_events(&mut self) -> Option<Events> {
        self.queue.reclaim()
    }

    fn poll_other_event(&mut self) -> Option<Event> {
        if !self.queue.is_empty() {
            return None;
        }
        self.settle();
        if self.outgoing.take_writable() {
            return Some(Event::Writable);
        }
        match &mut self.life {
            Life::Over(closed) => closed.take().map(|closed| Event::Closed(*closed)),
            Life::Open | Life::Closing | Life::Held { .. } => None,
        }
    }

    /// Whether [`poll_event`](Self::poll_event) has something to tell, or will once events that were taken
    /// are given back.
    pub fn has_events(&self) -> bool {
        !self.queue.is_empty()
            || matches!(self.life, Life::Held { .. } | Life::Over(Some(_)))
            || self.outgoing.is_writable()
    }

    /// Queues `message` for the peer.
    ///
    /// # Errors
    ///
    /// The message comes back: [`Full`](Refused::Full) while the outbox is over its mark
    /// ([`Event::Writable`] tells when to try again), [`Closing`](Refused::Closing) after the end,
    /// [`Interleaved`](Refused::Interleaved) inside a streamed message,
    /// [`Unsupported`](Refused::Unsupported) for binary in a hixie draft.
    #[inline]
    pub fn send(&mut self, message: Message) -> Result<(), SendError<Message>> {
        self.outgoing.send(message)
    }

    /// The longest payload that [`send_short`](Self::send_short) takes.
    pub const SHORT: usize = 125;

    /// Queues a copy of `message` if that is simple: at most [`SHORT`](Self::SHORT) bytes, nothing to mask
    /// or to compress, room, and nothing else in the way. Where it is `false` nothing has happened, and
    /// [`send`](Self::send) knows what to do.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use bytes::Buf;
    /// use websocket_proto::connection::Connection;
    /// use websocket_proto::handshake::Agreed;
    /// use websocket_proto::{Draft, Instant, Machine, Message, Outbox};
    ///
    /// let agreed = Agreed::new(Draft::Rfc6455);
    /// let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), Instant::ZERO);
    /// assert!(ws.send_short(&Message::text("hi")));
    /// assert!(!ws.send_short(&Message::binary(vec![0; 126])));
    /// assert_eq!(ws.outbox().chunk(), b"\x81\x02hi");
    /// ```
    #[inline]
    #[must_use = "a message that is not simple is not sent"]
    pub fn send_short(&mut self, message: &Message) -> bool {
        self.outgoing.send_short(message)
    }

    /// Takes the way of short messages out of the connection, for somebody who has many to send and would
    /// have to lock it for each: see [`Answers`]. What is sent on it goes out [in front](Self::put_answers) of
    /// all that was sent here meanwhile. `None` unless messages go out as they are, nothing waits, and the
    /// outbox has memory that was [lent](Outbox::lend) to it.
    pub fn take_answers(&mut self) -> Option<Answers> {
        self.outgoing.take_answers()
    }

    /// Puts back what [`take_answers`](Self::take_answers) took, with what was sent on it.
    pub fn put_answers(&mut self, answers: Answers) {
        self.outgoing.put_answers(answers);
    }

    /// Queues `message` with a say in compression and fragmentation.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with(
        &mut self,
        message: Message,
        options: SendOptions,
    ) -> Result<(), SendError<Message>> {
        self.outgoing.send_with(message, options)
    }

    /// Queues a piece of a message whose length need not be known. The first piece begins the
    /// message, `last` ends it; each goes out as a frame of its own (RFC 6455 §5.4), or as part of
    /// the one frame of a hixie draft.
    ///
    /// # Errors
    ///
    /// The piece comes back: as [`send`](Self::send), [`Interleaved`](Refused::Interleaved) when the
    /// message under way is of another kind, and [`NotUtf8`](Refused::NotUtf8) when the pieces of a
    /// text cannot add up to text; another piece may be tried then.
    pub fn send_chunk(
        &mut self,
        kind: MessageKind,
        chunk: Bytes,
        last: bool,
    ) -> Result<(), SendError<Bytes>> {
        self.outgoing.send_chunk(kind, chunk, last)
    }

    /// Queues a message that was encoded once for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), Refused> {
        self.outgoing.send_prepared(prepared)
    }

    /// Whether [`send`](Self::send) would take a message now.
    ///
    /// # Errors
    ///
    /// Why it would not. Asking does not bring [`Event::Writable`].
    pub fn can_send(&self) -> Result<(), Refused> {
        self.outgoing.can_send()
    }

    /// How many bytes wait for the peer, those too that are kept back until the handshake of
    /// hixie-76 is complete.
    pub fn buffered(&self) -> usize {
        self.outgoing.waiting()
    }

    /// Sends a ping of up to 125 bytes. [`Event::Pong`] tells the round-trip time; without an answer
    /// within [`Config::pong_timeout`] the connection ends.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](Refused::Unsupported) in the hixie drafts, [`TooBig`](Refused::TooBig),
    /// [`Closing`](Refused::Closing).
    pub fn ping(&mut self, now: Instant, payload: &[u8]) -> Result<(), Refused> {
        let alone = !self.outgoing.has_output();
        self.outgoing.ping(payload)?;
        let way = self.outgoing.way(alone);
        self.pings
            .sent(Bytes::copy_from_slice(payload), now, false, way);
        Ok(())
    }

    /// The latest round-trip time, from pings of the application or of the keep-alive.
    pub fn rtt(&self) -> Option<Duration> {
        self.pings.rtt()
    }

    /// Starts the closing handshake (RFC 6455 §7.1.2); once it has begun, does nothing.
    ///
    /// [`CloseCode::NO_STATUS`] sends an empty close frame. `reason` is cut to 123 bytes at a
    /// character border. Messages the peer sends from now on are dropped. The hixie drafts carry
    /// neither code nor reason, and hixie-75 just ends.
    ///
    /// # Errors
    ///
    /// [`BadCloseCode`](Refused::BadCloseCode) for a code that may not be sent (RFC 6455 §7.4).
    pub fn close(&mut self, now: Instant, code: CloseCode, reason: &str) -> Result<(), Refused> {
        let draft = self.draft();
        if draft.is_hybi() && code != CloseCode::NO_STATUS && !code.may_be_sent(draft, self.role())
        {
            return Err(Refused::BadCloseCode);
        }
        self.now = now;
        match self.life {
            // What was sent leaves when the handshake is complete, and the close behind it.
            Life::Open if matches!(self.stage, Stage::Opening(_)) => {
                let frame = self.config().hixie76_closing_frame;
                self.outgoing.end_held(frame);
                self.life = Life::Closing;
                self.set_deadline(Some(now + self.config().close_timeout));
            }
            // It leaves when the first frame does, and the deadline for that stays.
            Life::Open if self.outgoing.is_held() => {
                let frame = self.config().hixie76_closing_frame;
                self.outgoing.end_held(frame);
                self.life = Life::Closing;
            }
            // It has no closing frame.
            Life::Open if draft == Draft::Hixie75 => {
                self.outgoing.end(code, reason);
                self.over(Closed::without_frame(Cause::Local), false);
            }
            Life::Open if draft == Draft::Hixie76 && !self.config().hixie76_closing_frame => {
                self.over(Closed::without_frame(Cause::Local), false);
            }
            Life::Open => {
                self.outgoing.end(code, reason);
                if let Stage::Hybi(inbound) = &mut self.stage {
                    inbound.ignore_messages();
                }
                self.life = Life::Closing;
                self.set_deadline(Some(now + self.config().close_timeout));
            }
            // The answer is the peer's choice of code, not ours; it need not wait any longer.
            Life::Held { .. } => self.answer(),
            Life::Closing | Life::Over(_) => {}
        }
        Ok(())
    }

    /// The transport failed: no byte will move any more. What waits for the peer is dropped, what
    /// the application has not taken yet stays.
    pub fn abort(&mut self) {
        self.end_now(Cause::Transport);
    }

    /// Feeds bytes, and hands messages to `sink` where they lie instead of queueing them.
    ///
    /// Everything else is as in [`receive`](crate::Machine::receive). The end of the connection is still
    /// told by [`poll_event`](Self::poll_event): call it after each read.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use websocket_proto::connection::{Connection, Incoming, Outgoing, Sink};
    /// use websocket_proto::handshake::Agreed;
    /// use websocket_proto::{Draft, Instant, Machine, Outbox};
    ///
    /// struct Echo;
    ///
    /// impl Sink for Echo {
    ///     fn message(&mut self, message: Incoming<'_>, replies: &mut Outgoing) {
    ///         // Refused when the peer does not read its echoes; this one drops them then.
    ///         let _ = replies.send(message.into_message());
    ///     }
    /// }
    ///
    /// let (now, agreed) = (Instant::ZERO, Agreed::new(Draft::Rfc6455));
    /// let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), now);
    /// let mut input = *b"\x82\x81\0\0\0\0!\x82\x81\0\0\0\0?"; // masked with zeros
    /// assert_eq!(ws.receive_with(now, &mut input, &mut Echo), input.len());
    /// assert_eq!(ws.outbox().len(), 6);
    /// assert_eq!(ws.poll_event(), None);
    /// ```
    #[inline]
    pub fn receive_with<S: Sink>(&mut self, now: Instant, input: &mut [u8], sink: &mut S) -> usize {
        self.now = now;
        if input.is_empty() {
            // No sign of life: drivers may call with whatever a read gave, and a timeout gave nothing.
            return 0;
        }
        self.pings.heard(now);
        match self.life {
            Life::Open | Life::Closing => {}
            // RFC 6455 §7.1.7: nothing is processed after a failure; §5.5.1: nor after a close.
            Life::Held { .. } | Life::Over(_) => return input.len(),
        }
        match self.read(now, input, sink) {
            Ok(taken) => taken,
            Err(stop) => {
                self.stop(stop);
                input.len()
            }
        }
    }

    #[inline]
    fn read<S: Sink>(
        &mut self,
        now: Instant,
        input: &mut [u8],
        sink: &mut S,
    ) -> Result<usize, Stop> {
        let mut around = Around {
            now,
            pings: &mut self.pings,
            out: &mut self.outgoing,
            sink,
        };
        let mut taken = 0;
        if let Stage::Opening(opening) = &mut self.stage {
            match opening.receive(input)? {
                Progress::Need => return Ok(input.len()),
                Progress::Done { taken: len, digest } => {
                    taken = len;
                    around.out.open(digest);
                    let config = &around.out.config;
                    let (closing_frame, delay) =
                        (config.hixie76_closing_frame, config.first_frame_delay);
                    self.stage =
                        Stage::Hixie(hixie::Inbound::new(Draft::Hixie76, config.max_message));
                    let closing = matches!(self.life, Life::Closing);
                    if around.out.is_held() {
                        let deadline = Some(now + delay);
                        Clocks::change(&mut self.clocks, |clocks| clocks.deadline = deadline);
                    } else if !closing {
                        Clocks::change(&mut self.clocks, |clocks| clocks.deadline = None);
                    } else if !closing_frame {
                        self.over(Closed::without_frame(Cause::Local), false);
                        return Ok(input.len());
                    }
                }
            }
        }
        let rest = &mut input[taken..];
        let more = match &mut self.stage {
            Stage::Opening(_) => 0,
            Stage::Hybi(inbound) => inbound.receive(rest, &mut around)?,
            Stage::Hixie(inbound) => inbound.receive(rest, &mut around)?,
        };
        Ok(taken + more)
    }

    fn config(&self) -> &Config {
        &self.outgoing.config
    }

    fn role(&self) -> Role {
        self.outgoing.role()
    }

    fn direct_room(&mut self) -> Option<&mut [u8]> {
        // A streamed message is delivered as it arrives, so there is nothing to read it to.
        let gathers = self.config().delivery == Delivery::Whole;
        if !gathers || self.queue_is_full() || !matches!(self.life, Life::Open) {
            return None;
        }
        match &mut self.stage {
            Stage::Hybi(inbound) => inbound.direct_room(),
            Stage::Opening(_) | Stage::Hixie(_) => None,
        }
    }

    fn queue_is_full(&self) -> bool {
        Sink::is_full(&self.queue)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("outgoing", &self.outgoing)
            .field("life", &self.life.name())
            .finish_non_exhaustive()
    }
}
