//! What the application may do with a connection.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Config, Event, Misuse};
use crate::http1::body::Decoder;
use crate::http1::respond::{Persistence, write_interim, write_refusal};
use crate::http1::{
    Closed, Expectation, Fields, Framing, HeadParser, ProtocolError, RequestHead, ResponseHead,
    Version,
};
use crate::{HttpDate, Instant, Outbox};

/// One HTTP/1.0 or 1.1 connection of a server: a [`Machine`](crate::Machine) that is fed bytes and
/// the time, and gives back [`Event`]s, bytes for the peer and a deadline.
///
/// One request at a time: bytes behind the current request are not taken until its response is
/// queued, so pipelined requests are answered in order and nothing piles up. An idle connection
/// owns no memory besides itself.
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Arc<Config>,
    pub(super) outbox: Outbox,
    pub(super) parser: HeadParser,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    /// What matters of the current request while it is answered.
    pub(super) exchange: Exchange,
    /// No further request after [`shutdown`](Self::shutdown).
    pub(super) draining: bool,
    pub(super) eof: bool,
    pub(super) waiting: Waiting,
    pub(super) closed: Option<Closed>,
    pub(super) timers: super::machine::Timers,
}

/// What is still to come of the current request.
#[derive(Debug)]
pub(super) enum Inbound {
    /// There is none: its head is awaited.
    Head,
    /// The body, which the application has not asked for.
    Held(Framing),
    /// The body, short and with its head, which the application has not asked for: it lies with the
    /// events that wait.
    Came,
    /// The body, which goes to the application.
    Reading(Decoder),
    /// The body, of which so many more bytes are read and dropped.
    Discarding(Decoder, u32),
    /// Nothing.
    Done,
}

/// How far the current response is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outbound {
    /// Not begun.
    Waiting,
    /// In chunks.
    Chunked,
    /// So many more bytes.
    Sized(u64),
    /// Up to the end of the connection.
    UntilClose,
    /// To a HEAD request: chunks are dropped.
    Suppressed,
    /// Complete.
    Done,
}

/// The current request, as far as its response depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) version: Version,
    pub(super) method: Method,
    /// A `100 Continue` is due before the body.
    expects_continue: bool,
    /// Whether the connection goes on afterwards.
    pub(super) keep: bool,
}

/// Methods whose responses are framed in another way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    Head,
    Connect,
    Other,
}

/// Events that nobody has polled. An exchange has few and their order is fixed, so they need no
/// queue.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) refused: Option<ProtocolError>,
    pub(super) request: Option<RequestHead>,
    pub(super) body: Vec<u8>,
    pub(super) end: Option<Fields>,
    pub(super) eof: bool,
    pub(super) writable: bool,
    closed_reported: bool,
}

impl Connection {
    /// A connection on which nothing has come yet.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let timers = super::machine::Timers::new(&config, now);
        Self {
            config,
            outbox: Outbox::new(),
            parser: HeadParser::new(),
            inbound: Inbound::Head,
            outbound: Outbound::Waiting,
            exchange: Exchange {
                version: Version::Http11,
                method: Method::Other,
                expects_continue: false,
                keep: true,
            },
            draining: false,
            eof: false,
            waiting: Waiting::default(),
            closed: None,
            timers,
        }
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(error) = self.waiting.refused.take() {
            return Some(Event::Refused(error));
        }
        if let Some(head) = self.waiting.request.take() {
            return Some(Event::Request(head));
        }
        if matches!(self.inbound, Inbound::Came) {
            return None;
        }
        if !self.waiting.body.is_empty() {
            if self.waiting.body.len() >= self.config.inbound_mark {
                self.timers.body_was_paused();
            }
            let body = core::mem::take(&mut self.waiting.body);
            return Some(Event::Body(Bytes::from(body.into_boxed_slice())));
        }
        if let Some(trailers) = self.waiting.end.take() {
            return Some(Event::RequestEnd(trailers));
        }
        if core::mem::take(&mut self.waiting.eof) {
            return Some(Event::Eof);
        }
        if let Some(closed) = self.closed {
            let reported = core::mem::replace(&mut self.waiting.closed_reported, true);
            return (!reported).then_some(Event::Closed(closed));
        }
        if self.waiting.writable && self.outbox.len() <= self.config.outbox_mark / 2 {
            self.waiting.writable = false;
            return Some(Event::Writable);
        }
        None
    }

    /// Asks for the body of the current request: [`Event::Body`]s and then [`Event::RequestEnd`]
    /// follow, also for a request without a body. Queues the `100 Continue` that the request may
    /// wait for (RFC 9110 §10.1.1).
    ///
    /// A body longer than `max` bytes is answered with 413 and ends the connection, as soon as its
    /// length is known.
    ///
    /// # Errors
    ///
    /// When no request is current, when its body was asked for before, and when a response has
    /// begun without waiting for the body that it withholds.
    pub fn read_body(&mut self, now: Instant, max: u64) -> Result<(), Misuse> {
        self.check_open()?;
        let framing = match self.inbound {
            Inbound::Head => return Err(Misuse::NoRequest),
            Inbound::Held(framing) => framing,
            Inbound::Came if self.came() > max => {
                self.fail(now, ProtocolError::BodyTooLarge);
                return Ok(());
            }
            Inbound::Came => {
                self.waiting.end = Some(Fields::new());
                self.inbound = Inbound::Done;
                return Ok(());
            }
            Inbound::Reading(_) | Inbound::Discarding(..) | Inbound::Done => {
                return Err(Misuse::AlreadyRead);
            }
        };
        if framing.is_empty() {
            self.waiting.end = Some(Fields::new());
            self.inbound = Inbound::Done;
            return Ok(());
        }
        if self.exchange.expects_continue && self.outbound != Outbound::Waiting {
            return Err(Misuse::AlreadyAnswered);
        }
        match Decoder::of_request(framing, max) {
            Ok(decoder) => self.inbound = Inbound::Reading(decoder),
            Err(error) => {
                self.fail(now, error);
                return Ok(());
            }
        }
        if core::mem::take(&mut self.exchange.expects_continue) {
            write_interim(&mut self.outbox, &ResponseHead::new(100));
        }
        self.timers.body_begins(&self.config, now);
        Ok(())
    }

    /// How the body of the current request is framed, as long as nobody has asked for it.
    pub const fn held_body(&self) -> Framing {
        match self.inbound {
            Inbound::Held(framing) => framing,
            Inbound::Came => Framing::Length(self.came()),
            Inbound::Head | Inbound::Reading(_) | Inbound::Discarding(..) | Inbound::Done => {
                Framing::None
            }
        }
    }

    /// Gives the transport to another protocol: the caller takes over after the current request,
    /// whose body, if it has one, was not touched. Bytes behind the head were not taken (but for the
    /// short body of a POST, which no protocol begins with), so there are none to hand over. Returns what is still to be written, for the caller to append to.
    ///
    /// # Errors
    ///
    /// The connection comes back when no request waits for its response.
    pub fn upgrade(self) -> Result<Outbox, Box<Self>> {
        let untouched = match self.inbound {
            Inbound::Held(_) | Inbound::Done => true,
            Inbound::Head | Inbound::Came | Inbound::Reading(_) | Inbound::Discarding(..) => false,
        };
        if self.check_waiting().is_ok() && untouched {
            Ok(self.outbox)
        } else {
            Err(Box::new(self))
        }
    }

    /// Takes no further request: the current one is answered with `Connection: close`, an idle
    /// connection closes at once.
    pub fn shutdown(&mut self) {
        self.draining = true;
        match (&self.inbound, self.outbound) {
            (Inbound::Head, _) if self.parser.is_empty() => self.end(Closed::Shutdown),
            (_, Outbound::Done) => self.end(Closed::Shutdown),
            _ => {}
        }
    }

    /// Drops everything, also what was to be written: the transport failed, or a response cannot be
    /// completed. [`Event::Closed`] follows unless it came.
    pub fn abort(&mut self) {
        self.outbox.clear();
        self.end(Closed::Aborted);
    }

    /// Begins the exchange of the request that waits to be told.
    pub(super) fn begin(&mut self, now: Instant) {
        let Some(head) = &self.waiting.request else {
            return;
        };
        self.timers.head_is_complete();
        self.exchange = Exchange {
            version: head.version(),
            method: match head.method_bytes() {
                b"HEAD" => Method::Head,
                b"CONNECT" => Method::Connect,
                _ => Method::Other,
            },
            expects_continue: head.expectation() == Expectation::Continue,
            keep: head.keep_alive() && !self.draining,
        };
        let (framing, expectation) = (head.framing(), head.expectation());
        self.outbound = Outbound::Waiting;
        self.inbound = Inbound::Held(framing);
        match expectation {
            Expectation::None | Expectation::Continue => return,
            Expectation::Unsupported if self.exchange.keep && framing.is_empty() => {
                self.refuse(now, ProtocolError::Expectation, Persistence::Implied);
                self.waiting.refused = Some(ProtocolError::Expectation);
                self.answered(now);
            }
            // Whether the body will come is anybody's guess.
            Expectation::Unsupported => self.fail(now, ProtocolError::Expectation),
        }
        self.waiting.request = None;
    }

    /// Takes the body that is all there behind its head, if it is short: `input` is what follows the
    /// head. So the usual POST is taken at once, without a wait for the application in between.
    pub(super) fn take_short_body(&mut self, input: &[u8]) -> usize {
        let Inbound::Held(Framing::Length(length @ 1..)) = self.inbound else {
            return 0;
        };
        let most = SHORT_BODY.min(self.config.inbound_mark);
        let body = usize::try_from(length)
            .ok()
            .filter(|&length| length <= most);
        let Some(body) = body.and_then(|length| input.get(..length)) else {
            return 0;
        };
        // The peer would wait for the word that it may send.
        if self.exchange.expects_continue {
            return 0;
        }
        self.waiting.body = body.into();
        self.inbound = Inbound::Came;
        body.len()
    }

    /// The length of a body that [came](Inbound::Came).
    const fn came(&self) -> u64 {
        self.waiting.body.len() as u64
    }

    /// Ends the connection because of a broken rule, with the one response that is due.
    pub(super) fn fail(&mut self, now: Instant, error: ProtocolError) {
        if self.outbound == Outbound::Waiting {
            self.refuse(now, error, Persistence::Close);
        }
        self.end(Closed::Protocol(error));
    }

    fn refuse(&mut self, now: Instant, error: ProtocolError, persistence: Persistence) {
        let date = self.date(now);
        write_refusal(&mut self.outbox, error.status(), persistence, date);
    }

    /// Queues a 408 if no response has begun.
    pub(super) fn refuse_late(&mut self, now: Instant) {
        if self.outbound == Outbound::Waiting {
            let date = self.date(now);
            write_refusal(&mut self.outbox, 408, Persistence::Close, date);
        }
    }

    /// Goes on after a complete response.
    pub(super) fn answered(&mut self, now: Instant) {
        self.outbound = Outbound::Done;
        self.waiting.body = Vec::new();
        self.waiting.end = None;
        self.waiting.writable = false;
        if !self.exchange.keep || self.draining || !self.can_drain(true) {
            return self.end(if self.draining {
                Closed::Shutdown
            } else {
                Closed::Complete
            });
        }
        let limit = self.config.limits.drain;
        self.inbound = match core::mem::replace(&mut self.inbound, Inbound::Done) {
            Inbound::Held(framing) if !framing.is_empty() => {
                match Decoder::of_request(framing, u64::MAX) {
                    Ok(decoder) => {
                        self.timers.body_begins(&self.config, now);
                        Inbound::Discarding(decoder, limit)
                    }
                    Err(_) => return self.end(Closed::Complete),
                }
            }
            Inbound::Reading(decoder) => Inbound::Discarding(decoder, limit),
            _ => Inbound::Done,
        };
        if matches!(self.inbound, Inbound::Done) {
            self.exchange_is_over(now);
        }
    }

    /// Awaits the next request.
    pub(super) fn exchange_is_over(&mut self, now: Instant) {
        if self.eof {
            return self.end(Closed::Eof);
        }
        self.inbound = Inbound::Head;
        self.outbound = Outbound::Waiting;
        self.timers.idle_begins(&self.config, now);
    }

    /// Ends the connection; the first cause stands.
    pub(super) fn end(&mut self, cause: Closed) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(cause);
        self.parser = HeadParser::new();
        if matches!(self.inbound, Inbound::Came) {
            self.waiting.body = Vec::new();
        }
        self.inbound = Inbound::Done;
        self.outbound = Outbound::Done;
        self.waiting.writable = false;
        self.timers.stop_reading();
    }

    /// Whether what is left of the request's body may be read to keep the connection. `now` tells
    /// that the application reads no more of it.
    pub(super) fn can_drain(&self, now: bool) -> bool {
        let fits = |left: u64| left <= u64::from(self.config.limits.drain);
        match &self.inbound {
            Inbound::Head | Inbound::Done | Inbound::Discarding(..) => true,
            Inbound::Held(framing) if framing.is_empty() => true,
            // RFC 9110 §10.1.1: the peer may send the body or not, and we cannot tell.
            Inbound::Held(_) if self.exchange.expects_continue => false,
            Inbound::Held(Framing::Length(left)) => !now || fits(*left),
            // As if it still had to be read, so that it makes no difference how the bytes came.
            Inbound::Came => !now || fits(self.came()),
            Inbound::Held(Framing::Chunked | Framing::None) => true,
            Inbound::Reading(decoder) => !now || decoder.left().is_none_or(fits),
        }
    }

    pub(super) fn persistence(&self) -> Persistence {
        match (self.exchange.keep, self.exchange.version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::KeepAlive,
            (true, Version::Http11) => Persistence::Implied,
        }
    }

    pub(super) fn date(&self, now: Instant) -> Option<HttpDate> {
        self.config.wall.map(|wall| wall.http_date(now))
    }

    pub(super) const fn check_open(&self) -> Result<(), Misuse> {
        match self.closed {
            Some(_) => Err(Misuse::Closed),
            None => Ok(()),
        }
    }

    /// Fails unless a request waits for its response.
    pub(super) fn check_waiting(&self) -> Result<(), Misuse> {
        self.check_open()?;
        match (&self.inbound, self.outbound) {
            (Inbound::Head, _) => Err(Misuse::NoRequest),
            (_, Outbound::Waiting) => Ok(()),
            _ => Err(Misuse::AlreadyAnswered),
        }
    }
}

/// Taken with its head: what messages and forms of pages have.
const SHORT_BODY: usize = 4096;
