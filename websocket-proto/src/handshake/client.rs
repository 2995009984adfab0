//! Asking for a WebSocket.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::fields::{FieldError, PROTOCOLS_MAX, check_extra, printable, token};
use super::hixie::{hixie76_numbers, hixie76_reply, index_below, random_key};
use super::{Url, accept_key, write_field};
use crate::{Draft, Entropy, deflate};

/// What a client asks for.
///
/// ```
/// use websocket_proto::deflate;
/// use websocket_proto::handshake::{ClientRequest, Url};
///
/// let url: Url = "ws://example.com/".parse().unwrap();
/// let request = ClientRequest {
///     protocols: &["chat.v2", "chat"],
///     deflate: Some(deflate::Config::default()),
///     headers: &[("Authorization", "Bearer 1234")],
///     ..ClientRequest::new(&url)
/// };
/// ```
#[derive(Clone, Debug)]
pub struct ClientRequest<'a> {
    /// Where to.
    pub url: &'a Url,
    /// Which draft to speak. Default: RFC 6455.
    pub draft: Draft,
    /// The origin of the page on whose behalf one asks. Programs need none, so the default is none;
    /// the hixie drafts demand one, where the default is [`Url::http_origin`].
    pub origin: Option<&'a str>,
    /// Subprotocols, the preferred first. The hixie drafts can ask for one only.
    pub protocols: &'a [&'a str],
    /// What to offer of permessage-deflate; `None` offers nothing. The hixie drafts have none, and
    /// neither has a build without the feature `deflate`.
    pub deflate: Option<deflate::Config>,
    /// Additional fields: cookies, authorization.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> ClientRequest<'a> {
    /// RFC 6455 at `url`, with nothing optional.
    pub const fn new(url: &'a Url) -> Self {
        Self {
            url,
            draft: Draft::Rfc6455,
            origin: None,
            protocols: &[],
            deflate: None,
            headers: &[],
        }
    }
}

/// A client's opening handshake: send [`request`](Self::request), parse the response head, and
/// [`verify`](Self::verify) it. Our own [`exchange`](Self::exchange) does the first two.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) draft: Draft,
    request: Bytes,
    pub(super) protocols: Box<[Box<str>]>,
    pub(super) deflate: Option<deflate::Config>,
    pub(super) expected: Expected,
}

/// What a right answer repeats or proves.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Hybi {
        accept: [u8; 28],
    },
    Hixie76 {
        origin: Box<str>,
        location: Box<str>,
        digest: [u8; 16],
    },
    Hixie75 {
        origin: Box<str>,
        location: Box<str>,
    },
}

impl Client {
    /// Makes the request. `entropy` gives the key, or the keys and the nonce of hixie-76; it must be
    /// cryptographically strong and is not kept.
    ///
    /// # Errors
    ///
    /// When the request would not be legal.
    pub fn new(
        request: &ClientRequest<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, RequestError> {
        check_protocols(request)?;
        check_extra(request.headers).map_err(RequestError::Field)?;
        if request.origin.is_some_and(|origin| !survives(origin)) {
            return Err(RequestError::Origin);
        }
        let (bytes, expected) = match request.draft {
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => hybi(request, entropy),
            Draft::Hixie76 => hixie76(request, entropy),
            Draft::Hixie75 => hixie75(request),
        };
        Ok(Self {
            draft: request.draft,
            request: bytes.into(),
            protocols: request.protocols.iter().map(|&name| name.into()).collect(),
            deflate: offered_deflate(request).cloned(),
            expected,
        })
    }

    /// All bytes of the request; in hixie-76 including the 8 that follow its head.
    pub const fn request(&self) -> &Bytes {
        &self.request
    }

    /// The draft asked for.
    pub const fn draft(&self) -> Draft {
        self.draft
    }
}

fn hybi(request: &ClientRequest<'_>, entropy: &mut dyn Entropy) -> (Vec<u8>, Expected) {
    let mut nonce = [0; 16];
    entropy.fill(&mut nonce);
    let key = BASE64.encode(nonce);
    let (version, origin_name) = match request.draft {
        Draft::Hybi07 => ("7", "Sec-WebSocket-Origin"),
        Draft::Hybi08 => ("8", "Sec-WebSocket-Origin"),
        Draft::Hixie75 | Draft::Hixie76 | Draft::Rfc6455 => ("13", "Origin"),
    };
    let protocols = request.protocols.join(", ");
    let offer = offered_deflate(request).map(deflate::Config::offer);
    let lines = [
        Some(("Host", request.url.authority())),
        Some(("Upgrade", "websocket")),
        Some(("Connection", "Upgrade")),
        Some(("Sec-WebSocket-Key", key.as_str())),
        Some(("Sec-WebSocket-Version", version)),
        request.origin.map(|origin| (origin_name, origin)),
        (!protocols.is_empty()).then_some(("Sec-WebSocket-Protocol", protocols.as_str())),
        offer
            .as_deref()
            .map(|offer| ("Sec-WebSocket-Extensions", offer)),
    ];
    let lines = lines
        .into_iter()
        .flatten()
        .chain(request.headers.iter().copied());
    (
        write_request(request.url, lines),
        Expected::Hybi {
            accept: accept_key(key.as_bytes()),
        },
    )
}

fn hixie76(request: &ClientRequest<'_>, entropy: &mut dyn Entropy) -> (Vec<u8>, Expected) {
    let keys = [random_key(entropy), random_key(entropy)];
    let mut nonce = [0; 8];
    entropy.fill(&mut nonce);
    let origin = hixie_origin(request);
    let mut lines: Vec<(&str, &str)> = [
        Some(("Upgrade", "WebSocket")),
        Some(("Connection", "Upgrade")),
        Some(("Host", request.url.authority())),
        Some(("Origin", &origin)),
        Some(("Sec-WebSocket-Key1", &keys[0])),
        Some(("Sec-WebSocket-Key2", &keys[1])),
        request
            .protocols
            .first()
            .map(|&name| ("Sec-WebSocket-Protocol", name)),
    ]
    .into_iter()
    .flatten()
    .chain(request.headers.iter().copied())
    .collect();
    // The draft wants the lines in random order, so that nobody relies on one.
    for last in (1..lines.len()).rev() {
        lines.swap(last, index_below(entropy, last + 1));
    }
    let mut bytes = write_request(request.url, lines.into_iter());
    bytes.extend_from_slice(&nonce);
    // Keys made by `random_key` always hide a number.
    let numbers = hixie76_numbers(keys[0].as_bytes(), keys[1].as_bytes()).unwrap_or_default();
    let location = alloc::format!("{}", request.url).into();
    let digest = hixie76_reply(numbers, nonce);
    (
        bytes,
        Expected::Hixie76 {
            origin: origin.into(),
            location,
            digest,
        },
    )
}

fn hixie75(request: &ClientRequest<'_>) -> (Vec<u8>, Expected) {
    let origin = hixie_origin(request);
    let lines = [
        Some(("Upgrade", "WebSocket")),
        Some(("Connection", "Upgrade")),
        Some(("Host", request.url.authority())),
        Some(("Origin", &origin)),
        request
            .protocols
            .first()
            .map(|&name| ("WebSocket-Protocol", name)),
    ];
    let lines = lines
        .into_iter()
        .flatten()
        .chain(request.headers.iter().copied());
    let bytes = write_request(request.url, lines);
    let location = alloc::format!("{}", request.url).into();
    (
        bytes,
        Expected::Hixie75 {
            origin: origin.into(),
            location,
        },
    )
}

fn offered_deflate<'a>(request: &'a ClientRequest<'_>) -> Option<&'a deflate::Config> {
    let possible = request.draft.is_hybi() && cfg!(feature = "deflate");
    request.deflate.as_ref().filter(|_| possible)
}

fn hixie_origin(request: &ClientRequest<'_>) -> String {
    request
        .origin
        .map_or_else(|| request.url.http_origin(), String::from)
}

fn write_request<'a>(url: &Url, fields: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(REQUEST_HINT);
    out.extend_from_slice(b"GET ");
    out.extend_from_slice(url.target().as_bytes());
    out.extend_from_slice(b" HTTP/1.1");
    for (name, value) in fields {
        write_field(&mut out, name, value);
    }
    out.extend_from_slice(b"\r\n\r\n");
    out
}

fn check_protocols(request: &ClientRequest<'_>) -> Result<(), RequestError> {
    let protocols = request.protocols;
    let legal = if request.draft.is_hybi() {
        protocols.len() <= PROTOCOLS_MAX
            && protocols.iter().enumerate().all(|(index, name)| {
                token(name.as_bytes()).is_some() && !protocols[..index].contains(name)
            })
    } else {
        match protocols {
            [] => true,
            [name] => survives(name),
            [_, _, ..] => false,
        }
    };
    legal.then_some(()).ok_or(RequestError::Protocol)
}

/// Whether a value arrives as it was sent: white space around it would not (RFC 9112 §5.1).
fn survives(value: &str) -> bool {
    printable(value.as_bytes()).is_some() && value.trim() == value
}

/// Why a request cannot be made. The application's mistake.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestError {
    /// A subprotocol is no token, or comes twice, or there are more than 32; for the hixie drafts,
    /// it is not printable, or there are two.
    Protocol,
    /// The origin is empty, not printable ASCII, or has white space around it.
    Origin,
    /// An additional field is not possible.
    Field(FieldError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol => f.write_str("these subprotocols cannot be asked for in this draft"),
            Self::Origin => {
                f.write_str("the origin is empty, not printable, or has white space around it")
            }
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}

/// Room for a request with a short path and few additional fields.
const REQUEST_HINT: usize = 384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deflate_is_offered_only_with_its_codec() {
        let url = "ws://a.test/".parse().unwrap();
        let deflate = Some(deflate::Config::default());
        let request = ClientRequest {
            deflate,
            ..ClientRequest::new(&url)
        };
        let client = Client::new(&request, &mut |_: &mut [u8]| {}).unwrap();
        let text = core::str::from_utf8(client.request()).unwrap();
        assert_eq!(
            text.contains("permessage-deflate"),
            cfg!(feature = "deflate")
        );
    }
}
