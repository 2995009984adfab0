//! A response whose chunks have their times.

use core::time::Duration;

use bytes::Bytes;
use websocket_proto::Instant;
use websocket_proto::http1::server::{Body, ChunkError, ChunkRefused, Connection};

use crate::answer::Timed;

pub(super) struct Chunks {
    left: &'static [(Duration, &'static [u8])],
    /// When the next one is due.
    at: Instant,
    /// It was, and had no room.
    full: bool,
}

impl Chunks {
    pub(super) fn begin(now: Instant, http: &mut Connection, timed: &Timed) -> Self {
        // Refused only by a connection that is closed, which is told by its own event.
        let _ = http.respond(now, &timed.head, Body::Stream);
        let first = timed
            .chunks
            .first()
            .map_or(Duration::ZERO, |(delay, _)| *delay);
        Self {
            left: timed.chunks,
            at: now + first,
            full: false,
        }
    }

    /// When [`send`](Self::send) has something to do.
    pub(super) const fn due(&self) -> Option<Instant> {
        if self.full { None } else { Some(self.at) }
    }

    /// Sends what is due, and tells whether that was all.
    pub(super) fn send(&mut self, now: Instant, http: &mut Connection) -> bool {
        self.full = false;
        while let [(_, bytes), rest @ ..] = self.left {
            if now < self.at {
                return false;
            }
            if let Err(ChunkError {
                why: ChunkRefused::Full,
                ..
            }) = http.send_chunk(Bytes::from_static(bytes))
            {
                self.full = true;
                return false;
            }
            self.left = rest;
            if let [(delay, _), ..] = rest {
                // From when the one before really went, so that no two run together.
                self.at = now + *delay;
            }
        }
        let _ = http.finish(now);
        true
    }
}
