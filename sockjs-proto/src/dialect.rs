//! The ages of the protocol.

use core::fmt;
use core::time::Duration;

/// An age of the SockJS protocol: one value of a service, never guessed from a request.
///
/// Ages differ in details that the clients and test suites of their time depend on; each method
/// here is one of them. What later ages only added is served in all.
///
/// ```
/// use sockjs_proto::Dialect;
///
/// assert_eq!(Dialect::from_name("0.2.1"), Some(Dialect::V0_2_1));
/// assert!(Dialect::V0_0_4 < Dialect::Newest);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dialect {
    /// 2011-10-24.
    V0_0_4,
    /// 2011-10-26.
    V0_1,
    /// 2012-01.
    V0_2,
    /// 2012-01, with the tests of HTTP/1.0 and of a late hixie-76 nonce.
    V0_2_1,
    /// 2012-04.
    V0_3,
    /// 2012-09.
    V0_3_3,
    /// What clients from 1.0 on speak.
    #[default]
    Newest,
}

impl Dialect {
    /// All ages, oldest first.
    pub const ALL: [Self; 7] = [
        Self::V0_0_4,
        Self::V0_1,
        Self::V0_2,
        Self::V0_2_1,
        Self::V0_3,
        Self::V0_3_3,
        Self::Newest,
    ];

    /// The name used in options: `0.0.4`, `0.1`, `0.2`, `0.2.1`, `0.3`, `0.3.3` or `newest`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V0_0_4 => "0.0.4",
            Self::V0_1 => "0.1",
            Self::V0_2 => "0.2",
            Self::V0_2_1 => "0.2.1",
            Self::V0_3 => "0.3",
            Self::V0_3_3 => "0.3.3",
            Self::Newest => "newest",
        }
    }

    /// The age of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Whether JSESSIONID is set on every session URL whatever the service says; later it is an
    /// option.
    pub const fn always_sets_cookie(self) -> bool {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 => true,
            Self::V0_3 | Self::V0_3_3 | Self::Newest => false,
        }
    }

    /// Whether the 404 of `xhr_send` to an unknown session carries the cookie, when there is one.
    pub const fn cookie_on_unknown_session(self) -> bool {
        match self {
            Self::V0_0_4 => false,
            Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 | Self::Newest => {
                true
            }
        }
    }

    /// Whether a preflight also lists the methods in `Allow`, where the oldest suites look.
    pub const fn preflight_has_allow(self) -> bool {
        match self {
            Self::V0_0_4 | Self::V0_1 => true,
            Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 | Self::Newest => false,
        }
    }

    /// What `Origin: null` is answered with.
    pub const fn null_origin(self) -> &'static str {
        match self {
            Self::V0_3 | Self::V0_3_3 => "*",
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::Newest => "null",
        }
    }

    /// Which answers allow credentials.
    pub const fn credentials(self) -> Credentials {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 => {
                Credentials::Always
            }
            Self::V0_3_3 => Credentials::UnlessNull,
            Self::Newest => Credentials::WithOrigin,
        }
    }

    /// Whether the headers a preflight asks for are allowed.
    pub const fn allows_headers(self) -> bool {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 => false,
            Self::V0_3 | Self::V0_3_3 | Self::Newest => true,
        }
    }

    /// The `Cache-Control` of what must not be cached.
    pub const fn no_cache(self) -> &'static str {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                "no-store, no-cache, must-revalidate, max-age=0"
            }
            // A proxy that compresses a stream holds it back.
            Self::Newest => "no-store, no-cache, no-transform, must-revalidate, max-age=0",
        }
    }

    /// The content type of `xhr_send`'s 204: Firefox takes an untyped answer for XML and complains.
    pub const fn xhr_send_type(self) -> &'static str {
        match self {
            Self::V0_0_4 | Self::V0_1 => "text/plain",
            Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 | Self::Newest => {
                "text/plain; charset=UTF-8"
            }
        }
    }

    /// The content type of `jsonp_send`'s `ok`.
    pub const fn jsonp_send_type(self) -> Option<&'static str> {
        match self {
            Self::V0_0_4 | Self::V0_1 => None,
            Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 | Self::Newest => {
                Some("text/plain; charset=UTF-8")
            }
        }
    }

    /// The content type of an event stream.
    pub const fn eventsource_type(self) -> &'static str {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                "text/event-stream; charset=UTF-8"
            }
            Self::Newest => "text/event-stream",
        }
    }

    /// Whether a JSONP answer begins with an empty comment, so that no file format's signature can
    /// be put at its start (CVE-2014-4671).
    pub const fn jsonp_comment(self) -> bool {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                false
            }
            Self::Newest => true,
        }
    }

    /// Whether the iframe page loads the client before the script that starts it.
    pub const fn iframe_loads_first(self) -> bool {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                false
            }
            Self::Newest => true,
        }
    }

    /// The body of the 400 for a request to a WebSocket URL whose `Upgrade` is not `websocket`.
    pub const fn bad_upgrade(self) -> &'static str {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                "Can \"Upgrade\" only to \"WebSocket\"."
            }
            Self::Newest => "Not a valid websocket request",
        }
    }

    /// The body of the 400 for one whose `Connection` is not `upgrade`.
    pub const fn bad_connection(self) -> &'static str {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 => {
                "\"Connection\" must be \"Upgrade\"."
            }
            Self::Newest => "Not a valid websocket request",
        }
    }

    /// The body of the 400 for a WebSocket whose origin is refused; later ages answer 403.
    pub const fn unverified_origin(self) -> Option<&'static str> {
        match self {
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_2_1 => Some("Unverified origin."),
            Self::V0_3 | Self::V0_3_3 | Self::Newest => None,
        }
    }

    /// Whether the close of a hixie-76 connection by the server begins with `FF 00`.
    pub const fn hixie76_closing_frame(self) -> bool {
        match self {
            Self::V0_2 => false,
            Self::V0_0_4 | Self::V0_1 | Self::V0_2_1 | Self::V0_3 | Self::V0_3_3 | Self::Newest => {
                true
            }
        }
    }

    /// How long the first frame of a hixie-76 connection waits behind the digest, which the suite of
    /// 0.2.1 wants to read alone.
    pub const fn hixie76_first_frame_delay(self) -> Duration {
        match self {
            Self::V0_2_1 => Duration::from_millis(25),
            Self::V0_0_4 | Self::V0_1 | Self::V0_2 | Self::V0_3 | Self::V0_3_3 | Self::Newest => {
                Duration::ZERO
            }
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which answers carry `Access-Control-Allow-Credentials: true`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credentials {
    /// All that carry `Access-Control-Allow-Origin`.
    Always,
    /// Those to a request with an `Origin` other than `null`.
    UnlessNull,
    /// Those to a request with any `Origin`.
    WithOrigin,
}
