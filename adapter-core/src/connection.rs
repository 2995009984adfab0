//! One accepted connection: HTTP, and then perhaps a WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use websocket_proto::{Instant, Machine};

use crate::drain::{Drain, Phase, Seat};
use crate::http::{HttpStage, Next};
use crate::request::ConnectionInfo;
use crate::route::Paths;
use crate::server::Site;
use crate::shared::Mover;
use crate::socket::SocketStage;
use crate::sockjs::SessionStage;
use crate::standalone::Standalone;
use crate::timers::Timer;
use crate::{Address, Clock, Driver, Stream, WebSocket, WebSocketRoute, scratch};

/// A protocol as it is spoken on a connection: the machine that the driver feeds, and the application
/// beside it.
pub(crate) trait Stage {
    type Machine: Machine;

    /// One look at the machine. `cx` is the connection's.
    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Self::Machine) -> T,
    ) -> T;

    /// The same, and then the connection rests if `look` says that it may and nothing stands against it:
    /// one lock instead of two where there is one. `false` says nothing; [`try_rest`](Self::try_rest) does.
    fn look<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Self::Machine) -> (T, bool),
    ) -> (T, bool) {
        (self.with(cx, look).0, false)
    }

    /// Lets the application work off what came. `woken` tells that it may have been woken, so that its
    /// futures are to be polled whether or not anything came.
    fn poll_app<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        stream: Option<&S>,
        woken: bool,
    ) -> App;

    /// Whether the connection may rest: nobody has changed the machine since the last look.
    fn try_rest(&mut self, cx: &Context<'_>) -> bool;

    /// Comes to a polite end.
    fn drain(&mut self);

    /// The transport failed.
    fn abort(&mut self);

    /// Whether the application has nothing left to do once the stream is closed.
    fn is_idle(&self) -> bool;

    /// When the application wants a turn although nothing moved.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The stream has nothing more to read for now.
    fn input_is_dry(&mut self) {}
}

/// What the application's turn came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum App {
    /// It waits.
    Waits,
    /// It did something and would do more after the next write.
    GoesOn,
    /// The next protocol has been agreed on.
    Switches,
}

/// A server's side of one connection, as a future that ends with it.
///
/// It owns the stream and runs the handler inside its own poll. Whatever the handler sends until it
/// waits leaves in one write.
pub struct ConnectionTask<S: Stream, C: Clock> {
    /// `None` once the stream is closed.
    link: Option<Driver<S, C>>,
    stage: Speaks,
    seat: Seat,
}

enum Speaks {
    /// It has not been polled yet. Most of its memory is taken where it is given back, in the task: what
    /// another thread takes to accept connections that come all at once stays there.
    Fresh(Arc<Site>, Arc<ConnectionInfo>),
    Http(Box<HttpStage>),
    Socket(SocketStage),
    Session(Box<SessionStage>),
    Nothing,
}

impl Speaks {
    #[cold]
    fn begin(&mut self, now: Instant) {
        if let Self::Fresh(site, connection) = mem::replace(self, Self::Nothing) {
            *self = Self::Http(Box::new(HttpStage::new(site, connection, now)));
        }
    }
}

impl<S: Stream, C: Clock> ConnectionTask<S, C> {
    pub(crate) fn new(stream: S, peer: Address, local: Address, site: &Arc<Site>) -> Self {
        Self::seated(stream, peer, local, site, |_| None)
    }

    /// A connection that runs in a task of the server's own runtime, which waits for its timers too.
    pub(crate) fn accepted(stream: S, peer: Address, local: Address, site: &Arc<Site>) -> Self {
        Self::seated(stream, peer, local, site, Seat::timer)
    }

    fn seated(
        stream: S,
        peer: Address,
        local: Address,
        site: &Arc<Site>,
        timer: impl FnOnce(&Seat) -> Option<Timer>,
    ) -> Self {
        let seat = Seat::take(&site.drain);
        let connection = ConnectionInfo::new(peer, local, site.proxies.clone());
        Self {
            link: Some(Driver::timed(stream, timer(&seat))),
            stage: Speaks::Fresh(Arc::clone(site), Arc::new(connection)),
            seat,
        }
    }
}

/// Connections that begin behind an upgrade which somebody else has answered.
impl<S: Stream, C: Clock> ConnectionTask<S, C> {
    pub(crate) fn websocket(stream: S, stage: SocketStage, drain: &Arc<Drain>) -> Self {
        Self::upgraded(stream, Speaks::Socket(stage), drain)
    }

    pub(crate) fn session(stream: S, stage: SessionStage, drain: &Arc<Drain>) -> Self {
        Self::upgraded(stream, Speaks::Session(Box::new(stage)), drain)
    }

    fn upgraded(stream: S, stage: Speaks, drain: &Arc<Drain>) -> Self {
        Self {
            link: Some(Driver::new(stream)),
            stage,
            seat: Seat::take(drain),
        }
    }
}

impl<S: Stream, C: Clock> Future for ConnectionTask<S, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.seat.register(cx);
        let phase = this.seat.phase();
        if phase == Phase::Aborting {
            return Poll::Ready(());
        }
        let drain = this.seat.is_to_finish(phase);
        if let Speaks::Fresh(..) = this.stage {
            this.stage.begin(C::now());
        }
        let end = match &mut this.stage {
            Speaks::Http(http) => poll_stage(&mut this.link, &mut **http, cx, drain),
            Speaks::Socket(socket) => {
                return poll_stage(&mut this.link, socket, cx, drain).map(drop);
            }
            Speaks::Session(session) => {
                return poll_stage(&mut this.link, &mut **session, cx, drain).map(drop);
            }
            Speaks::Fresh(..) | Speaks::Nothing => return Poll::Ready(()),
        };
        match ready!(end) {
            End::Over => Poll::Ready(()),
            End::Switched => {
                let stage = mem::replace(&mut this.stage, Speaks::Nothing);
                if let Speaks::Http(http) = stage {
                    // The box makes room for what comes next.
                    let http = *http;
                    this.stage = match http.into_next(C::now) {
                        Some(Next::Socket(socket)) => Speaks::Socket(socket),
                        Some(Next::Session(session)) => Speaks::Session(session),
                        None => Speaks::Nothing,
                    };
                    this.seat.tell_again();
                }
                self.poll(cx)
            }
        }
    }
}

/// See [`Server::accept`](crate::Server::accept).
pub(crate) async fn accept<C, S>(stream: S, route: WebSocketRoute) -> io::Result<WebSocket>
where
    C: Clock<Sleep: Send>,
    S: Stream + Send + 'static,
{
    let mut site = Site::new::<C>();
    site.routes.add("/*".patterns(), &route.into());
    let connection = ConnectionInfo::new(Address::Unknown, Address::Unknown, None);
    let mut http = HttpStage::new(Arc::new(site), Arc::new(connection), C::now());
    let mut link = Some(Driver::<S, C>::new(stream));
    let end = poll_fn(|cx| poll_stage(&mut link, &mut http, cx, false)).await;
    let nothing = || io::Error::new(io::ErrorKind::ConnectionAborted, "no websocket was opened");
    match (end, link) {
        (End::Switched, Some(driver)) => {
            let mover = Mover::Handles(Box::new(Standalone::new(driver)));
            let (shared, _) = http.into_shared(C::now, mover).ok_or_else(nothing)?;
            Ok(WebSocket::new(&shared))
        }
        _ => Err(nothing()),
    }
}

/// How a stage ends.
enum End {
    Over,
    Switched,
}

/// Turns of output, input and application, until nothing moves.
fn poll_stage<T: Stage, S: Stream, C: Clock>(
    link: &mut Option<Driver<S, C>>,
    stage: &mut T,
    cx: &mut Context<'_>,
    drain: bool,
) -> Poll<End> {
    let mut now = C::now();
    if drain {
        stage.drain();
    }
    let mut app = App::GoesOn;
    for turn in 0.. {
        // The second turn is most often the one that finds nothing, right after the first.
        if turn > 1 {
            now = C::now();
        }
        let mut moved = app == App::GoesOn;
        let mut deadline = None;
        if let Some(driver) = link {
            let ((did, due), rests) = stage.look(cx, |cx, machine| {
                // The first turn only reads: what waits leaves with the answers to what comes.
                let (did, due) = Moved::by(driver, cx, now, machine, turn > 0);
                let idle = !moved && matches!(did, Moved::Nothing { .. });
                ((did, due), idle)
            });
            deadline = match stage.deadline() {
                Some(own) => Some(due.map_or(own, |other| own.min(other))),
                None => due,
            };
            if rests {
                driver.sleep(cx, now, deadline);
                return Poll::Pending;
            }
            moved |= did.follow(link, stage, cx, now);
        }
        if !moved && stage.try_rest(cx) {
            if let Some(driver) = link.as_mut().filter(|driver| !driver.is_closing()) {
                driver.sleep(cx, now, deadline);
            }
            return Poll::Pending;
        }
        if turn == TURNS {
            break;
        }
        let stream = link.as_ref().map(Driver::stream);
        app = stage.poll_app(cx, now, stream, turn == 0);
        if app == App::Switches {
            return Poll::Ready(End::Switched);
        }
        if link.is_none() && stage.is_idle() {
            return Poll::Ready(End::Over);
        }
    }
    // Others have a right to the thread.
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// What one look at the machine came to.
enum Moved {
    /// The stream has given and taken all that it can for now.
    Nothing {
        /// It did take something.
        wrote: bool,
    },
    /// The machine was given something.
    Input,
    /// Everything is written that ever will be.
    Finished,
    WriteFailed(io::Error),
    ReadFailed(io::Error),
}

impl Moved {
    /// One look, and when there is to be another.
    #[inline]
    fn by<S: Stream, C: Clock, M: Machine>(
        driver: &mut Driver<S, C>,
        cx: &mut Context<'_>,
        now: Instant,
        machine: &mut M,
        write: bool,
    ) -> (Self, Option<Instant>) {
        if driver.is_closing() {
            return (Self::Finished, machine.poll_timeout());
        }
        let mut wrote = false;
        if write {
            let output = driver.poll_output(cx, now, machine);
            scratch::reclaim(machine.outbox());
            match output {
                Poll::Ready(Ok(any)) => wrote = any,
                Poll::Ready(Err(error)) => return (Self::WriteFailed(error), None),
                Poll::Pending => {}
            }
            if machine.is_finished() && machine.outbox().is_empty() {
                return (Self::Finished, machine.poll_timeout());
            }
        }
        let (input, deadline) = driver.poll_turn(cx, now, machine, write);
        let moved = match input {
            Poll::Pending => Self::Nothing { wrote },
            Poll::Ready(Ok(())) => {
                scratch::lend(machine.outbox());
                Self::Input
            }
            Poll::Ready(Err(error)) => Self::ReadFailed(error),
        };
        (moved, deadline)
    }

    /// Does what has to follow: reads to the end of the matter when a transport fails, closes one that is
    /// done with. Whether anything moved.
    fn follow<T: Stage, S: Stream, C: Clock>(
        self,
        link: &mut Option<Driver<S, C>>,
        stage: &mut T,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> bool {
        let Some(driver) = link else {
            return false;
        };
        match self {
            Self::Nothing { wrote } => {
                stage.input_is_dry();
                wrote
            }
            Self::Input => true,
            Self::Finished => {
                let closed = driver.poll_close(cx, now).is_ready();
                if closed {
                    *link = None;
                }
                closed
            }
            Self::WriteFailed(error) => {
                stage.with(cx, |cx, machine| driver.salvage(cx, now, machine));
                fail(link, stage, &error)
            }
            Self::ReadFailed(error) => fail(link, stage, &error),
        }
    }
}

/// The transport failed: the machine is told, the stream dropped.
fn fail<T: Stage, D>(link: &mut Option<D>, stage: &mut T, error: &io::Error) -> bool {
    tracing::debug!(%error, "connection failed");
    stage.abort();
    *link = None;
    true
}

impl<S: Stream, C: Clock> fmt::Debug for ConnectionTask<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionTask")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

/// Turns of one poll. A connection that is kept busy by its peer gives way to others after them.
const TURNS: usize = 4;
