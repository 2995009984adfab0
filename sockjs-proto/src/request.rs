//! What the rules of a service look at in a request, found in one pass.

use websocket_proto::handshake::{OriginPolicy, RequestView};

use crate::config::Asked;
use crate::cookie;

/// A request head, read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) method: Method,
    pub(crate) authority: Option<&'a str>,
    /// Not decoded, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) origin: Origin<'a>,
    /// Whether the browser says that a page of another site asks.
    pub(crate) cross_site: bool,
    /// Whether the browser says that the answer becomes a page of its own.
    pub(crate) navigation: bool,
    /// `Access-Control-Request-Headers`.
    pub(crate) wanted_headers: Option<&'a str>,
    /// Without parameters; empty when there is none.
    pub(crate) content_type: &'a [u8],
    pub(crate) jsessionid: Option<&'a str>,
    /// Whether `Connection` lists `upgrade`.
    pub(crate) connection_upgrade: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Options,
    Other,
}

/// The page that asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin<'a> {
    /// The client does not say.
    Absent,
    /// A page without an origin of its own: sandboxed, or from a file.
    Null,
    /// As sent.
    Page(&'a str),
    /// Sent twice, too long, or with characters that no origin has.
    Malformed,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(request: &'a impl RequestView) -> Self {
        let (authority, path, query) = split_target(request.target());
        let mut facts = Self {
            method: Method::of(request.method()),
            authority,
            path,
            query,
            origin: Origin::Absent,
            cross_site: false,
            navigation: false,
            wanted_headers: None,
            content_type: b"",
            jsessionid: None,
            connection_upgrade: false,
        };
        for (name, value) in request.byte_fields() {
            facts.add(name, value);
        }
        facts
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        // Most fields of a request have another length than all of these.
        match name.len() {
            // RFC 9112 §3.2.2: the authority of an absolute target replaces `Host`.
            4 if is_word(name, b"host") => {
                self.authority = self.authority.or_else(|| printable(value.trim_ascii()));
            }
            6 if is_word(name, b"origin") => self.origin = self.origin.and(value.trim_ascii()),
            6 if is_word(name, b"cookie") => {
                self.jsessionid = self.jsessionid.or_else(|| cookie::jsessionid(value));
            }
            10 if is_word(name, b"connection") => {
                self.connection_upgrade |= value
                    .split(|&byte| byte == b',')
                    .any(|item| is_word(item.trim_ascii(), b"upgrade"));
            }
            12 if is_word(name, b"content-type") => {
                let media_type = value.split(|&byte| byte == b';').next();
                self.content_type = media_type.unwrap_or_default().trim_ascii();
            }
            14 if is_word(name, b"sec-fetch-site") => {
                self.cross_site |= is_word(value.trim_ascii(), b"cross-site");
            }
            14 if is_word(name, b"sec-fetch-dest") => {
                self.navigation |= is_word(value.trim_ascii(), b"document");
            }
            30 if is_word(name, b"access-control-request-headers") => {
                let printable = || printable(value.trim_ascii());
                self.wanted_headers = self.wanted_headers.or_else(printable);
            }
            _ => {}
        }
    }

    /// Whether the policy lets this page have an answer.
    pub(crate) fn passes(&self, policy: &OriginPolicy) -> bool {
        let origin = match self.origin {
            Origin::Absent => None,
            Origin::Null => Some("null"),
            Origin::Page(origin) => Some(origin),
            Origin::Malformed => return false,
        };
        // Most often the page is from here, and its origin says so in the same words.
        if let (Some(origin), Some(own)) = (origin, self.authority)
            && ["http://", "https://"]
                .iter()
                .any(|scheme| origin.strip_prefix(scheme) == Some(own))
        {
            return true;
        }
        let site = self.cross_site.then_some("cross-site");
        policy.check(origin, self.authority.unwrap_or_default(), site)
    }

    /// What the functions among the options may see.
    pub(crate) fn asked(&self, secure: bool) -> Asked<'a> {
        Asked {
            path: self.path,
            host: self.authority,
            origin: match self.origin {
                Origin::Absent | Origin::Malformed => None,
                Origin::Null => Some("null"),
                Origin::Page(origin) => Some(origin),
            },
            jsessionid: self.jsessionid,
            secure,
        }
    }
}

impl Method {
    fn of(method: &str) -> Self {
        match method {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

impl<'a> Origin<'a> {
    fn and(self, value: &'a [u8]) -> Self {
        match (self, value) {
            (Self::Absent, b"") => Self::Absent,
            (Self::Absent, b"null") => Self::Null,
            (Self::Absent, value) => printable(value).map_or(Self::Malformed, Self::Page),
            (Self::Null | Self::Page(_) | Self::Malformed, _) => Self::Malformed,
        }
    }
}

/// The authority, the path and the query of an origin-form or absolute-form target (RFC 9112 §3.2).
fn split_target(target: &str) -> (Option<&str>, &str, Option<&str>) {
    let absolute = match target.as_bytes() {
        [b'/', ..] => None,
        _ => target.split_once("://"),
    };
    let (authority, rest) = match absolute {
        Some((_, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(end);
            (Some(authority), rest)
        }
        None => (None, target),
    };
    match memchr::memchr(b'?', rest.as_bytes()) {
        Some(mark) => (authority, &rest[..mark], Some(&rest[mark + 1..])),
        None => (authority, rest, None),
    }
}

/// Whether `word` is `known`, which is in lower case and of letters and dashes, in any letter case.
/// Knowing its length, the compiler compares many bytes at once.
#[inline(always)]
pub(crate) fn is_word<const N: usize>(word: &[u8], known: &[u8; N]) -> bool {
    let Ok(word) = <&[u8; N]>::try_from(word) else {
        return false;
    };
    let difference = |(byte, known): (&u8, &u8)| {
        let case = if known.is_ascii_lowercase() { 0x20 } else { 0 };
        (byte | case) ^ known
    };
    let pairs = word.iter().zip(known);
    pairs.map(difference).fold(0, |all, one| all | one) == 0
}

/// A value that can be sent back as it came: printable ASCII, and not so long that an answer could
/// not hold it.
fn printable(value: &[u8]) -> Option<&str> {
    // Without an early way out, many bytes are looked at at once.
    let strange = |byte: &u8| !(b' '..=b'~').contains(byte);
    let harmless = !value.is_empty()
        && value.len() <= LONGEST_ECHO
        && !value
            .iter()
            .fold(false, |found, byte| found | strange(byte));
    core::str::from_utf8(value).ok().filter(|_| harmless)
}

const LONGEST_ECHO: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (target, expected) in [
            ("/a?b=c?d", (None, "/a", Some("b=c?d"))),
            ("/a", (None, "/a", None)),
            ("http://h.test/a?b", (Some("h.test"), "/a", Some("b"))),
            ("http://h.test?b", (Some("h.test"), "", Some("b"))),
            ("http://h.test", (Some("h.test"), "", None)),
            (
                "/a?u=http://h.test/",
                (None, "/a", Some("u=http://h.test/")),
            ),
            ("http://[", (Some("["), "", None)),
            ("*", (None, "*", None)),
            ("", (None, "", None)),
        ] {
            assert_eq!(split_target(target), expected, "{target}");
        }
    }

    #[test]
    fn origins() {
        let origin = |values: &[&'static [u8]]| {
            values
                .iter()
                .fold(Origin::Absent, |origin, value| origin.and(value))
        };
        assert_eq!(origin(&[b"http://a"]), Origin::Page("http://a"));
        assert_eq!(origin(&[b"null"]), Origin::Null);
        assert_eq!(origin(&[b""]), Origin::Absent);
        assert_eq!(origin(&[b"http://a", b"http://b"]), Origin::Malformed);
        assert_eq!(origin(&[b"http://\xe9"]), Origin::Malformed);
        assert_eq!(origin(&[b"a\x00"]), Origin::Malformed);
    }
}
