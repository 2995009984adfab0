//! Batches, peers that do not read, handlers that do not receive.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use adapter_core::{Address, Server, Stream, WebSocket, WebSocketRoute};
use smol::channel;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::net::TcpStream;
use tests::rt::{Rt, connect, soon, timeout};
use tests::serve::{Running, echo, read_head};
use tests::toy::{End, pipe};
use websocket_proto::connection::{Cause, Config, Timer};
use websocket_proto::{CloseCode, Message, Refused};

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A masked frame whose key is zero.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => panic!("longer than these tests need"),
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

async fn upgrade(peer: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    peer.write_all(UPGRADE).await.expect("written");
    assert!(read_head(peer).await.starts_with("HTTP/1.1 101 "));
}

/// Counts what is asked of a stream.
struct Counted {
    stream: End,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    reads: AtomicUsize,
    writes: AtomicUsize,
}

impl Stream for Counted {
    const VECTORED: bool = true;
    const SHORT_READ_MEANS_EMPTY: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let result = self.stream.poll_read(cx, buffer);
        self.counts
            .reads
            .fetch_add(usize::from(result.is_ready()), Ordering::Relaxed);
        result
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        self.stream.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        let whole: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.stream.poll_write(cx, &whole)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }
}

async fn the_answers_to_one_read_leave_in_one_write<R: Rt>() {
    let (mut peer, stream) = pipe(1 << 20);
    let counts = Arc::new(Counts::default());
    let server = Server::<R>::new().websocket("/", echo);
    let counted = Counted {
        stream,
        counts: Arc::clone(&counts),
    };
    R::spawn(server.serve_connection(counted, Address::Unknown));
    upgrade(&mut peer).await;
    for (size, messages) in [(16, 1), (16, 16), (3_000, 16)] {
        let before = [&counts.reads, &counts.writes].map(|count| count.load(Ordering::Relaxed));
        let batch: Vec<u8> = frame(2, &vec![7; size]).repeat(messages);
        peer.write_all(&batch).await.expect("written");
        let length = batch.len() - messages * 4;
        let mut answer = vec![0; length];
        soon(peer.read_exact(&mut answer)).await.expect("read");
        let after = [&counts.reads, &counts.writes].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(
            [after[0] - before[0], after[1] - before[1]],
            [1, 1],
            "{size} x {messages}"
        );
    }
}

async fn a_peer_that_never_reads_stalls_sends_and_then_the_connection<R: Rt>() {
    let (tell, told) = channel::unbounded();
    let config = Config {
        write_stall: Duration::from_millis(300),
        ..Config::default()
    };
    let route = WebSocketRoute::new(move |mut ws: WebSocket| {
        let tell = tell.clone();
        async move {
            let mut sent = 0_usize;
            let refused = loop {
                match ws.send(vec![0; 10_000]).await {
                    Ok(()) => sent += 10_000,
                    Err(refused) => break refused,
                }
                let _ = tell.try_send(Err(sent));
            };
            assert_eq!(ws.recv().await, None);
            let _ = tell.try_send(Ok((sent, refused, ws.closed().cloned())));
        }
    });
    let server = Running::start(Server::<R>::new().route("/", route.config(config))).await;
    let mut peer = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    upgrade(&mut peer).await;
    let (sent, refused, closed) = loop {
        if let Ok(end) = soon(told.recv()).await.expect("the handler goes on") {
            break end;
        }
    };
    // What the kernel took on both sides, and our mark.
    assert!(sent < 32 * 1024 * 1024, "{sent}");
    assert_eq!(
        (refused.why, refused.payload.as_bytes().len()),
        (Refused::Closing, 10_000)
    );
    assert_eq!(
        closed.expect("closed").cause,
        Cause::Timeout(Timer::WriteStall)
    );
}

async fn a_handler_that_never_receives_stops_the_reading<R: Rt>() {
    let (go, gone) = channel::bounded::<()>(1);
    let handler = move |mut ws: WebSocket| {
        let gone = gone.clone();
        async move {
            let _ = gone.recv().await;
            while let Some(message) = ws.recv().await {
                let _ = ws.send(message.as_bytes().len().to_string()).await;
            }
        }
    };
    let server = Running::start(Server::<R>::new().websocket("/", handler)).await;
    let mut peer = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    upgrade(&mut peer).await;
    // Pings are answered although nobody receives.
    peer.write_all(&frame(9, b"one")).await.expect("written");
    let mut pong = [0; 5];
    soon(peer.read_exact(&mut pong)).await.expect("a pong");
    assert_eq!(&pong, b"\x8a\x03one");
    // Then the window closes: far less is taken than is offered.
    let message = frame(2, &[1; 1000]);
    let (mut reader, mut writer) = (peer.clone(), peer);
    let mut offered = 0;
    let offer = async {
        for _ in 0..64 * 1024 {
            writer.write_all(&message).await.expect("written");
            offered += 1;
        }
    };
    let stopped = timeout(Duration::from_millis(500), offer).await.is_none();
    assert!(stopped, "64 MiB were taken");
    go.try_send(()).expect("the handler waits");
    // Everything offered is received once it receives.
    writer.shutdown(Shutdown::Write).expect("shut");
    let mut answers = Vec::new();
    let _ = soon(reader.read_to_end(&mut answers)).await;
    let received = answers
        .windows(6)
        .filter(|answer| answer == b"\x81\x041000")
        .count();
    assert_eq!(received, offered);
}

async fn try_send_tells_full_and_flush_waits<R: Rt>() {
    let (tell, told) = channel::unbounded();
    let handler = move |ws: WebSocket| {
        let tell = tell.clone();
        async move {
            let mut sent = 0;
            while ws.try_send(vec![0; 50_000]).is_ok() {
                sent += 1;
            }
            let refused = ws.try_send("one more").expect_err("full");
            let _ = tell.try_send((sent, refused.why));
            assert_eq!(ws.flush().await, Ok(()));
            assert_eq!(ws.try_send("one more"), Ok(()));
        }
    };
    let server = Running::start(Server::<R>::new().websocket("/", handler)).await;
    let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    // Two: the mark of 64 KiB is passed by the second.
    assert_eq!(soon(told.recv()).await, Ok((2, Refused::Full)));
    for _ in 0..2 {
        assert_eq!(
            soon(ws.recv()).await.expect("a message").as_bytes().len(),
            50_000
        );
    }
    assert_eq!(soon(ws.recv()).await, Some(Message::from("one more")));
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().expect("closed").code, CloseCode::NORMAL);
}

tests::on_every_runtime! {
    the_answers_to_one_read_leave_in_one_write,
    a_peer_that_never_reads_stalls_sends_and_then_the_connection,
    a_handler_that_never_receives_stops_the_reading,
    try_send_tells_full_and_flush_waits,
}
