#![doc = include_str!("../README.md")]

use std::io::Result;
use std::net::{self, SocketAddr};
#[cfg(unix)]
use std::os::unix::net as unix;
use std::pin::Pin;
use std::task::{Context, Poll};

use adapter_core::reactor::{Reactor, Source};
use adapter_core::runtime::to_std;
use async_std::net::ToSocketAddrs;

pub use adapter_core::futures::Io;
pub use adapter_core::*;
pub use async_std::task::block_on;

/// The async-std runtime of this process.
#[derive(Clone, Copy, Debug)]
pub struct AsyncStd;

/// A server on async-std.
pub type Server = adapter_core::Server<AsyncStd>;
/// A client on async-std.
pub type Client = adapter_core::Client<AsyncStd>;

/// Opens a WebSocket by the defaults of a [`Client`] on async-std.
pub async fn connect(url: &str) -> std::result::Result<WebSocket, ConnectError> {
    Client::new().connect(url).await
}

// The sockets and timers of async-std are those of async-io, less what a driver needs: it could not
// wait for a socket without reading it, nor move a timer.

impl Clock for AsyncStd {
    type Sleep = async_io::Timer;

    fn sleep(deadline: proto::Instant) -> async_io::Timer {
        async_io::Timer::at(to_std(deadline))
    }

    fn reset(mut sleep: Pin<&mut async_io::Timer>, deadline: proto::Instant) {
        sleep.set_at(to_std(deadline));
    }
}

type Watched<T> = async_io::Async<T>;

impl Reactor for AsyncStd {
    type Watched<T: Source> = Watched<T>;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(task);
    }

    fn watch<T: Source>(socket: T) -> Result<Watched<T>> {
        Watched::new_nonblocking(socket)
    }

    fn poll_readable<T: Source>(watched: &Watched<T>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        watched.poll_readable(cx)
    }

    fn poll_writable<T: Source>(watched: &Watched<T>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        watched.poll_writable(cx)
    }

    async fn connect(address: SocketAddr) -> Result<Watched<net::TcpStream>> {
        Watched::<net::TcpStream>::connect(address).await
    }

    #[cfg(unix)]
    async fn connect_unix(path: std::path::PathBuf) -> Result<Watched<unix::UnixStream>> {
        Watched::<unix::UnixStream>::connect(path).await
    }

    async fn resolve(host: String, port: u16) -> Result<Vec<SocketAddr>> {
        let addresses = (host.as_str(), port).to_socket_addrs().await?;
        Ok(addresses.collect())
    }
}
