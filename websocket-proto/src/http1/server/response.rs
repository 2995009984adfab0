//! Answering the current request.

use bytes::Bytes;

use super::connection::{Method, Outbound};
use super::{Body, ChunkError, ChunkRefused, Connection, Misuse};
use crate::Instant;
use crate::http1::body::is_forbidden_trailer;
use crate::http1::fixed::is_framing_field;
use crate::http1::respond::{
    LengthField, write_chunk, write_head, write_interim, write_last_chunk,
};
use crate::http1::syntax::{is_field_value_text, is_token_text, trim};
use crate::http1::{Closed, Fields, ResponseHead, Version};

impl Connection {
    /// Queues an interim response: 102, 103 and the like. HTTP/1.0 has none, so nothing is sent to
    /// such a peer (RFC 9110 §15.2).
    ///
    /// # Errors
    ///
    /// When no request waits for its response, and for a status outside 100 to 199 or the 101 that
    /// only [`upgrade`](Self::upgrade) makes.
    pub fn inform(&mut self, head: &ResponseHead) -> Result<(), Misuse> {
        self.check_waiting()?;
        if !matches!(head.status(), 100 | 102..=199) {
            return Err(Misuse::Status);
        }
        match self.exchange.version {
            Version::Http10 => {}
            Version::Http11 => write_interim(&mut self.outbox, head),
        }
        Ok(())
    }

    /// Answers the current request, or begins to when `body` is streamed.
    ///
    /// Once the response is complete, what nobody has read of the request's body is dropped, up to
    /// [`Limits::drain`](crate::http1::Limits::drain); with more to come the connection closes. A
    /// request that still waits for its `100 Continue` closes it, too.
    ///
    /// # Errors
    ///
    /// Nothing is sent when no request waits for its response or the status is not in 200 to 999.
    /// With [`BodyForbidden`](Misuse::BodyForbidden) the response was sent without its body.
    pub fn respond(&mut self, now: Instant, head: &ResponseHead, body: Body) -> Result<(), Misuse> {
        self.respond_with(now, head, &[], body)
    }

    /// The same with fields behind those of `head`, which so can be made once for many responses.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond); and nothing is sent when one of `more` could split the response,
    /// has white space around its value, or is a field that the machine looks at or writes.
    pub fn respond_with(
        &mut self,
        now: Instant,
        head: &ResponseHead,
        more: &[(&str, &str)],
        body: Body,
    ) -> Result<(), Misuse> {
        self.check_waiting()?;
        if !more.iter().all(|(name, value)| may_be_added(name, value)) {
            return Err(Misuse::Field);
        }
        if !matches!(head.status(), 200..=999) {
            return Err(Misuse::Status);
        }
        let bodyless = matches!(head.status(), 204 | 304)
            || self.exchange.method == Method::Connect && matches!(head.status(), 200..=299);
        let suppressed = self.exchange.method == Method::Head;
        let (length, outbound) = match body {
            // RFC 9110 §6.4.1, RFC 9112 §6.3: these end with their head.
            _ if bodyless => (LengthField::None, Outbound::Done),
            Body::Empty => (LengthField::ContentLength(0), Outbound::Done),
            Body::Full(ref body) => (
                LengthField::ContentLength(body.len() as u64),
                Outbound::Done,
            ),
            Body::Sized(length) => (LengthField::ContentLength(length), Outbound::Sized(length)),
            // RFC 9112 §6.1: no chunks to HTTP/1.0.
            Body::Stream if self.exchange.version == Version::Http10 => {
                (LengthField::None, Outbound::UntilClose)
            }
            Body::Stream => (LengthField::Chunked, Outbound::Chunked),
        };
        self.exchange.keep &= !head.closes()
            && !self.draining
            && !self.eof
            && self.exchange.method != Method::Connect
            && (outbound != Outbound::UntilClose || suppressed)
            && self.can_drain(outbound == Outbound::Done);
        let (persistence, date) = (self.persistence(), self.date(now));
        write_head(&mut self.outbox, head, more, length, persistence, date);
        let forbidden = match &body {
            Body::Empty | Body::Sized(0) => false,
            Body::Full(body) => bodyless && !body.is_empty(),
            Body::Stream | Body::Sized(_) => bodyless,
        };
        match body {
            Body::Full(body) if !bodyless && !suppressed => self.outbox.push(body),
            Body::Empty | Body::Full(_) | Body::Stream | Body::Sized(_) => {}
        }
        self.outbound = match outbound {
            Outbound::Done => outbound,
            _ if suppressed => Outbound::Suppressed,
            outbound => outbound,
        };
        if self.outbound == Outbound::Done {
            self.answered(now);
        }
        if forbidden {
            Err(Misuse::BodyForbidden)
        } else {
            Ok(())
        }
    }

    /// Adds to a streamed body: one call makes one chunk on the wire. An empty chunk is nothing.
    ///
    /// # Errors
    ///
    /// The chunk comes back when the outbox is over its mark, when no streamed response is under
    /// way, and as far as it goes beyond the announced length.
    pub fn send_chunk(&mut self, mut chunk: Bytes) -> Result<(), ChunkError> {
        let refuse = |chunk, why| Err(ChunkError { chunk, why });
        match self.outbound {
            _ if self.closed.is_some() => return refuse(chunk, ChunkRefused::Closed),
            Outbound::Waiting | Outbound::Done => return refuse(chunk, ChunkRefused::NotStreaming),
            Outbound::Suppressed => return Ok(()),
            Outbound::Chunked | Outbound::Sized(_) | Outbound::UntilClose => {}
        }
        if chunk.is_empty() {
            return Ok(());
        }
        if self.outbox.len() >= self.config.outbox_mark {
            self.waiting.writable = true;
            return refuse(chunk, ChunkRefused::Full);
        }
        match &mut self.outbound {
            Outbound::Chunked => write_chunk(&mut self.outbox, chunk),
            Outbound::Sized(left) => {
                let fits = usize::try_from(*left).map_or(chunk.len(), |left| left.min(chunk.len()));
                *left -= fits as u64;
                self.outbox.push(chunk.split_to(fits));
                if !chunk.is_empty() {
                    return refuse(chunk, ChunkRefused::BeyondLength);
                }
            }
            Outbound::UntilClose => self.outbox.push(chunk),
            Outbound::Waiting | Outbound::Done | Outbound::Suppressed => {}
        }
        Ok(())
    }

    /// Whether [`send_chunk`](Self::send_chunk) would take a chunk now. A `false` is followed by
    /// [`Event::Writable`](super::Event::Writable) while a streamed response is under way.
    pub fn is_writable(&mut self) -> bool {
        let streaming = !matches!(self.outbound, Outbound::Waiting | Outbound::Done);
        let room = self.outbox.len() < self.config.outbox_mark;
        self.waiting.writable |= streaming && !room;
        streaming && room && self.closed.is_none()
    }

    /// How many bytes may wait for the peer before [`send_chunk`](Self::send_chunk) refuses.
    pub fn room(&self) -> usize {
        self.config.outbox_mark.saturating_sub(self.outbox.len())
    }

    /// Ends a streamed response.
    ///
    /// # Errors
    ///
    /// When none is under way, and when it is shorter than announced: what was sent then stands,
    /// and the connection closes.
    pub fn finish(&mut self, now: Instant) -> Result<(), Misuse> {
        self.finish_with(now, &Fields::new())
    }

    /// Ends a streamed response with trailers. Only chunked responses carry them: to an HTTP/1.0
    /// peer, or with an announced length, they are not sent.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish); and nothing happens when a field must not be a trailer.
    pub fn finish_with(&mut self, now: Instant, trailers: &Fields) -> Result<(), Misuse> {
        self.check_open()?;
        if trailers
            .headers()
            .iter()
            .any(|(name, _)| is_forbidden_trailer(name))
        {
            return Err(Misuse::Trailer);
        }
        match self.outbound {
            Outbound::Waiting | Outbound::Done => return Err(Misuse::NotStreaming),
            Outbound::Chunked => write_last_chunk(&mut self.outbox, trailers),
            Outbound::Sized(1..) => {
                self.end(Closed::Incomplete);
                return Err(Misuse::BodyTooShort);
            }
            Outbound::Sized(0) | Outbound::UntilClose | Outbound::Suppressed => {}
        }
        self.answered(now);
        Ok(())
    }
}

/// Whether a field can stand behind those of a head.
fn may_be_added(name: &str, value: &str) -> bool {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    let own = match name.len() {
        4 => name.eq_ignore_ascii_case(b"date"),
        7 => name.eq_ignore_ascii_case(b"upgrade"),
        10 => name.eq_ignore_ascii_case(b"connection"),
        _ => is_framing_field(name),
    };
    let trimmed = trim(value).len() == value.len();
    !own && trimmed && is_token_text(name) && is_field_value_text(value)
}
