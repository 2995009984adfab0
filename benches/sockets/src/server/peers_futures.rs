//! async-tungstenite on async-std and smol, as its documents show an echo server.

use std::io;

use async_tungstenite::accept_async;
use futures_util::StreamExt;
use futures_util::io::{AsyncRead, AsyncWrite};

pub fn async_std() -> io::Result<()> {
    async_std::task::block_on(async {
        let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            async_std::task::spawn(echo(stream));
        }
    })
}

pub fn smol() -> io::Result<()> {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            smol::spawn(echo(stream)).detach();
        }
    })
}

async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    let mut ws = accept_async(stream).await.ok()?;
    while let Some(Ok(message)) = ws.next().await {
        if message.is_text() || message.is_binary() {
            ws.send(message).await.ok()?;
        }
    }
    Some(())
}
