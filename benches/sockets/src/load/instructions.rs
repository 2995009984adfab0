//! Instructions that a server executes for a message, as callgrind counts them: without the kernel,
//! without noise, the same on every run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::compare::Plan;
use crate::engine::Length;
use crate::measure::{Contender, Running, Setup};
use crate::process::Server;
use crate::report::{Table, heads};
use crate::rows::INSTRUCTIONS;
use crate::session::{Failure, Outcome};
use crate::traffic::Kind;

pub fn table(plan: &Plan<'_>) -> Outcome<()> {
    let valgrind = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !valgrind.is_ok_and(|status| status.success()) {
        eprintln!("instructions: left out, there is no valgrind");
        return Ok(());
    }
    let mut table = Table {
        key: "instructions",
        heads: heads(["16 B, instructions for a message", "P 1", "P 16"]),
        words: 1,
        rows: Vec::new(),
    };
    for (label, contender) in INSTRUCTIONS {
        eprintln!("instructions: {}", contender.server);
        let mut cells = vec![String::from(*label)];
        for depth in [1, 16] {
            // It does not put messages together, as a client of SockJS does.
            if contender.server == "raw-work" && depth > 1 {
                cells.push("-".into());
                continue;
            }
            let count = of_a_message(plan, contender, depth);
            let count = count.map_err(|failure| failure.of(contender.server))?;
            cells.push(format!("{count:.0}"));
        }
        table.rows.push(cells);
    }
    plan.report.table(&table)
}

/// What more messages add: starting and accepting cost the same in both runs.
fn of_a_message(plan: &Plan<'_>, contender: &Contender, depth: usize) -> Outcome<f64> {
    let setup = Setup {
        kind: Kind::Text,
        size: 16,
        depth,
        connections: CONNECTIONS,
    };
    let few = of_all(plan, contender, &setup, FEW)?;
    let many = of_all(plan, contender, &setup, MANY)?;
    let messages = (MANY - FEW) * (depth * CONNECTIONS) as u64;
    Ok((many as f64 - few as f64) / messages as f64)
}

fn of_all(plan: &Plan<'_>, contender: &Contender, setup: &Setup, turns: u64) -> Outcome<u64> {
    let name = format!("sockets-{}.callgrind", std::process::id());
    let counts = std::env::temp_dir().join(name);
    let out = counts.display();
    let tool = format!("valgrind -q --tool=callgrind --callgrind-out-file={out}");
    let server = Server::start_under(&tool, contender.server, plan.cores, 1)?;
    let mut running = Running::with(server, contender.transport, setup)?;
    running.round(setup.depth, Length::Turns(turns))?;
    drop(running); // it writes its counts
    total(&counts)
}

fn total(counts: &Path) -> Outcome<u64> {
    let text = fs::read_to_string(counts)?;
    fs::remove_file(counts)?;
    let mut lines = text.lines();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| Failure::new("callgrind counted nothing"))
}

const CONNECTIONS: usize = 8;
const FEW: u64 = 50;
const MANY: u64 = 250;
