//! The buffers that all connections of a thread share.

use std::cell::{Cell, RefCell};

use websocket_proto::Outbox;

thread_local! {
    static SCRATCH: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static ANSWERS: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One of the thread's read buffers, on loan: an idle connection owns none.
///
/// It is taken out of its place and put back when dropped, so nesting is harmless.
pub(crate) struct Scratch(Box<[u8]>);

impl Scratch {
    /// Takes a buffer of this thread.
    pub(crate) fn take() -> Self {
        let kept = SCRATCH
            .try_with(|place| place.borrow_mut().pop())
            .ok()
            .flatten();
        // Zeroed once in its life; what a former read left in it is overwritten or never looked at.
        Self(kept.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()))
    }

    /// The whole buffer.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // A thread that is ending has no place for it any more.
        let _ = SCRATCH.try_with(|place| {
            let mut place = place.borrow_mut();
            if place.len() < KEPT {
                place.push(buffer);
            }
        });
    }
}

/// Lends the thread's buffer for answers to an outbox, which gives it back with [`reclaim`].
pub(crate) fn lend(outbox: &mut Outbox) {
    if outbox.is_empty() {
        let mut buffer = ANSWERS.try_with(Cell::take).unwrap_or_default();
        if buffer.capacity() == 0 {
            buffer.reserve_exact(ANSWERS_SIZE);
        }
        outbox.lend(buffer);
    }
}

/// Takes back what was lent, if anything was.
pub(crate) fn reclaim(outbox: &mut Outbox) {
    if let Some(buffer) = outbox.reclaim()
        && buffer.capacity() <= ANSWERS_KEPT
    {
        let _ = ANSWERS.try_with(|place| place.set(buffer));
    }
}

/// A masked message of 64 KiB is 65 550 bytes: it arrives whole, with room for its successors.
const SIZE: usize = 128 * 1024;
/// One for the driver, one for the TLS below it.
const KEPT: usize = 2;
/// The answers to most reads fit.
const ANSWERS_SIZE: usize = 16 * 1024;
/// An outbox that is full to its mark by default, and a message beyond it.
const ANSWERS_KEPT: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_gives_two_buffers_and_keeps_both() {
        let mut outer = Scratch::take();
        outer.bytes()[0] = 1;
        {
            let mut inner = Scratch::take();
            assert_eq!((inner.bytes().len(), inner.bytes()[0]), (SIZE, 0));
            inner.bytes()[0] = 2;
        }
        drop(outer);
        let (mut first, mut second) = (Scratch::take(), Scratch::take());
        assert_eq!((first.bytes()[0], second.bytes()[0]), (1, 2));
    }
}
