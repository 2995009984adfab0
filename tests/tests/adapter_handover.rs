//! What a connection's task hands its handler while it polls it: nothing is lost or told twice, whoever
//! takes it, or does not.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use adapter_core::{Address, Server, WebSocket, WebSocketRoute};
use smol::channel::{Receiver, Sender, unbounded};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use tests::toy::{End, Toy, pipe, run};
use websocket_proto::Message;
use websocket_proto::connection::Cause;

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
    for texts in ["", "a", "abc"] {
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
                pending().await
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
                for texts in ["a", "bc", "d", "efg"] {
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
            for texts in ["a", "bc", "def"] {
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

/// Lets the others have a turn.
async fn pass() {
    let mut passed = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut passed, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
