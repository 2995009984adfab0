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

use crate::http1::status_digits;
use crate::{Draft, deflate};

mod accept;
mod authority;
mod client;
mod extensions;
mod fields;
mod heads;
mod hixie;
mod hosts;
#[cfg(feature = "http")]
mod http;
mod origin;
mod proof;
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
pub use hosts::{HostPattern, HostPolicy};
pub use origin::{OriginPattern, OriginPolicy, PatternError};
pub use proof::accept_key;
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

/// Appends a response head without a body.
fn write_head<'a>(
    out: &mut Vec<u8>,
    status: u16,
    reason: &str,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&status_digits(status));
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
