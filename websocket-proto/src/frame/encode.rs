//! Hybi frames on their way out: RFC 6455 §5.2.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Header, OpCode, mask};
use crate::Outbox;

/// How many bytes a header takes: 2 to 14.
pub const fn header_len(payload_len: u64, masked: bool) -> usize {
    let len = match payload_len {
        0..126 => 2,
        126..0x1_0000 => 4,
        0x1_0000.. => 10,
    };
    if masked { len + 4 } else { len }
}

/// Appends `header` with its length in the shortest form, and the mask key.
///
/// ```
/// use websocket_proto::frame::{Header, OpCode, encode_header};
///
/// let mut out = Vec::new();
/// let header = Header { fin: true, rsv1: false, opcode: OpCode::Binary, len: 256 };
/// encode_header(header, None, &mut out);
/// assert_eq!(out, [0x82, 0x7e, 0x01, 0x00]);
/// ```
#[inline]
pub fn encode_header(header: Header, mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let first = flag(header.fin, FIN) | flag(header.rsv1, RSV1) | header.opcode.bits();
    let masked = flag(mask.is_some(), MASK);
    // RFC 6455 §5.2: the minimal number of bytes MUST be used.
    if let Ok(len @ 0..LEN_16) = u8::try_from(header.len) {
        out.extend_from_slice(&[first, masked | len]);
    } else if let Ok(len) = u16::try_from(header.len) {
        let [high, low] = len.to_be_bytes();
        out.extend_from_slice(&[first, masked | LEN_16, high, low]);
    } else {
        out.extend_from_slice(&[first, masked | LEN_64]);
        out.extend_from_slice(&header.len.to_be_bytes());
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
}

/// Queues a frame, masking `payload` while it is copied.
///
/// The frame announces `header.len` bytes, whatever the length of `payload`.
#[inline]
pub fn encode_frame(header: Header, payload: &[u8], mask: Option<[u8; 4]>, outbox: &mut Outbox) {
    let hint = header_len(header.len, mask.is_some()) + payload.len();
    outbox.append_with(hint, |out| {
        out.reserve(hint);
        encode_header(header, mask, out);
        match mask {
            Some(key) => mask::copy(key, payload, out),
            None => out.extend_from_slice(payload),
        }
    });
}

/// Queues a whole message in an unmasked frame with the shortest header, as most messages have; `false`
/// if this one is too long for it.
#[inline]
pub(crate) fn push_short(opcode: OpCode, message: &[u8], outbox: &mut Outbox) -> bool {
    let fits = message.len() < usize::from(LEN_16);
    if fits {
        outbox.append_with(2 + message.len(), |out| {
            put_short(opcode, message, out);
        });
    }
    fits
}

/// The same behind what is in `out`.
#[inline]
pub(crate) fn put_short(opcode: OpCode, message: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(len @ 0..LEN_16) = u8::try_from(message.len()) else {
        return false;
    };
    out.extend_from_slice(&[FIN | opcode.bits(), len]);
    out.extend_from_slice(message);
    true
}

/// Queues an unmasked frame; a payload longer than [`Outbox::COPY_MAX`] is not copied.
#[inline]
pub fn push_frame(header: Header, payload: Bytes, outbox: &mut Outbox) {
    if payload.len() <= Outbox::COPY_MAX {
        return encode_frame(header, &payload, None, outbox);
    }
    outbox.append_with(MAX_HEADER, |out| encode_header(header, None, out));
    outbox.push(payload);
}

const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASK: u8 = 0x80;
/// What does not fit the second byte of a header.
pub(crate) const SHORT_BELOW: u8 = LEN_16;
/// Announces the 16-bit form; smaller values are lengths themselves.
const LEN_16: u8 = 126;
/// Announces the 64-bit form.
const LEN_64: u8 = 127;
/// Without a mask key.
const MAX_HEADER: usize = 10;
