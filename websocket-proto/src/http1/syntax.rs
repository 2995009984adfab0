//! What names and values of fields are made of.

use crate::words::{Word, first_control, first_other};

/// Whether `word` is `known`, which is in lower case, in any letter case.
#[inline(always)]
pub(crate) fn is_word<const N: usize>(word: &[u8], known: &[u8; N]) -> bool {
    let Ok(word) = <&[u8; N]>::try_from(word) else {
        return false;
    };
    let wide = difference_by::<8, N>(word, known, u64::from_le_bytes);
    let half = || difference_by::<4, N>(word, known, |bytes| u32::from_le_bytes(bytes).into());
    let bytes = || difference_by::<1, N>(word, known, |[byte]| byte.into());
    wide.or_else(half).or_else(bytes).unwrap_or_default() == 0
}

/// The bits in which `word`, in lower case, differs from `known`, in pieces of `W` bytes of which the
/// last may lie over the one before; `None` when even one is too long.
#[inline(always)]
fn difference_by<const W: usize, const N: usize>(
    word: &[u8; N],
    known: &[u8; N],
    number: impl Fn([u8; W]) -> u64,
) -> Option<u64> {
    let one = |word: &[u8; W], known: &[u8; W]| {
        let case = known.map(|byte| if byte.is_ascii_lowercase() { 0x20 } else { 0 });
        (number(*word) | number(case)) ^ number(*known)
    };
    let last = one(word.last_chunk()?, known.last_chunk()?);
    let pairs = word.as_chunks().0.iter().zip(known.as_chunks().0);
    Some(pairs.fold(last, |all, (word, known)| all | one(word, known)))
}

/// Splits a list at its commas and trims the members; empty ones are kept.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// Cuts optional white space (RFC 9110 §5.6.3) from both ends.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// `tchar` of RFC 9110 §5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// `token` of RFC 9110 §5.6.2.
pub(super) fn is_token_text(text: &[u8]) -> bool {
    !text.is_empty() && token_len(text) == text.len()
}

/// How long the token is that `text` begins with.
#[inline(always)]
pub(crate) fn token_len(text: &[u8]) -> usize {
    let usual = |word: Word| {
        word.letters() | word.between(b'0', b'9') | word.equal(b'-') | word.equal(b'_')
    };
    let usual = first_other(text, usual);
    let rest = text.get(usual..).unwrap_or_default();
    usual + rest.iter().take_while(|&&byte| is_token(byte)).count()
}

/// How many bytes `text` begins with that nearly all names and IPv4 addresses of hosts are made of.
pub(crate) fn usual_host_len(text: &[u8]) -> usize {
    first_other(text, |word| {
        word.letters() | word.between(b'0', b'9') | word.between(b'-', b'.')
    })
}

/// What may stand in a field value: tab, space, visible characters, `obs-text` (RFC 9110 §5.5).
pub(super) const fn is_field_value(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// A field value (RFC 9110 §5.5), with white space around it or not.
pub(super) fn is_field_value_text(text: &[u8]) -> bool {
    let rest = text.get(first_control(text)..);
    rest.unwrap_or_default().iter().copied().all(is_field_value)
}

const TOKEN: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        set[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < others.len() {
        set[others[index] as usize] = true;
        index += 1;
    }
    set
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_and_splits() {
        for (value, members) in [
            ("a", &["a"][..]),
            (" a ,\tb\t", &["a", "b"]),
            (",a,,b,", &["", "a", "", "b", ""]),
            ("", &[""]),
            ("  ", &[""]),
            ("a b", &["a b"]),
        ] {
            assert!(
                list(value.as_bytes()).eq(members.iter().map(|m| m.as_bytes())),
                "{value:?}"
            );
        }
    }

    #[test]
    fn words_are_compared_without_case() {
        let known = b"sec-key1";
        assert!(is_word(b"sec-key1", known) && is_word(b"SEC-Key1", known));
        assert!(!is_word(b"sec-key", known) && !is_word(b"sec-key12", known));
        for at in 0..known.len() {
            for byte in 0..=u8::MAX {
                let mut word = *known;
                word[at] = byte;
                assert_eq!(
                    is_word(&word, known),
                    word.eq_ignore_ascii_case(known),
                    "{word:?}"
                );
            }
        }
    }
}
