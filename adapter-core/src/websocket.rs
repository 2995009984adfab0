//! The application's handle of a WebSocket.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use websocket_proto::connection::{Closed, Event, Prepared, SendOptions};
use websocket_proto::http1::ResponseHead;
use websocket_proto::{CloseCode, Draft, Message, MessageKind, Refused, SendError};

use crate::shared::Shared;
use crate::{Receiver, RequestInfo, Sender};

/// A WebSocket: messages in, messages out, for server and client alike.
///
/// Every future of it may be dropped at any time without losing or doubling anything: the state is in
/// the connection, not in the future.
///
/// On a server the connection's task moves the bytes; all that a handler sends between two waits leaves
/// in one write, and the connection closes when the handler returns. A WebSocket of a client, or one
/// [accepted](crate::Server::accept) from a stream, has no task: its own methods move the bytes, so pings
/// are answered and timeouts noticed while one of them is waited for. Dropping it cuts the connection;
/// [`close`](Self::close) ends it properly.
///
/// ```
/// use adapter_core::WebSocket;
///
/// async fn echo(mut ws: WebSocket) {
///     while let Some(message) = ws.recv().await {
///         if ws.send(message).await.is_err() {
///             break; // closed meanwhile; `ws.closed()` tells why
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    receiver: Receiver,
}

impl WebSocket {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            receiver: Receiver::new(Arc::clone(shared)),
        }
    }

    /// The next message; `None` when the connection has ended, see [`closed`](Self::closed).
    ///
    /// Pings and pongs are passed over, [`next_event`](Self::next_event) shows them. Under streamed
    /// delivery every chunk comes as a message of its own.
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        self.receiver.recv()
    }

    /// The next event; `None` when the connection has ended.
    pub fn next_event(&mut self) -> impl Future<Output = Option<Event>> {
        self.receiver.next_event()
    }

    /// Sends a message; waits while too much of what was sent before is on its way.
    ///
    /// # Errors
    ///
    /// The message comes back when the connection is closing or closed, or cannot carry it.
    pub fn send(
        &self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        self.receiver.sender.send(message)
    }

    /// Sends a message with options of its own.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with(
        &self,
        message: impl Into<Message>,
        options: SendOptions,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        self.receiver.sender.send_with(message, options)
    }

    /// Sends a message now or not at all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Refused::Full`] where that would wait.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
        self.receiver.sender.try_send(message)
    }

    /// Sends a message that was encoded once for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), Refused> {
        self.receiver.sender.send_prepared(prepared).await
    }

    /// Sends a part of a message; `last` ends it. Other messages wait for that end.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk(
        &self,
        kind: MessageKind,
        chunk: impl Into<Bytes>,
        last: bool,
    ) -> impl Future<Output = Result<(), SendError<Bytes>>> {
        self.receiver.sender.send_chunk(kind, chunk, last)
    }

    /// Sends a ping with up to 125 bytes; [`next_event`](Self::next_event) shows the pong.
    ///
    /// # Errors
    ///
    /// The connection is closing or closed, the payload too long, or the draft has no pings.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Refused> {
        self.receiver.sender.ping(payload)
    }

    /// Waits until the socket has taken all that was sent.
    ///
    /// # Errors
    ///
    /// The connection ended before.
    pub fn flush(&self) -> impl Future<Output = Result<(), Refused>> {
        self.receiver.sender.flush()
    }

    /// Closes the connection and waits for its end. Messages that still arrive are dropped.
    ///
    /// `reason` is cut to 123 bytes at a character border.
    ///
    /// # Errors
    ///
    /// The code is one that may not be sent (RFC 6455 §7.4); nothing happens then.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<&Closed, Refused> {
        self.receiver.sender.close(code, reason)?;
        while self.receiver.next_event().await.is_some() {}
        self.closed().ok_or(Refused::Closing)
    }

    /// How the connection ended, once [`recv`](Self::recv) has told that it did.
    pub fn closed(&self) -> Option<&Closed> {
        self.receiver.closed()
    }

    /// The draft in use.
    pub fn draft(&self) -> Draft {
        self.receiver.sender.0.draft()
    }

    /// The subprotocol agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.receiver.sender.0.kept.subprotocol()
    }

    /// The request this connection began with; a client sees its own.
    ///
    /// A connection keeps it in as little memory as it can. It is put together again for each call, in
    /// about a microsecond: whoever asks often keeps what this returns.
    pub fn request(&self) -> RequestInfo {
        self.receiver.sender.0.kept.info()
    }

    /// The server's answer to that request, on a client.
    pub fn response(&self) -> Option<&ResponseHead> {
        self.receiver.sender.0.kept.response()
    }

    /// Two handles that can live in different tasks.
    pub fn split(self) -> (Sender, Receiver) {
        (self.receiver.sender.clone(), self.receiver)
    }
}

impl Stream for WebSocket {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}

impl Sink<Message> for WebSocket {
    type Error = SendError<Message>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.receiver.sender).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        Pin::new(&mut self.receiver.sender).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.receiver.sender).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.receiver.sender).poll_close(cx)
    }
}
