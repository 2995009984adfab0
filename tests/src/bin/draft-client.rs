//! A client of any draft, for servers of third parties.
//!
//! `draft-client --draft 75|76|7|8|13 --close ours|theirs URL`: sends three texts, each after the echo
//! of the one before, and sees the connection closed from the side that was named. Prints `ok` and what
//! happened, or what went wrong, and exits 1.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use adapter_tokio::{Client, WebSocket};
use websocket_proto::connection::{Cause, Closed};
use websocket_proto::{CloseCode, Draft};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match tokio::time::timeout(PATIENCE, run()).await {
        Ok(result) => result,
        Err(_) => Err("it took too long".into()),
    };
    match result {
        Ok(detail) => {
            println!("ok {detail}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<String, Box<dyn Error>> {
    let (mut draft, mut ours, mut url) = (Draft::Rfc6455, true, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--draft" => draft = Draft::from_name(&value()?).ok_or("no such draft")?,
            "--close" => ours = value()? == "ours",
            _ => url = Some(argument),
        }
    }
    let url = url.ok_or("usage: draft-client --draft 75|76|7|8|13 --close ours|theirs URL")?;
    let origin = url.replacen("ws", "http", 1);
    let origin = origin.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let mut ws = Client::new()
        .draft(draft)
        .origin(origin)
        .connect(&url)
        .await?;
    for text in ["", &"70 thousand ".repeat(6_000), "zwölf € 😀"] {
        ws.send(text).await?;
        let echo = ws.recv().await;
        if echo.as_ref().and_then(|echo| echo.as_text()) != Some(text) {
            return Err(format!("{} bytes came back wrong, {:?}", text.len(), ws.closed()).into());
        }
    }
    let closed = if ours {
        ws.close(CloseCode::NORMAL, "").await?.clone()
    } else {
        asked_to_close(&mut ws).await?
    };
    check(draft, ours, &closed)?;
    Ok(format!("draft {draft}: three echoes, {closed}"))
}

async fn asked_to_close(ws: &mut WebSocket) -> Result<Closed, Box<dyn Error>> {
    ws.send("please close").await?;
    // A server may well echo it first.
    while ws.recv().await.is_some() {}
    ws.closed().cloned().ok_or_else(|| "no end came".into())
}

fn check(draft: Draft, ours: bool, closed: &Closed) -> Result<(), Box<dyn Error>> {
    let good = match draft {
        // It has no closing handshake: TCP ends.
        Draft::Hixie75 => matches!(closed.cause, Cause::Local | Cause::Eof | Cause::Peer),
        Draft::Hixie76 => closed.clean,
        Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
            let reason = if ours { closed.reason.as_str() } else { "bye" };
            closed.clean && closed.code == CloseCode::NORMAL && closed.reason.as_str() == reason
        }
    };
    if good {
        Ok(())
    } else {
        Err(format!("closed wrong: {closed}").into())
    }
}

/// The script waits for a minute.
const PATIENCE: Duration = Duration::from_secs(30);
