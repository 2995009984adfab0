//! Messages that the application has not taken.

use core::mem;
use core::ops::Range;

use websocket_proto::connection::{Event, Events};
use websocket_proto::{Message as Carrier, connection};

use crate::{Config, LoneSurrogates, Message};

/// A queue of messages: what one read brings lies in one buffer, and each message gets memory of its own
/// when it is taken.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Text, and as binary what is text but for lone surrogates. `None` when none waits, unless memory is
    /// on loan: an idle session holds no buffer.
    queue: Option<Events>,
    bytes: usize,
    /// No memory holds more.
    count: u32,
    /// The memory is somebody else's.
    lent: bool,
}

impl Incoming {
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) const fn is_full(&self, config: &Config) -> bool {
        self.bytes >= config.incoming_mark || self.len() >= config.incoming_messages
    }

    pub(super) fn push(&mut self, message: Message) {
        self.count += 1;
        self.bytes += message.len();
        let message = match message.into_text() {
            Ok(text) => Carrier::Text(text),
            Err(wtf8) => Carrier::Binary(wtf8),
        };
        let queue = self.queue.get_or_insert_default();
        queue.push(Event::Message(message));
    }

    /// The same for a part of a text that came, if it is short.
    #[inline]
    pub(super) fn push_part(
        &mut self,
        text: &connection::Incoming<'_>,
        part: Range<usize>,
    ) -> bool {
        let len = part.len();
        let queued = text.queue_text(part, self.queue.get_or_insert_default());
        if queued {
            self.count += 1;
            self.bytes += len;
        }
        queued
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Message> {
        let queue = self.queue.as_mut()?;
        let carrier = match queue.next_message() {
            Some(short) => short,
            None => match queue.next()? {
                Event::Message(long) => long,
                _ => return None,
            },
        };
        let message = match carrier {
            Carrier::Text(text) => Message::from(text),
            Carrier::Binary(wtf8) => Message::from_wtf8(wtf8, LoneSurrogates::Wtf8)?,
        };
        self.bytes -= message.len();
        self.count -= 1;
        if self.count == 0 {
            if self.lent {
                queue.clear();
            } else {
                self.queue = None;
            }
        }
        Some(message)
    }

    /// Takes memory for messages to come, if it has none.
    #[inline]
    pub(super) fn lend(&mut self, memory: impl FnOnce() -> Events) {
        if self.queue.is_none() {
            self.queue = Some(memory());
            self.lent = true;
        }
    }

    /// Gives what was lent back, unless messages wait in it: those keep what they need.
    pub(super) fn reclaim(&mut self) -> Option<Events> {
        if !mem::take(&mut self.lent) {
            return None;
        }
        if self.is_empty() {
            return self.queue.take();
        }
        if let Some(queue) = &mut self.queue {
            queue.shrink_to_fit();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use bytes::Bytes;

    use super::*;

    /// Of all kinds and lengths: short and long, some with half a surrogate pair.
    fn messages() -> Vec<Message> {
        let lone = |len: usize| {
            let mut wtf8 = b"\xed\xa0\x80".to_vec();
            wtf8.resize(3 + len, b'x');
            Message::from_wtf8(Bytes::from(wtf8), LoneSurrogates::Wtf8).expect("it is kept")
        };
        let text = |len| Message::from("y".repeat(len));
        Vec::from([
            text(0),
            lone(0),
            text(1024),
            text(1025),
            lone(2000),
            text(3),
        ])
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        for lent in [false, true] {
            let mut incoming = Incoming::default();
            if lent {
                incoming.lend(Events::default);
            }
            for round in 0..3 {
                for message in messages() {
                    incoming.push(message);
                }
                let bytes: usize = messages().iter().map(Message::len).sum();
                assert_eq!((incoming.len(), incoming.bytes), (6, bytes));
                for message in messages() {
                    assert!(!incoming.is_empty(), "{round}");
                    assert_eq!(incoming.pop(), Some(message));
                }
                assert_eq!(incoming.pop(), None);
                assert_eq!((incoming.len(), incoming.bytes), (0, 0));
                assert_eq!(
                    incoming.queue.is_some(),
                    lent,
                    "an idle session holds no buffer"
                );
            }
        }
    }

    #[test]
    fn what_waits_keeps_lent_memory_and_no_more_than_it_needs() {
        let mut incoming = Incoming::default();
        let mut memory = Events::default();
        memory.push(Event::Message(Carrier::text("x".repeat(900))));
        memory.clear();
        let room = memory.capacity();
        incoming.lend(|| memory);
        incoming.lend(|| unreachable!("it has some"));
        incoming.push(Message::from(String::from("waits")));
        assert!(incoming.reclaim().is_none());
        let kept = incoming.queue.as_ref().map(Events::capacity);
        assert!(kept.is_some_and(|kept| kept < 20 && kept < room));
        assert_eq!(incoming.pop(), Some(Message::from("waits")));
        assert!(incoming.queue.is_none());

        incoming.lend(Events::default);
        assert!(incoming.reclaim().is_some_and(|memory| memory.is_empty()));
        assert!(incoming.queue.is_none());
    }
}
