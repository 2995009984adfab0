//! `sockjs-server`: the standalone program.

mod address;
mod client_file;
mod console;
mod options;
mod routes;
mod serve;
mod services;
mod signals;
#[cfg(unix)]
mod socket_file;
mod status;
#[cfg(feature = "tls")]
mod tls;
mod workers;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use tracing_subscriber::filter::LevelFilter;

use crate::options::{Options, PROGRAM, Stop};

fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(Stop::Tell(text)) => {
            let told = io::stdout().write_all(text.as_bytes());
            return if told.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Err(Stop::Wrong(why)) => return wrong(&why),
    };
    log_to_stderr(options.log);
    match serve::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => wrong(&why),
    }
}

/// One line for a person, and the exit code that says that the request was at fault.
fn wrong(why: &str) -> ExitCode {
    // With nobody left to read it the exit code has to do.
    drop(writeln!(io::stderr(), "{PROGRAM}: {why}"));
    ExitCode::from(2)
}

fn log_to_stderr(level: LevelFilter) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
