//! Where to listen.

use std::fmt;
use std::net::Ipv6Addr;
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on: `host:port`, `[::1]:port`, `proxy:` and one of them, or `unix:PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    /// A host (name or IP address, an IPv6 address in brackets) and a port; port 0 lets the system pick one.
    Tcp(String),
    /// The same, behind proxies that speak the PROXY protocol.
    Proxied(String),
    /// The path of a Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        // `proxy:8081` is a port of a host of that name.
        if let Some(address) = text
            .strip_prefix("proxy:")
            .filter(|rest| rest.contains(':'))
        {
            return tcp(address).map(Self::Proxied);
        }
        tcp(text).map(Self::Tcp)
    }
}

fn tcp(text: &str) -> Result<String, &'static str> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or("no port: use host:port or unix:PATH")?;
    if port.parse::<u16>().is_err() || port.starts_with('+') {
        return Err("the port is not a number from 0 to 65535");
    }
    match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
            .map(drop)
            .ok_or("not an IPv6 address in brackets")?,
        None if host.is_empty() => return Err("no host: use 0.0.0.0 or [::] for all"),
        None if host.contains(':') => return Err("an IPv6 address needs brackets: [::1]:8081"),
        None => {}
    }
    Ok(text.to_owned())
}

#[cfg(unix)]
fn unix(path: &str) -> Result<Address, &'static str> {
    if path.is_empty() {
        Err("no path after unix:")
    } else {
        Ok(Address::Unix(path.into()))
    }
}

#[cfg(not(unix))]
fn unix(_path: &str) -> Result<Address, &'static str> {
    Err("there are no Unix sockets on this system")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Proxied(address) => write!(f, "proxy:{address}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:8081", "localhost:0", "[::1]:80", "0.0.0.0:65535"] {
            assert_eq!(good.parse(), Ok(Address::Tcp(good.to_owned())));
            let proxied = format!("proxy:{good}");
            let address = proxied.parse::<Address>().expect("an address");
            assert_eq!(address, Address::Proxied(good.to_owned()));
            assert_eq!(address.to_string(), proxied);
        }
        let host = "proxy:8081".to_owned();
        assert_eq!(host.parse(), Ok(Address::Tcp(host)));
        for (bad, why) in [
            ("", "no port"),
            ("localhost", "no port"),
            (":80", "no host"),
            ("::1:80", "brackets"),
            ("[::1]", "port"),
            ("[::1:80", "brackets"),
            ("[1.2.3.4]:80", "IPv6"),
            ("localhost:", "port"),
            ("localhost:+1", "port"),
            ("localhost:65536", "port"),
            ("unix:", "unix"),
            ("proxy:localhost:", "port"),
            ("proxy::80", "no host"),
        ] {
            let error = bad.parse::<Address>().expect_err(bad);
            assert!(
                error.to_lowercase().contains(&why.to_lowercase()),
                "{bad:?}: {error}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn unix_paths_are_taken_as_they_are() {
        let address = "unix:/run/a:b.sock".parse::<Address>().expect("a path");
        assert_eq!(address, Address::Unix("/run/a:b.sock".into()));
        assert_eq!(address.to_string(), "unix:/run/a:b.sock");
    }
}
