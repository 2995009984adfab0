//! A hundred clients that do nothing wrong and miss nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tests::frames::masked;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::peer::{Peer, TEXT};

/// The clients, each of which sends numbered messages and waits for the echo of one before the next.
pub(crate) struct Good {
    clients: JoinSet<Fallible<Vec<Sample>>>,
    over: Arc<AtomicBool>,
}

/// When a message was sent, and how long its echo took.
type Sample = (Instant, Duration);

impl Good {
    /// All of them connect.
    pub(crate) async fn arrive(address: SocketAddr) -> Fallible<Self> {
        let mut clients = JoinSet::new();
        let over = Arc::new(AtomicBool::new(false));
        for number in 0..CLIENTS {
            let client = Client::arrive(address, number).await?;
            clients.spawn(client.stay(number, Arc::clone(&over)));
        }
        Ok(Self { clients, over })
    }

    /// All of them leave: what they saw before and during an attack, or an error when one of them
    /// lost anything.
    pub(crate) async fn leave(mut self, began: Instant, ended: Instant) -> Fallible<String> {
        self.over.store(true, Ordering::Relaxed);
        let (mut before, mut during, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(client) = self.clients.join_next().await {
            match client? {
                Ok(samples) => {
                    for (at, latency) in samples {
                        if at < began {
                            before.push(latency);
                        } else if at < ended {
                            during.push(latency);
                        }
                    }
                }
                Err(error) => lost.push(error),
            }
        }
        if let Some(first) = lost.first() {
            return Err(format!("{} good clients lost something: {first}", lost.len()).into());
        }
        let (before, during) = (Latency::of(before)?, Latency::of(during)?);
        if during.p99 > SLOW {
            return Err(format!("the good clients wait too long: {during}").into());
        }
        Ok(format!(
            "{CLIENTS} good clients lost nothing; before: {before}; during: {during}"
        ))
    }
}

/// A quarter of them speaks each.
enum Client {
    Socket(Peer),
    SockJsSocket(Peer),
    /// Its poll is always waiting.
    Polling(Peer, Session),
    Streaming(Stream, Session),
}

impl Client {
    async fn arrive(address: SocketAddr, number: u32) -> Fallible<Self> {
        let mut peer = Peer::connect(address).await?;
        let path = format!("/echo/000/good-{number}");
        match number % 4 {
            0 => {
                peer.upgrade("/ws/echo").await?;
                Ok(Self::Socket(peer))
            }
            1 => {
                peer.upgrade(&format!("{path}/websocket")).await?;
                expect(peer.frame().await?, (TEXT, b"o".to_vec()))?;
                Ok(Self::SockJsSocket(peer))
            }
            2 => {
                let session = Session::new(address, path).await?;
                peer.post(&session.url("xhr"), "").await?;
                expect(peer.answer().await?, (200, "o\n".to_owned()))?;
                peer.post(&session.url("xhr"), "").await?;
                Ok(Self::Polling(peer, session))
            }
            _ => {
                let session = Session::new(address, path).await?;
                let mut stream = Stream::open(peer, &session).await?;
                expect(stream.line(&session).await?, "o\n".to_owned())?;
                Ok(Self::Streaming(stream, session))
            }
        }
    }

    async fn stay(mut self, number: u32, over: Arc<AtomicBool>) -> Fallible<Vec<Sample>> {
        // So that they do not go in step.
        sleep(PAUSE * number / CLIENTS).await;
        let mut samples = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let text = format!("{number}:{}", samples.len());
            let began = Instant::now();
            if let Err(error) = self.exchange(&text).await {
                return Err(format!("the echo of {text}: {error}").into());
            }
            samples.push((began, began.elapsed()));
            sleep(PAUSE).await;
        }
        Ok(samples)
    }

    async fn exchange(&mut self, text: &str) -> Fallible<()> {
        let (sent, told) = (format!("[\"{text}\"]"), format!("a[\"{text}\"]"));
        match self {
            Self::Socket(peer) => {
                peer.write(masked(TEXT, text.as_bytes())).await?;
                expect(peer.frame().await?, (TEXT, text.into()))
            }
            Self::SockJsSocket(peer) => {
                peer.write(masked(TEXT, sent.as_bytes())).await?;
                expect(peer.frame().await?, (TEXT, told.into()))
            }
            Self::Polling(poll, session) => {
                session.send(&sent).await?;
                expect(poll.answer().await?, (200, told + "\n"))?;
                poll.post(&session.url("xhr"), "").await
            }
            Self::Streaming(stream, session) => {
                session.send(&sent).await?;
                expect(stream.line(session).await?, told + "\n")
            }
        }
    }
}

/// A session over HTTP, and the connection for what its client sends.
struct Session {
    path: String,
    sender: Peer,
}

impl Session {
    async fn new(address: SocketAddr, path: String) -> Fallible<Self> {
        let sender = Peer::connect(address).await?;
        Ok(Self { path, sender })
    }

    fn url(&self, transport: &str) -> String {
        format!("{}/{transport}", self.path)
    }

    async fn send(&mut self, body: &str) -> Fallible<()> {
        let url = self.url("xhr_send");
        self.sender.post(&url, body).await?;
        expect(self.sender.answer().await?, (204, String::new()))
    }
}

/// A streaming receiver, which asks for the next response when one is over, and what of it has come
/// but is no whole line yet.
struct Stream {
    peer: Peer,
    unread: String,
}

impl Stream {
    async fn open(peer: Peer, session: &Session) -> Fallible<Self> {
        let unread = String::new();
        let mut stream = Self { peer, unread };
        stream.ask(session).await?;
        Ok(stream)
    }

    async fn ask(&mut self, session: &Session) -> Fallible<()> {
        self.peer.post(&session.url("xhr_streaming"), "").await?;
        expect(self.peer.status().await?, 200)
    }

    /// The next line that is neither heartbeat nor prelude.
    async fn line(&mut self, session: &Session) -> Fallible<String> {
        loop {
            if let Some(at) = self.unread.find('\n') {
                let line: String = self.unread.drain(..=at).collect();
                if !line.starts_with('h') {
                    return Ok(line);
                }
                continue;
            }
            match self.peer.chunk().await? {
                Some(chunk) => self.unread += &chunk,
                None => self.ask(session).await?,
            }
        }
    }
}

fn expect<T: fmt::Debug + PartialEq>(found: T, expected: T) -> Fallible<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found:?} instead of {expected:?}").into())
}

/// How long echoes took.
struct Latency {
    echoes: usize,
    p50: Duration,
    p99: Duration,
    longest: Duration,
}

impl Latency {
    fn of(mut samples: Vec<Duration>) -> Fallible<Self> {
        samples.sort_unstable();
        let at = |part| samples.get(samples.len() * part / 100).copied();
        Ok(Self {
            echoes: samples.len(),
            p50: at(50).ok_or("no echo at all")?,
            p99: at(99).ok_or("no echo at all")?,
            longest: *samples.last().ok_or("no echo at all")?,
        })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            echoes,
            p50,
            p99,
            longest,
        } = self;
        write!(
            f,
            "{echoes} echoes, p50 {p50:.1?}, p99 {p99:.1?}, longest {longest:.1?}"
        )
    }
}

const CLIENTS: u32 = 100;
/// Of a client between one echo and the next message.
const PAUSE: Duration = Duration::from_millis(200);
/// A client that shares two busy cores with thousands of attackers may wait; one that is starved waits
/// longer than this.
const SLOW: Duration = Duration::from_secs(5);
