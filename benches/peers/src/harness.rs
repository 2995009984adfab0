//! Timing and tables.

use std::time::{Duration, Instant};

/// One of those that are compared.
pub struct Contender {
    name: &'static str,
    /// Does the thing so many times.
    run: Box<dyn FnMut(usize)>,
}

impl Contender {
    pub fn new(name: &'static str, run: impl FnMut(usize) + 'static) -> Self {
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
    pub columns: Vec<(String, Vec<Contender>)>,
}

impl Table {
    /// Measures and prints.
    pub fn print(self) {
        println!("## {}\n", self.title);
        let (heads, columns): (Vec<_>, Vec<_>) = self.columns.into_iter().unzip();
        let names: Vec<_> = columns[0].iter().map(|contender| contender.name).collect();
        let results: Vec<Vec<f64>> = columns.into_iter().map(measure).collect();
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
    }
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
            let took = time(contender, times[i]);
            best[i] = best[i].min(took.as_secs_f64() * 1e9 / times[i] as f64);
        }
    }
    best
}

/// How often fills a round; warms up on the way.
fn how_often(contender: &mut Contender) -> usize {
    let mut times = 1;
    loop {
        let took = time(contender, times);
        if took >= ROUND / 2 {
            let whole = times as f64 * ROUND.as_secs_f64() / took.as_secs_f64();
            return (whole as usize).max(1);
        }
        times *= 2;
    }
}

fn time(contender: &mut Contender, times: usize) -> Duration {
    let start = Instant::now();
    (contender.run)(times);
    start.elapsed()
}

/// Short enough to fall between two turns of the scheduler, long enough for the clock.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 25;
