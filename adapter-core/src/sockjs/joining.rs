//! From a request for a WebSocket to a session over it.

use std::sync::Arc;

use sockjs_proto::{Close, Permit, Socket};
use websocket_proto::connection::Connection;
use websocket_proto::handshake::{Accept, Accepted, Agreed, Upgrade};
use websocket_proto::http1::ResponseHead;
use websocket_proto::{Instant, Outbox};

use super::admission::Kind;
use super::hub::Hub;
use super::serving::Asking;
use super::socket::SessionStage;
use super::stats::Reason;
use super::{Admission, SessionRequest};
use crate::route::BoxFuture;

/// A session that begins when the WebSocket does.
pub(crate) struct Joining {
    hub: Arc<Hub>,
    upgrade: Upgrade,
    request: SessionRequest,
    permit: Permit,
    /// The close that it is turned away with.
    turned_away: Option<Close>,
}

impl Joining {
    /// Makes room for it, or tells the status to refuse it with.
    pub(crate) fn new(asking: Asking) -> Result<Self, u16> {
        let Asking {
            hub,
            websocket,
            info,
        } = asking;
        let permit = hub.permit().ok_or(Reason::Capacity);
        let admitted = permit.and_then(|permit| {
            let request = hub.admit(info, websocket.transport, websocket.session)?;
            Ok((permit, request))
        });
        match admitted {
            Ok((permit, request)) => Ok(Self {
                upgrade: websocket.upgrade,
                request,
                permit,
                hub,
                turned_away: None,
            }),
            Err(why) => {
                hub.stripe(0).refused(why);
                Err(why.status())
            }
        }
    }

    /// The application's decision, if it wants to be asked.
    pub(crate) fn decision(&self) -> Option<BoxFuture<Admission>> {
        let request = || self.request.clone();
        self.hub.asks().then(|| self.hub.decision(request()))
    }

    /// What the application has decided, or the status to refuse it with.
    pub(crate) fn decided(mut self, admission: Admission) -> Result<Self, u16> {
        match admission.0 {
            Kind::Accept(data) => {
                self.request = self.request.with_data(data);
                return Ok(self);
            }
            Kind::Close(close) => self.turned_away = Some(close),
            Kind::Refuse(status) => {
                self.hub.stripe(0).refused(Reason::Admission);
                return Err(status);
            }
        }
        self.hub.stripe(0).refused(Reason::Admission);
        Ok(self)
    }

    /// Accepts the WebSocket, or tells how it is refused.
    pub(crate) fn accept(self) -> Result<Joined, ResponseHead> {
        let mut head = Vec::new();
        let joined = self.accept_with(|accepted| accepted.write(&mut head))?;
        Ok(Joined { head, ..joined })
    }

    /// The same when somebody else writes the head of what `see` is shown.
    pub(crate) fn accept_with(
        self,
        see: impl FnOnce(&Accepted<'_>),
    ) -> Result<Joined, ResponseHead> {
        let agreed = match self.upgrade.accept(Accept::default()) {
            Ok(accepted) => {
                see(&accepted);
                accepted.agreed()
            }
            Err(error) => {
                let drafts = self.hub.service.config().drafts;
                return Err(error.refusal().response(drafts).close());
            }
        };
        Ok(Joined {
            head: Vec::new(),
            agreed,
            joining: self,
        })
    }
}

/// An accepted one.
pub(crate) struct Joined {
    head: Vec<u8>,
    agreed: Agreed,
    joining: Joining,
}

impl Joined {
    /// The session. `outbox` holds what HTTP still has for the peer.
    pub(crate) fn into_stage(self, mut outbox: Outbox, now: Instant) -> SessionStage {
        let Joining {
            hub,
            request,
            permit,
            turned_away,
            ..
        } = self.joining;
        outbox.append(&self.head);
        let connection = Connection::server(self.agreed, Arc::clone(&hub.sockets), outbox, now);
        let service = Arc::clone(&hub.service);
        let socket = Socket::new(connection, service, request.transport(), Some(permit), now);
        match turned_away {
            None => SessionStage::open(&hub, socket, request),
            Some(close) => SessionStage::turned_away(&hub, socket, request, close),
        }
    }
}
