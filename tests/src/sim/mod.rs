//! A simulated world: clients, servers and a network on virtual time, of which a seed decides
//! everything.
//!
//! The servers are the machines as an adapter drives them; what is between them and the clients
//! delays, chops, coalesces, stalls and cuts. Everybody's plain lists of what they were told are
//! compared all the time, and nothing may be left in the end. The same seed is the same run on every
//! platform.

mod around;
mod asking;
mod browser;
mod connection;
mod driver;
mod frames;
mod front;
mod hand;
mod lines;
mod oracle;
mod peer;
mod pieces;
mod plain;
mod plan;
mod program;
mod random;
mod reply;
mod requests;
mod server;
mod socket;
mod story;
mod totals;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use totals::Totals;

use plan::Plan;
use random::Random;
use story::Story;
use world::World;

/// Runs the world of a seed.
///
/// # Errors
///
/// What does not hold, and the story that led there: a line for each step, with its time in seconds.
pub fn run(seed: u64) -> Result<Totals, String> {
    let silent = Story::default();
    if let Ok(totals) = catch_unwind(AssertUnwindSafe(|| live(seed, silent))) {
        return Ok(totals);
    }
    let story = Story::recorded();
    let told = story.clone();
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| live(seed, told))) else {
        return Err(format!(
            "seed {seed} fails and then does not: it is not deterministic"
        ));
    };
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic");
    let lines = story.lines().join("\n");
    Err(format!(
        "{lines}\nseed {seed}: {why}\nreplay: SIM_SEED={seed} cargo test -p tests --test simulation"
    ))
}

/// The story of a seed's world, as far as it goes, and its end.
pub fn story(seed: u64) -> String {
    let story = Story::recorded();
    let told = story.clone();
    let end = catch_unwind(AssertUnwindSafe(|| live(seed, told)));
    let end = end.map_or_else(|_| "it fails".to_owned(), |totals| totals.to_string());
    format!("{}\n{end}", story.lines().join("\n"))
}

fn live(seed: u64, story: Story) -> Totals {
    let mut random = Random::new(seed);
    let plan = Plan::new(&mut random);
    World::new(plan, random, story).run()
}

/// How a client fared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Done,
    Lost(&'static str),
}

/// What somebody says: letters, and what transports have to treat with care.
fn payload(random: &mut Random) -> String {
    let pieces = [
        "hey",
        "a \"word\"\\",
        "100% %41",
        "</script>&<!--",
        "\u{200c}\u{2028}\u{feff}",
        "\u{1f600}",
        "zwölf €",
        "\r\n\t\u{7}",
        "+=&d=",
        "o",
    ];
    let count = if random.one_in(12) {
        200
    } else {
        random.length(0, 3)
    };
    let long = if random.one_in(300) {
        "long ".repeat(15_000)
    } else {
        String::new()
    };
    (0..count).map(|_| random.pick(&pieces)).collect::<String>() + &long
}
