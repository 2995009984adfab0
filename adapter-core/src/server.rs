//! The server: routes, listeners, limits, and its orderly end.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use websocket_proto::{Instant, http1};

use crate::accept::{AcceptLoop, Accepting, Acceptor};
use crate::connection::ConnectionTask;
use crate::drain::{Drain, Phase};
use crate::route::{Kind, Paths, Route, Routes};
use crate::sockjs::Hub;
use crate::{
    Address, Clock, HttpRoute, Listener, ProxyListener, Request, Response, Runtime, SockJs, Stream,
    TrustedProxies, WebSocket, WebSocketRoute,
};

/// A server of WebSockets and plain HTTP on one runtime.
///
/// The adapter crates name it without the parameter:
///
/// ```text
/// Server::new().websocket("/echo", echo).bind("127.0.0.1:8081").await?.run().await;
/// ```
pub struct Server<R> {
    site: Arc<Site>,
    acceptors: Vec<Box<dyn Acceptor>>,
    addresses: Vec<Address>,
    runtime: PhantomData<fn() -> R>,
}

/// What every connection of a server needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) routes: Routes,
    pub(crate) http: Arc<http1::server::Config>,
    pub(crate) max_connections: usize,
    pub(crate) drain: Arc<Drain>,
    /// The SockJS services.
    pub(crate) hubs: Arc<Vec<Arc<Hub>>>,
    pub(crate) proxies: Option<Arc<TrustedProxies>>,
}

impl Site {
    pub(crate) fn new<C: Clock>() -> Self {
        Self {
            routes: Routes::default(),
            http: Arc::new(http_config::<C>(http1::server::Config::default())),
            max_connections: MAX_CONNECTIONS,
            drain: Arc::default(),
            hubs: Arc::default(),
            proxies: None,
        }
    }

    /// Begins the end of all sessions.
    pub(crate) fn drain_sessions(&self) {
        self.hubs.iter().for_each(Hub::drain);
    }
}

impl<R: Clock> Server<R> {
    /// A server without routes and listeners.
    pub fn new() -> Self {
        Self {
            site: Arc::new(Site::new::<R>()),
            acceptors: Vec::new(),
            addresses: Vec::new(),
            runtime: PhantomData,
        }
    }

    /// Serves `route`, a [`WebSocketRoute`] or an [`HttpRoute`], at one or several paths.
    ///
    /// A path is exact, or a prefix when it ends in `/*`; the exact and then the longest wins. Paths
    /// are compared undecoded. A path without a route is answered with 404.
    #[must_use]
    pub fn route(mut self, paths: impl Paths, route: impl Into<Route>) -> Self {
        self.site_mut().routes.add(paths.patterns(), &route.into());
        self
    }

    /// Serves WebSockets at `path` with the defaults of [`WebSocketRoute`].
    #[must_use]
    pub fn websocket<F, Fut>(self, path: &str, handler: F) -> Self
    where
        F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.route(path, WebSocketRoute::new(handler))
    }

    /// Answers `GET` and `HEAD` at `path`.
    #[must_use]
    pub fn get<F, Fut>(self, path: &str, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        self.route(path, HttpRoute::get(handler))
    }

    /// Limits and timers of HTTP. Its wall clock is set by the server.
    #[must_use]
    pub fn http(mut self, config: http1::server::Config) -> Self {
        self.site_mut().http = Arc::new(http_config::<R>(config));
        self
    }

    /// How many connections may be open; at that number nothing is accepted until one ends. Default
    /// 100 000.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.site_mut().max_connections = connections.max(1);
        self
    }

    /// Believes these proxies about where clients are: see
    /// [`RequestInfo::client_address`](crate::RequestInfo::client_address). Default none.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.site_mut().proxies = Some(Arc::new(proxies));
        self
    }

    /// A handle to end the server from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            drain: Arc::clone(&self.site.drain),
            now: R::now,
        }
    }

    /// Serves one connection whose stream came from elsewhere. The future is the whole connection:
    /// spawn it or await it. It counts as one of the server's connections and takes part in its end.
    pub fn serve_connection<S: Stream>(&self, stream: S, peer: Address) -> ConnectionTask<S, R> {
        ConnectionTask::new(stream, peer, Address::Unknown, &self.site)
    }

    /// Accepts a WebSocket on a stream, by the rules of `route`, whatever the path: the server's side
    /// without a server. The [`WebSocket`] moves its bytes itself, while one of its methods is waited
    /// for.
    ///
    /// Requests that are refused are answered.
    ///
    /// # Errors
    ///
    /// The connection ended without a WebSocket.
    pub async fn accept<S>(stream: S, route: WebSocketRoute) -> io::Result<WebSocket>
    where
        R: Clock<Sleep: Send>,
        S: Stream + Send + 'static,
    {
        crate::connection::accept::<R, S>(stream, route).await
    }

    fn site_mut(&mut self) -> &mut Site {
        Arc::make_mut(&mut self.site)
    }
}

impl<R: Runtime> Server<R> {
    /// Serves a SockJS service under its prefix. Routes at exact paths or longer prefixes below it go
    /// first.
    #[must_use]
    pub fn sockjs(mut self, service: SockJs) -> Self {
        let prefix = service.config().prefix.clone();
        let below = format!("{prefix}/*");
        let patterns = if prefix.is_empty() {
            vec![below]
        } else {
            vec![prefix, below]
        };
        let site = self.site_mut();
        let route = Route(Kind::SockJs(site.hubs.len()));
        site.routes.add(patterns, &route);
        let hub = Arc::new(Hub::mount::<R>(service));
        site.hubs = Arc::new(site.hubs.iter().cloned().chain([hub]).collect());
        self
    }

    /// Listens on `address`: `host:port`, or anything that shows as that. Port 0 picks a free one. Of
    /// several addresses of a host name the first that works is taken.
    ///
    /// # Errors
    ///
    /// The host is not found, or no address can be listened on.
    pub async fn bind(self, address: impl ToString) -> io::Result<Self> {
        let listener = bind::<R>(&address.to_string()).await?;
        self.from_listener(listener)
    }

    /// Listens on `address` behind proxies that speak the PROXY protocol: see [`ProxyListener`].
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_proxied(
        self,
        address: impl ToString,
        trusted: TrustedProxies,
    ) -> io::Result<Self> {
        let listener = bind::<R>(&address.to_string()).await?;
        let local = listener.local_addr()?.into();
        let listener = ProxyListener::new(R::tcp_listener(listener)?, trusted);
        Ok(self.listener(listener, local))
    }

    /// Listens on `address` for TLS.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[cfg(feature = "tls")]
    pub async fn bind_tls(
        self,
        address: impl ToString,
        config: Arc<rustls::ServerConfig>,
    ) -> io::Result<Self> {
        let listener = bind::<R>(&address.to_string()).await?;
        let local = listener.local_addr()?.into();
        Ok(self.listener_tls(R::tcp_listener(listener)?, local, config))
    }

    /// Listens on `address` for TLS, behind proxies that speak the PROXY protocol before it: see
    /// [`ProxyListener`].
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[cfg(feature = "tls")]
    pub async fn bind_proxied_tls(
        self,
        address: impl ToString,
        trusted: TrustedProxies,
        config: Arc<rustls::ServerConfig>,
    ) -> io::Result<Self> {
        let listener = bind::<R>(&address.to_string()).await?;
        let local = listener.local_addr()?.into();
        let listener = ProxyListener::new(R::tcp_listener(listener)?, trusted);
        Ok(self.listener_tls(listener, local, config))
    }

    /// Listens on a Unix socket at `path`, which must not exist yet. Removing it is up to the caller.
    ///
    /// # Errors
    ///
    /// The path cannot be bound.
    #[cfg(unix)]
    pub fn bind_unix(self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(self.listener(R::unix_listener(listener)?, Address::unix(Some(path))))
    }

    /// Accepts from a TCP socket that was bound elsewhere, by a service manager for instance.
    ///
    /// # Errors
    ///
    /// The socket cannot be used.
    pub fn from_listener(self, listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?.into();
        Ok(self.listener(R::tcp_listener(listener)?, local))
    }

    /// Accepts from a listener of your own, which listens at `local`.
    #[must_use]
    pub fn listener<L: Listener>(self, listener: L, local: Address) -> Self {
        self.accept_from(listener, local, Ok)
    }

    /// Accepts from a listener of your own, and TLS on each connection.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn listener_tls<L: Listener>(
        self,
        listener: L,
        local: Address,
        config: Arc<rustls::ServerConfig>,
    ) -> Self {
        self.accept_from(listener, local, move |stream| {
            crate::TlsStream::server(stream, &config)
        })
    }

    fn accept_from<L, W, S>(mut self, listener: L, local: Address, wrap: W) -> Self
    where
        L: Listener,
        W: FnMut(L::Stream) -> io::Result<S> + Send + 'static,
        S: Stream + Send + 'static,
    {
        self.site.drain.keep_timers::<R>();
        self.addresses.push(local.clone());
        self.acceptors.push(Box::new(AcceptLoop::<R, L, W> {
            listener,
            wrap,
            pause: None,
            local,
        }));
        self
    }

    /// Where the server listens, in the order of its listeners.
    pub fn local_addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Serves until [`ServerHandle::shutdown`] was called and the last connection has ended.
    ///
    /// Each listener accepts in a task of its own, from the first poll on. Dropping the future ends the
    /// accepting; connections go on.
    pub async fn run(mut self) {
        let drain = Arc::clone(&self.site.drain);
        let _running = Running(Arc::clone(&drain));
        for acceptor in self.acceptors.drain(..) {
            R::spawn(Accepting::new(acceptor, &self.site));
        }
        let mut alarm: Option<Pin<Box<R::Sleep>>> = None;
        poll_fn(|cx| {
            drain.watch(cx);
            if drain.phase() == Phase::Serving {
                return Poll::Pending;
            }
            self.site.drain_sessions();
            if drain.is_over() {
                return Poll::Ready(());
            }
            poll_deadline::<R>(cx, &drain, &mut alarm);
            Poll::Pending
        })
        .await;
    }
}

/// Somebody runs the server.
struct Running(Arc<Drain>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Turns the drain into an abort when its time is up.
fn poll_deadline<R: Runtime>(
    cx: &mut Context<'_>,
    drain: &Drain,
    alarm: &mut Option<Pin<Box<R::Sleep>>>,
) {
    let Some(deadline) = drain
        .deadline()
        .filter(|_| drain.phase() == Phase::Draining)
    else {
        return;
    };
    if deadline <= R::now() {
        tracing::debug!(connections = drain.open(), "cutting off what is left");
        return drain.advance(Phase::Aborting);
    }
    let sleep = alarm.get_or_insert_with(|| Box::pin(R::sleep(deadline)));
    R::reset(sleep.as_mut(), deadline);
    if sleep.as_mut().poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

impl<R: Clock> Default for Server<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("site", &self.site)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Ends a server, and tells how it is doing.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    drain: Arc<Drain>,
    now: fn() -> Instant,
}

impl ServerHandle {
    /// Lets the server end: nothing is accepted any more, HTTP requests under way are answered,
    /// WebSockets are closed with code 1001. What is left after `grace` is cut off.
    ///
    /// Calling it again with a shorter time hurries.
    pub fn shutdown(&self, grace: Duration) {
        self.drain.begin((self.now)() + grace);
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.drain.open()
    }
}

fn http_config<C: Clock>(config: http1::server::Config) -> http1::server::Config {
    http1::server::Config {
        wall: Some(C::wall()),
        ..config
    }
}

async fn bind<R: Runtime>(address: &str) -> io::Result<TcpListener> {
    let addresses = match address.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            let bad = || io::Error::new(io::ErrorKind::InvalidInput, "not of the form host:port");
            let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
            R::resolve(host.to_owned(), port.parse().map_err(|_| bad())?).await?
        }
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A listening socket whose connections inherit no delay and keep-alive where the system lets them.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // On Windows this would let another program take the port over.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Then the listener pauses.
const MAX_CONNECTIONS: usize = 100_000;
/// Newcomers that the system keeps waiting; it cuts this down to its own limit.
const BACKLOG: i32 = 4096;
