//! Where received messages go.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;

use super::{Events, Outgoing};
use crate::{Message, MessageKind, Utf8Bytes};

/// Takes what [`Connection::receive_with`](super::Connection::receive_with) finds, without a copy.
///
/// Each call gets the sending half, so an answer can be queued on the spot. What ends a connection
/// is not told here but by [`poll_event`](super::Connection::poll_event).
///
/// ```
/// use websocket_proto::connection::{Incoming, Outgoing, Sink};
///
/// /// Counts bytes; every message is seen where it lies in the receive buffer.
/// struct Counter(usize);
///
/// impl Sink for Counter {
///     fn message(&mut self, message: Incoming<'_>, _replies: &mut Outgoing) {
///         self.0 += message.as_bytes().len();
///     }
/// }
/// ```
pub trait Sink {
    /// Whether enough waits; no further input is taken then. Asked before each frame.
    fn is_full(&self) -> bool {
        false
    }

    /// A whole message, in whole delivery.
    fn message(&mut self, message: Incoming<'_>, replies: &mut Outgoing);

    /// A piece of a message, in streamed delivery.
    fn chunk(&mut self, chunk: Incoming<'_>, first: bool, last: bool, replies: &mut Outgoing) {
        let _ = (chunk, first, last, replies);
    }

    /// A ping, already answered.
    fn ping(&mut self, payload: &[u8], replies: &mut Outgoing) {
        let _ = (payload, replies);
    }

    /// A pong, with the round-trip time when it answers our latest ping.
    fn pong(&mut self, payload: &[u8], rtt: Option<Duration>, replies: &mut Outgoing) {
        let _ = (payload, rtt, replies);
    }
}

/// A received payload: in the receive buffer, or gathered from several pieces.
///
/// Text was checked to be UTF-8.
#[derive(Debug)]
pub struct Incoming<'a> {
    kind: MessageKind,
    payload: Payload<'a>,
}

#[derive(Debug)]
enum Payload<'a> {
    Borrowed(&'a mut [u8]),
    Gathered(Bytes),
}

impl<'a> Incoming<'a> {
    /// `payload` must be UTF-8 when `kind` is text.
    pub(super) fn borrowed(kind: MessageKind, payload: &'a mut [u8]) -> Self {
        Self {
            kind,
            payload: Payload::Borrowed(payload),
        }
    }

    /// `payload` must be UTF-8 when `kind` is text.
    pub(super) fn gathered(kind: MessageKind, payload: Bytes) -> Self {
        Self {
            kind,
            payload: Payload::Gathered(payload),
        }
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Borrowed(bytes) => bytes,
            Payload::Gathered(bytes) => bytes,
        }
    }

    /// A copy of a part of a text; `None` when this is no text, and when the range is out of bounds or
    /// cuts a character. Nothing is checked to be UTF-8 again.
    pub fn copy_text(&self, range: Range<usize>) -> Option<Utf8Bytes> {
        let part = self.part(range)?;
        Some(Utf8Bytes::from_checked(Bytes::copy_from_slice(part)))
    }

    /// Puts a message with a copy of a part of this text behind `events`. Where it is `false`, nothing has
    /// happened, and [`copy_text`](Self::copy_text) may know what to do: for texts over 1 KiB, and where
    /// that has no copy to give.
    ///
    /// ```
    /// use websocket_proto::connection::{Event, Events, Incoming, Outgoing, Sink};
    ///
    /// /// Keeps what stands between quotes.
    /// #[derive(Default)]
    /// struct Quoted(Events);
    ///
    /// impl Sink for Quoted {
    ///     fn message(&mut self, message: Incoming<'_>, _replies: &mut Outgoing) {
    ///         let end = message.as_bytes().len().saturating_sub(1);
    ///         if !message.queue_text(1..end, &mut self.0)
    ///             && let Some(text) = message.copy_text(1..end)
    ///         {
    ///             self.0.push(Event::Message(text.into()));
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    #[must_use = "a text that is not short is not queued"]
    pub fn queue_text(&self, range: Range<usize>, events: &mut Events) -> bool {
        self.part(range)
            .is_some_and(|part| events.push_short_text(part))
    }

    /// A part of a text.
    #[inline]
    fn part(&self, range: Range<usize>) -> Option<&[u8]> {
        let bytes = self.as_bytes();
        let is_border = |at: usize| bytes.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let whole =
            self.kind == MessageKind::Text && is_border(range.start) && is_border(range.end);
        bytes.get(range).filter(|_| whole)
    }

    /// The payload, when it still lies in the receive buffer.
    pub(super) fn lies(&self) -> Option<&[u8]> {
        match &self.payload {
            Payload::Borrowed(bytes) => Some(bytes),
            Payload::Gathered(_) => None,
        }
    }

    /// The payload by value: copied into a buffer of its own size, unless it was gathered into one.
    pub fn into_bytes(self) -> Bytes {
        match self.payload {
            Payload::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Payload::Gathered(bytes) => bytes,
        }
    }

    /// An owned message of this payload.
    pub fn into_message(self) -> Message {
        match self.kind {
            MessageKind::Text => Message::Text(Utf8Bytes::from_checked(self.into_bytes())),
            MessageKind::Binary => Message::Binary(self.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_copied_unless_it_cuts_a_character() {
        let mut text = *b"a\xc3\xa9\xf0\x9f\xa6\x80b";
        let whole = core::str::from_utf8(&text).unwrap();
        let expected = |from: usize, to: usize| {
            whole
                .get(from..to)
                .map(|part| Utf8Bytes::from(alloc::string::String::from(part)))
        };
        let expected: [[_; 10]; 10] =
            core::array::from_fn(|from| core::array::from_fn(|to| expected(from, to)));
        let message = Incoming::borrowed(MessageKind::Text, &mut text);
        for (from, row) in expected.iter().enumerate() {
            for (to, expected) in row.iter().enumerate() {
                assert_eq!(message.copy_text(from..to), *expected, "{from}..{to}");
                let mut events = Events::default();
                let queued = message.queue_text(from..to, &mut events);
                assert_eq!(queued, expected.is_some(), "{from}..{to}");
                let next = events.next_message();
                assert_eq!(next, expected.clone().map(Message::Text), "{from}..{to}");
                assert!(events.is_empty());
            }
        }
        let mut bytes = *b"ab";
        let message = Incoming::borrowed(MessageKind::Binary, &mut bytes);
        assert_eq!(message.copy_text(0..1), None);
        assert!(!message.queue_text(0..1, &mut Events::default()));
    }
}
