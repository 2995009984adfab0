//! A WebSocket connection as its handles and whoever moves its bytes share it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use websocket_proto::connection::{Answers, Closed, Connection, Event, Events};
use websocket_proto::{
    CloseCode, Draft, Instant, Machine, Message, ReadInterest, Refused, SendError,
};

use crate::desk::{self, Tray};
use crate::kept::Kept;
use crate::scratch;
use crate::standalone::Standalone;

/// The machine under a lock, and who waits for what.
///
/// The lock is held for one call of the machine or for one read or write of the socket, never while
/// application code runs; wakers are collected under it and woken after.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    closed: OnceLock<Box<Closed>>,
    pub(crate) kept: Kept,
    now: fn() -> Instant,
}

pub(crate) struct Inner {
    pub(crate) machine: Connection,
    mover: Mover,
    /// Messages of a `Sink` for which the room it was promised went to something else. They go
    /// first.
    #[expect(
        clippy::box_collection,
        reason = "one word in a connection without any"
    )]
    overflow: Option<Box<VecDeque<Message>>>,
}

/// Who moves the bytes.
pub(crate) enum Mover {
    /// The connection's task.
    Task(Task),
    /// The handles themselves, while they are waited for.
    Handles(Box<Standalone>),
}

/// The connection's task, seen from the handles.
#[derive(Default)]
pub(crate) struct Task {
    waker: Option<Waker>,
    /// It will look at the machine once more before it rests.
    at_work: bool,
    /// Something changed since its last look.
    news: bool,
    /// Who waits for an event, or did: most often it is the same each time.
    receiver: Option<Waker>,
    receiver_waits: bool,
    /// The receiving handle is gone: what arrives is dropped then.
    receiver_gone: bool,
    /// The handler has the machine's [`Answers`].
    answers_away: bool,
    /// Who waits for something else, and for what.
    #[expect(
        clippy::box_collection,
        reason = "one word in a connection without any"
    )]
    waiting: Option<Box<Vec<(Waker, Wait)>>>,
}

/// What a handle can wait for besides events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// A send would not be refused for want of room.
    Room,
    /// The socket has taken everything.
    Flushed,
    /// The connection has ended and the receiving handle knows.
    End,
}

impl Shared {
    pub(crate) fn new(
        machine: Connection,
        kept: Kept,
        now: fn() -> Instant,
        mover: Mover,
    ) -> Arc<Self> {
        let inner = Inner {
            machine,
            mover,
            overflow: None,
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            closed: OnceLock::new(),
            kept,
            now,
        })
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock_beside();
        if matches!(&inner.mover, Mover::Task(task) if task.answers_away) {
            self.join(&mut inner);
        }
        inner
    }

    /// The lock without a look at what the handler has sent beside it.
    #[inline]
    fn lock_beside(&self) -> MutexGuard<'_, Inner> {
        // No code of the application runs under the lock, so a panic leaves it whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In the handler itself what it has sent comes first. Elsewhere it does as well, when the handler
    /// returns; but what it sends from now on must not.
    #[cold]
    fn join(&self, inner: &mut Inner) {
        match desk::take_answers(self) {
            Some(answers) => inner.put_answers(answers),
            None => desk::disturb(),
        }
    }

    /// The draft in use.
    pub(crate) fn draft(&self) -> Draft {
        self.lock().machine.draft()
    }

    /// How the connection ended, once that was received.
    pub(crate) fn closed(&self) -> Option<&Closed> {
        self.closed.get().map(|closed| &**closed)
    }

    /// The next event; `None` when the connection has ended. There is one receiving handle; what comes
    /// with the event goes to `taken`, which is empty.
    #[inline]
    pub(crate) fn poll_event(
        &self,
        cx: &Context<'_>,
        taken: &mut Option<Events>,
    ) -> Poll<Option<Event>> {
        let mut guard = self.lock();
        loop {
            let inner = &mut *guard;
            if inner.machine.has_events() || self.closed.get().is_some() {
                let paused = inner.machine.read_interest() != ReadInterest::Data;
                let event = self.take_event(&mut inner.machine);
                if event.is_some() {
                    *taken = inner.machine.take_events();
                }
                let ended = event.is_none() && self.closed.get().is_some();
                if event.is_some() || ended {
                    // There may be room for more input now or, at the end, an answer to write.
                    let wake = if ended || paused {
                        inner.touched()
                    } else {
                        None
                    };
                    if event.is_some() || inner.is_over() {
                        drop(guard);
                        wake.into_iter().for_each(Waker::wake);
                        return Poll::Ready(event);
                    }
                }
            }
            match &mut inner.mover {
                Mover::Task(task) => {
                    park(&mut task.receiver, cx);
                    task.receiver_waits = true;
                    return Poll::Pending;
                }
                Mover::Handles(own) => {
                    own.park_receiver(cx);
                    // Ready: there is an event, or this was the end.
                    ready!(own.poll_event_or_end(&mut inner.machine));
                }
            }
        }
    }

    /// The receiving handle is done with what it has taken.
    pub(crate) fn give_back(&self, events: Events) {
        let mut inner = self.lock();
        let paused = inner.machine.read_interest() != ReadInterest::Data;
        inner.machine.give_back(events);
        if !matches!(&inner.mover, Mover::Task(task) if task.at_work) {
            // No turn follows that would do it.
            scratch::reclaim_events(&mut inner.machine);
        }
        let wake = if paused { inner.touched() } else { None };
        drop(inner);
        wake.into_iter().for_each(Waker::wake);
    }

    /// Takes the next event that is for the application.
    fn take_event(&self, machine: &mut Connection) -> Option<Event> {
        loop {
            match machine.poll_event()? {
                // Whoever moves the bytes wakes senders, behind events or not.
                Event::Writable => {}
                Event::Closed(closed) => {
                    self.end(closed);
                    return None;
                }
                event => return Some(event),
            }
        }
    }

    #[cold]
    fn end(&self, closed: Closed) {
        tracing::debug!(%closed, "websocket closed");
        let _ = self.closed.set(Box::new(closed));
    }

    /// Sends `message` as soon as there is room, and takes it then, or when it is refused.
    #[inline]
    pub(crate) fn poll_message(
        &self,
        cx: &Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), SendError<Message>>> {
        // A message is moved as little as can be: the short ones not at all.
        if message
            .as_ref()
            .is_some_and(|message| desk::send_short(self, message) || self.send_short(message))
        {
            *message = None;
            return Poll::Ready(Ok(()));
        }
        self.poll_send(cx, message, Connection::send)
    }

    /// Sends a copy of a message that is short when nothing has to go first.
    #[inline]
    fn send_short(&self, message: &Message) -> bool {
        if message.as_bytes().len() > Connection::SHORT {
            return false;
        }
        let mut inner = self.lock();
        if inner.overflow.is_some() || !inner.machine.send_short(message) {
            return false;
        }
        let wake = inner.touched();
        drop(inner);
        if let Some(waker) = wake {
            waker.wake();
        }
        true
    }

    /// Runs `attempt` until it does not find the outbox full any more. `payload` is taken when it was
    /// sent or refused.
    #[inline(never)]
    pub(crate) fn poll_send<T>(
        &self,
        cx: &Context<'_>,
        payload: &mut Option<T>,
        attempt: impl Fn(&mut Connection, T) -> Result<(), SendError<T>>,
    ) -> Poll<Result<(), SendError<T>>> {
        loop {
            let Some(unsent) = payload.take() else {
                return Poll::Ready(Ok(()));
            };
            match self.send(unsent, &attempt) {
                Err(SendError {
                    payload: unsent,
                    why: Refused::Full,
                }) => *payload = Some(unsent),
                result => return Poll::Ready(result),
            }
            ready!(self.poll_until(cx, Wait::Room));
        }
    }

    /// Sends with `attempt` unless something else has to go first.
    #[inline]
    pub(crate) fn send<T>(
        &self,
        payload: T,
        attempt: impl FnOnce(&mut Connection, T) -> Result<(), SendError<T>>,
    ) -> Result<(), SendError<T>> {
        let mut inner = self.lock();
        if !inner.push_overflow() {
            return Err(SendError {
                payload,
                why: Refused::Full,
            });
        }
        let result = attempt(&mut inner.machine, payload);
        let wake = if result.is_ok() {
            inner.touched()
        } else {
            None
        };
        drop(inner);
        wake.into_iter().for_each(Waker::wake);
        result
    }

    /// Takes a message whatever the room, for a sink that was promised some.
    pub(crate) fn send_promised(&self, message: Message) -> Result<(), SendError<Message>> {
        match self.send(message, Connection::send) {
            Err(SendError {
                payload,
                why: Refused::Full,
            }) => {
                let mut inner = self.lock();
                inner.overflow.get_or_insert_default().push_back(payload);
                Ok(())
            }
            result => result,
        }
    }

    /// Waits until `wait` has come true.
    pub(crate) fn poll_until(&self, cx: &Context<'_>, wait: Wait) -> Poll<()> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        if inner.has_come(wait) {
            return Poll::Ready(());
        }
        match &mut inner.mover {
            Mover::Task(task) => {
                let known =
                    |(waker, what): &(Waker, Wait)| *what == wait && waker.will_wake(cx.waker());
                let waiting = task.waiting.get_or_insert_default();
                if !waiting.iter().any(known) {
                    waiting.push((cx.waker().clone(), wait));
                }
                Poll::Pending
            }
            Mover::Handles(own) => {
                own.park_sender(cx);
                own.move_all(&mut inner.machine);
                if inner.has_come(wait) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }
        }
    }

    /// Waits until the socket has taken everything.
    pub(crate) fn poll_flush(&self, cx: &Context<'_>) -> Poll<Result<(), Refused>> {
        ready!(self.poll_until(cx, Wait::Flushed));
        let finished = self.lock().machine.is_finished();
        Poll::Ready(if finished {
            Err(Refused::Closing)
        } else {
            Ok(())
        })
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) -> Result<(), Refused> {
        self.change(|machine, now| machine.close(now, code, reason))
    }

    /// Sends a ping.
    pub(crate) fn ping(&self, payload: &[u8]) -> Result<(), Refused> {
        self.change(|machine, now| machine.ping(now, payload))
    }

    /// The receiving handle is gone, and with it what it had taken.
    pub(crate) fn drop_receiver(&self, taken: Option<Events>) {
        let mut inner = self.lock();
        let waker = match &mut inner.mover {
            Mover::Task(task) => {
                task.receiver_gone = true;
                task.receiver.take()
            }
            Mover::Handles(_) => None,
        };
        drop(inner);
        drop(waker);
        self.change(|machine, _| {
            if let Some(events) = taken {
                machine.give_back(events);
            }
            while self.take_event(machine).is_some() {}
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Connection, Instant) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner.machine, (self.now)());
        let wake = inner.touched();
        drop(inner);
        wake.into_iter().for_each(Waker::wake);
        result
    }
}

/// What the connection's task does.
impl Shared {
    /// One look of the task at the machine. Whatever handles do from now on it will see before it rests.
    /// The task rests after it if `work` says that it may, and nothing stands against it: the second
    /// value tells.
    ///
    /// What the handler has laid back on `tray` goes to the machine, and what it waits for comes there.
    pub(crate) fn turn<T>(
        &self,
        cx: &mut Context<'_>,
        tray: &mut Tray,
        work: impl FnOnce(&mut Context<'_>, &mut Connection) -> (T, bool),
    ) -> (T, bool) {
        let mut guard = self.lock_beside();
        let inner = &mut *guard;
        inner.push_overflow();
        inner.begin_turn();
        inner.clear(tray);
        let (result, may_rest) = work(cx, &mut inner.machine);
        let others = inner
            .tell_own(cx, tray)
            .then(|| self.tell_others(inner, cx, tray));
        let rests = may_rest && !tray.due && inner.overflow.is_none() && inner.rest(cx);
        drop(guard);
        if let Some(others) = others {
            others.into_iter().for_each(Waker::wake);
        }
        (result, rests)
    }

    /// Who is to be woken because what it waited for has come true. The task itself is told on `tray`. What
    /// came for a receiver that is gone is dropped.
    #[cold]
    fn tell_others(&self, inner: &mut Inner, cx: &Context<'_>, tray: &mut Tray) -> Vec<Waker> {
        let mut others = Vec::new();
        let Mover::Task(task) = &mut inner.mover else {
            return others;
        };
        if task.receiver_gone {
            while self.take_event(&mut inner.machine).is_some() {}
        }
        if task.receiver_waits && inner.machine.has_events() {
            task.receiver_waits = false;
            others.extend(task.receiver.clone());
        }
        let Some(mut waiting) = task.waiting.take() else {
            return others;
        };
        waiting.retain(|(waker, wait)| {
            let come = inner.has_come(*wait);
            if come && waker.will_wake(cx.waker()) {
                tray.due = true;
            } else if come {
                others.push(waker.clone());
            }
            !come
        });
        if let (Mover::Task(task), false) = (&mut inner.mover, waiting.is_empty()) {
            task.waiting = Some(waiting);
        }
        others
    }

    /// The transport failed.
    pub(crate) fn abort(&self) {
        self.change(|machine, _| machine.abort());
    }

    /// Lays the machine's [`Answers`] on the desk, for the handler while it is polled.
    #[inline(never)]
    pub(crate) fn lay_answers(&self) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        if let (Mover::Task(task), None) = (&mut inner.mover, &inner.overflow)
            && let Some(answers) = inner.machine.take_answers()
        {
            task.answers_away = true;
            desk::lay_answers(answers);
        }
    }

    /// Takes them back.
    #[inline(never)]
    pub(crate) fn clear_answers(&self) {
        if let Some(answers) = desk::take_answers(self) {
            self.lock_beside().put_answers(answers);
        }
    }

    /// Ends the task's work unless there is news.
    pub(crate) fn try_rest(&self, cx: &Context<'_>, tray: &mut Tray) -> bool {
        let mut inner = self.lock();
        inner.clear(tray);
        inner.rest(cx)
    }
}

/// How a look of a session's task at its machine ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// Somebody in the task itself has reason to look too.
    IsDue,
    /// The task rests.
    Rests,
    GoesOn,
}

impl Inner {
    /// Whoever moves the bytes is told that the machine has changed. In a handle that moves them itself
    /// this writes, unless events of the same read still wait: their answers leave together.
    #[inline]
    fn touched(&mut self) -> Option<Waker> {
        match &mut self.mover {
            Mover::Task(task) => {
                let told = std::mem::replace(&mut task.news, true);
                if told || task.at_work {
                    None
                } else {
                    task.waker.clone()
                }
            }
            Mover::Handles(own) => {
                if !self.machine.has_events() {
                    own.write(&mut self.machine);
                }
                None
            }
        }
    }

    /// The task is about to look at the machine.
    #[inline]
    fn begin_turn(&mut self) {
        if let Mover::Task(task) = &mut self.mover {
            task.news = false;
            if !std::mem::replace(&mut task.at_work, true) {
                scratch::lend_events(&mut self.machine);
            }
        }
    }

    /// Ends the task's work unless there is news.
    #[inline]
    fn rest(&mut self, cx: &Context<'_>) -> bool {
        let Mover::Task(task) = &mut self.mover else {
            return true;
        };
        if task.news {
            return false;
        }
        park(&mut task.waker, cx);
        task.at_work = false;
        scratch::reclaim_events(&mut self.machine);
        true
    }

    /// Whether `wait` has come true.
    fn has_come(&mut self, wait: Wait) -> bool {
        match wait {
            Wait::Room => self.push_overflow() && self.machine.can_send() != Err(Refused::Full),
            Wait::Flushed => {
                let away = matches!(&self.mover, Mover::Task(task) if task.answers_away);
                !away && self.push_overflow() && self.machine.outbox().is_empty()
            }
            Wait::End => self.machine.is_finished() && !self.machine.has_events(),
        }
    }

    fn put_answers(&mut self, answers: Answers) {
        if let Mover::Task(task) = &mut self.mover {
            task.answers_away = false;
        }
        self.machine.put_answers(answers);
    }

    /// Takes what the handler has laid back.
    #[inline]
    fn clear(&mut self, tray: &mut Tray) {
        if let Some(events) = tray.events.take() {
            self.machine.put_back(events);
            // A handler that is still due was not polled since.
            let waits = std::mem::take(&mut tray.waits) || tray.due;
            if let (true, Mover::Task(task)) = (waits, &mut self.mover) {
                task.receiver_waits = true;
            }
        }
    }

    /// Tells a receiver that waits in the task itself of what has come, with events on `tray`. Whether there is
    /// anybody else to look after.
    #[inline(always)]
    fn tell_own(&mut self, cx: &Context<'_>, tray: &mut Tray) -> bool {
        let Mover::Task(task) = &mut self.mover else {
            return false;
        };
        if task.receiver_waits && self.machine.has_events() {
            let own = |waker: &Waker| waker.will_wake(cx.waker());
            if !task.receiver.as_ref().is_some_and(own) {
                return true;
            }
            task.receiver_waits = false;
            tray.due = true;
            tray.events = self.machine.take_events();
        }
        task.waiting.is_some() || task.receiver_gone
    }

    /// Whether a receiver that was told of the end has nothing more to wait for: handles that move the
    /// bytes see to the last of them.
    fn is_over(&self) -> bool {
        match &self.mover {
            Mover::Task(_) => true,
            Mover::Handles(own) => own.is_over(),
        }
    }

    /// Sends what a sink accepted beyond the room. `false` when some is left.
    #[inline]
    fn push_overflow(&mut self) -> bool {
        self.overflow.is_none() || self.send_overflow()
    }

    fn send_overflow(&mut self) -> bool {
        let Some(mut overflow) = self.overflow.take() else {
            return true;
        };
        while let Some(message) = overflow.pop_front() {
            // A connection that ended meanwhile loses it like anything else it had under way.
            if let Err(SendError {
                payload,
                why: Refused::Full,
            }) = self.machine.send(message)
            {
                overflow.push_front(payload);
                self.overflow = Some(overflow);
                return false;
            }
        }
        true
    }
}

fn park(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(known) if known.will_wake(cx.waker()) => {}
        _ => *place = Some(cx.waker().clone()),
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}
