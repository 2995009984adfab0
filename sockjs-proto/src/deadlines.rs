//! Deadlines of one constant delay each: they expire in the order in which they were set.

use core::fmt;

use websocket_proto::Instant;

use crate::slab::{NIL, Slab};

/// A list through the entries of a [`Slab`]. What is set last expires last, so no search is needed,
/// and an entry has one deadline at most, so there is nothing to outlive it.
#[derive(Debug)]
pub(crate) struct Deadlines {
    first: u32,
    last: u32,
}

/// What an entry needs to be in such a list.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    before: u32,
    after: u32,
    at: Instant,
}

/// Entries with a [`Link`].
pub(crate) trait Linked {
    fn link(&self) -> &Link;
    fn link_mut(&mut self) -> &mut Link;
}

impl Link {
    pub(crate) const fn new() -> Self {
        Self {
            before: NIL,
            after: NIL,
            at: Instant::FAR,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl Deadlines {
    pub(crate) const fn new() -> Self {
        Self {
            first: NIL,
            last: NIL,
        }
    }

    /// Puts an entry that is in no list at the end of this one. `at` is not before any of the others.
    pub(crate) fn push<T: Linked>(&mut self, entries: &mut Slab<T>, index: u32, at: Instant) {
        let before = self.last;
        if let Some(entry) = entries.at_mut(index) {
            *entry.link_mut() = Link {
                before,
                after: NIL,
                at,
            };
            self.last = index;
            match entries.at_mut(before) {
                Some(before) => before.link_mut().after = index,
                None => self.first = index,
            }
        }
    }

    /// Takes an entry that is in this list out of it.
    pub(crate) fn remove<T: Linked>(&mut self, entries: &mut Slab<T>, index: u32) {
        let Some(entry) = entries.at_mut(index) else {
            return;
        };
        let Link { before, after, .. } = core::mem::replace(entry.link_mut(), Link::new());
        match entries.at_mut(before) {
            Some(entry) => entry.link_mut().after = after,
            None => self.first = after,
        }
        match entries.at_mut(after) {
            Some(entry) => entry.link_mut().before = before,
            None => self.last = before,
        }
    }

    /// The entry whose deadline is next.
    pub(crate) fn next<T: Linked>(&self, entries: &Slab<T>) -> Option<(u32, Instant)> {
        let entry = entries.at(self.first)?;
        Some((self.first, entry.link().at))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    struct Entry(Link);

    impl Linked for Entry {
        fn link(&self) -> &Link {
            &self.0
        }

        fn link_mut(&mut self) -> &mut Link {
            &mut self.0
        }
    }

    #[test]
    fn entries_leave_from_anywhere_and_the_order_stays() {
        for gone in 0..4 {
            let mut entries = Slab::new();
            let mut list = Deadlines::new();
            for n in 0..4 {
                let key = entries.insert(Entry(Link::new()));
                list.push(&mut entries, key.index, Instant::from_millis(n));
            }
            list.remove(&mut entries, gone);
            list.push(&mut entries, gone, Instant::from_millis(9));
            let mut seen = Vec::new();
            while let Some((index, _)) = list.next(&entries) {
                list.remove(&mut entries, index);
                seen.push(index);
            }
            let mut expected: Vec<u32> = (0..4).filter(|&n| n != gone).collect();
            expected.push(gone);
            assert_eq!(seen, expected);
        }
    }
}
