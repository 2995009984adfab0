//! A session over a WebSocket, in its connection's task.

use std::sync::Arc;
use std::task::{Context, Waker};

use sockjs_proto::{AnySession, Close, Message, Socket};
use tracing::Span;
use websocket_proto::{Instant, Machine, ReadInterest};

use super::SessionRequest;
use super::core::{Core, Link, Touched};
use super::hub::{GOING_AWAY, Hub};
use super::service::App as Application;
use super::waiters::Waiters;
use crate::Stream;
use crate::connection::{App, Stage};
use crate::route::BoxFuture;
use crate::sync::{Mutex, lock};

/// The machine, between the connection's task and the handles. Nobody else has this lock.
pub(crate) struct Cell(Mutex<Inner>);

struct Inner {
    socket: Socket,
    waiters: Waiters,
    /// The connection's task.
    waker: Option<Waker>,
}

impl Cell {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Mutex::new(Inner {
            socket,
            waiters: Waiters::default(),
            waker: None,
        }))
    }

    /// What handles do: see [`Core::with`].
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut dyn AnySession, &mut Waiters) -> (T, Touched),
    ) -> T {
        let (result, wake) = {
            let mut guard = lock(&self.0);
            let inner = &mut *guard;
            let paused = inner.socket.read_interest() != ReadInterest::Data;
            let (result, touched) = work(&mut inner.socket, &mut inner.waiters);
            let touched = match touched {
                Touched::Nothing => false,
                Touched::Took => paused,
                Touched::TookAll => paused || !inner.waiters.at_work,
                Touched::Sent => true,
            };
            (result, if touched { inner.touched() } else { None })
        };
        wake.into_iter().for_each(Waker::wake);
        result
    }

    /// The next message, if one waits: the usual case of [`Core::poll_recv`].
    pub(crate) fn take_message(&self) -> Option<Message> {
        let (message, wake) = {
            let mut guard = lock(&self.0);
            let inner = &mut *guard;
            let paused = inner.socket.read_interest() != ReadInterest::Data;
            let message = inner.socket.poll_message()?;
            inner.waiters.traffic.received(message.len());
            (message, if paused { inner.touched() } else { None })
        };
        wake.into_iter().for_each(Waker::wake);
        Some(message)
    }

    /// Sends a message that nothing stands against: the usual case of [`Core::send`]. Otherwise it
    /// comes back.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        let bytes = message.len();
        let wake = {
            let mut guard = lock(&self.0);
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

    /// One look of the connection's task. `true` when somebody in the task itself has reason to look
    /// too.
    fn turn<T>(
        &self,
        core: &Core,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Socket) -> T,
    ) -> (T, bool) {
        let mark = core.hub.service.config().outgoing_mark;
        let (result, mut due, deaf) = {
            let mut guard = lock(&self.0);
            let inner = &mut *guard;
            inner.waiters.at_work = true;
            inner.waiters.news = false;
            inner.waiters.push_overflow(&mut inner.socket);
            let result = look(cx, &mut inner.socket);
            let has_events = inner.socket.has_events();
            let waiters = &mut inner.waiters;
            let mut due = Vec::new();
            if has_events {
                due.extend(waiters.receiver.take());
            }
            if waiters.awaits_room()
                && (inner.socket.buffered() <= mark / 2 || inner.socket.is_finished())
            {
                due.append(&mut waiters.take_room());
            }
            core.count(&mut waiters.traffic);
            (result, due, waiters.deaf && has_events)
        };
        if deaf {
            core.drain();
        }
        let all = due.len();
        due.retain(|waker| !waker.will_wake(cx.waker()));
        let own = due.len() < all;
        due.into_iter().for_each(Waker::wake);
        (result, own)
    }

    fn try_rest(&self, cx: &Context<'_>) -> bool {
        let mut inner = lock(&self.0);
        if inner.waiters.news {
            return false;
        }
        match &mut inner.waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
        inner.waiters.at_work = false;
        true
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
            let mut inner = lock(&self.0);
            inner.socket.abort();
            inner.waiters.news = true;
            inner.waiters.take_all()
        };
        due.into_iter().for_each(Waker::wake);
    }
}

impl Inner {
    /// The connection's task has something to do, if it does not know.
    fn touched(&mut self) -> Option<Waker> {
        let told = std::mem::replace(&mut self.waiters.news, true);
        if told || self.waiters.at_work {
            None
        } else {
            self.waker.clone()
        }
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
    Future(BoxFuture<()>),
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
        let (result, due) = self.cell.turn(&self.core, cx, look);
        self.due |= due;
        result
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
        if future.as_mut().poll(cx).is_pending() {
            return App::Waits;
        }
        self.handler = Handler::Done;
        App::GoesOn
    }

    fn try_rest(&mut self, cx: &Context<'_>) -> bool {
        !self.due && self.cell.try_rest(cx)
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
