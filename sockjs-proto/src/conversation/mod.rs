//! What is said about the requests of one HTTP/1 connection.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use websocket_proto::http1::server::{Body, Connection, Event, Misuse};
use websocket_proto::http1::{Framing, ResponseHead};
use websocket_proto::{Instant, Machine, Outbox};

use crate::answer::{Answer, Response, Websocket};
use crate::{FromSession, ReceiverId, SenderId, ToSession, Wake};

mod receiving;
mod sending;
mod timed;
mod unflushed;

use receiving::{By, Receiving};
use sending::{Outcome, Parcel};
use timed::Chunks;
use unflushed::{Fate, Unflushed};

/// Answers the requests of one HTTP/1 connection that a service owns, one after another, and speaks
/// with their sessions.
///
/// It joins an [`http1::server::Connection`](Connection), which is handed to every call, with an
/// endpoint, which it does not know: what it has to tell is polled as [`ToSession`] values, and
/// [`reply`](Self::reply) takes the answers, at once or at any later time. The endpoint may stand
/// behind a lock, in another thread or on another machine; `P` is what says where, and `R` what is
/// known of a request.
///
/// One turn of a driver, after bytes came or were written, a deadline passed, or a wake came:
///
/// 1. give each [`Request`](Event::Request) to [`Service::answer`](crate::Service::answer) and
///    [`begin`](Self::begin), and every other event to [`handle_event`](Self::handle_event);
/// 2. until there is none: [`poll_message`](Self::poll_message), and the endpoint's answer, if that
///    message has one, to [`reply`](Self::reply);
/// 3. write what HTTP's outbox holds. When that wrote anything, it is another turn.
///
/// Whoever drops it tells [`lost`](Self::lost) first, and polls once more.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use sockjs_proto::{About, Admit, Capacity, Config, Conversation, Endpoint, Service};
/// use websocket_proto::{Instant, Machine, http1::server};
///
/// let now = Instant::ZERO;
/// let service = Service::new(Config::default())?;
/// let mut endpoint = Endpoint::<()>::new(&service, Admit::All, Capacity::new(9), [7; 16]);
/// let mut http = server::Connection::new(Arc::new(server::Config::default()), now);
/// let mut conversation = Conversation::new();
///
/// http.receive(now, &mut b"POST /000/abc/xhr HTTP/1.1\r\nHost: h\r\n\r\n".to_vec());
/// while let Some(event) = http.poll_event() {
///     match event {
///         server::Event::Request(head) => {
///             let answer = service.answer(&head, &About::default());
///             conversation.begin(now, &mut http, answer, (), ());
///         }
///         event => conversation.handle_event(now, &mut http, event),
///     }
/// }
/// while let Some(((), message)) = conversation.poll_message(now, &mut http) {
///     if let Some(reply) = endpoint.handle(now, message) {
///         conversation.reply(now, &mut http, reply);
///     }
/// }
/// assert!(http.outbox().chunk().ends_with(b"\r\n\r\n2\r\no\n\r\n0\r\n\r\n"));
/// # Ok::<(), sockjs_proto::ConfigError>(())
/// ```
pub struct Conversation<R, P = ()> {
    doing: Doing<R, P>,
    unflushed: Unflushed<P>,
    /// What is to be told and has no answer: most often nothing.
    tells: Option<Box<Tells<R, P>>>,
}

// Boxed as a whole: one word in an idle connection.
type Tells<R, P> = VecDeque<(P, ToSession<R>)>;

/// What is being done about the current request.
enum Doing<R, P> {
    /// There is none, or it is not a service's.
    Nothing,
    /// A receiver's request, of which the session has not been told.
    Attaching(P, Box<(Receiving, ToSession<R>)>),
    // In place: streams and polls wait longest of all.
    Receiving(P, Receiving),
    Sending(P, Box<Parcel>),
    Timed(Box<Chunks>),
    /// A WebSocket, once everything before it is written.
    Switching(P, Box<(Websocket, R)>),
    /// The connection was lost while a session was asked something. Its answer may name what is to
    /// be given up.
    Orphaned(P),
}

impl<R, P: Clone> Conversation<R, P> {
    /// Of a connection without a request.
    pub const fn new() -> Self {
        Self {
            doing: Doing::Nothing,
            unflushed: Unflushed::new(),
            tells: None,
        }
    }

    /// Begins to answer HTTP's current request.
    ///
    /// `place` is where its session lives. `request` is what the application may know of it; it is
    /// dropped unless the request begins a session.
    pub fn begin(
        &mut self,
        now: Instant,
        http: &mut Connection,
        answer: Answer,
        place: P,
        request: R,
    ) {
        match answer {
            Answer::Response(response) => respond(now, http, response),
            Answer::Receive(receive) => {
                // Nobody wants its body, but behind the body may be the end of the stream.
                let _ = http.read_body(now, MOST_IGNORED);
                if !http.is_finished() {
                    let attaching = Box::new(Receiving::new(receive, request));
                    self.doing = Doing::Attaching(place, attaching);
                }
            }
            Answer::Send(sending) => {
                let most = sending.max_body() as u64;
                match http.held_body() {
                    Framing::Length(length) if length > most => {
                        respond(now, http, sending.too_large());
                    }
                    Framing::Length(_) | Framing::Chunked | Framing::None => {
                        // The limit is kept here, where the refusal can be read by a page.
                        let _ = http.read_body(now, u64::MAX);
                        self.doing = Doing::Sending(place, Box::new(Parcel::new(sending)));
                    }
                }
            }
            Answer::Websocket(websocket) => {
                self.doing = Doing::Switching(place, Box::new((websocket, request)));
            }
            Answer::Timed(timed) => {
                self.doing = Doing::Timed(Box::new(Chunks::begin(now, http, &timed)));
            }
        }
    }

    /// What HTTP told, other than a request.
    pub fn handle_event(&mut self, now: Instant, http: &mut Connection, event: Event) {
        match event {
            Event::Body(piece) => {
                if let Doing::Sending(_, parcel) = &mut self.doing
                    && let Some(refusal) = parcel.read(piece)
                {
                    self.doing = Doing::Nothing;
                    respond(now, http, refusal);
                }
            }
            Event::RequestEnd(_) => {
                if let Doing::Sending(_, parcel) = &mut self.doing
                    && let Some(refusal) = parcel.end()
                {
                    self.doing = Doing::Nothing;
                    respond(now, http, refusal);
                }
            }
            Event::Eof => match self.doing {
                // Nobody wants an answer without end any more.
                Doing::Attaching(..) | Doing::Receiving(..) | Doing::Timed(_) => {
                    self.give_up();
                    http.abort();
                }
                // A complete request is still answered.
                Doing::Nothing | Doing::Sending(..) | Doing::Switching(..) | Doing::Orphaned(_) => {
                }
            },
            // What is queued may still be written.
            Event::Closed(_) => self.give_up(),
            // `Writable` brought this turn, which is all it is for.
            _ => {}
        }
    }

    /// What to tell next, and where. When [`ToSession`] says that it is answered, the answer is for
    /// [`reply`](Self::reply); nothing else is asked before that came.
    pub fn poll_message(
        &mut self,
        now: Instant,
        http: &mut Connection,
    ) -> Option<(P, ToSession<R>)> {
        if let Some(tell) = self.pop_tell() {
            return Some(tell);
        }
        if let Some(tell) = self.flushed(http.outbox()) {
            return Some(tell);
        }
        if let Doing::Attaching(..) = self.doing {
            return self.attach();
        }
        match &mut self.doing {
            Doing::Receiving(place, receiving) => {
                if let Some(message) = receiving.next(now, http) {
                    return Some((place.clone(), message));
                }
                self.complete(http);
                self.pop_tell()
            }
            Doing::Sending(place, parcel) => parcel.next().map(|message| (place.clone(), message)),
            Doing::Timed(chunks) => {
                if chunks.send(now, http) {
                    self.doing = Doing::Nothing;
                }
                None
            }
            Doing::Nothing | Doing::Attaching(..) | Doing::Switching(..) | Doing::Orphaned(_) => {
                None
            }
        }
    }

    /// The answer to the last message of [`poll_message`](Self::poll_message) that has one.
    pub fn reply(&mut self, now: Instant, http: &mut Connection, reply: FromSession) {
        match &mut self.doing {
            Doing::Receiving(_, receiving) => {
                if let Some(refusal) = receiving.reply(now, http, reply) {
                    self.doing = Doing::Nothing;
                    return respond(now, http, refusal);
                }
                self.complete(http);
            }
            Doing::Sending(_, parcel) => {
                match parcel.reply(reply) {
                    Some(Outcome::Accepted) => parcel.accept(now, http),
                    Some(Outcome::Refused(response)) => respond(now, http, response),
                    None => return,
                }
                self.doing = Doing::Nothing;
            }
            Doing::Orphaned(place) => {
                let place = place.clone();
                self.doing = Doing::Nothing;
                match reply {
                    FromSession::Attached(receiver) => {
                        self.push_tell((place, ToSession::Aborted(receiver)));
                    }
                    FromSession::Parked { sender, .. } => {
                        self.push_tell((place, ToSession::Abandon(sender)));
                    }
                    FromSession::Frame { .. }
                    | FromSession::Wait
                    | FromSession::End
                    | FromSession::Refused(_)
                    | FromSession::Delivered
                    | FromSession::UnknownSession
                    | FromSession::Closing => {}
                }
            }
            Doing::Nothing | Doing::Attaching(..) | Doing::Timed(_) | Doing::Switching(..) => {}
        }
    }

    /// An endpoint's wake. `true` when it was for this connection, which then wants another turn.
    pub fn wake(&mut self, now: Instant, wake: Wake) -> bool {
        match (wake, &mut self.doing) {
            (Wake::Receiver(receiver), Doing::Receiving(_, receiving)) => receiving.wake(receiver),
            (Wake::CheckReceiver(receiver), Doing::Receiving(_, receiving)) => {
                receiving.probe(now, receiver)
            }
            (Wake::Sender(sender), Doing::Sending(_, parcel)) => parcel.wake(sender),
            (
                Wake::Receiver(_)
                | Wake::CheckReceiver(_)
                | Wake::Sender(_)
                | Wake::Admission
                | Wake::Opened(_)
                | Wake::Session(_),
                _,
            ) => false,
        }
    }

    /// Whether the connection is to be looked at: another request came for its session, so that it
    /// matters whether this one's peer is still there. Read until nothing comes, let HTTP take what
    /// does or [tell it the end](Machine::receive_eof), and call [`probed`](Self::probed). If nobody
    /// does within a second, the peer counts as present.
    pub fn wants_probe(&self) -> bool {
        match &self.doing {
            Doing::Receiving(_, receiving) => receiving.probed_until().is_some(),
            Doing::Nothing
            | Doing::Attaching(..)
            | Doing::Sending(..)
            | Doing::Timed(_)
            | Doing::Switching(..)
            | Doing::Orphaned(_) => false,
        }
    }

    /// The connection was looked at and is not at its end.
    pub fn probed(&mut self) {
        if let Doing::Receiving(_, receiving) = &mut self.doing {
            receiving.probed();
        }
    }

    /// When [`poll_message`](Self::poll_message) wants to be called although nothing moved; `None`
    /// means never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.doing {
            Doing::Receiving(_, receiving) => receiving.probed_until(),
            Doing::Timed(chunks) => chunks.due(),
            Doing::Nothing
            | Doing::Attaching(..)
            | Doing::Sending(..)
            | Doing::Switching(..)
            | Doing::Orphaned(_) => None,
        }
    }

    /// The request is for a WebSocket: what [`begin`](Self::begin) was given comes back once
    /// everything that was said before it is written. What follows is [`Connection::upgrade`] or a
    /// refusal, and no concern of this conversation.
    pub fn poll_websocket(&mut self, http: &mut Connection) -> Option<(P, Websocket, R)> {
        if !matches!(self.doing, Doing::Switching(..)) {
            return None;
        }
        while let Some(tell) = self.flushed(http.outbox()) {
            self.push_tell(tell);
        }
        match core::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Switching(place, switch) if self.unflushed.is_empty() => {
                let (websocket, request) = *switch;
                Some((place, websocket, request))
            }
            doing => {
                self.doing = doing;
                None
            }
        }
    }

    /// Whether a request is being answered.
    pub const fn is_answering(&self) -> bool {
        !matches!(self.doing, Doing::Nothing | Doing::Orphaned(_))
    }

    /// Whether there is nothing more to tell or to wait for.
    pub fn is_idle(&self) -> bool {
        matches!(self.doing, Doing::Nothing) && self.unflushed.is_empty() && self.tells.is_none()
    }

    /// By which name an endpoint wakes this connection as a receiver.
    pub fn receiver(&self) -> Option<ReceiverId> {
        match &self.doing {
            Doing::Receiving(_, receiving) => receiving.id(),
            Doing::Nothing
            | Doing::Attaching(..)
            | Doing::Sending(..)
            | Doing::Timed(_)
            | Doing::Switching(..)
            | Doing::Orphaned(_) => None,
        }
    }

    /// By which name an endpoint wakes this connection as a parked sender.
    pub fn sender(&self) -> Option<SenderId> {
        match &self.doing {
            Doing::Sending(_, parcel) => parcel.id(),
            Doing::Nothing
            | Doing::Attaching(..)
            | Doing::Receiving(..)
            | Doing::Timed(_)
            | Doing::Switching(..)
            | Doing::Orphaned(_) => None,
        }
    }

    /// Comes to a polite end: HTTP takes no further request, and a receiver's response ends with
    /// what the session has for it, so that the browser asks again, elsewhere.
    pub fn shutdown(&mut self, http: &mut Connection) {
        match &mut self.doing {
            Doing::Receiving(_, receiving) => receiving.shutdown(),
            Doing::Attaching(_, attaching) => attaching.0.shutdown(),
            Doing::Nothing
            | Doing::Sending(..)
            | Doing::Timed(_)
            | Doing::Switching(..)
            | Doing::Orphaned(_) => {}
        }
        http.shutdown();
    }

    /// The transport failed: what was not written never will be.
    pub fn lost(&mut self) {
        self.give_up();
        for (place, receiver) in self.unflushed.take() {
            self.push_tell((place, ToSession::Aborted(receiver)));
        }
    }

    /// The current request will not be answered.
    fn give_up(&mut self) {
        match core::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Receiving(place, receiving) => match receiving.id() {
                Some(receiver) => self.push_tell((place, ToSession::Aborted(receiver))),
                None if receiving.is_asking() => self.doing = Doing::Orphaned(place),
                None => {}
            },
            Doing::Sending(place, parcel) => match parcel.id() {
                Some(sender) => self.push_tell((place, ToSession::Abandon(sender))),
                None if parcel.is_asking() => self.doing = Doing::Orphaned(place),
                None => {}
            },
            Doing::Orphaned(place) => self.doing = Doing::Orphaned(place),
            Doing::Nothing | Doing::Attaching(..) | Doing::Timed(_) | Doing::Switching(..) => {}
        }
    }

    /// Tells the session of a receiver.
    fn attach(&mut self) -> Option<(P, ToSession<R>)> {
        match core::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Attaching(place, attaching) => {
                let (receiving, attach) = *attaching;
                self.doing = Doing::Receiving(place.clone(), receiving);
                Some((place, attach))
            }
            doing => {
                self.doing = doing;
                None
            }
        }
    }

    /// Remembers a receiver's response whose last byte is queued.
    fn complete(&mut self, http: &mut Connection) {
        let Doing::Receiving(place, receiving) = &self.doing else {
            return;
        };
        let Some((receiver, by)) = receiving.ended() else {
            return;
        };
        self.unflushed.push(place.clone(), receiver, http.outbox());
        if by == By::Us {
            let ending = (place.clone(), ToSession::Ending(receiver));
            self.push_tell(ending);
        }
        self.doing = Doing::Nothing;
    }

    fn push_tell(&mut self, tell: (P, ToSession<R>)) {
        self.tells.get_or_insert_default().push_back(tell);
    }

    fn pop_tell(&mut self) -> Option<(P, ToSession<R>)> {
        let tells = self.tells.as_mut()?;
        let tell = tells.pop_front();
        if tells.is_empty() {
            self.tells = None;
        }
        tell
    }

    /// The oldest response that was written since, or never will be.
    fn flushed(&mut self, outbox: &Outbox) -> Option<(P, ToSession<R>)> {
        let (place, receiver, fate) = self.unflushed.pop(outbox)?;
        let tell = match fate {
            Fate::Written => ToSession::Flushed(receiver),
            Fate::Dropped => ToSession::Aborted(receiver),
        };
        Some((place, tell))
    }
}

impl<R, P: Clone> Default for Conversation<R, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R, P> fmt::Debug for Conversation<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.doing {
            Doing::Nothing => "nothing",
            Doing::Attaching(..) => "attaching",
            Doing::Receiving(..) => "receiving",
            Doing::Sending(..) => "sending",
            Doing::Timed(_) => "timed",
            Doing::Switching(..) => "switching",
            Doing::Orphaned(_) => "orphaned",
        };
        f.debug_struct("Conversation")
            .field("doing", &doing)
            .field("unflushed", &self.unflushed.len())
            .finish_non_exhaustive()
    }
}

fn respond(now: Instant, http: &mut Connection, Response { head, body }: Response) {
    let body = if body.is_empty() {
        Body::Empty
    } else {
        Body::Full(body)
    };
    if http.respond(now, &head, body) == Err(Misuse::Status) {
        // An application may refuse a session with a number that is no status.
        let failed = ResponseHead::new(500).close();
        let _ = http.respond(now, &failed, Body::Empty);
    }
}

/// A receiving POST has a body by mistake only, which costs the connection when it is longer.
const MOST_IGNORED: u64 = 64 * 1024;
