//! Ours: the README's examples as they stand there (`build.rs`), and the same loop for SockJS.

use std::io;

pub fn tokio_echo() -> io::Result<()> {
    echo_tokio::start()
}

pub fn async_std_echo() -> io::Result<()> {
    echo_async_std::start()
}

pub fn smol_echo() -> io::Result<()> {
    echo_smol::start()
}

pub fn chat() -> io::Result<()> {
    chat_tokio::start().map_err(io::Error::other)
}

mod echo_tokio {
    include!(concat!(env!("OUT_DIR"), "/echo_tokio.rs"));
    pub(super) fn start() -> std::io::Result<()> {
        main()
    }
}

mod echo_async_std {
    include!(concat!(env!("OUT_DIR"), "/echo_async_std.rs"));
    pub(super) fn start() -> std::io::Result<()> {
        main()
    }
}

mod echo_smol {
    include!(concat!(env!("OUT_DIR"), "/echo_smol.rs"));
    pub(super) fn start() -> std::io::Result<()> {
        main()
    }
}

mod chat_tokio {
    include!(concat!(env!("OUT_DIR"), "/chat_tokio.rs"));
    pub(super) fn start() -> Result<(), String> {
        main().map_err(|error| error.to_string())
    }
}

/// The README's loop with four times the default marks, as for an application whose messages are large.
#[tokio::main]
pub async fn tokio_echo_marks() -> io::Result<()> {
    use adapter_tokio::proto::connection::Config;
    use adapter_tokio::{Server, WebSocket, WebSocketRoute};

    async fn echo(mut ws: WebSocket) {
        while let Some(message) = ws.recv().await {
            if ws.send(message).await.is_err() {
                break;
            }
        }
    }
    let config = Config {
        outbox_mark: 256 * 1024,
        inbound_mark: 256 * 1024,
        ..Config::default()
    };
    let route = WebSocketRoute::new(echo).config(config);
    let server = Server::new()
        .route("/echo", route)
        .bind("127.0.0.1:0")
        .await?;
    println!("listening on {}", server.local_addresses()[0]);
    server.run().await;
    Ok(())
}

/// The README's loop on a session, at `/echo`.
#[tokio::main]
pub async fn sockjs_echo() -> io::Result<()> {
    use adapter_tokio::sockjs::proto::Config;
    use adapter_tokio::{Server, Session, SockJs};

    async fn echo(mut session: Session) {
        while let Some(message) = session.recv().await {
            if session.send(message).await.is_err() {
                break;
            }
        }
    }

    let config = Config {
        prefix: "/echo".into(),
        ..Config::default()
    };
    let service = SockJs::new(config, echo).map_err(io::Error::other)?;
    let server = Server::new().sockjs(service).bind("127.0.0.1:0").await?;
    println!("listening on {}", server.local_addresses()[0]);
    server.run().await;
    Ok(())
}
