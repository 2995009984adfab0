//! What a seed decides before anything happens.

use std::time::Duration;

use sockjs_proto::{
    Admit, AfterCut, Config, Dialect, SendToClosing, Transport, WebsocketFrames, WebsocketHeartbeat,
};
use websocket_proto::connection::Delivery;
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::http1::Version;
use websocket_proto::{Draft, Drafts, deflate};

use super::random::Random;
use super::wire::{Cut, End, Fault, Terms};

/// A world before it begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Nothing fails, so everybody reaches their aim.
    pub(super) calm: bool,
    pub(super) config: Config,
    pub(super) admit: Admit,
    /// How long the program thinks about an admission, at most, in milliseconds.
    pub(super) thinks: u64,
    /// For how long a server may be busy with something else, in milliseconds.
    pub(super) busy: u64,
    /// How long it takes from a connection to its sessions, at most, in microseconds; zero when they
    /// are on one machine.
    pub(super) hop: u64,
    /// Servers with sessions; behind them comes one without.
    pub(super) servers: usize,
    pub(super) http_mark: usize,
    /// How plain WebSockets hand their messages out, at the server.
    pub(super) delivery: Delivery,
    /// One connection in so many is struck by a fault.
    pub(super) faults: u64,
    pub(super) clients: Vec<Client>,
}

/// A client before it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) kind: Kind,
    pub(super) server: usize,
    pub(super) wants: Wants,
    pub(super) messages: u64,
    /// Between two of them, at most, in milliseconds.
    pub(super) gap: u64,
    pub(super) leaves: Leaves,
    /// Asks twice at once now and then, which no good client does.
    pub(super) doubles: bool,
    /// Begins anew so many times when a session is lost.
    pub(super) attempts: u32,
    pub(super) begins: u64,
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A session over HTTP, received over this transport.
    Browser(Transport, Version),
    /// A session in a WebSocket.
    Socket(Draft, Speaker, Path),
    /// Requests without sessions.
    Http,
}

/// Whose WebSocket a client has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speaker {
    /// This project's.
    Ours,
    /// The few lines of `hand.rs`, which share nothing with it.
    Hand,
}

/// Where a WebSocket goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Path {
    /// To a session.
    Session,
    /// To a service's raw WebSocket.
    Raw,
    /// To the server without sessions.
    Plain,
}

/// What the application does in a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wants {
    /// Answers each message.
    Echo,
    /// Takes its time.
    SlowEcho,
    /// Passes each message on to everybody.
    Room,
    /// Speaks of its own accord, and then closes.
    Ticks,
    /// Speaks much at once.
    Burst,
    /// Closes at once.
    Close,
}

impl Wants {
    const ALL: [Self; 6] = [
        Self::Echo,
        Self::SlowEcho,
        Self::Room,
        Self::Ticks,
        Self::Burst,
        Self::Close,
    ];

    /// The letter that a session's id begins with.
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Echo => 'e',
            Self::SlowEcho => 's',
            Self::Room => 'r',
            Self::Ticks => 't',
            Self::Burst => 'b',
            Self::Close => 'c',
        }
    }
}

/// How a client that has what it wanted goes away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leaves {
    /// Asks the application to close.
    Asks,
    /// Closes.
    Closes,
    /// Drops its connections.
    Aborts,
}

impl Plan {
    pub(super) fn new(random: &mut Random) -> Self {
        let calm = random.one_in(3);
        let mut config = config(random);
        let servers = random.length(1, 2);
        let crowd = random.pick(&[4, 4, 4, 8]);
        let count = random.length(1, crowd);
        let clients = (0..count).map(|_| client(random, servers, calm)).collect();
        let mut plan = Self {
            calm,
            admit: if random.one_in(3) {
                Admit::Ask
            } else {
                Admit::All
            },
            thinks: 300,
            busy: 0,
            hop: random.pick(&[0, 0, 200, 30_000]),
            servers,
            http_mark: random.pick(&[64 * 1024, 64 * 1024, 600]),
            delivery: random.pick(&[Delivery::Whole, Delivery::Streamed]),
            faults: u64::MAX,
            clients,
            config: Config::default(),
        };
        if !calm {
            plan.thinks = random.pick(&[300, 3000, 15_000]);
            plan.busy = random.pick(&[0, 0, 300, 2500]);
            plan.faults = random.pick(&[1, 2, 2, 4]);
            config.max_sessions = random.pick(&[1, 3, 100, 100, 100]);
            config.disconnect_delay = Duration::from_millis(random.pick(&[300, 2000, 5000]));
        }
        plan.config = config;
        plan
    }

    /// How much later than another a frame may travel from its session to the connection.
    pub(super) const fn jitter(&self) -> Duration {
        match self.hop {
            0 => Duration::ZERO,
            hop => Duration::from_micros(2 * hop + 1000 * self.busy),
        }
    }

    /// What the next connection's network is like.
    pub(super) fn terms(&self, random: &mut Random) -> Terms {
        let low = random.between(1, 20_000);
        if self.calm {
            return Terms {
                latency: (low, low + random.between(0, 30_000)),
                buffer: random.magnitude(16 * 1024, 256 * 1024),
                packet: random.magnitude(16, 4096),
            };
        }
        let jitter = random.pick(&[0, 10_000, 200_000]);
        let packet = random.pick(&[8, 8, 8, 64, 64, 64, 1]);
        Terms {
            latency: (low, low + random.between(0, jitter)),
            buffer: random.magnitude(32, 256 * 1024),
            packet: random.magnitude(packet, 4096),
        }
    }

    /// What will happen to it.
    pub(super) fn cut(&self, random: &mut Random) -> Option<Cut> {
        if self.calm || !random.one_in(self.faults) {
            return None;
        }
        let mut reader = random.pick(&[End::Client, End::Server]);
        let fault = match random.between(0, 9) {
            0..=3 => Fault::Reset,
            4..=5 => Fault::Silence(Duration::from_secs(random.between(1, 120))),
            6 => {
                reader = End::Server;
                Fault::HalfClose
            }
            _ => {
                reader = End::Client;
                Fault::Stall(Duration::from_millis(random.between(10, 50_000)))
            }
        };
        let offset = random.magnitude(1, 4000);
        Some(Cut {
            reader,
            offset,
            fault,
        })
    }
}

fn config(random: &mut Random) -> Config {
    let any = random.pick(&Dialect::ALL);
    let dialect = random.pick(&[any, Dialect::Newest]);
    Config {
        prefix: "/s".into(),
        dialect,
        deflate: random.one_in(3).then(|| bounds(random)),
        origins: OriginPolicy::Any,
        drafts: Drafts::ALL,
        response_limit: random.pick(&[1, 300, 4096, 128 * 1024]),
        heartbeat_delay: Duration::from_millis(random.pick(&[1000, 5000, 25_000])),
        disconnect_delay: Duration::from_millis(random.pick(&[2000, 5000])),
        websocket_frames: random.pick(&[WebsocketFrames::Batched, WebsocketFrames::OneMessage]),
        websocket_heartbeat: random
            .pick(&[WebsocketHeartbeat::Ping, WebsocketHeartbeat::PingAndFrame]),
        after_cut: random.pick(&[AfterCut::Interrupted, AfterCut::Open]),
        send_to_closing: random.pick(&[SendToClosing::NotFound, SendToClosing::Accept]),
        outgoing_mark: random.pick(&[100, 2000, 256 * 1024]),
        incoming_mark: random.pick(&[50, 1000, 256 * 1024]),
        incoming_messages: random.pick(&[1, 3, 1024]),
        admission_deadline: Duration::from_secs(5),
        ..Config::default()
    }
}

/// What a client or a server agrees to of permessage-deflate.
pub(super) fn bounds(random: &mut Random) -> deflate::Config {
    deflate::Config {
        server_no_context_takeover: random.one_in(2),
        client_no_context_takeover: random.one_in(2),
        server_max_window_bits: random.pick(&[15, 15, 9]),
        client_max_window_bits: random.pick(&[15, 15, 8]),
    }
}

fn client(random: &mut Random, servers: usize, calm: bool) -> Client {
    let wants = random.pick(&Wants::ALL);
    let kind = match random.between(0, 9) {
        0..=5 => {
            let version = random.pick(&[Version::Http11, Version::Http11, Version::Http10]);
            Kind::Browser(random.pick(&RECEIVERS), version)
        }
        6..=8 => {
            let speaker = random.pick(&[Speaker::Ours, Speaker::Hand]);
            let path = random.pick(&[Path::Session, Path::Session, Path::Raw, Path::Plain]);
            Kind::Socket(random.pick(&Draft::ALL), speaker, path)
        }
        _ => Kind::Http,
    };
    let plain = matches!(kind, Kind::Http | Kind::Socket(_, _, Path::Plain));
    Client {
        kind,
        server: if plain {
            servers
        } else {
            random.length(0, servers - 1)
        },
        wants,
        messages: random.between(0, 6),
        gap: random.pick(&[1, 50, 1500]),
        leaves: random.pick(&[Leaves::Asks, Leaves::Closes, Leaves::Aborts]),
        doubles: !calm && random.one_in(6),
        attempts: if calm { 1 } else { 2 },
        begins: random.between(1, 500),
    }
}

const RECEIVERS: [Transport; 5] = [
    Transport::Xhr,
    Transport::XhrStreaming,
    Transport::EventSource,
    Transport::HtmlFile,
    Transport::Jsonp,
];
