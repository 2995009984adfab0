//! Peers that vanish in the middle of everything, with RST.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tests::frames::masked;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::peer::{CLOSE, Peer, TEXT, post, upgrade};
use crate::subject::Subject;

pub(crate) const TITLE: &str = "resets: 200 peers at each of 16 places, gone with RST, twice";

pub(crate) async fn attack(subject: &Subject, round: usize) -> Fallible<Vec<String>> {
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let mut peers = JoinSet::new();
    for number in round * PEERS..(round + 1) * PEERS {
        for place in places(number) {
            let permit = Arc::clone(&at_once).acquire_owned().await?;
            let address = subject.address;
            peers.spawn(async move {
                let result = vanish(address, place, number).await;
                drop(permit);
                result
            });
        }
    }
    let vanished = peers.len();
    while let Some(peer) = peers.join_next().await {
        peer??;
    }
    let numbers = subject.without_sessions(SERVICE).await?;
    Ok(vec![format!(
        "{vanished} peers are gone, and their sessions with them: {} interrupted, {} with their socket, {} \
         for want of a receiver, so far",
        numbers["closes"]["interrupted"],
        numbers["closes"]["socket"],
        numbers["closes"]["disconnected"],
    )])
}

/// What a peer does before it vanishes.
enum Step {
    Write(Vec<u8>),
    /// Reads until this has come.
    Await(&'static str),
}

use Step::{Await, Write};

fn places(number: usize) -> Vec<Vec<Step>> {
    let text = |text: &str| Write(text.into());
    let url =
        |place: usize, transport: &str| format!("{SERVICE}/000/reset-{place}-{number}/{transport}");
    let ask = |place, transport| Write(post(&url(place, transport), "").into());
    let opened = || [Write(upgrade("/ws/echo").into()), Await("\r\n\r\n")];
    let frame = masked(TEXT, &[b'x'; 60_000]);
    let message = masked(TEXT, br#"["18"]"#);
    let amplify = format!("/amplify/000/reset-{number}/websocket");
    let unread = || Write(frame.repeat(5));
    let mut places = vec![
        vec![],
        vec![text("GET / HTTP/1.1\r\nHo")],
        vec![text("GET / HTTP/1.1\r\nHost: h\r\n\r\n")],
        vec![Write(upgrade("/ws/echo").into())],
        vec![text(HIXIE)],
        vec![text(
            "POST /echo/000/a/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n[\"",
        )],
        vec![text(
            "POST /echo/000/a/xhr_send HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n[\"",
        )],
    ];
    let sockets = [
        vec![Write(frame[..3].to_vec())],
        vec![Write(frame[..30_000].to_vec())],
        vec![unread()],
        vec![Write(masked(CLOSE, b"\x03\xe8"))],
    ];
    places.extend(sockets.map(|steps| opened().into_iter().chain(steps).collect()));
    places.extend([
        vec![ask(0, "xhr"), Await("\no\n"), ask(0, "xhr")],
        vec![ask(1, "xhr_streaming"), Await("\no\n")],
        vec![ask(2, "eventsource")],
        vec![Write(upgrade(&url(3, "websocket")).into()), Await("o")],
        vec![
            Write(upgrade(&amplify).into()),
            Await("\u{1}o"),
            Write(message.repeat(4)),
        ],
    ]);
    places
}

async fn vanish(address: SocketAddr, steps: Vec<Step>, number: usize) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    for step in steps {
        match step {
            Write(bytes) => peer.write(bytes).await?,
            Await(what) => peer.until(what).await?,
        }
    }
    // Some at once, some when the server is at work on it, some when it waits for more.
    sleep(Duration::from_millis([0, 1, 20, 100][number % 4])).await;
    peer.reset();
    Ok(())
}

const SERVICE: &str = "/broadcast";
/// For each place.
const PEERS: usize = 200;
const AT_ONCE: usize = 400;
/// Its nonce is to come.
const HIXIE: &str = "GET /ws/echo HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                     Origin: http://h\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
                     Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n1234";
