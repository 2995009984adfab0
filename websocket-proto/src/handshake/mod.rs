//! Opening handshakes of every draft, in both roles (RFC 6455 §4; hixie-75, hixie-76, hybi-07/08).
//!
//! Nothing here reads bytes from a socket: a server looks at a request that an HTTP stack has parsed
//! ([`RequestView`]), a client makes the bytes of a request and looks at the parsed response
//! ([`ResponseView`]). Either way a finished handshake is an [`Agreed`], from which a
//! [`Connection`](crate::Connection) begins.
//!
//! ```
//! use websocket_proto::handshake::{Client, ClientRequest, Url};
//!
//! let url: Url = "ws://example.com/chat".parse().unwrap();
//! let mut entropy = |bytes: &mut [u8]| bytes.fill(0); // give a strong source instead
//! let client = Client::new(&ClientRequest::new(&url), &mut entropy).unwrap();
//! assert!(client.request().starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::digest::core_api::Block;
use sha1::{Digest as _, Sha1, Sha1Core};

use crate::{Draft, deflate};

mod accept;
mod authority;
mod client;
mod extensions;
mod fields;
mod heads;
mod hixie;
#[cfg(feature = "http")]
mod http;
mod origin;
mod refusal;
mod server;
mod target;
mod url;
mod verify;
mod view;

pub use accept::{Accept, AcceptError, Accepted};
pub use client::{Client, ClientRequest, RequestError};
pub use extensions::{Extension, Extensions, ExtensionsError};
pub use fields::{FieldDefect, FieldError};
pub use hixie::{hixie76_number, hixie76_numbers, hixie76_reply};
pub use origin::{OriginPattern, OriginPolicy, PatternError};
pub use refusal::Refusal;
pub use server::{BadAuthority, Location, Policy, Strictness, Upgrade, detect, is_upgrade};
pub use url::{Url, UrlError};
pub use verify::{ClientError, versions};
pub use view::{RequestView, ResponseView};

/// What a finished handshake settled: everything a connection needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreed {
    /// The draft spoken.
    pub draft: Draft,
    /// The subprotocol spoken.
    pub protocol: Option<Box<str>>,
    /// The parameters of permessage-deflate, when it is in use.
    pub deflate: Option<deflate::Params>,
    /// What stands before the first frame.
    pub challenge: Challenge,
}

impl Agreed {
    /// A plain connection of `draft`: no subprotocol, no extension, nothing left of the handshake.
    /// For programs that did the handshake by other means.
    pub const fn new(draft: Draft) -> Self {
        Self {
            draft,
            protocol: None,
            deflate: None,
            challenge: Challenge::None,
        }
    }
}

/// Raw bytes between the heads and the first frame: only hixie-76 has them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Challenge {
    /// Frames follow the heads.
    #[default]
    None,
    /// The client sends 8 bytes; the server answers them, before its first frame, with
    /// [`hixie76_reply`] of them and these numbers.
    ServerAwaitsNonce {
        /// The numbers of both keys, big-endian.
        numbers: [u8; 8],
    },
    /// The server sends 16 bytes before its first frame; if they are not these, the client fails.
    ClientExpectsDigest {
        /// What the server must send.
        digest: [u8; 16],
    },
}

/// The `Sec-WebSocket-Accept` of a `Sec-WebSocket-Key` (RFC 6455 §4.2.2), for a key as sent, without
/// outer white space.
///
/// ```
/// use websocket_proto::handshake::accept_key;
///
/// assert_eq!(&accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let digest = match key.try_into() {
        Ok(key) => usual_digest(key),
        Err(_) => Sha1::new()
            .chain_update(key)
            .chain_update(GUID)
            .finalize()
            .into(),
    };
    let mut text = [0; 28];
    let written = BASE64.encode_slice(digest, &mut text);
    debug_assert_eq!(written, Ok(text.len()), "20 bytes are 28 characters");
    text
}

/// SHA-1 of a key of the usual length and the GUID: sixty bytes, of whose two blocks only the key
/// differs from one handshake to the next (FIPS 180-4 §5.1.1). Going through a hasher's buffer costs
/// a third more.
fn usual_digest(key: &[u8; server::KEY_LENGTH]) -> [u8; 20] {
    let (mut first, mut second) = ([0; 64], [0; 64]);
    first[..24].copy_from_slice(key);
    first[24..60].copy_from_slice(GUID);
    first[60] = 0x80;
    second[62..].copy_from_slice(&(60 * u8::BITS as u16).to_be_bytes());
    let mut state = SHA1_START;
    sha1::compress(&mut state, &[first, second].map(Block::<Sha1Core>::from));
    let mut digest = [0; 20];
    for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    digest
}

/// Appends a response head without a body.
fn write_head<'a>(
    out: &mut Vec<u8>,
    status: u16,
    reason: &str,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let digits = [status / 100, status / 10, status].map(|digit| DIGITS[usize::from(digit % 10)]);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&digits);
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    for (name, value) in fields {
        write_field(out, name, value);
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends a field and the line break *before* it.
fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
}

const DIGITS: &[u8; 10] = b"0123456789";
/// RFC 6455 §1.3.
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// FIPS 180-4 §5.3.1.
const SHA1_START: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];
