//! The timers of a server's connections: one of the runtime for all of them, since those of runtimes are
//! large.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use websocket_proto::Instant;

use crate::Runtime;
use crate::drain::Drain;

/// Who is to be woken when, and the task that sees to it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Instant, u32)>,
    /// What the task sleeps for. `None` when it is going to look, or when there is none.
    asleep: Option<(Instant, Waker)>,
}

impl Timers {
    /// The next seat whose time has come.
    fn pop(&mut self, now: Instant) -> Option<u32> {
        let first = self.due.first().filter(|(deadline, _)| *deadline <= now);
        let (deadline, seat) = *first?;
        self.due.remove(&(deadline, seat));
        Some(seat)
    }
}

/// A connection's timer, kept by its server.
pub(crate) struct Timer {
    drain: Arc<Drain>,
    seat: u32,
    /// What it is set for. That may have come already.
    pub(crate) at: Instant,
}

impl Timer {
    pub(crate) const fn new(drain: Arc<Drain>, seat: u32) -> Self {
        let at = Instant::FAR;
        Self { drain, seat, at }
    }

    /// Sees to it that the connection is woken at `deadline`, or somewhat earlier: nothing is done for a
    /// deadline that has moved away, or is gone for now as between a request and its response.
    #[inline]
    pub(crate) fn set(&mut self, now: Instant, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            return;
        };
        let early_enough = now < self.at && self.at <= deadline;
        if !early_enough || !self.drain.kept.load(Ordering::Acquire) {
            self.move_to(deadline);
        }
    }

    #[cold]
    fn move_to(&mut self, deadline: Instant) {
        if deadline < Instant::FAR {
            let before = std::mem::replace(&mut self.at, deadline);
            self.drain.set_timer(self.seat, before, deadline);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.at < Instant::FAR {
            let due = &mut self.drain.lock().timers.due;
            due.remove(&(self.at, self.seat));
        }
    }
}

impl Drain {
    /// Connections may have their timers here, as there is a runtime to wait for them.
    pub(crate) fn keep_timers<R: Runtime>(&self) {
        self.keeper
            .get_or_init(|| |drain| R::spawn(Keeper::<R>::new(drain)));
    }

    fn set_timer(self: &Arc<Self>, seat: u32, before: Instant, deadline: Instant) {
        let mut table = self.lock();
        table.timers.due.remove(&(before, seat));
        table.timers.due.insert((deadline, seat));
        let earlier = |(until, _): &mut (Instant, Waker)| deadline < *until;
        let asleep = table.timers.asleep.take_if(earlier);
        let kept = self.kept.swap(true, Ordering::AcqRel);
        drop(table);
        if let Some((_, waker)) = asleep {
            waker.wake();
        }
        if let (false, Some(spawn)) = (kept, self.keeper.get()) {
            spawn(Arc::clone(self));
        }
    }

    /// Wakes whose time has come, and tells when to look again: never, if nobody waits.
    fn tick(&self, cx: &Context<'_>, now: Instant) -> Option<Instant> {
        let mut due = Vec::new();
        let mut table = self.lock();
        while let Some(seat) = table.timers.pop(now) {
            due.extend(table.waker(seat));
        }
        let next = table.timers.due.first().map(|(deadline, _)| *deadline);
        table.timers.asleep = next.map(|next| (next, cx.waker().clone()));
        self.kept.store(next.is_some(), Ordering::Release);
        drop(table);
        due.into_iter().for_each(Waker::wake);
        next
    }

    /// The task was dropped with its runtime. Connections that live on begin another.
    fn abandon(&self) {
        let mut table = self.lock();
        let asleep = table.timers.asleep.take();
        self.kept.store(false, Ordering::Release);
        let waiting = table.timers.due.iter();
        let wakers: Vec<Waker> = waiting.filter_map(|&(_, seat)| table.waker(seat)).collect();
        drop(table);
        drop(asleep);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The task that waits for the timers, as long as there are some.
struct Keeper<R: Runtime> {
    drain: Arc<Drain>,
    sleep: Option<Pin<Box<R::Sleep>>>,
    /// What `sleep` is set for.
    until: Instant,
    done: bool,
}

impl<R: Runtime> Keeper<R> {
    const fn new(drain: Arc<Drain>) -> Self {
        Self {
            drain,
            sleep: None,
            until: Instant::FAR,
            done: false,
        }
    }
}

impl<R: Runtime> Future for Keeper<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        while let Some(next) = this.drain.tick(cx, R::now()) {
            let sleep = this.sleep.get_or_insert_with(|| {
                this.until = next;
                Box::pin(R::sleep(next))
            });
            if std::mem::replace(&mut this.until, next) != next {
                R::reset(sleep.as_mut(), next);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It must not be polled again before it is set anew.
            this.until = Instant::ZERO;
        }
        this.done = true;
        Poll::Ready(())
    }
}

impl<R: Runtime> Drop for Keeper<R> {
    fn drop(&mut self) {
        if !self.done {
            self.drain.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::drain::Seat;

    thread_local!(static SPAWNED: Cell<usize> = const { Cell::new(0) });

    fn drain() -> Arc<Drain> {
        SPAWNED.set(0);
        let drain = Drain::default();
        drain
            .keeper
            .get_or_init(|| |_| SPAWNED.set(SPAWNED.get() + 1));
        Arc::new(drain)
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A task: how often it was woken, and its waker.
    fn task() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), woken.into())
    }

    fn connection(drain: &Arc<Drain>) -> (Seat, Timer, Arc<Woken>) {
        let (woken, waker) = task();
        let mut seat = Seat::take(drain);
        seat.register(&Context::from_waker(&waker));
        let timer = seat.timer().expect("there is a keeper");
        (seat, timer, woken)
    }

    fn times(woken: &Woken) -> usize {
        woken.0.swap(0, Ordering::Relaxed)
    }

    const fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn connections_are_woken_when_their_time_has_come() {
        let drain = drain();
        let (keeper, waker) = task();
        let cx = Context::from_waker(&waker);
        let (_one, mut first, one) = connection(&drain);
        let (two, mut second, other) = connection(&drain);

        first.set(at(0), Some(at(30)));
        assert_eq!(SPAWNED.get(), 1);
        assert_eq!(drain.tick(&cx, at(0)), Some(at(30)));
        second.set(at(1), Some(at(40)));
        assert_eq!(times(&keeper), 0, "it looks soon enough");
        second.set(at(2), Some(at(20)));
        assert_eq!(times(&keeper), 1, "it sleeps too long");
        second.set(at(3), Some(at(50)));
        assert_eq!(
            drain.tick(&cx, at(19)),
            Some(at(20)),
            "the timer may be early"
        );
        assert_eq!((times(&one), times(&other)), (0, 0));

        assert_eq!(drain.tick(&cx, at(20)), Some(at(30)));
        assert_eq!((times(&one), times(&other)), (0, 1));
        second.set(at(20), Some(at(30)));
        assert_eq!(drain.tick(&cx, at(100)), None);
        assert_eq!((times(&one), times(&other)), (1, 1));

        second.set(at(100), Some(at(130)));
        assert_eq!(SPAWNED.get(), 2, "the first had nothing left to wait for");
        first.set(at(100), Some(at(110)));
        first.set(at(101), None);
        drop((second, two));
        assert_eq!(drain.tick(&cx, at(109)), Some(at(110)));
        assert_eq!((times(&one), times(&other)), (0, 0));
        assert_eq!(drain.tick(&cx, at(200)), None);
        assert_eq!((times(&one), times(&other)), (1, 0), "early, at worst");
    }

    #[test]
    fn a_seat_that_is_taken_again_has_no_old_timer() {
        let drain = drain();
        let (_, waker) = task();
        let (seat, mut timer, _) = connection(&drain);
        timer.set(at(0), Some(at(10)));
        drop((timer, seat));
        let (_seat, _timer, next) = connection(&drain);
        assert_eq!(drain.tick(&Context::from_waker(&waker), at(10)), None);
        assert_eq!(times(&next), 0);
    }

    #[test]
    fn another_task_waits_when_the_first_is_lost() {
        let drain = drain();
        let (_seat, mut timer, woken) = connection(&drain);
        timer.set(at(0), Some(at(10)));
        timer.set(at(1), Some(at(20)));
        assert_eq!((SPAWNED.get(), times(&woken)), (1, 0));
        drain.abandon();
        assert_eq!(times(&woken), 1);
        timer.set(at(1), Some(at(20)));
        assert_eq!(SPAWNED.get(), 2);
    }
}
