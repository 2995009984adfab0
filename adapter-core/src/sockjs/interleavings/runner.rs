//! The runner of handlers: after whatever wakes one it is polled once more, by one at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use loom::thread;
use sockjs_proto::{Admit, Capacity, Config, Endpoint, Service, Transport, Wake, Wrapping};

use super::{NOW, info};
use crate::Spawner;
use crate::route::BoxFuture;
use crate::sockjs::SockJs;
use crate::sockjs::core::{Core, Link};
use crate::sockjs::handling::Outcome;
use crate::sockjs::hub::Hub;
use crate::sockjs::runner::{Runner, in_turn};
use crate::sync::lock;

/// What a handler waits for.
#[derive(Default)]
struct Signals {
    come: AtomicUsize,
    waker: Mutex<Option<Waker>>,
    /// The handler is being polled.
    inside: AtomicBool,
    /// How often a handler was dropped.
    dropped: AtomicUsize,
    runner: OnceLock<Weak<Runner>>,
}

impl Signals {
    fn give(&self) {
        self.come.fetch_add(1, SeqCst);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn runner(&self) -> Option<Arc<Runner>> {
        self.runner.get().and_then(Weak::upgrade)
    }
}

/// A handler that ends after so many of them.
struct Handler {
    signals: Arc<Signals>,
    wanted: usize,
}

impl Future for Handler {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let signals = &self.signals;
        assert!(!signals.inside.swap(true, SeqCst), "two poll it at once");
        assert_eq!(signals.dropped.load(SeqCst), 0);
        *lock(&signals.waker) = Some(cx.waker().clone());
        let ends = signals.come.load(SeqCst) >= self.wanted;
        signals.inside.store(false, SeqCst);
        match ends {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
}

/// What a handler holds may do anything when it is dropped: no lock of the runner is held then.
impl Drop for Handler {
    fn drop(&mut self) {
        self.signals.dropped.fetch_add(1, SeqCst);
        if let Some(runner) = self.signals.runner() {
            runner.give_up();
        }
    }
}

fn hub() -> Arc<Hub> {
    fn spawn(task: BoxFuture<()>) {
        TASKS.with_borrow_mut(|tasks| tasks.push_back(task));
    }
    let service = SockJs::new(Default::default(), |_session| pending::<()>());
    let spawner = || Box::new(spawn) as Spawner;
    Arc::new(Hub::new(
        service.expect("the defaults are valid"),
        || NOW,
        spawn,
        spawner,
        |_| Box::pin(pending()),
    ))
}

/// Does what a runtime does with its tasks.
fn run_tasks() {
    while let Some(mut task) = TASKS.with_borrow_mut(VecDeque::pop_front) {
        let mut cx = Context::from_waker(Waker::noop());
        while task.as_mut().poll(&mut cx).is_pending() {
            // It has woken itself.
            thread::yield_now();
        }
    }
}

/// A session that no shard knows.
fn core() -> Arc<Core> {
    let hub = hub();
    let service = Service::new(Config::default()).expect("the defaults are valid");
    let mut endpoint = Endpoint::new(&service, Admit::All, Capacity::new(1), [7; 16]);
    endpoint.attach(NOW, "a", Wrapping::Xhr, || Ok(()));
    let Some(Wake::Opened(key)) = endpoint.poll_wake() else {
        panic!("it begins at once")
    };
    let request = hub.admit(info(), Transport::Xhr, None);
    let request = request.expect("there is room");
    Arc::new(Core::new(&hub, Link::shard(0, key), request))
}

/// A handler that was woken for the first time.
fn start(wanted: usize) -> (Arc<Signals>, Arc<Runner>) {
    let signals = Arc::new(Signals::default());
    let handler = Handler {
        signals: Arc::clone(&signals),
        wanted,
    };
    let runner = Runner::new(&core(), Box::pin(handler));
    let _ = signals.runner.set(Arc::downgrade(&runner));
    Waker::from(Arc::clone(&runner)).wake();
    (signals, runner)
}

/// The handler has ended, and nothing is left of it.
fn ended(signals: &Signals, runner: Arc<Runner>) -> bool {
    drop(lock(&signals.waker).take());
    signals.dropped.load(SeqCst) == 1
        && TASKS.with_borrow(VecDeque::is_empty)
        && Arc::strong_count(&runner) == 1
}

#[test]
fn no_wake_is_lost_whoever_runs_the_handler() {
    loom::model(|| {
        let (signals, runner) = start(2);
        let here = Arc::clone(&signals);
        // A connection in its turn, which runs what it wakes; the runtime has a task meanwhile.
        let connection = thread::spawn(move || in_turn(|| here.give()));
        run_tasks();
        signals.give();
        connection.join().unwrap();
        run_tasks();
        assert!(ended(&signals, runner));
    });
}

#[test]
fn no_wake_is_lost_between_two_connections() {
    loom::model(|| {
        let (signals, runner) = start(2);
        run_tasks();
        let here = Arc::clone(&signals);
        let connection = thread::spawn(move || in_turn(|| here.give()));
        in_turn(|| signals.give());
        connection.join().unwrap();
        run_tasks();
        assert!(ended(&signals, runner));
    });
}

#[test]
fn a_handler_that_is_given_up_is_dropped_once() {
    loom::model(|| {
        let (signals, runner) = start(1);
        let ending = Arc::clone(&runner);
        let ending = thread::spawn(move || ending.give_up());
        signals.give();
        run_tasks();
        ending.join().unwrap();
        assert!(ended(&signals, runner));
    });
}

thread_local! {
    /// All threads of a model are one of the system's.
    static TASKS: RefCell<VecDeque<BoxFuture<()>>> = const { RefCell::new(VecDeque::new()) };
}
