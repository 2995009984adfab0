//! What an application hears from a session, over whatever transport.

use core::fmt;

use websocket_proto::{CloseCode, Instant, Refused, SendError, Utf8Bytes, connection};

use crate::{Close, Literal, Message};

/// What an application does with a session, whatever its transport: a [`Socket`](crate::Socket), or
/// a [session of an endpoint](crate::Endpoint::session).
pub trait AnySession {
    /// Takes the next event. After [`Event::Closed`] there is none.
    fn poll_event(&mut self) -> Option<Event>;

    /// Whether a message would be taken now.
    ///
    /// # Errors
    ///
    /// Why it would not: as by [`send`](Self::send), and with the same to follow.
    fn can_send(&mut self) -> Result<(), Refused>;

    /// Queues a message for the browser.
    ///
    /// # Errors
    ///
    /// The message comes back: [`Full`](websocket_proto::Refused::Full) while more than the mark
    /// waits ([`Event::Writable`] tells when to try again),
    /// [`Closing`](websocket_proto::Refused::Closing) once the session is closing or over.
    fn send(&mut self, message: Message) -> Result<(), SendError<Message>>;

    /// Queues a message that was encoded once for many sessions.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn send_literal(&mut self, literal: Literal) -> Result<(), SendError<Literal>>;

    /// Closes the session: what was sent before still goes out, and then the close. Once it has
    /// begun, does nothing.
    fn close(&mut self, now: Instant, close: Close);

    /// How many bytes wait for the browser.
    fn buffered(&mut self) -> usize;
}

/// What happened in a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The session has begun. Comes exactly once, and first.
    Open,
    /// A message of the browser.
    Message(Message),
    /// Less than half of the mark waits for the browser after a send was refused with
    /// [`Full`](websocket_proto::Refused::Full).
    Writable,
    /// The session is over. Comes exactly once, and last.
    Closed(Closed),
}

/// How a session ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closed {
    /// What ended it, and whose doing it was.
    pub cause: Cause,
    /// The code: the application's own, or what the browser is told, or what it told;
    /// 1006 when neither side said anything.
    pub code: u16,
    /// The reason that goes with it.
    pub reason: Utf8Bytes,
    /// How many messages were accepted from the application and never went out. Over a WebSocket,
    /// those that nothing was written of yet.
    pub unsent: usize,
    /// Whether messages went out of which nobody can know if they arrived: the kernel had them when
    /// the connection was cut, or the browser did not come back after it was given them.
    pub in_doubt: bool,
}

impl Closed {
    pub(crate) fn new(cause: Cause, close: Close) -> Self {
        Self {
            cause,
            code: close.code,
            reason: close.reason,
            unsent: 0,
            in_doubt: false,
        }
    }

    pub(crate) fn without_word(cause: Cause) -> Self {
        Self {
            cause,
            code: CloseCode::ABNORMAL.0,
            reason: Utf8Bytes::new(),
            unsent: 0,
            in_doubt: false,
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, code {}", self.cause, self.code)?;
        if !self.reason.is_empty() {
            write!(f, ", reason {:?}", self.reason.as_str())?;
        }
        Ok(())
    }
}

/// What ended a session.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The application closed it.
    Local,
    /// A receiver was cut, so bytes may be lost and the session cannot go on.
    Interrupted,
    /// No receiver came for the disconnect delay.
    Disconnected,
    /// The WebSocket client sent what is neither an array of strings nor a string.
    Framing,
    /// The client of a raw WebSocket sent a binary message.
    Binary,
    /// The WebSocket under it ended.
    Socket(connection::Cause),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by us"),
            Self::Interrupted => f.write_str("a receiver was cut"),
            Self::Disconnected => f.write_str("no receiver came in time"),
            Self::Framing => f.write_str("broken framing"),
            Self::Binary => f.write_str("a binary message"),
            Self::Socket(cause) => write!(f, "websocket: {cause}"),
        }
    }
}
