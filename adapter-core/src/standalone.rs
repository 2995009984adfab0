//! A connection without a task: its handles move the bytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use websocket_proto::Machine;
use websocket_proto::connection::Connection;

use crate::{Clock, Driver, Stream};

/// The driver of a connection whose handles move its bytes.
pub(crate) struct Standalone {
    io: Box<dyn Io>,
    parked: Arc<Parked>,
    /// The stream's waker: it wakes every handle that waits, since any of them can do the work.
    waker: Waker,
    over: bool,
}

impl Standalone {
    pub(crate) fn new<S: Stream + Send + 'static, C: Clock<Sleep: Send>>(
        driver: Driver<S, C>,
    ) -> Self {
        let parked = Arc::new(Parked::default());
        let waker = Waker::from(Arc::clone(&parked));
        Self {
            io: Box::new(driver),
            parked,
            waker,
            over: false,
        }
    }

    /// Whether the stream is closed.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The waker of `cx` waits for an event.
    pub(crate) fn park_receiver(&self, cx: &Context<'_>) {
        let mut handles = self.parked.lock();
        match &handles.receiver {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => handles.receiver = Some(cx.waker().clone()),
        }
    }

    /// The waker of `cx` waits for room.
    pub(crate) fn park_sender(&self, cx: &Context<'_>) {
        let senders = &mut self.parked.lock().senders;
        if !senders.iter().any(|known| known.will_wake(cx.waker())) {
            senders.push(cx.waker().clone());
        }
    }

    /// Moves bytes until there is an event (`Ready`), the end (`Ready`), or nothing more to do.
    pub(crate) fn poll_event_or_end(&mut self, machine: &mut Connection) -> Poll<()> {
        while !self.over && !machine.has_events() {
            if !self.step(machine) {
                return Poll::Pending;
            }
        }
        // The other half may wait for the room or the end that came about.
        self.parked.wake_senders();
        Poll::Ready(())
    }

    /// Moves bytes until nothing more moves, leaving events to the receiver.
    pub(crate) fn move_all(&mut self, machine: &mut Connection) {
        let mut steps = 0;
        while !self.over && self.step(machine) {
            steps += 1;
            if steps == STEPS {
                // There is more to do, in another turn of whoever waits.
                self.waker.wake_by_ref();
                break;
            }
        }
        if machine.has_events() || self.over {
            self.parked.wake_receiver();
        }
    }

    /// Writes what the stream takes.
    pub(crate) fn write(&mut self, machine: &mut Connection) {
        if !self.over {
            let cx = &mut Context::from_waker(&self.waker);
            self.io.write(cx, machine);
        }
    }

    /// Whether something moved.
    fn step(&mut self, machine: &mut Connection) -> bool {
        let cx = &mut Context::from_waker(&self.waker);
        let step = self.io.step(cx, machine);
        self.over = matches!(step, Step::Over);
        !matches!(step, Step::Idle)
    }
}

/// A driver whose stream has no name.
trait Io: Send {
    fn step(&mut self, cx: &mut Context<'_>, machine: &mut Connection) -> Step;
    fn write(&mut self, cx: &mut Context<'_>, machine: &mut Connection);
}

enum Step {
    Moved,
    /// Nothing moves until the waker is woken.
    Idle,
    Over,
}

impl<S: Stream + Send, C: Clock<Sleep: Send>> Io for Driver<S, C> {
    fn step(&mut self, cx: &mut Context<'_>, machine: &mut Connection) -> Step {
        let now = C::now();
        let closing = self.is_closing();
        let written = self.poll_output(cx, now, machine);
        if let Poll::Ready(Err(_)) = written {
            self.salvage(cx, now, machine);
            machine.abort();
            return Step::Over;
        }
        if !closing {
            match self.poll_input(cx, now, machine) {
                Poll::Ready(Ok(())) => return Step::Moved,
                Poll::Ready(Err(_)) => {
                    machine.abort();
                    return Step::Over;
                }
                Poll::Pending => {}
            }
        }
        if machine.is_finished() && machine.outbox().is_empty() && written.is_ready() {
            return if self.poll_close(cx, now).is_ready() {
                Step::Over
            } else {
                Step::Idle
            };
        }
        if matches!(written, Poll::Ready(Ok(true))) {
            return Step::Moved;
        }
        self.sleep(cx, now, machine.poll_timeout());
        Step::Idle
    }

    fn write(&mut self, cx: &mut Context<'_>, machine: &mut Connection) {
        // A failure shows again, and is dealt with, at the next step.
        let _ = self.poll_output(cx, C::now(), machine);
    }
}

/// The handles that wait. They have a lock of their own: a stream may call its waker while it is
/// polled, that is, while the machine is locked.
#[derive(Default)]
struct Parked(Mutex<Handles>);

#[derive(Default)]
struct Handles {
    receiver: Option<Waker>,
    senders: Vec<Waker>,
}

impl Parked {
    fn lock(&self) -> MutexGuard<'_, Handles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_receiver(&self) {
        let receiver = self.lock().receiver.take();
        receiver.into_iter().for_each(Waker::wake);
    }

    fn wake_senders(&self) {
        let senders = std::mem::take(&mut self.lock().senders);
        senders.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_receiver();
        self.wake_senders();
    }
}

/// A sender that waits for room does not read on for ever.
const STEPS: usize = 16;
