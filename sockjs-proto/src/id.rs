//! The names of sessions.

use alloc::string::String;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// The id of a session, as its browser chose it; cheap to clone. A bearer secret: `Debug` and
/// `Display` show its beginning only.
#[derive(Clone)]
pub struct SessionId(Text);

/// Every request has one and every session keeps it, so that those of the usual clients, eight
/// characters long, are kept in place.
#[derive(Clone)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<String>),
}

impl SessionId {
    /// The id, whole: not for logs, and not for other clients.
    pub fn as_str(&self) -> &str {
        // It was a `str`.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes: for hashing and comparing, which need not check that they are text.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Text::Long(text) => text.as_bytes(),
        }
    }
}

impl AsRef<[u8]> for SessionId {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for SessionId {
    fn from(id: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..id.len()), u8::try_from(id.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(id.as_bytes());
                Self(Text::Short { len, bytes })
            }
            _ => Self(Text::Long(Arc::new(id.into()))),
        }
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SessionId {}

impl PartialOrd for SessionId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SessionId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Redacted(self.as_str()), f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Redacted(self.as_str()), f)
    }
}

/// Shows the beginning.
pub(crate) struct Redacted<'a>(pub(crate) &'a str);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Half of a short id is still worth hiding.
        let shown = SHOWN.min(self.0.chars().count() / 2);
        for shown in self.0.chars().take(shown) {
            write!(f, "{}", shown.escape_debug())?;
        }
        f.write_str("…")
    }
}

/// What fits beside its length into the two words that a shared text would take.
const SHORT: usize = 14;
const _: () = assert!(size_of::<SessionId>() <= 16 && size_of::<Option<SessionId>>() <= 16);
/// Enough to tell sessions apart in a log, of the 40 bits that clients choose.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_length_come_back() {
        let text: String = ('a'..='z').chain('A'..='Z').collect();
        for len in 0..=text.len() {
            let id = SessionId::from(&text[..len]);
            assert_eq!(id.as_str(), &text[..len]);
            assert_eq!(matches!(id.0, Text::Short { .. }), len <= SHORT);
            assert!(id == id.clone() && id != SessionId::from("0"));
        }
        for id in ["\u{e9}tat", "\u{1f980}\u{1f980}\u{1f980}", "", "\0"] {
            assert_eq!(SessionId::from(id).as_str(), id);
        }
        // What would be equal but for its length.
        assert!(SessionId::from("a") < SessionId::from("a\0"));
    }
}
