//! The sending half of a connection.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use bytes::Bytes;

use super::answers::Answers;
use super::options::{Compress, SendOptions};
use super::pings::Way;
use super::seldom::Seldom;
use super::streamed::Streamed;
use super::{Config, Prepared};
use crate::frame::close::{self, CloseCode};
use crate::frame::{self, Header, OpCode, hixie};
use crate::handshake::Agreed;
use crate::{Draft, Entropy, Message, MessageKind, Outbox, Refused, Role, SendError};

#[cfg(feature = "deflate")]
use crate::deflate::{Compressor, Effort, Params};

/// Queues messages for the peer.
///
/// It is what a [`Sink`](super::Sink) answers with while input is being read; everybody else uses
/// the methods of the same names on [`Connection`](super::Connection).
pub struct Outgoing {
    outbox: Outbox,
    pub(super) config: Arc<Config>,
    draft: Draft,
    role: Role,
    pub(super) open: bool,
    /// A send was refused for want of room; the application waits to hear of some.
    pub(super) awaited: bool,
    /// One word in a connection with nothing of it.
    pub(super) seldom: Option<Box<Seldom>>,
}

impl Outgoing {
    pub(super) fn new(
        agreed: &Agreed,
        role: Role,
        config: Arc<Config>,
        masks: Option<Box<dyn Entropy>>,
        outbox: Outbox,
    ) -> Self {
        let seldom = Seldom {
            masks,
            #[cfg(feature = "deflate")]
            compressor: agreed
                .deflate
                .and_then(|params| compressor(params, role, &config)),
            ..Seldom::default()
        };
        Self {
            outbox,
            config,
            draft: agreed.draft,
            role,
            open: true,
            awaited: false,
            seldom: (!seldom.is_empty()).then(|| Box::new(seldom)),
        }
    }

    /// Whether a message would be taken now, and why not.
    pub fn can_send(&self) -> Result<(), Refused> {
        if !self.open {
            Err(Refused::Closing)
        } else if self.streamed().is_some() {
            Err(Refused::Interleaved)
        } else if self.is_full() {
            Err(Refused::Full)
        } else {
            Ok(())
        }
    }

    /// See [`Connection::send`](super::Connection::send).
    pub fn send(&mut self, message: Message) -> Result<(), SendError<Message>> {
        if self.send_short(&message) {
            return Ok(());
        }
        self.send_with(message, SendOptions::default())
    }

    /// See [`Connection::send_short`](super::Connection::send_short).
    #[inline(always)]
    pub(super) fn send_short(&mut self, message: &Message) -> bool {
        self.is_plain()
            && self.outbox.len() < self.mark()
            && frame::push_short(opcode(message), message.as_bytes(), &mut self.outbox)
    }

    /// Whether messages go out as they are.
    #[inline]
    fn is_plain(&self) -> bool {
        self.draft.is_hybi() && self.seldom.is_none() && self.open
    }

    /// See [`Connection::take_answers`](super::Connection::take_answers).
    pub(super) fn take_answers(&mut self) -> Option<Answers> {
        let mark = self.mark();
        let frames = self.is_plain().then(|| self.outbox.take_lent()).flatten()?;
        Some(Answers { frames, mark })
    }

    /// See [`Connection::put_answers`](super::Connection::put_answers).
    pub(super) fn put_answers(&mut self, answers: Answers) {
        self.outbox.put_first(answers.frames);
    }

    /// See [`Connection::send_with`](super::Connection::send_with).
    pub fn send_with(
        &mut self,
        message: Message,
        options: SendOptions,
    ) -> Result<(), SendError<Message>> {
        if let Err(why) = self.admit(message.kind(), options) {
            return Err(SendError {
                payload: message,
                why,
            });
        }
        self.flush_pongs();
        match message {
            Message::Text(text) if !self.draft.is_hybi() => {
                hixie::encode_text(text, self.frames());
            }
            message => self.queue_frames(message, options),
        }
        Ok(())
    }

    fn admit(&mut self, kind: MessageKind, options: SendOptions) -> Result<(), Refused> {
        // The hixie drafts have neither binary messages nor fragments.
        let new_features = kind == MessageKind::Binary || options.fragment.is_some();
        if !self.draft.is_hybi() && new_features {
            return Err(Refused::Unsupported);
        }
        let admitted = self.can_send();
        self.awaited |= admitted == Err(Refused::Full);
        admitted
    }

    fn queue_frames(&mut self, message: Message, options: SendOptions) {
        let mut opcode = opcode(&message);
        let worthwhile = options.compress == Compress::Auto
            && message.as_bytes().len() >= self.config.compress_above;
        let payload = message.into_bytes();
        let (mut payload, mut compressed) = match self.compress(&payload, worthwhile) {
            Some(compressed) => (compressed, true),
            None => (payload, false),
        };
        if let Some(most) = options.fragment {
            while payload.len() > most.get() {
                self.queue_frame(false, compressed, opcode, payload.split_to(most.get()));
                opcode = OpCode::Continuation;
                compressed = false; // RFC 7692 §6.1: the bit is on the first frame only
            }
        }
        self.queue_frame(true, compressed, opcode, payload);
    }

    #[inline]
    pub(super) fn queue_frame(&mut self, fin: bool, rsv1: bool, opcode: OpCode, payload: Bytes) {
        let header = Header {
            fin,
            rsv1,
            opcode,
            len: payload.len() as u64,
        };
        match self.mask_key() {
            Some(key) => frame::encode_frame(header, &payload, Some(key), &mut self.outbox),
            None => frame::push_frame(header, payload, &mut self.outbox),
        }
    }

    /// RFC 6455 §5.3: a fresh key from a strong source for every frame of a client.
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        let mut key = [0; 4];
        self.seldom.as_mut()?.masks.as_mut()?.fill(&mut key);
        Some(key)
    }

    #[cfg(feature = "deflate")]
    fn compress(&mut self, payload: &[u8], worthwhile: bool) -> Option<Bytes> {
        let seldom = self.seldom.as_mut().filter(|_| worthwhile)?;
        let compressor = seldom.compressor.as_mut()?;
        let mut compressed = alloc::vec::Vec::new();
        compressor.compress(payload, true, &mut compressed);
        Some(compressed.into())
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "the same shape as with the feature")]
    fn compress(&self, _: &[u8], _: bool) -> Option<Bytes> {
        None
    }

    /// See [`Connection::send_prepared`](super::Connection::send_prepared).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), Refused> {
        let message = prepared.message();
        self.admit(message.kind(), SendOptions::default())?;
        self.flush_pongs();
        match (self.draft.is_hybi(), self.role) {
            (true, Role::Server) => prepared.queue(&mut self.outbox),
            // A client masks every frame with a key of its own: nothing can be shared.
            (true, Role::Client) => {
                self.queue_frames(message.clone(), SendOptions::default().uncompressed());
            }
            (false, _) => {
                if let Message::Text(text) = message.clone() {
                    hixie::encode_text(text, self.frames());
                }
            }
        }
        Ok(())
    }

    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<(), Refused> {
        if !self.draft.is_hybi() {
            return Err(Refused::Unsupported);
        }
        if payload.len() > close::MAX_BODY {
            return Err(Refused::TooBig);
        }
        if !self.open {
            return Err(Refused::Closing);
        }
        self.queue_frame(true, false, OpCode::Ping, Bytes::copy_from_slice(payload));
        Ok(())
    }

    /// Answers a ping. Pongs wait in a short queue of their own until the outbox has room, so that a
    /// peer which floods us and does not read costs a bounded amount: RFC 6455 §5.5.3 asks for an
    /// answer to the latest ping only.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if !self.open {
            return;
        }
        let seldom = self.seldom.get_or_insert_default();
        let pongs = seldom.pongs.get_or_insert_default();
        if pongs.len() == MAX_PONGS {
            pongs.pop_front();
        }
        pongs.push_back(Bytes::copy_from_slice(payload));
    }

    #[inline]
    pub(super) fn flush_pongs(&mut self) {
        if self.seldom.is_some() {
            self.queue_pongs();
        }
    }

    fn queue_pongs(&mut self) {
        if self.has_pongs() && self.outbox.len() < self.mark() {
            let pongs = self.change_seldom(|seldom| seldom.pongs.take());
            for pong in pongs.into_iter().flat_map(|pongs| *pongs) {
                self.queue_frame(true, false, OpCode::Pong, pong);
            }
        }
    }

    fn has_pongs(&self) -> bool {
        let seldom = self.seldom.as_ref();
        seldom.is_some_and(|seldom| seldom.pongs.is_some())
    }

    /// Queues the last thing this side says, and refuses everything after it.
    ///
    /// An unfinished streamed message stays so: RFC 6455 §5.4 lets control frames, and so a close
    /// frame, stand between fragments.
    pub(super) fn end(&mut self, code: CloseCode, reason: &str) {
        self.flush_pongs();
        match self.draft {
            // It has no closing frame, and the end of TCP inside a text shows that it is cut.
            Draft::Hixie75 => {}
            Draft::Hixie76 => self.queue_hixie_close(),
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
                let mut body = [0; close::MAX_BODY];
                let body = close::encode_body(code.for_draft(self.draft), reason, &mut body);
                self.queue_frame(true, false, OpCode::Close, Bytes::copy_from_slice(body));
            }
        }
        self.shut();
    }

    /// As [`end`](Self::end), behind frames that are kept back and stay so; `frame` tells whether a
    /// closing frame follows them.
    pub(super) fn end_held(&mut self, frame: bool) {
        if frame {
            self.queue_hixie_close();
        }
        let held = self.take_held();
        self.shut();
        if held.is_some() {
            self.change_seldom(|seldom| seldom.held = held);
        }
    }

    fn queue_hixie_close(&mut self) {
        // A streamed text would swallow the bytes that follow it.
        if self.streamed().is_some_and(|streamed| streamed.begun) {
            self.frames().append(&[hixie::SENTINEL]);
        }
        hixie::encode_close(self.frames());
    }

    /// Refuses everything from now on, without a word to the peer.
    pub(super) fn shut(&mut self) {
        self.open = false;
        self.awaited = false;
        let masks = self.seldom.take().and_then(|seldom| seldom.masks);
        // Once more for a client's answer to a close frame.
        if masks.is_some() {
            self.change_seldom(|seldom| seldom.masks = masks);
        }
    }

    /// Keeps frames back until [`release`](Self::release).
    pub(super) fn hold(&mut self) {
        self.change_seldom(|seldom| seldom.held = Some(Box::default()));
    }

    /// Lets the frames go that were kept back.
    pub(super) fn release(&mut self) {
        if let Some(mut held) = self.take_held() {
            self.outbox.append_outbox(&mut held);
        }
    }

    /// Where hixie frames go.
    pub(super) fn frames(&mut self) -> &mut Outbox {
        match self.seldom.as_mut().and_then(|seldom| seldom.held.as_mut()) {
            Some(held) => held,
            None => &mut self.outbox,
        }
    }

    /// The handshake is complete: `digest` goes out before any frame, and the frames after it unless
    /// they are to wait a little longer.
    pub(super) fn open(&mut self, digest: Option<[u8; 16]>) {
        if let Some(digest) = digest {
            self.outbox.append(&digest);
        }
        if digest.is_none() || self.config.first_frame_delay.is_zero() {
            self.release();
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held().is_some()
    }

    fn held(&self) -> Option<&Outbox> {
        self.seldom.as_ref()?.held.as_deref()
    }

    fn take_held(&mut self) -> Option<Box<Outbox>> {
        if self.is_held() {
            self.change_seldom(|seldom| seldom.held.take())
        } else {
            None
        }
    }

    pub(super) fn streamed(&self) -> Option<Streamed> {
        self.seldom.as_ref()?.streamed
    }

    /// Changes what is seldom there, and keeps no memory when nothing of it is left.
    pub(super) fn change_seldom<T>(&mut self, change: impl FnOnce(&mut Seldom) -> T) -> T {
        let seldom = self.seldom.get_or_insert_default();
        let result = change(seldom);
        if seldom.is_empty() {
            self.seldom = None;
        }
        result
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    pub(super) const fn draft(&self) -> Draft {
        self.draft
    }

    /// Forgets all that waits for the peer: it cannot get there any more.
    pub(super) fn discard(&mut self) {
        self.outbox.clear();
        self.shut();
    }

    pub(super) fn outbox(&mut self) -> &mut Outbox {
        self.flush_pongs();
        &mut self.outbox
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn waiting(&self) -> usize {
        self.outbox.len() + self.held().map_or(0, Outbox::len)
    }

    /// Whether something would go out if the socket took it.
    pub(super) fn has_output(&self) -> bool {
        !self.outbox.is_empty() || self.has_pongs()
    }

    /// The way of a ping that was queued last, into an empty outbox if it is `alone`: the kernel takes
    /// it at once then.
    pub(super) fn way(&self, alone: bool) -> Way {
        let written = self.outbox.written();
        let end = written + self.outbox.len() as u64;
        Way {
            written: if alone { end } else { written },
            end,
        }
    }

    pub(super) const fn written(&self) -> u64 {
        self.outbox.written()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= self.mark()
    }

    /// An empty outbox always has room.
    fn mark(&self) -> usize {
        self.config.outbox_mark.max(1)
    }

    /// Whether the application waits for room and there is some.
    pub(super) fn is_writable(&self) -> bool {
        self.awaited && self.waiting() <= self.mark() / 2
    }

    /// Whether the application is to be told of room, once.
    pub(super) fn take_writable(&mut self) -> bool {
        let writable = self.is_writable();
        self.awaited &= !writable;
        writable
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("draft", &self.draft)
            .field("role", &self.role)
            .field("open", &self.open)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

#[inline]
pub(super) const fn opcode(message: &Message) -> OpCode {
    match message.kind() {
        MessageKind::Text => OpCode::Text,
        MessageKind::Binary => OpCode::Binary,
    }
}

/// The compressor for what `role` sends.
#[cfg(feature = "deflate")]
fn compressor(params: Params, role: Role, config: &Config) -> Option<Box<Compressor>> {
    let effort = Effort {
        level: config.compress_level,
        memory: COMPRESSOR_MEMORY,
    };
    let (bits, reset) = (
        params.max_window_bits(role),
        params.no_context_takeover(role),
    );
    params
        .can_compress(role)
        .then(|| Box::new(Compressor::new(bits, reset, effort)))
}

/// The codec's default: smaller buffers cost ratio, larger ones memory.
#[cfg(feature = "deflate")]
const COMPRESSOR_MEMORY: u8 = 8;
/// Autobahn 2.10 wants ten pings answered in order; more than a few unanswered ones are a flood.
const MAX_PONGS: usize = 16;
