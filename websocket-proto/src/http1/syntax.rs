//! What names and values of fields are made of.

/// Whether `word` is `known`, which is in lower case, in any letter case. Knowing its length, the
/// compiler compares many bytes at once.
#[inline(always)]
pub(crate) fn is_word<const N: usize>(word: &[u8], known: &[u8; N]) -> bool {
    let Ok(word) = <&[u8; N]>::try_from(word) else {
        return false;
    };
    let difference = |(byte, known): (&u8, &u8)| {
        let case = if known.is_ascii_lowercase() { 0x20 } else { 0 };
        (byte | case) ^ known
    };
    let pairs = word.iter().zip(known);
    pairs.map(difference).fold(0, |all, one| all | one) == 0
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
    // Without an early end there is nothing to mispredict.
    !text.is_empty() && text.iter().fold(true, |all, &byte| all & is_token(byte))
}

/// What may stand in a field value: tab, space, visible characters, `obs-text` (RFC 9110 §5.5).
pub(super) const fn is_field_value(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// A field value (RFC 9110 §5.5), with white space around it or not.
pub(super) fn is_field_value_text(text: &[u8]) -> bool {
    // Without an early end the compiler makes vectors of it.
    text.iter().fold(true, |all, &byte| {
        all & ((byte == b'\t') | (byte >= b' ') & (byte != 0x7f))
    })
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
