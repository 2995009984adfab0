//! A stream from its first byte: HTTP, then perhaps a WebSocket.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::connection::{self, Connection};
use crate::handshake::{Accept, AcceptError, Agreed, Policy, Refusal, Upgrade};
use crate::http1::{RequestHead, server};
use crate::{Instant, Machine, Outbox, ReadInterest};

/// The server's side of one stream from its first byte: HTTP, and a WebSocket once a request has
/// asked for it.
///
/// It is one [`Machine`] for the life of the stream, so its driver need not know what is spoken. The
/// application matches, and has plain HTTP at hand for whatever else it serves.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use websocket_proto::connection::Event;
/// use websocket_proto::handshake::Policy;
/// use websocket_proto::{Instant, Machine, Server, http1};
///
/// let (now, policy) = (Instant::ZERO, Policy::default());
/// let mut server = Server::new(Arc::default(), now);
/// let mut input = *b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
///     \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // "Hello", masked
/// let mut taken = 0;
/// while taken < input.len() {
///     taken += server.receive(now, &mut input[taken..]);
///     match &mut server {
///         Server::Http(http) => {
///             if let Some(http1::server::Event::Request(request)) = http.poll_event() {
///                 server = server.answer(&request, &policy, Arc::default(), now);
///             }
///         }
///         Server::WebSocket(ws) => {
///             while let Some(event) = ws.poll_event() {
///                 if let Event::Message(message) = event {
///                     ws.send(message).expect("the outbox has room");
///                 }
///             }
///         }
///     }
/// }
/// let outbox = server.outbox();
/// let written = outbox.copy_to_bytes(outbox.len());
/// assert!(written.starts_with(b"HTTP/1.1 101 ") && written.ends_with(b"\r\n\r\n\x81\x05Hello"));
/// ```
#[derive(Debug)]
// On 32 bits it is not so large that clippy minds.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "a stream is a WebSocket for most of its life"
    )
)]
pub enum Server {
    /// HTTP, boxed so that it weighs nothing on a WebSocket.
    Http(Box<server::Connection>),
    /// A WebSocket whose 101 is queued or written.
    WebSocket(Connection),
}

impl Server {
    /// A stream on which nothing has come yet.
    pub fn new(config: Arc<server::Config>, now: Instant) -> Self {
        Self::Http(Box::new(server::Connection::new(config, now)))
    }

    /// Answers `request`, which HTTP has just reported, as the [`policy`](Policy) says: it becomes a
    /// WebSocket with nothing optional, or is refused and ends the stream.
    ///
    /// To choose a subprotocol, add fields, or serve plain HTTP too, do the same by hand:
    /// [`Upgrade::read`], [`Upgrade::accept`], [`upgrade`](server::Connection::upgrade),
    /// [`Connection::server`]. Where no request waits for its response, nothing happens.
    #[must_use]
    pub fn answer(
        self,
        request: &RequestHead,
        policy: &Policy,
        config: Arc<connection::Config>,
        now: Instant,
    ) -> Self {
        let mut http = match self {
            Self::Http(http) => http,
            Self::WebSocket(_) => return self,
        };
        let mut answer = Outbox::new();
        let refusal = match accept(request, policy, &mut answer) {
            Ok(agreed) => match http.upgrade() {
                Ok(mut outbox) => {
                    outbox.append_outbox(&mut answer);
                    return Self::WebSocket(Connection::server(agreed, config, outbox, now));
                }
                Err(busy) => return Self::Http(busy),
            },
            Err(refusal) => refusal,
        };
        // Fails where no request waits, and then there is nothing to refuse.
        let _ = http.respond(now, &refusal.response(policy.drafts), server::Body::Empty);
        Self::Http(http)
    }
}

fn accept(request: &RequestHead, policy: &Policy, answer: &mut Outbox) -> Result<Agreed, Refusal> {
    let upgrade = Upgrade::read(request, policy)?;
    let accepted = upgrade
        .accept(Accept::default())
        .map_err(AcceptError::refusal)?;
    accepted.queue(answer);
    Ok(accepted.agreed())
}

impl Machine for Server {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        match self {
            Self::Http(http) => http.receive(now, input),
            Self::WebSocket(ws) => ws.receive(now, input),
        }
    }

    fn receive_eof(&mut self, now: Instant) {
        match self {
            Self::Http(http) => http.receive_eof(now),
            Self::WebSocket(ws) => ws.receive_eof(now),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Http(http) => http.poll_timeout(),
            Self::WebSocket(ws) => ws.poll_timeout(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Http(http) => http.handle_timeout(now),
            Self::WebSocket(ws) => ws.handle_timeout(now),
        }
    }

    fn outbox(&mut self) -> &mut Outbox {
        match self {
            Self::Http(http) => http.outbox(),
            Self::WebSocket(ws) => ws.outbox(),
        }
    }

    fn read_interest(&self) -> ReadInterest {
        match self {
            Self::Http(http) => http.read_interest(),
            Self::WebSocket(ws) => ws.read_interest(),
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Http(http) => http.is_finished(),
            Self::WebSocket(ws) => ws.is_finished(),
        }
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Http(http) => http.direct_read(),
            Self::WebSocket(ws) => ws.direct_read(),
        }
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        match self {
            Self::Http(http) => http.direct_filled(now, n),
            Self::WebSocket(ws) => ws.direct_filled(now, n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;

    fn request(server: &mut Server, text: &str) -> RequestHead {
        let mut input = text.as_bytes().to_vec();
        assert_eq!(server.receive(Instant::ZERO, &mut input), input.len());
        let Server::Http(http) = server else {
            panic!("no HTTP any more")
        };
        match http.poll_event() {
            Some(server::Event::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn answer(server: Server, request: &RequestHead) -> Server {
        server.answer(request, &Policy::default(), Arc::default(), Instant::ZERO)
    }

    #[test]
    fn plain_http_is_refused_and_ends() {
        let mut server = Server::new(Arc::default(), Instant::ZERO);
        let plain = request(&mut server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        // The second answer finds no request that waits.
        let mut server = answer(answer(server, &plain), &plain);
        let outbox = server.outbox();
        assert_eq!(
            outbox.copy_to_bytes(outbox.len()),
            "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nContent-Length: 0\r\n\
             Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"
        );
        assert!(server.is_finished());
    }

    #[test]
    fn a_websocket_is_answered_once() {
        let mut server = Server::new(Arc::default(), Instant::ZERO);
        let upgrade = request(
            &mut server,
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        let mut server = answer(server, &upgrade);
        let queued = server.outbox().len();
        let mut server = answer(server, &upgrade);
        assert!(matches!(server, Server::WebSocket(_)));
        assert_eq!(server.outbox().len(), queued);
    }
}
