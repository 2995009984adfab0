//! The types of the `http` crate, for hyper, axum and everything else built on them.

use http::uri::Authority;
use http::{Request, Response, header, response};

use super::target::is_scheme;
use super::{Accepted, Refusal, RequestView, ResponseView};
use crate::Drafts;
use crate::http1::Version;

/// ```
/// use websocket_proto::handshake::{Accept, Policy, Upgrade};
///
/// let request = http::Request::get("/chat")
///     .header("host", "example.com")
///     .header("upgrade", "websocket")
///     .header("connection", "upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let upgrade = Upgrade::read(&request, &Policy::default()).unwrap();
/// let accepted = upgrade.accept(Accept::default()).unwrap();
/// let response = accepted.to_http::<()>()?;
/// assert_eq!(response.status(), 101);
/// assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), http::Error>(())
/// ```
impl<B> RequestView for Request<B> {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    /// Of an absolute target, its path; its authority is among the [`fields`](RequestView::fields).
    fn target(&self) -> &str {
        let path = self.uri().path_and_query().map_or("", |path| path.as_str());
        match (self.uri().scheme_str(), self.uri().authority()) {
            (None, None) => path,
            (Some(scheme), Some(authority)) if is_scheme(scheme) && is_authority(authority) => {
                // The path of an absolute target may be empty, with a query or without.
                if path.starts_with('/') { path } else { "/" }
            }
            // Such as CONNECT has: of neither form, and refused for that.
            (scheme, _) => scheme.unwrap_or_default(),
        }
    }

    /// HTTP/2 and later have no `Upgrade` either (RFC 9113 §8.2.2), so they count as 1.0.
    fn version(&self) -> Version {
        match self.version() {
            http::Version::HTTP_11 => Version::Http11,
            _ => Version::Http10,
        }
    }

    /// The fields as sent, but that the authority of an absolute target replaces a `Host` that is
    /// legal (RFC 9112 §3.2.2).
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let authority = self.uri().authority().filter(|it| is_authority(it));
        self.headers().iter().map(move |(name, value)| {
            let replaces = name == header::HOST && value.to_str().is_ok_and(is_host);
            let host = authority.filter(|_| replaces);
            let value = host.map_or(value.as_bytes(), |host| host.as_str().as_bytes());
            (name.as_str(), value)
        })
    }
}

fn is_authority(authority: &Authority) -> bool {
    is_host(authority.as_str())
}

fn is_host(text: &str) -> bool {
    super::authority::Authority::parse(text).is_some()
}

impl<B> ResponseView for Response<B> {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.headers().iter();
        fields.map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

impl Accepted<'_> {
    /// The 101 for an HTTP stack that speaks the types of the `http` crate.
    ///
    /// # Errors
    ///
    /// When the application adds more fields than a `HeaderMap` can hold.
    pub fn to_http<B: Default>(&self) -> http::Result<Response<B>> {
        build(101, self.fields())
    }
}

impl Refusal {
    /// The answer for an HTTP stack that speaks the types of the `http` crate. `enabled` are the
    /// drafts of the policy that refused.
    pub fn to_http<B: Default>(self, enabled: Drafts) -> http::Result<Response<B>> {
        build(self.status(), self.fields(enabled))
    }
}

fn build<'a, B: Default>(
    status: u16,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> http::Result<Response<B>> {
    let head = Response::builder().status(status);
    let add = |head: response::Builder, (name, value): (&str, &str)| head.header(name, value);
    fields.fold(head, add).body(B::default())
}
