//! A client and a server machine, a clock, and a wire that can chop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
pub use checks::stream::counter;
use websocket_proto::connection::{Config, Connection, Event};
use websocket_proto::handshake::Agreed;
use websocket_proto::{Instant, Machine, Outbox};

/// Two connected machines.
#[derive(Debug)]
pub struct Pair {
    /// The side that asked.
    pub client: Connection,
    /// The side that was asked.
    pub server: Connection,
    /// Virtual time.
    pub now: Instant,
    /// The most bytes moved at once.
    pub chop: usize,
}

impl Pair {
    /// Both sides on the same terms.
    pub fn new(agreed: &Agreed, config: &Config) -> Self {
        let config = Arc::new(config.clone());
        let now = Instant::ZERO;
        Self {
            client: Connection::client(agreed.clone(), Arc::clone(&config), counter(), now),
            server: Connection::server(agreed.clone(), config, Outbox::new(), now),
            now,
            chop: usize::MAX,
        }
    }

    /// Moves bytes until neither side has any that the other takes.
    pub fn pump(&mut self) {
        while carry(&mut self.client, &mut self.server, self.now, self.chop)
            | carry(&mut self.server, &mut self.client, self.now, self.chop)
        {}
    }

    /// Lets time pass for both, firing every timer on its way, and moves bytes.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let next = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = next.into_iter().flatten().min();
            self.now = next.map_or(end, |next| next.max(self.now)).min(end);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.pump();
            if self.now == end && next.is_none_or(|next| next > end) {
                return;
            }
        }
    }
}

/// Every event that waits.
pub fn events(machine: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| machine.poll_event()).collect()
}

/// Everything that waits for the peer.
pub fn output(machine: &mut Connection) -> Vec<u8> {
    let outbox = machine.outbox();
    outbox.copy_to_bytes(outbox.len()).to_vec()
}

fn carry(from: &mut Connection, to: &mut Connection, now: Instant, chop: usize) -> bool {
    let outbox = from.outbox();
    if outbox.is_empty() {
        return false;
    }
    if let Some(room) = to.direct_read() {
        let n = outbox.chunk().len().min(room.len()).min(chop);
        room[..n].copy_from_slice(&outbox.chunk()[..n]);
        outbox.advance(n);
        to.direct_filled(now, n);
        return true;
    }
    let n = outbox.chunk().len().min(chop);
    let mut bytes = outbox.chunk()[..n].to_vec();
    let taken = to.receive(now, &mut bytes);
    outbox.advance(taken);
    taken > 0
}
