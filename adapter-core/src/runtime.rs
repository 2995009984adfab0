//! What the adapters ask of an async runtime.
//!
//! An adapter is three implementations: [`Clock`] and [`Runtime`] for a type without values, and
//! [`Stream`] for the runtime's sockets. All protocol rules, buffers and timers live above them. A
//! runtime that does not read and write, but tells when sockets are ready, has an easier way:
//! [`Reactor`](crate::reactor::Reactor).
//!
//! A runtime without threads, or whose tasks cannot move between them, implements [`Clock`] alone:
//! that is all a [`Driver`](crate::Driver) and a
//! [`ConnectionTask`](crate::ConnectionTask) need.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use websocket_proto::{Instant, WallClock};

use crate::{Address, Stream};

/// Time: what it is, and how to be woken at some point of it.
pub trait Clock: 'static {
    /// The runtime's timer: a future that is ready once its deadline has passed. One that is late
    /// delays a timeout; it must not be ready early.
    type Sleep: Future;

    /// A timer for `deadline`.
    fn sleep(deadline: Instant) -> Self::Sleep;

    /// Moves the deadline of `sleep`, whether or not the old one has passed. By default it becomes a
    /// new timer.
    fn reset(mut sleep: Pin<&mut Self::Sleep>, deadline: Instant) {
        sleep.set(Self::sleep(deadline));
    }

    /// The time. By default the monotonic clock of the system, counted from its first use.
    fn now() -> Instant {
        now()
    }

    /// The clock on the wall that belongs to [`now`](Self::now), for `Date` fields. By default the system's.
    fn wall() -> WallClock {
        WallClock::new(start().1)
    }
}

/// A runtime with sockets and tasks.
///
/// Everything is an associated function: a runtime has no value of its own, what it needs to know is
/// around the caller, as with `tokio::spawn`.
pub trait Runtime: Clock<Sleep: Send> + Send + Sync {
    /// A TCP connection.
    type TcpStream: Stream + Send + 'static;
    /// A listening TCP socket.
    type TcpListener: Listener<Stream = Self::TcpStream>;
    /// A connection through a Unix socket.
    #[cfg(unix)]
    type UnixStream: Stream + Send + 'static;
    /// A listening Unix socket.
    #[cfg(unix)]
    type UnixListener: Listener<Stream = Self::UnixStream>;

    /// Runs `task` to its end beside the caller. The wakers that it polls it with wake it for as long as it
    /// lives.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// A [`spawn`](Self::spawn) that works on every thread, also those that the runtime does not
    /// know. It is asked for where `spawn` works; a runtime whose `spawn` works anywhere has nothing to
    /// add.
    fn spawner() -> Spawner {
        Box::new(|task| Self::spawn(task))
    }

    /// Takes over a bound socket in non-blocking mode.
    fn tcp_listener(listener: std::net::TcpListener) -> io::Result<Self::TcpListener>;

    /// Takes over a bound socket in non-blocking mode.
    #[cfg(unix)]
    fn unix_listener(listener: std::os::unix::net::UnixListener) -> io::Result<Self::UnixListener>;

    /// Connects to `address` and turns Nagle's algorithm off.
    fn connect(
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static;

    /// Connects to the Unix socket at `path`.
    #[cfg(unix)]
    fn connect_unix(
        path: std::path::PathBuf,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send + 'static;

    /// The addresses of `host`, in the order to try them. It must not block the caller's thread.
    fn resolve(
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static;
}

/// Runs a task to its end on some runtime: see [`Runtime::spawner`].
pub type Spawner = Box<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// A socket that listens, of a runtime or your own.
pub trait Listener: Send + 'static {
    /// What it accepts.
    type Stream: Stream + Send + 'static;

    /// Waits for the next connection, with Nagle's algorithm off. Being asked again after `Ready`,
    /// also after an error, is normal.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Address)>>;
}

/// The time since the first call in this process, by the system's monotonic clock.
pub fn now() -> Instant {
    Instant::ZERO + start().0.elapsed()
}

/// The point in the system's own terms, for timers of runtimes that think in those.
pub fn to_std(instant: Instant) -> std::time::Instant {
    let start = start().0;
    start
        .checked_add(instant - Instant::ZERO)
        .unwrap_or_else(|| start + FAR)
}

fn start() -> &'static (std::time::Instant, u64) {
    static START: OnceLock<(std::time::Instant, u64)> = OnceLock::new();
    START.get_or_init(|| {
        let unix = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default();
        (std::time::Instant::now(), unix.as_secs())
    })
}

/// About thirty years: far enough for any timer, near enough for every system's arithmetic.
const FAR: std::time::Duration = std::time::Duration::from_secs(1_000_000_000);
