//! Sending requests: what the browser says.

use alloc::collections::VecDeque;

use websocket_proto::Instant;

use crate::ended::Last;
use crate::endpoint::{Place, UNAVAILABLE};
use crate::exchange::{FromSession, SenderId};
use crate::session::{Life, Session};
use crate::slab::Key;
use crate::{Endpoint, Message};

/// A parked request. It holds its messages itself.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) home: Home,
}

/// What a parked sender waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Home {
    /// A verdict.
    Admission(Key),
    /// Room.
    Session(Key),
    /// To hear that there is no session.
    Nowhere,
}

/// The connections' side, of senders.
impl<R> Endpoint<R> {
    /// Gives the application the messages of a sending request.
    ///
    /// A session takes messages until its mark is passed, and the rest is parked: given back, with a
    /// name that [`Wake::Sender`](crate::Wake::Sender) calls when the application has worked off
    /// half. Other senders queue behind, so that messages stay in order.
    pub fn deliver(
        &mut self,
        now: Instant,
        id: impl AsRef<[u8]>,
        mut messages: VecDeque<Message>,
    ) -> FromSession {
        self.set_now(now);
        let id = id.as_ref();
        let hash = self.hasher.hash(id);
        let home = match self.find(id, hash) {
            None => {
                return match self.ended.get(id, hash, self.now) {
                    Some(Last::Closed(_)) => FromSession::Closing,
                    Some(Last::Cut(_)) | None => FromSession::UnknownSession,
                };
            }
            Some(Place::Admission(key)) if self.admission_has_room(key) => Home::Admission(key),
            Some(Place::Admission(_)) => return FromSession::Refused(UNAVAILABLE),
            Some(Place::Session(key)) => {
                let Some(session) = self.sessions.get_mut(key) else {
                    return FromSession::UnknownSession;
                };
                match session.life() {
                    Life::Open => {}
                    Life::Closing(_) => return FromSession::Closing,
                    Life::Over => return FromSession::UnknownSession,
                }
                if !session.has_parked() && session.take(&mut messages, &self.terms) {
                    self.wake_session(key);
                }
                if messages.is_empty() {
                    return FromSession::Delivered;
                }
                Home::Session(key)
            }
        };
        let sender = SenderId(self.senders.insert(Sender { home }));
        match home {
            Home::Admission(key) => {
                if let Some(pending) = self.admissions.get_mut(key) {
                    pending.senders.push_back(sender);
                }
            }
            Home::Session(key) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session.backlog().senders.push_back(sender);
                }
            }
            Home::Nowhere => {}
        }
        FromSession::Parked {
            sender,
            rest: messages,
        }
    }

    /// A parked sender tries again.
    pub fn resume(
        &mut self,
        now: Instant,
        sender: SenderId,
        mut messages: VecDeque<Message>,
    ) -> FromSession {
        self.set_now(now);
        let home = self
            .senders
            .get(sender.0)
            .map_or(Home::Nowhere, |entry| entry.home);
        let key = match home {
            Home::Admission(_) => {
                return FromSession::Parked {
                    sender,
                    rest: messages,
                };
            }
            Home::Session(key) => key,
            Home::Nowhere => {
                self.senders.remove(sender.0);
                return FromSession::UnknownSession;
            }
        };
        let session = self.sessions.get_mut(key);
        let Some(session) = session.filter(|session| session.is_open()) else {
            self.senders.remove(sender.0);
            return match self.sessions.get(key).map(Session::life) {
                Some(Life::Closing(_)) => FromSession::Closing,
                Some(Life::Open | Life::Over) | None => FromSession::UnknownSession,
            };
        };
        let first = session.backlog().senders.front() == Some(&sender);
        if first {
            let took = session.take(&mut messages, &self.terms);
            session.backlog().resuming = false;
            if took {
                self.wake_session(key);
            }
            if messages.is_empty() {
                self.abandon(now, sender);
                return FromSession::Delivered;
            }
        }
        FromSession::Parked {
            sender,
            rest: messages,
        }
    }

    /// The connection of a parked sender was lost; the messages it still held are not delivered.
    ///
    /// The application may have got some that came before them in the same request. It has got them
    /// once and in order, and the browser was not told of a success.
    pub fn abandon(&mut self, now: Instant, sender: SenderId) {
        self.set_now(now);
        let Some(entry) = self.senders.remove(sender.0) else {
            return;
        };
        match entry.home {
            Home::Admission(key) => {
                if let Some(pending) = self.admissions.get_mut(key) {
                    pending.senders.retain(|&parked| parked != sender);
                }
            }
            Home::Session(key) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    let backlog = session.backlog();
                    if backlog.senders.front() == Some(&sender) {
                        backlog.resuming = false;
                    }
                    backlog.senders.retain(|&parked| parked != sender);
                    session.settle();
                    self.resume_sender(key);
                }
            }
            Home::Nowhere => {}
        }
    }
}
