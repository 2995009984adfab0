//! Sessions that are opened and never asked for again.

use std::net::SocketAddr;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Fallible;
use crate::peer::Peer;
use crate::subject::Subject;

pub(crate) const TITLE: &str = "abandoned: 10000 polling sessions, twice";

pub(crate) async fn attack(subject: &Subject, round: usize) -> Fallible<Vec<String>> {
    let before = counts(subject).await?;
    let began = Instant::now();
    let mut peers = JoinSet::new();
    for number in round * PEERS..(round + 1) * PEERS {
        peers.spawn(open(subject.address, number));
    }
    while let Some(peer) = peers.join_next().await {
        peer??;
    }
    let opening = began.elapsed();
    subject.without_sessions(SERVICE).await?;
    let after = counts(subject).await?;
    let [opened, closed, interrupted] = [0, 1, 2].map(|at| after[at] - before[at]);
    if (opened, closed) != (ALL, ALL) {
        return Err(format!("{opened} sessions were opened and {closed} closed, of {ALL}").into());
    }
    Ok(vec![format!(
        "{opened} sessions opened in {opening:.1?} were gone after {:.1?}, {interrupted} of them with a \
         poll that was cut",
        began.elapsed()
    )])
}

/// Opens one after another on one connection; the last is left with its poll waiting, and that is cut.
async fn open(address: SocketAddr, peer: usize) -> Fallible<()> {
    let mut connection = Peer::connect(address).await?;
    for session in 0..SESSIONS {
        let url = format!("{SERVICE}/000/abandoned-{peer}-{session}/xhr");
        connection.post(&url, "").await?;
        let answer = connection.answer().await?;
        if answer != (200, "o\n".to_owned()) {
            return Err(format!("a new session was answered {answer:?}").into());
        }
        if session + 1 == SESSIONS {
            connection.post(&url, "").await?;
        }
    }
    Ok(())
}

/// How many sessions were opened, were closed and had a poll cut.
async fn counts(subject: &Subject) -> Fallible<[u64; 3]> {
    let numbers = subject.service(SERVICE).await?;
    let polling = &numbers["transports"]["xhr"];
    let number = |value: &serde_json::Value| value.as_u64().ok_or("a number is missing");
    Ok([
        number(&polling["opened"])?,
        number(&polling["closed"])?,
        number(&numbers["closes"]["interrupted"])?,
    ])
}

const SERVICE: &str = "/disabled_websocket_echo";
const PEERS: usize = 200;
/// For each of them.
const SESSIONS: usize = 50;
const ALL: u64 = (PEERS * SESSIONS) as u64;
