//! The server's process: where it runs, and what the system says that it used.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::session::{Failure, Outcome};

/// Which cores there are, and who is on which.
#[derive(Clone, Copy)]
pub struct Cores {
    server: CpuSet,
    both: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// The first core that this process may use is the server's, the last is ours.
    pub fn split() -> Outcome<Self> {
        let both = sched_getaffinity(None).map_err(io::Error::from)?;
        let usable: Vec<_> = (0..CpuSet::MAX_CPU)
            .filter(|&cpu| both.is_set(cpu))
            .collect();
        let of = |cpus: &[usize]| {
            let mut set = CpuSet::new();
            cpus.iter().for_each(|&cpu| set.set(cpu));
            set
        };
        let ([first, .., last], _) = (&usable[..], ()) else {
            return Err(Failure::new("two cores are needed"));
        };
        let cores = Self {
            server: of(&[*first]),
            both: of(&[*first, *last]),
            load: of(&[*last]),
        };
        pin(&cores.load)?;
        Ok(cores)
    }
}

fn pin(cores: &CpuSet) -> Outcome<()> {
    Ok(sched_setaffinity(None, cores).map_err(io::Error::from)?)
}

/// Allows as many sockets as the system lets, for this process and the servers.
pub fn raise_open_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let more = limit.maximum.map(|most| most.max(WANTED_FILES));
    // Only root may raise the maximum.
    for maximum in [more, limit.maximum] {
        let all = Rlimit {
            current: maximum,
            maximum,
        };
        if rustix::process::setrlimit(Resource::Nofile, all).is_ok() {
            return;
        }
    }
}

/// Whether a process may have so many sockets.
pub fn can_open(sockets: usize) -> bool {
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    limit.is_none_or(|limit| limit > sockets as u64 + SPARE_FILES)
}

/// A server that was started for this; it ends with the value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server by its name; `workers` is the number of cores it gets, one or two.
    pub fn start(name: &str, cores: &Cores, workers: usize) -> Outcome<Self> {
        Self::start_under("", name, cores, workers)
    }

    /// The same, as the arguments of another program, such as `valgrind --tool=callgrind`.
    pub fn start_under(tool: &str, name: &str, cores: &Cores, workers: usize) -> Outcome<Self> {
        let server = command(name)?;
        let mut words = tool.split_whitespace();
        let mut command = match words.next() {
            None => server,
            Some(program) => {
                let mut command = Command::new(program);
                command
                    .args(words)
                    .arg(server.get_program())
                    .args(server.get_args());
                command
            }
        };
        let chosen = if workers == 1 {
            &cores.server
        } else {
            &cores.both
        };
        pin(chosen)?;
        let started = command
            // It ends with us, however we end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // They would start other numbers of threads than the cores allow.
            .env_remove("TOKIO_WORKER_THREADS")
            .env_remove("ASYNC_STD_THREAD_COUNT")
            .env_remove("SMOL_THREADS")
            .spawn();
        pin(&cores.load)?;
        let mut child =
            started.map_err(|error| Failure(format!("{name} does not start: {error}")))?;
        let output = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure(format!(
                "{name} does not say where it listens: {line:?}"
            )));
        };
        Ok(Self { child, address })
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.child.id().to_string())
            .join(file)
    }

    /// The processor time of all its threads.
    pub fn cpu(&self) -> Outcome<Duration> {
        let mut total = 0;
        for task in fs::read_dir(self.proc("task"))? {
            let Ok(times) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue; // the thread has just ended
            };
            let first = times.split_whitespace().next();
            let used: Option<u64> = first.and_then(|used| used.parse().ok());
            total += used.ok_or_else(|| Failure::new("schedstat has no times"))?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Bytes of resident memory, as the page table has them.
    pub fn resident(&self) -> Outcome<u64> {
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kibibytes = rss.and_then(|rss| rss.trim().strip_suffix("kB"));
        let kibibytes: Option<u64> = kibibytes.and_then(|count| count.trim().parse().ok());
        Ok(kibibytes.ok_or_else(|| Failure::new("smaps_rollup has no Rss"))? * 1024)
    }

    /// Waits until it has nothing to do.
    pub fn settle(&self) -> Outcome<()> {
        let until = Instant::now() + SETTLING;
        let mut quiet = 0;
        let mut before = self.cpu()?;
        while quiet < 3 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(30));
            let now = self.cpu()?;
            quiet = if now - before < Duration::from_micros(300) {
                quiet + 1
            } else {
                0
            };
            before = now;
        }
        Ok(())
    }

    /// Servers of node give back what they do not use.
    pub fn collect_garbage(&self, name: &str) -> Outcome<()> {
        if name.starts_with("node-") {
            let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a child has a pid");
            for _ in 0..2 {
                rustix::process::kill_process(pid, Signal::USR2).map_err(io::Error::from)?;
                self.settle()?;
            }
        }
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A profiler writes what it saw when it is asked to end.
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let until = Instant::now() + ENDING;
        while let (Ok(None), true) = (self.child.try_wait(), Instant::now() < until) {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(name: &str) -> Outcome<Command> {
    let Some(script) = name.strip_prefix("node-") else {
        let mut command = Command::new(env::current_exe()?.with_file_name("server"));
        command.arg(name);
        return Ok(command);
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg("--expose-gc");
    command.arg(here.join("node").join(script).with_extension("js"));
    Ok(command)
}

/// Whether what the server needs was installed.
pub fn is_there(name: &str) -> bool {
    !name.starts_with("node-")
        || env::var_os("NODE_PATH").is_some_and(|path| Path::new(OsStr::new(&path)).is_dir())
}

const SETTLING: Duration = Duration::from_secs(5);
const ENDING: Duration = Duration::from_secs(5);
/// More than any comparison opens.
const WANTED_FILES: u64 = 65_536;
const SPARE_FILES: u64 = 100;
