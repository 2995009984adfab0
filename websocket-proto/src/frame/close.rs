//! Close codes, and the body of a close frame: RFC 6455 §5.5.1 and §7.4.

use core::fmt;

use crate::{Draft, Role};

/// Why a connection was closed (RFC 6455 §7.4).
///
/// ```
/// use websocket_proto::frame::CloseCode;
/// use websocket_proto::{Draft, Role};
///
/// assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 (going away)");
/// assert!(CloseCode(4000).may_be_sent(Draft::Rfc6455, Role::Server));
/// assert!(!CloseCode::ABNORMAL.may_be_sent(Draft::Rfc6455, Role::Server));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server going down, or a browser leaving the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data the endpoint cannot take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: the close frame had no code. Never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: no close frame came. Never on the wire.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that does not fit the kind of its message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message against the endpoint's policy.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server did not agree to an extension the client needs. Only clients send it.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: an unexpected condition.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts.
    pub const RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN: Self = Self(1013);
    /// 1014: a gateway got an invalid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// Whether `role` may open a closing handshake with this code.
    ///
    /// The answer to a close frame repeats the peer's code and is not bound by this. The hixie
    /// drafts have no codes at all. Drafts 07 and 08 reserve 1000 to 1999 for later revisions, so
    /// their peers bear the codes those revisions brought; [`for_draft`](Self::for_draft) knows the
    /// exception.
    pub const fn may_be_sent(self, draft: Draft, role: Role) -> bool {
        match self {
            Self::EXTENSION => matches!(role, Role::Client) && draft.is_hybi(),
            Self::INVALID_PAYLOAD => draft.is_hybi() && !matches!(draft, Draft::Hybi07),
            _ => draft.is_hybi() && self.is_for_the_wire(),
        }
    }

    /// Whether a peer may put this code in a close frame.
    pub const fn may_be_received(self, draft: Draft) -> bool {
        match draft {
            Draft::Hixie75 | Draft::Hixie76 => false,
            Draft::Hybi07 | Draft::Hybi08 => self.is_for_the_wire() || self.0 == TOO_LARGE,
            Draft::Rfc6455 => self.is_for_the_wire(),
        }
    }

    /// The code to send to a peer of `draft` in place of this one: 1007 is unknown to draft 07,
    /// which called every failure 1002.
    #[must_use]
    pub const fn for_draft(self, draft: Draft) -> Self {
        match (self, draft) {
            (Self::INVALID_PAYLOAD, Draft::Hybi07) => Self::PROTOCOL,
            _ => self,
        }
    }

    /// What the code means in a few words; `None` for those without a registered meaning.
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::NORMAL => "normal",
            Self::GOING_AWAY => "going away",
            Self::PROTOCOL => "protocol error",
            Self::UNSUPPORTED => "unsupported data",
            Self::NO_STATUS => "no status",
            Self::ABNORMAL => "abnormal",
            Self::INVALID_PAYLOAD => "invalid payload",
            Self::POLICY => "policy violation",
            Self::TOO_BIG => "message too big",
            Self::EXTENSION => "extension missing",
            Self::INTERNAL => "internal error",
            Self::RESTART => "service restart",
            Self::TRY_AGAIN => "try again later",
            Self::BAD_GATEWAY => "bad gateway",
            _ => return None,
        })
    }

    /// The codes of RFC 6455 §7.4 and its registry that a close frame may hold. 1004 is reserved;
    /// 1005, 1006 and 1015 only tell the application what happened.
    const fn is_for_the_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{} ({meaning})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Writes the body of a close frame into `buffer` and returns it.
///
/// [`CloseCode::NO_STATUS`] stands for the empty body, as in [`decode_body`]. A `reason` longer than
/// 123 bytes is cut at a character border.
pub fn encode_body<'a>(code: CloseCode, reason: &str, buffer: &'a mut [u8; MAX_BODY]) -> &'a [u8] {
    if code == CloseCode::NO_STATUS {
        return &[];
    }
    let mut len = reason.len().min(MAX_BODY - CODE_LEN);
    while !reason.is_char_boundary(len) {
        len -= 1;
    }
    buffer[..CODE_LEN].copy_from_slice(&code.0.to_be_bytes());
    buffer[CODE_LEN..][..len].copy_from_slice(&reason.as_bytes()[..len]);
    &buffer[..CODE_LEN + len]
}

/// Reads the body of a close frame: code and reason, [`CloseCode::NO_STATUS`] when it is empty.
pub fn decode_body(body: &[u8], draft: Draft) -> Result<(CloseCode, &str), BadBody> {
    let Some((&code, reason)) = body.split_first_chunk::<CODE_LEN>() else {
        return if body.is_empty() {
            Ok((CloseCode::NO_STATUS, ""))
        } else {
            Err(BadBody::Length)
        };
    };
    let code = CloseCode(u16::from_be_bytes(code));
    if !code.may_be_received(draft) {
        return Err(BadBody::Code);
    }
    match core::str::from_utf8(reason) {
        Ok(reason) => Ok((code, reason)),
        Err(_) => Err(BadBody::Reason),
    }
}

/// What is wrong with the body of a close frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadBody {
    /// One byte: half a code (RFC 6455 §5.5.1).
    Length,
    /// A code that may not be on the wire (RFC 6455 §7.4).
    Code,
    /// A reason that is not UTF-8 (RFC 6455 §5.5.1).
    Reason,
}

impl fmt::Display for BadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "close frame with half a code",
            Self::Code => "close code that may not be sent",
            Self::Reason => "close reason that is not utf-8",
        })
    }
}

impl core::error::Error for BadBody {}

/// RFC 6455 §5.5: the longest payload of a control frame, in bytes.
pub const MAX_BODY: usize = 125;
/// The code in front of the reason.
const CODE_LEN: usize = 2;
/// 1004 in drafts 07 to 12: a frame that is too large. Reserved since.
const TOO_LARGE: u16 = 1004;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_survives_the_wire() {
        let mut buffer = [0; MAX_BODY];
        for (code, reason, body) in [
            (CloseCode::NORMAL, "", &b"\x03\xe8"[..]),
            (CloseCode::GOING_AWAY, "bye", b"\x03\xe9bye"),
            (CloseCode(4999), "\u{3ba}", b"\x13\x87\xce\xba"),
            (CloseCode::NO_STATUS, "", b""),
        ] {
            assert_eq!(encode_body(code, reason, &mut buffer), body);
            assert_eq!(decode_body(body, Draft::Rfc6455), Ok((code, reason)));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut buffer = [0; MAX_BODY];
        for (character, kept) in [
            ("a", 123),
            ("\u{e9}", 122),
            ("\u{20ac}", 123),
            ("\u{1f600}", 120),
        ] {
            let reason = character.repeat(200);
            let body = encode_body(CloseCode::NORMAL, &reason, &mut buffer);
            assert_eq!(body[2..], reason.as_bytes()[..kept]);
        }
    }

    #[test]
    fn the_first_defect_of_a_body_is_told() {
        for (body, why) in [
            (&b"\x03"[..], BadBody::Length),
            (b"\x03\xed", BadBody::Code),
            (b"\x03\xed\xff", BadBody::Code),
            (b"\x03\xe8\xff", BadBody::Reason),
            (b"\x03\xe8\xce", BadBody::Reason),
        ] {
            assert_eq!(decode_body(body, Draft::Rfc6455), Err(why));
        }
    }
}
