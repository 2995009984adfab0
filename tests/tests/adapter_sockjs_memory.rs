//! What an idle session costs, over what its connection costs anyway.

use adapter_tokio::sockjs::proto::Config;
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

async fn server() -> Running {
    let config = Config {
        prefix: "/echo".into(),
        origins: OriginPolicy::Any,
        ..Config::default()
    };
    let server = Server::new()
        .sockjs(SockJs::new(config, echo).unwrap())
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
fn each(meter: &Meter) -> isize {
    meter.held() / SESSIONS as isize
}

#[tokio::test]
async fn an_idle_session_is_small() {
    let server = server().await;
    let mut one = Http::connect(&server.address).await;
    for round in 0..2 {
        // Sessions between polls, all by one connection. The first of them fill tables and pools.
        let meter = Meter::start();
        for n in 0..SESSIONS {
            one.ask("POST", &format!("/echo/0/{round}-{n:04}/xhr"), "", "")
                .await;
            assert_eq!(soon(one.head()).await.unwrap().0, 200);
            assert_eq!(soon(one.body()).await.unwrap(), "o\n");
        }
        let polling = each(&meter);
        println!("between polls: {polling}");
        assert!(round == 0 || polling < LIMIT);
    }

    let mut connections = Vec::new();
    for _ in 0..SESSIONS {
        let mut http = Http::connect(&server.address).await;
        http.ask("GET", "/page", "", "").await;
        soon(http.head()).await.unwrap();
        soon(http.body()).await.unwrap();
        connections.push(http);
    }
    let meter = Meter::start();
    for (n, http) in connections.iter_mut().enumerate() {
        let target = format!("/echo/0/s{n:04}/xhr_streaming");
        http.ask("POST", &target, "", "").await;
        soon(http.head()).await.unwrap();
        while soon(http.piece()).await.unwrap().unwrap() != b"o\n" {}
    }
    let streaming = each(&meter);
    println!("streaming: {streaming}");
    assert!(streaming < STREAMING_LIMIT);
}

#[tokio::test]
async fn an_idle_session_over_a_websocket_is_small() {
    let server = server().await;
    let mut kept = Vec::new();
    let mut costs = Vec::new();
    // The first round fills tables and pools.
    for (path, frame) in [("/ws", 0), ("/ws", 0), ("/echo/0/x/websocket", 3)] {
        let meter = Meter::start();
        for _ in 0..SESSIONS {
            let mut http = Http::connect(&server.address).await;
            upgrade(&mut http, path, frame).await;
            kept.push(http);
        }
        costs.push(each(&meter));
    }
    println!("websocket: {} over {}", costs[2] - costs[1], costs[1]);
    assert!(costs[2] - costs[1] < LIMIT);
}

const SESSIONS: usize = 400;
const LIMIT: isize = 1024;
/// With what a response under way needs beside the session.
const STREAMING_LIMIT: isize = 1280;
