//! A connection and the driver of its server's end.

use bytes::Buf;
use sockjs_proto::{AnySession, ServerConnection};
use websocket_proto::http1::RequestHead;
use websocket_proto::{Instant, Machine, ReadInterest};

use super::{Site, note};

/// One TCP connection, seen from both ends.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) site: usize,
    pub(super) connection: ServerConnection<RequestHead>,
    /// Sent and not taken.
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    /// How much of the output tests have looked at.
    pub(super) seen: usize,
    /// How many chunks of the current response tests have looked at.
    pub(super) chunks: usize,
    /// How many bytes the kernel still takes.
    pub(super) room: usize,
    /// Whether somebody looks for its end when asked to.
    pub(super) looks: bool,
    pub(super) fin: Fin,
}

/// How far the end of a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fin {
    No,
    /// The peer has sent its end.
    Sent,
    /// The machine was told.
    Told,
    /// No byte moves any more.
    Over,
}

impl Client {
    pub(super) fn new(site: usize, connection: ServerConnection<RequestHead>) -> Self {
        Self {
            site,
            connection,
            input: Vec::new(),
            output: Vec::new(),
            seen: 0,
            chunks: 0,
            room: usize::MAX,
            looks: true,
            fin: Fin::No,
        }
    }

    /// Whether anything moved.
    pub(super) fn turn(&mut self, site: &mut Site, now: Instant) -> bool {
        if self.fin == Fin::Over {
            return false;
        }
        let mut moved = false;
        let machine = &mut self.connection;
        if machine.read_interest() == ReadInterest::Data && !self.input.is_empty() {
            let taken = machine.receive(now, &mut self.input);
            self.input.drain(..taken);
            moved |= taken > 0;
        }
        if self.fin == Fin::Sent && self.input.is_empty() {
            self.fin = Fin::Told;
            machine.receive_eof(now);
            moved = true;
        }
        machine.exchange(now, &mut site.endpoint, &mut |bytes: &mut [u8]| {
            bytes.fill(7);
        });
        if machine.conversation().wants_probe() && self.looks && self.fin == Fin::No {
            machine.conversation().probed();
            moved = true;
        }
        while let Some(event) = machine.socket().and_then(AnySession::poll_event) {
            moved = true;
            note(&mut site.log, &event);
            if let Some(socket) = machine.socket() {
                (site.application)(now, socket, event);
            }
        }
        let outbox = machine.outbox();
        let n = outbox.len().min(self.room);
        if n > 0 {
            self.output.extend_from_slice(&outbox.copy_to_bytes(n));
            self.room -= n;
            moved = true;
        }
        if !machine.outbox().is_empty() {
            // Starts the clock of a write that stalls.
            machine.handle_timeout(now);
        }
        if machine.is_finished() && machine.outbox().is_empty() {
            self.fin = Fin::Over;
            moved = true;
        }
        moved
    }
}
