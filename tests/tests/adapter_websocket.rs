//! WebSockets over loopback: our client against our server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter_core::futures::Io;
use adapter_core::{
    Acceptance, Address, Client, ConnectError, Response, Server, WebSocket, WebSocketRoute,
};
use smol::future::{poll_once, yield_now};
use tests::rt::{Rt, connect, sleep, soon, spawn, timeout};
use tests::serve::{Running, echo};
use tests::toy::pipe;
use websocket_proto::connection::{Cause, Config, Delivery, Event, Prepared};
use websocket_proto::{CloseCode, Draft, Drafts, Message, MessageKind, deflate};

fn route() -> WebSocketRoute {
    WebSocketRoute::new(echo).drafts(Drafts::ALL)
}

async fn every_draft_echoes_and_closes_from_either_side<R: Rt>() {
    let closing = WebSocketRoute::new(async |mut ws: WebSocket| {
        let _ = ws.recv().await;
        let _ = ws.close(CloseCode::NORMAL, "bye").await;
    });
    let server = Server::<R>::new().route("/echo", route());
    let server = Running::start(server.route("/close", closing.drafts(Drafts::ALL))).await;
    for draft in Draft::ALL {
        let client = Client::<R>::new().draft(draft);
        let mut ws = soon(client.connect(&server.ws("/echo")))
            .await
            .expect("open");
        assert_eq!((ws.draft(), ws.request().path()), (draft, "/echo"));
        for text in ["", "hello", &"zwölf ".repeat(20_000)] {
            ws.send(text).await.expect("sent");
            assert_eq!(soon(ws.recv()).await, Some(Message::from(text)), "{draft}");
        }
        let closed = soon(ws.close(CloseCode::NORMAL, "")).await.expect("legal");
        assert_eq!(closed.cause, Cause::Local, "{draft}");

        let mut ws = soon(client.connect(&server.ws("/close")))
            .await
            .expect("open");
        ws.send("now").await.expect("sent");
        assert_eq!(soon(ws.recv()).await, None);
        let closed = ws.closed().expect("closed");
        match draft {
            Draft::Hixie75 => assert_eq!(closed.cause, Cause::Eof),
            Draft::Hixie76 => assert!(closed.clean && closed.cause == Cause::Peer),
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
                assert_eq!(
                    (closed.code, closed.reason.as_str()),
                    (CloseCode::NORMAL, "bye")
                );
                assert!(closed.clean && closed.cause == Cause::Peer);
            }
        }
    }
    server.stop(Duration::ZERO).await;
}

async fn large_messages_both_ways<R: Rt>() {
    let server = Running::start(Server::<R>::new().route("/echo", route())).await;
    let mut ws = soon(connect::<R>(&server.ws("/echo"))).await.expect("open");
    for length in [125, 126, 65_535, 65_536, 1_000_000, 16 * 1024 * 1024] {
        let message = Message::binary(vec![7; length]);
        ws.send(message.clone()).await.expect("sent");
        assert!(soon(ws.recv()).await == Some(message), "{length}");
    }
    ws.send(vec![0; 16 * 1024 * 1024 + 1]).await.expect("sent");
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().expect("closed").code, CloseCode::TOO_BIG);
}

async fn deflate_is_negotiated_and_used<R: Rt>() {
    let config = deflate::Config::default();
    let server =
        Running::start(Server::<R>::new().route("/", route().deflate(config.clone()))).await;
    let mut ws = soon(Client::<R>::new().deflate(config).connect(&server.ws("/")))
        .await
        .expect("open");
    let response = ws.response().expect("a client has one");
    assert!(response.headers().get("sec-websocket-extensions").is_some());
    for _ in 0..3 {
        let text = "again and ".repeat(10_000);
        ws.send(text.as_str()).await.expect("sent");
        assert_eq!(soon(ws.recv()).await, Some(Message::from(text)));
    }
}

async fn prepared_messages_chunks_and_pings<R: Rt>() {
    async fn talk(mut ws: WebSocket) {
        ws.send_prepared(&Prepared::new(Message::from("prepared")))
            .await
            .expect("sent");
        for (chunk, last) in [("a", false), ("b", false), ("c", true)] {
            ws.send_chunk(MessageKind::Text, chunk, last)
                .await
                .expect("sent");
        }
        while ws.recv().await.is_some() {}
    }
    let server = Running::start(Server::<R>::new().websocket("/", talk)).await;
    let config = Config {
        delivery: Delivery::Streamed,
        ..Config::default()
    };
    let mut ws = soon(Client::<R>::new().config(config).connect(&server.ws("/")))
        .await
        .expect("open");
    let (mut text, mut chunks) = (Vec::new(), 0);
    while chunks < 2 {
        let Some(Event::Chunk(chunk)) = soon(ws.next_event()).await else {
            panic!()
        };
        text.extend_from_slice(&chunk.payload);
        chunks += usize::from(chunk.last);
    }
    assert_eq!(text, b"preparedabc");
    ws.ping(b"are you there").expect("sent");
    let Some(Event::Pong { payload, rtt }) = soon(ws.next_event()).await else {
        panic!()
    };
    assert_eq!(payload, "are you there");
    assert!(rtt.is_some());
}

async fn split_halves_live_in_two_tasks<R: Rt>() {
    let server = Running::start(Server::<R>::new().route("/", route())).await;
    let ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    let (sender, mut receiver) = ws.split();
    let sending = spawn::<R, _>(async move {
        for n in 0..2_000 {
            sender
                .send(format!("{n} {}", "x".repeat(500)))
                .await
                .expect("sent");
        }
        sender
    });
    for n in 0..2_000 {
        let message = soon(receiver.recv()).await.expect("an echo");
        assert!(
            message
                .as_text()
                .expect("text")
                .starts_with(&format!("{n} "))
        );
    }
    let sender = soon(sending).await.expect("no panic");
    sender.close(CloseCode::NORMAL, "").expect("legal");
    assert_eq!(soon(receiver.recv()).await, None);
    assert!(soon(sender.closed()).await.expect("closed").clean);
}

/// Both halves of a *server's* connection, with clones of the sender in tasks outside the connection's own.
async fn handles_in_other_tasks_wake_the_connection<R: Rt>() {
    async fn fan<R: Rt>(ws: WebSocket) {
        let (sender, mut receiver) = ws.split();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                spawn::<R, _>(async move {
                    for _ in 0..500 {
                        sender.send("x".repeat(300)).await.expect("sent");
                        yield_now().await;
                    }
                })
            })
            .collect();
        while let Some(message) = receiver.recv().await {
            sender.send(message).await.expect("sent");
        }
        for task in tasks {
            let _ = task.await;
        }
    }
    let server = Running::start(Server::<R>::new().websocket("/", fan::<R>)).await;
    let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    for _ in 0..100 {
        ws.send("mine").await.expect("sent");
    }
    let (mut fanned, mut mine) = (0, 0);
    while fanned < 2_000 || mine < 100 {
        match soon(ws.recv()).await.expect("a message").as_text() {
            Some("mine") => mine += 1,
            _ => fanned += 1,
        }
    }
    assert!(
        soon(ws.close(CloseCode::NORMAL, ""))
            .await
            .expect("legal")
            .clean
    );
}

async fn a_panic_touches_no_other_connection<R: Rt>() {
    async fn fragile(mut ws: WebSocket) {
        while let Some(message) = ws.recv().await {
            assert_ne!(message.as_text(), Some("panic"), "as the test wants it");
            let _ = ws.send(message).await;
        }
    }
    let server = Running::start(Server::<R>::new().websocket("/", fragile)).await;
    let mut good = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    let mut bad = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    bad.send("panic").await.expect("sent");
    assert_eq!(soon(bad.recv()).await, None);
    let closed = bad.closed().expect("closed");
    assert_eq!(
        (closed.code, closed.reason.as_str()),
        (CloseCode::INTERNAL, "Internal error")
    );
    good.send("fine").await.expect("sent");
    assert_eq!(soon(good.recv()).await, Some(Message::from("fine")));
}

async fn a_handler_may_panic_before_its_first_wait<R: Rt>() {
    let server =
        Server::<R>::new().websocket("/", |_| -> std::future::Ready<()> { panic!("at once") });
    let server = Running::start(server).await;
    let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().expect("closed").code, CloseCode::INTERNAL);
}

async fn drain_reaches_a_connection_that_is_just_being_upgraded<R: Rt>() {
    let route = route().on_upgrade(async |_| {
        sleep(Duration::from_millis(100)).await;
        Ok(Acceptance::new())
    });
    let server = Running::start(Server::<R>::new().route("/", route)).await;
    let url = server.ws("/");
    let connecting = spawn::<R, _>(async move { connect::<R>(&url).await.expect("open") });
    sleep(Duration::from_millis(30)).await;
    let stopping = spawn::<R, _>(server.stop(Duration::from_secs(5)));
    let mut ws = soon(connecting).await.expect("no panic");
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().expect("closed").code, CloseCode::GOING_AWAY);
    soon(stopping).await.expect("no panic");
}

async fn a_handler_that_returns_closes_with_1000<R: Rt>() {
    let server = Running::start(Server::<R>::new().websocket("/", async |_| {})).await;
    let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().expect("closed").code, CloseCode::NORMAL);
}

async fn drain_closes_with_1001_and_then_cuts<R: Rt>() {
    let server = Running::start(Server::<R>::new().route("/", route())).await;
    let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    let silent = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    assert_eq!(server.handle.connections(), 2);
    let address = server.address.clone();
    let stopping = spawn::<R, _>(server.stop(Duration::from_millis(300)));
    assert_eq!(soon(ws.recv()).await, None);
    let closed = ws.closed().expect("closed");
    assert_eq!(
        (closed.code, closed.cause),
        (CloseCode::GOING_AWAY, Cause::Peer)
    );
    // The other one never answers the close frame: it is cut off, or `stop` would panic.
    soon(stopping).await.expect("no panic");
    drop(silent);
    assert!(smol::net::TcpStream::connect(address).await.is_err());
}

async fn the_connection_cap_pauses_the_listener<R: Rt>() {
    let server = Running::start(Server::<R>::new().route("/", route()).max_connections(2)).await;
    let first = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    let _second = soon(connect::<R>(&server.ws("/"))).await.expect("open");
    let url = server.ws("/");
    let mut third = spawn::<R, _>(async move { connect::<R>(&url).await.is_ok() });
    let early = timeout(Duration::from_millis(50), &mut third).await;
    assert!(early.is_none() && server.handle.connections() == 2);
    drop(first);
    assert!(soon(third).await.expect("no panic"));
}

async fn upgrades_are_decided_by_the_application<R: Rt>() {
    let route = WebSocketRoute::new(echo)
        .subprotocols(["b", "a"])
        .on_upgrade(async |request| {
            yield_now().await;
            match request.query() {
                Some("refuse") => Err(Response::text("not you").header("X-Why", "taste")),
                Some("choose") => Ok(Acceptance::new()
                    .subprotocol("a")
                    .header("Set-Cookie", "c=1")),
                _ => Ok(Acceptance::new()),
            }
        });
    let server = Running::start(Server::<R>::new().route(["/x", "/y/*"], route)).await;
    let client = Client::<R>::new().subprotocols(["c", "b", "a"]);
    let ws = soon(client.connect(&server.ws("/x"))).await.expect("open");
    assert_eq!(ws.subprotocol(), Some("b"));
    let ws = soon(client.connect(&server.ws("/y/z?choose")))
        .await
        .expect("open");
    assert_eq!(ws.subprotocol(), Some("a"));
    let cookie = ws
        .response()
        .and_then(|response| response.headers().get("set-cookie"));
    assert_eq!(cookie, Some(&b"c=1"[..]));
    let error = soon(client.connect(&server.ws("/x?refuse")))
        .await
        .expect_err("refused");
    let ConnectError::Refused(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(
        (refused.head.status(), &refused.body[..]),
        (200, &b"not you"[..])
    );
    assert_eq!(refused.head.headers().get("x-why"), Some(&b"taste"[..]));
    let error = soon(client.connect(&server.ws("/elsewhere")))
        .await
        .expect_err("refused");
    let ConnectError::Refused(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(refused.head.status(), 404);
}

async fn handlers_share_state<R: Rt>() {
    async fn count(ws: WebSocket, visits: Arc<AtomicUsize>) {
        let visit = visits.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = ws.send(visit.to_string()).await;
    }
    let visits = Arc::new(AtomicUsize::new(0));
    let route = WebSocketRoute::with_state(Arc::clone(&visits), count);
    let server = Running::start(Server::<R>::new().route("/", route)).await;
    for visit in ["1", "2", "3"] {
        let mut ws = soon(connect::<R>(&server.ws("/"))).await.expect("open");
        assert_eq!(soon(ws.recv()).await, Some(Message::from(visit)));
    }
}

async fn any_stream_will_do<R: Rt>() {
    let (ours, theirs) = pipe(1000);
    let serving = spawn::<R, _>(async move {
        let ws = Server::<R>::accept(Io(ours), route()).await;
        echo(ws.expect("open")).await;
    });
    let mut ws = soon(Client::<R>::new().handshake_over(theirs, "ws://x/"))
        .await
        .expect("open");
    for _ in 0..100 {
        ws.send("y".repeat(700)).await.expect("sent");
    }
    for _ in 0..100 {
        assert_eq!(
            soon(ws.recv()).await.expect("an echo").as_bytes().len(),
            700
        );
    }
    assert!(
        soon(ws.close(CloseCode::NORMAL, ""))
            .await
            .expect("legal")
            .clean
    );
    soon(serving).await.expect("no panic");
}

/// A stream of the runtime's own type, on both sides.
async fn streams_of_the_runtime<R: Rt>() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    let ours = std::net::TcpStream::connect(address).expect("connected");
    let (theirs, _) = listener.accept().expect("accepted");
    let server = Server::<R>::new().route("/", route());
    R::spawn(server.serve_connection(R::own(theirs), Address::Unknown));
    let client = Client::<R>::new();
    let mut ws = soon(client.handshake_over(R::own(ours), "ws://x/"))
        .await
        .expect("open");
    for length in [0, 10, 100_000] {
        let message = Message::binary(vec![1; length]);
        ws.send(message.clone()).await.expect("sent");
        assert!(soon(ws.recv()).await == Some(message), "{length}");
    }
    let closed = soon(ws.close(CloseCode::NORMAL, "")).await.expect("legal");
    assert!(closed.clean);
}

async fn a_thousand_connections<R: Rt>() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let server = Running::start(Server::<R>::new().route("/", route())).await;
    let mut sockets = Vec::new();
    for _ in 0..1000 {
        sockets.push(soon(connect::<R>(&server.ws("/"))).await.expect("open"));
    }
    assert_eq!(server.handle.connections(), 1000);
    for round in 0..2 {
        for (n, ws) in sockets.iter().enumerate() {
            ws.send(format!("{round} {n}")).await.expect("sent");
        }
        for (n, ws) in sockets.iter_mut().enumerate() {
            let message = Message::from(format!("{round} {n}"));
            assert_eq!(soon(ws.recv()).await, Some(message));
        }
    }
    let closing = spawn::<R, _>(server.stop(Duration::from_secs(10)));
    for ws in &mut sockets {
        assert_eq!(soon(ws.recv()).await, None);
        assert_eq!(ws.closed().expect("closed").code, CloseCode::GOING_AWAY);
    }
    soon(closing).await.expect("no panic");
}

async fn connections_outlive_the_future_of_their_server<R: Rt>() {
    let server = Server::<R>::new().route("/echo", route());
    let server = server.bind("127.0.0.1:0").await.expect("bound");
    let Address::Tcp(address) = server.local_addresses()[0] else {
        panic!("not TCP")
    };
    let mut run = Box::pin(server.run());
    assert!(poll_once(&mut run).await.is_none());
    let url = format!("ws://{address}/echo");
    let mut ws = soon(connect::<R>(&url)).await.expect("open");
    drop(run);
    let refused = async {
        while std::net::TcpStream::connect(address).is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    soon(refused).await;
    ws.send("hello").await.expect("sent");
    assert_eq!(soon(ws.recv()).await, Some(Message::from("hello")));
}

#[cfg(unix)]
async fn unix_sockets<R: Rt>() {
    let name = format!("adapter-test-{}-{}.sock", std::process::id(), R::NAME);
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    let server = Server::<R>::new()
        .route("/", route())
        .bind_unix(&path)
        .expect("bound");
    let handle = server.handle();
    let running = spawn::<R, _>(server.run());
    let mut ws = soon(Client::<R>::new().connect_unix(&path, "ws://localhost/"))
        .await
        .expect("open");
    ws.send("hello").await.expect("sent");
    assert_eq!(soon(ws.recv()).await, Some(Message::from("hello")));
    handle.shutdown(Duration::ZERO);
    soon(running).await.expect("no panic");
    let _ = std::fs::remove_file(&path);
}

tests::on_every_runtime! {
    every_draft_echoes_and_closes_from_either_side,
    large_messages_both_ways,
    deflate_is_negotiated_and_used,
    prepared_messages_chunks_and_pings,
    split_halves_live_in_two_tasks,
    handles_in_other_tasks_wake_the_connection,
    a_panic_touches_no_other_connection,
    a_handler_may_panic_before_its_first_wait,
    drain_reaches_a_connection_that_is_just_being_upgraded,
    a_handler_that_returns_closes_with_1000,
    drain_closes_with_1001_and_then_cuts,
    the_connection_cap_pauses_the_listener,
    upgrades_are_decided_by_the_application,
    handlers_share_state,
    any_stream_will_do,
    streams_of_the_runtime,
    a_thousand_connections,
    connections_outlive_the_future_of_their_server,
    unix_sockets,
}
