//! SockJS sessions over `xhr_streaming` and `xhr`.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::http::{Piece, Responses};
use crate::session::{Failure, Outcome, Session, Wire};
use crate::sockjs::{Expected, array, new_id};
use crate::traffic::Ring;

/// How a session over HTTP receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Receiving {
    /// `xhr_streaming`: a response that goes on until it is long.
    Streaming,
    /// `xhr`: a response for each poll, and the next poll at once on the same connection.
    Polling,
    /// `xhr`: one poll opens the session, and that is all.
    Once,
    /// No session: a request for the page of the service.
    Nothing,
}

/// A session over HTTP, with `xhr_send` on a connection of its own. What is sent while one `xhr_send`
/// is on its way goes together with the next, as the browsers' client does it.
pub struct OverHttp {
    receiver: Wire,
    /// None while idle sessions are counted.
    sender: Option<Wire>,
    receiving: Receiving,
    poll: String,
    send: String,
    responses: Responses,
    sends: Responses,
    line: Vec<u8>,
    expected: Expected,
    issued: u64,
    posted: u64,
    posting: bool,
}

pub const RECEIVER: usize = 0;

impl OverHttp {
    pub fn new(
        address: SocketAddr,
        prefix: &str,
        receiving: Receiving,
        ring: &Rc<Ring>,
    ) -> Outcome<Self> {
        let mut session = Self::idle(address, prefix, receiving, ring)?;
        session.sender = Some(Wire::connect(address)?);
        Ok(session)
    }

    /// Without a connection to send on.
    pub fn idle(
        address: SocketAddr,
        prefix: &str,
        receiving: Receiving,
        ring: &Rc<Ring>,
    ) -> Outcome<Self> {
        let session = format!("{prefix}/000/{}", new_id());
        let poll = match receiving {
            Receiving::Streaming => post_head(address, &format!("{session}/xhr_streaming"), 0),
            Receiving::Polling | Receiving::Once => {
                post_head(address, &format!("{session}/xhr"), 0)
            }
            Receiving::Nothing => head(address, "GET", prefix, ""),
        };
        let mut receiver = Wire::connect(address)?;
        receiver.push(poll.as_bytes())?;
        Ok(Self {
            receiver,
            sender: None,
            receiving,
            poll,
            send: format!("{session}/xhr_send"),
            responses: Responses::default(),
            sends: Responses::default(),
            line: Vec::new(),
            expected: Expected::new(ring),
            issued: 0,
            posted: 0,
            posting: false,
        })
    }

    fn post(&mut self) -> Outcome<()> {
        let Some(sender) = &mut self.sender else {
            return Err(Failure::new("there is no connection to send on"));
        };
        if self.posting || self.posted == self.issued {
            return Ok(());
        }
        let ring = &self.expected.ring;
        let messages: Vec<_> = (self.posted..self.issued)
            .map(|number| ring.message(number))
            .collect();
        let request = post(sender.tcp.peer_addr()?, &self.send, &array(&messages));
        self.posted = self.issued;
        self.posting = true;
        sender.push(&request)
    }

    fn received(&mut self, mut bytes: &[u8]) -> Outcome<usize> {
        let mut messages = 0;
        while let Some(piece) = self.responses.next(&mut bytes)? {
            match piece {
                Piece::Body(_) if self.receiving == Receiving::Nothing => {}
                Piece::Body(mut body) => {
                    // Each frame ends with a newline, and so does the padding before the first.
                    while let Some(end) = memchr::memchr(b'\n', body) {
                        self.line.extend_from_slice(&body[..end]);
                        messages += self.expected.frame(&self.line)?;
                        self.line.clear();
                        body = &body[end + 1..];
                    }
                    self.line.extend_from_slice(body);
                }
                Piece::End => match self.receiving {
                    Receiving::Streaming | Receiving::Polling => {
                        self.receiver.push(self.poll.as_bytes())?;
                    }
                    Receiving::Once => {}
                    Receiving::Nothing => self.expected.open = true,
                },
            }
        }
        Ok(messages)
    }
}

impl Session for OverHttp {
    fn wires(&mut self) -> Vec<&mut Wire> {
        let mut wires = vec![&mut self.receiver];
        wires.extend(&mut self.sender);
        wires
    }

    fn wire(&mut self, wire: usize) -> &mut Wire {
        match (wire, &mut self.sender) {
            (RECEIVER, _) | (_, None) => &mut self.receiver,
            (_, Some(sender)) => sender,
        }
    }

    fn is_open(&self) -> bool {
        self.expected.open
    }

    fn issue(&mut self, count: usize) -> Outcome<()> {
        self.issued += count as u64;
        self.post()
    }

    fn writable(&mut self, wire: usize) -> Outcome<()> {
        self.wire(wire).flush()
    }

    fn receive(&mut self, wire: usize, mut bytes: &[u8]) -> Outcome<usize> {
        if wire == RECEIVER {
            return self.received(bytes);
        }
        while let Some(piece) = self.sends.next(&mut bytes)? {
            match piece {
                Piece::Body(body) => return Err(Failure::unexpected("not a 204", body)),
                Piece::End => {
                    self.posting = false;
                    self.post()?;
                }
            }
        }
        Ok(0)
    }
}

pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = post_head(address, path, body.len()).into_bytes();
    request.extend_from_slice(body);
    request
}

/// A POST up to its body.
pub fn post_head(address: SocketAddr, path: &str, length: usize) -> String {
    let fields = format!("Content-Length: {length}\r\nContent-Type: text/plain\r\n");
    head(address, "POST", path, &fields)
}

/// What a browser sends to a server of the page's origin, less the details of its build.
fn head(address: SocketAddr, method: &str, path: &str, fields: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive\r\n{fields}\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0\r\nAccept: */*\r\n\
         Origin: http://{address}\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-US,en;q=0.9\r\n\r\n"
    )
}
