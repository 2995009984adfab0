//! Where plain HTTP is served.

use std::fmt;
use std::sync::Arc;

use crate::route::Handler;
use crate::{Request, Response};

/// A path where plain HTTP is served. `HEAD` is answered like `GET` without the body, other
/// methods than the named with 405.
///
/// ```
/// use adapter_core::{HttpRoute, Request, Response};
///
/// async fn size(mut request: Request) -> Response {
///     match request.body().collect().await {
///         Ok(body) => Response::text(format!("{} bytes\n", body.len())),
///         Err(_) => Response::new(413),
///     }
/// }
///
/// let route = HttpRoute::get(async |_| Response::text("post something\n"))
///     .method("POST", size)
///     .body_limit(10_000);
/// # drop(route);
/// ```
#[derive(Clone)]
pub struct HttpRoute {
    pub(crate) methods: Vec<(Box<str>, Handler<Request, Response>)>,
    pub(crate) any: Option<Handler<Request, Response>>,
    pub(crate) body_limit: u64,
}

impl HttpRoute {
    /// A route that answers `GET` and `HEAD`.
    pub fn get<F, Fut>(handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        Self::none().method("GET", handler)
    }

    /// A route that answers every method.
    pub fn any<F, Fut>(handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        Self {
            any: Some(Arc::new(move |request| Box::pin(handler(request)))),
            ..Self::none()
        }
    }

    /// The same route, answering `method` too. Names are upper case: methods have case.
    #[must_use]
    pub fn method<F, Fut>(mut self, method: &str, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        self.methods.push((
            method.into(),
            Arc::new(move |request| Box::pin(handler(request))),
        ));
        self
    }

    /// The longest body in bytes that is taken, inclusive. Default 1 MiB.
    #[must_use]
    pub fn body_limit(self, bytes: u64) -> Self {
        Self {
            body_limit: bytes,
            ..self
        }
    }

    pub(crate) fn none() -> Self {
        Self {
            methods: Vec::new(),
            any: None,
            body_limit: BODY_LIMIT,
        }
    }

    /// Who answers `method`; `HEAD` falls back to `GET`.
    pub(crate) fn handler(&self, method: &str) -> Option<&Handler<Request, Response>> {
        let named = |wanted: &str| self.methods.iter().find(|(name, _)| **name == *wanted);
        named(method)
            .or_else(|| if method == "HEAD" { named("GET") } else { None })
            .map(|(_, handler)| handler)
            .or(self.any.as_ref())
    }

    /// The value of `Allow` (RFC 9110 §10.2.1).
    pub(crate) fn allow(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(name, _)| &**name).collect();
        if let Some(get) = names.iter().position(|&name| name == "GET")
            && !names.contains(&"HEAD")
        {
            names.insert(get + 1, "HEAD");
        }
        names.join(", ")
    }
}

impl fmt::Debug for HttpRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRoute")
            .field("methods", &self.allow())
            .field("any", &self.any.is_some())
            .field("body_limit", &self.body_limit)
            .finish()
    }
}

/// What fits in memory many times over.
const BODY_LIMIT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_allowed_where_get_is() {
        let route = HttpRoute::get(async |_| Response::new(200))
            .method("POST", async |_| Response::new(200));
        assert_eq!(route.allow(), "GET, HEAD, POST");
        assert!(route.handler("HEAD").is_some() && route.handler("PUT").is_none());
        assert!(route.handler("get").is_none());
    }
}
