//! From options to a server that runs until it is asked to end.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::thread;

use adapter_async_std::AsyncStd;
use adapter_core::{Address as Bound, Runtime, Server};
use adapter_smol::Smol;
use adapter_tokio::Tokio;
use websocket_proto::handshake::OriginPolicy;

use crate::address::Address;
use crate::options::{self, Options};
#[cfg(unix)]
use crate::socket_file::{self, SocketFile};
use crate::{routes, signals, workers};

/// Runs the server on the runtime that the options name; an error is one line.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let origins = OriginPolicy::parse(options.allow_origin.iter().map(String::as_str))
        .map_err(|error| format!("--allow-origin: {error}"))?;
    let scheme = Scheme::of(options)?;
    #[cfg(unix)]
    raise_open_files();
    let workers = options
        .workers
        .or_else(|| thread::available_parallelism().ok());
    let workers = workers.unwrap_or(NonZeroUsize::MIN);
    let started = match options.runtime {
        options::Runtime::Tokio => workers::tokio(workers)
            .map(|runtime| runtime.block_on(serve::<Tokio>(options, origins, scheme))),
        options::Runtime::AsyncStd => {
            workers::async_std(workers);
            Ok(adapter_async_std::block_on(serve::<AsyncStd>(
                options, origins, scheme,
            )))
        }
        options::Runtime::Smol => workers::smol(workers)
            .map(|()| adapter_smol::block_on(serve::<Smol>(options, origins, scheme))),
    };
    started.unwrap_or_else(|error| Err(format!("cannot start the runtime: {error}")))
}

/// Lets the process have as many sockets as it may: what a shell hands down is often 1024.
#[cfg(unix)]
fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

async fn serve<R: Runtime>(
    options: &Options,
    origins: OriginPolicy,
    scheme: Scheme,
) -> Result<(), String> {
    let mut server = routes::server::<R>(options, &origins)?;
    #[cfg(unix)]
    let mut socket_files = Vec::new();
    for address in &options.listen {
        server = listen(server, address, &scheme, options)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        #[cfg(unix)]
        if let Address::Unix(path) = address {
            socket_files.push(SocketFile::owned(path));
        }
    }
    signals::watch(server.handle()).map_err(|error| format!("cannot watch signals: {error}"))?;
    if let Err(error) = announce(server.local_addresses(), &scheme) {
        tracing::warn!(%error, "the standard output is gone");
    }
    server.run().await;
    tracing::info!("ended");
    Ok(())
}

async fn listen<R: Runtime>(
    server: Server<R>,
    address: &Address,
    scheme: &Scheme,
    options: &Options,
) -> io::Result<Server<R>> {
    match (address, scheme) {
        (Address::Proxied(address), scheme) => {
            let trusted = options.sockjs.trusted_proxies().ok_or_else(|| {
                io::Error::other("nobody is believed there without --trusted-proxy")
            })?;
            match scheme {
                Scheme::Http => server.bind_proxied(address, trusted).await,
                #[cfg(feature = "tls")]
                Scheme::Https(config) => {
                    server
                        .bind_proxied_tls(address, trusted, config.clone())
                        .await
                }
            }
        }
        (Address::Tcp(address), Scheme::Http) => server.bind(address).await,
        #[cfg(feature = "tls")]
        (Address::Tcp(address), Scheme::Https(config)) => {
            server.bind_tls(address, config.clone()).await
        }
        #[cfg(unix)]
        (Address::Unix(path), _) => {
            socket_file::remove_stale(path)?;
            server.bind_unix(path)
        }
    }
}

/// Tells where the server listens: one line each, for people and for programs that started this one.
fn announce(addresses: &[Bound], scheme: &Scheme) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for address in addresses {
        match address {
            Bound::Tcp(address) => writeln!(out, "listening on {}://{address}", scheme.name())?,
            other => writeln!(out, "listening on {other}")?,
        }
    }
    out.flush()
}

/// What is spoken on TCP.
enum Scheme {
    Http,
    #[cfg(feature = "tls")]
    Https(std::sync::Arc<rustls::ServerConfig>),
}

impl Scheme {
    #[cfg(feature = "tls")]
    fn of(options: &Options) -> Result<Self, String> {
        match (&options.tls.cert, &options.tls.key) {
            (Some(cert), Some(key)) => crate::tls::load(cert, key).map(Self::Https),
            _ => Ok(Self::Http),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn of(_options: &Options) -> Result<Self, String> {
        Ok(Self::Http)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Http => "http",
            #[cfg(feature = "tls")]
            Self::Https(_) => "https",
        }
    }
}
