//! Worlds of clients, servers and a network that fails, each decided by a seed.
//!
//! `SIM_SEED=n` runs one seed and prints its story; `SIM_SEEDS=n` runs so many in each test.

use tests::sim::{Totals, run, story};

/// How many worlds a test runs.
const SEEDS: u64 = 1500;

fn worlds(part: u64) {
    let chosen = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let seeds = match (chosen("SIM_SEED"), chosen("SIM_SEEDS")) {
        (Some(seed), _) if part > 0 => seed..seed,
        (Some(seed), _) => {
            println!("{}", story(seed));
            seed..seed + 1
        }
        (None, count) => {
            let count = count.unwrap_or(SEEDS);
            part * count..(part + 1) * count
        }
    };
    let mut totals = Totals::default();
    for seed in seeds {
        match run(seed) {
            Ok(world) => totals += world,
            Err(story) => panic!("{story}"),
        }
    }
    println!("{totals}");
}

#[test]
fn worlds_hold() {
    worlds(0);
}

#[test]
fn more_worlds_hold() {
    worlds(1);
}

#[test]
fn yet_more_worlds_hold() {
    worlds(2);
}

#[test]
fn still_more_worlds_hold() {
    worlds(3);
}

#[test]
fn a_seed_is_one_world() {
    for seed in [1, 2, 3] {
        assert_eq!(story(seed), story(seed));
    }
}
