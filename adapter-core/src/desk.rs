//! What a connection's task and the receiving handle of its handler pass each other without a lock, while the
//! task polls the handler.
//!
//! The task lays events that it has taken from the machine on the desk of its thread. The handle takes
//! them there, lays them back when it is done with the last, and says that it waits for more. The task
//! clears the desk when the handler returns, and tells the machine at its next look, which always follows.
//! A handle that is polled in another task finds nothing there and goes by the lock.
//!
//! With many messages the task also lays the machine's way of sending short ones there, and puts it back when
//! the handler returns. What was sent on it goes out before all that others sent through the lock meanwhile.
//! Whatever else is done through the lock in the handler itself puts it back first; and once somebody else
//! was there, it is not used any more: what is sent from then on goes behind.

use std::cell::{Cell, RefCell};
use std::mem::{self, ManuallyDrop};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWakerVTable, Waker};

use websocket_proto::Message;
use websocket_proto::connection::{Answers, Events};

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
    answers: RefCell<ManuallyDrop<Option<Answers>>>,
    /// How many [`DISTURBANCES`] there were when they were laid.
    calm_since: Cell<usize>,
}

/// How often somebody came in between. It seldom happens, so that one count does for all connections, none of
/// which needs memory for it: at worst a handler goes by the lock.
static DISTURBANCES: AtomicUsize = AtomicUsize::new(0);

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
    /// Whether there are so many events that it pays to lay [`Answers`] on the desk.
    #[inline]
    pub(crate) fn is_heavy(&self) -> bool {
        self.events
            .as_ref()
            .is_some_and(|events| events.weight() >= HEAVY)
    }

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

/// Sends `message` if the way for short ones of `owner` is here, and nothing was sent elsewhere since.
#[inline(always)]
pub(crate) fn send_short(owner: &Shared, message: &Message) -> bool {
    DESK.with(|desk| {
        ptr::eq(desk.owner.get(), owner)
            && desk.calm_since.get() == DISTURBANCES.load(Ordering::Acquire)
            && desk
                .answers
                .try_borrow_mut()
                .is_ok_and(|mut answers| match &mut **answers {
                    Some(answers) => answers.send_short(message),
                    None => false,
                })
    })
}

/// Lays the way for short messages of the connection whose handler is polled here.
pub(crate) fn lay_answers(answers: Answers) {
    let mut answers = Some(answers);
    DESK.with(|desk| {
        desk.swap_answers(&mut answers);
        desk.calm_since.set(DISTURBANCES.load(Ordering::Acquire));
    });
}

/// Somebody has locked a connection whose answers lie on the desk of another thread, or below another's.
pub(crate) fn disturb() {
    DISTURBANCES.fetch_add(1, Ordering::AcqRel);
}

/// Takes the way for short messages of `owner`, if it is here.
pub(crate) fn take_answers(owner: *const Shared) -> Option<Answers> {
    let mut answers = None;
    DESK.with(|desk| {
        if desk.owner.get() == owner {
            desk.swap_answers(&mut answers);
        }
    });
    answers
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
    answers: Option<Answers>,
    calm_since: usize,
}

impl Desk {
    const fn new() -> Self {
        Self {
            owner: Cell::new(ptr::null()),
            waker: Cell::new((ptr::null(), ptr::null())),
            events: Cell::new(ManuallyDrop::new(None)),
            waits: Cell::new(false),
            answers: RefCell::new(ManuallyDrop::new(None)),
            calm_since: Cell::new(0),
        }
    }

    /// What lies here when no handler is polled is nothing.
    #[inline]
    fn swap_answers(&self, answers: &mut Option<Answers>) {
        if let Ok(mut laid) = self.answers.try_borrow_mut() {
            mem::swap(&mut **laid, answers);
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
        let mut answers = None;
        self.swap_answers(&mut answers);
        Box::new(Laid {
            answers,
            calm_since: self.calm_since.get(),
            owner: self.owner.get(),
            waker: self.waker.get(),
            events: self.take(),
            waits: self.waits.replace(false),
        })
    }

    #[cold]
    fn restore(&self, mut laid: Laid) {
        self.swap_answers(&mut laid.answers);
        self.calm_since.set(laid.calm_since);
        self.owner.set(laid.owner);
        self.waker.set(laid.waker);
        self.events.set(ManuallyDrop::new(laid.events));
        self.waits.set(laid.waits);
    }
}

/// About seven short messages: two more locks cost less then than one for each.
const HEAVY: usize = 512;
