//! Heads of requests and responses.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;

use super::fields::{Field, FieldError, Fields, Headers, is_field_value};
use super::framing::RequestMeaning;
use super::start_line::{RequestLine, StatusLine};
use super::{Framing, Version, reason};

/// A request head as it arrived: one buffer of exactly its size and an index, both shared by clones.
///
/// Method, target, version and framing are checked; the fields are as sent.
#[derive(Clone)]
pub struct RequestHead {
    text: Bytes,
    index: Arc<[Field]>,
    line: RequestLine,
    meaning: RequestMeaning,
}

impl RequestHead {
    pub(super) const fn new(
        text: Bytes,
        index: Arc<[Field]>,
        line: RequestLine,
        meaning: RequestMeaning,
    ) -> Self {
        Self {
            text,
            index,
            line,
            meaning,
        }
    }

    /// The method, a case-sensitive token.
    pub fn method(&self) -> &str {
        text(self.method_bytes())
    }

    pub(super) fn method_bytes(&self) -> &[u8] {
        &self.text[..self.line.method_len()]
    }

    /// The target as sent; visible ASCII characters without `#`.
    pub fn target(&self) -> &str {
        text(&self.text[self.line.target()])
    }

    /// The path of the target, not decoded and without the query. An absolute-form target without
    /// a path gives `/`, `OPTIONS *` gives `*`, and CONNECT gives nothing.
    pub fn path(&self) -> &str {
        let (authority, path) = self.split_target();
        match path.split_once('?').map_or(path, |(path, _)| path) {
            "" if authority.is_some() && self.method() != "CONNECT" => "/",
            path => path,
        }
    }

    /// What stands behind the `?` of the target, not decoded.
    pub fn query(&self) -> Option<&str> {
        self.split_target()
            .1
            .split_once('?')
            .map(|(_, query)| query)
    }

    /// The authority that the request is for: the target's, else that of `Host` (RFC 9112 §3.3).
    /// A valid `uri-host[:port]`; `None` when neither names one.
    pub fn host(&self) -> Option<&str> {
        let of_field = || self.headers().get("host").map(text);
        self.split_target()
            .0
            .or_else(of_field)
            .filter(|host| !host.is_empty())
    }

    /// HTTP/1.0, or 1.1 and above.
    pub const fn version(&self) -> Version {
        self.line.version()
    }

    /// The fields.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(&self.text, &self.index)
    }

    /// How the body ends.
    pub const fn framing(&self) -> Framing {
        self.meaning.framing
    }

    /// Whether the peer keeps the connection after this exchange (RFC 9112 §9.3).
    pub const fn keep_alive(&self) -> bool {
        self.meaning.keep_alive
    }

    /// What `Expect` asks for.
    pub const fn expectation(&self) -> Expectation {
        self.meaning.expectation
    }

    /// The head as it arrived, from the method to the empty line.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.text
    }

    /// The target's authority, if its form has one, and the rest.
    fn split_target(&self) -> (Option<&str>, &str) {
        let target = self.target();
        if self.method() == "CONNECT" {
            return (Some(target), "");
        }
        match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            _ => (None, target),
        }
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("headers", &self.headers())
            .finish()
    }
}

/// What a request's `Expect` asks for (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expectation {
    /// Nothing; always so in HTTP/1.0.
    None,
    /// A `100 Continue` before the body is sent.
    Continue,
    /// Something unknown: 417.
    Unsupported,
}

/// A response head: to be sent, or as a client received it.
///
/// `Content-Length`, `Transfer-Encoding` and `Connection` are written by the machine that sends the
/// response; `Date` too, unless the head has one. A head with `Upgrade` also lists it in
/// `Connection` (RFC 9110 §7.8).
///
/// ```
/// use websocket_proto::http1::{FieldError, ResponseHead};
///
/// let head = ResponseHead::new(405).header("Allow", "GET, HEAD")?;
/// assert_eq!(head.reason(), "Method Not Allowed");
/// assert_eq!(head.clone().header("Content-Length", "5").unwrap_err(), FieldError::Reserved);
/// # Ok::<(), FieldError>(())
/// ```
#[derive(Clone)]
pub struct ResponseHead {
    status: u16,
    version: Version,
    close: bool,
    /// When it is not the usual one.
    reason: Option<Box<str>>,
    fields: Fields,
}

impl ResponseHead {
    /// A head without fields. Servers send statuses of 200 to 999 as responses and 100 to 199
    /// except 101 as interim ones.
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            version: Version::Http11,
            close: false,
            reason: None,
            fields: Fields::new(),
        }
    }

    /// A head whose text, the status line included, holds `fields`.
    pub(super) fn parsed(line: StatusLine, fields: Fields) -> Self {
        let phrase = fields
            .text()
            .get(line.reason())
            .map(text)
            .unwrap_or_default();
        Self {
            status: line.status,
            version: line.version,
            close: false,
            reason: (phrase != reason(line.status)).then(|| phrase.into()),
            fields,
        }
    }

    /// Adds a field.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        self.append(name, value)?;
        Ok(self)
    }

    /// Adds a field behind the others.
    ///
    /// # Errors
    ///
    /// [`Reserved`](FieldError::Reserved) for a field that the machine writes; else as
    /// [`Fields::append`].
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        if is_framing_field(name) || name.eq_ignore_ascii_case("connection") {
            return Err(FieldError::Reserved);
        }
        self.fields.append(name, value)
    }

    /// Replaces the usual reason phrase.
    ///
    /// # Errors
    ///
    /// [`Value`](FieldError::Value) when it has a control character other than tab, which could
    /// split the response.
    pub fn with_reason(mut self, reason: &str) -> Result<Self, FieldError> {
        if !reason.bytes().all(is_field_value) {
            return Err(FieldError::Value);
        }
        self.reason = Some(reason.into());
        Ok(self)
    }

    /// Makes this the last response: `Connection: close`, and nothing behind its request is parsed.
    #[must_use]
    pub const fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase; empty when a received one is no UTF-8.
    pub fn reason(&self) -> &str {
        match &self.reason {
            Some(reason) => reason,
            None => reason(self.status),
        }
    }

    /// The version a received head came with.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The fields.
    pub fn headers(&self) -> Headers<'_> {
        self.fields.headers()
    }

    /// Whether [`close`](Self::close) was asked for.
    pub const fn closes(&self) -> bool {
        self.close
    }

    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("reason", &self.reason())
            .field("headers", &self.headers())
            .finish_non_exhaustive()
    }
}

/// The fields that say where a body ends: only machines write them.
pub(super) const fn is_framing_field(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
}

/// Text that was checked to be ASCII; only a reason phrase may be something else, and is dropped.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
