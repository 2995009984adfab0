//! Moves bytes and time between a stream and a machine.

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use websocket_proto::{Instant, Machine, ReadInterest};

use crate::alarm::Alarm;
use crate::scratch::Scratch;
use crate::timers::Timer;
use crate::{Clock, Stream};

/// A stream and what has to be remembered between two looks at it.
///
/// It is the same for every [`Machine`], which is handed to each call. One turn of a connection is
/// [`poll_input`](Self::poll_input), the application's work on the machine's events, and
/// [`poll_output`](Self::poll_output); turns follow each other until nothing moves, then
/// [`sleep`](Self::sleep) sets the timer. All answers to what one read brought leave in one write.
/// When the machine is finished and its output written, [`poll_close`](Self::poll_close) ends the
/// connection.
///
/// Nothing here needs `Send` or spawns.
pub struct Driver<S, C: Clock> {
    stream: S,
    /// Bytes that were read but not taken by the machine. They are offered again before more is read.
    carry: Option<Box<Carry>>,
    alarm: Alarm<C>,
    unflushed: bool,
    phase: Phase,
}

#[derive(Default)]
struct Carry {
    bytes: Vec<u8>,
    /// How many of them were taken since.
    taken: usize,
}

/// How far the stream's end has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    /// The peer has ended its side; the machine is told when it has taken what came before.
    EofSeen,
    EofTold,
    /// Our side is being ended.
    ShuttingDown {
        until: Instant,
        peer_ended: bool,
    },
    /// What the peer still sends is dropped.
    Lingering {
        until: Instant,
        left: u32,
    },
    Closed,
}

impl<S: Stream, C: Clock> Driver<S, C> {
    /// A driver of a fresh stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            carry: None,
            alarm: Alarm::default(),
            unflushed: false,
            phase: Phase::Open,
        }
    }

    /// The same with a timer of the server that its connection belongs to, if that has one for it.
    pub(crate) fn timed(stream: S, timer: Option<Timer>) -> Self {
        Self {
            alarm: timer.map_or_else(Alarm::default, Alarm::Shared),
            ..Self::new(stream)
        }
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream by value. Bytes that were read and not taken are lost.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Offers the machine what the peer has sent, with at most one read (several for streams that cannot
    /// tell when they are empty), and lets a timer fire that is still due then: a peer that spoke in
    /// time is heard, also when it is us who are late.
    ///
    /// `Ready(Ok(()))` means that the machine was given something: look at its events, write, call
    /// again. `Pending` means that there is nothing to give for now.
    ///
    /// # Errors
    ///
    /// The transport failed; no more bytes will move.
    pub fn poll_input<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
    ) -> Poll<io::Result<()>> {
        self.poll_turn(cx, now, machine, true).0
    }

    /// [`poll_input`](Self::poll_input), and the machine's deadline after it. Unless it is the `last` look for
    /// now, the time of a machine that was given something can wait for the next.
    #[inline(always)]
    pub(crate) fn poll_turn<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
        last: bool,
    ) -> (Poll<io::Result<()>>, Option<Instant>) {
        let offered = self.poll_offer(cx, now, machine);
        if !last && offered.is_ready() {
            return (offered, None);
        }
        let deadline = machine.poll_timeout();
        if deadline.is_none_or(|deadline| now < deadline) {
            return (offered, deadline);
        }
        machine.handle_timeout(now);
        let moved = match offered {
            Poll::Pending => Poll::Ready(Ok(())),
            Poll::Ready(_) => offered,
        };
        (moved, machine.poll_timeout())
    }

    #[inline(always)]
    fn poll_offer<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
    ) -> Poll<io::Result<()>> {
        if machine.is_finished() {
            return Poll::Pending;
        }
        let interest = machine.read_interest();
        // What came first goes first.
        if self.carry.is_some() && interest == ReadInterest::Data {
            return self.poll_carried(now, machine);
        }
        if self.phase != Phase::Open {
            return self.poll_eof(now, machine);
        }
        ready!(self.poll_read(cx, now, machine, interest))?;
        if !S::SHORT_READ_MEANS_EMPTY {
            for _ in 1..READS_PER_INPUT {
                let interest = machine.read_interest();
                let wanted = self.phase == Phase::Open
                    && self.carry.is_none()
                    && interest == ReadInterest::Data;
                if !wanted || self.poll_read(cx, now, machine, interest)?.is_pending() {
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn poll_carried<M: Machine + ?Sized>(
        &mut self,
        now: Instant,
        machine: &mut M,
    ) -> Poll<io::Result<()>> {
        let Some(carry) = &mut self.carry else {
            return Poll::Pending;
        };
        let taken = machine.receive(now, &mut carry.bytes[carry.taken..]);
        carry.taken += taken;
        if carry.taken == carry.bytes.len() {
            // An idle connection keeps no buffer.
            self.carry = None;
        }
        // When the machine is full there is no point in reading more: only the application or
        // the peer can make room, and either brings another turn.
        if taken > 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    #[cold]
    fn poll_eof<M: Machine + ?Sized>(
        &mut self,
        now: Instant,
        machine: &mut M,
    ) -> Poll<io::Result<()>> {
        if self.phase != Phase::EofSeen || self.carry.is_some() {
            return Poll::Pending;
        }
        self.phase = Phase::EofTold;
        machine.receive_eof(now);
        Poll::Ready(Ok(()))
    }

    /// Writes what the machine has for the peer. `Ready(Ok(true))` says that something was written and
    /// nothing is left; `Pending` that the stream takes no more for now.
    ///
    /// # Errors
    ///
    /// The transport failed; no more bytes will move.
    pub fn poll_output<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
    ) -> Poll<io::Result<bool>> {
        let mut moved = false;
        while machine.outbox().has_remaining() {
            match self.poll_write(cx, machine) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    // Starts the clock of a write that stalls.
                    machine.handle_timeout(now);
                    return Poll::Pending;
                }
            }
            moved = true;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(self.stream.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(moved))
    }

    /// Takes what has come before a write failed: a peer that resets the connection has often said why,
    /// and the kernel still has it.
    pub fn salvage<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
    ) {
        for _ in 0..SALVAGE_READS {
            if !matches!(self.poll_input(cx, now, machine), Poll::Ready(Ok(()))) {
                break;
            }
        }
    }

    /// Ends the connection of a machine that is finished and whose output is written: ends our side,
    /// then reads and drops what is still under way, or the kernel would answer it with a reset
    /// that may destroy our last bytes at the peer (RFC 9112 §9.6).
    pub fn poll_close(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if let Phase::Open | Phase::EofSeen | Phase::EofTold = self.phase {
            let peer_ended = self.phase != Phase::Open;
            self.phase = Phase::ShuttingDown {
                until: now + LINGER_TIME,
                peer_ended,
            };
            self.carry = None;
        }
        if let Phase::ShuttingDown { until, peer_ended } = self.phase {
            match self.stream.poll_shutdown(cx) {
                Poll::Pending => return self.poll_until(cx, now, until),
                Poll::Ready(Ok(())) if !peer_ended => {
                    self.phase = Phase::Lingering {
                        until,
                        left: LINGER_BYTES,
                    };
                }
                Poll::Ready(_) => self.phase = Phase::Closed,
            }
        }
        while let Phase::Lingering { until, left } = self.phase {
            let mut scratch = Scratch::take();
            match self.stream.poll_read(cx, scratch.bytes()) {
                Poll::Pending => return self.poll_until(cx, now, until),
                Poll::Ready(read) => {
                    let n = u32::try_from(read.unwrap_or(0)).unwrap_or(u32::MAX);
                    self.phase = match left.checked_sub(n) {
                        Some(left @ 1..) if n > 0 => Phase::Lingering { until, left },
                        _ => Phase::Closed,
                    };
                }
            }
        }
        Poll::Ready(())
    }

    /// Sets the timer for `deadline`, when nothing moves any more; [`Machine::poll_timeout`] tells it.
    pub fn sleep(&mut self, cx: &mut Context<'_>, now: Instant, deadline: Option<Instant>) {
        self.alarm.set(cx, now, deadline);
    }

    /// Whether [`poll_close`](Self::poll_close) has begun.
    pub fn is_closing(&self) -> bool {
        matches!(
            self.phase,
            Phase::ShuttingDown { .. } | Phase::Lingering { .. } | Phase::Closed
        )
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, now: Instant, until: Instant) -> Poll<()> {
        if until <= now {
            self.phase = Phase::Closed;
            return Poll::Ready(());
        }
        self.alarm.set(cx, now, Some(until));
        Poll::Pending
    }

    fn poll_read<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
        interest: ReadInterest,
    ) -> Poll<io::Result<()>> {
        if interest == ReadInterest::Data
            && let Some(rest) = machine.direct_read().filter(|rest| !rest.is_empty())
        {
            let n = ready!(self.stream.poll_read(cx, rest))?;
            if n == 0 {
                self.phase = Phase::EofSeen;
            } else {
                machine.direct_filled(now, n);
            }
            return Poll::Ready(Ok(()));
        }
        let mut scratch = Scratch::take();
        let room = match interest {
            ReadInterest::Data => scratch.bytes().len(),
            ReadInterest::Eof => LOOK_AHEAD.saturating_sub(self.carried()),
            ReadInterest::Nothing => 0,
        };
        if room == 0 {
            return Poll::Pending;
        }
        let n = ready!(self.stream.poll_read(cx, &mut scratch.bytes()[..room]))?;
        let input = &mut scratch.bytes()[..n];
        let taken = match interest {
            _ if n == 0 => {
                self.phase = Phase::EofSeen;
                0
            }
            ReadInterest::Data => machine.receive(now, input),
            ReadInterest::Eof | ReadInterest::Nothing => 0,
        };
        if taken < n {
            self.carry(&scratch.bytes()[taken..n]);
        }
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn carry(&mut self, rest: &[u8]) {
        let carry = self.carry.get_or_insert_default();
        carry.bytes.extend_from_slice(rest);
    }

    fn carried(&self) -> usize {
        self.carry.as_ref().map_or(0, |carry| carry.bytes.len())
    }

    fn poll_write<M: Machine + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        machine: &mut M,
    ) -> Poll<io::Result<()>> {
        let outbox = machine.outbox();
        let n = if S::VECTORED && outbox.chunk().len() < outbox.remaining() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = outbox.chunks_vectored(&mut slices);
            ready!(self.stream.poll_write_vectored(cx, &slices[..used]))?
        } else {
            ready!(self.stream.poll_write(cx, outbox.chunk()))?
        };
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        outbox.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S, C: Clock> fmt::Debug for Driver<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("carry", &self.carry.as_ref().map(|carry| carry.bytes.len()))
            .field("alarm", &self.alarm)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// One call of the stream takes so many pieces of the outbox; Linux takes up to 1024.
const SLICES: usize = 64;
/// Reads of one turn from a stream that hands out what it has in portions.
const READS_PER_INPUT: usize = 8;
/// More than a receive buffer of the usual size holds.
const SALVAGE_READS: usize = 64;
/// Read ahead while only the end of the stream matters: the next pipelined request fits, a flood
/// does not.
const LOOK_AHEAD: usize = 4096;
/// Dropped at most after our end of the stream.
const LINGER_BYTES: u32 = 64 * 1024;
/// How long that may take.
const LINGER_TIME: Duration = Duration::from_secs(2);
