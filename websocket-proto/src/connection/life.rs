//! How a connection comes to its end: the closing handshake, failures and timers
//! (RFC 6455 §5.5.1, §7).

use alloc::boxed::Box;
use core::mem;

use bytes::Bytes;

use super::inbound::Stop;
use super::pings::Due;
use super::{Cause, Closed, Connection, Stage, Timer};
use crate::frame::ProtocolError;
use crate::{Instant, Role};

/// See the picture in the module's documentation.
pub(super) enum Life {
    Open,
    Closing,
    Held {
        closed: Box<Closed>,
        /// The peer has closed its sending side since.
        eof: bool,
    },
    Over(Option<Box<Closed>>),
}

/// Clocks that run for few connections, and not for long.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// What it is for follows from the life and the stage; see `fire`.
    pub(super) deadline: Option<Instant>,
    /// `None` while nothing waits for the peer.
    pub(super) stall: Option<Stall>,
}

/// Watches a peer that takes no bytes.
#[derive(Debug)]
pub(super) struct Stall {
    written: u64,
    pub(super) deadline: Instant,
}

impl Clocks {
    /// Changes what runs; without any there is no memory for them.
    pub(super) fn change(place: &mut Option<Box<Self>>, change: impl FnOnce(&mut Self)) {
        let clocks = place.get_or_insert_default();
        change(clocks);
        if clocks.deadline.is_none() && clocks.stall.is_none() {
            *place = None;
        }
    }
}

impl Connection {
    /// The input came to an end that must be answered.
    #[cold]
    pub(super) fn stop(&mut self, stop: Stop) {
        let closing = matches!(self.life, Life::Closing);
        let closed = match stop {
            Stop::Broken(error) => Closed::without_frame(Cause::Protocol(error)),
            Stop::Close(code, reason) => {
                let cause = if closing { Cause::Local } else { Cause::Peer };
                Closed {
                    cause,
                    code,
                    reason,
                    clean: true,
                }
            }
        };
        if closing {
            self.release();
            self.over(closed, true);
        } else {
            self.hold(closed);
        }
    }

    /// The end is known; its answer waits for the application.
    pub(super) fn hold(&mut self, closed: Closed) {
        let closed = Box::new(closed);
        self.life = Life::Held { closed, eof: false };
        self.set_deadline(Some(self.now + self.config().close_timeout));
    }

    /// Answers the end once the application has taken all that came before it.
    pub(super) fn settle(&mut self) {
        if matches!(self.life, Life::Held { .. }) && self.queue.is_empty() {
            self.answer();
        }
    }

    pub(super) fn answer(&mut self) {
        let Life::Held { closed, eof } = &self.life else {
            return;
        };
        let closed = (**closed).clone();
        let mut waits = !eof;
        self.release();
        match closed.cause {
            Cause::Protocol(ProtocolError::BadDigest) => self.outgoing.shut(),
            Cause::Protocol(error) if !self.config().fail_by_drop => {
                self.outgoing.end(error.close_code(), "");
            }
            // RFC 6455 §5.5.1: typically the code of the frame that is answered.
            Cause::Peer => {
                self.outgoing.end(closed.code, "");
            }
            Cause::Protocol(_)
            | Cause::Local
            | Cause::Eof
            | Cause::Transport
            | Cause::Timeout(_) => {
                waits = false;
                self.outgoing.flush_pongs();
            }
        }
        self.over(closed, waits);
    }

    /// Lets frames go that a hixie-76 server keeps back a little, for the peer has spoken since. Before the
    /// end of the handshake there is no place for them.
    pub(super) fn release(&mut self) {
        if !matches!(self.stage, Stage::Opening(_)) {
            self.outgoing.release();
        }
    }

    /// Nothing more will be said; `waits` tells that a client gives the server time to close TCP.
    pub(super) fn over(&mut self, closed: Closed, waits: bool) {
        self.outgoing.shut();
        self.life = Life::Over(Some(Box::new(closed)));
        let waits = waits && self.role() == Role::Client;
        let until = self.now + self.config().server_drop_timeout;
        self.set_deadline(waits.then_some(until));
    }

    /// Ends without another byte to the peer.
    pub(super) fn end_now(&mut self, cause: Cause) {
        self.outgoing.discard();
        match mem::replace(&mut self.life, Life::Over(None)) {
            Life::Open | Life::Closing => self.over(Closed::without_frame(cause), false),
            Life::Held { closed, .. } => self.over(*closed, false),
            Life::Over(closed) => self.life = Life::Over(closed),
        }
        self.clocks = None;
    }

    /// The deadline has come.
    pub(super) fn fire(&mut self) {
        self.set_deadline(None);
        match self.life {
            Life::Open if matches!(self.stage, Stage::Opening(_)) => {
                self.end_now(Cause::Timeout(Timer::Nonce));
            }
            Life::Open => self.outgoing.release(),
            Life::Closing if self.is_established() && self.outgoing.is_held() => {
                self.outgoing.release();
                if self.config().hixie76_closing_frame {
                    self.set_deadline(Some(self.now + self.config().close_timeout));
                } else {
                    self.over(Closed::without_frame(Cause::Local), false);
                }
            }
            Life::Closing => {
                self.over(Closed::without_frame(Cause::Timeout(Timer::Close)), false);
            }
            Life::Held { .. } => self.answer(),
            Life::Over(_) => {}
        }
    }

    pub(super) fn check_stall(&mut self, now: Instant) {
        if !self.outgoing.has_output() {
            self.set_stall(None);
            return;
        }
        let written = self.outgoing.written();
        match self
            .clocks
            .as_ref()
            .and_then(|clocks| clocks.stall.as_ref())
        {
            Some(stall) if written == stall.written => {
                if stall.deadline <= now {
                    self.end_now(Cause::Timeout(Timer::WriteStall));
                }
            }
            Some(_) | None => {
                let deadline = now + self.config().write_stall;
                self.set_stall(Some(Stall { written, deadline }));
            }
        }
    }

    /// Whether this is a client that gives the server time to close TCP.
    pub(super) fn awaits_eof(&self) -> bool {
        matches!(self.life, Life::Over(_)) && self.deadline().is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.clocks.as_ref()?.deadline
    }

    pub(super) fn set_deadline(&mut self, deadline: Option<Instant>) {
        if deadline.is_some() || self.clocks.is_some() {
            Clocks::change(&mut self.clocks, |clocks| clocks.deadline = deadline);
        }
    }

    fn set_stall(&mut self, stall: Option<Stall>) {
        if stall.is_some() || self.clocks.is_some() {
            Clocks::change(&mut self.clocks, |clocks| clocks.stall = stall);
        }
    }

    pub(super) fn check_pings(&mut self, now: Instant) {
        if !self.pings_matter() {
            return;
        }
        match self.pings.due(now, self.config()) {
            Due::Nothing => {}
            // We do not read, so an answer could not reach us.
            Due::GiveUp | Due::Ping if self.queue_is_full() => self.pings.heard(now),
            Due::GiveUp if self.pings.is_under_way(now, self.outgoing.written()) => {}
            Due::GiveUp => self.end_now(Cause::Timeout(Timer::Pong)),
            Due::Ping => {
                // The payload only has to differ from ping to ping.
                let payload = now.as_nanos().to_be_bytes();
                let alone = !self.outgoing.has_output();
                if self.outgoing.ping(&payload).is_ok() {
                    let way = self.outgoing.way(alone);
                    self.pings
                        .sent(Bytes::copy_from_slice(&payload), now, true, way);
                }
            }
        }
    }

    pub(super) fn pings_matter(&self) -> bool {
        matches!((&self.life, &self.stage), (Life::Open, Stage::Hybi(_)))
    }
}

impl Life {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Held { .. } => "held",
            Self::Over(_) => "over",
        }
    }
}
