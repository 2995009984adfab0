//! An echo server behind hyper: hyper speaks HTTP, and the stream it hands over when a request
//! becomes a WebSocket is driven by hand.
//!
//! ```text
//! cargo run -p tests --example hyper_upgrade -- [ADDRESS]
//! ```

use std::{env, sync::Arc, time::Duration};

use hyper::{Request, Response, body::Incoming, http, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::{net::TcpListener, time::timeout};
use websocket_proto::handshake::{Accept, Agreed, Policy, Upgrade};
use websocket_proto::{Connection, Event, Instant, Machine, Outbox, Refused};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).unwrap_or("127.0.0.1:0".into())).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let stream = TokioIo::new(listener.accept().await?.0);
        let connection = http1::Builder::new().serve_connection(stream, service_fn(answer));
        tokio::spawn(connection.with_upgrades());
    }
}

/// The handshake reads hyper's request and writes hyper's response.
async fn answer(request: Request<Incoming>) -> http::Result<Response<String>> {
    let policy = Policy::default();
    let upgrade = match Upgrade::read(&request, &policy) {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.to_http(policy.drafts),
    };
    let accepted = upgrade.accept(Accept::default()).expect("nothing chosen");
    tokio::spawn(echo(request, accepted.agreed()));
    accepted.to_http()
}

/// The machine never sees the stream: it is told what was read and what time it is, and says what to
/// write and when to wake it.
async fn echo(request: Request<Incoming>, agreed: Agreed) -> io::Result<()> {
    let upgraded = hyper::upgrade::on(request).await;
    let mut stream = TokioIo::new(upgraded.map_err(io::Error::other)?);
    let start = std::time::Instant::now();
    let now = || Instant::ZERO + start.elapsed();
    let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), now());
    // What was read and the machine has not taken yet is `buffer[held]`.
    let (mut buffer, mut held) = ([0; 16 * 1024], 0..0);
    while !ws.is_finished() {
        if held.is_empty() {
            let left = ws.poll_timeout().unwrap_or(Instant::FAR) - now();
            match timeout(left, stream.read(&mut buffer)).await {
                Ok(Ok(0)) => ws.receive_eof(now()),
                Ok(n) => held = 0..n?,
                Err(_) => {}
            }
        }
        held.start += ws.receive(now(), &mut buffer[held.clone()]);
        ws.handle_timeout(now());
        while let Some(event) = ws.poll_event() {
            if ws.can_send() == Err(Refused::Full) {
                timeout(STALL, stream.write_all_buf(ws.outbox())).await??;
            }
            if let Event::Message(message) = event {
                // Refused only once the connection is closing: nobody waits for an echo.
                let _ = ws.send(message);
            }
        }
        timeout(STALL, stream.write_all_buf(ws.outbox())).await??;
    }
    stream.shutdown().await
}

/// How long the peer may take to read what there is to write.
const STALL: Duration = Duration::from_secs(30);
