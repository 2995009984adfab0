//! The server under attack.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::peer::Peer;
use crate::{Fallible, PATIENCE};

/// A running server.
pub(crate) struct Subject {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// What the process holds of the machine, sizes in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) files: usize,
    pub(crate) resident: usize,
    /// The most that was resident since the start.
    pub(crate) peak: usize,
}

impl Subject {
    /// Starts `program`, which prints `listening on http://ADDRESS`.
    pub(crate) fn start(mut program: Command) -> Fallible<Self> {
        let mut child = program
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.get_program().display()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .ok_or("the server does not say where it listens")?
            .parse()?;
        Ok(Self { child, address })
    }

    pub(crate) fn usage(&self) -> Fallible<Usage> {
        let process = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{process}/status"))?;
        let kibi = |name| -> Fallible<usize> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok(number.ok_or("no such line in /proc")?.parse::<usize>()? * 1024)
        };
        Ok(Usage {
            files: fs::read_dir(format!("{process}/fd"))?.count(),
            resident: kibi("VmRSS:")?,
            peak: kibi("VmHWM:")?,
        })
    }

    /// Waits until no more than `files` are open.
    pub(crate) async fn settle(&self, files: usize) -> Fallible<()> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let open = self.usage()?.files;
            if open <= files {
                return Ok(());
            }
            if Instant::now() > limit {
                return Err(format!("{open} files are open, {files} were before").into());
            }
            sleep(LOOK).await;
        }
    }

    /// The numbers of one of its SockJS services.
    pub(crate) async fn service(&self, prefix: &str) -> Fallible<Value> {
        let mut peer = Peer::connect(self.address).await?;
        peer.get("/stats").await?;
        let (_, body) = peer.answer().await?;
        let mut numbers: Value = serde_json::from_str(&body)?;
        Ok(numbers["services"][prefix].take())
    }

    /// Waits until a SockJS service has no session: its numbers then.
    pub(crate) async fn without_sessions(&self, prefix: &str) -> Fallible<Value> {
        let limit = Instant::now() + crate::DISCONNECT_DELAY + PATIENCE;
        loop {
            let numbers = self.service(prefix).await?;
            if numbers["sessions"] == 0 {
                return Ok(numbers);
            }
            if Instant::now() > limit {
                return Err(format!("{} sessions are left", numbers["sessions"]).into());
            }
            sleep(LOOK).await;
        }
    }

    /// Ends it with SIGTERM, as a service manager would; it must end well.
    pub(crate) fn stop(mut self) -> Fallible<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("the server ended before its time: {status}").into());
        }
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("on SIGTERM the server ends with {status}").into());
        }
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It has ended already, unless the attack was not held.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const LOOK: Duration = Duration::from_millis(100);
