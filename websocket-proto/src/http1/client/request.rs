//! Requests to be sent.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::Outbox;
use crate::http1::fixed::is_framing_field;
use crate::http1::framing::is_authority;
use crate::http1::respond::write_number;
use crate::http1::start_line::is_target;
use crate::http1::syntax::is_token_text;
use crate::http1::{FieldError, Fields};

/// A request to be sent.
///
/// `Host` is a field like any other, because old handshakes care about its place; one valid `Host`
/// must be there (RFC 9112 §3.2). The fields that frame the body are written by the machine.
///
/// ```
/// use websocket_proto::http1::client::Request;
///
/// let request = Request::new("GET", "/chat")?
///     .header("Host", "example.test")?
///     .header("Connection", "Upgrade")?
///     .header("Upgrade", "websocket")?;
/// # let _ = request;
/// # Ok::<(), websocket_proto::http1::FieldError>(())
/// ```
#[derive(Clone)]
pub struct Request {
    method: Box<str>,
    target: Box<str>,
    fields: Fields,
    body: Bytes,
}

impl Request {
    /// A request without fields and body.
    ///
    /// # Errors
    ///
    /// [`Name`](FieldError::Name) when the method is no token, [`Value`](FieldError::Value) when
    /// the target is not one that this method can have (RFC 9112 §3.2).
    pub fn new(method: &str, target: &str) -> Result<Self, FieldError> {
        if !is_token_text(method.as_bytes()) {
            return Err(FieldError::Name);
        }
        if !is_target(method.as_bytes(), target.as_bytes()) {
            return Err(FieldError::Value);
        }
        Ok(Self {
            method: method.into(),
            target: target.into(),
            fields: Fields::new(),
            body: Bytes::new(),
        })
    }

    /// A request to a proxy for a tunnel to `authority`, which is `host:port` (RFC 9110 §9.3.6).
    ///
    /// # Errors
    ///
    /// [`Value`](FieldError::Value) when `authority` is something else.
    pub fn connect(authority: &str) -> Result<Self, FieldError> {
        Self::new("CONNECT", authority)?.header("Host", authority)
    }

    /// Adds `Proxy-Authorization` with the Basic scheme (RFC 7617).
    ///
    /// # Errors
    ///
    /// [`Value`](FieldError::Value) when the user has a colon, or either a control character.
    pub fn basic_proxy_authorization(self, user: &str, password: &str) -> Result<Self, FieldError> {
        if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
            return Err(FieldError::Value);
        }
        let mut value = String::from("Basic ");
        STANDARD.encode_string([user, ":", password].concat(), &mut value);
        self.header("Proxy-Authorization", value)
    }

    /// Adds a field behind the others.
    ///
    /// # Errors
    ///
    /// [`Reserved`](FieldError::Reserved) for `Content-Length` and `Transfer-Encoding`; else as
    /// [`Fields::append`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        if is_framing_field(name.as_bytes()) {
            return Err(FieldError::Reserved);
        }
        self.fields.append(name, value)?;
        Ok(self)
    }

    /// Gives the request a body, announced with `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether there is one `Host`, and a valid one.
    pub(super) fn has_host(&self) -> bool {
        let mut hosts = self.fields.headers().get_all("host");
        let valid = hosts
            .next()
            .is_some_and(|host| host.is_empty() || is_authority(host));
        valid && hosts.next().is_none()
    }

    pub(super) fn write(&self, out: &mut Outbox) {
        out.append_with(
            HEAD_SIZE + self.target.len() + self.fields.as_lines().len(),
            |out| {
                out.extend_from_slice(self.method.as_bytes());
                out.push(b' ');
                out.extend_from_slice(self.target.as_bytes());
                out.extend_from_slice(b" HTTP/1.1\r\n");
                out.extend_from_slice(self.fields.as_lines());
                if !self.body.is_empty() {
                    out.extend_from_slice(b"Content-Length: ");
                    write_number(out, self.body.len() as u64);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"\r\n");
            },
        );
        out.push(self.body.clone());
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be credentials.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// Fits a request line and the field that the machine adds.
const HEAD_SIZE: usize = 128;
