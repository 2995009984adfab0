//! A server of SockJS: connections, sessions, and a program that may be slow.

use std::time::Duration;

use sockjs_proto::{
    AdmissionId, AnySession, Capacity, Close, Endpoint, Literal, Service, SessionKey, Transport,
    Verdict, Wake,
};
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Instant, Refused};

use super::around::{Actor, Around};
use super::connection::Connection;
use super::driver::Turn;
use super::front::Shared;
use super::program::Program;
use super::wire::End;

/// One machine with its sessions.
#[derive(Debug)]
pub(super) struct Server {
    at: usize,
    shared: Shared,
    endpoint: Endpoint<RequestHead>,
    capacity: Capacity,
    connections: Vec<Connection>,
    members: Vec<Member>,
    /// Sessions over HTTP whose program is to run.
    due: Vec<SessionKey>,
    pending: Vec<Pending>,
    /// Connections that were made before this one are known.
    known: usize,
    casts: u64,
    pub(super) busy_until: Instant,
}

/// A session that asks to begin.
#[derive(Debug)]
struct Pending {
    asked: Instant,
    /// When the program knows.
    due: Instant,
    id: AdmissionId,
    track: usize,
    verdict: Verdict<RequestHead>,
}

/// A session over HTTP.
#[derive(Debug)]
struct Member {
    key: SessionKey,
    track: usize,
    program: Program,
}

impl Server {
    pub(super) fn new(at: usize, around: &Around) -> Self {
        let config = around.plan.config.clone();
        let capacity = Capacity::new(config.max_sessions);
        let service = Service::new(config).expect("good options");
        let admit = around.plan.admit;
        let endpoint = Endpoint::new(&service, admit, capacity.clone(), [7; 16]);
        let http = server::Config {
            outbox_mark: around.plan.http_mark,
            ..server::Config::default()
        };
        Self {
            at,
            shared: Shared::new(service, http, capacity.clone()),
            endpoint,
            capacity,
            connections: Vec::new(),
            members: Vec::new(),
            due: Vec::new(),
            pending: Vec::new(),
            known: 0,
            casts: 0,
            busy_until: Instant::ZERO,
        }
    }

    /// When something is to be done although nothing comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let connections = self.connections.iter().flat_map(Connection::deadlines);
        let programs = self
            .members
            .iter()
            .filter_map(|member| member.program.deadline());
        let verdicts = self.pending.iter().map(|pending| pending.due);
        connections
            .chain(programs)
            .chain(verdicts)
            .chain(self.endpoint.poll_timeout())
            .min()
            .map(|at| at.max(self.busy_until))
    }

    /// Wakes those whose time has come.
    pub(super) fn expire(&self, around: &mut Around) {
        for connection in &self.connections {
            if connection.deadlines().any(|at| at <= around.now) {
                around.wake(Actor::Connection(connection.driver.link));
            }
        }
        around.wake(Actor::Server(self.at));
    }

    /// Everything but the bytes of connections.
    pub(super) fn turn(&mut self, around: &mut Around) {
        while self.known < around.links.len() {
            let link = self.known;
            self.known += 1;
            if around.links[link].server == self.at {
                let front = self.shared.accept(around);
                self.connections.push(Connection::new(around, link, front));
                around.wake(Actor::Connection(link));
            }
        }
        if self
            .endpoint
            .poll_timeout()
            .is_some_and(|at| at <= around.now)
        {
            self.endpoint.handle_timeout(around.now);
            let next = self.endpoint.poll_timeout();
            assert!(
                next.is_none_or(|at| at > around.now),
                "what fired is due again"
            );
        }
        self.decide(around);
        self.wakes(around);
        let now = around.now;
        let timed = |member: &&Member| member.program.deadline().is_some_and(|at| at <= now);
        let timed: Vec<SessionKey> = self
            .members
            .iter()
            .filter(timed)
            .map(|member| member.key)
            .collect();
        for key in std::mem::take(&mut self.due).into_iter().chain(timed) {
            self.run(around, key);
        }
        self.wakes(around);
        if !self.due.is_empty() {
            around.wake(Actor::Server(self.at));
        }
        let rested = self.busy_until == Instant::ZERO || self.busy_until + RESTS < around.now;
        if around.plan.busy > 0 && rested && around.random.one_in(60) {
            self.busy_until = around.after_millis(around.plan.busy);
            around.totals.busy += 1;
            around.tell(|| format!("server {} is busy until {:?}", self.at, self.busy_until));
        }
    }

    /// One turn of a connection's task.
    pub(super) fn serve(&mut self, around: &mut Around, link: usize) {
        let find = |connection: &Connection| connection.driver.link == link;
        let Some(at) = self.connections.iter().position(find) else {
            return;
        };
        let Self {
            connections,
            endpoint,
            shared,
            ..
        } = self;
        let connection = &mut connections[at];
        let mut casts = Vec::new();
        let turn = connection.turn(around, shared, endpoint, &mut casts);
        if turn == Turn::Broken {
            around.is_cut(link);
            around.tell(|| format!("link {link}: the server finds it broken"));
            connection.machine.abort(around, endpoint);
            connection.machine.exchange(around, shared, endpoint);
            connection.driver.finish(around);
            casts.extend(connection.run(around));
        }
        connection.watch(around);
        let over = connection.driver.is_over() && connection.machine.is_done();
        if over
            && connection
                .program
                .as_ref()
                .is_none_or(|program| program.over)
        {
            self.connections.remove(at);
        } else if turn == Turn::Moved {
            around.wake(Actor::Connection(link));
        }
        self.pass_on(around, casts);
        self.wakes(around);
    }

    fn wakes(&mut self, around: &mut Around) {
        while let Some(wake) = self.endpoint.poll_wake() {
            match wake {
                Wake::Opened(key) => {
                    let id = self.endpoint.id(key).expect("a session that begins");
                    let track = around.oracle.track(id.as_str());
                    for member in self.members.iter().filter(|member| member.track == track) {
                        let before = self.endpoint.session(member.key).can_send();
                        assert_eq!(before, Err(Refused::Closing), "two sessions of one id");
                    }
                    let program = Program::new(around, track);
                    self.members.push(Member {
                        key,
                        track,
                        program,
                    });
                    self.due.push(key);
                    around.wake(Actor::Server(self.at));
                }
                Wake::Session(key) => {
                    self.due.push(key);
                    around.wake(Actor::Server(self.at));
                }
                Wake::Admission => self.think(around),
                Wake::Receiver(_) | Wake::CheckReceiver(_) | Wake::Sender(_) => {
                    for connection in &mut self.connections {
                        if connection.machine.wake(around, wake) {
                            around.wake(Actor::Connection(connection.driver.link));
                        }
                    }
                }
            }
        }
    }

    fn run(&mut self, around: &mut Around, key: SessionKey) {
        let Some(at) = self.members.iter().position(|member| member.key == key) else {
            return;
        };
        let program = &mut self.members[at].program;
        let casts = program.run(around, &mut self.endpoint.session(key));
        if program.over {
            self.members.remove(at);
        }
        self.pass_on(around, casts);
    }

    /// What somebody in the room has said.
    fn pass_on(&mut self, around: &mut Around, casts: Vec<String>) {
        for cast in casts {
            self.casts += 1;
            let text = format!("#r{}.{};{cast}", self.at, self.casts);
            let literal = Literal::from(text.as_str());
            for member in &mut self.members {
                let session = &mut self.endpoint.session(member.key);
                member.program.cast(around, session, &text, &literal);
            }
            for connection in &mut self.connections {
                if let Some(program) = &mut connection.program
                    && let Some(socket) = connection.machine.socket()
                {
                    program.cast(around, socket, &text, &literal);
                    around.wake(Actor::Connection(connection.driver.link));
                }
            }
        }
    }

    /// Somebody asks to come in, and the program has to look that up.
    fn think(&mut self, around: &mut Around) {
        while let Some(admission) = self.endpoint.poll_admission() {
            let at = around.after_millis(around.plan.thinks);
            let track = around.oracle.track(admission.session.as_str());
            around.totals.admissions += 1;
            let verdict = match around.random.between(0, 9) {
                0 if !around.plan.calm => Verdict::Refuse(403),
                1 if !around.plan.calm => Verdict::Close(Close::new(3403, "no")),
                _ => Verdict::Accept(admission.request),
            };
            self.pending.push(Pending {
                asked: around.now,
                due: at,
                id: admission.id,
                track,
                verdict,
            });
        }
    }

    fn decide(&mut self, around: &mut Around) {
        let now = around.now;
        while let Some(at) = self.pending.iter().position(|pending| pending.due <= now) {
            let pending = self.pending.remove(at);
            let Pending { track, verdict, .. } = pending;
            let id = &around.oracle.tracks[track].id;
            around.tell(|| format!("verdict on {id}: {verdict:?}"));
            let close = match &verdict {
                Verdict::Close(close) => Some(close.clone()),
                Verdict::Accept(_) | Verdict::Refuse(_) => None,
            };
            let decided = self.endpoint.decide(now, pending.id, verdict).is_ok();
            let late = now - pending.asked >= around.plan.config.admission_deadline;
            assert!(!decided || !late, "a verdict counts behind its deadline");
            if decided && close.is_some() {
                around.oracle.tracks[track].turned_away = close;
            }
        }
    }

    /// What must hold when nobody has anything to do at this time.
    pub(super) fn check(&self, around: &Around) {
        let Self {
            endpoint,
            members,
            connections,
            ..
        } = self;
        let late = Duration::from_millis(around.plan.busy) * 2
            + Duration::from_micros(around.plan.hop) * 6;
        for connection in connections.iter().filter(|connection| connection.waits()) {
            let track = around.oracle.asks(connection.driver.link);
            if self.pending.iter().any(|pending| pending.track == track) {
                continue;
            }
            let service = self.shared.service();
            let delay = service.heartbeat_delay(Transport::Xhr);
            let quiet = around.now - connection.quiet;
            assert!(
                quiet <= delay + late,
                "no heartbeat on link {}",
                connection.driver.link
            );
        }
        for Member {
            key,
            track,
            program,
        } in members
        {
            let receives = |connection: &&Connection| {
                let link = connection.driver.link;
                let receives = connection.receives || connection.machine.is_counted_on();
                receives && around.oracle.asks(link) == *track
            };
            let mut receivers = connections.iter().filter(receives);
            if let (Some(one), None) = (receivers.next(), receivers.next())
                && one.waits()
                && !around.links[one.driver.link].is_broken(End::Server)
            {
                let link = one.driver.link;
                assert_eq!(
                    endpoint.buffered(*key),
                    0,
                    "messages are stuck before link {link}"
                );
            }
            let mark = around.plan.config.outgoing_mark;
            let room = endpoint.buffered(*key) <= mark / 2;
            assert!(
                !program.blocked || !room,
                "session {} was not told of room",
                program.life
            );
        }
    }

    /// What must hold when everybody has gone.
    pub(super) fn finish(&self) {
        let left = (
            self.endpoint.session_count(),
            self.endpoint.receiver_count(),
            self.endpoint.remembered_count(),
            self.capacity.used(),
            self.connections.len(),
            self.endpoint.poll_timeout(),
        );
        assert_eq!(
            left,
            (0, 0, 0, 0, 0, None),
            "something is left: {:?}",
            self.endpoint
        );
    }
}

/// Between two times of being busy, so that what is late has a bound.
const RESTS: Duration = Duration::from_secs(6);
