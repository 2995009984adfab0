//! TLS over any stream, by rustls.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::scratch::Scratch;
use crate::{Proxied, Stream, Tls};

/// A [`Stream`] that is encrypted on the way through another one.
///
/// The handshake happens inside the first reads and writes. Ending the sending side sends
/// `close_notify`; a peer that ends the stream without one has cut it, which is an error.
pub struct TlsStream<S> {
    stream: S,
    tls: Box<Connection>,
    /// What was read from `stream` and not taken by `tls` yet, up to `taken`.
    sealed: Vec<u8>,
    taken: usize,
    notified: bool,
}

impl<S: Stream> TlsStream<S> {
    /// The server's side.
    ///
    /// # Errors
    ///
    /// The configuration cannot be used.
    pub fn server(stream: S, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::new(stream, tls.into()))
    }

    /// The client's side of a connection to the server called `host`: a DNS name or an IP address.
    ///
    /// # Errors
    ///
    /// The name is neither, or the configuration cannot be used.
    pub fn client(stream: S, host: &str, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self::new(stream, tls.into()))
    }

    fn new(stream: S, tls: Connection) -> Self {
        Self {
            stream,
            tls: Box::new(tls),
            sealed: Vec::new(),
            taken: 0,
            notified: false,
        }
    }

    /// Opens what was read. Stops early when rustls holds as much opened data as it is willing to.
    fn open(&mut self) -> io::Result<()> {
        while self.taken < self.sealed.len() {
            let n = match self.tls.read_tls(&mut &self.sealed[self.taken..]) {
                Ok(n) => n,
                // Its buffer of opened data is full: the caller takes that first.
                Err(error) if error.kind() == io::ErrorKind::Other => return Ok(()),
                Err(error) => return Err(error),
            };
            self.taken += n;
            self.tls
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        (self.sealed, self.taken) = (Vec::new(), 0);
        Ok(())
    }

    /// Sends what rustls has for the peer.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut raw = Raw {
                stream: &mut self.stream,
                cx,
            };
            match self.tls.write_tls(&mut raw) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads from the stream once.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = Scratch::take();
        let n = ready!(self.stream.poll_read(cx, scratch.bytes()))?;
        if n == 0 {
            // An empty read tells rustls; whether it was announced shows at the next look.
            self.tls.read_tls(&mut io::empty())?;
        }
        self.sealed.extend_from_slice(&scratch.bytes()[..n]);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    const VECTORED: bool = true;
    // One read here is at most one read of the stream, all of it opened.
    const SHORT_READ_MEANS_EMPTY: bool = false;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        loop {
            match self.tls.reader().read(&mut buffer[filled..]) {
                Ok(0) => return Poll::Ready(Ok(filled)),
                Ok(n) => {
                    filled += n;
                    if filled == buffer.len() {
                        return Poll::Ready(Ok(filled));
                    }
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Reported again by the next read, after what came before the cut.
                Err(_) if filled > 0 => return Poll::Ready(Ok(filled)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            if self.taken == self.sealed.len() {
                if filled > 0 {
                    return Poll::Ready(Ok(filled));
                }
                // The handshake and its like answer without being asked; a full socket is the
                // business of the next write.
                let _ = self.poll_send(cx)?;
                ready!(self.poll_fill(cx))?;
            }
            if let Err(error) = self.open() {
                // The peer is told what was wrong, if it still listens.
                let _ = self.poll_send(cx);
                return Poll::Ready(Err(error));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            // rustls takes as much as its own buffer of sealed data allows, and seals it.
            let taken = self.tls.writer().write_vectored(slices)?;
            let sent = self.poll_send(cx)?;
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
            ready!(sent);
            if self.tls.is_handshaking() {
                // Room comes with the peer's part of the handshake, which a read brings.
                return Poll::Pending;
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        self.stream.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.notified {
            self.tls.send_close_notify();
            self.notified = true;
        }
        ready!(self.poll_flush(cx))?;
        self.stream.poll_shutdown(cx)
    }

    fn proxied(&self) -> Option<&Proxied> {
        self.stream.proxied()
    }

    fn tls(&self) -> Option<Tls> {
        if self.tls.is_handshaking() {
            return None;
        }
        let server_name = match &*self.tls {
            Connection::Server(server) => server.server_name().map(Box::from),
            Connection::Client(_) => None,
        };
        let certificates = self.tls.peer_certificates().unwrap_or_default();
        Some(Tls {
            server_name,
            alpn: self.tls.alpn_protocol().map(Box::from),
            peer_certificates: certificates
                .iter()
                .map(|der| Box::from(der.as_ref()))
                .collect(),
        })
    }
}

impl<S: Stream> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// A stream in the shape that rustls writes to.
struct Raw<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

impl<S: Stream> Write for Raw<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(self.stream.poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(self.stream.poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocking<T>(result: Poll<io::Result<T>>) -> io::Result<T> {
    match result {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
