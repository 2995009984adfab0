//! Events that wait for the application.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use bytes::Bytes;

use super::{Chunk, Event, Incoming, Outgoing, Sink};
use crate::{Message, MessageKind, Utf8Bytes};

/// The sink behind `receive` and `poll_event`: events wait in order.
#[derive(Debug)]
pub(super) struct Queue {
    /// `None` when none waits, unless memory for some is on loan: an idle connection holds no buffer.
    events: Option<Events>,
    /// What those weigh that were [taken](super::Connection::take_events) and not given back.
    lent: usize,
    mark: usize,
    /// How many bytes of records the latest events had.
    burst: usize,
}

/// Events that were [taken](super::Connection::take_events) all at once, in order.
///
/// ```
/// use std::sync::Arc;
/// use websocket_proto::connection::{Connection, Event};
/// use websocket_proto::handshake::Agreed;
/// use websocket_proto::{Draft, Instant, Machine, Message, Outbox};
///
/// let (now, agreed) = (Instant::ZERO, Agreed::new(Draft::Rfc6455));
/// let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), now);
/// let mut input = *b"\x82\x81\0\0\0\0!\x82\x81\0\0\0\0?"; // masked with zeros
/// ws.receive(now, &mut input);
///
/// let mut events = ws.take_events().expect("two messages");
/// assert_eq!(events.next(), Some(Event::Message(Message::binary(&b"!"[..]))));
/// assert_eq!(events.next(), Some(Event::Message(Message::binary(&b"?"[..]))));
/// assert_eq!(events.next(), None);
/// ws.give_back(events);
/// ```
///
/// An empty one, the default, is memory that can be [lent](super::Connection::lend_events).
#[derive(Debug, Default)]
pub struct Events(Box<Waiting>);

/// Short messages lie one behind the other in one buffer; each gets memory of its own when it is taken. An
/// application that is done with one before it takes the next then has the same few bytes back again
/// and again, which allocators do at once, while the payloads of a whole read would be too many for
/// their fast path. And a message that is kept pins no other.
#[derive(Debug, Default)]
struct Waiting {
    /// A head for each event, and behind it the payload of a short message.
    records: Vec<u8>,
    /// How much of `records` was taken.
    taken: usize,
    /// The events that are neither short messages nor short chunks.
    #[expect(
        clippy::box_collection,
        reason = "one word where there are none, as most often"
    )]
    others: Option<Box<VecDeque<Event>>>,
    /// What all of them weigh.
    weight: usize,
    /// The memory is somebody else's.
    loan: bool,
}

/// What stands in front of an event's record.
#[derive(Clone, Copy)]
enum Head {
    /// A short message with so many bytes.
    Short(MessageKind, u16),
    /// A short piece of a message: its kind, whether it is the first and the last, and its length.
    Chunk(MessageKind, bool, bool, u16),
    /// The next of the others.
    Other,
}

impl Queue {
    pub(super) const fn new(mark: usize) -> Self {
        Self {
            events: None,
            lent: 0,
            // An empty queue always has room.
            mark: if mark == 0 { 1 } else { mark },
            burst: 0,
        }
    }

    /// Whether the application has seen everything.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.lent == 0 && !self.waits()
    }

    /// Whether an event waits that was not taken.
    #[inline]
    fn waits(&self) -> bool {
        self.events
            .as_ref()
            .is_some_and(|events| !events.is_empty())
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        let events = self.events.as_mut()?;
        let event = events.0.pop()?;
        if events.is_empty() {
            self.burst = events.0.taken;
            if events.0.loan {
                events.0.forget();
            } else {
                self.events = None;
            }
        }
        Some(event)
    }

    /// All that waits, once what was taken before is back. Not when it is more than half of the mark: that
    /// much is not to stop further reading until the last of it was seen.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Events> {
        let (lent, most) = (self.lent, self.mark / 2);
        let waiting = self
            .events
            .as_mut()
            .filter(|events| lent == 0 && !events.is_empty() && events.0.weight <= most)?;
        self.lent = waiting.0.weight;
        self.burst = waiting.0.records.len();
        if waiting.0.loan && waiting.capacity() > MAX_EXPECTED {
            // An application may take its time: it gets the memory they need, not all that was lent.
            Some(Events(Box::new(waiting.0.split())))
        } else {
            self.events.take()
        }
    }

    #[inline]
    pub(super) fn give_back(&mut self, mut events: Events) {
        self.lent = 0;
        if events.0.loan && self.events.is_none() {
            events.0.forget();
            self.events = Some(events);
        }
    }

    /// The same, and what is left of them is next again.
    #[inline(always)]
    pub(super) fn put_back(&mut self, events: Events) {
        if events.is_empty() {
            self.give_back(events);
        } else {
            self.restore(events);
        }
    }

    #[cold]
    fn restore(&mut self, mut events: Events) {
        self.lent = 0;
        if let Some(later) = self.events.take() {
            events.0.append(*later.0);
        }
        self.events = Some(events);
    }

    #[inline]
    pub(super) fn lend(&mut self, mut events: Events) {
        if self.events.is_none() {
            events.0.forget();
            events.0.loan = true;
            self.events = Some(events);
        }
    }

    #[inline]
    pub(super) fn reclaim(&mut self) -> Option<Events> {
        let events = self.events.as_mut().filter(|events| events.0.loan)?;
        events.0.loan = false;
        if events.is_empty() {
            return self.events.take();
        }
        // They stay: with the room they need, not with all that was lent.
        events.0.records.shrink_to_fit();
        None
    }

    #[inline(always)]
    fn events(&mut self) -> &mut Waiting {
        let burst = self.burst;
        &mut self.events.get_or_insert_with(|| Events::expect(burst)).0
    }
}

impl Events {
    /// Memory for a burst of so many bytes: peers send bursts of much the same size.
    #[cold]
    fn expect(burst: usize) -> Self {
        let mut waiting = Box::new(Waiting::default());
        waiting.records.reserve_exact(burst.min(MAX_EXPECTED));
        Self(waiting)
    }

    /// Whether none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What those left count towards the [inbound mark](super::Config::inbound_mark).
    #[inline]
    pub fn weight(&self) -> usize {
        self.0.weight
    }

    /// For how many bytes of short messages and their heads there is memory.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.0.records.capacity()
    }

    /// Puts an event behind the others. Those that were taken are best [cleared](Self::clear) before.
    pub fn push(&mut self, event: Event) {
        if let Event::Message(message) = &event
            && let Ok(len @ ..=SHORT) = u16::try_from(message.as_bytes().len())
        {
            let head = Head::Short(message.kind(), len);
            return self.0.push_short(head, message.as_bytes());
        }
        self.0.push_other(event);
    }

    /// Puts a text behind the others, which must be UTF-8; `false` if it is too long for that.
    #[inline]
    pub(super) fn push_short_text(&mut self, text: &[u8]) -> bool {
        let Ok(len @ ..=SHORT) = u16::try_from(text.len()) else {
            return false;
        };
        self.0.push_short(Head::Short(MessageKind::Text, len), text);
        true
    }

    /// Drops all events. The memory stays, for others.
    #[inline]
    pub fn clear(&mut self) {
        self.0.forget();
    }

    /// Gives back the memory that the events do not need.
    pub fn shrink_to_fit(&mut self) {
        self.0.records.shrink_to_fit();
    }

    /// The next event if it is a short [message](Event::Message), as most are: the same as
    /// [`next`](Iterator::next), without the way through an [`Event`]. `None` says nothing about what is
    /// next.
    #[inline]
    pub fn next_message(&mut self) -> Option<Message> {
        self.0.pop_short()
    }
}

impl Iterator for Events {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        self.0.pop()
    }
}

impl Waiting {
    #[inline]
    fn is_empty(&self) -> bool {
        self.taken == self.records.len()
    }

    /// Moves all events to memory that they just fill.
    fn split(&mut self) -> Self {
        let events = Self {
            records: self.records[self.taken..].to_vec(),
            taken: 0,
            others: self.others.take(),
            weight: self.weight,
            loan: false,
        };
        self.forget();
        events
    }

    /// Drops all events; their memory stays.
    #[inline]
    fn forget(&mut self) {
        self.records.clear();
        self.taken = 0;
        if self.others.is_some() {
            self.others = None;
        }
        self.weight = 0;
    }

    #[inline(always)]
    fn push_short(&mut self, head: Head, payload: &[u8]) {
        if self.taken > COMPACT_ABOVE {
            self.compact();
        }
        self.records.extend_from_slice(&head.encode());
        self.records.extend_from_slice(payload);
        self.weight += payload.len() + ENTRY;
    }

    fn push_other(&mut self, event: Event) {
        if self.taken > COMPACT_ABOVE {
            self.compact();
        }
        self.records.extend_from_slice(&Head::Other.encode());
        self.weight += payload_of(&event) + ENTRY;
        self.others.get_or_insert_default().push_back(event);
    }

    #[cold]
    fn append(&mut self, mut later: Self) {
        self.records
            .extend_from_slice(&later.records[later.taken..]);
        if let Some(others) = &mut later.others {
            self.others.get_or_insert_default().append(others);
        }
        self.weight += later.weight;
    }

    /// Each byte is moved at most once for one that was taken.
    #[cold]
    fn compact(&mut self) {
        if self.taken > self.records.len() / 2 {
            self.records.drain(..self.taken);
            self.taken = 0;
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Event> {
        match self.pop_short() {
            Some(message) => Some(Event::Message(message)),
            None => self.pop_chunk().or_else(|| self.pop_other()),
        }
    }

    fn pop_chunk(&mut self) -> Option<Event> {
        let waiting = self.records.get(self.taken..)?;
        let (head, rest) = waiting.split_first_chunk::<{ Head::SIZE }>()?;
        let Head::Chunk(kind, first, last, len) = Head::decode(*head) else {
            return None;
        };
        let payload = Bytes::copy_from_slice(rest.get(..usize::from(len))?);
        self.taken += Head::SIZE + usize::from(len);
        self.weight -= usize::from(len) + ENTRY;
        Some(Event::Chunk(Chunk {
            kind,
            payload,
            first,
            last,
        }))
    }

    #[inline]
    fn pop_short(&mut self) -> Option<Message> {
        let waiting = self.records.get(self.taken..)?;
        let (head, rest) = waiting.split_first_chunk::<{ Head::SIZE }>()?;
        let Head::Short(kind, len) = Head::decode(*head) else {
            return None;
        };
        let payload = Bytes::copy_from_slice(rest.get(..usize::from(len))?);
        self.taken += Head::SIZE + usize::from(len);
        self.weight -= usize::from(len) + ENTRY;
        Some(match kind {
            // It was checked before it came here.
            MessageKind::Text => Message::Text(Utf8Bytes::from_checked(payload)),
            MessageKind::Binary => Message::Binary(payload),
        })
    }

    fn pop_other(&mut self) -> Option<Event> {
        let event = self.others.as_mut()?.pop_front()?;
        self.taken += Head::SIZE;
        self.weight -= payload_of(&event) + ENTRY;
        Some(event)
    }
}

impl Sink for Queue {
    #[inline]
    fn is_full(&self) -> bool {
        let waiting = self.events.as_ref().map_or(0, |events| events.0.weight);
        waiting + self.lent >= self.mark
    }

    // In the caller, which knows most often where the payload lies.
    #[inline(always)]
    fn message(&mut self, message: Incoming<'_>, _: &mut Outgoing) {
        if let Some(payload) = message.lies()
            && let Ok(len @ ..=SHORT) = u16::try_from(payload.len())
        {
            let head = Head::Short(message.kind(), len);
            return self.events().push_short(head, payload);
        }
        self.events()
            .push_other(Event::Message(message.into_message()));
    }

    fn chunk(&mut self, chunk: Incoming<'_>, first: bool, last: bool, _: &mut Outgoing) {
        let kind = chunk.kind();
        if let Ok(len @ ..=SHORT) = u16::try_from(chunk.as_bytes().len()) {
            let head = Head::Chunk(kind, first, last, len);
            return self.events().push_short(head, chunk.as_bytes());
        }
        self.events().push_other(Event::Chunk(Chunk {
            kind,
            payload: chunk.into_bytes(),
            first,
            last,
        }));
    }

    fn ping(&mut self, payload: &[u8], _: &mut Outgoing) {
        self.events()
            .push_other(Event::Ping(Bytes::copy_from_slice(payload)));
    }

    fn pong(&mut self, payload: &[u8], rtt: Option<Duration>, _: &mut Outgoing) {
        self.events().push_other(Event::Pong {
            payload: Bytes::copy_from_slice(payload),
            rtt,
        });
    }
}

impl Head {
    const SIZE: usize = 3;

    #[inline]
    fn encode(self) -> [u8; Self::SIZE] {
        let (tag, len) = match self {
            Self::Short(MessageKind::Text, len) => (b't', len),
            Self::Short(MessageKind::Binary, len) => (b'b', len),
            Self::Chunk(kind, first, last, len) => {
                let text = u8::from(kind == MessageKind::Text);
                (text | u8::from(first) << 1 | u8::from(last) << 2, len)
            }
            Self::Other => (b'o', 0),
        };
        let [low, high] = len.to_le_bytes();
        [tag, low, high]
    }

    #[inline]
    fn decode([tag, low, high]: [u8; Self::SIZE]) -> Self {
        let len = u16::from_le_bytes([low, high]);
        match tag {
            b't' => Self::Short(MessageKind::Text, len),
            b'b' => Self::Short(MessageKind::Binary, len),
            flags @ 0..=7 => {
                let kind = if flags & 1 == 0 {
                    MessageKind::Binary
                } else {
                    MessageKind::Text
                };
                Self::Chunk(kind, flags & 2 != 0, flags & 4 != 0, len)
            }
            _ => Self::Other,
        }
    }
}

fn payload_of(event: &Event) -> usize {
    match event {
        Event::Message(message) => message.as_bytes().len(),
        Event::Chunk(chunk) => chunk.payload.len(),
        Event::Ping(payload) | Event::Pong { payload, .. } => payload.len(),
        Event::Writable | Event::Closed(_) => 0,
    }
}

/// What an event counts towards the inbound mark besides its payload, so that empty messages are bounded
/// too.
const ENTRY: usize = mem::size_of::<Event>();
/// Longer messages are copied only once.
const SHORT: u16 = 1024;
/// Below this a part that was taken is not worth moving.
const COMPACT_ABOVE: usize = 16 * 1024;
/// Room made before the events are there, or left to an application while it works on them.
const MAX_EXPECTED: usize = 4096;
