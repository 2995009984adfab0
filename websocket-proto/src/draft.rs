//! The generations of the protocol, and which side of it one plays.

use core::fmt;

/// A generation of WebSocket. The first two frame with sentinels, the rest with RFC 6455's frames.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Draft {
    /// draft-hixie-thewebsocketprotocol-75: no challenge at all (Chrome 4, Safari 5.0.0).
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76 = draft-ietf-hybi-00 (Chrome 6, Safari 5.0.1).
    Hixie76,
    /// draft-ietf-hybi-thewebsocketprotocol-07, wire version 7 (Firefox 6).
    Hybi07,
    /// Drafts 08 to 12, wire version 8 (Firefox 7, Chrome 14).
    Hybi08,
    /// Drafts 13 to 17 and RFC 6455, wire version 13.
    Rfc6455,
}

impl Draft {
    /// All generations, oldest first.
    pub const ALL: [Self; 5] = [
        Self::Hixie75,
        Self::Hixie76,
        Self::Hybi07,
        Self::Hybi08,
        Self::Rfc6455,
    ];

    /// The value of `Sec-WebSocket-Version`; the hixie drafts have none.
    pub const fn wire_version(self) -> Option<u8> {
        match self {
            Self::Hixie75 | Self::Hixie76 => None,
            Self::Hybi07 => Some(7),
            Self::Hybi08 => Some(8),
            Self::Rfc6455 => Some(13),
        }
    }

    /// Whether frames have the layout of RFC 6455 §5.2.
    pub const fn is_hybi(self) -> bool {
        self.wire_version().is_some()
    }

    /// The short name used in options and logs: `75`, `76`, `7`, `8` or `13`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hixie75 => "75",
            Self::Hixie76 => "76",
            Self::Hybi07 => "7",
            Self::Hybi08 => "8",
            Self::Rfc6455 => "13",
        }
    }

    /// The draft of that short [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|draft| draft.name() == name)
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of generations.
///
/// ```
/// use websocket_proto::{Draft, Drafts};
///
/// let drafts = Drafts::default().with(Draft::Hybi08);
/// assert!(drafts.contains(Draft::Rfc6455) && !drafts.contains(Draft::Hixie75));
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Drafts(u8);

impl Drafts {
    /// No generation: nothing is upgraded.
    pub const NONE: Self = Self(0);
    /// Every generation. The hixie drafts have weak or no challenges: keep them off a server that
    /// also serves trusted HTTP.
    pub const ALL: Self = Self(0b1_1111);

    /// This set and `draft`.
    #[must_use]
    pub const fn with(self, draft: Draft) -> Self {
        Self(self.0 | 1 << draft as u8)
    }

    /// Whether `draft` belongs to the set.
    pub const fn contains(self, draft: Draft) -> bool {
        self.0 & 1 << draft as u8 != 0
    }

    /// The members, newest first: the order of a version refusal (RFC 6455 §4.4).
    pub fn iter(self) -> impl Iterator<Item = Draft> {
        Draft::ALL
            .into_iter()
            .rev()
            .filter(move |&draft| self.contains(draft))
    }
}

/// RFC 6455 alone.
impl Default for Drafts {
    fn default() -> Self {
        Self::NONE.with(Draft::Rfc6455)
    }
}

impl FromIterator<Draft> for Drafts {
    fn from_iter<I: IntoIterator<Item = Draft>>(drafts: I) -> Self {
        drafts.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Drafts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Which side of a connection one plays. Decides who masks and who closes TCP first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The side that asked.
    Client,
    /// The side that was asked.
    Server,
}
