//! Field lines as nearly all of them are.
//!
//! httparse, which reads the others, branches on every byte or two of a name, and each head makes it guess
//! anew.

use super::ProtocolError;
use super::lines::Bounds;
use crate::words::{Word, first_control, first_other};

/// A field line: where it starts, its name, and what stands behind the colon.
pub(super) struct Found<'a> {
    pub(super) start: usize,
    pub(super) name: &'a [u8],
    pub(super) untrimmed: &'a [u8],
}

/// Shows the field lines of `text` from `start` on to `take`, and tells where the empty line ends that
/// ends them.
///
/// `None` for whatever is not usual: a line that is not all there, breaks a rule or a limit, or has a tab or a
/// character in its name that is neither letter nor digit nor `-`.
#[inline]
pub(super) fn usual_fields<'a>(
    text: &'a [u8],
    start: usize,
    bounds: &Bounds,
    mut take: impl FnMut(Found<'a>) -> Result<(), ProtocolError>,
) -> Option<usize> {
    let mut start = start;
    loop {
        let rest = text.get(start..)?;
        let name = first_other(rest, is_usual_in_name);
        if name == 0 {
            return rest.starts_with(b"\r\n").then_some(start + "\r\n".len());
        }
        // Not from the colon on: then the one search would have to wait for the other.
        let end = first_control(rest);
        let (line, behind) = rest.split_at_checked(end)?;
        let (name, value) = line.split_at_checked(name)?;
        let (b':', untrimmed) = value.split_first()? else {
            return None;
        };
        let fits = name.len() <= bounds.field_name && untrimmed.len() <= bounds.field_value;
        if !fits || behind.first_chunk() != Some(b"\r\n") {
            return None;
        }
        take(Found {
            start,
            name,
            untrimmed,
        })
        .ok()?;
        start += end + "\r\n".len();
    }
}

#[inline(always)]
fn is_usual_in_name(word: Word) -> u64 {
    word.letters() | word.between(b'0', b'9') | word.equal(b'-')
}
