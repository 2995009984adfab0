//! What a request is answered with.

use core::time::Duration;

use bytes::Bytes;
use websocket_proto::handshake::Upgrade;
use websocket_proto::http1::ResponseHead;
use websocket_proto::{Instant, WallClock};

use crate::fields::Common;
use crate::sending::Sending;
use crate::{SessionId, Transport, Wrapping};

/// What only the server knows about a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    /// When it came.
    pub now: Instant,
    /// The Unix time, for `Expires`.
    pub clock: WallClock,
    /// 32 bits from the operating system's generator, different for each request: what `/info`
    /// gives to browsers without one.
    pub entropy: u32,
    /// Whether the client came over TLS, whether it ends here or at a trusted proxy.
    pub secure: bool,
}

/// What a request is answered with.
///
/// The heads have end-to-end fields only, never `Connection`, `Content-Length`, `Transfer-Encoding`
/// or `Date`: those belong to the HTTP version that carries them. (A 426 has `Upgrade`; only a request
/// that HTTP/2 cannot carry brings one.) For a HEAD request the HTTP stack leaves the body out.
#[derive(Debug)]
pub enum Answer {
    /// A whole response.
    Response(Response),
    /// A stream of frames: attach a receiver to the session. Nothing was stored yet.
    Receive(Receive),
    /// Messages are in the body, which is to be read first.
    Send(Sending),
    /// A WebSocket.
    Websocket(Websocket),
    /// Chunks at their times.
    Timed(Timed),
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status and fields. It may ask to [close](ResponseHead::closes) the connection.
    pub head: ResponseHead,
    /// Its body; empty for none.
    pub body: Bytes,
}

/// A receiving request: the response is its head, the wrapping's prelude, and frames.
#[derive(Debug)]
pub struct Receive {
    /// The session; created if unknown.
    pub session: SessionId,
    /// How frames are written.
    pub wrapping: Wrapping,
    pub(crate) common: Common,
}

impl Receive {
    /// Status 200 and the fields. It is made when it is asked for: a poll may wait long.
    pub fn head(&self) -> ResponseHead {
        self.common.success(self.wrapping.transport())
    }

    /// The answer when the application does not admit the session: `status`, without a body. The
    /// page that asked may read it.
    pub fn refused(&self, status: u16) -> Response {
        self.common.refused(status)
    }
}

/// A request that becomes a WebSocket: accept or refuse it by [`Upgrade`]'s methods.
#[derive(Debug)]
pub struct Websocket {
    /// [`Websocket`](Transport::Websocket) or [`RawWebsocket`](Transport::RawWebsocket).
    pub transport: Transport,
    /// What the client called it; there is none on the raw path. It names nothing: two sockets of
    /// the same id are two sessions.
    pub session: Option<SessionId>,
    /// The handshake, checked: drafts, origin and all.
    pub upgrade: Upgrade,
}

/// A response whose chunks have their times.
#[derive(Debug)]
pub struct Timed {
    /// Status 200 and the fields.
    pub head: ResponseHead,
    /// Each chunk, to be flushed alone, and the time since the one before.
    pub chunks: &'static [(Duration, &'static [u8])],
}
