//! A client of plain HTTP, which may ask for much before the first answer.

use std::collections::VecDeque;
use std::time::Duration;

use websocket_proto::Instant;

use super::Outcome;
use super::around::{Actor, Around};
use super::plan::Client;
use super::reply::Reply;
use super::wire::{End, Read};

/// The client.
#[derive(Debug)]
pub(super) struct Requests {
    at: usize,
    link: usize,
    out: Vec<u8>,
    /// What each answer that is awaited says.
    awaited: VecDeque<String>,
    reply: Reply,
    left: u64,
    next: Instant,
    patience: Instant,
    pub(super) outcome: Option<Outcome>,
}

impl Requests {
    pub(super) fn new(around: &mut Around, at: usize, plan: Client) -> Self {
        around.wake(Actor::Client(at));
        Self {
            at,
            link: around.connect(at, plan.server),
            out: Vec::new(),
            awaited: VecDeque::new(),
            reply: Reply::default(),
            left: plan.messages,
            next: around.now,
            patience: around.now + Duration::from_secs(200),
            outcome: None,
        }
    }

    /// What it waits for after that time.
    pub(super) fn deadline(&self, after: Instant) -> Option<Instant> {
        let times = [self.next, self.patience].into_iter();
        times
            .filter(|&at| self.outcome.is_none() && at > after)
            .min()
    }

    pub(super) fn turn(&mut self, around: &mut Around) {
        if self.outcome.is_some() {
            return;
        }
        if self.left > 0 && self.next <= around.now {
            self.ask(around);
        }
        if let Ok(n) = around.write(End::Client, self.link, &self.out) {
            self.out.drain(..n);
        }
        let most = around.random.magnitude(1, 10_000);
        let outcome = match around.read(End::Client, self.link, most) {
            Read::Bytes(bytes) => {
                around.stamp(End::Client, self.link);
                self.take(around, &bytes);
                around.wake(Actor::Client(self.at));
                (self.left == 0 && self.awaited.is_empty()).then_some(Outcome::Done)
            }
            Read::Nothing if self.left == 0 && self.awaited.is_empty() => Some(Outcome::Done),
            Read::Nothing if self.patience <= around.now => Some(Outcome::Lost("patience")),
            Read::Nothing => None,
            Read::Eof | Read::Broken => Some(Outcome::Lost("cut off")),
        };
        if outcome.is_some() {
            around.tell(|| format!("client {}: {outcome:?}", self.at));
            around.close(End::Client, self.link);
            self.outcome = outcome;
        }
    }

    fn ask(&mut self, around: &mut Around) {
        self.left -= 1;
        let target = format!("/page/{}?{}", self.left, around.random.between(0, 99));
        let body = "x".repeat(around.random.magnitude(1, 300));
        let (request, body) = match around.random.between(0, 2) {
            0 => (format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), ""),
            1 => (
                format!(
                    "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ),
                &*body,
            ),
            _ => (
                format!(
                    "POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                     {:x}\r\n{body}\r\n0\r\n\r\n",
                    body.len()
                ),
                &*body,
            ),
        };
        self.awaited.push_back(format!("{target} {body}"));
        self.out.extend_from_slice(request.as_bytes());
        self.next = around.after_millis(300);
        around.totals.requests += 1;
        around.wake(Actor::Client(self.at));
    }

    fn take(&mut self, around: &Around, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.reply.feed(bytes);
            bytes = &bytes[taken..];
            if self.reply.is_complete() {
                let reply = std::mem::take(&mut self.reply);
                if reply.status == 408 && !around.plan.calm {
                    return;
                }
                let awaited = self.awaited.pop_front().expect("nothing comes unasked");
                assert_eq!(reply.status, 200);
                assert_eq!(
                    String::from_utf8_lossy(&reply.body),
                    awaited,
                    "in order, once"
                );
            }
        }
    }
}
