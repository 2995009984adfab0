//! What is known of a session since its beginning.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use sockjs_proto::{Closed, SessionId, Transport};

use super::visitors::Visit;
use crate::kept::Kept;
use crate::{Address, RequestInfo};

/// The request that a session began with, and what was found out about it then. Nothing of it changes
/// when later requests come for the same session, whoever sends them. Clones share what is large.
///
/// It derefs to the [`RequestInfo`] with path, query and fields.
#[derive(Clone)]
pub struct SessionRequest {
    kept: Kept,
    transport: Transport,
    id: Option<SessionId>,
    /// Boxed together: most sessions have nothing of it until they are over.
    more: OnceLock<Box<More>>,
}

#[derive(Clone, Default)]
struct More {
    /// The request in full, once it was asked for.
    info: OnceLock<Box<RequestInfo>>,
    /// How the session ended.
    closed: OnceLock<Box<Closed>>,
    data: Option<Arc<dyn Any + Send + Sync>>,
    /// The session's place among those of its address.
    _visit: Option<Visit>,
}

impl SessionRequest {
    pub(crate) fn new(
        info: &RequestInfo,
        transport: Transport,
        id: Option<SessionId>,
        visit: Option<Visit>,
    ) -> Self {
        let more = OnceLock::new();
        if visit.is_some() {
            more.get_or_init(|| {
                Box::new(More {
                    _visit: visit,
                    ..More::default()
                })
            });
        }
        Self {
            kept: Kept::new(info),
            transport,
            id,
            more,
        }
    }

    /// The transport of the request. A session over HTTP may go on over another one.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// What the browser called the session; none on the raw WebSocket. It is not for logs and other
    /// clients: who knows it can send to the session.
    pub fn id(&self) -> Option<&SessionId> {
        self.id.as_ref()
    }

    /// Where the client is, as [`RequestInfo::client_address`] believes.
    pub fn address(&self) -> Address {
        self.info().client_address()
    }

    /// Whether the client came over TLS, as [`RequestInfo::is_secure`] believes.
    pub fn is_secure(&self) -> bool {
        self.info().is_secure()
    }

    /// What the [admission](super::Admission::with_data) attached, if it is a `T`.
    pub fn data<T: Any>(&self) -> Option<&T> {
        let data = self.more.get()?.data.as_deref();
        data?.downcast_ref()
    }

    fn info(&self) -> &RequestInfo {
        let more = self.more.get_or_init(Box::default);
        more.info.get_or_init(|| Box::new(self.kept.info()))
    }

    /// How the session ended, once that is [known](Self::note_end).
    pub(crate) fn closed(&self) -> Option<&Closed> {
        self.more.get()?.closed.get().map(|closed| &**closed)
    }

    pub(crate) fn note_end(&self, closed: &Closed) {
        let more = self.more.get_or_init(Box::default);
        more.closed.get_or_init(|| Box::new(closed.clone()));
    }

    pub(crate) fn with_data(mut self, data: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        if data.is_some() {
            let mut more = self.more.take().unwrap_or_default();
            more.data = data;
            self.more = more.into();
        }
        self
    }
}

impl Deref for SessionRequest {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        self.info()
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRequest")
            .field("info", self.info())
            .field("transport", &self.transport)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
