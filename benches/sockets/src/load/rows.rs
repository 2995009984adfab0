//! What is compared: see `docs/PERFORMANCE.md`.

use crate::measure::{Contender, Setup, Transport};
use crate::traffic::Kind;

/// A table of ratios.
pub struct Comparison {
    pub key: &'static str,
    pub bound: &'static str,
    pub ours: &'static str,
    pub peers: &'static [&'static str],
    pub rows: &'static [Row],
}

/// One load.
pub struct Row {
    pub id: &'static str,
    pub what: &'static str,
    pub setup: Setup,
    /// The cheapest of them counts.
    pub bounds: &'static [Contender],
    pub ours: Contender,
    /// In the order of the table's heads.
    pub peers: &'static [Contender],
    pub limit: Option<f64>,
    pub work: Work,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Echo,
    /// One sends, all receive.
    Broadcast,
}

const fn load(kind: Kind, size: usize, connections: usize, depth: usize) -> Setup {
    Setup {
        kind,
        size,
        depth,
        connections,
    }
}

const fn by(server: &'static str, transport: Transport) -> Contender {
    Contender { server, transport }
}

const fn ws(server: &'static str) -> Contender {
    by(server, Transport::Websocket)
}

const fn tcp(server: &'static str) -> Contender {
    by(server, Transport::Tcp)
}

const PEERS: &[Contender] = &[
    tcp("raw-tokio-unmasked"),
    ws("ours-tokio-marks"),
    ws("tokio-tungstenite"),
    ws("tokio-tungstenite-4k"),
    ws("tokio-tungstenite-feed"),
    ws("fastwebsockets"),
    ws("tokio-websockets"),
    ws("node-ws"),
];

const fn echo(id: &'static str, what: &'static str, limit: f64, setup: Setup) -> Row {
    Row {
        id,
        what,
        setup,
        bounds: TOKIO,
        ours: ws("ours-tokio"),
        peers: PEERS,
        limit: Some(limit),
        work: Work::Echo,
    }
}

use Kind::{Binary, Text};

pub const ECHO: Comparison = Comparison {
    key: "echo",
    bound: "raw TCP",
    ours: "ours",
    peers: &[
        "raw TCP that unmasks",
        "ours, marks of 256 KiB",
        "tokio-tungstenite",
        "the same, reads of 4 KiB",
        "the same, `feed` and `flush`",
        "fastwebsockets",
        "tokio-websockets",
        "`ws` (node)",
    ],
    rows: &[
        echo("T1", "16 B, C 64, P 1", 1.05, load(Binary, 16, 64, 1)),
        echo("T1", "125 B, C 64, P 1", 1.05, load(Binary, 125, 64, 1)),
        echo("T1", "1 KiB, C 64, P 1", 1.05, load(Binary, 1024, 64, 1)),
        echo("T1", "1 KiB text, C 64, P 1", 1.05, load(Text, 1024, 64, 1)),
        echo("T2", "16 B, C 512, P 1", 1.06, load(Binary, 16, 512, 1)),
        echo("T2", "1 KiB, C 512, P 1", 1.06, load(Binary, 1024, 512, 1)),
        echo("T3", "16 B, C 64, P 16", 1.15, load(Binary, 16, 64, 16)),
        echo("T3", "16 B, C 512, P 16", 1.15, load(Binary, 16, 512, 16)),
        echo(
            "T4",
            "16 KiB, C 64, P 1",
            1.08,
            load(Binary, 16 << 10, 64, 1),
        ),
        echo(
            "T4",
            "16 KiB, C 64, P 16",
            1.35,
            load(Binary, 16 << 10, 64, 16),
        ),
        echo(
            "T5",
            "64 KiB, C 64, P 1",
            1.12,
            load(Binary, 64 << 10, 64, 1),
        ),
        echo(
            "T5",
            "64 KiB, C 1, P 16",
            1.6,
            load(Binary, 64 << 10, 1, 16),
        ),
    ],
};

const ASYNC_STD: &[Contender] = &[tcp("raw-async-std"), tcp("raw-async-std-ready")];
const SMOL: &[Contender] = &[tcp("raw-smol"), tcp("raw-smol-ready")];

const fn runtime(
    id: &'static str,
    what: &'static str,
    limit: f64,
    depth: usize,
    bounds: &'static [Contender],
    ours: &'static str,
    peers: &'static [Contender],
) -> Row {
    Row {
        id,
        what,
        setup: load(Binary, 125, 64, depth),
        bounds,
        ours: ws(ours),
        peers,
        limit: Some(limit),
        work: Work::Echo,
    }
}

const TOKIO: &[Contender] = &[tcp("raw-tokio")];
const ON_TOKIO: &[Contender] = &[ws("tokio-tungstenite")];
const ON_ASYNC_STD: &[Contender] = &[ws("async-tungstenite-async-std")];
const ON_SMOL: &[Contender] = &[ws("async-tungstenite-smol")];

pub const RUNTIMES: Comparison = Comparison {
    key: "runtimes",
    bound: "raw TCP",
    ours: "ours",
    peers: &["tungstenite on it"],
    rows: &[
        runtime("", "tokio, P 1", 1.25, 1, TOKIO, "ours-tokio", ON_TOKIO),
        runtime("", "tokio, P 16", 1.25, 16, TOKIO, "ours-tokio", ON_TOKIO),
        runtime(
            "T7",
            "async-std, P 1",
            1.1,
            1,
            ASYNC_STD,
            "ours-async-std",
            ON_ASYNC_STD,
        ),
        runtime(
            "T7",
            "async-std, P 16",
            1.25,
            16,
            ASYNC_STD,
            "ours-async-std",
            ON_ASYNC_STD,
        ),
        runtime("T7", "smol, P 1", 1.1, 1, SMOL, "ours-smol", ON_SMOL),
        runtime("T7", "smol, P 16", 1.25, 16, SMOL, "ours-smol", ON_SMOL),
    ],
};

const OUR_WEBSOCKET: &[Contender] = &[ws("ours-tokio")];
const NODE_WEBSOCKET: &[Contender] = &[by("node-sockjs", Transport::SockjsWebsocket)];

const fn sockjs_websocket(what: &'static str, size: usize, depth: usize) -> Row {
    Row {
        id: "T17",
        what,
        setup: load(Text, size, 64, depth),
        bounds: OUR_WEBSOCKET,
        ours: by("ours-sockjs", Transport::SockjsWebsocket),
        peers: NODE_WEBSOCKET,
        limit: Some(1.08),
        work: Work::Echo,
    }
}

pub const SOCKJS_WEBSOCKET: Comparison = Comparison {
    key: "sockjs-websocket",
    bound: "our WebSocket",
    ours: "our SockJS over it",
    peers: &["sockjs-node"],
    rows: &[
        sockjs_websocket("32 B, C 64, P 1", 32, 1),
        sockjs_websocket("1 KiB, C 64, P 1", 1024, 1),
        sockjs_websocket("32 B, C 64, P 16", 32, 16),
    ],
};

const WORK_STREAMING: &[Contender] = &[by("raw-work", Transport::WorkStreaming)];
const WORK_POLLING: &[Contender] = &[by("raw-work", Transport::WorkPolling)];
const NODE_STREAMING: &[Contender] = &[by("node-sockjs", Transport::XhrStreaming)];
const NODE_POLLING: &[Contender] = &[by("node-sockjs", Transport::XhrPolling)];

const fn sockjs_http(
    what: &'static str,
    size: usize,
    transport: Transport,
    bounds: &'static [Contender],
    peers: &'static [Contender],
) -> Row {
    Row {
        id: "T18",
        what,
        setup: load(Text, size, 64, 1),
        bounds,
        ours: by("ours-sockjs", transport),
        peers,
        limit: Some(1.3),
        work: Work::Echo,
    }
}

use Transport::{XhrPolling, XhrStreaming};

pub const SOCKJS_HTTP: Comparison = Comparison {
    key: "sockjs-http",
    bound: "its reads and writes",
    ours: "ours",
    peers: &["sockjs-node"],
    rows: &[
        sockjs_http(
            "xhr_streaming, 32 B",
            32,
            XhrStreaming,
            WORK_STREAMING,
            NODE_STREAMING,
        ),
        sockjs_http(
            "xhr_streaming, 1 KiB",
            1024,
            XhrStreaming,
            WORK_STREAMING,
            NODE_STREAMING,
        ),
        sockjs_http("xhr, 32 B", 32, XhrPolling, WORK_POLLING, NODE_POLLING),
        sockjs_http("xhr, 1 KiB", 1024, XhrPolling, WORK_POLLING, NODE_POLLING),
    ],
};

const RAW_BROADCAST: &[Contender] = &[by("raw-broadcast", Transport::TcpChat)];

const fn broadcast(what: &'static str, size: usize, connections: usize) -> Row {
    Row {
        id: "",
        what,
        setup: load(Text, size, connections, 1),
        bounds: RAW_BROADCAST,
        ours: by("ours-chat", Transport::Chat),
        peers: &[],
        limit: Some(1.1),
        work: Work::Broadcast,
    }
}

pub const BROADCAST: Comparison = Comparison {
    key: "broadcast",
    bound: "raw TCP",
    ours: "ours",
    peers: &[],
    rows: &[
        broadcast("64 B to 100 sessions", 64, 100),
        broadcast("64 B to 10 000 sessions", 64, 10_000),
        broadcast("1 KiB to 10 000 sessions", 1024, 10_000),
    ],
};

/// What system calls are counted of, with 16 B.
pub const SYSCALLS: &[(&str, Contender)] = &[
    ("raw TCP, tokio", tcp("raw-tokio")),
    ("**ours, tokio**", ws("ours-tokio")),
    ("tokio-tungstenite", ws("tokio-tungstenite")),
    ("fastwebsockets", ws("fastwebsockets")),
    ("tokio-websockets", ws("tokio-websockets")),
    ("raw TCP, async-std", tcp("raw-async-std")),
    ("the same, waits first", tcp("raw-async-std-ready")),
    ("**ours, async-std**", ws("ours-async-std")),
    (
        "async-tungstenite, async-std",
        ws("async-tungstenite-async-std"),
    ),
    ("raw TCP, smol", tcp("raw-smol")),
    ("the same, waits first", tcp("raw-smol-ready")),
    ("**ours, smol**", ws("ours-smol")),
    ("async-tungstenite, smol", ws("async-tungstenite-smol")),
];

/// Whose idle connections are weighed.
pub const MEMORY: &[(&str, Contender)] = &[
    ("raw TCP, a task for each", tcp("raw-tokio")),
    ("**ours, tokio**", ws("ours-tokio")),
    ("tokio-tungstenite", ws("tokio-tungstenite")),
    (
        "tokio-tungstenite, reads of 4 KiB",
        ws("tokio-tungstenite-4k"),
    ),
    ("fastwebsockets", ws("fastwebsockets")),
    ("tokio-websockets", ws("tokio-websockets")),
    ("`ws` (node)", ws("node-ws")),
    ("raw TCP, smol", tcp("raw-smol")),
    ("**ours, smol**", ws("ours-smol")),
    ("raw TCP, async-std", tcp("raw-async-std")),
    ("**ours, async-std**", ws("ours-async-std")),
];

pub const SYSCALL_SETUP: Setup = load(Binary, 16, 64, 1);

/// Whose instructions are counted.
pub const INSTRUCTIONS: &[(&str, Contender)] = &[
    ("raw TCP, tokio", tcp("raw-tokio")),
    ("**ours, tokio**", ws("ours-tokio")),
    (
        "tokio-tungstenite, reads of 4 KiB",
        ws("tokio-tungstenite-4k"),
    ),
    ("fastwebsockets", ws("fastwebsockets")),
    ("tokio-websockets", ws("tokio-websockets")),
    (
        "**ours, SockJS over it**",
        by("ours-sockjs", Transport::SockjsWebsocket),
    ),
    (
        "the work of xhr_streaming",
        by("raw-work", Transport::WorkStreaming),
    ),
    ("**ours, xhr_streaming**", by("ours-sockjs", XhrStreaming)),
    ("the work of xhr", by("raw-work", Transport::WorkPolling)),
    ("**ours, xhr**", by("ours-sockjs", XhrPolling)),
];
