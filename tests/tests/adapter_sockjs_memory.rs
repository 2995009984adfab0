//! What an idle session costs, over what its connection costs anyway: bytes asked of the heap.

use std::time::Duration;

use adapter_tokio::sockjs::proto::{Config, Transport};
use adapter_tokio::{Response, Server, Session, SockJs, WebSocket};
use tests::heap::{Counting, Meter};
use tests::rt::soon;
use tests::serve::Running;
use tests::visitor::Http;
use websocket_proto::handshake::OriginPolicy;

#[global_allocator]
static HEAP: Counting = Counting;

async fn echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

async fn plain(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}

fn config() -> Config {
    Config {
        prefix: "/echo".into(),
        origins: OriginPolicy::Any,
        // None ends while it is measured.
        disconnect_delay: Duration::from_secs(600),
        closing_deadline: Duration::from_secs(600),
        ..Config::default()
    }
}

async fn server(service: &SockJs) -> Running {
    let server = Server::new()
        .sockjs(service.clone())
        .websocket("/ws", plain)
        .get("/page", async |_| Response::text("a page"));
    Running::start(server).await
}

async fn upgrade(http: &mut Http, path: &str, frame: usize) {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    http.ask("GET", path, fields, "").await;
    assert_eq!(soon(http.head()).await.unwrap().0, 101);
    soon(http.raw(frame)).await;
}

/// Bytes per session.
fn each(meter: &Meter, sessions: usize) -> isize {
    meter.held() / sessions.cast_signed()
}

/// A poll of that session that is answered.
async fn poll(http: &mut Http, session: &str) {
    http.ask("POST", &format!("/echo/0/{session}/xhr"), "", "")
        .await;
    assert_eq!(soon(http.head()).await.unwrap().0, 200);
    assert_eq!(soon(http.body()).await.unwrap(), "o\n");
}

/// Bytes of a session between two polls, by one connection.
async fn between_polls(service: &SockJs) -> isize {
    let server = server(service).await;
    let mut one = Http::connect(&server.address).await;
    let mut cost = 0;
    // The first round fills tables and pools.
    for round in 0..2 {
        let meter = Meter::start();
        for n in 0..POLLING {
            poll(&mut one, &format!("{round}-{n:06}")).await;
        }
        cost = each(&meter, POLLING);
    }
    cost
}

#[tokio::test]
async fn an_idle_session_between_polls_is_small() {
    let handled = SockJs::new(config(), echo).unwrap();
    let handled = between_polls(&handled).await;
    let called = SockJs::callbacks(
        config(),
        |_| {},
        |session, message| drop(session.try_send(message)),
        |_, _| {},
    );
    let called = between_polls(&called.unwrap()).await;
    println!("between polls: {handled}, with callbacks {called}");
    assert!(handled < BETWEEN && called < CALLBACKS);
}

#[tokio::test]
async fn an_idle_session_with_a_receiver_is_small() {
    let service = SockJs::new(config(), echo).unwrap();
    let server = server(&service).await;
    let mut kept = Vec::new();
    let mut costs = Vec::new();
    // The first round fills tables and pools.
    for round in ["warm", "stream", "poll"] {
        let mut connections = Vec::with_capacity(SESSIONS);
        for _ in 0..SESSIONS {
            let mut http = Http::connect(&server.address).await;
            http.ask("GET", "/page", "", "").await;
            soon(http.head()).await.unwrap();
            soon(http.body()).await.unwrap();
            connections.push(http);
        }
        let meter = Meter::start();
        let polls = service.stats().transport(Transport::Xhr).requests;
        for (n, http) in connections.iter_mut().enumerate() {
            let session = format!("{n:04}-{round}");
            if round == "poll" {
                poll(http, &session).await;
                // This one waits.
                let target = format!("/echo/0/{session}/xhr");
                http.ask("POST", &target, "", "").await;
                continue;
            }
            let target = format!("/echo/0/{session}/xhr_streaming");
            http.ask("POST", &target, "", "").await;
            soon(http.head()).await.unwrap();
            while soon(http.piece()).await.unwrap().unwrap() != b"o\n" {}
        }
        let expected = polls + 2 * connections.len() as u64;
        while round == "poll" && service.stats().transport(Transport::Xhr).requests < expected {
            tokio::task::yield_now().await;
        }
        costs.push(each(&meter, SESSIONS));
        kept.push(connections);
    }
    println!("streaming: {}, waiting poll: {}", costs[1], costs[2]);
    assert!(costs[1] < STREAMING && costs[2] < WAITING);
}

#[tokio::test]
async fn an_idle_session_over_a_websocket_is_small() {
    let service = SockJs::new(config(), echo).unwrap();
    let server = server(&service).await;
    let mut kept = Vec::with_capacity(2 * ROUNDS * SOCKETS);
    let (mut plain, mut session) = (isize::MAX, isize::MAX);
    // The first round fills pools, and in some of them tables grow.
    for _ in 0..ROUNDS {
        for (least, path, frame) in [
            (&mut plain, "/ws", 0),
            (&mut session, "/echo/0/x/websocket", 3),
        ] {
            let meter = Meter::start();
            for _ in 0..SOCKETS {
                let mut http = Http::connect(&server.address).await;
                upgrade(&mut http, path, frame).await;
                kept.push(http);
            }
            *least = each(&meter, SOCKETS).min(*least);
        }
    }
    println!("websocket: {} over {plain}", session - plain);
    assert!(session - plain < WEBSOCKET);
}

/// By one connection.
const POLLING: usize = 2000;
/// Each with a connection, which has two ends here; more than this are too many files for some systems.
const SESSIONS: usize = 300;
const SOCKETS: usize = 60;
const ROUNDS: usize = 5;
// Somewhat above what is measured, as far as tables that happen to grow make a difference. The heap itself
// adds about a tenth.
const BETWEEN: isize = 590;
const CALLBACKS: isize = 420;
/// Over a connection that no session was asked for on.
const STREAMING: isize = 850;
const WAITING: isize = 880;
const WEBSOCKET: isize = 260;
