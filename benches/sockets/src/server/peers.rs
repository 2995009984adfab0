//! Other crates on tokio, as their documents show an echo server.

use std::io;

use fastwebsockets::upgrade::upgrade;
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use futures_util::{FutureExt, SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_websockets::ServerBuilder;

/// With the defaults: 128 KiB to read into, "for high read load".
pub fn tokio_tungstenite() -> io::Result<()> {
    serve(|stream| tungstenite_echo(stream, WebSocketConfig::default()))
}

/// With 4 KiB to read into, "for scenarios where you expect a lot of connections".
pub fn tokio_tungstenite_4k() -> io::Result<()> {
    serve(|stream| tungstenite_echo(stream, WebSocketConfig::default().read_buffer_size(4096)))
}

async fn tungstenite_echo(stream: TcpStream, config: WebSocketConfig) -> Option<()> {
    let accepted = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await;
    let mut ws = accepted.ok()?;
    while let Some(Ok(message)) = ws.next().await {
        if message.is_text() || message.is_binary() {
            ws.send(message).await.ok()?;
        }
    }
    Some(())
}

/// With batches made by the application: everything that is there is answered, then flushed.
pub fn tokio_tungstenite_feed() -> io::Result<()> {
    serve(async |stream| {
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let accepted = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await;
        let mut ws = accepted.ok()?;
        while let Some(Ok(message)) = ws.next().await {
            let mut next = Some(message);
            while let Some(message) = next {
                if message.is_text() || message.is_binary() {
                    ws.feed(message).await.ok()?;
                }
                next = match ws.next().now_or_never() {
                    Some(message) => Some(message?.ok()?),
                    None => None,
                };
            }
            ws.flush().await.ok()?;
        }
        Some(())
    })
}

pub fn tokio_websockets() -> io::Result<()> {
    serve(async |stream| {
        let (_, mut ws) = ServerBuilder::new().accept(stream).await.ok()?;
        while let Some(Ok(message)) = ws.next().await {
            if message.is_text() || message.is_binary() {
                ws.send(message).await.ok()?;
            }
        }
        Some(())
    })
}

pub fn fastwebsockets() -> io::Result<()> {
    serve(async |stream| {
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(fastwebsockets_upgrade))
            .with_upgrades()
            .await
            .ok()
    })
}

async fn fastwebsockets_upgrade(
    mut request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, socket) = upgrade(&mut request)?;
    tokio::spawn(async move {
        let mut ws = FragmentCollector::new(socket.await?);
        loop {
            let frame = ws.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return Ok::<(), WebSocketError>(()),
                OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
                _ => {}
            }
        }
    });
    Ok(response)
}

#[tokio::main]
async fn serve<F, Fut>(handle: F) -> io::Result<()>
where
    F: Fn(TcpStream) -> Fut,
    Fut: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(handle(stream));
    }
}
