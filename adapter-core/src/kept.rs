//! What a connection keeps of its handshake.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use websocket_proto::http1::{HeadParser, Limits, ResponseHead};

use crate::request::ConnectionInfo;
use crate::{Address, RequestInfo, phrases};

/// The request in as little memory as its text can be brought to, for as long as its connection lasts: most
/// applications look at it when a connection begins, if ever.
#[derive(Clone)]
pub(crate) struct Kept {
    /// Where the rest of the path begins, the two addresses unless `more` has them, and the head.
    record: Box<[u8]>,
    more: Option<Box<More>>,
}

/// What most connections of a server have nothing of.
#[derive(Clone, Default)]
struct More {
    subprotocol: Option<Box<str>>,
    /// What the server answered, in a client.
    response: Option<ResponseHead>,
    /// When it knows more than two addresses of TCP.
    connection: Option<Arc<ConnectionInfo>>,
}

impl Kept {
    pub(crate) fn new(info: &RequestInfo) -> Self {
        let mut record = Vec::with_capacity(ROOM);
        let rest = u16::try_from(info.rest).unwrap_or(NO_REST);
        record.extend_from_slice(&rest.to_le_bytes());
        let simple = push_connection(&info.connection, &mut record);
        phrases::shorten(info.head.as_bytes(), &mut record);
        let connection = (!simple).then(|| Arc::clone(&info.connection));
        Self {
            // Exactly as long, and the room goes back in one piece.
            record: Box::from(&record[..]),
            more: connection.map(|connection| {
                Box::new(More {
                    connection: Some(connection),
                    ..More::default()
                })
            }),
        }
    }

    /// The same, with what the server answered.
    pub(crate) fn answered(
        mut self,
        subprotocol: Option<Box<str>>,
        response: Option<ResponseHead>,
    ) -> Self {
        if subprotocol.is_some() || response.is_some() {
            let more = self.more.get_or_insert_default();
            more.subprotocol = subprotocol;
            more.response = response;
        }
        self
    }

    /// The subprotocol agreed on.
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.more.as_ref()?.subprotocol.as_deref()
    }

    /// The server's answer, in a client.
    pub(crate) fn response(&self) -> Option<&ResponseHead> {
        self.more.as_ref()?.response.as_ref()
    }

    fn connection(&self) -> Option<&Arc<ConnectionInfo>> {
        self.more.as_ref()?.connection.as_ref()
    }

    /// The request as it was.
    pub(crate) fn info(&self) -> RequestInfo {
        let mut record = &self.record[..];
        let rest = take(&mut record).map_or(NO_REST, u16::from_le_bytes);
        let connection = match self.connection() {
            Some(connection) => Arc::clone(connection),
            None => {
                let peer = take_address(&mut record);
                let local = take_address(&mut record);
                Arc::new(ConnectionInfo::new(peer, local, None))
            }
        };
        let parsed = HeadParser::new().parse(&phrases::expand(record), &Limits::MET);
        let head = parsed.ok().and_then(|(_, head)| head);
        RequestInfo {
            // There are no heads but those that were parsed.
            head: head.expect("what was parsed once is parsed again"),
            rest: rest.into(),
            connection,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

/// `false`, and nothing, when there is more to be remembered than two addresses of TCP.
fn push_connection(connection: &ConnectionInfo, record: &mut Vec<u8>) -> bool {
    let ConnectionInfo {
        peer,
        local,
        tls: None,
        proxied_tls: false,
        proxies: None,
    } = connection
    else {
        return false;
    };
    let before = record.len();
    let simple = push_address(peer, record) && push_address(local, record);
    if !simple {
        record.truncate(before);
    }
    simple
}

fn push_address(address: &Address, record: &mut Vec<u8>) -> bool {
    match address {
        Address::Unknown => record.push(UNKNOWN),
        Address::Unix(None) => record.push(UNIX),
        Address::Unix(Some(_)) => return false,
        Address::Tcp(SocketAddr::V4(address)) => {
            record.push(V4);
            record.extend_from_slice(&address.ip().octets());
            record.extend_from_slice(&address.port().to_le_bytes());
        }
        Address::Tcp(SocketAddr::V6(address)) => {
            record.push(V6);
            record.extend_from_slice(&address.ip().octets());
            record.extend_from_slice(&address.port().to_le_bytes());
            record.extend_from_slice(&address.flowinfo().to_le_bytes());
            record.extend_from_slice(&address.scope_id().to_le_bytes());
        }
    }
    true
}

fn take_address(record: &mut &[u8]) -> Address {
    let [kind] = take(record).unwrap_or([UNKNOWN]);
    match kind {
        V4 => take_v4(record).map_or(Address::Unknown, |v4| Address::Tcp(v4.into())),
        V6 => take_v6(record).map_or(Address::Unknown, |v6| Address::Tcp(v6.into())),
        UNIX => Address::Unix(None),
        _ => Address::Unknown,
    }
}

fn take_v4(record: &mut &[u8]) -> Option<SocketAddrV4> {
    let ip: [u8; 4] = take(record)?;
    let port = u16::from_le_bytes(take(record)?);
    Some(SocketAddrV4::new(Ipv4Addr::from(ip), port))
}

fn take_v6(record: &mut &[u8]) -> Option<SocketAddrV6> {
    let ip: [u8; 16] = take(record)?;
    let port = u16::from_le_bytes(take(record)?);
    let flow = u32::from_le_bytes(take(record)?);
    let scope = u32::from_le_bytes(take(record)?);
    Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope))
}

fn take<const N: usize>(record: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = record.split_first_chunk()?;
    *record = rest;
    Some(*taken)
}

/// Behind every path: a path is shorter than its head, whose length has 16 bits.
const NO_REST: u16 = u16::MAX;
/// As much as most records need.
const ROOM: usize = 256;
const UNKNOWN: u8 = 0;
const UNIX: u8 = 1;
const V4: u8 = 4;
const V6: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str, rest: usize, connection: ConnectionInfo) -> RequestInfo {
        let (taken, head) = HeadParser::new()
            .parse(text.as_bytes(), &Limits::MET)
            .unwrap();
        assert_eq!(taken, text.len());
        RequestInfo::new(head.unwrap(), rest, Arc::new(connection))
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let long = format!(
            "GET /{} HTTP/1.0\r\n{}\r\n",
            "a".repeat(30_000),
            "B: c\r\n".repeat(5000)
        );
        let texts = [
            "GET /a/b?c HTTP/1.1\r\nHost: h\r\nX: \u{e4}\r\nX: 2\r\n\r\n",
            "POST http://h/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
            &long,
        ];
        let addresses = [
            Address::Unknown,
            Address::Unix(None),
            Address::unix(Some("/run/s".as_ref())),
            Address::Tcp("1.2.3.4:5".parse().unwrap()),
            Address::Tcp(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 6, 7, 8).into()),
        ];
        for (text, rest) in texts.into_iter().zip([3, 0, usize::MAX]) {
            for (peer, local) in addresses.iter().zip(addresses.iter().rev()) {
                let connection = ConnectionInfo::new(peer.clone(), local.clone(), None);
                let info = info(text, rest, connection);
                let kept = Kept::new(&info);
                let again = kept.info();
                assert_eq!(again.head.as_bytes(), info.head.as_bytes());
                assert_eq!(format!("{again:?}"), format!("{info:?}"));
                assert_eq!(
                    (again.rest(), again.head.framing()),
                    (info.rest(), info.head.framing())
                );
                let paths = [peer, local].map(|address| matches!(address, Address::Unix(Some(_))));
                assert_eq!(
                    kept.connection().is_some(),
                    paths.contains(&true),
                    "{info:?}"
                );
            }
        }
    }

    #[test]
    fn what_tls_and_proxies_tell_is_kept_as_it_is() {
        let plain = || ConnectionInfo::new(Address::Unknown, Address::Unknown, None);
        for connection in [
            ConnectionInfo {
                tls: Some(Box::default()),
                ..plain()
            },
            ConnectionInfo {
                proxied_tls: true,
                ..plain()
            },
            ConnectionInfo {
                proxies: Some(Arc::default()),
                ..plain()
            },
        ] {
            let info = info("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1, connection);
            let again = Kept::new(&info).info();
            assert!(Arc::ptr_eq(&again.connection, &info.connection));
            assert_eq!(again.tls().is_some(), info.tls().is_some());
        }
    }
}
