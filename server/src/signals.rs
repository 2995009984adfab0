//! How the process is asked to end: once to drain, twice to stop at once.

use std::time::Duration;

use adapter_core::ServerHandle;

/// Lets the first SIGINT or SIGTERM drain the server and the second one end the process.
///
/// # Errors
///
/// The system does not let signals be caught.
#[cfg(unix)]
pub(crate) fn watch(server: ServerHandle) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let mut ending = Ending::new(server);
    // A thread, because every runtime has its own idea of signals.
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                ending.advance(SIGNALLED + signal);
            }
        })
        .map(drop)
}

/// Lets the first Ctrl-C drain the server and the second one end the process.
///
/// # Errors
///
/// The system does not let it be caught.
#[cfg(not(unix))]
pub(crate) fn watch(server: ServerHandle) -> std::io::Result<()> {
    const SIGINT: i32 = 2;

    let mut ending = Ending::new(server);
    ctrlc::set_handler(move || ending.advance(SIGNALLED + SIGINT)).map_err(std::io::Error::other)
}

/// How far the end has come.
struct Ending {
    server: ServerHandle,
    draining: bool,
}

impl Ending {
    fn new(server: ServerHandle) -> Self {
        Self {
            server,
            draining: false,
        }
    }

    fn advance(&mut self, exit_code: i32) {
        if self.draining {
            std::process::exit(exit_code);
        }
        self.draining = true;
        tracing::info!(
            connections = self.server.connections(),
            "draining; a second signal ends at once"
        );
        self.server.shutdown(GRACE);
    }
}

/// What connections get to end in order.
const GRACE: Duration = Duration::from_secs(10);
/// What a shell adds to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;
