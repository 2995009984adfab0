//! Proxies that are believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use websocket_proto::http1::RequestHead;

use crate::Address;

/// The proxies whose word about clients is believed: those at these addresses.
///
/// Of what they tell in `Forwarded` (RFC 7239), or else in `X-Forwarded-For` and `X-Forwarded-Proto`,
/// only the part counts that trusted ones have written: the right-most address that is not itself a
/// trusted proxy is the client. What stands left of it may be invented.
///
/// ```
/// use adapter_core::TrustedProxies;
///
/// let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8", "fd00::/8", "unix"])?;
/// assert!(proxies.trusts(&"10.1.2.3:4".parse::<std::net::SocketAddr>().unwrap().into()));
/// assert!(TrustedProxies::new(["10.0.0.0/33"]).is_err());
/// # Ok::<(), adapter_core::ProxyListError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    unix: bool,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    bits: u128,
    mask: u128,
}

/// Where a request came from, as far as that is believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    pub(crate) address: Address,
    pub(crate) secure: bool,
}

impl TrustedProxies {
    /// Trusts these: addresses, networks as `ADDRESS/BITS`, and `unix` for whoever connects to a
    /// Unix socket.
    ///
    /// # Errors
    ///
    /// The first entry that is neither.
    pub fn new<T: AsRef<str>>(
        entries: impl IntoIterator<Item = T>,
    ) -> Result<Self, ProxyListError> {
        let mut proxies = Self::default();
        for entry in entries {
            match entry.as_ref().trim() {
                "unix" => proxies.unix = true,
                entry => proxies.networks.push(entry.parse()?),
            }
        }
        Ok(proxies)
    }

    /// Whether a peer at this address is believed.
    pub fn trusts(&self, peer: &Address) -> bool {
        match peer {
            Address::Tcp(address) => self.trusts_ip(address.ip()),
            Address::Unix(_) => self.unix,
            Address::Unknown => false,
        }
    }

    fn trusts_ip(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.networks
            .iter()
            .any(|network| bits & network.mask == network.bits)
    }

    /// What is believed of a request that came to us from `peer`.
    pub(crate) fn origin(&self, peer: Origin, head: &RequestHead) -> Origin {
        if !self.trusts(&peer.address) {
            return peer;
        }
        let values = |name| {
            let fields = head.headers();
            fields
                .iter()
                .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
                .collect::<Vec<_>>()
        };
        let forwarded = values("forwarded");
        if forwarded.is_empty() {
            let hops = members(&values("x-forwarded-for"), b',')
                .into_iter()
                .map(|hop| (node(hop), None))
                .collect::<Vec<_>>();
            let schemes = members(&values("x-forwarded-proto"), b',');
            self.walk(peer, &hops, &schemes)
        } else {
            let hops = members(&forwarded, b',')
                .into_iter()
                .map(element)
                .collect::<Vec<_>>();
            self.walk(peer, &hops, &[])
        }
    }

    /// Follows the hops from the right, as long as each was told by somebody who is believed.
    fn walk(&self, peer: Origin, hops: &[Hop<'_>], schemes: &[&[u8]]) -> Origin {
        let mut origin = peer;
        for (distance, (address, scheme)) in hops.iter().rev().enumerate() {
            if !self.trusts(&origin.address) {
                break;
            }
            let scheme = scheme.or_else(|| scheme_at(schemes, hops.len(), distance));
            if let Some(scheme) = scheme {
                origin.secure = is_secure(scheme);
            }
            match address {
                Some(address) => origin.address = Address::Tcp(*address),
                // Who hides its name is somewhere behind the last one who is known.
                None => {
                    origin.address = Address::Unknown;
                    break;
                }
            }
        }
        if hops.is_empty()
            && let Some(scheme) = schemes.last()
        {
            origin.secure = is_secure(scheme);
        }
        origin
    }
}

/// One proxy's word: where it was asked from, and how.
type Hop<'a> = (Option<SocketAddr>, Option<&'a [u8]>);

/// The scheme that belongs to the hop at `distance` from the right. Most proxies write one scheme,
/// whatever stands there; some add theirs as they do with the address.
fn scheme_at<'a>(schemes: &[&'a [u8]], hops: usize, distance: usize) -> Option<&'a [u8]> {
    let from_right = if schemes.len() == hops { distance } else { 0 };
    schemes.iter().rev().nth(from_right).copied()
}

fn is_secure(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"wss")
}

/// The members of lists that were sent in several fields (RFC 9110 §5.6.1); quoted strings are whole.
fn members<'a>(values: &[&'a [u8]], separator: u8) -> Vec<&'a [u8]> {
    values
        .iter()
        .flat_map(|value| {
            let (mut quoted, mut escaped) = (false, false);
            value.split(move |&byte| {
                let ends = byte == separator && !quoted;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ => {}
                }
                ends
            })
        })
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
        .collect()
}

/// One element of `Forwarded`: pairs, of which `for` and `proto` matter (RFC 7239 §4).
fn element(element: &[u8]) -> Hop<'_> {
    let mut hop = (None, None);
    for pair in members(&[element], b';') {
        let Some(at) = pair.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let (name, value) = (
            pair[..at].trim_ascii(),
            unquoted(pair[at + 1..].trim_ascii()),
        );
        if name.eq_ignore_ascii_case(b"for") {
            hop.0 = node(value);
        } else if name.eq_ignore_ascii_case(b"proto") {
            hop.1 = Some(value);
        }
    }
    hop
}

/// What is quoted, without its quotes. Neither addresses nor schemes have anything to escape.
fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// An address with or without a port, IPv6 with or without brackets. `unknown` and obfuscated names
/// (RFC 7239 §6.2, §6.3) are none.
fn node(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(unquoted(text)).ok()?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, 0))
}

impl FromStr for Network {
    type Err = ProxyListError;

    fn from_str(text: &str) -> Result<Self, ProxyListError> {
        let error = || ProxyListError(text.into());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        // An IPv4 address is the end of an IPv6 one.
        let (longest, offset) = match address {
            IpAddr::V4(_) => (32, 96),
            IpAddr::V6(_) => (128, 0),
        };
        let length = match length {
            Some(length) => length.parse::<u32>().map_err(|_| error())?,
            None => longest,
        };
        if length > longest {
            return Err(error());
        }
        let mask = match 128 - offset - length {
            128 => 0,
            host => u128::MAX << host,
        };
        Ok(Self {
            bits: bits(address) & mask,
            mask,
        })
    }
}

/// All addresses as IPv6.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address).into(),
        IpAddr::V6(address) => Ipv6Addr::into(address),
    }
}

/// An entry that is no address and no network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxyListError(Box<str>);

impl fmt::Display for ProxyListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no address and no network", self.0)
    }
}

impl std::error::Error for ProxyListError {}

#[cfg(test)]
mod tests {
    use websocket_proto::http1::{HeadParser, Limits};

    use super::*;

    fn head(fields: &str) -> RequestHead {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let parsed = HeadParser::new().parse(text.as_bytes(), &Limits::default());
        parsed.unwrap().1.unwrap()
    }

    fn tcp(text: &str) -> Address {
        let address = text
            .parse()
            .unwrap_or_else(|_| SocketAddr::new(text.parse().unwrap(), 0));
        Address::Tcp(address)
    }

    #[test]
    fn entries() {
        for (entry, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("0.0.0.0/0", "192.0.2.1", "::1"),
            ("::/0", "::1", "unix"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1", "::1", "127.0.0.1"),
            (" unix ", "unix", "127.0.0.1"),
        ] {
            let proxies = TrustedProxies::new([entry]).unwrap();
            let address = |text| match text {
                "unix" => Address::Unix(None),
                text => tcp(text),
            };
            assert!(proxies.trusts(&address(inside)), "{entry} {inside}");
            assert!(!proxies.trusts(&address(outside)), "{entry} {outside}");
            assert!(!proxies.trusts(&Address::Unknown));
        }
        for entry in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "/8",
        ] {
            let error = TrustedProxies::new(["::1", entry]).unwrap_err();
            assert_eq!(error, ProxyListError(entry.into()));
        }
    }

    #[test]
    fn the_right_most_stranger_is_the_client() {
        let proxies = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]).unwrap();
        // Peer, fields, and who is believed to be the client.
        for (peer, fields, address, secure) in [
            ("10.0.0.1:9", "", "10.0.0.1:9", false),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 192.0.2.1\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "192.0.2.9:9",
                "X-Forwarded-For: 192.0.2.1\r\n",
                "192.0.2.9:9",
                false,
            ),
            (
                "192.0.2.9:9",
                "X-Forwarded-Proto: https\r\nForwarded: for=1.1.1.1;proto=https\r\n",
                "192.0.2.9:9",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-Proto: https\r\n",
                "10.0.0.1:9",
                true,
            ),
            // Left of the first stranger anything may stand.
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.1,10.0.0.2\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n",
                "10.0.0.3",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: junk, 192.0.2.1\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 192.0.2.1:80\r\n",
                "192.0.2.1:80",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: [2001:db8::1]:80\r\n",
                "[2001:db8::1]:80",
                false,
            ),
            (
                "[fd00::1]:9",
                "X-Forwarded-For: 2001:db8::1\r\n",
                "2001:db8::1",
                false,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n",
                "192.0.2.1",
                true,
            ),
            // One scheme for each hop: that of the hop counts.
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: https, http\r\n",
                "192.0.2.1",
                true,
            ),
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n",
                "192.0.2.1",
                false,
            ),
            // One for all, of which the last was written by whom we know.
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: https, http\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "10.0.0.1:9",
                "Forwarded: for=192.0.2.1;proto=https\r\n",
                "192.0.2.1",
                true,
            ),
            (
                "10.0.0.1:9",
                "Forwarded: For=\"[2001:db8::1]:4711\" ; Proto=HTTPS;by=10.0.0.1\r\n",
                "[2001:db8::1]:4711",
                true,
            ),
            (
                "10.0.0.1:9",
                "Forwarded: for=1.1.1.1;proto=https, for=192.0.2.1;proto=http, for=10.0.0.2\r\n",
                "192.0.2.1",
                false,
            ),
            // The standard one goes before the others.
            (
                "10.0.0.1:9",
                "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=192.0.2.1\r\n",
                "192.0.2.1",
                false,
            ),
            (
                "10.0.0.1:9",
                "Forwarded: by=\"a,b;for=1.1.1.1\";for=192.0.2.1\r\n",
                "192.0.2.1",
                false,
            ),
        ] {
            let peer = Origin {
                address: tcp(peer),
                secure: false,
            };
            let origin = proxies.origin(peer, &head(fields));
            assert_eq!(
                origin,
                Origin {
                    address: tcp(address),
                    secure
                },
                "{fields}"
            );
        }
        for hidden in [
            "X-Forwarded-For: unknown",
            "Forwarded: for=_hidden",
            "Forwarded: proto=http",
        ] {
            let peer = Origin {
                address: tcp("10.0.0.1:9"),
                secure: false,
            };
            let origin = proxies.origin(peer, &head(&format!("{hidden}\r\n")));
            assert_eq!(origin.address, Address::Unknown, "{hidden}");
        }
    }
}
