//! How many sessions there may be.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A bound that all shards and WebSockets of a service, or of several, share.
///
/// ```
/// use sockjs_proto::Capacity;
///
/// let capacity = Capacity::new(1);
/// let permit = capacity.take().expect("the first fits");
/// assert!(capacity.take().is_none());
/// drop(permit);
/// assert_eq!(capacity.used(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Capacity(Arc<Count>);

#[derive(Debug)]
struct Count {
    used: AtomicUsize,
    most: usize,
}

/// Room for one session, until it is dropped.
#[derive(Debug)]
pub struct Permit(Arc<Count>);

impl Count {
    /// Takes one, and tells whether there was any.
    fn take(&self) -> bool {
        let more = |used| (used < self.most).then_some(used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn give_back(&self, count: usize) {
        self.used.fetch_sub(count, Ordering::Relaxed);
    }
}

impl Capacity {
    /// Room for that many.
    pub fn new(most: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self(Arc::new(Count { used, most }))
    }

    /// Room for one more, if there is any.
    pub fn take(&self) -> Option<Permit> {
        self.0.take().then(|| Permit(Arc::clone(&self.0)))
    }

    /// How many there are.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// The places that an endpoint has taken, which its sessions need not know one by one.
#[derive(Debug)]
pub(crate) struct Taken {
    capacity: Capacity,
    count: usize,
}

impl Taken {
    /// None so far.
    pub(crate) const fn new(capacity: Capacity) -> Self {
        Self { capacity, count: 0 }
    }

    /// Takes one more, and tells whether there was any.
    pub(crate) fn take(&mut self) -> bool {
        let taken = self.capacity.0.take();
        self.count += usize::from(taken);
        taken
    }

    /// Gives one back.
    pub(crate) fn give_back(&mut self) {
        if let Some(count) = self.count.checked_sub(1) {
            self.count = count;
            self.capacity.0.give_back(1);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.capacity.0.give_back(self.count);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}
