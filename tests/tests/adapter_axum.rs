//! SockJS and WebSockets inside axum and hyper, beside routes of theirs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_tokio::sockjs::Admission;
use adapter_tokio::sockjs::proto::{Cause, Config, Transport};
use adapter_tokio::tower::{Body, Service as _, SockJsService, WebSocketUpgrade};
use adapter_tokio::{Client, Session, SockJs, WebSocket, connect};
use axum::Router;
use axum::routing::{any, get};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tests::frames;
use tests::rt::soon;
use tests::visitor::{Http, TRANSPORTS, Visitor};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use websocket_proto::handshake::{HostPolicy, OriginPolicy};
use websocket_proto::{Drafts, deflate};

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

fn mounted(service: SockJs) -> Router {
    let prefix = service.config().prefix.clone();
    Router::new()
        .route("/", get("root"))
        .nest_service(&prefix, SockJsService::new(service))
}

/// Serves `app` for as long as the test runs; its address.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}

#[tokio::test]
async fn every_transport_echoes_beside_another_route() {
    let service = SockJs::new(config("/echo"), echo).unwrap();
    let address = serve(mounted(service.clone())).await;
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&address, "/echo", transport)).await;
        let sent: Vec<String> = (0..300).map(|n| format!("{n} \u{e9}\"\u{2028}")).collect();
        let mut got = Vec::new();
        for portion in sent.chunks(50) {
            let portion: Vec<&str> = portion.iter().map(String::as_str).collect();
            assert_eq!(soon(visitor.send(&portion)).await, 204, "{transport}");
            let wanted = got.len() + portion.len();
            while got.len() < wanted {
                got.extend(soon(visitor.messages()).await.expect("messages"));
            }
        }
        assert_eq!(got, sent, "{transport}");
        assert_eq!(service.stats().transport(transport).opened, 1);
    }
    let mut http = Http::connect(&address).await;
    for (path, status, text) in [
        ("/", 200, "root"),
        ("/echo", 200, "Welcome to SockJS!\n"),
        ("/echo/", 200, "Welcome to SockJS!\n"),
        ("/nowhere", 404, ""),
        ("/echo/nowhere", 404, "404 Error: Page not found\n"),
        ("/echo/0/s/xhr", 405, ""),
    ] {
        http.ask("GET", path, "", "").await;
        assert_eq!(soon(http.head()).await.unwrap().0, status, "{path}");
        assert_eq!(soon(http.body()).await.unwrap(), text, "{path}");
    }
}

#[tokio::test]
async fn a_server_id_may_be_called_as_the_prefix() {
    let address = serve(mounted(SockJs::new(config("/echo"), echo).unwrap())).await;
    let mut http = Http::connect(&address).await;
    http.ask("POST", "/echo/echo/session/xhr", "", "").await;
    assert_eq!(soon(http.head()).await.unwrap().0, 200);
    assert_eq!(soon(http.body()).await.unwrap(), "o\n");
}

#[tokio::test]
async fn polls_have_a_length_and_streams_go_frame_by_frame() {
    let address = serve(mounted(SockJs::new(config("/echo"), echo).unwrap())).await;
    let mut http = Http::connect(&address).await;
    http.ask("POST", "/echo/0/poll/xhr", "", "").await;
    let (_, head) = soon(http.head()).await.unwrap();
    assert!(
        head.to_ascii_lowercase().contains("content-length: 2\r\n"),
        "{head}"
    );
    assert_eq!(soon(http.body()).await.unwrap(), "o\n");

    http.ask("POST", "/echo/0/stream/xhr_streaming", "", "")
        .await;
    soon(http.head()).await.unwrap();
    assert_eq!(soon(http.piece()).await.unwrap().unwrap().len(), 2049);
    assert_eq!(soon(http.piece()).await.unwrap().unwrap(), b"o\n");
    let mut sender = Http::connect(&address).await;
    for message in ["a", "b"] {
        let body = format!("[\"{message}\"]");
        sender
            .ask("POST", "/echo/0/stream/xhr_send", "", &body)
            .await;
        assert_eq!(soon(sender.head()).await.unwrap().0, 204);
        let frame = format!("a[\"{message}\"]\n");
        assert_eq!(soon(http.piece()).await.unwrap().unwrap(), frame.as_bytes());
    }
    for (path, body, status) in [
        ("/echo/0/stream/xhr_send", "[\"x", 500),
        ("/echo/0/nobody/xhr_send", "[\"x\"]", 404),
    ] {
        sender.ask("POST", path, "", body).await;
        assert_eq!(soon(sender.head()).await.unwrap().0, status, "{path}");
        soon(sender.body()).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let config = Config {
        max_body: 100,
        ..config("/echo")
    };
    let address = serve(mounted(SockJs::new(config, echo).unwrap())).await;
    let mut visitor = soon(Visitor::open(&address, "/echo", Transport::Xhr)).await;
    assert_eq!(soon(visitor.send(&[&"x".repeat(96)])).await, 204);
    assert_eq!(soon(visitor.send(&[&"x".repeat(97)])).await, 413);
}

#[tokio::test]
async fn chunks_come_at_their_times() {
    let address = serve(mounted(SockJs::new(config("/echo"), echo).unwrap())).await;
    let mut http = Http::connect(&address).await;
    http.ask("POST", "/echo/chunking_test", "", "").await;
    soon(http.head()).await.unwrap();
    let began = std::time::Instant::now();
    assert_eq!(soon(http.piece()).await.unwrap().unwrap(), b"h\n");
    assert_eq!(soon(http.piece()).await.unwrap().unwrap().len(), 2050);
    assert_eq!(soon(http.piece()).await.unwrap().unwrap(), b"h\n");
    assert!(began.elapsed() > Duration::from_millis(4));
}

#[tokio::test]
async fn a_cut_stream_ends_the_session() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = SockJs::new(config("/echo"), move |mut session: Session| {
        let tell = tell.clone();
        async move {
            while session.recv().await.is_some() {}
            tell.send(session.closed().unwrap().clone()).unwrap();
        }
    });
    let address = serve(mounted(service.unwrap())).await;
    for transport in TRANSPORTS {
        if transport == Transport::Websocket {
            continue;
        }
        let mut visitor = soon(Visitor::open(&address, "/echo", transport)).await;
        visitor.receive().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        visitor.cut();
        let closed = soon(told.recv()).await.unwrap();
        assert_eq!(
            (closed.code, closed.cause),
            (1002, Cause::Interrupted),
            "{transport}"
        );
        let mut again = Visitor::new(&address, "/echo", Transport::Xhr);
        again.path.clone_from(&visitor.path);
        let close = "c[1002,\"Connection interrupted\"]";
        assert_eq!(
            soon(again.frame()).await.as_deref(),
            Some(close),
            "{transport}"
        );
    }
}

#[tokio::test]
async fn a_second_receiver_is_turned_away_while_the_first_is_there() {
    let address = serve(mounted(SockJs::new(config("/echo"), echo).unwrap())).await;
    let mut first = soon(Visitor::open(&address, "/echo", Transport::XhrStreaming)).await;
    let mut second = Visitor::new(&address, "/echo", Transport::Xhr);
    second.path.clone_from(&first.path);
    let close = "c[2010,\"Another connection still open\"]";
    assert_eq!(soon(second.frame()).await.as_deref(), Some(close));
    assert_eq!(soon(first.send(&["still here"])).await, 204);
    assert_eq!(soon(first.messages()).await.unwrap(), ["still here"]);
}

#[tokio::test]
async fn sessions_know_their_request_and_may_be_refused() {
    let known = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&known);
    let service = SockJs::new(config("/api/echo"), move |session: Session| {
        let request = session.request();
        let address = request.address().to_string();
        let path = request.path().to_owned();
        seen.lock().unwrap().push((address, path));
        async move { drop(session) }
    });
    let service = service
        .unwrap()
        .on_admit(async |request| match request.header("x-ticket") {
            Some("good") => Admission::accept(),
            _ => Admission::refuse(403),
        });
    let inner = Router::new().nest_service("/echo", SockJsService::new(service));
    let address = serve(Router::new().nest("/api", inner)).await;
    for transport in TRANSPORTS {
        if transport == Transport::Websocket {
            let url = format!("ws://{address}/api/echo/0/s/websocket");
            assert!(soon(connect(&url)).await.is_err());
            let client = Client::new().header("X-Ticket", "good");
            assert!(soon(client.connect(&url)).await.is_ok());
            continue;
        }
        let mut visitor = Visitor::new(&address, "/api/echo", transport);
        assert_eq!(
            soon(visitor.frame()).await.as_deref(),
            Some("403"),
            "{transport}"
        );
        let mut visitor = Visitor::new(&address, "/api/echo", transport);
        visitor.fields = "X-Ticket: good\r\n".into();
        assert_eq!(
            soon(visitor.frame()).await.as_deref(),
            Some("o"),
            "{transport}"
        );
    }
    let known = known.lock().unwrap();
    assert_eq!(known.len(), TRANSPORTS.len());
    for (address, path) in &*known {
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        assert!(path.starts_with("/api/echo/0"), "{path}");
    }
}

#[tokio::test]
async fn websockets_of_every_hybi_draft_and_raw() {
    let config = Config {
        drafts: Drafts::ALL,
        ..config("/echo")
    };
    let address = serve(mounted(SockJs::new(config, echo).unwrap())).await;
    for version in [7, 8, 13] {
        for (path, hello, echo) in [
            (
                "/echo/0/s/websocket",
                &b"\x81\x01o"[..],
                &b"\x81\x07a[\"hi\"]"[..],
            ),
            ("/echo/websocket", b"", b"\x81\x06[\"hi\"]"),
        ] {
            let mut http = Http::connect(&address).await;
            let fields = format!(
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: {version}\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            );
            http.ask("GET", path, &fields, "").await;
            assert_eq!(soon(http.head()).await.unwrap().0, 101, "{version}");
            assert_eq!(soon(http.raw(hello.len())).await, hello);
            let sent = frames::masked(0x81, b"[\"hi\"]");
            tokio::io::AsyncWriteExt::write_all(&mut http.stream, &sent)
                .await
                .unwrap();
            assert_eq!(soon(http.raw(echo.len())).await, echo, "{version}");
        }
    }
    // The end of hixie-76's handshake stands behind the head.
    let mut http = Http::connect(&address).await;
    let fields = "Upgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://h.test\r\n\
        Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    http.ask("GET", "/echo/0/s/websocket", fields, "").await;
    assert_eq!(soon(http.head()).await.unwrap().0, 400);
}

#[tokio::test]
async fn the_end_of_a_service_is_told() {
    let service = SockJsService::new(SockJs::new(config("/echo"), echo).unwrap());
    let app = Router::new().nest_service("/echo", service.clone());
    let address = serve(app).await;
    let mut visitors = Vec::new();
    for transport in TRANSPORTS {
        visitors.push(soon(Visitor::open(&address, "/echo", transport)).await);
    }
    service.drain();
    let close = "c[1001,\"Going away\"]";
    for mut visitor in visitors {
        let frame = soon(visitor.frame()).await;
        assert_eq!(frame.as_deref(), Some(close), "{}", visitor.transport);
    }
    let mut late = Visitor::new(&address, "/echo", Transport::Xhr);
    assert_eq!(soon(late.frame()).await.as_deref(), Some("503"));
}

#[tokio::test]
async fn a_send_waits_for_the_application() {
    let (go, went) = tokio::sync::watch::channel(false);
    let service = SockJs::new(
        Config {
            incoming_messages: 2,
            ..config("/slow")
        },
        move |mut session: Session| {
            let mut went = went.clone();
            async move {
                went.wait_for(|went| *went).await.unwrap();
                while let Some(message) = session.recv().await {
                    session.send(message).await.unwrap();
                }
            }
        },
    );
    let address = serve(mounted(service.unwrap())).await;
    let mut visitor = soon(Visitor::open(&address, "/slow", Transport::XhrStreaming)).await;
    // Who gives up takes along what was not delivered.
    let gone = visitor.send(&["1", "2", "3", "4", "5"]);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), gone)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waiting = Visitor::new(&address, "/slow", Transport::XhrStreaming);
    waiting.path.clone_from(&visitor.path);
    let mut waiting = std::pin::pin!(waiting.send(&["6", "7", "8", "9"]));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting);
    assert!(early.await.is_err());
    go.send(true).unwrap();
    assert_eq!(soon(waiting).await, 204);
    let mut got = Vec::new();
    while got.last().is_none_or(|last| last != "9") {
        got.extend(soon(visitor.messages()).await.unwrap());
    }
    assert_eq!(got, ["1", "2", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn http_2_carries_the_http_transports() {
    let address = serve(mounted(SockJs::new(config("/echo"), echo).unwrap())).await;
    let stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let post = |path: &str, body: &'static str| {
        Request::post(format!("http://{address}{path}"))
            .version(Version::HTTP_2)
            .header("Cookie", "a=b")
            .header("Cookie", "JSESSIONID=c")
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .unwrap()
    };
    let stream = client.send_request(post("/echo/0/s/xhr_streaming", ""));
    let response = soon(stream).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.version(), Version::HTTP_2);
    assert!(!response.headers().contains_key("connection"));
    let mut body = response.into_body();
    let mut next = async || {
        let frame = soon(body.frame()).await.unwrap().unwrap();
        frame.into_data().unwrap()
    };
    assert_eq!(next().await.len(), 2049);
    assert_eq!(next().await, "o\n");
    for n in 0..100 {
        let text: &'static str = format!("[\"{n}\"]").leak();
        let sent = soon(client.send_request(post("/echo/0/s/xhr_send", text))).await;
        assert_eq!(sent.unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!(next().await, format!("a[\"{n}\"]\n"));
    }
    // One stream is cut, the connection lives on.
    drop(body);
    let close = soon(async {
        loop {
            let poll = client
                .send_request(post("/echo/0/s/xhr", ""))
                .await
                .unwrap();
            let text = poll.into_body().collect().await.unwrap().to_bytes();
            if text != "c[2010,\"Another connection still open\"]\n" {
                break text;
            }
        }
    });
    assert_eq!(close.await, "c[1002,\"Connection interrupted\"]\n");
}

#[tokio::test]
async fn http_2_names_the_server_without_a_host_field() {
    let config = Config {
        hosts: HostPolicy::parse(["a.test"]).unwrap(),
        ..config("/echo")
    };
    let address = serve(mounted(SockJs::new(config, echo).unwrap())).await;
    let stream = TcpStream::connect(&address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    for (authority, status) in [("a.test:8081", 200), ("evil.test", 403)] {
        let request = Request::get(format!("http://{authority}/echo/info"))
            .version(Version::HTTP_2)
            .header("Origin", format!("http://{authority}"))
            .body(Full::new(Bytes::new()))
            .unwrap();
        let response = soon(client.send_request(request)).await.unwrap();
        assert_eq!(response.status(), status, "{authority}");
    }
}

async fn shout(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        let text = message.as_text().unwrap_or_default().to_uppercase();
        if ws.send(text).await.is_err() {
            break;
        }
    }
}

async fn upgrade(upgrade: WebSocketUpgrade) -> hyper::Response<Body> {
    upgrade
        .protocols(["shout"])
        .deflate(deflate::Config::default())
        .on_upgrade(shout)
}

#[tokio::test]
async fn the_extractor_opens_websockets() {
    let app = Router::new().route("/ws", any(upgrade)).route(
        "/once",
        any(async |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async |ws| ws.send("bye").await.unwrap())
        }),
    );
    let address = serve(app).await;
    let client = Client::new().subprotocols(["whisper", "shout"]);
    let mut ws = soon(client.connect(&format!("ws://{address}/ws")))
        .await
        .unwrap();
    assert_eq!(ws.subprotocol(), Some("shout"));
    for n in 0..100 {
        ws.send(format!("hello {n}")).await.unwrap();
        let answer = soon(ws.recv()).await.unwrap();
        assert_eq!(answer.as_text().unwrap(), format!("HELLO {n}"));
    }
    let closed = soon(ws.close(websocket_proto::CloseCode::NORMAL, ""))
        .await
        .unwrap();
    assert_eq!(closed.code.0, 1000);

    let mut ws = soon(connect(&format!("ws://{address}/once")))
        .await
        .unwrap();
    assert_eq!(soon(ws.recv()).await.unwrap().as_text(), Some("bye"));
    assert_eq!(soon(ws.recv()).await, None);
    assert_eq!(ws.closed().unwrap().code.0, 1000);

    let mut http = Http::connect(&address).await;
    http.ask("GET", "/ws", "", "").await;
    let (status, head) = soon(http.head()).await.unwrap();
    assert_eq!(status, 426);
    assert!(
        head.to_ascii_lowercase()
            .contains("connection: upgrade, close"),
        "{head}"
    );
    let mut http = Http::connect(&address).await;
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://evil.test\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    http.ask("GET", "/ws", fields, "").await;
    assert_eq!(soon(http.head()).await.unwrap().0, 403);
}

#[tokio::test]
async fn plain_hyper_does_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let echo = SockJsService::new(SockJs::new(config("/echo"), echo).unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let echo = echo.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let mut echo = echo.clone();
                async move {
                    if request.uri().path() != "/ws" {
                        return echo.call(request).await;
                    }
                    let (mut parts, _) = request.into_parts();
                    Ok(match WebSocketUpgrade::new(&mut parts) {
                        Ok(upgrade) => upgrade.on_upgrade(shout),
                        Err(refusal) => refusal,
                    })
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            let connection = http.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection.with_upgrades());
        }
    });
    for transport in TRANSPORTS {
        let mut visitor = soon(Visitor::open(&address, "/echo", transport)).await;
        assert_eq!(soon(visitor.send(&["hi"])).await, 204);
        assert_eq!(
            soon(visitor.messages()).await.unwrap(),
            ["hi"],
            "{transport}"
        );
    }
    let mut ws = soon(connect(&format!("ws://{address}/ws"))).await.unwrap();
    ws.send("hi").await.unwrap();
    assert_eq!(soon(ws.recv()).await.unwrap().as_text(), Some("HI"));
}
