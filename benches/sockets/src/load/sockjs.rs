//! SockJS's frames, and sessions over a WebSocket.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::{Failure, Outcome, Session, Wire};
use crate::traffic::{Cycle, Kind, Ring};
use crate::websocket;

/// What the session is to receive.
pub struct Expected {
    pub ring: Rc<Ring>,
    next: u64,
    pub open: bool,
}

impl Expected {
    pub fn new(ring: &Rc<Ring>) -> Self {
        Self {
            ring: ring.clone(),
            next: 0,
            open: false,
        }
    }

    /// Takes a frame of SockJS; tells how many messages were in it.
    pub fn frame(&mut self, frame: &[u8]) -> Outcome<usize> {
        match frame.first() {
            Some(b'o') if !self.open => self.open = true,
            Some(b'h') => {}
            Some(b'a') => return self.messages(&frame[1..]),
            Some(b'c') if frame.starts_with(b"c[2010") => {
                return Err(Failure::unexpected(
                    "2010: a poll was taken for a second one beside the poll that had just been answered",
                    frame,
                ));
            }
            _ => {
                return Err(Failure::unexpected(
                    "the session ended, or never began",
                    frame,
                ));
            }
        }
        Ok(0)
    }

    fn messages(&mut self, array: &[u8]) -> Outcome<usize> {
        let wrong = || Failure::unexpected("these are not the next messages", array);
        let mut rest = array;
        let mut count = 0;
        while let [b'[' | b',', b'"', literal @ ..] = rest {
            let message = self.ring.message(self.next);
            rest = literal.strip_prefix(message).ok_or_else(wrong)?;
            rest = rest.strip_prefix(b"\"").ok_or_else(wrong)?;
            self.next += 1;
            count += 1;
        }
        if rest == b"]" {
            Ok(count)
        } else {
            Err(wrong())
        }
    }
}

pub fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:08}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The frames of a client: one for each message.
pub fn script(ring: &Ring) -> Rc<Cycle> {
    Rc::new(ring.encoded(|message, out| websocket::masked(Kind::Text, &array(&[message]), out)))
}

/// A session over a WebSocket.
pub struct OverWebSocket {
    wire: Wire,
    upgrade: Option<websocket::Upgrade>,
    out: Rc<Cycle>,
    sent: u64,
    expected: Expected,
    partial: Vec<u8>,
}

impl OverWebSocket {
    pub fn new(
        address: SocketAddr,
        prefix: &str,
        ring: &Rc<Ring>,
        out: &Rc<Cycle>,
    ) -> Outcome<Self> {
        let path = format!("{prefix}/000/{}/websocket", new_id());
        let mut wire = Wire::connect(address)?;
        wire.push(websocket::request(address, &path).as_bytes())?;
        Ok(Self {
            wire,
            upgrade: Some(websocket::Upgrade::default()),
            out: out.clone(),
            sent: 0,
            expected: Expected::new(ring),
            partial: Vec::new(),
        })
    }

    fn frames(&mut self, bytes: &mut &[u8]) -> Outcome<usize> {
        let mut messages = 0;
        while let Some(frame) = websocket::take_frame(bytes)? {
            match frame.opcode {
                websocket::TEXT => messages += self.expected.frame(frame.payload)?,
                // The server makes sure that a silent client is there.
                websocket::PING => {
                    let mut pong = Vec::new();
                    websocket::pong(frame.payload, &mut pong);
                    self.wire.push(&pong)?;
                }
                _ => return Err(Failure::unexpected("not a text frame", frame.payload)),
            }
        }
        Ok(messages)
    }
}

impl Session for OverWebSocket {
    fn wires(&mut self) -> Vec<&mut Wire> {
        vec![&mut self.wire]
    }

    fn wire(&mut self, _: usize) -> &mut Wire {
        &mut self.wire
    }

    fn is_open(&self) -> bool {
        self.expected.open
    }

    fn issue(&mut self, count: usize) -> Outcome<()> {
        let due = count as u64 * self.out.each();
        let mut sent = 0;
        while sent < due {
            let bytes = self.out.at(self.sent + sent, due - sent);
            self.wire.push(bytes)?;
            sent += bytes.len() as u64;
        }
        self.sent += due;
        Ok(())
    }

    fn writable(&mut self, _: usize) -> Outcome<()> {
        self.wire.flush()
    }

    fn receive(&mut self, _: usize, mut bytes: &[u8]) -> Outcome<usize> {
        if let Some(upgrade) = &mut self.upgrade {
            match upgrade.receive(bytes)? {
                Some(rest) => bytes = rest,
                None => return Ok(0),
            }
            self.upgrade = None;
        }
        if self.partial.is_empty() {
            let messages = self.frames(&mut bytes)?;
            self.partial.extend_from_slice(bytes);
            return Ok(messages);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let mut rest = &whole[..];
        let messages = self.frames(&mut rest)?;
        self.partial.extend_from_slice(rest);
        Ok(messages)
    }
}

/// `["a","b"]`; messages need no escapes.
pub fn array(messages: &[&[u8]]) -> Vec<u8> {
    let mut array = Vec::new();
    for message in messages {
        array.push(if array.is_empty() { b'[' } else { b',' });
        array.push(b'"');
        array.extend_from_slice(message);
        array.push(b'"');
    }
    array.push(b']');
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_messages_are_taken() {
        let ring = Ring::new(Kind::Text, 8, 4);
        let literals: Vec<&[u8]> = (0..5).map(|number| ring.message(number)).collect();
        let frame = |numbers: &[usize]| {
            let messages: Vec<_> = numbers.iter().map(|&number| literals[number]).collect();
            [b"a", &array(&messages)[..]].concat()
        };
        let mut expected = Expected::new(&ring);
        assert!(expected.frame(b"o").is_ok_and(|count| count == 0) && expected.open);
        assert!(expected.frame(b"h").is_ok_and(|count| count == 0));
        assert!(expected.frame(&frame(&[0])).is_ok_and(|count| count == 1));
        assert!(
            expected
                .frame(&frame(&[1, 2]))
                .is_ok_and(|count| count == 2)
        );
        for wrong in [
            frame(&[4]),
            frame(&[2]),
            frame(&[3, 3]),
            b"a[".to_vec(),
            b"o".to_vec(),
        ] {
            let mut expected = Expected {
                ring: ring.clone(),
                next: 3,
                open: true,
            };
            assert!(expected.frame(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_poll_that_meets_2010_is_named() {
        let mut expected = Expected::new(&Ring::new(Kind::Text, 8, 1));
        let failure = expected.frame(b"c[2010,\"Another connection still open\"]");
        assert!(failure.is_err_and(|failure| failure.0.starts_with("2010")));
    }
}
