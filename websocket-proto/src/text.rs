//! Text that shares its bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, Range};

use bytes::Bytes;

use crate::utf8;

/// Cheaply cloneable UTF-8 text: [`Bytes`] whose content was checked.
///
/// ```
/// use bytes::Bytes;
/// use websocket_proto::Utf8Bytes;
///
/// let text = Utf8Bytes::from_bytes(Bytes::from_static(b"caf\xc3\xa9"))?;
/// assert_eq!(text, "caf\u{e9}");
/// assert_eq!(text.chars().count(), 4);
///
/// let refused = Utf8Bytes::from_bytes(Bytes::from_static(b"caf\xe9")).unwrap_err();
/// assert_eq!(refused.0, &b"caf\xe9"[..]);
/// # Ok::<(), websocket_proto::NotUtf8>(())
/// ```
#[derive(Clone, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// Empty text.
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// Text that lives as long as the program; nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Checks `bytes`; gives them back when they are not UTF-8.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, NotUtf8> {
        if utf8::is_valid(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(NotUtf8(bytes))
        }
    }

    /// Takes bytes that [`utf8`] has already passed, whole or piece by piece up to a boundary.
    pub(crate) fn from_checked(bytes: Bytes) -> Self {
        debug_assert!(
            core::str::from_utf8(&bytes).is_ok(),
            "bytes taken as text without a check"
        );
        Self(bytes)
    }

    /// The text. Costs nothing: it was checked when it was made.
    #[expect(
        unsafe_code,
        reason = "a second check of every message would double its cost"
    )]
    pub fn as_str(&self) -> &str {
        // SAFETY: the field is private and never changed, `Bytes` is immutable, and every constructor
        // takes a `str`, checks its bytes, or is `from_checked`, which asks its callers in this crate
        // for bytes that `utf8` has passed and holds them to it in debug builds.
        unsafe { core::str::from_utf8_unchecked(&self.0) }
    }

    /// A part of the text that shares its bytes; `None` when the range is out of bounds or cuts a
    /// character.
    pub fn get(&self, range: Range<usize>) -> Option<Self> {
        self.as_str().get(range.clone())?;
        Some(Self(self.0.slice(range)))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes, by value.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<str> for Utf8Bytes {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// As `str` does, so that a map keyed by this can be asked with a `&str`.
impl Hash for Utf8Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&'static str> for Utf8Bytes {
    fn from(text: &'static str) -> Self {
        Self::from_static(text)
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = NotUtf8;

    fn try_from(bytes: Bytes) -> Result<Self, NotUtf8> {
        Self::from_bytes(bytes)
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = NotUtf8;

    fn try_from(bytes: Vec<u8>) -> Result<Self, NotUtf8> {
        Self::from_bytes(bytes.into())
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Utf8Bytes {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Bytes that are not UTF-8, given back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotUtf8(pub Bytes);

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is not valid utf-8")
    }
}

impl core::error::Error for NotUtf8 {}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;

    use super::*;

    #[test]
    fn parts_begin_and_end_between_characters() {
        let text = Utf8Bytes::from("a\u{e9}b");
        assert_eq!(text.get(1..4).unwrap(), "\u{e9}b");
        assert_eq!(text.get(0..2), None);
        assert_eq!(text.get(2..4), None);
        assert_eq!(text.get(3..5), None);
    }

    #[test]
    fn every_constructor_agrees_with_the_checked_conversion() {
        let long = "\u{3ba}\u{1f79}\u{1f600}x".repeat(1000);
        for text in ["", "a", "caf\u{e9}", "\u{ffff}\u{10ffff}", &long] {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            for made in [
                Utf8Bytes::from(String::from(text)),
                Utf8Bytes::from_checked(bytes.clone()),
                Utf8Bytes::try_from(bytes.clone()).unwrap(),
                Utf8Bytes::try_from(bytes.to_vec()).unwrap(),
            ] {
                assert_eq!(made.as_str(), core::str::from_utf8(&bytes).unwrap());
                assert_eq!(made.into_bytes(), bytes);
            }
        }
        assert_eq!(Utf8Bytes::from("caf\u{e9}").as_str(), "caf\u{e9}");
        assert_eq!(Utf8Bytes::new(), "");
    }

    #[test]
    fn bytes_that_are_no_text_come_back() {
        for bytes in [
            &b"\xff"[..],
            b"\xce",
            b"a\xed\xa0\x80",
            b"\xc0\xaf",
            b"\xf4\x90\x80\x80",
        ] {
            let bytes = Bytes::copy_from_slice(bytes);
            assert_eq!(Utf8Bytes::from_bytes(bytes.clone()), Err(NotUtf8(bytes)));
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "without a check")]
    fn unchecked_bytes_are_caught_in_debug_builds() {
        Utf8Bytes::from_checked(Bytes::from_static(b"\xff"));
    }

    #[test]
    fn it_reads_and_sorts_like_text() {
        let text = Utf8Bytes::from("a\n");
        assert_eq!(
            (format!("{text}"), format!("{text:?}")),
            ("a\n".into(), "\"a\\n\"".into())
        );
        assert_eq!(format!("{:>4}|", Utf8Bytes::from("ab")), "  ab|");
        assert_eq!(
            [Utf8Bytes::from("b"), text.clone()].iter().min(),
            Some(&text)
        );
        let string = String::from("a\n");
        assert!(text == *string && text == *string.as_str() && text == string);
        let map = BTreeMap::from([(text, 1)]);
        assert_eq!(map.get("a\n"), Some(&1));
    }

    #[test]
    #[cfg(feature = "std")]
    fn a_hash_map_is_asked_with_a_str() {
        let map = std::collections::HashMap::from([(Utf8Bytes::from("key"), 1)]);
        assert_eq!(map.get("key"), Some(&1));
    }
}
