//! Looking for the next character that is not copied as it stands.
//!
//! Long clean stretches are looked at in blocks, which the compiler turns into vector code; where
//! something is near, in words of eight bytes, which say exactly where.

/// How many bytes of WTF-8 at the front stand in a literal unescaped. What comes next is to be
/// escaped, or may.
#[inline]
pub(crate) fn unescaped_prefix(bytes: &[u8]) -> usize {
    prefix(
        bytes,
        |block| {
            // Most texts are ASCII, and told by two comparisons; others take all of them.
            any(block, |byte| ((byte ^ 2) as i8) < 0x21 || byte == b'\\')
                && any(block, |byte| {
                    (byte ^ 2 < 0x21) | (byte == b'\\') | (byte == 0xe2) | (byte >= 0xed)
                })
        },
        |word| {
            // 0xe2: U+2000 to U+2FFF. From 0xed: surrogates, U+E000 to U+FFFF, the astral planes.
            quotes_and_controls(word)
                | equal(word, 0xe2)
                | ((word & !HIGH) + splat(0x80 - 0x6d)) & word & HIGH
        },
    )
}

/// How many bytes at the front of a literal's inside stand for themselves (RFC 8259 §7). What comes
/// next is a quote, a backslash or a control character.
#[inline]
pub(crate) fn literal_prefix(bytes: &[u8]) -> usize {
    prefix(
        bytes,
        |block| any(block, |byte| (byte ^ 2 < 0x21) | (byte == b'\\')),
        quotes_and_controls,
    )
}

/// How many bytes at the front can stand in a string within a script, and in HTML also.
#[inline]
pub(crate) fn embedded_prefix(bytes: &[u8], html: bool) -> usize {
    let script = |word| equal(word, b'"') | equal(word, b'\\');
    if html {
        prefix(
            bytes,
            |block| {
                any(block, |byte| {
                    (byte == b'"') | (byte == b'\\') | (byte | 2 == b'>') | (byte == b'&')
                })
            },
            |word| script(word) | equal(word | splat(2), b'>') | equal(word, b'&'),
        )
    } else {
        prefix(
            bytes,
            |block| any(block, |byte| (byte == b'"') | (byte == b'\\')),
            script,
        )
    }
}

/// The bytes before the first that `word` marks. `block` says whether there is one at all.
#[inline(always)]
fn prefix(bytes: &[u8], block: impl Fn(&[u8; BLOCK]) -> bool, word: impl Fn(u64) -> u64) -> usize {
    // The next one is often near, and a word costs less than a block.
    let (near, far) = bytes.split_at(bytes.len().min(NEAR));
    let within = words(near, &word);
    if within < near.len() {
        return within;
    }
    let (blocks, _) = far.as_chunks::<BLOCK>();
    let clean = blocks.iter().position(block).unwrap_or(blocks.len());
    let at = near.len() + clean * BLOCK;
    at + words(&bytes[at..], &word)
}

/// The bytes before the first that `word` marks.
#[inline(always)]
fn words(bytes: &[u8], word: impl Fn(u64) -> u64) -> usize {
    let (whole, rest) = bytes.as_chunks::<8>();
    for (index, bytes) in whole.iter().enumerate() {
        let marks = word(u64::from_le_bytes(*bytes));
        if marks != 0 {
            return index * 8 + first(marks);
        }
    }
    if rest.is_empty() {
        return bytes.len();
    }
    // Filled up with what is never marked.
    let mut last = [b'a'; 8];
    last[..rest.len()].copy_from_slice(rest);
    whole.len() * 8 + first(word(u64::from_le_bytes(last))).min(rest.len())
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
/// Four SSE registers.
const BLOCK: usize = 64;
/// Texts with many escapes have one in so many bytes.
const NEAR: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

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
            for length in [0, 1, 8, 15, 17, 81, 150] {
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
}
