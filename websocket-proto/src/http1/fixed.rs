//! Fields that are known when the program is compiled.

use super::syntax::{is_field_value, is_token};

/// Field lines that depend on nothing and are checked when the program is compiled, so that a
/// response takes them as they are: [`ResponseHead::append_fixed`](super::ResponseHead::append_fixed).
///
/// ```
/// use websocket_proto::http1::{FixedFields, ResponseHead};
///
/// const PLAIN: FixedFields = FixedFields::new(
///     "Content-Type: text/plain; charset=UTF-8\r\n\
///      Cache-Control: no-store\r\n",
/// )
/// .expect("two fields");
///
/// let head = ResponseHead::new(200).fixed(PLAIN).header("Vary", "Origin")?;
/// assert_eq!(head.headers().get("cache-control"), Some(&b"no-store"[..]));
/// assert_eq!(head.headers().len(), 3);
/// # Ok::<(), websocket_proto::http1::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FixedFields {
    lines: &'static str,
    pub(super) has: Has,
}

/// Which fields a head has that change what the machine writes itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Has {
    pub(super) date: bool,
    pub(super) upgrade: bool,
}

impl FixedFields {
    /// No field.
    pub const NONE: Self = Self {
        lines: "",
        has: Has::NONE,
    };

    /// Takes lines of the form `name: value CRLF`, with one space behind the colon and none at the end
    /// of the value.
    ///
    /// `None` when that is not what they are, when a name is no token or a value has a control
    /// character, and for a field that the machine writes: `Content-Length`, `Transfer-Encoding` and
    /// `Connection`.
    pub const fn new(lines: &'static str) -> Option<Self> {
        let (mut rest, mut has) = (lines.as_bytes(), Has::NONE);
        while !rest.is_empty() {
            let Some((name, after)) = split_at(rest, b": ") else {
                return None;
            };
            let Some((value, after)) = split_at(after, b"\r\n") else {
                return None;
            };
            if !is_name(name) || !is_value(value) {
                return None;
            }
            let Ok(more) = has.with(name) else {
                return None;
            };
            (rest, has) = (after, more);
        }
        Some(Self { lines, has })
    }

    /// The lines.
    pub const fn as_str(self) -> &'static str {
        self.lines
    }
}

impl Has {
    pub(super) const NONE: Self = Self {
        date: false,
        upgrade: false,
    };

    /// The same with a field called `name`; an error when only the machine writes that one.
    pub(super) const fn with(self, name: &[u8]) -> Result<Self, Reserved> {
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"date") => Ok(Self { date: true, ..self }),
            7 if name.eq_ignore_ascii_case(b"upgrade") => Ok(Self {
                upgrade: true,
                ..self
            }),
            10 if name.eq_ignore_ascii_case(b"connection") => Err(Reserved),
            14 | 17 if is_framing_field(name) => Err(Reserved),
            _ => Ok(self),
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self {
            date: self.date || other.date,
            upgrade: self.upgrade || other.upgrade,
        }
    }
}

/// A name that the machine keeps for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reserved;

/// The fields that say where a body ends: only machines write them.
pub(super) const fn is_framing_field(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// What stands before the first `mark`, and behind it.
const fn split_at<'a>(text: &'a [u8], mark: &[u8; 2]) -> Option<(&'a [u8], &'a [u8])> {
    let mut at = 0;
    while at + 1 < text.len() {
        if text[at] == mark[0] && text[at + 1] == mark[1] {
            let (before, rest) = text.split_at(at);
            return Some((before, rest.split_at(mark.len()).1));
        }
        at += 1;
    }
    None
}

const fn is_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !is_token(name[at]) {
            return false;
        }
        at += 1;
    }
    !name.is_empty()
}

const fn is_value(value: &[u8]) -> bool {
    let mut at = 0;
    while at < value.len() {
        if !is_field_value(value[at]) {
            return false;
        }
        at += 1;
    }
    !matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (lines, expected) in [
            ("", Some((false, false))),
            ("A: b\r\n", Some((false, false))),
            ("A: \r\n", Some((false, false))),
            ("A: b\r\nDATE: c: d\r\n", Some((true, false))),
            ("upgrade: b\r\nDates: c\r\n", Some((false, true))),
            ("A: b", None),
            ("A: b\n", None),
            ("A: b\r\n\r\n", None),
            ("A: b\r\nC", None),
            ("A:b\r\n", None),
            ("A:  b\r\n", None),
            ("A: b \r\n", None),
            ("A: b\rc\r\n", None),
            ("A: b\nc\r\n", None),
            ("A: b\0\r\n", None),
            (": b\r\n", None),
            ("A b: c\r\n", None),
            ("A\r\nB: c\r\n", None),
            ("Connection: close\r\n", None),
            ("A: b\r\ncontent-length: 5\r\n", None),
            ("Transfer-Encoding: chunked\r\n", None),
        ] {
            let has = FixedFields::new(lines).map(|fields| (fields.has.date, fields.has.upgrade));
            assert_eq!(has, expected, "{lines:?}");
        }
    }
}
