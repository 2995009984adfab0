//! A session that lives inside a WebSocket.

mod batch;
mod incoming;
mod machine;
mod messages;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use websocket_proto::connection::{Connection, Events};
use websocket_proto::{
    CloseCode, Draft, Instant, Machine, Refused, Role, SendError, Utf8Bytes, connection,
};

use crate::capacity::Permit;
use crate::event::{AnySession, Cause, Closed, Event};
use crate::json::{self, Form};
use crate::{
    Close, Config, Dialect, Embedding, Frame, Literal, Message, Service, Transport,
    WebsocketFrames, WebsocketHeartbeat,
};
use batch::Batch;
use incoming::Incoming;
use messages::Messages;

/// A session over one WebSocket: the transport `websocket`, or `raw_websocket` without any framing.
///
/// It is as long-lived as its socket, and has no id: two sockets of the same id are two sessions.
/// The driver moves its bytes as those of any [`Machine`]; the application uses it as
/// [`AnySession`].
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use sockjs_proto::{AnySession, Capacity, Config, Event, Message, Service, Socket, Transport};
/// use websocket_proto::{Connection, Draft, Instant, Machine, Outbox, handshake::Agreed};
///
/// let now = Instant::ZERO;
/// let service = Arc::new(Service::new(Config::default())?);
/// let terms = Arc::new(Socket::connection_config(&service));
/// let ws = Connection::server(Agreed::new(Draft::Rfc6455), terms, Outbox::new(), now);
/// let permit = Capacity::new(100).take();
/// let mut session = Socket::new(ws, service, Transport::Websocket, permit, now);
///
/// let mut input = *b"\x81\x86\0\0\0\0[\"hi\"]";
/// assert_eq!(session.receive(now, &mut input), input.len());
/// while let Some(event) = session.poll_event() {
///     if let Event::Message(message) = event {
///         session.send(message).expect("there is room");
///     }
/// }
/// assert_eq!(session.outbox().chunk(), b"\x81\x01o\x81\x07a[\"hi\"]");
/// # Ok::<(), sockjs_proto::ConfigError>(())
/// ```
pub struct Socket {
    connection: Connection,
    service: Arc<Service>,
    incoming: Incoming,
    batch: Batch,
    batched: u32,
    end: Option<Box<End>>,
    now: Instant,
    /// [`Instant::FAR`] without heartbeats.
    heartbeat: Instant,
    state: State,
    _permit: Option<Permit>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    raw: bool,
    told_open: bool,
    awaits_room: bool,
    /// A message went out.
    sent: bool,
}

/// How a session comes to its end.
#[derive(Clone, Debug)]
enum End {
    /// The peer made a mistake, or closed its stream, after messages that the application has not
    /// taken yet. It may still answer them, for a while.
    Held { by: Held, until: Instant },
    /// It was closed by us.
    Told { cause: Cause, close: Close },
    /// It was closed by us, and the stream ends without waiting for an answer. Not told once it is `None`.
    Dropped(Option<Closed>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Held {
    Mistake(Cause),
    Eof,
}

impl Socket {
    /// A session over a connection whose handshake is done, with
    /// [this configuration](Self::connection_config).
    pub fn new(
        connection: Connection,
        service: Arc<Service>,
        transport: Transport,
        permit: Option<Permit>,
        now: Instant,
    ) -> Self {
        let raw = transport == Transport::RawWebsocket;
        let config = service.config();
        let beats = !raw
            && (!connection.draft().is_hybi()
                || config.websocket_heartbeat == WebsocketHeartbeat::PingAndFrame);
        let heartbeat = if beats {
            now + config.heartbeat_delay
        } else {
            Instant::FAR
        };
        let mut socket = Self {
            connection,
            incoming: Incoming::default(),
            batch: Batch::Empty,
            batched: 0,
            end: None,
            now,
            heartbeat,
            state: State {
                raw,
                told_open: false,
                awaits_room: false,
                sent: false,
            },
            service,
            _permit: permit,
        };
        if !raw {
            socket.frame(&Frame::Open);
        }
        socket
    }

    /// What the connection under such a session is to be made with.
    pub fn connection_config(service: &Service) -> connection::Config {
        Self::connection_config_over(service, connection::Config::default())
    }

    /// As [`connection_config`](Self::connection_config), with the timers of `terms`: what it says of
    /// pongs, the closing handshake, stalled writes and the nonce of hixie-76 holds.
    pub fn connection_config_over(
        service: &Service,
        terms: connection::Config,
    ) -> connection::Config {
        let config = service.config();
        connection::Config {
            max_message: config.max_message,
            // The session keeps its own mark, and its last words are never refused.
            outbox_mark: usize::MAX,
            ping_interval: Some(config.heartbeat_delay),
            first_frame_delay: config.dialect.hixie76_first_frame_delay(),
            hixie76_closing_frame: config.dialect.hixie76_closing_frame(),
            pong_timeout: terms.pong_timeout,
            close_timeout: terms.close_timeout,
            write_stall: terms.write_stall,
            nonce_timeout: terms.nonce_timeout,
            ..connection::Config::default()
        }
    }

    /// The draft of the WebSocket.
    pub fn draft(&self) -> Draft {
        self.connection.draft()
    }

    /// The WebSocket itself, to look at.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The next message, when that is the next event and lies here: the usual case of
    /// [`poll_event`](AnySession::poll_event), which finds the others.
    #[inline]
    pub fn poll_message(&mut self) -> Option<Message> {
        if !self.state.told_open {
            return None;
        }
        self.incoming.pop()
    }

    /// Lends memory for messages to come until it is [reclaimed](Self::reclaim_events), as
    /// [`Connection::lend_events`] does; `memory` is asked for it unless messages wait in other memory.
    #[inline]
    pub fn lend_events(&mut self, memory: impl FnOnce() -> Events) {
        self.incoming.lend(memory);
    }

    /// Gives back memory that was [lent](Self::lend_events), unless messages wait in it: then it has become
    /// the session's own.
    #[inline]
    pub fn reclaim_events(&mut self) -> Option<Events> {
        self.incoming.reclaim()
    }

    /// Whether [`poll_event`](AnySession::poll_event) has something to tell.
    pub fn has_events(&mut self) -> bool {
        self.may_open()
            || !self.incoming.is_empty()
            || matches!(
                self.end.as_deref(),
                Some(End::Held { .. } | End::Dropped(Some(_)))
            )
            || self.connection.has_events()
            || self.is_writable()
    }

    /// The transport failed: no byte will move any more.
    pub fn abort(&mut self) {
        self.connection.abort();
    }

    fn config(&self) -> &Config {
        self.service.config()
    }

    /// Whether messages are still sent and taken.
    fn is_open(&self) -> bool {
        matches!(self.end.as_deref(), Some(End::Held { .. }) | None)
    }

    /// Whether [`Event::Open`] is due. An application may close at once, which before the end of the
    /// handshake would leave the browser without a word.
    fn may_open(&self) -> bool {
        let decided = self.connection.is_established() || self.connection.is_finished();
        decided && !self.state.told_open
    }

    /// Whether the stream ends without waiting for the peer, behind all that was to leave.
    fn is_dropped(&self) -> bool {
        matches!(self.end.as_deref(), Some(End::Dropped(_))) && !self.connection.is_holding()
    }

    fn is_writable(&mut self) -> bool {
        self.state.awaits_room && self.buffered() <= self.config().outgoing_mark / 2
    }

    /// A message was added to the batch.
    fn added(&mut self) {
        self.state.sent = true;
        self.batched += 1;
        let alone = self.config().websocket_frames == WebsocketFrames::OneMessage;
        if alone || self.batch.len() >= BATCH {
            self.flush();
        }
    }

    /// Ends the open frame and queues it.
    #[inline]
    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.flush_batch();
        }
    }

    fn flush_batch(&mut self) {
        if self.connection.can_send() == Err(Refused::Closing) {
            return;
        }
        self.batched = 0;
        match mem::take(&mut self.batch) {
            Batch::Empty => {}
            Batch::Shared(literal) if self.config().deflate.is_none() => {
                // Refused only once nothing can be sent at all; that is told by its own event.
                let _ = self.connection.send_prepared(literal.frame());
                self.beat();
            }
            // Each connection compresses for itself.
            Batch::Shared(literal) => self.frame(&Frame::Messages(&[literal])),
            Batch::Open(mut frame) => {
                frame.push(b']');
                self.text(frame);
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let mut bytes = Vec::new();
        frame.write(Embedding::Plain, &mut bytes);
        self.text(bytes);
    }

    /// Queues a text that is UTF-8, as all literals are.
    fn text(&mut self, text: Vec<u8>) {
        if let Ok(text) = Utf8Bytes::from_bytes(text.into()) {
            // Refused only once nothing can be sent at all; that is told by its own event.
            let _ = self.connection.send(websocket_proto::Message::Text(text));
            self.beat();
        }
    }

    /// Something went out: no heartbeat is needed for a while.
    fn beat(&mut self) {
        if self.heartbeat != Instant::FAR {
            self.heartbeat = self.now + self.config().heartbeat_delay;
        }
    }

    /// Closes from our side.
    fn finish(&mut self, cause: Cause, close: Close) {
        if !self.is_open() {
            return;
        }
        self.flush();
        // Before the newest dialect, a client that breaks the framing gets no further frame.
        let silent = cause == Cause::Framing && self.config().dialect != Dialect::Newest;
        if !self.state.raw && !silent {
            self.frame(&Frame::Close(&close));
        }
        self.heartbeat = Instant::FAR;
        let code = CloseCode(close.code);
        let code = if code.may_be_sent(self.draft(), Role::Server) {
            code
        } else {
            CloseCode::NORMAL
        };
        // A code that may be sent is not refused.
        let _ = self.connection.close(self.now, code, &close.reason);
        self.end = Some(Box::new(if self.draft() == Draft::Hixie76 {
            // The suites and clients of that time read until the end of TCP, and the peer's `FF 00`
            // would tell nothing that is not known. So nobody knows what arrives of what was sent.
            End::Dropped(Some(Closed {
                in_doubt: self.state.sent,
                ..Closed::new(cause, close)
            }))
        } else {
            End::Told { cause, close }
        }));
    }

    /// The application has answered what came before the end, or has had the time.
    fn settle(&mut self) {
        let Some(&End::Held { by, .. }) = self.end.as_deref() else {
            return;
        };
        self.end = None;
        match by {
            Held::Eof => {
                self.flush();
                self.connection.receive_eof(self.now);
            }
            Held::Mistake(cause) => {
                let close = match cause {
                    Cause::Binary => Close::new(CloseCode::UNSUPPORTED.0, "Text only"),
                    _ => Close::BROKEN_FRAMING,
                };
                self.finish(cause, close);
            }
        }
    }

    fn hold(&mut self, by: Held) {
        if self.end.is_none() {
            let until = self.now + PATIENCE;
            self.end = Some(Box::new(End::Held { by, until }));
        }
    }

    /// The sink for what the connection finds, beside the connection.
    fn with_sink<T>(&mut self, run: impl FnOnce(&mut Connection, &mut Messages<'_>) -> T) -> T {
        let mut sink = Messages {
            raw: self.state.raw,
            deaf: self.end.is_some(),
            config: self.service.config(),
            queue: &mut self.incoming,
            mistake: None,
        };
        let result = run(&mut self.connection, &mut sink);
        if let Some(cause) = sink.mistake {
            self.hold(Held::Mistake(cause));
        }
        result
    }

    fn is_full(&self) -> bool {
        self.incoming.is_full(self.config())
    }

    fn closed(&mut self, closed: connection::Closed) -> Closed {
        let unsent = self.batched as usize;
        self.batch = Batch::Empty;
        self.heartbeat = Instant::FAR;
        // Nobody is told of room behind the end.
        self.state.awaits_room = false;
        let (cause, close) = match self.end.as_deref() {
            Some(End::Told { cause, close }) => (*cause, close.clone()),
            Some(End::Held { .. } | End::Dropped(_)) | None => {
                let close = Close {
                    code: closed.code.0,
                    reason: closed.reason,
                };
                (Cause::Socket(closed.cause), close)
            }
        };
        Closed {
            unsent,
            in_doubt: self.state.sent && !closed.clean,
            ..Closed::new(cause, close)
        }
    }
}

impl AnySession for Socket {
    fn poll_event(&mut self) -> Option<Event> {
        if self.may_open() {
            self.state.told_open = true;
            return Some(Event::Open);
        }
        if !self.state.told_open {
            return None;
        }
        loop {
            if let Some(message) = self.poll_message() {
                return Some(Event::Message(message));
            }
            self.settle();
            if let Some(End::Dropped(closed)) = self.end.as_deref_mut() {
                return closed.take().map(Event::Closed);
            }
            if self.connection.has_events() {
                // It may be about to answer the peer's close, behind which nothing is sent.
                self.flush();
            }
            match self.connection.poll_event() {
                Some(connection::Event::Closed(closed)) => {
                    return Some(Event::Closed(self.closed(closed)));
                }
                Some(connection::Event::Message(message)) => {
                    self.with_sink(|_, sink| sink.take(message));
                }
                Some(_) => {}
                None => break,
            }
        }
        let writable = self.is_open() && self.is_writable();
        self.state.awaits_room &= !writable;
        writable.then_some(Event::Writable)
    }

    fn can_send(&mut self) -> Result<(), Refused> {
        if !self.is_open() || self.connection.can_send() == Err(Refused::Closing) {
            return Err(Refused::Closing);
        }
        let full = self.buffered() >= self.config().outgoing_mark;
        self.state.awaits_room |= full;
        if full { Err(Refused::Full) } else { Ok(()) }
    }

    fn send(&mut self, message: Message) -> Result<(), SendError<Message>> {
        if let Err(why) = self.can_send() {
            return Err(SendError {
                payload: message,
                why,
            });
        }
        if self.state.raw {
            self.state.sent = true;
            let text = message.to_string_lossy().into_owned().into_bytes();
            self.text(text);
        } else {
            self.batch.add(message.as_wtf8());
            self.added();
        }
        Ok(())
    }

    fn send_literal(&mut self, literal: Literal) -> Result<(), SendError<Literal>> {
        if let Err(why) = self.can_send() {
            return Err(SendError {
                payload: literal,
                why,
            });
        }
        if self.state.raw {
            self.state.sent = true;
            let read = json::messages(
                literal.as_json(),
                Form::ArrayOrString,
                crate::LoneSurrogates::Replace,
            );
            for message in read.into_iter().flatten() {
                self.text(message.into_wtf8().into());
            }
        } else {
            self.batch.add_literal(literal);
            self.added();
        }
        Ok(())
    }

    fn close(&mut self, now: Instant, close: Close) {
        self.now = now;
        if matches!(self.end.as_deref(), Some(End::Held { .. })) {
            // The peer's end came first; it need not wait any longer.
            return self.settle();
        }
        self.finish(Cause::Local, close);
    }

    fn buffered(&mut self) -> usize {
        self.connection.buffered() + self.batch.len()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("connection", &self.connection)
            .field("incoming", &self.incoming.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// A batch is not held back beyond this length, so that it need not be moved any more.
const BATCH: usize = 64 * 1024;
/// How long the application may take to work off what came before a mistake.
const PATIENCE: Duration = Duration::from_secs(10);
