//! What a connection tells, and how it came to its end.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::frame::{CloseCode, ProtocolError};
use crate::{Message, MessageKind, Utf8Bytes};

/// What happened on a connection.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A whole message, in [whole](super::Delivery::Whole) delivery.
    Message(Message),
    /// A piece of a message, in [streamed](super::Delivery::Streamed) delivery.
    Chunk(Chunk),
    /// The peer's ping; its pong is already under way.
    Ping(Bytes),
    /// A pong: the answer to a ping of ours with its round-trip time, or an unsolicited one.
    Pong {
        /// At most 125 bytes.
        payload: Bytes,
        /// From [`ping`](super::Connection::ping) to now, when it answers the latest one.
        rtt: Option<Duration>,
    },
    /// The outbox has drained to half of its mark after a send was refused with
    /// [`Full`](crate::Refused::Full).
    Writable,
    /// The connection is over. Comes exactly once, and last.
    Closed(Closed),
}

/// A piece of a message.
///
/// The pieces of a text end at character borders, so each is text by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chunk {
    /// Text or binary.
    pub kind: MessageKind,
    /// May be empty, for instance when the peer ends its message with an empty fragment.
    pub payload: Bytes,
    /// The first piece of its message.
    pub first: bool,
    /// The last piece of its message.
    pub last: bool,
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closed {
    /// What ended it, and whose doing it was.
    pub cause: Cause,
    /// The code of the peer's close frame; [`NO_STATUS`](CloseCode::NO_STATUS) when it had none,
    /// [`ABNORMAL`](CloseCode::ABNORMAL) when no close frame came.
    pub code: CloseCode,
    /// The reason in the peer's close frame, at most 123 bytes.
    pub reason: Utf8Bytes,
    /// Both sides sent their close frames (RFC 6455 §7.1.4). Always false in hixie-75, which has no
    /// closing handshake.
    pub clean: bool,
}

impl Closed {
    pub(super) const fn without_frame(cause: Cause) -> Self {
        Self {
            cause,
            code: CloseCode::ABNORMAL,
            reason: Utf8Bytes::new(),
            clean: false,
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

/// What ended a connection.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The peer's close frame came first.
    Peer,
    /// Our close frame went first.
    Local,
    /// The peer closed its stream without a close frame.
    Eof,
    /// The transport failed.
    Transport,
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// The peer let a time limit pass.
    Timeout(Timer),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer => f.write_str("closed by the peer"),
            Self::Local => f.write_str("closed by us"),
            Self::Eof => f.write_str("stream ended without a close frame"),
            Self::Transport => f.write_str("transport failed"),
            Self::Protocol(error) => write!(f, "protocol error: {error}"),
            Self::Timeout(timer) => write!(f, "time ran out: {timer}"),
        }
    }
}

/// The time limits that can end a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Timer {
    /// The nonce or digest that ends a hixie-76 handshake.
    Nonce,
    /// The answer to a keep-alive ping.
    Pong,
    /// The answer to our close frame.
    Close,
    /// A peer that takes no bytes.
    WriteStall,
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nonce => "end of the handshake",
            Self::Pong => "pong",
            Self::Close => "close frame",
            Self::WriteStall => "write stall",
        })
    }
}
