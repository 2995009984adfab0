//! Responses.
#![cfg(feature = "tower")]

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use adapter_core::embed::{self, Receiving, Timed};
use adapter_core::proto::http1::ResponseHead;
use bytes::Bytes;
use http::{StatusCode, header};
use http_body::{Frame, SizeHint};

/// The body of a response: one frame for each of a session's, pulled when it is asked for one.
///
/// Taken to its end, it counts as delivered. Dropped before, the client counts as gone, which ends its
/// session.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Bytes),
    Receiving(Box<Receiving>),
    Timed(Timed),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl From<Receiving> for Body {
    fn from(frames: Receiving) -> Self {
        Self(Kind::Receiving(Box::new(frames)))
    }
}

impl From<Timed> for Body {
    fn from(chunks: Timed) -> Self {
        Self(Kind::Timed(chunks))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(std::mem::take(bytes))),
            Kind::Receiving(frames) => frames.poll_frame(cx),
            Kind::Timed(chunks) => chunks.poll_chunk(cx),
        };
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Receiving(frames) => frames.has_ended(),
            Kind::Timed(chunks) => chunks.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.0 {
            Kind::Whole(bytes) => Some(bytes.len()),
            Kind::Receiving(frames) => frames.left(),
            Kind::Timed(_) => None,
        };
        left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left as u64))
    }
}

/// A response to a request of that version.
fn response(version: http::Version, head: &ResponseHead, body: Bytes) -> http::Response<Body> {
    let mut response = http::Response::builder().status(head.status());
    for (name, value) in head.headers().iter() {
        response = response.header(name, value);
    }
    // HTTP/2 has no fields about connections (RFC 9113 §8.2.2).
    if head.closes() && version <= http::Version::HTTP_11 {
        let upgrades = head.headers().contains("Upgrade");
        let connection = if upgrades { "Upgrade, close" } else { "close" };
        response = response.header(header::CONNECTION, connection);
    }
    response.body(body.into()).unwrap_or_else(|_| failed())
}

/// A whole response.
pub(super) fn whole(version: http::Version, response: embed::Response) -> http::Response<Body> {
    self::response(version, &response.head, response.body)
}

/// A response without a body.
pub(super) fn empty(version: http::Version, head: &ResponseHead) -> http::Response<Body> {
    response(version, head, Bytes::new())
}

/// The 101.
pub(super) fn switching<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> http::Response<Body> {
    let response = http::Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    fields
        .fold(response, |response, (name, value)| {
            response.header(name, value)
        })
        .body(Body::default())
        .unwrap_or_else(|_| failed())
}

/// What cannot be said by the types of `http` was never legal.
fn failed() -> http::Response<Body> {
    let mut response = http::Response::new(Body::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
