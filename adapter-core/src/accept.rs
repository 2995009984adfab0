//! From a listener to connection tasks: the cap, the pauses, the end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::connection::ConnectionTask;
use crate::server::Site;
use crate::{Address, Clock, Listener, Runtime, Stream};

/// Accepts until the server ends. Type-erased: a server has listeners of several kinds.
pub(crate) trait Acceptor: Send {
    /// Ready when there is nothing more to accept, ever.
    fn poll_accepting(&mut self, cx: &mut Context<'_>, site: &Arc<Site>) -> Poll<()>;
}

/// The task of an accept loop. It takes memory for connections where they will most likely run, and has no
/// way to them through other threads.
pub(crate) struct Accepting {
    acceptor: Box<dyn Acceptor>,
    site: Arc<Site>,
}

impl Accepting {
    pub(crate) fn new(acceptor: Box<dyn Acceptor>, site: &Arc<Site>) -> Self {
        site.drain.begin_accepting();
        let site = Arc::clone(site);
        Self { acceptor, site }
    }
}

impl Future for Accepting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.acceptor.poll_accepting(cx, &this.site)
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        // The listener is closed when the server's end is told.
        self.acceptor = Box::new(Nothing);
        self.site.drain.end_accepting();
    }
}

/// Accepts nothing.
struct Nothing;

impl Acceptor for Nothing {
    fn poll_accepting(&mut self, _: &mut Context<'_>, _: &Arc<Site>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// The accept loop of one listener. `secure` turns what it accepts into the stream to serve.
pub(crate) struct AcceptLoop<R: Runtime, L, W> {
    pub(crate) listener: L,
    pub(crate) wrap: W,
    pub(crate) pause: Option<Pin<Box<<R as Clock>::Sleep>>>,
    pub(crate) local: Address,
}

impl<R, L, W, S> Acceptor for AcceptLoop<R, L, W>
where
    R: Runtime,
    L: Listener,
    W: FnMut(L::Stream) -> io::Result<S> + Send,
    S: Stream + Send + 'static,
{
    fn poll_accepting(&mut self, cx: &mut Context<'_>, site: &Arc<Site>) -> Poll<()> {
        // Watching comes before every look at what is watched, so that nothing falls between.
        site.drain.watch(cx);
        for _ in 0..ACCEPTS_PER_POLL {
            if !site.drain.accepts() {
                return Poll::Ready(());
            }
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            if site.drain.open() >= site.max_connections {
                return Poll::Pending;
            }
            match self.listener.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((stream, peer))) => self.begin(stream, peer, site),
                Poll::Ready(Err(error)) => self.failed(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R, L, W, S> AcceptLoop<R, L, W>
where
    R: Runtime,
    L: Listener,
    W: FnMut(L::Stream) -> io::Result<S> + Send,
    S: Stream + Send + 'static,
{
    fn begin(&mut self, stream: L::Stream, peer: Address, site: &Arc<Site>) {
        match (self.wrap)(stream) {
            Ok(stream) => {
                R::spawn(ConnectionTask::<S, R>::accepted(
                    stream,
                    peer,
                    self.local.clone(),
                    site,
                ));
            }
            Err(error) => tracing::warn!(%error, %peer, "a connection could not be served"),
        }
    }

    fn failed(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        // These concern the one connection that was to be accepted (accept(2)).
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
        ) {
            return;
        }
        // The rest is a lack of descriptors or memory, which only time cures.
        tracing::warn!(%error, "accepting pauses");
        self.pause = Some(Box::pin(R::sleep(R::now() + PAUSE)));
    }
}

/// Lets connections have the thread after so many newcomers.
const ACCEPTS_PER_POLL: usize = 64;
/// After an accept that failed for want of descriptors.
const PAUSE: Duration = Duration::from_millis(250);
