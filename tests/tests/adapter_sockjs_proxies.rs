//! Whose word counts about clients: forwarded fields, the PROXY protocol, limits by address.

use std::time::Duration;

use adapter_tokio::sockjs::AddressLimits;
use adapter_tokio::sockjs::proto::{Config, Transport};
use adapter_tokio::{Address, Server, ServerHandle, Session, SockJs, TrustedProxies};
use tests::rt::soon;
use tests::serve::Running;
use tests::visitor::{Http, TRANSPORTS, Visitor};
use tokio::io::AsyncWriteExt;
use websocket_proto::handshake::OriginPolicy;

fn config() -> Config {
    Config {
        prefix: "/who".into(),
        origins: OriginPolicy::Any,
        ..Config::default()
    }
}

/// Tells its client where that is believed to be.
async fn who(mut session: Session) {
    let request = session.request();
    let text = format!("{} {}", request.address(), request.is_secure());
    session.send(text).await.expect("it is open");
    let _ = session.recv().await;
}

fn service() -> SockJs {
    SockJs::new(config(), who).unwrap()
}

fn trusted(entry: &str) -> TrustedProxies {
    TrustedProxies::new([entry]).unwrap()
}

#[tokio::test]
async fn forwarded_fields_count_from_trusted_proxies_only() {
    let fields = "X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
    let believing = Server::new()
        .sockjs(service())
        .trusted_proxies(trusted("127.0.0.0/8"));
    let doubting = Server::new()
        .sockjs(service())
        .trusted_proxies(trusted("10.0.0.0/8"));
    let ignorant = Server::new().sockjs(service());
    for (server, believed) in [(believing, true), (doubting, false), (ignorant, false)] {
        let server = Running::start(server).await;
        for transport in &TRANSPORTS[1..] {
            let mut visitor = Visitor::new(&server.address, "/who", *transport);
            visitor.fields = fields.to_owned();
            let told = &soon(visitor.messages()).await.unwrap()[0];
            if believed {
                assert_eq!(told, "192.0.2.1:0 true", "{transport}");
            } else {
                assert!(
                    told.starts_with("127.0.0.1:") && told.ends_with(" false"),
                    "{told}"
                );
            }
        }
        let mut visitor = soon(Visitor::open(&server.address, "/who", Transport::Websocket)).await;
        let told = &soon(visitor.messages()).await.unwrap()[0];
        assert!(told.starts_with("127.0.0.1:"), "{told}");
    }
}

#[tokio::test]
async fn an_identity_does_not_change_with_later_requests() {
    let server = Server::new()
        .sockjs(service())
        .trusted_proxies(trusted("127.0.0.1"));
    let server = Running::start(server).await;
    let mut visitor = Visitor::new(&server.address, "/who", Transport::Xhr);
    visitor.fields = "X-Forwarded-For: 192.0.2.1\r\n".to_owned();
    assert_eq!(soon(visitor.frame()).await.as_deref(), Some("o"));
    visitor.fields = "X-Forwarded-For: 192.0.2.66\r\n".to_owned();
    assert_eq!(
        soon(visitor.messages()).await.unwrap(),
        ["192.0.2.1:0 false"]
    );
}

async fn proxied(trusted: TrustedProxies) -> (String, ServerHandle) {
    let server = Server::new().sockjs(service());
    let server = server.bind_proxied("127.0.0.1:0", trusted).await.unwrap();
    let Address::Tcp(address) = server.local_addresses()[0] else {
        panic!("not TCP")
    };
    let handle = server.handle();
    tokio::spawn(server.run());
    (address.to_string(), handle)
}

#[tokio::test]
async fn the_proxy_protocol_tells_the_client() {
    let (address, handle) = proxied(trusted("127.0.0.1")).await;
    let mut v2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x14\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x07\x01\xbb"
            .to_vec();
    v2.extend_from_slice(b"\x20\x00\x05\x01\x00\x00\x00\x00");
    let v1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 7 443\r\n".to_vec();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00".to_vec();
    for (header, told) in [
        (v1, "192.0.2.1:7 false"),
        (v2, "192.0.2.1:7 true"),
        (local, "127.0.0.1:"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1:"),
    ] {
        // The header in one piece with the request, and byte by byte before it.
        for pieces in [1, header.len()] {
            let mut visitor = Visitor::new(&address, "/who", Transport::XhrStreaming);
            let mut http = Http::connect(&address).await;
            for piece in header.chunks(header.len().div_ceil(pieces)) {
                http.stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            let target = format!("{}/xhr_streaming", visitor.path);
            http.ask("POST", &target, "", "").await;
            assert_eq!(soon(http.head()).await.unwrap().0, 200);
            visitor.receiving = Some(http);
            let got = &soon(visitor.messages()).await.unwrap()[0];
            assert!(got.starts_with(told), "{got}");
        }
    }
    for junk in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"PROXY TCP4 1 2 3 4\r\n",
        b"\r\n\r\n\0\r\nQUIX",
    ] {
        let mut http = Http::connect(&address).await;
        http.stream.write_all(junk).await.unwrap();
        assert!(soon(http.head()).await.is_err());
    }
    handle.shutdown(Duration::ZERO);

    let (address, handle) = proxied(trusted("10.0.0.0/8")).await;
    let mut http = Http::connect(&address).await;
    let _ = http
        .stream
        .write_all(b"PROXY UNKNOWN\r\nGET /who HTTP/1.1\r\nHost: h\r\n\r\n")
        .await;
    assert!(
        soon(http.head()).await.is_err(),
        "only trusted proxies may tell"
    );
    handle.shutdown(Duration::ZERO);
}

#[tokio::test]
async fn an_address_has_so_many_sessions() {
    let few = AddressLimits {
        sessions: Some(2),
        per_second: None,
    };
    let service = service().address_limits(few);
    let server = Server::new()
        .sockjs(service.clone())
        .trusted_proxies(trusted("127.0.0.1"));
    let server = Running::start(server).await;
    for transport in &TRANSPORTS[1..] {
        let client = format!("X-Forwarded-For: 192.0.2.{}\r\n", *transport as u8);
        let mut visitors = Vec::new();
        for expected in ["o", "o", "429"] {
            let mut visitor = Visitor::new(&server.address, "/who", *transport);
            visitor.fields.clone_from(&client);
            assert_eq!(
                soon(visitor.frame()).await.unwrap(),
                expected,
                "{transport}"
            );
            visitors.push(visitor);
        }
    }
    let sockets = [
        soon(Visitor::open(&server.address, "/who", Transport::Websocket)).await,
        soon(Visitor::open(&server.address, "/who", Transport::Websocket)).await,
    ];
    let mut third = Visitor::new(&server.address, "/who", Transport::Websocket);
    assert_eq!(soon(third.frame()).await, None);
    drop(sockets);
    assert_eq!(service.stats().refusals.address, 6);
    soon(async {
        // Whoever has gone makes room.
        loop {
            let mut next = Visitor::new(&server.address, "/who", Transport::Websocket);
            if next.frame().await.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_has_so_many_sessions() {
    let full = Config {
        max_sessions: 2,
        ..config()
    };
    let service = SockJs::new(full, who).unwrap();
    let server = Running::start(Server::new().sockjs(service.clone())).await;
    let _polling = soon(Visitor::open(&server.address, "/who", Transport::Xhr)).await;
    let _socket = soon(Visitor::open(&server.address, "/who", Transport::Websocket)).await;
    let mut third = Visitor::new(&server.address, "/who", Transport::Xhr);
    assert_eq!(soon(third.frame()).await.as_deref(), Some("503"));
    let mut fourth = Visitor::new(&server.address, "/who", Transport::Websocket);
    assert_eq!(soon(fourth.frame()).await, None);
    assert_eq!(service.stats().refusals.capacity, 2);
}
