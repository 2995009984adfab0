//! A SockJS service among others.
#![cfg(feature = "tower")]

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use adapter_core::embed::{Answer, Joining, Mounted, Posting, Receiving};
use adapter_core::proto::http1::ResponseHead;
use adapter_core::{SockJs, TrustedProxies};
use bytes::{Buf, Bytes};
use http::request::Parts;
use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use tower_service::Service;

use super::body::{Body, empty, switching, whole};
use super::{head, upgrade};
use crate::Tokio;

/// A SockJS service as a `tower::Service`. Clones are the same one.
///
/// It answers what is below its [prefix](adapter_core::sockjs::proto::Config::prefix), which is the
/// whole path from the root. A router that takes the front off a path, as axum's `nest_service` does,
/// does no harm: with feature `axum` the original path is known, and else a path that does not begin
/// with the prefix is taken for the rest of one.
///
/// Sessions are tasks of the runtime around the requests.
///
/// ```
/// use adapter_tokio::sockjs::proto::Config;
/// use adapter_tokio::tower::SockJsService;
/// use adapter_tokio::{Session, SockJs};
///
/// async fn echo(mut session: Session) {
///     while let Some(message) = session.recv().await {
///         let _ = session.send(message).await;
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config { prefix: "/echo".into(), ..Config::default() };
/// let service = SockJsService::new(SockJs::new(config, echo)?);
/// # #[cfg(feature = "axum")]
/// let app: axum::Router = axum::Router::new().nest_service("/echo", service);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SockJsService {
    mounted: Mounted,
    secure: bool,
}

impl SockJsService {
    /// Mounts a service.
    pub fn new(service: SockJs) -> Self {
        Self {
            mounted: Mounted::new::<Tokio>(service),
            secure: false,
        }
    }

    /// Whether clients come over TLS, which only the server around knows. By default not.
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        Self { secure, ..self }
    }

    /// Whose word counts about clients: see
    /// [`Server::trusted_proxies`](adapter_core::Server::trusted_proxies).
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self {
            mounted: self.mounted.trusted_proxies(proxies),
            ..self
        }
    }

    /// Closes every session with 1001 and lets none begin. Streams end with that, which a server's
    /// own graceful shutdown waits for.
    pub fn drain(&self) {
        self.mounted.drain();
    }

    fn answer(&self, parts: &Parts) -> Result<Answer, ResponseHead> {
        #[cfg(feature = "axum")]
        if let Some(axum::extract::OriginalUri(uri)) = parts.extensions.get()
            && self.mounted.owns(uri.path())
        {
            let visitor = head::visitor(parts, uri, "", self.secure)?;
            return Ok(self.mounted.answer(visitor));
        }
        let whole = self.mounted.owns(parts.uri.path());
        let prefix = &self.mounted.config().prefix;
        let before = if whole { "" } else { prefix.as_str() };
        let visitor = head::visitor(parts, &parts.uri, before, self.secure)?;
        Ok(self.mounted.answer(visitor))
    }
}

impl<B> Service<Request<B>> for SockJsService
where
    B: http_body::Body<Data: Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let version = parts.version;
        let upgrade = parts.extensions.remove();
        let answer = self.answer(&parts);
        Box::pin(async move {
            Ok(match answer {
                Ok(Answer::Response(response)) => whole(version, response),
                Ok(Answer::Receive(frames)) => receive(version, frames).await,
                Ok(Answer::Send(posting)) => send(version, posting, body).await,
                Ok(Answer::Websocket(joining)) => join(version, joining, upgrade).await,
                Ok(Answer::Timed(chunks)) => {
                    let head = empty(version, chunks.head());
                    head.map(|_| chunks.into())
                }
                Err(refusal) => empty(version, &refusal),
            })
        })
    }
}

async fn receive(version: Version, mut frames: Receiving) -> Response<Body> {
    match poll_fn(|cx| frames.poll_begin(cx)).await {
        Ok(()) => {
            let head = empty(version, &frames.head());
            head.map(|_| frames.into())
        }
        Err(refusal) => whole(version, refusal),
    }
}

async fn send<B: http_body::Body>(version: Version, posting: Posting, body: B) -> Response<Body> {
    let response = match collect(body, posting.max_body()).await {
        Ok(body) => posting.deliver(body).await,
        Err(BodyError::TooLong) => posting.too_large(),
        // Whoever sent half a body will hardly read this.
        Err(BodyError::Broken) => return empty(version, &ResponseHead::new(400).close()),
    };
    whole(version, response)
}

enum BodyError {
    TooLong,
    Broken,
}

async fn collect<B: http_body::Body>(body: B, most: usize) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    if body.size_hint().lower() > most as u64 {
        return Err(BodyError::TooLong);
    }
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        // Nobody has a use for trailers.
        let Ok(mut data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if data.remaining() > most - all.len() {
            return Err(BodyError::TooLong);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            all.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
    }
    Ok(all.into())
}

async fn join(version: Version, joining: Joining, upgrade: Option<OnUpgrade>) -> Response<Body> {
    let Some(upgrade) = upgrade else {
        return empty(version, &upgrade::IMPOSSIBLE);
    };
    match joining.join().await {
        Ok(joined) => {
            let response = switching(joined.fields());
            upgrade::run(upgrade, |stream| joined.serve(stream));
            response
        }
        Err(refusal) => empty(version, &refusal),
    }
}
