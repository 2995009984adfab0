//! What the engine drives, and what its sessions share.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// One client: a connection, or the two of a SockJS session over HTTP.
pub trait Session {
    /// Its connections, at most [`MOST_WIRES`].
    fn wires(&mut self) -> Vec<&mut Wire>;
    /// Whether messages can be sent.
    fn is_open(&self) -> bool;
    /// Sends so many more messages, as soon as the transport can.
    fn issue(&mut self, count: usize) -> Outcome<()>;
    /// Takes what was read from a connection; tells how many messages came whole.
    fn receive(&mut self, wire: usize, bytes: &[u8]) -> Outcome<usize>;
    /// A connection has room.
    fn writable(&mut self, wire: usize) -> Outcome<()>;
    /// A connection.
    fn wire(&mut self, wire: usize) -> &mut Wire;
}

pub const MOST_WIRES: usize = 2;

pub type Outcome<T> = Result<T, Failure>;

/// The server answered wrong, or not at all: no figure is worth anything then.
#[derive(Debug)]
pub struct Failure(pub String);

impl Failure {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Whose it was.
    pub fn of(self, server: &str) -> Self {
        Self(format!("{server}: {}", self.0))
    }

    /// With the beginning of what came instead.
    pub fn unexpected(what: &str, bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(80)];
        Self(format!("{what}: {:?}", String::from_utf8_lossy(shown)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A connection, and what it did not take yet.
pub struct Wire {
    pub tcp: TcpStream,
    out: Vec<u8>,
    start: usize,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Outcome<Self> {
        let tcp = std::net::TcpStream::connect(address)
            .map_err(|error| Failure(format!("connecting to {address}: {error}")))?;
        tcp.set_nodelay(true)?;
        tcp.set_nonblocking(true)?;
        Ok(Self {
            tcp: TcpStream::from_std(tcp),
            out: Vec::new(),
            start: 0,
        })
    }

    /// Sends, after what was pushed before.
    pub fn push(&mut self, bytes: &[u8]) -> Outcome<()> {
        if self.start < self.out.len() {
            self.out.extend_from_slice(bytes);
            return self.flush();
        }
        let written = self.write(bytes)?;
        if written < bytes.len() {
            self.out.extend_from_slice(&bytes[written..]);
        }
        Ok(())
    }

    pub fn flush(&mut self) -> Outcome<()> {
        while self.start < self.out.len() {
            match self.tcp.write(&self.out[self.start..]) {
                Ok(written) => self.start += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        self.out = Vec::new();
        self.start = 0;
        Ok(())
    }

    /// Whether the socket took all that was pushed.
    pub fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }

    /// Writes what the socket takes, and tells how much that was.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut total = 0;
        while total < bytes.len() {
            match self.tcp.write(&bytes[total..]) {
                Ok(written) => total += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(total)
    }

    /// `None`: there is nothing to read.
    pub fn read(&mut self, buffer: &mut [u8]) -> Outcome<Option<usize>> {
        match self.tcp.read(buffer) {
            Ok(0) => Err(Failure::new("the server ended the connection")),
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
