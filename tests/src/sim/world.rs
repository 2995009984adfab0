//! The world of one seed, and its clock.

use std::time::Duration;

use websocket_proto::Instant;

use super::around::{Actor, Around};
use super::browser::Browser;
use super::plain::Plain;
use super::plan::{self, Kind, Plan};
use super::random::Random;
use super::requests::Requests;
use super::server::Server;
use super::socket::Socket;
use super::story::Story;
use super::{Outcome, Totals};

/// Everybody.
#[derive(Debug)]
pub(super) struct World {
    around: Around,
    servers: Vec<Server>,
    plain: Plain,
    clients: Vec<Client>,
    /// Those whose server is busy.
    deferred: Vec<Actor>,
}

#[derive(Debug)]
enum Client {
    /// Begins at that time.
    Waiting(Instant, plan::Client),
    Browser(Box<Browser>),
    Socket(Box<Socket>),
    Requests(Box<Requests>),
}

impl World {
    pub(super) fn new(plan: Plan, random: Random, story: Story) -> Self {
        story.tell(Instant::ZERO, || format!("{plan:?}"));
        let clients = plan.clients.iter();
        let clients =
            clients.map(|&client| Client::Waiting(Instant::from_millis(client.begins), client));
        let (clients, count) = (clients.collect(), plan.servers);
        let around = Around::new(plan, random, story);
        Self {
            servers: (0..count).map(|at| Server::new(at, &around)).collect(),
            plain: Plain::new(count, &around),
            clients,
            around,
            deferred: Vec::new(),
        }
    }

    /// Until nothing can happen any more.
    pub(super) fn run(mut self) -> Totals {
        loop {
            self.settle();
            let Some(next) = self.next() else {
                break;
            };
            assert!(next > self.around.now, "time stands still: {next:?}");
            let before = std::mem::replace(&mut self.around.now, next);
            assert!(next < Instant::ZERO + LONGEST, "it goes on and on");
            self.expire(before);
        }
        self.finish()
    }

    /// Lets all who have something to do have their turns.
    fn settle(&mut self) {
        let mut turns = 0;
        while let Some(actor) = self.around.next_ready() {
            turns += 1;
            assert!(turns < 20_000, "{actor:?} never rests");
            self.turn(actor);
        }
        self.around.totals.steps += turns;
        for server in &self.servers {
            if server.busy_until <= self.around.now {
                server.check(&self.around);
            }
        }
    }

    fn turn(&mut self, actor: Actor) {
        let around = &mut self.around;
        let at = match actor {
            Actor::Client(client) => return self.clients[client].turn(around, client),
            Actor::Connection(link) => around.links[link].server,
            Actor::Server(at) => at,
        };
        let Some(server) = self.servers.get_mut(at) else {
            return match actor {
                Actor::Connection(link) => self.plain.serve(around, link),
                _ => self.plain.turn(around),
            };
        };
        if server.busy_until > around.now {
            self.deferred.push(actor);
            return;
        }
        match actor {
            Actor::Connection(link) => server.serve(around, link),
            _ => server.turn(around),
        }
    }

    fn next(&mut self) -> Option<Instant> {
        let now = self.around.now;
        let clients = self
            .clients
            .iter_mut()
            .filter_map(|client| client.deadline(now));
        let servers = self.servers.iter();
        let busy = servers.clone().map(|server| server.busy_until);
        let busy = busy.filter(|&until| until > self.around.now && !self.deferred.is_empty());
        clients
            .chain(servers.filter_map(Server::deadline))
            .chain(busy)
            .chain(self.plain.deadline())
            .chain(self.around.next_arrival())
            .min()
    }

    /// Wakes all whose time has come.
    fn expire(&mut self, before: Instant) {
        let around = &mut self.around;
        around.arrive();
        for actor in self.deferred.drain(..) {
            around.wake(actor);
        }
        for server in &self.servers {
            if server.deadline().is_some_and(|at| at <= around.now) {
                server.expire(around);
            }
        }
        self.plain.expire(around);
        for (at, client) in self.clients.iter_mut().enumerate() {
            if client.deadline(before).is_some_and(|at| at <= around.now) {
                around.wake(Actor::Client(at));
            }
        }
    }

    fn finish(mut self) -> Totals {
        let around = &mut self.around;
        for (at, client) in self.clients.iter().enumerate() {
            match client.outcome() {
                None => panic!("client {at} waits for ever"),
                Some(Outcome::Done) => around.totals.done += 1,
                Some(Outcome::Lost(why)) => assert!(!around.plan.calm, "client {at}: {why}"),
            }
        }
        around.oracle.finish(&around.links, &around.plan);
        for server in &self.servers {
            server.finish();
        }
        self.plain.finish();
        around.totals.seeds = 1;
        around.totals.calm = around.plan.calm.into();
        around.totals.clients = self.clients.len() as u64;
        around.totals.lasted = around.now - Instant::ZERO;
        around.totals
    }
}

impl Client {
    fn deadline(&mut self, after: Instant) -> Option<Instant> {
        match self {
            Self::Waiting(at, _) => Some(*at),
            Self::Browser(browser) => browser.deadline(after),
            Self::Socket(socket) => socket.deadline(after),
            Self::Requests(requests) => requests.deadline(after),
        }
    }

    fn turn(&mut self, around: &mut Around, at: usize) {
        match self {
            Self::Waiting(begins, plan) if *begins <= around.now => {
                let plan = *plan;
                *self = match plan.kind {
                    Kind::Browser(transport, version) => {
                        let how = (transport, version);
                        Self::Browser(Box::new(Browser::new(around, at, plan, how)))
                    }
                    Kind::Socket(draft, speaker, path) => {
                        let how = (draft, speaker, path);
                        Self::Socket(Box::new(Socket::new(around, at, plan, how)))
                    }
                    Kind::Http => Self::Requests(Box::new(Requests::new(around, at, plan))),
                };
            }
            Self::Waiting(..) => {}
            Self::Browser(browser) => browser.turn(around),
            Self::Socket(socket) => socket.turn(around),
            Self::Requests(requests) => requests.turn(around),
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Waiting(..) => None,
            Self::Browser(browser) => browser.outcome,
            Self::Socket(socket) => socket.outcome,
            Self::Requests(requests) => requests.outcome,
        }
    }
}

/// No world needs so much time.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
