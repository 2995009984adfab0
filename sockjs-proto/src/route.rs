//! Paths below a service's prefix.

use core::fmt;

use crate::Transport;
use crate::id::Redacted;

/// What a path below the prefix names.
///
/// Nothing is decoded: `x%41y` and `xAy` are two sessions, and a malformed escape is as good as any
/// other character.
///
/// ```
/// use sockjs_proto::{Route, Transport};
///
/// assert_eq!(Route::parse("/info"), Some(Route::Info));
/// let session = Route::Session { server: "000", session: "abc", transport: Transport::Xhr };
/// assert_eq!(Route::parse("/000/abc/xhr"), Some(session));
/// assert_eq!(Route::parse("/000/a.b/xhr"), None);
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Route<'a> {
    /// The prefix itself, with or without a slash.
    Greeting,
    /// `/iframe*.html`.
    Iframe,
    /// `/info`.
    Info,
    /// `/chunking_test`: how the oldest clients find out about buffering proxies.
    ChunkingTest,
    /// `/websocket`.
    RawWebsocket,
    /// `/server/session/transport`.
    Session {
        /// Only for load balancers to look at.
        server: &'a str,
        /// Which session. A secret between the browser and us.
        session: &'a str,
        /// Any but [`RawWebsocket`](Transport::RawWebsocket).
        transport: Transport,
    },
}

impl<'a> Route<'a> {
    /// Reads a path, what stands behind the prefix and before the query. `None`: 404, whatever the
    /// method.
    pub fn parse(path: &'a str) -> Option<Self> {
        let Some(path) = path.strip_prefix('/') else {
            return path.is_empty().then_some(Self::Greeting);
        };
        if is_iframe(path) {
            return Some(Self::Iframe);
        }
        // One slash behind the last name is tolerated.
        let mut segments = Segments(Some(path.strip_suffix('/').unwrap_or(path)));
        match (
            segments.next()?,
            segments.next(),
            segments.next(),
            segments.next(),
        ) {
            ("", None, ..) => path.is_empty().then_some(Self::Greeting),
            ("info", None, ..) => Some(Self::Info),
            ("chunking_test", None, ..) => Some(Self::ChunkingTest),
            ("websocket", None, ..) => Some(Self::RawWebsocket),
            (server, Some(session), Some(name), None) if is_id(server) && is_id(session) => {
                let transport = session_transport(name)?;
                Some(Self::Session {
                    server,
                    session,
                    transport,
                })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting => f.write_str("Greeting"),
            Self::Iframe => f.write_str("Iframe"),
            Self::Info => f.write_str("Info"),
            Self::ChunkingTest => f.write_str("ChunkingTest"),
            Self::RawWebsocket => f.write_str("RawWebsocket"),
            Self::Session {
                server,
                session,
                transport,
            } => f
                .debug_struct("Session")
                .field("server", server)
                .field("session", &Redacted(session))
                .field("transport", transport)
                .finish(),
        }
    }
}

/// What stands between slashes. They are near each other, so that a plain loop finds them soonest.
struct Segments<'a>(Option<&'a str>);

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        match rest.bytes().position(|byte| byte == b'/') {
            Some(slash) => {
                self.0 = Some(&rest[slash + 1..]);
                Some(&rest[..slash])
            }
            None => self.0.take(),
        }
    }
}

/// `iframe[0-9-.a-z_]*.html`, in that letter case.
fn is_iframe(name: &str) -> bool {
    name.strip_prefix("iframe")
        .and_then(|rest| rest.strip_suffix(".html"))
        .is_some_and(|version| {
            let allowed = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte)
            };
            version.bytes().all(allowed)
        })
}

/// Neither empty nor with a dot, which a proxy could take for a file or a parent, nor with the
/// semicolon of path parameters, behind which servers ignore what browsers take for a file name
/// (CVE-2015-5211).
fn is_id(segment: &str) -> bool {
    !segment.is_empty() && !segment.bytes().any(|byte| matches!(byte, b'.' | b';'))
}

fn session_transport(name: &str) -> Option<Transport> {
    match Transport::from_name(name)? {
        Transport::RawWebsocket => None,
        transport @ (Transport::Websocket
        | Transport::Xhr
        | Transport::XhrStreaming
        | Transport::EventSource
        | Transport::HtmlFile
        | Transport::Jsonp
        | Transport::XhrSend
        | Transport::JsonpSend) => Some(transport),
    }
}
