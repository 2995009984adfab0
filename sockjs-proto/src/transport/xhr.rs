//! `xhr` and `xhr_streaming`: one line for each frame.

use alloc::vec::Vec;

use crate::Frame;
use crate::literal::Embedding;

/// Internet Explorer tells of progress only after 2 KiB.
pub(super) fn write_prelude(out: &mut Vec<u8>) {
    out.resize(out.len() + 2048, b'h');
    out.push(b'\n');
}

pub(super) fn write(frame: &Frame<'_>, out: &mut Vec<u8>) {
    frame.write(Embedding::Plain, out);
    out.push(b'\n');
}
