//! SockJS over loopback when somebody is slow: the peer, the handler, or whoever decides.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use adapter_tokio::sockjs::proto::{Cause, Config, Transport};
use adapter_tokio::sockjs::{Admission, AdmissionRequest, SessionSender, Slow};
use adapter_tokio::{Group, Server, Session, SockJs};
use futures_core::Stream as _;
use futures_sink::Sink as _;
use tests::rt::soon;
use tests::serve::Running;
use tests::visitor::{Http, TRANSPORTS, Visitor};
use tokio::sync::{Semaphore, mpsc};
use websocket_proto::handshake::OriginPolicy;

fn config(prefix: &str) -> Config {
    Config {
        prefix: prefix.into(),
        origins: OriginPolicy::Any,
        ..Config::default()
    }
}

async fn serve(service: SockJs) -> Running {
    Running::start(Server::new().sockjs(service)).await
}

#[tokio::test]
async fn senders_are_parked_while_the_handler_is_slow() {
    for transport in [Transport::Xhr, Transport::XhrStreaming, Transport::Jsonp] {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let few = Config {
            incoming_messages: 10,
            ..config("/slow")
        };
        let slow = async |mut session: Session, gate: Arc<Semaphore>| loop {
            gate.acquire().await.expect("it is never closed").forget();
            let Some(message) = session.recv().await else {
                return;
            };
            session.send(message).await.expect("it is open");
        };
        let server = serve(SockJs::with_state(few, held, slow).unwrap()).await;
        let mut visitor = soon(Visitor::open(&server.address, "/slow", transport)).await;
        let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut sender = Visitor::new(&server.address, "/slow", transport);
        sender.path.clone_from(&visitor.path);
        {
            let mut sending = pin!(sender.send(&all));
            let limit = tokio::time::timeout(Duration::from_millis(50), &mut sending).await;
            assert!(
                limit.is_err(),
                "it is answered when the application has got all"
            );
            gate.add_permits(100);
            assert_eq!(soon(sending).await, 204);
        }
        let mut got = Vec::new();
        while got.len() < 100 {
            got.extend(soon(visitor.messages()).await.expect("messages"));
        }
        assert_eq!(got, texts, "{transport}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_holds_its_handler_and_nobody_else() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = SockJs::new(config("/flood"), move |session: Session| {
        let tell = tell.clone();
        async move {
            let text = "x".repeat(10_000);
            let mut sent = 0;
            loop {
                let sending = session.send(text.as_str());
                match tokio::time::timeout(Duration::from_millis(200), sending).await {
                    Ok(Ok(())) => sent += 1,
                    Ok(Err(_)) => panic!("the peer is still there"),
                    Err(_) => break,
                }
            }
            tell.send((session.transport(), sent, session.buffered()))
                .unwrap();
            // Room that comes while it waits is noticed.
            session.send("the last").await.expect("there is room again");
            session.close(3000, "done");
        }
    });
    let server = serve(service.unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/flood", transport)).await;
        let (of, sent, buffered) = soon(told.recv()).await.unwrap();
        assert_eq!(of, transport);
        assert!(
            (256 * 1024..300 * 1024).contains(&buffered),
            "{transport}: {buffered}"
        );
        let mut got = Vec::new();
        while got.len() < sent + 1 {
            got.extend(soon(visitor.messages()).await.expect("messages"));
        }
        assert_eq!(
            got.last().map(String::as_str),
            Some("the last"),
            "{transport}"
        );
        assert!(got[..sent].iter().all(|text| text.len() == 10_000));
        let close = Some("c[3000,\"done\"]");
        assert_eq!(soon(visitor.frame()).await.as_deref(), close, "{transport}");
    }
}

#[tokio::test]
async fn a_blocked_sender_wakes_while_messages_wait_for_it() {
    // An echo that is in the middle of sending has messages that it has not received.
    let small = Config {
        outgoing_mark: 100,
        ..config("/echo")
    };
    let service = SockJs::new(small, async |mut session: Session| {
        while let Some(message) = session.recv().await {
            if session.send(message).await.is_err() {
                break;
            }
        }
    });
    let server = serve(service.unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/echo", transport)).await;
        let texts: Vec<String> = (0..200).map(|n| format!("{n:060}")).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(soon(visitor.send(&all)).await, 204);
        let mut got = Vec::new();
        while got.len() < 200 {
            got.extend(soon(visitor.messages()).await.expect("messages"));
        }
        assert_eq!(got, texts, "{transport}");
    }
}

#[tokio::test]
async fn a_blocked_sender_hears_of_the_end() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let small = Config {
        outgoing_mark: 10,
        disconnect_delay: Duration::from_millis(50),
        ..config("/gone")
    };
    let service = SockJs::new(small, move |session: Session| {
        let tell = tell.clone();
        async move {
            session.send("more than the mark").await.unwrap();
            let refused = session.send("and more").await.unwrap_err();
            tell.send(refused.payload).unwrap();
        }
    });
    let server = serve(service.unwrap()).await;
    let visitor = soon(Visitor::open(&server.address, "/gone", Transport::Xhr)).await;
    assert_eq!(soon(told.recv()).await.unwrap(), "and more");
    drop(visitor);
    // Another handle that closes the session frees it, too.
    let (hand, mut handles) = mpsc::unbounded_channel::<SessionSender>();
    let (tell, mut told) = mpsc::unbounded_channel();
    let small = Config {
        outgoing_mark: 10,
        ..config("/closed")
    };
    let service = SockJs::new(small, move |session: Session| {
        let (hand, tell) = (hand.clone(), tell.clone());
        async move {
            session.send("more than the mark").await.unwrap();
            hand.send(session.sender()).unwrap();
            let refused = session.send("and more").await.unwrap_err();
            tell.send(refused.payload).unwrap();
        }
    });
    let server = serve(service.unwrap()).await;
    let _visitor = soon(Visitor::open(&server.address, "/closed", Transport::Xhr)).await;
    let handle = soon(handles.recv()).await.unwrap();
    tokio::task::yield_now().await;
    handle.close(3000, "enough");
    assert_eq!(soon(told.recv()).await.unwrap(), "and more");
}

#[tokio::test]
async fn futures_are_dropped_at_every_poll_and_nothing_is_lost() {
    async fn hasty(mut session: Session) {
        let mut sent = 0;
        loop {
            // Each future is polled once and dropped.
            let next = {
                let mut receiving = pin!(session.recv());
                std::future::poll_fn(|cx| Poll::Ready(receiving.as_mut().poll(cx))).await
            };
            match next {
                Poll::Pending => tokio::task::yield_now().await,
                Poll::Ready(None) => return,
                Poll::Ready(Some(message)) => loop {
                    let outcome = {
                        let mut sending = pin!(session.send(message.clone()));
                        std::future::poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await
                    };
                    match outcome {
                        Poll::Pending => tokio::task::yield_now().await,
                        Poll::Ready(Ok(())) => {
                            sent += 1;
                            assert!(sent <= 300);
                            break;
                        }
                        Poll::Ready(Err(_)) => return,
                    }
                },
            }
        }
    }
    let small = Config {
        outgoing_mark: 100,
        ..config("/hasty")
    };
    let server = serve(SockJs::new(small, hasty).unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/hasty", transport)).await;
        let texts: Vec<String> = (0..300).map(|n| format!("{n:060}")).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(soon(visitor.send(&all)).await, 204);
        let mut got = Vec::new();
        while got.len() < 300 {
            got.extend(soon(visitor.messages()).await.expect("messages"));
        }
        assert_eq!(got, texts, "{transport}");
    }
}

#[tokio::test]
async fn halves_streams_and_sinks() {
    async fn talk(session: Session) {
        let (sender, receiver) = session.split();
        let (mut receiver, mut sender) = (pin!(receiver), pin!(sender));
        let next = std::future::poll_fn(|cx| receiver.as_mut().poll_next(cx)).await;
        for n in 0..50 {
            let ready = std::future::poll_fn(|cx| sender.as_mut().poll_ready(cx)).await;
            ready.expect("it is open");
            let message = next.clone().expect("a message");
            sender.as_mut().start_send(message).expect("it is open");
            // A promise of room is kept, whatever else has taken it.
            let more = sender.as_mut().start_send(format!("{n:040}").into());
            more.expect("it is open");
        }
        // And the close waits behind it.
    }
    let small = Config {
        outgoing_mark: 30,
        ..config("/halves")
    };
    let server = serve(SockJs::new(small, talk).unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/halves", transport)).await;
        assert_eq!(soon(visitor.send(&["x"])).await, 204);
        let mut got = Vec::new();
        while got.len() < 100 {
            got.extend(soon(visitor.messages()).await.expect("messages"));
        }
        for (n, pair) in got.chunks(2).enumerate() {
            assert_eq!(pair, ["x", &format!("{n:040}")], "{transport}");
        }
        let close = Some("c[1000,\"Normal closure\"]");
        assert_eq!(soon(visitor.frame()).await.as_deref(), close, "{transport}");
    }
}

async fn greet(mut session: Session) {
    let name = session.request().data::<String>().cloned();
    session
        .send(name.unwrap_or_default())
        .await
        .expect("it is open");
    let _ = session.recv().await;
}

async fn doorman(request: AdmissionRequest) -> Admission {
    match request.header("x-user").unwrap_or_default() {
        "slow" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Admission::accept().with_data("slow".to_owned())
        }
        "never" => std::future::pending().await,
        "panics" => panic!("on purpose"),
        "teapot" => Admission::refuse(418),
        "banned" => Admission::close(3001, "banned"),
        name => Admission::accept().with_data(name.to_owned()),
    }
}

#[tokio::test]
async fn admission_accepts_refuses_and_closes() {
    let strict = Config {
        admission_deadline: Duration::from_millis(100),
        ..config("/door")
    };
    let service = SockJs::new(strict, greet).unwrap().on_admit(doorman);
    let server = serve(service.clone()).await;
    for transport in &TRANSPORTS[1..] {
        for (user, first, second) in [
            ("ann", "o", "a[\"ann\"]"),
            ("slow", "o", "a[\"slow\"]"),
            ("teapot", "418", ""),
            ("panics", "500", ""),
            ("never", "503", ""),
            ("banned", "o", "c[3001,\"banned\"]"),
        ] {
            let mut visitor = Visitor::new(&server.address, "/door", *transport);
            visitor.fields = format!("X-User: {user}\r\n");
            assert_eq!(
                soon(visitor.frame()).await.unwrap(),
                first,
                "{transport} {user}"
            );
            if !second.is_empty() {
                assert_eq!(
                    soon(visitor.frame()).await.unwrap(),
                    second,
                    "{transport} {user}"
                );
            }
        }
    }
    for (user, status, frames) in [
        ("ann", 101, "\u{81}\u{1}o\u{81}\u{8}a[\"ann\"]"),
        ("slow", 101, "\u{81}\u{1}o\u{81}\u{9}a[\"slow\"]"),
        ("teapot", 418, ""),
        ("panics", 500, ""),
        ("never", 503, ""),
        ("banned", 101, "\u{81}\u{1}o\u{81}\u{10}c[3001,\"banned\"]"),
    ] {
        let mut http = Http::connect(&server.address).await;
        let fields = format!(
            "X-User: {user}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        http.ask("GET", "/door/0/ws/websocket", &fields, "").await;
        assert_eq!(soon(http.head()).await.unwrap().0, status, "{user}");
        let expected: Vec<u8> = frames.chars().map(|char| char as u8).collect();
        assert_eq!(soon(http.raw(expected.len())).await, expected, "{user}");
    }
    let stats = service.stats();
    // Those who were closed never were sessions of the application.
    assert_eq!(
        stats.transports().map(|(_, part)| part.opened).sum::<u64>(),
        12
    );
    assert_eq!(stats.refusals.admission, 24);
}

#[tokio::test]
async fn groups_reach_all_transports_and_forget_who_is_gone() {
    let group = Group::new();
    let service = SockJs::with_state(
        config("/group"),
        group.clone(),
        async |mut session: Session, group: Group| {
            group.join(&session);
            group.join(&session);
            while let Some(message) = session.recv().await {
                match message.as_str() {
                    Some("leave") => group.leave(&session),
                    _ => drop(group.send_to_others(&session, message)),
                }
            }
        },
    );
    let server = serve(service.unwrap()).await;
    let mut visitors = Vec::new();
    for transport in TRANSPORTS {
        visitors.push(soon(Visitor::open(&server.address, "/group", transport)).await);
    }
    while group.len() < 6 {
        tokio::task::yield_now().await;
    }
    assert_eq!(group.send("50% <all>").sent, 6);
    for visitor in &mut visitors {
        assert_eq!(soon(visitor.messages()).await.unwrap(), ["50% <all>"]);
    }
    assert_eq!(soon(visitors[5].send(&["from the last"])).await, 204);
    for visitor in &mut visitors[..5] {
        assert_eq!(soon(visitor.messages()).await.unwrap(), ["from the last"]);
    }
    assert_eq!(soon(visitors[5].send(&["leave"])).await, 204);
    visitors[0].cut();
    visitors[1].receive().await;
    assert_eq!(soon(visitors[1].send(&["x"])).await, 204);
    visitors[1].cut();
    soon(async {
        while group.len() > 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(group.send("again").sent, 3);
}

/// What a group sends to a session at rest waits at its door; nothing that is sent later overtakes it.
#[tokio::test]
async fn messages_of_a_group_keep_their_place_among_others() {
    let group = Group::new();
    let (tell, mut senders) = mpsc::unbounded_channel();
    let service = SockJs::with_state(
        config("/order"),
        group.clone(),
        move |mut session: Session, group: Group| {
            let tell = tell.clone();
            async move {
                group.join(&session);
                tell.send(session.sender()).unwrap();
                while session.recv().await.is_some() {}
            }
        },
    );
    let service = service.unwrap();
    let server = serve(service.clone()).await;
    for transport in [Transport::Websocket, Transport::XhrStreaming] {
        let mut visitor = soon(Visitor::open(&server.address, "/order", transport)).await;
        let sender = soon(senders.recv()).await.unwrap();
        // The session comes to rest.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let before = service.stats().transport(transport).messages_out;
        assert_eq!(group.send("one").sent, 1);
        assert!(sender.buffered() > 0, "{transport}");
        assert_eq!(group.send("two").sent, 1);
        sender.try_send("three").unwrap();
        assert_eq!(group.send("four").sent, 1);
        sender.close(3000, "enough");
        assert_eq!(group.send("five").sent, 0);
        let mut received = Vec::new();
        while received.len() < 4 {
            received.extend(soon(visitor.messages()).await.unwrap());
        }
        assert_eq!(received, ["one", "two", "three", "four"], "{transport}");
        assert_eq!(
            soon(visitor.frame()).await.as_deref(),
            Some("c[3000,\"enough\"]")
        );
        let after = service.stats().transport(transport).messages_out;
        assert_eq!(after - before, 4, "{transport}");
        soon(async {
            while !group.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn slow_members_are_skipped_or_closed() {
    let small = |prefix| Config {
        outgoing_mark: 1000,
        ..config(prefix)
    };
    let member = async |mut session: Session, group: Group| {
        group.join(&session);
        while session.recv().await.is_some() {}
    };
    let (skip, close) = (
        Group::new(),
        Group::with_slow(Slow::Close(adapter_tokio::sockjs::proto::Close::new(
            3002, "too slow",
        ))),
    );
    let skipping = SockJs::with_state(small("/skip"), skip.clone(), member).unwrap();
    let closing = SockJs::with_state(small("/close"), close.clone(), member).unwrap();
    let server = Server::new().sockjs(skipping.clone()).sockjs(closing);
    let server = Running::start(server).await;
    let text = "x".repeat(400);
    for (prefix, group) in [("/skip", &skip), ("/close", &close)] {
        let mut visitor = soon(Visitor::open(&server.address, prefix, Transport::Xhr)).await;
        while group.is_empty() {
            tokio::task::yield_now().await;
        }
        // Nobody polls.
        let sent: Vec<_> = (0..4).map(|_| group.send(text.as_str())).collect();
        assert_eq!(sent.iter().map(|sent| sent.sent).sum::<usize>(), 3);
        assert_eq!(sent[3].slow, 1);
        assert_eq!(soon(visitor.messages()).await.unwrap().len(), 3);
        if prefix == "/close" {
            let frame = soon(visitor.frame()).await;
            assert_eq!(frame.as_deref(), Some("c[3002,\"too slow\"]"));
        } else {
            assert_eq!(skipping.stats().skipped, 1);
            group.send("back again");
            assert_eq!(soon(visitor.messages()).await.unwrap(), ["back again"]);
        }
    }
}

#[tokio::test]
async fn callbacks_of_a_session_come_one_at_a_time_and_in_order() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (opened, closed) = (tell.clone(), tell.clone());
    let running = Arc::new(AtomicUsize::new(0));
    let service = SockJs::callbacks(
        config("/callbacks"),
        move |session| {
            session.try_send("hello").expect("there is room");
            opened
                .send(format!("open {}", session.request().transport()))
                .unwrap();
        },
        move |session, message| {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            match message.as_str() {
                Some("panic") => {
                    running.store(0, Ordering::SeqCst);
                    panic!("on purpose")
                }
                Some("close") => session.close(3000, "as you like"),
                _ => session.try_send(message).expect("there is room"),
            }
            running.fetch_sub(1, Ordering::SeqCst);
        },
        move |session, closed_| {
            assert!(session.try_send("too late").is_err());
            closed.send(format!("close {}", closed_.code)).unwrap();
        },
    );
    let service = service.unwrap();
    let server = serve(service.clone()).await;
    for transport in TRANSPORTS {
        for (last, close) in [
            ("close", "c[3000,\"as you like\"]"),
            ("panic", "c[1011,\"Internal error\"]"),
        ] {
            let mut visitor = soon(Visitor::open(&server.address, "/callbacks", transport)).await;
            assert_eq!(
                soon(told.recv()).await.unwrap(),
                format!("open {transport}")
            );
            assert_eq!(soon(visitor.messages()).await.unwrap(), ["hello"]);
            let texts: Vec<String> = (0..50).map(|n| n.to_string()).collect();
            let mut all: Vec<&str> = texts.iter().map(String::as_str).collect();
            all.push(last);
            assert_eq!(soon(visitor.send(&all)).await, 204);
            let mut got = Vec::new();
            while got.len() < 50 {
                got.extend(soon(visitor.messages()).await.expect("messages"));
            }
            assert_eq!(got, texts, "{transport}");
            assert_eq!(
                soon(visitor.frame()).await.as_deref(),
                Some(close),
                "{transport}"
            );
            drop(visitor);
            assert_eq!(
                soon(told.recv()).await.unwrap(),
                format!("close {}", &close[2..6])
            );
        }
    }
    assert_eq!(service.stats().sessions(), 0);
}

#[tokio::test]
async fn the_end_of_the_server_closes_sessions() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = SockJs::new(config("/end"), move |mut session: Session| {
        let tell = tell.clone();
        async move {
            while session.recv().await.is_some() {}
            tell.send(session.closed().expect("it is over").clone())
                .unwrap();
        }
    });
    let service = service.unwrap();
    let server = serve(service.clone()).await;
    let mut visitors = Vec::new();
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/end", transport)).await;
        visitor.receive().await;
        assert_eq!(soon(visitor.send(&["x"])).await, 204);
        visitors.push(visitor);
    }
    server.handle.shutdown(Duration::from_secs(5));
    for visitor in &mut visitors {
        let frame = soon(visitor.frame()).await;
        assert_eq!(
            frame.as_deref(),
            Some("c[1001,\"Going away\"]"),
            "{}",
            visitor.transport
        );
        visitor.cut();
        let closed = soon(told.recv()).await.unwrap();
        assert_eq!((closed.cause, closed.code), (Cause::Local, 1001));
    }
    drop(visitors);
    server.stop(Duration::from_secs(5)).await;
    assert_eq!(service.stats().sessions(), 0);
}

#[tokio::test]
async fn sessions_hear_of_connections_that_the_server_cuts() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let endless = Config {
        response_limit: usize::MAX,
        ..config("/cut")
    };
    let service = SockJs::new(endless, move |mut session: Session| {
        let tell = tell.clone();
        async move {
            // More than all buffers between here and there hold.
            while session.buffered() < 200_000 {
                session.send("x".repeat(100_000)).await.expect("it is open");
                tokio::task::yield_now().await;
            }
            tell.send(None).unwrap();
            while session.recv().await.is_some() {}
            tell.send(session.closed().cloned()).unwrap();
        }
    });
    let server = serve(service.unwrap()).await;
    let mut visitor = Visitor::new(&server.address, "/cut", Transport::XhrStreaming);
    visitor.receive().await;
    assert_eq!(soon(told.recv()).await, Some(None));
    server.handle.shutdown(Duration::ZERO);
    // At once, not when somebody gets tired of waiting.
    let told = tokio::time::timeout(Duration::from_secs(1), told.recv()).await;
    let closed = told.expect("it is told").unwrap().unwrap();
    assert_eq!((closed.cause, closed.code), (Cause::Local, 1001));
    assert!(closed.in_doubt && closed.unsent > 0, "{closed:?}");
}

#[test]
fn a_runtime_that_stops_takes_its_sessions_with_it() {
    let marker = Arc::new(());
    let held = Arc::clone(&marker);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let service = SockJs::with_state(
            config("/leak"),
            held,
            async |mut session: Session, _held| {
                while session.recv().await.is_some() {}
            },
        );
        let server = serve(service.unwrap()).await;
        for transport in TRANSPORTS {
            let visitor = soon(Visitor::open(&server.address, "/leak", transport)).await;
            if transport != Transport::Xhr {
                std::mem::forget(visitor);
            }
        }
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&marker), 1);
}
