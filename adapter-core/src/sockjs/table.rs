//! What is known of things beside the machine that numbers them.

use std::sync::Arc;

/// Values at places that are small numbers.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<Option<Arc<T>>>);

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn insert(&mut self, place: usize, value: Arc<T>) {
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some(value);
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Arc<T>> {
        self.0.get(place)?.as_ref()
    }

    /// Empties the place if it is still that of `value`: places are given anew.
    pub(crate) fn remove(&mut self, place: usize, value: &T) {
        if let Some(entry) = self.0.get_mut(place)
            && entry
                .as_ref()
                .is_some_and(|known| std::ptr::eq(&**known, value))
        {
            *entry = None;
            while let Some(None) = self.0.last() {
                self.0.pop();
            }
            if self.0.is_empty() && self.0.capacity() > KEPT {
                self.0 = Vec::new();
            }
        }
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = Arc<T>> {
        self.0.into_iter().flatten()
    }
}

/// Room for so many values stays.
const KEPT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_emptied_by_its_owner_alone() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let mut table = Table::new();
        table.insert(3, Arc::clone(&first));
        table.remove(3, &second);
        assert_eq!(table.get(3), Some(&first));
        table.insert(3, Arc::clone(&second));
        table.remove(3, &first);
        table.remove(9, &first);
        assert_eq!((table.get(3), table.get(0)), (Some(&second), None));
        table.remove(3, &second);
        assert_eq!((table.get(3), table.0.len()), (None, 0));
        table.insert(KEPT, Arc::clone(&first));
        table.remove(KEPT, &first);
        assert_eq!(table.0.capacity(), 0);
    }
}
