//! The bytes and the time of a session over a WebSocket.

use websocket_proto::{Instant, Machine, Outbox, ReadInterest};

use super::{End, Held, Socket};
use crate::Frame;

impl Machine for Socket {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        self.now = now;
        self.with_sink(|connection, sink| connection.receive_with(now, input, sink))
    }

    fn receive_eof(&mut self, now: Instant) {
        self.now = now;
        if self.incoming.is_empty() || !self.is_open() {
            self.flush();
            self.connection.receive_eof(now);
        } else {
            self.hold(Held::Eof);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.end.as_deref() {
            Some(End::Held { until, .. }) => self.heartbeat.min(*until),
            Some(End::Told { .. } | End::Dropped(_)) | None => self.heartbeat,
        };
        let connection = self.connection.poll_timeout();
        if own == Instant::FAR {
            return connection;
        }
        Some(connection.map_or(own, |connection| connection.min(own)))
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if let Some(End::Held { until, .. }) = self.end.as_deref()
            && *until <= now
        {
            self.settle();
        }
        if self.heartbeat <= now {
            self.flush();
            if self.heartbeat <= now {
                self.frame(&Frame::Heartbeat);
            }
        }
        self.connection.handle_timeout(now);
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.flush();
        self.connection.outbox()
    }

    fn read_interest(&self) -> ReadInterest {
        let held = matches!(self.end.as_deref(), Some(End::Held { by: Held::Eof, .. }));
        if held || self.is_dropped() || self.is_full() {
            return ReadInterest::Nothing;
        }
        self.connection.read_interest()
    }

    fn is_finished(&self) -> bool {
        self.is_dropped() || self.connection.is_finished()
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        // What is read like this comes out of the connection's own queue, behind nothing else.
        if !self.incoming.is_empty() || self.end.is_some() {
            return None;
        }
        self.connection.direct_read()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.now = now;
        self.connection.direct_filled(now, n);
    }
}
