//! Heads of requests and responses.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::fields::{FieldError, Fields};
use super::fixed::{FixedFields, Has, Reserved};
use super::framing::RequestMeaning;
use super::headers::{Headers, Indexed, Place};
use super::start_line::{RequestLine, StatusLine};
use super::syntax::is_field_value_text;
use super::{Framing, Version, reason};

/// A request head as it arrived: one piece of memory of exactly its size, shared by clones.
///
/// Method, target, version and framing are checked; the fields are as sent.
#[derive(Clone)]
pub struct RequestHead {
    /// The text, and the places of its fields behind it.
    block: Bytes,
    text: u16,
    line: RequestLine,
    meaning: RequestMeaning,
}

impl RequestHead {
    /// `None` when the text is longer than 64 KiB, which no limit allows.
    #[inline]
    pub(super) fn new(
        text: &[u8],
        index: &[Place],
        line: RequestLine,
        meaning: RequestMeaning,
    ) -> Option<Self> {
        let index = index.as_flattened();
        let mut block = Vec::with_capacity(text.len() + index.len());
        block.extend_from_slice(text);
        block.extend_from_slice(index);
        Some(Self {
            block: block.into(),
            text: text.len().try_into().ok()?,
            line,
            meaning,
        })
    }

    /// The method, a case-sensitive token.
    pub fn method(&self) -> &str {
        match self.method_bytes() {
            // That these are text need not be found out.
            b"GET" => "GET",
            b"POST" => "POST",
            method => text(method),
        }
    }

    pub(super) fn method_bytes(&self) -> &[u8] {
        &self.block[..self.line.method_len()]
    }

    /// The target as sent; visible ASCII characters without `#`.
    pub fn target(&self) -> &str {
        text(&self.block[self.line.target()])
    }

    /// The path of the target, not decoded and without the query. An absolute-form target without
    /// a path gives `/`, `OPTIONS *` gives `*`, and CONNECT gives nothing.
    pub fn path(&self) -> &str {
        let (authority, path) = self.split_target();
        let end = memchr::memchr(b'?', path.as_bytes()).unwrap_or(path.len());
        match &path[..end] {
            "" if authority.is_some() && self.method_bytes() != b"CONNECT" => "/",
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
        Headers::indexed(self.lines())
    }

    /// All fields with their names as bytes, which saves checking that those are text, and the white
    /// space around their values.
    pub(crate) fn byte_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().byte_pairs()
    }

    #[inline]
    fn lines(&self) -> Indexed<'_> {
        let (text, index) = self.block.split_at(self.text.into());
        Indexed {
            text,
            index: index.as_chunks().0,
        }
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
    pub fn as_bytes(&self) -> &[u8] {
        &self.block[..self.text.into()]
    }

    /// The target's authority, if its form has one, and the rest.
    fn split_target(&self) -> (Option<&str>, &str) {
        let target = self.target();
        if self.method_bytes() == b"CONNECT" {
            return (Some(target), "");
        }
        if target.starts_with('/') {
            return (None, target);
        }
        match target.split_once("://") {
            Some((_, rest)) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, target),
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
    has: Has,
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
            has: Has::NONE,
        }
    }

    /// A head that was received: its status line, the reason phrase of that, and its fields.
    pub(super) fn parsed(line: StatusLine, phrase: &[u8], fields: Fields) -> Self {
        let phrase = text(phrase);
        let has = |name| fields.headers().contains(name);
        Self {
            status: line.status,
            version: line.version,
            close: false,
            reason: (phrase != reason(line.status)).then(|| phrase.into()),
            has: Has {
                date: has("date"),
                upgrade: has("upgrade"),
            },
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
        let has = self.has.with(name.as_bytes());
        let has = has.map_err(|Reserved| FieldError::Reserved)?;
        self.fields.append(name, value)?;
        self.has = has;
        Ok(())
    }

    /// Adds fields that need no check any more.
    #[must_use]
    pub fn fixed(mut self, fields: FixedFields) -> Self {
        self.append_fixed(fields);
        self
    }

    /// Adds fields that need no check any more behind the others.
    pub fn append_fixed(&mut self, fields: FixedFields) {
        self.fields.append_lines(fields.as_str().as_bytes());
        self.has = self.has.or(fields.has);
    }

    /// Replaces the usual reason phrase.
    ///
    /// # Errors
    ///
    /// [`Value`](FieldError::Value) when it has a control character other than tab, which could
    /// split the response.
    pub fn with_reason(mut self, reason: &str) -> Result<Self, FieldError> {
        if !is_field_value_text(reason.as_bytes()) {
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

    pub(super) const fn has(&self) -> Has {
        self.has
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

/// Text that was checked to be ASCII; only a reason phrase may be something else, and is dropped.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
