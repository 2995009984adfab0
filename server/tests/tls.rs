//! `--tls-cert` and `--tls-key`.
#![cfg(feature = "tls")]

mod support;

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SignatureScheme, StreamOwned};
use support::{Server, exchange, refused};
use tungstenite::Message;

/// A certificate for localhost in files of its own.
struct Identity {
    folder: PathBuf,
    roots: RootCertStore,
}

impl Identity {
    fn new(name: &str) -> Self {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let folder =
            std::env::temp_dir().join(format!("sockjs-server-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("a file");
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a certificate");
        Self { folder, roots }
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn connect(&self, server: &Server) -> StreamOwned<ClientConnection, TcpStream> {
        self.connect_with(server, Arc::new(Asked::default()))
    }

    /// Connects with what answers when the server asks for a certificate.
    fn connect_with(
        &self,
        server: &Server,
        certificates: Arc<dyn ResolvesClientCert>,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider has them")
                .with_root_certificates(self.roots.clone())
                .with_client_cert_resolver(certificates);
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        StreamOwned::new(client, server.connect())
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn https_and_wss() {
    let identity = Identity::new("serve");
    let (cert, key) = (identity.file("cert.pem"), identity.file("key.pem"));
    let server = Server::start_with([
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ]);
    assert!(server.addresses[0].starts_with("https://127.0.0.1:"));

    let answer = exchange(
        identity.connect(&server),
        "GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n",
    );
    assert_eq!(answer.status, 204);

    let stream = identity.connect(&server);
    let (mut socket, _) = tungstenite::client("wss://localhost/ws/echo", stream).expect("upgraded");
    for message in [Message::text("secret"), Message::binary(vec![9; 300_000])] {
        socket.send(message.clone()).expect("sent");
        assert_eq!(socket.read().expect("echoed"), message);
    }
}

/// A client that has a certificate, and notes when it is asked for it.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn s34_no_certificate_of_a_client_is_asked_for_or_believed() {
    let identity = Identity::new("client");
    let (cert, key) = (identity.file("cert.pem"), identity.file("key.pem"));
    let listen = ["--listen", "127.0.0.1:0"];
    let server =
        Server::start_with([&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat());
    let asked = Arc::new(Asked::default());
    let stream = identity.connect_with(&server, Arc::clone(&asked) as _);
    let answer = exchange(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n");
    assert_eq!(answer.status, 200);
    assert!(
        !asked.0.load(Ordering::Relaxed),
        "so none can be taken for verified"
    );
}

#[test]
fn files_that_do_not_do_are_refused() {
    let (one, other) = (Identity::new("one"), Identity::new("other"));
    let (cert, key) = (one.file("cert.pem"), other.file("key.pem"));
    let no_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (arguments, parts) in [
        (vec!["--tls-cert", &cert], ["--tls-key", "not provided"]),
        (vec!["--tls-key", &key], ["--tls-cert", "not provided"]),
        (
            vec!["--tls-cert", "/no/cert", "--tls-key", &key],
            ["cannot read the certificate", "/no/cert"],
        ),
        (
            vec!["--tls-cert", &cert, "--tls-key", "/no/key"],
            ["cannot read the private key", "/no/key"],
        ),
        (
            vec!["--tls-cert", no_pem, "--tls-key", &key],
            ["no certificate in", no_pem],
        ),
        (
            vec!["--tls-cert", &cert, "--tls-key", no_pem],
            ["no private key in", no_pem],
        ),
        (
            vec!["--tls-cert", &cert, "--tls-key", &key],
            ["cannot use", &cert],
        ),
    ] {
        refused(&arguments, &parts);
    }
}
