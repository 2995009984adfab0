//! What an application does with the sessions of an endpoint.

use websocket_proto::{Instant, Refused, SendError};

use crate::ended::Last;
use crate::event::{AnySession, Cause, Event};
use crate::exchange::{SessionKey, Wake};
use crate::session::Life;
use crate::slab::Key;
use crate::{Close, Endpoint, Literal, Message, SessionId};

/// A session of an [`Endpoint`], with the verbs that every session has.
#[derive(Debug)]
pub struct SessionMut<'a, R> {
    endpoint: &'a mut Endpoint<R>,
    key: SessionKey,
}

impl<R> AnySession for SessionMut<'_, R> {
    fn poll_event(&mut self) -> Option<Event> {
        self.endpoint.poll_event(self.key)
    }

    fn can_send(&mut self) -> Result<(), Refused> {
        self.endpoint.can_send(self.key)
    }

    fn send(&mut self, message: Message) -> Result<(), SendError<Message>> {
        self.endpoint
            .send(self.key, Literal::new(&message))
            .map_err(|SendError { why, .. }| SendError {
                payload: message,
                why,
            })
    }

    fn send_literal(&mut self, literal: Literal) -> Result<(), SendError<Literal>> {
        self.endpoint.send(self.key, literal)
    }

    fn close(&mut self, now: Instant, close: Close) {
        self.endpoint.close(now, self.key, close);
    }

    fn buffered(&mut self) -> usize {
        self.endpoint.buffered(self.key)
    }
}

/// The application's verbs.
impl<R> Endpoint<R> {
    /// The session of that key, to be used like one over a WebSocket.
    pub const fn session(&mut self, key: SessionKey) -> SessionMut<'_, R> {
        SessionMut {
            endpoint: self,
            key,
        }
    }

    /// Takes the session's next event. `None`: [`Wake::Session`] tells when there is another. After
    /// [`Event::Closed`] the key is stale.
    pub fn poll_event(&mut self, key: SessionKey) -> Option<Event> {
        let session = self.sessions.get_mut(key.0)?;
        let event = session.pop_event(&self.terms);
        match &event {
            None => session.flags.listens = true,
            Some(Event::Closed(_)) => {
                self.remove(key.0);
            }
            Some(Event::Message(_)) => self.resume_sender(key.0),
            Some(Event::Open | Event::Writable) => {}
        }
        event
    }

    /// Whether [`send`](Self::send) would take a message now.
    ///
    /// # Errors
    ///
    /// Why it would not, with the same to follow.
    pub fn can_send(&mut self, key: SessionKey) -> Result<(), Refused> {
        let mark = self.terms.outgoing_mark;
        match self.sessions.get_mut(key.0) {
            Some(session) if session.is_open() && session.outgoing_weight() < mark => Ok(()),
            Some(session) if session.is_open() => {
                session.flags.awaits_room = true;
                session.flags.blocked = true;
                Err(Refused::Full)
            }
            Some(_) | None => Err(Refused::Closing),
        }
    }

    /// Queues a message for the browser.
    ///
    /// # Errors
    ///
    /// The message comes back: [`Full`](Refused::Full) while more than the mark waits
    /// ([`Event::Writable`] tells when to try again), [`Closing`](Refused::Closing) once the session
    /// is closing or over.
    pub fn send(&mut self, key: SessionKey, literal: Literal) -> Result<(), SendError<Literal>> {
        if let Err(why) = self.can_send(key) {
            return Err(SendError {
                payload: literal,
                why,
            });
        }
        if let Some(session) = self.sessions.get_mut(key.0) {
            session.backlog().push(literal);
        }
        self.wake_receiver_of(key.0);
        Ok(())
    }

    /// Closes the session: what was sent before still goes out, and then the close. Once it has
    /// begun, does nothing.
    pub fn close(&mut self, now: Instant, key: SessionKey, close: Close) {
        self.set_now(now);
        let until = self.now + self.terms.closing_deadline;
        let Some(session) = self
            .sessions
            .get_mut(key.0)
            .filter(|session| session.is_open())
        else {
            return;
        };
        session.close(close, until);
        session.flags.heartbeat = false;
        self.wake_receiver_of(key.0);
        self.wake_senders_of(key.0);
        self.wake_blocked(key.0);
        self.rearm(key.0);
    }

    /// The application is done with the session: it is closed if it was not yet, and its remaining
    /// events are dropped.
    pub fn release(&mut self, now: Instant, key: SessionKey) {
        self.close(now, key, self.terms.default_close.clone());
        let Some(session) = self.sessions.get_mut(key.0) else {
            return;
        };
        session.hush();
        if matches!(session.life(), Life::Over) {
            self.remove(key.0);
        }
    }

    /// What is known of the session since its beginning.
    pub fn request(&self, key: SessionKey) -> Option<&R> {
        self.sessions.get(key.0)?.request.as_ref()
    }

    /// Takes that, for an application that keeps it with what it has of the session itself.
    pub fn take_request(&mut self, key: SessionKey) -> Option<R> {
        self.sessions.get_mut(key.0)?.request.take()
    }

    /// The id that the browser chose.
    pub fn id(&self, key: SessionKey) -> Option<&SessionId> {
        self.sessions.get(key.0).map(|session| &session.id)
    }

    /// How many bytes wait for the browser.
    pub fn buffered(&self, key: SessionKey) -> usize {
        self.sessions
            .get(key.0)
            .map_or(0, |session| session.outgoing_weight())
    }

    /// There is an event the handler may not know of.
    pub(crate) fn wake_session(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && session.flags.listens
            && !session.flags.released
        {
            session.flags.listens = false;
            self.wakes.push_back(Wake::Session(SessionKey(key)));
        }
    }

    /// A send that was refused would fare otherwise now. Whoever waits for that need not have had
    /// every event: a handler that answers each message waits with more of them to come.
    pub(crate) fn wake_blocked(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && core::mem::take(&mut session.flags.blocked)
            && !session.flags.released
        {
            session.flags.listens = false;
            self.wakes.push_back(Wake::Session(SessionKey(key)));
        }
    }

    /// Lets the oldest parked sender go on, if there is room.
    pub(crate) fn resume_sender(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && let Some(backlog) = &mut session.backlog
            && backlog.has_room(&self.terms)
            && !backlog.resuming
            && let Some(&sender) = backlog.senders.front()
        {
            backlog.resuming = true;
            self.wakes.push_back(Wake::Sender(sender));
        }
    }

    /// Tells all parked senders to find out that nobody takes their messages any more.
    fn wake_senders_of(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && let Some(backlog) = &mut session.backlog
        {
            let told = usize::from(core::mem::take(&mut backlog.resuming));
            let senders = core::mem::take(&mut backlog.senders);
            self.wakes
                .extend(senders.into_iter().skip(told).map(Wake::Sender));
            session.settle();
        }
    }

    /// Nobody has anything to do with a session any more.
    fn remove(&mut self, key: Key) {
        if self.sessions.remove(key).is_some() {
            self.taken.give_back();
        }
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, key: Key, cause: Cause, last: Option<Last>) {
        self.disarm(key);
        self.wake_senders_of(key);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let hash = self.hasher.hash(session.id.as_bytes());
        if !session.end(cause) {
            return;
        }
        if let Some(backlog) = &mut session.backlog {
            backlog.clear_outgoing();
        }
        let id = session.id.clone();
        let receiver = session.receiver.take();
        let newcomers = session.take_newcomers();
        if session.flags.released {
            self.remove(key);
        }
        self.forget_id(key, hash);
        let farewell = last
            .as_ref()
            .map_or(Close::INTERRUPTED, |last| last.close().clone());
        for receiver in receiver.into_iter().chain(newcomers) {
            self.dismiss(receiver, farewell.clone());
        }
        if let Some(last) = last {
            self.ended
                .push(id, hash, last, self.now + self.terms.memory);
        }
        self.wake_blocked(key);
        self.wake_session(key);
    }
}
