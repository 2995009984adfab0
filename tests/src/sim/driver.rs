//! Moves bytes and time between a machine and its end of a connection, as an adapter does.

use std::time::Duration;

use bytes::Buf;
use websocket_proto::{Instant, Machine, ReadInterest};

use super::around::Around;
use super::wire::{End, Read, Stamp};

/// One end of a connection, with a machine behind it.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) end: End,
    pub(super) link: usize,
    /// Read and not taken.
    carry: Vec<u8>,
    phase: Phase,
    queued_bytes: u64,
    /// When something was queued last.
    pub(super) queued: Instant,
    /// When something was read last, and when the kernel took something.
    pub(super) heard: Instant,
    pub(super) wrote: Instant,
    /// When the peer queued what was read last.
    pub(super) stamp: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    EofSeen,
    EofTold,
    /// Our side has ended; what still comes is dropped.
    Lingering(Instant),
    Over,
}

/// What a look at a connection brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    Moved,
    Still,
    Broken,
}

impl Driver {
    pub(super) const fn new(end: End, link: usize, now: Instant) -> Self {
        Self {
            end,
            link,
            carry: Vec::new(),
            phase: Phase::Open,
            queued_bytes: 0,
            queued: now,
            heard: now,
            wrote: now,
            stamp: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    pub(super) fn is_at_eof(&self) -> bool {
        matches!(self.phase, Phase::EofSeen | Phase::EofTold)
    }

    pub(super) fn input(&mut self, around: &mut Around, machine: &mut dyn Machine) -> Turn {
        let now = around.now;
        match self.phase {
            Phase::Over => return Turn::Still,
            Phase::Lingering(_) => return self.linger(around),
            Phase::Open | Phase::EofSeen | Phase::EofTold => {}
        }
        if machine.poll_timeout().is_some_and(|at| at <= now) {
            machine.handle_timeout(now);
            let next = machine.poll_timeout();
            assert!(
                next.is_none_or(|at| at > now),
                "what fired is due again: {next:?}"
            );
            return Turn::Moved;
        }
        if machine.is_finished() {
            return Turn::Still;
        }
        let interest = machine.read_interest();
        if !self.carry.is_empty() && interest == ReadInterest::Data {
            let taken = machine.receive(now, &mut self.carry);
            self.carry.drain(..taken);
            return if taken > 0 { Turn::Moved } else { Turn::Still };
        }
        match self.phase {
            Phase::EofSeen if self.carry.is_empty() => {
                self.phase = Phase::EofTold;
                machine.receive_eof(now);
                return Turn::Moved;
            }
            Phase::Open => {}
            _ => return Turn::Still,
        }
        let most = match interest {
            ReadInterest::Data => match machine.direct_read() {
                Some(rest) if !rest.is_empty() => rest.len(),
                _ => around.random.magnitude(1, 128 * 1024),
            },
            ReadInterest::Eof => LOOK_AHEAD.saturating_sub(self.carry.len()),
            ReadInterest::Nothing => 0,
        };
        if most == 0 {
            return Turn::Still;
        }
        match around.read(self.end, self.link, most) {
            Read::Nothing => Turn::Still,
            Read::Broken => Turn::Broken,
            Read::Eof => {
                self.phase = Phase::EofSeen;
                Turn::Moved
            }
            Read::Bytes(mut bytes) => {
                self.heard = now;
                self.stamp = around.stamp(self.end, self.link).or(self.stamp);
                if interest == ReadInterest::Data {
                    if let Some(rest) = machine.direct_read().filter(|rest| !rest.is_empty()) {
                        rest[..bytes.len()].copy_from_slice(&bytes);
                        machine.direct_filled(now, bytes.len());
                        return Turn::Moved;
                    }
                    let taken = machine.receive(now, &mut bytes);
                    bytes.drain(..taken);
                }
                self.carry.extend_from_slice(&bytes);
                Turn::Moved
            }
        }
    }

    /// Writes what there is, and ends the connection of a machine that is finished.
    pub(super) fn output(&mut self, around: &mut Around, machine: &mut dyn Machine) -> Turn {
        if !matches!(self.phase, Phase::Open | Phase::EofSeen | Phase::EofTold) {
            return Turn::Still;
        }
        let mut turn = Turn::Still;
        if self.end == End::Server {
            self.note_queued(around, machine);
        }
        while machine.outbox().has_remaining() {
            let outbox = machine.outbox();
            match around.write(self.end, self.link, outbox.chunk()) {
                Err(()) => return Turn::Broken,
                Ok(0) => {
                    // Starts the clock of a write that stalls.
                    machine.handle_timeout(around.now);
                    return turn;
                }
                Ok(n) => {
                    outbox.advance(n);
                    self.wrote = around.now;
                    turn = Turn::Moved;
                }
            }
        }
        if machine.is_finished() {
            turn = Turn::Moved;
            if self.phase == Phase::Open {
                around.shut(self.end, self.link);
                self.phase = Phase::Lingering(around.now + LINGER);
                self.carry.clear();
            } else {
                self.finish(around);
            }
        }
        turn
    }

    /// Notes when what is queued now was queued.
    fn note_queued(&mut self, around: &mut Around, machine: &mut dyn Machine) {
        let pipe = around.links[self.link].pipe_to(self.end.other());
        let end = (pipe.written.len() + machine.outbox().len()) as u64;
        if end > self.queued_bytes {
            self.queued_bytes = end;
            self.queued = around.now;
            pipe.stamps.push_back(Stamp {
                end,
                at: around.now,
                heard: self.heard,
            });
        }
    }

    /// Whether nothing that was queued waits for the kernel.
    pub(super) fn has_written_all(&self, around: &Around) -> bool {
        let link = &around.links[self.link];
        let pipe = match self.end {
            End::Client => &link.to_server,
            End::Server => &link.to_client,
        };
        pipe.written.len() as u64 >= self.queued_bytes
    }

    fn linger(&mut self, around: &mut Around) -> Turn {
        if let Phase::Lingering(until) = self.phase
            && until <= around.now
        {
            self.finish(around);
            return Turn::Still;
        }
        match around.read(self.end, self.link, usize::MAX / 2) {
            Read::Bytes(_) => Turn::Moved,
            Read::Nothing => Turn::Still,
            Read::Eof | Read::Broken => {
                self.finish(around);
                Turn::Still
            }
        }
    }

    pub(super) fn finish(&mut self, around: &mut Around) {
        self.phase = Phase::Over;
        around.close(self.end, self.link);
    }

    /// When to look although nothing came.
    pub(super) fn deadline(&self, machine: &dyn Machine) -> Option<Instant> {
        match self.phase {
            Phase::Over => None,
            Phase::Lingering(until) => Some(until),
            Phase::Open | Phase::EofSeen | Phase::EofTold => machine.poll_timeout(),
        }
    }

    /// Whether the peer's end has come, for somebody who wants to know now.
    pub(super) fn probe(&mut self, around: &mut Around, machine: &mut dyn Machine) -> Turn {
        loop {
            match self.input(around, machine) {
                Turn::Moved if self.phase == Phase::EofTold => return Turn::Moved,
                Turn::Moved => {}
                turn => return turn,
            }
        }
    }
}

/// Read ahead while only the end of the stream matters.
const LOOK_AHEAD: usize = 4096;
const LINGER: Duration = Duration::from_secs(2);
