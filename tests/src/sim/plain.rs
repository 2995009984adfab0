//! A server without sessions: HTTP, and plain WebSockets.

use std::sync::Arc;

use bytes::Bytes;
use sockjs_proto::{AnySession, Cause, Close, Closed, Event, Literal, Message};
use websocket_proto::connection::{self, Connection};
use websocket_proto::handshake::{Accept, OriginPolicy, Policy, Upgrade};
use websocket_proto::http1::server::{self, Body};
use websocket_proto::http1::{RequestHead, ResponseHead};
use websocket_proto::{
    CloseCode, Drafts, Instant, Machine, Outbox, ReadInterest, Refused, SendError,
};

use super::around::{Actor, Around};
use super::driver::{Driver, Turn};
use super::pieces::Pieces;
use super::program::Program;
use super::wire::End;

/// The server.
#[derive(Debug)]
pub(super) struct Plain {
    at: usize,
    policy: Policy,
    terms: Arc<connection::Config>,
    connections: Vec<Stream>,
    known: usize,
}

#[derive(Debug)]
struct Stream {
    driver: Driver,
    speaks: Speaks,
    /// The request under way, and what came of its body.
    request: Option<RequestHead>,
    body: Vec<u8>,
    program: Option<Program>,
}

#[derive(Debug)]
enum Speaks {
    Http(Box<server::Connection>),
    Socket(Box<Session>),
}

impl Plain {
    pub(super) fn new(at: usize, around: &Around) -> Self {
        Self {
            at,
            policy: Policy {
                drafts: Drafts::ALL,
                origins: OriginPolicy::Any,
                deflate: around.plan.config.deflate.clone(),
                ..Policy::default()
            },
            terms: Arc::new(connection::Config {
                outbox_mark: around.plan.config.outgoing_mark,
                inbound_mark: around.plan.config.incoming_mark,
                ping_interval: Some(around.plan.config.heartbeat_delay),
                compress_above: 0,
                delivery: around.plan.delivery,
                ..connection::Config::default()
            }),
            connections: Vec::new(),
            known: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.connections.iter().flat_map(Stream::deadlines).min()
    }

    pub(super) fn expire(&self, around: &mut Around) {
        for stream in &self.connections {
            if stream.deadlines().any(|at| at <= around.now) {
                around.wake(Actor::Connection(stream.driver.link));
            }
        }
    }

    pub(super) fn turn(&mut self, around: &mut Around) {
        while self.known < around.links.len() {
            let link = self.known;
            self.known += 1;
            if around.links[link].server == self.at {
                let http = server::Connection::new(Arc::default(), around.now);
                self.connections.push(Stream {
                    driver: Driver::new(End::Server, link, around.now),
                    speaks: Speaks::Http(Box::new(http)),
                    request: None,
                    body: Vec::new(),
                    program: None,
                });
                around.wake(Actor::Connection(link));
            }
        }
    }

    pub(super) fn serve(&mut self, around: &mut Around, link: usize) {
        let here = |stream: &Stream| stream.driver.link == link;
        let Some(at) = self.connections.iter().position(here) else {
            return;
        };
        let stream = &mut self.connections[at];
        let turn = stream.turn(around, &self.policy, &self.terms);
        if turn == Turn::Broken {
            around.is_cut(link);
            match &mut stream.speaks {
                Speaks::Http(http) => http.abort(),
                Speaks::Socket(session) => session.connection.abort(),
            }
            stream.driver.finish(around);
            stream.run(around);
        }
        if stream.driver.is_over() && stream.program.as_ref().is_none_or(|program| program.over) {
            self.connections.remove(at);
        } else if turn == Turn::Moved {
            around.wake(Actor::Connection(link));
        }
    }

    pub(super) fn finish(&self) {
        assert!(self.connections.is_empty(), "a connection is left");
    }
}

impl Stream {
    fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let program = self.program.as_ref().and_then(Program::deadline);
        self.driver
            .deadline(self.speaks.machine())
            .into_iter()
            .chain(program)
    }

    fn turn(
        &mut self,
        around: &mut Around,
        policy: &Policy,
        terms: &Arc<connection::Config>,
    ) -> Turn {
        let read = self.driver.input(around, self.speaks.machine_mut());
        if read == Turn::Broken {
            return Turn::Broken;
        }
        self.answer(around, policy, terms);
        let before = self.speaks.machine().read_interest();
        self.run(around);
        // Whoever has taken what made a queue full wants more.
        let hungry = self.speaks.machine().read_interest() != before;
        match self.driver.output(around, self.speaks.machine_mut()) {
            Turn::Still if hungry => Turn::Moved,
            Turn::Still => read,
            written => written,
        }
    }

    fn run(&mut self, around: &mut Around) {
        if let (Some(program), Speaks::Socket(session)) = (&mut self.program, &mut self.speaks) {
            program.run(around, &mut **session);
        }
    }

    /// What HTTP asks.
    fn answer(&mut self, around: &mut Around, policy: &Policy, terms: &Arc<connection::Config>) {
        let now = around.now;
        while let Speaks::Http(http) = &mut self.speaks {
            let Some(event) = http.poll_event() else {
                return;
            };
            match event {
                server::Event::Request(head) if head.path() == "/ws" => {
                    self.switch(around, &head, policy, terms);
                }
                server::Event::Request(head) => {
                    http.read_body(now, u64::MAX).expect("a request");
                    self.request = Some(head);
                    self.body.clear();
                }
                server::Event::Body(piece) => self.body.extend_from_slice(&piece),
                server::Event::RequestEnd(_) => {
                    let head = self.request.take().expect("a request");
                    let body = [head.target().as_bytes(), b" ", &self.body].concat();
                    respond(http, around, body);
                }
                server::Event::Refused(error) => panic!("no client asks wrongly: {error}"),
                _ => {}
            }
        }
    }

    fn switch(
        &mut self,
        around: &mut Around,
        head: &RequestHead,
        policy: &Policy,
        terms: &Arc<connection::Config>,
    ) {
        let now = around.now;
        let fresh = Speaks::Http(Box::new(server::Connection::new(Arc::default(), now)));
        let Speaks::Http(http) = std::mem::replace(&mut self.speaks, fresh) else {
            panic!("no HTTP");
        };
        let upgrade = Upgrade::read(head, policy).expect("a good handshake");
        let accepted = upgrade
            .accept(Accept::default())
            .expect("nothing is asked for");
        let mut outbox = http.upgrade().expect("a request waits");
        accepted.queue(&mut outbox);
        let agreed = accepted.agreed();
        let compressed = agreed.deflate.is_some();
        let connection = Connection::server(agreed, Arc::clone(terms), outbox, now);
        self.speaks = Speaks::Socket(Box::new(Session {
            connection,
            opened: false,
            pieces: Pieces::default(),
        }));
        let track = around.oracle.socket_track(self.driver.link);
        let offered = around.oracle.tracks[track].opaque;
        assert_eq!(compressed, offered, "who offers it gets it");
        self.program = Some(Program::new(around, track));
    }
}

fn respond(http: &mut server::Connection, around: &mut Around, body: Vec<u8>) {
    let head = ResponseHead::new(200);
    let now = around.now;
    if around.random.one_in(2) {
        http.respond(now, &head, Body::Full(body.into()))
            .expect("a request waits");
        return;
    }
    http.respond(now, &head, Body::Stream)
        .expect("a request waits");
    for piece in body.chunks(around.random.length(1, 50)) {
        http.send_chunk(Bytes::copy_from_slice(piece))
            .expect("it is short");
    }
    http.finish(now).expect("a response");
}

impl Speaks {
    fn machine(&self) -> &dyn Machine {
        match self {
            Self::Http(http) => &**http,
            Self::Socket(session) => &**session,
        }
    }

    fn machine_mut(&mut self) -> &mut dyn Machine {
        match self {
            Self::Http(http) => &mut **http,
            Self::Socket(session) => &mut **session,
        }
    }
}

/// A plain WebSocket with the verbs of a session, so that one program serves both.
#[derive(Debug)]
struct Session {
    connection: Connection,
    opened: bool,
    pieces: Pieces,
}

impl AnySession for Session {
    fn poll_event(&mut self) -> Option<Event> {
        let decided = self.connection.is_established() || self.connection.is_finished();
        if !std::mem::replace(&mut self.opened, decided) {
            return decided.then_some(Event::Open);
        }
        loop {
            return Some(match self.connection.poll_event()? {
                connection::Event::Message(message) => {
                    Event::Message(message.as_text().expect("a text").into())
                }
                connection::Event::Chunk(chunk) => {
                    let Some(text) = self.pieces.add(&chunk) else {
                        continue;
                    };
                    Event::Message(text.as_str().into())
                }
                connection::Event::Writable => Event::Writable,
                connection::Event::Closed(closed) => Event::Closed(Closed {
                    cause: Cause::Socket(closed.cause),
                    code: closed.code.0,
                    reason: closed.reason,
                    unsent: 0,
                    in_doubt: !closed.clean,
                }),
                _ => continue,
            });
        }
    }

    fn can_send(&mut self) -> Result<(), Refused> {
        self.connection.can_send()
    }

    fn send(&mut self, message: Message) -> Result<(), SendError<Message>> {
        let text = message.as_str().expect("Unicode").to_owned();
        self.connection
            .send(websocket_proto::Message::text(text))
            .map_err(|refused| SendError {
                payload: message,
                why: refused.why,
            })
    }

    fn send_literal(&mut self, literal: Literal) -> Result<(), SendError<Literal>> {
        let text: String = serde_json::from_slice(literal.as_json()).expect("a string");
        self.connection
            .send(websocket_proto::Message::text(text))
            .map_err(|refused| SendError {
                payload: literal,
                why: refused.why,
            })
    }

    fn close(&mut self, now: Instant, close: Close) {
        self.connection
            .close(now, CloseCode(close.code), &close.reason)
            .expect("a code");
    }

    fn buffered(&mut self) -> usize {
        self.connection.buffered()
    }
}

impl Machine for Session {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        self.connection.receive(now, input)
    }

    fn receive_eof(&mut self, now: Instant) {
        self.connection.receive_eof(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.connection.outbox()
    }

    fn read_interest(&self) -> ReadInterest {
        self.connection.read_interest()
    }

    fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        self.connection.direct_read()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.connection.direct_filled(now, n);
    }
}
