//! What waits in a session.

use alloc::collections::VecDeque;
use core::fmt;

use crate::endpoint::Terms;
use crate::exchange::{ReceiverId, SenderId};
use crate::{Literal, Message};

/// Messages under way and requests that wait: all that an idle session has none of.
#[derive(Default)]
pub(crate) struct Backlog {
    outgoing: VecDeque<Literal>,
    outgoing_weight: usize,
    incoming: VecDeque<Message>,
    incoming_bytes: usize,
    /// Receivers that wait to hear whether the one before them is alive.
    pub(crate) newcomers: VecDeque<ReceiverId>,
    /// Parked, oldest first.
    pub(crate) senders: VecDeque<SenderId>,
    /// The oldest was told to resume.
    pub(crate) resuming: bool,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.outgoing.is_empty()
            && self.incoming.is_empty()
            && self.newcomers.is_empty()
            && self.senders.is_empty()
    }

    pub(crate) fn outgoing_weight(&self) -> usize {
        self.outgoing_weight
    }

    /// How many messages wait for the browser.
    pub(crate) fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    /// Puts a message behind those that wait for the browser.
    pub(crate) fn push(&mut self, literal: Literal) {
        self.outgoing_weight += weight(&literal);
        self.outgoing.push_back(literal);
    }

    /// Takes what goes into one frame: all that waits, but for what would make it too long.
    pub(crate) fn pull<T>(&mut self, most: usize, write: impl FnOnce(&[Literal]) -> T) -> T {
        let mut bytes = 0;
        let fits = |literal: &&Literal| {
            bytes += literal.len() + 1;
            bytes <= most
        };
        let n = self
            .outgoing
            .iter()
            .take_while(fits)
            .count()
            .max(1)
            .min(self.outgoing.len());
        let written = write(&self.outgoing.make_contiguous()[..n]);
        for literal in self.outgoing.drain(..n) {
            self.outgoing_weight -= weight(&literal);
        }
        if self.outgoing.is_empty() {
            self.outgoing = VecDeque::new();
        }
        written
    }

    /// Drops what waits for the browser.
    pub(crate) fn clear_outgoing(&mut self) {
        self.outgoing = VecDeque::new();
        self.outgoing_weight = 0;
    }

    /// Takes messages of the browser while there is room; one may overshoot the mark. Tells whether
    /// it took any.
    pub(crate) fn take(&mut self, messages: &mut VecDeque<Message>, terms: &Terms) -> bool {
        let room = terms.incoming_messages.saturating_sub(self.incoming.len());
        let mut n = 0;
        for message in messages.iter().take(room) {
            if self.incoming_bytes >= terms.incoming_mark {
                break;
            }
            self.incoming_bytes += message.len();
            n += 1;
        }
        if self.incoming.is_empty() && n == messages.len() {
            core::mem::swap(&mut self.incoming, messages);
        } else {
            self.incoming.extend(messages.drain(..n));
        }
        n > 0
    }

    /// Whether so much was taken that parked senders may resume.
    pub(crate) fn has_room(&self, terms: &Terms) -> bool {
        self.incoming_bytes <= terms.incoming_mark / 2
            && self.incoming.len() <= terms.incoming_messages / 2
    }

    /// The browser's next message, for the application.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.incoming.pop_front()?;
        self.incoming_bytes -= message.len();
        if self.incoming.is_empty() {
            self.incoming = VecDeque::new();
        }
        Some(message)
    }

    /// Drops what the application has not taken.
    pub(crate) fn clear_incoming(&mut self) {
        self.incoming = VecDeque::new();
        self.incoming_bytes = 0;
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("outgoing", &self.outgoing.len())
            .field("incoming", &self.incoming.len())
            .field("newcomers", &self.newcomers)
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

/// What a literal counts towards the mark: its bytes, and the entry itself so that empty messages
/// are bounded too.
fn weight(literal: &Literal) -> usize {
    literal.len() + size_of::<Literal>()
}
