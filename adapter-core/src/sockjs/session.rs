//! The application's handle of a session.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use sockjs_proto::{Close, Closed, Literal, Message, Transport};
use websocket_proto::{Refused, SendError};

use super::core::Core;
use super::{SessionReceiver, SessionRequest, SessionSender};

/// A SockJS session: messages in, messages out, over whatever transport the browser could use.
///
/// Every future of it may be dropped at any time without losing or doubling anything that was
/// accepted: the state is in the session, not in the future. A session over a WebSocket lives in its
/// connection's task, one over HTTP in its service; when the handler returns, it is closed with the
/// service's [default close](sockjs_proto::Config::default_close).
///
/// ```
/// use adapter_core::Session;
///
/// async fn echo(mut session: Session) {
///     while let Some(message) = session.recv().await {
///         if session.send(message).await.is_err() {
///             break; // closed meanwhile; `session.closed()` tells why
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Session(SessionReceiver);

impl Session {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self(SessionReceiver(Arc::clone(core)))
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.0
    }

    /// The next message; `None` when the session is over, see [`closed`](Self::closed).
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        self.0.recv()
    }

    /// Sends a message; waits while too much of what was sent before is on its way.
    ///
    /// # Errors
    ///
    /// The message comes back when the session is closing or over.
    pub fn send(
        &self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        self.core().send(message.into())
    }

    /// Sends a message now or not at all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Refused::Full`] where that would wait.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
        self.core().try_send(message.into())
    }

    /// Sends a message that was encoded once for many sessions.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); the literal is still yours.
    pub async fn send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        self.core().send_literal(literal).await
    }

    /// Closes the session: what was sent before still goes out, and then the close. Once it is
    /// closing, does nothing. [`recv`](Self::recv) tells the end.
    ///
    /// Over a WebSocket, a code that may not travel there (RFC 6455 §7.4) is told in the last frame
    /// of the session alone.
    pub fn close(&self, code: u16, reason: &str) {
        let reason = reason.to_owned().into();
        self.core().close(Close { code, reason });
    }

    /// How the session ended, once [`recv`](Self::recv) has told that it did: whose doing it was, and
    /// what became of messages under way.
    pub fn closed(&self) -> Option<&Closed> {
        self.0.closed()
    }

    /// The request that the session began with.
    pub fn request(&self) -> &SessionRequest {
        self.0.request()
    }

    /// The transport that the session began with.
    pub fn transport(&self) -> Transport {
        self.request().transport()
    }

    /// How many bytes wait for the browser.
    pub fn buffered(&self) -> usize {
        self.core().buffered()
    }

    /// A handle to send from elsewhere.
    pub fn sender(&self) -> SessionSender {
        SessionSender(Arc::clone(self.core()))
    }

    /// Two handles that can live in different tasks. The session is closed when the handler returns,
    /// wherever they are.
    pub fn split(self) -> (SessionSender, SessionReceiver) {
        (self.sender(), self.0)
    }
}

impl Stream for Session {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// As that of the [`SessionSender`].
impl Sink<Message> for Session {
    type Error = SendError<Message>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender()).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        Pin::new(&mut self.sender()).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender()).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender()).poll_close(cx)
    }
}
