//! Where WebSockets are served, and how they are accepted.

use std::fmt;
use std::sync::Arc;

use websocket_proto::connection::Config;
use websocket_proto::handshake::{HostPolicy, Location, OriginPolicy, Policy};
use websocket_proto::{Drafts, deflate};

use crate::route::Handler;
use crate::{RequestInfo, Response, WebSocket};

/// A path where WebSockets are served.
///
/// The handler runs inside the connection's task: while it waits, pings are answered, timers run and
/// messages are read ahead up to the [inbound mark](Config::inbound_mark). When it returns, a
/// connection that is still open is closed with code 1000; when it panics, with 1011, and no other
/// connection notices.
///
/// ```
/// use std::sync::Arc;
/// use adapter_core::{WebSocket, WebSocketRoute};
///
/// struct App { greeting: &'static str }
///
/// async fn greet(mut ws: WebSocket, app: Arc<App>) {
///     while let Some(name) = ws.recv().await {
///         let name = name.as_text().unwrap_or("stranger");
///         if ws.send(format!("{}, {name}", app.greeting)).await.is_err() {
///             break;
///         }
///     }
/// }
///
/// let app = Arc::new(App { greeting: "hello" });
/// let route = WebSocketRoute::with_state(app, greet).subprotocols(["greeting"]);
/// # drop(route);
/// ```
#[derive(Clone)]
pub struct WebSocketRoute {
    pub(crate) handler: Handler<WebSocket, ()>,
    pub(crate) on_upgrade: Option<Handler<UpgradeRequest, Result<Acceptance, Response>>>,
    /// For plain connections and for those with TLS.
    policies: Arc<[Policy; 2]>,
    pub(crate) config: Arc<Config>,
    pub(crate) subprotocols: Arc<[Box<str>]>,
}

impl WebSocketRoute {
    /// A route whose connections `handler` serves.
    pub fn new<F, Fut>(handler: F) -> Self
    where
        F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self {
            handler: Arc::new(move |socket| Box::pin(handler(socket))),
            on_upgrade: None,
            policies: Arc::default(),
            config: Arc::new(Config::default()),
            subprotocols: Arc::new([]),
        }
    }

    /// The same with a clone of `state` for each call: an `Arc` of what connections share.
    pub fn with_state<T, F, Fut>(state: T, handler: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        F: Fn(WebSocket, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::new(move |socket| handler(socket, state.clone()))
    }

    /// Which requests are accepted and what is agreed to: drafts, origins, names, permessage-deflate. By
    /// default RFC 6455 only, pages of the same origin only, and no compression.
    ///
    /// Unless the policy names a location, clients see the one that the connection has, `wss` or
    /// `ws`.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        let mut secure = policy.clone();
        if secure.location == Location::default() {
            secure.location = Location::new(true);
        }
        Self {
            policies: Arc::new([policy, secure]),
            ..self
        }
    }

    pub(crate) fn policy(&self, secure: bool) -> &Policy {
        &self.policies[usize::from(secure)]
    }

    /// Speaks these drafts.
    #[must_use]
    pub fn drafts(self, drafts: Drafts) -> Self {
        let policy = Policy {
            drafts,
            ..self.policies[0].clone()
        };
        self.with_policy(policy)
    }

    /// Lets pages of these origins connect.
    #[must_use]
    pub fn origins(self, origins: OriginPolicy) -> Self {
        let policy = Policy {
            origins,
            ..self.policies[0].clone()
        };
        self.with_policy(policy)
    }

    /// Lets clients ask by these names only.
    #[must_use]
    pub fn hosts(self, hosts: HostPolicy) -> Self {
        let policy = Policy {
            hosts,
            ..self.policies[0].clone()
        };
        self.with_policy(policy)
    }

    /// Agrees to permessage-deflate within these bounds.
    #[must_use]
    pub fn deflate(self, bounds: deflate::Config) -> Self {
        let policy = Policy {
            deflate: Some(bounds),
            ..self.policies[0].clone()
        };
        self.with_policy(policy)
    }

    /// Limits and timers of the connections.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..self
        }
    }

    /// The subprotocols served here. The client's favourite among them is chosen; with none in common the
    /// connection has no subprotocol (RFC 6455 §4.2.2).
    #[must_use]
    pub fn subprotocols<P: Into<Box<str>>>(self, names: impl IntoIterator<Item = P>) -> Self {
        Self {
            subprotocols: names.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// Decides about each valid request before it is answered: accept it, with a subprotocol and
    /// response fields of your choice, or answer with another response. It may take its time; the
    /// client waits.
    ///
    /// ```
    /// use adapter_core::{Acceptance, Response, WebSocket, WebSocketRoute};
    ///
    /// async fn chat(_ws: WebSocket) {}
    ///
    /// let route = WebSocketRoute::new(chat).on_upgrade(async |request| {
    ///     match request.header("authorization") {
    ///         Some("Bearer sesame") => Ok(Acceptance::new()),
    ///         _ => Err(Response::new(401).header("WWW-Authenticate", "Bearer")),
    ///     }
    /// });
    /// # drop(route);
    /// ```
    #[must_use]
    pub fn on_upgrade<F, Fut>(self, decide: F) -> Self
    where
        F: Fn(UpgradeRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Acceptance, Response>> + Send + 'static,
    {
        Self {
            on_upgrade: Some(Arc::new(move |request| Box::pin(decide(request)))),
            ..self
        }
    }
}

/// Rules without a handler, for [`Server::accept`](crate::Server::accept). As a route it closes every connection at once.
impl Default for WebSocketRoute {
    fn default() -> Self {
        Self::new(async |_| {})
    }
}

impl fmt::Debug for WebSocketRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketRoute")
            .field("policy", &self.policies[0])
            .field("config", &self.config)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}

/// A request for a WebSocket that is valid and may be accepted.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    pub(crate) info: RequestInfo,
    pub(crate) subprotocols: Arc<[Box<str>]>,
    pub(crate) origin: Option<Arc<str>>,
}

impl UpgradeRequest {
    /// The subprotocols the client offers, its favourite first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.subprotocols.iter().map(|name| &**name)
    }

    /// The page the request came from, as the browser tells it.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl std::ops::Deref for UpgradeRequest {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.info
    }
}

/// How a request for a WebSocket is accepted.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    pub(crate) subprotocol: Option<Option<String>>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Acceptance {
    /// As the route does it on its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses a subprotocol among those offered, or none of them, instead of the route's choice.
    #[must_use]
    pub fn subprotocol<'a>(self, name: impl Into<Option<&'a str>>) -> Self {
        Self {
            subprotocol: Some(name.into().map(str::to_owned)),
            ..self
        }
    }

    /// Adds a field to the response, for instance a cookie. A field that could split the response
    /// makes the upgrade fail with 500.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
