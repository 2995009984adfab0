//! What is stored of a session.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use websocket_proto::Instant;

use crate::capacity::Permit;
use crate::deadlines::{Link, Linked};
use crate::endpoint::{Class, Terms};
use crate::event::{Closed, Event};
use crate::exchange::{ReceiverId, SenderId};
use crate::{Close, Literal, Message, SessionId};

/// What is stored of a session.
pub(crate) struct Session<R> {
    pub(crate) id: SessionId,
    pub(crate) request: Option<R>,
    pub(crate) link: Link,
    /// Which deadline `link` is.
    pub(crate) class: Option<Class>,
    pub(crate) life: Life,
    pub(crate) outgoing: VecDeque<Literal>,
    pub(crate) outgoing_weight: usize,
    incoming: VecDeque<Message>,
    incoming_bytes: usize,
    /// The receiver that frames are given to.
    pub(crate) receiver: Option<ReceiverId>,
    /// How many receivers have their last frame and have not told what became of it.
    pub(crate) unflushed: u32,
    pub(crate) crowd: Option<Box<Crowd>>,
    pub(crate) flags: Flags,
    _permit: Permit,
}

/// Those who wait for a session.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Receivers that wait to hear whether the one before them is alive.
    pub(crate) newcomers: VecDeque<ReceiverId>,
    /// Parked, oldest first.
    pub(crate) senders: VecDeque<SenderId>,
    /// The oldest was told to resume.
    pub(crate) resuming: bool,
}

/// Where a session is between its beginning and its end.
#[derive(Debug)]
pub(crate) enum Life {
    Open,
    /// Closed by the application; what waits still goes out, and then the close.
    Closing(Box<Closing>),
    /// Over, but the application was not told yet.
    Over(Box<Closed>),
}

#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) close: Close,
    /// From then on, nothing prolongs it.
    pub(crate) until: Instant,
    /// The close went out.
    pub(crate) told: bool,
}

/// What else is to be known, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// `o` went out.
    pub(crate) opened: bool,
    /// A heartbeat is due.
    pub(crate) heartbeat: bool,
    /// Messages went out and no receiver came since.
    pub(crate) in_doubt: bool,
    /// The disconnect deadline was missed by our own loop, and set again.
    pub(crate) spared: bool,
    /// The application has had [`Event::Open`].
    told_open: bool,
    /// The application has had every event.
    pub(crate) listens: bool,
    /// A send was refused for want of room.
    pub(crate) awaits_room: bool,
    /// And whoever tried was not told since that there is some, or that there never will be.
    pub(crate) blocked: bool,
    /// The application wants to hear nothing more.
    pub(crate) released: bool,
}

impl<R> Session<R> {
    pub(crate) fn new(id: SessionId, request: Option<R>, permit: Permit) -> Self {
        Self {
            id,
            request,
            link: Link::new(),
            class: None,
            life: Life::Open,
            outgoing: VecDeque::new(),
            outgoing_weight: 0,
            incoming: VecDeque::new(),
            incoming_bytes: 0,
            receiver: None,
            unflushed: 0,
            crowd: None,
            flags: Flags::default(),
            _permit: permit,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.life, Life::Open)
    }

    pub(crate) fn has_parked(&self) -> bool {
        self.crowd
            .as_ref()
            .is_some_and(|crowd| !crowd.senders.is_empty())
    }

    pub(crate) fn crowd(&mut self) -> &mut Crowd {
        self.crowd.get_or_insert_default()
    }

    /// Forgets the crowd once it has gone.
    pub(crate) fn disperse(&mut self) {
        if self
            .crowd
            .as_ref()
            .is_some_and(|crowd| crowd.newcomers.is_empty() && crowd.senders.is_empty())
        {
            self.crowd = None;
        }
    }

    /// Takes messages while there is room; one may overshoot the mark. Tells whether it took any.
    pub(crate) fn take(&mut self, messages: &mut VecDeque<Message>, terms: &Terms) -> bool {
        let before = messages.len();
        while self.incoming_bytes < terms.incoming_mark
            && self.incoming.len() < terms.incoming_messages
            && let Some(message) = messages.pop_front()
        {
            self.incoming_bytes += message.len();
            self.incoming.push_back(message);
        }
        messages.len() < before
    }

    /// Whether so much was taken that parked senders may resume.
    pub(crate) fn has_room(&self, terms: &Terms) -> bool {
        self.incoming_bytes <= terms.incoming_mark / 2
            && self.incoming.len() <= terms.incoming_messages / 2
    }

    pub(crate) fn pop_event(&mut self, terms: &Terms) -> Option<Event> {
        if self.flags.released {
            return None;
        }
        if !self.flags.told_open {
            self.flags.told_open = true;
            return Some(Event::Open);
        }
        if let Some(message) = self.incoming.pop_front() {
            self.incoming_bytes -= message.len();
            if self.incoming.is_empty() {
                // An idle session holds no buffer.
                self.incoming = VecDeque::new();
            }
            return Some(Event::Message(message));
        }
        match &self.life {
            Life::Open if self.is_writable(terms) => {
                self.flags.awaits_room = false;
                Some(Event::Writable)
            }
            Life::Open | Life::Closing(_) => None,
            Life::Over(closed) => Some(Event::Closed(Closed::clone(closed))),
        }
    }

    pub(crate) fn is_writable(&self, terms: &Terms) -> bool {
        self.flags.awaits_room && self.outgoing_weight <= terms.outgoing_mark / 2
    }

    /// Drops what the application has not taken.
    pub(crate) fn hush(&mut self) {
        self.flags.released = true;
        self.incoming = VecDeque::new();
        self.incoming_bytes = 0;
    }

    /// Takes what goes into one frame: all that waits, but for what would make it too long.
    pub(crate) fn drain_outgoing<T>(
        &mut self,
        most: usize,
        write: impl FnOnce(&[Literal]) -> T,
    ) -> T {
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
}

impl<R> Linked for Session<R> {
    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl<R> fmt::Debug for Session<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("life", &self.life)
            .field("outgoing", &self.outgoing.len())
            .field("incoming", &self.incoming.len())
            .field("receiver", &self.receiver)
            .field("unflushed", &self.unflushed)
            .finish_non_exhaustive()
    }
}

/// What a literal counts towards the mark: its bytes, and the entry itself so that empty messages
/// are bounded too.
pub(crate) fn weight(literal: &Literal) -> usize {
    literal.len() + size_of::<Literal>()
}
