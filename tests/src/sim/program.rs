//! The application: what it does in a session, over whatever transport.

use std::collections::VecDeque;
use std::time::Duration;

use sockjs_proto::{AnySession, Close, Event, Literal, Message, SendToClosing};
use websocket_proto::{Instant, Refused};

use super::around::Around;
use super::oracle::{Life, Track};
use super::plan::Wants;

/// The handler of one session.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) life: usize,
    pub(super) wants: Wants,
    /// To be said when there is room.
    owed: VecDeque<String>,
    /// And then the session is to be closed.
    ends: Option<Close>,
    /// The last message was refused for want of room.
    pub(super) blocked: bool,
    /// It has had every event.
    pub(super) listens: bool,
    busy_until: Instant,
    ticks: u64,
    next_tick: Instant,
    pub(super) over: bool,
}

impl Program {
    /// Of a session that begins.
    pub(super) fn new(around: &mut Around, track: usize) -> Self {
        let life = around.oracle.begin(track);
        around.totals.sessions += 1;
        let Track { wants, id, .. } = &around.oracle.tracks[track];
        let wants = *wants;
        around.tell(|| format!("session {life} begins: {id}, {wants:?}"));
        Self {
            life,
            wants,
            owed: VecDeque::new(),
            ends: None,
            blocked: false,
            listens: false,
            busy_until: Instant::ZERO,
            ticks: 0,
            next_tick: Instant::FAR,
            over: false,
        }
    }

    /// When it wants to run although nothing happened.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let busy = (self.busy_until != Instant::ZERO).then_some(self.busy_until);
        let tick = (self.next_tick != Instant::FAR).then_some(self.next_tick);
        if self.over {
            None
        } else {
            busy.into_iter().chain(tick).min()
        }
    }

    /// Does what there is to do. What is returned is for everybody in the room.
    pub(super) fn run(&mut self, around: &mut Around, session: &mut dyn AnySession) -> Vec<String> {
        let mut casts = Vec::new();
        if self.next_tick <= around.now && !self.over {
            self.tick(around);
        }
        if self.busy_until <= around.now {
            self.busy_until = Instant::ZERO;
        }
        while !self.over {
            if !self.pay(around, session) || self.busy_until > around.now {
                break;
            }
            self.listens = false;
            let Some(event) = session.poll_event() else {
                self.listens = true;
                break;
            };
            let life = self.life;
            around.tell(|| format!("session {life}: {event:?}"));
            match event {
                Event::Open => self.open(around),
                Event::Message(message) => casts.extend(self.hear(around, &message)),
                Event::Writable => assert!(
                    session.buffered() <= around.plan.config.outgoing_mark / 2,
                    "there is room"
                ),
                Event::Closed(closed) => {
                    around
                        .oracle
                        .close(&around.links, &around.plan, around.now, life, closed);
                    self.over = true;
                    assert_eq!(session.poll_event(), None, "nothing follows the end");
                }
            }
        }
        casts
    }

    /// A message for everybody.
    pub(super) fn cast(
        &self,
        around: &mut Around,
        session: &mut dyn AnySession,
        text: &str,
        literal: &Literal,
    ) {
        // Who does not keep up misses something.
        if self.wants == Wants::Room && self.owed.is_empty() && self.ends.is_none() && !self.over {
            let told = &around.oracle.lives[self.life];
            if told.open && session.send_literal(literal.clone()).is_ok() {
                self.accepted(around, session, text.to_owned());
            }
        }
    }

    fn life<'a>(&self, around: &'a mut Around) -> &'a mut Life {
        &mut around.oracle.lives[self.life]
    }

    fn open(&mut self, around: &mut Around) {
        let life = self.life(around);
        assert!(!life.open, "one beginning");
        life.open = true;
        self.owed.push_back("hello".to_owned());
        match self.wants {
            Wants::Echo | Wants::SlowEcho | Wants::Room => {}
            Wants::Ticks => {
                self.ticks = around.random.between(0, 4);
                self.next_tick = around.after_millis(3000);
            }
            Wants::Burst => {
                for _ in 0..around.random.between(1, 12) {
                    let body = "burst ".repeat(around.random.length(1, 40));
                    self.owed.push_back(body);
                }
                self.owed.push_back("end".to_owned());
            }
            Wants::Close => self.ends = Some(Close::new(3000, "Go away!")),
        }
    }

    fn hear(&mut self, around: &mut Around, message: &Message) -> Option<String> {
        let text = message.as_str().expect("Unicode");
        let lossy = around.plan.config.send_to_closing == SendToClosing::Accept;
        around.oracle.hear(self.life, text, lossy);
        around.totals.heard += 1;
        if text.ends_with(";bye") {
            self.next_tick = Instant::FAR;
            self.ends.get_or_insert(Close::new(3000, "bye"));
            return None;
        }
        match self.wants {
            Wants::Echo | Wants::Burst => self.owed.push_back(text.to_owned()),
            Wants::SlowEcho => {
                self.owed.push_back(text.to_owned());
                self.busy_until = around.after_millis(2000) + Duration::from_nanos(1);
            }
            Wants::Room => return Some(text.to_owned()),
            Wants::Ticks | Wants::Close => {}
        }
        None
    }

    fn tick(&mut self, around: &mut Around) {
        self.next_tick = Instant::FAR;
        if self.ticks == 0 {
            self.ends.get_or_insert(Close::new(3001, "done"));
            return;
        }
        self.ticks -= 1;
        self.owed.push_back("tick".to_owned());
        self.next_tick = around.after_millis(3000);
    }

    /// Says what is owed; whether nothing is any more.
    fn pay(&mut self, around: &mut Around, session: &mut dyn AnySession) -> bool {
        while let Some(body) = self.owed.front() {
            let nth = around.oracle.lives[self.life].accepted.len();
            let text = format!("#{}.{nth};{body}", self.life);
            let sent = if around.random.one_in(2) {
                let literal = Literal::from(text.as_str());
                session.send_literal(literal.clone()).map_err(|refused| {
                    assert_eq!(refused.payload, literal, "it comes back");
                    refused.why
                })
            } else {
                let message = Message::from(text.as_str());
                session.send(message.clone()).map_err(|refused| {
                    assert_eq!(refused.payload, message, "it comes back");
                    refused.why
                })
            };
            self.blocked = false;
            match sent {
                Ok(()) => {
                    self.owed.pop_front();
                    self.accepted(around, session, text);
                }
                Err(Refused::Full) => {
                    self.blocked = true;
                    let mark = around.plan.config.outgoing_mark;
                    assert!(session.buffered() >= mark, "refused and not full");
                    return false;
                }
                Err(why) => {
                    assert_eq!(why, Refused::Closing);
                    self.owed.clear();
                }
            }
        }
        if let Some(close) = self.ends.take() {
            let life = self.life;
            around.tell(|| format!("session {life}: the application closes, {close:?}"));
            self.life(around).close.get_or_insert(close.clone());
            session.close(around.now, close);
        }
        true
    }

    fn accepted(&self, around: &mut Around, session: &mut dyn AnySession, text: String) {
        let life = self.life;
        around.tell(|| format!("session {life}: the application sends {text:?}"));
        around.totals.said += 1;
        let most = around.plan.config.outgoing_mark + SLACK + 6 * text.len();
        assert!(
            session.buffered() <= most,
            "{} bytes wait",
            session.buffered()
        );
        around.oracle.accept(life, text);
    }
}

/// A message of the greatest length is let in when the mark is almost reached; and what the transport
/// says of its own accord counts too.
const SLACK: usize = 700;
