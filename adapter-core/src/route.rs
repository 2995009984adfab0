//! What is served where.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::{HttpRoute, WebSocketRoute};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type Handler<In, Out> = Arc<dyn Fn(In) -> BoxFuture<Out> + Send + Sync>;

/// Calls a handler, which is application code before its future is polled for the first time, too. `None`
/// when it panicked.
pub(crate) fn call<In, Out>(handler: &Handler<In, Out>, input: In) -> Option<BoxFuture<Out>> {
    catch_unwind(AssertUnwindSafe(|| handler(input))).ok()
}

/// What answers the requests for a path: a [`WebSocketRoute`] or an [`HttpRoute`].
#[derive(Clone, Debug)]
pub struct Route(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    WebSocket(WebSocketRoute),
    Http(HttpRoute),
    /// The SockJS service of that number.
    SockJs(usize),
}

impl From<WebSocketRoute> for Route {
    fn from(route: WebSocketRoute) -> Self {
        Self(Kind::WebSocket(route))
    }
}

impl From<HttpRoute> for Route {
    fn from(route: HttpRoute) -> Self {
        Self(Kind::Http(route))
    }
}

/// The paths of a route: one or several.
pub trait Paths {
    /// The patterns, each an exact path or a prefix that ends in `/*`.
    fn patterns(self) -> Vec<String>;
}

impl Paths for &str {
    fn patterns(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Paths for String {
    fn patterns(self) -> Vec<String> {
        vec![self]
    }
}

impl<P: Into<String>, const N: usize> Paths for [P; N] {
    fn patterns(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<P: Into<String>> Paths for Vec<P> {
    fn patterns(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

/// What routes lead to, by path: exact paths before prefixes, longer prefixes before shorter ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Vec<(String, Route)>);

impl Routes {
    /// Adds `route` under `patterns`; it replaces what was there under the same pattern.
    pub(crate) fn add(&mut self, patterns: Vec<String>, route: &Route) {
        for pattern in patterns {
            self.0.retain(|(known, _)| *known != pattern);
            self.0.push((pattern, route.clone()));
        }
    }

    /// The route of `path` and where the part behind its `*` begins.
    pub(crate) fn find(&self, path: &str) -> Option<(&Route, usize)> {
        let exact = self
            .0
            .iter()
            .find(|(pattern, _)| !pattern.ends_with("/*") && pattern == path);
        if let Some((_, route)) = exact {
            return Some((route, path.len()));
        }
        self.0
            .iter()
            .filter_map(|(pattern, route)| {
                let prefix = pattern.strip_suffix('*')?;
                (prefix.ends_with('/') && path.starts_with(prefix)).then_some((route, prefix.len()))
            })
            .max_by_key(|&(_, prefix)| prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Response;

    fn named(name: &'static str) -> Route {
        HttpRoute::none()
            .method(name, async |_| Response::new(200))
            .into()
    }

    #[test]
    fn exact_paths_before_longer_prefixes_before_shorter() {
        let mut routes = Routes::default();
        for pattern in ["/*", "/a/*", "/a/b", "/"] {
            routes.add(pattern.patterns(), &named(pattern));
        }
        for (path, pattern, rest) in [
            ("/", "/", 1),
            ("/a", "/*", 1),
            ("/a/", "/a/*", 3),
            ("/a/b", "/a/b", 4),
            ("/a/b/c", "/a/*", 3),
            ("/ab", "/*", 1),
        ] {
            let (Route(Kind::Http(route)), at) = routes.find(path).unwrap() else {
                panic!()
            };
            assert_eq!((route.allow().as_str(), at), (pattern, rest), "{path}");
        }
        assert!(routes.find("*").is_none());
    }
}
