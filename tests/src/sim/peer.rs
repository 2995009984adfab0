//! The client's side of a WebSocket: this project's machine, behind the face of any.

use std::sync::Arc;

use websocket_proto::connection::{self, Connection};
use websocket_proto::handshake::{Client, ClientRequest, Url};
use websocket_proto::http1::client::{self, Exchange};
use websocket_proto::{CloseCode, Draft, Instant, Machine, Message, Outbox, ReadInterest, deflate};

use super::pieces::Pieces;
use crate::pair::counter;

/// A client that speaks WebSocket.
pub(super) trait Peer: Machine {
    /// Whether the message was taken.
    fn say(&mut self, text: &str) -> bool;

    fn close(&mut self, now: Instant);

    fn poll(&mut self) -> Option<Said>;

    /// As `Machine`, for whoever moves its bytes.
    fn machine(&mut self) -> &mut dyn Machine;
}

/// What it has to tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Said {
    Open,
    /// The server has answered this instead of opening.
    Refused(u16),
    Text(String),
    /// Of the server.
    Ping,
    Closed,
}

/// This project's client.
#[derive(Debug)]
pub(super) struct Ours {
    client: Client,
    speaks: Speaks,
    config: Arc<connection::Config>,
    pieces: Pieces,
    /// The server of hixie-76 closes TCP alone.
    silent_end: bool,
    now: Instant,
}

#[derive(Debug)]
enum Speaks {
    Http(Box<Exchange>),
    Socket(Box<Connection>),
}

impl Ours {
    pub(super) fn new(
        draft: Draft,
        path: &str,
        deflate: Option<deflate::Config>,
        config: connection::Config,
        silent_end: bool,
        now: Instant,
    ) -> Self {
        let url: Url = format!("ws://h{path}").parse().expect("a URL");
        let request = ClientRequest {
            draft,
            deflate,
            ..ClientRequest::new(&url)
        };
        let client = Client::new(&request, &mut *counter()).expect("a legal request");
        let exchange = client.exchange(client::Config::default(), now);
        Self {
            client,
            speaks: Speaks::Http(Box::new(exchange)),
            config: Arc::new(config),
            pieces: Pieces::default(),
            silent_end,
            now,
        }
    }

    fn switch(&mut self, head: &websocket_proto::http1::ResponseHead) {
        let now = self.now;
        let agreed = self
            .client
            .verify(head)
            .expect("the answer to what was asked");
        let mut connection = Connection::client(agreed, self.config.clone(), counter(), now);
        let fresh = self.client.exchange(client::Config::default(), now);
        if let Speaks::Http(http) = &mut self.speaks {
            let mut rest = std::mem::replace(&mut **http, fresh)
                .upgrade()
                .expect("a switch");
            connection.outbox().append_outbox(&mut rest);
        }
        self.speaks = Speaks::Socket(Box::new(connection));
    }

    fn face(&self) -> &dyn Machine {
        match &self.speaks {
            Speaks::Http(exchange) => &**exchange,
            Speaks::Socket(connection) => &**connection,
        }
    }

    fn face_mut(&mut self) -> &mut dyn Machine {
        match &mut self.speaks {
            Speaks::Http(exchange) => &mut **exchange,
            Speaks::Socket(connection) => &mut **connection,
        }
    }
}

impl Peer for Ours {
    fn say(&mut self, text: &str) -> bool {
        match &mut self.speaks {
            Speaks::Socket(connection) => connection.send(Message::text(text.to_owned())).is_ok(),
            Speaks::Http(_) => false,
        }
    }

    fn close(&mut self, now: Instant) {
        if let Speaks::Socket(connection) = &mut self.speaks {
            connection
                .close(now, CloseCode::NORMAL, "bye")
                .expect("a legal code");
        }
    }

    fn poll(&mut self) -> Option<Said> {
        loop {
            return Some(match &mut self.speaks {
                Speaks::Http(exchange) => match exchange.poll_event()? {
                    client::Event::Switched(head) => {
                        self.switch(&head);
                        Said::Open
                    }
                    client::Event::Response { head, .. } => Said::Refused(head.status()),
                    client::Event::Closed(_) => Said::Closed,
                    _ => continue,
                },
                Speaks::Socket(connection) => match connection.poll_event()? {
                    connection::Event::Message(message) => {
                        Said::Text(message.as_text().expect("a text").to_owned())
                    }
                    connection::Event::Chunk(chunk) => match self.pieces.add(&chunk) {
                        Some(text) => Said::Text(text),
                        None => continue,
                    },
                    connection::Event::Ping(_) => Said::Ping,
                    connection::Event::Closed(closed) => {
                        let fault = matches!(closed.cause, connection::Cause::Protocol(_));
                        assert!(!fault, "the server breaks the protocol: {closed}");
                        let told = closed.cause == connection::Cause::Peer;
                        assert!(!told || !self.silent_end, "an end with a frame");
                        Said::Closed
                    }
                    _ => continue,
                },
            });
        }
    }

    fn machine(&mut self) -> &mut dyn Machine {
        self
    }
}

impl Machine for Ours {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        self.now = now;
        self.face_mut().receive(now, input)
    }

    fn receive_eof(&mut self, now: Instant) {
        self.face_mut().receive_eof(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.face().poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.face_mut().handle_timeout(now);
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.face_mut().outbox()
    }

    fn read_interest(&self) -> ReadInterest {
        self.face().read_interest()
    }

    fn is_finished(&self) -> bool {
        self.face().is_finished()
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        self.face_mut().direct_read()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.face_mut().direct_filled(now, n);
    }
}
