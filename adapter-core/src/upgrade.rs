//! From a request for a WebSocket to the connection.

use std::sync::Arc;

use websocket_proto::connection::Connection;
use websocket_proto::handshake::{Accept, Accepted, Agreed, Refusal, Upgrade};
use websocket_proto::http1::RequestHead;
use websocket_proto::{Draft, Instant, Outbox};

use crate::kept::Kept;
use crate::request::ConnectionInfo;
use crate::shared::{Mover, Shared};
use crate::{Acceptance, RequestInfo, UpgradeRequest, WebSocketRoute};

/// A valid request for a WebSocket.
pub(crate) struct Upgrading {
    upgrade: Upgrade,
    info: RequestInfo,
    route: WebSocketRoute,
}

impl Upgrading {
    /// Checks a request by the rules of `route`.
    pub(crate) fn read(
        head: RequestHead,
        rest: usize,
        connection: &Arc<ConnectionInfo>,
        route: &WebSocketRoute,
    ) -> Result<Self, Refusal> {
        let secure = connection.origin(&head).secure;
        let upgrade = Upgrade::read(&head, route.policy(secure))?;
        let info = RequestInfo::new(head, rest, Arc::clone(connection));
        Ok(Self {
            upgrade,
            info,
            route: route.clone(),
        })
    }

    pub(crate) fn draft(&self) -> Draft {
        self.upgrade.draft()
    }

    /// What the application sees of it.
    pub(crate) fn request(&self) -> UpgradeRequest {
        UpgradeRequest {
            info: self.info.clone(),
            subprotocols: self.upgrade.protocols().map(Box::from).collect(),
            origin: self.upgrade.origin().map(Arc::from),
        }
    }

    /// The route it came to.
    pub(crate) fn route(&self) -> &WebSocketRoute {
        &self.route
    }

    /// Accepts it as the application wants, unless that is not possible.
    pub(crate) fn accept(&self, acceptance: &Acceptance) -> Result<Switch, Refusal> {
        let mut head = Vec::new();
        let switch = self.accept_with(acceptance, |accepted| accepted.write(&mut head))?;
        Ok(Switch { head, ..switch })
    }

    /// The same when somebody else writes the head of what `see` is shown.
    pub(crate) fn accept_with(
        &self,
        acceptance: &Acceptance,
        see: impl FnOnce(&Accepted<'_>),
    ) -> Result<Switch, Refusal> {
        let supported: Vec<&str> = self.route.subprotocols.iter().map(|name| &**name).collect();
        let protocol = match &acceptance.subprotocol {
            Some(chosen) => chosen.as_deref(),
            None => self.upgrade.first_protocol(&supported),
        };
        let headers: Vec<(&str, &str)> = acceptance
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let accept = Accept {
            protocol,
            headers: &headers,
        };
        let accepted = self.upgrade.accept(accept).map_err(|error| {
            tracing::warn!(%error, path = self.info.path(), "upgrade could not be accepted");
            error.refusal()
        })?;
        see(&accepted);
        Ok(Switch {
            head: Vec::new(),
            agreed: accepted.agreed(),
            info: self.info.clone(),
            route: self.route.clone(),
        })
    }
}

/// An accepted request.
pub(crate) struct Switch {
    head: Vec<u8>,
    agreed: Agreed,
    info: RequestInfo,
    route: WebSocketRoute,
}

impl Switch {
    /// The connection, and the route it belongs to. `outbox` holds what HTTP still has for the peer.
    pub(crate) fn into_shared(
        self,
        mut outbox: Outbox,
        now: fn() -> Instant,
        mover: Mover,
    ) -> (Arc<Shared>, WebSocketRoute) {
        outbox.append(&self.head);
        let (agreed, info) = (self.agreed, self.info);
        tracing::debug!(draft = %agreed.draft, path = info.path(), "websocket opened");
        let kept = Kept::new(&info).answered(agreed.protocol.clone(), None);
        let config = Arc::clone(&self.route.config);
        let machine = Connection::server(agreed, config, outbox, now());
        (Shared::new(machine, kept, now, mover), self.route)
    }
}
