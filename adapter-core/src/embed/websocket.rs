//! A WebSocket that begins in another HTTP stack.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use websocket_proto::Outbox;
use websocket_proto::handshake::Refusal;
use websocket_proto::http1::ResponseHead;

use super::{Fields, Visitor, borrowed, fields_of};
use crate::connection::ConnectionTask;
use crate::route::BoxFuture;
use crate::shared::{Mover, Task};
use crate::socket::SocketStage;
use crate::upgrade::{Switch, Upgrading};
use crate::{Acceptance, Clock, Stream, UpgradeRequest, WebSocket, WebSocketRoute};

/// A valid request for a WebSocket.
pub struct Upgradable(Upgrading);

/// An accepted one: answer 101 with its [fields](Self::fields), and then [serve](Self::serve) what
/// the connection has become.
pub struct Switching {
    switch: Switch,
    fields: Fields,
}

impl Upgradable {
    /// Checks a request by the rules of `route`, whose handler plays no part.
    ///
    /// # Errors
    ///
    /// The response that says what is wrong with it; it has no body. The hixie drafts are refused:
    /// their handshakes end in bytes that HTTP stacks do not let through.
    pub fn read(visitor: Visitor, route: &WebSocketRoute) -> Result<Self, ResponseHead> {
        let connection = visitor.connection(None);
        let drafts = route.policy(visitor.secure).drafts;
        Upgrading::read(visitor.head, 0, &connection, route)
            .and_then(|upgrading| match upgrading.draft().is_hybi() {
                true => Ok(Self(upgrading)),
                false => Err(Refusal::DraftDisabled),
            })
            .map_err(|refusal| refusal.response(drafts).close())
    }

    /// What the application sees of it.
    pub fn request(&self) -> UpgradeRequest {
        self.0.request()
    }

    /// Accepts it.
    ///
    /// # Errors
    ///
    /// The response, when what the application wants is not possible.
    pub fn accept(&self, acceptance: &Acceptance) -> Result<Switching, ResponseHead> {
        let mut fields = Fields::new();
        match self
            .0
            .accept_with(acceptance, |accepted| fields = fields_of(accepted))
        {
            Ok(switch) => Ok(Switching { switch, fields }),
            Err(refusal) => Err(refusal.response(websocket_proto::Drafts::default()).close()),
        }
    }
}

impl Switching {
    /// The fields of the 101.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        borrowed(&self.fields)
    }

    /// Runs `handler` on the stream that follows the 101, inside the task's own polls as on a
    /// [`Server`](crate::Server): when it returns, the connection is closed with 1000, when it panics
    /// with 1011.
    pub fn serve<S, C, Fut>(
        self,
        stream: S,
        handler: impl FnOnce(WebSocket) -> Fut,
    ) -> ConnectionTask<S, C>
    where
        S: Stream,
        C: Clock,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mover = Mover::Task(Task::default());
        let (shared, _) = self.switch.into_shared(Outbox::new(), C::now, mover);
        let socket = WebSocket::new(&shared);
        let call = || -> BoxFuture<()> { Box::pin(handler(socket)) };
        let handler = catch_unwind(AssertUnwindSafe(call)).ok();
        ConnectionTask::websocket(stream, SocketStage::new(shared, handler), &Arc::default())
    }
}

impl fmt::Debug for Upgradable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upgradable").field(&self.request()).finish()
    }
}

impl fmt::Debug for Switching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switching")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
