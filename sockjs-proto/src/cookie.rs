//! JSESSIONID: load balancers stick a client to a server by it.

use alloc::boxed::Box;
use alloc::format;

use crate::config::{Asked, SessionCookie};

/// The value of JSESSIONID in a `Cookie` field, if it may be sent back: a cookie of the victim must
/// not come out changed, and nothing else may be reflected.
pub(crate) fn jsessionid(cookies: &[u8]) -> Option<&str> {
    cookies.split(|&byte| byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(NAME)?.strip_prefix(b"=")?;
        let harmless = !value.is_empty()
            && value.len() <= LONGEST
            && value.iter().copied().all(is_cookie_octet);
        core::str::from_utf8(value).ok().filter(|_| harmless)
    })
}

/// The value of `Set-Cookie`; `None` when there is none to be set.
pub(crate) fn set_cookie(
    option: &SessionCookie,
    always: bool,
    asked: Asked<'_>,
) -> Option<Box<str>> {
    match option {
        // One that a header cannot hold is left out.
        SessionCookie::PerRequest(function) => function
            .call(asked)
            .filter(|value| !value.contains(|char: char| char != '\t' && char.is_ascii_control()))
            .map(|value| value.trim_matches([' ', '\t']).into()),
        SessionCookie::Off if !always => None,
        SessionCookie::Off | SessionCookie::On => {
            let value = asked.jsessionid.unwrap_or("dummy");
            Some(format!("JSESSIONID={value}; path=/").into())
        }
    }
}

/// RFC 6265 §4.1.1.
const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

const NAME: &[u8] = b"JSESSIONID";
/// Balancers add a node's name to their session id; more is no cookie of theirs.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::PerRequest;

    #[test]
    fn what_a_header_cannot_hold_is_not_set() {
        let asked = Asked {
            path: "/",
            host: None,
            origin: None,
            jsessionid: None,
            secure: false,
        };
        for (value, expected) in [
            ("a=b", Some("a=b")),
            (" a=b\t", Some("a=b")),
            ("a=b\r\nX: y", None),
            ("a=\x7f", None),
            ("a=\0", None),
        ] {
            let option =
                SessionCookie::PerRequest(PerRequest::new(move |_| Some(String::from(value))));
            assert_eq!(
                set_cookie(&option, false, asked).as_deref(),
                expected,
                "{value:?}"
            );
        }
    }

    #[test]
    fn values() {
        for (cookies, expected) in [
            ("JSESSIONID=abcdef", Some("abcdef")),
            ("secret=1; JSESSIONID=a.b:c; x=2", Some("a.b:c")),
            ("JSESSIONID=a=b", Some("a=b")),
            ("secret=1; x=2", None),
            ("JSESSIONID=", None),
            ("JSESSIONID", None),
            ("XJSESSIONID=a", None),
            ("jsessionid=a", None),
            ("JSESSIONID=\"a\"", None),
            ("JSESSIONID=a b", None),
            ("JSESSIONID=a,b", None),
            ("JSESSIONID=\u{e9}", None),
            ("", None),
        ] {
            assert_eq!(jsessionid(cookies.as_bytes()), expected, "{cookies}");
        }
        assert!(jsessionid(&[NAME, b"=", &[b'a'; 128]].concat()).is_some());
        assert!(jsessionid(&[NAME, b"=", &[b'a'; 129]].concat()).is_none());
    }
}
