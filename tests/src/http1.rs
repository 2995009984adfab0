//! A driver of [`server::Connection`](websocket_proto::http1::server::Connection) by hand: bytes in, a script of the application, a log out.

use std::mem;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use websocket_proto::http1::server::{Body, Config, Connection, Event};
use websocket_proto::http1::{Closed, RequestHead, ResponseHead};
use websocket_proto::{Instant, Machine};

/// What the application does with a request.
pub type Handler = fn(&mut Connection, &RequestHead, Instant);

/// A connection with its driver and an application that follows a script.
#[derive(Debug)]
pub struct Served {
    /// The machine.
    pub connection: Connection,
    /// Its time.
    pub now: Instant,
    /// What happened, in order; the pieces of a body are joined.
    pub log: Vec<String>,
    /// What the peer got.
    pub output: Vec<u8>,
    /// The last event.
    pub closed: Option<Closed>,
    handler: Handler,
    current: Option<RequestHead>,
    body: Vec<u8>,
    /// Bytes that were not taken.
    kept: Vec<u8>,
}

impl Served {
    /// A fresh connection. `handler` runs at the end of each request's body, of which at most 1 MiB
    /// is read.
    pub fn new(config: Config, handler: Handler) -> Self {
        let now = Instant::from_millis(0);
        Self {
            connection: Connection::new(Arc::new(config), now),
            now,
            log: Vec::new(),
            output: Vec::new(),
            closed: None,
            handler,
            current: None,
            body: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Default limits, and [`echo`] as the application.
    pub fn echo() -> Self {
        Self::new(Config::default(), echo)
    }

    /// Brings `pieces` one after the other, each with a turn of the driver.
    pub fn feed(&mut self, pieces: &[&[u8]]) -> &mut Self {
        for piece in pieces {
            self.kept.extend_from_slice(piece);
            self.turn();
        }
        self
    }

    /// The end of the peer's stream.
    pub fn eof(&mut self) -> &mut Self {
        self.connection.receive_eof(self.now);
        self.turn();
        self
    }

    /// Lets time pass up to `millis` after the start, with every timer on the way.
    pub fn until(&mut self, millis: u64) -> &mut Self {
        let end = Instant::from_millis(millis);
        while let Some(deadline) = self.connection.poll_timeout().filter(|&at| at <= end) {
            assert!(deadline >= self.now, "a deadline in the past fires once");
            self.now = deadline.max(self.now);
            self.connection.handle_timeout(self.now);
            self.turn();
        }
        self.now = end;
        self
    }

    /// Moves bytes and events until nothing moves any more.
    pub fn turn(&mut self) {
        loop {
            let taken = self.connection.receive(self.now, &mut self.kept);
            self.kept.drain(..taken);
            let mut moved = taken > 0;
            while let Some(event) = self.connection.poll_event() {
                moved = true;
                self.take(event);
            }
            let outbox = self.connection.outbox();
            moved |= outbox.has_remaining();
            self.output
                .extend_from_slice(&outbox.copy_to_bytes(outbox.len()));
            if !moved {
                return;
            }
        }
    }

    fn take(&mut self, event: Event) {
        assert_eq!(
            self.closed, None,
            "nothing comes behind the last event, but: {event:?}"
        );
        match event {
            Event::Request(head) => {
                self.log
                    .push(format!("{} {}", head.method(), head.target()));
                let asked = self.connection.read_body(self.now, MAX_BODY);
                assert_eq!(asked, Ok(()));
                self.current = Some(head);
            }
            Event::Body(data) => self.body.extend_from_slice(&data),
            Event::RequestEnd(trailers) => {
                self.log_body();
                for (name, value) in trailers.headers().iter() {
                    self.log
                        .push(format!("trailer {name}: {}", value.escape_ascii()));
                }
                let head = self.current.take().expect("a request ends after it began");
                (self.handler)(&mut self.connection, &head, self.now);
            }
            Event::Refused(error) => self.log.push(format!("refused: {error}")),
            Event::Eof => self.log.push("eof".into()),
            Event::Writable => self.log.push("writable".into()),
            Event::Closed(closed) => {
                self.log_body();
                self.log.push(format!("closed: {closed}"));
                self.closed = Some(closed);
            }
            other => panic!("no such event: {other:?}"),
        }
    }

    fn log_body(&mut self) {
        if !self.body.is_empty() {
            let body = mem::take(&mut self.body);
            self.log.push(format!("body {}", body.escape_ascii()));
        }
    }

    /// What the peer got.
    pub fn text(&self) -> String {
        String::from_utf8(self.output.clone()).expect("text")
    }

    /// The status codes of the responses the peer got. Bodies in these tests hold no status lines.
    pub fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| line.split_once("HTTP/1.1 "));
        lines
            .map(|(_, rest)| rest[..3].parse().expect("three digits"))
            .collect()
    }
}

/// Answers 200 with the path.
pub fn echo(connection: &mut Connection, request: &RequestHead, now: Instant) {
    let body = Body::Full(Bytes::copy_from_slice(request.path().as_bytes()));
    connection
        .respond(now, &ResponseHead::new(200), body)
        .expect("a request is waiting");
}

const MAX_BODY: u64 = 1024 * 1024;
