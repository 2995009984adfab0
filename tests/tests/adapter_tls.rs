//! TLS on both sides, with a certificate made for the occasion.

use std::sync::Arc;
use std::time::Duration;

use adapter_core::{Address, Client, ConnectError, Response, Server, WebSocket, WebSocketRoute};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use tests::rt::{Rt, soon};
use tests::serve::echo;
use websocket_proto::{CloseCode, Draft, Drafts, Message};

fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

async fn serve<R: Rt>(config: Arc<ServerConfig>) -> u16 {
    async fn names(ws: WebSocket) {
        let request = ws.request();
        let tls = request.tls().expect("encrypted");
        let _ = ws.send(tls.server_name.as_deref().unwrap_or("none")).await;
    }
    let route = WebSocketRoute::new(echo).drafts(Drafts::ALL);
    let server = Server::<R>::new()
        .route("/", route)
        .websocket("/name", names)
        .get("/page", async |_| Response::text("page"))
        .bind_tls("127.0.0.1:0", config)
        .await
        .expect("bound");
    let Address::Tcp(address) = server.local_addresses()[0] else {
        panic!()
    };
    R::spawn(server.run());
    address.port()
}

async fn echo_and_close_in_every_draft<R: Rt>() {
    let (server, client) = configs();
    let port = serve::<R>(server).await;
    for draft in Draft::ALL {
        let client = Client::<R>::new().tls(Arc::clone(&client)).draft(draft);
        let mut ws = soon(client.connect(&format!("wss://localhost:{port}/")))
            .await
            .expect("open");
        for length in [0, 10, 70_000, 3_000_000] {
            let message = Message::from("x".repeat(length));
            ws.send(message.clone()).await.expect("sent");
            assert!(soon(ws.recv()).await == Some(message), "{draft} {length}");
        }
        let closed = soon(ws.close(CloseCode::NORMAL, "")).await.expect("legal");
        assert_eq!(closed.clean, draft != Draft::Hixie75, "{draft}: {closed}");
    }
    let client = Client::<R>::new().tls(client);
    let mut ws = soon(client.connect(&format!("wss://localhost:{port}/name")))
        .await
        .expect("open");
    assert_eq!(soon(ws.recv()).await, Some(Message::from("localhost")));
}

async fn close_notify_ends_what_we_send<R: Rt>() {
    let (server, client) = configs();
    let port = serve::<R>(server).await;
    let text = smol::unblock(move || {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port));
        Blocking(stream.expect("connected")).get(client)
    });
    let text = soon(text).await;
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\npage"),
        "{text}"
    );
}

/// rustls's own stream; it calls an end without `close_notify` an error.
struct Blocking(std::net::TcpStream);

impl Blocking {
    fn get(self, config: Arc<ClientConfig>) -> String {
        use std::io::{Read, Write};
        self.0
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a timeout");
        let name = "localhost".try_into().expect("a name");
        let client = rustls::ClientConnection::new(config, name).expect("a client");
        let mut stream = rustls::StreamOwned::new(client, self.0);
        let request = b"GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).expect("written");
        let mut text = String::new();
        stream
            .read_to_string(&mut text)
            .expect("an end with close_notify");
        text
    }
}

async fn strangers_are_not_trusted_and_plain_text_is_refused<R: Rt>() {
    let (server, _) = configs();
    let port = serve::<R>(server).await;
    let (_, stranger) = configs();
    let url = format!("wss://localhost:{port}/");
    let error = soon(Client::<R>::new().tls(stranger).connect(&url))
        .await
        .expect_err("untrusted");
    assert!(matches!(error, ConnectError::Transport(_)), "{error}");
    let error = soon(Client::<R>::new().connect(&url))
        .await
        .expect_err("untrusted");
    assert!(matches!(error, ConnectError::Transport(_)), "{error}");
    let mut stream = smol::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("connected");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "an alert at most");
}

tests::on_every_runtime! {
    echo_and_close_in_every_draft,
    close_notify_ends_what_we_send,
    strangers_are_not_trusted_and_plain_text_is_refused,
}
