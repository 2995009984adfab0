//! Pings of ours: round-trip times, and whether the peer is alive.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;

use super::Config;
use crate::Instant;

/// Watches the peer's silence.
#[derive(Debug)]
pub(super) struct Pings {
    /// When the peer last sent anything.
    heard: Instant,
    waiting: Option<Box<Waiting>>,
    /// In nanoseconds.
    rtt: u64,
}

/// Pings that were not answered yet; an answer to the latest one answers all (RFC 6455 §5.5.3).
#[derive(Debug)]
struct Waiting {
    /// When the first of them was sent.
    since: Instant,
    latest: Bytes,
    sent: Instant,
    keep_alive: bool,
    way: Way,
}

/// Where a ping is that waits in the outbox behind other bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// How many bytes were ever written at the last look.
    pub(super) written: u64,
    /// And how many will be when the ping is.
    pub(super) end: u64,
}

/// A pong that answers our latest ping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) rtt: Duration,
    /// The ping was not the application's.
    pub(super) keep_alive: bool,
}

impl Pings {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            heard: now,
            waiting: None,
            rtt: UNKNOWN,
        }
    }

    /// The peer sent something.
    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A ping with this payload was queued.
    pub(super) fn sent(&mut self, payload: Bytes, now: Instant, keep_alive: bool, way: Way) {
        let since = self.waiting.as_ref().map_or(now, |waiting| waiting.since);
        self.waiting = Some(Box::new(Waiting {
            since,
            latest: payload,
            sent: now,
            keep_alive,
            way,
        }));
    }

    /// Whether the latest ping had not left at the last look and bytes before it did since: then its
    /// answer is given the whole time once more.
    pub(super) fn is_under_way(&mut self, now: Instant, written: u64) -> bool {
        let Some(waiting) = &mut self.waiting else {
            return false;
        };
        let before = core::mem::replace(&mut waiting.way.written, written);
        let moves = before < waiting.way.end && before < written;
        if moves {
            waiting.since = now;
        }
        moves
    }

    /// A pong came.
    pub(super) fn answered(&mut self, payload: &[u8], now: Instant) -> Option<Answer> {
        let waiting = self.waiting.take_if(|waiting| waiting.latest == payload)?;
        let rtt = now - waiting.sent;
        self.rtt = u64::try_from(rtt.as_nanos()).unwrap_or(UNKNOWN);
        Some(Answer {
            rtt,
            keep_alive: waiting.keep_alive,
        })
    }

    pub(super) const fn rtt(&self) -> Option<Duration> {
        match self.rtt {
            UNKNOWN => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// When something is due: a ping, or the end of our patience.
    #[inline]
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        let (since, time) = match &self.waiting {
            Some(waiting) => (waiting.since.max(self.heard), config.pong_timeout),
            None => (self.heard, config.ping_interval?),
        };
        Some((since + time).max(since + SHORTEST))
    }

    pub(super) fn due(&self, now: Instant, config: &Config) -> Due {
        match (self.deadline(config), &self.waiting) {
            (Some(deadline), Some(_)) if deadline <= now => Due::GiveUp,
            (Some(deadline), None) if deadline <= now => Due::Ping,
            _ => Due::Nothing,
        }
    }
}

/// What to do at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    Nothing,
    Ping,
    GiveUp,
}

/// The round-trip time before the first.
const UNKNOWN: u64 = u64::MAX;
/// No shorter times are kept: a timer of zero would fire for ever while nothing is read.
const SHORTEST: Duration = Duration::from_millis(1);
