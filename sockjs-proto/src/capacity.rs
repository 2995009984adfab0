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

impl Capacity {
    /// Room for that many.
    pub fn new(most: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self(Arc::new(Count { used, most }))
    }

    /// Room for one more, if there is any.
    pub fn take(&self) -> Option<Permit> {
        let more = |used| (used < self.0.most).then_some(used + 1);
        let taken = self
            .0
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Permit(Arc::clone(&self.0)))
    }

    /// How many there are.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}
