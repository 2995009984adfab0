//! Messages that are sent in chunks.

use bytes::Bytes;

use super::Outgoing;
use crate::frame::{OpCode, hixie};
use crate::utf8::Validator;
use crate::{MessageKind, Refused, SendError};

/// What a streamed message needs to be remembered between its chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streamed {
    kind: MessageKind,
    compressed: bool,
    /// Its first frame was queued.
    pub(super) begun: bool,
    utf8: Validator,
}

impl Outgoing {
    /// See [`Connection::send_chunk`](super::Connection::send_chunk).
    pub fn send_chunk(
        &mut self,
        kind: MessageKind,
        chunk: Bytes,
        last: bool,
    ) -> Result<(), SendError<Bytes>> {
        match self.admit_chunk(kind, &chunk, last) {
            Ok(streamed) => {
                self.flush_pongs();
                self.queue_chunk(streamed, chunk, last);
                Ok(())
            }
            Err(why) => Err(SendError {
                payload: chunk,
                why,
            }),
        }
    }

    /// Checks a chunk without any change, so that a refused one can be replaced by another.
    fn admit_chunk(
        &mut self,
        kind: MessageKind,
        chunk: &[u8],
        last: bool,
    ) -> Result<Streamed, Refused> {
        if kind == MessageKind::Binary && !self.draft().is_hybi() {
            return Err(Refused::Unsupported);
        }
        if !self.open {
            return Err(Refused::Closing);
        }
        if self.is_full() {
            self.awaited = true;
            return Err(Refused::Full);
        }
        let mut streamed = self.streamed().unwrap_or_else(|| Streamed {
            kind,
            compressed: self.streams_compressed(),
            begun: false,
            utf8: Validator::new(),
        });
        if streamed.kind != kind {
            return Err(Refused::Interleaved);
        }
        if kind == MessageKind::Text {
            streamed.utf8.feed(chunk).map_err(|_| Refused::NotUtf8)?;
            if last && !streamed.utf8.is_boundary() {
                return Err(Refused::NotUtf8);
            }
        }
        Ok(streamed)
    }

    fn queue_chunk(&mut self, mut streamed: Streamed, chunk: Bytes, last: bool) {
        if !self.draft().is_hybi() {
            let frames = self.frames();
            if !streamed.begun {
                frames.append(&[hixie::TEXT]);
            }
            frames.push(chunk);
            if last {
                frames.append(&[hixie::SENTINEL]);
            }
        } else {
            let payload = self.chunk_payload(streamed.compressed, chunk, last);
            // A compressor may keep everything it was given so far.
            if payload.is_empty() && streamed.compressed && !last {
                self.change_seldom(|seldom| seldom.streamed = Some(streamed));
                return;
            }
            let opcode = match streamed.kind {
                _ if streamed.begun => OpCode::Continuation,
                MessageKind::Text => OpCode::Text,
                MessageKind::Binary => OpCode::Binary,
            };
            self.queue_frame(
                last,
                streamed.compressed && !streamed.begun,
                opcode,
                payload,
            );
        }
        streamed.begun = true;
        if !last || self.seldom.is_some() {
            self.change_seldom(|seldom| seldom.streamed = (!last).then_some(streamed));
        }
    }

    #[cfg(feature = "deflate")]
    fn streams_compressed(&self) -> bool {
        let seldom = self.seldom.as_ref();
        seldom.is_some_and(|seldom| seldom.compressor.is_some())
    }

    #[cfg(feature = "deflate")]
    fn chunk_payload(&mut self, compressed: bool, chunk: Bytes, last: bool) -> Bytes {
        let seldom = self.seldom.as_mut().filter(|_| compressed);
        match seldom.and_then(|seldom| seldom.compressor.as_mut()) {
            Some(compressor) => {
                let mut out = alloc::vec::Vec::new();
                compressor.compress(&chunk, last, &mut out);
                out.into()
            }
            None => chunk,
        }
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "the same shape as with the feature")]
    fn streams_compressed(&self) -> bool {
        false
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "the same shape as with the feature")]
    fn chunk_payload(&self, _: bool, chunk: Bytes, _: bool) -> Bytes {
        chunk
    }
}
