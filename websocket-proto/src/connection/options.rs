//! How a message is sent.

use core::num::NonZeroUsize;

/// How one message is sent.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SendOptions {
    /// Whether to compress it, when permessage-deflate was agreed on.
    pub compress: Compress,
    /// The longest payload of one frame, in bytes; the message is fragmented (RFC 6455 §5.4) if it
    /// is longer. `None`: one frame.
    pub fragment: Option<NonZeroUsize>,
}

impl SendOptions {
    /// These options, without compression: for a secret that shares a context with text an attacker
    /// chooses (CRIME, BREACH), or for what is compressed already.
    #[must_use]
    pub const fn uncompressed(self) -> Self {
        Self {
            compress: Compress::Never,
            ..self
        }
    }

    /// These options, with frames of at most `payload` bytes.
    #[must_use]
    pub const fn fragmented(self, payload: NonZeroUsize) -> Self {
        Self {
            fragment: Some(payload),
            ..self
        }
    }
}

/// Whether to compress a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Compress {
    /// If it was agreed on and the message is long enough to gain from it.
    #[default]
    Auto,
    /// Not this one.
    Never,
}
