//! The HTTP connections of one client: a request at a time on each, as browsers have them.

use websocket_proto::Instant;
use websocket_proto::http1::Version;

use super::around::Around;
use super::reply::Reply;
use super::wire::{End, Read, Stamp};

/// One connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) link: usize,
    /// To be written.
    out: Vec<u8>,
    /// The response under way.
    pub(super) reply: Option<Reply>,
    pub(super) stamp: Option<Stamp>,
    pub(super) asked: Instant,
    pub(super) state: State,
    idle: Instant,
}

/// What is known of the other side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Up,
    /// The server has ended the stream.
    Ended,
    Broken,
}

impl Line {
    pub(super) fn new(around: &mut Around, client: usize, server: usize) -> Self {
        Self {
            link: around.connect(client, server),
            out: Vec::new(),
            reply: None,
            stamp: None,
            asked: around.now,
            state: State::Up,
            idle: around.now,
        }
    }

    /// Whether another request may be made here.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        let fresh = now - self.idle < IDLE;
        self.reply.is_none() && self.state == State::Up && fresh
    }

    pub(super) fn ask(&mut self, around: &mut Around, version: Version, request: &[u8]) {
        self.out.extend_from_slice(request);
        self.reply = Some(Reply::to(version));
        self.asked = around.now;
        self.write(around);
    }

    fn write(&mut self, around: &mut Around) {
        if self.state == State::Broken {
            return;
        }
        match around.write(End::Client, self.link, &self.out) {
            Ok(n) => drop(self.out.drain(..n)),
            Err(()) => self.state = State::Broken,
        }
    }

    /// Writes and reads. Whether something came, or the connection has ended.
    pub(super) fn turn(&mut self, around: &mut Around) -> bool {
        if self.state == State::Broken {
            return false;
        }
        if !self.out.is_empty() {
            self.write(around);
        }
        let most = around.random.magnitude(1, 128 * 1024);
        match around.read(End::Client, self.link, most) {
            Read::Nothing => false,
            Read::Eof => {
                if let Some(reply) = &mut self.reply {
                    reply.end();
                }
                std::mem::replace(&mut self.state, State::Ended) == State::Up
            }
            Read::Broken => {
                self.state = State::Broken;
                true
            }
            Read::Bytes(bytes) => {
                self.stamp = around.stamp(End::Client, self.link);
                let reply = self.reply.as_mut().expect("nothing comes unasked");
                let taken = reply.feed(&bytes);
                assert_eq!(taken, bytes.len(), "nothing follows a response");
                true
            }
        }
    }

    /// Takes a response that is complete.
    pub(super) fn complete(&mut self, around: &mut Around) -> Option<Reply> {
        let reply = self.reply.take_if(|reply| reply.is_complete())?;
        self.idle = around.now;
        if reply.closes || !self.out.is_empty() {
            self.close(around);
        }
        Some(reply)
    }

    pub(super) fn close(&mut self, around: &mut Around) {
        if self.reply.is_some() {
            around.is_cut(self.link);
        }
        around.close(End::Client, self.link);
        self.state = State::Broken;
    }
}

/// Shorter than a server keeps a connection that is not used.
const IDLE: std::time::Duration = std::time::Duration::from_secs(30);
