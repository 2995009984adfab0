//! One suite for every runtime: its tests are functions of an [`Rt`], and [`on_every_runtime!`] runs
//! each of them on all.
//!
//! What a test needs beside the adapter (peers, timers, channels) works on any executor, whichever one is
//! being tested.
//!
//! [`on_every_runtime!`]: crate::on_every_runtime

use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::time::Duration;

use adapter_async_std::AsyncStd;
use adapter_core::{Client, ConnectError, Runtime, Stream, WebSocket};
use adapter_smol::Smol;
use adapter_tokio::Tokio;
use smol::channel::{RecvError, bounded};

/// A runtime under test.
pub trait Rt: Runtime {
    /// How it is called.
    const NAME: &str;

    /// Runs `future` to its end on the runtime.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    /// What an application makes of a TCP connection of the runtime's own type.
    fn own(stream: TcpStream) -> impl Stream + Send + 'static;
}

impl Rt for Tokio {
    const NAME: &str = "tokio";

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }

    fn own(stream: TcpStream) -> impl Stream + Send + 'static {
        stream.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::TcpStream::from_std(stream);
        adapter_tokio::Io::<_>(stream.expect("a socket"))
    }
}

impl Rt for AsyncStd {
    const NAME: &str = "async-std";

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        adapter_async_std::block_on(future)
    }

    fn own(stream: TcpStream) -> impl Stream + Send + 'static {
        adapter_async_std::Io(async_std::net::TcpStream::from(stream))
    }
}

impl Rt for Smol {
    const NAME: &str = "smol";

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        adapter_smol::block_on(future)
    }

    fn own(stream: TcpStream) -> impl Stream + Send + 'static {
        adapter_smol::Io(smol::net::TcpStream::try_from(stream).expect("a socket"))
    }
}

/// Makes three tests of each function, which has a runtime for its parameter and the attributes of a test.
#[macro_export]
macro_rules! on_every_runtime {
    ($($test:ident),+ $(,)?) => {
        $crate::on_every_runtime!(@ on_tokio, adapter_tokio::Tokio, $($test)+);
        $crate::on_every_runtime!(@ on_async_std, adapter_async_std::AsyncStd, $($test)+);
        $crate::on_every_runtime!(@ on_smol, adapter_smol::Smol, $($test)+);
    };
    (@ $name:ident, $runtime:ty, $($test:ident)+) => {
        mod $name {
            $(#[test]
            fn $test() {
                <$runtime as $crate::rt::Rt>::block_on(super::$test::<$runtime>());
            })+
        }
    };
}

/// Opens a WebSocket with the defaults of the runtime's client.
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect<R: Rt>(url: &str) -> Result<WebSocket, ConnectError> {
    Client::<R>::new().connect(url).await
}

/// The output of a task, or an error when it has panicked.
pub type Join<T> = Pin<Box<dyn Future<Output = Result<T, RecvError>> + Send>>;

/// Runs `future` in a task of the runtime.
pub fn spawn<R: Rt, T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Join<T> {
    let (output, outcome) = bounded(1);
    R::spawn(async move {
        let _ = output.send(future.await).await;
    });
    Box::pin(async move { outcome.recv().await })
}

/// Waits.
pub async fn sleep(time: Duration) {
    smol::Timer::after(time).await;
}

/// What `future` comes to within `time`.
pub async fn timeout<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let late = async {
        sleep(time).await;
        None
    };
    smol::future::or(async { Some(future.await) }, late).await
}

/// What `future` comes to; panics after twenty seconds, so that a test cannot hang.
pub async fn soon<F: Future>(future: F) -> F::Output {
    let output = timeout(Duration::from_secs(20), future).await;
    output.expect("it takes no twenty seconds")
}
