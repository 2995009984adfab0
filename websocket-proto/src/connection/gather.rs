//! A message that arrives in pieces.

use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;

use super::inbound::Around;
use super::{Incoming, Sink};
use crate::MessageKind;
use crate::frame::ProtocolError;
use crate::utf8::Validator;

/// What is remembered of an unfinished message.
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) kind: MessageKind,
    pub(super) compressed: bool,
    /// A chunk of it was delivered (streamed delivery).
    begun: bool,
    pub(super) utf8: Validator,
    /// Payload bytes on the wire, those announced by the current frame included.
    wire: u64,
    fragments: u64,
    /// The payload so far in its first `filled` bytes; behind them zeros to read into.
    pub(super) buffer: Vec<u8>,
    filled: usize,
}

impl Gather {
    pub(super) const fn new(kind: MessageKind, compressed: bool) -> Self {
        Self {
            kind,
            compressed,
            begun: false,
            utf8: Validator::new(),
            wire: 0,
            fragments: 0,
            buffer: Vec::new(),
            filled: 0,
        }
    }

    /// Counts a frame of `len` bytes before any of them is taken. `max` is the longest message, or
    /// `None` where none is gathered.
    pub(super) fn count(&mut self, len: u64, max: Option<usize>) -> Result<(), ProtocolError> {
        self.fragments += 1;
        // A length is below 2^63: two of them fit, and the sum is refused or paid for in bytes.
        self.wire = self.wire.saturating_add(len);
        let average = self.wire / self.fragments;
        if self.fragments > FLOOD_ABOVE && average < FLOOD_AVERAGE {
            return Err(ProtocolError::TooManyFragments);
        }
        let Some(max) = max.map(|max| max as u64) else {
            return Ok(());
        };
        // The limit is for what comes out of the inflater, which checks it. What goes in is longer
        // when it cannot be shrunk and its sender flushes often; the rest is no use to anybody.
        let allowed = if self.compressed {
            max.saturating_mul(2).saturating_add(FLUSHES)
        } else {
            max
        };
        if self.wire > allowed {
            return Err(ProtocolError::MessageTooBig);
        }
        if self.fragments > MAX_FRAGMENTS.max(max / FRAGMENT_ALLOWANCE) {
            return Err(ProtocolError::TooManyFragments);
        }
        Ok(())
    }

    /// Adds `piece`; `remaining` bytes of its frame follow, and the message ends with that frame if
    /// `fin`.
    pub(super) fn append(&mut self, piece: &[u8], remaining: u64, fin: bool) {
        let room = piece.len().min(self.buffer.len() - self.filled);
        let (now, later) = piece.split_at(room);
        self.buffer[self.filled..self.filled + room].copy_from_slice(now);
        if !later.is_empty() {
            self.reserve(later.len(), remaining, fin);
            self.buffer.extend_from_slice(later);
        }
        self.filled += piece.len();
    }

    /// Grows by what has arrived, never by what was announced; but not beyond what was announced, so
    /// that the finished message has no slack.
    fn reserve(&mut self, more: usize, remaining: u64, fin: bool) {
        let need = self.buffer.len() + more;
        if need <= self.buffer.capacity() {
            return;
        }
        let doubled = need.max(self.buffer.capacity() * 2).max(FIRST_CAPACITY);
        let announced =
            usize::try_from(remaining).map_or(usize::MAX, |rest| rest.saturating_add(need));
        let capacity = if fin { doubled.min(announced) } else { doubled };
        self.buffer.reserve_exact(capacity - self.buffer.len());
    }

    /// Zeroed room for some of the `remaining` bytes of the current frame: once it is used up, for
    /// as many as have arrived so far. `None` until enough have.
    pub(super) fn room(&mut self, remaining: u64) -> Option<&mut [u8]> {
        if self.filled < DIRECT_AFTER {
            return None;
        }
        if self.buffer.len() == self.filled {
            let step = usize::try_from(remaining).map_or(self.filled, |rest| rest.min(self.filled));
            self.buffer.reserve_exact(step);
            self.buffer.resize(self.filled + step, 0);
        }
        Some(&mut self.buffer[self.filled..])
    }

    /// Takes the next `n` bytes of the [`room`](Self::room), which `unmask` makes readable.
    pub(super) fn fill(
        &mut self,
        n: usize,
        unmask: impl FnOnce(&mut [u8]),
    ) -> Result<(), ProtocolError> {
        let piece = &mut self.buffer[self.filled..self.filled + n];
        unmask(piece);
        self.filled += n;
        if self.kind == MessageKind::Text {
            self.utf8
                .feed(piece)
                .map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        Ok(())
    }

    /// Takes what a codec appended to the buffer, which was `before` bytes long.
    #[cfg(feature = "deflate")]
    pub(super) fn appended(&mut self, before: usize) -> Result<(), ProtocolError> {
        if self.kind == MessageKind::Text {
            let text = &self.buffer[before..];
            self.utf8
                .feed(text)
                .map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        self.filled = self.buffer.len();
        Ok(())
    }

    /// Delivers `piece` as a chunk, but for its last `unfinished` bytes, which are gathered.
    pub(super) fn stream<S: Sink>(
        &mut self,
        piece: &mut [u8],
        unfinished: usize,
        last: bool,
        around: &mut Around<'_, S>,
    ) {
        let chunk = if self.filled == 0 && unfinished == 0 {
            Incoming::borrowed(self.kind, piece)
        } else {
            let mut joined = self.take();
            joined.extend_from_slice(piece);
            let held = joined.split_off(joined.len() - unfinished);
            self.append(&held, 0, true);
            Incoming::gathered(self.kind, joined.into())
        };
        if last || !chunk.as_bytes().is_empty() {
            let first = !mem::replace(&mut self.begun, true);
            around.sink.chunk(chunk, first, last, around.out);
        }
    }

    /// What is gathered so far, which is then gathered no more.
    fn take(&mut self) -> Vec<u8> {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.truncate(mem::take(&mut self.filled));
        buffer
    }

    /// The whole payload, in a buffer of about its size.
    pub(super) fn into_bytes(mut self) -> Bytes {
        self.buffer.truncate(self.filled);
        if self.buffer.capacity() - self.filled > self.filled / SLACK {
            self.buffer.shrink_to_fit();
        }
        self.buffer.into()
    }
}

/// More fragments than this must be worth their headers ...
const FLOOD_ABOVE: u64 = 1024;
/// ... with so many bytes on average. Every fragment costs its sender at least 6 bytes and us work.
const FLOOD_AVERAGE: u64 = 32;
/// Never more fragments than this ...
const MAX_FRAGMENTS: u64 = 131_072;
/// ... unless the limit for messages allows fragments of this size: Autobahn sends 64-byte ones.
const FRAGMENT_ALLOWANCE: u64 = 64;
/// What flushes may add to a compressed message besides doubling it.
const FLUSHES: u64 = 4096;
const FIRST_CAPACITY: usize = 1024;
/// Room as large as this is worth a read of its own.
const DIRECT_AFTER: usize = 16 * 1024;
/// A quarter of unused memory is kept with a message rather than copied away.
const SLACK: usize = 4;
