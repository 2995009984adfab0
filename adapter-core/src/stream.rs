//! What the driver needs of a connected stream.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use crate::{Proxied, Tls};

/// A connected, non-blocking stream of bytes.
///
/// The contract is the one of every `poll_` function: `Pending` means that the waker of `cx` will be
/// woken when trying again makes sense, and `Ready` means that nobody will be woken.
///
/// Nothing here asks for `Send`; a server that spawns its connections does.
pub trait Stream: Unpin {
    /// Whether [`poll_write_vectored`](Self::poll_write_vectored) writes several slices with one
    /// call. Without it the driver writes piece by piece.
    const VECTORED: bool;

    /// Whether a read that fills less than its buffer has emptied the stream for now, so that the
    /// answers to what was read go out before the next read.
    ///
    /// True for plain sockets. Such a stream should also know it itself: after a short read
    /// [`poll_read`](Self::poll_read) waits for the next readiness instead of asking the kernel, which
    /// would only say `EAGAIN`. False for streams that hand out what they hold in portions, as TLS
    /// does with its records.
    const SHORT_READ_MEANS_EMPTY: bool;

    /// Reads into `buffer`, which is never empty; `Ok(0)` is the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `bytes`, which are never empty.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `slices` in their order. By default the first of them.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices.iter().find(|slice| !slice.is_empty()) {
            Some(slice) => self.poll_write(cx, slice),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Moves on what the stream itself holds back of written bytes. Plain sockets hold nothing.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Ends the sending side: the peer reads an end of stream after everything written. TLS sends
    /// its `close_notify` first.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What TLS settled, for a stream that is encrypted and past its handshake.
    fn tls(&self) -> Option<Tls> {
        None
    }

    /// What a proxy has told about the connection, once it has: see
    /// [`ProxyListener`](crate::ProxyListener).
    fn proxied(&self) -> Option<&Proxied> {
        None
    }
}

impl<S: Stream + ?Sized> Stream for Box<S>
where
    Self: Unpin,
{
    const VECTORED: bool = S::VECTORED;
    const SHORT_READ_MEANS_EMPTY: bool = S::SHORT_READ_MEANS_EMPTY;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        (**self).poll_read(cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        (**self).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        (**self).poll_write_vectored(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_shutdown(cx)
    }

    fn tls(&self) -> Option<Tls> {
        (**self).tls()
    }

    fn proxied(&self) -> Option<&Proxied> {
        (**self).proxied()
    }
}
