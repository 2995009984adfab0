//! The receiving half of a hybi connection: frames in, messages to a sink.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::gather::Gather;
use super::pings::Pings;
use super::{Config, Delivery, Incoming, Outgoing, Sink};
use crate::frame::close::{self, BadBody, CloseCode};
use crate::frame::{self, Decoder, Header, OpCode, ProtocolError, ShortMessage, mask};
use crate::handshake::Agreed;
use crate::{Draft, Instant, MessageKind, Role, Utf8Bytes};

#[cfg(feature = "deflate")]
use crate::deflate::{InflateError, Inflater, Params};

/// Reads frames; knows nothing of timers and the closing handshake.
#[derive(Debug)]
pub(super) struct Inbound {
    decoder: Decoder,
    draft: Draft,
    /// The frame whose payload is being received.
    opcode: OpCode,
    fin: bool,
    /// Payloads are dropped: our close frame is sent, only the peer's still matters.
    deaf: bool,
    /// The unfinished message, unless all of it came in one piece.
    gather: Option<Box<Gather>>,
    /// The beginning of a control frame's payload.
    #[expect(
        clippy::box_collection,
        reason = "one word where there is none, as most often"
    )]
    control: Option<Box<Vec<u8>>>,
    #[cfg(feature = "deflate")]
    inflater: Option<Box<Inflater>>,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum Stop {
    Broken(ProtocolError),
    Close(CloseCode, Utf8Bytes),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Broken(error)
    }
}

/// What reading needs besides its own state.
pub(super) struct Around<'a, S> {
    pub(super) now: Instant,
    pub(super) pings: &'a mut Pings,
    pub(super) out: &'a mut Outgoing,
    pub(super) sink: &'a mut S,
}

impl Inbound {
    pub(super) fn new(agreed: &Agreed, role: Role) -> Self {
        Self {
            decoder: Decoder::new(agreed.draft, role, agreed.deflate.is_some()),
            draft: agreed.draft,
            opcode: OpCode::Continuation,
            fin: true,
            deaf: false,
            gather: None,
            control: None,
            #[cfg(feature = "deflate")]
            inflater: agreed
                .deflate
                .map(|params| Box::new(inflater(params, role))),
        }
    }

    /// Drops all payloads from now on.
    pub(super) fn ignore_messages(&mut self) {
        self.deaf = true;
        self.gather = None;
        #[cfg(feature = "deflate")]
        {
            self.inflater = None;
        }
    }

    /// Takes a prefix of `input`, all of it unless the sink is full.
    pub(super) fn receive<S: Sink>(
        &mut self,
        input: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        let mut taken = 0;
        let simple = !self.deaf && around.out.config.takes_simple();
        while taken < input.len() && (self.deaf || !around.sink.is_full()) {
            if simple && let Some(message) = self.decoder.short_message(&input[taken..]) {
                let payload = &mut input[taken + ShortMessage::HEADER..][..message.len];
                taken += ShortMessage::HEADER + message.len;
                short(&message, payload, around)?;
                continue;
            }
            if self.decoder.remaining() == 0 {
                let Some((header, len)) = self.decoder.header(&input[taken..])? else {
                    return Ok(input.len());
                };
                taken += len;
                self.begin_frame(header, &around.out.config)?;
            }
            let rest = &mut input[taken..];
            let n = self.decoder.available(rest.len());
            if n > 0 || self.decoder.remaining() == 0 {
                taken += self.payload(&mut rest[..n], around)?;
            }
        }
        Ok(taken)
    }

    #[inline]
    fn begin_frame(&mut self, header: Header, config: &Config) -> Result<(), ProtocolError> {
        self.opcode = header.opcode;
        self.fin = header.fin;
        let kind = match header.opcode {
            OpCode::Text => MessageKind::Text,
            OpCode::Binary => MessageKind::Binary,
            OpCode::Continuation => {
                return match &mut self.gather {
                    Some(gather) => gather.count(header.len, config.longest()),
                    None => Ok(()), // deaf
                };
            }
            OpCode::Close | OpCode::Ping | OpCode::Pong => return Ok(()),
        };
        if self.deaf {
            return Ok(());
        }
        // What most messages are: one plain frame, delivered from where it lies if it is all there.
        if header.fin && !header.rsv1 && config.delivery == Delivery::Whole {
            if config.longest().is_some_and(|max| header.len > max as u64) {
                return Err(ProtocolError::MessageTooBig);
            }
            return Ok(());
        }
        let mut gather = Box::new(Gather::new(kind, header.rsv1));
        gather.count(header.len, config.longest())?;
        self.gather = Some(gather);
        Ok(())
    }

    /// Takes the next bytes of the current frame's payload; tells how many.
    #[inline]
    fn payload<S: Sink>(
        &mut self,
        piece: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        let len = piece.len();
        let kind = match self.opcode {
            OpCode::Close | OpCode::Ping | OpCode::Pong => {
                self.decoder.unmask(piece);
                return self.control(piece, around).map(|()| len);
            }
            _ if self.deaf => {
                self.decoder.skip(len);
                return Ok(len);
            }
            OpCode::Text => MessageKind::Text,
            OpCode::Binary | OpCode::Continuation => MessageKind::Binary,
        };
        if self.gather.is_none() {
            if self.decoder.remaining() == len as u64 {
                match kind {
                    MessageKind::Text if !self.decoder.unmask_text(piece) => {
                        return Err(ProtocolError::InvalidUtf8.into());
                    }
                    MessageKind::Text => {}
                    MessageKind::Binary => self.decoder.unmask(piece),
                }
                around
                    .sink
                    .message(Incoming::borrowed(kind, piece), around.out);
                return Ok(len);
            }
            let mut gather = Box::new(Gather::new(kind, false));
            // Cannot fail: the length was checked when the frame began.
            gather.count(self.decoder.remaining(), None)?;
            self.gather = Some(gather);
        }
        self.gathered(piece, around)
    }

    /// Takes a piece of a message that does not come in one.
    fn gathered<S: Sink>(
        &mut self,
        piece: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        let Some(gather) = &mut self.gather else {
            return Ok(0);
        };
        #[cfg(feature = "deflate")]
        if gather.compressed {
            return self.inflated(piece, around);
        }
        let len = piece.len();
        self.decoder.unmask(piece);
        let last = self.fin && self.decoder.remaining() == 0;
        match around.out.config.delivery {
            Delivery::Whole => {
                if gather.kind == MessageKind::Text {
                    gather
                        .utf8
                        .feed(piece)
                        .map_err(|_| ProtocolError::InvalidUtf8)?;
                }
                gather.append(piece, self.decoder.remaining(), self.fin);
                if last {
                    self.finish(around)?;
                }
            }
            Delivery::Streamed => self.stream(piece, last, around)?,
        }
        Ok(len)
    }

    /// Delivers the gathered message.
    fn finish<S: Sink>(&mut self, around: &mut Around<'_, S>) -> Result<(), ProtocolError> {
        if let Some(gather) = self.gather.take() {
            if gather.kind == MessageKind::Text && !gather.utf8.is_boundary() {
                return Err(ProtocolError::InvalidUtf8);
            }
            let message = Incoming::gathered(gather.kind, gather.into_bytes());
            around.sink.message(message, around.out);
        }
        Ok(())
    }

    /// Delivers `piece` as a chunk. Text is cut at character borders: the start of an unfinished
    /// character waits in the gather buffer. What stands before a broken character is delivered.
    fn stream<S: Sink>(
        &mut self,
        piece: &mut [u8],
        last: bool,
        around: &mut Around<'_, S>,
    ) -> Result<(), ProtocolError> {
        let Some(gather) = &mut self.gather else {
            return Ok(());
        };
        let valid = match gather.kind {
            MessageKind::Text => gather.utf8.feed_valid(piece),
            MessageKind::Binary => piece.len(),
        };
        let unfinished = gather.utf8.unfinished();
        let broken = valid < piece.len() || last && unfinished > 0;
        let last = last && !broken;
        gather.stream(&mut piece[..valid], unfinished, last, around);
        if last {
            self.gather = None;
        }
        if broken {
            Err(ProtocolError::InvalidUtf8)
        } else {
            Ok(())
        }
    }

    /// Inflates a piece of a compressed message.
    #[cfg(feature = "deflate")]
    fn inflated<S: Sink>(
        &mut self,
        piece: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        match around.out.config.delivery {
            Delivery::Whole => {
                self.decoder.unmask(piece);
                self.inflate_whole(piece, around)?;
                Ok(piece.len())
            }
            Delivery::Streamed => self.inflate_streamed(piece, around),
        }
    }

    #[cfg(feature = "deflate")]
    fn inflate_streamed<S: Sink>(
        &mut self,
        piece: &mut [u8],
        around: &mut Around<'_, S>,
    ) -> Result<usize, Stop> {
        let mut taken = 0;
        let mut inflated = Vec::new();
        loop {
            // A few bytes may inflate to a thousand times as many: look at the output between.
            let step = (piece.len() - taken).min(INFLATE_STEP);
            let bytes = &mut piece[taken..taken + step];
            self.decoder.unmask(bytes);
            taken += step;
            let last = self.fin && self.decoder.remaining() == 0;
            let Some(inflater) = &mut self.inflater else {
                return Ok(taken);
            };
            let result = inflater.step(bytes, last, &mut inflated, usize::MAX);
            let all = taken == piece.len();
            if !all && result.is_ok() && inflated.len() < INFLATE_CHUNK {
                continue;
            }
            self.stream(&mut inflated, last && result.is_ok(), around)?;
            result.map_err(not_inflated)?;
            if all || around.sink.is_full() {
                return Ok(taken);
            }
            inflated.clear();
        }
    }

    #[cfg(feature = "deflate")]
    fn inflate_whole<S: Sink>(
        &mut self,
        piece: &[u8],
        around: &mut Around<'_, S>,
    ) -> Result<(), ProtocolError> {
        let last = self.fin && self.decoder.remaining() == 0;
        if let (Some(gather), Some(inflater)) = (&mut self.gather, &mut self.inflater) {
            let max = around.out.config.max_message;
            let before = gather.buffer.len();
            let mut result = inflater.inflate(piece, &mut gather.buffer, max);
            if last && result.is_ok() {
                result = inflater.finish(&mut gather.buffer, max);
            }
            // Text that is broken was so before what comes out behind it.
            gather.appended(before)?;
            result.map_err(not_inflated)?;
        }
        if last { self.finish(around) } else { Ok(()) }
    }

    /// Takes a piece of a control frame, and acts on the frame when it is whole.
    fn control<S: Sink>(&mut self, piece: &[u8], around: &mut Around<'_, S>) -> Result<(), Stop> {
        let whole = self.decoder.remaining() == 0;
        if !whole || self.control.is_some() {
            let control = self.control.get_or_insert_default();
            control.extend_from_slice(piece);
        }
        if !whole {
            return Ok(());
        }
        let held = self.control.take();
        let payload = held.as_ref().map_or(piece, |held| &held[..]);
        match self.opcode {
            OpCode::Close => return Err(self.close(payload)),
            // RFC 6455 §5.5.2 asks for no pong once a close frame was received; once ours is sent,
            // nothing may follow it.
            OpCode::Ping if !self.deaf => {
                around.out.pong(payload);
                around.sink.ping(payload, around.out);
            }
            OpCode::Pong if !self.deaf => {
                let rtt = around.pings.answered(payload, around.now);
                if !rtt.is_some_and(|answer| answer.keep_alive) {
                    around
                        .sink
                        .pong(payload, rtt.map(|answer| answer.rtt), around.out);
                }
            }
            OpCode::Ping | OpCode::Pong | OpCode::Text | OpCode::Binary | OpCode::Continuation => {}
        }
        Ok(())
    }

    fn close(&self, body: &[u8]) -> Stop {
        match close::decode_body(body, self.draft) {
            Ok((code, reason)) => Stop::Close(code, Utf8Bytes::from(String::from(reason))),
            Err(BadBody::Length) => ProtocolError::CloseBodyLength.into(),
            Err(BadBody::Code) => ProtocolError::BadCloseCode.into(),
            Err(BadBody::Reason) => ProtocolError::CloseReasonNotUtf8.into(),
        }
    }

    /// Whether a message is under way.
    #[inline]
    pub(super) const fn is_gathering(&self) -> bool {
        self.gather.is_some()
    }

    /// Where the rest of a long payload may be read straight to.
    pub(super) fn direct_room(&mut self) -> Option<&mut [u8]> {
        let remaining = self.decoder.remaining();
        let gather = self.gather.as_mut()?;
        let plain = !gather.compressed && !self.opcode.is_control();
        if plain && remaining >= DIRECT_MIN {
            gather.room(remaining)
        } else {
            None
        }
    }

    /// Takes `n` bytes that were read to the [`direct_room`](Self::direct_room), even if the message
    /// was given up since.
    pub(super) fn direct_filled<S: Sink>(
        &mut self,
        n: usize,
        around: &mut Around<'_, S>,
    ) -> Result<(), Stop> {
        let Some(gather) = &mut self.gather else {
            self.decoder.skip(self.decoder.available(n));
            return Ok(());
        };
        let decoder = &mut self.decoder;
        gather.fill(n, |piece| decoder.unmask(piece))?;
        if self.fin && self.decoder.remaining() == 0 {
            self.finish(around)?;
        }
        Ok(())
    }
}

/// Delivers a message from where it lies.
#[inline(always)]
fn short<S: Sink>(
    message: &ShortMessage,
    payload: &mut [u8],
    around: &mut Around<'_, S>,
) -> Result<(), ProtocolError> {
    let valid = match message.kind {
        MessageKind::Text => frame::unmask_text(message.key, payload),
        MessageKind::Binary => {
            mask::apply(message.key, 0, payload);
            true
        }
    };
    if !valid {
        return Err(ProtocolError::InvalidUtf8);
    }
    let message = Incoming::borrowed(message.kind, payload);
    around.sink.message(message, around.out);
    Ok(())
}

/// The inflater for what `role` receives.
#[cfg(feature = "deflate")]
const fn inflater(params: Params, role: Role) -> Inflater {
    let peer = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    Inflater::new(
        params.max_window_bits(peer),
        params.no_context_takeover(peer),
    )
}

#[cfg(feature = "deflate")]
const fn not_inflated(error: InflateError) -> ProtocolError {
    match error {
        InflateError::Corrupt => ProtocolError::BadDeflate,
        InflateError::TooBig => ProtocolError::MessageTooBig,
        InflateError::FinalBlocks => ProtocolError::TooManyBlocks,
    }
}

/// Compressed bytes inflated between two looks at the output: at most about 64 KiB come out of them.
#[cfg(feature = "deflate")]
const INFLATE_STEP: usize = 64;
/// Inflated bytes that are worth a chunk of their own.
#[cfg(feature = "deflate")]
const INFLATE_CHUNK: usize = 16 * 1024;
/// A payload with less to come is read through the shared buffer, together with what follows it.
const DIRECT_MIN: u64 = 16 * 1024;
