//! The bound of SockJS's HTTP transports: their reads and writes alone.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::session::{Failure, Outcome, Session, Wire};
use crate::sockjs::{array, new_id};
use crate::traffic::Ring;
use crate::xhr::{RECEIVER, Receiving, post, post_head};

/// The same socket work without HTTP or sessions: see `raw_work.rs` of the servers.
pub struct Work {
    number: u64,
    receiver: Wire,
    sender: Wire,
    request: Vec<u8>,
    poll: Vec<u8>,
    answer: u64,
    frame: u64,
    greeted: [bool; 2],
    issued: u64,
    posted: u64,
    answered: u64,
    received: u64,
}

impl Work {
    pub fn new(address: SocketAddr, receiving: Receiving, ring: &Rc<Ring>) -> Outcome<Self> {
        let number = new_id();
        let number: u64 = number.parse().map_err(|_| Failure::new("a number"))?;
        let body = array(&[ring.message(0)]);
        let path = format!("/echo/000/{number:08}");
        let request = post(address, &format!("{path}/xhr_send"), &body);
        let (frame, poll) = match receiving {
            Receiving::Streaming => (body.len() + CHUNK, Vec::new()),
            _ => {
                let poll = post_head(address, &format!("{path}/xhr"), 0);
                (body.len() + ANSWER, poll.into_bytes())
            }
        };
        let mut receiver = Wire::connect(address)?;
        receiver.push(format!("receive {number}\n").as_bytes())?;
        Ok(Self {
            number,
            receiver,
            sender: Wire::connect(address)?,
            answer: ANSWER as u64,
            frame: frame as u64,
            request,
            poll,
            greeted: [false; 2],
            issued: 0,
            posted: 0,
            answered: 0,
            received: 0,
        })
    }

    fn post(&mut self) -> Outcome<()> {
        if self.posted < self.issued && self.posted == self.answered / self.answer {
            self.posted += 1;
            self.sender.push(&self.request)?;
        }
        Ok(())
    }
}

impl Session for Work {
    fn wires(&mut self) -> Vec<&mut Wire> {
        vec![&mut self.receiver, &mut self.sender]
    }

    fn wire(&mut self, wire: usize) -> &mut Wire {
        match wire {
            RECEIVER => &mut self.receiver,
            _ => &mut self.sender,
        }
    }

    fn is_open(&self) -> bool {
        self.greeted == [true; 2]
    }

    fn issue(&mut self, count: usize) -> Outcome<()> {
        self.issued += count as u64;
        self.post()
    }

    fn writable(&mut self, wire: usize) -> Outcome<()> {
        self.wire(wire).flush()
    }

    fn receive(&mut self, wire: usize, bytes: &[u8]) -> Outcome<usize> {
        if !self.greeted[wire] {
            if bytes != b"ok" {
                return Err(Failure::unexpected("no greeting", bytes));
            }
            self.greeted[wire] = true;
            if wire == RECEIVER {
                let request = self.request.len();
                let hello = format!(
                    "send {} {request} {} {}\n",
                    self.number, self.answer, self.frame
                );
                self.sender.push(hello.as_bytes())?;
            }
            return Ok(0);
        }
        let count = bytes.len() as u64;
        if wire == RECEIVER {
            let before = self.received / self.frame;
            self.received += count;
            let messages = (self.received / self.frame - before) as usize;
            if messages > 0 {
                self.receiver.push(&self.poll)?;
            }
            return Ok(messages);
        }
        self.answered += count;
        self.post()?;
        Ok(0)
    }
}

/// About what a chunk, and the head of an answer, add.
const CHUNK: usize = 8;
const ANSWER: usize = 256;
