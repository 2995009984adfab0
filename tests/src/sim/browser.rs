//! A client with a session over HTTP, which behaves as the browsers' library does.

use std::collections::VecDeque;
use std::time::Duration;

use sockjs_proto::Transport;
use websocket_proto::Instant;
use websocket_proto::http1::Version;

use super::around::{Actor, Around};
use super::asking::Asking;
use super::frames::{Frame, Unwrap};
use super::lines::{Line, State};
use super::oracle::Track;
use super::plan::{Client, Leaves, Wants};
use super::{Outcome, payload};

/// The client.
#[derive(Debug)]
pub(super) struct Browser {
    at: usize,
    plan: Client,
    asking: Asking,
    track: usize,
    lines: Vec<Work>,
    open: bool,
    /// Told how the session ends.
    told_end: bool,
    sent: u64,
    echoes: u64,
    heard_end: bool,
    unsent: VecDeque<String>,
    leaves: bool,
    /// When it wants to say something.
    next: Instant,
    /// When it asks for what there is.
    polls: Instant,
    patience: Instant,
    pub(super) outcome: Option<Outcome>,
}

/// A connection and what it is used for.
#[derive(Debug)]
struct Work {
    line: Line,
    job: Job,
}

#[derive(Debug)]
enum Job {
    Nothing,
    Receive {
        frames: Unwrap,
        /// When the server queued the last frame.
        framed: Instant,
        count: usize,
    },
    /// What counts as arrived when the answer comes.
    Send(usize),
}

impl Browser {
    pub(super) fn new(
        around: &mut Around,
        at: usize,
        plan: Client,
        (transport, version): (Transport, Version),
    ) -> Self {
        let track = around.oracle.tracks.len();
        let id = format!("{}{track}", plan.wants.letter());
        around.tell(|| format!("client {at}: {transport}, session {id}, {version:?}"));
        let asking = Asking::new(transport, version, id.clone());
        around.oracle.tracks.push(Track::new(id, plan.wants, true));
        around.wake(Actor::Client(at));
        Self {
            at,
            plan,
            asking,
            track,
            lines: Vec::new(),
            open: false,
            told_end: false,
            sent: 0,
            echoes: 0,
            heard_end: false,
            unsent: VecDeque::new(),
            leaves: false,
            next: Instant::FAR,
            polls: around.now,
            patience: around.now + PATIENCE,
            outcome: None,
        }
    }

    /// What it waits for after that time.
    pub(super) fn deadline(&self, after: Instant) -> Option<Instant> {
        let times = [self.next, self.polls, self.patience].into_iter();
        let times = times.filter(|&at| self.outcome.is_none() && at > after && at != Instant::FAR);
        times.min()
    }

    pub(super) fn turn(&mut self, around: &mut Around) {
        if self.outcome.is_some() {
            return;
        }
        let mut moved = false;
        let track = self.track;
        for nth in 0..self.lines.len() {
            moved |= self.lines[nth].line.turn(around);
            self.look(around, nth);
            if self.outcome.is_some() || self.track != track {
                return;
            }
        }
        self.lines
            .retain(|work| work.line.state == State::Up || work.line.reply.is_some());
        if self.patience <= around.now {
            return self.end(around, Outcome::Lost("patience"));
        }
        self.poll(around);
        self.speak(around);
        if moved {
            around.wake(Actor::Client(self.at));
        }
    }

    /// What has come on one connection.
    fn look(&mut self, around: &mut Around, nth: usize) {
        let Work { line, job } = &mut self.lines[nth];
        let link = line.link;
        let mut said = Vec::new();
        if let Job::Receive {
            frames,
            framed,
            count,
        } = job
            && let Some(reply) = &mut line.reply
            && reply.status == 200
        {
            frames.feed(&std::mem::take(&mut reply.body));
            while let Some(frame) = frames.next() {
                let stamp = line.stamp.expect("it came from somewhere");
                if frame == Frame::Heartbeat {
                    let quiet = stamp.at - *framed + around.plan.jitter();
                    let delay = around.plan.config.heartbeat_delay.min(SCRIPTS);
                    assert!(quiet >= delay, "a heartbeat after {quiet:?} on link {link}");
                }
                *framed = stamp.at;
                *count += 1;
                said.push(frame);
            }
        }
        if let Some(reply) = line.complete(around) {
            let job = std::mem::replace(job, Job::Nothing);
            let dialect = around.plan.config.dialect;
            self.asking.check_cookie(dialect, &reply);
            if !self.frames(around, said) {
                return;
            }
            return match job {
                Job::Receive { count, .. } => self.received(around, reply.status, count),
                Job::Send(upto) => self.delivered(around, reply.status, upto),
                Job::Nothing => {}
            };
        }
        let lost = line.state != State::Up && line.reply.is_some();
        if self.frames(around, said) && lost {
            self.lost(around, nth);
        }
    }

    /// Whether the session goes on.
    fn frames(&mut self, around: &mut Around, frames: Vec<Frame>) -> bool {
        let track = self.track;
        for frame in frames {
            self.frame(around, frame);
            if self.track != track || self.outcome.is_some() {
                return false;
            }
        }
        true
    }

    /// A connection ended in the middle of a response.
    fn lost(&mut self, around: &mut Around, nth: usize) {
        self.lines[nth].line.close(around);
        self.lines[nth].line.reply = None;
        let job = std::mem::replace(&mut self.lines[nth].job, Job::Nothing);
        let receives = matches!(job, Job::Receive { .. });
        if receives && self.told_end {
            return self.end(around, Outcome::Done);
        }
        // An event source asks again of its own accord.
        if receives && self.asking.transport == Transport::EventSource && around.random.one_in(2) {
            self.polls = around.after_millis(3000);
            return;
        }
        self.end(around, Outcome::Lost("a response was cut off"));
    }

    fn frame(&mut self, around: &mut Around, frame: Frame) {
        match frame {
            Frame::Open if self.open => {
                assert!(!around.plan.calm, "one o");
                self.end(around, Outcome::Lost("the server has lost the session"));
            }
            Frame::Open => {
                self.open = true;
                around.oracle.open(self.track);
                self.next = around.after_millis(self.plan.gap);
            }
            Frame::Heartbeat => {}
            Frame::Messages(messages) => {
                for text in messages {
                    around.totals.received += 1;
                    around.oracle.receive(&around.links, self.track, &text);
                    let body = text.split_once(';').expect("a tag").1;
                    self.echoes += u64::from(body.starts_with('m'));
                    self.heard_end |= body == "end";
                }
            }
            Frame::Close(code, reason) => {
                around.oracle.check_close(self.track, code, &reason);
                if code == 2010 && self.plan.doubles {
                    return;
                }
                self.told_end = true;
                if matches!(code, 1002 | 2010) {
                    self.end(around, Outcome::Lost("interrupted"));
                }
            }
        }
    }

    /// A receiving response is complete.
    fn received(&mut self, around: &mut Around, status: u16, count: usize) {
        if self.told_end {
            return self.end(around, Outcome::Done);
        }
        if status != 200 {
            return self.end(around, Outcome::Lost("a receiver was refused"));
        }
        if count == 0 && self.asking.version == Version::Http10 && !around.plan.calm {
            return self.end(around, Outcome::Lost("a stream was cut off"));
        }
        assert!(count > 0, "a response without a frame");
        if self.polls == Instant::FAR {
            let slow = !around.plan.calm && around.random.one_in(15);
            self.polls = around.after_millis(if slow { 7000 } else { 20 });
        }
        around.wake(Actor::Client(self.at));
    }

    /// A sending request was answered.
    fn delivered(&mut self, around: &mut Around, status: u16, upto: usize) {
        if self.told_end {
            return;
        }
        let closed = around.oracle.is_closed(self.track);
        if !matches!(status, 200 | 204) && closed {
            around.oracle.tracks[self.track].left = true;
            return self.end(around, Outcome::Done);
        }
        if !matches!(status, 200 | 204) {
            return self.end(around, Outcome::Lost("a sender was refused"));
        }
        let track = &mut around.oracle.tracks[self.track];
        track.acknowledged = upto;
        let config = &around.plan.config;
        let waiting: Vec<&String> = track.unheard(upto).collect();
        let bytes: usize = waiting.iter().rev().skip(1).map(|text| text.len()).sum();
        assert!(
            closed || waiting.len() <= config.incoming_messages && bytes <= config.incoming_mark,
            "{} messages wait for the application",
            waiting.len()
        );
        around.wake(Actor::Client(self.at));
    }

    fn receivers(&self) -> usize {
        let receives = |work: &&Work| matches!(work.job, Job::Receive { .. });
        self.lines.iter().filter(receives).count()
    }

    /// Asks for what there is, if nobody does.
    fn poll(&mut self, around: &mut Around) {
        if self.told_end {
            return;
        }
        let doubles = self.plan.doubles && self.open && around.random.one_in(40);
        let due = self.polls <= around.now && self.receivers() == 0;
        let doubles = doubles && self.receivers() == 1;
        if !due && !doubles {
            return;
        }
        if !due {
            around.oracle.tracks[self.track].doubled = true;
            around.totals.doubled += 1;
        }
        self.polls = Instant::FAR;
        let request = self.asking.receive(&mut around.random);
        let frames = Unwrap::new(self.asking.transport, around.plan.config.dialect);
        let job = Job::Receive {
            frames,
            framed: around.now,
            count: 0,
        };
        let link = self.ask(around, request.as_bytes(), job);
        around.oracle.receives.insert(link, self.track);
    }

    /// Makes a request on a connection that is free, or on a new one.
    fn ask(&mut self, around: &mut Around, request: &[u8], job: Job) -> usize {
        let fresh = around.random.one_in(4);
        let free = self
            .lines
            .iter()
            .position(|work| !fresh && work.line.is_free(around.now));
        let nth = free.unwrap_or_else(|| {
            let line = Line::new(around, self.at, self.plan.server);
            self.lines.push(Work {
                line,
                job: Job::Nothing,
            });
            self.lines.len() - 1
        });
        let work = &mut self.lines[nth];
        let link = work.line.link;
        let links = &mut around.oracle.tracks[self.track].links;
        if !links.contains(&link) {
            links.push(link);
        }
        work.job = job;
        work.line.ask(around, self.asking.version, request);
        around.totals.requests += 1;
        link
    }

    fn has_all(&self, around: &Around) -> bool {
        let all = self.sent == self.plan.messages && self.unsent.is_empty();
        match self.plan.wants {
            Wants::Echo | Wants::SlowEcho => all && self.echoes == self.sent,
            Wants::Burst => all && self.echoes == self.sent && self.heard_end,
            Wants::Room => all && self.next <= around.now,
            Wants::Ticks | Wants::Close => false,
        }
    }

    fn speak(&mut self, around: &mut Around) {
        if !self.open || self.told_end {
            return;
        }
        if self.next <= around.now && self.sent < self.plan.messages {
            for _ in 0..around.random.between(1, self.plan.messages - self.sent) {
                let text = format!("m{};{}", self.sent, payload(&mut around.random));
                self.sent += 1;
                self.unsent.push_back(text);
            }
            self.next = around.after_millis(self.plan.gap) + Duration::from_nanos(1);
            if self.sent == self.plan.messages && self.plan.wants == Wants::Room {
                self.next = self.next + Duration::from_secs(2);
            }
        }
        if !self.unsent.is_empty() && !self.sends() {
            self.send(around);
        }
        if !self.leaves && !self.sends() && self.has_all(around) {
            self.leave(around);
        }
    }

    /// Whether it awaits the answer to a sending request.
    fn sends(&self) -> bool {
        self.lines
            .iter()
            .any(|work| matches!(work.job, Job::Send(_)))
    }

    fn send(&mut self, around: &mut Around) {
        let all: Vec<String> = self.unsent.drain(..).collect();
        let json = serde_json::to_string(&all).expect("JSON");
        around.tell(|| format!("client {}: sends {json}", self.at));
        around.totals.sent += all.len() as u64;
        let track = &mut around.oracle.tracks[self.track];
        track.sent.extend(all);
        let upto = track.sent.len();
        let request = self.asking.send(&mut around.random, json);
        self.ask(around, request.as_bytes(), Job::Send(upto));
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
                self.unsent.push_back(format!("m{};bye", self.sent));
                self.send(around);
            }
            // To close such a session is to go away.
            Leaves::Closes | Leaves::Aborts => {
                around.oracle.tracks[self.track].left = true;
                self.end(around, Outcome::Done);
            }
        }
    }

    fn end(&mut self, around: &mut Around, outcome: Outcome) {
        around.tell(|| format!("client {}: {outcome:?}", self.at));
        if let Outcome::Lost(_) = outcome {
            around.oracle.tracks[self.track].left = true;
        }
        for work in &mut self.lines {
            work.line.close(around);
        }
        if matches!(outcome, Outcome::Lost(_)) && self.plan.attempts > 0 && !around.plan.calm {
            self.plan.attempts -= 1;
            let how = (self.asking.transport, self.asking.version);
            *self = Self::new(around, self.at, self.plan, how);
            return;
        }
        self.outcome = Some(outcome);
    }
}

/// Longer than any timer of a server.
const PATIENCE: Duration = Duration::from_secs(400);
/// Scripts get heartbeats as often at least.
const SCRIPTS: Duration = Duration::from_secs(25);
