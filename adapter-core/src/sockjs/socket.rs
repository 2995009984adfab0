//! A session over a WebSocket, in its connection's task.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sockjs_proto::{AnySession, Close, Literal, Message, Socket};
use tracing::Span;
use websocket_proto::{Instant, Machine, ReadInterest, Refused};

use super::SessionRequest;
use super::core::{Core, Link, Touched};
use super::handles::text_len;
use super::handling::Outcome;
use super::hub::{GOING_AWAY, Hub};
use super::service::App as Application;
use super::waiters::Waiters;
use crate::connection::{App, Stage};
use crate::route::BoxFuture;
use crate::shared::Turn;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::{Stream, scratch};

/// The machine, between the connection's task and the handles. Nobody else has this lock.
pub(crate) struct Cell(Mutex<Inner>);

/// In this order, with what a message to thousands of sessions needs beside the lock: it is in no cache.
#[repr(C)]
struct Inner {
    front: Front,
    socket: Socket,
    waiters: Waiters,
}

/// What is known of a session without looking at its machine.
#[derive(Default)]
struct Front {
    /// A message that was sent while the task rested: its turn hands it to the machine.
    left: Option<Literal>,
    /// The task rests, and left a machine that takes the next message: nothing waits before it.
    clear: bool,
    /// The connection's task.
    waker: Option<Waker>,
    /// It will look at the machine once more before it rests.
    at_work: bool,
    /// Something changed since its last look.
    news: bool,
}

impl Cell {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Mutex::new(Inner {
            front: Front::default(),
            socket,
            waiters: Waiters::default(),
        }))
    }

    /// The machine, with all that was sent.
    fn open(&self) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.0);
        inner.deliver();
        inner
    }

    /// What handles do: see [`Core::with`].
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut dyn AnySession, &mut Waiters) -> (T, Touched),
    ) -> T {
        let (result, wake) = {
            let mut guard = self.open();
            let inner = &mut *guard;
            let paused = inner.socket.read_interest() != ReadInterest::Data;
            let (result, touched) = work(&mut inner.socket, &mut inner.waiters);
            let touched = match touched {
                Touched::Nothing => false,
                Touched::Took => paused,
                Touched::TookAll => paused || !inner.front.at_work,
                Touched::Sent => true,
            };
            (result, if touched { inner.touched() } else { None })
        };
        wake.into_iter().for_each(Waker::wake);
        result
    }

    /// The next message, or the wait for one: the usual cases of [`Core::poll_recv`]. `None` where there
    /// is anything else to tell.
    pub(crate) fn poll_message(&self, cx: &Context<'_>) -> Option<Poll<Message>> {
        let (message, wake) = {
            let mut guard = self.open();
            let inner = &mut *guard;
            let paused = inner.socket.read_interest() != ReadInterest::Data;
            let Some(message) = inner.socket.poll_message() else {
                if inner.socket.has_events() {
                    return None;
                }
                inner.waiters.park_receiver(cx);
                return Some(Poll::Pending);
            };
            inner.waiters.traffic.received(message.len());
            (message, if paused { inner.touched() } else { None })
        };
        wake.into_iter().for_each(Waker::wake);
        Some(Poll::Ready(message))
    }

    /// Sends a message that nothing stands against: the usual case of [`Core::send`]. Otherwise it
    /// comes back.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        let bytes = message.len();
        let wake = {
            let mut guard = self.open();
            let inner = &mut *guard;
            if inner.waiters.holds_back() {
                return Err(message);
            }
            inner.socket.send(message).map_err(|error| error.payload)?;
            inner.waiters.traffic.sent(bytes);
            inner.touched()
        };
        wake.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// The same for a message that was encoded for many.
    pub(crate) fn send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        let wake = {
            let mut guard = lock(&self.0);
            let inner = &mut *guard;
            if std::mem::take(&mut inner.front.clear) {
                inner.front.left = Some(literal.clone());
                inner.touched()
            } else {
                inner.deliver();
                let bytes = text_len(literal);
                let socket = &mut inner.socket;
                let (sent, _) =
                    (inner.waiters).send(socket, literal.clone(), bytes, |session, literal| {
                        session.send_literal(literal)
                    });
                sent.map_err(|error| error.why)?;
                inner.touched()
            }
        };
        wake.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// One look of the connection's task, which rests after it if `look` says that it may.
    pub(crate) fn turn<T>(
        &self,
        core: &Core,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Socket) -> (T, bool),
    ) -> (T, Turn) {
        let mut others = Vec::new();
        let (result, turn, deaf) = {
            let mut guard = self.open();
            let inner = &mut *guard;
            if !std::mem::replace(&mut inner.front.at_work, true) {
                inner.socket.lend_events(scratch::take_events);
            }
            inner.front.news = false;
            if inner.waiters.crowded {
                inner.waiters.push_overflow(&mut inner.socket);
            }
            let (result, may_rest) = look(cx, &mut inner.socket);
            let mut own = false;
            let mut due = |waker: Waker| {
                if waker.will_wake(cx.waker()) {
                    own = true;
                } else {
                    others.push(waker);
                }
            };
            let has_events = inner.socket.has_events();
            let waiters = &mut inner.waiters;
            if has_events {
                waiters.receiver.take().into_iter().for_each(&mut due);
            }
            if waiters.awaits_room() && core.has_room(&mut inner.socket) {
                waiters.take_room().into_iter().for_each(&mut due);
            }
            core.count(&mut waiters.traffic);
            let deaf = waiters.deaf && has_events;
            // What is held back may have room now, and go on.
            let may_rest = may_rest && !deaf && !waiters.holds_back();
            let turn = if own {
                Turn::IsDue
            } else if may_rest && inner.rest(cx) {
                Turn::Rests
            } else {
                Turn::GoesOn
            };
            (result, turn, deaf)
        };
        if deaf {
            core.drain();
        }
        others.into_iter().for_each(Waker::wake);
        (result, turn)
    }

    /// The connection has ended. If nobody hears that, it is at least counted.
    fn finish(&self, core: &Core) {
        let deaf = lock(&self.0).waiters.deaf;
        if deaf {
            core.drain();
        }
    }

    /// No byte will move any more.
    fn abort(&self) {
        let due: Vec<Waker> = {
            let mut inner = self.open();
            inner.socket.abort();
            inner.front.news = true;
            inner.waiters.take_all()
        };
        due.into_iter().for_each(Waker::wake);
    }
}

impl Inner {
    /// Hands the machine what was left for it. It said that nothing would stand against that.
    fn deliver(&mut self) {
        self.front.clear = false;
        if let Some(literal) = self.front.left.take() {
            let bytes = text_len(&literal);
            if self.socket.send_literal(literal).is_ok() {
                self.waiters.traffic.sent(bytes);
            }
        }
    }

    /// The connection's task has something to do, if it does not know.
    fn touched(&mut self) -> Option<Waker> {
        let told = std::mem::replace(&mut self.front.news, true);
        if told || self.front.at_work {
            None
        } else {
            self.front.waker.clone()
        }
    }

    /// Ends the task's work unless there is news.
    fn rest(&mut self, cx: &Context<'_>) -> bool {
        if self.front.news {
            return false;
        }
        match &mut self.front.waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
        self.front.at_work = false;
        if let Some(events) = self.socket.reclaim_events() {
            scratch::give_events(events);
        }
        let takes = self.socket.buffered() == 0 && self.socket.can_send().is_ok();
        self.front.clear = takes && !self.waiters.holds_back();
        true
    }
}

/// A session's connection: the bytes of the machine, and the handler beside it.
pub(crate) struct SessionStage {
    cell: Arc<Cell>,
    core: Arc<Core>,
    handler: Handler,
    /// Something came true that the handler itself waits for.
    due: bool,
}

enum Handler {
    Future(BoxFuture<Outcome>),
    /// Boxed: mostly there is none.
    Callbacks(Option<Box<Span>>),
    /// It has ended.
    Done,
}

impl SessionStage {
    /// Begins a session that was admitted.
    pub(crate) fn open(hub: &Arc<Hub>, socket: Socket, request: SessionRequest) -> Self {
        let (cell, core) = Self::parts(hub, socket, request);
        let span = hub.begin(&core);
        let handler = match &hub.app {
            Application::Handler(handler) => Handler::Future(handler(&core, span)),
            Application::Callbacks(_) => {
                Handler::Callbacks((!span.is_disabled()).then(|| Box::new(span)))
            }
        };
        Self {
            cell,
            core,
            handler,
            due: true,
        }
    }

    /// A session that is closed before any application sees it.
    pub(crate) fn turned_away(
        hub: &Arc<Hub>,
        socket: Socket,
        request: SessionRequest,
        close: Close,
    ) -> Self {
        let (cell, core) = Self::parts(hub, socket, request);
        core.close(close);
        Self {
            cell,
            core,
            handler: Handler::Done,
            due: false,
        }
    }

    fn parts(hub: &Arc<Hub>, socket: Socket, request: SessionRequest) -> (Arc<Cell>, Arc<Core>) {
        let cell = Arc::new(Cell::new(socket));
        let link = Link::Socket(Arc::clone(&cell), hub.counters.turn());
        let core = Arc::new(Core::new(hub, link, request));
        (cell, core)
    }
}

impl Stage for SessionStage {
    type Machine = Socket;

    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Socket) -> T,
    ) -> T {
        self.look(cx, |cx, machine| (look(cx, machine), false)).0
    }

    fn look<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Socket) -> (T, bool),
    ) -> (T, bool) {
        // Callbacks are not woken: they look whenever the task goes on.
        let awaited = self.due || matches!(self.handler, Handler::Callbacks(_));
        let (result, turn) = self.cell.turn(&self.core, cx, |cx, machine| {
            let (result, may_rest) = look(cx, machine);
            (result, may_rest && !awaited)
        });
        self.due |= turn == Turn::IsDue;
        (result, turn == Turn::Rests)
    }

    fn poll_app<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        _now: Instant,
        _stream: Option<&S>,
        woken: bool,
    ) -> App {
        let due = std::mem::take(&mut self.due) || woken;
        let future = match &mut self.handler {
            Handler::Future(future) if due => future,
            Handler::Callbacks(span) => {
                let _entered = span.as_ref().map(|span| span.enter());
                self.core.run_callbacks();
                return App::Waits;
            }
            Handler::Future(_) | Handler::Done => return App::Waits,
        };
        let Poll::Ready(outcome) = future.as_mut().poll(cx) else {
            return App::Waits;
        };
        self.core.handled(outcome);
        self.handler = Handler::Done;
        App::GoesOn
    }

    fn try_rest(&mut self, cx: &Context<'_>) -> bool {
        !self.due && lock(&self.cell.0).rest(cx)
    }

    fn drain(&mut self) {
        self.core.close(GOING_AWAY);
    }

    fn abort(&mut self) {
        self.cell.abort();
        self.due = true;
    }

    fn is_idle(&self) -> bool {
        match self.handler {
            Handler::Future(_) => false,
            Handler::Callbacks(_) => self.core.closed().is_some(),
            Handler::Done => true,
        }
    }
}

/// The task may be dropped at any time; the session ends with it.
impl Drop for SessionStage {
    fn drop(&mut self) {
        self.cell.abort();
        match std::mem::replace(&mut self.handler, Handler::Done) {
            // Its handles go with it.
            Handler::Future(future) => drop(future),
            Handler::Callbacks(span) => {
                let _entered = span.as_ref().map(|span| span.enter());
                self.core.run_callbacks();
            }
            Handler::Done => self.cell.finish(&self.core),
        }
    }
}
