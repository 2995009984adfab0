//! Drives many sessions from one thread: each keeps so many messages in flight, and sends one more for
//! each that comes back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::session::{Failure, MOST_WIRES, Outcome, Session};

/// Sessions with one server.
pub struct Load {
    poll: Poll,
    events: Events,
    seats: Vec<Seat>,
    buffer: Vec<u8>,
    pub waiting: Waiting,
}

/// What the load does while nothing comes.
#[derive(Clone, Copy, Eq, PartialEq, clap::ValueEnum)]
pub enum Waiting {
    /// It looks again. To wake the load would be the server's work, and a different amount of it for a
    /// server that keeps the load busy and for one that does not.
    Spins,
    /// It sleeps in `epoll_wait` until the server wakes it, as a client does that has a core to share.
    Sleeps,
}

struct Seat {
    session: Box<dyn Session>,
    /// When each message in flight was sent.
    sent: VecDeque<Instant>,
}

/// How much is sent.
#[derive(Clone, Copy)]
pub enum Length {
    For(Duration),
    /// Each session sends so many times its depth.
    Turns(u64),
}

/// What was measured.
pub struct Slice {
    pub messages: u64,
    pub took: Duration,
    /// Microseconds from the send to the whole answer.
    pub latency: Histogram<u64>,
}

impl Load {
    pub fn new() -> Outcome<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            seats: Vec::new(),
            buffer: vec![0; BUFFER],
            waiting: Waiting::Spins,
        })
    }

    /// Opens so many sessions, some at a time.
    pub fn open(
        &mut self,
        count: usize,
        mut make: impl FnMut() -> Outcome<Box<dyn Session>>,
    ) -> Outcome<()> {
        let end = self.seats.len() + count;
        while self.seats.len() < end {
            let begin = self.seats.len();
            for number in begin..end.min(begin + OPENING) {
                let mut session = make()?;
                for (wire, connection) in session.wires().into_iter().enumerate() {
                    let token = Token(number * MOST_WIRES + wire);
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    self.poll
                        .registry()
                        .register(&mut connection.tcp, token, interest)?;
                }
                let sent = VecDeque::new();
                self.seats.push(Seat { session, sent });
            }
            while !self.seats[begin..]
                .iter()
                .all(|seat| seat.session.is_open())
            {
                self.turn(|_, _| Ok(()))?;
            }
            // A server that says nothing when it accepts: its queue of connections must not run over.
            std::thread::sleep(OPENING_PAUSE);
        }
        Ok(())
    }

    /// Echo: waits for the last answer, too.
    pub fn run(&mut self, depth: usize, length: Length) -> Outcome<Slice> {
        let mut latency = latencies();
        let start = Instant::now();
        let (stop, turns) = match length {
            Length::For(time) => (start + time, u64::MAX),
            Length::Turns(turns) => (start + LONGEST, turns),
        };
        let mut left = (turns - 1).saturating_mul((depth * self.seats.len()) as u64);
        let mut in_flight = 0;
        for seat in &mut self.seats {
            seat.sent.extend(std::iter::repeat_n(Instant::now(), depth));
            seat.session.issue(depth)?;
            in_flight += depth;
        }
        let mut messages = 0;
        while in_flight > 0 {
            self.turn(|seat, done| {
                let now = Instant::now();
                for sent in seat.sent.drain(..done) {
                    latency.saturating_record((now - sent).as_micros() as u64);
                }
                messages += done as u64;
                in_flight -= done;
                let again = if now < stop { left.min(done as u64) } else { 0 };
                left -= again;
                if again > 0 {
                    let again = again as usize;
                    seat.sent.extend(std::iter::repeat_n(now, again));
                    in_flight += again;
                    seat.session.issue(again)?;
                }
                Ok(())
            })?;
        }
        Ok(Slice {
            messages,
            took: start.elapsed(),
            latency,
        })
    }

    /// One message of each session, few at a time.
    pub fn once_each(&mut self) -> Outcome<()> {
        for begin in (0..self.seats.len()).step_by(OPENING) {
            let end = self.seats.len().min(begin + OPENING);
            for seat in &mut self.seats[begin..end] {
                seat.session.issue(1)?;
            }
            let mut missing = end - begin;
            while missing > 0 {
                self.turn(|_, done| {
                    missing -= done;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// One sends, all receive; the next is sent when the last has it. Counts what was received.
    pub fn broadcast(&mut self, count: usize) -> Outcome<Slice> {
        let mut latency = latencies();
        let start = Instant::now();
        for _ in 0..count {
            let sent = Instant::now();
            self.seats[0].session.issue(1)?;
            let mut missing = self.seats.len();
            while missing > 0 {
                self.turn(|_, done| {
                    missing -= done;
                    Ok(())
                })?;
            }
            latency.saturating_record(sent.elapsed().as_micros() as u64);
        }
        Ok(Slice {
            messages: (count * self.seats.len()) as u64,
            took: start.elapsed(),
            latency,
        })
    }

    /// Waits for readiness once, and reads all that came.
    fn turn(&mut self, mut done: impl FnMut(&mut Seat, usize) -> Outcome<()>) -> Outcome<()> {
        let sleep = match self.waiting {
            Waiting::Spins => Duration::ZERO,
            Waiting::Sleeps => PATIENCE,
        };
        let mut idle = None;
        loop {
            self.poll.poll(&mut self.events, Some(sleep))?;
            if !self.events.is_empty() {
                break;
            }
            if idle.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return Err(Failure(format!("nothing came for {PATIENCE:?}")));
            }
        }
        for event in &self.events {
            let (number, wire) = (event.token().0 / MOST_WIRES, event.token().0 % MOST_WIRES);
            let seat = &mut self.seats[number];
            if event.is_writable() {
                seat.session.writable(wire)?;
            }
            if !event.is_readable() {
                continue;
            }
            while let Some(count) = seat.session.wire(wire).read(&mut self.buffer)? {
                let messages = seat.session.receive(wire, &self.buffer[..count])?;
                if messages > 0 {
                    done(seat, messages)?;
                }
                // The edge of the next bytes is still to come.
                if count < self.buffer.len() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Of so many microseconds, with three digits.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST.as_micros() as u64, 3).expect("the bounds are possible")
}

const EVENTS: usize = 1024;
const BUFFER: usize = 512 * 1024;
/// Sessions that are opened at once.
const OPENING: usize = 64;
const OPENING_PAUSE: Duration = Duration::from_millis(1);
/// Any answer takes less, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(120);
