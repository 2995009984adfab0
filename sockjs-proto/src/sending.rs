//! Requests that carry messages from the browser.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use bytes::Bytes;
use percent_encoding::percent_decode;
use websocket_proto::Instant;
use websocket_proto::http1::ResponseHead;
use websocket_proto::http1::server::{Body, Connection};

use crate::answer::Response;
use crate::config::{Config, PayloadErrors, SendToClosing};
use crate::fields::Common;
use crate::json::{self, Form, JsonError};
use crate::{LoneSurrogates, Message, SessionId, Transport};

/// A sending request: read its body, then find its session.
///
/// The order matters: a broken body is told even to who has no session. So: body, [`messages`],
/// session, and one of [`accepted`], [`unknown_session`] and [`closing`].
///
/// [`messages`]: Self::messages
/// [`accepted`]: Self::accepted
/// [`unknown_session`]: Self::unknown_session
/// [`closing`]: Self::closing
#[derive(Clone, Debug)]
pub struct Sending {
    pub(crate) session: SessionId,
    pub(crate) transport: Transport,
    pub(crate) media: Media,
    pub(crate) common: Common,
    pub(crate) max_body: usize,
    lone_surrogates: LoneSurrogates,
    errors: PayloadErrors,
    to_closing: SendToClosing,
}

/// What the body is, by its content type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Media {
    /// JSON, whatever it is called.
    Json,
    /// A form, with the JSON in `d`.
    Form,
    /// Nothing that clients send.
    Unknown,
}

impl Media {
    /// Content types compare without case (RFC 9110 §8.3.1).
    pub(crate) fn of(content_type: &[u8], transport: Transport) -> Self {
        let is = |known: &&str| content_type.eq_ignore_ascii_case(known.as_bytes());
        let json: &[&str] = match transport {
            Transport::JsonpSend => {
                if is(&"application/x-www-form-urlencoded") {
                    return Self::Form;
                }
                &["", "text/plain"]
            }
            // `T` is among what the protocol demands.
            _ => &[
                "",
                "text/plain",
                "T",
                "application/json",
                "application/xml",
                "text/xml",
            ],
        };
        if json.iter().any(is) {
            Self::Json
        } else {
            Self::Unknown
        }
    }
}

impl Sending {
    pub(crate) fn new(
        session: SessionId,
        transport: Transport,
        media: Media,
        common: Common,
        config: &Config,
    ) -> Self {
        Self {
            session,
            transport,
            media,
            common,
            max_body: config.max_body,
            lone_surrogates: config.lone_surrogates,
            errors: config.payload_errors,
            to_closing: config.send_to_closing,
        }
    }

    /// The session it is for.
    pub const fn session(&self) -> &SessionId {
        &self.session
    }

    /// [`XhrSend`](Transport::XhrSend) or [`JsonpSend`](Transport::JsonpSend).
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Longest body to be read, in bytes; [`too_large`](Self::too_large) answers a longer one.
    pub const fn max_body(&self) -> usize {
        self.max_body
    }

    /// The messages of the body, all or none.
    ///
    /// # Errors
    ///
    /// The answer that says what is wrong with it.
    pub fn messages(&self, body: &Bytes) -> Result<Vec<Message>, Response> {
        let json = match self.media {
            Media::Json => Some(Cow::Borrowed(body)),
            Media::Form => form_value(body).map(Cow::Owned),
            Media::Unknown => None,
        };
        json.ok_or(JsonError::Empty)
            .and_then(|json| json::messages(&json, Form::Array, self.lone_surrogates))
            .map(Vec::from)
            .map_err(|error| self.text(self.errors.status(), error.text()))
    }

    /// The answer once the session has taken all messages.
    pub fn accepted(&self) -> Response {
        Response {
            head: self.common.success(self.transport),
            body: match self.success_body() {
                Body::Full(bytes) => bytes,
                Body::Empty | Body::Sized(_) | Body::Stream => Bytes::new(),
            },
        }
    }

    /// Answers HTTP's request with that.
    pub(crate) fn accept(&self, now: Instant, http: &mut Connection) {
        let body = self.success_body();
        self.common.succeed(now, http, self.transport, body);
    }

    fn success_body(&self) -> Body {
        match self.transport {
            // Konqueror needs a body.
            Transport::JsonpSend => Body::Full(Bytes::from_static(b"ok")),
            _ => Body::Empty,
        }
    }

    /// The answer when there is no such session: 404, empty.
    pub fn unknown_session(&self) -> Response {
        if self.common.heads.dialect.cookie_on_unknown_session() {
            self.empty(404)
        } else {
            Response {
                head: self.common.without_cookie().head(404, None),
                body: Bytes::new(),
            }
        }
    }

    /// The answer when the session is closing, so that the messages are lost.
    pub fn closing(&self) -> Response {
        match self.to_closing {
            SendToClosing::NotFound => self.unknown_session(),
            SendToClosing::Accept => self.accepted(),
        }
    }

    /// The answer to a body over the limit. What is left of it is not read.
    pub fn too_large(&self) -> Response {
        let Response { head, body } = self.empty(413);
        Response {
            head: head.close(),
            body,
        }
    }

    /// The answer when the endpoint takes no messages now: `status`, without a body.
    pub fn refused(&self, status: u16) -> Response {
        self.empty(status)
    }

    fn empty(&self, status: u16) -> Response {
        Response {
            head: self.common.head(status, None),
            body: Bytes::new(),
        }
    }

    fn text(&self, status: u16, text: &'static str) -> Response {
        text_response(self.common.head(status, Some(TEXT)), text)
    }
}

pub(crate) fn text_response(head: ResponseHead, text: &'static str) -> Response {
    Response {
        head,
        body: Bytes::from_static(text.as_bytes()),
    }
}

/// The value of `d` in a form.
fn form_value(form: &[u8]) -> Option<Bytes> {
    let value = form
        .split(|&byte| byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"d="))?;
    let spaced: Vec<u8> = value
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    Some(Bytes::from(percent_decode(&spaced).collect::<Vec<u8>>()))
}

pub(crate) const TEXT: &str = "text/plain; charset=UTF-8";
