//! Checking the answer to a client's opening handshake (RFC 6455 §4.1).

use alloc::boxed::Box;
use core::fmt;

use super::client::Expected;
use super::fields::{Once, has};
use super::{Agreed, Challenge, Client, Extensions, ResponseView};
use crate::{Draft, Drafts, deflate};

impl Client {
    /// Checks the response head.
    ///
    /// In hixie-76 the proof is still to come: 16 bytes behind the head, see
    /// [`Challenge::ClientExpectsDigest`].
    ///
    /// # Errors
    ///
    /// Everything that is not exactly what was asked for. Then close the transport; no frame may be
    /// sent. After [`ClientError::Status`] the response is an ordinary one, and whether to follow a
    /// redirect or to send credentials is the application's choice.
    pub fn verify(&self, response: &impl ResponseView) -> Result<Agreed, ClientError> {
        match response.status() {
            101 => {}
            status => return Err(ClientError::Status(status)),
        }
        let fields = ResponseFields::of(response);
        let Once::Value(upgrade) = fields.upgrade else {
            return Err(ClientError::Upgrade);
        };
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            return Err(ClientError::Upgrade);
        }
        if !fields.connection {
            return Err(ClientError::Connection);
        }
        match &self.expected {
            Expected::Hybi { accept } => self.verify_hybi(&fields, accept),
            Expected::Hixie76 {
                origin,
                location,
                digest,
            } => {
                check_repeated(upgrade, fields.origin, origin, fields.location, location)?;
                let protocol = self.repeated_protocol(fields.protocol)?;
                self.agreed(
                    protocol,
                    None,
                    Challenge::ClientExpectsDigest { digest: *digest },
                )
            }
            Expected::Hixie75 { origin, location } => {
                check_repeated(
                    upgrade,
                    fields.origin75,
                    origin,
                    fields.location75,
                    location,
                )?;
                let protocol = self.repeated_protocol(fields.protocol75)?;
                self.agreed(protocol, None, Challenge::None)
            }
        }
    }

    fn verify_hybi(
        &self,
        fields: &ResponseFields<'_>,
        accept: &[u8; 28],
    ) -> Result<Agreed, ClientError> {
        match fields.accept {
            Once::Value(proof) if proof == accept => {}
            Once::Absent | Once::Value(_) | Once::Repeated => return Err(ClientError::Accept),
        }
        let protocol = match fields.protocol {
            Once::Absent => None,
            Once::Value(name) => {
                let asked = self.protocols.iter().find(|asked| asked.as_bytes() == name);
                Some(asked.ok_or(ClientError::Protocol)?.clone())
            }
            Once::Repeated => return Err(ClientError::Protocol),
        };
        let deflate = match fields.extensions {
            Once::Absent => None,
            Once::Value(list) => self.verify_extensions(list)?,
            // RFC 6455 §11.3.2: a response has this field at most once.
            Once::Repeated => return Err(ClientError::Extensions),
        };
        self.agreed(protocol, deflate, Challenge::None)
    }

    fn verify_extensions(&self, list: &[u8]) -> Result<Option<deflate::Params>, ClientError> {
        let list = Extensions::parse(list).map_err(|_| ClientError::Extensions)?;
        let mut agreed = None;
        for extension in list.iter() {
            let config = match &self.deflate {
                Some(config) if extension.name() == deflate::NAME && agreed.is_none() => config,
                Some(_) | None => return Err(ClientError::ExtensionNotOffered),
            };
            agreed = Some(
                config
                    .verify(extension.params())
                    .map_err(ClientError::Deflate)?,
            );
        }
        Ok(agreed)
    }

    /// The hixie drafts: the answer has a protocol exactly when the request had, and the same.
    fn repeated_protocol(&self, field: Once<'_>) -> Result<Option<Box<str>>, ClientError> {
        match (self.protocols.first(), field) {
            (None, Once::Absent) => Ok(None),
            (Some(asked), Once::Value(name)) if asked.as_bytes() == name => Ok(Some(asked.clone())),
            (None | Some(_), Once::Absent | Once::Value(_) | Once::Repeated) => {
                Err(ClientError::Protocol)
            }
        }
    }

    fn agreed(
        &self,
        protocol: Option<Box<str>>,
        deflate: Option<deflate::Params>,
        challenge: Challenge,
    ) -> Result<Agreed, ClientError> {
        Ok(Agreed {
            draft: self.draft,
            protocol,
            deflate,
            challenge,
        })
    }
}

/// The hybi drafts that a server lists in `Sec-WebSocket-Version` of a refusal (RFC 6455 §4.4), to
/// try again with one of them.
pub fn versions(response: &impl ResponseView) -> Drafts {
    let lists = response
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case(VERSION));
    let items = lists.flat_map(|(_, value)| value.split(|&byte| byte == b','));
    items
        .filter_map(|item| match item.trim_ascii() {
            b"7" => Some(Draft::Hybi07),
            b"8" => Some(Draft::Hybi08),
            b"13" => Some(Draft::Rfc6455),
            _ => None,
        })
        .collect()
}

/// What the hixie drafts have in place of a proof: the literal `Upgrade`, and the origin and URL of
/// the request.
fn check_repeated(
    upgrade: &[u8],
    origin: Once<'_>,
    sent_origin: &str,
    location: Once<'_>,
    own_location: &str,
) -> Result<(), ClientError> {
    if upgrade != b"WebSocket" {
        return Err(ClientError::Upgrade);
    }
    match origin {
        // hixie-76 compares with the origin in lower case, and servers repeat it either way.
        Once::Value(value) if value.eq_ignore_ascii_case(sent_origin.as_bytes()) => {}
        Once::Absent | Once::Value(_) | Once::Repeated => return Err(ClientError::Origin),
    }
    match location {
        Once::Value(value) if value == own_location.as_bytes() => Ok(()),
        Once::Absent | Once::Value(_) | Once::Repeated => Err(ClientError::Location),
    }
}

/// The fields of a response that have a say in its handshake.
#[derive(Clone, Debug, Default)]
struct ResponseFields<'a> {
    upgrade: Once<'a>,
    connection: bool,
    accept: Once<'a>,
    protocol: Once<'a>,
    extensions: Once<'a>,
    origin: Once<'a>,
    location: Once<'a>,
    protocol75: Once<'a>,
    origin75: Once<'a>,
    location75: Once<'a>,
}

impl<'a> ResponseFields<'a> {
    fn of(response: &'a impl ResponseView) -> Self {
        let mut fields = Self::default();
        for (name, value) in response.fields() {
            fields.add(name, value);
        }
        fields
    }

    fn add(&mut self, name: &str, value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("connection") {
            self.connection |= has(value, b"upgrade");
            return;
        }
        let slots = [
            ("upgrade", &mut self.upgrade),
            ("sec-websocket-accept", &mut self.accept),
            ("sec-websocket-protocol", &mut self.protocol),
            ("sec-websocket-extensions", &mut self.extensions),
            ("sec-websocket-origin", &mut self.origin),
            ("sec-websocket-location", &mut self.location),
            ("websocket-protocol", &mut self.protocol75),
            ("websocket-origin", &mut self.origin75),
            ("websocket-location", &mut self.location75),
        ];
        if let Some((_, slot)) = slots.into_iter().find(|(known, _)| is(known)) {
            slot.add(value);
        }
    }
}

/// Why an answer does not make a connection.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientError {
    /// The status is not 101. For 426, [`versions`] tells what the server speaks.
    Status(u16),
    /// `Upgrade` is missing, repeated or not `websocket`; in the hixie drafts, not `WebSocket`.
    Upgrade,
    /// `Connection` does not list `upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated or wrong: whoever answered has not understood
    /// the request.
    Accept,
    /// A subprotocol that was not asked for, or not exactly one; in the hixie drafts also a missing
    /// one.
    Protocol,
    /// `Sec-WebSocket-Extensions` is malformed or repeated.
    Extensions,
    /// An extension that was not offered, or the same one twice.
    ExtensionNotOffered,
    /// permessage-deflate with parameters that the offer does not permit.
    Deflate(deflate::ParamsError),
    /// The hixie drafts: the origin is not repeated.
    Origin,
    /// The hixie drafts: the server takes itself for another URL.
    Location,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered with status {status}"),
            Self::Upgrade => f.write_str("the answer's Upgrade is not websocket"),
            Self::Connection => f.write_str("the answer's Connection does not list upgrade"),
            Self::Accept => f.write_str("the answer's Sec-WebSocket-Accept is wrong"),
            Self::Protocol => f.write_str("the answer's subprotocol was not asked for"),
            Self::Extensions => f.write_str("the answer's Sec-WebSocket-Extensions is malformed"),
            Self::ExtensionNotOffered => f.write_str("the answer has an extension not offered"),
            Self::Deflate(error) => write!(f, "the answer's permessage-deflate: {error}"),
            Self::Origin => f.write_str("the answer does not repeat the origin"),
            Self::Location => f.write_str("the answer names another location"),
        }
    }
}

impl core::error::Error for ClientError {}

const VERSION: &str = "sec-websocket-version";
