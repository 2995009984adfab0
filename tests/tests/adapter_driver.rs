//! The driver alone, with a machine that counts and a stream that follows a script.

use std::collections::VecDeque;
use std::future::{Pending, pending};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adapter_core::{Clock, Driver, Stream};
use websocket_proto::{Instant, Machine, Outbox, ReadInterest};

/// Takes `room` bytes at most, and remembers what it was told.
struct Tiny {
    taken: Vec<u8>,
    room: usize,
    interest: ReadInterest,
    eof: bool,
    deadline: Option<Instant>,
    /// What the deadline becomes when something is heard.
    postponed: Option<Instant>,
    timeouts: Vec<Instant>,
    outbox: Outbox,
    direct: Option<Vec<u8>>,
    finished: bool,
}

fn tiny() -> Tiny {
    Tiny {
        taken: Vec::new(),
        room: usize::MAX,
        interest: ReadInterest::Data,
        eof: false,
        deadline: None,
        postponed: None,
        timeouts: Vec::new(),
        outbox: Outbox::new(),
        direct: None,
        finished: false,
    }
}

impl Machine for Tiny {
    fn receive(&mut self, _: Instant, input: &mut [u8]) -> usize {
        let n = input.len().min(self.room);
        self.taken.extend_from_slice(&input[..n]);
        self.room -= n;
        self.deadline = self.postponed.or(self.deadline);
        n
    }

    fn receive_eof(&mut self, _: Instant) {
        assert!(!std::mem::replace(&mut self.eof, true), "told twice");
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.timeouts.push(now);
        self.deadline = self.deadline.filter(|&deadline| deadline > now);
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn read_interest(&self) -> ReadInterest {
        self.interest
    }

    fn is_finished(&self) -> bool {
        self.finished
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        self.direct.as_deref_mut()
    }

    fn direct_filled(&mut self, _: Instant, n: usize) {
        let direct = self.direct.take().expect("asked for");
        self.taken.extend_from_slice(&direct[..n]);
    }
}

/// Gives what the script says; an empty script is pending.
#[derive(Default)]
struct Script {
    reads: VecDeque<io::Result<Vec<u8>>>,
    writes: VecDeque<io::Result<usize>>,
    written: Vec<u8>,
    calls: Vec<&'static str>,
}

#[derive(Clone, Default)]
struct Scripted<const EMPTIES: bool = true>(Arc<Mutex<Script>>);

impl<const EMPTIES: bool> Scripted<EMPTIES> {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().expect("not poisoned")
    }

    fn reading(reads: &[&[u8]]) -> Self {
        let stream = Self::default();
        stream.script().reads = reads.iter().map(|bytes| Ok(bytes.to_vec())).collect();
        stream
    }
}

impl<const EMPTIES: bool> Stream for Scripted<EMPTIES> {
    const VECTORED: bool = true;
    const SHORT_READ_MEANS_EMPTY: bool = EMPTIES;

    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        assert!(!buffer.is_empty());
        let mut script = self.script();
        script.calls.push("read");
        let Some(read) = script.reads.pop_front() else {
            return Poll::Pending;
        };
        Poll::Ready(read.map(|mut bytes| {
            let n = bytes.len().min(buffer.len());
            buffer[..n].copy_from_slice(&bytes[..n]);
            if n < bytes.len() {
                script.reads.push_front(Ok(bytes.split_off(n)));
            }
            n
        }))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!bytes.is_empty());
        let mut script = self.script();
        script.calls.push("write");
        let Some(write) = script.writes.pop_front() else {
            return Poll::Pending;
        };
        Poll::Ready(write.map(|n| {
            let n = n.min(bytes.len());
            script.written.extend_from_slice(&bytes[..n]);
            n
        }))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.script().calls.push("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.script().calls.push("shutdown");
        Poll::Ready(Ok(()))
    }
}

/// Counts what is done to its timers.
struct Counting;
static ARMED: AtomicUsize = AtomicUsize::new(0);
static RESET: AtomicUsize = AtomicUsize::new(0);

impl Clock for Counting {
    type Sleep = Pending<()>;

    fn sleep(_: Instant) -> Pending<()> {
        ARMED.fetch_add(1, Ordering::Relaxed);
        pending()
    }

    fn reset(_: Pin<&mut Pending<()>>, _: Instant) {
        RESET.fetch_add(1, Ordering::Relaxed);
    }
}

/// Feeds `machine` until nothing more comes; how often something came.
fn feed<const E: bool>(
    driver: &mut Driver<Scripted<E>, tests::toy::Toy>,
    machine: &mut Tiny,
) -> usize {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut turns = 0;
    while let Poll::Ready(result) = driver.poll_input(cx, NOW, machine) {
        result.expect("no failure");
        turns += 1;
        assert!(turns < 100, "it spins");
    }
    turns
}

#[test]
fn what_is_not_taken_is_offered_again_before_more_is_read() {
    let stream = Scripted::<true>::reading(&[b"abcdef", b"ghi", b""]);
    let (mut driver, mut machine) = (Driver::new(stream.clone()), tiny());
    machine.room = 2;
    // The read, and one offer that is refused. Then nothing is read however often one asks.
    assert_eq!(feed(&mut driver, &mut machine), 1);
    assert_eq!(feed(&mut driver, &mut machine), 0);
    assert_eq!(
        (machine.taken.as_slice(), stream.script().calls.len()),
        (&b"ab"[..], 1)
    );
    machine.room = 3;
    assert_eq!(feed(&mut driver, &mut machine), 1);
    machine.room = usize::MAX;
    feed(&mut driver, &mut machine);
    assert_eq!(machine.taken, b"abcdefghi");
    assert!(machine.eof);
}

#[test]
fn the_end_is_told_after_the_last_byte() {
    let stream = Scripted::<true>::reading(&[b"abc", b""]);
    let (mut driver, mut machine) = (Driver::new(stream), tiny());
    machine.interest = ReadInterest::Eof;
    feed(&mut driver, &mut machine);
    assert!(machine.taken.is_empty() && !machine.eof);
    machine.interest = ReadInterest::Data;
    feed(&mut driver, &mut machine);
    assert_eq!((machine.taken.as_slice(), machine.eof), (&b"abc"[..], true));
}

#[test]
fn little_is_read_ahead_while_only_the_end_matters_and_nothing_when_nothing_does() {
    let stream = Scripted::<true>::reading(&[&[7; 100_000]]);
    let (mut driver, mut machine) = (Driver::new(stream.clone()), tiny());
    machine.interest = ReadInterest::Nothing;
    assert_eq!(
        (feed(&mut driver, &mut machine), stream.script().calls.len()),
        (0, 0)
    );
    machine.interest = ReadInterest::Eof;
    feed(&mut driver, &mut machine);
    let left: usize = stream.script().reads.iter().flatten().map(Vec::len).sum();
    assert_eq!((100_000 - left, machine.taken.len()), (4096, 0));
    machine.interest = ReadInterest::Data;
    feed(&mut driver, &mut machine);
    assert_eq!(machine.taken.len(), 100_000);
}

#[test]
fn one_read_a_turn_where_a_short_read_empties_and_several_where_not() {
    let reads: &[&[u8]] = &[b"a", b"b", b"c"];
    let (mut driver, mut machine) = (Driver::new(Scripted::<true>::reading(reads)), tiny());
    assert_eq!(feed(&mut driver, &mut machine), 3);
    let (mut driver, mut machine) = (Driver::new(Scripted::<false>::reading(reads)), tiny());
    assert_eq!(feed(&mut driver, &mut machine), 1);
    assert_eq!(machine.taken, b"abc");
}

#[test]
fn a_large_payload_is_read_straight_to_its_place() {
    let (mut driver, mut machine) = (
        Driver::new(Scripted::<true>::reading(&[b"large", b"x"])),
        tiny(),
    );
    machine.direct = Some(vec![0; 10]);
    assert_eq!(feed(&mut driver, &mut machine), 2);
    assert_eq!(machine.taken, b"largex");
}

#[test]
fn writes_go_on_where_they_stopped() {
    let cx = &mut Context::from_waker(Waker::noop());
    let stream = Scripted::<true>::default();
    let (mut driver, mut machine) = (Driver::<_, tests::toy::Toy>::new(stream.clone()), tiny());
    assert!(matches!(
        driver.poll_output(cx, NOW, &mut machine),
        Poll::Ready(Ok(false))
    ));
    machine.outbox.append(b"abcdef");
    stream.script().writes = [Ok(2), Ok(1)].into();
    assert!(driver.poll_output(cx, NOW, &mut machine).is_pending());
    // The machine is told that bytes were left behind.
    assert_eq!(machine.timeouts, [NOW]);
    stream.script().writes = [Ok(100)].into();
    assert!(matches!(
        driver.poll_output(cx, NOW, &mut machine),
        Poll::Ready(Ok(true))
    ));
    assert_eq!(stream.script().written, b"abcdef");
    assert_eq!(
        stream.script().calls,
        ["write", "write", "write", "write", "flush"]
    );
}

#[test]
fn failures_of_the_transport() {
    let cx = &mut Context::from_waker(Waker::noop());
    let stream = Scripted::<true>::default();
    let (mut driver, mut machine) = (Driver::<_, tests::toy::Toy>::new(stream.clone()), tiny());
    machine.outbox.append(b"abc");
    stream.script().writes = [Ok(0)].into();
    let Poll::Ready(Err(error)) = driver.poll_output(cx, NOW, &mut machine) else {
        panic!()
    };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    stream.script().reads = [
        Ok(b"why".to_vec()),
        Err(io::ErrorKind::ConnectionReset.into()),
    ]
    .into();
    driver.salvage(cx, NOW, &mut machine);
    assert_eq!(machine.taken, b"why");
}

#[test]
fn a_timer_that_is_due_fires_after_what_has_come_was_heard() {
    let (mut driver, mut machine) = (Driver::new(Scripted::<true>::reading(&[b"a"])), tiny());
    machine.deadline = Some(NOW);
    assert_eq!(feed(&mut driver, &mut machine), 1);
    assert_eq!(
        (&machine.taken[..], &machine.timeouts[..]),
        (&b"a"[..], &[NOW][..])
    );

    let (mut driver, mut machine) = (Driver::new(Scripted::<true>::default()), tiny());
    machine.deadline = Some(NOW);
    assert_eq!(feed(&mut driver, &mut machine), 1, "nothing to hear");
    assert_eq!(machine.timeouts, [NOW]);
}

#[test]
fn a_peer_that_spoke_in_time_is_heard_also_when_we_look_late() {
    let (mut driver, mut machine) = (Driver::new(Scripted::<true>::reading(&[b"a"])), tiny());
    machine.deadline = Some(NOW);
    machine.postponed = Some(NOW + Duration::from_secs(1));
    assert_eq!(feed(&mut driver, &mut machine), 1);
    assert_eq!(
        (&machine.taken[..], &machine.timeouts[..]),
        (&b"a"[..], &[][..])
    );
}

#[test]
fn the_timer_is_set_when_there_is_a_deadline_and_moved_when_it_came_nearer_or_passed() {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut driver = Driver::<_, Counting>::new(Scripted::<true>::default());
    let at = |seconds| Some(NOW + Duration::from_secs(seconds));
    let now = |seconds| NOW + Duration::from_secs(seconds);
    for (now, deadline, armed, reset) in [
        (now(0), None, 0, 0),
        (now(0), at(10), 1, 0),
        (now(1), at(11), 1, 0), // It moved away: the timer may fire early.
        (now(2), at(5), 1, 1),  // It came nearer.
        (now(5), at(20), 1, 2), // The timer has fired.
        (now(6), None, 1, 2),
        (now(7), at(9), 2, 2), // It was given back meanwhile.
    ] {
        driver.sleep(cx, now, deadline);
        let counts = [&ARMED, &RESET].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [armed, reset], "{now:?} {deadline:?}");
    }
}

#[test]
fn closing_lingers_until_the_peer_ends_but_not_for_ever() {
    let cx = &mut Context::from_waker(Waker::noop());
    let close = |stream: &Scripted| {
        let mut driver = Driver::<_, tests::toy::Toy>::new(stream.clone());
        let first = driver.poll_close(&mut Context::from_waker(Waker::noop()), NOW);
        (driver, first)
    };
    // The peer ends.
    let stream = Scripted::reading(&[b"late", b""]);
    assert_eq!(close(&stream).1, Poll::Ready(()));
    assert_eq!(stream.script().calls, ["shutdown", "read", "read"]);
    // It sends without end.
    let stream = Scripted::reading(&[&[0; 1_000_000]]);
    assert_eq!(close(&stream).1, Poll::Ready(()));
    // It does nothing at all.
    let (mut driver, first) = close(&Scripted::default());
    assert!(first.is_pending());
    assert!(
        driver
            .poll_close(cx, NOW + Duration::from_millis(1999))
            .is_pending()
    );
    assert!(
        driver
            .poll_close(cx, NOW + Duration::from_secs(2))
            .is_ready()
    );
    // It has ended before.
    let stream = Scripted::<true>::reading(&[b""]);
    let (mut driver, mut machine) = (Driver::new(stream.clone()), tiny());
    feed(&mut driver, &mut machine);
    assert!(machine.eof);
    assert!(driver.poll_close(cx, NOW).is_ready());
    assert_eq!(stream.script().calls, ["read", "shutdown"]);
}

const NOW: Instant = Instant::from_millis(1);
