//! The one face every state machine shows to whoever moves its bytes.

use crate::{Instant, Outbox};

/// The input and output of a state machine. A driver needs nothing else.
///
/// One turn of a driver: read into a buffer, [`receive`](Self::receive), let the application work
/// off the machine's events, write from [`outbox`](Self::outbox), call
/// [`handle_timeout`](Self::handle_timeout) when a deadline has passed or when a write left bytes
/// behind (that starts the write-stall clock), sleep until [`poll_timeout`](Self::poll_timeout).
///
/// No call blocks, reads a clock or allocates without bound. Every call may queue events or output,
/// in any order; calling [`handle_timeout`](Self::handle_timeout) early is harmless.
pub trait Machine {
    /// Feeds bytes from the peer; returns how many were taken.
    ///
    /// Fewer than `input.len()` means "full": keep the rest, stop reading, try again once events or
    /// output have drained. The slice is mutable because payloads are unmasked in place; bytes not
    /// taken are never modified. A protocol error is not a result: it becomes the last event, after
    /// everything validly received before it.
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize;

    /// The peer closed its sending side.
    fn receive_eof(&mut self, now: Instant);

    /// When to call [`handle_timeout`](Self::handle_timeout) next; `None` means never.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Lets every timer that is due at `now` fire.
    fn handle_timeout(&mut self, now: Instant);

    /// Bytes for the peer.
    fn outbox(&mut self) -> &mut Outbox;

    /// What a read is good for right now.
    fn read_interest(&self) -> ReadInterest;

    /// Nothing more will be queued: close the socket once the outbox is empty.
    fn is_finished(&self) -> bool;

    /// Where the rest of a large payload may be read straight to, skipping the copy through
    /// [`receive`](Self::receive). `None` most of the time.
    fn direct_read(&mut self) -> Option<&mut [u8]> {
        None
    }

    /// Tells that `n` bytes were read into the slice of [`direct_read`](Self::direct_read).
    fn direct_filled(&mut self, now: Instant, n: usize) {
        let _ = (now, n);
    }
}

/// What reading from the socket is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadInterest {
    /// Bytes would be taken.
    Data,
    /// Only the end of the stream matters, for instance while a response is streamed.
    Eof,
    /// Nothing: paused by backpressure, or the peer is done.
    Nothing,
}
