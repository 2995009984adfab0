//! Who waits for a session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use sockjs_proto::{AnySession, Close, Literal, Message};
use websocket_proto::{Instant, Refused, SendError};

use super::core::Touched;
use super::group::Seat;
use super::runner::Runner;
use super::stats::Traffic;

/// What is kept of a session beside its machine, under the same lock. An idle session has nobody but
/// its handler waiting.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Who waits for an event.
    pub(crate) receiver: Option<Waker>,
    /// The handler, kept while the session lives, whatever it waits for.
    pub(crate) runner: Option<Arc<Runner>>,
    crowd: Option<Box<Crowd>>,
    /// Whether the crowd has more than seats, or had: members of a group are many, and theirs is not
    /// looked at with each message.
    pub(crate) crowded: bool,
    /// The receiving handle is gone: what comes is dropped.
    pub(crate) deaf: bool,
    /// Callbacks of the session are running.
    pub(crate) running: bool,
    pub(crate) traffic: Traffic,
}

/// Who waits for something else, and what waits.
#[derive(Debug, Default)]
struct Crowd {
    room: Vec<Waker>,
    end: Vec<Waker>,
    /// Messages of a `Sink` for which the room it was promised went to something else. They go
    /// first, also before a close.
    overflow: VecDeque<Payload>,
    /// What the session is closed with behind them, and since when.
    close: Option<(Instant, Close)>,
    /// The session's places in groups.
    seats: Vec<Seat>,
}

impl Crowd {
    fn has_more_than_seats(&self) -> bool {
        !self.room.is_empty()
            || !self.end.is_empty()
            || !self.overflow.is_empty()
            || self.close.is_some()
    }
}

/// A message on its way to a machine. What a shard gets is encoded before its lock is taken.
#[derive(Debug)]
pub(crate) enum Payload {
    Plain(Message),
    Encoded(Message, Literal),
}

impl Payload {
    /// As text without framing.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Plain(message) | Self::Encoded(message, _) => message.len(),
        }
    }

    pub(crate) fn into_message(self) -> Message {
        match self {
            Self::Plain(message) | Self::Encoded(message, _) => message,
        }
    }

    pub(crate) fn send(self, session: &mut dyn AnySession) -> Result<(), SendError<Self>> {
        match self {
            Self::Plain(message) => session.send(message).map_err(|error| SendError {
                payload: Self::Plain(error.payload),
                why: error.why,
            }),
            Self::Encoded(message, literal) => {
                session.send_literal(literal).map_err(|error| SendError {
                    payload: Self::Encoded(message, error.payload),
                    why: error.why,
                })
            }
        }
    }
}

/// What a handle can wait for besides events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    Room,
    End,
}

impl Waiters {
    pub(crate) fn park_receiver(&mut self, cx: &Context<'_>) {
        match &mut self.receiver {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
    }

    pub(crate) fn park(&mut self, cx: &Context<'_>, wait: Wait) {
        self.crowded = true;
        let crowd = self.crowd.get_or_insert_default();
        let list = match wait {
            Wait::Room => &mut crowd.room,
            Wait::End => &mut crowd.end,
        };
        if !list.iter().any(|known| known.will_wake(cx.waker())) {
            list.push(cx.waker().clone());
        }
    }

    /// Whether somebody waits for room.
    pub(crate) fn awaits_room(&self) -> bool {
        let crowd = self.crowd.as_ref().filter(|_| self.crowded);
        crowd.is_some_and(|crowd| !crowd.room.is_empty())
    }

    /// Whether something has to go before what is sent now.
    pub(crate) fn holds_back(&self) -> bool {
        let crowd = self.crowd.as_ref().filter(|_| self.crowded);
        crowd.is_some_and(|crowd| !crowd.overflow.is_empty() || crowd.close.is_some())
    }

    /// Those who wait for room, to try again.
    pub(crate) fn take_room(&mut self) -> Vec<Waker> {
        match &mut self.crowd {
            Some(crowd) => std::mem::take(&mut crowd.room),
            None => Vec::new(),
        }
    }

    /// Everybody, to look at a session that is over.
    pub(crate) fn take_all(&mut self) -> Vec<Waker> {
        let mut all = self.take_room();
        all.extend(self.receiver.take());
        if let Some(crowd) = &mut self.crowd {
            all.append(&mut crowd.end);
        }
        all
    }

    /// Keeps a seat; one in the same group as another comes back.
    pub(crate) fn take_seat(&mut self, seat: Seat) -> Option<Seat> {
        let seats = &mut self.crowd.get_or_insert_default().seats;
        if seats.iter().any(|known| known.is_of(&seat)) {
            return Some(seat);
        }
        seats.push(seat);
        None
    }

    /// The seats that `which` tells, to be left.
    pub(crate) fn leave_seats(&mut self, which: impl Fn(&Seat) -> bool) -> Vec<Seat> {
        let Some(crowd) = &mut self.crowd else {
            return Vec::new();
        };
        let seats = std::mem::take(&mut crowd.seats);
        let (left, kept) = seats.into_iter().partition(which);
        crowd.seats = kept;
        left
    }

    /// Sends with `attempt`, unless something else has to go first.
    pub(crate) fn send<T>(
        &mut self,
        session: &mut dyn AnySession,
        payload: T,
        bytes: usize,
        attempt: impl FnOnce(&mut dyn AnySession, T) -> Result<(), SendError<T>>,
    ) -> (Result<(), SendError<T>>, Touched) {
        if let Err(why) = self.can_send(session) {
            return (Err(SendError { payload, why }), Touched::Nothing);
        }
        match attempt(session, payload) {
            Ok(()) => {
                self.traffic.sent(bytes);
                (Ok(()), Touched::Sent)
            }
            Err(error) => (Err(error), Touched::Nothing),
        }
    }

    /// Whether a message would be taken now.
    pub(crate) fn can_send(&mut self, session: &mut dyn AnySession) -> Result<(), Refused> {
        self.push_overflow(session);
        let crowd = self.crowd.as_ref();
        if crowd.is_some_and(|crowd| crowd.close.is_some()) {
            return Err(Refused::Closing);
        }
        // With something left, it says that there is no room, and remembers who asked.
        session.can_send()
    }

    /// Keeps a message that has no room yet.
    pub(crate) fn overflow(&mut self, payload: Payload) {
        self.crowded = true;
        let crowd = self.crowd.get_or_insert_default();
        crowd.overflow.push_back(payload);
    }

    /// Closes the session behind what has no room yet.
    pub(crate) fn close(&mut self, session: &mut dyn AnySession, now: Instant, close: Close) {
        self.push_overflow(session);
        match &mut self.crowd {
            Some(crowd) if !crowd.overflow.is_empty() => {
                crowd.close.get_or_insert((now, close));
            }
            Some(_) | None => session.close(now, close),
        }
    }

    /// Sends what a sink accepted beyond the room, and then the close that waits behind it.
    pub(crate) fn push_overflow(&mut self, session: &mut dyn AnySession) {
        let Some(crowd) = &mut self.crowd else {
            return;
        };
        while let Some(payload) = crowd.overflow.pop_front() {
            let bytes = payload.bytes();
            match payload.send(session) {
                Ok(()) => self.traffic.sent(bytes),
                Err(SendError {
                    payload,
                    why: Refused::Full,
                }) => {
                    crowd.overflow.push_front(payload);
                    return;
                }
                // It is lost with the session, like anything else under way.
                Err(_) => {}
            }
        }
        if let Some((now, close)) = crowd.close.take() {
            session.close(now, close);
        }
        self.crowded = crowd.has_more_than_seats();
        if !self.crowded && crowd.seats.is_empty() {
            self.crowd = None;
        }
    }
}
