//! Loads servers over loopback and compares what their processes spend. See `benches/sockets/run.sh`.

mod compare;
mod engine;
mod growth;
mod http;
mod instructions;
mod measure;
mod memory;
mod process;
mod report;
mod rows;
mod session;
mod sockjs;
mod stream;
mod syscalls;
mod traffic;
mod websocket;
mod work;
mod xhr;

use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::compare::Effort;
use crate::engine::Waiting;
use crate::measure::{Running, Setup, Transport};
use crate::process::{Cores, Server};
use crate::session::Outcome;
use crate::traffic::Kind;

#[derive(Parser)]
#[command(about = "Loads servers over loopback and compares what their processes spend")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All tables, with few connections and short rounds
    Quick(Selection),
    /// All tables
    Full(Selection),
    /// Each runtime against a raw echo on it; status 1 when one is over the limit
    Runtimes(Strictly),
    /// One server, one load
    Load(One),
}

#[derive(clap::Args)]
struct Selection {
    /// Only tables and rows whose titles contain one of these
    filter: Vec<String>,
    /// Puts the tables into this document, between its marks
    #[arg(long)]
    write: Option<std::path::PathBuf>,
    /// What the load does while nothing comes
    #[arg(long, value_enum, default_value = "spins")]
    load: Waiting,
}

#[derive(clap::Args)]
struct Strictly {
    /// What the load does while nothing comes
    #[arg(long, value_enum, default_value = "spins")]
    load: Waiting,
}

#[derive(clap::Args)]
struct One {
    /// A server of `server`, node-ws or node-sockjs
    #[arg(long, default_value = "ours-tokio")]
    server: String,
    #[arg(long, value_enum, default_value = "websocket")]
    transport: Transport,
    #[arg(long, value_enum, default_value = "binary")]
    kind: Kind,
    /// Sessions
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    /// Messages in flight of each
    #[arg(long, short = 'p', default_value_t = 1)]
    depth: usize,
    /// Bytes of a message
    #[arg(long, short, default_value_t = 16)]
    size: usize,
    /// Seconds of a round
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Instead of a time: so many times the depth for each session
    #[arg(long)]
    turns: Option<u64>,
    /// Instead of an echo: so many messages of the first session, each for all
    #[arg(long)]
    broadcasts: Option<usize>,
    /// Cores of the server, 1 or 2
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// What the load does while nothing comes
    #[arg(long, value_enum, default_value = "spins")]
    load: Waiting,
    /// Counts system calls with strace
    #[arg(long)]
    syscalls: bool,
    /// Starts the server under this program, such as "valgrind --tool=callgrind"
    #[arg(long, default_value = "")]
    under: String,
    /// Says the pid and waits for Enter before the load, so that a profiler can be attached
    #[arg(long)]
    wait: bool,
}

fn main() {
    let done = run(Arguments::parse().command);
    match done {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(failure) => {
            eprintln!("load: {failure}");
            std::process::exit(1);
        }
    }
}

fn run(command: Command) -> Outcome<bool> {
    process::raise_open_files();
    let cores = Cores::split()?;
    match command {
        Command::Quick(selection) => tables(&cores, &Effort::QUICK, selection),
        Command::Full(selection) => tables(&cores, &Effort::FULL, selection),
        Command::Runtimes(strictly) => compare::runtimes(&cores, strictly.load),
        Command::Load(one) => load(&cores, &one),
    }
}

fn tables(cores: &Cores, effort: &Effort, selection: Selection) -> Outcome<bool> {
    let Selection {
        filter,
        write,
        load,
    } = selection;
    compare::all(cores, effort, load, &filter, write)
}

fn load(cores: &Cores, one: &One) -> Outcome<bool> {
    let setup = Setup {
        kind: one.kind,
        size: one.size,
        depth: one.depth,
        connections: one.connections,
    };
    let server = Server::start_under(&one.under, &one.server, cores, one.workers)?;
    let mut running = Running::with(server, one.transport, &setup)?;
    running.wait(one.load);
    if one.wait {
        println!("pid {}, Enter starts the load", running.server.pid());
        std::io::stdin().read_line(&mut String::new())?;
    }
    let length = match one.turns {
        Some(turns) => engine::Length::Turns(turns),
        None => engine::Length::For(Duration::from_secs_f64(one.seconds)),
    };
    let resident = running.server.resident()?;
    for _ in 0..one.rounds {
        if one.syscalls {
            let counts = syscalls::count(&mut running, setup.depth, length)?;
            println!("{counts}");
            continue;
        }
        let (cpu, slice) = match one.broadcasts {
            Some(count) => running.broadcast(count)?,
            None => running.round(setup.depth, length)?,
        };
        println!(
            "{:8.0} ns of CPU per message, {:9.0} messages/s, latency p50 {} us, p99 {} us, max {} us",
            cpu.as_nanos() as f64 / slice.messages as f64,
            slice.messages as f64 / slice.took.as_secs_f64(),
            slice.latency.value_at_quantile(0.5),
            slice.latency.value_at_quantile(0.99),
            slice.latency.max(),
        );
    }
    running.server.settle()?;
    println!(
        "resident {} KiB before, {} KiB after",
        resident / 1024,
        running.server.resident()? / 1024
    );
    Ok(true)
}
