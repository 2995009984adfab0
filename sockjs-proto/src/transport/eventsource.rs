//! `eventsource`: one event for each frame.

use alloc::vec::Vec;

use crate::Frame;
use crate::literal::Embedding;

/// Opera needs an empty line first.
pub(super) const PRELUDE: &[u8] = b"\r\n";

pub(super) fn write(frame: &Frame<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    frame.write(Embedding::EventStream, out);
    out.extend_from_slice(b"\r\n\r\n");
}
