//! Header and trailer fields: text and an index into it.

use alloc::vec::Vec;
use core::fmt;

/// A view of fields in the order they were sent.
///
/// Look-up is linear and ignores the case of names; with the number of fields bounded that is both
/// the fastest and immune to crafted collisions.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    text: &'a [u8],
    index: &'a [Field],
}

impl<'a> Headers<'a> {
    pub(super) const fn new(text: &'a [u8], index: &'a [Field]) -> Self {
        Self { text, index }
    }

    /// How many fields there are.
    pub const fn len(self) -> usize {
        self.index.len()
    }

    /// Whether there is no field.
    pub const fn is_empty(self) -> bool {
        self.index.is_empty()
    }

    /// The value of the first field called `name`, without white space around it.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.index
            .iter()
            .find(|field| field.is(self.text, name))
            .map(|field| field.value(self.text))
    }

    /// Whether a field called `name` is there.
    pub fn contains(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The values of all fields called `name`, in order.
    pub fn get_all<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let Self { text, index } = self;
        index
            .iter()
            .filter(move |field| field.is(text, name))
            .map(move |field| field.value(text))
    }

    /// All fields: the name as it was sent, and the value.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let Self { text, index } = self;
        index
            .iter()
            .map(move |field| (field.name(text), field.value(text)))
    }

    /// All fields with their names as bytes, which saves checking that those are text.
    pub(crate) fn byte_pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let Self { text, index } = self;
        index
            .iter()
            .map(move |field| (field.name_bytes(text), field.value(text)))
    }

    /// The members of the comma-separated list called `name`, across repeated fields and without
    /// empty ones (RFC 9110 §5.6.1). A comma inside a quoted string also separates.
    pub fn tokens<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.get_all(name)
            .flat_map(list)
            .filter(|member| !member.is_empty())
    }

    /// Whether the list called `name` has the member `token`, compared without case.
    pub fn has_token(self, name: &str, token: &str) -> bool {
        self.tokens(name)
            .any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self
            .iter()
            .map(|(name, value)| (name, value.escape_ascii()));
        f.debug_map()
            .entries(values.map(|(name, value)| (name, Shown(value))))
            .finish()
    }
}

/// Prints an escaped value in quotes.
struct Shown<'a>(core::slice::EscapeAscii<'a>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Where a field's name and value lie in their text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Field {
    name: u16,
    name_len: u16,
    value: u16,
    value_len: u16,
}

impl Field {
    /// The field whose name and value are these slices of `text`; `None` when they are not, or lie
    /// behind its first 64 KiB.
    pub(super) fn within(text: &[u8], name: &[u8], value: &[u8]) -> Option<Self> {
        let start = |part: &[u8]| {
            let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            (start + part.len() <= text.len())
                .then_some(start)?
                .try_into()
                .ok()
        };
        Some(Self {
            name: start(name)?,
            name_len: name.len().try_into().ok()?,
            value: start(value)?,
            value_len: value.len().try_into().ok()?,
        })
    }

    /// Where the name starts.
    pub(super) fn start(self) -> usize {
        self.name.into()
    }

    fn name_bytes(self, text: &[u8]) -> &[u8] {
        slice(text, self.name, self.name_len)
    }

    fn name(self, text: &[u8]) -> &str {
        // Every name was checked to be a token, so the fallback is out of reach.
        core::str::from_utf8(self.name_bytes(text)).unwrap_or_default()
    }

    fn value(self, text: &[u8]) -> &[u8] {
        slice(text, self.value, self.value_len)
    }

    fn is(self, text: &[u8], name: &str) -> bool {
        usize::from(self.name_len) == name.len()
            && self.name_bytes(text).eq_ignore_ascii_case(name.as_bytes())
    }
}

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

fn slice(text: &[u8], start: u16, len: u16) -> &[u8] {
    text.get(usize::from(start)..usize::from(start) + usize::from(len))
        .unwrap_or_default()
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

/// Fields to be sent, or trailers that arrived.
///
/// ```
/// use websocket_proto::http1::{FieldError, Fields};
///
/// let mut fields = Fields::new();
/// fields.append("Server-Timing", "db;dur=53")?;
/// assert_eq!(fields.headers().get("server-timing"), Some(&b"db;dur=53"[..]));
/// assert_eq!(fields.append("X", "a\r\nSet-Cookie: b"), Err(FieldError::Value));
/// # Ok::<(), FieldError>(())
/// ```
#[derive(Clone, Default)]
pub struct Fields {
    /// Ready for the wire: `name: value CRLF` for each field, when built by [`append`](Self::append).
    text: Vec<u8>,
    index: Vec<Field>,
}

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Self {
            text: Vec::new(),
            index: Vec::new(),
        }
    }

    /// Fields that were found in `text`.
    pub(super) const fn parsed(text: Vec<u8>, index: Vec<Field>) -> Self {
        Self { text, index }
    }

    /// A view of the fields.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(&self.text, &self.index)
    }

    /// The text that the fields lie in.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether there is no field.
    pub const fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds a field behind the others. White space around `value` is cut off.
    ///
    /// # Errors
    ///
    /// Nothing is added when the name is no token, when the value has a control character other
    /// than tab (a line break would split the message, RFC 9110 §5.5), or when all fields together
    /// would exceed 64 KiB.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        let value = trim(value.as_ref());
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(FieldError::Name);
        }
        if !value.iter().copied().all(is_field_value) {
            return Err(FieldError::Value);
        }
        let at = self.text.len();
        let value_at = at + name.len() + 2;
        if value_at + value.len() + 2 > usize::from(u16::MAX) {
            return Err(FieldError::TooLarge);
        }
        self.text.reserve(if at == 0 { FIRST_CAPACITY } else { 0 });
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
        let field = Field::within(
            &self.text,
            &self.text[at..at + name.len()],
            &self.text[value_at..value_at + value.len()],
        );
        self.index.extend(field);
        Ok(())
    }

    /// Drops the fields whose name `unwanted` picks.
    pub(super) fn remove(&mut self, unwanted: impl Fn(&str) -> bool) {
        let text = &self.text;
        self.index.retain(|field| !unwanted(field.name(text)));
    }

    /// Writes every field as a line.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.headers().iter() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// How many bytes [`write`](Self::write) adds, or a little more.
    pub(super) const fn size(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headers().fmt(f)
    }
}

/// Why a field, reason, method or target was not taken: it would break the message.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldError {
    /// The name is no token (RFC 9110 §5.6.2).
    Name,
    /// A line break or another control character in the value.
    Value,
    /// The name is one that the machine itself writes, or that no trailer may have.
    Reserved,
    /// All fields together are over 64 KiB.
    TooLarge,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the field name is not a token",
            Self::Value => "control character in a field value",
            Self::Reserved => "the field belongs to the machine",
            Self::TooLarge => "the fields are over 64 KiB",
        })
    }
}

impl core::error::Error for FieldError {}

/// `tchar` of RFC 9110 §5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// What may stand in a field value: tab, space, visible characters, `obs-text` (RFC 9110 §5.5).
pub(super) const fn is_field_value(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// Fits the fields of a usual response without growing.
const FIRST_CAPACITY: usize = 128;

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

    #[test]
    fn refuses_what_would_split_a_message() {
        for (name, value, expected) in [
            ("A", "b", Ok(())),
            ("A", "tab\tand \u{e9}", Ok(())),
            ("A", "", Ok(())),
            ("", "b", Err(FieldError::Name)),
            ("A b", "b", Err(FieldError::Name)),
            ("A:", "b", Err(FieldError::Name)),
            ("A\r\nB", "b", Err(FieldError::Name)),
            ("A", "b\r", Err(FieldError::Value)),
            ("A", "b\nC: d", Err(FieldError::Value)),
            ("A", "b\0", Err(FieldError::Value)),
            ("A", "\u{7f}", Err(FieldError::Value)),
        ] {
            assert_eq!(
                Fields::new().append(name, value),
                expected,
                "{name:?} {value:?}"
            );
        }
        let mut fields = Fields::new();
        assert_eq!(fields.append("A", [b'a'; 65_530]), Ok(()));
        assert_eq!(fields.append("B", "c"), Err(FieldError::TooLarge));
        assert_eq!(fields.headers().len(), 1);
    }
}
