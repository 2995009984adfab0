//! Messages, and what comes back when one is refused.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::Utf8Bytes;

/// A whole message.
// A tag of one byte would be copied with the padding behind it, and processors stall when they load as
// a word what was just stored as a byte.
#[repr(usize)]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// UTF-8 text.
    Text(Utf8Bytes),
    /// Any bytes. The hixie drafts cannot carry them.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Text or binary.
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }

    /// The payload of either kind.
    pub const fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload of either kind, by value.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text of a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Binary(_) => None,
        }
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// Copies the text; [`Utf8Bytes::from_static`] does not.
impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::from(String::from(text))
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// What a message holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// A refused send: the payload comes back, nothing was queued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SendError<T> {
    /// What was to be sent.
    pub payload: T,
    /// Why it was not.
    pub why: Refused,
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for SendError<T> {}

/// Why something was not sent.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The outbox is over its mark; `Writable` tells when to try again.
    Full,
    /// The connection is closing or closed.
    Closing,
    /// A ping of more than 125 bytes (RFC 6455 §5.5).
    TooBig,
    /// A close code that may not be sent (RFC 6455 §7.4).
    BadCloseCode,
    /// This draft has no such message, ping or fragment.
    Unsupported,
    /// A streamed message is under way (or, for a chunk of one, none of that kind is).
    Interleaved,
    /// The chunks of a text message do not add up to UTF-8.
    NotUtf8,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the outbox is over its mark",
            Self::Closing => "the connection is closing",
            Self::TooBig => "a ping holds 125 bytes at most",
            Self::BadCloseCode => "this close code may not be sent",
            Self::Unsupported => "the draft in use cannot carry this",
            Self::Interleaved => "a streamed message is under way",
            Self::NotUtf8 => "the text is not valid utf-8",
        })
    }
}

impl core::error::Error for Refused {}
