//! Peers that ask for much and read nothing.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tests::frames::masked;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::peer::{BREATH, Peer, TEXT, post};
use crate::subject::Subject;
use crate::{Fallible, WRITE_STALL};

pub(crate) const TITLE: &str = "stopped: 200 peers of 4 kinds, who send and never read";

/// Lets a stream be as long as its reader is patient.
pub(crate) fn endless(mut program: Command) -> Command {
    program.args(["--response-limit", "1GiB"]);
    program
}

pub(crate) async fn attack(subject: &Subject, _round: usize) -> Fallible<Vec<String>> {
    let before = subject.usage()?;
    let mut peers = JoinSet::new();
    for number in 0..PEERS {
        peers.spawn(echoes(subject.address));
        peers.spawn(pages(subject.address));
        peers.spawn(socket(subject.address, number));
        peers.spawn(stream(subject.address, number));
    }
    let count = peers.len();
    let mut poured = 0;
    while let Some(peer) = peers.join_next().await {
        poured += peer??;
    }
    let most = subject.usage()?.peak.saturating_sub(before.resident);
    if most > count * MOST {
        return Err(format!("{count} stopped readers cost {}", crate::mebi(most)).into());
    }
    subject.without_sessions(AMPLIFY).await?;
    Ok(vec![format!(
        "{count} were cut by the write stall; the server had taken {} of them and \
         needed {} more memory at the most",
        crate::mebi(poured),
        crate::mebi(most),
    )])
}

/// Sends messages whose echoes nobody reads.
async fn echoes(address: SocketAddr) -> Fallible<usize> {
    let mut peer = Peer::connect_narrow(address).await?;
    peer.upgrade("/ws/echo").await?;
    let message = masked(TEXT, &[b'x'; 60_000]);
    peer.pour(&message, WRITE_STALL, "who reads no echo").await
}

/// Asks for pages.
async fn pages(address: SocketAddr) -> Fallible<usize> {
    let mut peer = Peer::connect_narrow(address).await?;
    let requests = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
    peer.pour(requests.as_bytes(), WRITE_STALL, "who reads no page")
        .await
}

/// Asks an application for 256 KiB with every twelve bytes, over a SockJS WebSocket.
async fn socket(address: SocketAddr, number: usize) -> Fallible<usize> {
    let mut peer = Peer::connect_narrow(address).await?;
    peer.upgrade(&format!("{AMPLIFY}/000/socket-{number}/websocket"))
        .await?;
    let messages = masked(TEXT, br#"["18"]"#).repeat(1000);
    peer.pour(&messages, SOCKJS_STALL, "who reads no SockJS message")
        .await
}

/// The same over a stream without end, and another connection for what is sent.
async fn stream(address: SocketAddr, number: usize) -> Fallible<usize> {
    let mut peer = Peer::connect_narrow(address).await?;
    let url = format!("{AMPLIFY}/000/stream-{number}");
    peer.post(&format!("{url}/xhr_streaming"), "").await?;
    peer.until("\no\n").await?;
    let mut sender = Peer::connect(address).await?;
    let request = post(&format!("{url}/xhr_send"), r#"["18","18","18","18"]"#);
    // What the session cannot take waits, and so does the request behind it; when the stream is cut
    // the session is over, and what is sent to it is answered 404.
    let mut sent = 0;
    loop {
        sleep(BREATH).await;
        sender.write(&request).await?;
        sent += request.len();
        match sender.answer().await? {
            (204, _) => {}
            (404, _) => break,
            answer => return Err(format!("a message was answered {answer:?}").into()),
        }
    }
    peer.end(WRITE_STALL).await?;
    Ok(sent)
}

const AMPLIFY: &str = "/amplify";
/// Of each kind.
const PEERS: usize = 50;
/// The write stall of WebSockets that carry SockJS, which no option sets.
const SOCKJS_STALL: Duration = Duration::from_secs(30);
/// What one of them may cost: the marks of a connection and of a session in both directions, with
/// one message more in each, and the read buffer of a message under way.
const MOST: usize = 2 << 20;
