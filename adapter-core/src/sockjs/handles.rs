//! The two halves of a session.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use sockjs_proto::{AnySession, Close, Closed, Literal, Message};
use websocket_proto::{Refused, SendError};

use super::SessionRequest;
use super::core::Core;
use super::waiters::Payload;

/// The receiving half of a [`Session`](super::Session).
///
/// When it is dropped, messages that still arrive are dropped too.
#[derive(Debug)]
pub struct SessionReceiver(pub(crate) Arc<Core>);

/// The sending half of a [`Session`](super::Session). Clones send to the same session.
#[derive(Clone, Debug)]
pub struct SessionSender(pub(crate) Arc<Core>);

impl SessionReceiver {
    /// See [`Session::recv`](super::Session::recv).
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| self.0.poll_recv(cx))
    }

    /// How the session ended, once that was received.
    pub fn closed(&self) -> Option<&Closed> {
        self.0.closed()
    }

    /// The request that the session began with.
    pub fn request(&self) -> &SessionRequest {
        self.0.request()
    }
}

impl Drop for SessionReceiver {
    fn drop(&mut self) {
        self.0.deafen();
    }
}

impl Stream for SessionReceiver {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.poll_recv(cx)
    }
}

impl SessionSender {
    /// See [`Session::send`](super::Session::send).
    ///
    /// # Errors
    ///
    /// The message comes back when the session is closing or over.
    pub fn send(
        &self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        self.0.send(message.into())
    }

    /// See [`Session::try_send`](super::Session::try_send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Refused::Full`] where that would wait.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
        self.0.try_send(message.into())
    }

    /// See [`Session::send_literal`](super::Session::send_literal).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); the literal is still yours.
    pub async fn send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        self.0.send_literal(literal).await
    }

    /// The same now or not at all.
    ///
    /// # Errors
    ///
    /// As [`send_literal`](Self::send_literal), and [`Refused::Full`] where that would wait.
    pub fn try_send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        self.0.try_send_literal(literal)
    }

    /// Closes the session: what was sent before still goes out, and then the close. Once it is
    /// closing, does nothing.
    pub fn close(&self, code: u16, reason: &str) {
        let reason = reason.to_owned().into();
        self.0.close(Close { code, reason });
    }

    /// Waits until the session is over, and tells how.
    ///
    /// That is when the receiving half has heard of it, or is gone.
    pub async fn closed(&self) -> Option<&Closed> {
        poll_fn(|cx| self.0.poll_end(cx)).await;
        self.0.closed()
    }

    /// How many bytes wait for the browser.
    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }

    /// The request that the session began with.
    pub fn request(&self) -> &SessionRequest {
        self.0.request()
    }

    /// Whether both are handles of one session.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What was sent goes out by itself: flushing waits for nothing, since a browser that polls may
/// come back whenever it likes. Closing closes the session as a handler's end does.
impl Sink<Message> for SessionSender {
    type Error = SendError<Message>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // An end shows when the message is there to be given back.
        ready!(self.0.poll_room(cx));
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.0.send_promised(message)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.handled(Ok(()));
        Poll::Ready(Ok(()))
    }
}

/// What all handles do that send.
impl Core {
    // What the future holds is part of every handler that awaits it: the message itself, and nothing that
    // can be made of it again.
    pub(super) fn send(
        &self,
        mut message: Message,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        let mut unsent = Some(self);
        poll_fn(move |cx| {
            let Some(core) = unsent else {
                return Poll::Ready(Ok(()));
            };
            let sent = core.poll_send_message(cx, &mut message);
            if sent.is_ready() {
                unsent = None;
            }
            sent
        })
    }

    /// Takes the message when it was sent or refused.
    fn poll_send_message(
        &self,
        cx: &Context<'_>,
        message: &mut Message,
    ) -> Poll<Result<(), SendError<Message>>> {
        if self.send_at_once(message) {
            return Poll::Ready(Ok(()));
        }
        let mut payload = Some(self.payload(std::mem::take(message)));
        let bytes = payload.as_ref().map_or(0, Payload::bytes);
        let sent = self.poll_send(cx, &mut payload, bytes, |session, payload| {
            payload.send(session)
        });
        if let Some(waiting) = payload {
            *message = waiting.into_message();
        }
        sent.map_err(given_back)
    }

    pub(super) fn try_send(&self, message: Message) -> Result<(), SendError<Message>> {
        let payload = self.payload(message);
        let bytes = payload.bytes();
        let sent = self.attempt(payload, bytes, |session, payload| payload.send(session));
        sent.map_err(given_back)
    }

    pub(super) fn try_send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        if let Some(cell) = self.cell() {
            return cell.send_literal(literal);
        }
        let attempt = |session: &mut dyn AnySession, literal| session.send_literal(literal);
        self.attempt(literal.clone(), text_len(literal), attempt)
            .map_err(|error| error.why)
    }

    pub(super) async fn send_literal(&self, literal: &Literal) -> Result<(), Refused> {
        let mut payload = Some(literal.clone());
        let bytes = text_len(literal);
        poll_fn(|cx| {
            self.poll_send(cx, &mut payload, bytes, |session, literal| {
                session.send_literal(literal)
            })
        })
        .await
        .map_err(|error| error.why)
    }
}

fn given_back(SendError { payload, why }: SendError<Payload>) -> SendError<Message> {
    let payload = payload.into_message();
    SendError { payload, why }
}

/// Without the quotes.
pub(super) fn text_len(literal: &Literal) -> usize {
    literal.len().saturating_sub(2)
}
