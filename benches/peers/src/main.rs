//! In-memory comparison with other WebSocket crates: no sockets, one thread, what is written is
//! thrown away. See `benches/run.sh`.
//!
//! Every table interleaves its contenders and keeps the fastest of many rounds, so that noise of the
//! machine falls on all of them and counts for none. Differences under 5 % mean nothing.

mod fastwebsockets;
mod floor;
mod harness;
mod ours;
mod ours_deflate;
mod stream;
mod tokio_websockets;
mod tungstenite;
mod workload;

use harness::{Contender, Table};
use workload::{Kind, MESSAGES_PER_FLUSH, SIZES};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for table in tables() {
        if wanted.is_empty()
            || wanted
                .iter()
                .any(|word| table.title.contains(word.as_str()))
        {
            table.print();
        }
    }
}

fn tables() -> Vec<Table> {
    vec![
        Table {
            title: "decode: binary, masked, server side, ns per message".into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), decode(Kind::Binary, size)))
                .collect(),
        },
        Table {
            title: "decode: ASCII text, masked, server side, ns per message".into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), decode(Kind::Text, size)))
                .collect(),
        },
        Table {
            title: "decode: text with one character in eight of two bytes, masked, ns per message"
                .into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), decode(Kind::MixedText, size)))
                .collect(),
        },
        Table {
            title: "encode: binary, server side, a write for each, ns per message".into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), encode(size, 1)))
                .collect(),
        },
        Table {
            title: format!(
                "encode: binary, server side, a write for {MESSAGES_PER_FLUSH}, ns per message"
            ),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), encode(size, MESSAGES_PER_FLUSH)))
                .collect(),
        },
        Table {
            title: "handshake: a browser's request of 565 bytes, server side, ns".into(),
            columns: vec![("565 B".into(), handshake())],
        },
        Table {
            title: "inflate: JSON text, ns per message".into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), inflate(size)))
                .collect(),
        },
        Table {
            title: "deflate: JSON text, ns per message".into(),
            columns: SIZES
                .iter()
                .map(|&size| (bytes(size), deflate(size)))
                .collect(),
        },
    ]
}

// The first contender of each list is what the others are compared with.

fn decode(kind: Kind, size: usize) -> Vec<Contender> {
    let stream = workload::masked_frames(kind, size);
    vec![
        ours::decode_borrowed(stream, size),
        ours::decode_owned(stream, size),
        ours::decode_whole_reads(stream, size),
        tungstenite::decode(stream, size),
        fastwebsockets::decode(stream, size),
        tokio_websockets::decode(stream, size),
        floor::copy(stream, size),
    ]
}

fn encode(size: usize, per_flush: usize) -> Vec<Contender> {
    let payload = workload::payload(Kind::Binary, size);
    let mut contenders = vec![
        ours::send(&payload, per_flush),
        ours::encode_frames(&payload, per_flush),
        tungstenite::send(&payload, per_flush),
        tokio_websockets::send(&payload, per_flush),
    ];
    if per_flush == 1 {
        // It writes each frame at once; there is nothing to flush.
        contenders.push(fastwebsockets::send(&payload));
    }
    contenders.push(floor::header_and_copy(&payload));
    contenders
}

fn handshake() -> Vec<Contender> {
    vec![
        ours::handshake(),
        ours::handshake_of_parsed_request(),
        tungstenite::handshake(),
        tokio_websockets::handshake(),
        floor::handshake(),
    ]
}

fn inflate(size: usize) -> Vec<Contender> {
    let messages = workload::json_messages(size);
    vec![
        ours_deflate::inflate(&messages, false),
        ours_deflate::inflate(&messages, true),
        ours_deflate::inflate_floor(&messages),
    ]
}

fn deflate(size: usize) -> Vec<Contender> {
    let messages = workload::json_messages(size);
    vec![
        ours_deflate::deflate(&messages, false),
        ours_deflate::deflate(&messages, true),
        ours_deflate::deflate_floor(&messages),
    ]
}

fn bytes(size: usize) -> String {
    if size < 1024 {
        format!("{size} B")
    } else {
        format!("{} KiB", size / 1024)
    }
}
