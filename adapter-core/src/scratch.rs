//! The buffers that all connections of a thread share.

use std::cell::Cell;

use websocket_proto::Outbox;
use websocket_proto::connection::{Connection, Events};

thread_local! {
    static KEPT: Kept = const { Kept::new() };
}

/// What a thread keeps while nobody has it on loan.
struct Kept {
    read: Cell<Option<Box<[u8]>>>,
    /// For a read inside a read: that of the driver, and that of the TLS below it.
    nested: Cell<Option<Box<[u8]>>>,
    answers: Cell<Vec<u8>>,
    events: Cell<Option<Events>>,
}

impl Kept {
    const fn new() -> Self {
        Self {
            read: Cell::new(None),
            nested: Cell::new(None),
            answers: Cell::new(Vec::new()),
            events: Cell::new(None),
        }
    }
}

/// One of the thread's read buffers, on loan: an idle connection owns none.
///
/// It is taken out of its place and put back when dropped, so nesting is harmless.
pub(crate) struct Scratch(Box<[u8]>);

impl Scratch {
    /// Takes a buffer of this thread.
    pub(crate) fn take() -> Self {
        let kept = KEPT.try_with(|kept| kept.read.take().or_else(|| kept.nested.take()));
        let kept = kept.ok().flatten();
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
        let _ = KEPT.try_with(|kept| {
            if let Some(other) = kept.read.replace(Some(buffer)) {
                kept.nested.set(Some(other));
            }
        });
    }
}

/// Lends the thread's buffer for answers to an outbox, which gives it back with [`reclaim`].
#[inline]
pub(crate) fn lend(outbox: &mut Outbox) {
    if outbox.is_empty() {
        let mut buffer = KEPT
            .try_with(|kept| kept.answers.take())
            .unwrap_or_default();
        if buffer.capacity() == 0 {
            buffer.reserve_exact(ANSWERS_SIZE);
        }
        outbox.lend(buffer);
    }
}

/// Takes back what was lent, if anything was.
#[inline]
pub(crate) fn reclaim(outbox: &mut Outbox) {
    if let Some(buffer) = outbox.reclaim()
        && buffer.capacity() <= ANSWERS_KEPT
    {
        let _ = KEPT.try_with(|kept| kept.answers.set(buffer));
    }
}

/// Lends the thread's memory for events to a connection, which gives it back with [`reclaim_events`].
#[inline]
pub(crate) fn lend_events(connection: &mut Connection) {
    if !connection.has_events() {
        connection.lend_events(take_events());
    }
}

/// The thread's memory for events, until it is [given back](give_events).
#[inline]
pub(crate) fn take_events() -> Events {
    let events = KEPT.try_with(|kept| kept.events.take()).ok().flatten();
    events.unwrap_or_default()
}

/// Takes back what was lent, unless events wait there.
#[inline]
pub(crate) fn reclaim_events(connection: &mut Connection) {
    if let Some(events) = connection.reclaim_events() {
        give_events(events);
    }
}

/// Keeps memory for events that was [taken](take_events), unless it has grown out of bounds.
#[inline]
pub(crate) fn give_events(events: Events) {
    if events.capacity() <= EVENTS_KEPT {
        let _ = KEPT.try_with(|kept| kept.events.set(Some(events)));
    }
}

/// A masked message of 64 KiB is 65 550 bytes: it arrives whole, with room for its successors.
const SIZE: usize = 128 * 1024;
/// The answers to most reads fit.
const ANSWERS_SIZE: usize = 16 * 1024;
/// An outbox that is full to its mark by default, and a message beyond it.
const ANSWERS_KEPT: usize = 128 * 1024;
/// What comes in one read of many short messages.
const EVENTS_KEPT: usize = 64 * 1024;

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
