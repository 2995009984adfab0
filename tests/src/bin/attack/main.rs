//! Attacks on a running server, while a hundred good clients count what they lose.
//!
//! `attack SERVER [NAME...]`: starts the program `SERVER`, `sockjs-server` or one with its options, anew
//! for each attack, on loopback. Prints what happened, what the good clients saw, and the memory and
//! open files of the server; exits 0 only when every attack was held. Linux, for the sake of `/proc`.

mod abandoned;
mod cap;
mod good;
mod panics;
mod peer;
mod resets;
mod slow;
mod stopped;
mod subject;

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use self::good::Good;
use self::subject::Subject;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(server) = arguments.next() else {
        eprintln!("usage: attack SERVER [{}]...", NAMES.join("|"));
        return ExitCode::FAILURE;
    };
    if server == panics::SERVE {
        return panics::serve().await;
    }
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names = NAMES.map(str::to_owned).to_vec();
    }
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files >= FILES => {}
        limit => {
            eprintln!("attack: {FILES} open files are needed, there are {limit:?}");
            return ExitCode::FAILURE;
        }
    }
    let mut failed = 0;
    for name in &names {
        let began = Instant::now();
        if let Err(error) = run(name, &server).await {
            println!("  FAILED: {error}");
            failed += 1;
        }
        println!("  {:.0} s", began.elapsed().as_secs_f64());
    }
    println!("{} attacks, {failed} not held", names.len());
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

const NAMES: [&str; 6] = ["slow", "cap", "resets", "abandoned", "stopped", "panics"];

async fn run(name: &str, server: &str) -> Fallible<()> {
    match name {
        "slow" => trial(slow::TITLE, 1, program(server), slow::attack).await,
        "cap" => trial(cap::TITLE, 1, cap::narrow(program(server)), cap::attack).await,
        "resets" => trial(resets::TITLE, 2, program(server), resets::attack).await,
        "abandoned" => trial(abandoned::TITLE, 2, program(server), abandoned::attack).await,
        "stopped" => {
            trial(
                stopped::TITLE,
                1,
                stopped::endless(program(server)),
                stopped::attack,
            )
            .await
        }
        "panics" => trial(panics::TITLE, 2, panics::program()?, panics::attack).await,
        _ => Err(format!("{name} is none of {}", NAMES.join(", ")).into()),
    }
}

/// The server with patience short enough for a test.
fn program(server: &str) -> Command {
    let mut command = Command::new(server);
    command.args(["--listen", "127.0.0.1:0", "--log", "error"]);
    for (option, value) in [
        ("--head-timeout", HEAD_TIMEOUT),
        ("--idle-timeout", IDLE_TIMEOUT),
        ("--write-stall", WRITE_STALL),
        ("--disconnect-delay", DISCONNECT_DELAY),
        ("--ping-interval", PING_INTERVAL),
        ("--pong-timeout", PONG_TIMEOUT),
    ] {
        command.arg(option).arg(format!("{}s", value.as_secs()));
    }
    command
}

/// One attack, so many times on the same server.
async fn trial(
    title: &str,
    rounds: usize,
    mut program: Command,
    attack: impl AsyncFn(&Subject, usize) -> Fallible<Vec<String>>,
) -> Fallible<()> {
    println!("{title}");
    program.env(MALLOC.0, MALLOC.1);
    let subject = Subject::start(program)?;
    let good = Good::arrive(subject.address).await?;
    sleep(BASELINE).await;
    let before = subject.usage()?;
    let began = Instant::now();
    let mut after = Vec::new();
    for round in 0..rounds {
        for line in attack(&subject, round).await? {
            println!("  {line}");
        }
        subject.settle(before.files).await?;
        after.push(subject.usage()?);
    }
    let ended = Instant::now();
    println!("  {}", good.leave(began, ended).await?);
    let (first, last) = (after[0], after[after.len() - 1]);
    println!(
        "  files open: {} before, {} after; resident: {} before, {} at the most, after {}",
        before.files,
        last.files,
        mebi(before.resident),
        mebi(last.peak),
        after
            .iter()
            .map(|usage| mebi(usage.resident))
            .collect::<Vec<_>>()
            .join(", then "),
    );
    if first.resident > before.resident + RETAINED {
        return Err(format!("more than {} stay resident", mebi(RETAINED)).into());
    }
    if last.resident > first.resident + CREEP {
        return Err(format!("a repetition leaves more than {}", mebi(CREEP)).into());
    }
    subject.stop()
}

fn mebi(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}

const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const WRITE_STALL: Duration = Duration::from_secs(3);
const DISCONNECT_DELAY: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PONG_TIMEOUT: Duration = Duration::from_secs(10);
/// What a busy machine may add to any deadline of the server.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the good clients are alone.
const BASELINE: Duration = Duration::from_secs(3);
/// Sockets of the attackers and of the good clients.
const FILES: u64 = 6000;
/// What malloc may keep of the pages it needed once: one small block that lives keeps what is below it.
const RETAINED: usize = 48 << 20;
/// glibc raises this as blocks are freed, and then keeps large ones too: what a server that was busy
/// once holds would say more of that than of the server.
const MALLOC: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "65536");
/// What a second round may add to that. A leak of 1 KiB for each of its connections would be more.
const CREEP: usize = 2 << 20;
