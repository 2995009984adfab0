//! What waits to share the next frame of messages.

use alloc::vec::Vec;

use crate::{Literal, literal};

/// The messages that are sent before the next write: they go out in one frame.
#[derive(Debug, Default)]
pub(super) enum Batch {
    #[default]
    Empty,
    /// One that was encoded for many, who share it.
    Shared(Literal),
    /// A frame that is still open at its end.
    Open(Vec<u8>),
}

/// No more than the frame alone.
const _: () = assert!(size_of::<Batch>() == size_of::<Vec<u8>>());

impl Batch {
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Bytes of the frame so far.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Shared(literal) => OPENING.len() + literal.len(),
            Self::Open(frame) => frame.len(),
        }
    }

    /// Adds a message in WTF-8.
    pub(super) fn add(&mut self, wtf8: &[u8]) {
        // Exact for one message without escapes, which is not moved any more then.
        self.push(wtf8.len() + 2, |frame| literal::encode(wtf8, frame));
    }

    /// Adds a message that is encoded already.
    pub(super) fn add_literal(&mut self, literal: Literal) {
        if self.is_empty() {
            *self = Self::Shared(literal);
        } else {
            self.push(literal.len(), |frame| {
                frame.extend_from_slice(literal.as_json());
            });
        }
    }

    /// Adds a literal of about `len` bytes.
    #[inline]
    fn push(&mut self, len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Self::Open(frame) = self {
            if frame.capacity() - frame.len() <= len + 1 {
                // Where there are two there are more.
                frame.reserve(len.max(MORE) + ",]".len());
            }
            frame.push(b',');
            return write(frame);
        }
        let mut frame = self.opened(len);
        write(&mut frame);
        *self = Self::Open(frame);
    }

    /// A frame that begins with what there is, and has room for `len` more bytes.
    fn opened(&self, len: usize) -> Vec<u8> {
        let first = match self {
            Self::Empty | Self::Open(_) => None,
            Self::Shared(literal) => Some(literal.as_json()),
        };
        let room = match first {
            None => len,
            Some(first) => first.len() + ",".len() + len.max(MORE),
        };
        let mut frame = Vec::with_capacity(OPENING.len() + room + "]".len());
        frame.extend_from_slice(OPENING);
        if let Some(first) = first {
            frame.extend_from_slice(first);
            frame.push(b',');
        }
        frame
    }
}

/// What a frame of messages begins with.
const OPENING: &[u8] = b"a[";
/// Room for a frame's messages behind the first.
const MORE: usize = 512;
