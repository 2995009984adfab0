//! Bodies of HTTP messages on their way between a handler and its connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

/// The body of a request, read as it arrives.
///
/// What the handler does not read stays with the peer: nothing is taken from the socket ahead, and a
/// client that asked with `Expect: 100-continue` is answered when the body is first asked for. A body
/// longer than the route's [limit](crate::HttpRoute::body_limit) is answered with 413 whatever the handler
/// answers.
pub struct RequestBody(Option<Arc<Mutex<Incoming>>>);

/// What lies between the handler and the connection.
#[derive(Debug, Default)]
struct Incoming {
    chunk: Option<Bytes>,
    end: Option<Result<(), BodyError>>,
    asked: Asked,
    /// Who waits for the chunk.
    reader: Option<Waker>,
    reader_gone: bool,
    /// The connection, when it rests.
    connection: Option<Waker>,
}

/// Whether the handler wants the body at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Asked {
    #[default]
    No,
    /// The connection does not know yet.
    JustNow,
    Yes,
}

impl RequestBody {
    /// A body that ends at once.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// A body to come and the connection's side of it.
    pub(crate) fn channel(limit: u64) -> (Self, IncomingBody) {
        let shared = Arc::default();
        (
            Self(Some(Arc::clone(&shared))),
            IncomingBody { shared, limit },
        )
    }

    /// The next piece, as it arrived; `None` at the end.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The connection ended before the body did.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// The connection ended before the body did, or it is too long.
    pub async fn collect(&mut self) -> Result<Bytes, BodyError> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            whole.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    fn poll_chunk(&self, cx: &Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let Some(shared) = &self.0 else {
            return Poll::Ready(Ok(None));
        };
        let mut incoming = lock(shared);
        let chunk = incoming.chunk.take();
        let next = match (chunk, incoming.end) {
            (Some(chunk), _) => Poll::Ready(Ok(Some(chunk))),
            (None, Some(end)) => Poll::Ready(end.map(|()| None)),
            (None, None) => {
                incoming.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        };
        if incoming.asked == Asked::No {
            incoming.asked = Asked::JustNow;
        }
        // There is room now.
        let connection = incoming.connection.take();
        drop(incoming);
        connection.into_iter().for_each(Waker::wake);
        next
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            let mut incoming = lock(shared);
            incoming.reader_gone = true;
            let connection = incoming.connection.take();
            drop(incoming);
            connection.into_iter().for_each(Waker::wake);
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

/// Why a body could not be read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyError {
    /// The connection ended before the body did: the peer went away, broke the framing, took too
    /// long, or exceeded the limit. It has been answered accordingly.
    Incomplete,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("the connection ended before the body"),
        }
    }
}

impl std::error::Error for BodyError {}

/// The connection's side of a [`RequestBody`].
#[derive(Debug)]
pub(crate) struct IncomingBody {
    shared: Arc<Mutex<Incoming>>,
    limit: u64,
}

impl IncomingBody {
    /// The longest body that is taken.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether the handler has asked for the body since the last look.
    pub(crate) fn take_request(&self) -> bool {
        let mut incoming = lock(&self.shared);
        let just_now = incoming.asked == Asked::JustNow;
        if just_now {
            incoming.asked = Asked::Yes;
        }
        just_now
    }

    /// Whether the handler could take another piece. Pieces come one by one, so that the machine and
    /// then the socket hold the rest.
    pub(crate) fn has_room(&self) -> bool {
        let incoming = lock(&self.shared);
        incoming.chunk.is_none() || incoming.reader_gone
    }

    /// Hands over a piece; returns who waits for it.
    pub(crate) fn put(&self, chunk: Bytes) -> Option<Waker> {
        let mut incoming = lock(&self.shared);
        if !incoming.reader_gone {
            incoming.chunk = Some(chunk);
        }
        incoming.reader.take()
    }

    /// Tells how the body ended; returns who waits for it.
    pub(crate) fn end(&self, end: Result<(), BodyError>) -> Option<Waker> {
        let mut incoming = lock(&self.shared);
        incoming.end.get_or_insert(end);
        incoming.reader.take()
    }

    /// Lets the handler wake the connection from now on, unless it has just asked for something.
    pub(crate) fn try_rest(&self, cx: &Context<'_>) -> bool {
        let mut incoming = lock(&self.shared);
        let rests = incoming.asked != Asked::JustNow;
        incoming.connection = rests.then(|| cx.waker().clone());
        rests
    }
}

/// Writes the body of a response piece by piece; see
/// [`Response::with_writer`](crate::Response::with_writer). The body ends when the writing future
/// does.
#[derive(Debug)]
pub struct BodySender(Arc<Mutex<Outgoing>>);

#[derive(Debug, Default)]
struct Outgoing {
    chunk: Option<Bytes>,
    closed: bool,
    sender: Option<Waker>,
    taker: Option<Waker>,
}

impl BodySender {
    /// Hands `chunk` to the connection; waits until it has taken the one before. Empty chunks are left
    /// out.
    ///
    /// # Errors
    ///
    /// The peer is gone; the chunk comes back.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<(), Bytes> {
        let mut chunk = chunk.into();
        if chunk.is_empty() {
            return Ok(());
        }
        poll_fn(|cx| {
            let mut outgoing = lock(&self.0);
            if outgoing.closed {
                return Poll::Ready(Err(std::mem::take(&mut chunk)));
            }
            if outgoing.chunk.is_some() {
                outgoing.sender = Some(cx.waker().clone());
                return Poll::Pending;
            }
            outgoing.chunk = Some(std::mem::take(&mut chunk));
            let taker = outgoing.taker.take();
            drop(outgoing);
            if let Some(taker) = taker {
                taker.wake();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

/// A future that writes a body, seen as the stream of its pieces.
pub(crate) struct Producer<F> {
    writing: Option<Pin<Box<F>>>,
    outgoing: Arc<Mutex<Outgoing>>,
}

impl<F: Future<Output = ()>> Producer<F> {
    pub(crate) fn new(produce: impl FnOnce(BodySender) -> F) -> Self {
        let outgoing = Arc::default();
        let writing = Some(Box::pin(produce(BodySender(Arc::clone(&outgoing)))));
        Self { writing, outgoing }
    }
}

impl<F: Future<Output = ()>> Stream for Producer<F> {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self
            .writing
            .as_mut()
            .is_some_and(|writing| writing.as_mut().poll(cx).is_ready())
        {
            self.writing = None;
        }
        let mut outgoing = lock(&self.outgoing);
        let Some(chunk) = outgoing.chunk.take() else {
            if self.writing.is_none() {
                return Poll::Ready(None);
            }
            outgoing.taker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let sender = outgoing.sender.take();
        drop(outgoing);
        if let Some(sender) = sender {
            sender.wake();
        }
        Poll::Ready(Some(chunk))
    }
}

impl<F> Drop for Producer<F> {
    fn drop(&mut self) {
        let sender = {
            let mut outgoing = lock(&self.outgoing);
            outgoing.closed = true;
            outgoing.sender.take()
        };
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
