//! `ws:` and `wss:` URLs (RFC 6455 §3).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::authority::{Authority, default_port};

/// Where a client connects: `ws://host[:port]/path?query`, or `wss://`.
///
/// The host is kept in lower case, the rest as written: nothing is percent-encoded or decoded.
///
/// ```
/// use websocket_proto::handshake::Url;
///
/// let url: Url = "wss://[::1]:8443?room=1".parse().unwrap();
/// assert!(url.secure());
/// assert_eq!((url.host(), url.port()), ("::1", 8443));
/// assert_eq!((url.authority(), url.target()), ("[::1]:8443", "/?room=1"));
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Url {
    secure: bool,
    /// The port is left out when it is the scheme's default.
    authority: Box<str>,
    /// How much of the authority is the host, with the brackets of an IPv6 address.
    host_length: usize,
    port: u16,
    target: Box<str>,
}

impl Url {
    /// Whether TLS is spoken: the scheme is `wss`.
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// The name or address to connect to; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        let host = &self.authority[..self.host_length];
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    /// The port to connect to: as written, or 80 for `ws` and 443 for `wss`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `host[:port]` as it stands in `Host`: without a default port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query: the request target. At least `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The origin of a page that this server itself would serve: `http://` or `https://`.
    pub fn http_origin(&self) -> String {
        format!(
            "{}://{}",
            if self.secure { "https" } else { "http" },
            self.authority
        )
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !text.is_ascii() {
            return Err(UrlError::NotAscii);
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme {
            scheme if scheme.eq_ignore_ascii_case("ws") => false,
            scheme if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(UrlError::Scheme),
        };
        // RFC 6455 §3: fragments are meaningless here, and `#` is never part of a path.
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let parsed = Authority::parse(authority).ok_or(UrlError::Host)?;
        let mut authority = String::new();
        parsed.write_normal(secure, &mut authority);
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            secure,
            authority: authority.into(),
            host_length: parsed.host.len(),
            port: parsed.port.unwrap_or(default_port(secure)),
            target: [slash, path].concat().into(),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority, self.target)
    }
}

/// What is wrong with a URL.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UrlError {
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// The host is missing or malformed, or the port is no number up to 65535.
    Host,
    /// It has a fragment, which RFC 6455 §3 forbids.
    Fragment,
    /// It holds a user name or password: send an `Authorization` field instead.
    UserInfo,
    /// A character beyond ASCII: percent-encode the path, use Punycode for the host.
    NotAscii,
    /// A space or control character.
    Character,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the url does not begin with ws:// or wss://",
            Self::Host => "the url has no valid host and port",
            Self::Fragment => "the url has a fragment",
            Self::UserInfo => "the url holds credentials, which belong in an authorization field",
            Self::NotAscii => "the url is not ascii: percent-encode it",
            Self::Character => "the url holds a space or control character",
        })
    }
}

impl core::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn urls() {
        for (text, expected) in [
            ("ws://A.test", Ok(("ws://a.test/", "a.test", 80))),
            ("WS://a.test:80/X?y", Ok(("ws://a.test/X?y", "a.test", 80))),
            ("wss://a.test:443", Ok(("wss://a.test/", "a.test", 443))),
            (
                "wss://a.test:80?q=/",
                Ok(("wss://a.test:80/?q=/", "a.test", 80)),
            ),
            ("ws://[::A]:81/%20", Ok(("ws://[::a]:81/%20", "::a", 81))),
            ("ws://127.0.0.1/", Ok(("ws://127.0.0.1/", "127.0.0.1", 80))),
            ("http://a.test", Err(UrlError::Scheme)),
            ("a.test", Err(UrlError::Scheme)),
            ("", Err(UrlError::Scheme)),
            ("ws:///x", Err(UrlError::Host)),
            ("ws://a.test:99999", Err(UrlError::Host)),
            ("ws://[::1", Err(UrlError::Host)),
            ("ws://a.test/#x", Err(UrlError::Fragment)),
            ("ws://a.test#", Err(UrlError::Fragment)),
            ("ws://u:p@a.test/", Err(UrlError::UserInfo)),
            ("ws://ä.test/", Err(UrlError::NotAscii)),
            ("ws://a.test/a b", Err(UrlError::Character)),
            ("ws://a.test/a\r\nX: y", Err(UrlError::Character)),
        ] {
            let parsed = text.parse::<Url>();
            let seen = parsed
                .as_ref()
                .map(|url| (url.to_string(), url.host(), url.port()));
            let expected = expected.map(|(url, host, port)| (url.to_string(), host, port));
            assert_eq!(seen.map_err(|&error| error), expected, "{text:?}");
        }
    }

    #[test]
    fn the_own_origin() {
        let url: Url = "wss://a.test:8443/x".parse().unwrap();
        assert_eq!(url.http_origin(), "https://a.test:8443");
    }
}
