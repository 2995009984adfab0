//! What a SockJS session carries.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use websocket_proto::Utf8Bytes;

/// A SockJS message: a string of Unicode code points, cheap to clone.
///
/// JavaScript strings may hold lone surrogates (halves of a pair), which UTF-8 cannot express. They
/// are kept in [WTF-8](https://simonsapin.github.io/wtf-8/) so that every string a browser sends can
/// be sent back unchanged; [`as_str`](Self::as_str) says whether this message is ordinary text.
///
/// ```
/// use sockjs_proto::Message;
///
/// let message = Message::from("caf\u{e9}");
/// assert_eq!(message.as_str(), Some("caf\u{e9}"));
/// assert_eq!(message.as_wtf8(), b"caf\xc3\xa9");
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Message(Content);

#[derive(Clone, Eq, Hash, PartialEq)]
enum Content {
    Text(Utf8Bytes),
    /// Well-formed WTF-8 with at least one lone surrogate. Boxed, so that it takes no room where there is
    /// none.
    Wtf8(Box<Bytes>),
}

const _: () = assert!(size_of::<Message>() == size_of::<Bytes>());

impl Message {
    /// A message that lives as long as the program; nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Content::Text(Utf8Bytes::from_static(text)))
    }

    /// Takes WTF-8 as serde_json makes it: UTF-8, but for surrogates that have no partner.
    pub(crate) fn from_wtf8(bytes: Bytes, policy: LoneSurrogates) -> Option<Self> {
        match Utf8Bytes::from_bytes(bytes) {
            Ok(text) => Some(Self(Content::Text(text))),
            Err(refused) => match policy {
                LoneSurrogates::Wtf8 => Some(Self(Content::Wtf8(Box::new(refused.0)))),
                LoneSurrogates::Replace => Some(Self::from(replaced(&refused.0))),
                LoneSurrogates::Reject => None,
            },
        }
    }

    /// The text; `None` when it holds a lone surrogate. Costs nothing: it was checked when it was
    /// made.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Content::Text(text) => Some(text.as_str()),
            Content::Wtf8(_) => None,
        }
    }

    /// The text, with U+FFFD in place of every lone surrogate.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match &self.0 {
            Content::Text(text) => Cow::Borrowed(text.as_str()),
            Content::Wtf8(bytes) => Cow::Owned(replaced(bytes)),
        }
    }

    /// The message in WTF-8: UTF-8, in which a lone surrogate is written as the three bytes that its
    /// code point would have.
    pub fn as_wtf8(&self) -> &[u8] {
        match &self.0 {
            Content::Text(text) => text.as_bytes(),
            Content::Wtf8(bytes) => bytes,
        }
    }

    /// The same bytes, by value.
    pub fn into_wtf8(self) -> Bytes {
        match self.0 {
            Content::Text(text) => text.into_bytes(),
            Content::Wtf8(bytes) => *bytes,
        }
    }

    /// The text, or WTF-8 where it is none.
    pub(crate) fn into_text(self) -> Result<Utf8Bytes, Bytes> {
        match self.0 {
            Content::Text(text) => Ok(text),
            Content::Wtf8(bytes) => Err(*bytes),
        }
    }

    /// Bytes in WTF-8.
    pub fn len(&self) -> usize {
        self.as_wtf8().len()
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Message {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self(Content::Text(text))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::from(Utf8Bytes::from(text))
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::from(String::from(text))
    }
}

impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        self.as_wtf8() == other.as_bytes()
    }
}

impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq<String> for Message {
    fn eq(&self, other: &String) -> bool {
        self == other.as_str()
    }
}

/// As a string literal; lone surrogates as `\u{d800}`.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for piece in pieces(self.as_wtf8()) {
            match piece {
                Piece::Text(text) => write!(f, "{}", text.escape_debug())?,
                Piece::Surrogate(half) => write!(f, "\\u{{{half:x}}}")?,
            }
        }
        f.write_str("\"")
    }
}

/// What becomes of messages with lone surrogates, which no Rust `String` can hold.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LoneSurrogates {
    /// They pass: the [`Message`] is no `str`, but is sent back as it came.
    #[default]
    Wtf8,
    /// Each becomes U+FFFD, so that every message is a `str`.
    Replace,
    /// The whole frame is refused like broken JSON, so that every message is a `str`.
    Reject,
}

enum Piece<'a> {
    Text(&'a str),
    /// U+D800 to U+DFFF.
    Surrogate(u16),
}

/// WTF-8 cut at its surrogates.
fn pieces(wtf8: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = wtf8;
    core::iter::from_fn(move || match rest {
        [] => None,
        [0xed, second @ 0xa0..=0xbf, third, tail @ ..] => {
            rest = tail;
            let low = u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f);
            Some(Piece::Surrogate(0xd000 | low))
        }
        _ => {
            let end = match core::str::from_utf8(rest) {
                Ok(_) => rest.len(),
                // Only a surrogate ends valid text, and the arm above took one at the front.
                Err(error) => error.valid_up_to().max(1),
            };
            let (text, tail) = rest.split_at(end);
            rest = tail;
            Some(Piece::Text(core::str::from_utf8(text).unwrap_or_default()))
        }
    })
}

fn replaced(wtf8: &[u8]) -> String {
    let mut text = Vec::with_capacity(wtf8.len());
    for piece in pieces(wtf8) {
        text.extend_from_slice(match piece {
            Piece::Text(piece) => piece.as_bytes(),
            Piece::Surrogate(_) => "\u{fffd}".as_bytes(),
        });
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const LONE: &[u8] = b"a\xed\xa0\x80b\xed\xbf\xbf";

    #[test]
    fn lone_surrogates_by_policy() {
        let message = |policy| Message::from_wtf8(Bytes::from_static(LONE), policy);
        let kept = message(LoneSurrogates::Wtf8).unwrap();
        assert_eq!(kept.as_str(), None);
        assert_eq!(kept.as_wtf8(), LONE);
        assert_eq!(kept.to_string_lossy(), "a\u{fffd}b\u{fffd}");
        assert_eq!(format!("{kept:?}"), r#""a\u{d800}b\u{dfff}""#);
        assert_eq!(
            message(LoneSurrogates::Replace).unwrap(),
            "a\u{fffd}b\u{fffd}"
        );
        assert_eq!(message(LoneSurrogates::Reject), None);
    }

    #[test]
    fn text_is_text() {
        for policy in [
            LoneSurrogates::Wtf8,
            LoneSurrogates::Replace,
            LoneSurrogates::Reject,
        ] {
            let text = Message::from_wtf8(Bytes::from_static(b"\xed\x9f\xbf"), policy).unwrap();
            assert_eq!(text.as_str(), Some("\u{d7ff}"));
            assert_eq!(text.to_string_lossy(), "\u{d7ff}");
        }
    }
}
