//! Limits, timers and habits of a connection.

use core::time::Duration;

use crate::frame;

/// How a connection behaves; one value is shared by many.
///
/// ```
/// use websocket_proto::connection::Config;
///
/// let config = Config { max_message: 64 * 1024, ..Config::default() };
/// assert_eq!(config.outbox_mark, 64 * 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Longest message taken, in bytes, inclusive, counted after inflation; a frame may be as long.
    /// Not used in [streamed](Delivery::Streamed) delivery, which holds no message, except in the
    /// hixie drafts, whose text has to be gathered. Default 16 MiB.
    pub max_message: usize,
    /// Sends are refused with [`Full`](crate::Refused::Full) while this many bytes or more wait for
    /// the peer, so that the bound is this plus one message; 0 counts as 1. Default 64 KiB.
    pub outbox_mark: usize,
    /// No more input is taken while events of this many bytes or more wait for the application; 0
    /// counts as 1. Default 64 KiB.
    pub inbound_mark: usize,
    /// A ping is sent after so long a silence of the peer. `None`: never, and a peer that vanished
    /// is noticed only by a write. Default 30 s. Without effect in the hixie drafts.
    pub ping_interval: Option<Duration>,
    /// How long the answer to such a ping may take; pauses while bytes arrive, and while those go out
    /// behind which the ping was queued. Default 30 s.
    pub pong_timeout: Duration,
    /// How long the peer may take to answer a close frame. Default 10 s.
    pub close_timeout: Duration,
    /// How long a client waits for the server to close TCP after the closing handshake
    /// (RFC 6455 §7.1.1) or a failure. Default 1 s.
    pub server_drop_timeout: Duration,
    /// How long the peer may take no byte while some wait for it. Default 30 s.
    pub write_stall: Duration,
    /// How long the end of a hixie-76 handshake (the nonce, or its digest) may take. Default 10 s.
    pub nonce_timeout: Duration,
    /// How long the first frame of a hixie-76 server waits after the digest, for clients that lose
    /// a frame which comes in the same packet. Default zero.
    pub first_frame_delay: Duration,
    /// Whether our close of a hixie-76 connection begins with `FF 00`, as its draft wants, and waits
    /// for the peer's. Otherwise TCP ends, for clients that read until then. Default true.
    pub hixie76_closing_frame: bool,
    /// Whole messages, or pieces as they arrive. Default whole.
    pub delivery: Delivery,
    /// Messages shorter than this are not worth compressing. Default 1024 bytes.
    pub compress_above: usize,
    /// From 1 (fastest) to 9 (smallest), when permessage-deflate was agreed on. Default 6.
    pub compress_level: u8,
    /// End with TCP alone, without a close frame, when the peer breaks the protocol. Default false.
    pub fail_by_drop: bool,
    /// In the hixie drafts, fail on text that is not UTF-8 instead of replacing the bad parts with
    /// U+FFFD as those drafts ask. Default false.
    pub strict_hixie_text: bool,
}

impl Config {
    /// The longest message that is gathered; streamed delivery gathers none.
    pub(super) const fn longest(&self) -> Option<usize> {
        match self.delivery {
            Delivery::Whole => Some(self.max_message),
            Delivery::Streamed => None,
        }
    }

    /// Whether any message with a header of two bytes is delivered in one piece.
    pub(super) const fn takes_simple(&self) -> bool {
        matches!(self.delivery, Delivery::Whole) && self.max_message >= frame::SHORT_BELOW as usize
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message: 16 * 1024 * 1024,
            outbox_mark: 64 * 1024,
            inbound_mark: 64 * 1024,
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(10),
            server_drop_timeout: Duration::from_secs(1),
            write_stall: Duration::from_secs(30),
            nonce_timeout: Duration::from_secs(10),
            first_frame_delay: Duration::ZERO,
            hixie76_closing_frame: true,
            delivery: Delivery::Whole,
            compress_above: 1024,
            compress_level: 6,
            fail_by_drop: false,
            strict_hixie_text: false,
        }
    }
}

/// How messages reach the application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// Each message as one [`Event::Message`](super::Event::Message).
    Whole,
    /// Each message as [`Event::Chunk`](super::Event::Chunk)s, as its bytes arrive: nothing is
    /// gathered, so a message may be longer than the memory.
    Streamed,
}
