//! The JavaScript client of `--sockjs-client`.

use std::future::ready;
use std::path::Path;

use adapter_core::{HttpRoute, Request, Response, Route};
use bytes::Bytes;
use sha1::{Digest, Sha1};

/// A client that is served under a name which changes with its content, so that it can be cached for
/// ever and a page never gets another version than the one it asks for.
#[derive(Clone, Debug)]
pub(crate) struct ClientFile {
    content: Bytes,
    name: String,
}

impl ClientFile {
    /// Reads the file; the error is one line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let content = std::fs::read(path)
            .map_err(|error| format!("--sockjs-client: cannot read {shown}: {error}"))?;
        match std::str::from_utf8(&content) {
            Ok(text) if text.contains("SockJS") => Ok(Self::new(content.into())),
            Ok(_) => Err(format!(
                "--sockjs-client: {shown} is no build of sockjs-client"
            )),
            Err(_) => Err(format!("--sockjs-client: {shown} is not UTF-8")),
        }
    }

    fn new(content: Bytes) -> Self {
        let hash: String = Sha1::digest(&content)
            .iter()
            .take(HASH_BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = format!("sockjs-{hash}.js");
        Self { content, name }
    }

    /// Where it is served below a service.
    pub(crate) fn path(&self, prefix: &str) -> String {
        format!("{prefix}/{}", self.name)
    }

    /// Answers with the file.
    pub(crate) fn route(&self) -> Route {
        let file = self.clone();
        HttpRoute::get(move |request| ready(file.answer(&request))).into()
    }

    fn answer(&self, request: &Request) -> Response {
        let etag = format!("\"{}\"", self.name);
        let unchanged = request
            .header("If-None-Match")
            .is_some_and(|tags| tags.contains(&etag));
        let response = Response::new(if unchanged { 304 } else { 200 })
            .header("ETag", &etag)
            .header("Cache-Control", "public, max-age=31536000, immutable")
            .header("Access-Control-Allow-Origin", "*")
            .header("Cross-Origin-Resource-Policy", "cross-origin")
            .header("X-Content-Type-Options", "nosniff");
        if unchanged {
            return response;
        }
        response
            .header("Content-Type", "text/javascript; charset=utf-8")
            .with_body(self.content.clone())
    }
}

/// Enough that no two builds share a name.
const HASH_BYTES: usize = 8;
