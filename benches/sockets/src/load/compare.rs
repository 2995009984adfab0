//! All comparisons, one after another.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Length, Waiting};
use crate::measure::{Contender, Figures, Rounds, least, side_by_side};
use crate::process::{Cores, is_there};
use crate::report::{Report, Table, heads, machine, verdict};
use crate::rows::{self, Comparison, Row, Work};
use crate::session::{Failure, Outcome};
use crate::{growth, instructions, memory, syscalls};

/// How much is measured.
pub struct Effort {
    pub rounds: Rounds,
    /// Of idle connections.
    pub idle: &'static [usize],
    pub growth: &'static [usize],
}

impl Effort {
    pub const QUICK: Self = Self {
        rounds: Rounds {
            starts: 6,
            count: 12,
            each: Length::For(Duration::from_millis(60)),
            waiting: Waiting::Spins,
        },
        idle: &[2_000],
        growth: &[100, 1_000, 10_000],
    };
    /// For a verdict that a stranger may rely on: a noisy minute must not decide.
    pub const STRICT: Self = Self {
        rounds: Rounds {
            starts: 20,
            count: 40,
            each: Length::For(Duration::from_millis(100)),
            waiting: Waiting::Spins,
        },
        ..Self::FULL
    };
    pub const FULL: Self = Self {
        rounds: Rounds {
            starts: 6,
            count: 12,
            each: Length::For(Duration::from_millis(200)),
            waiting: Waiting::Spins,
        },
        idle: &[10_000, 19_000],
        growth: &[100, 1_000, 5_000, 10_000, 19_000],
    };
}

impl Effort {
    /// The same with a load that waits in this way.
    fn with(&self, waiting: Waiting) -> Self {
        let rounds = Rounds {
            waiting,
            ..self.rounds
        };
        Self { rounds, ..*self }
    }
}

/// What is measured, and where it goes.
pub struct Plan<'a> {
    pub cores: &'a Cores,
    pub effort: &'a Effort,
    filter: &'a [String],
    pub report: Report<'a>,
}

impl Plan<'_> {
    /// Whether somebody asked for it: by its table, or by a part of its name.
    pub fn wants(&self, table: &str, row: &str) -> bool {
        let chosen = |word: &String| match TABLES.contains(&word.as_str()) {
            true => table == word,
            false => row.contains(word.as_str()),
        };
        self.filter.is_empty() || self.filter.iter().any(chosen)
    }

    fn wants_any(&self, table: &Comparison) -> bool {
        table
            .rows
            .iter()
            .any(|row| self.wants(table.key, &name(row)))
    }
}

pub fn all(
    cores: &Cores,
    effort: &Effort,
    waiting: Waiting,
    filter: &[String],
    document: Option<PathBuf>,
) -> Outcome<bool> {
    let report = Report {
        document: document.as_deref(),
    };
    let plan = Plan {
        cores,
        effort: &effort.with(waiting),
        filter,
        report,
    };
    if filter.is_empty() {
        let rounds = effort.rounds.count;
        let text = format!(
            "{}; the least of {rounds} interleaved rounds in six starts of each.\n",
            machine()
        );
        plan.report.text("machine", &text)?;
    }
    for table in [
        &rows::ECHO,
        &rows::RUNTIMES,
        &rows::SOCKJS_WEBSOCKET,
        &rows::SOCKJS_HTTP,
        &rows::BROADCAST,
    ] {
        if plan.wants_any(table) {
            compare(&plan, table)?;
        }
    }
    if plan.wants("syscalls", "T6") {
        count_syscalls(&plan)?;
    }
    if plan.wants("instructions", "instructions") {
        instructions::table(&plan)?;
    }
    if plan.wants("memory", "T14") {
        memory::connections(&plan)?;
    }
    if plan.wants("sessions", "T19") {
        memory::sessions(&plan)?;
    }
    if plan.wants("growth", "growth") {
        growth::table(&plan)?;
    }
    Ok(true)
}

/// Tells whether all limits are kept.
pub fn runtimes(cores: &Cores, waiting: Waiting) -> Outcome<bool> {
    let plan = Plan {
        cores,
        effort: &Effort::STRICT.with(waiting),
        filter: &[],
        report: Report { document: None },
    };
    let ratios = compare(&plan, &rows::RUNTIMES)?;
    Ok(ratios.iter().all(|&ratio| ratio <= RUNTIME_LIMIT))
}

/// Prints a table of processor time, and one of latency; gives back our ratios.
fn compare(plan: &Plan<'_>, comparison: &Comparison) -> Outcome<Vec<f64>> {
    let bound = format!("{}, ns", comparison.bound);
    let ours = format!("{}, ns", comparison.ours);
    let mut head = heads(["", "", &bound, &ours, "ratio", "target", ""]);
    head.extend(heads(comparison.peers.iter().copied()));
    let mut costs = Table {
        key: comparison.key,
        heads: head,
        words: 2,
        rows: Vec::new(),
    };
    let mut head = heads(["p50 / p99 / max, us", comparison.bound, comparison.ours]);
    head.extend(heads(comparison.peers.iter().copied()));
    let mut latencies = Table {
        key: comparison.key,
        heads: head,
        words: 1,
        rows: Vec::new(),
    };
    let mut ratios = Vec::new();
    for row in comparison.rows {
        if !plan.wants(comparison.key, &name(row)) {
            continue;
        }
        eprintln!("{}: {}", comparison.key, name(row));
        let (bound, ours, peers) = figures(plan, row)?;
        let ratio = ours.cpu / bound.cpu;
        ratios.push(ratio);
        let limit = row
            .limit
            .map_or(String::new(), |limit| format!("{limit:.2}"));
        let mut cells = vec![
            row.id.into(),
            row.what.into(),
            format!("{:.0}", bound.cpu),
            format!("{:.0}", ours.cpu),
            format!("**{ratio:.2}**"),
            limit,
            verdict(ratio, row.limit, 2).into(),
        ];
        let peer = |figures: &Option<Figures>| match figures {
            Some(figures) => format!("{:.2}", figures.cpu / bound.cpu),
            None => "-".into(),
        };
        cells.extend(peers.iter().map(peer));
        costs.rows.push(cells);
        let mut cells = vec![row.what.into(), latency(&bound), latency(&ours)];
        let peer = |figures: &Option<Figures>| figures.as_ref().map_or("-".into(), latency);
        cells.extend(peers.iter().map(peer));
        latencies.rows.push(cells);
    }
    plan.report
        .text(costs.key, &format!("{costs}\n{latencies}"))?;
    Ok(ratios)
}

/// The cheapest bound, ours, and the peers.
fn figures(plan: &Plan<'_>, row: &Row) -> Outcome<(Figures, Figures, Vec<Option<Figures>>)> {
    let contenders = row.bounds.iter().chain([&row.ours]).chain(row.peers);
    let contenders: Vec<Contender> = contenders.copied().collect();
    let rounds = plan.effort.rounds;
    let all = match row.work {
        Work::Echo => side_by_side(&contenders, &row.setup, plan.cores, rounds)?,
        Work::Broadcast => {
            let count = row.setup.connections;
            // A round reaches about as many as one of echo.
            let times = (BROADCAST_MESSAGES / count).max(2);
            let start = |contender: &Contender| {
                let mut running = contender.start(&row.setup, plan.cores)?;
                running.wait(plan.effort.rounds.waiting);
                Ok(running)
            };
            least(&contenders, count, rounds, start, |running| {
                running.broadcast(times)
            })?
        }
    };
    let mut all = all.into_iter();
    let bounds = all.by_ref().take(row.bounds.len()).flatten();
    let bound = bounds.min_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let ours = all.next().flatten();
    let (Some(bound), Some(ours)) = (bound, ours) else {
        return Err(Failure::new("a row needs its bound and ours"));
    };
    Ok((bound, ours, all.collect()))
}

fn latency(figures: &Figures) -> String {
    let at = |quantile| figures.latency.value_at_quantile(quantile);
    format!("{} / {} / {}", at(0.5), at(0.99), figures.latency.max())
}

fn count_syscalls(plan: &Plan<'_>) -> Outcome<()> {
    if !syscalls::can_count() {
        eprintln!("syscalls: left out, there is no strace");
        return Ok(());
    }
    let mut head = heads(["C 64, 16 B, calls for a message"]);
    for depth in SYSCALL_DEPTHS {
        for column in ["reads", "of them empty", "writes", "epoll_ctl", "all"] {
            head.push(format!("P {depth}: {column}"));
        }
    }
    let mut table = Table {
        key: "syscalls",
        heads: head,
        words: 1,
        rows: Vec::new(),
    };
    for (label, contender) in rows::SYSCALLS {
        if !is_there(contender.server) {
            continue;
        }
        eprintln!("syscalls: {}", contender.server);
        let mut cells = vec![String::from(*label)];
        for depth in SYSCALL_DEPTHS {
            let mut setup = rows::SYSCALL_SETUP;
            setup.depth = depth;
            let mut running = contender.start(&setup, plan.cores)?;
            let counts = syscalls::count(&mut running, depth, Length::For(SYSCALL_TIME))?;
            for count in [
                counts.reads,
                counts.empty_reads,
                counts.writes,
                counts.interests,
                counts.total(),
            ] {
                cells.push(format!("{count:.3}"));
            }
        }
        table.rows.push(cells);
    }
    plan.report.table(&table)
}

fn name(row: &Row) -> String {
    format!("{} {}", row.id, row.what)
}

/// What a filter may name.
const TABLES: [&str; 10] = [
    "echo",
    "runtimes",
    "sockjs-websocket",
    "sockjs-http",
    "broadcast",
    "syscalls",
    "instructions",
    "memory",
    "sessions",
    "growth",
];
/// What a runtime may cost over a raw echo on it.
const RUNTIME_LIMIT: f64 = 1.25;
const BROADCAST_MESSAGES: usize = 30_000;
const SYSCALL_DEPTHS: [usize; 2] = [1, 16];
const SYSCALL_TIME: Duration = Duration::from_millis(300);
