//! HTTP on a server's connection, with the handler of the current request beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use websocket_proto::Instant;
use websocket_proto::handshake::Refusal;
use websocket_proto::http1::server::{Body, ChunkError, ChunkRefused, Connection, Event};
use websocket_proto::http1::{Framing, RequestHead, ResponseHead};

use crate::body::IncomingBody;
use crate::connection::{App, Stage};
use crate::request::ConnectionInfo;
use crate::response::ResponseBody;
use crate::route::{BoxFuture, Kind, Route, call};
use crate::server::Site;
use crate::shared::{Mover, Shared, Task};
use crate::socket::SocketStage;
use crate::sockjs::{Admission, Asking, Joined, Joining, Serving, SessionStage};
use crate::upgrade::{Switch, Upgrading};
use crate::{
    Acceptance, BodyError, HttpRoute, Request, RequestBody, RequestInfo, Response, Stream,
    WebSocket, WebSocketRoute,
};

/// The machine and what is being done about its current request.
pub(crate) struct HttpStage {
    machine: Connection,
    site: Arc<Site>,
    connection: Arc<ConnectionInfo>,
    learnt: bool,
    doing: Doing,
    /// The body of the current request, while its handler may read it.
    body: Option<IncomingBody>,
    /// What is said to sessions, once one was asked for.
    serving: Option<Box<Serving>>,
}

enum Doing {
    /// No request is under way.
    Nothing,
    Handling(BoxFuture<Response>),
    /// A response is being streamed; the chunk is the one that did not fit.
    Streaming(
        Pin<Box<dyn futures_core::Stream<Item = Bytes> + Send>>,
        Option<Bytes>,
    ),
    /// The application decides about an upgrade.
    Deciding(BoxFuture<Result<Acceptance, Response>>, Box<Upgrading>),
    /// The application decides about a session over a WebSocket.
    Admitting(BoxFuture<Admission>, Box<Joining>),
    Switching(Box<Switch>),
    Joining(Box<Joined>),
}

/// The stage after a switch.
pub(crate) enum Next {
    Socket(SocketStage),
    Session(Box<SessionStage>),
}

impl HttpStage {
    pub(crate) fn new(site: Arc<Site>, connection: Arc<ConnectionInfo>, now: Instant) -> Self {
        Self {
            machine: Connection::new(Arc::clone(&site.http), now),
            site,
            connection,
            learnt: false,
            doing: Doing::Nothing,
            body: None,
            serving: None,
        }
    }

    /// The stage after the switch that was agreed on.
    pub(crate) fn into_next(self, now: fn() -> Instant) -> Option<Next> {
        if let Doing::Joining(joined) = self.doing {
            let outbox = self.machine.upgrade().ok()?;
            let session = joined.into_stage(outbox, now());
            return Some(Next::Session(Box::new(session)));
        }
        let (shared, route) = self.into_shared(now, Mover::Task(Task::default()))?;
        let handler = call(&route.handler, WebSocket::new(&shared));
        Some(Next::Socket(SocketStage::new(shared, handler)))
    }

    /// The connection after the switch that was agreed on, and the route it belongs to.
    pub(crate) fn into_shared(
        self,
        now: fn() -> Instant,
        mover: Mover,
    ) -> Option<(Arc<Shared>, WebSocketRoute)> {
        let Doing::Switching(switch) = self.doing else {
            return None;
        };
        let outbox = self.machine.upgrade().ok()?;
        Some(switch.into_shared(outbox, now, mover))
    }

    /// A new request: finds out what is to be done about it.
    fn begin(&mut self, now: Instant, head: RequestHead) {
        let path = head.path();
        let site = Arc::clone(&self.site);
        let found = site.routes.find(path);
        // Who knows the path of a session can send to it.
        let path = match found {
            Some((Route(Kind::SockJs(_)), rest)) => &path[..rest],
            Some(_) | None => path,
        };
        tracing::debug!(method = head.method(), path, peer = %self.connection.peer, "request");
        let Some((route, rest)) = found else {
            return self.respond(now, Response::new(404));
        };
        match &route.0 {
            Kind::WebSocket(route) => self.begin_upgrade(now, head, rest, route),
            Kind::Http(route) => self.begin_handler(now, head, rest, route),
            Kind::SockJs(hub) => {
                let serving = self
                    .serving
                    .get_or_insert_with(|| Box::new(Serving::new(&site.hubs)));
                let request = (head, rest);
                let clock = site.http.wall;
                let http = &mut self.machine;
                serving.begin(now, http, *hub, request, &self.connection, clock);
            }
        }
    }

    fn begin_handler(&mut self, now: Instant, head: RequestHead, rest: usize, route: &HttpRoute) {
        let Some(handler) = route.handler(head.method()) else {
            let response = Response::new(405).header("Allow", route.allow());
            return self.respond(now, response);
        };
        let body = if head.framing() == Framing::None {
            RequestBody::empty()
        } else {
            let (body, incoming) = RequestBody::channel(route.body_limit);
            self.body = Some(incoming);
            body
        };
        let info = RequestInfo::new(head, rest, Arc::clone(&self.connection));
        match call(handler, Request::new(info, body)) {
            Some(handling) => self.doing = Doing::Handling(handling),
            None => self.panicked(now),
        }
    }

    fn begin_upgrade(
        &mut self,
        now: Instant,
        head: RequestHead,
        rest: usize,
        route: &WebSocketRoute,
    ) {
        let upgrading = match Upgrading::read(head, rest, &self.connection, route) {
            Ok(upgrading) => upgrading,
            Err(refusal) => return self.refuse(now, refusal, route),
        };
        match &route.on_upgrade {
            None => self.accept(now, upgrading, &Acceptance::default()),
            Some(decide) => match call(decide, upgrading.request()) {
                Some(decision) => self.doing = Doing::Deciding(decision, Box::new(upgrading)),
                None => self.panicked(now),
            },
        }
    }

    fn accept(&mut self, now: Instant, upgrading: Upgrading, acceptance: &Acceptance) {
        match upgrading.accept(acceptance) {
            Ok(switch) => self.doing = Doing::Switching(Box::new(switch)),
            Err(refusal) => self.refuse(now, refusal, upgrading.route()),
        }
    }

    fn refuse(&mut self, now: Instant, refusal: Refusal, route: &WebSocketRoute) {
        tracing::debug!(%refusal, "upgrade refused");
        let head = refusal.response(route.policy(false).drafts).close();
        self.answer(now, &head, Body::Empty);
        self.doing = Doing::Nothing;
    }

    fn respond(&mut self, now: Instant, response: Response) {
        let (head, body) = response.into_parts();
        self.doing = match body {
            ResponseBody::Full(bytes) => {
                let body = if bytes.is_empty() {
                    Body::Empty
                } else {
                    Body::Full(bytes)
                };
                self.answer(now, &head, body);
                self.abandon_body();
                Doing::Nothing
            }
            ResponseBody::Stream(stream) => {
                self.answer(now, &head, Body::Stream);
                Doing::Streaming(stream, None)
            }
        };
    }

    fn answer(&mut self, now: Instant, head: &ResponseHead, body: Body) {
        use websocket_proto::http1::server::Misuse;
        match self.machine.respond(now, head, body) {
            // 204 and 304 have no body whatever a handler gives them.
            Ok(()) | Err(Misuse::BodyForbidden) => {}
            Err(error) => {
                tracing::error!(%error, status = head.status(), "response could not be sent");
                let failed = ResponseHead::new(500).close();
                if self.machine.respond(now, &failed, Body::Empty).is_err() {
                    self.machine.abort();
                }
            }
        }
    }

    /// Takes events as long as somebody wants them.
    fn take_events<S: Stream>(&mut self, now: Instant, stream: Option<&S>) -> bool {
        let mut any = false;
        loop {
            if let Some(body) = &self.body {
                if body.take_request() {
                    // Refused only when it was asked for before.
                    let _ = self.machine.read_body(now, body.limit());
                    any = true;
                }
                // What the handler does not take yet stays in the machine, and then with the peer.
                if !body.has_room() && !websocket_proto::Machine::is_finished(&self.machine) {
                    return any;
                }
            }
            let Some(event) = self.machine.poll_event() else {
                return any;
            };
            any = true;
            let event = match (&mut self.serving, event) {
                (_, event @ Event::Request(_)) | (None, event) => event,
                (Some(serving), event @ Event::Closed(_)) => {
                    serving.handle_event(now, &mut self.machine, event.clone());
                    event
                }
                (Some(serving), event) if serving.is_answering() => {
                    serving.handle_event(now, &mut self.machine, event);
                    continue;
                }
                (Some(_), event) => event,
            };
            let reader = match event {
                Event::Request(head) => {
                    self.learn(stream);
                    self.body = None;
                    self.begin(now, head);
                    None
                }
                Event::Refused(error) => {
                    tracing::debug!(%error, peer = %self.connection.peer, "request refused");
                    None
                }
                Event::Body(chunk) => self.body.as_ref().and_then(|body| body.put(chunk)),
                Event::RequestEnd(_) => self.end_body(Ok(())),
                Event::Eof => {
                    // The peer cannot want an answer without end, and most likely is gone.
                    if let Doing::Streaming(..) = self.doing {
                        self.doing = Doing::Nothing;
                        self.machine.abort();
                    }
                    None
                }
                Event::Closed(closed) => {
                    tracing::debug!(%closed, peer = %self.connection.peer, "connection closed");
                    self.doing = Doing::Nothing;
                    self.end_body(Err(BodyError::Incomplete))
                }
                // `Writable` brought this turn, which is all it is for.
                _ => None,
            };
            reader.into_iter().for_each(Waker::wake);
        }
    }

    fn end_body(&self, end: Result<(), BodyError>) -> Option<Waker> {
        self.body.as_ref().and_then(|body| body.end(end))
    }

    /// The request is answered: what nobody has read of its body is not read any more.
    fn abandon_body(&mut self) {
        let reader = self.end_body(Err(BodyError::Incomplete));
        self.body = None;
        reader.into_iter().for_each(Waker::wake);
    }

    /// What the stream knows by the time of the first request.
    fn learn<S: Stream>(&mut self, stream: Option<&S>) {
        if std::mem::replace(&mut self.learnt, true) {
            return;
        }
        // Nobody but the first request has it yet.
        let (Some(stream), Some(connection)) = (stream, Arc::get_mut(&mut self.connection)) else {
            return;
        };
        connection.tls = stream.tls().map(Box::new);
        if let Some(proxied) = stream.proxied() {
            connection.peer = proxied.client.clone();
            connection.local = proxied.server.clone();
            connection.proxied_tls = proxied.secure;
        }
    }

    /// Moves what is being done one step on. `true` when it came further.
    fn go_on(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if let Doing::Nothing = self.doing {
            return false;
        }
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => false,
            Doing::Handling(mut handler) => match poll_caught(cx, &mut handler) {
                Some(Poll::Ready(response)) => {
                    self.respond(now, response);
                    true
                }
                Some(Poll::Pending) => {
                    self.doing = Doing::Handling(handler);
                    false
                }
                None => {
                    self.panicked(now);
                    true
                }
            },
            Doing::Deciding(mut decision, upgrading) => match poll_caught(cx, &mut decision) {
                Some(Poll::Ready(Ok(acceptance))) => {
                    self.accept(now, *upgrading, &acceptance);
                    true
                }
                Some(Poll::Ready(Err(response))) => {
                    self.respond(now, response.closing());
                    true
                }
                Some(Poll::Pending) => {
                    self.doing = Doing::Deciding(decision, upgrading);
                    false
                }
                None => {
                    self.panicked(now);
                    true
                }
            },
            Doing::Admitting(mut decision, joining) => match poll_caught(cx, &mut decision) {
                Some(Poll::Ready(admission)) => {
                    match joining.decided(admission) {
                        Ok(joining) => self.joined(now, joining),
                        Err(status) => self.respond(now, Response::new(status).closing()),
                    }
                    true
                }
                Some(Poll::Pending) => {
                    self.doing = Doing::Admitting(decision, joining);
                    false
                }
                None => {
                    self.panicked(now);
                    true
                }
            },
            Doing::Streaming(stream, unsent) => self.stream(cx, now, stream, unsent),
            switching @ (Doing::Switching(_) | Doing::Joining(_)) => {
                self.doing = switching;
                false
            }
        }
    }

    /// One chunk of a streamed response, so that each is written by itself.
    fn stream(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        mut stream: Pin<Box<dyn futures_core::Stream<Item = Bytes> + Send>>,
        unsent: Option<Bytes>,
    ) -> bool {
        let next = match unsent {
            Some(chunk) => Poll::Ready(Some(chunk)),
            None if !self.machine.is_writable() => Poll::Pending,
            None => match catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll_next(cx))) {
                Ok(next) => next,
                Err(_) => {
                    // Only a cut tells the peer that the response is not complete.
                    tracing::error!("streamed response panicked");
                    self.machine.abort();
                    return true;
                }
            },
        };
        match next {
            Poll::Pending => {
                self.doing = Doing::Streaming(stream, None);
                false
            }
            Poll::Ready(None) => {
                // The machine has already ended with its peer when there is nothing to finish.
                let _ = self.machine.finish(now);
                self.abandon_body();
                true
            }
            Poll::Ready(Some(chunk)) => match self.machine.send_chunk(chunk) {
                Ok(()) => {
                    self.doing = Doing::Streaming(stream, None);
                    true
                }
                Err(ChunkError {
                    chunk,
                    why: ChunkRefused::Full,
                }) => {
                    self.doing = Doing::Streaming(stream, Some(chunk));
                    false
                }
                // The connection is over.
                Err(_) => true,
            },
        }
    }

    /// Speaks with sessions. `true` when there is more to be done about them.
    fn serve(&mut self, cx: &Context<'_>, now: Instant) -> bool {
        let Some(serving) = &mut self.serving else {
            return false;
        };
        let moved = serving.turn(cx, now, &mut self.machine);
        match serving.poll_websocket(&mut self.machine) {
            Some(asking) => {
                self.join(now, asking);
                true
            }
            None => moved,
        }
    }

    /// A session over a WebSocket asks to begin.
    fn join(&mut self, now: Instant, asking: Asking) {
        match Joining::new(asking) {
            Ok(joining) => match joining.decision() {
                Some(decision) => self.doing = Doing::Admitting(decision, Box::new(joining)),
                None => self.joined(now, joining),
            },
            Err(status) => self.respond(now, Response::new(status).closing()),
        }
    }

    fn joined(&mut self, now: Instant, joining: Joining) {
        match joining.accept() {
            Ok(joined) => self.doing = Doing::Joining(Box::new(joined)),
            Err(head) => self.answer(now, &head, Body::Empty),
        }
    }

    fn panicked(&mut self, now: Instant) {
        tracing::error!("handler panicked");
        self.respond(now, Response::new(500).closing());
    }
}

/// `None` when the application's future panicked.
fn poll_caught<T>(cx: &mut Context<'_>, future: &mut BoxFuture<T>) -> Option<Poll<T>> {
    catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).ok()
}

impl Stage for HttpStage {
    type Machine = Connection;

    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Connection) -> T,
    ) -> T {
        look(cx, &mut self.machine)
    }

    fn poll_app<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        stream: Option<&S>,
        _woken: bool,
    ) -> App {
        self.take_events(now, stream);
        let mut moved = self.serve(cx, now);
        moved |= self.go_on(cx, now);
        // An answer may bring events of its own, such as the connection's end.
        moved |= self.take_events(now, stream);
        match self.doing {
            Doing::Switching(_) | Doing::Joining(_) => App::Switches,
            _ if moved => App::GoesOn,
            _ => App::Waits,
        }
    }

    fn try_rest(&mut self, cx: &Context<'_>) -> bool {
        self.body.as_ref().is_none_or(|body| body.try_rest(cx))
    }

    fn drain(&mut self) {
        self.site.drain_sessions();
        self.machine.shutdown();
    }

    fn abort(&mut self) {
        self.machine.abort();
    }

    fn is_idle(&self) -> bool {
        self.serving
            .as_ref()
            .is_none_or(|serving| serving.is_idle())
    }

    fn deadline(&self) -> Option<Instant> {
        self.serving.as_ref().and_then(|serving| serving.deadline())
    }

    fn input_is_dry(&mut self) {
        if let Some(serving) = &mut self.serving {
            serving.input_is_dry();
        }
    }
}
