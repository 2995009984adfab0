//! What cannot be avoided: copying the bytes, parsing with httparse, SHA-1 and base64.

use std::hint::black_box;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha1::{Digest, Sha1};
use websocket_proto::frame::header_len;

use crate::harness::Contender;
use crate::stream::Endless;
use crate::workload::{ACCEPT, READ, REQUEST, STATUS_LINE};

/// The rows of this module.
pub const COPY: &str = "bound: memcpy";
pub const HANDSHAKE: &str = "bound: httparse, sha1, base64, format";

/// The read itself.
pub fn copy(stream: &'static [u8], size: usize) -> Contender {
    let frame = size + header_len(size as u64, true);
    let mut stream = Endless::new(stream);
    let mut scratch = vec![0; READ];
    let mut owed = 0;
    Contender::new(COPY, move |times| {
        owed += times * frame;
        while owed > 0 {
            let bytes = stream.next(READ.min(owed));
            scratch[..bytes.len()].copy_from_slice(bytes);
            black_box(&mut scratch);
            owed -= bytes.len();
        }
    })
}

pub fn copy_of(payload: &Bytes) -> Contender {
    let payload = payload.clone();
    let mut out = Vec::with_capacity(READ);
    Contender::new(COPY, move |times| {
        for _ in 0..times {
            out.clear();
            out.extend_from_slice(&payload);
            black_box(&mut out);
        }
    })
}

pub fn handshake() -> Contender {
    let mut answer = Vec::new();
    Contender::new(HANDSHAKE, move |times| {
        for _ in 0..times {
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut request = httparse::Request::new(&mut fields);
            let complete = request.parse(REQUEST.as_bytes()).expect("a legal request");
            assert!(complete.is_complete());
            let key = request
                .headers
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case("sec-websocket-key"));
            let mut digest = Sha1::new();
            digest.update(key.expect("there is a key").value);
            digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let accept = STANDARD.encode(digest.finalize());
            answer.clear();
            answer.extend_from_slice(STATUS_LINE);
            write!(
                answer,
                "Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .expect("a Vec takes all");
            black_box(&mut answer);
        }
        assert!(String::from_utf8_lossy(&answer).contains(ACCEPT));
    })
}
