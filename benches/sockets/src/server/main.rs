//! The servers that are measured: `server NAME` says `listening on ADDRESS` and serves until it is
//! killed, or until its standard input ends: whoever started it is gone then. See
//! `benches/sockets/run.sh`.

mod ours;
mod peers;
mod peers_futures;
mod raw;
mod raw_futures;
mod raw_work;

use std::io::{self, Read};
use std::{process, thread};

fn main() -> io::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let server = SERVERS.iter().find(|(name, _)| *name == wanted);
    let Some((_, serve)) = server else {
        let names: Vec<_> = SERVERS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: server {}", names.join("|"));
        process::exit(2);
    };
    thread::spawn(|| {
        let ended = io::stdin().read(&mut [0]);
        process::exit(i32::from(ended.is_err()));
    });
    serve()
}

type Serve = fn() -> io::Result<()>;

const SERVERS: &[(&str, Serve)] = &[
    ("raw-tokio", raw::echo),
    ("raw-tokio-unmasked", raw::echo_unmasked),
    ("raw-async-std", raw_futures::async_std),
    ("raw-smol", raw_futures::smol),
    ("raw-async-std-ready", raw_futures::async_std_ready),
    ("raw-smol-ready", raw_futures::smol_ready),
    ("raw-work", raw_work::pairs),
    ("raw-broadcast", raw_work::broadcast),
    ("ours-tokio", ours::tokio_echo),
    ("ours-tokio-marks", ours::tokio_echo_marks),
    ("ours-async-std", ours::async_std_echo),
    ("ours-smol", ours::smol_echo),
    ("ours-sockjs", ours::sockjs_echo),
    ("ours-chat", ours::chat),
    ("tokio-tungstenite", peers::tokio_tungstenite),
    ("tokio-tungstenite-4k", peers::tokio_tungstenite_4k),
    ("tokio-tungstenite-feed", peers::tokio_tungstenite_feed),
    ("fastwebsockets", peers::fastwebsockets),
    ("tokio-websockets", peers::tokio_websockets),
    ("async-tungstenite-async-std", peers_futures::async_std),
    ("async-tungstenite-smol", peers_futures::smol),
];
