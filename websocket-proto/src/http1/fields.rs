//! Fields to be sent, or trailers that arrived.

use alloc::vec::Vec;
use core::{fmt, mem};

use super::headers::Headers;
use super::syntax::{is_field_value_text, is_token_text, trim};

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
    /// Lines as they go on the wire, each with its CRLF.
    lines: Vec<u8>,
}

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Lines that were received and checked.
    pub(super) const fn parsed(lines: Vec<u8>) -> Self {
        Self { lines }
    }

    /// A view of the fields.
    pub fn headers(&self) -> Headers<'_> {
        Headers::lines(&self.lines)
    }

    /// Whether there is no field.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a field behind the others. White space around `value` is cut off.
    ///
    /// # Errors
    ///
    /// Nothing is added when the name is no token, when the value has a control character other
    /// than tab (a line break would split the message, RFC 9110 §5.5), or when all fields together
    /// would exceed 64 KiB.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        self.append_bytes(name.as_bytes(), trim(value.as_ref()))
    }

    fn append_bytes(&mut self, name: &[u8], value: &[u8]) -> Result<(), FieldError> {
        if !is_token_text(name) {
            return Err(FieldError::Name);
        }
        if !is_field_value_text(value) {
            return Err(FieldError::Value);
        }
        let added = name.len() + value.len() + ": \r\n".len();
        if self.lines.len() + added > MOST {
            return Err(FieldError::TooLarge);
        }
        self.make_room(added);
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Adds lines that are checked.
    pub(super) fn append_lines(&mut self, lines: &[u8]) {
        self.make_room(lines.len());
        self.lines.extend_from_slice(lines);
    }

    fn make_room(&mut self, added: usize) {
        let first = if self.lines.is_empty() {
            FIRST_CAPACITY
        } else {
            0
        };
        self.lines.reserve(added.max(first));
    }

    /// Drops the fields whose name `unwanted` picks.
    pub(super) fn remove(&mut self, unwanted: impl Fn(&str) -> bool) {
        let lines = mem::take(&mut self.lines);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if !Headers::lines(line).iter().any(|(name, _)| unwanted(name)) {
                self.lines.extend_from_slice(line);
            }
        }
    }

    /// Every field as a line.
    pub(super) fn as_lines(&self) -> &[u8] {
        &self.lines
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

/// All fields together: more than any peer takes.
const MOST: usize = 64 * 1024 - 1;
/// Fits the fields of a usual response without growing.
const FIRST_CAPACITY: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

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
