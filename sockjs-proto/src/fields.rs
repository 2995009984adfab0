//! Groups of header fields that answers share.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use websocket_proto::http1::ResponseHead;

use crate::answer::Response;
use crate::cors::Cors;
use crate::{About, Dialect, Transport, security};

/// What all answers to one request of a session have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) dialect: Dialect,
    pub(crate) cors: Option<Cors>,
    pub(crate) cookie: Option<Box<str>>,
}

impl Common {
    /// A head that must not be cached.
    pub(crate) fn head(&self, status: u16, content_type: Option<&str>) -> ResponseHead {
        let mut head = ResponseHead::new(status);
        if let Some(content_type) = content_type {
            set(&mut head, "Content-Type", content_type);
        }
        set(&mut head, "Cache-Control", self.dialect.no_cache());
        self.write(&mut head);
        head
    }

    /// The head of a receiver's response.
    pub(crate) fn receiver(&self, transport: Transport) -> ResponseHead {
        let mut head = self.head(200, transport.content_type(self.dialect));
        security::receiver(&mut head, transport, self.dialect);
        head
    }

    /// The response to a receiver whose session does not begin.
    pub(crate) fn refused(&self, status: u16) -> Response {
        Response {
            head: self.head(status, None),
            body: Bytes::new(),
        }
    }

    pub(crate) fn write(&self, head: &mut ResponseHead) {
        if let Some(cors) = &self.cors {
            cors.write(head);
        }
        if let Some(cookie) = &self.cookie {
            set(head, "Set-Cookie", cookie);
        }
    }
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

/// 31536000 seconds.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
