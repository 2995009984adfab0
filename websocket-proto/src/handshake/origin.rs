//! Which pages may connect.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::HostPattern;
use super::authority::{Authority, default_port};

/// Which origins may use a service (RFC 6454; RFC 6455 §10.2).
///
/// A browser tells the origin of the page that asks, and lets the page read the answer of a
/// WebSocket whatever it is: without a check, any site acts with the cookies of its visitors.
///
/// ```
/// use websocket_proto::handshake::OriginPolicy;
///
/// let policy = OriginPolicy::parse(["https://*.example.com", "http://localhost:3000"]).unwrap();
/// assert!(policy.check(Some("https://app.example.com"), "api.test", None));
/// assert!(policy.check(Some("https://api.test"), "api.test", None)); // the same origin
/// assert!(!policy.check(Some("https://evil-example.com"), "api.test", None));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum OriginPolicy {
    /// Only pages of the very host that is asked.
    #[default]
    SameOrigin,
    /// These, and pages of the very host that is asked.
    Listed(Vec<OriginPattern>),
    /// Every page.
    Any,
}

impl OriginPolicy {
    /// Reads a list of patterns. An empty one is [`SameOrigin`](Self::SameOrigin), one that holds
    /// `*` is [`Any`](Self::Any).
    ///
    /// # Errors
    ///
    /// The first pattern's defect, even when `*` makes it superfluous.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        Ok(match listed(patterns)? {
            None => Self::Any,
            Some(list) if list.is_empty() => Self::SameOrigin,
            Some(list) => Self::Listed(list),
        })
    }

    /// Whether a request passes: its `Origin`, its `Host` (or the authority of an absolute target)
    /// and its `Sec-Fetch-Site`.
    ///
    /// The same origin has the same host and port as `Host`, both with the default port of the
    /// origin's scheme, so that it also works behind a proxy that ends TLS. `host` must have been
    /// checked to be `host[:port]`, as HTTP demands. A request without
    /// `Origin` passes (it is no browser's, or no cross-origin one), unless `Sec-Fetch-Site` says
    /// `cross-site`.
    pub fn check(&self, origin: Option<&str>, host: &str, sec_fetch_site: Option<&str>) -> bool {
        let patterns = match self {
            Self::Any => return true,
            Self::SameOrigin => &[][..],
            Self::Listed(patterns) => patterns,
        };
        match origin {
            None => !sec_fetch_site.is_some_and(|site| site.eq_ignore_ascii_case("cross-site")),
            Some(origin) => {
                is_same_origin(origin, host)
                    || patterns.iter().any(|pattern| pattern.matches(origin))
            }
        }
    }
}

/// `scheme://host[:port]` in lower case, where the host may begin with `*.` for one or more labels;
/// or `null`, the origin of sandboxed pages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginPattern(Kind);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    Null,
    Host { scheme: Box<str>, host: HostPattern },
}

impl OriginPattern {
    /// Whether this is `null`, the origin of sandboxed pages.
    pub const fn is_null(&self) -> bool {
        matches!(self.0, Kind::Null)
    }

    /// Whether `origin`, as a browser sends it, fits. Letter case does not matter; a pattern
    /// without port means the default port of its scheme.
    pub fn matches(&self, origin: &str) -> bool {
        match (&self.0, Origin::parse(origin)) {
            (Kind::Null, _) => origin == "null",
            (Kind::Host { .. }, None) => false,
            (Kind::Host { scheme, host }, Some(origin)) => {
                origin.scheme.eq_ignore_ascii_case(scheme)
                    && origin.port() == host.port.or_else(|| scheme_port(scheme))
                    && host.matches_name(origin.authority.host)
            }
        }
    }
}

/// As it was written; a default port that was, too.
impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Null => f.write_str("null"),
            Kind::Host { scheme, host } => write!(f, "{scheme}://{host}"),
        }
    }
}

impl FromStr for OriginPattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        if pattern == "null" {
            return Ok(Self(Kind::Null));
        }
        if pattern.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(PatternError::UpperCase);
        }
        let (scheme, authority) = split_scheme(pattern)
            .filter(|(scheme, _)| is_scheme(scheme))
            .ok_or(PatternError::Scheme)?;
        Ok(Self(Kind::Host {
            scheme: scheme.into(),
            host: authority.parse()?,
        }))
    }
}

/// Reads patterns of origins or hosts. `None` when one of them is `*`; the others must be good all the same.
pub(super) fn listed<'a, P: FromStr<Err = PatternError>>(
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<Option<Vec<P>>, PatternError> {
    let mut list = Some(Vec::new());
    for pattern in patterns {
        if pattern == "*" {
            list = None;
            continue;
        }
        let pattern = pattern.parse()?;
        if let Some(list) = &mut list {
            list.push(pattern);
        }
    }
    Ok(list)
}

/// What is wrong with a pattern of origins or hosts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PatternError {
    /// Browsers send lower case, and so must the pattern be.
    UpperCase,
    /// It does not begin with `scheme://`.
    Scheme,
    /// What follows is no `host[:port]`; a path, for instance.
    Host,
    /// A star anywhere but as the whole first label, or with nothing behind it.
    Wildcard,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UpperCase => "a pattern is written in lower case",
            Self::Scheme => "an origin pattern begins with a scheme, as in https://example.com",
            Self::Host => "a pattern ends with host or host:port, without a path",
            Self::Wildcard => "a star stands for whole labels at the front, as in *.example.com",
        })
    }
}

impl core::error::Error for PatternError {}

/// A tuple origin as serialised by RFC 6454 §6.2.
struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = split_scheme(text).filter(|(scheme, _)| is_scheme(scheme))?;
        Some(Self {
            scheme,
            authority: Authority::parse(authority)?,
        })
    }

    fn port(&self) -> Option<u16> {
        self.authority.port.or_else(|| scheme_port(self.scheme))
    }
}

fn is_same_origin(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = split_scheme(origin) else {
        // Some clients that are no browsers send their `Host` as `Origin`; no page can.
        return origin.eq_ignore_ascii_case(host) && Authority::parse(host).is_some();
    };
    let Some(default) = scheme_port(scheme) else {
        return false;
    };
    // Most often the texts are the same, and then so are their parts.
    authority.eq_ignore_ascii_case(host)
        || Authority::parse(authority)
            .zip(Authority::parse(host))
            .is_some_and(|(page, own)| {
                page.host.eq_ignore_ascii_case(own.host)
                    && page.port.unwrap_or(default) == own.port.unwrap_or(default)
            })
}

/// `scheme://rest`
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    // A scheme is a few bytes: a search that needs setting up costs more than it saves.
    let colon = text.bytes().position(|byte| byte == b':')?;
    Some((&text[..colon], text[colon..].strip_prefix("://")?))
}

fn scheme_port(scheme: &str) -> Option<u16> {
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    if is("https") || is("wss") {
        Some(default_port(true))
    } else if is("http") || is("ws") {
        Some(default_port(false))
    } else {
        None
    }
}

/// RFC 3986 §3.1.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
