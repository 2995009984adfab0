//! Cross-origin resource sharing: which pages may read an answer.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use crate::request::{Facts, Origin};
use crate::{Credentials, Dialect};

/// The answer's fields, for a request that the origin policy has let pass.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origin: Cow<'static, str>,
    credentials: bool,
    headers: Option<Box<str>>,
}

impl Cors {
    pub(crate) fn of(facts: &Facts<'_>, dialect: Dialect) -> Self {
        let (origin, is_null) = match facts.origin {
            Origin::Absent | Origin::Malformed => (None, false),
            Origin::Null => (Some(Cow::Borrowed(dialect.null_origin())), true),
            Origin::Page(origin) => (Some(Cow::Owned(origin.into())), false),
        };
        Self {
            credentials: match dialect.credentials() {
                Credentials::Always => true,
                Credentials::UnlessNull => origin.is_some() && !is_null,
                Credentials::WithOrigin => origin.is_some(),
            },
            origin: origin.unwrap_or(Cow::Borrowed("*")),
            headers: match dialect.allows_headers() {
                true => facts.wanted_headers.map(Box::from),
                false => None,
            },
        }
    }

    /// The fields. Their values can stand in a head: they are ours, or what was printable.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let origin = ("Access-Control-Allow-Origin", &*self.origin);
        let credentials = self
            .credentials
            .then_some(("Access-Control-Allow-Credentials", "true"));
        let headers = self.headers.as_deref();
        let headers = headers.map(|headers| ("Access-Control-Allow-Headers", headers));
        // An answer in a cache is right for one origin only.
        let vary = ("Vary", "Origin");
        [Some(origin), credentials, headers, Some(vary)]
            .into_iter()
            .flatten()
    }
}
