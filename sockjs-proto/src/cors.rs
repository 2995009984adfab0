//! Cross-origin resource sharing: which pages may read an answer.

use alloc::boxed::Box;

use websocket_proto::http1::ResponseHead;

use crate::fields::set;
use crate::request::{Facts, Origin};
use crate::{Credentials, Dialect};

/// The answer's fields, for a request that the origin policy has let pass.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    /// The page's, if it has one.
    origin: Option<Box<str>>,
    /// What stands for it otherwise.
    otherwise: Otherwise,
    sharing: Sharing,
}

#[derive(Clone, Copy, Debug)]
enum Otherwise {
    Any,
    Null,
}

impl Cors {
    pub(crate) fn of(facts: &Facts<'_>, dialect: Dialect) -> Self {
        let (origin, is_null) = match facts.origin {
            Origin::Absent | Origin::Malformed => (None, false),
            Origin::Null => (None, true),
            Origin::Page(origin) => (Some(Box::from(origin)), false),
        };
        let credentials = match dialect.credentials() {
            Credentials::Always => true,
            Credentials::UnlessNull => origin.is_some(),
            Credentials::WithOrigin => origin.is_some() || is_null,
        };
        Self {
            sharing: match credentials {
                true => Sharing::WithCredentials,
                false => Sharing::Plain,
            },
            origin,
            otherwise: match is_null && dialect.null_origin() == NULL {
                true => Otherwise::Null,
                false => Otherwise::Any,
            },
        }
    }

    pub(crate) const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// The field that depends on the page. Its value can stand in a head: it is ours, or what was
    /// printable.
    pub(crate) fn own(&self) -> (&'static str, &str) {
        let otherwise = match self.otherwise {
            Otherwise::Any => "*",
            Otherwise::Null => NULL,
        };
        let origin = self.origin.as_deref().unwrap_or(otherwise);
        ("Access-Control-Allow-Origin", origin)
    }
}

/// The fields that a page asks to send, to be allowed.
pub(crate) fn allowed_headers(facts: &Facts<'_>, dialect: Dialect) -> Option<Box<str>> {
    let wanted = facts.wanted_headers.filter(|_| dialect.allows_headers());
    wanted.map(Box::from)
}

/// What an answer says of other origins, whichever they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sharing {
    /// Nothing: only the page's own origin can read it.
    Off,
    Plain,
    WithCredentials,
}

impl Sharing {
    pub(crate) const ALL: [Self; 3] = [Self::Off, Self::Plain, Self::WithCredentials];

    pub(crate) fn write(self, head: &mut ResponseHead) {
        match self {
            Self::Off => return,
            Self::Plain => {}
            Self::WithCredentials => set(head, "Access-Control-Allow-Credentials", "true"),
        }
        // An answer in a cache is right for one origin only.
        set(head, "Vary", "Origin");
    }
}

/// The origin of pages that have none to tell.
const NULL: &str = "null";
