//! Opening WebSockets.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use websocket_proto::connection::{Config, Connection};
use websocket_proto::handshake::{self, ClientRequest, Url};
use websocket_proto::http1::client::Request;
use websocket_proto::http1::{HeadParser, Limits, RequestHead};
use websocket_proto::{Draft, deflate};

use crate::exchange::{Answer, exchange};
use crate::kept::Kept;
use crate::request::ConnectionInfo;
use crate::shared::{Mover, Shared};
use crate::standalone::Standalone;
use crate::{
    Address, Clock, ConnectError, Driver, RequestInfo, Runtime, Stream, SystemEntropy, WebSocket,
};

/// How to open WebSockets: drafts, fields, limits, ways through the network.
///
/// The adapter crates name it without the parameter:
///
/// ```text
/// let ws = Client::new().subprotocols(["chat"]).connect("wss://example.com/chat").await?;
/// ```
pub struct Client<R> {
    draft: Draft,
    origin: Option<String>,
    subprotocols: Vec<String>,
    headers: Vec<(String, String)>,
    deflate: Option<deflate::Config>,
    config: Arc<Config>,
    timeout: Duration,
    proxy: Option<Proxy>,
    #[cfg(feature = "tls")]
    tls: Option<Arc<rustls::ClientConfig>>,
    runtime: PhantomData<fn() -> R>,
}

/// A proxy that opens tunnels with `CONNECT` (RFC 9110 §9.3.6).
#[derive(Clone)]
struct Proxy {
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

impl<R> Client<R> {
    /// RFC 6455, with nothing optional.
    pub fn new() -> Self {
        Self {
            draft: Draft::Rfc6455,
            origin: None,
            subprotocols: Vec::new(),
            headers: Vec::new(),
            deflate: None,
            config: Arc::default(),
            timeout: CONNECT_TIMEOUT,
            proxy: None,
            #[cfg(feature = "tls")]
            tls: None,
            runtime: PhantomData,
        }
    }

    /// Speaks `draft`.
    #[must_use]
    pub fn draft(self, draft: Draft) -> Self {
        Self { draft, ..self }
    }

    /// Names the page on whose behalf the connection is made. The hixie drafts need one; there it is by
    /// default the server's own.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        Self {
            origin: Some(origin.into()),
            ..self
        }
    }

    /// Asks for one of these subprotocols, the favourite first.
    #[must_use]
    pub fn subprotocols<P: Into<String>>(self, names: impl IntoIterator<Item = P>) -> Self {
        Self {
            subprotocols: names.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// Adds a field to the request: a cookie, an authorization.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers permessage-deflate.
    #[must_use]
    pub fn deflate(self, offer: deflate::Config) -> Self {
        Self {
            deflate: Some(offer),
            ..self
        }
    }

    /// Limits and timers of the connection.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..self
        }
    }

    /// How long each address may take to be connected to, and how long the handshake may take then.
    /// Default 10 s.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Connects through an HTTP proxy, whatever the scheme of the URL.
    #[must_use]
    pub fn proxy(self, host: impl Into<String>, port: u16) -> Self {
        Self {
            proxy: Some(Proxy {
                host: host.into(),
                port,
                credentials: None,
            }),
            ..self
        }
    }

    /// Shows these credentials to the [`proxy`](Self::proxy) (RFC 7617).
    #[must_use]
    pub fn proxy_credentials(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        if let Some(proxy) = &mut self.proxy {
            proxy.credentials = Some((user.into(), password.into()));
        }
        self
    }

    /// Uses this configuration for `wss://`, instead of one that trusts Mozilla's root certificates.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, config: Arc<rustls::ClientConfig>) -> Self {
        Self {
            tls: Some(config),
            ..self
        }
    }
}

impl<R: Runtime> Client<R> {
    /// Opens a WebSocket at `url`. Of several addresses of its host the first that works is taken.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(&self, url: &str) -> Result<WebSocket, ConnectError> {
        let url: Url = url.parse().map_err(ConnectError::Url)?;
        let Some(proxy) = &self.proxy else {
            let (stream, peer) = self.tcp(url.host(), url.port()).await?;
            return self.secure(stream, Address::Tcp(peer), &url).await;
        };
        let (stream, peer) = self.tcp(&proxy.host, proxy.port).await?;
        let stream = proxy.tunnel::<_, R>(stream, &url, self.timeout).await?;
        self.secure(stream, Address::Tcp(peer), &url).await
    }

    /// Opens a WebSocket at `url` through the Unix socket at `path`; the URL's host is only what the
    /// request says.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    #[cfg(unix)]
    pub async fn connect_unix(
        &self,
        path: impl Into<std::path::PathBuf>,
        url: &str,
    ) -> Result<WebSocket, ConnectError> {
        let url: Url = url.parse().map_err(ConnectError::Url)?;
        let path = path.into();
        let stream = within::<R, _>(self.timeout, R::connect_unix(path.clone())).await?;
        let stream = stream.map_err(ConnectError::Connect)?;
        self.secure(stream, Address::Unix(Some(path)), &url).await
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<(R::TcpStream, SocketAddr), ConnectError> {
        let addresses = match host.parse() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let lookup = R::resolve(host.to_owned(), port);
                within::<R, _>(self.timeout, lookup)
                    .await?
                    .map_err(ConnectError::Resolve)?
            }
        };
        let nowhere = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let mut last = ConnectError::Resolve(nowhere);
        for address in addresses {
            match within::<R, _>(self.timeout, R::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(error)) => last = ConnectError::Connect(error),
                Err(timeout) => last = timeout,
            }
        }
        Err(last)
    }

    /// Speaks TLS over `stream` if the scheme asks for it.
    #[cfg(feature = "tls")]
    async fn secure<S: Stream + Send + 'static>(
        &self,
        stream: S,
        peer: Address,
        url: &Url,
    ) -> Result<WebSocket, ConnectError> {
        if !url.secure() {
            return self.open(stream, peer, url).await;
        }
        let config = self.tls.clone().unwrap_or_else(default_tls);
        let stream =
            crate::TlsStream::client(stream, url.host(), &config).map_err(ConnectError::Connect)?;
        self.open(stream, peer, url).await
    }

    #[cfg(not(feature = "tls"))]
    async fn secure<S: Stream + Send + 'static>(
        &self,
        stream: S,
        peer: Address,
        url: &Url,
    ) -> Result<WebSocket, ConnectError> {
        if url.secure() {
            return Err(ConnectError::NoTls);
        }
        self.open(stream, peer, url).await
    }
}

impl<R: Clock<Sleep: Send>> Client<R> {
    /// Opens a WebSocket over a stream of your own. Nothing is connected and no TLS is added; the URL is what
    /// the request says.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn handshake_over<S: Stream + Send + 'static>(
        &self,
        stream: S,
        url: &str,
    ) -> Result<WebSocket, ConnectError> {
        let url: Url = url.parse().map_err(ConnectError::Url)?;
        self.open(stream, Address::Unknown, &url).await
    }

    async fn open<S: Stream + Send + 'static>(
        &self,
        stream: S,
        peer: Address,
        url: &Url,
    ) -> Result<WebSocket, ConnectError> {
        let handshake = self.handshake(url).map_err(ConnectError::Request)?;
        let (head, request) = own_request(&handshake, url)?;
        let mut driver = Driver::<S, R>::new(stream);
        let bytes = Some(handshake.request());
        let response = match exchange(&mut driver, &request, bytes, self.timeout).await? {
            Answer::Switched(response) => response,
            Answer::Refused(refused) => return Err(ConnectError::Refused(Box::new(refused))),
        };
        let agreed = handshake
            .verify(&response)
            .map_err(ConnectError::Handshake)?;
        let tls = driver.stream().tls().map(Box::new);
        let connection = Arc::new(ConnectionInfo {
            tls,
            ..ConnectionInfo::new(peer, Address::Unknown, None)
        });
        let request = RequestInfo::new(head, usize::MAX, connection);
        let kept = Kept::new(&request).answered(agreed.protocol.clone(), Some(response));
        let config = Arc::clone(&self.config);
        let machine = Connection::client(agreed, config, Box::new(SystemEntropy), R::now());
        let mover = Mover::Handles(Box::new(Standalone::new(driver)));
        Ok(WebSocket::new(&Shared::new(machine, kept, R::now, mover)))
    }
}

impl<R> Client<R> {
    fn handshake(&self, url: &Url) -> Result<handshake::Client, handshake::RequestError> {
        let protocols: Vec<&str> = self.subprotocols.iter().map(String::as_str).collect();
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = ClientRequest {
            draft: self.draft,
            origin: self.origin.as_deref(),
            protocols: &protocols,
            deflate: self.deflate.clone(),
            headers: &headers,
            ..ClientRequest::new(url)
        };
        handshake::Client::new(&request, &mut SystemEntropy)
    }
}

impl Proxy {
    /// Opens a tunnel to the host of `url` through `stream`, which is connected to the proxy.
    async fn tunnel<S: Stream, C: Clock>(
        &self,
        stream: S,
        url: &Url,
        timeout: Duration,
    ) -> Result<S, ConnectError> {
        let host = match url.host() {
            host if host.contains(':') => format!("[{host}]:{}", url.port()),
            host => format!("{host}:{}", url.port()),
        };
        let mut request = Request::connect(&host).map_err(|_| ConnectError::ProxyRequest)?;
        if let Some((user, password)) = &self.credentials {
            request = request
                .basic_proxy_authorization(user, password)
                .map_err(|_| ConnectError::ProxyRequest)?;
        }
        let mut driver = Driver::<S, C>::new(stream);
        match exchange(&mut driver, &request, None, timeout).await? {
            // A server does not speak before its client, neither in TLS nor in HTTP: what the driver
            // may have read ahead is nobody's.
            Answer::Switched(_) => Ok(driver.into_stream()),
            Answer::Refused(refused) => Err(ConnectError::ProxyRefused(Box::new(refused))),
        }
    }
}

impl<R> Default for Client<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self {
            draft: self.draft,
            origin: self.origin.clone(),
            subprotocols: self.subprotocols.clone(),
            headers: self.headers.clone(),
            deflate: self.deflate.clone(),
            config: Arc::clone(&self.config),
            timeout: self.timeout,
            proxy: self.proxy.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            runtime: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fields and proxy may hold credentials.
        f.debug_struct("Client")
            .field("draft", &self.draft)
            .field("origin", &self.origin)
            .field("subprotocols", &self.subprotocols)
            .field("deflate", &self.deflate)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The request of a handshake in the two shapes that are needed: as the head that the application sees,
/// and as an exchange asks for it.
fn own_request(
    handshake: &handshake::Client,
    url: &Url,
) -> Result<(RequestHead, Request), ConnectError> {
    let parsed = HeadParser::new().parse(handshake.request(), &Limits::default());
    let head = parsed
        .ok()
        .and_then(|(_, head)| head)
        .ok_or(ConnectError::RequestTooLong)?;
    let request = Request::new("GET", url.target())
        .and_then(|request| request.header("Host", url.authority()))
        .and_then(|request| request.header("Upgrade", "websocket"))
        .map_err(|_| ConnectError::RequestTooLong)?;
    Ok((head, request))
}

/// What `future` comes to, unless that takes longer than `limit`.
async fn within<C: Clock, F: Future>(
    limit: Duration,
    future: F,
) -> Result<F::Output, ConnectError> {
    let mut future = pin!(future);
    let mut sleep = pin!(C::sleep(C::now() + limit));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        sleep.as_mut().poll(cx).map(|_| Err(ConnectError::Timeout))
    })
    .await
}

/// Trusts the root certificates that Mozilla trusts.
#[cfg(feature = "tls")]
fn default_tls() -> Arc<rustls::ClientConfig> {
    use std::sync::OnceLock;
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has what the default versions need")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    });
    Arc::clone(config)
}

/// Long enough for a packet that is lost twice.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
