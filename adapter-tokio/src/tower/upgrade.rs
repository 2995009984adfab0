//! WebSockets among other requests.
#![cfg(feature = "tower")]

use adapter_core::embed::{Upgradable, Visitor};
use adapter_core::proto::connection::Config;
use adapter_core::proto::handshake::{HostPolicy, OriginPolicy, Refusal, is_upgrade};
use adapter_core::proto::http1::ResponseHead;
use adapter_core::proto::{Drafts, deflate};
use adapter_core::{Acceptance, ConnectionTask, WebSocket, WebSocketRoute};
use http::request::Parts;
use http::{Response, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::body::{Body, empty, switching};
use super::head;
use crate::{Io, Tokio};

/// A request that wants to become a WebSocket.
///
/// With feature `axum` it is an extractor; a request of plain hyper is [given](Self::new) to it, in its
/// parts. By
/// default it accepts RFC 6455 from pages of the same origin, without subprotocol and compression, as a
/// [`WebSocketRoute`] does.
///
/// ```
/// use adapter_tokio::WebSocket;
/// use adapter_tokio::tower::{Body, WebSocketUpgrade};
///
/// async fn echo(mut ws: WebSocket) {
///     while let Some(message) = ws.recv().await {
///         let _ = ws.send(message).await;
///     }
/// }
///
/// async fn handler(upgrade: WebSocketUpgrade) -> http::Response<Body> {
///     upgrade.protocols(["echo"]).on_upgrade(echo)
/// }
/// # #[cfg(feature = "axum")]
/// let app: axum::Router = axum::Router::new().route("/ws", axum::routing::any(handler));
/// ```
#[derive(Debug)]
pub struct WebSocketUpgrade {
    visitor: Visitor,
    version: Version,
    upgrade: OnUpgrade,
    route: WebSocketRoute,
    acceptance: Acceptance,
}

impl WebSocketUpgrade {
    /// Takes the upgrade of a request, which is then the only one that can answer it with 101.
    ///
    /// # Errors
    ///
    /// The response to a request that wants something else: 426.
    // The other response is about as large.
    #[allow(clippy::result_large_err)]
    pub fn new(parts: &mut Parts) -> Result<Self, Response<Body>> {
        let version = parts.version;
        let refuse = |head: &ResponseHead| empty(version, head);
        let visitor = head::visitor(parts, &parts.uri, "", false).map_err(|head| refuse(&head))?;
        if !is_upgrade(&visitor.head) {
            let refusal = Refusal::NotUpgrade.response(Drafts::default());
            return Err(refuse(&refusal.close()));
        }
        let upgrade = parts.extensions.remove();
        Ok(Self {
            visitor,
            version,
            upgrade: upgrade.ok_or_else(|| refuse(&IMPOSSIBLE))?,
            route: WebSocketRoute::default(),
            acceptance: Acceptance::new(),
        })
    }

    /// Accepts as `route` would, whose handler plays no part.
    #[must_use]
    pub fn route(self, route: WebSocketRoute) -> Self {
        Self { route, ..self }
    }

    /// The subprotocols spoken here: see [`WebSocketRoute::subprotocols`].
    #[must_use]
    pub fn protocols<P: Into<Box<str>>>(self, names: impl IntoIterator<Item = P>) -> Self {
        let route = self.route.clone().subprotocols(names);
        self.route(route)
    }

    /// Lets pages of these origins connect.
    #[must_use]
    pub fn origins(self, origins: OriginPolicy) -> Self {
        let route = self.route.clone().origins(origins);
        self.route(route)
    }

    /// Lets clients ask by these names only.
    #[must_use]
    pub fn hosts(self, hosts: HostPolicy) -> Self {
        let route = self.route.clone().hosts(hosts);
        self.route(route)
    }

    /// Speaks these drafts. The hixie ones are always refused: their handshakes end in bytes that HTTP
    /// stacks do not let through.
    #[must_use]
    pub fn drafts(self, drafts: Drafts) -> Self {
        let route = self.route.clone().drafts(drafts);
        self.route(route)
    }

    /// Agrees to permessage-deflate within these bounds.
    #[must_use]
    pub fn deflate(self, bounds: deflate::Config) -> Self {
        let route = self.route.clone().deflate(bounds);
        self.route(route)
    }

    /// Limits and timers of the connection.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        let route = self.route.clone().config(config);
        self.route(route)
    }

    /// Accepts with a subprotocol and response fields of your choice.
    #[must_use]
    pub fn acceptance(self, acceptance: Acceptance) -> Self {
        Self { acceptance, ..self }
    }

    /// Whether the client came over TLS, which only the server around knows. By default not.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.visitor.secure = secure;
        self
    }

    /// The response: 101, behind which a task of its own runs `handler`, or whatever is to be said
    /// against it. When the handler returns, the connection is closed with 1000.
    pub fn on_upgrade<F, Fut>(self, handler: F) -> Response<Body>
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let accepted = Upgradable::read(self.visitor, &self.route)
            .and_then(|upgradable| upgradable.accept(&self.acceptance));
        match accepted {
            Ok(accepted) => {
                let response = switching(accepted.fields());
                run(self.upgrade, |stream| accepted.serve(stream, handler));
                response
            }
            Err(refusal) => empty(self.version, &refusal),
        }
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum::extract::FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response<Body>> {
        Self::new(parts)
    }
}

/// A connection behind the 101.
pub(super) type Stream = Io<TokioIo<Upgraded>>;

/// Serves what the connection becomes. A client that is gone by then is nobody's loss.
pub(super) fn run(
    upgrade: OnUpgrade,
    serve: impl FnOnce(Stream) -> ConnectionTask<Stream, Tokio> + Send + 'static,
) {
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            serve(Io(TokioIo::new(upgraded))).await;
        }
    });
}

/// The HTTP stack does not let a connection be taken over.
pub(super) static IMPOSSIBLE: ResponseHead = ResponseHead::new(501);
