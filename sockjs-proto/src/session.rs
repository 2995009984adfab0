//! What is stored of a session.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use websocket_proto::Instant;

use crate::backlog::Backlog;
use crate::deadlines::{Link, Linked};
use crate::endpoint::{Class, Terms};
use crate::event::{Cause, Closed, Event};
use crate::exchange::ReceiverId;
use crate::{Close, Literal, Message, SessionId};

/// What is stored of a session.
pub(crate) struct Session<R> {
    pub(crate) id: SessionId,
    pub(crate) request: Option<R>,
    pub(crate) link: Link,
    /// Which deadline `link` is.
    pub(crate) class: Option<Class>,
    /// Boxed, and only while there is something in it: most sessions idle.
    pub(crate) backlog: Option<Box<Backlog>>,
    /// The receiver that frames are given to.
    pub(crate) receiver: Option<ReceiverId>,
    /// How many receivers have their last frame and have not told what became of it.
    pub(crate) unflushed: u32,
    pub(crate) flags: Flags,
    leaving: Option<Box<Leaving>>,
}

/// Where a session is between its beginning and its end.
#[derive(Debug)]
pub(crate) enum Life<'a> {
    Open,
    /// Closed by the application; what waits still goes out, and then the close.
    Closing(&'a Closing),
    /// Over, but the application was not told yet.
    Over,
}

/// What is stored of a session that is no longer open.
#[derive(Debug)]
enum Leaving {
    Closing(Box<Closing>),
    Over(Over),
}

/// What a [`Closed`] is made of. Many sessions may be over at once, and few of them with words.
#[derive(Debug)]
struct Over {
    cause: Cause,
    in_doubt: bool,
    unsent: usize,
    closing: Option<Box<Closing>>,
}

impl Over {
    fn closed(&self) -> Closed {
        let closed = match (&self.closing, self.cause) {
            (Some(closing), _) => Closed::new(Cause::Local, closing.close.clone()),
            (None, Cause::Interrupted) => Closed::new(self.cause, Close::INTERRUPTED),
            (None, cause) => Closed::without_word(cause),
        };
        Closed {
            unsent: self.unsent,
            in_doubt: self.in_doubt,
            ..closed
        }
    }
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
    pub(crate) fn new(id: SessionId, request: Option<R>) -> Self {
        Self {
            id,
            request,
            link: Link::new(),
            class: None,
            backlog: None,
            receiver: None,
            unflushed: 0,
            flags: Flags::default(),
            leaving: None,
        }
    }

    pub(crate) fn life(&self) -> Life<'_> {
        match self.leaving.as_deref() {
            None => Life::Open,
            Some(Leaving::Closing(closing)) => Life::Closing(closing),
            Some(Leaving::Over(_)) => Life::Over,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.leaving.is_none()
    }

    /// Its close goes out when nothing else waits any more, and not after `until`.
    pub(crate) fn close(&mut self, close: Close, until: Instant) {
        let told = false;
        let closing = Box::new(Closing { close, until, told });
        self.leaving = Some(Box::new(Leaving::Closing(closing)));
    }

    /// The close, to be written as the last frame.
    pub(crate) fn tell_close(&mut self) -> Option<&Close> {
        match self.leaving.as_deref_mut() {
            Some(Leaving::Closing(closing)) => {
                closing.told = true;
                Some(&closing.close)
            }
            Some(Leaving::Over(_)) | None => None,
        }
    }

    /// Ends it, and tells whether it was not over: `cause` is why, if it was open.
    pub(crate) fn end(&mut self, cause: Cause) -> bool {
        let closing = match self.leaving.take().map(|leaving| *leaving) {
            None => None,
            Some(Leaving::Closing(closing)) => Some(closing),
            Some(over @ Leaving::Over(_)) => {
                self.leaving = Some(Box::new(over));
                return false;
            }
        };
        self.leaving = Some(Box::new(Leaving::Over(Over {
            cause,
            in_doubt: self.flags.in_doubt,
            unsent: self.unsent(),
            closing,
        })));
        true
    }

    pub(crate) fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    /// Gives up the backlog once it is worked off.
    pub(crate) fn settle(&mut self) {
        if self
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.is_empty())
        {
            self.backlog = None;
        }
    }

    pub(crate) fn has_parked(&self) -> bool {
        self.backlog
            .as_ref()
            .is_some_and(|backlog| !backlog.senders.is_empty())
    }

    pub(crate) fn outgoing_weight(&self) -> usize {
        self.backlog
            .as_ref()
            .map_or(0, |backlog| backlog.outgoing_weight())
    }

    /// How many messages wait for the browser.
    pub(crate) fn unsent(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.unsent())
    }

    /// The receivers that wait behind another, no longer to wait.
    pub(crate) fn take_newcomers(&mut self) -> VecDeque<ReceiverId> {
        let Some(backlog) = &mut self.backlog else {
            return VecDeque::new();
        };
        let newcomers = core::mem::take(&mut backlog.newcomers);
        self.settle();
        newcomers
    }

    /// Takes messages while there is room: see [`Backlog::take`].
    pub(crate) fn take(&mut self, messages: &mut VecDeque<Message>, terms: &Terms) -> bool {
        !messages.is_empty() && self.backlog().take(messages, terms)
    }

    pub(crate) fn pop_event(&mut self, terms: &Terms) -> Option<Event> {
        if self.flags.released {
            return None;
        }
        if !self.flags.told_open {
            self.flags.told_open = true;
            return Some(Event::Open);
        }
        if let Some(backlog) = &mut self.backlog
            && let Some(message) = backlog.pop()
        {
            self.settle();
            return Some(Event::Message(message));
        }
        match self.leaving.as_deref() {
            None if self.is_writable(terms) => {
                self.flags.awaits_room = false;
                Some(Event::Writable)
            }
            None | Some(Leaving::Closing(_)) => None,
            Some(Leaving::Over(over)) => Some(Event::Closed(over.closed())),
        }
    }

    pub(crate) fn is_writable(&self, terms: &Terms) -> bool {
        self.flags.awaits_room && self.outgoing_weight() <= terms.outgoing_mark / 2
    }

    /// Drops what the application has not taken.
    pub(crate) fn hush(&mut self) {
        self.flags.released = true;
        if let Some(backlog) = &mut self.backlog {
            backlog.clear_incoming();
            self.settle();
        }
    }

    /// Writes the messages that go into one frame: see [`Backlog::pull`]. `None` when there are none.
    pub(crate) fn pull<T>(
        &mut self,
        most: usize,
        write: impl FnOnce(&[Literal]) -> T,
    ) -> Option<T> {
        let backlog = self
            .backlog
            .as_mut()
            .filter(|backlog| backlog.unsent() > 0)?;
        let written = backlog.pull(most, write);
        self.settle();
        Some(written)
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
            .field("life", &self.life())
            .field("backlog", &self.backlog)
            .field("receiver", &self.receiver)
            .field("unflushed", &self.unflushed)
            .finish_non_exhaustive()
    }
}
