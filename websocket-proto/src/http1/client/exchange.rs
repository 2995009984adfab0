//! A request on its way, and what comes back.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Config, Event, NoHost, Request};
use crate::http1::body::{Decoder, Step};
use crate::http1::framing::response_framing;
use crate::http1::parse::ResponseParser;
use crate::http1::{Closed, Fields, ProtocolError, ResponseHead, Timer};
use crate::{Instant, Machine, Outbox, ReadInterest};

/// One request and its response, on a connection of its own.
///
/// ```
/// use websocket_proto::http1::client::{Config, Event, Exchange, Request};
/// use websocket_proto::{Instant, Machine};
///
/// let now = Instant::ZERO;
/// let request = Request::connect("example.test:443")?;
/// let mut exchange = Exchange::new(&request, Config::default(), now)?;
/// let mut input = *b"HTTP/1.1 200 OK\r\n\r\n\x16\x03";
/// assert_eq!(exchange.receive(now, &mut input), 19); // what follows belongs to the tunnel
/// assert!(matches!(exchange.poll_event(), Some(Event::Switched(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Exchange {
    config: Config,
    outbox: Outbox,
    parser: ResponseParser,
    method: Box<str>,
    asks_for_upgrade: bool,
    interim: u8,
    state: State,
    heads: VecDeque<Event>,
    body: Vec<u8>,
    /// The end of the body, behind what is in `body`.
    end: Option<Event>,
    closed: Option<Closed>,
    closed_reported: bool,
    read_deadline: Option<Instant>,
    paused: bool,
    write_deadline: Option<(Instant, u64)>,
}

/// What is awaited.
#[derive(Debug)]
enum State {
    Head,
    Body(Decoder),
    Switched,
    Closed,
}

impl Machine for Exchange {
    /// Takes the response, and none of what is behind it when the protocol was switched.
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < input.len() && self.takes_bytes() {
            match self.advance(now, &input[taken..]) {
                Ok(n) => taken += n,
                Err(error) => self.end(Closed::Protocol(error)),
            }
        }
        taken
    }

    fn receive_eof(&mut self, _now: Instant) {
        match &self.state {
            // RFC 9112 §6.3: without a length, this is the end.
            State::Body(Decoder::Close(_)) => self.complete(Fields::new(), true),
            State::Head | State::Body(_) => self.end(Closed::Truncated),
            State::Switched | State::Closed => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let write = self
            .write_deadline
            .filter(|_| !self.outbox.is_empty())
            .map(|(at, _)| at);
        self.read_deadline.into_iter().chain(write).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if !self.outbox.is_empty() {
            let written = self.outbox.written();
            match self.write_deadline {
                Some((deadline, mark)) if mark == written => {
                    if now >= deadline {
                        self.outbox.clear();
                        self.end(Closed::Timeout(Timer::Write));
                    }
                }
                _ => self.write_deadline = Some((now + self.config.write_stall, written)),
            }
        }
        if self.read_deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Head => self.end(Closed::Timeout(Timer::Head)),
            State::Body(_) if self.paused || !self.takes_bytes() => {
                self.paused = false;
                self.read_deadline = Some(now + self.config.body_timeout);
            }
            State::Body(_) => self.end(Closed::Timeout(Timer::Body)),
            State::Switched | State::Closed => {}
        }
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn read_interest(&self) -> ReadInterest {
        if self.takes_bytes() {
            ReadInterest::Data
        } else {
            ReadInterest::Nothing
        }
    }

    /// Also when the protocol was switched: HTTP has nothing more to say then.
    fn is_finished(&self) -> bool {
        matches!(self.state, State::Switched | State::Closed)
    }
}

impl Exchange {
    /// Queues `request`.
    ///
    /// Whatever is [appended](Outbox::append) to the [`outbox`](Machine::outbox) right away goes
    /// out behind it, unannounced: the nonce of hixie-76 is such a thing.
    ///
    /// # Errors
    ///
    /// When the request has not one valid `Host`.
    pub fn new(request: &Request, config: Config, now: Instant) -> Result<Self, NoHost> {
        if !request.has_host() {
            return Err(NoHost);
        }
        let mut outbox = Outbox::new();
        request.write(&mut outbox);
        let asks_for_upgrade = request.fields().headers().contains("upgrade");
        let method = request.method().into();
        Ok(Self::start(outbox, method, asks_for_upgrade, config, now))
    }

    /// Queues a request that asks for an upgrade and is all written already: a `GET`, and whatever
    /// goes out behind it unannounced. The bytes are not looked at.
    pub fn verbatim(request: Bytes, config: Config, now: Instant) -> Self {
        let mut outbox = Outbox::new();
        outbox.push(request);
        Self::start(outbox, "GET".into(), true, config, now)
    }

    fn start(
        outbox: Outbox,
        method: Box<str>,
        asks_for_upgrade: bool,
        config: Config,
        now: Instant,
    ) -> Self {
        Self {
            config,
            outbox,
            parser: ResponseParser::default(),
            method,
            asks_for_upgrade,
            interim: 0,
            state: State::Head,
            heads: VecDeque::new(),
            body: Vec::new(),
            end: None,
            closed: None,
            closed_reported: false,
            read_deadline: Some(now + config.head_timeout),
            paused: false,
            write_deadline: None,
        }
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.heads.pop_front() {
            return Some(event);
        }
        if !self.body.is_empty() {
            self.paused |= self.body.len() >= self.config.inbound_mark;
            let body = core::mem::take(&mut self.body);
            return Some(Event::Body(Bytes::from(body.into_boxed_slice())));
        }
        if let Some(end) = self.end.take() {
            return Some(end);
        }
        let closed = self.closed?;
        let reported = core::mem::replace(&mut self.closed_reported, true);
        (!reported).then_some(Event::Closed(closed))
    }

    /// Gives the transport to the protocol that was agreed on. Returns what is still to be written.
    ///
    /// # Errors
    ///
    /// The exchange comes back when nothing was agreed on.
    pub fn upgrade(self) -> Result<Outbox, Box<Self>> {
        match self.state {
            State::Switched => Ok(self.outbox),
            State::Head | State::Body(_) | State::Closed => Err(Box::new(self)),
        }
    }

    /// Drops everything: the transport failed, or nobody waits for the response any more.
    pub fn abort(&mut self) {
        self.outbox.clear();
        self.end(Closed::Aborted);
    }

    fn takes_bytes(&self) -> bool {
        match self.state {
            State::Head => true,
            State::Body(_) => self.body.len() < self.config.inbound_mark,
            State::Switched | State::Closed => false,
        }
    }

    fn advance(&mut self, now: Instant, input: &[u8]) -> Result<usize, ProtocolError> {
        match &mut self.state {
            State::Head => {
                let (taken, head) = self.parser.parse(input, &self.config.limits)?;
                if let Some(head) = head {
                    self.take_head(now, head)?;
                }
                Ok(taken)
            }
            State::Body(decoder) => {
                let (taken, step) = decoder.decode(input, &self.config.limits)?;
                self.read_deadline = Some(now + self.config.body_timeout);
                self.paused = false;
                match step {
                    Step::Framing => {}
                    Step::Data(at) => {
                        self.body.extend_from_slice(&input[at]);
                        if decoder.left() == Some(0) {
                            self.complete(Fields::new(), false);
                        }
                    }
                    Step::End(trailers) => self.complete(trailers, false),
                }
                Ok(taken)
            }
            State::Switched | State::Closed => Ok(0),
        }
    }

    fn take_head(&mut self, now: Instant, head: ResponseHead) -> Result<(), ProtocolError> {
        match head.status() {
            101 if !self.asks_for_upgrade => return Err(ProtocolError::UnexpectedSwitch),
            101 => self.switch(head),
            100..=199 if self.interim == self.config.limits.interim => {
                return Err(ProtocolError::TooManyInterim);
            }
            100..=199 => {
                self.interim += 1;
                self.heads.push_back(Event::Interim(head));
            }
            // RFC 9110 §9.3.6: any 2xx opens the tunnel, right behind the head.
            200..=299 if &*self.method == "CONNECT" => self.switch(head),
            _ => self.take_final_head(now, head)?,
        }
        Ok(())
    }

    fn take_final_head(&mut self, now: Instant, head: ResponseHead) -> Result<(), ProtocolError> {
        let framing =
            response_framing(&self.method, head.version(), head.status(), head.headers())?;
        let decoder = Decoder::new(framing, self.config.max_body);
        self.heads.push_back(Event::Response { head, framing });
        match decoder? {
            decoder if decoder.left() == Some(0) => self.complete(Fields::new(), false),
            decoder => {
                self.state = State::Body(decoder);
                self.read_deadline = Some(now + self.config.body_timeout);
            }
        }
        Ok(())
    }

    fn switch(&mut self, head: ResponseHead) {
        self.state = State::Switched;
        self.read_deadline = None;
        self.heads.push_back(Event::Switched(head));
    }

    fn complete(&mut self, trailers: Fields, truncated_possible: bool) {
        self.end = Some(Event::End {
            trailers,
            truncated_possible,
        });
        self.end(Closed::Complete);
    }

    fn end(&mut self, cause: Closed) {
        if self.closed.is_none() {
            self.closed = Some(cause);
            self.state = State::Closed;
            self.read_deadline = None;
        }
    }
}
