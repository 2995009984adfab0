//! No future of a handle keeps anything: each may be dropped at any poll.
//!
//! Every future is dropped at its k-th poll and made anew, for every k, on both sides of a connection
//! over a pipe of any width. The messages must come out the same. The executor polls nobody who was not
//! woken, so a forgotten waker is found, too.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use adapter_core::{Address, Client, Server, WebSocket, WebSocketRoute};
use futures_core::Stream;
use futures_sink::Sink;
use tests::toy::{End, Toy, impatient, pass, pipe, run};
use websocket_proto::connection::Config;
use websocket_proto::{CloseCode, Message};

/// Small marks, so that sends wait and reading pauses.
fn config() -> Config {
    Config {
        outbox_mark: 64,
        inbound_mark: 256,
        ..Config::default()
    }
}

fn message(n: usize) -> Message {
    let length = [0, 1, 30, 200, 1000][n % 5];
    match n % 2 {
        0 => Message::from(format!("{n} {}", "x".repeat(length))),
        _ => Message::from(vec![7; length]),
    }
}

/// For every way of being impatient, and every width of the pipe, from narrow to wide.
fn ways() -> impl Iterator<Item = (usize, usize)> {
    let patience = (1..=6).chain([usize::MAX]);
    patience.flat_map(|patience| [1, 7, 100, 100_000].map(|width| (patience, width)))
}

async fn open(stream: End) -> WebSocket {
    let client = Client::<Toy>::new().config(config());
    client
        .handshake_over(stream, "ws://a/")
        .await
        .expect("open")
}

/// Sends all, receives all in between, closes.
async fn talk(mut ws: WebSocket, patience: usize, received: &RefCell<Vec<Message>>) {
    for n in 0..MESSAGES {
        impatient(patience, || ws.send(message(n)))
            .await
            .expect("sent");
        if n % 3 == 0 {
            impatient(patience, || ws.flush()).await.expect("flushed");
        }
        if n % 4 == 0 {
            ws.ping(b"ping").expect("sent");
        }
        // Two are under way at most: an echo that nobody takes stops the other side.
        if n > 0 {
            let message = loop_recv(&mut ws, patience).await;
            received.borrow_mut().push(message.expect("an echo"));
        }
    }
    while received.borrow().len() < MESSAGES {
        let message = loop_recv(&mut ws, patience).await;
        received.borrow_mut().push(message.expect("an echo"));
    }
    // What `close` does, with each of its waits cut short.
    let (sender, mut receiver) = ws.split();
    sender.close(CloseCode::NORMAL, "done").expect("legal");
    let receiver = RefCell::new(&mut receiver);
    let end = impatient(patience, || {
        poll_fn(|cx| Pin::new(&mut **receiver.borrow_mut()).poll_next(cx))
    });
    assert_eq!(end.await, None);
    assert!(sender.closed().await.expect("closed").clean);
}

async fn loop_recv(ws: &mut WebSocket, patience: usize) -> Option<Message> {
    let ws = RefCell::new(ws);
    #[expect(clippy::await_holding_refcell_ref, reason = "one future at a time")]
    impatient(patience, async || ws.borrow_mut().recv().await).await
}

async fn echo(mut ws: WebSocket, patience: usize) {
    while let Some(message) = loop_recv(&mut ws, patience).await {
        if impatient(patience, || ws.send(message.clone()))
            .await
            .is_err()
        {
            break;
        }
    }
    assert!(ws.closed().expect("closed").clean);
}

fn expect(received: RefCell<Vec<Message>>, patience: usize, width: usize) {
    let expected: Vec<_> = (0..MESSAGES).map(message).collect();
    assert!(
        received.into_inner() == expected,
        "patience {patience}, width {width}"
    );
}

#[test]
fn handles_that_move_the_bytes() {
    for (patience, width) in ways() {
        let received = RefCell::default();
        let (ours, theirs) = pipe(width);
        run(vec![
            Box::pin(async { talk(open(ours).await, patience, &received).await }),
            Box::pin(async {
                let route = WebSocketRoute::default().config(config());
                echo(
                    Server::<Toy>::accept(theirs, route).await.expect("open"),
                    patience,
                )
                .await;
            }),
        ]);
        expect(received, patience, width);
    }
}

#[test]
fn a_handler_in_the_connection_task() {
    for (patience, width) in ways() {
        let received = RefCell::default();
        let (ours, theirs) = pipe(width);
        // `impatient` is not `Send` here; its moves are those of `select!`, which the handler makes by hand.
        let route = WebSocketRoute::new(move |ws| dropping(ws, patience)).config(config());
        let server = Server::<Toy>::new().route("/", route);
        run(vec![
            Box::pin(async { talk(open(ours).await, patience, &received).await }),
            Box::pin(server.serve_connection(theirs, Address::Unknown)),
        ]);
        expect(received, patience, width);
    }
}

/// Echoes; each future is dropped at its `patience`-th poll.
async fn dropping(mut ws: WebSocket, patience: usize) {
    loop {
        let Some(received) = cut(patience, ws.recv()).await else {
            continue;
        };
        let Some(message) = received else { break };
        loop {
            match cut(patience, ws.send(message.clone())).await {
                None => {}
                Some(Ok(())) => break,
                Some(Err(_)) => return,
            }
        }
    }
    assert!(ws.closed().expect("closed").clean);
}

/// `None` when `future` was not done by its `patience`-th poll; somebody else has had a turn then.
async fn cut<T>(patience: usize, future: impl Future<Output = T> + Send) -> Option<T> {
    let mut future = Some(Box::pin(future));
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        let Some(current) = &mut future else {
            return Poll::Ready(None);
        };
        match current.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                if polls == patience {
                    future = None;
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// The connection rests because its queue is full, and must hear that it is not any more.
#[test]
fn a_handle_in_another_task_makes_room() {
    for (rests, width) in [0, 1, 5]
        .into_iter()
        .flat_map(|rests| [7, 100_000].map(|w| (rests, w)))
    {
        let received: RefCell<Vec<Message>> = RefCell::default();
        let (ours, theirs) = pipe(width);
        let (give, taken) = std::sync::mpsc::channel();
        let handler = move |ws: WebSocket| {
            give.send(ws).expect("somebody takes it");
            std::future::pending()
        };
        let route = WebSocketRoute::new(handler).config(config());
        let server = Server::<Toy>::new().route("/", route);
        let handle = server.handle();
        run(vec![
            Box::pin(async {
                let ws = open(ours).await;
                for n in 0..MESSAGES {
                    ws.send(message(n)).await.expect("sent");
                }
                let (sender, _receiver) = ws.split();
                sender.flush().await.expect("flushed");
            }),
            Box::pin(async {
                let mut ws = loop {
                    match taken.try_recv() {
                        Ok(ws) => break ws,
                        Err(_) => pass().await,
                    }
                };
                while let Some(message) = ws.recv().await {
                    received.borrow_mut().push(message);
                    for _ in 0..rests {
                        pass().await;
                    }
                }
                handle.shutdown(std::time::Duration::ZERO);
            }),
            Box::pin(aborting(
                server.serve_connection(theirs, Address::Unknown),
                &received,
            )),
        ]);
        expect(received, rests, width);
    }
}

/// A connection whose handler never returns, until all is received.
async fn aborting(connection: impl Future<Output = ()>, received: &RefCell<Vec<Message>>) {
    let mut connection = std::pin::pin!(connection);
    poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Pending if received.borrow().len() < MESSAGES => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}

#[test]
fn stream_and_sink() {
    for width in [1, 7, 100, 100_000] {
        let received: RefCell<Vec<Message>> = RefCell::default();
        let (ours, theirs) = pipe(width);
        let server = Server::<Toy>::new().websocket("/", async |ws: WebSocket| {
            let (mut sender, mut receiver) = ws.split();
            while let Some(message) = poll_fn(|cx| Pin::new(&mut receiver).poll_next(cx)).await {
                poll_fn(|cx| Pin::new(&mut sender).poll_ready(cx))
                    .await
                    .expect("room");
                Pin::new(&mut sender).start_send(message).expect("taken");
            }
        });
        run(vec![
            Box::pin(async {
                let mut ws = open(ours).await;
                for n in 0..MESSAGES {
                    poll_fn(|cx| Pin::new(&mut ws).poll_ready(cx))
                        .await
                        .expect("room");
                    // More than was promised room for is taken, too.
                    Pin::new(&mut ws).start_send(message(n)).expect("taken");
                }
                poll_fn(|cx| Pin::new(&mut ws).poll_flush(cx))
                    .await
                    .expect("flushed");
                for _ in 0..MESSAGES {
                    let message = poll_fn(|cx| Pin::new(&mut ws).poll_next(cx)).await;
                    received.borrow_mut().push(message.expect("an echo"));
                }
                poll_fn(|cx| Pin::new(&mut ws).poll_close(cx))
                    .await
                    .expect("closed");
                assert_eq!(ws.recv().await, None);
            }),
            Box::pin(server.serve_connection(theirs, Address::Unknown)),
        ]);
        expect(received, 0, width);
    }
}

const MESSAGES: usize = 40;
