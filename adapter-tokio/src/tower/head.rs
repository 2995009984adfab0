//! Request heads of the `http` crate as those of ours.
#![cfg(feature = "tower")]

use adapter_core::Address;
use adapter_core::embed::Visitor;
use adapter_core::proto::http1::{HeadParser, Limits, RequestHead, ResponseHead};
use http::request::Parts;
use http::{Uri, Version, header};

/// The request as our services take it. `path` stands before that of the request.
///
/// # Errors
///
/// A head that is none of HTTP/1.1, and the answer to it.
pub(super) fn visitor(
    parts: &Parts,
    uri: &Uri,
    path: &str,
    secure: bool,
) -> Result<Visitor, ResponseHead> {
    Ok(Visitor {
        head: read(parts, uri, path)?,
        peer: peer(parts),
        secure,
    })
}

fn read(parts: &Parts, uri: &Uri, path: &str) -> Result<RequestHead, ResponseHead> {
    let mut text = Vec::with_capacity(512);
    let version = match parts.version {
        Version::HTTP_09 | Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    let target = uri.path_and_query().map_or("*", |target| target.as_str());
    for part in [
        parts.method.as_str(),
        " ",
        path,
        target,
        " HTTP/",
        version,
        "\r\n",
    ] {
        text.extend_from_slice(part.as_bytes());
    }
    // An absolute target outweighs `Host` (RFC 9112 §3.2.2), and HTTP/2 has nothing else.
    let authority = uri.authority().or(parts.uri.authority());
    if let Some(authority) = authority {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        field(&mut text, b"Host", &[host.as_bytes()], b"");
    }
    for (name, value) in &parts.headers {
        let replaced = authority.is_some() && name == header::HOST;
        if !replaced && name != header::COOKIE {
            field(&mut text, name.as_ref(), &[value.as_bytes()], b"");
        }
    }
    // HTTP/2 may cut a cookie field into several (RFC 9113 §8.2.3).
    let cookies = parts.headers.get_all(header::COOKIE);
    let cookies: Vec<&[u8]> = cookies.iter().map(http::HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        field(&mut text, b"Cookie", &cookies, b"; ");
    }
    text.extend_from_slice(b"\r\n");
    // The HTTP stack has had its own.
    match HeadParser::new().parse(&text, &Limits::MET) {
        Ok((_, Some(head))) => Ok(head),
        Ok((_, None)) => Err(ResponseHead::new(400).close()),
        Err(error) => Err(ResponseHead::new(error.status()).close()),
    }
}

fn field(text: &mut Vec<u8>, name: &[u8], values: &[&[u8]], between: &[u8]) {
    text.extend_from_slice(name);
    text.extend_from_slice(b": ");
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            text.extend_from_slice(between);
        }
        text.extend_from_slice(value);
    }
    text.extend_from_slice(b"\r\n");
}

fn peer(parts: &Parts) -> Address {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) = parts.extensions.get() {
        return Address::Tcp(*peer);
    }
    let told = parts.extensions.get::<Address>();
    told.cloned().unwrap_or(Address::Unknown)
}
