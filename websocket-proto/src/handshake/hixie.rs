//! The challenge of hixie-76 (= hybi-00), and the exactness of hixie-75.

use alloc::string::String;
use alloc::vec::Vec;

use md5::{Digest as _, Md5};

use super::RequestView;
use crate::Entropy;

/// The number hidden in a `Sec-WebSocket-Key1` or `-Key2` field of hixie-76: all its digits as one
/// decimal number, divided by how many spaces it holds.
///
/// `None` when there is no digit, no space, a remainder, or a quotient above 2³² - 1.
///
/// ```
/// use websocket_proto::handshake::hixie76_number;
///
/// assert_eq!(hixie76_number(b"4 @1  46546xW%0l 1 5"), Some(829_309_203));
/// assert_eq!(hixie76_number(b"12345"), None);
/// ```
pub fn hixie76_number(key: &[u8]) -> Option<u32> {
    let mut digits: Option<u64> = None;
    let mut spaces: u64 = 0;
    for &byte in key {
        match byte {
            b'0'..=b'9' => {
                let shifted = digits.unwrap_or(0).checked_mul(10)?;
                digits = Some(shifted.checked_add(u64::from(byte - b'0'))?);
            }
            b' ' => spaces += 1,
            _ => {}
        }
    }
    let digits = digits?;
    if spaces == 0 || digits % spaces != 0 {
        return None;
    }
    u32::try_from(digits / spaces).ok()
}

/// The numbers of both keys as they enter the challenge: big-endian, one after the other.
pub fn hixie76_numbers(key1: &[u8], key2: &[u8]) -> Option<[u8; 8]> {
    let [a, b, c, d] = hixie76_number(key1)?.to_be_bytes();
    let [e, f, g, h] = hixie76_number(key2)?.to_be_bytes();
    Some([a, b, c, d, e, f, g, h])
}

/// The 16 bytes that answer a hixie-76 challenge: the MD5 digest of the two numbers, as
/// [`hixie76_numbers`] gives them, and the 8 bytes that follow the request head.
///
/// ```
/// use websocket_proto::handshake::{hixie76_numbers, hixie76_reply};
///
/// let numbers = hixie76_numbers(b"4 @1  46546xW%0l 1 5", b"12998 5 Y3 1  .P00").unwrap();
/// assert_eq!(&hixie76_reply(numbers, *b"^n:ds[4U"), b"8jKS'y:G*Co,Wxa-");
/// ```
pub fn hixie76_reply(numbers: [u8; 8], nonce: [u8; 8]) -> [u8; 16] {
    Md5::new()
        .chain_update(numbers)
        .chain_update(nonce)
        .finalize()
        .into()
}

/// A key as a client makes it.
pub(super) fn random_key(entropy: &mut dyn Entropy) -> String {
    let spaces = 1 + below(entropy, 12);
    let number = below(entropy, u64::from(u32::MAX) / spaces + 1);
    let mut key: Vec<u8> = Vec::with_capacity(KEY_MAX);
    key.extend_from_slice(alloc::format!("{}", number * spaces).as_bytes());
    for _ in 0..1 + below(entropy, 12) {
        let at = index_below(entropy, key.len() + 1);
        key.insert(at, NOISE[index_below(entropy, NOISE.len())]);
    }
    for _ in 0..spaces {
        // Never first or last: a field value has no outer spaces.
        let at = 1 + index_below(entropy, key.len() - 1);
        key.insert(at, b' ');
    }
    key.into_iter().map(char::from).collect()
}

/// A random number below `bound`, which is at least 1. The bias of the remainder is at most one
/// part in 2³².
fn below(entropy: &mut dyn Entropy, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    u64::from_be_bytes(bytes) % bound
}

/// A random index below `bound`, which is at least 1.
pub(super) fn index_below(entropy: &mut dyn Entropy, bound: usize) -> usize {
    usize::try_from(below(entropy, bound as u64)).unwrap_or(0)
}

/// Whether a request has exactly the lines hixie-75 spells out, in its order and letter case.
pub(super) fn is_exact_hixie75(request: &impl RequestView) -> bool {
    let mut fields = request.fields().peekable();
    let mut next_is = |name: &str, value: Option<&str>| {
        fields
            .next_if(|(sent, with)| {
                *sent == name && value.is_none_or(|value| value.as_bytes() == *with)
            })
            .is_some()
    };
    let begins = next_is("Upgrade", Some("WebSocket"))
        && next_is("Connection", Some("Upgrade"))
        && next_is("Host", None)
        && next_is("Origin", None);
    next_is("WebSocket-Protocol", None);
    while next_is("Cookie", None) {}
    begins && fields.next().is_none()
}

/// U+0021 to U+002F and U+003A to U+007E.
const NOISE: [u8; 84] = {
    let mut noise = [0; 84];
    let (mut at, mut byte) = (0, b'!');
    while byte <= b'~' {
        if !byte.is_ascii_digit() {
            noise[at] = byte;
            at += 1;
        }
        byte += 1;
    }
    assert!(at == noise.len());
    noise
};
const KEY_MAX: usize = 10 + 12 + 12;
