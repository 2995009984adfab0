//! One HTTP exchange that asks to leave HTTP, and what can go wrong on the way to a WebSocket.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use websocket_proto::Machine;
use websocket_proto::handshake::{ClientError, RequestError, UrlError};
use websocket_proto::http1::client::{Config, Event, Exchange, Request};
use websocket_proto::http1::{Closed, ResponseHead, Timer};

use crate::{Clock, Driver, Stream};

/// What the server said.
pub(crate) enum Answer {
    Switched(ResponseHead),
    Refused(RefusedResponse),
}

/// Sends `request`, or `bytes` in its place, and waits for the answer. Bytes behind the head of a switch
/// stay with the driver.
pub(crate) async fn exchange<S: Stream, C: Clock>(
    driver: &mut Driver<S, C>,
    request: &Request,
    bytes: Option<&Bytes>,
    timeout: Duration,
) -> Result<Answer, ConnectError> {
    let config = Config {
        head_timeout: timeout,
        write_stall: timeout,
        ..Config::default()
    };
    let mut machine =
        Exchange::new(request, config, C::now()).map_err(|_| ConnectError::RequestTooLong)?;
    if let Some(bytes) = bytes {
        // The order and the letter case of a handshake's fields are part of the old drafts.
        machine.outbox().clear();
        machine.outbox().append(bytes);
    }
    let mut refused: Option<(ResponseHead, BytesMut)> = None;
    poll_fn(|cx| {
        loop {
            let moved = poll_turn(cx, driver, &mut machine)?;
            while let Some(event) = machine.poll_event() {
                match event {
                    Event::Switched(head) => return Poll::Ready(Ok(Answer::Switched(head))),
                    Event::Response { head, .. } => refused = Some((head, BytesMut::new())),
                    Event::Body(bytes) => {
                        if let Some((_, body)) = &mut refused {
                            body.extend_from_slice(&bytes);
                        }
                    }
                    Event::Closed(closed) => return Poll::Ready(ended(refused.take(), closed)),
                    // Interim responses promise nothing, and the end is followed by `Closed`.
                    _ => {}
                }
            }
            if !moved {
                driver.sleep(cx, C::now(), machine.poll_timeout());
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Whether anything moved.
fn poll_turn<S: Stream, C: Clock>(
    cx: &mut Context<'_>,
    driver: &mut Driver<S, C>,
    machine: &mut Exchange,
) -> Result<bool, ConnectError> {
    let now = C::now();
    let wrote = match driver.poll_output(cx, now, machine) {
        Poll::Ready(wrote) => wrote.map_err(ConnectError::Transport)?,
        Poll::Pending => false,
    };
    match driver.poll_input(cx, now, machine) {
        Poll::Ready(read) => read.map_err(ConnectError::Transport)?,
        Poll::Pending => return Ok(wrote),
    }
    Ok(true)
}

/// A response that came, though perhaps not all of its body, is the best explanation.
fn ended(
    refused: Option<(ResponseHead, BytesMut)>,
    closed: Closed,
) -> Result<Answer, ConnectError> {
    match (refused, closed) {
        (Some((head, body)), _) => Ok(Answer::Refused(RefusedResponse {
            head,
            body: body.freeze(),
        })),
        (None, Closed::Timeout(Timer::Head | Timer::Write)) => Err(ConnectError::Timeout),
        (None, closed) => Err(ConnectError::Http(closed)),
    }
}

/// An answer other than the one asked for.
#[derive(Clone, Debug)]
pub struct RefusedResponse {
    /// Status and fields.
    pub head: ResponseHead,
    /// The body, or its beginning if it is longer than 64 KiB.
    pub body: Bytes,
}

/// Why a WebSocket could not be opened.
#[non_exhaustive]
#[derive(Debug)]
pub enum ConnectError {
    /// The URL is not one.
    Url(UrlError),
    /// The request would not be legal: a subprotocol, an origin or a field.
    Request(RequestError),
    /// The request's head is longer than servers take.
    RequestTooLong,
    /// The URL asks for TLS, which this program was built without.
    NoTls,
    /// The host was not found.
    Resolve(io::Error),
    /// The last address could not be connected to.
    Connect(io::Error),
    /// The server took too long.
    Timeout,
    /// The connection failed during the handshake.
    Transport(io::Error),
    /// The address of the server, or the credentials, cannot be told to a proxy.
    ProxyRequest,
    /// The proxy opens no tunnel.
    ProxyRefused(Box<RefusedResponse>),
    /// The answer is not 101: a redirect, a refusal, a server that knows no WebSockets.
    Refused(Box<RefusedResponse>),
    /// The answer is 101, but not to this request.
    Handshake(ClientError),
    /// There was no answer, or none in HTTP.
    Http(Closed),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::RequestTooLong => f.write_str("the request is too long"),
            Self::NoTls => f.write_str("built without tls"),
            Self::Resolve(error) => write!(f, "host not found: {error}"),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Timeout => f.write_str("the server took too long"),
            Self::Transport(error) => write!(f, "the connection failed: {error}"),
            Self::ProxyRequest => f.write_str("the proxy cannot be asked for this"),
            Self::ProxyRefused(refused) => {
                write!(
                    f,
                    "the proxy answered with status {}",
                    refused.head.status()
                )
            }
            Self::Refused(refused) => {
                write!(
                    f,
                    "the server answered with status {}",
                    refused.head.status()
                )
            }
            Self::Handshake(error) => error.fmt(f),
            Self::Http(closed) => write!(f, "no answer: {closed}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve(error) | Self::Connect(error) | Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}
