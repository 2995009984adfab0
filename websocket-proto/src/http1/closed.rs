//! Why a connection ended.

use core::fmt;

use super::ProtocolError;

/// Why a connection or exchange ended: its last event, exactly once.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Closed {
    /// The last exchange is complete, and one side wanted no more.
    Complete,
    /// The peer ended the connection between requests.
    Eof,
    /// The peer sent nothing more, or nothing at all, for too long.
    Idle,
    /// `shutdown` was called.
    Shutdown,
    /// The peer ended the connection inside a head or body.
    Truncated,
    /// The application ended a response before the length it had announced.
    Incomplete,
    /// `abort` was called.
    Aborted,
    /// A timer ran out.
    Timeout(Timer),
    /// The peer broke the protocol.
    Protocol(ProtocolError),
}

impl Closed {
    /// Whether every exchange that began was completed.
    pub const fn is_clean(self) -> bool {
        matches!(
            self,
            Self::Complete | Self::Eof | Self::Idle | Self::Shutdown
        )
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Eof => f.write_str("closed by the peer"),
            Self::Idle => f.write_str("idle for too long"),
            Self::Shutdown => f.write_str("shut down"),
            Self::Truncated => f.write_str("cut short by the peer"),
            Self::Incomplete => f.write_str("response shorter than its length"),
            Self::Aborted => f.write_str("aborted"),
            Self::Timeout(timer) => timer.fmt(f),
            Self::Protocol(error) => error.fmt(f),
        }
    }
}

/// What took too long.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Timer {
    /// The head, from its first byte to its last.
    Head,
    /// The body: a stall, or less than the minimum rate.
    Body,
    /// The peer took none of our bytes.
    Write,
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "the head took too long",
            Self::Body => "the body came too slowly",
            Self::Write => "the peer stopped reading",
        })
    }
}
