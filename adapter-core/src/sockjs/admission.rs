//! Whether a session may begin.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use sockjs_proto::Close;

use super::SessionRequest;

/// A session that asks to begin: the whole request, of which nothing is stored yet.
#[derive(Clone, Debug)]
pub struct AdmissionRequest(pub(crate) SessionRequest);

impl Deref for AdmissionRequest {
    type Target = SessionRequest;

    fn deref(&self) -> &SessionRequest {
        &self.0
    }
}

/// Whether a session begins.
///
/// ```
/// use adapter_core::sockjs::{Admission, AdmissionRequest};
///
/// struct User(String);
///
/// async fn admit(request: AdmissionRequest) -> Admission {
///     match request.header("x-user") {
///         Some(name) => Admission::accept().with_data(User(name.to_owned())),
///         None => Admission::refuse(401),
///     }
/// }
/// ```
#[must_use]
pub struct Admission(pub(crate) Kind);

pub(crate) enum Kind {
    Accept(Option<Arc<dyn Any + Send + Sync>>),
    Refuse(u16),
    Close(Close),
}

impl Admission {
    /// It does.
    pub fn accept() -> Self {
        Self(Kind::Accept(None))
    }

    /// Attaches something to a session that is accepted, for
    /// [`SessionRequest::data`]: who the user is, for instance. It stays until the session's end.
    pub fn with_data<T: Any + Send + Sync>(self, data: T) -> Self {
        match self.0 {
            Kind::Accept(_) => Self(Kind::Accept(Some(Arc::new(data)))),
            refused @ (Kind::Refuse(_) | Kind::Close(_)) => Self(refused),
        }
    }

    /// It does not; the request is answered with this HTTP status. Clients take that for a failure of
    /// the transport and may try others.
    pub fn refuse(status: u16) -> Self {
        Self(Kind::Refuse(status))
    }

    /// It does not; the page sees a session that opens and is closed with this code and reason.
    pub fn close(code: u16, reason: &str) -> Self {
        let reason = reason.to_owned().into();
        Self(Kind::Close(Close { code, reason }))
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Accept(data) => write!(f, "Accept(data: {})", data.is_some()),
            Kind::Refuse(status) => write!(f, "Refuse({status})"),
            Kind::Close(close) => write!(f, "Close({}, {:?})", close.code, close.reason.as_str()),
        }
    }
}
