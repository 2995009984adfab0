//! SockJS over loopback: one handle for every transport.

use std::time::{Duration, Instant};

use adapter_tokio::sockjs::proto::{Cause, Close, Config, Literal, Transport, Transports};
use adapter_tokio::{Response, Server, Session, SockJs, WebSocket, connect};
use tests::rt::soon;
use tests::serve::{Running, echo as plain_echo};
use tests::visitor::{Http, TRANSPORTS, Visitor};
use tokio::sync::mpsc;
use websocket_proto::handshake::OriginPolicy;

async fn echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

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
async fn every_transport_echoes_a_thousand_messages_in_order() {
    let service = SockJs::new(config("/echo"), echo).unwrap();
    let server = serve(service.clone()).await;
    let mut visitors = Vec::new();
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/echo", transport)).await;
        let sent: Vec<String> = (0..1000).map(|n| format!("{n} \u{e9}\"\u{2028}")).collect();
        let mut got = Vec::new();
        for portion in sent.chunks(100) {
            let portion: Vec<&str> = portion.iter().map(String::as_str).collect();
            assert_eq!(soon(visitor.send(&portion)).await, 204, "{transport}");
            let wanted = got.len() + portion.len();
            while got.len() < wanted {
                got.extend(soon(visitor.messages()).await.expect("messages"));
            }
        }
        assert_eq!(got, sent, "{transport}");
        let stats = service.stats();
        let part = stats.transport(transport);
        assert_eq!(
            (part.opened, part.messages_in, part.messages_out),
            (1, 1000, 1000)
        );
        assert_eq!(
            part.bytes_in,
            sent.iter().map(|text| text.len() as u64).sum::<u64>()
        );
        visitors.push(visitor);
    }
    assert_eq!(service.stats().sessions(), 6);
    assert_eq!(service.stats().transport(Transport::XhrSend).requests, 40);
}

#[tokio::test]
async fn what_the_application_closes_is_told_on_every_transport() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = SockJs::new(config("/close"), move |mut session: Session| {
        let tell = tell.clone();
        async move {
            session.send("last words").await.expect("it is open");
            session.close(3000, "Go away!");
            assert!(session.send("too late").await.is_err());
            assert_eq!(session.recv().await, None);
            let closed = session.closed().expect("it is over").clone();
            tell.send((session.transport(), closed)).unwrap();
        }
    });
    let server = serve(service.unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/close", transport)).await;
        assert_eq!(soon(visitor.messages()).await.unwrap(), ["last words"]);
        let close = Some("c[3000,\"Go away!\"]");
        assert_eq!(soon(visitor.frame()).await.as_deref(), close, "{transport}");
        if transport != Transport::Websocket {
            // It is served however often it is asked for, until a while after.
            let mut again = Visitor::new(&server.address, "/close", transport);
            again.path.clone_from(&visitor.path);
            assert_eq!(soon(again.frame()).await.as_deref(), close, "{transport}");
        }
        drop(visitor);
        let (of, closed) = soon(told.recv()).await.unwrap();
        assert_eq!((of, closed.cause), (transport, Cause::Local));
        assert_eq!((closed.code, closed.reason.as_str()), (3000, "Go away!"));
        assert_eq!((closed.unsent, closed.in_doubt), (0, false), "{transport}");
    }
}

#[tokio::test]
async fn raw_websockets_are_sessions_without_frames() {
    let server = serve(SockJs::new(config("/echo"), echo).unwrap()).await;
    let mut raw = soon(connect(&server.ws("/echo/websocket"))).await.unwrap();
    raw.send("[\"as it is\"]").await.unwrap();
    assert_eq!(
        soon(raw.recv()).await.unwrap().as_text(),
        Some("[\"as it is\"]")
    );
    raw.send(vec![1, 2, 3]).await.unwrap();
    assert_eq!(soon(raw.recv()).await, None);
    assert_eq!(raw.closed().unwrap().code.0, 1003);
}

#[tokio::test]
async fn services_stand_beside_each_other_and_other_routes() {
    async fn named(mut session: Session, name: &'static str) {
        session.send(name).await.expect("it is open");
        let _ = session.recv().await;
    }
    let service = |prefix: &str, name| SockJs::with_state(config(prefix), name, named).unwrap();
    let server = Server::new()
        .sockjs(service("/a", "a"))
        .sockjs(service("/a/b/c", "abc"))
        .sockjs(service("/d", "d"))
        .get("/a/page", async |_| Response::text("a page"))
        .get("/", async |_| Response::text("root"))
        .websocket("/ws", plain_echo);
    let server = Running::start(server).await;
    for (prefix, name) in [("/a", "a"), ("/a/b/c", "abc"), ("/d", "d")] {
        for transport in TRANSPORTS {
            let mut visitor = soon(Visitor::open(&server.address, prefix, transport)).await;
            assert_eq!(soon(visitor.messages()).await.unwrap(), [name]);
        }
    }
    let mut http = Http::connect(&server.address).await;
    for (path, status, text) in [
        ("/a", 200, "Welcome to SockJS!\n"),
        ("/a/", 200, "Welcome to SockJS!\n"),
        ("/a/b/c", 200, "Welcome to SockJS!\n"),
        ("/a/page", 200, "a page"),
        ("/", 200, "root"),
        ("/ab", 404, ""),
        ("/a/nothing", 404, "404 Error: Page not found\n"),
    ] {
        http.ask("GET", path, "", "").await;
        assert_eq!(soon(http.head()).await.unwrap().0, status, "{path}");
        assert_eq!(soon(http.body()).await.unwrap(), text, "{path}");
    }
    let mut ws: WebSocket = soon(connect(&server.ws("/ws"))).await.unwrap();
    ws.send("plain").await.unwrap();
    assert_eq!(soon(ws.recv()).await.unwrap().as_text(), Some("plain"));

    let everywhere = Server::new()
        .sockjs(service("", "root"))
        .get("/page", async |_| Response::text("a page"));
    let server = Running::start(everywhere).await;
    let mut visitor = soon(Visitor::open(&server.address, "", Transport::Xhr)).await;
    assert_eq!(soon(visitor.messages()).await.unwrap(), ["root"]);
    let mut http = Http::connect(&server.address).await;
    for (path, text) in [("/", "Welcome to SockJS!\n"), ("/page", "a page")] {
        http.ask("GET", path, "", "").await;
        soon(http.head()).await.unwrap();
        assert_eq!(soon(http.body()).await.unwrap(), text);
    }
}

#[tokio::test]
async fn options_are_checked_by_name() {
    for (config, field) in [
        (config("echo"), "prefix"),
        (config("/echo/"), "prefix"),
        (
            Config {
                max_body: 0,
                ..config("/echo")
            },
            "max_body",
        ),
        (
            Config {
                heartbeat_delay: Duration::ZERO,
                ..config("")
            },
            "heartbeat_delay",
        ),
        (
            Config {
                default_close: Close::new(1001, ""),
                ..config("")
            },
            "default_close",
        ),
    ] {
        assert_eq!(SockJs::new(config, echo).unwrap_err().field, field);
    }
}

#[tokio::test]
async fn handlers_that_fail_touch_nothing_else() {
    async fn fragile(mut session: Session) -> Result<(), String> {
        match session
            .recv()
            .await
            .as_ref()
            .and_then(|message| message.as_str())
        {
            Some("panic") => panic!("on purpose"),
            Some("fail") => Err("on purpose".to_owned()),
            _ => Ok(()),
        }
    }
    let service = SockJs::new(config("/fragile"), fragile).unwrap();
    let server = serve(service.clone()).await;
    for transport in TRANSPORTS {
        let mut bystander = soon(Visitor::open(&server.address, "/fragile", transport)).await;
        for (message, close) in [
            ("panic", "c[1011,\"Internal error\"]"),
            ("fail", "c[1011,\"Internal error\"]"),
            ("return", "c[1000,\"Normal closure\"]"),
        ] {
            let mut visitor = soon(Visitor::open(&server.address, "/fragile", transport)).await;
            assert_eq!(soon(visitor.send(&[message])).await, 204);
            assert_eq!(
                soon(visitor.frame()).await.as_deref(),
                Some(close),
                "{transport}"
            );
        }
        assert_eq!(soon(bystander.send(&["return"])).await, 204);
        let close = Some("c[1000,\"Normal closure\"]");
        assert_eq!(soon(bystander.frame()).await.as_deref(), close);
    }
    let stats = service.stats();
    assert_eq!((stats.closes.local, stats.sessions()), (24, 0));
}

#[tokio::test]
async fn a_cut_receiver_ends_the_session() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = SockJs::new(config("/cut"), move |mut session: Session| {
        let tell = tell.clone();
        async move {
            while session.recv().await.is_some() {}
            tell.send(session.closed().expect("it is over").clone())
                .unwrap();
        }
    });
    let service = service.unwrap();
    let server = serve(service.clone()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/cut", transport)).await;
        visitor.receive().await;
        // The server has seen the request when another connection has been answered.
        assert_eq!(soon(visitor.send(&["x"])).await, 204);
        visitor.cut();
        let closed = soon(told.recv()).await.unwrap();
        if transport == Transport::Websocket {
            assert!(matches!(closed.cause, Cause::Socket(_)), "{closed:?}");
            continue;
        }
        assert_eq!(
            (closed.cause, closed.code),
            (Cause::Interrupted, 1002),
            "{transport}"
        );
        let interrupted = Some("c[1002,\"Connection interrupted\"]");
        assert_eq!(
            soon(visitor.frame()).await.as_deref(),
            interrupted,
            "{transport}"
        );
    }
    assert_eq!(service.stats().closes.interrupted, 5);
}

#[tokio::test]
async fn a_second_receiver_is_one_too_many() {
    let server = serve(SockJs::new(config("/echo"), echo).unwrap()).await;
    for transport in &TRANSPORTS[1..] {
        let mut visitor = soon(Visitor::open(&server.address, "/echo", *transport)).await;
        visitor.receive().await;
        assert_eq!(soon(visitor.send(&["x"])).await, 204);
        assert_eq!(soon(visitor.messages()).await.unwrap(), ["x"]);
        visitor.receive().await;
        let mut second = Visitor::new(&server.address, "/echo", *transport);
        second.path.clone_from(&visitor.path);
        // A poll that waits in the same socket buffer as the sending one is there first.
        assert_eq!(soon(visitor.send(&[])).await, 204);
        let asked = Instant::now();
        let frame = soon(second.frame()).await.unwrap();
        // The first connection is looked at, which takes no time; nothing waits for a deadline.
        assert!(asked.elapsed() < Duration::from_millis(500), "{transport}");
        assert_eq!(
            frame, "c[2010,\"Another connection still open\"]",
            "{transport}"
        );
        assert_eq!(soon(visitor.send(&["y"])).await, 204);
        assert_eq!(soon(visitor.messages()).await.unwrap(), ["y"]);
    }
}

#[tokio::test]
async fn an_idle_session_times_out_and_its_id_begins_anew() {
    let brief = Config {
        disconnect_delay: Duration::from_millis(50),
        heartbeat_delay: Duration::from_millis(60),
        ..config("/brief")
    };
    let service = SockJs::new(brief, echo).unwrap();
    let server = serve(service.clone()).await;
    let mut visitor = soon(Visitor::open(&server.address, "/brief", Transport::Xhr)).await;
    // A poll that waits keeps it, and gets a heartbeat.
    assert_eq!(soon(visitor.frame()).await.as_deref(), Some("h"));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(service.stats().closes.disconnected, 1);
    assert_eq!(soon(visitor.send(&["x"])).await, 404);
    assert_eq!(soon(visitor.frame()).await.as_deref(), Some("o"));
    assert_eq!(service.stats().refusals.unknown_session, 1);
}

#[tokio::test]
async fn literals_are_sent_as_they_are() {
    let service = SockJs::new(config("/literal"), async |mut session: Session| {
        let literal = Literal::from("50% \"off\"");
        session.send_literal(&literal).await.expect("it is open");
        let _ = session.recv().await;
    });
    let server = serve(service.unwrap()).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&server.address, "/literal", transport)).await;
        assert_eq!(
            soon(visitor.messages()).await.unwrap(),
            ["50% \"off\""],
            "{transport}"
        );
    }
    let mut raw = soon(connect(&server.ws("/literal/websocket")))
        .await
        .unwrap();
    assert_eq!(
        soon(raw.recv()).await.unwrap().as_text(),
        Some("50% \"off\"")
    );
}

#[tokio::test]
async fn transports_that_are_off_are_not_there() {
    let few = Config {
        transports: Transports::NONE.with(Transport::Xhr),
        ..config("/few")
    };
    let service = SockJs::new(few, echo).unwrap();
    let server = serve(service.clone()).await;
    soon(Visitor::open(&server.address, "/few", Transport::Xhr)).await;
    let mut other = Visitor::new(&server.address, "/few", Transport::EventSource);
    assert_eq!(soon(other.frame()).await.as_deref(), Some("404"));
    assert_eq!(service.stats().refusals.not_found, 1);
}
