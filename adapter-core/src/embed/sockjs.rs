//! SockJS in another HTTP stack.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use sockjs_proto::{
    About, Config, FromSession, Message, Receive, ReceiverId, Response, SenderId, Sending,
    ToSession, Wake,
};
use websocket_proto::http1::ResponseHead;
use websocket_proto::{Entropy as _, Instant, Outbox, WallClock};

use super::{Fields, Visitor, borrowed, fields_of};
use crate::connection::ConnectionTask;
use crate::drain::Drain;
use crate::request::ConnectionInfo;
use crate::route::BoxFuture;
use crate::sockjs::{self, Asking, Attendant, Hub, Reason, tell};
use crate::{Clock, RequestInfo, Runtime, SockJs, Stream, SystemEntropy, TrustedProxies};

/// A service on a runtime, for requests that another HTTP stack reads. Clones are the same one.
///
/// Mounting the same [`SockJs`] twice makes two services with sessions of their own.
#[derive(Clone)]
pub struct Mounted {
    hub: Arc<Hub>,
    proxies: Option<Arc<TrustedProxies>>,
    clock: fn() -> WallClock,
    drain: Arc<Drain>,
}

/// What a request is answered with. The heads have end-to-end fields only, as those of
/// [`sockjs_proto::Answer`].
#[derive(Debug)]
pub enum Answer {
    /// A whole response.
    Response(Response),
    /// Frames.
    Receive(Receiving),
    /// Messages are in the body, which is to be read first.
    Send(Posting),
    /// A WebSocket.
    Websocket(Joining),
    /// Chunks at their times.
    Timed(Timed),
}

impl Mounted {
    /// Mounts a service. Tasks of its sessions run on `R`, around whoever sends requests.
    pub fn new<R: Runtime>(service: SockJs) -> Self {
        Self {
            hub: Arc::new(Hub::mount::<R>(service)),
            proxies: None,
            clock: R::wall,
            drain: Arc::default(),
        }
    }

    /// As [`Server::trusted_proxies`](crate::Server::trusted_proxies).
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self {
            proxies: Some(Arc::new(proxies)),
            ..self
        }
    }

    /// The options.
    pub fn config(&self) -> &Config {
        self.hub.service.config()
    }

    /// Whether a path, without its query, is below the prefix.
    pub fn owns(&self, path: &str) -> bool {
        self.hub.service.owns(path)
    }

    /// Closes every session with 1001 and lets none begin: a server's end.
    pub fn drain(&self) {
        self.hub.drain();
        // Connections of WebSockets end with their sessions, in their own time.
        self.drain.begin(Instant::FAR);
    }

    /// The answer to a request.
    pub fn answer(&self, visitor: Visitor) -> Answer {
        let hub = &self.hub;
        let connection = visitor.connection(self.proxies.clone());
        let head = visitor.head;
        let mut entropy = [0; 4];
        SystemEntropy.fill(&mut entropy);
        let about = About {
            now: (hub.now)(),
            clock: (self.clock)(),
            entropy: u32::from_ne_bytes(entropy),
            secure: connection.origin(&head).secure,
        };
        let answer = hub.service.answer(&head, &about);
        let shard = sockjs::count(hub, &answer);
        let info = |head, connection: Arc<ConnectionInfo>| {
            RequestInfo::new(head, hub.service.config().prefix.len(), connection)
        };
        match answer {
            sockjs_proto::Answer::Response(response) => Answer::Response(response),
            sockjs_proto::Answer::Receive(receive) => {
                let visit = Visit::new(hub, shard);
                Answer::Receive(Receiving::new(visit, receive, info(head, connection)))
            }
            sockjs_proto::Answer::Send(sending) => Answer::Send(Posting {
                visit: Visit::new(hub, shard),
                sending,
                parked: None,
            }),
            sockjs_proto::Answer::Websocket(websocket) => Answer::Websocket(Joining {
                asking: Asking {
                    hub: Arc::clone(hub),
                    websocket,
                    info: info(head, connection),
                },
                drain: Arc::clone(&self.drain),
            }),
            sockjs_proto::Answer::Timed(timed) => Answer::Timed(Timed {
                hub: Arc::clone(hub),
                timed,
                next: 0,
                alarm: None,
            }),
        }
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

/// A request at the shard of its session.
struct Visit {
    hub: Arc<Hub>,
    shard: usize,
    attendant: Arc<Attendant>,
}

impl Visit {
    fn new(hub: &Arc<Hub>, shard: usize) -> Self {
        Self {
            hub: Arc::clone(hub),
            shard,
            attendant: Arc::default(),
        }
    }

    fn tell(&self, message: ToSession<Option<RequestInfo>>) -> Option<FromSession> {
        let now = (self.hub.now)();
        tell(&self.hub, self.shard, &self.attendant, now, message)
    }
}

/// A response of frames. Dropped with its [last piece](Self::poll_frame) taken, that piece counts as
/// delivered; dropped before, the client counts as gone, which ends its session.
pub struct Receiving {
    visit: Visit,
    receive: Receive,
    receiver: Option<ReceiverId>,
    /// A piece that was not taken yet.
    ahead: Option<Bytes>,
    /// The session has given its last piece.
    ended: bool,
    /// Whether the client is still there is being found out.
    looking: Option<BoxFuture<()>>,
}

impl Receiving {
    fn new(visit: Visit, receive: Receive, info: RequestInfo) -> Self {
        let attached = visit.tell(ToSession::Attach {
            session: receive.session.clone(),
            wrapping: receive.wrapping.clone(),
            request: Some(info),
        });
        let receiver = match attached {
            Some(FromSession::Attached(receiver)) => Some(receiver),
            // An endpoint answers nothing else.
            _ => None,
        };
        Self {
            visit,
            receive,
            receiver,
            ahead: None,
            ended: receiver.is_none(),
            looking: None,
        }
    }

    /// Waits until there is something to answer with.
    ///
    /// # Errors
    ///
    /// The session may not begin, and this is the response.
    pub fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Response>> {
        if self.ahead.is_none() && !self.ended {
            self.ahead = ready!(self.poll_pull(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// The head, to be sent once there is something to [begin](Self::poll_begin) with.
    pub fn head(&self) -> ResponseHead {
        self.receive.head()
    }

    /// The next piece of the body, to be flushed by itself; `None` at its end.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.ahead.take() {
            Some(bytes) => Poll::Ready(Some(bytes)),
            None => self.poll_pull(cx).map(Result::unwrap_or_default),
        }
    }

    /// Whether the last piece was taken.
    pub fn has_ended(&self) -> bool {
        self.left() == Some(0)
    }

    /// How many bytes are left, once that is known.
    pub fn left(&self) -> Option<usize> {
        self.ended
            .then(|| self.ahead.as_ref().map_or(0, Bytes::len))
    }

    fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Response>> {
        let Some(receiver) = self.receiver.filter(|_| !self.ended) else {
            return Poll::Ready(Ok(None));
        };
        self.look(cx, receiver);
        let room = FRAME_ROOM;
        match self.visit.tell(ToSession::Pull { receiver, room }) {
            Some(FromSession::Frame { bytes, last }) => {
                self.ended = last;
                Poll::Ready(Ok(Some(bytes)))
            }
            Some(FromSession::Wait) => Poll::Pending,
            Some(FromSession::Refused(status)) => {
                self.receiver = None;
                self.ended = true;
                Poll::Ready(Err(self.receive.refused(status)))
            }
            _ => {
                self.ended = true;
                Poll::Ready(Ok(None))
            }
        }
    }

    /// A client that is gone has its body dropped as soon as the HTTP stack reads the end of its
    /// stream. So when a session wants to know, that gets a moment to happen.
    fn look(&mut self, cx: &mut Context<'_>, receiver: ReceiverId) {
        let hub = &self.visit.hub;
        if self
            .visit
            .attendant
            .take(cx)
            .any(|wake| wake == Wake::CheckReceiver(receiver))
        {
            self.looking = Some((hub.sleep)((hub.now)() + LOOK));
        }
        if let Some(looking) = &mut self.looking
            && looking.as_mut().poll(cx).is_ready()
        {
            self.looking = None;
            self.visit.tell(ToSession::StillAlive(receiver));
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(receiver) = self.receiver {
            self.visit.tell(match self.has_ended() {
                true => ToSession::Flushed(receiver),
                false => ToSession::Aborted(receiver),
            });
        }
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving")
            .field("receive", &self.receive)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A request that carries messages.
pub struct Posting {
    visit: Visit,
    sending: Sending,
    parked: Option<(SenderId, VecDeque<Message>)>,
}

impl Posting {
    /// Longest body to be read, in bytes; [`too_large`](Self::too_large) answers a longer one.
    pub fn max_body(&self) -> usize {
        self.sending.max_body()
    }

    /// The answer to a body that is longer.
    pub fn too_large(self) -> Response {
        self.refuse(self.sending.too_large())
    }

    /// Delivers the messages in `body`; waits while the application has no room for them.
    pub async fn deliver(mut self, body: Bytes) -> Response {
        let messages = match self.sending.messages(&body) {
            Ok(messages) => messages.into(),
            Err(response) => return self.refuse(response),
        };
        let session = self.sending.session().clone();
        let mut reply = self.visit.tell(ToSession::Send { session, messages });
        loop {
            match reply {
                Some(FromSession::Parked { sender, rest }) => self.parked = Some((sender, rest)),
                Some(FromSession::Delivered) => return self.sending.accepted(),
                Some(FromSession::Closing) => return self.sending.closing(),
                _ => return self.sending.unknown_session(),
            }
            poll_fn(|cx| self.poll_room(cx)).await;
            reply = self.parked.take().and_then(|(sender, messages)| {
                self.visit.tell(ToSession::Resume { sender, messages })
            });
        }
    }

    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut wakes = self.visit.attendant.take(cx);
        let awaited = |(sender, _): &(SenderId, _)| wakes.any(|wake| wake == Wake::Sender(*sender));
        match self.parked.as_ref().is_none_or(awaited) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn refuse(&self, response: Response) -> Response {
        let Visit { hub, shard, .. } = &self.visit;
        hub.stripe(*shard).refused(Reason::Payload);
        response
    }
}

impl Drop for Posting {
    fn drop(&mut self) {
        if let Some((sender, _)) = self.parked.take() {
            self.visit.tell(ToSession::Abandon(sender));
        }
    }
}

impl fmt::Debug for Posting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posting")
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}

/// A request for a WebSocket.
pub struct Joining {
    asking: Asking,
    drain: Arc<Drain>,
}

impl Joining {
    /// Makes room for the session and asks the application, if that wants to be asked.
    ///
    /// # Errors
    ///
    /// The response that refuses it; it has no body. The hixie drafts are refused: their handshakes
    /// end in bytes that HTTP stacks do not let through.
    pub async fn join(self) -> Result<Joined, ResponseHead> {
        let status = |status| ResponseHead::new(status).close();
        let drafts = self.asking.hub.service.config().drafts;
        if !self.asking.websocket.upgrade.draft().is_hybi() {
            let refusal = websocket_proto::handshake::Refusal::DraftDisabled;
            return Err(refusal.response(drafts).close());
        }
        let mut joining = sockjs::Joining::new(self.asking).map_err(status)?;
        if let Some(decision) = joining.decision() {
            joining = joining.decided(decision.await).map_err(status)?;
        }
        let mut fields = Fields::new();
        let joined = joining.accept_with(|accepted| fields = fields_of(accepted))?;
        Ok(Joined {
            joined,
            fields,
            drain: self.drain,
        })
    }
}

impl fmt::Debug for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining")
            .field("websocket", &self.asking.websocket)
            .finish_non_exhaustive()
    }
}

/// A session over a WebSocket: answer 101 with its [fields](Self::fields), and then
/// [serve](Self::serve) what the connection has become.
pub struct Joined {
    joined: sockjs::Joined,
    fields: Fields,
    drain: Arc<Drain>,
}

impl Joined {
    /// The fields of the 101.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        borrowed(&self.fields)
    }

    /// Begins the session on the stream that follows the 101. The task is over with the stream.
    pub fn serve<S: Stream, C: Clock>(self, stream: S) -> ConnectionTask<S, C> {
        let stage = self.joined.into_stage(Outbox::new(), C::now());
        ConnectionTask::session(stream, stage, &self.drain)
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// A response whose chunks have their times.
pub struct Timed {
    hub: Arc<Hub>,
    timed: sockjs_proto::Timed,
    next: usize,
    /// The timer of the next chunk.
    alarm: Option<BoxFuture<()>>,
}

impl Timed {
    /// Its head.
    pub fn head(&self) -> &ResponseHead {
        &self.timed.head
    }

    /// Whether the last chunk was taken.
    pub fn has_ended(&self) -> bool {
        self.next == self.timed.chunks.len()
    }

    /// The next chunk, to be flushed by itself; `None` at the end.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(&(delay, chunk)) = self.timed.chunks.get(self.next) else {
            return Poll::Ready(None);
        };
        let hub = &self.hub;
        let timer = self
            .alarm
            .get_or_insert_with(|| (hub.sleep)((hub.now)() + delay));
        ready!(timer.as_mut().poll(cx));
        self.alarm = None;
        self.next += 1;
        Poll::Ready(Some(Bytes::from_static(chunk)))
    }
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed")
            .field("timed", &self.timed)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// What a session is asked for at a time: HTTP stacks take a frame whole.
const FRAME_ROOM: usize = 64 * 1024;
/// Time for the end of a stream to be read.
const LOOK: Duration = Duration::from_millis(50);
