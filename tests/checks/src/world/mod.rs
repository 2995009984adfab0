//! Any interleaving of what browsers, networks and applications do to sessions, against the plain
//! lists of what each of them was told.

mod application;
mod browser;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use sockjs_proto::{
    Admission, Admit, AfterCut, Capacity, Close, Config, Endpoint, Message, ReceiverId, SenderId,
    Service, SessionKey, ToSession, Wake,
};
use websocket_proto::Instant;

/// One thing that happens. Numbers choose among what there is at the time.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    /// A browser asks for what there is; of three ids.
    Attach {
        /// Whose.
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=2))]
        id: u8,
        /// Over a response with many frames, or a poll.
        streaming: bool,
    },
    /// The kernel takes the last byte of a response that has ended.
    Flush(u8),
    /// A connection is lost, before or after its response has ended.
    Abort(u8),
    /// The same, and nobody notices until somebody looks.
    CutUnseen(u8),
    /// A connection has no room, or has it again.
    Choke(u8),
    /// A connection ends its response of its own accord.
    End(u8),
    /// An application sends.
    Send {
        /// Which one.
        session: u8,
        /// 200 bytes, or few.
        long: bool,
    },
    /// An application closes its session.
    Close(u8),
    /// An application wants to hear nothing more of its session.
    Release(u8),
    /// An application takes events.
    Drain {
        /// Which one.
        session: u8,
        /// At most so many.
        most: u8,
    },
    /// A browser sends.
    Post {
        /// Whose.
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=2))]
        id: u8,
        /// How many.
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=5))]
        messages: u8,
    },
    /// A request that waits for room is given up.
    Abandon(u8),
    /// The program decides who may come in.
    Decide {
        /// On which one.
        admission: u8,
        /// How.
        verdict: u8,
    },
    /// Time passes, and every timer fires.
    Pass {
        /// So much.
        millis: u16,
    },
    /// Time passes while the program is busy with something else.
    Stall {
        /// So much.
        millis: u16,
    },
}

/// A receiving request, as its browser sees it.
#[derive(Debug)]
struct Request {
    receiver: ReceiverId,
    id: u8,
    streaming: bool,
    frames: Vec<String>,
    /// The response has come to its end, or was refused.
    ended: bool,
    cut: bool,
    choked: bool,
    /// The connection waits to be woken.
    waits: bool,
    /// Of which sessions it has got messages.
    carried: Vec<usize>,
}

/// A session, as its application sees it.
#[derive(Debug)]
struct Told {
    key: SessionKey,
    id: u8,
    /// Which one of its id it is, from 1.
    nth: usize,
    /// What was accepted for the browser.
    accepted: Vec<String>,
    /// How much of that was put into frames.
    framed: usize,
    /// What requests of the browser were told to be delivered, and parts of those that were parked.
    posted: Vec<String>,
    /// How much of that the application has got.
    heard: usize,
    open: bool,
    closed: bool,
    closing: bool,
    released: bool,
    /// A connection that carried messages was lost.
    lost: bool,
    /// The application has had all events, and waits for a wake.
    waits: bool,
    /// A message had no room, and it waits for that.
    blocked: bool,
}

#[derive(Debug)]
struct Parked {
    sender: SenderId,
    id: u8,
    session: Option<usize>,
    rest: VecDeque<Message>,
}

/// An endpoint, its browsers and its applications.
#[derive(Debug)]
pub struct World {
    endpoint: Endpoint<u8>,
    capacity: Capacity,
    now: Instant,
    requests: Vec<Request>,
    sessions: Vec<Told>,
    /// Which session an id stands for, as far as is known.
    current: HashMap<u8, usize>,
    /// How many sessions of an id have begun, and how many `o` it has got.
    begun: [usize; 3],
    opens: [usize; 3],
    admissions: Vec<Admission<u8>>,
    parked: Vec<Parked>,
    abandoned: Vec<SenderId>,
    count: usize,
}

const MARK: usize = 300;
const INCOMING: usize = 4;
const NAMES: [&str; 3] = ["first", "second", "third"];

impl World {
    /// An endpoint nobody has come to.
    ///
    /// # Panics
    ///
    /// Never: the configuration is legal.
    pub fn new(admit: Admit, after_cut: AfterCut) -> Self {
        let config = Config {
            outgoing_mark: MARK,
            incoming_messages: INCOMING,
            response_limit: 500,
            remembered_ids: 2,
            after_cut,
            ..Config::default()
        };
        let capacity = Capacity::new(1000);
        let service = Service::new(config).unwrap();
        Self {
            endpoint: Endpoint::new(&service, admit, capacity.clone(), [3; 16]),
            capacity,
            now: Instant::ZERO,
            requests: Vec::new(),
            sessions: Vec::new(),
            current: HashMap::new(),
            begun: [0; 3],
            opens: [0; 3],
            admissions: Vec::new(),
            parked: Vec::new(),
            abandoned: Vec::new(),
            count: 0,
        }
    }

    /// Lets one thing happen, and checks what holds after each.
    ///
    /// # Panics
    ///
    /// When a promise is broken.
    pub fn run(&mut self, step: &Step) {
        match *step {
            Step::Attach { id, streaming } => self.attach(id, streaming),
            Step::Flush(nth) => {
                if let Some(at) = self.pick(nth, |request| request.ended && !request.cut) {
                    let request = self.requests.remove(at);
                    self.tell(ToSession::Flushed(request.receiver));
                }
            }
            Step::Abort(nth) => {
                if let Some(at) = self.pick(nth, |_| true) {
                    self.abort(at);
                }
            }
            Step::CutUnseen(nth) => {
                if let Some(at) = self.pick(nth, |_| true) {
                    self.requests[at].cut = true;
                }
            }
            Step::Choke(nth) => {
                if let Some(at) = self.pick(nth, |request| !request.ended) {
                    self.requests[at].choked ^= true;
                    self.pull(at);
                }
            }
            Step::End(nth) => {
                if let Some(at) = self.pick(nth, |request| !request.ended) {
                    self.requests[at].ended = true;
                    let receiver = self.requests[at].receiver;
                    self.tell(ToSession::Ending(receiver));
                }
            }
            Step::Send { session, long } => self.send(session, long),
            Step::Close(nth) => {
                if let Some(at) = self.pick_session(nth) {
                    self.endpoint
                        .close(self.now, self.sessions[at].key, Close::new(3000, "bye"));
                    self.sessions[at].closing = true;
                }
            }
            Step::Release(nth) => {
                if let Some(at) = self.pick_session(nth) {
                    self.endpoint.release(self.now, self.sessions[at].key);
                    self.sessions[at].closing = true;
                    self.sessions[at].released = true;
                    assert_eq!(self.endpoint.poll_event(self.sessions[at].key), None);
                }
            }
            Step::Drain { session, most } => {
                if let Some(at) = self.pick_session(session) {
                    self.drain(at, usize::from(most));
                }
            }
            Step::Post { id, messages } => self.post(id, messages),
            Step::Abandon(nth) => {
                if !self.parked.is_empty() {
                    let at = usize::from(nth) % self.parked.len();
                    let parked = self.parked.remove(at);
                    self.abandoned.push(parked.sender);
                    self.tell(ToSession::Abandon(parked.sender));
                }
            }
            Step::Decide { admission, verdict } => self.decide(admission, verdict),
            Step::Pass { millis } => self.pass(Duration::from_millis(millis.into())),
            Step::Stall { millis } => self.now = self.now + Duration::from_millis(millis.into()),
        }
        self.settle();
        self.check();
    }

    fn pick(&self, nth: u8, fits: impl Fn(&Request) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.requests.len())
            .filter(|&at| fits(&self.requests[at]))
            .collect();
        (!fitting.is_empty()).then(|| fitting[usize::from(nth) % fitting.len()])
    }

    fn pick_session(&self, nth: u8) -> Option<usize> {
        let alive: Vec<usize> = (0..self.sessions.len())
            .filter(|&at| !self.sessions[at].closed && !self.sessions[at].released)
            .collect();
        (!alive.is_empty()).then(|| alive[usize::from(nth) % alive.len()])
    }

    fn tell(&mut self, message: ToSession<u8>) {
        assert_eq!(self.endpoint.handle(self.now, message), None);
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.endpoint.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            let next = self.endpoint.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now),
                "what fired is not due again"
            );
            self.settle();
        }
        self.now = end;
    }

    /// Takes the wakes that came, and notes which sessions have begun.
    fn note_wakes(&mut self) -> Vec<Wake> {
        let wakes: Vec<Wake> = std::iter::from_fn(|| self.endpoint.poll_wake()).collect();
        for wake in &wakes {
            match *wake {
                Wake::Opened(key) => {
                    let id = *self.endpoint.request(key).unwrap();
                    self.begun[usize::from(id)] += 1;
                    self.current.insert(id, self.sessions.len());
                    self.sessions.push(Told {
                        key,
                        id,
                        nth: self.begun[usize::from(id)],
                        accepted: Vec::new(),
                        framed: 0,
                        posted: Vec::new(),
                        heard: 0,
                        open: false,
                        closed: false,
                        closing: false,
                        released: false,
                        lost: false,
                        waits: false,
                        blocked: false,
                    });
                }
                Wake::Session(key) => {
                    let told = self
                        .sessions
                        .iter_mut()
                        .find(|told| told.key == key)
                        .unwrap();
                    assert!(told.waits || told.blocked, "only who waits is woken");
                    told.blocked &= std::mem::take(&mut told.waits);
                }
                Wake::Admission | Wake::Receiver(_) | Wake::CheckReceiver(_) | Wake::Sender(_) => {}
            }
        }
        wakes
    }

    /// Does what wakes ask for until there are none.
    fn settle(&mut self) {
        loop {
            let wakes = self.note_wakes();
            if wakes.is_empty() {
                return;
            }
            for wake in wakes {
                match wake {
                    Wake::Receiver(receiver) => {
                        if let Some(at) = self.find(receiver)
                            && !self.requests[at].cut
                        {
                            assert!(self.requests[at].waits, "only who waits is woken");
                            self.requests[at].waits = false;
                            self.pull(at);
                        }
                    }
                    Wake::CheckReceiver(receiver) => {
                        let Some(at) = self.find(receiver) else {
                            continue;
                        };
                        if self.requests[at].cut {
                            self.abort(at);
                        } else {
                            self.tell(ToSession::StillAlive(receiver));
                        }
                    }
                    Wake::Sender(sender) => self.resume(sender),
                    Wake::Admission => {
                        let asked = std::iter::from_fn(|| self.endpoint.poll_admission());
                        self.admissions.extend(asked);
                    }
                    Wake::Opened(_) | Wake::Session(_) => {}
                }
            }
        }
    }

    fn find(&self, receiver: ReceiverId) -> Option<usize> {
        self.requests
            .iter()
            .position(|request| request.receiver == receiver)
    }

    fn check(&self) {
        for told in &self.sessions {
            assert!(self.endpoint.buffered(told.key) < MARK + 250, "bounded");
            assert!(
                told.released || told.posted.len() - told.heard <= INCOMING,
                "bounded"
            );
        }
        // When all requests for an id wait, one of them is attached, and has nothing to wait for.
        for id in 0..3u8 {
            let of_id = |request: &&Request| request.id == id && !request.ended;
            let mut open = self.requests.iter().filter(of_id).peekable();
            if open.peek().is_some()
                && open.all(|request| request.waits && !request.cut)
                && let Some(&session) = self.current.get(&id)
            {
                let buffered = self.endpoint.buffered(self.sessions[session].key);
                assert_eq!(buffered, 0, "a message is stuck");
            }
        }
        assert!(self.endpoint.remembered_count() <= 2);
    }

    /// Everybody leaves; nothing may remain.
    ///
    /// # Panics
    ///
    /// When something does.
    pub fn finish(mut self) {
        // While the session lives, all that was accepted arrives.
        for id in 0..3u8 {
            for _ in 0..20 {
                while let Some(at) = self
                    .requests
                    .iter()
                    .position(|request| request.id == id && request.ended && !request.cut)
                {
                    let request = self.requests.remove(at);
                    self.tell(ToSession::Flushed(request.receiver));
                    self.settle();
                }
                self.attach(id, false);
                self.settle();
            }
        }
        while !self.requests.is_empty() {
            self.abort(0);
            self.settle();
        }
        for parked in std::mem::take(&mut self.parked) {
            self.tell(ToSession::Abandon(parked.sender));
        }
        self.settle();
        for _ in 0..3 {
            self.pass(Duration::from_secs(60));
            self.settle();
        }
        for at in 0..self.sessions.len() {
            if !self.sessions[at].closed && !self.sessions[at].released {
                self.drain(at, usize::MAX);
                assert!(self.sessions[at].closed, "exactly one end");
            }
            assert_eq!(self.endpoint.poll_event(self.sessions[at].key), None);
        }
        let left = (
            self.endpoint.session_count(),
            self.endpoint.receiver_count(),
            self.endpoint.remembered_count(),
            self.capacity.used(),
            self.endpoint.poll_timeout(),
        );
        assert_eq!(
            left,
            (0, 0, 0, 0, None),
            "nothing is left: {:?}",
            self.endpoint
        );
    }
}
