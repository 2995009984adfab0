//! Sessions that are over, remembered for those who come late.

use alloc::collections::VecDeque;

use hashbrown::HashTable;
use websocket_proto::Instant;

use crate::{Close, SessionId};

/// The closes of ended sessions, oldest first: a bounded ring and an index into it.
#[derive(Debug)]
pub(crate) struct Ended {
    ring: VecDeque<Memory>,
    /// How many have left the ring. The index counts from the first that was ever in it.
    gone: usize,
    index: HashTable<(u64, usize)>,
    most: usize,
}

#[derive(Debug)]
struct Memory {
    id: SessionId,
    hash: u64,
    last: Last,
    until: Instant,
}

/// How a remembered session ended.
#[derive(Clone, Debug)]
pub(crate) enum Last {
    /// By a cut: a sender is told that there is no such session.
    Cut(Close),
    /// By the application: a sender is told that it is closing.
    Closed(Close),
}

impl Last {
    pub(crate) const fn close(&self) -> &Close {
        match self {
            Self::Cut(close) | Self::Closed(close) => close,
        }
    }
}

impl Ended {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            gone: 0,
            index: HashTable::new(),
            most,
        }
    }

    /// Remembers a session that is not remembered yet. `until` is not before that of any other.
    pub(crate) fn push(&mut self, id: SessionId, hash: u64, last: Last, until: Instant) {
        if self.most == 0 {
            return;
        }
        if self.ring.len() >= self.most {
            self.pop();
        }
        let nth = self.gone.wrapping_add(self.ring.len());
        self.ring.push_back(Memory {
            id,
            hash,
            last,
            until,
        });
        self.index
            .insert_unique(hash, (hash, nth), |&(hash, _)| hash);
    }

    pub(crate) fn get(&self, id: &[u8], hash: u64, now: Instant) -> Option<&Last> {
        let (ring, gone) = (&self.ring, self.gone);
        let memory = |nth: usize| ring.get(nth.wrapping_sub(gone));
        let &(_, nth) = self.index.find(hash, |&(other, nth)| {
            other == hash && memory(nth).is_some_and(|memory| memory.id.as_bytes() == id)
        })?;
        memory(nth)
            .filter(|memory| now < memory.until)
            .map(|memory| &memory.last)
    }

    /// When the oldest may be forgotten.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.ring.front().map(|memory| memory.until)
    }

    pub(crate) fn forget(&mut self, now: Instant) {
        while self.deadline().is_some_and(|until| until <= now) {
            self.pop();
        }
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
            self.index = HashTable::new();
        }
    }

    fn pop(&mut self) {
        let Some(memory) = self.ring.pop_front() else {
            return;
        };
        let gone = self.gone;
        if let Ok(entry) = self.index.find_entry(memory.hash, |&(_, nth)| nth == gone) {
            entry.remove();
        }
        self.gone = gone.wrapping_add(1);
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_by_number_and_by_time() {
        let mut ended = Ended::new(3);
        for n in 0..5u64 {
            // Two ids share each hash.
            let id = SessionId::from(format!("s{n}").as_str());
            ended.push(
                id,
                n / 2,
                Last::Cut(Close::INTERRUPTED),
                Instant::from_millis(n),
            );
        }
        let known = |ended: &Ended, n: u64| {
            ended
                .get(format!("s{n}").as_bytes(), n / 2, Instant::ZERO)
                .is_some()
        };
        assert_eq!(
            [0, 1, 2, 3, 4].map(|n| known(&ended, n)),
            [false, false, true, true, true]
        );
        ended.forget(Instant::from_millis(3));
        assert_eq!([2, 3, 4].map(|n| known(&ended, n)), [false, false, true]);
        assert!(ended.get(b"s4", 2, Instant::from_millis(4)).is_none());
        ended.forget(Instant::from_millis(4));
        assert_eq!((ended.len(), ended.index.len()), (0, 0));
    }
}
