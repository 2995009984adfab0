//! A connection's one timer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Waker};

use pin_project_lite::pin_project;
use websocket_proto::Instant;

use crate::Clock;
use crate::timers::Timer;

/// A timer that is touched only when the deadline came nearer or it may have fired. A deadline that moves
/// away with every message, as that of a ping does, costs nothing: the timer fires once in a while and is
/// set anew.
pub(crate) enum Alarm<C: Clock> {
    /// The runtime's, existing only while there is a deadline.
    Own(Option<Pin<Box<Armed<C>>>>),
    /// The server's.
    Shared(Timer),
}

pin_project! {
    pub(crate) struct Armed<C: Clock> {
        #[pin]
        sleep: C::Sleep,
        at: Instant,
        waker: Waker,
    }
}

impl<C: Clock> Default for Alarm<C> {
    fn default() -> Self {
        Self::Own(None)
    }
}

impl<C: Clock> Alarm<C> {
    /// Sees to it that the waker of `cx` is woken at `deadline`, or somewhat earlier.
    #[inline]
    pub(crate) fn set(&mut self, cx: &mut Context<'_>, now: Instant, deadline: Option<Instant>) {
        match self {
            Self::Own(own) => Armed::set(own, cx, now, deadline),
            Self::Shared(timer) => timer.set(now, deadline),
        }
    }
}

impl<C: Clock> Armed<C> {
    fn set(
        own: &mut Option<Pin<Box<Self>>>,
        cx: &mut Context<'_>,
        now: Instant,
        deadline: Option<Instant>,
    ) {
        let Some(deadline) = deadline else {
            *own = None;
            return;
        };
        let Some(armed) = own else {
            let sleep = C::sleep(deadline);
            let mut armed = Box::pin(Self {
                sleep,
                at: deadline,
                waker: cx.waker().clone(),
            });
            armed.as_mut().poll(cx);
            *own = Some(armed);
            return;
        };
        let still_ahead = now < armed.at && armed.at <= deadline;
        if still_ahead && armed.waker.will_wake(cx.waker()) {
            return;
        }
        let this = armed.as_mut().project();
        if !still_ahead {
            *this.at = deadline;
            C::reset(this.sleep, deadline);
        }
        this.waker.clone_from(cx.waker());
        armed.as_mut().poll(cx);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.project().sleep.poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl<C: Clock> fmt::Debug for Alarm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::Own(own) => own.as_ref().map(|armed| armed.at),
            Self::Shared(timer) => Some(timer.at),
        };
        f.debug_tuple("Alarm").field(&at).finish()
    }
}
