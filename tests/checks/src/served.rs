//! An HTTP server, an application that does something else for each target, and its responses as a
//! client reads them.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use websocket_proto::http1::server::{Body, ChunkRefused, Config, Connection, Event};
use websocket_proto::http1::{Closed, ResponseHead, client};
use websocket_proto::{Instant, Machine, ReadInterest};

const NOW: Instant = Instant::ZERO;

/// A response that the application gave.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Given {
    method: String,
    status: u16,
    body: Vec<u8>,
    complete: bool,
}

/// A connection, its driver, and an application that does something else for each target.
#[derive(Debug)]
pub struct Served {
    machine: Connection,
    /// What happened, in order.
    pub log: Vec<String>,
    /// What the peer got.
    pub output: Vec<u8>,
    given: Vec<Given>,
    current: Option<(String, String)>,
    body: Vec<u8>,
    closed: Option<Closed>,
}

impl Served {
    /// A fresh connection.
    pub fn new(config: Config) -> Self {
        Self {
            machine: Connection::new(Arc::new(config), NOW),
            log: Vec::new(),
            output: Vec::new(),
            given: Vec::new(),
            current: None,
            body: Vec::new(),
            closed: None,
        }
    }

    fn flush(&mut self) -> bool {
        let outbox = self.machine.outbox();
        let bytes = outbox.copy_to_bytes(outbox.len());
        self.output.extend_from_slice(&bytes);
        !bytes.is_empty()
    }

    fn work(&mut self) -> bool {
        let mut moved = self.flush();
        while let Some(event) = self.machine.poll_event() {
            assert_eq!(self.closed, None, "{event:?} behind the last event");
            moved = true;
            self.take(event);
            self.flush();
        }
        moved
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Request(head) => {
                self.log
                    .push(format!("{} {}", head.method(), head.target()));
                let (method, target) = (head.method().to_owned(), head.target().to_owned());
                self.current = Some((method.clone(), target.clone()));
                match target.as_str() {
                    "/1" => self.respond(&method, 200, Body::Full(Bytes::from_static(b"at once"))),
                    "/2" => self.respond(&method, 404, Body::Empty),
                    "/3" => drop(self.machine.read_body(NOW, 50)),
                    "/4" => {
                        self.respond(&method, 200, Body::Stream);
                        let read = self.machine.read_body(NOW, u64::MAX);
                        if read.is_err() {
                            // The response did not wait for a body that is withheld.
                            self.finish();
                        }
                    }
                    _ => self
                        .machine
                        .read_body(NOW, u64::MAX)
                        .expect("a request is current"),
                }
            }
            Event::Body(data) => self.body.extend_from_slice(&data),
            Event::RequestEnd(trailers) => {
                self.log_body();
                for (name, value) in trailers.headers().iter() {
                    self.log
                        .push(format!("trailer {name}: {}", value.escape_ascii()));
                }
                let (method, target) = self.current.clone().expect("a request is current");
                match target.as_str() {
                    "/4" => {
                        self.send(b"streamed");
                        self.send(&[b'x'; 5000]);
                        self.finish();
                    }
                    "/5" => {
                        self.respond(&method, 200, Body::Sized(8));
                        self.send(b"four");
                        self.send(b"four");
                        self.finish();
                    }
                    "/6" => self.respond(&method, 204, Body::Empty),
                    _ => self.respond(&method, 200, Body::Full(vec![b'f'; 200].into())),
                }
            }
            Event::Closed(closed) => {
                self.log_body();
                self.log.push(format!("{closed:?}"));
                self.closed = Some(closed);
            }
            Event::Refused(error) => {
                self.log.push(format!("{error:?}"));
                self.given.push(Given {
                    method: "POST".into(),
                    status: error.status(),
                    body: Vec::new(),
                    complete: true,
                });
            }
            Event::Eof => self.log.push("eof".into()),
            Event::Writable => {}
            event => panic!("{event:?}"),
        }
    }

    fn log_body(&mut self) {
        let body = std::mem::take(&mut self.body);
        if !body.is_empty() {
            self.log.push(format!("body {}", body.escape_ascii()));
        }
    }

    fn respond(&mut self, method: &str, status: u16, body: Body) {
        let head = ResponseHead::new(status)
            .header("X-Given", "yes")
            .expect("a field");
        self.machine
            .respond(NOW, &head, body.clone())
            .expect("a request waits");
        let (bytes, complete) = match body {
            Body::Full(body) => (body.to_vec(), true),
            Body::Empty => (Vec::new(), true),
            Body::Stream | Body::Sized(_) => (Vec::new(), false),
        };
        self.given.push(Given {
            method: method.to_owned(),
            status,
            body: bytes,
            complete,
        });
    }

    fn send(&mut self, chunk: &[u8]) {
        let mut chunk = Bytes::copy_from_slice(chunk);
        while let Err(refused) = self.machine.send_chunk(chunk.clone()) {
            match refused.why {
                ChunkRefused::Full => assert!(self.flush()),
                ChunkRefused::Closed => return,
                why => panic!("{why}"),
            }
            chunk = refused.chunk;
        }
        self.given
            .last_mut()
            .expect("begun")
            .body
            .extend_from_slice(&chunk);
    }

    fn finish(&mut self) {
        if self.machine.finish(NOW).is_ok() {
            self.given.last_mut().expect("begun").complete = true;
        }
    }

    /// Brings `input` in pieces of at most `most()` bytes, and its end.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    #[must_use]
    pub fn drive(mut self, input: &[u8], mut most: impl FnMut() -> usize) -> Self {
        let mut rest = input;
        while !rest.is_empty() {
            let piece = &rest[..rest.len().min(most())];
            let mut buffer = piece.to_vec();
            let wants = self.machine.read_interest() == ReadInterest::Data;
            let taken = self.machine.receive(NOW, &mut buffer);
            assert_eq!(buffer, piece, "bytes are not modified");
            assert!(
                taken > 0 || !wants || self.machine.is_finished(),
                "it wants data but takes none: {}",
                piece.escape_ascii()
            );
            rest = &rest[taken..];
            self.machine.handle_timeout(NOW);
            assert!(self.machine.poll_timeout().is_none_or(|next| next > NOW));
            if !self.work() && taken == 0 {
                assert!(self.closed.is_some(), "stuck");
                break;
            }
        }
        self.machine.receive_eof(NOW);
        self.work();
        assert!(self.closed.is_some() && self.machine.is_finished());
        assert!(!self.work());
        self
    }

    /// Reads what was written as a client does, response by response.
    ///
    /// # Panics
    ///
    /// When it is not what the application gave.
    pub fn check_responses(&self) {
        let mut rest = &self.output[..];
        let (mut given, mut own) = (self.given.iter(), false);
        while !rest.is_empty() {
            let expected = given.next().cloned().unwrap_or_else(|| {
                if rest == b"HTTP/1.1 100 Continue\r\n\r\n" {
                    return Given {
                        method: String::new(),
                        status: 100,
                        body: Vec::new(),
                        complete: true,
                    };
                }
                // The one response that the machine itself gave, at the end.
                assert!(!std::mem::replace(&mut own, true), "one at most");
                let Some(Closed::Protocol(error)) = self.closed else {
                    panic!("{:?} for nothing", rest.escape_ascii().to_string());
                };
                Given {
                    method: "POST".into(),
                    status: error.status(),
                    body: Vec::new(),
                    complete: true,
                }
            });
            if expected.status == 100 {
                return; // and the body never came
            }
            let last = given.len() == 0;
            let (taken, response) = read_response(rest, &expected.method);
            rest = &rest[taken..];
            let suppressed = expected.method == "HEAD" || expected.status == 204;
            let mut expected = expected;
            if suppressed {
                expected.body.clear();
            }
            if !expected.complete {
                assert!(last, "an incomplete response is the last");
                expected.complete = response.complete;
            }
            assert_eq!(response, expected);
        }
        assert_eq!(given.len(), 0, "a response is missing");
    }
}

/// The first response in `output`, and how long it is.
fn read_response(output: &[u8], method: &str) -> (usize, Given) {
    let request = client::Request::new(method, "/")
        .and_then(|request| request.header("Host", "h"))
        .expect("a request");
    let mut exchange =
        client::Exchange::new(&request, client::Config::default(), NOW).expect("host");
    let (mut at, mut given) = (0, None::<Given>);
    loop {
        let taken = exchange.receive(NOW, &mut output[at..].to_vec());
        at += taken;
        if at == output.len() {
            exchange.receive_eof(NOW);
        }
        let mut told = false;
        while let Some(event) = exchange.poll_event() {
            told = true;
            match event {
                client::Event::Interim(head) => assert_eq!(head.status(), 100),
                client::Event::Response { head, .. } => {
                    assert!(given.is_none());
                    given = Some(Given {
                        method: method.to_owned(),
                        status: head.status(),
                        body: Vec::new(),
                        complete: false,
                    });
                }
                client::Event::Body(data) => {
                    given
                        .as_mut()
                        .expect("a head")
                        .body
                        .extend_from_slice(&data);
                }
                client::Event::End { .. } => given.as_mut().expect("a head").complete = true,
                client::Event::Closed(Closed::Complete | Closed::Truncated) => {
                    return (at, given.expect("a head"));
                }
                event => panic!("{event:?} in {}", output.escape_ascii()),
            }
        }
        assert!(told || taken > 0);
    }
}

/// Lengths of pieces: of any length up to `most`.
pub fn lengths(mut seed: u64, most: usize) -> impl FnMut() -> usize {
    move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        1 + (seed >> 33) as usize % most
    }
}
