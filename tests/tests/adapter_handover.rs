//! What a connection's task hands its handler while it polls it: nothing is lost or told twice, whoever
//! takes it, or does not.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use adapter_core::{Address, Server, WebSocket, WebSocketRoute};
use smol::channel::{Receiver, Sender, unbounded};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use tests::toy::{End, Toy, pass, pipe, run};
use websocket_proto::connection::{Cause, Config, Prepared, SendOptions};
use websocket_proto::{CloseCode, Message, MessageKind, Refused};

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

async fn upgrade(peer: &mut End) {
    peer.write_all(UPGRADE).await.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).await.expect("a head");
        head.push(byte[0]);
    }
}

/// Masked messages of one byte each, the keys zero.
fn messages(texts: &str) -> Vec<u8> {
    let frame = |byte| [0x81, 0x81, 0, 0, 0, 0, byte];
    texts.bytes().flat_map(frame).collect()
}

const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

async fn expect_answers(peer: &mut End, texts: &str) {
    for expected in texts.bytes() {
        let mut answer = [0; 3];
        peer.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(answer, [0x81, 1, expected]);
    }
}

/// A server whose connection is served on one end of a pipe, and the other end.
fn serve<F, Fut>(handler: F) -> (impl Future<Output = ()>, End)
where
    F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (peer, stream) = pipe(1 << 16);
    let server = Server::<Toy>::new().route("/", WebSocketRoute::new(handler));
    (server.serve_connection(stream, Address::Unknown), peer)
}

async fn echo(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
    let closed = ws.closed().expect("it has ended");
    assert!(closed.clean && closed.cause == Cause::Peer);
}

/// Polls `future` once.
async fn glance<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

async fn told(gate: &Receiver<()>) {
    gate.recv().await.expect("somebody tells");
}

async fn tell(gate: &Sender<()>) {
    gate.send(()).await.expect("somebody is told");
}

#[test]
fn an_end_that_comes_with_messages_is_told_behind_them() {
    for texts in ["", "a", "abc", MANY] {
        let (connection, mut peer) = serve(echo);
        run(vec![
            Box::pin(connection),
            Box::pin(async move {
                upgrade(&mut peer).await;
                let batch = [&messages(texts)[..], &CLOSE].concat();
                peer.write_all(&batch).await.expect("written");
                expect_answers(&mut peer, texts).await;
                let mut end = Vec::new();
                peer.read_to_end(&mut end).await.expect("the end");
                assert_eq!(end, b"\x88\x02\x03\xe8");
            }),
        ]);
    }
}

#[test]
fn what_a_handler_does_not_take_waits_for_it() {
    let (open, opened) = unbounded();
    let (say, said) = unbounded();
    let (connection, mut peer) = serve(move |mut ws| {
        let (opened, say) = (opened.clone(), say.clone());
        async move {
            // It waits for messages, and then for something else.
            assert_eq!(glance(ws.recv()).await, Poll::Pending);
            tell(&say).await;
            told(&opened).await;
            assert_eq!(ws.recv().await, Some(Message::text("a")));
            // The rest of what it has is its own for now.
            tell(&say).await;
            told(&opened).await;
            echo(ws).await;
        }
    });
    run(vec![
        Box::pin(connection),
        Box::pin(async move {
            upgrade(&mut peer).await;
            told(&said).await;
            for texts in ["ab", "cd"] {
                peer.write_all(&messages(texts)).await.expect("written");
                // The pipe is empty once the connection has looked.
                pass().await;
            }
            tell(&open).await;
            told(&said).await;
            peer.write_all(&messages("ef")).await.expect("written");
            pass().await;
            tell(&open).await;
            peer.write_all(&CLOSE).await.expect("written");
            expect_answers(&mut peer, "bcdef").await;
        }),
    ]);
}

#[test]
fn a_websocket_may_go_to_another_task_with_what_it_has() {
    for taken in 0..=3 {
        let (give, given) = unbounded();
        let (connection, mut peer) = serve(move |mut ws| {
            let give = give.clone();
            async move {
                assert_eq!(glance(ws.recv()).await, Poll::Pending);
                pass().await;
                for _ in 0..taken {
                    let message = ws.recv().await.expect("it is open");
                    ws.send(message).await.expect("it is open");
                }
                give.send(ws).await.expect("somebody takes it");
                pending::<()>().await;
            }
        });
        let mut connection = Box::pin(connection);
        let (end, ended) = unbounded();
        run(vec![
            Box::pin(async move {
                // Its handler never returns.
                let mut ended = pin!(told(&ended));
                poll_fn(|cx| match connection.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => ended.as_mut().poll(cx),
                })
                .await;
            }),
            Box::pin(async move {
                upgrade(&mut peer).await;
                peer.write_all(&messages("abc")).await.expect("written");
                expect_answers(&mut peer, "abc").await;
                peer.write_all(&messages("d")).await.expect("written");
                peer.write_all(&CLOSE).await.expect("written");
                expect_answers(&mut peer, "d").await;
            }),
            Box::pin(async move {
                echo(given.recv().await.expect("a websocket")).await;
                tell(&end).await;
            }),
        ]);
    }
}

/// A waker of its own, as collections of futures have it.
struct Own(Waker);

impl Wake for Own {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

#[test]
fn a_receiver_may_wait_with_another_waker() {
    for every in 1..4 {
        let (connection, mut peer) = serve(move |ws| {
            let mut echo = Box::pin(echo(ws));
            let mut polls = 0;
            poll_fn(move |cx| {
                polls += 1;
                if polls % every != 0 {
                    return echo.as_mut().poll(cx);
                }
                let own = Waker::from(Arc::new(Own(cx.waker().clone())));
                echo.as_mut().poll(&mut Context::from_waker(&own))
            })
        });
        run(vec![
            Box::pin(connection),
            Box::pin(async move {
                upgrade(&mut peer).await;
                for texts in ["a", "bc", "d", "efg", MANY] {
                    peer.write_all(&messages(texts)).await.expect("written");
                    expect_answers(&mut peer, texts).await;
                }
                peer.write_all(&CLOSE).await.expect("written");
            }),
        ]);
    }
}

#[test]
fn a_handler_may_run_another_connection() {
    let (inner, mut inner_peer) = serve(echo);
    let inner = std::sync::Mutex::new(Some(
        Box::pin(inner) as Pin<Box<dyn Future<Output = ()> + Send>>
    ));
    let (connection, mut peer) = serve(move |ws| {
        let mut inner = inner.lock().expect("not poisoned").take();
        let mut echo = Box::pin(echo(ws));
        poll_fn(move |cx| {
            // In the midst of its own turn, with its messages not taken yet.
            if let Some(future) = &mut inner
                && future.as_mut().poll(cx).is_ready()
            {
                inner = None;
            }
            echo.as_mut().poll(cx)
        })
    });
    run(vec![
        Box::pin(connection),
        Box::pin(async move {
            upgrade(&mut peer).await;
            upgrade(&mut inner_peer).await;
            for texts in ["a", "bc", "def", MANY] {
                inner_peer
                    .write_all(&messages(texts))
                    .await
                    .expect("written");
                peer.write_all(&messages(texts)).await.expect("written");
                expect_answers(&mut peer, texts).await;
                expect_answers(&mut inner_peer, texts).await;
            }
            inner_peer.write_all(&CLOSE).await.expect("written");
            let mut end = Vec::new();
            inner_peer.read_to_end(&mut end).await.expect("the end");
            drop(inner_peer);
            peer.write_all(&CLOSE).await.expect("written");
        }),
    ]);
}

/// So many messages that the task lays more than events out.
const MANY: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What a server wrote up to its close frame, that included, as opcodes and payloads.
async fn frames(peer: &mut End) -> Vec<(u8, Vec<u8>)> {
    let mut frames: Vec<(u8, Vec<u8>)> = Vec::new();
    while frames.last().is_none_or(|(opcode, _)| *opcode != 8) {
        let mut head = [0; 2];
        peer.read_exact(&mut head).await.expect("a frame");
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            peer.read_exact(&mut long).await.expect("its length");
            length = u16::from_be_bytes(long).into();
        }
        let mut payload = vec![0; length];
        peer.read_exact(&mut payload).await.expect("its payload");
        frames.push((head[0] & 0xf, payload));
    }
    frames
}

fn text(text: &str) -> (u8, Vec<u8>) {
    (1, text.as_bytes().to_vec())
}

/// Runs `handler` with [`MANY`] messages that come in one read, and tells what it has sent.
fn answers<F, Fut>(handler: F) -> Vec<(u8, Vec<u8>)>
where
    F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (connection, mut peer) = serve(handler);
    let (tell, told) = std::sync::mpsc::channel();
    run(vec![
        Box::pin(connection),
        Box::pin(async move {
            upgrade(&mut peer).await;
            peer.write_all(&messages(MANY)).await.expect("written");
            tell.send(frames(&mut peer).await).expect("somebody looks");
            peer.write_all(&CLOSE).await.expect("written");
        }),
    ]);
    told.recv().expect("frames")
}

#[test]
fn whatever_way_a_handler_sends_its_order_is_kept() {
    for step in 1..9 {
        let sent = answers(move |mut ws| async move {
            let long = "x".repeat(300);
            for n in 0..MANY.len() {
                ws.recv().await.expect("a message");
                let note = format!("{n}");
                match n % step {
                    1 => ws.send(format!("{note}{long}")).await.expect("open"),
                    2 => ws.try_send(note).expect("room"),
                    3 => ws.ping(note.as_bytes()).expect("open"),
                    4 => ws
                        .send_with(Message::from(note), SendOptions::default())
                        .await
                        .expect("open"),
                    5 => {
                        ws.send(note).await.expect("open");
                        ws.flush().await.expect("open");
                    }
                    6 => {
                        let chunk = note.into_bytes();
                        let sent = ws.send_chunk(MessageKind::Text, chunk, true);
                        sent.await.expect("open");
                    }
                    7 => ws
                        .send_prepared(&Prepared::new(Message::from(note)))
                        .await
                        .expect("open"),
                    _ => ws.send(note).await.expect("open"),
                }
            }
        });
        let expected = (0..MANY.len()).map(|n| match n % step {
            1 => text(&format!("{n}{}", "x".repeat(300))),
            3 => (9, n.to_string().into_bytes()),
            _ => text(&n.to_string()),
        });
        let expected: Vec<_> = expected.chain([(8, vec![0x03, 0xe8])]).collect();
        assert_eq!(sent, expected, "{step}");
    }
}

#[test]
fn what_another_thread_sends_meanwhile_keeps_its_place() {
    for big in [false, true] {
        let sent = answers(move |mut ws| async move {
            ws.recv().await.expect("a message");
            ws.send("first").await.expect("open");
            ws.send("second").await.expect("open");
            let (sender, mut receiver) = ws.split();
            let body = if big { "x".repeat(5000) } else { "x".into() };
            // In the midst of a poll, and waited for.
            std::thread::scope(|scope| {
                scope.spawn(|| sender.try_send(body).expect("room"));
            });
            sender.send("third").await.expect("open");
            receiver.recv().await.expect("a message");
            sender.send("fourth").await.expect("open");
        });
        let body = if big { "x".repeat(5000) } else { "x".into() };
        let texts = ["first", "second", &body, "third", "fourth"].map(text);
        let expected: Vec<_> = texts.into_iter().chain([(8, vec![0x03, 0xe8])]).collect();
        assert_eq!(sent, expected);
    }
}

#[test]
fn a_close_of_another_thread_comes_behind_what_was_sent() {
    let sent = answers(|mut ws| async move {
        ws.recv().await.expect("a message");
        ws.send("first").await.expect("open");
        let (sender, mut receiver) = ws.split();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.close(CloseCode::GOING_AWAY, "").expect("legal"));
        });
        let refused = sender.send("second").await.expect_err("it is closing");
        assert_eq!(refused.why, Refused::Closing);
        while receiver.recv().await.is_some() {}
    });
    assert_eq!(sent, [text("first"), (8, vec![0x03, 0xe9])]);
}

#[test]
fn what_was_sent_before_a_panic_goes_out() {
    let sent = answers(|mut ws| async move {
        ws.recv().await.expect("a message");
        ws.send("first").await.expect("open");
        panic!("on purpose");
    });
    let end = [&[0x03, 0xf3][..], b"Internal error"].concat();
    assert_eq!(sent, [text("first"), (8, end)]);
}

#[test]
fn the_outbox_mark_holds() {
    let (connection, mut peer) = {
        let (peer, stream) = pipe(1 << 16);
        let route = WebSocketRoute::new(|mut ws: WebSocket| async move {
            ws.recv().await.expect("a message");
            let mut sent = 0;
            // An echo waits for room where this one is refused.
            while glance(ws.send("12345678")).await.is_ready() {
                sent += 1;
            }
            assert_eq!(sent, 10, "a mark of 95 bytes, and one more");
            echo(ws).await;
        });
        let config = Config {
            outbox_mark: 95,
            ..Config::default()
        };
        let server = Server::<Toy>::new().route("/", route.config(config));
        (server.serve_connection(stream, Address::Unknown), peer)
    };
    run(vec![
        Box::pin(connection),
        Box::pin(async move {
            upgrade(&mut peer).await;
            peer.write_all(&messages(MANY)).await.expect("written");
            let mut first = vec![0; 100];
            peer.read_exact(&mut first).await.expect("ten answers");
            expect_answers(&mut peer, &MANY[1..]).await;
            peer.write_all(&CLOSE).await.expect("written");
        }),
    ]);
}
