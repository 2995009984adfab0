//! The pages of a service that know of no session.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use md5::{Digest as _, Md5};
use websocket_proto::handshake::RequestView;

use crate::Dialect;
use crate::literal::encoded;

/// The body of the prefix itself.
pub(crate) const GREETING: &str = "Welcome to SockJS!\n";

/// What `/info` tells.
pub(crate) struct Info<'a> {
    pub(crate) websocket: bool,
    pub(crate) cors: bool,
    pub(crate) cookie_needed: bool,
    pub(crate) entropy: u32,
    pub(crate) base_url: Option<&'a str>,
}

impl Info<'_> {
    /// The body, in the order of deployed servers.
    pub(crate) fn json(&self) -> Vec<u8> {
        let Self {
            websocket,
            cookie_needed,
            entropy,
            ..
        } = self;
        let origins = if self.cors {
            "\"origins\":[\"*:*\"],"
        } else {
            ""
        };
        let mut json = format!(
            "{{\"websocket\":{websocket},{origins}\"cookie_needed\":{cookie_needed},\"entropy\":{entropy}"
        )
        .into_bytes();
        if let Some(url) = self.base_url {
            json.extend_from_slice(b",\"base_url\":");
            json.extend_from_slice(&encoded(url.as_bytes()));
        }
        json.push(b'}');
        json
    }
}

/// The page that runs the client within the server's origin.
pub(crate) fn iframe(client: &str, dialect: Dialect) -> String {
    let load = format!("  <script src=\"{client}\"></script>");
    let start = |how: &str| {
        format!("  <script>\n    document.domain = document.domain;\n    {how}\n  </script>")
    };
    let (first, second) = if dialect.iframe_loads_first() {
        (load, start("SockJS.bootstrap_iframe();"))
    } else {
        (
            start("_sockjs_onload = function(){SockJS.bootstrap_iframe();};"),
            load,
        )
    };
    format!("{IFRAME_HEAD}\n{first}\n{second}\n{IFRAME_TAIL}")
}

/// The entity tag of a body: its MD5, quoted.
pub(crate) fn etag(body: &[u8]) -> String {
    let mut tag = String::from("\"");
    for byte in Md5::digest(body) {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag.push('"');
    tag
}

/// Whether the client has what `etag` stands for: `If-None-Match` by weak comparison
/// (RFC 9110 §13.1.2).
pub(crate) fn is_unchanged(request: &impl RequestView, etag: &str) -> bool {
    request
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("if-none-match"))
        .any(|(_, value)| value.trim_ascii() == b"*" || lists(value, etag.as_bytes()))
}

/// Whether a list of entity tags (RFC 9110 §8.8.3) has `etag`. A tag may hold commas.
fn lists(mut list: &[u8], etag: &[u8]) -> bool {
    loop {
        list = match list.trim_ascii_start() {
            [b',', rest @ ..] => rest,
            rest => {
                let tag = rest.strip_prefix(b"W/").unwrap_or(rest);
                let Some(inner) = tag.strip_prefix(b"\"") else {
                    return false;
                };
                let Some(end) = memchr::memchr(b'"', inner) else {
                    return false;
                };
                let (tag, rest) = tag.split_at(end + 2);
                if tag == etag {
                    return true;
                }
                rest
            }
        };
    }
}

/// The body of `/chunking_test`: chunks, each with the time since the one before.
pub(crate) const CHUNKS: &[(Duration, &[u8])] = &[
    (Duration::ZERO, b"h\n"),
    (Duration::ZERO, &PRELUDE),
    (Duration::from_millis(5), b"h\n"),
    (Duration::from_millis(25), b"h\n"),
    (Duration::from_millis(125), b"h\n"),
    (Duration::from_millis(625), b"h\n"),
    (Duration::from_millis(3125), b"h\n"),
];

const PRELUDE: [u8; 2050] = {
    let mut bytes = [b' '; 2050];
    bytes[2048] = b'h';
    bytes[2049] = b'\n';
    bytes
};

const IFRAME_HEAD: &str = r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />"#;
const IFRAME_TAIL: &str = r"</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        for (list, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("\"b\",W/\"a\" ", true),
            (",, \"a\"", true),
            ("\"b,\"a\"", false),
            ("a", false),
            ("\"a", false),
            ("\"ab\"", false),
            ("w/\"a\"", false),
            ("", false),
        ] {
            assert_eq!(lists(list.as_bytes(), b"\"a\""), expected, "{list}");
        }
    }
}
