//! Sends each line of the standard input and prints what comes back.
//! `cargo run -p adapter-smol --example smol_echo_client [URL]`

use std::io::stdin;

use adapter_smol::proto::CloseCode;
use adapter_smol::{ConnectError, Receiver, Sender, block_on, connect};
use blocking::Unblock;
use futures_lite::io::BufReader;
use futures_lite::{AsyncBufReadExt, StreamExt, future};

fn main() -> Result<(), ConnectError> {
    block_on(run())
}

async fn run() -> Result<(), ConnectError> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "ws://127.0.0.1:9001/".into());
    let (sender, mut receiver) = connect(&url).await?.split();
    future::or(send(sender), receive(&mut receiver)).await;
    if let Some(closed) = receiver.closed() {
        eprintln!("{closed}");
    }
    Ok(())
}

async fn send(sender: Sender) {
    let mut lines = BufReader::new(Unblock::new(stdin())).lines();
    while let Some(Ok(line)) = lines.next().await {
        if sender.send(line).await.is_err() {
            break;
        }
    }
    // A connection that is closing already stays as it is.
    let _ = sender.close(CloseCode::NORMAL, "");
    future::pending::<()>().await; // the receiver sees the end
}

async fn receive(receiver: &mut Receiver) {
    while let Some(message) = receiver.recv().await {
        println!("{}", message.as_text().unwrap_or("(binary)"));
    }
}
