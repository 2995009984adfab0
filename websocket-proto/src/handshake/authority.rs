//! `host[:port]`, as it stands in `Host`, in origins and in URLs.

use alloc::string::String;
use core::fmt::Write as _;
use core::net::Ipv6Addr;

use super::fields::byte_set;
use crate::http1::usual_host_len;

/// The host and port of RFC 3986 §3.2, without user information.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets; letter case as written.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads a whole `host[:port]`. `None` when the host is empty, a character cannot stand in a
    /// host, or the port is no decimal number up to 65535. A colon without a port is legal.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, _) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            text.split_at(address.len() + 2)
        } else {
            // What ends the host is a colon, or is refused as a port below.
            let bytes = text.as_bytes();
            let usual = usual_host_len(bytes);
            let rest = bytes.get(usual..)?.iter();
            let others = rest.take_while(|byte| HOST_BYTES[usize::from(**byte)]);
            let (host, port) = text.split_at_checked(usual + others.count())?;
            if host.is_empty() {
                return None;
            }
            (host, port)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None | Some(_) => return None,
        };
        Some(Self { host, port })
    }

    /// Writes the host in lower case, and the port unless it is the default of `secure`.
    pub(super) fn write_normal(self, secure: bool, out: &mut String) {
        out.extend(self.host.chars().map(|c| c.to_ascii_lowercase()));
        if let Some(port) = self.port.filter(|&port| port != default_port(secure)) {
            // Writing to a `String` cannot fail.
            let _ = write!(out, ":{port}");
        }
    }
}

/// The port of `http` and `ws`, or of `https` and `wss`.
pub(super) const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// RFC 3986 §3.2.2 `reg-name`, without the comma: in `Host` it rather is two fields joined.
const HOST_BYTES: [bool; 256] = byte_set(b"-._~%!$&'()*+;=");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, expected) in [
            ("a.test", Some(("a.test", None))),
            ("A.test:80", Some(("A.test", Some(80)))),
            ("a.test:", Some(("a.test", None))),
            ("[::1]:8080", Some(("[::1]", Some(8080)))),
            ("[::1]", Some(("[::1]", None))),
            ("127.0.0.1:65535", Some(("127.0.0.1", Some(65535)))),
            ("", None),
            (":80", None),
            ("[]", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[::1%25eth0]", None),
            ("a:65536", None),
            ("a:0x50", None),
            ("a:+80", None),
            ("a:8 0", None),
            ("a b", None),
            ("a,b", None),
            ("u@a", None),
            ("a/b", None),
            ("é", None),
            ("::1", None),
        ] {
            let parsed = Authority::parse(text).map(|Authority { host, port }| (host, port));
            assert_eq!(parsed, expected, "{text:?}");
        }
    }

    #[test]
    fn the_default_port_is_left_out() {
        for (text, secure, expected) in [
            ("A.Test:80", false, "a.test"),
            ("A.Test:80", true, "a.test:80"),
            ("a.test:443", true, "a.test"),
            ("[::A]:81", false, "[::a]:81"),
        ] {
            let mut out = String::new();
            Authority::parse(text)
                .unwrap()
                .write_normal(secure, &mut out);
            assert_eq!(out, expected);
        }
    }
}
