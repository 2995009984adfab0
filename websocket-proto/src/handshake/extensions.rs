//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), in one pass and without allocation.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::fields::is_token_byte;
use crate::http1::token_len;

/// The extensions listed in a field value, in the order of preference.
///
/// Repeated fields are joined with commas first (RFC 9110 §5.3).
///
/// ```
/// use websocket_proto::handshake::Extensions;
///
/// let list = Extensions::parse(b"permessage-deflate; server_max_window_bits=\"10\", x").unwrap();
/// let first = list.iter().next().unwrap();
/// assert_eq!(first.name(), "permessage-deflate");
/// let (name, value) = first.params().next().unwrap();
/// assert_eq!((name, value.as_deref()), ("server_max_window_bits", Some("10")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    /// Holds to the grammar.
    text: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Longest text that is looked at.
    pub const MAX_BYTES: usize = 4096;
    /// How many extensions a list may hold.
    pub const MAX_ITEMS: usize = 16;
    /// How many parameters one of them may have.
    pub const MAX_PARAMS: usize = 16;

    /// Checks all of `text`. Empty list elements are skipped (RFC 9110 §5.6.1).
    ///
    /// # Errors
    ///
    /// When `text` breaks the grammar or a limit. A quoted value must be a token once the quotes
    /// are off (RFC 6455 §9.1).
    pub fn parse(text: &'a [u8]) -> Result<Self, ExtensionsError> {
        if text.len() > Self::MAX_BYTES {
            return Err(ExtensionsError::TooLong);
        }
        let mut scanner = Scanner { rest: text };
        let mut items = 0;
        while scanner.next_item()?.is_some() {
            items += 1;
            let mut params = 0;
            while scanner.next_param()?.is_some() {
                params += 1;
                if params > Self::MAX_PARAMS {
                    return Err(ExtensionsError::TooMany);
                }
            }
            if items > Self::MAX_ITEMS {
                return Err(ExtensionsError::TooMany);
            }
        }
        Ok(Self { text })
    }

    /// The extensions, in order; the same name may come several times.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut scanner = Scanner { rest: self.text };
        core::iter::from_fn(move || {
            // Skips what is left of the extension before; at the start of the list, nothing.
            while let Ok(Some(_)) = scanner.next_param() {}
            let name = text(scanner.next_item().ok()??)?;
            Some(Extension {
                name,
                params: scanner.clone(),
            })
        })
    }
}

/// One extension of a list.
#[derive(Clone, Debug)]
pub struct Extension<'a> {
    name: &'a str,
    params: Scanner<'a>,
}

impl<'a> Extension<'a> {
    /// The name: a token, compared with case.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The parameters, in order, without the quotes of their values.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> + use<'a> {
        let mut scanner = self.params.clone();
        core::iter::from_fn(move || {
            let (name, value) = scanner.next_param().ok()??;
            let value = match value {
                None => None,
                Some(Cow::Borrowed(value)) => Some(Cow::Borrowed(text(value)?)),
                Some(Cow::Owned(value)) => Some(Cow::Owned(String::from_utf8(value).ok()?)),
            };
            Some((text(name)?, value))
        })
    }
}

/// A name and the value, if there is one: tokens, so ASCII.
type Param<'a> = (&'a [u8], Option<Cow<'a, [u8]>>);

fn text(token: &[u8]) -> Option<&str> {
    core::str::from_utf8(token).ok()
}

/// What is wrong with a list of extensions.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExtensionsError {
    /// It breaks the grammar.
    Malformed,
    /// It is longer than [`Extensions::MAX_BYTES`].
    TooLong,
    /// It has more than [`Extensions::MAX_ITEMS`] extensions, or one of them more than
    /// [`Extensions::MAX_PARAMS`] parameters.
    TooMany,
}

impl fmt::Display for ExtensionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed list of extensions",
            Self::TooLong => "list of extensions too long",
            Self::TooMany => "too many extensions or parameters",
        })
    }
}

impl core::error::Error for ExtensionsError {}

/// A place in the list. Every step takes bytes off the front and looks at each a fixed number of
/// times.
#[derive(Clone, Debug)]
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// The name of the next extension, from between two of them.
    fn next_item(&mut self) -> Result<Option<&'a [u8]>, ExtensionsError> {
        loop {
            self.skip_space();
            if !self.take(b',') {
                break;
            }
        }
        if self.rest.is_empty() {
            Ok(None)
        } else {
            self.token().map(Some)
        }
    }

    /// The next parameter of the current extension; `None` behind its end.
    fn next_param(&mut self) -> Result<Option<Param<'a>>, ExtensionsError> {
        self.skip_space();
        match self.rest.first() {
            None | Some(b',') => return Ok(None),
            Some(b';') => self.rest = &self.rest[1..],
            Some(_) => return Err(ExtensionsError::Malformed),
        }
        self.skip_space();
        let name = self.token()?;
        self.skip_space();
        if !self.take(b'=') {
            return Ok(Some((name, None)));
        }
        self.skip_space();
        let value = if self.take(b'"') {
            self.quoted()?
        } else {
            Cow::Borrowed(self.token()?)
        };
        Ok(Some((name, Some(value))))
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn token(&mut self) -> Result<&'a [u8], ExtensionsError> {
        let (token, rest) = self.rest.split_at(token_len(self.rest));
        self.rest = rest;
        if token.is_empty() {
            Err(ExtensionsError::Malformed)
        } else {
            Ok(token)
        }
    }

    /// The rest of a quoted string, whose content must be a token.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, ExtensionsError> {
        let plain = self.token().unwrap_or_default();
        if self.take(b'"') {
            // RFC 6455 §9.1: the value after unescaping conforms to `token`, so is not empty.
            return if plain.is_empty() {
                Err(ExtensionsError::Malformed)
            } else {
                Ok(plain.into())
            };
        }
        let mut value = Vec::from(plain);
        loop {
            let byte = match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(Cow::Owned(value));
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                    self.rest = rest;
                    *byte
                }
                [] => return Err(ExtensionsError::Malformed),
            };
            if !is_token_byte(byte) {
                return Err(ExtensionsError::Malformed);
            }
            value.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    /// Walks a text of any length, and counts the steps; each must take bytes or be the last.
    fn steps(text: &[u8]) -> usize {
        let mut scanner = Scanner { rest: text };
        let mut steps = 0;
        loop {
            let before = scanner.rest.len();
            let item = scanner.next_item();
            steps += 1;
            if !matches!(item, Ok(Some(_))) {
                return steps;
            }
            assert!(scanner.rest.len() < before);
            loop {
                let before = scanner.rest.len();
                let param = scanner.next_param();
                steps += 1;
                match param {
                    Ok(Some(_)) => assert!(scanner.rest.len() < before),
                    Ok(None) => break,
                    Err(_) => return steps,
                }
            }
        }
    }

    #[test]
    fn work_is_linear() {
        type Text = fn(usize) -> String;
        let texts: [Text; 6] = [
            |n| format!("a; b=\"{}", "\\c".repeat(n)),
            |n| format!("a{}x", " ".repeat(n)),
            |n| format!("a{}", "; b=\"c\"".repeat(n)),
            |n| "a; b, ".repeat(n),
            |n| ", \t".repeat(n),
            |n| format!("a; b=\"{}\"", "c".repeat(n)),
        ];
        for text in texts {
            let (short, long) = (text(1 << 12), text(1 << 13));
            assert!(steps(long.as_bytes()) <= 2 * steps(short.as_bytes()));
            assert!(steps(long.as_bytes()) <= long.len() + 2);
        }
    }
}
