//! Hybi frames on their way out, byte for byte.

use bytes::{Buf, Bytes};
use tests::ids;
use websocket_proto::Outbox;
use websocket_proto::frame::{Header, OpCode, encode_frame, encode_header, header_len, push_frame};

struct Row {
    id: &'static str,
    fin: bool,
    opcode: OpCode,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
    /// The whole frame, or its start: the rest is then the payload.
    wire: Vec<u8>,
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use OpCode::{Binary, Close, Continuation, Ping, Pong, Text};

    const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
    let row = |id, fin, opcode, mask: Option<[u8; 4]>, payload: &[u8], wire: &str| {
        Row { id, fin, opcode, mask, payload: payload.to_vec(), wire: hex(wire) }
    };
    vec![
        row("2.3-text", true, Text, None, b"Hello", "81 05 48 65 6c 6c 6f"),
        row("2.3-text-masked", true, Text, KEY, b"Hello", "81 85 37 fa 21 3d 7f 9f 4d 51 58"),
        row("2.3-text-empty", true, Text, None, b"", "81 00"),
        row("2.3-text-empty-masked", true, Text, Some([0; 4]), b"", "81 80 00 00 00 00"),
        row("2.3-first-fragment", false, Text, None, b"Hel", "01 03 48 65 6c"),
        row("2.3-last-fragment", true, Continuation, None, b"lo", "80 02 6c 6f"),
        row("2.3-ping", true, Ping, None, b"Hello", "89 05 48 65 6c 6c 6f"),
        row("2.3-pong-masked", true, Pong, KEY, b"Hello", "8a 85 37 fa 21 3d 7f 9f 4d 51 58"),
        row("2.3-binary-125", true, Binary, None, &[7; 125], "82 7d"),
        row("2.3-binary-126", true, Binary, None, &[7; 126], "82 7e 00 7e"),
        row("2.3-binary-256", true, Binary, None, &[7; 256], "82 7e 01 00"),
        row("2.3-binary-65535", true, Binary, None, &[7; 65535], "82 7e ff ff"),
        row("2.3-binary-65536", true, Binary, None, &[7; 65536], "82 7f 00 00 00 00 00 01 00 00"),
        row("2.3-close-1000", true, Close, None, b"\x03\xe8", "88 02 03 e8"),
        row("2.3-close-1000-masked", true, Close, Some([0x5f, 0x07, 0xc3, 0x28]), b"\x03\xe8", "88 82 5f 07 c3 28 5c ef"),
        row("2.3-close-empty", true, Close, None, b"", "88 00"),
        row("2.3-close-1001-masked", true, Close, KEY, b"\x03\xe9bye", "88 85 37 fa 21 3d 34 13 43 44 52"),
        row("2.3-close-1002", true, Close, None, b"\x03\xea", "88 02 03 ea"),
        row("2.3-close-1007", true, Close, None, b"\x03\xef", "88 02 03 ef"),
        row("2.3-recorded-first-fragment", false, Text, Some([0xca, 0x48, 0x3b, 0xf0]), b"fragment1", "01 89 ca483bf0 ac3a5a97a72d5584fb"),
        row("2.3-recorded-ping", true, Ping, Some([0xd3, 0xaa, 0x33, 0x4e]), b"pongme 1!", "89 89 d3aa334e a3c55d29becf137ff2"),
        row("2.3-recorded-pong", true, Pong, None, b"pongme 1!", "8a 09 706f6e676d65203121"),
        row("2.3-recorded-last-fragment", true, Continuation, Some([0xef, 0x48, 0xb4, 0x4a]), b"fragment5", "80 89 ef48b44a 893ad52d822dda3eda"),
    ]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn every_published_frame() {
    let rows = rows();
    for row in &rows {
        let len = row.payload.len() as u64;
        let header = Header {
            fin: row.fin,
            rsv1: false,
            opcode: row.opcode,
            len,
        };
        let head = header_len(len, row.mask.is_some());
        let mut wire = row.wire.clone();
        if wire.len() == head {
            wire.extend_from_slice(&row.payload);
        }

        let mut out = b"before".to_vec();
        encode_header(header, row.mask, &mut out);
        assert_eq!(out[6..], wire[..head], "{}", row.id);

        let mut outbox = Outbox::new();
        outbox.append(b"before");
        encode_frame(header, &row.payload, row.mask, &mut outbox);
        assert_eq!(outbox.copy_to_bytes(outbox.len())[6..], wire, "{}", row.id);

        if row.mask.is_none() {
            let mut outbox = Outbox::new();
            push_frame(header, Bytes::from(row.payload.clone()), &mut outbox);
            assert_eq!(outbox.copy_to_bytes(outbox.len()), wire, "{}", row.id);
        }
    }

    let largest = Header {
        fin: true,
        rsv1: false,
        opcode: OpCode::Binary,
        len: u64::MAX >> 1,
    };
    let mut out = Vec::new();
    encode_header(largest, None, &mut out);
    assert_eq!(out, hex("82 7f 7f ff ff ff ff ff ff ff"));
    assert_eq!(out.len(), header_len(largest.len, false));

    let ran = rows.iter().map(|row| row.id).chain(["2.3-largest-header"]);
    ids::check("2.3", ran);
}

#[test]
fn the_compressed_bit() {
    let mut out = Vec::new();
    encode_header(
        Header {
            fin: false,
            rsv1: true,
            opcode: OpCode::Text,
            len: 1,
        },
        None,
        &mut out,
    );
    assert_eq!(out, [0x41, 0x01]);
}

#[test]
fn a_large_payload_is_queued_by_reference() {
    let payload = Bytes::from(vec![7; Outbox::COPY_MAX + 1]);
    let len = payload.len() as u64;
    let mut outbox = Outbox::new();
    push_frame(
        Header {
            fin: true,
            rsv1: false,
            opcode: OpCode::Binary,
            len,
        },
        payload.clone(),
        &mut outbox,
    );
    assert_eq!(outbox.chunk(), [0x82, 0x7e, 0x10, 0x01]);
    outbox.advance(4);
    assert_eq!(outbox.chunk().as_ptr(), payload.as_ptr());
}
