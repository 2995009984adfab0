//! Chunked bodies against their grammar.

use std::sync::Arc;

use websocket_proto::http1::server::{Config, Connection, Event};
use websocket_proto::http1::{Closed, ProtocolError};
use websocket_proto::{Instant, Machine};

use crate::planted;

const NOW: Instant = Instant::ZERO;

/// The first byte says how long pieces are, the others are the body.
pub fn check(data: &[u8]) {
    if let [most, chunks @ ..] = data {
        check_pieces(chunks, 1 + usize::from(*most));
    }
}

/// A server reads `chunks` in pieces of `most` bytes, and finds what the grammar says.
///
/// # Panics
///
/// When it does not.
pub fn check_pieces(chunks: &[u8], most: usize) {
    let mut machine = Connection::new(Arc::new(Config::default()), NOW);
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    machine.receive(NOW, &mut head.to_vec());
    assert!(matches!(machine.poll_event(), Some(Event::Request(_))));
    machine.read_body(NOW, u64::MAX).expect("a request");
    let (mut taken, mut seen) = (0, chunks.to_vec());
    if planted("chunked-space-in-front") && seen.first() == Some(&b' ') {
        seen[0] = b'0';
    }
    for piece in seen.chunks(most) {
        taken += machine.receive(NOW, &mut piece.to_vec());
    }
    let (mut body, mut end, mut failed) = (Vec::new(), false, None);
    let mut trailers = false;
    while let Some(event) = machine.poll_event() {
        match event {
            Event::Body(data) => body.extend_from_slice(&data),
            Event::RequestEnd(fields) => {
                trailers = !fields.is_empty();
                end = true;
            }
            Event::Closed(Closed::Protocol(error)) => failed = Some(error),
            event => panic!("{event:?}"),
        }
    }
    if limited(chunks) {
        return; // The oracle knows no limits.
    }
    // A line behind the last chunk is a trailer, which the oracle does not know. One that may not stand
    // there is dropped (RFC 9110 §6.5.1); of those the corpus has `TE`.
    let trailer = trailers
        || end && ends_with_dropped(chunks)
        || matches!(
            failed,
            Some(
                ProtocolError::FieldName
                    | ProtocolError::FieldValue
                    | ProtocolError::FoldedField
                    | ProtocolError::BareLineFeed
                    | ProtocolError::RequestLine
                    | ProtocolError::TrailersTooLarge
            )
        );
    match oracle(chunks) {
        Ok(Some((expected, len))) => {
            assert!(end && failed.is_none(), "{}", chunks.escape_ascii());
            assert_eq!((body, taken), (expected, len));
        }
        Ok(None) => assert!(!end && failed.is_none(), "{}", chunks.escape_ascii()),
        // Lengths that no number holds together; nothing smaller is too large for `read_body`.
        Err(Wrong::Sum) => assert_eq!(
            failed,
            Some(ProtocolError::BodyTooLarge),
            "{}",
            chunks.escape_ascii()
        ),
        Err(Wrong::Grammar) => {
            let behind_the_last = has_last_chunk(chunks);
            let waits_for_trailer = failed.is_none() && !end && behind_the_last;
            assert!(
                failed == Some(ProtocolError::Chunk)
                    || trailer && behind_the_last
                    || waits_for_trailer,
                "{failed:?} {}",
                chunks.escape_ascii()
            );
        }
    }
}

/// Whether a line may be longer than is allowed, or a body larger than is read here.
fn limited(chunks: &[u8]) -> bool {
    chunks.len() > 250
}

/// Why a chunked body means nothing.
enum Wrong {
    Grammar,
    /// Its chunks are longer than any number says.
    Sum,
}

/// What a chunked body comes to, by its grammar alone (RFC 9112 §7.1); trailers are left out.
fn oracle(mut rest: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Wrong> {
    let whole = rest.len();
    let mut body = Vec::new();
    loop {
        let digits = rest
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        if digits > 16 {
            return Err(Wrong::Grammar);
        }
        let mut after = &rest[digits..];
        if digits == 0 && !after.is_empty() {
            return Err(Wrong::Grammar);
        }
        let padding = after
            .iter()
            .take_while(|byte| b" \t".contains(byte))
            .count();
        after = &after[padding..];
        match after {
            [b';', extension @ ..] => {
                let in_extension = |byte: &&u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
                after = &extension[extension.iter().take_while(in_extension).count()..];
            }
            [] => {}
            _ if padding > 0 => return Err(Wrong::Grammar),
            _ => {}
        }
        let Some(after) = take(after, b"\r\n")? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&rest[..digits]).map_err(|_| Wrong::Grammar)?;
        let size = u64::from_str_radix(text, 16).map_err(|_| Wrong::Grammar)?;
        (body.len() as u64).checked_add(size).ok_or(Wrong::Sum)?;
        // What no memory holds has not come.
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size == 0 {
            return Ok(take(after, b"\r\n")?.map(|after| (body, whole - after.len())));
        }
        if after.len() < size {
            return Ok(None);
        }
        body.extend_from_slice(&after[..size]);
        match take(&after[size..], b"\r\n")? {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
}

/// What is behind `wanted`; nothing when there is only a part of it.
fn take<'a>(bytes: &'a [u8], wanted: &[u8]) -> Result<Option<&'a [u8]>, Wrong> {
    match bytes.strip_prefix(wanted) {
        Some(rest) => Ok(Some(rest)),
        None if wanted.starts_with(bytes) => Ok(None),
        None => Err(Wrong::Grammar),
    }
}

/// Whether what is wrong may stand behind the last chunk.
fn has_last_chunk(chunks: &[u8]) -> bool {
    (0..chunks.len()).any(|at| {
        // With nothing but an empty trailer section behind it the prefix would be a whole body.
        matches!(oracle(&[&chunks[..at], b"\r\n"].concat()), Ok(Some((_, len))) if len == at + 2)
    })
}

/// Whether some last chunk is followed by lines that all name fields which may not be trailers, and an
/// empty line.
fn ends_with_dropped(chunks: &[u8]) -> bool {
    (0..chunks.len()).any(|at| {
        let ends = matches!(oracle(&[&chunks[..at], b"\r\n"].concat()), Ok(Some((_, len))) if len == at + 2);
        let mut rest = &chunks[at..];
        let mut lines = 0;
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let line = &rest[..end];
            rest = &rest[end + 2..];
            if line.is_empty() {
                return ends && lines > 0;
            }
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            if !line.contains(&b':') || !DROPPED.iter().any(|one| name.eq_ignore_ascii_case(one.as_bytes())) {
                return false;
            }
            lines += 1;
        }
        false
    })
}

/// What frames, routes, authenticates or says how to read a message (RFC 9110 §6.5.1).
const DROPPED: &[&str] = &[
    "Age",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Expires",
    "Host",
    "Keep-Alive",
    "Location",
    "Max-Forwards",
    "Origin",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Retry-After",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Vary",
    "Via",
    "WWW-Authenticate",
];
