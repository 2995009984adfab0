//! A part of a service's sessions over HTTP, under one lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};

use sockjs_proto::{
    Admission, AdmissionId, Close, Endpoint, FromSession, SenderId, SessionId, SessionKey,
    ToSession, Transport, Verdict, Wake,
};
use websocket_proto::Instant;

use super::SessionRequest;
use super::attendant::Attendant;
use super::core::{Core, Link};
use super::hub::Hub;
use super::service::App;
use super::table::Table;
use crate::RequestInfo;
use crate::sync::{Mutex, lock};

/// The sessions of one shard.
///
/// The lock is held for one call of the machine. Who has to do something because of it is collected
/// under the lock and told after: the [`Errands`].
pub(crate) struct Shard(Mutex<State>);

pub(crate) struct State {
    pub(crate) endpoint: Endpoint<Box<SessionRequest>>,
    /// Where in the hub this is.
    index: u32,
    /// What the sessions' handles share.
    cores: Table<Core>,
    /// The connections, by the names that the endpoint has for them.
    receivers: Table<Attendant>,
    senders: HashMap<SenderId, Arc<Attendant>>,
    alarm: Alarm,
}

/// The shard's deadline task, as others see it.
#[derive(Debug, Default)]
struct Alarm {
    running: bool,
    /// What it sleeps for. `None` when it is going to look.
    at: Option<Instant>,
    waker: Option<Waker>,
}

impl Shard {
    pub(crate) fn new(index: usize, endpoint: Endpoint<Box<SessionRequest>>) -> Self {
        Self(Mutex::new(State {
            endpoint,
            index: u32::try_from(index).unwrap_or_default(),
            cores: Table::new(),
            receivers: Table::new(),
            senders: HashMap::new(),
            alarm: Alarm::default(),
        }))
    }

    /// Runs `work` under the lock, and then the errands that came of it.
    pub(crate) fn with<T>(&self, hub: &Arc<Hub>, work: impl FnOnce(&mut State) -> T) -> T {
        let mut errands = Errands::default();
        let result = {
            let mut state = lock(&self.0);
            let result = work(&mut state);
            state.settle(hub, &mut errands);
            state.set_alarm(&mut errands);
            result
        };
        errands.run(hub);
        result
    }

    /// What the deadline task does when it is woken: the time to sleep until, or `None` when nothing
    /// is left to wait for.
    pub(crate) fn tick(&self, hub: &Arc<Hub>, cx: &Context<'_>, now: Instant) -> Option<Instant> {
        let mut errands = Errands::default();
        let next = {
            let mut state = lock(&self.0);
            if state.endpoint.poll_timeout().is_some_and(|at| at <= now) {
                state.endpoint.handle_timeout(now);
                state.settle(hub, &mut errands);
            }
            let next = state.endpoint.poll_timeout();
            state.alarm = Alarm {
                running: next.is_some(),
                at: next,
                waker: next.map(|_| cx.waker().clone()),
            };
            next
        };
        errands.run(hub);
        next
    }

    /// The deadline task was dropped with its runtime: no session will ever go on.
    pub(crate) fn abandon(&self) {
        let cores = {
            let mut state = lock(&self.0);
            state.alarm = Alarm::default();
            std::mem::replace(&mut state.cores, Table::new())
        };
        for core in cores.into_values() {
            core.abandon();
        }
    }

    /// A verdict, unless it comes too late.
    pub(crate) fn decide(
        &self,
        hub: &Arc<Hub>,
        id: AdmissionId,
        verdict: Verdict<Box<SessionRequest>>,
    ) -> bool {
        let now = (hub.now)();
        self.with(hub, |state| state.endpoint.decide(now, id, verdict).is_ok())
    }
}

/// What connections do. `attendant` is the asking one.
impl State {
    /// Passes a connection's message on. `admit` is asked what is known of a session that begins.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        message: ToSession<Option<RequestInfo>>,
        attendant: &Arc<Attendant>,
        admit: impl FnOnce(RequestInfo, Transport, SessionId) -> Result<SessionRequest, u16>,
    ) -> Option<FromSession> {
        let endpoint = &mut self.endpoint;
        let reply = match message {
            ToSession::Attach {
                session,
                wrapping,
                request,
            } => {
                let (id, transport) = (session.clone(), wrapping.transport());
                let begin = || admit(request.ok_or(500_u16)?, transport, id).map(Box::new);
                let receiver = endpoint.attach(now, session, wrapping, begin);
                self.receivers
                    .insert(receiver.index(), Arc::clone(attendant));
                return Some(FromSession::Attached(receiver));
            }
            ToSession::Pull { receiver, room } => {
                let reply = endpoint.pull(now, receiver, room);
                if let FromSession::Refused(_) = reply {
                    self.receivers.remove(receiver.index(), attendant);
                }
                return Some(reply);
            }
            ToSession::Send { session, messages } => endpoint.deliver(now, session, messages),
            ToSession::Resume { sender, messages } => {
                let reply = endpoint.resume(now, sender, messages);
                if !matches!(reply, FromSession::Parked { .. }) {
                    self.senders.remove(&sender);
                }
                return Some(reply);
            }
            ToSession::Ending(receiver) => {
                endpoint.ending(now, receiver);
                return None;
            }
            ToSession::Flushed(receiver) => {
                self.receivers.remove(receiver.index(), attendant);
                endpoint.flushed(now, receiver);
                return None;
            }
            ToSession::Aborted(receiver) => {
                self.receivers.remove(receiver.index(), attendant);
                endpoint.aborted(now, receiver);
                return None;
            }
            ToSession::StillAlive(receiver) => {
                endpoint.still_alive(now, receiver);
                return None;
            }
            ToSession::Abandon(sender) => {
                self.senders.remove(&sender);
                endpoint.abandon(now, sender);
                return None;
            }
        };
        if let FromSession::Parked { sender, .. } = &reply {
            self.senders.insert(*sender, Arc::clone(attendant));
        }
        Some(reply)
    }
}

/// What applications do.
impl State {
    /// The application has heard of the session's end.
    pub(crate) fn forget(&mut self, key: SessionKey, core: &Core) {
        self.cores.remove(key.index(), core);
    }

    /// Closes every session. Who waits for room there is to be woken.
    pub(crate) fn close_all(&mut self, now: Instant, close: &Close) -> Vec<Waker> {
        let mut due = Vec::new();
        let keys: Vec<SessionKey> = self.endpoint.sessions().collect();
        for key in keys {
            self.endpoint.close(now, key, close.clone());
            // Nothing more can be sent.
            if let Some(mut waiters) = self.cores.get(key.index()).and_then(|core| core.waiters()) {
                due.append(&mut waiters.take_room());
            }
        }
        due
    }
}

/// What follows from a call of the machine.
impl State {
    /// Takes the endpoint's wakes.
    fn settle(&mut self, hub: &Arc<Hub>, errands: &mut Errands) {
        while let Some(wake) = self.endpoint.poll_wake() {
            match wake {
                Wake::Receiver(id) | Wake::CheckReceiver(id) => {
                    let attendant = self.receivers.get(id.index());
                    errands.wake(attendant.and_then(|attendant| attendant.put(wake)));
                }
                Wake::Sender(id) => {
                    let attendant = self.senders.get(&id);
                    errands.wake(attendant.and_then(|attendant| attendant.put(wake)));
                }
                Wake::Admission => {
                    while let Some(admission) = self.endpoint.poll_admission() {
                        errands.push(Errand::Admit(self.index as usize, admission));
                    }
                }
                Wake::Opened(key) => self.open(hub, key, errands),
                Wake::Session(key) => self.wake_session(key, errands),
            }
        }
    }

    fn open(&mut self, hub: &Arc<Hub>, key: SessionKey, errands: &mut Errands) {
        // It goes where the handles are.
        let Some(request) = self.endpoint.take_request(key) else {
            return;
        };
        let link = Link::shard(self.index, key);
        let core = Arc::new(Core::new(hub, link, *request));
        self.cores.insert(key.index(), Arc::clone(&core));
        errands.push(Errand::Open(core));
    }

    fn wake_session(&mut self, key: SessionKey, errands: &mut Errands) {
        let Some(core) = self.cores.get(key.index()) else {
            return;
        };
        let Some(mut waiters) = core.waiters() else {
            return;
        };
        waiters.push_overflow(&mut self.endpoint.session(key));
        let room = waiters.take_room();
        for waker in waiters.receiver.take().into_iter().chain(room) {
            errands.wake(Some(waker));
        }
        match &core.hub.app {
            App::Callbacks(_) => errands.push(Errand::Run(Arc::clone(core))),
            App::Handler(_) if waiters.deaf => errands.push(Errand::Drain(Arc::clone(core))),
            App::Handler(_) => {}
        }
    }

    /// Sees to it that somebody looks at the endpoint at its next deadline.
    fn set_alarm(&mut self, errands: &mut Errands) {
        let Some(next) = self.endpoint.poll_timeout() else {
            return;
        };
        let alarm = &mut self.alarm;
        if !std::mem::replace(&mut alarm.running, true) {
            errands.push(Errand::Alarm(self.index as usize));
        } else if alarm.at.is_some_and(|at| next < at) {
            alarm.at = None;
            errands.wake(alarm.waker.take());
        }
    }
}

/// What is to be done once a lock is dropped. Mostly it is to wake one task, and then nothing is
/// allocated.
#[derive(Default)]
pub(crate) struct Errands {
    first: Option<Errand>,
    rest: Vec<Errand>,
}

enum Errand {
    Wake(Waker),
    /// A session has begun.
    Open(Arc<Core>),
    /// Callbacks have something to hear.
    Run(Arc<Core>),
    /// Nobody hears a session, whose events are to be dropped.
    Drain(Arc<Core>),
    /// The application is asked about a session of the shard.
    Admit(usize, Admission<Box<SessionRequest>>),
    /// The shard needs a deadline task.
    Alarm(usize),
}

impl Errands {
    fn wake(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.push(Errand::Wake(waker));
        }
    }

    fn push(&mut self, errand: Errand) {
        match self.first {
            None => self.first = Some(errand),
            Some(_) => self.rest.push(errand),
        }
    }

    fn run(self, hub: &Arc<Hub>) {
        let Some(first) = self.first else {
            return;
        };
        first.run(hub);
        self.rest.into_iter().for_each(|errand| errand.run(hub));
    }
}

impl Errand {
    fn run(self, hub: &Arc<Hub>) {
        match self {
            Self::Wake(waker) => waker.wake(),
            Self::Open(core) => hub.open(core),
            Self::Run(core) => core.run_callbacks(),
            Self::Drain(core) => core.drain(),
            Self::Admit(shard, admission) => hub.ask(shard, admission),
            Self::Alarm(shard) => hub.start_alarm(shard),
        }
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Shard")
            .field("endpoint", &state.endpoint)
            .field("alarm", &state.alarm)
            .finish_non_exhaustive()
    }
}
