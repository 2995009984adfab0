//! One HTTP/1.x connection, server side.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::{Buf, Bytes};
//! use websocket_proto::http1::{ResponseHead, server};
//! use websocket_proto::{Instant, Machine};
//!
//! let now = Instant::ZERO;
//! let mut connection = server::Connection::new(Arc::new(server::Config::default()), now);
//! let mut input = *b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
//! assert_eq!(connection.receive(now, &mut input), input.len());
//! let Some(server::Event::Request(request)) = connection.poll_event() else { panic!() };
//! assert_eq!((request.method(), request.path()), ("GET", "/hello"));
//!
//! let body = server::Body::Full(Bytes::from_static(b"hello"));
//! connection.respond(now, &ResponseHead::new(200), body)?;
//! let outbox = connection.outbox();
//! let written = outbox.copy_to_bytes(outbox.len());
//! assert!(written.starts_with(b"HTTP/1.1 200 OK\r\n") && written.ends_with(b"\r\n\r\nhello"));
//! # Ok::<(), server::Misuse>(())
//! ```

mod connection;
mod machine;
mod response;

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

pub use connection::Connection;

use super::{Closed, Fields, Limits, ProtocolError, RequestHead};
use crate::WallClock;

/// Limits and timers of a server connection, shared by many.
#[derive(Clone, Debug)]
pub struct Config {
    /// How much a peer may send of everything but bodies.
    pub limits: Limits,
    /// How long a head may take from its first byte; the first one from the start of the
    /// connection. Default 10 s. Answer: 408, or silence when nothing came.
    pub head_timeout: Duration,
    /// How long a body may stall while the machine would take it. Default 30 s. Answer: 408.
    ///
    /// The same time is the credit of a slow body: it runs down as time passes, and each byte adds
    /// its share of [`body_rate`](Self::body_rate).
    pub body_timeout: Duration,
    /// Bytes per second that a body must keep up in the long run; 0 turns the rule off. Default 240.
    pub body_rate: u32,
    /// How long the peer may take until its next request. Default 75 s, above the 60 s that proxies
    /// keep connections for. Closes silently.
    pub idle_timeout: Duration,
    /// How long the peer may take none of our bytes. Default 30 s. Cuts the connection.
    pub write_stall: Duration,
    /// The Unix time of [`Instant::ZERO`](crate::Instant::ZERO), for `Date`. Without it responses
    /// have no `Date`, as RFC 9110 §6.6.1 wants of a server that has no clock. Default none.
    pub wall: Option<WallClock>,
    /// With so many bytes waiting for the peer, [`send_chunk`](Connection::send_chunk) refuses and no
    /// more requests or bodies are read. Default 64 KiB.
    pub outbox_mark: usize,
    /// With so many bytes of a body undelivered, no more of it is read. Default 64 KiB.
    pub inbound_mark: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_rate: 240,
            idle_timeout: Duration::from_secs(75),
            write_stall: Duration::from_secs(30),
            wall: None,
            outbox_mark: 64 * 1024,
            inbound_mark: 64 * 1024,
        }
    }
}

/// What a server connection has to tell.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event {
    /// A request. The machine stops behind its head, or behind the body of a POST that is short and came
    /// with it: ask for the body with
    /// [`read_body`](Connection::read_body), answer with [`respond`](Connection::respond), or leave
    /// HTTP with [`upgrade`](Connection::upgrade).
    Request(RequestHead),
    /// A request that the machine has answered itself; the connection goes on.
    Refused(ProtocolError),
    /// Part of the body that was asked for. Only the concatenation matters: the pieces depend on
    /// how the bytes arrived.
    Body(Bytes),
    /// The end of the body that was asked for, with the trailers of a chunked one. They are kept
    /// apart because they must not be mistaken for header fields (RFC 9110 §6.5.1).
    RequestEnd(Fields),
    /// The peer sends nothing more, but has not got its whole response yet. A response may still
    /// reach it; a streamed one without an end is best [`abort`](Connection::abort)ed.
    Eof,
    /// After a [`Full`](ChunkRefused::Full): half of the outbox's mark is free again.
    Writable,
    /// The end, always the last event and exactly once. What is in the outbox is still to be
    /// written; then the driver shuts its sending side down and lingers for what the peer still
    /// sends.
    Closed(Closed),
}

/// The body of a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// No bytes.
    Empty,
    /// All of it.
    Full(Bytes),
    /// Any number of chunks by [`send_chunk`](Connection::send_chunk), up to
    /// [`finish`](Connection::finish). Chunked for HTTP/1.1; an HTTP/1.0 peer sees it end with the
    /// connection.
    Stream,
    /// As `Stream`, with a `Content-Length` of so many bytes.
    Sized(u64),
}

/// A call that does not fit what the connection is doing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Misuse {
    /// No request is waiting for this.
    NoRequest,
    /// The request has got its response, or a part of it.
    AlreadyAnswered,
    /// The body was asked for before.
    AlreadyRead,
    /// No streamed response is under way.
    NotStreaming,
    /// The status is not one of a final response, or not one of an interim one.
    Status,
    /// A 204 or 304 has no body: the response was sent without it.
    BodyForbidden,
    /// The body is shorter than its announced length: the connection ends here, so that the peer
    /// notices.
    BodyTooShort,
    /// A field that must not be a trailer (RFC 9110 §6.5.1).
    Trailer,
    /// A field that must not be added to a head.
    Field,
    /// The connection is closed.
    Closed,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRequest => "no request is waiting",
            Self::AlreadyAnswered => "the request has got its response",
            Self::AlreadyRead => "the body was asked for before",
            Self::NotStreaming => "no streamed response is under way",
            Self::Status => "wrong kind of status",
            Self::BodyForbidden => "this status has no body",
            Self::BodyTooShort => "the body is shorter than announced",
            Self::Trailer => "the field must not be a trailer",
            Self::Field => "the field must not be added",
            Self::Closed => "the connection is closed",
        })
    }
}

impl core::error::Error for Misuse {}

/// A chunk, or the part of it, that was not queued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChunkError {
    /// What was not queued.
    pub chunk: Bytes,
    /// Why.
    pub why: ChunkRefused,
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl core::error::Error for ChunkError {}

/// Why a chunk was not queued.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChunkRefused {
    /// The outbox is over its mark; [`Event::Writable`] tells when to try again.
    Full,
    /// The announced length is used up: what fitted was sent, the rest comes back.
    BeyondLength,
    /// No streamed response is under way.
    NotStreaming,
    /// The connection is closed.
    Closed,
}

impl fmt::Display for ChunkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the outbox is over its mark",
            Self::BeyondLength => "the body is longer than announced",
            Self::NotStreaming => "no streamed response is under way",
            Self::Closed => "the connection is closed",
        })
    }
}
