//! A receiver's request while it is answered.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use websocket_proto::Instant;
use websocket_proto::http1::server::{Body, ChunkError, ChunkRefused, Connection};

use crate::answer::{Receive, Response};
use crate::fields::Common;
use crate::{Frame, FromSession, Kind, ReceiverId, ToSession, Wrapping};

/// It lives as long as a stream or a poll that waits, so what is seldom there is boxed.
pub(super) struct Receiving {
    stage: Stage,
    /// Boxed: a stream that waits has nothing.
    ahead: Option<Box<Ahead>>,
    /// Until when somebody wants to know whether the peer is still there; `FAR` when nobody does.
    probe: Instant,
    /// The connection shuts down.
    shuts_down: bool,
}

enum Stage {
    Attaching,
    Attached(ReceiverId, Pull),
    /// The last byte is queued.
    Ended(ReceiverId, By),
}

/// What goes out next.
enum Ahead {
    /// The head, with the first frame.
    Opening(Opening),
    /// A frame that had no room.
    Unsent(Piece),
}

/// How far the next frame is.
enum Pull {
    Due,
    Asked,
    /// Asked, and a wake came since.
    AskedAndWoken,
    /// There was none.
    Waits,
}

/// Who ended a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    Session,
    Us,
}

/// What the head of the response is made of, and the frame of a response that ends without one.
struct Opening {
    wrapping: Wrapping,
    common: Common,
}

#[derive(Default)]
struct Piece {
    bytes: Bytes,
    last: Option<By>,
}

impl Receiving {
    /// The request that `receive` was made of, and what is told first.
    pub(super) fn new<R>(receive: Receive, request: R) -> (Self, ToSession<R>) {
        let Receive {
            session,
            wrapping,
            common,
        } = receive;
        let attach = ToSession::Attach {
            session,
            wrapping: wrapping.clone(),
            request,
        };
        let receiving = Self {
            stage: Stage::Attaching,
            ahead: Some(Box::new(Ahead::Opening(Opening { wrapping, common }))),
            probe: Instant::FAR,
            shuts_down: false,
        };
        (receiving, attach)
    }

    /// What to tell the session next. Its response may have [ended](Self::ended) when there is
    /// nothing.
    pub(super) fn next<R>(&mut self, now: Instant, http: &mut Connection) -> Option<ToSession<R>> {
        if self.probe <= now {
            self.probe = Instant::FAR;
            if let Some(receiver) = self.id() {
                return Some(ToSession::StillAlive(receiver));
            }
        }
        if let Some(Ahead::Unsent(piece)) = self.ahead.as_deref_mut() {
            let piece = core::mem::take(piece);
            self.ahead = None;
            self.write(now, http, piece);
            if self.ahead.is_some() {
                return None;
            }
        }
        let ends = self.may_end();
        let Stage::Attached(receiver, pull) = &mut self.stage else {
            return None;
        };
        let receiver = *receiver;
        match pull {
            Pull::Due | Pull::Waits if ends => {
                *pull = Pull::Waits;
                let bytes = self.parting().into();
                let last = Some(By::Us);
                self.write(now, http, Piece { bytes, last });
                None
            }
            Pull::Due => {
                // HTTP has no stream yet that could be full.
                let may = self.opening().is_some() || http.is_writable();
                let room = if may { http.room() } else { 0 };
                let pull = if room > 0 { Pull::Asked } else { Pull::Due };
                self.stage = Stage::Attached(receiver, pull);
                (room > 0).then_some(ToSession::Pull { receiver, room })
            }
            Pull::Asked | Pull::AskedAndWoken | Pull::Waits => None,
        }
    }

    /// The session's answer; what is returned ends the request without it.
    pub(super) fn reply(
        &mut self,
        now: Instant,
        http: &mut Connection,
        reply: FromSession,
    ) -> Option<Response> {
        match (reply, &mut self.stage) {
            (FromSession::Attached(receiver), stage) => {
                *stage = Stage::Attached(receiver, Pull::Due);
            }
            (FromSession::Refused(status), _) => {
                return self.opening().map(|opening| opening.common.refused(status));
            }
            (FromSession::Wait, Stage::Attached(_, pull)) => {
                *pull = match pull {
                    Pull::AskedAndWoken => Pull::Due,
                    Pull::Due | Pull::Asked | Pull::Waits => Pull::Waits,
                };
            }
            (FromSession::Frame { bytes, last }, Stage::Attached(_, pull)) => {
                *pull = Pull::Due;
                let last = last.then_some(By::Session);
                self.write(now, http, Piece { bytes, last });
            }
            (FromSession::End, Stage::Attached(..)) => {
                let (bytes, last) = (Bytes::new(), Some(By::Session));
                self.write(now, http, Piece { bytes, last });
            }
            (
                FromSession::Wait
                | FromSession::Frame { .. }
                | FromSession::End
                | FromSession::Delivered
                | FromSession::Parked { .. }
                | FromSession::UnknownSession
                | FromSession::Closing,
                _,
            ) => {}
        }
        None
    }

    pub(super) fn wake(&mut self, receiver: ReceiverId) -> bool {
        let Stage::Attached(id, pull) = &mut self.stage else {
            return false;
        };
        if *id != receiver {
            return false;
        }
        match pull {
            Pull::Due | Pull::AskedAndWoken => {}
            Pull::Asked => *pull = Pull::AskedAndWoken,
            Pull::Waits => *pull = Pull::Due,
        }
        true
    }

    pub(super) fn probe(&mut self, now: Instant, receiver: ReceiverId) -> bool {
        let wanted = self.id() == Some(receiver);
        if wanted {
            self.probe = self.probe.min(now + PROBE);
        }
        wanted
    }

    pub(super) fn probed_until(&self) -> Option<Instant> {
        (self.probe < Instant::FAR).then_some(self.probe)
    }

    pub(super) fn probed(&mut self) {
        if self.probe < Instant::FAR {
            self.probe = Instant::ZERO;
        }
    }

    pub(super) const fn shutdown(&mut self) {
        self.shuts_down = true;
    }

    pub(super) const fn id(&self) -> Option<ReceiverId> {
        match self.stage {
            Stage::Attaching => None,
            Stage::Attached(receiver, _) | Stage::Ended(receiver, _) => Some(receiver),
        }
    }

    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Attaching)
    }

    /// The response is complete.
    pub(super) const fn ended(&self) -> Option<(ReceiverId, By)> {
        match self.stage {
            Stage::Ended(receiver, by) => Some((receiver, by)),
            Stage::Attaching | Stage::Attached(..) => None,
        }
    }

    /// The response has not begun.
    fn opening(&self) -> Option<&Opening> {
        match self.ahead.as_deref() {
            Some(Ahead::Opening(opening)) => Some(opening),
            Some(Ahead::Unsent(_)) | None => None,
        }
    }

    /// Whether the response may end by our own wish: between two frames, once it is known whether
    /// there is a first.
    fn may_end(&self) -> bool {
        let begun = self.opening().is_none();
        self.shuts_down && (begun || matches!(self.stage, Stage::Attached(_, Pull::Waits)))
    }

    /// What an end by our own wish has for the browser: a poll that brought no frame at all would
    /// be a failure, so it gets a heartbeat.
    fn parting(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(Opening { wrapping, .. }) = self.opening()
            && wrapping.transport().kind() == Kind::Polling
        {
            wrapping.write(&Frame::Heartbeat, &mut bytes);
        }
        bytes
    }

    /// Queues a piece in an HTTP chunk of its own, or keeps it for when there is room.
    fn write(&mut self, now: Instant, http: &mut Connection, piece: Piece) {
        let Piece { bytes, last } = piece;
        // The last frame that had no room was written before.
        if let Some(ahead) = self.ahead.take()
            && let Ahead::Opening(Opening { wrapping, common }) = *ahead
        {
            common.succeed(now, http, wrapping.transport(), Body::Stream);
        }
        if let Err(ChunkError {
            chunk: bytes,
            why: ChunkRefused::Full,
        }) = http.send_chunk(bytes)
        {
            self.ahead = Some(Box::new(Ahead::Unsent(Piece { bytes, last })));
            return;
        }
        if let (Some(by), Some(receiver)) = (last, self.id()) {
            let _ = http.finish(now);
            self.stage = Stage::Ended(receiver, by);
        }
    }
}

/// How long a look at the connection may take before its peer counts as present.
const PROBE: Duration = Duration::from_secs(1);
