//! Sends every message back. `cargo run -p adapter-smol --example smol_echo_server [ADDRESS]`

use adapter_smol::{Server, WebSocket, block_on};

fn main() -> std::io::Result<()> {
    block_on(run())
}

async fn run() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9001".into());
    let server = Server::new().websocket("/*", echo).bind(address).await?;
    println!("listening on ws://{}", server.local_addresses()[0]);
    server.run().await;
    Ok(())
}

async fn echo(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}
