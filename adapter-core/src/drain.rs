//! Who is connected, and how they are told that it is over or that their time has come.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};

use websocket_proto::Instant;

use crate::timers::{Timer, Timers};

/// The connections of a server. It is locked when one begins or ends and when its timer is set, which is
/// once in the time of a ping, and not for its messages.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    phase: AtomicU8,
    /// Whether a task waits for the timers of connections.
    pub(crate) kept: AtomicBool,
    open: AtomicUsize,
    /// Tasks that accept connections.
    acceptors: AtomicUsize,
    /// Nobody runs the server any more: nothing is accepted.
    left: AtomicBool,
    table: Mutex<Table>,
    /// Spawns that task, where that is possible.
    pub(crate) keeper: OnceLock<fn(Arc<Drain>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    seats: Vec<Option<Waker>>,
    free: Vec<u32>,
    pub(crate) timers: Timers,
    /// Who waits for connections to end: accept loops at their cap, a server at its end.
    watchers: Vec<Waker>,
    deadline: Option<Instant>,
}

/// How far the end of a server has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// Not begun.
    Serving,
    /// Everybody finishes what is under way.
    Draining,
    /// Whoever is left goes now.
    Aborting,
}

impl Drain {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Aborting,
        }
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Begins the drain, or brings its end forward.
    pub(crate) fn begin(&self, deadline: Instant) {
        let mut table = self.lock();
        table.deadline = Some(table.deadline.map_or(deadline, |known| known.min(deadline)));
        drop(table);
        self.advance(Phase::Draining);
    }

    /// When the drain turns into an abort.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Goes on to `phase` and wakes everybody to see it.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        let wakers: Vec<Waker> = {
            let mut table = self.lock();
            let watchers = std::mem::take(&mut table.watchers);
            table
                .seats
                .iter()
                .flatten()
                .cloned()
                .chain(watchers)
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether connections are still accepted.
    pub(crate) fn accepts(&self) -> bool {
        self.phase() == Phase::Serving && !self.left.load(Ordering::Acquire)
    }

    /// Whether nothing is left to wait for.
    pub(crate) fn is_over(&self) -> bool {
        self.open() == 0 && self.acceptors.load(Ordering::Acquire) == 0
    }

    /// Ends the accepting; connections go on.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
        self.wake_watchers();
    }

    pub(crate) fn begin_accepting(&self) {
        self.acceptors.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end_accepting(&self) {
        self.acceptors.fetch_sub(1, Ordering::AcqRel);
        self.wake_watchers();
    }

    fn wake_watchers(&self) {
        let watchers = std::mem::take(&mut self.lock().watchers);
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Wakes `cx` at the next end of a connection or of an acceptor, or change of phase.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        let mut table = self.lock();
        if !table
            .watchers
            .iter()
            .any(|known| known.will_wake(cx.waker()))
        {
            table.watchers.push(cx.waker().clone());
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    pub(crate) fn waker(&self, seat: u32) -> Option<Waker> {
        self.seats.get(seat as usize)?.clone()
    }
}

/// A connection's place in the [`Drain`]; dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Seat {
    drain: Arc<Drain>,
    index: u32,
    registered: bool,
    /// That everybody finishes was told.
    told: bool,
}

impl Seat {
    pub(crate) fn take(drain: &Arc<Drain>) -> Self {
        drain.open.fetch_add(1, Ordering::AcqRel);
        let mut table = drain.lock();
        let index = table.free.pop().unwrap_or_else(|| {
            table.seats.push(None);
            // There are not so many sockets.
            u32::try_from(table.seats.len() - 1).unwrap_or(u32::MAX)
        });
        drop(table);
        Self {
            drain: Arc::clone(drain),
            index,
            registered: false,
            told: false,
        }
    }

    /// Asks to be woken, with the waker of `cx`, when the phase changes. A task keeps its waker for life;
    /// another executor may at worst drain later.
    #[inline]
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if !self.registered {
            self.take_waker(cx);
        }
    }

    #[cold]
    fn take_waker(&mut self, cx: &Context<'_>) {
        self.registered = true;
        let mut table = self.drain.lock();
        if let Some(seat) = table.seats.get_mut(self.index as usize) {
            *seat = Some(cx.waker().clone());
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.drain.phase()
    }

    /// Whether the connection is to finish and has not been told.
    pub(crate) fn is_to_finish(&mut self, phase: Phase) -> bool {
        phase == Phase::Draining && !std::mem::replace(&mut self.told, true)
    }

    /// What the connection speaks from now on has not been told anything yet.
    pub(crate) fn tell_again(&mut self) {
        self.told = false;
    }

    /// The server's timer for this connection, where there is a task that waits for it.
    pub(crate) fn timer(&self) -> Option<Timer> {
        let kept = self.drain.keeper.get().is_some();
        kept.then(|| Timer::new(Arc::clone(&self.drain), self.index))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.drain.open.fetch_sub(1, Ordering::AcqRel);
        let mut table = self.drain.lock();
        if let Some(seat) = table.seats.get_mut(self.index as usize) {
            *seat = None;
        }
        table.free.push(self.index);
        let watchers = std::mem::take(&mut table.watchers);
        drop(table);
        watchers.into_iter().for_each(Waker::wake);
    }
}
