//! Field lines as nearly all of them are, eight bytes at a look.

use super::ProtocolError;
use super::lines::Bounds;

/// A field line: where it starts, its name, and what stands behind the colon.
pub(super) struct Found<'a> {
    pub(super) start: usize,
    pub(super) name: &'a [u8],
    pub(super) untrimmed: &'a [u8],
}

/// Shows the field lines of `text` from `start` on to `take`, and tells where the empty line ends that
/// ends them.
///
/// `None` for whatever is not usual: a line that is not all there, or breaks a rule or a limit, but
/// also a name with a character other than letters, digits and `-`, or a value with a tab.
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
        let name = position(rest, unusual_in_name);
        if name == 0 {
            return rest.starts_with(b"\r\n").then_some(start + "\r\n".len());
        }
        // Not from the colon on: then the one search would have to wait for the other.
        let end = position(rest, control);
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

/// Where the first byte stands that `stops` marks; at the end when there is none.
#[inline(always)]
fn position(text: &[u8], stops: impl Fn(u64) -> u64) -> usize {
    let (words, tail) = text.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return index * size_of::<u64>() + first(stops);
        }
    }
    // The zeros behind the end stop everything.
    let mut word = [0; 8];
    for (place, byte) in word.iter_mut().zip(tail) {
        *place = *byte;
    }
    text.len() - tail.len() + first(stops(u64::from_le_bytes(word)))
}

/// The first byte with a mark.
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

// Sums of bytes below 0x80 and the numbers added here stay in their byte: each mark is that of its
// own byte.

/// Marks the bytes that are neither letters nor digits nor `-`.
#[inline(always)]
const fn unusual_in_name(word: u64) -> u64 {
    let low = word & !MARKS;
    let lower = low | each(0x20);
    let letter = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
    let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
    let not_dash = at_least(low ^ each(b'-'), 1);
    (word | !(letter | digit) & not_dash) & MARKS
}

/// Marks the bytes that no field value has, and the tab.
#[inline(always)]
const fn control(word: u64) -> u64 {
    let low = word & !MARKS;
    !word & (!at_least(low, b' ') | at_least(low, 0x7f)) & MARKS
}

/// Marks, among other bits, the bytes that are at least `least`. All are below 0x80.
#[inline(always)]
const fn at_least(low: u64, least: u8) -> u64 {
    low + each(0x80 - least)
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const MARKS: u64 = each(0x80);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let marks = |marks: fn(u64) -> u64, other: u8| {
                    let mut word = [other; 8];
                    word[at] = byte;
                    marks(u64::from_le_bytes(word)) >> (8 * at) & 0xff != 0
                };
                for other in [0, b'-', b'a', b'Z', b'9', 0x7f, 0x80, 0xff] {
                    let usual = byte.is_ascii_alphanumeric() || byte == b'-';
                    assert_eq!(marks(unusual_in_name, other), !usual, "{byte} {other}");
                    assert_eq!(
                        marks(control, other),
                        byte.is_ascii_control(),
                        "{byte} {other}"
                    );
                }
            }
        }
    }
}
