//! What idle connections and sessions keep resident.

use std::time::{Duration, Instant};

use crate::compare::Plan;
use crate::engine::Load;
use crate::measure::{Contender, Running, Setup, Transport};
use crate::process::{Server, can_open, is_there};
use crate::report::{Table, heads, verdict};
use crate::rows::MEMORY;
use crate::session::Outcome;
use crate::stream::{Script, Stream};
use crate::traffic::{Kind, Ring};

/// Bytes for each connection.
#[derive(Clone, Copy)]
struct Weight {
    opened: f64,
    small: f64,
    large: f64,
    /// Nanoseconds of processor time to accept one, the handshake included.
    accept: f64,
}

/// Connections that only stand there, before and after a message.
pub fn connections(plan: &Plan<'_>) -> Outcome<()> {
    let mut table = Table {
        key: "memory",
        heads: heads([
            "bytes for each connection",
            "connections",
            "after the handshake",
            "after an echo of 125 B",
            "after an echo of 16 KiB",
            "CPU to accept, us",
        ]),
        words: 1,
        rows: Vec::new(),
    };
    let mut verdicts = Table {
        key: "memory",
        heads: heads(["", "", "measured, B", "target, B", ""]),
        words: 2,
        rows: Vec::new(),
    };
    for &count in plan.effort.idle {
        if !can_open(count) {
            eprintln!("memory: {count} connections left out, too few files may be open");
            continue;
        }
        let mut weights = Vec::new();
        for (label, contender) in MEMORY {
            if !is_there(contender.server) {
                continue;
            }
            eprintln!("memory: {}, {count}", contender.server);
            let weight = weigh(plan, *contender, count);
            let weight = weight.map_err(|failure| failure.of(contender.server))?;
            weights.push((contender.server, weight));
            table.rows.push(vec![
                String::from(*label),
                count.to_string(),
                format!("{:.0}", weight.opened),
                format!("{:.0}", weight.small),
                format!("{:.0}", weight.large),
                format!("{:.1}", weight.accept / 1e3),
            ]);
        }
        let of = |name: &str| {
            let mut weights = weights.iter();
            weights.find_map(|(server, weight)| (*server == name).then_some(*weight))
        };
        if let (Some(raw), Some(ours)) = (of("raw-tokio"), of("ours-tokio")) {
            for (what, measured, limit) in [
                ("above the raw task", ours.opened - raw.opened, ABOVE_RAW),
                ("kept of 16 KiB", ours.large - ours.opened, KEPT),
            ] {
                verdicts.rows.push(vec![
                    "T14".into(),
                    format!("{count} connections, {what}"),
                    format!("**{measured:.0}**"),
                    format!("{limit:.0}"),
                    verdict(measured, Some(limit), 0).into(),
                ]);
            }
        }
    }
    plan.report.text(table.key, &format!("{table}\n{verdicts}"))
}

fn weigh(plan: &Plan<'_>, contender: Contender, count: usize) -> Outcome<Weight> {
    let server = Server::start(contender.server, plan.cores, 1)?;
    let rings = [SMALL, LARGE].map(|size| Ring::new(Kind::Binary, size, 1));
    let script = match contender.transport {
        Transport::Tcp => Script::tcp(&rings),
        _ => Script::websocket(&rings),
    };
    let address = server.address;
    let mut load = Load::new()?;
    let open = |load: &mut Load, count| {
        load.open(count, || {
            Ok(Box::new(match contender.transport {
                Transport::Tcp => Stream::tcp(address, &script)?,
                _ => Stream::websocket(address, &script)?,
            }))
        })
    };
    let resident = |server: &Server| {
        server.settle()?;
        server.collect_garbage(contender.server)?;
        server.resident()
    };
    // What the server keeps once is not counted.
    open(&mut load, WARM)?;
    for size in [1, 0] {
        script.change(size);
        load.once_each()?;
    }
    let before = resident(&server)?;
    let cpu = server.cpu()?;
    open(&mut load, count)?;
    server.settle()?;
    let accept = (server.cpu()? - cpu).as_nanos() as f64 / count as f64;
    let opened = resident(&server)?;
    load.once_each()?;
    let small = resident(&server)?;
    script.change(1);
    load.once_each()?;
    let large = resident(&server)?;
    let each = |now: u64| (now as f64 - before as f64) / count as f64;
    // The server ends first: a connection that it sees end would only be work.
    drop(server);
    Ok(Weight {
        opened: each(opened),
        small: each(small),
        large: each(large),
        accept,
    })
}

/// Idle SockJS sessions, above the connection that they stand on.
pub fn sessions(plan: &Plan<'_>) -> Outcome<()> {
    let mut table = Table {
        key: "sessions",
        heads: heads([
            "",
            "bytes for each session",
            "sessions",
            "connection",
            "with session",
            "above it",
            "target",
            "",
            "sockjs-node",
        ]),
        words: 2,
        rows: Vec::new(),
    };
    let count = plan.effort.idle[0];
    for (what, transport, over, server) in [
        (
            "websocket",
            Transport::SockjsWebsocket,
            Transport::Websocket,
            "ours-tokio",
        ),
        (
            "xhr_streaming",
            Transport::IdleStreaming,
            Transport::HttpIdle,
            "ours-sockjs",
        ),
        (
            "xhr, a poll waits",
            Transport::IdlePending,
            Transport::HttpIdle,
            "ours-sockjs",
        ),
        (
            "xhr, between polls",
            Transport::IdleBetween,
            Transport::HttpIdle,
            "ours-sockjs",
        ),
    ] {
        eprintln!("sessions: {what}, {count}");
        let connection = idle(plan, server, over, count)?;
        let session = idle(plan, "ours-sockjs", transport, count)?;
        let above = session - connection;
        let node = if is_there("node-sockjs") {
            format!("{:.0}", idle(plan, "node-sockjs", transport, count)?)
        } else {
            "-".into()
        };
        table.rows.push(vec![
            "T19".into(),
            what.into(),
            count.to_string(),
            format!("{connection:.0}"),
            format!("{session:.0}"),
            format!("**{above:.0}**"),
            format!("{ABOVE_CONNECTION:.0}"),
            verdict(above, Some(ABOVE_CONNECTION), 0).into(),
            node,
        ]);
    }
    plan.report.table(&table)
}

fn idle(plan: &Plan<'_>, name: &str, transport: Transport, count: usize) -> Outcome<f64> {
    let setup = Setup {
        kind: Kind::Text,
        size: SMALL,
        depth: 1,
        connections: WARM,
    };
    let start = Running::start(name, transport, &setup, plan.cores, 1);
    let mut running = start.map_err(|failure| failure.of(name))?;
    let began = Instant::now();
    running.server.collect_garbage(name)?;
    let before = running.server.resident()?;
    running.open(transport, &setup, count)?;
    // A session without a receiver lives five seconds.
    if transport != Transport::IdleBetween {
        running.server.settle()?;
        running.server.collect_garbage(name)?;
    }
    let after = running.server.resident()?;
    if began.elapsed() > Duration::from_secs(5) && transport == Transport::IdleBetween {
        eprintln!("sessions: {name} was too slow, sessions between polls may have ended");
    }
    Ok((after as f64 - before as f64) / count as f64)
}

const SMALL: usize = 125;
const LARGE: usize = 16 * 1024;
const WARM: usize = 64;
const ABOVE_RAW: f64 = 128.0;
const KEPT: f64 = 64.0;
const ABOVE_CONNECTION: f64 = 512.0;
