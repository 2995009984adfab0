//! Every interleaving of two tasks on one shard, by `loom`. Whatever comes first: who waits for
//! something that has come was woken.

mod runner;
mod socket;

use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use sockjs_proto::{Config, FromSession, Message, ReceiverId, SessionId, ToSession, Wrapping};
use websocket_proto::Instant;
use websocket_proto::http1::{HeadParser, Limits};

use super::attendant::Attendant;
use super::core::Core;
use super::hub::Hub;
use super::{SessionReceiver, SessionSender, SockJs};
use crate::request::ConnectionInfo;
use crate::route::BoxFuture;
use crate::{Address, RequestInfo, Spawner};

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self::default());
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn rang(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

fn hub(service: SockJs) -> Arc<Hub> {
    // Tasks are not run: what they would do, the tests do.
    fn spawn(task: BoxFuture<()>) {
        std::mem::forget(task);
        SPAWNED.set(SPAWNED.get() + 1);
    }
    let spawner = || Box::new(spawn) as Spawner;
    Arc::new(Hub::new(
        service,
        || NOW,
        spawn,
        spawner,
        |_| Box::pin(pending()),
    ))
}

/// A service whose sessions are handed out instead of handled.
fn service(mark: usize) -> (Arc<Hub>, Arc<std::sync::Mutex<Option<super::Session>>>) {
    let opened = Arc::new(std::sync::Mutex::new(None));
    let place = Arc::clone(&opened);
    let config = Config {
        outgoing_mark: mark,
        incoming_messages: 1,
        ..Config::default()
    };
    let service = SockJs::new(config, move |session| {
        *place.lock().unwrap() = Some(session);
        pending::<()>()
    });
    (hub(service.unwrap()), opened)
}

fn info() -> RequestInfo {
    let head = HeadParser::new().parse(b"POST / HTTP/1.1\r\nHost: h\r\n\r\n", &Limits::default());
    let head = head.unwrap().1.unwrap();
    let connection = ConnectionInfo::new(Address::Unknown, Address::Unknown, None);
    RequestInfo::new(head, 0, Arc::new(connection))
}

/// A connection of the session `a`.
struct Client {
    hub: Arc<Hub>,
    attendant: Arc<Attendant>,
}

impl Client {
    fn new(hub: &Arc<Hub>) -> Self {
        Self {
            hub: Arc::clone(hub),
            attendant: Arc::default(),
        }
    }

    fn tell(&self, message: ToSession<Option<RequestInfo>>) -> Option<FromSession> {
        let hub = &self.hub;
        hub.with_shard(0, |state| {
            state.handle(NOW, message, &self.attendant, |info, transport, id| {
                hub.admit(info, transport, Some(id))
                    .map_err(|why| why.status())
            })
        })
    }

    fn attach(&self) -> ReceiverId {
        let attach = ToSession::Attach {
            session: SessionId::from("a"),
            wrapping: Wrapping::XhrStreaming,
            request: Some(info()),
        };
        let Some(FromSession::Attached(receiver)) = self.tell(attach) else {
            panic!("it is answered at once")
        };
        receiver
    }

    /// Frames up to the one that is not there yet.
    fn pull(&self, receiver: ReceiverId) -> String {
        let mut all = String::new();
        let room = 1 << 20;
        while let Some(FromSession::Frame { bytes, .. }) =
            self.tell(ToSession::Pull { receiver, room })
        {
            all += std::str::from_utf8(&bytes).unwrap();
        }
        all
    }

    fn send(&self, message: &str) -> Option<FromSession> {
        self.tell(ToSession::Send {
            session: SessionId::from("a"),
            messages: [Message::from(message)].into(),
        })
    }
}

fn open(mark: usize) -> (Client, ReceiverId, SessionSender, SessionReceiver) {
    let (hub, opened) = service(mark);
    let client = Client::new(&hub);
    let receiver = client.attach();
    client.pull(receiver);
    let (sender, events) = opened.lock().unwrap().take().unwrap().split();
    (client, receiver, sender, events)
}

fn poll_recv(core: &Core, waker: &Waker) -> Poll<Option<Message>> {
    core.poll_recv(&Context::from_waker(waker))
}

#[test]
fn a_connection_that_rests_hears_of_what_is_sent() {
    loom::model(|| {
        let (client, receiver, sender, _events) = open(1000);
        let sending = thread::spawn(move || {
            sender.try_send("x").unwrap();
        });
        let (bell, waker) = Bell::new();
        let context = Context::from_waker(&waker);
        drop(client.attendant.take(&context));
        let pulled = client.pull(receiver).contains("\"x\"");
        let seen = client.attendant.take(&context).next().is_some();
        sending.join().unwrap();
        assert!(pulled || seen || bell.rang());
    });
}

#[test]
fn a_handler_that_waits_hears_of_a_message() {
    loom::model(|| {
        let (client, _, _sender, events) = open(1000);
        let delivering = thread::spawn(move || {
            assert_eq!(client.send("x"), Some(FromSession::Delivered));
            client
        });
        let (bell, waker) = Bell::new();
        let got = poll_recv(&events.0, &waker).is_ready();
        let client = delivering.join().unwrap();
        assert!(got || bell.rang());
        drop((client, events));
    });
}

#[test]
fn a_parked_sender_hears_of_room() {
    loom::model(|| {
        let (client, _, _sender, events) = open(1000);
        client.send("first");
        let handling = thread::spawn(move || {
            let (_, waker) = Bell::new();
            assert!(poll_recv(&events.0, &waker).is_ready());
            events
        });
        let (bell, waker) = Bell::new();
        let context = Context::from_waker(&waker);
        drop(client.attendant.take(&context));
        let parked = matches!(client.send("second"), Some(FromSession::Parked { .. }));
        let seen = client.attendant.take(&context).next().is_some();
        let events = handling.join().unwrap();
        assert!(!parked || seen || bell.rang());
        drop(events);
    });
}

#[test]
fn a_blocked_handler_hears_of_room_and_of_the_end() {
    for cut in [false, true] {
        loom::model(move || {
            let (client, receiver, sender, events) = open(1);
            sender.try_send("first").unwrap();
            let pulling = thread::spawn(move || {
                if cut {
                    client.tell(ToSession::Aborted(receiver));
                } else {
                    client.pull(receiver);
                }
                client
            });
            let (bell, waker) = Bell::new();
            let mut payload = Some(sender.0.payload("second".into()));
            let sent = sender.0.poll_send(
                &Context::from_waker(&waker),
                &mut payload,
                6,
                |session, payload| payload.send(session),
            );
            let client = pulling.join().unwrap();
            assert!(sent.is_ready() || bell.rang());
            drop((client, events));
        });
    }
}

#[test]
fn the_end_is_told_once_whoever_is_first() {
    loom::model(|| {
        let (client, receiver, sender, events) = open(1000);
        let closing = thread::spawn(move || {
            sender.close(3000, "enough");
            sender
        });
        client.tell(ToSession::Aborted(receiver));
        let sender = closing.join().unwrap();
        let (_, waker) = Bell::new();
        assert_eq!(poll_recv(&events.0, &waker), Poll::Ready(None));
        let closed = events.closed().unwrap();
        assert!([1002, 3000].contains(&closed.code));
        assert_eq!(client.hub.counters.snapshot().sessions(), 0);
        drop(sender);
    });
}

#[test]
fn an_earlier_deadline_wakes_the_deadline_task() {
    loom::model(|| {
        let (hub, _opened) = service(1000);
        let client = Client::new(&hub);
        // A heartbeat is due before long, a disconnect much sooner.
        let receiver = client.attach();
        client.pull(receiver);
        let detaching = thread::spawn(move || {
            client.tell(ToSession::Ending(receiver));
            client.tell(ToSession::Flushed(receiver));
            client
        });
        let (bell, waker) = Bell::new();
        let before = SPAWNED.get();
        let next = hub.tick(0, &Context::from_waker(&waker));
        let client = detaching.join().unwrap();
        let early = next.is_some_and(|at| at == NOW + Config::default().disconnect_delay);
        // Without any deadline the task ends; the next one is another's.
        assert!(early || bell.rang() || next.is_none() && SPAWNED.get() > before);
        drop(client);
    });
}

thread_local! {
    /// Tasks so far; all threads of a model are one of the system's.
    static SPAWNED: Cell<usize> = const { Cell::new(0) };
}

const NOW: Instant = Instant::from_millis(1000);
