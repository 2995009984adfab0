//! More newcomers than the caps allow.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::peer::Peer;
use crate::subject::Subject;

pub(crate) const TITLE: &str = "cap: 1000 newcomers for 300 connections, 400 for 200 sessions";

/// Lowers the caps.
pub(crate) fn narrow(mut program: Command) -> Command {
    program.args(["--max-connections", &CONNECTIONS.to_string()]);
    program.args(["--max-sessions", &SESSIONS.to_string()]);
    program
}

pub(crate) async fn attack(subject: &Subject, _round: usize) -> Fallible<Vec<String>> {
    let told = connections(subject).await?;
    Ok(vec![told, sessions(subject).await?])
}

/// At the cap nobody is accepted until somebody leaves: newcomers wait and lose nothing.
async fn connections(subject: &Subject) -> Fallible<String> {
    let (served, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let mut newcomers = JoinSet::new();
    for _ in 0..NEWCOMERS {
        let mut peer = Peer::connect(subject.address).await?;
        let (served, leave) = (Arc::clone(&served), Arc::clone(&leave));
        newcomers.spawn(async move {
            peer.get("/healthz").await?;
            let answer = peer.answer().await?;
            served.fetch_add(1, Ordering::Relaxed);
            leave.acquire().await?.forget();
            if answer == (200, "ok\n".to_owned()) {
                return Ok(());
            }
            Fallible::Err(format!("a newcomer was answered {answer:?}").into())
        });
    }
    sleep(FULL).await;
    let inside = served.load(Ordering::Relaxed);
    if inside == 0 || inside >= CONNECTIONS {
        return Err(format!("{inside} newcomers are inside, at a cap of {CONNECTIONS}").into());
    }
    leave.add_permits(NEWCOMERS);
    while let Some(newcomer) = newcomers.join_next().await {
        newcomer??;
    }
    Ok(format!(
        "{inside} newcomers got the connections that were left, {} waited outside and were served when \
         those had gone",
        NEWCOMERS - inside
    ))
}

/// At the cap a new session is refused with 503, until another is over.
async fn sessions(subject: &Subject) -> Fallible<String> {
    let (mut opened, mut refused) = (0, 0);
    let mut peer = Peer::connect(subject.address).await?;
    for number in 0..2 * SESSIONS {
        match open(&mut peer, number).await? {
            (200, frame) if frame == "o\n" => opened += 1,
            (503, _) => refused += 1,
            answer => return Err(format!("a new session was answered {answer:?}").into()),
        }
    }
    if opened != SESSIONS {
        return Err(format!("{opened} sessions were opened, at a cap of {SESSIONS}").into());
    }
    subject.without_sessions(SERVICE).await?;
    let late = open(&mut peer, 2 * SESSIONS).await?;
    if late != (200, "o\n".to_owned()) {
        return Err(format!("when they were gone, a new session was answered {late:?}").into());
    }
    Ok(format!(
        "{opened} sessions were opened and {refused} refused with 503; when they had ended, another was opened"
    ))
}

async fn open(peer: &mut Peer, number: usize) -> Fallible<(u16, String)> {
    peer.post(&format!("{SERVICE}/000/newcomer-{number}/xhr"), "")
        .await?;
    peer.answer().await
}

const SERVICE: &str = "/disabled_websocket_echo";
/// The good clients have 150 of them.
const CONNECTIONS: usize = 300;
const SESSIONS: usize = 200;
const NEWCOMERS: usize = 1000;
/// How long the server is full.
const FULL: Duration = Duration::from_secs(4);
