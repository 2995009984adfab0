//! An endpoint, browsers without sockets, and an application that is a list of what it heard.

use std::collections::VecDeque;
use std::time::Duration;

use sockjs_proto::{
    Admit, Capacity, Close, Config, Endpoint, Event, FromSession, Literal, Message, ReceiverId,
    Service, SessionKey, Wake, Wrapping,
};
use websocket_proto::Instant;

/// One endpoint on virtual time. Requests carry a number, so that tests can tell which one began a
/// session.
#[derive(Debug)]
pub struct Link {
    /// The machine.
    pub endpoint: Endpoint<u32>,
    /// Its bound.
    pub capacity: Capacity,
    /// Virtual time.
    pub now: Instant,
    /// Sessions that have begun, oldest first.
    pub opened: Vec<SessionKey>,
    /// Every other wake, oldest first.
    pub wakes: Vec<Wake>,
    requests: u32,
}

impl Link {
    /// An endpoint with these options that admits all.
    pub fn new(config: Config) -> Self {
        Self::admitting(config, Admit::All)
    }

    /// An endpoint with these options.
    ///
    /// # Panics
    ///
    /// When the options are wrong.
    pub fn admitting(config: Config, admit: Admit) -> Self {
        let capacity = Capacity::new(config.max_sessions);
        let service = Service::new(config).expect("good options");
        Self {
            endpoint: Endpoint::new(&service, admit, capacity.clone(), [1; 16]),
            capacity,
            now: Instant::ZERO,
            opened: Vec::new(),
            wakes: Vec::new(),
            requests: 0,
        }
    }

    /// Attaches a receiver. Its request is the number of receivers before.
    pub fn attach(&mut self, id: &str, wrapping: Wrapping) -> ReceiverId {
        let request = self.requests;
        self.requests += 1;
        let receiver = self.endpoint.attach(self.now, id, wrapping, || Ok(request));
        self.collect();
        receiver
    }

    /// One pull with room for much.
    pub fn pull(&mut self, receiver: ReceiverId) -> FromSession {
        let answer = self.endpoint.pull(self.now, receiver, 64 * 1024);
        self.collect();
        answer
    }

    /// All there is to pull, as text; `.` stands for the end, `?` for waiting, a number for a
    /// refusal.
    ///
    /// # Panics
    ///
    /// When the answer is not for a receiver, or not text.
    pub fn read(&mut self, receiver: ReceiverId) -> String {
        let mut text = String::new();
        loop {
            match self.pull(receiver) {
                FromSession::Frame { bytes, last } => {
                    text += std::str::from_utf8(&bytes).expect("frames are text");
                    if last {
                        return text + ".";
                    }
                }
                FromSession::Wait => return text + "?",
                FromSession::End => return text + ".",
                FromSession::Refused(status) => return text + &status.to_string(),
                other => panic!("{other:?} is no answer to a pull"),
            }
        }
    }

    /// A poll that reads what there is; flushed if it ended, and aborted if not.
    pub fn poll(&mut self, id: &str) -> String {
        let receiver = self.attach(id, Wrapping::Xhr);
        let text = self.read(receiver);
        if text.ends_with('.') {
            self.flushed(receiver);
        }
        text
    }

    /// A session that has been opened by a poll.
    ///
    /// # Panics
    ///
    /// When it does not begin.
    pub fn open(&mut self, id: &str) -> SessionKey {
        assert_eq!(self.poll(id), "o\n.");
        let key = *self.opened.last().expect("a session");
        assert_eq!(self.endpoint.poll_event(key), Some(Event::Open));
        key
    }

    /// The kernel has taken the response.
    pub fn flushed(&mut self, receiver: ReceiverId) {
        self.endpoint.flushed(self.now, receiver);
        self.collect();
    }

    /// The connection was lost.
    pub fn aborted(&mut self, receiver: ReceiverId) {
        self.endpoint.aborted(self.now, receiver);
        self.collect();
    }

    /// Messages of the browser.
    pub fn post<const N: usize>(&mut self, id: &str, messages: [&str; N]) -> FromSession {
        let messages: VecDeque<Message> = messages.into_iter().map(Message::from).collect();
        let answer = self.endpoint.deliver(self.now, id, messages);
        self.collect();
        answer
    }

    /// A message of the application.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn send(&mut self, key: SessionKey, text: &str) {
        self.endpoint.send(key, Literal::from(text)).expect("taken");
        self.collect();
    }

    /// The application closes a session.
    pub fn close(&mut self, key: SessionKey, code: u16, reason: &'static str) {
        self.endpoint.close(self.now, key, Close::new(code, reason));
        self.collect();
    }

    /// All events of a session.
    pub fn events(&mut self, key: SessionKey) -> Vec<Event> {
        let events = std::iter::from_fn(|| self.endpoint.poll_event(key)).collect();
        self.collect();
        events
    }

    /// Lets time pass, firing each timer when it is due.
    ///
    /// # Panics
    ///
    /// When a timer that fired is still due.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.endpoint.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            let next = self.endpoint.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "due twice");
        }
        self.now = end;
        self.collect();
    }

    /// Whether a wake came since the last call that asked; it is forgotten.
    pub fn woken(&mut self, wake: Wake) -> bool {
        let before = self.wakes.len();
        self.wakes.retain(|&other| other != wake);
        self.wakes.len() < before
    }

    /// Sorts the wakes that have come.
    pub fn collect(&mut self) {
        while let Some(wake) = self.endpoint.poll_wake() {
            match wake {
                Wake::Opened(key) => self.opened.push(key),
                wake => self.wakes.push(wake),
            }
        }
    }
}
