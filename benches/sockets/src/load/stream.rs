//! Echo whose bytes are known in advance: TCP, and WebSockets, where each message comes back in a frame
//! of its own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::session::{Failure, Outcome, Session, Wire};
use crate::sockjs::array;
use crate::traffic::{Cycle, Kind, Ring};
use crate::websocket;

/// What goes out, and what must come back. Sessions share it.
pub struct Script {
    /// One for each size; [`change`](Self::change) goes from one to another.
    sizes: Vec<Lines>,
    now: Cell<usize>,
}

struct Lines {
    out: Cycle,
    expected: Cycle,
}

impl Script {
    pub fn tcp(rings: &[Rc<Ring>]) -> Rc<Self> {
        let as_it_is: Encode = |_, message, out| out.extend_from_slice(message);
        Self::new(rings, as_it_is, as_it_is)
    }

    pub fn websocket(rings: &[Rc<Ring>]) -> Rc<Self> {
        Self::new(rings, websocket::masked, websocket::plain)
    }

    /// TCP, with the bytes of a SockJS broadcast over WebSockets.
    pub fn tcp_like_sockjs(rings: &[Rc<Ring>]) -> Rc<Self> {
        let encode: Encode = |_, message, out| {
            let mut frame = b"a".to_vec();
            frame.extend_from_slice(&array(&[message]));
            websocket::plain(Kind::Text, &frame, out);
        };
        Self::new(rings, encode, encode)
    }

    fn new(rings: &[Rc<Ring>], out: Encode, expected: Encode) -> Rc<Self> {
        let lines = |ring: &Rc<Ring>| Lines {
            out: ring.encoded(|message, bytes| out(ring.kind, message, bytes)),
            expected: ring.encoded(|message, bytes| expected(ring.kind, message, bytes)),
        };
        Rc::new(Self {
            sizes: rings.iter().map(lines).collect(),
            now: Cell::new(0),
        })
    }

    /// The size of the next message, by its place among the rings. Nothing may be in flight.
    pub fn change(&self, size: usize) {
        self.now.set(size);
    }
}

type Encode = fn(Kind, &[u8], &mut Vec<u8>);

/// A connection that echoes.
pub struct Stream {
    wire: Wire,
    script: Rc<Script>,
    upgrade: Option<websocket::Upgrade>,
    /// Whether it is a WebSocket: the server may ping a client that has been silent.
    pings: bool,
    pong: Vec<u8>,
    size: usize,
    sent: u64,
    due: u64,
    received: u64,
}

impl Stream {
    pub fn tcp(address: SocketAddr, script: &Rc<Script>) -> Outcome<Self> {
        Ok(Self {
            wire: Wire::connect(address)?,
            script: script.clone(),
            upgrade: None,
            pings: false,
            pong: Vec::new(),
            size: 0,
            sent: 0,
            due: 0,
            received: 0,
        })
    }

    pub fn websocket(address: SocketAddr, script: &Rc<Script>) -> Outcome<Self> {
        let mut stream = Self::tcp(address, script)?;
        let request = websocket::request(address, "/echo");
        stream.wire.push(request.as_bytes())?;
        stream.upgrade = Some(websocket::Upgrade::default());
        stream.pings = true;
        Ok(stream)
    }

    fn send(&mut self) -> Outcome<()> {
        if !self.wire.is_flushed() {
            return Ok(());
        }
        while self.sent < self.due {
            let out = &self.script.sizes[self.size].out;
            let bytes = out.at(self.sent, self.due - self.sent);
            let written = self.wire.write(bytes)?;
            self.sent += written as u64;
            if written < bytes.len() {
                return Ok(());
            }
        }
        // Between two frames.
        let pong = std::mem::take(&mut self.pong);
        self.wire.push(&pong)
    }

    /// Takes bytes of the echo up to the end of its message, or a ping before the next; tells how many.
    fn step(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let expected = &self.script.sizes[self.size].expected;
        let left = expected.each() - self.received % expected.each();
        let count = bytes.len().min(left as usize);
        if expected.matches(self.received, &bytes[..count]) {
            self.received += count as u64;
            return Ok(count);
        }
        let mut rest = bytes;
        if self.pings && left == expected.each() {
            let frame = websocket::take_frame(&mut rest)?;
            if let Some(ping) = frame.filter(|frame| frame.opcode == websocket::PING) {
                websocket::pong(ping.payload, &mut self.pong);
                self.send()?;
                return Ok(bytes.len() - rest.len());
            }
        }
        Err(Failure::unexpected("this is not the echo", bytes))
    }
}

impl Session for Stream {
    fn wires(&mut self) -> Vec<&mut Wire> {
        vec![&mut self.wire]
    }

    fn wire(&mut self, _: usize) -> &mut Wire {
        &mut self.wire
    }

    fn is_open(&self) -> bool {
        self.upgrade.is_none()
    }

    fn issue(&mut self, count: usize) -> Outcome<()> {
        let size = self.script.now.get();
        if size != self.size {
            self.size = size;
            (self.sent, self.due, self.received) = (0, 0, 0);
        }
        self.due += count as u64 * self.script.sizes[size].out.each();
        self.send()
    }

    fn writable(&mut self, _: usize) -> Outcome<()> {
        self.wire.flush()?;
        self.send()
    }

    fn receive(&mut self, _: usize, mut bytes: &[u8]) -> Outcome<usize> {
        if let Some(upgrade) = &mut self.upgrade {
            match upgrade.receive(bytes)? {
                Some(rest) => bytes = rest,
                None => return Ok(0),
            }
            self.upgrade = None;
        }
        let expected = &self.script.sizes[self.size].expected;
        let each = expected.each();
        let before = self.received / each;
        if expected.matches(self.received, bytes) {
            self.received += bytes.len() as u64;
        } else {
            while !bytes.is_empty() {
                let taken = self.step(bytes)?;
                bytes = &bytes[taken..];
            }
        }
        Ok((self.received / each - before) as usize)
    }
}
