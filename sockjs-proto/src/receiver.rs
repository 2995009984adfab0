//! Receiving requests: what a session says, frame by frame.

use alloc::boxed::Box;
use alloc::vec::Vec;

use websocket_proto::Instant;

use crate::ended::Last;
use crate::endpoint::{Place, is_polling};
use crate::event::Cause;
use crate::exchange::{FromSession, ReceiverId, Wake};
use crate::session::{Life, Session};
use crate::slab::Key;
use crate::{Close, Endpoint, Frame, SessionId, Transport, Wrapping};

/// One response.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) stage: Stage,
    wrapping: Wrapping,
    /// Bytes that count towards the response limit.
    counted: u32,
    begun: bool,
    /// The connection waits for a wake.
    pub(crate) waiting: bool,
}

/// Where a response is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The application is asked whether the session may begin.
    Admission(Key),
    /// Another receiver is attached; it is being found out whether it is alive.
    Behind(Key),
    /// Gets the session's frames.
    Attached(Key),
    /// Has got the last one.
    Ending(Key),
    /// Gets this and ends.
    Farewell(Box<Close>),
    /// The session does not begin.
    Refused(u16),
    /// Has got the last frame, from no session.
    Done,
}

impl Receiver {
    pub(crate) const fn transport(&self) -> Transport {
        self.wrapping.transport()
    }

    /// What stands before the first frame, once.
    fn prelude(&mut self) -> Option<Vec<u8>> {
        if core::mem::replace(&mut self.begun, true) {
            return None;
        }
        let mut bytes = Vec::new();
        self.wrapping.write_prelude(&mut bytes);
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// The connections' side, of receivers.
impl<R> Endpoint<R> {
    /// A receiving request came. The response is [pulled](Self::pull).
    ///
    /// `request` is called when this begins a session, and may refuse that with an HTTP status:
    /// limits by address are kept there.
    pub fn attach(
        &mut self,
        now: Instant,
        session: impl Into<SessionId>,
        wrapping: Wrapping,
        request: impl FnOnce() -> Result<R, u16>,
    ) -> ReceiverId {
        self.set_now(now);
        let id = session.into();
        let hash = self.hasher.hash(id.as_bytes());
        let receiver = ReceiverId(self.receivers.insert(Receiver {
            stage: Stage::Done,
            wrapping,
            counted: 0,
            begun: false,
            waiting: false,
        }));
        let stage = match self.find(id.as_bytes(), hash) {
            Some(Place::Session(key)) => self.join(key, receiver),
            Some(Place::Admission(key)) => self.join_admission(key, receiver),
            None => match self.ended.get(id.as_bytes(), hash, self.now) {
                Some(last) => Stage::Farewell(Box::new(last.close().clone())),
                None => self.begin(id, hash, receiver, request),
            },
        };
        if let Some(entry) = self.receivers.get_mut(receiver.0) {
            entry.stage = stage;
        }
        if let Some(Stage::Attached(key)) = self.receivers.get(receiver.0).map(|entry| &entry.stage)
        {
            let key = *key;
            self.rearm(key);
        }
        receiver
    }

    /// A receiver for a session that there is.
    fn join(&mut self, key: Key, receiver: ReceiverId) -> Stage {
        let Some(session) = self.sessions.get_mut(key) else {
            return Stage::Done;
        };
        if let Life::Closing(closing) = session.life()
            && self.now >= closing.until
        {
            return Stage::Farewell(Box::new(closing.close.clone()));
        }
        let Some(incumbent) = session.receiver else {
            attach(session, receiver);
            return Stage::Attached(key);
        };
        let newcomers = &mut session.backlog().newcomers;
        if newcomers.len() >= MOST_NEWCOMERS {
            return Stage::Farewell(Box::new(Close::ANOTHER_CONNECTION));
        }
        newcomers.push_back(receiver);
        if newcomers.len() == 1 {
            self.wakes.push_back(Wake::CheckReceiver(incumbent));
        }
        Stage::Behind(key)
    }

    /// The next piece of a response. `room` is how many bytes the connection would like to take now;
    /// with zero it asks for nothing, and waits for no wake.
    pub fn pull(&mut self, now: Instant, receiver: ReceiverId, room: usize) -> FromSession {
        self.set_now(now);
        let Some(entry) = self.receivers.get_mut(receiver.0) else {
            return FromSession::End;
        };
        entry.waiting = false;
        let key = match &entry.stage {
            Stage::Refused(status) => {
                let status = *status;
                self.receivers.remove(receiver.0);
                return FromSession::Refused(status);
            }
            Stage::Ending(_) | Stage::Done => return FromSession::End,
            Stage::Admission(_) | Stage::Behind(_) => {
                entry.waiting = room > 0;
                return FromSession::Wait;
            }
            Stage::Farewell(_) | Stage::Attached(_) if room == 0 => return FromSession::Wait,
            Stage::Farewell(_) => return farewell(entry),
            Stage::Attached(key) => *key,
        };
        if let Some(bytes) = entry.prelude() {
            return FromSession::Frame {
                bytes: bytes.into(),
                last: false,
            };
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return FromSession::End;
        };
        let mut bytes = Vec::new();
        let Some(written) = write_frame(session, &entry.wrapping, room, &mut bytes) else {
            entry.waiting = true;
            return FromSession::Wait;
        };
        session.flags.heartbeat = false;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        entry.counted = entry.counted.saturating_add(len);
        let last = match written {
            Written::Close => true,
            Written::Open | Written::Heartbeat | Written::Messages => {
                is_polling(entry.transport()) || entry.counted >= self.terms.response_limit
            }
        };
        let writable = session.is_writable(&self.terms);
        if last {
            self.detach(key, receiver);
        } else {
            self.rearm(key);
        }
        if writable {
            self.wake_blocked(key);
            self.wake_session(key);
        }
        FromSession::Frame {
            bytes: bytes.into(),
            last,
        }
    }

    /// The connection ends the response of its own accord. Harmless when it has ended already.
    pub fn ending(&mut self, now: Instant, receiver: ReceiverId) {
        self.set_now(now);
        match self.stage(receiver) {
            Some(&Stage::Attached(key)) => self.detach(key, receiver),
            Some(&(Stage::Behind(key) | Stage::Admission(key))) => self.leave(key, receiver),
            Some(Stage::Ending(_) | Stage::Farewell(_) | Stage::Refused(_) | Stage::Done)
            | None => {}
        }
    }

    /// The kernel took the last byte of the response.
    pub fn flushed(&mut self, now: Instant, receiver: ReceiverId) {
        self.ending(now, receiver);
        let Some(entry) = self.receivers.remove(receiver.0) else {
            return;
        };
        let Stage::Ending(key) = entry.stage else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.unflushed = session.unflushed.saturating_sub(1);
        let idle = session.receiver.is_none() && session.unflushed == 0;
        match session.life() {
            Life::Open if idle => self.rearm(key),
            // The browser knows.
            Life::Closing(closing) if idle && session.unsent() == 0 && closing.told => {
                let last = Last::Closed(closing.close.clone());
                session.flags.in_doubt = false;
                self.end(key, Cause::Local, Some(last));
            }
            Life::Closing(_) if idle => self.rearm(key),
            Life::Open | Life::Closing(_) | Life::Over => {}
        }
    }

    /// The connection was lost before the kernel took the last byte of the response. The session is
    /// over, even if another receiver is attached by now: what the browser misses cannot be known.
    pub fn aborted(&mut self, now: Instant, receiver: ReceiverId) {
        self.set_now(now);
        let Some(entry) = self.receivers.get(receiver.0) else {
            return;
        };
        match entry.stage {
            Stage::Attached(key) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session.receiver = None;
                }
                self.cut(key);
            }
            Stage::Ending(key) => self.cut(key),
            Stage::Behind(key) | Stage::Admission(key) => self.leave(key, receiver),
            Stage::Farewell(_) | Stage::Refused(_) | Stage::Done => {}
        }
        self.receivers.remove(receiver.0);
    }

    /// The connection of an attached receiver was looked at and is not at its end.
    pub fn still_alive(&mut self, now: Instant, receiver: ReceiverId) {
        self.set_now(now);
        let Some(&Stage::Attached(key)) = self.stage(receiver) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        for newcomer in session.take_newcomers() {
            self.dismiss(newcomer, Close::ANOTHER_CONNECTION);
        }
    }

    /// Gives a receiver this close instead of a session's frames.
    pub(crate) fn dismiss(&mut self, receiver: ReceiverId, close: Close) {
        self.set_stage(receiver, Stage::Farewell(Box::new(close)));
    }

    /// Moves a receiver to a stage in which there is something to pull.
    pub(crate) fn set_stage(&mut self, receiver: ReceiverId, stage: Stage) {
        if let Some(entry) = self.receivers.get_mut(receiver.0) {
            entry.stage = stage;
            self.wake_receiver(receiver);
        }
    }

    pub(crate) fn wake_receiver(&mut self, receiver: ReceiverId) {
        if let Some(entry) = self.receivers.get_mut(receiver.0)
            && core::mem::take(&mut entry.waiting)
        {
            self.wakes.push_back(Wake::Receiver(receiver));
        }
    }

    pub(crate) fn wake_receiver_of(&mut self, key: Key) {
        if let Some(receiver) = self.sessions.get(key).and_then(|session| session.receiver) {
            self.wake_receiver(receiver);
        }
    }

    /// The attached receiver ends: a newcomer takes its place, and the others are one too many.
    fn detach(&mut self, key: Key, receiver: ReceiverId) {
        if let Some(entry) = self.receivers.get_mut(receiver.0) {
            entry.stage = Stage::Ending(key);
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.receiver = None;
        session.unflushed += 1;
        let mut newcomers = session.take_newcomers();
        if let Some(next) = newcomers.pop_front() {
            attach(session, next);
            self.set_stage(next, Stage::Attached(key));
        }
        for newcomer in newcomers {
            self.dismiss(newcomer, Close::ANOTHER_CONNECTION);
        }
        self.rearm(key);
    }

    /// A receiver that waits for a session or an admission goes away.
    fn leave(&mut self, key: Key, receiver: ReceiverId) {
        let stage = self
            .receivers
            .get_mut(receiver.0)
            .map(|entry| core::mem::replace(&mut entry.stage, Stage::Done));
        match stage {
            Some(Stage::Admission(_)) => self.leave_admission(key, receiver),
            Some(Stage::Behind(_)) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session
                        .backlog()
                        .newcomers
                        .retain(|&newcomer| newcomer != receiver);
                    session.settle();
                }
            }
            Some(
                Stage::Attached(_)
                | Stage::Ending(_)
                | Stage::Farewell(_)
                | Stage::Refused(_)
                | Stage::Done,
            )
            | None => {}
        }
    }

    fn stage(&self, receiver: ReceiverId) -> Option<&Stage> {
        self.receivers.get(receiver.0).map(|entry| &entry.stage)
    }
}

/// Makes `receiver` the one that gets the session's frames.
pub(crate) fn attach<R>(session: &mut Session<R>, receiver: ReceiverId) {
    session.receiver = Some(receiver);
    session.flags.heartbeat = false;
    session.flags.spared = false;
    // A browser asks again when it has read the last answer.
    session.flags.in_doubt &= session.unflushed > 0;
}

enum Written {
    Open,
    Messages,
    Heartbeat,
    Close,
}

/// Writes the one frame that comes next, if there is any.
fn write_frame<R>(
    session: &mut Session<R>,
    wrapping: &Wrapping,
    room: usize,
    out: &mut Vec<u8>,
) -> Option<Written> {
    if !session.flags.opened {
        session.flags.opened = true;
        wrapping.write(&Frame::Open, out);
        return Some(Written::Open);
    }
    let messages = session.pull(room.max(BATCH), |literals| {
        wrapping.write(&Frame::Messages(literals), out);
    });
    if messages.is_some() {
        session.flags.in_doubt = true;
        return Some(Written::Messages);
    }
    if let Some(close) = session.tell_close() {
        wrapping.write(&Frame::Close(close), out);
        return Some(Written::Close);
    }
    if session.is_open() && session.flags.heartbeat {
        wrapping.write(&Frame::Heartbeat, out);
        return Some(Written::Heartbeat);
    }
    None
}

/// The whole of a response that is nothing but a close.
fn farewell(entry: &mut Receiver) -> FromSession {
    if let Some(bytes) = entry.prelude() {
        return FromSession::Frame {
            bytes: bytes.into(),
            last: false,
        };
    }
    let Stage::Farewell(close) = core::mem::replace(&mut entry.stage, Stage::Done) else {
        return FromSession::End;
    };
    let mut bytes = Vec::new();
    entry.wrapping.write(&Frame::Close(&close), &mut bytes);
    FromSession::Frame {
        bytes: bytes.into(),
        last: true,
    }
}

/// More than one is a mistake of the client; a few may come from a proxy that repeats requests.
const MOST_NEWCOMERS: usize = 8;
/// Messages that wait leave in one frame of this length at least, so that a burst costs one response.
const BATCH: usize = 64 * 1024;
