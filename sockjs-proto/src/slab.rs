//! Small ids with a memory behind each.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

/// Where an entry is, and which of those that were there.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    // Never zero, so that an optional key is no larger.
    generation: NonZeroU32,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index, self.generation)
    }
}

/// Entries under keys that go stale with them. It grows by pages, so that no entry is ever moved and
/// the room to spare is small.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Vec<Slot<T>>>,
    free: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: NonZeroU32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Taken(T),
    /// The next free slot.
    Free(u32),
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            pages: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        let index = self.free;
        if let Some(slot) = self.slot_mut(index) {
            let generation = slot.generation;
            if let Content::Free(next) =
                core::mem::replace(&mut slot.content, Content::Taken(value))
            {
                self.free = next;
            }
            return Key { index, generation };
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let mut index = 0;
        if let Some(page) = self.pages.last_mut() {
            index = before + page.len();
            page.push(Slot {
                generation: NonZeroU32::MIN,
                content: Content::Taken(value),
            });
        }
        Key {
            // Memory ends long before this does.
            index: u32::try_from(index).unwrap_or(NIL),
            generation: NonZeroU32::MIN,
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.slot(key.index)? {
            Slot {
                generation,
                content: Content::Taken(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slot_mut(key.index)? {
            Slot {
                generation,
                content: Content::Taken(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The entry that is there now.
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        match &self.slot(index)?.content {
            Content::Taken(value) => Some(value),
            Content::Free(_) => None,
        }
    }

    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        match &mut self.slot_mut(index)?.content {
            Content::Taken(value) => Some(value),
            Content::Free(_) => None,
        }
    }

    /// The key of the entry that is there now.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        let generation = self.slot(index)?.generation;
        self.at(index).map(|_| Key { index, generation })
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let free = self.free;
        let slot = self.slot_mut(key.index)?;
        if slot.generation != key.generation || matches!(slot.content, Content::Free(_)) {
            return None;
        }
        slot.generation = slot.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        let content = core::mem::replace(&mut slot.content, Content::Free(free));
        self.free = key.index;
        self.len -= 1;
        match content {
            Content::Taken(value) => Some(value),
            Content::Free(_) => None,
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let last = u32::try_from(self.pages.len() * PAGE).unwrap_or(NIL);
        (0..last).filter_map(|index| self.key_at(index))
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let index = index as usize;
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let index = index as usize;
        self.pages.get_mut(index / PAGE)?.get_mut(index % PAGE)
    }
}

pub(crate) const NIL: u32 = u32::MAX;
/// A page of sessions is then a few KiB.
const PAGE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_stale_with_its_entry() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..100).map(|n| slab.insert(n)).collect();
        for &key in keys.iter().step_by(2) {
            assert!(slab.remove(key).is_some());
            assert_eq!(slab.get(key), None);
            assert_eq!(slab.remove(key), None);
        }
        assert_eq!((slab.len(), slab.keys().count()), (50, 50));
        let again: Vec<Key> = (0..60).map(|n| slab.insert(1000 + n)).collect();
        for (n, &key) in again.iter().enumerate() {
            assert_eq!(slab.get(key), Some(&(1000 + n)));
            assert_eq!(slab.key_at(key.index), Some(key));
        }
        for (n, &key) in keys.iter().enumerate() {
            assert_eq!(slab.get(key), (n % 2 == 1).then_some(&n));
        }
        assert_eq!(slab.keys().count(), 110);
    }
}
