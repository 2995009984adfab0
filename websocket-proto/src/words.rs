//! Text eight bytes at a look.
//!
//! What a head is made of is short: loops over bytes are as long as their branches are guessed, and
//! vectors need more than there is. A word of eight bytes is tested at once by sums that stay in their
//! bytes, and its first byte of a kind is found without a branch.

/// Marks kinds of bytes, each with the highest bit of its own byte.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    word: u64,
    /// Without the highest bit of each byte.
    low: u64,
}

impl Word {
    const fn new(bytes: [u8; 8]) -> Self {
        let word = u64::from_le_bytes(bytes);
        Self {
            word,
            low: word & !MARKS,
        }
    }

    /// Marks bytes from `first` to `last`, which are ASCII.
    #[inline(always)]
    pub(crate) const fn between(self, first: u8, last: u8) -> u64 {
        at_least(self.low, first) & !at_least(self.low, last + 1) & !self.word & MARKS
    }

    /// Marks ASCII letters.
    #[inline(always)]
    pub(crate) const fn letters(self) -> u64 {
        let lower = self.low | each(0x20);
        at_least(lower, b'a') & !at_least(lower, b'z' + 1) & !self.word & MARKS
    }

    /// Marks `byte`, which is ASCII.
    #[inline(always)]
    pub(crate) const fn equal(self, byte: u8) -> u64 {
        !at_least(self.low ^ each(byte), 1) & !self.word & MARKS
    }

    /// Marks all but the control characters of ASCII.
    #[inline(always)]
    pub(crate) const fn no_controls(self) -> u64 {
        (at_least(self.low, b' ') & !at_least(self.low, 0x7f) | self.word) & MARKS
    }
}

/// Where the first byte of `text` stands that has no mark of `kind`; its length when all have one.
#[inline(always)]
pub(crate) fn first_other(text: &[u8], kind: impl Fn(Word) -> u64) -> usize {
    let mut rest = text;
    while let Some((&word, behind)) = rest.split_first_chunk() {
        let others = !kind(Word::new(word)) & MARKS;
        if others != 0 {
            return text.len() - rest.len() + first(others);
        }
        rest = behind;
    }
    if rest.is_empty() {
        return text.len();
    }
    // The last word lies over the one before, in which there was none.
    let (word, start) = match text.last_chunk() {
        Some(&word) => (word, text.len() - word.len()),
        None => (short(text), 0),
    };
    let others = !kind(Word::new(word)) & MARKS;
    text.len().min(start + first(others))
}

/// Where the first control character of ASCII stands in `text`, which may be long; its length when there
/// is none.
#[inline(always)]
pub(crate) fn first_control(text: &[u8]) -> usize {
    // The compiler makes one test of each sixteen bytes.
    let any = |bytes: &[u8; 16]| {
        let control = |byte: u8| (byte < b' ') | (byte == 0x7f);
        bytes.iter().fold(false, |any, &byte| any | control(byte))
    };
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk()
        && !any(bytes)
    {
        rest = behind;
    }
    text.len() - rest.len() + first_other(rest, Word::no_controls)
}

/// Whether all bytes of `text` have a mark of `kind`.
#[inline(always)]
pub(crate) fn all(text: &[u8], kind: impl Fn(Word) -> u64) -> bool {
    first_other(text, kind) == text.len()
}

/// One to seven bytes as a word, with zeros behind them.
#[inline(always)]
fn short(text: &[u8]) -> [u8; 8] {
    let len = text.len();
    let word = match (text.first_chunk(), text.last_chunk()) {
        (Some(&first), Some(&last)) => {
            let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(half)));
            first | last << (8 * (len - 4))
        }
        _ => {
            let byte = |at: usize| u64::from(text[at]) << (8 * at);
            byte(0) | byte(len / 2) | byte(len - 1)
        }
    };
    word.to_le_bytes()
}

/// The first byte with a mark; 8 when there is none.
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Marks, among other bits, the bytes that are at least `least`. All are below 0x80, and with what is
/// added they stay below 0x100.
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
        type Kind = (fn(Word) -> u64, fn(u8) -> bool);
        let kinds: [Kind; 4] = [
            (Word::letters, |byte| byte.is_ascii_alphabetic()),
            (Word::no_controls, |byte| !byte.is_ascii_control()),
            (
                |word| word.between(b'0', b'9'),
                |byte| byte.is_ascii_digit(),
            ),
            (|word| word.equal(b'-'), |byte| byte == b'-'),
        ];
        for (marks, expected) in kinds {
            for byte in 0..=u8::MAX {
                for at in 0..8 {
                    for other in [0, b'-', b'.', b'a', b'Z', b'9', 0x7f, 0x80, 0xff] {
                        let mut word = [other; 8];
                        word[at] = byte;
                        let each: [bool; 8] = word.map(expected);
                        let marks = marks(Word::new(word)).to_le_bytes();
                        assert_eq!(marks, each.map(|is| if is { 0x80 } else { 0 }));
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_control_character() {
        for len in 0..70 {
            for at in 0..=len {
                let mut text = [0x80; 80];
                text[at] = b'\t';
                text[at + 1] = b'\n';
                assert_eq!(first_control(&text[..len]), at);
            }
        }
    }

    #[test]
    fn the_first_of_another_kind() {
        let text = [b'a'; 40];
        for len in 0..=text.len() {
            assert!(all(&text[..len], Word::letters));
            for at in 0..len {
                let mut text = text;
                text[at] = b'-';
                assert_eq!(first_other(&text[..len], Word::letters), at);
                text[len - 1] = 0;
                assert_eq!(first_other(&text[..len], Word::letters), at);
            }
        }
    }
}
