//! A connection as its driver sees it.

use super::inbound::Around;
use super::life::Life;
use super::queue::Queue;
use super::{Cause, Closed, Connection, Stage};
use crate::{Instant, Machine, Outbox, ReadInterest};

impl Machine for Connection {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        let mut queue = core::mem::replace(&mut self.queue, Queue::new(0));
        let taken = self.receive_with(now, input, &mut queue);
        self.queue = queue;
        self.settle();
        taken
    }

    fn receive_eof(&mut self, now: Instant) {
        self.now = now;
        match &mut self.life {
            Life::Open => {
                self.hold(Closed::without_frame(Cause::Eof));
                self.settle();
            }
            Life::Closing => {
                self.release();
                self.over(Closed::without_frame(Cause::Local), false);
            }
            Life::Held { eof, .. } => *eof = true,
            Life::Over(_) => self.set_deadline(None),
        }
    }

    #[inline]
    fn poll_timeout(&self) -> Option<Instant> {
        let pings = if self.pings_matter() {
            self.pings.deadline(self.config())
        } else {
            None
        };
        let Some(clocks) = &self.clocks else {
            return pings;
        };
        let stall = clocks.stall.as_ref().map(|stall| stall.deadline);
        earlier(clocks.deadline, earlier(stall, pings))
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.fire();
        }
        self.check_stall(now);
        self.check_pings(now);
    }

    #[inline]
    fn outbox(&mut self) -> &mut Outbox {
        self.outgoing.outbox()
    }

    #[inline]
    fn read_interest(&self) -> ReadInterest {
        match self.life {
            Life::Open if self.queue_is_full() => ReadInterest::Nothing,
            Life::Open | Life::Closing => ReadInterest::Data,
            Life::Held { .. } => ReadInterest::Nothing,
            Life::Over(_) if self.awaits_eof() => ReadInterest::Data,
            Life::Over(_) => ReadInterest::Nothing,
        }
    }

    #[inline]
    fn is_finished(&self) -> bool {
        matches!(self.life, Life::Over(_)) && !self.awaits_eof()
    }

    #[inline]
    fn direct_read(&mut self) -> Option<&mut [u8]> {
        match &mut self.stage {
            Stage::Hybi(inbound) if inbound.is_gathering() => {}
            Stage::Opening(_) | Stage::Hybi(_) | Stage::Hixie(_) => return None,
        }
        self.direct_room()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.pings.heard(now);
        let (Life::Open | Life::Closing, Stage::Hybi(inbound)) = (&self.life, &mut self.stage)
        else {
            return;
        };
        let mut around = Around {
            now,
            pings: &mut self.pings,
            out: &mut self.outgoing,
            sink: &mut self.queue,
        };
        if let Err(stop) = inbound.direct_filled(n, &mut around) {
            self.stop(stop);
            self.settle();
        }
    }
}

const fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) if one.as_nanos() < other.as_nanos() => Some(one),
        (_, Some(instant)) | (Some(instant), None) => Some(instant),
        (None, None) => None,
    }
}
