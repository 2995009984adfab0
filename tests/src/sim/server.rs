//! A server of SockJS: connections, sessions, and a program that may be slow.

use std::time::Duration;

use sockjs_proto::{
    AdmissionId, AnySession, Capacity, Close, Endpoint, Literal, Service, SessionKey, Transport,
    Verdict, Wake,
};
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Instant, Machine, Refused};

use super::around::{Actor, Around};
use super::driver::{Driver, Turn};
use super::front::{Front, Shared};
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
    verdicts: Vec<(Instant, AdmissionId, usize, Verdict<RequestHead>)>,
    /// Connections that were made before this one are known.
    known: usize,
    casts: u64,
    pub(super) busy_until: Instant,
}

/// A connection and what is served on it.
#[derive(Debug)]
struct Connection {
    driver: Driver,
    machine: Front,
    /// Of the session inside its WebSocket.
    program: Option<Program>,
    /// A receiver's response is under way, or not yet written.
    receives: bool,
    /// A receiver is there, and all it was given is written.
    waits: bool,
    /// Since when its receiver has got nothing although it could.
    quiet: Instant,
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
            verdicts: Vec::new(),
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
        let verdicts = self.verdicts.iter().map(|(at, ..)| *at);
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
                self.connections.push(Connection {
                    driver: Driver::new(End::Server, link, around.now),
                    machine: self.shared.accept(around),
                    program: None,
                    receives: false,
                    waits: false,
                    quiet: around.now,
                });
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
        if around.plan.busy > 0 && around.random.one_in(100) {
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
                    let program = Program::new(around, track, false);
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
            self.verdicts.push((at, admission.id, track, verdict));
        }
    }

    fn decide(&mut self, around: &mut Around) {
        while let Some(due) = self.verdicts.iter().position(|(at, ..)| *at <= around.now) {
            let (_, id, track, verdict) = self.verdicts.remove(due);
            around.tell(|| format!("verdict on {}: {verdict:?}", around.oracle.tracks[track].id));
            let close = match &verdict {
                Verdict::Close(close) => Some(close.clone()),
                Verdict::Accept(_) | Verdict::Refuse(_) => None,
            };
            if self.endpoint.decide(around.now, id, verdict).is_ok() && close.is_some() {
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
            let asked = |(_, _, asked, _): &(_, _, usize, _)| *asked == track;
            if self.verdicts.iter().any(asked) {
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
                connection.receives && around.oracle.asks(link) == *track
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

impl Connection {
    fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let program = self.program.as_ref().and_then(Program::deadline);
        self.driver
            .deadline(&self.machine)
            .into_iter()
            .chain(program)
            .chain(self.machine.arrives())
    }

    /// Whether a receiver on it could take more, and knows all that its session has told it.
    fn waits(&self) -> bool {
        self.waits && self.machine.arrives().is_none()
    }

    /// Bytes in, what is said about them, bytes out.
    fn turn(
        &mut self,
        around: &mut Around,
        shared: &Shared,
        endpoint: &mut Endpoint<RequestHead>,
        casts: &mut Vec<String>,
    ) -> Turn {
        let Self {
            driver, machine, ..
        } = self;
        let read = driver.input(around, machine);
        if read == Turn::Broken {
            return Turn::Broken;
        }
        machine.exchange(around, shared, endpoint);
        let ends = machine.is_finished() && !driver.is_at_eof() && !driver.is_over();
        if self.receives && ends {
            // Nothing else ends a connection on which a receiver waits.
            assert!(around.now - driver.wrote >= STALL, "it was not stalled");
            around.is_cut(driver.link);
        }
        note(&mut self.receives, driver.link, machine, around);
        if machine.conversation().wants_probe() {
            match driver.probe(around, machine) {
                Turn::Broken => return Turn::Broken,
                Turn::Moved => {}
                Turn::Still => machine.conversation().probed(),
            }
            machine.exchange(around, shared, endpoint);
            note(&mut self.receives, driver.link, machine, around);
        }
        if self.program.is_none() && machine.socket().is_some() {
            let track = around.oracle.socket_track(driver.link);
            self.program = Some(Program::new(around, track, false));
        }
        casts.extend(self.run(around));
        match self.driver.output(around, &mut self.machine) {
            Turn::Still => read,
            written => written,
        }
    }

    fn run(&mut self, around: &mut Around) -> Vec<String> {
        match (&mut self.program, self.machine.socket()) {
            (Some(program), Some(socket)) => program.run(around, socket),
            _ => Vec::new(),
        }
    }

    /// Notes whether a receiver is there.
    fn watch(&mut self, around: &mut Around) {
        let link = self.driver.link;
        note(&mut self.receives, link, &mut self.machine, around);
        let empty = self.machine.outbox().is_empty();
        let over = self.driver.is_over();
        let attached = self.machine.conversation().receiver().is_some() && !over;
        let waits = attached && empty;
        if !waits || !self.waits || self.driver.queued == around.now {
            self.quiet = around.now;
        }
        self.waits = waits;
    }
}

/// Notes that a receiver is there, or that its last bytes are not written.
fn note(receives: &mut bool, link: usize, machine: &mut Front, around: &mut Around) {
    let conversation = machine.conversation();
    let flushes = !conversation.is_answering() && !conversation.is_idle();
    let attached = conversation.receiver().is_some() || flushes;
    if *receives || attached {
        let track = around.oracle.asks(link);
        around.oracle.tracks[track].attached = around.now;
    }
    *receives = attached;
}

/// How long a peer may take nothing.
const STALL: Duration = Duration::from_secs(30);
