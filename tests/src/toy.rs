//! A single-threaded executor with a clock that stands still, and a pipe that moves a few bytes at a
//! time: what the adapters must be content with.

use std::collections::VecDeque;
use std::future::{Pending, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use adapter_core::{Clock, Stream};
use smol::io::{AsyncRead, AsyncWrite};
use websocket_proto::Instant;

/// A clock that always shows the same time.
#[derive(Debug)]
pub struct Toy;

impl Clock for Toy {
    type Sleep = Pending<()>;

    fn sleep(_: Instant) -> Pending<()> {
        pending()
    }

    fn now() -> Instant {
        Instant::from_millis(1)
    }
}

/// Runs `tasks`, each only when it was woken, until all are done.
///
/// # Panics
///
/// When none was woken and some are not done: somebody forgot to wake.
pub fn run(tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    let mut tasks: Vec<_> = tasks
        .into_iter()
        .map(|task| (Some(task), Arc::new(Flag(AtomicBool::new(true)))))
        .collect();
    while tasks.iter().any(|(task, _)| task.is_some()) {
        let mut ran = false;
        for (task, flag) in &mut tasks {
            let Some(future) = task else { continue };
            if !flag.0.swap(false, Ordering::AcqRel) {
                continue;
            }
            ran = true;
            let waker = Waker::from(Arc::clone(flag));
            if future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                *task = None;
            }
        }
        assert!(ran, "everybody waits");
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Makes a future and drops it at its `patience`-th poll, again and again, until one gets done before
/// that.
pub async fn impatient<T, F: Future<Output = T>>(
    patience: usize,
    mut make: impl FnMut() -> F,
) -> T {
    loop {
        let mut future = pin!(make());
        let mut polls = 0;
        let done = poll_fn(|cx| {
            polls += 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if polls == patience => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        if let Some(output) = done.await {
            return output;
        }
        pass().await;
    }
}

/// Lets the others have a turn.
pub async fn pass() {
    let mut passed = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut passed, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Two streams, each of which reads what the other writes. `capacity` bytes are under way at most.
pub fn pipe(capacity: usize) -> (End, End) {
    let half = || {
        Arc::new(Mutex::new(Half {
            capacity,
            ..Half::default()
        }))
    };
    let (one, other) = (half(), half());
    (
        End {
            read: Arc::clone(&one),
            write: Arc::clone(&other),
        },
        End {
            read: other,
            write: one,
        },
    )
}

/// One end of a [`pipe`].
#[derive(Debug)]
pub struct End {
    read: Arc<Mutex<Half>>,
    write: Arc<Mutex<Half>>,
}

#[derive(Debug, Default)]
struct Half {
    bytes: VecDeque<u8>,
    capacity: usize,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Half {
    fn end(&mut self) {
        self.ended = true;
        self.reader
            .take()
            .into_iter()
            .chain(self.writer.take())
            .for_each(Waker::wake);
    }
}

impl Stream for End {
    const VECTORED: bool = false;
    const SHORT_READ_MEANS_EMPTY: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut half = self.read.lock().expect("not poisoned");
        if half.bytes.is_empty() {
            half.reader = Some(cx.waker().clone());
            return if half.ended {
                Poll::Ready(Ok(0))
            } else {
                Poll::Pending
            };
        }
        let n = half.bytes.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(half.bytes.drain(..n)) {
            *place = byte;
        }
        half.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(n))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut half = self.write.lock().expect("not poisoned");
        if half.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let n = bytes.len().min(half.capacity - half.bytes.len());
        if n == 0 {
            half.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        half.bytes.extend(&bytes[..n]);
        half.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(n))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.lock().expect("not poisoned").end();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Stream::poll_read(self.get_mut(), cx, buffer)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Stream::poll_write(self.get_mut(), cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Stream::poll_shutdown(self.get_mut(), cx)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for half in [&self.read, &self.write] {
            half.lock().expect("not poisoned").end();
        }
    }
}
