//! What is decoded, encoded and answered: the same for all.

use std::rc::Rc;

use bytes::Bytes;
use websocket_proto::frame::{Header, OpCode, encode_frame};
use websocket_proto::{Outbox, deflate};

/// The payload sizes of most tables.
pub const SIZES: [usize; 5] = [16, 125, 1024, 16 * 1024, 64 * 1024];
pub const MASK_SIZES: [usize; 6] = [16, 125, 1024, 16 * 1024, 64 * 1024, 1024 * 1024];
pub const JSON_SIZES: [usize; 3] = [32, 1024, 64 * 1024];
/// How many messages are sent before they are written, where batches are compared.
pub const MESSAGES_PER_FLUSH: usize = 16;
/// How much a read may bring: what a server's shared buffer holds.
pub const READ: usize = 128 * 1024;
/// Input is this long before it repeats; it stays in the second-level cache.
const STREAM: usize = 256 * 1024;

#[derive(Clone, Copy)]
pub enum Kind {
    /// ASCII.
    Text,
    /// Text with a character of two bytes after every seven of one.
    MixedText,
    Binary,
}

pub fn payload(kind: Kind, size: usize) -> Bytes {
    let byte = |i: usize| (i * 7 % 95) as u8;
    match kind {
        Kind::Text => (0..size).map(|i| b' ' + byte(i)).collect(),
        Kind::MixedText => {
            let eight = |i| match i % 9 {
                7 => 0xc3,
                8 => 0xa4,
                _ => b' ' + byte(i),
            };
            let cut = if size % 9 == 8 { size - 1 } else { size };
            (0..cut)
                .map(eight)
                .chain((cut..size).map(|_| b'.'))
                .collect()
        }
        Kind::Binary => (0..size).map(|i| 0x80 + byte(i)).collect(),
    }
}

/// Whole frames of a client, each masked with another key.
pub fn masked_frames(kind: Kind, size: usize) -> &'static [u8] {
    let payload = payload(kind, size);
    let opcode = match kind {
        Kind::Text | Kind::MixedText => OpCode::Text,
        Kind::Binary => OpCode::Binary,
    };
    let header = Header {
        fin: true,
        rsv1: false,
        opcode,
        len: size as u64,
    };
    let mut stream = Vec::new();
    let mut key = 0x9e37_79b9_u32;
    while stream.len() < STREAM {
        let mut outbox = Outbox::new();
        encode_frame(header, &payload, Some(key.to_le_bytes()), &mut outbox);
        stream.extend_from_slice(bytes::Buf::chunk(&outbox));
        key = key.rotate_left(5).wrapping_mul(0x85eb_ca6b) | 1;
    }
    stream.leak()
}

/// Messages that resemble each other, and their payloads with and without context takeover.
pub struct Messages {
    pub plain: Vec<Vec<u8>>,
    pub with_context: Vec<Vec<u8>>,
    pub without_context: Vec<Vec<u8>>,
}

pub fn json_messages(size: usize) -> Rc<Messages> {
    let plain: Vec<Vec<u8>> = (0..(1024 * 1024 / size).clamp(4, 64))
        .map(|i| {
            let mut text = String::from("[");
            for j in 0.. {
                if text.len() >= size {
                    break;
                }
                let (id, price) = (i * 1031 + j * 17, (i * 7919 + j * 104_729) % 99_991);
                text += &format!(
                    r#"{{"id":{id},"symbol":"ABC{}","price":{price}}},"#,
                    id % 97
                );
            }
            text.truncate(size);
            text.into_bytes()
        })
        .collect();
    let compress = |no_context_takeover| {
        let mut compressor =
            deflate::Compressor::new(15, no_context_takeover, deflate::Effort::default());
        let one = |message: &Vec<u8>| {
            let mut payload = Vec::new();
            compressor.compress(message, true, &mut payload);
            payload
        };
        plain.iter().map(one).collect::<Vec<_>>()
    };
    let (with_context, without_context) = (compress(false), compress(true));
    Rc::new(Messages {
        plain,
        with_context,
        without_context,
    })
}

/// ASCII without anything that JSON escapes, or with one such character in sixteen.
pub fn ascii(size: usize, escapes: bool) -> String {
    (0..size)
        .map(|i| match i % 16 {
            8 if escapes => '"',
            _ => char::from(b'a' + (i * 7 % 26) as u8),
        })
        .collect()
}

/// What a browser sends: 13 fields, 565 bytes.
pub const REQUEST: &str = "GET /chat/room/4711 HTTP/1.1\r\n\
    Host: server.example.com:8080\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://server.example.com:8080\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=0123456789abcdef; theme=dark; language=en; region=eu1\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    \r\n";
const _: () = assert!(REQUEST.len() == 565);
/// How the answer to it must begin, and what it must hold.
pub const STATUS_LINE: &[u8] = b"HTTP/1.1 101 ";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
