//! The header of the PROXY protocol, as HAProxy's `proxy-protocol.txt` defines it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{Proxied, ProxyError};
use crate::Address;

/// What a header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Header {
    Proxied(Proxied),
    /// The proxy speaks for itself, or cannot say for whom.
    Local,
}

/// The header at the front and its length; `None` when more is to come.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    if begins_like(bytes, SIGNATURE) {
        binary(bytes)
    } else if begins_like(bytes, b"PROXY ") {
        line(bytes)
    } else {
        Err(ProxyError::NoHeader)
    }
}

/// Whether `bytes` begin with `signature`, as far as they have come.
fn begins_like(bytes: &[u8], signature: &[u8]) -> bool {
    let length = bytes.len().min(signature.len());
    bytes[..length] == signature[..length]
}

/// Version 1, §2.1: one line.
fn line(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    let within = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_LINE {
            Ok(None)
        } else {
            Err(ProxyError::TooLong)
        };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| ProxyError::Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    let header = match words[..] {
        // What follows is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Header::Local,
        ["PROXY", "TCP4", source, target, from, to] => {
            proxied::<Ipv4Addr>([(source, from), (target, to)])?
        }
        ["PROXY", "TCP6", source, target, from, to] => {
            proxied::<Ipv6Addr>([(source, from), (target, to)])?
        }
        _ => return Err(ProxyError::Malformed),
    };
    Ok(Some((header, end + 2)))
}

fn proxied<A: FromStr + Into<IpAddr>>(ends: [(&str, &str); 2]) -> Result<Header, ProxyError> {
    let [client, server] = ends.map(|(address, port)| {
        let address: A = address.parse().ok()?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let shortest = port == "0" || !port.starts_with('0');
        let port: u16 = port.parse().ok().filter(|_| digits && shortest)?;
        Some(Address::Tcp(SocketAddr::new(address.into(), port)))
    });
    match (client, server) {
        (Some(client), Some(server)) => Ok(Header::Proxied(Proxied {
            client,
            server,
            secure: false,
        })),
        _ => Err(ProxyError::Malformed),
    }
}

/// Version 2, §2.2: sixteen bytes, addresses, and further values.
fn binary(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(None);
    };
    let [.., version, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version >> 4 != 2 {
        return Err(ProxyError::Malformed);
    }
    if length > LONGEST_BINARY {
        return Err(ProxyError::TooLong);
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    let header = match version & 0xf {
        // A health check: the addresses are those of the connection itself.
        0 => Header::Local,
        1 => addresses(family, body)?,
        _ => return Err(ProxyError::Malformed),
    };
    Ok(Some((header, FIXED + length)))
}

fn addresses(family: u8, body: &[u8]) -> Result<Header, ProxyError> {
    let too_short = ProxyError::Malformed;
    let (client, server, values) = match family {
        UNSPECIFIED => return Ok(Header::Local),
        TCP4 => {
            let (ends, values) = body.split_first_chunk::<12>().ok_or(too_short)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *ends;
            let [from, to] = both(ports);
            (
                tcp(Ipv4Addr::new(a, b, c, d), from),
                tcp(Ipv4Addr::new(e, f, g, h), to),
                values,
            )
        }
        TCP6 => {
            let (source, rest) = body.split_first_chunk::<16>().ok_or(too_short)?;
            let (target, rest) = rest.split_first_chunk::<16>().ok_or(too_short)?;
            let (ports, values) = rest.split_first_chunk::<4>().ok_or(too_short)?;
            let [from, to] = both(*ports);
            (
                tcp(Ipv6Addr::from(*source), from),
                tcp(Ipv6Addr::from(*target), to),
                values,
            )
        }
        UNIX => {
            let (source, rest) = body.split_first_chunk::<108>().ok_or(too_short)?;
            let (target, values) = rest.split_first_chunk::<108>().ok_or(too_short)?;
            (unix(source), unix(target), values)
        }
        // Datagrams do not come through a stream.
        _ => return Err(ProxyError::Malformed),
    };
    Ok(Header::Proxied(Proxied {
        client,
        server,
        secure: is_secure(values)?,
    }))
}

fn both([a, b, c, d]: [u8; 4]) -> [u16; 2] {
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

fn tcp(address: impl Into<IpAddr>, port: u16) -> Address {
    Address::Tcp(SocketAddr::new(address.into(), port))
}

fn unix(path: &[u8]) -> Address {
    let end = path.iter().position(|&byte| byte == 0);
    let path = String::from_utf8_lossy(&path[..end.unwrap_or(path.len())]).into_owned();
    Address::Unix((!path.is_empty()).then(|| path.into()))
}

/// Whether one of the values says that the client came over TLS (§2.2.6).
fn is_secure(mut values: &[u8]) -> Result<bool, ProxyError> {
    let mut secure = false;
    while !values.is_empty() {
        let ([kind, high, low], rest) = values
            .split_first_chunk::<3>()
            .ok_or(ProxyError::Malformed)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(ProxyError::Malformed)?;
        if *kind == SSL {
            let client = value.first().ok_or(ProxyError::Malformed)?;
            secure = client & CLIENT_SSL != 0;
        }
        values = rest;
    }
    Ok(secure)
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;
/// The longest line there can be, its end included (§2.1).
const LONGEST_LINE: usize = 107;
/// Addresses take 216 bytes; certificates' names and the like are not that long.
const LONGEST_BINARY: usize = 4096;
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX: u8 = 0x31;
const SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(client: &str, server: &str, secure: bool) -> Header {
        Header::Proxied(Proxied {
            client: client.parse::<SocketAddr>().unwrap().into(),
            server: server.parse::<SocketAddr>().unwrap().into(),
            secure,
        })
    }

    /// Every prefix says that more is to come, or is refused like the whole.
    fn check(bytes: &[u8], expected: Result<Header, ProxyError>) {
        let length = bytes.len();
        for cut in 0..length {
            match (&expected, parse(&bytes[..cut])) {
                (Ok(_), parsed) => assert_eq!(parsed, Ok(None), "{cut} of {bytes:?}"),
                (Err(why), Err(early)) => assert_eq!(*why, early, "{cut} of {bytes:?}"),
                (Err(_), parsed) => assert_eq!(parsed, Ok(None), "{cut} of {bytes:?}"),
            }
        }
        let whole = parse(bytes);
        assert_eq!(whole, expected.clone().map(|header| Some((header, length))));
        if expected.is_ok() {
            let longer = [bytes, b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&longer), whole);
        }
    }

    #[test]
    fn lines() {
        use ProxyError::{Malformed, NoHeader, TooLong};
        let four = told("192.0.2.1:56324", "192.0.2.2:443", false);
        let six = told("[2001:db8::1]:1", "[::1]:0", false);
        let mut longest = b"PROXY UNKNOWN ".to_vec();
        longest.resize(LONGEST_LINE - 2, b'x');
        let mut too_long = longest.clone();
        too_long.extend_from_slice(b"x\r\n");
        longest.extend_from_slice(b"\r\n");
        check(&longest, Ok(Header::Local));
        check(&too_long, Err(TooLong));
        for (line, expected) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", Ok(four)),
            ("PROXY TCP6 2001:db8::1 ::1 1 0\r\n", Ok(six)),
            ("PROXY UNKNOWN\r\n", Ok(Header::Local)),
            ("PROXY UNKNOWN ::1 ::1 1 2\r\n", Ok(Header::Local)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", Err(Malformed)),
            ("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", Err(Malformed)),
            ("PROXY TCP4 ::1 ::1 1 2\r\n", Err(Malformed)),
            ("PROXY TCP6 192.0.2.1 ::1 1 2\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 01 1\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 1\r\n", Err(Malformed)),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 1 \r\n", Err(Malformed)),
            ("GET / HTTP/1.1\r\n", Err(NoHeader)),
            ("PROXX\r\n", Err(NoHeader)),
            ("proxy unknown\r\n", Err(NoHeader)),
        ] {
            check(line.as_bytes(), expected);
        }
    }

    fn v2(version: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([version, family]);
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn binaries() {
        use ProxyError::{Malformed, TooLong};
        const FOUR: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 7, 1, 187];
        let four = |secure| told("192.0.2.1:7", "192.0.2.2:443", secure);
        let with = |values: &[u8]| [&FOUR[..], values].concat();
        let mut six = [0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 3, 4);
        let mut unix = [0; 216];
        unix[..4].copy_from_slice(b"/a/b");
        let unix_ends = Header::Proxied(Proxied {
            client: Address::Unix(Some("/a/b".into())),
            server: Address::Unix(None),
            secure: false,
        });
        for (bytes, expected) in [
            (v2(0x21, 0x11, &FOUR), Ok(four(false))),
            (v2(0x21, 0x21, &six), Ok(told("[::1]:3", "[::2]:4", false))),
            (v2(0x21, 0x31, &unix), Ok(unix_ends)),
            (v2(0x21, 0x00, b"anything"), Ok(Header::Local)),
            (v2(0x20, 0x00, b""), Ok(Header::Local)),
            (v2(0x20, 0x11, &FOUR), Ok(Header::Local)),
            (v2(0x21, 0x11, &with(&[4, 0, 1, 9])), Ok(four(false))),
            (
                v2(0x21, 0x11, &with(&[0x20, 0, 5, 1, 0, 0, 0, 0])),
                Ok(four(true)),
            ),
            (
                v2(0x21, 0x11, &with(&[0x20, 0, 5, 2, 0, 0, 0, 0])),
                Ok(four(false)),
            ),
            (v2(0x21, 0x11, &with(&[0x20, 0, 0])), Err(Malformed)),
            (v2(0x21, 0x11, &with(&[4, 0, 2, 9])), Err(Malformed)),
            (v2(0x21, 0x11, &with(&[4, 0])), Err(Malformed)),
            (v2(0x21, 0x11, &FOUR[..11]), Err(Malformed)),
            (v2(0x21, 0x12, &FOUR), Err(Malformed)),
            (v2(0x22, 0x11, &FOUR), Err(Malformed)),
            (v2(0x11, 0x11, &FOUR), Err(Malformed)),
            (v2(0x21, 0x11, &[0; LONGEST_BINARY + 1]), Err(TooLong)),
        ] {
            check(&bytes, expected);
        }
    }
}
