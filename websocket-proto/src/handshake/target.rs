//! The request target of a handshake.

use alloc::string::String;

use super::authority::Authority;
use crate::words::{self, Word};

/// An origin-form or absolute-form target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Target<'a> {
    /// `host[:port]` of the absolute form.
    pub(super) authority: Option<&'a str>,
    /// Path and query. In the absolute form the path may be empty.
    path: &'a str,
}

impl<'a> Target<'a> {
    /// `None` for other forms and schemes, a fragment (RFC 6455 §3), white space or a control
    /// character.
    pub(super) fn parse(target: &'a str) -> Option<Self> {
        let legal = |word: Word| word.no_controls() & !word.equal(b' ') & !word.equal(b'#');
        if !words::all(target.as_bytes(), legal) {
            return None;
        }
        if target.starts_with('/') {
            return Some(Self {
                authority: None,
                path: target,
            });
        }
        let (scheme, rest) = target.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Authority::parse(authority)?;
        Some(Self {
            authority: Some(authority),
            path,
        })
    }

    /// The WebSocket URL of this target at `host`, as the hixie drafts construct it: the host in
    /// lower case, without a default port.
    pub(super) fn location(self, secure: bool, host: &str) -> String {
        let mut url = String::from(if secure { "wss://" } else { "ws://" });
        if let Some(authority) = Authority::parse(host) {
            authority.write_normal(secure, &mut url);
        }
        if !self.path.starts_with('/') {
            url.push('/');
        }
        url.push_str(self.path);
        url
    }
}

/// Whether `scheme` is one that a handshake's target may have.
pub(super) fn is_scheme(scheme: &str) -> bool {
    SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (target, expected) in [
            ("/", Some("ws://h.test/")),
            ("/a?b=c", Some("ws://h.test/a?b=c")),
            ("//a", Some("ws://h.test//a")),
            ("ws://X.test:80/a", Some("ws://x.test/a")),
            ("HTTPS://x.test:444?q", Some("ws://x.test:444/?q")),
            ("http://x.test", Some("ws://x.test/")),
            ("/a#b", None),
            ("http://x.test#b", None),
            ("/a\r\nb", None),
            ("/a b", None),
            ("", None),
            ("*", None),
            ("x.test:80", None),
            ("a", None),
            ("ftp://x.test/", None),
            ("http://u:p@x.test/", None),
            ("http:///a", None),
        ] {
            let url = Target::parse(target)
                .map(|parsed| parsed.location(false, parsed.authority.unwrap_or("h.test")));
            assert_eq!(url.as_deref(), expected, "{target:?}");
        }
    }
}
