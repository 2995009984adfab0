//! What is known about a request.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use websocket_proto::http1::{Headers, RequestHead, Version};

use crate::proxies::Origin;
use crate::{RequestBody, TrustedProxies};

/// A request's head and where it came from. Clones share it.
#[derive(Clone)]
pub struct RequestInfo {
    pub(crate) head: RequestHead,
    /// Where in the path the part behind the route's `*` begins.
    pub(crate) rest: usize,
    pub(crate) connection: Arc<ConnectionInfo>,
}

/// What all requests of a connection have in common.
#[derive(Debug)]
pub(crate) struct ConnectionInfo {
    pub(crate) peer: Address,
    pub(crate) local: Address,
    /// Boxed: most connections have none, or a proxy that sees to it.
    pub(crate) tls: Option<Box<Tls>>,
    /// The proxy before us says, by the PROXY protocol, that the client came over TLS.
    pub(crate) proxied_tls: bool,
    /// Whose word counts about clients.
    pub(crate) proxies: Option<Arc<TrustedProxies>>,
}

impl ConnectionInfo {
    pub(crate) fn new(peer: Address, local: Address, proxies: Option<Arc<TrustedProxies>>) -> Self {
        Self {
            peer,
            local,
            tls: None,
            proxied_tls: false,
            proxies,
        }
    }

    /// Where a request came from.
    pub(crate) fn origin(&self, head: &RequestHead) -> Origin {
        let own = Origin {
            address: self.peer.clone(),
            secure: self.tls.is_some() || self.proxied_tls,
        };
        match &self.proxies {
            Some(proxies) => proxies.origin(own, head),
            None => own,
        }
    }
}

impl RequestInfo {
    pub(crate) fn new(head: RequestHead, rest: usize, connection: Arc<ConnectionInfo>) -> Self {
        Self {
            head,
            rest,
            connection,
        }
    }

    /// The whole head.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The method, as sent.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The path, undecoded and without the query.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// The part of the path that stands for the `*` of the route; empty for an exact route.
    pub fn rest(&self) -> &str {
        self.path().get(self.rest..).unwrap_or_default()
    }

    /// What follows the `?`, undecoded.
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The fields.
    pub fn headers(&self) -> Headers<'_> {
        self.head.headers()
    }

    /// The first value of the field called `name`, compared without case, when it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Who is at the other end of the socket. Behind a proxy that is the proxy.
    pub fn peer_address(&self) -> &Address {
        &self.connection.peer
    }

    /// Where the client is, as far as that can be believed: what
    /// [trusted proxies](crate::Server::trusted_proxies) tell, and else the other end of the socket.
    pub fn client_address(&self) -> Address {
        self.connection.origin(&self.head).address
    }

    /// Whether the client came over TLS, here or, as far as that can be believed, to a proxy.
    pub fn is_secure(&self) -> bool {
        self.connection.origin(&self.head).secure
    }

    pub(crate) fn knows_proxies(&self) -> bool {
        self.connection.proxies.is_some()
    }

    /// Our end of the socket.
    pub fn local_address(&self) -> &Address {
        &self.connection.local
    }

    /// What TLS settled, when this connection is encrypted.
    pub fn tls(&self) -> Option<&Tls> {
        self.connection.tls.as_deref()
    }
}

impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("head", &self.head)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// A request for an HTTP handler: its [`RequestInfo`] and its body.
#[derive(Debug)]
pub struct Request {
    info: RequestInfo,
    body: RequestBody,
}

impl Request {
    pub(crate) fn new(info: RequestInfo, body: RequestBody) -> Self {
        Self { info, body }
    }

    /// All but the body; cheap to clone.
    pub fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// The body, to be read to its end or piece by piece.
    pub fn body(&mut self) -> &mut RequestBody {
        &mut self.body
    }

    /// Both parts by value.
    pub fn into_parts(self) -> (RequestInfo, RequestBody) {
        (self.info, self.body)
    }
}

impl Deref for Request {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.info
    }
}

/// One end of a connection.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// An IP address and a TCP port.
    Tcp(SocketAddr),
    /// A Unix socket; clients have no path.
    Unix(Option<PathBuf>),
    /// A stream that has no address, or whose address nobody told.
    Unknown,
}

impl Address {
    /// The Unix socket at `path`.
    pub fn unix(path: Option<&Path>) -> Self {
        Self::Unix(path.map(Path::to_owned))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What a TLS handshake settled.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// The host name the client asked for (server name indication).
    pub server_name: Option<Box<str>>,
    /// The protocol both sides agreed on by ALPN.
    pub alpn: Option<Box<[u8]>>,
    /// The peer's certificate chain in DER, its own first, when it showed one. For a server it was
    /// verified by the client verifier of its configuration.
    pub peer_certificates: Vec<Box<[u8]>>,
}
