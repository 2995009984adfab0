//! The client that Autobahn's fuzzing server puts to the test.
//!
//! `autobahn-client [--runtime NAME] [--ca FILE] URL`: asks `URL/getCaseCount` how many cases there are,
//! echoes in each, and has the report written. Exits 0 when it has been through all of this, whatever
//! the verdicts.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use adapter_core::{Client, Runtime, WebSocket};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use websocket_proto::deflate;

fn main() -> ExitCode {
    match Options::read().and_then(|options| match options.runtime.as_str() {
        "tokio" => adapter_tokio::block_on(run::<adapter_tokio::Tokio>(options)),
        "async-std" => adapter_async_std::block_on(run::<adapter_async_std::AsyncStd>(options)),
        "smol" => adapter_smol::block_on(run::<adapter_smol::Smol>(options)),
        other => Err(format!("{other} is not tokio, async-std or smol").into()),
    }) {
        Ok(cases) => {
            println!("{cases} cases");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("autobahn-client: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    runtime: String,
    trusted: Option<String>,
    url: String,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let (mut runtime, mut trusted, mut url) = ("tokio".to_owned(), None, None);
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--runtime" => runtime = value()?,
                "--ca" => trusted = Some(value()?),
                _ => url = Some(argument),
            }
        }
        let url = url.ok_or("usage: autobahn-client [--runtime NAME] [--ca FILE] URL")?;
        Ok(Self {
            runtime,
            trusted,
            url,
        })
    }
}

async fn run<R: Runtime>(options: Options) -> Result<u32, Box<dyn Error>> {
    let mut client = Client::<R>::new().deflate(deflate::Config::default());
    if let Some(file) = options.trusted {
        client = client.tls(trusting(&file)?);
    }
    let url = options.url;
    let mut count = client.connect(&format!("{url}/getCaseCount")).await?;
    let message = count.recv().await.ok_or("no count came")?;
    let cases: u32 = message.as_text().ok_or("the count is binary")?.parse()?;
    drain(&mut count).await;
    for case in 1..=cases {
        let mut ws = client
            .connect(&format!("{url}/runCase?case={case}&agent={AGENT}"))
            .await?;
        while let Some(message) = ws.recv().await {
            if ws.send(message).await.is_err() {
                drain(&mut ws).await;
            }
        }
    }
    drain(
        &mut client
            .connect(&format!("{url}/updateReports?agent={AGENT}"))
            .await?,
    )
    .await;
    Ok(cases)
}

/// Waits for the end.
async fn drain(ws: &mut WebSocket) {
    while ws.recv().await.is_some() {}
}

/// A configuration that trusts the certificate in `file` and nothing else.
fn trusting(file: &str) -> Result<Arc<rustls::ClientConfig>, Box<dyn Error>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

const AGENT: &str = "ours";
