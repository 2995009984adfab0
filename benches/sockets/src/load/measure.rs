//! Contenders side by side: interleaved rounds, of which the cheapest counts.

use std::rc::Rc;
use std::time::Duration;

use clap::ValueEnum;
use hdrhistogram::Histogram;

use crate::engine::{Length, Load, Slice, Waiting, latencies};
use crate::process::{Cores, Server, can_open, is_there};
use crate::session::{MOST_WIRES, Outcome, Session};
use crate::sockjs::{self, OverWebSocket};
use crate::stream::{Script, Stream};
use crate::traffic::{Kind, Ring};
use crate::work::Work;
use crate::xhr::{OverHttp, Receiving};

/// How messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// TCP that echoes
    Tcp,
    /// WebSocket that echoes, at /echo
    Websocket,
    /// SockJS at /echo over a WebSocket
    SockjsWebsocket,
    /// SockJS at /echo, xhr_streaming and xhr_send
    XhrStreaming,
    /// SockJS at /echo, xhr and xhr_send
    XhrPolling,
    /// The socket work of xhr_streaming and xhr_send
    WorkStreaming,
    /// The socket work of xhr and xhr_send
    WorkPolling,
    /// SockJS at /chat over a WebSocket
    Chat,
    /// TCP, with the bytes of the chat
    TcpChat,
    /// An idle connection after a request to /echo
    HttpIdle,
    /// SockJS at /echo: a stream is open
    IdleStreaming,
    /// SockJS at /echo: a poll waits
    IdlePending,
    /// SockJS at /echo: a poll was answered, the next did not come
    IdleBetween,
}

/// What load.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub kind: Kind,
    pub size: usize,
    pub depth: usize,
    pub connections: usize,
}

/// A server under its load.
pub struct Running {
    pub server: Server,
    pub load: Load,
}

impl Running {
    pub fn start(
        name: &str,
        transport: Transport,
        setup: &Setup,
        cores: &Cores,
        workers: usize,
    ) -> Outcome<Self> {
        Self::with(Server::start(name, cores, workers)?, transport, setup)
    }

    /// With a server that was started.
    pub fn with(server: Server, transport: Transport, setup: &Setup) -> Outcome<Self> {
        let load = Load::new()?;
        let mut running = Self { server, load };
        running.open(transport, setup, setup.connections)?;
        running.server.settle()?;
        Ok(running)
    }

    /// How the load waits from now on.
    pub fn wait(&mut self, waiting: Waiting) {
        self.load.waiting = waiting;
    }

    /// So many more sessions.
    pub fn open(&mut self, transport: Transport, setup: &Setup, count: usize) -> Outcome<()> {
        let mut make = maker(&self.server, transport, setup);
        self.load.open(count, &mut *make)
    }

    /// Loads the server for a while: the processor time that it took, and what came back.
    pub fn round(&mut self, depth: usize, length: Length) -> Outcome<(Duration, Slice)> {
        let before = self.server.cpu()?;
        let slice = self.load.run(depth, length)?;
        Ok((self.server.cpu()? - before, slice))
    }

    pub fn broadcast(&mut self, count: usize) -> Outcome<(Duration, Slice)> {
        let before = self.server.cpu()?;
        let slice = self.load.broadcast(count)?;
        Ok((self.server.cpu()? - before, slice))
    }
}

type Maker = Box<dyn FnMut() -> Outcome<Box<dyn Session>>>;

fn maker(server: &Server, transport: Transport, setup: &Setup) -> Maker {
    let address = server.address;
    let sockjs = matches!(
        transport,
        Transport::SockjsWebsocket
            | Transport::XhrStreaming
            | Transport::XhrPolling
            | Transport::Chat
            | Transport::TcpChat
    );
    let kind = if sockjs { Kind::Text } else { setup.kind };
    let ring = Ring::new(kind, setup.size, setup.depth);
    let stream = |script, open: fn(_, &Rc<Script>) -> Outcome<Stream>| -> Maker {
        Box::new(move || Ok(Box::new(open(address, &script)?)))
    };
    let over_websocket = |prefix: &'static str, ring: Rc<Ring>| -> Maker {
        let out = sockjs::script(&ring);
        Box::new(move || Ok(Box::new(OverWebSocket::new(address, prefix, &ring, &out)?)))
    };
    let over_http = |receiving, ring: Rc<Ring>| -> Maker {
        Box::new(move || Ok(Box::new(OverHttp::new(address, "/echo", receiving, &ring)?)))
    };
    let idle = |receiving, ring: Rc<Ring>| -> Maker {
        Box::new(move || {
            Ok(Box::new(OverHttp::idle(
                address, "/echo", receiving, &ring,
            )?))
        })
    };
    let work = |receiving, ring: Rc<Ring>| -> Maker {
        Box::new(move || Ok(Box::new(Work::new(address, receiving, &ring)?)))
    };
    match transport {
        Transport::Tcp => stream(Script::tcp(&[ring]), Stream::tcp),
        Transport::TcpChat => stream(Script::tcp_like_sockjs(&[ring]), Stream::tcp),
        Transport::Websocket => stream(Script::websocket(&[ring]), Stream::websocket),
        Transport::SockjsWebsocket => over_websocket("/echo", ring),
        Transport::Chat => over_websocket("/chat", ring),
        Transport::XhrStreaming => over_http(Receiving::Streaming, ring),
        Transport::XhrPolling => over_http(Receiving::Polling, ring),
        Transport::WorkStreaming => work(Receiving::Streaming, ring),
        Transport::WorkPolling => work(Receiving::Polling, ring),
        Transport::IdleStreaming => idle(Receiving::Streaming, ring),
        Transport::IdlePending => idle(Receiving::Polling, ring),
        Transport::IdleBetween => idle(Receiving::Once, ring),
        Transport::HttpIdle => idle(Receiving::Nothing, ring),
    }
}

/// What is compared in a row.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    pub server: &'static str,
    pub transport: Transport,
}

impl Contender {
    /// Its server on one core, with the sessions of the load.
    pub fn start(&self, setup: &Setup, cores: &Cores) -> Outcome<Running> {
        Running::start(self.server, self.transport, setup, cores, 1)
    }
}

/// What a contender needed.
pub struct Figures {
    /// Nanoseconds of the server's processor time for a message: the least of all rounds.
    pub cpu: f64,
    /// Microseconds, over all rounds but the first.
    pub latency: Histogram<u64>,
}

/// How long is measured.
#[derive(Clone, Copy)]
pub struct Rounds {
    /// How often everybody is started.
    pub starts: usize,
    /// Of all starts together.
    pub count: usize,
    pub each: Length,
    pub waiting: Waiting,
}

/// `None` for what is not installed. A contender that answers wrong ends everything.
pub fn side_by_side(
    contenders: &[Contender],
    setup: &Setup,
    cores: &Cores,
    rounds: Rounds,
) -> Outcome<Vec<Option<Figures>>> {
    let start = |contender: &Contender| {
        let mut running = contender.start(setup, cores)?;
        running.wait(rounds.waiting);
        if compiles(contender.server) {
            running.round(setup.depth, Length::For(WARM_UP))?;
        }
        Ok(running)
    };
    let round = |running: &mut Running| running.round(setup.depth, rounds.each);
    least(contenders, setup.connections, rounds, start, round)
}

/// Rounds of something, interleaved, in several sittings: everybody is started anew for each, since where a
/// process happens to have its memory decides over more than what is measured here. The first round of
/// a sitting warms up.
pub fn least(
    contenders: &[Contender],
    connections: usize,
    rounds: Rounds,
    mut start: impl FnMut(&Contender) -> Outcome<Running>,
    mut round: impl FnMut(&mut Running) -> Outcome<(Duration, Slice)>,
) -> Outcome<Vec<Option<Figures>>> {
    // Without files for all of them, one comes after the other.
    let together = if can_open(connections * contenders.len() * MOST_WIRES) {
        contenders.len()
    } else {
        1
    };
    let mut all = Vec::new();
    for contenders in contenders.chunks(together) {
        let there = |contender: &Contender| is_there(contender.server).then(Figures::default);
        let mut figures: Vec<_> = contenders.iter().map(there).collect();
        for sitting in 0..rounds.starts {
            let mut seats = Vec::new();
            for (contender, figures) in contenders.iter().zip(&mut figures) {
                let late = sitting >= STARTS_COMPILED && compiles(contender.server);
                if let (Some(figures), false) = (figures, late) {
                    let name = contender.server;
                    let running = start(contender).map_err(|failure| failure.of(name))?;
                    seats.push((name, running, figures));
                }
            }
            for number in 0..=rounds.count.div_ceil(rounds.starts) {
                for (name, running, figures) in &mut seats {
                    let (cpu, slice) = round(running).map_err(|failure| failure.of(name))?;
                    if number > 0 {
                        let cpu = cpu.as_nanos() as f64 / slice.messages as f64;
                        figures.cpu = figures.cpu.min(cpu);
                        figures.latency += slice.latency;
                    }
                }
            }
        }
        all.extend(figures);
    }
    Ok(all)
}

/// Whether its code gets faster while it runs.
fn compiles(server: &str) -> bool {
    server.starts_with("node-")
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            cpu: f64::INFINITY,
            latency: latencies(),
        }
    }
}

/// For code that is compiled while it runs.
const WARM_UP: Duration = Duration::from_millis(1500);
/// What has to warm up for long is started less often.
const STARTS_COMPILED: usize = 2;
