//! Request lines and status lines (RFC 9112 §3, §4).

use core::ops::Range;

use memchr::memchr;

use super::framing::is_authority;
use super::syntax::{is_field_value_text, is_token_text, token_len};
use super::{ProtocolError, Version};
use crate::words;

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), as lengths.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine {
    method: u8,
    version: Version,
    target: u16,
}

impl Default for RequestLine {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl RequestLine {
    pub(super) const EMPTY: Self = Self {
        method: 0,
        version: Version::Http11,
        target: 0,
    };

    /// Exactly one space on each side of the target, by ourselves: RFC 9112 §3 lets a server take
    /// other white space, httparse takes relative targets and fragments.
    pub(super) fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        if let Some(usual) = Self::parse_usual(line) {
            return Ok(usual);
        }
        let (method, rest) = split_at_space(line).ok_or(ProtocolError::RequestLine)?;
        let (target, rest) =
            split_at(rest, memchr(b' ', rest)).ok_or(ProtocolError::RequestLine)?;
        let version = parse_version(rest);
        if version.is_err() && rest.contains(&b' ') {
            return Err(ProtocolError::RequestLine);
        }
        if method.len() > MAX_METHOD || !is_token_text(method) {
            return Err(ProtocolError::Method);
        }
        let version = version?;
        if !is_target(method, target) {
            return Err(ProtocolError::Target);
        }
        Ok(Self {
            method: method.len().try_into().map_err(|_| ProtocolError::Method)?,
            version,
            target: target
                .len()
                .try_into()
                .map_err(|_| ProtocolError::StartLineTooLong)?,
        })
    }

    /// A line of HTTP/1.1 without fault.
    fn parse_usual(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b" HTTP/1.1")?;
        let method = token_len(line.get(..MAX_METHOD).unwrap_or(line));
        let (method, target) = line.split_at_checked(method)?;
        // A method that is too long goes on here.
        let target = target.strip_prefix(b" ")?;
        (!method.is_empty() && is_target(method, target)).then_some(Self {
            method: method.len().try_into().ok()?,
            version: Version::Http11,
            target: target.len().try_into().ok()?,
        })
    }

    pub(super) fn method_len(self) -> usize {
        self.method.into()
    }

    pub(super) fn target(self) -> Range<usize> {
        let start = self.method_len() + 1;
        start..start + usize::from(self.target)
    }

    pub(super) const fn version(self) -> Version {
        self.version
    }

    /// Whether the target, in the `text` that begins with this line, carries an authority.
    pub(super) fn is_absolute(self, text: &[u8]) -> bool {
        !matches!(text[self.target()], [b'/', ..] | [b'*'])
    }

    /// Where the line behind this one starts.
    pub(super) fn end(self) -> usize {
        self.target().end + " HTTP/1.1\r\n".len()
    }
}

/// `HTTP-version SP status-code SP [reason-phrase]` (RFC 9112 §4). The second space may be missing
/// when there is no reason, as some servers have it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: u16,
    /// Length of the line.
    pub(super) end: usize,
}

impl StatusLine {
    pub(super) fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        let (version, rest) = split_at_space(line).ok_or(ProtocolError::StatusLine)?;
        let version = parse_version(version)?;
        let (digits, reason) = rest.split_at_checked(3).ok_or(ProtocolError::StatusLine)?;
        if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
            return Err(ProtocolError::StatusLine);
        }
        let status = digits
            .iter()
            .fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        match reason {
            [] => {}
            [b' ', reason @ ..] if is_field_value_text(reason) => {}
            _ => return Err(ProtocolError::StatusLine),
        }
        Ok(Self {
            version,
            status,
            end: line.len(),
        })
    }

    /// Where the reason phrase lies.
    pub(super) fn reason(self) -> Range<usize> {
        let start = "HTTP/1.1 200 ".len();
        start.min(self.end)..self.end
    }
}

fn split_at_space(line: &[u8]) -> Option<(&[u8], &[u8])> {
    // What stands before it is short: a search that needs setting up costs more than it saves.
    split_at(line, line.iter().position(|&byte| byte == b' '))
}

fn split_at(line: &[u8], at: Option<usize>) -> Option<(&[u8], &[u8])> {
    let at = at?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// RFC 9110 §2.5: a higher minor version is served as 1.1, another major one is not.
fn parse_version(version: &[u8]) -> Result<Version, ProtocolError> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => Ok(Version::Http11),
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'0' | b'2'..=b'9',
            b'.',
            b'0'..=b'9',
        ]
        | [b'H', b'T', b'T', b'P', b'/', b'2'..=b'9'] => Err(ProtocolError::UnsupportedVersion),
        _ => Err(ProtocolError::Version),
    }
}

/// The four forms of RFC 9112 §3.2, in visible ASCII and without a fragment.
pub(super) fn is_target(method: &[u8], target: &[u8]) -> bool {
    // Visible ASCII without a fragment.
    if !words::all(target, |word| word.between(b'!', b'~') & !word.equal(b'#')) {
        return false;
    }
    match target {
        _ if method == b"CONNECT" => is_authority(target) && memchr(b':', target).is_some(),
        [b'/', ..] => true,
        b"*" => method == b"OPTIONS",
        _ => is_absolute(target),
    }
}

/// `scheme "://" authority path-abempty ["?" query]`.
fn is_absolute(target: &[u8]) -> bool {
    let Some(colon) = memchr(b':', target) else {
        return false;
    };
    let (scheme, rest) = target.split_at(colon);
    let in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let Some(rest) = rest.strip_prefix(b"://") else {
        return false;
    };
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(in_scheme)
        && is_authority(&rest[..end])
}

/// Longer than any registered method.
const MAX_METHOD: usize = 32;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// Only lines of HTTP/1.1 are read in the usual way.
    #[test]
    fn what_is_usual_is_read_as_everything_else() {
        let longest = "M".repeat(MAX_METHOD);
        for (start, expected) in [
            ("GET /", Ok((3, 4..5))),
            ("M-_9 /a?b", Ok((4, 5..9))),
            ("M~ /%", Ok((2, 3..5))),
            ("OPTIONS *", Ok((7, 8..9))),
            ("CONNECT h:1", Ok((7, 8..11))),
            ("GET http://h/a", Ok((3, 4..14))),
            (&format!("{longest} /"), Ok((32, 33..34))),
            (&format!("{longest}M /"), Err(ProtocolError::Method)),
            ("", Err(ProtocolError::RequestLine)),
            ("GET", Err(ProtocolError::RequestLine)),
            ("GET  /", Err(ProtocolError::RequestLine)),
            ("GET / ", Err(ProtocolError::RequestLine)),
            ("GET /a b", Err(ProtocolError::RequestLine)),
            (" /", Err(ProtocolError::Method)),
            ("G@T /", Err(ProtocolError::Method)),
            ("G\u{e9}T /", Err(ProtocolError::Method)),
            ("GET /a#b", Err(ProtocolError::Target)),
            ("GET /\t", Err(ProtocolError::Target)),
            ("GET /\u{7f}", Err(ProtocolError::Target)),
            ("GET /\u{e9}", Err(ProtocolError::Target)),
            ("GET *", Err(ProtocolError::Target)),
            ("GET a", Err(ProtocolError::Target)),
            ("CONNECT /", Err(ProtocolError::Target)),
        ] {
            for version in ["1.1", "1.0"] {
                let line = format!("{start} HTTP/{version}");
                let parsed = RequestLine::parse(line.as_bytes());
                let parsed = parsed.map(|line| (line.method_len(), line.target()));
                assert_eq!(parsed, expected, "{line:?}");
            }
        }
    }
}
