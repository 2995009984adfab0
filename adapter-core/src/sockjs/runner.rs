//! The handler of a session over HTTP, run by whoever brings its news.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::core::Core;
use super::handling::Outcome;
use crate::route::BoxFuture;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Mutex, lock, thread_local};

/// A handler's future, and the task around it.
///
/// ```text
///            wake              run
///    IDLE ─────────► QUEUED ─────────► RUNNING ── pending ──► IDLE
///                      ▲                  │ wake
///                      └──── pending ── AGAIN
/// ```
///
/// Woken by a connection that is in its turn on this thread, it is run in that turn, before the
/// connection writes; woken from elsewhere, in a task of its own. While it waits it is kept by its
/// session and by whoever is going to wake it.
pub(crate) struct Runner {
    state: AtomicU8,
    /// Locked by whoever runs it, which is one at a time.
    handler: Mutex<Option<Handler>>,
}

/// The session goes with the future: it keeps the runner.
struct Handler {
    core: Arc<Core>,
    future: BoxFuture<Outcome>,
}

impl Runner {
    pub(crate) fn new(core: &Arc<Core>, future: BoxFuture<Outcome>) -> Arc<Self> {
        let core = Arc::clone(core);
        Arc::new(Self {
            state: AtomicU8::new(IDLE),
            handler: Mutex::new(Some(Handler { core, future })),
        })
    }

    /// It is to run, by a connection that is in its turn, or else in a task.
    fn schedule(self: Arc<Self>) {
        let elsewhere = TURN.try_with(|turn| {
            let mut turn = turn.borrow_mut();
            if !turn.runs {
                return Some(self);
            }
            turn.woken.push_back(self);
            None
        });
        if let Ok(Some(runner)) = elsewhere {
            runner.spawn();
        }
    }

    fn spawn(self: Arc<Self>) {
        let hub = |handler: &Handler| Arc::clone(&handler.core.hub);
        let hub = lock(&self.handler).as_ref().map(hub);
        // Without a handler there is nothing to run.
        if let Some(hub) = hub {
            hub.spawn(Box::pin(Task(Some(self))));
        }
    }

    /// Polls the handler once. `true` when it is to be run again.
    fn run(self: &Arc<Self>) -> bool {
        self.state.store(RUNNING, Ordering::Release);
        let mut place = lock(&self.handler);
        let Some(handler) = place.as_mut() else {
            return false;
        };
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        let Poll::Ready(outcome) = handler.future.as_mut().poll(&mut cx) else {
            drop(place);
            let idle =
                self.state
                    .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if idle.is_err() {
                self.state.store(QUEUED, Ordering::Release);
            }
            return idle.is_err();
        };
        // Whoever wakes it from now on finds it queued for good.
        self.state.store(QUEUED, Ordering::Release);
        let ended = place.take();
        drop(place);
        if let Some(Handler { core, future }) = ended {
            core.handled(outcome);
            drop_caught(future);
        }
        false
    }

    /// It will never run again.
    pub(crate) fn give_up(&self) {
        let handler = lock(&self.handler).take();
        if let Some(Handler { core, future }) = handler {
            drop_caught(future);
            drop(core);
        }
    }
}

/// What a handler holds is dropped with application code.
fn drop_caught(handler: BoxFuture<Outcome>) {
    if catch_unwind(AssertUnwindSafe(|| drop(handler))).is_err() {
        tracing::error!("handler panicked when it was dropped");
    }
}

impl Wake for Runner {
    fn wake(self: Arc<Self>) {
        let next = |state| match state {
            IDLE => Some(QUEUED),
            RUNNING => Some(AGAIN),
            _ => None,
        };
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        if before == Ok(IDLE) {
            self.schedule();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Arc::clone(self).wake();
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Runs a handler that was woken from elsewhere.
struct Task(Option<Arc<Runner>>);

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(runner) = self.0.take() else {
            return Poll::Ready(());
        };
        if runner.run() {
            // Others have a right to the thread.
            self.0 = Some(runner);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// The runtime was dropped, and with it what ran on it.
impl Drop for Task {
    fn drop(&mut self) {
        if let Some(runner) = self.0.take() {
            runner.give_up();
        }
    }
}

/// Does a connection's `work`, and then runs the handlers that were woken by it. `true` when there
/// were some.
pub(crate) fn in_turn<T>(work: impl FnOnce() -> T) -> (T, bool) {
    let turn = Turn::begin();
    let result = work();
    let mut any = false;
    if turn.outermost {
        for _ in 0..RUNS {
            let Some(runner) = Turn::next() else {
                break;
            };
            any = true;
            if runner.run() {
                runner.schedule();
            }
        }
    }
    (result, any)
}

/// While it is there, handlers that are woken on this thread wait for it.
struct Turn {
    /// A connection that is served within another's turn leaves its handlers to that.
    outermost: bool,
}

impl Turn {
    fn begin() -> Self {
        let begin = |turn: &RefCell<Woken>| !std::mem::replace(&mut turn.borrow_mut().runs, true);
        Self {
            outermost: TURN.try_with(begin).unwrap_or(false),
        }
    }

    fn next() -> Option<Arc<Runner>> {
        let next = TURN.try_with(|turn| turn.borrow_mut().woken.pop_front());
        next.ok().flatten()
    }
}

/// Handlers that are left, because there were too many or the work panicked, get their tasks.
impl Drop for Turn {
    fn drop(&mut self) {
        if !self.outermost {
            return;
        }
        let left = TURN.try_with(|turn| {
            let mut turn = turn.borrow_mut();
            turn.runs = false;
            if turn.woken.is_empty() {
                // The room stays, for the next turn.
                return VecDeque::new();
            }
            std::mem::take(&mut turn.woken)
        });
        let left = left.unwrap_or_default();
        left.into_iter().for_each(Runner::spawn);
    }
}

/// The handlers that the connection in its turn is going to run.
struct Woken {
    /// There is such a connection.
    runs: bool,
    woken: VecDeque<Arc<Runner>>,
}

thread_local! {
    /// A connection's task is polled by one thread, and waits for nothing in between.
    static TURN: RefCell<Woken> = const { RefCell::new(Woken {
        runs: false,
        woken: VecDeque::new(),
    }) };
}

/// Waits to be woken.
const IDLE: u8 = 0;
/// Somebody is going to run it; or it has ended.
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// It was woken while it ran.
const AGAIN: u8 = 3;
/// How often handlers run in one turn. The rest is not the connection's burden.
const RUNS: usize = 16;
