//! The PROXY protocol: a proxy tells first of all whose connection it passes on.

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::{Address, Listener, Stream, Tls, TrustedProxies};

mod header;

use header::{Header, parse};

/// A listener behind proxies that speak the PROXY protocol, version 1 or 2.
///
/// Every connection must begin with such a header, which says where the client is. Connections of
/// others than the trusted are dropped, because whether one begins with a header must not be guessed.
///
/// ```no_run
/// # fn listen<R: adapter_core::Runtime>(tcp: std::net::TcpListener) -> std::io::Result<()> {
/// use adapter_core::{Address, ProxyListener, Server, TrustedProxies};
///
/// let local = Address::from(tcp.local_addr()?);
/// let trusted = TrustedProxies::new(["10.0.0.0/8"]).expect("a network");
/// let listener = ProxyListener::new(R::tcp_listener(tcp)?, trusted);
/// let server = Server::<R>::new().listener(listener, local);
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ProxyListener<L> {
    listener: L,
    trusted: TrustedProxies,
}

impl<L> ProxyListener<L> {
    /// Accepts from `listener` what trusted proxies pass on.
    pub fn new(listener: L, trusted: TrustedProxies) -> Self {
        Self { listener, trusted }
    }
}

impl<L: Listener> Listener for ProxyListener<L> {
    type Stream = ProxyStream<L::Stream>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Address)>> {
        for _ in 0..REFUSALS_PER_POLL {
            let (stream, peer) = ready!(self.listener.poll_accept(cx))?;
            if self.trusted.trusts(&peer) {
                return Poll::Ready(Ok((ProxyStream::new(stream), peer)));
            }
            tracing::debug!(%peer, "not a trusted proxy");
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What a proxy tells about the connection that it passes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxied {
    /// Where the client is.
    pub client: Address,
    /// Where it connected to.
    pub server: Address,
    /// Whether it came to the proxy over TLS, as far as version 2 tells.
    pub secure: bool,
}

/// A stream that begins with a header of the PROXY protocol, which is taken off.
#[derive(Debug)]
pub struct ProxyStream<S> {
    stream: S,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What has come of the header.
    Awaiting(Vec<u8>),
    /// What came behind it in the same read, up to `usize`.
    Told(Option<Box<Proxied>>, Vec<u8>, usize),
}

impl<S: Stream> ProxyStream<S> {
    /// A stream on which nothing was read yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            state: State::Awaiting(Vec::new()),
        }
    }
}

impl<S: Stream> Stream for ProxyStream<S> {
    const VECTORED: bool = S::VECTORED;
    const SHORT_READ_MEANS_EMPTY: bool = S::SHORT_READ_MEANS_EMPTY;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match &mut self.state {
                State::Told(_, rest, taken) if *taken < rest.len() => {
                    let n = buffer.len().min(rest.len() - *taken);
                    buffer[..n].copy_from_slice(&rest[*taken..*taken + n]);
                    *taken += n;
                    if *taken == rest.len() {
                        (*rest, *taken) = (Vec::new(), 0);
                    }
                    return Poll::Ready(Ok(n));
                }
                State::Told(..) => return self.stream.poll_read(cx, buffer),
                State::Awaiting(come) => {
                    let n = ready!(self.stream.poll_read(cx, buffer))?;
                    if n == 0 {
                        return Poll::Ready(if come.is_empty() {
                            Ok(0)
                        } else {
                            Err(io::ErrorKind::UnexpectedEof.into())
                        });
                    }
                    come.extend_from_slice(&buffer[..n]);
                    let parsed = parse(come)
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    if let Some((header, length)) = parsed {
                        let rest = come.split_off(length);
                        let told = match header {
                            Header::Proxied(proxied) => Some(Box::new(proxied)),
                            Header::Local => None,
                        };
                        self.state = State::Told(told, rest, 0);
                    }
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_vectored(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    fn tls(&self) -> Option<Tls> {
        self.stream.tls()
    }

    fn proxied(&self) -> Option<&Proxied> {
        match &self.state {
            State::Told(proxied, ..) => proxied.as_deref(),
            State::Awaiting(_) => None,
        }
    }
}

/// Why a header was refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyError {
    /// The stream begins with something else.
    NoHeader,
    /// It is longer than allowed.
    TooLong,
    /// It does not follow the protocol.
    Malformed,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHeader => "no header of the proxy protocol",
            Self::TooLong => "the header of the proxy protocol is too long",
            Self::Malformed => "the header of the proxy protocol is malformed",
        })
    }
}

impl std::error::Error for ProxyError {}

/// Others have a right to the thread, even from a flood of connections that are dropped.
const REFUSALS_PER_POLL: usize = 64;
