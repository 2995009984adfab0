//! Sessions that ask to begin.

use alloc::collections::VecDeque;
use core::fmt;

use websocket_proto::Instant;

use crate::deadlines::{Link, Linked};
use crate::endpoint::{Place, UNAVAILABLE};
use crate::exchange::{
    Admission, AdmissionId, Admit, ReceiverId, SenderId, SessionKey, Verdict, Wake,
};
use crate::receiver::{Stage, attach};
use crate::sender::Home;
use crate::session::Session;
use crate::slab::Key;
use crate::{Close, Endpoint, SessionId};

/// A session that the application is asked about.
pub(crate) struct Pending<R> {
    pub(crate) id: SessionId,
    /// Until the application has taken it.
    request: Option<R>,
    link: Link,
    /// The requests that wait for the verdict. Without a receiver there is nothing to decide.
    receivers: VecDeque<ReceiverId>,
    pub(crate) senders: VecDeque<SenderId>,
}

impl<R> Linked for Pending<R> {
    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("id", &self.id)
            .field("receivers", &self.receivers)
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

/// Admission.
impl<R> Endpoint<R> {
    /// The next session that asks to begin, with [`Admit::Ask`]. It waits for the
    /// [verdict](Self::decide), and is refused with 503 at the deadline.
    pub fn poll_admission(&mut self) -> Option<Admission<R>> {
        loop {
            let key = self.asked.pop_front()?;
            if let Some(pending) = self.admissions.get_mut(key)
                && let Some(request) = pending.request.take()
            {
                return Some(Admission {
                    id: AdmissionId(key),
                    session: pending.id.clone(),
                    request,
                });
            }
        }
    }

    /// Decides whether a session begins. It is told by [`Wake::Opened`] if it does.
    ///
    /// # Errors
    ///
    /// The verdict comes back when there is nothing to decide any more: the request has gone, or the
    /// deadline has passed.
    pub fn decide(
        &mut self,
        now: Instant,
        admission: AdmissionId,
        verdict: Verdict<R>,
    ) -> Result<(), Verdict<R>> {
        self.set_now(now);
        if self.admissions.get(admission.0).is_none() {
            return Err(verdict);
        }
        match verdict {
            Verdict::Accept(request) => self.accept(admission.0, Some(request), None),
            Verdict::Close(close) => self.accept(admission.0, None, Some(close)),
            Verdict::Refuse(status) => self.refuse(admission.0, status),
        }
        Ok(())
    }

    /// A receiving request of an unknown id.
    pub(crate) fn begin(
        &mut self,
        id: SessionId,
        hash: u64,
        receiver: ReceiverId,
        request: impl FnOnce() -> Result<R, u16>,
    ) -> Stage {
        if !self.taken.take() {
            return Stage::Refused(UNAVAILABLE);
        }
        let request = match request() {
            Ok(request) => request,
            Err(status) => {
                self.taken.give_back();
                return Stage::Refused(status);
            }
        };
        match self.admit {
            Admit::All => {
                let mut session = Session::new(id, Some(request));
                attach(&mut session, receiver);
                Stage::Attached(self.open(session, hash))
            }
            Admit::Ask => {
                let key = self.admissions.insert(Pending {
                    id,
                    request: Some(request),
                    link: Link::new(),
                    receivers: [receiver].into(),
                    senders: VecDeque::new(),
                });
                self.remember_id(Place::Admission(key), hash);
                let deadline = self.now + self.terms.admission_deadline;
                self.admission_deadlines
                    .push(&mut self.admissions, key.index, deadline);
                self.asked.push_back(key);
                self.wakes.push_back(Wake::Admission);
                Stage::Admission(key)
            }
        }
    }

    /// Another receiving request while the first waits for its verdict.
    pub(crate) fn join_admission(&mut self, key: Key, receiver: ReceiverId) -> Stage {
        match self.admissions.get_mut(key) {
            Some(pending) if pending.receivers.len() < MOST_WAITING => {
                pending.receivers.push_back(receiver);
                Stage::Admission(key)
            }
            _ => Stage::Refused(UNAVAILABLE),
        }
    }

    /// Whether a sender may wait for the verdict, too.
    pub(crate) fn admission_has_room(&self, key: Key) -> bool {
        self.admissions
            .get(key)
            .is_some_and(|pending| pending.senders.len() < MOST_WAITING)
    }

    pub(crate) fn leave_admission(&mut self, key: Key, receiver: ReceiverId) {
        let Some(pending) = self.admissions.get_mut(key) else {
            return;
        };
        pending.receivers.retain(|&waiting| waiting != receiver);
        if pending.receivers.is_empty() {
            self.refuse(key, UNAVAILABLE);
        }
    }

    fn open(&mut self, session: Session<R>, hash: u64) -> Key {
        let key = self.sessions.insert(session);
        self.remember_id(Place::Session(key), hash);
        self.wakes.push_back(Wake::Opened(SessionKey(key)));
        key
    }

    /// Begins a session; one with a `close` is over as far as the application is concerned.
    fn accept(&mut self, key: Key, request: Option<R>, close: Option<Close>) {
        let Some((mut pending, hash)) = self.take_admission(key) else {
            return;
        };
        let mut session = Session::new(pending.id, request);
        let first = pending.receivers.pop_front();
        if let Some(receiver) = first {
            attach(&mut session, receiver);
        }
        let key = match close {
            None => {
                if !pending.senders.is_empty() {
                    session.backlog().senders.extend(&pending.senders);
                }
                self.open(session, hash)
            }
            Some(close) => {
                let until = self.now + self.terms.closing_deadline;
                session.close(close, until);
                session.flags.released = true;
                let key = self.sessions.insert(session);
                self.remember_id(Place::Session(key), hash);
                self.wakes
                    .extend(pending.senders.iter().copied().map(Wake::Sender));
                key
            }
        };
        for sender in pending.senders {
            if let Some(sender) = self.senders.get_mut(sender.0) {
                sender.home = Home::Session(key);
            }
        }
        if let Some(receiver) = first {
            self.set_stage(receiver, Stage::Attached(key));
        }
        for receiver in pending.receivers {
            self.dismiss(receiver, Close::ANOTHER_CONNECTION);
        }
        self.rearm(key);
        self.resume_sender(key);
    }

    pub(crate) fn refuse(&mut self, key: Key, status: u16) {
        let Some((pending, _)) = self.take_admission(key) else {
            return;
        };
        self.taken.give_back();
        for receiver in pending.receivers {
            self.set_stage(receiver, Stage::Refused(status));
        }
        for sender in pending.senders {
            if let Some(sender) = self.senders.get_mut(sender.0) {
                sender.home = Home::Nowhere;
            }
            self.wakes.push_back(Wake::Sender(sender));
        }
    }

    fn take_admission(&mut self, key: Key) -> Option<(Pending<R>, u64)> {
        let hash = self.hasher.hash(self.admissions.get(key)?.id.as_bytes());
        self.forget_place(Place::Admission(key), hash);
        self.admission_deadlines
            .remove(&mut self.admissions, key.index);
        let pending = self.admissions.remove(key)?;
        Some((pending, hash))
    }
}

/// A client has one receiver and one sender at a time; a few more may come from a proxy.
const MOST_WAITING: usize = 8;
