//! A conversation whose endpoint is far away: answers come late, or to somebody who has gone.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Buf;
use sockjs_proto::{
    Admission, Admit, Capacity, Close, Config, Conversation, Endpoint, Event, FromSession, Literal,
    Service, ToSession, Verdict, Wake,
};
use tests::asks::{ABOUT, open_config};
use tests::suite::request;
use websocket_proto::http1::server::{self, Connection};
use websocket_proto::{Instant, Machine};

const NOW: Instant = Instant::ZERO;

/// One connection and its far endpoint, with a wire between them for each way.
struct Far {
    service: Service,
    endpoint: Endpoint<&'static str>,
    http: Connection,
    conversation: Conversation<&'static str, u8>,
    there: VecDeque<ToSession<&'static str>>,
    back: VecDeque<FromSession>,
}

impl Far {
    fn new(config: Config, admit: Admit) -> Self {
        let service = Service::new(config).unwrap();
        Self {
            endpoint: Endpoint::new(&service, admit, Capacity::new(9), [1; 16]),
            http: Connection::new(Arc::new(server::Config::default()), NOW),
            service,
            conversation: Conversation::new(),
            there: VecDeque::new(),
            back: VecDeque::new(),
        }
    }

    fn ask(&mut self, line: &str, body: &str) {
        let mut input = request(line, &[], body).into_bytes();
        while !input.is_empty() {
            let taken = self.http.receive(NOW, &mut input);
            input.drain(..taken);
            self.turn();
        }
    }

    /// The same with so little room for output that not even a head fits.
    fn cramped(mut self) -> Self {
        let config = server::Config {
            outbox_mark: 100,
            ..server::Config::default()
        };
        self.http = Connection::new(Arc::new(config), NOW);
        self
    }

    /// A turn of the connection, which tells but does not wait.
    fn turn(&mut self) {
        while let Some(event) = self.http.poll_event() {
            match event {
                server::Event::Request(head) => {
                    let answer = self.service.answer(&head, &ABOUT);
                    let http = &mut self.http;
                    self.conversation.begin(NOW, http, answer, 7, "the request");
                }
                event => self.conversation.handle_event(NOW, &mut self.http, event),
            }
        }
        while let Some((place, message)) = self.conversation.poll_message(NOW, &mut self.http) {
            assert_eq!(place, 7);
            self.there.push_back(message);
        }
    }

    /// What was told arrives at the endpoint, and is what is shown.
    fn arrive(&mut self) -> Vec<String> {
        let mut shown = Vec::new();
        while let Some(message) = self.there.pop_front() {
            let text = format!("{message:?}");
            shown.push(
                text.split([' ', '(', '{'])
                    .next()
                    .unwrap_or_default()
                    .into(),
            );
            self.back.extend(self.endpoint.handle(NOW, message));
        }
        shown
    }

    /// One answer comes back.
    fn answer(&mut self) {
        let reply = self.back.pop_front().expect("an answer");
        self.conversation.reply(NOW, &mut self.http, reply);
        self.turn();
    }

    /// Everything that is under way arrives.
    fn settle(&mut self) {
        loop {
            self.arrive();
            if self.back.is_empty() {
                return;
            }
            self.answer();
        }
    }

    fn written(&mut self) -> String {
        let outbox = self.http.outbox();
        let bytes = outbox.copy_to_bytes(outbox.len());
        self.turn();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn wakes(&mut self) -> Vec<Wake> {
        std::iter::from_fn(|| self.endpoint.poll_wake()).collect()
    }

    fn lose(&mut self) {
        self.conversation.lost();
        self.http.abort();
        self.turn();
    }
}

#[test]
fn one_question_at_a_time() {
    let mut far = Far::new(open_config(), Admit::All);
    far.ask("POST /echo/0/s/xhr", "");
    assert_eq!(far.arrive(), ["Attach"]);
    far.turn();
    assert_eq!(far.arrive(), [""; 0]);
    far.answer();
    assert_eq!(far.arrive(), ["Pull"]);
    far.turn();
    assert_eq!(far.arrive(), [""; 0]);
    assert_eq!(far.written(), "");
    far.answer();
    assert_eq!(far.arrive(), [""; 0], "not flushed yet");
    assert!(far.written().ends_with("2\r\no\n\r\n0\r\n\r\n"));
    assert_eq!(far.arrive(), ["Flushed"]);
    assert!(far.conversation.is_idle());
}

#[test]
fn a_wake_that_overtakes_an_answer_is_not_lost() {
    let mut far = Far::new(open_config(), Admit::All);
    far.ask("POST /echo/0/s/xhr_streaming", "");
    for _ in 0..3 {
        far.arrive();
        far.answer();
    }
    assert_eq!(far.arrive(), ["Pull"]);
    let Wake::Opened(key) = far.wakes()[0] else {
        panic!("no session");
    };
    far.endpoint.send(key, Literal::from("a")).unwrap();
    let wakes = far.wakes();
    assert!(far.conversation.wake(NOW, wakes[0]));
    far.answer();
    far.settle();
    assert!(far.written().ends_with("7\r\na[\"a\"]\n\r\n"));
}

#[test]
fn who_is_gone_before_it_was_attached_detaches() {
    let mut far = Far::new(open_config(), Admit::All);
    far.ask("POST /echo/0/s/xhr", "");
    far.lose();
    assert_eq!(far.arrive(), ["Attach"]);
    assert_eq!(far.endpoint.receiver_count(), 1);
    far.answer();
    assert_eq!(far.arrive(), ["Aborted"]);
    assert_eq!(far.endpoint.receiver_count(), 0);
    assert!(far.conversation.is_idle());
}

#[test]
fn who_is_gone_before_the_frame_comes_aborts() {
    let mut far = Far::new(open_config(), Admit::All);
    far.ask("POST /echo/0/s/xhr", "");
    far.arrive();
    far.answer();
    assert_eq!(far.arrive(), ["Pull"]);
    far.lose();
    far.answer();
    assert_eq!(far.arrive(), ["Aborted"]);
    assert_eq!(far.endpoint.receiver_count(), 0);
    assert!(far.conversation.is_idle());
}

fn full(far: &mut Far) -> sockjs_proto::SessionKey {
    far.ask("POST /echo/0/s/xhr", "");
    far.settle();
    far.written();
    far.settle();
    let Wake::Opened(key) = far.wakes()[0] else {
        panic!("no session");
    };
    key
}

fn narrow() -> Config {
    Config {
        incoming_messages: 2,
        ..open_config()
    }
}

#[test]
fn a_parked_sender_goes_on_when_there_is_room() {
    let mut far = Far::new(narrow(), Admit::All);
    let key = full(&mut far);
    far.ask("POST /echo/0/s/xhr_send", r#"["a","b","c","d","e"]"#);
    far.settle();
    let mut heard = Vec::new();
    while far.http.outbox().is_empty() {
        assert!(far.conversation.sender().is_some());
        while let Some(event) = far.endpoint.poll_event(key) {
            heard.push(event);
        }
        let wakes = far.wakes();
        let woken: Vec<_> = wakes
            .iter()
            .map(|&wake| far.conversation.wake(NOW, wake))
            .filter(|&meant| meant)
            .collect();
        assert_eq!(woken.len(), 1, "{wakes:?}");
        far.turn();
        far.settle();
    }
    assert!(far.written().starts_with("HTTP/1.1 204"));
    heard.extend(std::iter::from_fn(|| far.endpoint.poll_event(key)));
    let messages = ["a", "b", "c", "d", "e"].map(|text| Event::Message(text.into()));
    assert_eq!(heard[0], Event::Open);
    assert_eq!(heard[1..], messages);
    assert!(far.conversation.is_idle());
}

#[test]
fn a_parked_sender_whose_session_ends_is_told() {
    let mut far = Far::new(narrow(), Admit::All);
    let key = full(&mut far);
    far.ask("POST /echo/0/s/xhr_send", r#"["a","b","c"]"#);
    far.settle();
    far.endpoint.close(NOW, key, Close::new(3000, "Go away!"));
    for wake in far.wakes() {
        far.conversation.wake(NOW, wake);
    }
    far.turn();
    far.settle();
    assert!(far.written().starts_with("HTTP/1.1 404"));
}

#[test]
fn a_sender_that_is_gone_is_abandoned() {
    for late in [false, true] {
        let mut far = Far::new(narrow(), Admit::All);
        let key = full(&mut far);
        far.ask("POST /echo/0/s/xhr_send", r#"["a","b","c"]"#);
        if late {
            // Before it hears that it is parked.
            far.lose();
            assert_eq!(far.arrive(), ["Send"]);
            far.answer();
        } else {
            far.settle();
            far.lose();
        }
        assert_eq!(far.arrive(), ["Abandon"]);
        assert!(far.conversation.is_idle());
        let events: Vec<_> = std::iter::from_fn(|| far.endpoint.poll_event(key)).collect();
        assert_eq!(
            events.len(),
            3,
            "the last message was never told: {events:?}"
        );
        assert_eq!(far.wakes(), []);
    }
}

#[test]
fn nothing_is_sent_before_the_verdict() {
    for (transport, verdict, expected) in [
        ("xhr", Verdict::Accept("known"), "200 OK"),
        ("xhr_streaming", Verdict::Accept("known"), "200 OK"),
        ("xhr", Verdict::Refuse(403), "403 Forbidden"),
        ("xhr_streaming", Verdict::Refuse(401), "401 Unauthorized"),
        ("xhr", Verdict::Refuse(99), "500 Internal Server Error"),
        ("xhr", Verdict::Refuse(101), "500 Internal Server Error"),
        ("xhr", Verdict::Close(Close::new(3000, "no")), "200 OK"),
    ] {
        let mut far = Far::new(open_config(), Admit::Ask);
        far.ask(&format!("POST /echo/0/s/{transport}"), "");
        far.settle();
        assert_eq!(far.http.outbox().len(), 0);
        assert_eq!(far.wakes(), [Wake::Admission]);
        let Some(Admission { id, request, .. }) = far.endpoint.poll_admission() else {
            panic!("nobody asks");
        };
        assert_eq!(request, "the request");
        far.endpoint.decide(NOW, id, verdict).unwrap();
        for wake in far.wakes() {
            far.conversation.wake(NOW, wake);
        }
        far.turn();
        far.settle();
        let text = far.written();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {expected}\r\n")),
            "{text}"
        );
        assert!(text.contains("\r\nAccess-Control-Allow-Origin: *\r\n") || text.contains(" 500 "));
        far.settle();
        let streams = transport == "xhr_streaming" && expected == "200 OK";
        assert_eq!(far.conversation.is_idle(), !streams);
    }
}

#[test]
fn other_peoples_wakes_are_not_taken() {
    let mut far = Far::new(open_config(), Admit::All);
    let mut other = Far::new(open_config(), Admit::All);
    for far in [&mut far, &mut other] {
        far.ask("POST /echo/0/s/xhr_streaming", "");
    }
    far.settle();
    other.settle();
    let mine = far.conversation.receiver().unwrap();
    assert!(far.conversation.wake(NOW, Wake::Receiver(mine)));
    assert!(!far.conversation.wake(NOW, Wake::Admission));
    assert!(far.conversation.wake(NOW, Wake::CheckReceiver(mine)));
    assert!(far.conversation.wants_probe() && far.conversation.poll_timeout().is_some());
    far.conversation.probed();
    far.turn();
    assert!(!far.conversation.wants_probe());
    far.lose();
    assert!(!far.conversation.wake(NOW, Wake::Receiver(mine)));
}

#[test]
fn a_frame_without_room_waits_and_is_not_lost() {
    let mut expected = None;
    for cramped in [false, true] {
        for transport in ["xhr", "xhr_streaming"] {
            let mut far = Far::new(open_config(), Admit::All);
            if cramped {
                far = far.cramped();
            }
            far.ask(&format!("POST /echo/0/s/{transport}"), "");
            let mut text = String::new();
            loop {
                far.settle();
                let more = far.written();
                if more.is_empty() {
                    break;
                }
                text += &more;
            }
            assert_eq!(far.conversation.receiver().is_some(), transport != "xhr");
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            if transport == "xhr" {
                assert_eq!(body, "2\r\no\n\r\n0\r\n\r\n");
                continue;
            }
            assert_eq!(*expected.get_or_insert_with(|| body.to_owned()), body);
            assert!(body.ends_with("2\r\no\n\r\n"));
        }
    }
}

#[test]
fn timed_chunks_without_room_do_not_keep_the_driver_busy() {
    let mut far = Far::new(open_config(), Admit::All).cramped();
    far.ask("POST /echo/chunking_test", "");
    assert_eq!(far.conversation.poll_timeout(), None, "only a write helps");
    let text = far.written() + &far.written() + &far.written();
    assert!(text.contains("\r\n\r\n2\r\nh\n\r\n802\r\n"), "{text}");
    assert!(text.ends_with(" h\n\r\n"));
    let next = Instant::from_millis(5);
    assert_eq!(far.conversation.poll_timeout(), Some(next));
}
