//! A connection of a server of SockJS, and what is served on it.

use std::time::Duration;

use sockjs_proto::Endpoint;
use websocket_proto::http1::RequestHead;
use websocket_proto::{Instant, Machine};

use super::around::Around;
use super::driver::{Driver, Turn};
use super::front::{Front, Shared};
use super::program::Program;
use super::wire::End;

/// A connection and what is served on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) driver: Driver,
    pub(super) machine: Front,
    /// Of the session inside its WebSocket.
    pub(super) program: Option<Program>,
    /// A receiver's response is under way, or not yet written.
    pub(super) receives: bool,
    /// A receiver is there, and all it was given is written.
    waits: bool,
    /// Since when its receiver has got nothing although it could.
    pub(super) quiet: Instant,
}

impl Connection {
    /// One on which nothing has come.
    pub(super) fn new(around: &Around, link: usize, machine: Front) -> Self {
        Self {
            driver: Driver::new(End::Server, link, around.now),
            machine,
            program: None,
            receives: false,
            waits: false,
            quiet: around.now,
        }
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let program = self.program.as_ref().and_then(Program::deadline);
        self.driver
            .deadline(&self.machine)
            .into_iter()
            .chain(program)
            .chain(self.machine.arrives())
    }

    /// Whether a receiver on it could take more, and knows all that its session has told it.
    pub(super) fn waits(&self) -> bool {
        self.waits && self.machine.arrives().is_none()
    }

    /// Bytes in, what is said about them, bytes out.
    pub(super) fn turn(
        &mut self,
        around: &mut Around,
        shared: &Shared,
        endpoint: &mut Endpoint<RequestHead>,
        casts: &mut Vec<String>,
    ) -> Turn {
        let Self {
            driver, machine, ..
        } = self;
        let attached = machine.conversation().receiver().is_some();
        let read = driver.input(around, machine);
        if read == Turn::Broken {
            return Turn::Broken;
        }
        machine.exchange(around, shared, endpoint);
        // What a response of HTTP/1.0 ends with is still to be written when the machine has finished.
        let finished = machine.is_finished() && machine.outbox().is_empty();
        let ends = finished && !driver.is_at_eof() && !driver.is_over();
        let ends = ends && (attached || !driver.has_written_all(around));
        if self.receives && ends {
            // Nothing else ends a connection on which a receiver waits, or its last bytes.
            assert!(around.now - driver.wrote >= STALL, "it was not stalled");
            around.is_cut(driver.link);
        }
        note(&mut self.receives, driver, machine, around);
        if machine.conversation().wants_probe() {
            match driver.probe(around, machine) {
                Turn::Broken => return Turn::Broken,
                Turn::Moved => {}
                Turn::Still => machine.conversation().probed(),
            }
            machine.exchange(around, shared, endpoint);
            note(&mut self.receives, driver, machine, around);
        }
        if self.program.is_none() && machine.socket().is_some() {
            let track = around.oracle.socket_track(driver.link);
            self.program = Some(Program::new(around, track));
        }
        casts.extend(self.run(around));
        match self.driver.output(around, &mut self.machine) {
            Turn::Still => read,
            written => written,
        }
    }

    pub(super) fn run(&mut self, around: &mut Around) -> Vec<String> {
        match (&mut self.program, self.machine.socket()) {
            (Some(program), Some(socket)) => program.run(around, socket),
            _ => Vec::new(),
        }
    }

    /// Notes whether a receiver is there.
    pub(super) fn watch(&mut self, around: &mut Around) {
        note(&mut self.receives, &self.driver, &mut self.machine, around);
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
fn note(receives: &mut bool, driver: &Driver, machine: &mut Front, around: &mut Around) {
    if driver.is_over() {
        *receives = false;
        return;
    }
    let conversation = machine.conversation();
    // From afar it may also be that a receiver which never came has to be given up.
    let known = *receives || around.plan.hop == 0;
    let flushes = known && !conversation.is_answering() && !conversation.is_idle();
    let attached = conversation.receiver().is_some() || flushes;
    if *receives || attached {
        let track = around.oracle.asks(driver.link);
        around.oracle.tracks[track].attached = around.now;
    }
    *receives = attached;
}

/// How long a peer may take nothing.
const STALL: Duration = Duration::from_secs(30);
