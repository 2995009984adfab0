//! Responses that are complete and not written yet.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use websocket_proto::Outbox;

use crate::ReceiverId;

/// A queue of them, oldest first. There are no more than fit into the outbox, since HTTP takes no
/// request while that is over its mark, and hardly ever more than one.
pub(super) struct Unflushed<P> {
    first: Option<Entry<P>>,
    #[expect(clippy::box_collection, reason = "most connections never have any")]
    others: Option<Box<VecDeque<Entry<P>>>>,
}

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
        Self {
            first: None,
            others: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.len());
        usize::from(self.first.is_some()) + others
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds a response whose last byte was just queued.
    pub(super) fn push(&mut self, place: P, receiver: ReceiverId, outbox: &Outbox) {
        let entry = Entry {
            place,
            receiver,
            mark: outbox.written() + outbox.len() as u64,
        };
        match self.first {
            None => self.first = Some(entry),
            Some(_) => self.others.get_or_insert_default().push_back(entry),
        }
    }

    /// The oldest one whose fate is known.
    pub(super) fn pop(&mut self, outbox: &Outbox) -> Option<(P, ReceiverId, Fate)> {
        let fate = match &self.first {
            None => return None,
            Some(first) if outbox.written() >= first.mark => Fate::Written,
            // HTTP dropped what it had queued.
            Some(_) if outbox.is_empty() => Fate::Dropped,
            Some(_) => return None,
        };
        let Entry {
            place, receiver, ..
        } = self.first.take()?;
        self.first = self.others.as_mut().and_then(|others| others.pop_front());
        if self.first.is_none() {
            self.others = None;
        }
        Some((place, receiver, fate))
    }

    /// All of them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (P, ReceiverId)> + use<P> {
        let others = self.others.take().map(|others| *others).unwrap_or_default();
        let entries = self.first.take().into_iter().chain(others);
        entries.map(|entry| (entry.place, entry.receiver))
    }
}
