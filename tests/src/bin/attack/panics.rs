//! Handlers that panic, among others that do not.

use std::net::SocketAddr;
use std::panic;
use std::process::{Command, ExitCode};

use adapter_tokio::sockjs::proto::Config;
use adapter_tokio::{Request, Response, Server, Session, SockJs, WebSocket};
use tests::frames::masked;
use tests::serve::echo;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::peer::{CLOSE, Peer, TEXT};
use crate::subject::Subject;
use crate::{Fallible, PATIENCE};

pub(crate) const TITLE: &str = "panics: 200 calls of each of 7 handlers that panic, twice";

/// The argument that makes this program the server.
pub(crate) const SERVE: &str = "--serve-panics";

/// This program as a server.
pub(crate) fn program() -> Fallible<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SERVE);
    Ok(command)
}

/// Serves echoes and handlers that panic, until SIGTERM.
pub(crate) async fn serve() -> ExitCode {
    // Thousands of messages about panics that are meant would hide one that is not.
    panic::set_hook(Box::new(|_| {}));
    match try_serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attack: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn try_serve() -> Fallible<()> {
    let at = |prefix: &str| Config {
        prefix: prefix.to_owned(),
        ..Config::default()
    };
    let server = Server::new()
        .websocket("/ws/echo", echo)
        .websocket("/ws/panic", async |mut socket: WebSocket| {
            socket.recv().await;
            panic!("as the attack wants it")
        })
        .get("/panic", async |_: Request| {
            panic!("as the attack wants it")
        })
        .get("/stream", async |_: Request| {
            Response::new(200).with_writer(async |mut body| {
                drop(body.send("begun").await);
                panic!("as the attack wants it")
            })
        })
        .sockjs(SockJs::new(at("/echo"), sockjs_echo)?)
        .sockjs(SockJs::new(at("/handler"), sockjs_panic)?)
        .sockjs(SockJs::callbacks(
            at("/callbacks"),
            |_| {},
            |_, _| panic!("as the attack wants it"),
            |_, _| {},
        )?)
        .sockjs(
            SockJs::new(at("/admission"), sockjs_echo)?
                .on_admit(async |_| panic!("as the attack wants it")),
        )
        .bind("127.0.0.1:0")
        .await?;
    println!("listening on http://{}", server.local_addresses()[0]);
    let (handle, mut terminate) = (server.handle(), signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        terminate.recv().await;
        handle.shutdown(PATIENCE);
    });
    server.run().await;
    Ok(())
}

async fn sockjs_echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

async fn sockjs_panic(mut session: Session) {
    let message = session.recv().await;
    assert_eq!(message, None, "as the attack wants it");
}

pub(crate) async fn attack(subject: &Subject, round: usize) -> Fallible<Vec<String>> {
    let mut peers = JoinSet::new();
    let address = subject.address;
    for number in round * PEERS..(round + 1) * PEERS {
        peers.spawn(websocket(address));
        peers.spawn(http(address));
        peers.spawn(stream(address));
        peers.spawn(sockjs_socket(address, number));
        for service in ["/handler", "/callbacks"] {
            peers.spawn(sockjs_polling(address, service, number));
        }
        peers.spawn(admission(address, number));
    }
    let count = peers.len();
    while let Some(peer) = peers.join_next().await {
        peer??;
    }
    Ok(vec![format!(
        "{count} callers got a close frame with 1011, a 500 or a response without its end, as it is stated"
    )])
}

async fn websocket(address: SocketAddr) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    peer.upgrade("/ws/panic").await?;
    peer.write(masked(TEXT, b"x")).await?;
    closed_with_1011(&mut peer).await
}

async fn http(address: SocketAddr) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    peer.get("/panic").await?;
    match peer.status().await? {
        500 => Ok(()),
        status => Err(format!("a panic is answered {status}").into()),
    }
}

/// Only a cut tells that more was to come.
async fn stream(address: SocketAddr) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    peer.get("/stream").await?;
    let answer = peer.end(PATIENCE).await?;
    if answer.starts_with("HTTP/1.1 200 ") && !answer.ends_with("0\r\n\r\n") {
        return Ok(());
    }
    Err(format!("a stream that panics is answered {answer:?}").into())
}

async fn sockjs_socket(address: SocketAddr, number: usize) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    peer.upgrade(&format!("/handler/000/socket-{number}/websocket"))
        .await?;
    peer.write(masked(TEXT, br#"["x"]"#)).await?;
    for expected in ["o", INTERNAL_ERROR] {
        let (_, payload) = peer.frame().await?;
        if payload != expected.as_bytes() {
            return Err(format!("{payload:?} instead of {expected}").into());
        }
    }
    closed_with_1011(&mut peer).await
}

async fn sockjs_polling(address: SocketAddr, service: &'static str, number: usize) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    let url = format!("{service}/000/polling-{number}");
    for (transport, body, expected) in [
        ("xhr", "", (200, "o\n".to_owned())),
        ("xhr_send", r#"["x"]"#, (204, String::new())),
        ("xhr", "", (200, format!("{INTERNAL_ERROR}\n"))),
    ] {
        peer.post(&format!("{url}/{transport}"), body).await?;
        let answer = peer.answer().await?;
        if answer != expected {
            return Err(format!("{service}: {answer:?} instead of {expected:?}").into());
        }
    }
    Ok(())
}

async fn admission(address: SocketAddr, number: usize) -> Fallible<()> {
    let mut peer = Peer::connect(address).await?;
    peer.post(&format!("/admission/000/refused-{number}/xhr"), "")
        .await?;
    match peer.status().await? {
        500 => Ok(()),
        status => Err(format!("an admission that panics is answered {status}").into()),
    }
}

async fn closed_with_1011(peer: &mut Peer) -> Fallible<()> {
    match peer.frame().await? {
        (CLOSE, payload) if payload.starts_with(&1011_u16.to_be_bytes()) => Ok(()),
        frame => Err(format!("{frame:?} instead of a close frame with 1011").into()),
    }
}

const INTERNAL_ERROR: &str = r#"c[1011,"Internal error"]"#;
const PEERS: usize = 200;
