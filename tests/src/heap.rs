//! An allocator that counts, for tests of what is held and what was held at most.
//!
//! A test file that wants it says
//! `#[global_allocator] static HEAP: tests::heap::Counting = tests::heap::Counting;`. It counts for
//! each thread, so that tests do not disturb each other.
#![expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; each call goes to `System`"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Signed, because memory may be given back by another thread than the one that took it.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// What happens to the heap of this thread from a moment on.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    held: isize,
    taken: usize,
}

impl Meter {
    /// From now on. There is one peak: an earlier meter's is lost.
    pub fn start() -> Self {
        PEAK.set(HELD.get());
        Self {
            held: HELD.get(),
            taken: TAKEN.get(),
        }
    }

    /// How many more bytes are held now; fewer, when negative.
    pub fn held(&self) -> isize {
        HELD.get() - self.held
    }

    /// How many more bytes were held at most.
    pub fn peak(&self) -> usize {
        usize::try_from(PEAK.get() - self.held).expect("the peak is at least the start")
    }

    /// How many bytes were allocated, those included that were given back.
    pub fn taken(&self) -> usize {
        TAKEN.get() - self.taken
    }
}

/// How many bytes are held now.
pub fn held() -> usize {
    HELD.get().max(0).unsigned_abs()
}

/// What `run` held at most and what it left, beyond what was held before it.
pub fn growth<T>(run: impl FnOnce() -> T) -> (T, Growth) {
    let meter = Meter::start();
    let value = run();
    let growth = Growth {
        peak: meter.peak(),
        left: meter.held().max(0).unsigned_abs(),
    };
    (value, growth)
}

/// Bytes.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// The most that was held at one time.
    pub peak: usize,
    /// What is still held.
    pub left: usize,
}

/// The system's allocator, counted. A reallocation counts as growing in place.
#[derive(Debug)]
pub struct Counting;

fn count(added: usize, removed: usize) {
    let held = HELD.get() + added.cast_signed() - removed.cast_signed();
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    TAKEN.set(TAKEN.get() + added);
}

// SAFETY: every method hands its arguments to `System` unchanged and returns what it gives; counting
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.realloc(at, layout, size) }
    }
}
