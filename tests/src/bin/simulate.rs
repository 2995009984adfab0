//! Runs many simulated worlds.
//!
//! `simulate [--seeds n] [--from n] [--threads n]`: prints the totals, and the story of each world
//! that does not hold; exits 1 when there was one. `simulate --story n` prints the story of one.
//! `--count` prints how many do not hold instead of their stories.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use tests::sim::{Totals, run, story};

fn main() -> ExitCode {
    let (mut seeds, mut from, mut threads, mut counts) = (10_000, 0, 2, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok());
            value.unwrap_or_else(|| panic!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--seeds" => seeds = number(),
            "--from" => from = number(),
            "--threads" => threads = number(),
            "--count" => counts = true,
            "--story" => {
                println!("{}", story(number()));
                return ExitCode::SUCCESS;
            }
            _ => panic!("there is no option {argument}"),
        }
    }
    // What does not hold is told by its story.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(0));
    let work = || {
        let mut totals = Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                return totals;
            }
            match run(seed) {
                Ok(world) => totals += world,
                Err(story) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    if !counts {
                        println!("{story}");
                    }
                }
            }
        }
    };
    let totals = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut totals = Totals::default();
        for worker in workers {
            totals += worker.join().expect("a worker");
        }
        totals
    });
    let failed = failed.load(Ordering::Relaxed);
    println!("{totals}\n{failed} worlds do not hold");
    ExitCode::from(u8::from(failed > 0))
}
