//! `jsonp`: a script that calls the page with one frame.

use alloc::vec::Vec;

use super::Callback;
use crate::Frame;
use crate::literal::Embedding;

pub(super) fn write(callback: &Callback, comment: bool, frame: &Frame<'_>, out: &mut Vec<u8>) {
    if comment {
        out.extend_from_slice(b"/**/");
    }
    out.extend_from_slice(callback.as_str().as_bytes());
    out.extend_from_slice(b"(\"");
    frame.write(Embedding::Script, out);
    out.extend_from_slice(b"\");\r\n");
}
