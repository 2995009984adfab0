#![doc = include_str!("../README.md")]

use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use adapter_core::runtime::to_std;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net;
use tokio::runtime::Handle;

pub mod tower;

pub use adapter_core::*;

/// The tokio runtime around the caller.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

/// A server on tokio.
pub type Server = adapter_core::Server<Tokio>;
/// A client on tokio.
pub type Client = adapter_core::Client<Tokio>;

/// Opens a WebSocket with the defaults of [`Client`].
pub async fn connect(url: &str) -> std::result::Result<WebSocket, ConnectError> {
    Client::new().connect(url).await
}

/// Runs `future` on a tokio of its own, with one thread. `#[tokio::main]` gives more.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// A stream of tokio as a [`Stream`]. With `SOCKET` it is a bare socket, which a short read empties.
#[derive(Debug)]
pub struct Io<T, const SOCKET: bool = false>(pub T);

impl<T: AsyncRead + AsyncWrite + Unpin, const SOCKET: bool> Stream for Io<T, SOCKET> {
    // A stream that writes one slice at a time takes the first, as it would get it anyway.
    const VECTORED: bool = true;
    // After such a read tokio waits for the next readiness without asking the kernel.
    const SHORT_READ_MEANS_EMPTY: bool = SOCKET;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Clock for Tokio {
    type Sleep = tokio::time::Sleep;

    fn sleep(deadline: proto::Instant) -> Self::Sleep {
        tokio::time::sleep_until(to_std(deadline).into())
    }

    fn reset(sleep: Pin<&mut Self::Sleep>, deadline: proto::Instant) {
        sleep.reset(to_std(deadline).into());
    }
}

impl Runtime for Tokio {
    type TcpStream = Io<net::TcpStream, true>;
    type TcpListener = Incoming<net::TcpListener>;
    #[cfg(unix)]
    type UnixStream = Io<net::UnixStream, true>;
    #[cfg(unix)]
    type UnixListener = Incoming<net::UnixListener>;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn spawner() -> Spawner {
        let first = Handle::current();
        // With a runtime for each thread, the one that is here is nearer.
        Box::new(move |task| drop(Handle::try_current().as_ref().unwrap_or(&first).spawn(task)))
    }

    fn tcp_listener(listener: std::net::TcpListener) -> Result<Self::TcpListener> {
        net::TcpListener::from_std(listener).map(Incoming)
    }

    #[cfg(unix)]
    fn unix_listener(listener: std::os::unix::net::UnixListener) -> Result<Self::UnixListener> {
        net::UnixListener::from_std(listener).map(Incoming)
    }

    async fn connect(address: SocketAddr) -> Result<Self::TcpStream> {
        let stream = net::TcpStream::connect(address).await?;
        stream.set_nodelay(true).map(|()| Io(stream))
    }

    #[cfg(unix)]
    async fn connect_unix(path: std::path::PathBuf) -> Result<Self::UnixStream> {
        net::UnixStream::connect(path).await.map(Io)
    }

    async fn resolve(host: String, port: u16) -> Result<Vec<SocketAddr>> {
        Ok(net::lookup_host((host, port)).await?.collect())
    }
}

/// A listening socket of tokio.
#[derive(Debug)]
pub struct Incoming<T>(pub T);

impl Listener for Incoming<net::TcpListener> {
    type Stream = Io<net::TcpStream, true>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Self::Stream, Address)>> {
        let (stream, peer) = ready!(self.0.poll_accept(cx))?;
        Poll::Ready(stream.set_nodelay(true).map(|()| (Io(stream), peer.into())))
    }
}

#[cfg(unix)]
impl Listener for Incoming<net::UnixListener> {
    type Stream = Io<net::UnixStream, true>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Self::Stream, Address)>> {
        let (stream, peer) = ready!(self.0.poll_accept(cx))?;
        Poll::Ready(Ok((Io(stream), Address::unix(peer.as_pathname()))))
    }
}
