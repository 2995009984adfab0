//! A machine with an application behind it that answers every message with the same message.

use bytes::Buf;
use std::sync::Arc;
use websocket_proto::connection::{Config, Connection, Event};
use websocket_proto::handshake::Agreed;
use websocket_proto::{Instant, Machine, Message, Outbox};

use crate::splits::for_each_split;

/// What an echo server saw and wrote.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    /// Every event, in order.
    pub events: Vec<Event>,
    /// Every byte written, in order.
    pub output: Vec<u8>,
}

/// A server that echoes messages, on virtual time.
#[derive(Debug)]
pub struct EchoServer {
    /// The machine.
    pub machine: Connection,
    /// What happened so far.
    pub trace: Trace,
}

impl EchoServer {
    /// A server for a connection on these terms.
    pub fn new(agreed: Agreed, config: Config) -> Self {
        let machine = Connection::server(agreed, Arc::new(config), Outbox::new(), Instant::ZERO);
        Self {
            machine,
            trace: Trace::default(),
        }
    }

    /// Feeds `input` until all of it is taken, echoing what comes.
    ///
    /// # Panics
    ///
    /// When the machine takes nothing although all its events and output were taken.
    pub fn receive(&mut self, now: Instant, input: &[u8]) {
        let mut input = input.to_vec();
        let mut rest = &mut input[..];
        while !rest.is_empty() {
            let offered = rest.to_vec();
            let taken = self.machine.receive(now, rest);
            assert_eq!(
                rest[taken..],
                offered[taken..],
                "bytes not taken were modified"
            );
            rest = &mut rest[taken..];
            assert!(self.work() || taken > 0, "neither input nor output moves");
        }
    }

    /// Works off events and output; tells whether there were any.
    ///
    /// # Panics
    ///
    /// When an echo is refused for another reason than the end of the connection.
    pub fn work(&mut self) -> bool {
        let before = (self.trace.events.len(), self.trace.output.len());
        while let Some(event) = self.machine.poll_event() {
            if let Event::Message(message) = &event {
                self.echo(message.clone());
            }
            self.trace.events.push(event);
        }
        self.flush();
        before != (self.trace.events.len(), self.trace.output.len())
    }

    fn echo(&mut self, message: Message) {
        let mut refused = self.machine.send(message);
        while let Err(error) = refused {
            self.flush();
            refused = match error.why {
                websocket_proto::Refused::Full => self.machine.send(error.payload),
                websocket_proto::Refused::Closing => Ok(()),
                why => panic!("echo refused: {why}"),
            };
        }
    }

    fn flush(&mut self) {
        let outbox = self.machine.outbox();
        while outbox.has_remaining() {
            self.trace.output.extend_from_slice(outbox.chunk());
            outbox.advance(outbox.chunk().len());
        }
    }
}

/// The trace of `input` on a server of these terms: the same however the input is cut.
///
/// # Panics
///
/// When a cut changes what happens.
pub fn echo_trace(agreed: &Agreed, config: &Config, input: &[u8]) -> Trace {
    let mut first: Option<Trace> = None;
    for_each_split(input, |pieces| {
        let mut server = EchoServer::new(agreed.clone(), config.clone());
        for piece in pieces {
            server.receive(Instant::ZERO, piece);
        }
        match &first {
            None => first = Some(server.trace),
            Some(first) => assert_eq!(*first, server.trace, "cut at {}", pieces[0].len()),
        }
    });
    first.unwrap_or_default()
}
