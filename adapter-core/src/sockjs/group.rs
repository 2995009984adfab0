//! Messages to many sessions at once.

use std::fmt;
use std::sync::{Arc, Weak};

use sockjs_proto::{Close, Literal, Message};
use websocket_proto::Refused;

use super::core::Core;
use super::socket::Cell;
use super::{Session, SessionSender};
use crate::sync::{Mutex, lock};

/// Sessions that get the same messages, over whatever transports. Clones are the same group.
///
/// A message is encoded once for all. Members leave when their session is over.
///
/// ```
/// use adapter_core::{Group, Session};
///
/// async fn chat(mut session: Session, room: Group) {
///     room.join(&session);
///     while let Some(line) = session.recv().await {
///         room.send(line);
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    members: Mutex<Members>,
    slow: Slow,
    /// Held while a message is handed to all, so that all get messages in the same order.
    order: Mutex<()>,
}

#[derive(Default)]
struct Members {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    generation: u64,
    member: Option<Place>,
}

struct Place {
    core: Arc<Core>,
    door: Door,
}

/// Where a member takes messages.
#[derive(Clone)]
enum Door {
    /// At its machine: what else there is of it need not be touched, and is in no cache.
    Socket(Arc<Cell>),
    Shard(Arc<Core>),
}

/// What becomes of a member for whom [too much](sockjs_proto::Config::outgoing_mark) waits already.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Slow {
    /// It does not get the message.
    #[default]
    Skip,
    /// It is closed: a browser that misses a message knows it.
    Close(Close),
}

/// What became of a message to a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Members to whom it is on its way.
    pub sent: usize,
    /// Members that were too slow.
    pub slow: usize,
}

/// Anything that stands for a session.
pub trait Member {
    /// A handle of it.
    fn sender(&self) -> SessionSender;
}

impl Member for Session {
    fn sender(&self) -> SessionSender {
        self.sender()
    }
}

impl Member for SessionSender {
    fn sender(&self) -> SessionSender {
        self.clone()
    }
}

impl Group {
    /// A group without members, which are skipped when they are too slow.
    pub fn new() -> Self {
        Self::with_slow(Slow::default())
    }

    /// A group that deals with slow members as told.
    pub fn with_slow(slow: Slow) -> Self {
        Self(Arc::new(Inner {
            members: Mutex::new(Members::default()),
            slow,
            order: Mutex::new(()),
        }))
    }

    /// Makes a session a member until it is over, or [leaves](Self::leave). Joining twice is joining
    /// once.
    pub fn join(&self, session: &impl Member) {
        let core = session.sender().0;
        let (index, generation) = lock(&self.0.members).add(&core);
        core.take_seat(Seat {
            group: Arc::downgrade(&self.0),
            index,
            generation,
        });
    }

    /// Ends a membership.
    pub fn leave(&self, session: &impl Member) {
        let group = Arc::downgrade(&self.0);
        let core = session.sender().0;
        core.leave_seats(|seat| seat.group.ptr_eq(&group));
    }

    /// Sends a message to all members.
    ///
    /// It does not wait: members that are too slow are dealt with as the group was told. All members
    /// get the messages of a group in the same order.
    pub fn send(&self, message: impl Into<Message>) -> Sent {
        self.send_literal(&Literal::new(&message.into()))
    }

    /// Sends a message that is encoded already.
    pub fn send_literal(&self, literal: &Literal) -> Sent {
        self.send_but(literal, None)
    }

    /// Sends a message to all members but one, who knows it already.
    pub fn send_to_others(&self, session: &impl Member, message: impl Into<Message>) -> Sent {
        let literal = Literal::new(&message.into());
        self.send_but(&literal, Some(&session.sender().0))
    }

    fn send_but(&self, literal: &Literal, but: Option<&Arc<Core>>) -> Sent {
        let mut outcome = Sent::default();
        let but = but.map(Door::of);
        let mut late = Vec::new();
        let order = lock(&self.0.order);
        let mut next = 0;
        loop {
            let mut some = Vec::with_capacity(AT_ONCE);
            next = lock(&self.0.members).some_from(next, &mut some);
            if some.is_empty() {
                break;
            }
            for (index, generation, door) in some {
                if but.as_ref().is_some_and(|but| but.is(&door)) {
                    continue;
                }
                match door.send(literal) {
                    Ok(()) => outcome.sent += 1,
                    Err(Refused::Full) => {
                        outcome.slow += 1;
                        late.push((index, generation));
                    }
                    // It is over and leaves by itself.
                    Err(_) => {}
                }
            }
        }
        drop(order);
        for (index, generation) in late {
            let member = lock(&self.0.members).member(index, generation);
            match (&self.0.slow, member) {
                (Slow::Skip, Some(member)) => member.stripe().skipped(),
                (Slow::Close(close), Some(member)) => member.close(close.clone()),
                // It has left meanwhile.
                (_, None) => {}
            }
        }
        outcome
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        let members = lock(&self.0.members);
        members.slots.len() - members.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("members", &self.len())
            .field("slow", &self.0.slow)
            .finish()
    }
}

impl Members {
    /// Gives a new member a slot.
    fn add(&mut self, core: &Arc<Core>) -> (usize, u64) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                member: None,
            });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.member = Some(Place {
            core: Arc::clone(core),
            door: Door::of(core),
        });
        (index, slot.generation)
    }

    fn member(&self, index: usize, generation: u64) -> Option<Arc<Core>> {
        let slot = self.slots.get(index)?;
        let place = slot.member.as_ref()?;
        (slot.generation == generation).then(|| Arc::clone(&place.core))
    }

    /// Adds members from the slot `index` on; returns the first slot that was not looked at.
    fn some_from(&self, index: usize, some: &mut Vec<(usize, u64, Door)>) -> usize {
        let mut next = index;
        for slot in self.slots.iter().skip(index) {
            if some.len() == AT_ONCE {
                break;
            }
            if let Some(place) = &slot.member {
                some.push((next, slot.generation, place.door.clone()));
            }
            next += 1;
        }
        next
    }
}

impl Door {
    fn of(core: &Arc<Core>) -> Self {
        match core.cell() {
            Some(cell) => Self::Socket(Arc::clone(cell)),
            None => Self::Shard(Arc::clone(core)),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Socket(one), Self::Socket(other)) => Arc::ptr_eq(one, other),
            (Self::Shard(one), Self::Shard(other)) => Arc::ptr_eq(one, other),
            (Self::Socket(_), Self::Shard(_)) | (Self::Shard(_), Self::Socket(_)) => false,
        }
    }

    fn send(&self, literal: &Literal) -> Result<(), Refused> {
        match self {
            Self::Socket(cell) => cell.send_literal(literal),
            Self::Shard(core) => core.try_send_literal(literal),
        }
    }
}

/// A session's place in a group.
#[derive(Debug)]
pub(crate) struct Seat {
    group: Weak<Inner>,
    index: usize,
    generation: u64,
}

impl Seat {
    pub(crate) fn leave(self) {
        let Some(group) = self.group.upgrade() else {
            return;
        };
        let member = {
            let mut members = lock(&group.members);
            let Some(slot) = members.slots.get_mut(self.index) else {
                return;
            };
            if slot.generation != self.generation {
                return;
            }
            slot.generation += 1;
            let member = slot.member.take();
            members.free.push(self.index);
            member
        };
        drop(member);
    }

    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.group.ptr_eq(&other.group)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Group")
    }
}

/// Members that are kept from leaving while they are sent to.
const AT_ONCE: usize = 256;
