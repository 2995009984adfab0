//! Groups of header fields that answers share.

use alloc::string::String;
use core::time::Duration;

use websocket_proto::http1::ResponseHead;

use crate::cors::Cors;
use crate::{About, Dialect};

/// What all answers to one request of a session have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) dialect: Dialect,
    pub(crate) cors: Option<Cors>,
    pub(crate) cookie: Option<String>,
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
