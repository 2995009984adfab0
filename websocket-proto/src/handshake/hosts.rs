//! Under which names a server is asked.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::PatternError;
use super::authority::{Authority, default_port};
use super::origin::listed;

/// The names that a server may be asked by: what `Host`, the authority of an absolute target, or
/// HTTP/2's `:authority` says.
///
/// The owner of a name may let it point at any server (DNS rebinding). To a browser his pages are
/// then of one origin with that server, so that no [`OriginPolicy`](super::OriginPolicy) refuses
/// them; only the name that they ask by is a foreign one. A server that people reach without a
/// password, for instance because it listens on their own machine, should know its names.
///
/// ```
/// use websocket_proto::handshake::HostPolicy;
///
/// let policy = HostPolicy::parse(["localhost", "[::1]:8081", "*.example.com"]).unwrap();
/// assert!(policy.check(Some("localhost:8081")));
/// assert!(!policy.check(Some("rebound.test:8081")));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum HostPolicy {
    /// Every name, and none.
    #[default]
    Any,
    /// These.
    Listed(Vec<HostPattern>),
}

impl HostPolicy {
    /// Reads a list of patterns. An empty one, and one that holds `*`, is [`Any`](Self::Any).
    ///
    /// # Errors
    ///
    /// The first pattern's defect, even when `*` makes it superfluous. It is never
    /// [`PatternError::Scheme`].
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let list = listed(patterns)?.filter(|list| !list.is_empty());
        Ok(list.map_or(Self::Any, Self::Listed))
    }

    /// Whether a request passes that asks for `host`. With a list, one that names none does not.
    pub fn check(&self, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(patterns) => {
                host.is_some_and(|host| patterns.iter().any(|pattern| pattern.matches(host)))
            }
        }
    }
}

/// `host[:port]` in lower case, where the host may begin with `*.` for one or more labels. An IPv6
/// address stands in brackets, and as browsers write it: `[::1]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostPattern {
    name: Name,
    pub(super) port: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Name {
    Exactly(Box<str>),
    /// What follows the star, with its dot.
    Below(Box<str>),
}

impl HostPattern {
    /// Whether `host`, as it stands in a request, fits. Letter case does not matter. A pattern
    /// without port fits every port; one with 80 or 443 also a host without port, since that is
    /// what either scheme leaves out.
    pub fn matches(&self, host: &str) -> bool {
        Authority::parse(host).is_some_and(|asked| {
            let fits = |port| match asked.port {
                Some(asked) => asked == port,
                None => [false, true].map(default_port).contains(&port),
            };
            self.matches_name(asked.host) && self.port.is_none_or(fits)
        })
    }

    pub(super) fn matches_name(&self, host: &str) -> bool {
        match &self.name {
            Name::Exactly(name) => host.eq_ignore_ascii_case(name),
            Name::Below(suffix) => {
                let split = host.len().checked_sub(suffix.len());
                split
                    .and_then(|at| host.split_at_checked(at))
                    .is_some_and(|(labels, end)| {
                        end.eq_ignore_ascii_case(suffix)
                            && labels.split('.').all(|label| !label.is_empty())
                    })
            }
        }
    }
}

/// As it was written.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Exactly(name) => f.write_str(name)?,
            Name::Below(suffix) => write!(f, "*{suffix}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        if pattern.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(PatternError::UpperCase);
        }
        let parse = |text| Authority::parse(text).ok_or(PatternError::Host);
        let (name, port) = match pattern.strip_prefix('*') {
            None => {
                let Authority { host, port } = parse(pattern)?;
                (Name::Exactly(host.into()), port)
            }
            Some(suffix) => {
                let Authority { host, port } =
                    parse(suffix.strip_prefix('.').ok_or(PatternError::Wildcard)?)?;
                (Name::Below(suffix[..=host.len()].into()), port)
            }
        };
        match &name {
            Name::Exactly(name) | Name::Below(name) if name.contains('*') => {
                Err(PatternError::Wildcard)
            }
            Name::Exactly(_) | Name::Below(_) => Ok(Self { name, port }),
        }
    }
}
