//! Looking for the next character that is not copied as it stands.
//!
//! Long clean stretches are looked at in blocks, which the compiler turns into vector code; where
//! something is near, in words of eight bytes, which say exactly where.

use alloc::vec::Vec;

use websocket_proto::wide::{self, Task as _};

/// How many bytes of WTF-8 at the front stand in a literal unescaped. What comes next is to be
/// escaped, or may.
#[inline]
pub(crate) fn unescaped_prefix(bytes: &[u8]) -> usize {
    prefix(bytes, Unescaped)
}

/// How many bytes at the front of a literal's inside stand for themselves (RFC 8259 §7). What comes
/// next is a quote, a backslash or a control character.
#[inline]
pub(crate) fn literal_prefix(bytes: &[u8]) -> usize {
    prefix(bytes, Literal)
}

/// How many bytes at the front can stand in a string within a script, and in HTML also.
#[inline]
pub(crate) fn embedded_prefix(bytes: &[u8], html: bool) -> usize {
    if html {
        prefix(bytes, Html)
    } else {
        prefix(bytes, Script)
    }
}

/// Appends the first `len` bytes. Where they are few, it copies more and takes that back: a copy of a
/// fixed size is one instruction, any other is a call.
#[inline]
pub(crate) fn append_prefix(bytes: &[u8], len: usize, out: &mut Vec<u8>) {
    match bytes.first_chunk::<NEAR>() {
        Some(near) if len <= NEAR => {
            out.extend_from_slice(near);
            out.truncate(out.len() - (NEAR - len));
        }
        Some(_) | None => out.extend_from_slice(&bytes[..len]),
    }
}

/// Which bytes are looked for. Everything here is inlined, see [`wide::Task`].
trait Special: Copy {
    /// Whether there is one at all.
    fn is_in(self, block: &[u8; BLOCK]) -> bool;
    /// Marks the first one, and perhaps others behind it.
    fn marks(self, word: u64) -> u64;
}

#[derive(Clone, Copy)]
struct Unescaped;

impl Special for Unescaped {
    #[inline(always)]
    fn is_in(self, block: &[u8; BLOCK]) -> bool {
        // Most texts are ASCII, and told by two comparisons; others take all of them.
        any(block, |byte| ((byte ^ 2) as i8) < 0x21 || byte == b'\\')
            && any(block, |byte| {
                (byte ^ 2 < 0x21) | (byte == b'\\') | (byte == 0xe2) | (byte >= 0xed)
            })
    }

    #[inline(always)]
    fn marks(self, word: u64) -> u64 {
        // 0xe2: U+2000 to U+2FFF. From 0xed: surrogates, U+E000 to U+FFFF, the astral planes.
        quotes_and_controls(word)
            | equal(word, 0xe2)
            | ((word & !HIGH) + splat(0x80 - 0x6d)) & word & HIGH
    }
}

#[derive(Clone, Copy)]
struct Literal;

impl Special for Literal {
    #[inline(always)]
    fn is_in(self, block: &[u8; BLOCK]) -> bool {
        any(block, |byte| (byte ^ 2 < 0x21) | (byte == b'\\'))
    }

    #[inline(always)]
    fn marks(self, word: u64) -> u64 {
        quotes_and_controls(word)
    }
}

#[derive(Clone, Copy)]
struct Script;

impl Special for Script {
    #[inline(always)]
    fn is_in(self, block: &[u8; BLOCK]) -> bool {
        any(block, |byte| (byte == b'"') | (byte == b'\\'))
    }

    #[inline(always)]
    fn marks(self, word: u64) -> u64 {
        equal(word, b'"') | equal(word, b'\\')
    }
}

#[derive(Clone, Copy)]
struct Html;

impl Special for Html {
    #[inline(always)]
    fn is_in(self, block: &[u8; BLOCK]) -> bool {
        any(block, |byte| {
            (byte == b'"') | (byte == b'\\') | (byte | 2 == b'>') | (byte == b'&')
        })
    }

    #[inline(always)]
    fn marks(self, word: u64) -> u64 {
        Script.marks(word) | equal(word | splat(2), b'>') | equal(word, b'&')
    }
}

/// The bytes before the first special one.
#[inline(always)]
fn prefix(bytes: &[u8], special: impl Special) -> usize {
    // The next one is often near, and a word costs less than a block.
    let Some(near) = bytes.first_chunk::<NEAR>() else {
        return words(bytes, 0, special);
    };
    let within = words(near, 0, special);
    if within < NEAR {
        return within;
    }
    let search = Blocks { bytes, special };
    let clean = if bytes.len() < WIDE {
        search.run()
    } else {
        wide::run(search)
    };
    if clean == bytes.len() {
        return clean;
    }
    words(bytes, clean, special)
}

/// Finds clean bytes, at least [`NEAR`] and in whole blocks behind those; or all.
struct Blocks<'a, S> {
    bytes: &'a [u8],
    special: S,
}

impl<S: Special> wide::Task for Blocks<'_, S> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let mut clean = NEAR;
        for block in self.bytes[NEAR..].as_chunks::<BLOCK>().0 {
            if self.special.is_in(block) {
                return clean;
            }
            clean += BLOCK;
        }
        // What is left lies in the last block, whose other bytes are clean.
        match self.bytes.last_chunk::<BLOCK>() {
            Some(last) if !self.special.is_in(last) => self.bytes.len(),
            Some(_) | None => clean,
        }
    }
}

/// The bytes before the first special one, of which the first `clean` are known.
#[inline(always)]
fn words(bytes: &[u8], clean: usize, special: impl Special) -> usize {
    let (whole, rest) = bytes[clean..].as_chunks::<8>();
    for (index, word) in whole.iter().enumerate() {
        let marks = special.marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return clean + index * 8 + first(marks);
        }
    }
    if rest.is_empty() {
        return bytes.len();
    }
    // The last word begins with bytes that are known; where there is no whole one, it is filled up
    // with what is never marked.
    match bytes.last_chunk::<8>() {
        Some(word) => bytes.len() - 8 + first(special.marks(u64::from_le_bytes(*word))),
        None => {
            let word = bytes
                .iter()
                .rev()
                .fold(splat(b'a'), |word, &byte| word << 8 | u64::from(byte));
            first(special.marks(word)).min(bytes.len())
        }
    }
}

#[inline(always)]
fn any(block: &[u8; BLOCK], special: impl Fn(u8) -> bool) -> bool {
    // Without an early way out, the whole block is looked at at once.
    block
        .iter()
        .fold(false, |found, &byte| found | special(byte))
}

/// The index of the first marked byte; 8 without any.
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

// Each of these marks bytes by their highest bit. Above the first byte that is marked there may be
// marks too many, since subtraction borrows; the first is right.

const fn quotes_and_controls(word: u64) -> u64 {
    // With this bit turned over, the quote comes right behind the control characters.
    below(word ^ splat(2), 0x21) | equal(word, b'\\')
}

const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(splat(bound)) & !word & HIGH
}

const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ splat(byte), 1)
}

const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const HIGH: u64 = splat(0x80);
/// Four vectors of the baseline, one of the widest.
const BLOCK: usize = 64;
/// From here on wider vectors gain more than the choice of them costs.
const WIDE: usize = 192;
/// Texts with many escapes have one in so many bytes.
const NEAR: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    type Prefix = fn(&[u8]) -> usize;
    type IsSpecial = fn(u8) -> bool;

    /// Every byte at every place, behind clean bytes and behind another special one.
    #[test]
    fn the_first_special_byte_is_found() {
        let rows: [(Prefix, IsSpecial); 4] = [
            (unescaped_prefix, |byte| {
                byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xe2 | 0xed..)
            }),
            (literal_prefix, |byte| {
                byte < 0x20 || matches!(byte, b'"' | b'\\')
            }),
            (
                |bytes| embedded_prefix(bytes, false),
                |byte| matches!(byte, b'"' | b'\\'),
            ),
            (
                |bytes| embedded_prefix(bytes, true),
                |byte| matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&'),
            ),
        ];
        for (prefix, is_special) in rows {
            for length in [0, 1, 7, 8, 15, 16, 17, 23, 81, 98] {
                let mut bytes: Vec<u8> = (0..length).map(|_| b'x').collect();
                assert_eq!(prefix(&bytes), length);
                for at in 0..length {
                    for byte in 0..=u8::MAX {
                        bytes[at] = byte;
                        let expected = bytes.iter().position(|&byte| is_special(byte));
                        assert_eq!(prefix(&bytes), expected.unwrap_or(length), "{byte:#x} {at}");
                        // What stands behind does not matter.
                        if let Some(next) = bytes.get_mut(at + 1) {
                            *next = byte.wrapping_add(1);
                            let expected = bytes.iter().position(|&byte| is_special(byte));
                            assert_eq!(prefix(&bytes), expected.unwrap_or(length));
                            bytes[at + 1] = b'x';
                        }
                    }
                    bytes[at] = b'x';
                }
            }
        }
    }

    /// Every length and place, around the borders of words and blocks and the last, overlapping ones,
    /// at every alignment, in every compiled version.
    #[test]
    fn every_length_alignment_and_width_gives_the_same() {
        let buffer = [b'x'; 400];
        for len in 0..300_usize {
            let places = [0, 15, 16, 63, 79, 80, 143, 144, 207, 271];
            let near_the_end = len.saturating_sub(66)..len;
            for at in places.into_iter().chain(near_the_end).chain([len]) {
                let offset = (len + at) % 64;
                let mut buffer = buffer;
                // Behind the end stands one, too, that must not be seen.
                buffer[offset + len] = b'"';
                buffer[offset + at.min(len)] = b'"';
                let bytes = &buffer[offset..][..len];
                assert_eq!(literal_prefix(bytes), at.min(len), "{len} {at}");
                for width in 0..wide::WIDTHS {
                    let special = Literal;
                    if len < NEAR || at < NEAR {
                        continue;
                    }
                    if let Some(clean) = wide::run_nth(Blocks { bytes, special }, width) {
                        assert!(clean <= at.min(len), "{len} {at}");
                        assert_eq!(words(bytes, clean, special), at.min(len), "{len} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_prefix_is_appended_and_nothing_else() {
        let bytes: Vec<u8> = (0..40).collect();
        for len in 0..=bytes.len() {
            for end in len..=bytes.len() {
                let mut out = b"before".to_vec();
                append_prefix(&bytes[..end], len, &mut out);
                assert_eq!(out, [b"before", &bytes[..len]].concat());
            }
        }
    }
}
