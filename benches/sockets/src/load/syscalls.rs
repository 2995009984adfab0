//! What a server asks the kernel for, as strace counts it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::Length;
use crate::measure::Running;
use crate::session::{Failure, Outcome};

/// Calls for one message.
#[derive(Debug, Default)]
pub struct Counts {
    pub reads: f64,
    /// Of the reads, those that found nothing.
    pub empty_reads: f64,
    pub writes: f64,
    pub waits: f64,
    /// Changes of what is waited for.
    pub interests: f64,
    /// By name.
    pub others: BTreeMap<String, f64>,
}

impl Counts {
    pub fn total(&self) -> f64 {
        self.reads + self.writes + self.waits + self.interests + self.others.values().sum::<f64>()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "for each message {:.3} reads ({:.3} found nothing), {:.3} writes, {:.3} epoll_wait, \
             {:.3} epoll_ctl",
            self.reads, self.empty_reads, self.writes, self.waits, self.interests
        )?;
        for (name, count) in &self.others {
            write!(f, ", {count:.3} {name}")?;
        }
        write!(f, ": {:.3}", self.total())
    }
}

/// Whether strace can be had.
pub fn can_count() -> bool {
    let version = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Counts while the server is loaded.
pub fn count(running: &mut Running, depth: usize, length: Length) -> Outcome<Counts> {
    let pid = running.server.pid();
    let report = std::env::temp_dir().join(format!("sockets-{}-{pid}.strace", std::process::id()));
    let mut strace = Command::new("strace")
        .args(["-c", "-f", "-q", "-p", &pid.to_string(), "-o"])
        .arg(&report)
        .stderr(Stdio::null())
        .spawn()?;
    let attached = wait_until_traced(pid);
    let slice = match attached {
        Ok(()) => running.round(depth, length).map(|(_, slice)| slice),
        Err(failure) => Err(failure),
    };
    // It lets the server go, and writes its report.
    if let Some(strace) = Pid::from_raw(strace.id().cast_signed()) {
        let _ = kill_process(strace, Signal::INT);
    }
    strace.wait()?;
    let text = std::fs::read_to_string(&report);
    let _ = std::fs::remove_file(&report);
    parse(&text?, slice?.messages)
}

fn wait_until_traced(pid: u32) -> Outcome<()> {
    let until = Instant::now() + Duration::from_secs(5);
    let tasks = Path::new("/proc").join(pid.to_string()).join("task");
    let traced = |task: PathBuf| {
        let status = std::fs::read_to_string(task.join("status"));
        status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
    };
    while Instant::now() < until {
        let all: Result<Vec<_>, _> = std::fs::read_dir(&tasks)?.collect();
        if all?.into_iter().all(|task| traced(task.path())) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new("strace could not attach"))
}

/// The lines are `% time, seconds, usecs/call, calls, [errors], syscall`.
fn parse(report: &str, messages: u64) -> Outcome<Counts> {
    let mut counts = Counts::default();
    for line in report.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let (calls, errors, name) = match words[..] {
            [_, _, _, calls, name] => (calls, "0", name),
            [_, _, _, calls, errors, name] => (calls, errors, name),
            _ => continue,
        };
        let (Ok(calls), Ok(errors)) = (calls.parse::<u64>(), errors.parse::<u64>()) else {
            continue;
        };
        let each = |count: u64| count as f64 / messages as f64;
        match name {
            "total" => {}
            // `read` and `write` are those of the eventfd that wakes a poller.
            "recvfrom" | "recvmsg" => {
                counts.reads += each(calls);
                counts.empty_reads += each(errors);
            }
            "sendto" | "sendmsg" | "writev" => counts.writes += each(calls),
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => counts.waits += each(calls),
            "epoll_ctl" => counts.interests += each(calls),
            name => *counts.others.entry(name.into()).or_default() += each(calls),
        }
    }
    if counts.reads == 0.0 {
        return Err(Failure::unexpected(
            "strace counted nothing",
            report.as_bytes(),
        ));
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_strace_is_counted() {
        let report = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            60.00    0.100000           1       200        50 recvfrom\n \
            30.00    0.050000           1       100           sendto\n \
            10.00    0.010000           1        10           futex\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.160000           1       310        50 total\n";
        let counts = parse(report, 100).unwrap();
        assert_eq!(
            (counts.reads, counts.empty_reads, counts.writes),
            (2.0, 0.5, 1.0)
        );
        assert!((counts.total() - 3.1).abs() < 1e-9);
        assert!(parse("strace: nothing", 1).is_err());
    }
}
