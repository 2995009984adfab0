//! In-memory comparison with other WebSocket crates: no sockets, one thread, what is written is
//! thrown away. See `benches/run.sh`.
//!
//! Every table interleaves its contenders and keeps the fastest of many rounds, so that noise of the
//! machine falls on all of them and counts for none. Differences under 5 % mean nothing.

mod fastwebsockets;
mod floor;
mod harness;
mod mask;
mod ours;
mod ours_deflate;
mod sockjs;
mod stream;
mod tokio_websockets;
mod tungstenite;
mod workload;

use harness::{Column, Contender, Goal, Table, Target};
use workload::{JSON_SIZES, Kind, MASK_SIZES, MESSAGES_PER_FLUSH, SIZES, ascii};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    harness::run(tables(), &arguments);
}

fn tables() -> Vec<Table> {
    vec![
        Table {
            title: "decode: binary, masked, server side, ns per message".into(),
            columns: columns(SIZES, |size| decode(Kind::Binary, size)),
            targets: vec![
                target(ours::BORROWED, &["16 B"], Goal::Nanoseconds(8.0)),
                target(ours::OWNED, &["16 B"], Goal::Nanoseconds(25.0)),
                target(ours::WHOLE, &["64 KiB"], Goal::SpeedOf(floor::COPY, 0.50)),
            ],
        },
        Table {
            title: "decode: ASCII text, masked, server side, ns per message".into(),
            columns: columns(SIZES, |size| decode(Kind::Text, size)),
            targets: vec![
                target(ours::BORROWED, &["16 B"], Goal::Nanoseconds(8.0)),
                target(ours::WHOLE, &["64 KiB"], Goal::SpeedOf(floor::COPY, 0.47)),
            ],
        },
        Table {
            title: "decode: text with one character in eight of two bytes, masked, ns per message"
                .into(),
            columns: columns(SIZES, |size| decode(Kind::MixedText, size)),
            targets: vec![target(
                ours::WHOLE,
                &["64 KiB"],
                Goal::SpeedOf(floor::COPY, 0.13),
            )],
        },
        Table {
            title: "unmask: payloads that begin on a border of 64 bytes, ns".into(),
            columns: columns(MASK_SIZES, |size| mask::contenders(size, 0)),
            targets: vec![target(mask::OURS, &[], Goal::TimesOfFastest(1.10))],
        },
        Table {
            title: "unmask: payloads that begin three bytes behind one, ns".into(),
            columns: columns(MASK_SIZES, |size| mask::contenders(size, 3)),
            targets: vec![
                target(mask::OURS, &[], Goal::TimesOfFastest(1.10)),
                target(mask::OURS, &["16 KiB"], Goal::SpeedOf(floor::COPY, 1.4)),
            ],
        },
        Table {
            title: "encode: binary, server side, a write for each, ns per message".into(),
            columns: columns(SIZES, |size| encode(size, 1)),
            targets: vec![target(
                ours::PUSH_FRAME,
                &["16 KiB", "64 KiB"],
                Goal::Nanoseconds(15.0),
            )],
        },
        Table {
            title: format!(
                "encode: binary, server side, a write for {MESSAGES_PER_FLUSH}, ns per message"
            ),
            columns: columns(SIZES, |size| encode(size, MESSAGES_PER_FLUSH)),
            targets: vec![target(
                ours::PUSH_FRAME,
                &["16 B", "125 B"],
                Goal::Nanoseconds(6.0),
            )],
        },
        Table {
            title: "handshake: a browser's request of 565 bytes, server side, ns".into(),
            columns: columns([565], |_| handshake()),
            targets: vec![target(
                ours::HANDSHAKE,
                &[],
                Goal::TimesOf(floor::HANDSHAKE, 1.4),
            )],
        },
        Table {
            title: "SockJS encode: a message of ASCII, ns".into(),
            columns: columns(JSON_SIZES, |size| sockjs::encode(&ascii(size, false))),
            targets: vec![
                target(sockjs::WRITE, &["1 KiB"], Goal::SpeedOf(floor::COPY, 0.20)),
                target(sockjs::WRITE, &["64 KiB"], Goal::SpeedOf(floor::COPY, 0.38)),
            ],
        },
        Table {
            title: "SockJS encode: a message with one escape in 16 bytes, ns".into(),
            columns: columns(JSON_SIZES, |size| sockjs::encode(&ascii(size, true))),
            targets: vec![],
        },
        Table {
            title: "SockJS parse: a message of ASCII, ns".into(),
            columns: columns(JSON_SIZES, |size| sockjs::parse(&ascii(size, false))),
            targets: vec![
                target(sockjs::PARSE, &["1 KiB"], Goal::SpeedOf(floor::COPY, 0.28)),
                target(sockjs::PARSE, &["64 KiB"], Goal::SpeedOf(floor::COPY, 0.40)),
            ],
        },
        Table {
            title: "SockJS parse: a message with one escape in 16 bytes, ns".into(),
            columns: columns(JSON_SIZES, |size| sockjs::parse(&ascii(size, true))),
            targets: vec![],
        },
        Table {
            title: "inflate: JSON text, ns per message".into(),
            columns: columns(SIZES, inflate),
            targets: vec![],
        },
        Table {
            title: "deflate: JSON text, ns per message".into(),
            columns: columns(SIZES, deflate),
            targets: vec![],
        },
    ]
}

fn columns<const N: usize>(
    sizes: [usize; N],
    contenders: impl Fn(usize) -> Vec<Contender> + Copy + 'static,
) -> Vec<Column> {
    let column = |size| Column {
        head: bytes(size),
        contenders: Box::new(move || contenders(size)),
    };
    sizes.map(column).into()
}

fn target(row: &'static str, columns: &'static [&'static str], goal: Goal) -> Target {
    Target { row, columns, goal }
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
    contenders.push(floor::copy_of(&payload));
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
    } else if size < 1024 * 1024 {
        format!("{} KiB", size / 1024)
    } else {
        format!("{} MiB", size / 1024 / 1024)
    }
}
