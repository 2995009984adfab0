//! Locks, counters and what is a thread's own: those of `std`, or of `loom` when that tries every
//! interleaving.
//!
//! Whatever is shared between tasks of sessions takes them from here.

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, atomic},
    thread_local,
};

/// As that of `std`, of which loom's knows no `const`.
#[cfg(loom)]
macro_rules! of_thread {
    ($(#[$about:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        loom::thread_local! { $(#[$about])* static $name: $type = $value; }
    };
}
#[cfg(loom)]
pub(crate) use of_thread as thread_local;

use std::sync::PoisonError;

/// No code of the application runs under a lock of ours, so a panic leaves what it guards whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
