//! SockJS and a WebSocket beside a page of axum's. The arguments are optional: where to listen, and
//! the URL of the client that SockJS's iframes load.
//!
//! `cargo run -p adapter-tokio --features axum --example axum [ADDRESS [URL]]`

use adapter_tokio::sockjs::proto::{Close, Config};
use adapter_tokio::tower::{SockJsService, WebSocketUpgrade};
use adapter_tokio::{Session, SockJs, WebSocket, block_on, proto::handshake::OriginPolicy};
use axum::Router;
use axum::routing::{any, get};
use axum::serve::ListenerExt;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let url = arguments.next();
    let below = |prefix: &str| Config {
        prefix: prefix.into(),
        origins: OriginPolicy::Any,
        default_close: Close::new(3000, "Go away!"),
        sockjs_url: url.clone().unwrap_or(Config::default().sockjs_url),
        ..Config::default()
    };
    let echo_service = SockJs::new(below("/echo"), echo)?;
    let close_service = SockJs::new(below("/close"), async |_: Session| {})?;
    let app = Router::new()
        .route("/", any(async |ws: WebSocketUpgrade| ws.on_upgrade(reply)))
        .route("/page", get("SockJS stands at /echo and /close"))
        .nest_service("/echo", SockJsService::new(echo_service))
        .nest_service("/close", SockJsService::new(close_service));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}

async fn echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

async fn reply(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}
