//! Servers on loopback for the tests of the adapters.

use std::time::Duration;

use adapter_core::{Address, Server, ServerHandle, WebSocket};

use smol::io::{AsyncRead, AsyncReadExt};

use crate::rt::{Join, Rt, soon, spawn, timeout};

/// A server that runs in a task of its own.
pub struct Running {
    /// Where it listens: `127.0.0.1:PORT`.
    pub address: String,
    /// To end it.
    pub handle: ServerHandle,
    task: Join<()>,
}

impl Running {
    /// Binds `server` to a free port of loopback and runs it.
    pub async fn start<R: Rt>(server: Server<R>) -> Self {
        let server = server
            .bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let Address::Tcp(address) = server.local_addresses()[0] else {
            panic!("not TCP")
        };
        let handle = server.handle();
        Self {
            address: address.to_string(),
            handle,
            task: spawn::<R, _>(server.run()),
        }
    }

    /// `ws://` and `path` there.
    pub fn ws(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Ends it and waits for that; panics when it takes longer than `grace` and a second.
    pub async fn stop(self, grace: Duration) {
        self.handle.shutdown(grace);
        let limit = grace + Duration::from_secs(1);
        let ended = timeout(limit, self.task).await.expect("it ends in time");
        ended.expect("no panic");
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Running").field(&self.address).finish()
    }
}

/// The echo handler of the README.
pub async fn echo(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}

/// Reads a head, to its empty line.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        soon(stream.read_exact(&mut byte)).await.expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}
