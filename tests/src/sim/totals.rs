//! What went on in worlds, in numbers.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use super::wire::Fault;

/// Sums over seeds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Worlds.
    pub seeds: u64,
    /// Of those, worlds in which nothing failed.
    pub calm: u64,
    /// Clients, and how many of them reached their aim.
    pub clients: u64,
    /// See `clients`.
    pub done: u64,
    /// TCP connections.
    pub connections: u64,
    /// HTTP requests but for handshakes.
    pub requests: u64,
    /// Sessions, over HTTP and in WebSockets.
    pub sessions: u64,
    /// Messages that clients have sent, and that applications have heard.
    pub sent: u64,
    /// See `sent`.
    pub heard: u64,
    /// Messages that were accepted from applications, and that clients have received.
    pub said: u64,
    /// See `said`.
    pub received: u64,
    /// Connections that were reset.
    pub resets: u64,
    /// Connections that were lost without a word.
    pub silences: u64,
    /// Connections whose client ended its side in the middle of something.
    pub half_closes: u64,
    /// Connections whose client took nothing for a while.
    pub stalls: u64,
    /// Times that a server was busy with something else.
    pub busy: u64,
    /// Sessions that the program had to think about.
    pub admissions: u64,
    /// Receivers that came while another was there.
    pub doubled: u64,
    /// Turns of anybody.
    pub steps: u64,
    /// How long the worlds lasted, by their own clocks.
    pub lasted: Duration,
}

impl Totals {
    pub(super) fn count(&mut self, fault: Fault) {
        *match fault {
            Fault::Reset => &mut self.resets,
            Fault::Silence(_) => &mut self.silences,
            Fault::HalfClose => &mut self.half_closes,
            Fault::Stall(_) => &mut self.stalls,
        } += 1;
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.calm += other.calm;
        self.clients += other.clients;
        self.done += other.done;
        self.connections += other.connections;
        self.requests += other.requests;
        self.sessions += other.sessions;
        self.sent += other.sent;
        self.heard += other.heard;
        self.said += other.said;
        self.received += other.received;
        self.resets += other.resets;
        self.silences += other.silences;
        self.half_closes += other.half_closes;
        self.stalls += other.stalls;
        self.busy += other.busy;
        self.admissions += other.admissions;
        self.doubled += other.doubled;
        self.steps += other.steps;
        self.lasted += other.lasted;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.lasted.as_secs() / 3600;
        writeln!(
            f,
            "{} seeds ({} without faults), {hours} h of virtual time",
            self.seeds, self.calm
        )?;
        writeln!(
            f,
            "{} clients ({} reached their aim), {} connections, {} requests, {} sessions",
            self.clients, self.done, self.connections, self.requests, self.sessions
        )?;
        writeln!(
            f,
            "{} messages from clients, {} heard; {} from applications, {} received",
            self.sent, self.heard, self.said, self.received
        )?;
        write!(
            f,
            "faults: {} resets, {} silent losses, {} half-closes, {} stalls, {} busy servers, \
             {} slow admissions, {} doubled receivers",
            self.resets,
            self.silences,
            self.half_closes,
            self.stalls,
            self.busy,
            self.admissions,
            self.doubled
        )
    }
}
