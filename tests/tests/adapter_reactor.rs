//! Sockets under a reactor that is told what to say: they ask it no more often than they must, and the
//! system only when it has something.
#![cfg(unix)]

use std::future::{Pending, pending};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use adapter_core::reactor::{Reactor, Socket, Source};
use adapter_core::{Clock, Stream};
use websocket_proto::Instant;

struct Told;

/// A socket, and how often it will be called ready.
struct Watched<T> {
    socket: T,
    readable: AtomicUsize,
    writable: AtomicUsize,
}

impl<T> AsRef<T> for Watched<T> {
    fn as_ref(&self) -> &T {
        &self.socket
    }
}

fn answer(left: &AtomicUsize) -> Poll<io::Result<()>> {
    let told = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    });
    match told {
        Ok(_) => Poll::Ready(Ok(())),
        Err(_) => Poll::Pending,
    }
}

impl Clock for Told {
    type Sleep = Pending<()>;

    fn sleep(_: Instant) -> Pending<()> {
        pending()
    }
}

impl Reactor for Told {
    type Watched<T: Source> = Watched<T>;

    fn watch<T: Source>(_: T) -> io::Result<Self::Watched<T>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn poll_readable<T: Source>(
        socket: &Self::Watched<T>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        answer(&socket.readable)
    }

    fn poll_writable<T: Source>(
        socket: &Self::Watched<T>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        answer(&socket.writable)
    }

    async fn connect(_: SocketAddr) -> io::Result<Self::Watched<TcpStream>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect_unix(_: PathBuf) -> io::Result<Self::Watched<UnixStream>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(_: String, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
}

/// A socket that is called ready so many times, and its peer.
fn pair(readable: usize, writable: usize) -> (Socket<Told, UnixStream>, UnixStream) {
    let (socket, peer) = UnixStream::pair().expect("a pair");
    socket.set_nonblocking(true).expect("a socket");
    peer.set_nonblocking(true).expect("a socket");
    let watched = Watched {
        socket,
        readable: readable.into(),
        writable: writable.into(),
    };
    (Socket::new(watched), peer)
}

/// What a read gives: `None` when it waits.
fn read(socket: &mut Socket<Told, UnixStream>, room: usize) -> Option<usize> {
    let cx = &mut Context::from_waker(Waker::noop());
    match socket.poll_read(cx, &mut vec![0; room]) {
        Poll::Ready(result) => Some(result.expect("no failure")),
        Poll::Pending => None,
    }
}

#[test]
fn after_a_short_read_it_waits_although_there_would_be_more() {
    let (mut socket, mut peer) = pair(1, 0);
    peer.write_all(b"hello").expect("room");
    assert_eq!(read(&mut socket, 10), Some(5));
    peer.write_all(b"more").expect("room");
    // The reactor has not told of it.
    assert_eq!(read(&mut socket, 10), None);
}

#[test]
fn before_the_first_news_it_does_not_try() {
    let (mut socket, mut peer) = pair(0, 0);
    peer.write_all(b"hello").expect("room");
    assert_eq!(read(&mut socket, 10), None);
}

#[test]
fn after_a_full_read_it_goes_on_without_asking() {
    let (mut socket, mut peer) = pair(1, 0);
    peer.write_all(b"hello, world").expect("room");
    assert_eq!(read(&mut socket, 8), Some(8));
    assert_eq!(read(&mut socket, 8), Some(4));
    assert_eq!(read(&mut socket, 8), None);
}

#[test]
fn false_news_is_survived() {
    let (mut socket, mut peer) = pair(3, 0);
    assert_eq!(read(&mut socket, 8), None);
    peer.write_all(b"late").expect("room");
    assert_eq!(read(&mut socket, 8), None, "all three were used up");
}

#[test]
fn a_write_waits_only_when_there_is_no_room() {
    let (mut socket, mut peer) = pair(0, 1);
    let cx = &mut Context::from_waker(Waker::noop());
    let (mut written, mut waited) = (0, false);
    while !waited {
        match socket.poll_write(cx, &[7; 10_000]) {
            Poll::Ready(result) => written += result.expect("no failure"),
            Poll::Pending => waited = true,
        }
    }
    assert!(written >= 10_000);
    let mut all = Vec::new();
    let _ = peer.read_to_end(&mut all);
    assert_eq!(all.len(), written);
    let slices = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"cd")];
    let Poll::Ready(Ok(4)) = socket.poll_write_vectored(cx, &slices) else {
        panic!("both slices fit")
    };
}

#[test]
fn a_failed_write_makes_what_came_before_readable() {
    let (mut socket, mut peer) = pair(0, 0);
    peer.write_all(b"bye").expect("room");
    drop(peer);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(matches!(
        socket.poll_write(cx, b"hello"),
        Poll::Ready(Err(_))
    ));
    assert_eq!(read(&mut socket, 10), Some(3));
}
