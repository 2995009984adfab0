//! What applications do, and requests that send.

use sockjs_proto::{
    Cause, Close, Event, FromSession, Literal, Message, SenderId, ToSession, Verdict,
};
use websocket_proto::Refused;

use crate::planted;

use super::{MARK, NAMES, Parked, World};

impl World {
    pub(super) fn send(&mut self, nth: u8, long: bool) {
        let Some(at) = self.pick_session(nth) else {
            return;
        };
        self.count += 1;
        let told = &mut self.sessions[at];
        let text = format!(
            "{at}-{}{}",
            self.count,
            if long { "x".repeat(200) } else { String::new() }
        );
        match self.endpoint.send(told.key, Literal::from(text.as_str())) {
            Ok(()) if planted("sockjs-forgets-the-first") && told.accepted.is_empty() => {}
            Ok(()) => told.accepted.push(text),
            Err(refused) => {
                assert_eq!(
                    refused.payload,
                    Literal::from(text.as_str()),
                    "it comes back"
                );
                assert!(match refused.why {
                    Refused::Full => {
                        told.blocked = true;
                        self.endpoint.buffered(told.key) >= MARK
                    }
                    why => why == Refused::Closing,
                });
            }
        }
    }

    pub(super) fn drain(&mut self, at: usize, most: usize) {
        for _ in 0..most {
            let told = &mut self.sessions[at];
            let Some(event) = self.endpoint.poll_event(told.key) else {
                told.waits = true;
                return;
            };
            assert!(
                !told.waits,
                "woken for each event that was not there before"
            );
            assert!(!told.closed, "nothing follows the end");
            match event {
                Event::Open => {
                    assert!(!told.open, "once");
                    told.open = true;
                }
                Event::Message(message) => {
                    assert!(told.open);
                    let text = message.as_str().unwrap();
                    assert_eq!(told.posted.get(told.heard).map(String::as_str), Some(text));
                    told.heard += usize::from(!planted("sockjs-message-twice") || told.heard != 3);
                }
                Event::Writable => assert!(self.endpoint.buffered(told.key) <= MARK / 2),
                Event::Closed(closed) => {
                    assert!(told.open);
                    told.closed = true;
                    assert_eq!(
                        told.heard,
                        told.posted.len(),
                        "what was delivered is not lost"
                    );
                    assert_eq!(closed.unsent, told.accepted.len() - told.framed);
                    assert!(closed.in_doubt || !told.lost);
                    assert!(closed.cause != Cause::Local || told.closing);
                    return;
                }
            }
        }
    }

    pub(super) fn post(&mut self, id: u8, messages: u8) {
        let texts: Vec<String> = (0..messages)
            .map(|_| {
                self.count += 1;
                format!("p{}", self.count)
            })
            .collect();
        let messages = texts
            .iter()
            .map(|text| Message::from(text.as_str()))
            .collect();
        let session = self.current.get(&id).copied();
        let name = NAMES[usize::from(id)].into();
        let send = ToSession::Send {
            session: name,
            messages,
        };
        match self.endpoint.handle(self.now, send).unwrap() {
            FromSession::Delivered => {
                let session = session.expect("a session");
                let waits = |parked: &Parked| parked.session == Some(session);
                assert!(
                    texts.is_empty() || !self.parked.iter().any(waits),
                    "nobody overtakes"
                );
                self.sessions[session].posted.extend(texts);
            }
            FromSession::Parked { sender, rest } => {
                let taken = texts.len() - rest.len();
                if let Some(session) = session {
                    self.sessions[session]
                        .posted
                        .extend_from_slice(&texts[..taken]);
                } else {
                    assert_eq!(taken, 0);
                }
                self.parked.push(Parked {
                    sender,
                    id,
                    session,
                    rest,
                });
            }
            FromSession::UnknownSession | FromSession::Closing | FromSession::Refused(503) => {}
            other => panic!("{other:?} is no answer to a sender"),
        }
    }

    pub(super) fn resume(&mut self, sender: SenderId) {
        let Some(at) = self
            .parked
            .iter()
            .position(|parked| parked.sender == sender)
        else {
            assert!(self.abandoned.contains(&sender), "only who waits is woken");
            return;
        };
        let mut parked = self.parked.remove(at);
        let texts: Vec<Message> = parked.rest.iter().cloned().collect();
        let resume = ToSession::Resume {
            sender,
            messages: parked.rest,
        };
        let session = parked.session.or(self.current.get(&parked.id).copied());
        let mut hand_over = |taken: &[Message]| {
            if let Some(session) = session {
                let texts = taken
                    .iter()
                    .map(|message| message.as_str().unwrap().to_owned());
                self.sessions[session].posted.extend(texts);
            }
        };
        match self.endpoint.handle(self.now, resume).unwrap() {
            FromSession::Delivered => hand_over(&texts),
            FromSession::Parked {
                sender: again,
                rest,
            } => {
                assert_eq!(again, sender);
                hand_over(&texts[..texts.len() - rest.len()]);
                parked.rest = rest;
                parked.session = session;
                self.parked.push(parked);
            }
            FromSession::UnknownSession | FromSession::Closing => {}
            other => panic!("{other:?} is no answer to a sender"),
        }
    }

    pub(super) fn decide(&mut self, admission: u8, verdict: u8) {
        if self.admissions.is_empty() {
            return;
        }
        let at = usize::from(admission) % self.admissions.len();
        let admission = self.admissions.remove(at);
        let id = usize::from(admission.request);
        let verdict = match verdict % 6 {
            0 => Verdict::Refuse(403),
            1 => Verdict::Close(Close::new(3403, "no")),
            _ => Verdict::Accept(admission.request),
        };
        let closes = matches!(verdict, Verdict::Close(_));
        if self
            .endpoint
            .decide(self.now, admission.id, verdict)
            .is_ok()
            && closes
        {
            self.begun[id] += 1;
        }
    }
}
