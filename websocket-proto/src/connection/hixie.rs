//! The receiving half of a hixie connection: sentinel frames in, messages to a sink.

use alloc::boxed::Box;

use bytes::Bytes;

use super::gather::Gather;
use super::inbound::{Around, Stop};
use super::{Config, Delivery, Incoming, Sink};
use crate::frame::hixie::{Decoder, Error, Step};
use crate::frame::{CloseCode, ProtocolError};
use crate::{Draft, MessageKind, Utf8Bytes, utf8};

/// Reads frames. Text may be no valid UTF-8 until its end is known, so each message is gathered,
/// and in streamed delivery it is one chunk.
#[derive(Debug)]
pub(super) struct Inbound {
    decoder: Decoder,
    gather: Option<Box<Gather>>,
}

impl Inbound {
    pub(super) const fn new(draft: Draft, max_message: usize) -> Self {
        Self {
            decoder: Decoder::new(draft, max_message),
            gather: None,
        }
    }

    /// Takes a prefix of `input`, all of it unless the sink is full.
    pub(super) fn receive<S: Sink>(
        &mut self,
        input: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        let mut taken = 0;
        let deaf = !around.out.is_open();
        while taken < input.len() && (deaf || !around.sink.is_full()) {
            let rest = &mut input[taken..];
            let (len, step) = self.decoder.decode(rest).map_err(broken)?;
            taken += len;
            match step {
                // The drafts give no meaning to frames of other kinds.
                Step::Need | Step::Discarded => {}
                Step::Text { at, last } => self.text(&mut rest[at], last, around)?,
                Step::Close => return Err(Stop::Close(CloseCode::NO_STATUS, Utf8Bytes::new())),
            }
        }
        Ok(taken)
    }

    fn text<S: Sink>(
        &mut self,
        piece: &mut [u8],
        last: bool,
        around: &mut Around<'_, S>,
    ) -> Result<(), ProtocolError> {
        // After our close frame the peer's messages are dropped.
        let deaf = !around.out.is_open();
        if deaf {
            self.gather = None;
            return Ok(());
        }
        if last && self.gather.is_none() && utf8::is_valid(piece) {
            deliver(Incoming::borrowed(MessageKind::Text, piece), around);
            return Ok(());
        }
        let gather = self
            .gather
            .get_or_insert_with(|| Box::new(Gather::new(MessageKind::Text, false)));
        gather.append(piece, 0, last);
        if let (true, Some(gather)) = (last, self.gather.take_if(|_| last)) {
            let text = readable(gather.into_bytes(), &around.out.config)?;
            deliver(Incoming::gathered(MessageKind::Text, text), around);
        }
        Ok(())
    }
}

fn deliver<S: Sink>(message: Incoming<'_>, around: &mut Around<'_, S>) {
    match around.out.config.delivery {
        Delivery::Whole => around.sink.message(message, around.out),
        Delivery::Streamed => around.sink.chunk(message, true, true, around.out),
    }
}

/// draft-hixie-76 §4.2: what is not UTF-8 is replaced by U+FFFD.
fn readable(text: Bytes, config: &Config) -> Result<Bytes, ProtocolError> {
    if config.strict_hixie_text && !utf8::is_valid(&text) {
        return Err(ProtocolError::InvalidUtf8);
    }
    Ok(utf8::lossy(text).into_bytes())
}

fn broken(error: Error) -> Stop {
    Stop::Broken(match error {
        Error::TooBig => ProtocolError::MessageTooBig,
        Error::BadLength => ProtocolError::BadHixieLength,
    })
}
