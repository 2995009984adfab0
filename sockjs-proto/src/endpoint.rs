//! The sessions of one service, or of one shard of it.

use alloc::collections::VecDeque;
use core::fmt;
use core::hash::Hasher as _;
use core::time::Duration;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use websocket_proto::Instant;

use crate::admission::Pending;
use crate::capacity::{Capacity, Taken};
use crate::deadlines::Deadlines;
use crate::ended::{Ended, Last};
use crate::event::Cause;
use crate::exchange::{Admit, FromSession, SessionKey, ToSession, Wake};
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::session::{Life, Session};
use crate::slab::{Key, Slab};
use crate::{AfterCut, Close, Kind, Service, Transport};

/// The sessions over HTTP of one service, or of one shard of it.
///
/// ```text
///               Attach, unknown id          close()          close frame flushed,
///   (admission) ──────────────────► Open ───────────► Closing ─────────────────► over
///                                    │                   │ no receiver for disconnect_delay,
///                                    └───────────────────┴─ or one was cut ─────►
/// ```
///
/// It has two sides. *Connections* tell it of requests ([`handle`](Self::handle), or the methods of
/// the same names) and pull what they answer. The *application* is told that a session has begun
/// ([`Wake::Opened`]), pulls its events and uses its verbs. Neither waits: whoever is to do something
/// later is named by [`poll_wake`](Self::poll_wake), which is to be drained after every other call.
///
/// `R` is what is known of a request: whatever the application wants of it. It is asked for only
/// when a session begins, and stays as it is until the session's end unless it is
/// [taken](Self::take_request).
///
/// ```
/// use sockjs_proto::{Admit, Capacity, Config, Endpoint, Event, FromSession, Literal, Service, Wake, Wrapping};
/// use websocket_proto::Instant;
///
/// let now = Instant::ZERO;
/// let service = Service::new(Config::default())?;
/// let mut endpoint: Endpoint<&str> =
///     Endpoint::new(&service, Admit::All, Capacity::new(100), [7; 16]);
///
/// // A poll of an unknown id begins a session. Its answer is `o`.
/// let poll = endpoint.attach(now, "abc", Wrapping::Xhr, || Ok("what is known of it"));
/// let Some(Wake::Opened(session)) = endpoint.poll_wake() else { unreachable!() };
/// assert_eq!(endpoint.poll_event(session), Some(Event::Open));
/// assert_eq!(endpoint.pull(now, poll, 65536), FromSession::Frame { bytes: "o\n".into(), last: true });
/// endpoint.flushed(now, poll);
///
/// // What is sent between polls waits for the next.
/// endpoint.send(session, Literal::from("hello")).unwrap();
/// let poll = endpoint.attach(now, "abc", Wrapping::Xhr, || Ok(""));
/// let frame = FromSession::Frame { bytes: "a[\"hello\"]\n".into(), last: true };
/// assert_eq!(endpoint.pull(now, poll, 65536), frame);
/// endpoint.flushed(now, poll);
/// # Ok::<(), sockjs_proto::ConfigError>(())
/// ```
pub struct Endpoint<R> {
    pub(crate) terms: Terms,
    pub(crate) admit: Admit,
    /// By its sessions and by those that ask to begin.
    pub(crate) taken: Taken,
    pub(crate) hasher: Keyed,
    table: HashTable<Entry>,
    pub(crate) sessions: Slab<Session<R>>,
    pub(crate) receivers: Slab<Receiver>,
    pub(crate) senders: Slab<Sender>,
    pub(crate) admissions: Slab<Pending<R>>,
    /// Admissions that the application has not seen.
    pub(crate) asked: VecDeque<Key>,
    pub(crate) admission_deadlines: Deadlines,
    pub(crate) ended: Ended,
    deadlines: [Deadlines; Class::COUNT],
    pub(crate) wakes: VecDeque<Wake>,
    pub(crate) now: Instant,
}

/// What a session id stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Session(Key),
    Admission(Key),
}

/// A [`Place`] in the table: it only holds what there is, so that a place in the slab says all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry(u32);

impl Entry {
    const fn of(place: Place) -> Self {
        match place {
            Place::Session(key) => Self(key.index << 1),
            Place::Admission(key) => Self(key.index << 1 | 1),
        }
    }

    /// The index, of an admission if so.
    const fn parts(self) -> (u32, bool) {
        (self.0 >> 1, self.0 & 1 == 1)
    }
}

/// A deadline of a session. It has at most one at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// A receiver is attached and gets nothing.
    Heartbeat,
    /// The same, for scripts, whose clients are less patient.
    ScriptHeartbeat,
    /// No receiver is there.
    Disconnect,
}

impl Class {
    const COUNT: usize = 3;
    const ALL: [Self; Self::COUNT] = [Self::Heartbeat, Self::ScriptHeartbeat, Self::Disconnect];
}

/// The part of the options that matters here.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) response_limit: u32,
    heartbeat_delay: Duration,
    script_heartbeat_delay: Duration,
    disconnect_delay: Duration,
    pub(crate) admission_deadline: Duration,
    pub(crate) closing_deadline: Duration,
    pub(crate) memory: Duration,
    after_cut: AfterCut,
    pub(crate) default_close: Close,
    pub(crate) outgoing_mark: usize,
    pub(crate) incoming_mark: usize,
    pub(crate) incoming_messages: usize,
}

impl<R> Endpoint<R> {
    /// An endpoint without sessions.
    ///
    /// `capacity` is shared by all shards of a service, and by its WebSockets. `hash_key` is random
    /// and secret: clients choose the ids that are hashed.
    pub fn new(service: &Service, admit: Admit, capacity: Capacity, hash_key: [u8; 16]) -> Self {
        let config = service.config();
        Self {
            terms: Terms {
                response_limit: u32::try_from(config.response_limit).unwrap_or(u32::MAX),
                heartbeat_delay: service.heartbeat_delay(Transport::Xhr),
                script_heartbeat_delay: service.heartbeat_delay(Transport::Jsonp),
                disconnect_delay: config.disconnect_delay,
                admission_deadline: config.admission_deadline,
                closing_deadline: config.closing_deadline,
                memory: config.disconnect_delay,
                after_cut: config.after_cut,
                default_close: config.default_close.clone(),
                outgoing_mark: config.outgoing_mark,
                incoming_mark: config.incoming_mark,
                incoming_messages: config.incoming_messages,
            },
            admit,
            taken: Taken::new(capacity),
            hasher: Keyed(SipHasher13::new_with_key(&hash_key)),
            table: HashTable::new(),
            sessions: Slab::new(),
            receivers: Slab::new(),
            senders: Slab::new(),
            admissions: Slab::new(),
            asked: VecDeque::new(),
            admission_deadlines: Deadlines::new(),
            ended: Ended::new(config.remembered_ids),
            deadlines: [const { Deadlines::new() }; Class::COUNT],
            wakes: VecDeque::new(),
            now: Instant::ZERO,
        }
    }

    /// Remembers the ids of cut and closed sessions for longer than the disconnect delay, so that
    /// an even later poll is told of the end instead of beginning anew.
    #[must_use]
    pub fn with_memory(mut self, memory: Duration) -> Self {
        self.terms.memory = memory.max(self.terms.disconnect_delay);
        self
    }

    /// Tells it something; `None` when that has no answer.
    pub fn handle(&mut self, now: Instant, message: ToSession<R>) -> Option<FromSession> {
        match message {
            ToSession::Attach {
                session,
                wrapping,
                request,
            } => {
                let receiver = self.attach(now, session, wrapping, || Ok(request));
                return Some(FromSession::Attached(receiver));
            }
            ToSession::Pull { receiver, room } => return Some(self.pull(now, receiver, room)),
            ToSession::Send { session, messages } => {
                return Some(self.deliver(now, session, messages));
            }
            ToSession::Resume { sender, messages } => {
                return Some(self.resume(now, sender, messages));
            }
            ToSession::Ending(receiver) => self.ending(now, receiver),
            ToSession::Flushed(receiver) => self.flushed(now, receiver),
            ToSession::Aborted(receiver) => self.aborted(now, receiver),
            ToSession::StillAlive(receiver) => self.still_alive(now, receiver),
            ToSession::Abandon(sender) => self.abandon(now, sender),
        }
        None
    }

    /// Who is to do something now.
    pub fn poll_wake(&mut self) -> Option<Wake> {
        let wake = self.wakes.pop_front();
        if self.wakes.is_empty() && self.wakes.capacity() > WAKES_KEPT {
            self.wakes = VecDeque::new();
        }
        wake
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; `None` means never.
    ///
    /// Calling late is no harm up to half a second. A session that would be over by then is given
    /// another disconnect delay, once, when the call comes later still: its poll may be waiting in a
    /// socket that this program was too busy to read.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let sessions = self
            .deadlines
            .iter()
            .filter_map(|list| list.next(&self.sessions));
        let admissions = self.admission_deadlines.next(&self.admissions);
        sessions
            .chain(admissions)
            .map(|(_, at)| at)
            .chain(self.ended.deadline())
            .min()
    }

    /// Lets every timer that is due at `now` fire.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.set_now(now);
        let now = self.now;
        for class in Class::ALL {
            while let Some((index, at)) = self.deadlines[class as usize].next(&self.sessions)
                && at <= now
                && let Some(key) = self.sessions.key_at(index)
            {
                self.disarm(key);
                match class {
                    Class::Heartbeat | Class::ScriptHeartbeat => self.heartbeat(key),
                    Class::Disconnect => self.disconnect(key, now - at),
                }
            }
        }
        while let Some((index, at)) = self.admission_deadlines.next(&self.admissions)
            && at <= now
            && let Some(key) = self.admissions.key_at(index)
        {
            self.refuse(key, UNAVAILABLE);
        }
        self.ended.forget(now);
    }

    /// The sessions there are, in no order: for a shutdown, or statistics.
    pub fn sessions(&self) -> impl Iterator<Item = SessionKey> {
        self.sessions.keys().map(SessionKey)
    }

    /// How many sessions there are, with those that are over and not yet told so.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many receiving requests are under way.
    pub fn receiver_count(&self) -> usize {
        self.receivers.len()
    }

    /// How many ids of ended sessions are remembered.
    pub fn remembered_count(&self) -> usize {
        self.ended.len()
    }

    /// Time does not run backwards, whatever callers say.
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn heartbeat(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let waiting = session
            .receiver
            .and_then(|receiver| self.receivers.get(receiver.0));
        // One that does not wait has bytes on their way.
        if waiting.is_some_and(|receiver| receiver.waiting) {
            session.flags.heartbeat = true;
            self.wake_receiver_of(key);
        } else {
            self.rearm(key);
        }
    }

    fn disconnect(&mut self, key: Key, late: Duration) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if late > PUNCTUAL && !session.flags.spared {
            session.flags.spared = true;
            return self.rearm(key);
        }
        // Who polls later than that begins anew, unless a longer memory was asked for.
        let last = match session.life() {
            Life::Closing(closing) if self.terms.memory > self.terms.disconnect_delay => {
                Some(Last::Closed(closing.close.clone()))
            }
            Life::Open | Life::Closing(_) | Life::Over => None,
        };
        self.end(key, Cause::Disconnected, last);
    }

    /// A receiver was cut: bytes may be lost.
    pub(crate) fn cut(&mut self, key: Key) {
        let last = match self.sessions.get(key).map(Session::life) {
            Some(Life::Closing(closing)) => Some(Last::Closed(closing.close.clone())),
            Some(Life::Open) => match self.terms.after_cut {
                AfterCut::Interrupted => Some(Last::Cut(Close::INTERRUPTED)),
                AfterCut::Open => None,
            },
            Some(Life::Over) | None => return,
        };
        self.end(key, Cause::Interrupted, last);
    }

    /// Sets the one deadline that a session in its state has, counted from now.
    pub(crate) fn rearm(&mut self, key: Key) {
        self.disarm(key);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let (class, delay) = match (session.life(), session.receiver) {
            // The receiver gets the close as soon as its connection has room.
            (Life::Over, _) | (Life::Closing(_), Some(_)) => return,
            (Life::Open, Some(receiver)) => {
                let receiver = self.receivers.get(receiver.0);
                match receiver.map(|receiver| receiver.transport()) {
                    Some(Transport::Jsonp) => {
                        (Class::ScriptHeartbeat, self.terms.script_heartbeat_delay)
                    }
                    _ => (Class::Heartbeat, self.terms.heartbeat_delay),
                }
            }
            // The browser still reads; if it does not, its connection will tell.
            (Life::Open | Life::Closing(_), None) if session.unflushed > 0 => return,
            (Life::Open | Life::Closing(_), None) => {
                (Class::Disconnect, self.terms.disconnect_delay)
            }
        };
        session.class = Some(class);
        let list = &mut self.deadlines[class as usize];
        list.push(&mut self.sessions, key.index, self.now + delay);
    }

    pub(crate) fn disarm(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && let Some(class) = session.class.take()
        {
            self.deadlines[class as usize].remove(&mut self.sessions, key.index);
        }
    }

    /// What an id stands for.
    pub(crate) fn find(&self, id: &[u8], hash: u64) -> Option<Place> {
        let entry = self
            .table
            .find(hash, |entry| self.id_of(entry) == Some(id))?;
        match entry.parts() {
            (index, false) => self.sessions.key_at(index).map(Place::Session),
            (index, true) => self.admissions.key_at(index).map(Place::Admission),
        }
    }

    pub(crate) fn remember_id(&mut self, place: Place, hash: u64) {
        let Self {
            table,
            sessions,
            admissions,
            hasher,
            ..
        } = self;
        table.insert_unique(hash, Entry::of(place), |entry| {
            hasher.hash(id_of(sessions, admissions, entry).unwrap_or_default())
        });
    }

    pub(crate) fn forget_place(&mut self, place: Place, hash: u64) {
        let known = Entry::of(place);
        if let Ok(entry) = self.table.find_entry(hash, |other| *other == known) {
            entry.remove();
        }
        if self.table.is_empty() {
            self.table = HashTable::new();
        }
    }

    pub(crate) fn forget_id(&mut self, key: Key, hash: u64) {
        self.forget_place(Place::Session(key), hash);
    }

    fn id_of(&self, entry: &Entry) -> Option<&[u8]> {
        id_of(&self.sessions, &self.admissions, entry)
    }
}

fn id_of<'a, R>(
    sessions: &'a Slab<Session<R>>,
    admissions: &'a Slab<Pending<R>>,
    entry: &Entry,
) -> Option<&'a [u8]> {
    match entry.parts() {
        (index, false) => sessions.at(index).map(|session| session.id.as_bytes()),
        (index, true) => admissions.at(index).map(|pending| pending.id.as_bytes()),
    }
}

impl<R> fmt::Debug for Endpoint<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("sessions", &self.sessions.len())
            .field("receivers", &self.receivers.len())
            .field("senders", &self.senders.len())
            .field("admissions", &self.admissions.len())
            .field("ended", &self.ended.len())
            .finish_non_exhaustive()
    }
}

/// A hash that nobody without the key can aim at.
#[derive(Clone, Copy)]
pub(crate) struct Keyed(SipHasher13);

impl Keyed {
    pub(crate) fn hash(&self, id: &[u8]) -> u64 {
        let mut hasher = self.0;
        hasher.write(id);
        hasher.finish()
    }
}

/// Whether a receiver's response ends after one frame.
pub(crate) fn is_polling(transport: Transport) -> bool {
    match transport.kind() {
        Kind::Polling => true,
        Kind::Streaming | Kind::Socket | Kind::Sending => false,
    }
}

/// For a request that cannot be served now.
pub(crate) const UNAVAILABLE: u16 = 503;
/// Timers of a shard are looked at this often at least, unless the program is behind.
const PUNCTUAL: Duration = Duration::from_millis(500);
/// Wakes come in small numbers but for broadcasts, whose queue is not kept.
const WAKES_KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::cell::Cell;

    use super::*;
    use crate::{Config, Wrapping};

    /// How many ids are compared to find each of `ids` under a key.
    fn comparisons(key: [u8; 16], ids: &[String]) -> usize {
        let service = Service::new(Config::default()).expect("good options");
        let mut endpoint = Endpoint::<()>::new(&service, Admit::All, Capacity::new(ids.len()), key);
        for id in ids {
            endpoint.attach(Instant::ZERO, id.as_str(), Wrapping::Xhr, || Ok(()));
        }
        assert_eq!(endpoint.session_count(), ids.len());
        let compared = Cell::new(0);
        for id in ids {
            let place = endpoint
                .table
                .find(endpoint.hasher.hash(id.as_bytes()), |place| {
                    compared.set(compared.get() + 1);
                    endpoint.id_of(place) == Some(id.as_bytes())
                });
            assert!(place.is_some());
        }
        compared.get()
    }

    #[test]
    fn ids_that_collide_under_one_key_do_not_under_another() {
        // Where an entry is looked for is said by the low bits of a word of its hash, and which of
        // those that are there are compared by the highest seven.
        let (known, secret) = ([7; 16], [8; 16]);
        let hasher = Keyed(SipHasher13::new_with_key(&known));
        let aimed = 0x7f << (usize::BITS - 7) | 0x1f;
        let collide = |id: &String| hasher.hash(id.as_bytes()) & aimed == 0;
        let chosen: Vec<String> = (0..)
            .map(|nth: u32| format!("{nth:x}"))
            .filter(collide)
            .take(128)
            .collect();
        let flooded = comparisons(known, &chosen);
        let usual = comparisons(secret, &chosen);
        assert!(
            flooded > 6 * chosen.len(),
            "{flooded}: a flood would be seen"
        );
        assert!(usual < 2 * chosen.len(), "{usual} for {}", chosen.len());
    }
}
