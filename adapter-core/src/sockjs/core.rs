//! A session as its handles see it, whatever carries it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake as _, Waker, ready};

use sockjs_proto::{AnySession, Close, Closed, Event, Literal, Message, SessionKey, Socket};
use websocket_proto::{Machine as _, Refused, SendError};

use super::SessionRequest;
use super::group::Seat;
use super::handles::SessionSender;
use super::handling::Outcome;
use super::hub::Hub;
use super::runner::Runner;
use super::service::App;
use super::socket::Cell;
use super::stats::{Stripe, Traffic};
use super::waiters::{Payload, Wait, Waiters};
use crate::sync::{Mutex, MutexGuard, lock};

/// A session and all that is known of it. Its machine lies elsewhere: see [`Link`].
pub(crate) struct Core {
    pub(crate) hub: Arc<Hub>,
    link: Link,
    request: SessionRequest,
}

/// Where a session's machine is.
pub(crate) enum Link {
    /// In the connection that carries it, whose task owns all but the lock. The number is that of its
    /// counters.
    Socket(Arc<Cell>, u32),
    /// In a shard of the service. Boxed, or the others would have room for it too.
    Shard(u32, Box<Inmate>),
}

/// A session of a shard: what the handles share, and its name there.
pub(crate) struct Inmate {
    key: SessionKey,
    /// Only ever taken under the shard's lock.
    waiters: Mutex<Waiters>,
}

impl Link {
    pub(crate) fn shard(index: u32, key: SessionKey) -> Self {
        let waiters = Mutex::default();
        Self::Shard(index, Box::new(Inmate { key, waiters }))
    }
}

impl Core {
    pub(crate) fn new(hub: &Arc<Hub>, link: Link, request: SessionRequest) -> Self {
        Self {
            hub: Arc::clone(hub),
            link,
            request,
        }
    }

    /// The request that the session began with.
    pub(crate) const fn request(&self) -> &SessionRequest {
        &self.request
    }

    /// The counters that are its own.
    pub(crate) fn stripe(&self) -> &Stripe {
        let (Link::Socket(_, index) | Link::Shard(index, ..)) = self.link;
        self.hub.stripe(index as usize)
    }

    /// Counts what was sent and received.
    pub(crate) fn count(&self, traffic: &mut Traffic) {
        if !traffic.is_empty() {
            self.stripe().traffic(self.request.transport(), traffic);
        }
    }

    /// Its machine and that alone, where it lives in its connection.
    pub(crate) const fn cell(&self) -> Option<&Arc<Cell>> {
        match &self.link {
            Link::Socket(cell, _) => Some(cell),
            Link::Shard(..) => None,
        }
    }

    /// Whether those who wait for room may try again.
    pub(crate) fn has_room(&self, session: &mut Socket) -> bool {
        let mark = self.hub.service.config().outgoing_mark;
        session.buffered() <= mark / 2 || session.is_finished()
    }

    /// How the session ended, once that was received.
    pub(crate) fn closed(&self) -> Option<&Closed> {
        self.request.closed()
    }

    /// Runs `work` on the machine under its lock; whoever has to look at what came of it is woken
    /// after.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut dyn AnySession, &mut Waiters) -> (T, Touched),
    ) -> T {
        match &self.link {
            Link::Socket(cell, _) => cell.with(work),
            Link::Shard(index, inmate) => {
                let Inmate { key, waiters } = &**inmate;
                let (result, runner) = self.hub.with_shard(*index as usize, |state| {
                    let mut waiters = lock(waiters);
                    let (result, _) = work(&mut state.endpoint.session(*key), &mut waiters);
                    self.count(&mut waiters.traffic);
                    if self.closed().is_none() {
                        return (result, None);
                    }
                    state.forget(*key, self);
                    (result, waiters.runner.take())
                });
                // It may be the last to have it, and what a handler holds is dropped without locks.
                drop(runner);
                result
            }
        }
    }

    /// For errands of the shard, which holds its lock.
    pub(crate) fn waiters(&self) -> Option<MutexGuard<'_, Waiters>> {
        match &self.link {
            Link::Socket(..) => None,
            Link::Shard(_, inmate) => Some(lock(&inmate.waiters)),
        }
    }

    /// Runs the handler of a session in a shard.
    pub(crate) fn handle(&self, runner: &Arc<Runner>) {
        self.with(|_, waiters| {
            waiters.runner = Some(Arc::clone(runner));
            ((), Touched::Nothing)
        });
        runner.wake_by_ref();
    }

    /// The runtime has ended, and the handler with it.
    pub(crate) fn abandon(&self) {
        let runner = self.waiters().and_then(|mut waiters| waiters.runner.take());
        if let Some(runner) = runner {
            runner.give_up();
        }
    }

    /// The next message; `None` when the session is over. There is one receiving handle.
    pub(crate) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<Message>> {
        if self.closed().is_some() {
            return Poll::Ready(None);
        }
        if let Link::Socket(cell, _) = &self.link
            && let Some(message) = cell.poll_message(cx)
        {
            return message.map(Some);
        }
        match ready!(self.poll_event(Some(cx))) {
            Some(Event::Message(message)) => Poll::Ready(Some(message)),
            Some(Event::Open | Event::Writable | Event::Closed(_)) | None => Poll::Ready(None),
        }
    }

    /// The next event of interest: a message or the end. Without a context it does not wait.
    fn poll_event(&self, cx: Option<&Context<'_>>) -> Poll<Option<Event>> {
        let (event, due) = self.with(|session, waiters| {
            let mut due = Vec::new();
            loop {
                match session.poll_event() {
                    Some(Event::Open) => {}
                    // Senders are woken by whoever made the room, too.
                    Some(Event::Writable) => due.append(&mut waiters.take_room()),
                    Some(Event::Message(message)) => {
                        waiters.traffic.received(message.len());
                        return ((Some(Event::Message(message)), due), Touched::Took);
                    }
                    Some(Event::Closed(closed)) => {
                        self.note_end(&closed);
                        due.append(&mut waiters.take_all());
                        return ((Some(Event::Closed(closed)), due), Touched::TookAll);
                    }
                    None => {
                        if let Some(cx) = cx {
                            waiters.park_receiver(cx);
                        }
                        return ((None, due), Touched::TookAll);
                    }
                }
            }
        });
        due.into_iter().for_each(Waker::wake);
        match event {
            None if self.closed().is_none() => Poll::Pending,
            Some(Event::Closed(closed)) => {
                self.ended(&closed);
                Poll::Ready(Some(Event::Closed(closed)))
            }
            event => Poll::Ready(event),
        }
    }

    /// Notes the end under the machine's lock; [`ended`](Self::ended) follows outside.
    pub(crate) fn note_end(&self, closed: &Closed) {
        self.request.note_end(closed);
    }

    /// What the end of the session brings with it.
    pub(crate) fn ended(&self, closed: &Closed) {
        tracing::debug!(%closed, transport = %self.request.transport(), "session closed");
        self.stripe().closed(self.request.transport(), closed.cause);
        self.leave_seats(|_| true);
    }

    /// The session becomes a member of a group until its end.
    pub(crate) fn take_seat(&self, seat: Seat) {
        let twice = self.with(|_, waiters| (waiters.take_seat(seat), Touched::Nothing));
        twice.into_iter().for_each(Seat::leave);
        // The end may just have come.
        if self.closed().is_some() {
            self.leave_seats(|_| true);
        }
    }

    /// Gives back the seats that `which` tells.
    pub(crate) fn leave_seats(&self, which: impl Fn(&Seat) -> bool) {
        let left = self.with(|_, waiters| (waiters.leave_seats(which), Touched::Nothing));
        left.into_iter().for_each(Seat::leave);
    }

    /// A message in the form in which the machine takes it.
    pub(crate) fn payload(&self, message: Message) -> Payload {
        match self.link {
            Link::Socket(..) => Payload::Plain(message),
            Link::Shard(..) => {
                let literal = Literal::new(&message);
                Payload::Encoded(message, literal)
            }
        }
    }

    /// Sends a message now if nothing stands against it. Otherwise it stays where it is.
    pub(crate) fn send_at_once(&self, message: &mut Message) -> bool {
        let Link::Socket(cell, _) = &self.link else {
            return false;
        };
        match cell.send(std::mem::take(message)) {
            Ok(()) => true,
            Err(unsent) => {
                *message = unsent;
                false
            }
        }
    }

    /// Sends with `attempt`, unless something else has to go first. `bytes` are what counts.
    pub(super) fn attempt<T>(
        &self,
        payload: T,
        bytes: usize,
        attempt: impl FnOnce(&mut dyn AnySession, T) -> Result<(), SendError<T>>,
    ) -> Result<(), SendError<T>> {
        self.with(|session, waiters| waiters.send(session, payload, bytes, attempt))
    }

    /// Runs `attempt` until it does not find too much on its way any more. `payload` is taken when
    /// it was sent or refused.
    pub(crate) fn poll_send<T>(
        &self,
        cx: &Context<'_>,
        payload: &mut Option<T>,
        bytes: usize,
        attempt: impl Fn(&mut dyn AnySession, T) -> Result<(), SendError<T>>,
    ) -> Poll<Result<(), SendError<T>>> {
        let Some(unsent) = payload.take() else {
            return Poll::Ready(Ok(()));
        };
        // One look under one lock: room that is made later finds the waker.
        let result = self.with(|session, waiters| {
            let sent = waiters.send(session, unsent, bytes, attempt);
            if let (Err(error), _) = &sent
                && error.why == Refused::Full
            {
                waiters.park(cx, Wait::Room);
            }
            sent
        });
        match result {
            Err(SendError {
                payload: unsent,
                why: Refused::Full,
            }) => {
                *payload = Some(unsent);
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    /// Waits until there is room, or a send would fail.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.with(|session, waiters| {
            let room = match waiters.can_send(session) {
                Err(Refused::Full) => {
                    waiters.park(cx, Wait::Room);
                    Poll::Pending
                }
                Ok(()) | Err(_) => Poll::Ready(()),
            };
            (room, Touched::Nothing)
        })
    }

    /// Takes a message whatever the room, for a sink that was promised some.
    pub(crate) fn send_promised(&self, message: Message) -> Result<(), SendError<Message>> {
        let payload = self.payload(message);
        let result = self.with(|session, waiters| {
            let bytes = payload.bytes();
            match waiters.send(session, payload, bytes, |session, payload| {
                payload.send(session)
            }) {
                (
                    Err(SendError {
                        payload,
                        why: Refused::Full,
                    }),
                    _,
                ) => {
                    waiters.overflow(payload);
                    (Ok(()), Touched::Nothing)
                }
                sent => sent,
            }
        });
        result.map_err(|SendError { payload, why }| SendError {
            payload: payload.into_message(),
            why,
        })
    }

    /// Waits for the end, and until the receiving handle knows of it.
    pub(crate) fn poll_end(&self, cx: &Context<'_>) -> Poll<()> {
        self.with(|_, waiters| {
            if self.closed().is_some() {
                return (Poll::Ready(()), Touched::Nothing);
            }
            waiters.park(cx, Wait::End);
            (Poll::Pending, Touched::Nothing)
        })
    }

    /// Closes the session unless it is closing already.
    pub(crate) fn close(&self, close: Close) {
        let now = (self.hub.now)();
        let due = self.with(|session, waiters| {
            waiters.close(session, now, close);
            // Nothing more can be sent: whoever waits for room hears of it.
            (waiters.take_room(), Touched::Sent)
        });
        due.into_iter().for_each(Waker::wake);
    }

    /// The receiving handle is gone: nobody hears what comes.
    pub(crate) fn deafen(&self) {
        self.with(|_, waiters| {
            waiters.deaf = true;
            ((), Touched::Nothing)
        });
        self.drain();
    }

    /// Drops events that nobody wants. The end is noted.
    pub(crate) fn drain(&self) {
        while let Poll::Ready(Some(event)) = self.poll_event(None) {
            if let Event::Closed(_) = event {
                break;
            }
        }
    }

    /// For logs, which paths are not for: they have the session's id.
    fn prefix(&self) -> &str {
        &self.hub.service.config().prefix
    }

    pub(crate) fn buffered(&self) -> usize {
        self.with(|session, _| (session.buffered(), Touched::Nothing))
    }

    /// Lets callbacks work off what came. Whoever finds them running leaves it to them.
    pub(crate) fn run_callbacks(self: &Arc<Self>) {
        let App::Callbacks(callbacks) = &self.hub.app else {
            return;
        };
        let sender = SessionSender(Arc::clone(self));
        let mut ours = false;
        loop {
            let event = self.with(|session, waiters| {
                if std::mem::replace(&mut waiters.running, true) && !ours {
                    return (None, Touched::Nothing);
                }
                ours = true;
                let event = session.poll_event();
                match &event {
                    None => waiters.running = false,
                    Some(Event::Message(message)) => waiters.traffic.received(message.len()),
                    Some(Event::Closed(closed)) => self.note_end(closed),
                    Some(Event::Open | Event::Writable) => {}
                }
                (event, Touched::TookAll)
            });
            let Some(event) = event else {
                return;
            };
            let end = match &event {
                Event::Closed(closed) => {
                    self.ended(closed);
                    true
                }
                Event::Open | Event::Message(_) | Event::Writable => false,
            };
            let call = || match event {
                Event::Open => (callbacks.on_open)(&sender),
                Event::Message(message) => (callbacks.on_message)(&sender, message),
                Event::Closed(closed) => (callbacks.on_close)(&sender, &closed),
                Event::Writable => {}
            };
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                tracing::error!(service = self.prefix(), "callback panicked");
                self.close(Close::INTERNAL_ERROR);
            }
            if end {
                return;
            }
        }
    }

    /// What is left to do when the handler has ended.
    pub(crate) fn handled(&self, outcome: Outcome) {
        let close = match outcome {
            Ok(()) => self.hub.service.config().default_close.clone(),
            Err(error) => {
                tracing::error!(service = self.prefix(), error, "handler failed");
                Close::INTERNAL_ERROR
            }
        };
        self.close(close);
    }
}

/// What was done to a machine, so that its connection may have to do something too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Touched {
    Nothing,
    /// An event was taken, so that there may be room for more input.
    Took,
    /// All events were: at its end, a machine may go on then.
    TookAll,
    /// There is something to write.
    Sent,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("request", &self.request)
            .field("closed", &self.closed())
            .finish_non_exhaustive()
    }
}
