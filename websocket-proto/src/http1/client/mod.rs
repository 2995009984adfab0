//! One exchange, client side: enough to ask for an upgrade, or for a tunnel through a proxy.

mod exchange;
mod request;

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

pub use exchange::Exchange;
pub use request::Request;

use super::{Closed, Fields, Limits, ResponseFraming, ResponseHead};

/// Limits and timers of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How much the server may send of everything but the body.
    pub limits: Limits,
    /// Longest body taken. Default 64 KiB: enough for the page that explains a refusal.
    pub max_body: u64,
    /// How long the head of the final response may take. Default 10 s.
    pub head_timeout: Duration,
    /// How long the body may stall. Default 30 s.
    pub body_timeout: Duration,
    /// How long the server may take none of our bytes. Default 30 s.
    pub write_stall: Duration,
    /// With so many bytes of the body undelivered, no more is read. Default 64 KiB.
    pub inbound_mark: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_body: 64 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            inbound_mark: 64 * 1024,
        }
    }
}

/// What an exchange has to tell.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event {
    /// An interim response.
    Interim(ResponseHead),
    /// The server agreed to leave HTTP: a 101, or a 2xx to CONNECT. Take over with
    /// [`upgrade`](Exchange::upgrade); bytes behind the head were not taken. Nothing follows.
    Switched(ResponseHead),
    /// The final response.
    Response {
        /// Its head.
        head: ResponseHead,
        /// How its body ends.
        framing: ResponseFraming,
    },
    /// Part of the body. Only the concatenation matters.
    Body(Bytes),
    /// The end of the body.
    End {
        /// Of a chunked body, kept apart from the header fields (RFC 9110 §6.5.1).
        trailers: Fields,
        /// The body ended with the connection, so nobody knows whether it was cut short (RFC 9112
        /// §8).
        truncated_possible: bool,
    },
    /// The end, exactly once and last, unless the protocol was switched.
    Closed(Closed),
}

/// A request without `Host`, or with several or a malformed one (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoHost;

impl fmt::Display for NoHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request needs one valid host field")
    }
}

impl core::error::Error for NoHost {}
