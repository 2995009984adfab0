//! Responses that are complete and not written yet.

use alloc::collections::VecDeque;

use websocket_proto::Outbox;

use crate::ReceiverId;

/// A queue of them, oldest first. There are no more than fit into the outbox, since HTTP takes no
/// request while that is over its mark.
pub(super) struct Unflushed<P>(VecDeque<Entry<P>>);

struct Entry<P> {
    place: P,
    receiver: ReceiverId,
    /// The outbox's total when the last byte is written.
    mark: u64,
}

/// What became of a response.
pub(super) enum Fate {
    Written,
    Dropped,
}

impl<P> Unflushed<P> {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a response whose last byte was just queued.
    pub(super) fn push(&mut self, place: P, receiver: ReceiverId, outbox: &Outbox) {
        self.0.push_back(Entry {
            place,
            receiver,
            mark: outbox.written() + outbox.len() as u64,
        });
    }

    /// The oldest one whose fate is known.
    pub(super) fn pop(&mut self, outbox: &Outbox) -> Option<(P, ReceiverId, Fate)> {
        let fate = match self.0.front() {
            None => return None,
            Some(first) if outbox.written() >= first.mark => Fate::Written,
            // HTTP dropped what it had queued.
            Some(_) if outbox.is_empty() => Fate::Dropped,
            Some(_) => return None,
        };
        let Entry {
            place, receiver, ..
        } = self.0.pop_front()?;
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
        Some((place, receiver, fate))
    }

    /// All of them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (P, ReceiverId)> + use<P> {
        let entries = core::mem::take(&mut self.0).into_iter();
        entries.map(|entry| (entry.place, entry.receiver))
    }
}
