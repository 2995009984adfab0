//! One connection to the server, by hand: none of our machines helps it.

use std::net::SocketAddr;
use std::time::Duration;

use tests::frames::masked;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use crate::{Fallible, PATIENCE};

/// A connection and what of its bytes nobody has looked at yet.
pub(crate) struct Peer {
    tcp: TcpStream,
    seen: Vec<u8>,
    body: Framing,
}

/// What is left of the response under way.
enum Framing {
    Length(usize),
    Chunked,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Fallible<Self> {
        Self::new(timeout(PATIENCE, TcpStream::connect(address)).await??)
    }

    /// With a receive buffer so small that the server soon sees who does not read.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Fallible<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        Self::new(timeout(PATIENCE, socket.connect(address)).await??)
    }

    fn new(tcp: TcpStream) -> Fallible<Self> {
        tcp.set_nodelay(true)?;
        Ok(Self {
            tcp,
            seen: Vec::new(),
            body: Framing::Length(0),
        })
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Fallible<()> {
        Ok(self.tcp.write_all(bytes.as_ref()).await?)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Fallible<()> {
        self.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Fallible<()> {
        self.write(post(path, body)).await
    }

    /// The status of the next response; [`chunk`](Self::chunk) has its body.
    pub(crate) async fn status(&mut self) -> Fallible<u16> {
        let end = loop {
            if let Some(at) = self.seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8(self.seen.drain(..end).collect())?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        self.body = match length {
            Some(length) => Framing::Length(length.parse()?),
            None if head.contains("\r\nTransfer-Encoding: chunked\r\n") => Framing::Chunked,
            None => Framing::Length(0),
        };
        let status = head.get(9..12).ok_or("no status line")?;
        Ok(status.parse()?)
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Fallible<Option<String>> {
        match self.body {
            Framing::Length(0) => Ok(None),
            Framing::Length(length) => {
                self.body = Framing::Length(0);
                Ok(Some(String::from_utf8(self.take(length).await?)?))
            }
            Framing::Chunked => {
                let line = loop {
                    if let Some(at) = self.seen.windows(2).position(|two| two == b"\r\n") {
                        break at;
                    }
                    self.fill().await?;
                };
                let line = String::from_utf8(self.take(line + 2).await?)?;
                let length = usize::from_str_radix(line.trim_end(), 16)?;
                let mut chunk = self.take(length + 2).await?;
                chunk.truncate(length);
                if length == 0 {
                    self.body = Framing::Length(0);
                    return Ok(None);
                }
                Ok(Some(String::from_utf8(chunk)?))
            }
        }
    }

    /// A whole response.
    pub(crate) async fn answer(&mut self) -> Fallible<(u16, String)> {
        let status = self.status().await?;
        let mut body = String::new();
        while let Some(chunk) = self.chunk().await? {
            body += &chunk;
        }
        Ok((status, body))
    }

    /// Asks for a WebSocket and gets it.
    pub(crate) async fn upgrade(&mut self, path: &str) -> Fallible<()> {
        self.write(upgrade(path)).await?;
        match self.status().await? {
            101 => Ok(()),
            status => Err(format!("{path}: {status} instead of a WebSocket").into()),
        }
    }

    /// The first byte and the payload of the next frame; pings are answered meanwhile.
    pub(crate) async fn frame(&mut self) -> Fallible<(u8, Vec<u8>)> {
        loop {
            let head = self.take(2).await?;
            let length = match head[1] {
                127 => return Err("nobody asked for a frame as long as this".into()),
                126 => {
                    let length = self.take(2).await?;
                    usize::from(u16::from_be_bytes([length[0], length[1]]))
                }
                length => usize::from(length),
            };
            let payload = self.take(length).await?;
            if head[0] != PING {
                return Ok((head[0], payload));
            }
            self.write(masked(PONG, &payload)).await?;
        }
    }

    /// Reads until `what` has come.
    pub(crate) async fn until(&mut self, what: &str) -> Fallible<()> {
        let what = what.as_bytes();
        loop {
            if let Some(at) = self.seen.windows(what.len()).position(|part| part == what) {
                self.seen.drain(..at + what.len());
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Writes `bytes` so often, until the server ends the connection: what came until then. `None` when
    /// it has not, in all the time `limit`.
    pub(crate) async fn dribble(
        &mut self,
        bytes: &[u8],
        every: Duration,
        limit: Duration,
    ) -> Option<String> {
        let (mut ticks, limit) = (interval(every), Instant::now() + limit);
        loop {
            tokio::select! {
                read = self.tcp.read_buf(&mut self.seen) => {
                    if !matches!(read, Ok(1..)) {
                        return Some(String::from_utf8_lossy(&self.seen).into_owned());
                    }
                }
                // Whether the connection is still there is learnt by reading.
                _ = ticks.tick() => drop(self.tcp.write_all(bytes).await),
                () = sleep_until(limit) => return None,
            }
        }
    }

    /// Reads to the end of the connection, which comes within `limit`.
    pub(crate) async fn end(&mut self, limit: Duration) -> Fallible<String> {
        let end = self.dribble(b"", limit, limit + PATIENCE).await;
        end.ok_or_else(|| format!("it is still connected after {limit:?}").into())
    }

    /// Writes `bytes` again and again and reads nothing, until the server ends the connection: how much
    /// the system took. The server's patience is `stall` once all buffers are full.
    pub(crate) async fn pour(
        &mut self,
        bytes: &[u8],
        stall: Duration,
        who: &str,
    ) -> Fallible<usize> {
        let mut taken = 0;
        let pouring = async {
            while self.tcp.write_all(bytes).await.is_ok() {
                taken += bytes.len();
                sleep(BREATH).await;
            }
        };
        if timeout(stall + PATIENCE, pouring).await.is_err() {
            return Err(format!("{who} is borne for longer than {stall:?}").into());
        }
        Ok(taken)
    }

    /// Ends with RST.
    pub(crate) fn reset(self) {
        // Should it fail, then because the connection is gone already.
        drop(self.tcp.set_zero_linger());
    }

    async fn take(&mut self, length: usize) -> Fallible<Vec<u8>> {
        while self.seen.len() < length {
            self.fill().await?;
        }
        Ok(self.seen.drain(..length).collect())
    }

    async fn fill(&mut self) -> Fallible<()> {
        match timeout(PATIENCE, self.tcp.read_buf(&mut self.seen)).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(_)) => Err("the server ended the connection".into()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(format!("nothing came for {PATIENCE:?}").into()),
        }
    }
}

/// A request that sends `body`.
pub(crate) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// A request for a WebSocket.
pub(crate) fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
    )
}

/// Of who pours: it is about who does not read, not about the most that two cores can move.
pub(crate) const BREATH: Duration = Duration::from_millis(20);
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
