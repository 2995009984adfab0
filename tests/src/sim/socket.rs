//! A client with a WebSocket.

use std::collections::VecDeque;
use std::time::Duration;

use sockjs_proto::Dialect;
use websocket_proto::connection::{self, Delivery};
use websocket_proto::{Draft, Instant};

use super::around::{Actor, Around};
use super::driver::{Driver, Turn};
use super::frames::Frame;
use super::hand::Hand;
use super::oracle::Track;
use super::peer::{Ours, Peer, Said};
use super::plan::{Client, Leaves, Path, Speaker, Wants, bounds};
use super::wire::End;
use super::{Outcome, payload};

/// The client.
pub(super) struct Socket {
    at: usize,
    plan: Client,
    draft: Draft,
    speaker: Speaker,
    path: Path,
    track: usize,
    driver: Driver,
    peer: Box<dyn Peer>,
    open: bool,
    /// The first frame of hixie-76 leaves so long behind the digest.
    delay: Duration,
    /// When the handshake's last byte was queued, until a frame comes.
    opened: Option<Instant>,
    /// How many of its own messages it has sent, and heard again.
    sent: u64,
    echoes: u64,
    heard_end: bool,
    told_something: bool,
    /// Told how the session ends.
    told_end: bool,
    leaves: bool,
    next: Instant,
    patience: Instant,
    /// When the server knew the time before it queued the last frame.
    framed: Instant,
    unsaid: VecDeque<String>,
    pub(super) outcome: Option<Outcome>,
}

impl Socket {
    pub(super) fn new(
        around: &mut Around,
        at: usize,
        plan: Client,
        (draft, speaker, path): (Draft, Speaker, Path),
    ) -> Self {
        let link = around.connect(at, plan.server);
        let track = around.oracle.tracks.len();
        let id = format!("{}{track}", plan.wants.letter());
        let target = match path {
            Path::Session => format!("/s/000/{id}/websocket"),
            Path::Raw => "/s/websocket".to_owned(),
            Path::Plain => "/ws".to_owned(),
        };
        around.tell(|| format!("client {at}: {speaker:?} {draft:?} {target}"));
        around.oracle.tracks.push(Track::new(id, plan.wants, false));
        around.oracle.tracks[track].links.push(link);
        let dialect = (path != Path::Plain).then_some(around.plan.config.dialect);
        let silent_end = (draft, dialect) == (Draft::Hixie76, Some(Dialect::V0_2));
        let peer: Box<dyn Peer> = match speaker {
            Speaker::Ours => {
                let offers = around.plan.config.deflate.is_some();
                let deflate = offers.then(|| bounds(&mut around.random));
                around.oracle.tracks[track].opaque = offers && draft.is_hybi();
                let config = connection::Config {
                    inbound_mark: around.random.pick(&[10, 64 * 1024, 64 * 1024]),
                    compress_above: 0,
                    delivery: around.random.pick(&[
                        Delivery::Whole,
                        Delivery::Whole,
                        Delivery::Streamed,
                    ]),
                    ..connection::Config::default()
                };
                let now = around.now;
                Box::new(Ours::new(draft, &target, deflate, config, silent_end, now))
            }
            Speaker::Hand => Box::new(Hand::new(draft, &target, silent_end)),
        };
        around.wake(Actor::Client(at));
        Self {
            at,
            plan,
            draft,
            speaker,
            path,
            track,
            driver: Driver::new(End::Client, link, around.now),
            peer,
            open: false,
            delay: match (draft, dialect) {
                (Draft::Hixie76, Some(Dialect::V0_2_1)) => Duration::from_millis(25),
                _ => Duration::ZERO,
            },
            opened: None,
            sent: 0,
            echoes: 0,
            heard_end: false,
            told_something: false,
            told_end: false,
            leaves: false,
            next: around.now,
            patience: around.now + PATIENCE,
            framed: around.now,
            unsaid: VecDeque::new(),
            outcome: None,
        }
    }

    /// What it waits for after that time.
    pub(super) fn deadline(&mut self, after: Instant) -> Option<Instant> {
        let bytes = self.driver.deadline(self.peer.machine());
        let own = [self.next, self.patience].into_iter();
        let own = own.filter(|&at| self.outcome.is_none() && at > after && at != Instant::FAR);
        bytes.into_iter().chain(own).min()
    }

    pub(super) fn turn(&mut self, around: &mut Around) {
        let read = self.driver.input(around, self.peer.machine());
        if read == Turn::Broken {
            return self.broken(around);
        }
        while let Some(said) = self.peer.poll() {
            self.hear(around, said);
        }
        if self.outcome.is_none() {
            self.speak(around);
        }
        match self.driver.output(around, self.peer.machine()) {
            Turn::Broken => return self.broken(around),
            Turn::Moved => around.wake(Actor::Client(self.at)),
            Turn::Still if read == Turn::Moved => around.wake(Actor::Client(self.at)),
            Turn::Still => {}
        }
        if self.outcome.is_none() && self.patience <= around.now {
            self.end(around, Outcome::Lost("patience"));
        }
    }

    fn hear(&mut self, around: &mut Around, said: Said) {
        if self.outcome.is_some() {
            return;
        }
        match said {
            Said::Open => {
                self.open = self.path != Path::Session;
                self.opened = self.driver.stamp.map(|stamp| stamp.at);
                self.next = around.after_millis(self.plan.gap);
            }
            Said::Refused(_) => self.end(around, Outcome::Lost("refused")),
            Said::Ping => {
                let stamp = self.driver.stamp.expect("it came from somewhere");
                let silence = stamp.at - stamp.heard;
                let interval = around.plan.config.heartbeat_delay;
                assert!(silence >= interval, "a ping after {silence:?}");
            }
            Said::Text(text) => {
                if let (Some(opened), Some(stamp)) = (self.opened.take(), self.driver.stamp) {
                    let waited = stamp.at - opened;
                    // It need not wait for a client that has gone.
                    let late = waited >= self.delay || self.leaves;
                    assert!(late, "a frame {waited:?} behind the digest");
                }
                match self.path {
                    Path::Session => self.frame(around, Frame::read(&text)),
                    Path::Raw | Path::Plain => self.message(around, &text),
                }
            }
            Said::Closed => {
                // Its own timers may have run out first.
                around.oracle.tracks[self.track].left |= !around.oracle.is_closed(self.track);
                let expected = self.told_end
                    || self.leaves
                    || self.path != Path::Session && self.expects_close();
                let outcome = if expected {
                    Outcome::Done
                } else {
                    Outcome::Lost("closed")
                };
                self.end(around, outcome);
            }
        }
    }

    fn frame(&mut self, around: &mut Around, frame: Frame) {
        let stamp = self.driver.stamp.expect("it came from somewhere");
        match frame {
            Frame::Open => {
                assert!(!self.open, "one o");
                self.open = true;
                self.next = around.after_millis(self.plan.gap);
                around.oracle.open(self.track);
            }
            Frame::Messages(messages) => {
                self.told_something = true;
                assert!(self.open && !self.told_end);
                for text in messages {
                    self.message(around, &text);
                }
            }
            Frame::Heartbeat => {
                let quiet = stamp.at - self.framed;
                let delay = around.plan.config.heartbeat_delay;
                // The frames before the nonce of hixie-76 are older than they look.
                let known = self.draft != Draft::Hixie76 || self.told_something;
                assert!(quiet >= delay || !known, "a heartbeat after {quiet:?}");
            }
            Frame::Close(code, reason) => {
                assert!(!self.told_end, "one end");
                self.told_end = true;
                around.oracle.check_close(self.track, code, &reason);
            }
        }
        // Nobody tells a session the time when it sends.
        self.framed = stamp.heard;
    }

    fn message(&mut self, around: &mut Around, text: &str) {
        around.totals.received += 1;
        around.oracle.receive(&around.links, self.track, text);
        let body = text.split_once(';').expect("a tag").1;
        if body.starts_with('m') {
            self.echoes += 1;
        }
        self.heard_end |= body == "end";
    }

    const fn expects_close(&self) -> bool {
        matches!(self.plan.wants, Wants::Ticks | Wants::Close)
    }

    fn has_all(&self, around: &Around) -> bool {
        let all = self.sent == self.plan.messages && self.unsaid.is_empty();
        match self.plan.wants {
            Wants::Echo | Wants::SlowEcho => all && self.echoes == self.sent,
            Wants::Burst => all && self.echoes == self.sent && self.heard_end,
            Wants::Room => all && self.next <= around.now,
            Wants::Ticks | Wants::Close => false,
        }
    }

    fn speak(&mut self, around: &mut Around) {
        if !self.open {
            return;
        }
        while let Some(text) = self.unsaid.front() {
            let wire = match self.path {
                Path::Session => serde_json::to_string(&[text]).expect("JSON"),
                Path::Raw | Path::Plain => text.clone(),
            };
            let Some(text) = self
                .peer
                .say(&wire)
                .then(|| self.unsaid.pop_front())
                .flatten()
            else {
                return;
            };
            around.tell(|| format!("client {}: sends {text:?}", self.at));
            around.oracle.tracks[self.track].sent.push(text);
            around.totals.sent += 1;
        }
        if self.next > around.now || self.leaves {
            return;
        }
        if self.sent < self.plan.messages {
            let text = format!("m{};{}", self.sent, payload(&mut around.random));
            self.sent += 1;
            self.unsaid.push_back(text);
            self.next = around.after_millis(self.plan.gap);
            if self.sent == self.plan.messages && self.plan.wants == Wants::Room {
                self.next = self.next + Duration::from_secs(2);
            }
            return self.speak(around);
        }
        if self.has_all(around) {
            self.leave(around);
        }
    }

    fn leave(&mut self, around: &mut Around) {
        self.leaves = true;
        around.tell(|| {
            format!(
                "client {} has all it wants: {:?}",
                self.at, self.plan.leaves
            )
        });
        match self.plan.leaves {
            Leaves::Asks => {
                self.unsaid.push_back(format!("m{};bye", self.sent));
                self.speak(around);
            }
            Leaves::Closes => {
                around.oracle.tracks[self.track].left = true;
                self.peer.close(around.now);
                around.wake(Actor::Client(self.at));
            }
            Leaves::Aborts => {
                around.oracle.tracks[self.track].left = true;
                around.is_cut(self.driver.link);
                self.end(around, Outcome::Done);
                self.driver.finish(around);
            }
        }
    }

    fn broken(&mut self, around: &mut Around) {
        around.is_cut(self.driver.link);
        self.driver.finish(around);
        let outcome = if self.told_end {
            Outcome::Done
        } else {
            Outcome::Lost("broken")
        };
        self.end(around, outcome);
    }

    fn end(&mut self, around: &mut Around, outcome: Outcome) {
        if self.outcome.is_some() {
            return;
        }
        around.tell(|| format!("client {}: {outcome:?}", self.at));
        if let Outcome::Lost(why) = outcome {
            around.oracle.tracks[self.track].left = true;
            if why != "closed" {
                around.is_cut(self.driver.link);
                self.driver.finish(around);
            }
        }
        if matches!(outcome, Outcome::Lost(_)) && self.plan.attempts > 0 && !around.plan.calm {
            self.plan.attempts -= 1;
            self.driver.finish(around);
            let plan = self.plan;
            *self = Self::new(around, self.at, plan, (self.draft, self.speaker, self.path));
            return;
        }
        self.outcome = Some(outcome);
        around.wake(Actor::Client(self.at));
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("at", &self.at)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// Longer than any timer of a server.
const PATIENCE: Duration = Duration::from_secs(400);
