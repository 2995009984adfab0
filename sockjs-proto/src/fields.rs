//! Groups of header fields that answers share.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;
use websocket_proto::Instant;
use websocket_proto::http1::ResponseHead;
use websocket_proto::http1::server::{Body, Connection};

use crate::answer::Response;
use crate::cors::{Cors, Sharing};
use crate::transport::Kind;
use crate::{About, Dialect, Transport, security};

/// The heads of a service's usual answers, made once: all but the fields that depend on a request.
#[derive(Debug)]
pub(crate) struct Heads {
    pub(crate) dialect: Dialect,
    /// Those of success, by transport, for each way to speak of other origins.
    success: [[ResponseHead; Transport::ALL.len()]; Sharing::ALL.len()],
}

impl Heads {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            success: Sharing::ALL.map(|sharing| {
                Transport::ALL.map(|transport| success(dialect, sharing, transport))
            }),
        }
    }

    fn success(&self, sharing: Sharing, transport: Transport) -> &ResponseHead {
        &self.success[sharing as usize][transport as usize]
    }
}

/// What all answers to one request of a session have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) heads: Arc<Heads>,
    pub(crate) cors: Option<Cors>,
    /// Boxed: most answers have none, and a poll keeps this as long as it waits.
    pub(crate) more: Option<Box<More>>,
}

/// What few answers have.
#[derive(Clone, Debug)]
pub(crate) struct More {
    /// Fields that a page may send.
    pub(crate) headers: Option<Box<str>>,
    pub(crate) cookie: Option<Box<str>>,
}

impl Common {
    /// A head that must not be cached.
    pub(crate) fn head(&self, status: u16, content_type: Option<&str>) -> ResponseHead {
        let mut head = uncached(self.heads.dialect, status, content_type);
        self.write(&mut head);
        head
    }

    fn sharing(&self) -> Sharing {
        self.cors.as_ref().map_or(Sharing::Off, Cors::sharing)
    }

    /// The head of success on a transport.
    pub(crate) fn success(&self, transport: Transport) -> ResponseHead {
        let mut head = self.heads.success(self.sharing(), transport).clone();
        for (name, value) in self.own() {
            set(&mut head, name, value);
        }
        head
    }

    /// Answers HTTP's request with success, as [`success`](Self::success) but without making a head.
    pub(crate) fn succeed(
        &self,
        now: Instant,
        http: &mut Connection,
        transport: Transport,
        body: Body,
    ) {
        let mut own = [("", ""); MOST_LINES];
        let count = own
            .iter_mut()
            .zip(self.own())
            .map(|(place, line)| *place = line)
            .count();
        let head = self.heads.success(self.sharing(), transport);
        // Refused only by a connection that is closed, which is told by its own event.
        let _ = http.respond_with(now, head, &own[..count], body);
    }

    /// The response to a receiver whose session does not begin.
    pub(crate) fn refused(&self, status: u16) -> Response {
        Response {
            head: self.head(status, None),
            body: Bytes::new(),
        }
    }

    /// The same without its cookie.
    pub(crate) fn without_cookie(&self) -> Self {
        let mut common = self.clone();
        if let Some(more) = &mut common.more {
            more.cookie = None;
        }
        common
    }

    /// Adds what depends on the request.
    pub(crate) fn write(&self, head: &mut ResponseHead) {
        self.sharing().write(head);
        for (name, value) in self.own() {
            set(head, name, value);
        }
    }

    /// The fields that no other request has like this.
    fn own(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let more = self.more.as_deref();
        let headers = more.and_then(|more| more.headers.as_deref());
        let headers = headers.map(|headers| ("Access-Control-Allow-Headers", headers));
        let cookie = more.and_then(|more| more.cookie.as_deref());
        let cookie = cookie.map(|cookie| ("Set-Cookie", cookie));
        let origin = self.cors.as_ref().map(Cors::own);
        origin.into_iter().chain(headers).chain(cookie)
    }
}

fn success(dialect: Dialect, sharing: Sharing, transport: Transport) -> ResponseHead {
    let status = match transport {
        Transport::XhrSend => 204,
        _ => 200,
    };
    let mut head = uncached(dialect, status, transport.content_type(dialect));
    sharing.write(&mut head);
    match transport.kind() {
        Kind::Polling | Kind::Streaming => security::receiver(&mut head, transport, dialect),
        Kind::Socket | Kind::Sending => {}
    }
    head
}

/// The head of an answer that must not be cached.
fn uncached(dialect: Dialect, status: u16, content_type: Option<&str>) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    if let Some(content_type) = content_type {
        set(&mut head, "Content-Type", content_type);
    }
    set(&mut head, "Cache-Control", dialect.no_cache());
    head
}

/// Adds a field. A value that a header cannot hold is left out: only a function among the options
/// can make one.
pub(crate) fn set(head: &mut ResponseHead, name: &'static str, value: &str) {
    let _ = head.append(name, value);
}

/// What may be kept for a year.
pub(crate) fn cache_forever(head: &mut ResponseHead, about: &About) {
    set(head, "Cache-Control", "public, max-age=31536000");
    set(
        head,
        "Expires",
        about.clock.http_date(about.now + YEAR).as_str(),
    );
}

/// Of [`Cors`] and the cookie.
const MOST_LINES: usize = 3;
/// 31536000 seconds.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
