//! The function that `htmlfile` and `jsonp` call.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use percent_encoding::percent_decode;

/// The name of a function in the page that asks: at most 32 ASCII letters, digits, `_`, `-` and
/// `.`, a letter or `_` first. It is written into documents and scripts, so that nothing else may
/// pass (CVE-2020-8823).
///
/// ```
/// use sockjs_proto::Callback;
///
/// assert_eq!(Callback::from_query(Some("t=1&c=%63allback")).unwrap().as_str(), "callback");
/// assert!(Callback::from_query(Some("c=alert(1)")).is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Callback(Arc<String>);

impl Callback {
    /// Finds the parameter `c`, or else its other name `callback`, percent-encoded.
    ///
    /// # Errors
    ///
    /// When it is missing, empty, or no such name.
    pub fn from_query(query: Option<&str>) -> Result<Self, CallbackError> {
        let parameter = |wanted| {
            let mut pairs = query.unwrap_or_default().split('&');
            pairs.find_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name == wanted && !value.is_empty()).then_some(value)
            })
        };
        let value = parameter("c").or_else(|| parameter("callback"));
        Self::new(value.ok_or(CallbackError::Missing)?)
    }

    fn new(encoded: &str) -> Result<Self, CallbackError> {
        // Three characters at most for each that it stands for.
        if encoded.len() > 3 * LONGEST {
            return Err(CallbackError::Invalid);
        }
        let name: Vec<u8> = percent_decode(encoded.as_bytes()).collect();
        let begins = name
            .first()
            .is_some_and(|&first| first.is_ascii_alphabetic() || first == b'_');
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        if name.len() > LONGEST || !begins || !name.iter().all(inner) {
            return Err(CallbackError::Invalid);
        }
        let name = core::str::from_utf8(&name).map_err(|_| CallbackError::Invalid)?;
        Ok(Self(Arc::new(name.into())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request names no function. Its text is the body of the answer, a 500.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallbackError {
    /// There is no such parameter, or it is empty.
    Missing,
    /// It has a character that may not stand there, or too many.
    Invalid,
}

impl CallbackError {
    /// The body of the answer.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "\"callback\" parameter required",
            Self::Invalid => "invalid \"callback\" parameter",
        }
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for CallbackError {}

/// Longer than any name a client makes; too short for a file with code in it (CVE-2014-4671).
const LONGEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        use CallbackError::{Invalid, Missing};
        for (query, expected) in [
            ("c=callback", Ok("callback")),
            ("c=%63allback", Ok("callback")),
            ("callback=x", Ok("x")),
            ("callback=x&c=y", Ok("y")),
            ("t=1&c=_jp.a1-B", Ok("_jp.a1-B")),
            ("c=a&c=b(", Ok("a")),
            (
                "c=abcdefghijklmnopqrstuvwxyz012345",
                Ok("abcdefghijklmnopqrstuvwxyz012345"),
            ),
            ("c=abcdefghijklmnopqrstuvwxyz0123456", Err(Invalid)),
            ("c=%20", Err(Invalid)),
            ("c=*", Err(Invalid)),
            ("c=abc(", Err(Invalid)),
            ("c=abc%28", Err(Invalid)),
            ("c=%", Err(Invalid)),
            ("c=a+b", Err(Invalid)),
            ("c=%c3%a9", Err(Invalid)),
            ("c=é", Err(Invalid)),
            ("c=1a", Err(Invalid)),
            ("c=.a", Err(Invalid)),
            ("c=-a", Err(Invalid)),
            ("c=", Err(Missing)),
            ("c", Err(Missing)),
            ("C=x", Err(Missing)),
            ("", Err(Missing)),
        ] {
            let name = Callback::from_query(Some(query));
            assert_eq!(
                name.as_ref().map(Callback::as_str),
                expected.as_ref().map(|&s| s),
                "{query}"
            );
        }
        assert_eq!(Callback::from_query(None), Err(Missing));
    }
}
