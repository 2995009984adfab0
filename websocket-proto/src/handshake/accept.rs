//! The 101, and what it settles.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::fields::{FieldError, check_extra};
use super::server::Kind;
use super::{Agreed, Challenge, Refusal, Upgrade};
use crate::{Draft, Outbox};

/// What the application decides about a request it accepts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accept<'a> {
    /// The subprotocol spoken, one of [`Upgrade::protocols`].
    pub protocol: Option<&'a str>,
    /// Fields added to the answer, cookies for instance.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Upgrade {
    /// Accepts the request. Nothing is written or consumed: after an error, try again or refuse.
    ///
    /// # Errors
    ///
    /// When the answer would not be legal, or would be refused by the client.
    pub fn accept<'a>(&'a self, accept: Accept<'a>) -> Result<Accepted<'a>, AcceptError> {
        match accept.protocol {
            Some(chosen) if !self.protocols().any(|asked| asked == chosen) => {
                return Err(AcceptError::ProtocolNotOffered);
            }
            None if !self.draft.is_hybi() && self.protocols.is_some() => {
                return Err(AcceptError::ProtocolRequired);
            }
            Some(_) | None => {}
        }
        check_extra(accept.headers).map_err(AcceptError::Field)?;
        let (key, extensions) = match &self.kind {
            Kind::Hybi { proof, deflate } => (
                proof.to_base64(),
                deflate.map(|answer| answer.text()).unwrap_or_default(),
            ),
            Kind::Hixie76 { .. } | Kind::Hixie75 { .. } => ([0; 28], String::new()),
        };
        Ok(Accepted {
            upgrade: self,
            accept,
            key,
            extensions,
        })
    }
}

/// An accepted request: the 101 as [bytes](Self::write) or as [fields](Self::fields), and what it
/// [settles](Self::agreed).
#[derive(Debug)]
pub struct Accepted<'a> {
    upgrade: &'a Upgrade,
    accept: Accept<'a>,
    /// Unused in the hixie drafts.
    key: [u8; 28],
    extensions: String,
}

impl Accepted<'_> {
    /// Appends the whole head to `out` as it goes on the wire.
    ///
    /// In hixie-76 this is all that may be sent before the client's nonce has come: proxies pass on
    /// nothing behind a request head until they have seen the 101.
    pub fn write(&self, out: &mut Vec<u8>) {
        // The drafts spell the reason phrase out; a hixie-75 client compares it.
        let reason = match self.upgrade.draft {
            Draft::Hixie75 => "Web Socket Protocol Handshake",
            Draft::Hixie76 => "WebSocket Protocol Handshake",
            Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
                out.extend_from_slice(HYBI_HEAD);
                out.extend_from_slice(&self.key);
                for (name, value) in self.chosen_fields() {
                    super::write_field(out, name, value);
                }
                out.extend_from_slice(b"\r\n\r\n");
                return;
            }
        };
        super::write_head(out, 101, reason, self.fields());
    }

    /// Queues the whole head.
    pub fn queue(&self, outbox: &mut Outbox) {
        outbox.append_with(HEAD_HINT, |buffer| self.write(buffer));
    }

    /// The fields of the head, for an HTTP stack that writes it itself: status 101, no body.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let origin = self.upgrade.origin();
        let own = match &self.upgrade.kind {
            Kind::Hybi { .. } => [
                Some(("Upgrade", "websocket")),
                Some(("Connection", "Upgrade")),
                core::str::from_utf8(&self.key)
                    .ok()
                    .map(|key| ("Sec-WebSocket-Accept", key)),
                None,
            ],
            Kind::Hixie76 { location, .. } => [
                Some(("Upgrade", "WebSocket")),
                Some(("Connection", "Upgrade")),
                origin.map(|origin| ("Sec-WebSocket-Origin", origin)),
                Some(("Sec-WebSocket-Location", location)),
            ],
            Kind::Hixie75 { location } => [
                Some(("Upgrade", "WebSocket")),
                Some(("Connection", "Upgrade")),
                origin.map(|origin| ("WebSocket-Origin", origin)),
                Some(("WebSocket-Location", location)),
            ],
        };
        own.into_iter().flatten().chain(self.chosen_fields())
    }

    /// The fields behind those that every answer has.
    fn chosen_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = match &self.upgrade.kind {
            Kind::Hybi { .. } | Kind::Hixie76 { .. } => "Sec-WebSocket-Protocol",
            Kind::Hixie75 { .. } => "WebSocket-Protocol",
        };
        let protocol = self.accept.protocol.map(|protocol| (name, protocol));
        let extensions = Some(("Sec-WebSocket-Extensions", self.extensions.as_str()));
        protocol
            .into_iter()
            .chain(extensions.filter(|(_, list)| !list.is_empty()))
            .chain(self.accept.headers.iter().copied())
    }

    /// What a connection needs to know.
    pub fn agreed(&self) -> Agreed {
        Agreed {
            draft: self.upgrade.draft,
            protocol: self.accept.protocol.map(Box::from),
            deflate: self.upgrade.deflate(),
            challenge: match self.upgrade.kind {
                Kind::Hixie76 { numbers, .. } => Challenge::ServerAwaitsNonce { numbers },
                Kind::Hybi { .. } | Kind::Hixie75 { .. } => Challenge::None,
            },
        }
    }
}

/// Why a request cannot be accepted like this. The application's mistake.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AcceptError {
    /// The client did not ask for this subprotocol.
    ProtocolNotOffered,
    /// A hixie client asked for a subprotocol, and would fail without its echo.
    ProtocolRequired,
    /// An additional field is not possible.
    Field(FieldError),
}

impl AcceptError {
    /// The refusal to answer with when there is nothing better: a hixie client that cannot be served
    /// is told so, and the other mistakes are the server's own.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::ProtocolRequired => Refusal::BadProtocol,
            Self::ProtocolNotOffered | Self::Field(_) => Refusal::Failed,
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProtocolNotOffered => f.write_str("the client did not ask for this subprotocol"),
            Self::ProtocolRequired => f.write_str("a hixie client needs its subprotocol echoed"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AcceptError {}

/// The head of every 101 up to the proof, at one stroke.
const HYBI_HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";
/// Room for a 101 with a subprotocol, all of deflate's parameters and a cookie.
const HEAD_HINT: usize = 384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate;
    use crate::handshake::{Policy, RequestView};
    use crate::http1::Version;

    struct Request;

    impl RequestView for Request {
        fn method(&self) -> &str {
            "GET"
        }

        fn target(&self) -> &str {
            "/"
        }

        fn version(&self) -> Version {
            Version::Http11
        }

        fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
            [
                ("host", &b"h"[..]),
                ("upgrade", b"websocket"),
                ("connection", b"upgrade"),
                ("sec-websocket-version", b"13"),
                ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-protocol", b"a, b"),
                ("sec-websocket-extensions", b"permessage-deflate"),
            ]
            .into_iter()
        }
    }

    #[test]
    fn what_is_written_at_one_stroke_is_what_the_fields_say() {
        let policy = Policy {
            deflate: Some(deflate::Config::default()),
            ..Policy::default()
        };
        let upgrade = Upgrade::read(&Request, &policy).unwrap();
        for accept in [
            Accept::default(),
            Accept {
                protocol: Some("b"),
                headers: &[("Set-Cookie", "a=b"), ("X", "")],
            },
        ] {
            let accepted = upgrade.accept(accept).unwrap();
            let (mut written, mut expected) = (Vec::new(), Vec::new());
            accepted.write(&mut written);
            super::super::write_head(&mut expected, 101, "Switching Protocols", accepted.fields());
            assert_eq!(written, expected);
        }
    }
}
