//! What is known of a session since its beginning.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use sockjs_proto::{SessionId, Transport};

use super::visitors::Visit;
use crate::{Address, RequestInfo};

/// The request that a session began with, and what was found out about it then. Nothing of it changes
/// when later requests come for the same session, whoever sends them. Clones share it.
///
/// It derefs to the [`RequestInfo`] with path, query and fields.
#[derive(Clone)]
pub struct SessionRequest(Arc<Inner>);

struct Inner {
    info: RequestInfo,
    transport: Transport,
    id: Option<SessionId>,
    /// Boxed: most sessions have neither.
    more: Option<Box<More>>,
}

#[derive(Clone, Default)]
struct More {
    data: Option<Arc<dyn Any + Send + Sync>>,
    /// The session's place among those of its address.
    _visit: Option<Visit>,
}

impl SessionRequest {
    pub(crate) fn new(
        info: RequestInfo,
        transport: Transport,
        id: Option<SessionId>,
        visit: Option<Visit>,
    ) -> Self {
        Self(Arc::new(Inner {
            info,
            transport,
            id,
            more: visit.map(|visit| {
                let _visit = Some(visit);
                Box::new(More { data: None, _visit })
            }),
        }))
    }

    /// The transport of the request. A session over HTTP may go on over another one.
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// What the browser called the session; none on the raw WebSocket. It is not for logs and other
    /// clients: who knows it can send to the session.
    pub fn id(&self) -> Option<&SessionId> {
        self.0.id.as_ref()
    }

    /// Where the client is, as [`RequestInfo::client_address`] believes.
    pub fn address(&self) -> Address {
        self.0.info.client_address()
    }

    /// Whether the client came over TLS, as [`RequestInfo::is_secure`] believes.
    pub fn is_secure(&self) -> bool {
        self.0.info.is_secure()
    }

    /// What the [admission](super::Admission::with_data) attached, if it is a `T`.
    pub fn data<T: Any>(&self) -> Option<&T> {
        let data = self.0.more.as_ref()?.data.as_deref();
        data?.downcast_ref()
    }

    pub(crate) fn with_data(self, data: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        if data.is_none() {
            return self;
        }
        let Inner {
            info,
            transport,
            id,
            more,
        } = &*self.0;
        let more = More {
            data,
            ..more.as_deref().cloned().unwrap_or_default()
        };
        Self(Arc::new(Inner {
            info: info.clone(),
            transport: *transport,
            id: id.clone(),
            more: Some(Box::new(more)),
        }))
    }
}

impl Deref for SessionRequest {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.0.info
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRequest")
            .field("info", &self.0.info)
            .field("transport", &self.0.transport)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
