//! Peers that send as slowly as they dare, to hold what a connection costs.

use std::net::SocketAddr;
use std::time::Duration;

use tests::frames::masked;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::peer::Peer;
use crate::subject::Subject;
use crate::{Fallible, HEAD_TIMEOUT, PATIENCE, PING_INTERVAL, PONG_TIMEOUT};

pub(crate) const TITLE: &str =
    "slow: 2000 heads, 500 bodies and 500 frames, a byte or a line a second";

pub(crate) async fn attack(subject: &Subject, _round: usize) -> Fallible<Vec<String>> {
    let (address, until) = (subject.address, Instant::now() + BODY_TIMEOUT);
    let mut peers = JoinSet::new();
    for number in 0..HEADS {
        peers.spawn(head(address, until, number));
    }
    for number in 0..BODIES {
        peers.spawn(body(address, number));
    }
    for number in 0..FRAMES {
        if number % 2 == 0 {
            peers.spawn(frame(address, until));
        } else {
            peers.spawn(unfinished_frame(address));
        }
    }
    let (mut heads, mut bodies, mut frames, mut unfinished) = (0, 0, 0, 0);
    while let Some(ended) = peers.join_next().await {
        match ended?? {
            Ended::Heads(times) => heads += times,
            Ended::Body => bodies += 1,
            Ended::Frame => frames += 1,
            Ended::UnfinishedFrame => unfinished += 1,
        }
    }
    Ok(vec![format!(
        "{heads} heads and {bodies} bodies were answered 408 and cut, {frames} frames cost nobody else \
         anything, {unfinished} that stopped were cut for want of a pong"
    )])
}

/// What became of an attacker.
enum Ended {
    /// So many connections, each cut.
    Heads(usize),
    Body,
    Frame,
    UnfinishedFrame,
}

/// Sends a head field by field, and begins anew when the server has enough.
async fn head(address: SocketAddr, until: Instant, number: u32) -> Fallible<Ended> {
    // Spread out, as one attacker's machine would have to.
    tokio::time::sleep(HEAD_TIMEOUT * number / HEADS / 2).await;
    let mut times = 0;
    while Instant::now() < until {
        let mut peer = Peer::connect(address).await?;
        peer.write("GET / HTTP/1.1\r\nHost: h\r\n").await?;
        timed_out(peer, b"A: b\r\n", HEAD_TIMEOUT, "a head").await?;
        times += 1;
    }
    Ok(Ended::Heads(times))
}

/// Sends a body byte by byte.
async fn body(address: SocketAddr, number: u32) -> Fallible<Ended> {
    let mut peer = Peer::connect(address).await?;
    let path = format!("/echo/000/slow-{number}/xhr_send");
    let framing = match number % 2 {
        0 => "Content-Length: 1000",
        _ => "Transfer-Encoding: chunked",
    };
    peer.write(format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n"
    ))
    .await?;
    let piece: &[u8] = match number % 2 {
        0 => b"x",
        _ => b"1\r\nx\r\n",
    };
    timed_out(peer, piece, BODY_TIMEOUT, "a body").await?;
    Ok(Ended::Body)
}

/// Sends a long frame byte by byte, which nothing forbids.
async fn frame(address: SocketAddr, until: Instant) -> Fallible<Ended> {
    let mut peer = Peer::connect(address).await?;
    peer.upgrade("/ws/echo").await?;
    peer.write(&masked(BINARY, &[b'x'; 60_000])[..1000]).await?;
    match peer
        .dribble(
            b"x",
            SECOND,
            until.saturating_duration_since(Instant::now()),
        )
        .await
    {
        None => Ok(Ended::Frame),
        Some(what) => Err(format!("a slow frame was cut: {what:?}").into()),
    }
}

/// Stops inside a frame.
async fn unfinished_frame(address: SocketAddr) -> Fallible<Ended> {
    let mut peer = Peer::connect(address).await?;
    peer.upgrade("/ws/echo").await?;
    peer.write(&masked(BINARY, &[b'x'; 60_000])[..1000]).await?;
    peer.end(PING_INTERVAL + PONG_TIMEOUT).await?;
    Ok(Ended::UnfinishedFrame)
}

/// Writes `piece` every second until the server has answered 408 and ended the connection.
async fn timed_out(mut peer: Peer, piece: &[u8], limit: Duration, what: &str) -> Fallible<()> {
    match peer.dribble(piece, SECOND, limit + PATIENCE).await {
        Some(answer) if answer.starts_with("HTTP/1.1 408 ") => {
            peer.reset();
            Ok(())
        }
        Some(answer) => Err(format!("{what} was answered {answer:?}").into()),
        None => Err(format!("{what} may take longer than {limit:?}").into()),
    }
}

const BINARY: u8 = 0x82;
const HEADS: u32 = 2000;
const BODIES: u32 = 500;
const FRAMES: u32 = 500;
const SECOND: Duration = Duration::from_secs(1);
/// The server has no option for it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
