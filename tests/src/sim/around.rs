//! What everybody in a world shares: the time, chance, the network, and who has something to do.

use std::time::Duration;

use websocket_proto::Instant;

use super::Totals;
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::Random;
use super::story::{Story, brief};
use super::wire::{End, Link, Read, Stamp};

/// Who may have something to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Actor {
    /// A server's end of a connection.
    Connection(usize),
    /// Sessions and what the program does in them.
    Server(usize),
    Client(usize),
}

/// Everything but servers and clients.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) now: Instant,
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) story: Story,
    pub(super) oracle: Oracle,
    pub(super) totals: Totals,
    pub(super) links: Vec<Link>,
    ready: Vec<Actor>,
}

impl Around {
    pub(super) fn new(plan: Plan, random: Random, story: Story) -> Self {
        Self {
            now: Instant::ZERO,
            plan,
            random,
            story,
            oracle: Oracle::default(),
            totals: Totals::default(),
            links: Vec::new(),
            ready: Vec::new(),
        }
    }

    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        self.story.tell(self.now, line);
    }

    pub(super) fn after_millis(&mut self, most: u64) -> Instant {
        let micros = self.random.between(0, most * 1000);
        self.now + Duration::from_micros(micros)
    }

    /// When something arrives at the other one of two machines, behind what was sent before.
    pub(super) fn hop(&mut self, before: Option<Instant>) -> Instant {
        let micros = self.random.between(1, self.plan.hop.max(1));
        let at = self.now + Duration::from_micros(micros);
        before.map_or(at, |before| before.max(at))
    }

    pub(super) fn wake(&mut self, actor: Actor) {
        if !self.ready.contains(&actor) {
            self.ready.push(actor);
        }
    }

    /// One of those that have something to do: who comes first is chance, as among threads.
    pub(super) fn next_ready(&mut self) -> Option<Actor> {
        let count = self.ready.len();
        (count > 0).then(|| {
            let at = self.random.length(0, count - 1);
            self.ready.swap_remove(at)
        })
    }

    /// A connection of a client to a server, which hears of it with its first byte.
    pub(super) fn connect(&mut self, client: usize, server: usize) -> usize {
        let terms = self.plan.terms(&mut self.random);
        let cut = self.plan.cut(&mut self.random);
        let link = self.links.len();
        self.links.push(Link::new(client, server, terms, cut));
        self.totals.connections += 1;
        self.tell(|| format!("client {client} connects to server {server}: link {link}, {cut:?}"));
        self.wake(Actor::Server(server));
        link
    }

    /// The next time at which the network has something to tell.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.links.iter().filter_map(Link::next).min()
    }

    /// Lets arrive what is due.
    pub(super) fn arrive(&mut self) {
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            if link.next().is_none_or(|next| next > self.now) {
                continue;
            }
            let client = link.client;
            let news = link.settle(self.now, &mut self.random);
            if let Some(fault) = news.fault {
                self.totals.count(fault);
                self.is_cut(at);
                self.tell(|| format!("link {at}: {fault:?}"));
            }
            if news.server {
                self.wake(Actor::Connection(at));
            }
            if news.client {
                self.wake(Actor::Client(client));
            }
        }
    }

    /// Whatever is on this connection may be lost.
    pub(super) fn is_cut(&mut self, link: usize) {
        for track in &mut self.oracle.tracks {
            track.cut |= track.links.contains(&link);
        }
    }

    pub(super) fn read(&mut self, end: End, link: usize, most: usize) -> Read {
        let read = self.links[link].read(end, self.now, most);
        if let Read::Bytes(bytes) = &read {
            self.tell(|| format!("link {link}: {end:?} reads {}", brief(bytes)));
            if self.links[link].has_room_again(end.other()) {
                self.wake_end(end.other(), link);
            }
        }
        read
    }

    /// How many bytes the kernel takes.
    pub(super) fn write(&mut self, end: End, link: usize, bytes: &[u8]) -> Result<usize, ()> {
        let n = self.links[link].write(end, self.now, bytes, &mut self.random)?;
        if n > 0 {
            self.tell(|| format!("link {link}: {end:?} writes {}", brief(&bytes[..n])));
        }
        Ok(n)
    }

    pub(super) fn stamp(&mut self, end: End, link: usize) -> Option<Stamp> {
        self.links[link].stamp(end)
    }

    pub(super) fn shut(&mut self, end: End, link: usize) {
        self.tell(|| format!("link {link}: {end:?} ends its side"));
        self.links[link].shut(end, self.now, &mut self.random);
    }

    pub(super) fn close(&mut self, end: End, link: usize) {
        if !self.links[link].is_closed(end) {
            self.tell(|| format!("link {link}: {end:?} closes"));
            self.links[link].close(end, self.now, &mut self.random);
        }
    }

    pub(super) fn wake_end(&mut self, end: End, link: usize) {
        let client = self.links[link].client;
        self.wake(match end {
            End::Client => Actor::Client(client),
            End::Server => Actor::Connection(link),
        });
    }
}
