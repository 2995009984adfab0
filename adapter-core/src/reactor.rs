//! Sockets of the system under a reactor that only tells when they are worth trying.
//!
//! A runtime that implements [`Clock`] and [`Reactor`] is a [`Runtime`]: reading, writing and accepting
//! are done here, with no more calls of the system and of the reactor than it takes.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(windows)]
use std::os::windows::io::AsSocket;
#[cfg(unix)]
use std::path::PathBuf;
use std::task::{Context, Poll, ready};

use socket2::SockRef;

use crate::{Address, Clock, Listener, Runtime, Stream};

/// A runtime whose reactor tells when sockets are ready.
///
/// Readiness is news, told once: after `Ready` the socket is tried, and only a try that came away with
/// less than it could have is followed by another question. So a reactor that has to be armed for
/// each answer, as a one-shot epoll, is armed once per wait.
pub trait Reactor: Clock<Sleep: Send> + Send + Sync {
    /// A socket that the reactor watches.
    type Watched<T: Source>: AsRef<T> + Send + 'static;

    /// Watches `socket`, which is in non-blocking mode.
    fn watch<T: Source>(socket: T) -> io::Result<Self::Watched<T>>;

    /// Waits until reading or accepting is worth a try: something has come since the last answer, or may
    /// have. One task asks at a time.
    fn poll_readable<T: Source>(
        socket: &Self::Watched<T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>;

    /// Waits until writing is worth a try, as [`poll_readable`](Self::poll_readable).
    fn poll_writable<T: Source>(
        socket: &Self::Watched<T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>;

    /// Connects to `address`.
    fn connect(
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Watched<TcpStream>>> + Send + 'static;

    /// Connects to the Unix socket at `path`.
    #[cfg(unix)]
    fn connect_unix(
        path: PathBuf,
    ) -> impl Future<Output = io::Result<Self::Watched<UnixStream>>> + Send + 'static;

    /// As [`Runtime::resolve`].
    fn resolve(
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static;

    /// As [`Runtime::spawn`].
    fn spawn(task: impl Future<Output = ()> + Send + 'static);
}

/// What can be watched: a socket of the standard library, or one of your own.
#[cfg(unix)]
pub trait Source: AsFd + Send + Sync + 'static {}
#[cfg(unix)]
impl<T: AsFd + Send + Sync + 'static> Source for T {}

/// What can be watched: a socket of the standard library, or one of your own.
#[cfg(windows)]
pub trait Source: AsSocket + Send + Sync + 'static {}
#[cfg(windows)]
impl<T: AsSocket + Send + Sync + 'static> Source for T {}

/// A watched socket: a [`Stream`] when it is connected, a [`Listener`] when it listens.
pub struct Socket<R: Reactor, T: Source> {
    watched: R::Watched<T>,
    /// Whether a read may bring something that the reactor will not tell again.
    readable: bool,
    reactor: PhantomData<fn() -> R>,
}

// Nothing in it is ever pinned.
impl<R: Reactor, T: Source> Unpin for Socket<R, T> {}

impl<R: Reactor, T: Source> Socket<R, T> {
    /// A socket that is in non-blocking mode.
    pub fn new(watched: R::Watched<T>) -> Self {
        Self {
            watched,
            readable: false,
            reactor: PhantomData,
        }
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.watched.as_ref())
    }

    /// Tries right away: the system has room, as a rule.
    fn poll_writing(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&socket2::Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write(&self.socket()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(R::poll_writable(&self.watched, cx))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    // What the peer said before it broke off is to be had without waiting.
                    self.readable |= result.is_err();
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl<R: Reactor, T: Source> Stream for Socket<R, T> {
    const VECTORED: bool = true;
    const SHORT_READ_MEANS_EMPTY: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if !self.readable {
                ready!(R::poll_readable(&self.watched, cx))?;
                self.readable = true;
            }
            let result = (&*self.socket()).read(buffer);
            match result {
                Ok(n) => {
                    self.readable = n == buffer.len();
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |mut socket| socket.write_vectored(slices))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket().shutdown(Shutdown::Write))
    }
}

/// A [`Source`] that listens: a socket of the standard library, or one of your own.
pub trait Accept: Source {
    /// What it accepts.
    type Stream: Source;

    /// Accepts a connection and turns Nagle's algorithm off.
    fn accept(&self) -> io::Result<(Self::Stream, Address)>;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    fn accept(&self) -> io::Result<(TcpStream, Address)> {
        let (stream, peer) = self.accept()?;
        stream.set_nodelay(true)?;
        Ok((stream, peer.into()))
    }
}

#[cfg(unix)]
impl Accept for UnixListener {
    type Stream = UnixStream;

    fn accept(&self) -> io::Result<(UnixStream, Address)> {
        let (stream, peer) = self.accept()?;
        Ok((stream, Address::unix(peer.as_pathname())))
    }
}

impl<R: Reactor, T: Accept> Listener for Socket<R, T> {
    type Stream = Socket<R, T::Stream>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Address)>> {
        loop {
            match self.watched.as_ref().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(R::poll_readable(&self.watched, cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
                Ok((stream, peer)) => {
                    SockRef::from(&stream).set_nonblocking(true)?;
                    return Poll::Ready(Ok((Socket::new(R::watch(stream)?), peer)));
                }
            }
        }
    }
}

impl<R: Reactor> Runtime for R {
    type TcpStream = Socket<R, TcpStream>;
    type TcpListener = Socket<R, TcpListener>;
    #[cfg(unix)]
    type UnixStream = Socket<R, UnixStream>;
    #[cfg(unix)]
    type UnixListener = Socket<R, UnixListener>;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        <R as Reactor>::spawn(task);
    }

    fn tcp_listener(listener: TcpListener) -> io::Result<Self::TcpListener> {
        R::watch(listener).map(Socket::new)
    }

    #[cfg(unix)]
    fn unix_listener(listener: UnixListener) -> io::Result<Self::UnixListener> {
        R::watch(listener).map(Socket::new)
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::TcpStream> {
        let stream = <R as Reactor>::connect(address).await?;
        stream.as_ref().set_nodelay(true)?;
        Ok(Socket::new(stream))
    }

    #[cfg(unix)]
    async fn connect_unix(path: PathBuf) -> io::Result<Self::UnixStream> {
        <R as Reactor>::connect_unix(path).await.map(Socket::new)
    }

    fn resolve(
        host: String,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        <R as Reactor>::resolve(host, port)
    }
}

impl<R: Reactor, T: Source> fmt::Debug for Socket<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&*self.socket()).finish()
    }
}
