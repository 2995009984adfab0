//! Bytes on their way to the peer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use bytes::{Buf, Bytes};

/// Bytes waiting for the socket: small pieces coalesce, large ones are kept by reference.
///
/// It is a [`bytes::Buf`]: a driver writes what `chunks_vectored` shows (or
/// [`chunk`](Buf::chunk), without vectored writes) and calls [`advance`](Buf::advance) with what the
/// socket took. An empty outbox owns no memory, unless some is [lent](Self::lend) to it.
///
/// ```
/// use bytes::{Buf, Bytes};
/// use websocket_proto::Outbox;
///
/// let mut outbox = Outbox::new();
/// outbox.append(b"head");
/// outbox.push(Bytes::from(vec![7; 10_000])); // not copied
/// assert_eq!(outbox.len(), 10_004);
/// assert_eq!(outbox.chunk(), b"head");
/// outbox.advance(4);
/// assert_eq!(outbox.chunk().len(), 10_000);
/// ```
// All small pieces lie in one buffer, whatever large ones stand between them: queueing a large
// payload then costs one entry that says how many small bytes go before it, and no allocation to
// seal the bytes of its header.
#[derive(Debug, Default)]
pub struct Outbox {
    small: Vec<u8>,
    /// How much of `small` is written.
    read: usize,
    large: Option<Box<LargePieces>>,
    written: u64,
    /// `small` is somebody else's.
    lent: bool,
}

#[derive(Debug, Default)]
struct LargePieces {
    queue: VecDeque<Large>,
    /// How many small bytes stand before one of them.
    before: usize,
    /// How many bytes they have.
    len: usize,
}

/// A payload kept by reference, after `before` bytes of the small buffer.
#[derive(Debug)]
struct Large {
    before: usize,
    payload: Bytes,
}

impl Outbox {
    /// Pieces longer than this are kept by reference: a copy of that size costs about what an
    /// additional entry of a vectored write does.
    pub const COPY_MAX: usize = 4096;

    /// An empty outbox.
    pub const fn new() -> Self {
        Self {
            small: Vec::new(),
            read: 0,
            large: None,
            written: 0,
            lent: false,
        }
    }

    /// How many bytes wait.
    #[inline]
    pub fn len(&self) -> usize {
        let large = self.large.as_ref().map_or(0, |large| large.len);
        self.small.len() - self.read + large
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes were ever written; tells a stalled peer from a slow one.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Lends `buffer`, emptied, to hold small pieces until it is [reclaimed](Self::reclaim). A driver
    /// that lends the same one to all its machines, each for one turn, spares them an allocation in
    /// every turn.
    ///
    /// Only an empty outbox takes it; it is dropped by one where something waits.
    ///
    /// ```
    /// use bytes::Buf;
    /// use websocket_proto::Outbox;
    ///
    /// let mut outbox = Outbox::new();
    /// outbox.lend(Vec::with_capacity(4096));
    /// outbox.append(b"answer");
    /// outbox.advance(4); // the socket takes no more for now
    /// let buffer = outbox.reclaim().expect("it was lent");
    /// assert_eq!((buffer.len(), buffer.capacity()), (0, 4096));
    /// assert_eq!(outbox.chunk(), b"er");
    /// ```
    pub fn lend(&mut self, mut buffer: Vec<u8>) {
        if self.is_empty() {
            buffer.clear();
            self.small = buffer;
            self.lent = true;
        }
    }

    /// Gives a [lent](Self::lend) buffer back, perhaps grown. What still waits in it moves to memory of
    /// the outbox' own.
    pub fn reclaim(&mut self) -> Option<Vec<u8>> {
        if !mem::take(&mut self.lent) {
            return None;
        }
        let mut buffer = mem::take(&mut self.small);
        if self.read < buffer.len() {
            self.small = buffer[self.read..].to_vec();
        }
        self.read = 0;
        buffer.clear();
        Some(buffer)
    }

    /// Takes a [lent](Self::lend) buffer in which nothing waits, for a while: what is written into it goes
    /// [in front](Self::put_first) then.
    pub(crate) fn take_lent(&mut self) -> Option<Vec<u8>> {
        (self.lent && self.is_empty()).then(|| {
            self.read = 0;
            mem::take(&mut self.small)
        })
    }

    /// Puts what is in `first` before all that waits.
    pub(crate) fn put_first(&mut self, mut first: Vec<u8>) {
        if let Some(large) = &mut self.large
            && let Some(front) = large.queue.front_mut()
        {
            front.before += first.len();
            large.before += first.len();
        }
        first.extend_from_slice(&self.small[self.read..]);
        self.small = first;
        self.read = 0;
    }

    /// Copies `piece` behind what waits.
    #[inline]
    pub fn append(&mut self, piece: &[u8]) {
        self.append_with(piece.len(), |buffer| buffer.extend_from_slice(piece));
    }

    /// Lets `write` add bytes to the end of the buffer it is given; `hint` is about how many.
    ///
    /// `write` must only append.
    #[inline]
    pub fn append_with(&mut self, hint: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.small.capacity() == 0 || self.read > COMPACT_ABOVE {
            self.make_room(hint);
        }
        let before = self.small.len();
        write(&mut self.small);
        debug_assert!(self.small.len() >= before, "only appending is allowed");
    }

    #[cold]
    fn make_room(&mut self, hint: usize) {
        if self.small.capacity() == 0 {
            self.small = Vec::with_capacity(hint.max(FIRST_CAPACITY));
        } else if self.read > self.small.len() / 2 {
            // A peer that is always a little behind must not make the written part pile up. Each
            // byte is moved at most once for one that was written.
            self.small.drain(..self.read);
            self.read = 0;
        }
    }

    /// Queues `payload`, without a copy when it is longer than [`COPY_MAX`](Self::COPY_MAX).
    pub fn push(&mut self, payload: Bytes) {
        if payload.len() <= Self::COPY_MAX {
            return self.append(&payload);
        }
        let large = self.large.get_or_insert_default();
        let before = self.small.len() - self.read - large.before;
        large.before += before;
        large.len += payload.len();
        large.queue.push_back(Large { before, payload });
    }

    /// Moves everything that waits in `other` behind what waits here.
    pub fn append_outbox(&mut self, other: &mut Self) {
        while other.has_remaining() {
            let n = other.chunk().len();
            // `copy_to_bytes` of a whole large chunk is a reference, not a copy.
            self.push(other.copy_to_bytes(n));
        }
    }

    /// Drops everything that waits; [`written`](Self::written) stays.
    pub fn clear(&mut self) {
        self.large = None;
        self.forget_small();
    }

    fn advance_pieces(&mut self, mut n: usize) {
        while n > 0 {
            let front = self.large.as_mut().and_then(|large| {
                let front = large.queue.front_mut()?;
                Some((front, &mut large.before, &mut large.len))
            });
            let Some((entry, before, len)) = front else {
                self.read += n;
                break;
            };
            let small = n.min(entry.before);
            entry.before -= small;
            *before -= small;
            self.read += small;
            n -= small;
            let payload = n.min(entry.payload.len());
            entry.payload.advance(payload);
            *len -= payload;
            n -= payload;
            if entry.payload.is_empty() {
                self.drop_front();
            }
        }
    }

    /// Drops the large piece in front.
    fn drop_front(&mut self) {
        if let Some(large) = &mut self.large {
            large.queue.pop_front();
            if large.queue.is_empty() {
                self.large = None;
            }
        }
    }

    /// No small byte waits any more.
    fn forget_small(&mut self) {
        self.read = 0;
        if self.lent {
            self.small.clear();
        } else {
            self.small = Vec::new();
        }
    }

    /// The pieces in order, empty ones left out.
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = self.read;
        let before = self.large.as_ref().map_or(0, |large| large.before);
        let last = &self.small[self.read + before..];
        let large = self.large.iter().flat_map(|large| &large.queue);
        large
            .flat_map(move |entry| {
                let small = &self.small[at..at + entry.before];
                at += entry.before;
                [small, &entry.payload[..]]
            })
            .chain([last])
            .filter(|piece| !piece.is_empty())
    }
}

impl Buf for Outbox {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        match self.large.as_ref().and_then(|large| large.queue.front()) {
            None => &self.small[self.read..],
            Some(entry) if entry.before > 0 => &self.small[self.read..self.read + entry.before],
            Some(entry) => &entry.payload,
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut used = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces()) {
            *slice = std::io::IoSlice::new(piece);
            used += 1;
        }
        used
    }

    /// Drops `n` written bytes.
    ///
    /// # Panics
    ///
    /// When `n` is more than [`len`](Self::len).
    #[inline]
    fn advance(&mut self, n: usize) {
        assert!(n <= self.len(), "advanced past the end of the outbox");
        self.written += n as u64;
        if self.large.is_none() {
            self.read += n;
        } else {
            self.advance_pieces(n);
        }
        if self.read == self.small.len() {
            self.forget_small();
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let front = self.large.as_ref().and_then(|large| large.queue.front());
        let bytes = match front {
            Some(entry) if entry.before == 0 && entry.payload.len() >= len => {
                entry.payload.slice(..len)
            }
            _ => {
                let mut copy = Vec::with_capacity(len);
                for piece in self.pieces() {
                    let n = piece.len().min(len - copy.len());
                    copy.extend_from_slice(&piece[..n]);
                }
                Bytes::from(copy)
            }
        };
        self.advance(len);
        bytes
    }
}

/// Fits the answers to one read of small messages without growing.
const FIRST_CAPACITY: usize = 512;
/// Below this a written prefix is not worth moving.
const COMPACT_ABOVE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script of appends and pushes against a flat model, writing `step` bytes at a time.
    fn against_model(pieces: &[usize], step: usize) {
        let mut outbox = Outbox::new();
        let mut model = Vec::new();
        let mut written = Vec::new();
        for (i, &len) in pieces.iter().enumerate() {
            let piece: Vec<u8> = (0..len).map(|j| (i * 31 + j).to_le_bytes()[0]).collect();
            model.extend_from_slice(&piece);
            if i % 3 == 0 {
                outbox.append(&piece);
            } else {
                outbox.push(piece.into());
            }
            let n = step.min(outbox.remaining());
            let mut gathered = Vec::new();
            for piece in outbox.pieces() {
                gathered.extend_from_slice(piece);
            }
            assert_eq!(gathered, model[written.len()..]);
            written.extend_from_slice(&gathered[..n]);
            outbox.advance(n);
            assert_eq!(outbox.len(), model.len() - written.len());
            assert_eq!(outbox.written(), written.len() as u64);
        }
        while outbox.has_remaining() {
            let n = outbox.chunk().len().min(step.max(1));
            written.extend_from_slice(&outbox.chunk()[..n]);
            outbox.advance(n);
        }
        assert_eq!(written, model);
        assert!(
            outbox.large.is_none() && outbox.small.capacity() == 0,
            "memory is given back"
        );
    }

    #[test]
    fn keeps_order_and_bytes() {
        let pieces = [
            0, 1, 5000, 10, 4096, 4097, 0, 3, 9000, 9000, 70_000, 1, 1, 1,
        ];
        for step in [0, 1, 2, 4096, 5000, 8191, 100_000] {
            against_model(&pieces, step);
        }
    }

    #[test]
    fn what_waits_moves_out_of_a_lent_buffer() {
        let mut outbox = Outbox::new();
        outbox.lend(Vec::with_capacity(100));
        outbox.append(b"abc");
        outbox.push(Bytes::from(alloc::vec![1; 5000]));
        outbox.append(b"de");
        outbox.advance(1);
        outbox.lend(Vec::with_capacity(7)); // something waits
        let buffer = outbox.reclaim().expect("it was lent");
        assert_eq!((buffer.len(), buffer.capacity()), (0, 100));
        assert!(outbox.reclaim().is_none());
        assert_eq!(outbox.copy_to_bytes(2), &b"bc"[..]);
        outbox.advance(5000);
        assert_eq!(outbox.copy_to_bytes(2), &b"de"[..]);
        assert_eq!(outbox.small.capacity(), 0);
    }

    #[test]
    fn a_peer_always_behind_does_not_pile_up_written_bytes() {
        let mut outbox = Outbox::new();
        for _ in 0..100_000 {
            outbox.append(&[7; 100]);
            outbox.advance(outbox.len() - 1);
        }
        assert!(outbox.small.capacity() < 4 * COMPACT_ABOVE);
    }

    #[test]
    fn moving_between_outboxes_shares_large_payloads() {
        let payload = Bytes::from(alloc::vec![1; 8192]);
        let mut from = Outbox::new();
        from.append(b"ab");
        from.push(payload.clone());
        from.append(b"c");
        let mut to = Outbox::new();
        to.append(b"0");
        to.append_outbox(&mut from);
        assert!(from.is_empty());
        assert_eq!(to.len(), 1 + 2 + 8192 + 1);
        assert_eq!(to.copy_to_bytes(3), &b"0ab"[..]);
        assert_eq!(to.chunk().as_ptr(), payload.as_ptr());
    }
}
