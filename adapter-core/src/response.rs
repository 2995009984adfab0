//! What an HTTP handler answers.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use websocket_proto::http1::{FieldError, ResponseHead};

use crate::body::{BodySender, Producer};

/// A response: status, fields and body.
///
/// The connection adds `Date` and the fields that frame the body; a `HEAD` request gets the same
/// fields and no body.
#[derive(Debug)]
pub struct Response {
    head: ResponseHead,
    body: ResponseBody,
    bad_field: bool,
}

pub(crate) enum ResponseBody {
    Full(Bytes),
    Stream(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Response {
    /// A response without fields and with an empty body.
    ///
    /// `status` is between 200 and 599: interim answers are the connection's business.
    pub fn new(status: u16) -> Self {
        Self {
            head: ResponseHead::new(status),
            body: ResponseBody::Full(Bytes::new()),
            bad_field: false,
        }
    }

    /// 200 with a plain text in UTF-8.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::new(200)
            .header("Content-Type", "text/plain; charset=utf-8")
            .with_body(text)
    }

    /// 200 with an HTML page in UTF-8.
    pub fn html(page: impl Into<Bytes>) -> Self {
        Self::new(200)
            .header("Content-Type", "text/html; charset=utf-8")
            .with_body(page)
    }

    /// The same response with `body`; its length goes into `Content-Length`.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: ResponseBody::Full(body.into()),
            ..self
        }
    }

    /// The same response with a body made of the pieces of `stream`, each written as it comes.
    ///
    /// The stream is polled beside the connection's other work, and only while earlier pieces have
    /// left. It is dropped when the peer goes away.
    #[must_use]
    pub fn with_stream(self, stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self {
            body: ResponseBody::Stream(Box::pin(stream)),
            ..self
        }
    }

    /// The same response with a body that `produce` writes piece by piece.
    ///
    /// ```
    /// use adapter_core::Response;
    ///
    /// let counting = Response::new(200).with_writer(async |mut body| {
    ///     for n in 0..10 {
    ///         if body.send(format!("{n}\n")).await.is_err() {
    ///             break; // the peer is gone
    ///         }
    ///     }
    /// });
    /// # drop(counting);
    /// ```
    #[must_use]
    pub fn with_writer<F, Fut>(self, produce: F) -> Self
    where
        F: FnOnce(BodySender) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.with_stream(Producer::new(produce))
    }

    /// The same response with one more field.
    ///
    /// A field that must not be sent, because it could split the response (RFC 9110 §5.5) or frames it,
    /// turns the response into a 500: nothing an attacker may have put into the value goes out. See
    /// [`try_header`](Self::try_header) to deal with it yourself.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.head.append(name, value) {
            tracing::error!(%error, name, "response field");
            self.bad_field = true;
        }
        self
    }

    /// The same response with one more field.
    ///
    /// # Errors
    ///
    /// The field could split the response, or is one that the connection writes.
    pub fn try_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        self.head.append(name, value)?;
        Ok(self)
    }

    /// The same response as the last of its connection.
    #[must_use]
    pub fn closing(self) -> Self {
        Self {
            head: self.head.close(),
            ..self
        }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn into_parts(self) -> (ResponseHead, ResponseBody) {
        if self.bad_field {
            return (
                ResponseHead::new(500).close(),
                ResponseBody::Full(Bytes::new()),
            );
        }
        (self.head, self.body)
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream(_) => f.write_str("a stream"),
        }
    }
}
