//! Frames and text, without a connection.

use alloc::vec::Vec;

use bytes::{Buf, Bytes};
use websocket_proto::frame::hixie::{self, Decoder, Step};
use websocket_proto::frame::{CloseCode, Header, OpCode, close, encode_frame, mask, push_frame};
use websocket_proto::utf8::Validator;
use websocket_proto::{Draft, Outbox, Utf8Bytes};

pub fn a_masked_frame() {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut outbox = Outbox::new();
    encode_frame(header(OpCode::Text, 5), b"Hello", Some(key), &mut outbox);
    let mut body = [0; close::MAX_BODY];
    let body = close::encode_body(CloseCode::GOING_AWAY, "bye", &mut body);
    encode_frame(
        header(OpCode::Close, body.len()),
        body,
        Some(key),
        &mut outbox,
    );
    let mut wire: Vec<u8> = outbox.copy_to_bytes(outbox.len()).into();
    assert_eq!(wire[..11], *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    assert_eq!(wire[11..], *b"\x88\x85\x37\xfa\x21\x3d\x34\x13\x43\x44\x52");
    assert!(mask::apply_ascii(key, 0, &mut wire[6..11]));
    assert_eq!(wire[6..11], *b"Hello");
}

pub fn a_large_frame() {
    let payload = Bytes::from(alloc::vec![7; 70_000]);
    let mut outbox = Outbox::new();
    push_frame(
        header(OpCode::Binary, payload.len()),
        payload.clone(),
        &mut outbox,
    );
    assert_eq!(outbox.len(), 10 + payload.len());
    outbox.advance(10);
    assert_eq!(outbox.chunk().as_ptr(), payload.as_ptr());
}

pub fn text_in_pieces() {
    let mut text = Validator::new();
    text.feed(b"\xce\xba\xe1").expect("the start of a text");
    assert!(!text.is_boundary());
    text.feed(b"\xbd\xb9").expect("its end");
    assert!(text.is_boundary());
    assert_eq!(text.feed(b"\xf4\x90").unwrap_err().position, 1);
}

pub fn a_hixie_message() {
    let mut outbox = Outbox::new();
    hixie::encode_text(Utf8Bytes::from("Hello"), &mut outbox);
    let mut decoder = Decoder::new(Draft::Hixie76, 125);
    let step = decoder.decode(outbox.chunk()).expect("our own frame");
    assert_eq!(
        step,
        (
            7,
            Step::Text {
                at: 1..6,
                last: true
            }
        )
    );
}

fn header(opcode: OpCode, len: usize) -> Header {
    Header {
        fin: true,
        rsv1: false,
        opcode,
        len: len as u64,
    }
}
