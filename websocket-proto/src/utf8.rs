//! UTF-8 as it arrives: RFC 3629, RFC 6455 §8.1.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;

use crate::{Utf8Bytes, work};

/// Checks text that comes in pieces, cut anywhere, and fails at the first byte that cannot continue
/// it. Remembers four bytes.
///
/// ```
/// use websocket_proto::utf8::Validator;
///
/// let mut text = Validator::new();
/// text.feed(b"caf\xc3")?;
/// assert_eq!(text.unfinished(), 1);
/// text.feed(b"\xa9")?;
/// assert!(text.is_boundary());
/// // Nothing above U+10FFFF: `f4` is fine, `90` behind it is not.
/// assert_eq!(text.feed(b"ok\xf4\x90\x80\x80").unwrap_err().position, 3);
/// # Ok::<(), websocket_proto::utf8::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Validator {
    /// How many bytes of the open sequence have come; 0 between characters.
    have: u8,
    /// How many it lacks.
    need: u8,
    /// The bounds of its next byte.
    low: u8,
    high: u8,
}

const _: () = assert!(size_of::<Validator>() == 4);

impl Validator {
    /// At the start of a text.
    pub const fn new() -> Self {
        Self {
            have: 0,
            need: 0,
            low: 0x80,
            high: 0xbf,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// Where the first byte stands that no UTF-8 text goes on with. The text is lost then: every
    /// later byte fails too.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Invalid> {
        let mut position = 0;
        while self.have > 0 && position < piece.len() {
            self.step(piece, position)?;
            position += 1;
        }
        position += valid_up_to(&piece[position..]);
        // What is left is no whole character: the start of one, or an impossible byte within.
        while position < piece.len() {
            self.step(piece, position)?;
            position += 1;
        }
        Ok(())
    }

    /// Takes the next piece up to the first byte that no UTF-8 text goes on with, and tells how much
    /// that is: all of it, unless the text is broken.
    pub(crate) fn feed_valid(&mut self, piece: &[u8]) -> usize {
        let before = *self;
        match self.feed(piece) {
            Ok(()) => piece.len(),
            Err(Invalid { position }) => {
                *self = before;
                // What comes before the first impossible byte is possible.
                let _ = self.feed(&piece[..position]);
                position
            }
        }
    }

    /// Whether no sequence is open: a text may end here.
    pub const fn is_boundary(&self) -> bool {
        self.have == 0
    }

    /// How many bytes at the end of what was fed belong to a sequence that is not finished: 0 to 3.
    ///
    /// Streamed text is handed on without them.
    pub const fn unfinished(&self) -> usize {
        self.have as usize
    }

    /// Ends the text.
    ///
    /// # Errors
    ///
    /// At position 0 of what would follow, when a sequence is open.
    pub const fn finish(self) -> Result<(), Invalid> {
        if self.is_boundary() {
            Ok(())
        } else {
            Err(Invalid { position: 0 })
        }
    }

    fn step(&mut self, piece: &[u8], position: usize) -> Result<(), Invalid> {
        work::look(1);
        let byte = piece[position];
        let (need, low, high) = match (self.need, byte) {
            (0, 0x00..=0x7f) => return Ok(()),
            // RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
            (0, 0xc2..=0xdf) => (1, 0x80, 0xbf),
            (0, 0xe0) => (2, 0xa0, 0xbf),
            (0, 0xe1..=0xec | 0xee..=0xef) => (2, 0x80, 0xbf),
            (0, 0xed) => (2, 0x80, 0x9f),
            (0, 0xf0) => (3, 0x90, 0xbf),
            (0, 0xf1..=0xf3) => (3, 0x80, 0xbf),
            (0, 0xf4) => (3, 0x80, 0x8f),
            (need @ 1.., byte) if self.low <= byte && byte <= self.high => (need - 1, 0x80, 0xbf),
            _ => {
                *self = Self::LOST;
                return Err(Invalid { position });
            }
        };
        let have = if need == 0 { 0 } else { self.have + 1 };
        *self = Self {
            have,
            need,
            low,
            high,
        };
        Ok(())
    }

    /// No byte lies between these bounds.
    const LOST: Self = Self {
        have: 1,
        need: 1,
        low: 0xff,
        high: 0,
    };
}

/// The start of a text.
impl Default for Validator {
    fn default() -> Self {
        Self::new()
    }
}

/// A byte that no UTF-8 text goes on with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Invalid {
    /// Where it stands in the piece that was fed.
    pub position: usize,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid utf-8 at byte {}", self.position)
    }
}

impl core::error::Error for Invalid {}

/// Whether `bytes` are UTF-8 from start to end.
pub fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() < SHORT && bytes.is_ascii() || is_valid_mixed(bytes)
}

/// As [`is_valid`], for what is known not to be ASCII.
pub(crate) fn is_valid_mixed(bytes: &[u8]) -> bool {
    as_str(bytes).is_some()
}

/// `bytes` as text; `None` when they are not UTF-8 from start to end.
pub fn as_str(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// `bytes` as text, with U+FFFD in place of what is not UTF-8, as the hixie drafts want it. Copies
/// only when there is something to replace; the text is then up to three times as long.
pub fn lossy(bytes: Bytes) -> Utf8Bytes {
    Utf8Bytes::from_bytes(bytes)
        .unwrap_or_else(|invalid| String::from_utf8_lossy(&invalid.0).into_owned().into())
}

/// How many bytes at the front are whole characters.
fn valid_up_to(bytes: &[u8]) -> usize {
    work::look(bytes.len());
    if bytes.len() < SHORT && bytes.is_ascii() {
        return bytes.len();
    }
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(invalid) => invalid.valid_up_to(),
    }
}

/// Short texts are mostly ASCII, and simdutf8 spends more on its last, partial block than a plain
/// scan on all of such a text.
const SHORT: usize = 256;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The first byte that nothing valid continues with, by the standard library alone: the shortest
    /// prefix that is invalid for another reason than its end.
    fn first_impossible(text: &[u8]) -> Option<usize> {
        (0..text.len()).find(|&at| {
            let prefix = core::str::from_utf8(&text[..=at]);
            prefix.is_err_and(|error| error.error_len().is_some())
        })
    }

    /// Feeds `pieces` and compares the verdict and the state after every one.
    fn against_std(pieces: &[&[u8]]) {
        let text = pieces.concat();
        let impossible = first_impossible(&text);
        let mut validator = Validator::new();
        let mut fed = 0;
        for piece in pieces {
            let verdict = validator.feed(piece);
            match impossible.filter(|&at| at < fed + piece.len()) {
                Some(at) => {
                    let position = at - fed;
                    assert_eq!(verdict, Err(Invalid { position }), "{pieces:x?}");
                    assert!(!validator.is_boundary() && validator.finish().is_err());
                    assert_eq!(validator.feed(b"a"), Err(Invalid { position: 0 }));
                    break;
                }
                None => {
                    assert_eq!(verdict, Ok(()), "{pieces:x?}");
                    let whole = match core::str::from_utf8(&text[..fed + piece.len()]) {
                        Ok(text) => text.len(),
                        Err(error) => error.valid_up_to(),
                    };
                    assert_eq!(
                        validator.unfinished(),
                        fed + piece.len() - whole,
                        "{pieces:x?}"
                    );
                    assert_eq!(validator.finish().is_ok(), validator.is_boundary());
                }
            }
            fed += piece.len();
        }
        assert_eq!(is_valid(&text), core::str::from_utf8(&text).is_ok());
    }

    /// Whole, byte by byte, and at every pair of cuts.
    fn at_every_split(text: &[u8]) {
        against_std(&text.chunks(1).collect::<Vec<_>>());
        for first in 0..=text.len() {
            for second in first..=text.len() {
                against_std(&[&text[..first], &text[first..second], &text[second..]]);
            }
        }
    }

    #[test]
    fn texts_at_every_split() {
        for text in [
            &b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"[..],
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64",
            b"\xce",
            b"\xce\xba\xe1",
            b"\xce\xba\xe1\xbd",
            b"\xf4\x8f\xbf\xbf\xef\xbf\xbe\xef\xbf\xbf",
            b"",
        ] {
            at_every_split(text);
        }
    }

    #[test]
    fn sequences_of_every_class_at_every_split() {
        // The first and last byte of every row of RFC 3629 §4, and their neighbours.
        const EDGES: &[u8] = &[
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
            0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        for &a in EDGES {
            for &b in EDGES {
                at_every_split(&[a, b]);
                for &c in EDGES {
                    against_std(&[&[a, b, c]]);
                    against_std(&[&[a], &[b], &[c]]);
                    against_std(&[&[a, b], &[c]]);
                    against_std(&[&[a], &[b, c]]);
                    for &d in EDGES {
                        against_std(&[&[a, b, c, d]]);
                        against_std(&[&[a], &[b], &[c], &[d, b'x']]);
                    }
                }
            }
        }
    }

    #[test]
    fn long_texts_fail_at_the_same_byte() {
        let text = "plain text, \u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}, \u{1f600}. "
            .repeat(8)
            .into_bytes();
        for len in 0..text.len() {
            against_std(&[&text[..len], &text[len..]]);
        }
        for at in 0..text.len() {
            for byte in [0x80, 0xc0, 0xed, 0xf4, 0xff] {
                let mut text = text.clone();
                text[at] = byte;
                against_std(&[&text]);
                against_std(&text.chunks(70).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn replacement_copies_only_what_is_invalid() {
        let valid = Bytes::from_static("\u{3ba}".as_bytes());
        assert_eq!(lossy(valid.clone()).as_bytes().as_ptr(), valid.as_ptr());
        for (bytes, text) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"\xe1\xbd", "\u{fffd}"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(lossy(Bytes::from_static(bytes)), text);
        }
    }
}
