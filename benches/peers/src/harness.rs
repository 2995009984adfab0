//! Timing and tables.

use std::time::{Duration, Instant};

/// One of those that are compared.
pub struct Contender {
    name: &'static str,
    /// Does the thing at least so many times; tells how often.
    run: Box<dyn FnMut(usize) -> usize>,
}

impl Contender {
    pub fn new(name: &'static str, mut run: impl FnMut(usize) + 'static) -> Self {
        Self::at_least(name, move |times| {
            run(times);
            times
        })
    }

    /// For what cannot stop anywhere: a read brings all its messages.
    pub fn at_least(name: &'static str, run: impl FnMut(usize) -> usize + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// One comparison: a row for each contender, a column for each size.
pub struct Table {
    pub title: String,
    /// Contenders are found by their place: the same ones in each column.
    pub columns: Vec<Column>,
    pub targets: Vec<Target>,
}

/// What is compared at one size, made when it is wanted.
pub struct Column {
    pub head: String,
    pub contenders: Box<dyn FnOnce() -> Vec<Contender>>,
}

/// What one row is to reach, in some columns.
pub struct Target {
    pub row: &'static str,
    /// Of the columns whose head is one of these; of all when empty.
    pub columns: &'static [&'static str],
    pub goal: Goal,
}

#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// At most so many times what that row takes.
    TimesOf(&'static str, f64),
    /// At most so many times what the fastest row takes that is no bound and not ours.
    TimesOfFastest(f64),
    /// At least this part of that row's speed.
    SpeedOf(&'static str, f64),
}

impl Table {
    fn is_wanted(&self, words: &[String]) -> bool {
        words.is_empty() || words.iter().any(|word| self.title.contains(word.as_str()))
    }

    /// Measures and prints.
    pub fn print(self) {
        println!("## {}\n", self.title);
        let (mut heads, mut names, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for column in self.columns {
            let contenders = (column.contenders)();
            heads.push(column.head);
            names = contenders.iter().map(|contender| contender.name).collect();
            results.push(measure(contenders));
        }
        println!("| | {} |", heads.join(" | "));
        println!("|---|{}", "---:|".repeat(heads.len()));
        for (row, name) in names.iter().enumerate() {
            let cells: Vec<_> = results
                .iter()
                .map(|column| cell(column[row], column[row] / column[0]))
                .collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
        println!();
        if self.targets.is_empty() {
            return;
        }
        println!("| target | where | wanted | measured | |\n|---|---|---:|---:|---|");
        for target in &self.targets {
            for (head, column) in heads.iter().zip(&results) {
                if target.columns.is_empty() || target.columns.contains(&head.as_str()) {
                    target.print(head, &names, column);
                }
            }
        }
        println!();
    }
}

impl Target {
    fn print(&self, head: &str, names: &[&str], column: &[f64]) {
        let of = |name: &str| {
            let row = names.iter().position(|row| *row == name);
            column[row.expect("targets name rows")]
        };
        let ours = of(self.row);
        let fastest = || {
            let peers = names.iter().zip(column);
            peers
                .filter(|(name, _)| !name.starts_with(OURS) && !name.starts_with(BOUND))
                .map(|(_, time)| *time)
                .fold(f64::INFINITY, f64::min)
        };
        let (what, wanted, measured, met) = match self.goal {
            Goal::Nanoseconds(most) => ("ns".into(), format!("<= {most}"), ours, ours <= most),
            Goal::TimesOf(name, most) => {
                let times = ours / of(name);
                (
                    format!("time of {name}"),
                    format!("<= {most} x"),
                    times,
                    times <= most,
                )
            }
            Goal::TimesOfFastest(most) => {
                let times = ours / fastest();
                (
                    "time of the fastest peer".into(),
                    format!("<= {most} x"),
                    times,
                    times <= most,
                )
            }
            Goal::SpeedOf(name, least) => {
                let part = of(name) / ours;
                (
                    format!("speed of {name}"),
                    format!(">= {least} x"),
                    part,
                    part >= least,
                )
            }
        };
        let met = if met { "met" } else { "missed" };
        let row = self.row;
        println!("| {row}, {what} | {head} | {wanted} | {measured:.2} | {met} |");
    }
}

/// What the program is to do, by its arguments.
pub fn run(tables: Vec<Table>, arguments: &[String]) {
    match arguments {
        [command, words @ ..] if command == "list" => {
            for table in tables.into_iter().filter(|table| table.is_wanted(words)) {
                for column in table.columns {
                    for contender in (column.contenders)() {
                        println!("{}\t{}\t{}", table.title, column.head, contender.name);
                    }
                }
            }
        }
        [command, title, head, name, times] if command == "repeat" => {
            repeat(
                tables,
                (title, head, name),
                times.parse().expect("a number"),
            );
        }
        words => {
            for table in tables {
                if table.is_wanted(words) {
                    table.print();
                }
            }
        }
    }
}

/// Runs one contender alone, for a profiler; tells how often it did its thing.
fn repeat(tables: Vec<Table>, (title, head, name): (&str, &str, &str), times: usize) {
    let mut found = tables
        .into_iter()
        .filter(|table| table.title == title)
        .flat_map(|table| table.columns)
        .filter(|column| column.head == head)
        .flat_map(|column| (column.contenders)())
        .find(|contender| contender.name == name)
        .expect("one of the list");
    println!("{}", (found.run)(times));
}

fn cell(nanoseconds: f64, ratio: f64) -> String {
    let digits = if nanoseconds < 100.0 { 1 } else { 0 };
    format!("{nanoseconds:.digits$} ({ratio:.2}x)")
}

/// The fewest nanoseconds each contender took for one thing.
fn measure(mut contenders: Vec<Contender>) -> Vec<f64> {
    let times: Vec<usize> = contenders.iter_mut().map(how_often).collect();
    let mut best = vec![f64::INFINITY; contenders.len()];
    for _ in 0..ROUNDS {
        for (i, contender) in contenders.iter_mut().enumerate() {
            let (took, done) = time(contender, times[i]);
            best[i] = best[i].min(took.as_secs_f64() * 1e9 / done as f64);
        }
    }
    best
}

/// How often fills a round; warms up on the way.
fn how_often(contender: &mut Contender) -> usize {
    let mut times = 1;
    loop {
        // The faster of two: the machine may have done something else meanwhile.
        let (took, done) = time(contender, times).min(time(contender, times));
        if took >= ROUND / 2 {
            let whole = done as f64 * ROUND.as_secs_f64() / took.as_secs_f64();
            return (whole as usize).max(1);
        }
        times *= 2;
    }
}

fn time(contender: &mut Contender, times: usize) -> (Duration, usize) {
    let start = Instant::now();
    let done = (contender.run)(times);
    (start.elapsed(), done)
}

/// What the names of our rows begin with.
pub const OURS: &str = "ours";
/// What the names of rows begin with that nobody can beat, or that do less than is compared.
pub const BOUND: &str = "bound: ";
/// Short enough to fall between two turns of the scheduler, long enough for the clock.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 25;
