#![doc = include_str!("../README.md")]

use std::io::Result;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use adapter_core::reactor::{Reactor, Source};
use adapter_core::runtime::to_std;
use smol::{Async, Executor, Timer};

pub use adapter_core::futures::Io;
pub use adapter_core::*;
pub use smol::block_on;

/// The smol runtime of this process.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

/// A server on smol.
pub type Server = adapter_core::Server<Smol>;
/// A client on smol.
pub type Client = adapter_core::Client<Smol>;

/// Opens a WebSocket by the defaults of a [`Client`] on smol.
pub async fn connect(url: &str) -> std::result::Result<WebSocket, ConnectError> {
    Client::new().connect(url).await
}

static EXECUTOR: OnceLock<&'static Executor<'static>> = OnceLock::new();

/// Makes `executor` run the connections of this process. The first call decides; `false` is the
/// answer to any other.
pub fn spawn_on(executor: &'static Executor<'static>) -> bool {
    EXECUTOR.set(executor).is_ok()
}

impl Clock for Smol {
    type Sleep = Timer;

    fn sleep(deadline: proto::Instant) -> Timer {
        Timer::at(to_std(deadline))
    }

    fn reset(mut timer: Pin<&mut Timer>, deadline: proto::Instant) {
        timer.set_at(to_std(deadline));
    }
}

impl Reactor for Smol {
    type Watched<T: Source> = Async<T>;

    fn watch<T: Source>(socket: T) -> Result<Async<T>> {
        Async::new_nonblocking(socket)
    }

    fn poll_readable<T: Source>(socket: &Async<T>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        socket.poll_readable(cx)
    }

    fn poll_writable<T: Source>(socket: &Async<T>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        socket.poll_writable(cx)
    }

    async fn connect(address: SocketAddr) -> Result<Async<TcpStream>> {
        Async::<TcpStream>::connect(address).await
    }

    #[cfg(unix)]
    async fn connect_unix(path: std::path::PathBuf) -> Result<Async<UnixStream>> {
        Async::<UnixStream>::connect(path).await
    }

    async fn resolve(host: String, port: u16) -> Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        let task = match EXECUTOR.get() {
            Some(executor) => executor.spawn(task),
            None => smol::spawn(task),
        };
        task.detach();
    }
}
