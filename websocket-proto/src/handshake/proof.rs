//! The proof that a server has read the handshake (RFC 6455 §1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::digest::core_api::Block;
use sha1::{Digest as _, Sha1, Sha1Core};

use super::server::KEY_LENGTH;

/// The `Sec-WebSocket-Accept` of a `Sec-WebSocket-Key` (RFC 6455 §4.2.2), for a key as sent, without
/// outer white space.
///
/// ```
/// use websocket_proto::handshake::accept_key;
///
/// assert_eq!(&accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let proof = match key.try_into() {
        Ok(key) => Proof::of_usual(key),
        Err(_) => {
            let hash = Sha1::new().chain_update(key).chain_update(GUID);
            Proof(hash.finalize().into())
        }
    };
    proof.to_base64()
}

/// SHA-1 of a key and the GUID.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof([u8; 20]);

impl Proof {
    /// That of a key of the usual length: sixty bytes make two blocks (FIPS 180-4 §5.1.1), of which only
    /// the key differs from one handshake to the next. To go through a hasher's buffer costs a fifth
    /// more.
    pub(super) fn of_usual(key: &[u8; KEY_LENGTH]) -> Self {
        let mut first = GUID_BLOCK;
        first[..KEY_LENGTH].copy_from_slice(key);
        let mut state = SHA1_START;
        let blocks = [first, LENGTH_BLOCK].map(Block::<Sha1Core>::from);
        sha1::compress(&mut state, &blocks);
        let mut digest = [0; 20];
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
            *place = word.to_be_bytes();
        }
        Self(digest)
    }

    pub(super) fn to_base64(self) -> [u8; 28] {
        let mut text = [0; 28];
        let written = BASE64.encode_slice(self.0, &mut text);
        debug_assert_eq!(written, Ok(text.len()), "20 bytes are 28 characters");
        text
    }
}

const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The block that a key goes in front of, with the bit that ends the message.
const GUID_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    let mut at = 0;
    while at < GUID.len() {
        block[KEY_LENGTH + at] = GUID[at];
        at += 1;
    }
    block[KEY_LENGTH + GUID.len()] = 0x80;
    block
};
/// The block that ends with the message's length in bits.
const LENGTH_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    let bits = 8 * (KEY_LENGTH + GUID.len()) as u64;
    [.., block[62], block[63]] = bits.to_be_bytes();
    block
};
/// FIPS 180-4 §5.3.1.
const SHA1_START: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        for byte in 0..=u8::MAX {
            let key = [byte; KEY_LENGTH];
            let hash = Sha1::new().chain_update(key).chain_update(GUID);
            assert_eq!(Proof::of_usual(&key).0, <[u8; 20]>::from(hash.finalize()));
        }
    }
}
