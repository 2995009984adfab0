//! From few connections to many, on one core and on two.

use crate::compare::Plan;
use crate::measure::{Contender, Running, Setup, Transport, least};
use crate::process::can_open;
use crate::report::{Table, heads};
use crate::session::Outcome;
use crate::traffic::Kind;

pub fn table(plan: &Plan<'_>) -> Outcome<()> {
    let mut table = Table {
        key: "growth",
        heads: heads([
            "connections",
            "workers",
            "raw TCP, ns",
            "ours, ns",
            "ratio",
            "ratio to that of the fewest",
            "raw TCP, B",
            "ours, B",
        ]),
        words: 0,
        rows: Vec::new(),
    };
    for workers in [1, 2] {
        let mut fewest = None;
        for &connections in plan.effort.growth {
            if !can_open(connections) {
                eprintln!("growth: {connections} connections left out, too few files may be open");
                continue;
            }
            eprintln!("growth: {connections} connections, {workers} workers");
            let [(raw, raw_bytes), (ours, bytes)] = pair(plan, connections, workers)?;
            let fewest = *fewest.get_or_insert(ours / raw);
            table.rows.push(vec![
                connections.to_string(),
                workers.to_string(),
                format!("{raw:.0}"),
                format!("{ours:.0}"),
                format!("{:.2}", ours / raw),
                format!("{:.2}", ours / raw / fewest),
                format!("{raw_bytes:.0}"),
                format!("{bytes:.0}"),
            ]);
        }
    }
    plan.report.table(&table)
}

/// Processor time for a message and bytes for a connection, of both.
fn pair(plan: &Plan<'_>, connections: usize, workers: usize) -> Outcome<[(f64, f64); 2]> {
    // The least of all starts, as with the processor time.
    let mut bytes = [f64::INFINITY; 2];
    let more = connections - WARM.connections;
    let start = |contender: &Contender| {
        let (name, transport) = (contender.server, contender.transport);
        let mut running = Running::start(name, transport, &WARM, plan.cores, workers)?;
        let before = running.server.resident()?;
        running.open(transport, &WARM, more)?;
        running.server.settle()?;
        let grown = running.server.resident()? as f64 - before as f64;
        let place = usize::from(name == BOTH[1].server);
        bytes[place] = bytes[place].min(grown / more as f64);
        Ok(running)
    };
    let rounds = plan.effort.rounds;
    let round = |running: &mut Running| running.round(1, rounds.each);
    let figures = least(&BOTH, connections, rounds, start, round)?;
    let cpu = |place: usize| {
        figures[place]
            .as_ref()
            .map_or(f64::NAN, |figures| figures.cpu)
    };
    Ok([(cpu(0), bytes[0]), (cpu(1), bytes[1])])
}

const BOTH: [Contender; 2] = [
    Contender {
        server: "raw-tokio",
        transport: Transport::Tcp,
    },
    Contender {
        server: "ours-tokio",
        transport: Transport::Websocket,
    },
];

/// What is opened before bytes are counted.
const WARM: Setup = Setup {
    kind: Kind::Binary,
    size: 125,
    depth: 1,
    connections: 32,
};
