//! The two halves of a WebSocket.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use websocket_proto::connection::{Closed, Connection, Event, Events, Prepared, SendOptions};
use websocket_proto::{CloseCode, Message, MessageKind, Refused, SendError, Utf8Bytes};

use crate::desk;
use crate::shared::{Shared, Wait};

/// The receiving half of a [`WebSocket`](crate::WebSocket).
///
/// When it is dropped, messages that still arrive are dropped too.
#[derive(Debug)]
pub struct Receiver {
    /// The connection. It is a sender, so that a whole [`WebSocket`](crate::WebSocket) needs no second.
    pub(crate) sender: Sender,
    /// Events that were taken from the connection all at once: one lock for what one read brought.
    events: Option<Events>,
}

/// The sending half of a [`WebSocket`](crate::WebSocket). Clones send on the same connection.
#[derive(Clone, Debug)]
pub struct Sender(pub(crate) Arc<Shared>);

impl Receiver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            sender: Sender(shared),
            events: None,
        }
    }

    /// See [`WebSocket::recv`](crate::WebSocket::recv).
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        Recv(self)
    }

    /// See [`WebSocket::next_event`](crate::WebSocket::next_event).
    pub fn next_event(&mut self) -> impl Future<Output = Option<Event>> {
        poll_fn(|cx| self.poll_event(cx))
    }

    /// How the connection ended, once that was received.
    pub fn closed(&self) -> Option<&Closed> {
        self.sender.0.closed()
    }

    #[inline]
    fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Event>> {
        ready!(self.poll_taken(cx));
        match self.taken(Events::next) {
            Some(event) => Poll::Ready(Some(event)),
            None => self.sender.0.poll_event(cx, &mut self.events),
        }
    }

    /// Looks for events to take where that needs no lock. `Pending` says that there will be some later.
    #[inline(always)]
    fn poll_taken(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.events.is_none()
            && let Some(events) = desk::poll_events(Arc::as_ptr(&self.sender.0), cx)
        {
            self.events = Some(ready!(events));
        }
        Poll::Ready(())
    }

    // In the caller, so that a message is made where it stays.
    #[inline(always)]
    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Message>> {
        ready!(self.poll_taken(cx));
        match self.taken(Events::next_message) {
            Some(message) => Poll::Ready(Some(message)),
            None => self.poll_message(cx),
        }
    }

    /// The next of the events that were taken. The last gives them back: what the application is done with
    /// leaves room, and lets the end of the connection be answered.
    #[inline(always)]
    fn taken<T>(&mut self, next: impl FnOnce(&mut Events) -> Option<T>) -> Option<T> {
        let events = self.events.as_mut()?;
        let event = next(events);
        if events.is_empty()
            && let Some(events) = self.events.take()
            && let Some(events) = desk::give_back(Arc::as_ptr(&self.sender.0), events)
        {
            self.sender.0.give_back(events);
        }
        event
    }

    #[inline(never)]
    fn poll_message(&mut self, cx: &Context<'_>) -> Poll<Option<Message>> {
        loop {
            match ready!(self.poll_event(cx)) {
                None => return Poll::Ready(None),
                Some(Event::Message(message)) => return Poll::Ready(Some(message)),
                Some(Event::Chunk(chunk)) => {
                    return Poll::Ready(Some(match chunk.kind {
                        MessageKind::Binary => Message::Binary(chunk.payload),
                        // The pieces of a text end at character borders.
                        MessageKind::Text => Utf8Bytes::from_bytes(chunk.payload)
                            .map_or_else(|error| Message::Binary(error.0), Message::Text),
                    }));
                }
                // Pings are answered already; the rest is for `next_event`.
                Some(_) => {}
            }
        }
    }
}

/// As [`poll_fn`] would make it, but part of the future that awaits it.
struct Recv<'a>(&'a mut Receiver);

impl Future for Recv<'_> {
    type Output = Option<Message>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_recv(cx)
    }
}

/// The same for the message that is sent, until it is taken.
struct Sending<'a>(&'a Shared, Option<Message>);

impl Future for Sending<'_> {
    type Output = Result<(), SendError<Message>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.0;
        shared.poll_message(cx, &mut self.1)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.sender.0.drop_receiver(self.events.take());
    }
}

impl Stream for Receiver {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_recv(cx)
    }
}

impl Sender {
    /// See [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Errors
    ///
    /// The message comes back when the connection is closing or closed, or cannot carry it.
    pub fn send(
        &self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        Sending(&self.0, Some(message.into()))
    }

    /// See [`WebSocket::send_with`](crate::WebSocket::send_with).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with(
        &self,
        message: impl Into<Message>,
        options: SendOptions,
    ) -> impl Future<Output = Result<(), SendError<Message>>> {
        self.send_each(message.into(), move |machine, message| {
            machine.send_with(message, options)
        })
    }

    /// See [`WebSocket::try_send`](crate::WebSocket::try_send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Refused::Full`] where that would wait.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
        self.0.send(message.into(), Connection::send)
    }

    /// See [`WebSocket::send_prepared`](crate::WebSocket::send_prepared).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); the message is still yours.
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), Refused> {
        let attempt = |machine: &mut Connection, payload| {
            machine
                .send_prepared(payload)
                .map_err(|why| SendError { payload, why })
        };
        self.send_each(prepared, attempt)
            .await
            .map_err(|error| error.why)
    }

    /// See [`WebSocket::send_chunk`](crate::WebSocket::send_chunk).
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
        self.send_each(chunk.into(), move |machine, chunk| {
            machine.send_chunk(kind, chunk, last)
        })
    }

    // One small future instead of one inside the other: what a handler's future holds of it is held
    // by every idle connection.
    fn send_each<T>(
        &self,
        payload: T,
        attempt: impl Fn(&mut Connection, T) -> Result<(), SendError<T>>,
    ) -> impl Future<Output = Result<(), SendError<T>>> {
        let mut payload = Some(payload);
        poll_fn(move |cx| self.0.poll_send(cx, &mut payload, &attempt))
    }

    /// See [`WebSocket::ping`](crate::WebSocket::ping).
    ///
    /// # Errors
    ///
    /// The connection is closing or closed, the payload too long, or the draft has no pings.
    pub fn ping(&self, payload: &[u8]) -> Result<(), Refused> {
        self.0.ping(payload)
    }

    /// See [`WebSocket::flush`](crate::WebSocket::flush).
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub fn flush(&self) -> impl Future<Output = Result<(), Refused>> {
        poll_fn(|cx| self.0.poll_flush(cx))
    }

    /// Starts the closing handshake; the receiving half tells when it is done.
    ///
    /// # Errors
    ///
    /// The code is one that may not be sent (RFC 6455 §7.4).
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Refused> {
        self.0.close(code, reason)
    }

    /// Waits until the connection has ended, and tells how.
    pub async fn closed(&self) -> Option<&Closed> {
        poll_fn(|cx| self.0.poll_until(cx, Wait::End)).await;
        self.0.closed()
    }
}

impl Sink<Message> for Sender {
    type Error = SendError<Message>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // An end shows when the message is there to be given back.
        self.0.poll_until(cx, Wait::Room).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.0.send_promised(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Messages that were lost with the connection are told by its end, not here.
        self.0.poll_flush(cx).map(|_| Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let _ = self.0.close(CloseCode::NORMAL, "");
        self.poll_flush(cx)
    }
}
