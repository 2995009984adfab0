//! Cross-origin resource sharing: which pages may read an answer.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use websocket_proto::http1::ResponseHead;

use crate::fields::set;
use crate::request::{Facts, Origin};
use crate::{Credentials, Dialect};

/// The answer's fields, for a request that the origin policy has let pass.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origin: Cow<'static, str>,
    sharing: Sharing,
    headers: Option<Box<str>>,
}

impl Cors {
    pub(crate) fn of(facts: &Facts<'_>, dialect: Dialect) -> Self {
        let (origin, is_null) = match facts.origin {
            Origin::Absent | Origin::Malformed => (None, false),
            Origin::Null => (Some(Cow::Borrowed(dialect.null_origin())), true),
            Origin::Page(origin) => (Some(Cow::Owned(origin.into())), false),
        };
        let credentials = match dialect.credentials() {
            Credentials::Always => true,
            Credentials::UnlessNull => origin.is_some() && !is_null,
            Credentials::WithOrigin => origin.is_some(),
        };
        Self {
            sharing: match credentials {
                true => Sharing::WithCredentials,
                false => Sharing::Plain,
            },
            origin: origin.unwrap_or(Cow::Borrowed("*")),
            headers: match dialect.allows_headers() {
                true => facts.wanted_headers.map(Box::from),
                false => None,
            },
        }
    }

    pub(crate) const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// The fields that depend on the page. Their values can stand in a head: they are ours, or what was
    /// printable.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = self.headers.as_deref();
        let headers = headers.map(|headers| ("Access-Control-Allow-Headers", headers));
        [("Access-Control-Allow-Origin", &*self.origin)]
            .into_iter()
            .chain(headers)
    }
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
