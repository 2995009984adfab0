//! What a connection's task and the receiving handle of its handler pass each other without a lock, while the
//! task polls the handler.
//!
//! The task lays events that it has taken from the machine on the desk of its thread. The handle takes
//! them there, lays them back when it is done with the last, and says that it waits for more. The task
//! clears the desk when the handler returns, and tells the machine at its next look, which always follows.
//! A handle that is polled in another task finds nothing there and goes by the lock.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use websocket_proto::connection::Events;

use crate::shared::Shared;

thread_local! {
    static DESK: Desk = const { Desk::new() };
}

/// Where a thread's task and handler pass things.
struct Desk {
    /// The connection whose handler is polled. It is compared, never followed; null when there is none.
    owner: Cell<*const Shared>,
    /// The waker that it is polled with.
    waker: Cell<Identity>,
    /// `None` while the handle has them. Nothing lies here when no handler is polled, so that a thread which
    /// ends need not look.
    events: Cell<ManuallyDrop<Option<Events>>>,
    /// The handle waits for more.
    waits: Cell<bool>,
}

/// What two wakers have in common that wake the same task.
type Identity = (*const (), *const RawWakerVTable);

/// What a task has for its handler, or has got from it and not told the machine yet.
#[derive(Debug, Default)]
pub(crate) struct Tray {
    /// Something came true that the handler itself waits for.
    pub(crate) due: bool,
    /// Events for its receiving handle, or back from there.
    pub(crate) events: Option<Events>,
    /// The handle waits for more, with the task's waker.
    pub(crate) waits: bool,
}

impl Tray {
    /// Polls the handler with the events of the tray on the desk, and takes what lies there then.
    #[inline]
    pub(crate) fn offer<T>(
        &mut self,
        owner: *const Shared,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let Some(events) = self.events.take() else {
            return poll(cx);
        };
        let others = DESK.with(|desk| {
            let others = desk.make_room();
            desk.owner.set(owner);
            desk.waker.set(identity(cx.waker()));
            desk.lay(events);
            others
        });
        let result = poll(cx);
        DESK.with(|desk| {
            self.events = desk.take();
            self.waits = desk.waits.replace(false);
            desk.owner.set(ptr::null());
            if let Some(others) = others {
                desk.restore(*others);
            }
        });
        result
    }
}

/// The next events for the receiving handle of `owner`, which has none, if they are to be had here.
/// `Pending` says that the task wakes it for more; `None` that the lock knows.
#[inline]
pub(crate) fn poll_events(owner: *const Shared, cx: &Context<'_>) -> Option<Poll<Events>> {
    DESK.with(|desk| {
        if desk.owner.get() != owner {
            return None;
        }
        let events = desk.take()?;
        if !events.is_empty() {
            return Some(Poll::Ready(events));
        }
        // They are back, and were the last for now.
        desk.lay(events);
        let waits = desk.waker.get() == identity(cx.waker());
        desk.waits.set(waits);
        waits.then_some(Poll::Pending)
    })
}

/// Lays `events` back that came from here. They return if they have to go by the lock.
#[inline]
pub(crate) fn give_back(owner: *const Shared, events: Events) -> Option<Events> {
    DESK.with(|desk| {
        if desk.owner.get() != owner {
            return Some(events);
        }
        desk.lay(events);
        None
    })
}

#[inline]
fn identity(waker: &Waker) -> Identity {
    (waker.data(), waker.vtable())
}

/// What lies on the desk for a handler that polls another connection meanwhile.
struct Laid {
    owner: *const Shared,
    waker: Identity,
    events: Option<Events>,
    waits: bool,
}

impl Desk {
    const fn new() -> Self {
        Self {
            owner: Cell::new(ptr::null()),
            waker: Cell::new((ptr::null(), ptr::null())),
            events: Cell::new(ManuallyDrop::new(None)),
            waits: Cell::new(false),
        }
    }

    #[inline]
    fn take(&self) -> Option<Events> {
        ManuallyDrop::into_inner(self.events.replace(ManuallyDrop::new(None)))
    }

    /// There are none here.
    #[inline]
    fn lay(&self, events: Events) {
        self.events.set(ManuallyDrop::new(Some(events)));
    }

    #[inline]
    fn make_room(&self) -> Option<Box<Laid>> {
        (!self.owner.get().is_null()).then(|| self.lift())
    }

    #[cold]
    fn lift(&self) -> Box<Laid> {
        Box::new(Laid {
            owner: self.owner.get(),
            waker: self.waker.get(),
            events: self.take(),
            waits: self.waits.replace(false),
        })
    }

    #[cold]
    fn restore(&self, laid: Laid) {
        self.owner.set(laid.owner);
        self.waker.set(laid.waker);
        self.events.set(ManuallyDrop::new(laid.events));
        self.waits.set(laid.waits);
    }
}
