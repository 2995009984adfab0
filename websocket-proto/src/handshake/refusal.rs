//! Why a request does not become a WebSocket, and the answer that says so.

use alloc::vec::Vec;
use core::fmt;

use crate::{Draft, Drafts};

/// Why a request does not become a WebSocket.
///
/// Each has one right answer: a status and a few fields, no body. The connection ends with it, since
/// the bytes that follow may be frames to the client and would be requests to us.
///
/// ```
/// use websocket_proto::Drafts;
/// use websocket_proto::handshake::Refusal;
///
/// let mut head = Vec::new();
/// Refusal::OriginRefused.write(Drafts::default(), &mut head);
/// assert_eq!(head, b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The method is not `GET`: 405.
    NotGet,
    /// HTTP/1.0 knows no `Upgrade` (RFC 9110 §7.8): 426.
    HttpVersion,
    /// `Host` is missing, repeated or malformed: 400.
    BadHost,
    /// The policy does not let the server be asked by this name: 403.
    HostRefused,
    /// `Upgrade` does not list `websocket`, so this is a plain request: 426 where only WebSockets
    /// are served.
    NotUpgrade,
    /// `Connection` does not list `upgrade`: 400.
    NotConnectionUpgrade,
    /// `Sec-WebSocket-Version` is missing: 400, with the versions there are.
    VersionMissing,
    /// `Sec-WebSocket-Version` is repeated or not one number up to 255: 400.
    BadVersion,
    /// A version that is not spoken here: 426, with those that are.
    VersionUnsupported,
    /// A hixie draft that is not enabled: 400, with the versions there are.
    DraftDisabled,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in canonical base64: 400.
    BadKey,
    /// A subprotocol is no token or comes twice, or there are more than 32; for the hixie drafts, it
    /// is empty or not printable: 400.
    BadProtocol,
    /// `Sec-WebSocket-Extensions` breaks its grammar or a limit: 400.
    BadExtensions,
    /// The target has a fragment, or is neither origin-form nor absolute-form: 400.
    BadTarget,
    /// The request announces a body: 400.
    HasBody,
    /// `Origin` is repeated, not readable, contradicts `Sec-WebSocket-Origin`, or is missing where a
    /// hixie draft needs it: 400.
    BadOrigin,
    /// One of hixie-76's two keys is missing, repeated or hides no number: 400.
    BadChallenge,
    /// `Sec-WebSocket-Draft` names a draft that hixie-76 is not: 400.
    BadDraft,
    /// Not exactly the lines of hixie-75, where they are demanded: 400.
    NotExact,
    /// The policy does not let this origin connect: 403.
    OriginRefused,
    /// The application: credentials are needed. 401; add `WWW-Authenticate`.
    Unauthorized,
    /// The application: there is no WebSocket under this target. 404.
    NotFound,
    /// The application failed, for instance by an [`AcceptError`](super::AcceptError): 500.
    Failed,
    /// The application: the server is stopping. 503.
    Stopping,
}

impl Refusal {
    /// The status code.
    pub const fn status(self) -> u16 {
        self.status_and_reason().0
    }

    /// The fields of the answer, including `Connection` and `Content-Length`. `enabled` are the
    /// drafts of the policy that refused: 426 and version defects list them.
    pub fn fields(self, enabled: Drafts) -> impl Iterator<Item = (&'static str, &'static str)> {
        let versions = self.lists_versions().then(|| versions(enabled)).flatten();
        let (upgrade, connection) = match self.status() {
            // RFC 9110 §15.5.22: 426 carries `Upgrade`, and §7.8 then `Connection: upgrade`.
            426 => (Some("websocket"), "Upgrade, close"),
            _ => (None, "close"),
        };
        [
            versions.map(|versions| ("Sec-WebSocket-Version", versions)),
            upgrade.map(|token| ("Upgrade", token)),
            // RFC 9110 §15.5.6
            (self == Self::NotGet).then_some(("Allow", "GET")),
            Some(("Connection", connection)),
            Some(("Content-Length", "0")),
        ]
        .into_iter()
        .flatten()
    }

    /// Appends the whole answer as it goes on the wire. It has no `Date`, which our `http1` adds.
    pub fn write(self, enabled: Drafts, out: &mut Vec<u8>) {
        let (status, reason) = self.status_and_reason();
        super::write_head(out, status, reason, self.fields(enabled));
    }

    const fn lists_versions(self) -> bool {
        match self {
            Self::HttpVersion
            | Self::NotUpgrade
            | Self::VersionMissing
            | Self::BadVersion
            | Self::VersionUnsupported
            | Self::DraftDisabled => true,
            Self::NotGet
            | Self::BadHost
            | Self::HostRefused
            | Self::NotConnectionUpgrade
            | Self::BadKey
            | Self::BadProtocol
            | Self::BadExtensions
            | Self::BadTarget
            | Self::HasBody
            | Self::BadOrigin
            | Self::BadChallenge
            | Self::BadDraft
            | Self::NotExact
            | Self::OriginRefused
            | Self::Unauthorized
            | Self::NotFound
            | Self::Failed
            | Self::Stopping => false,
        }
    }

    const fn status_and_reason(self) -> (u16, &'static str) {
        match self {
            Self::BadHost
            | Self::NotConnectionUpgrade
            | Self::VersionMissing
            | Self::BadVersion
            | Self::DraftDisabled
            | Self::BadKey
            | Self::BadProtocol
            | Self::BadExtensions
            | Self::BadTarget
            | Self::HasBody
            | Self::BadOrigin
            | Self::BadChallenge
            | Self::BadDraft
            | Self::NotExact => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::HostRefused | Self::OriginRefused => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::NotGet => (405, "Method Not Allowed"),
            Self::HttpVersion | Self::NotUpgrade | Self::VersionUnsupported => {
                (426, "Upgrade Required")
            }
            Self::Failed => (500, "Internal Server Error"),
            Self::Stopping => (503, "Service Unavailable"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotGet => "the method is not GET",
            Self::HttpVersion => "HTTP/1.0 knows no upgrade",
            Self::BadHost => "Host is missing, repeated or malformed",
            Self::HostRefused => "the server may not be asked by this name",
            Self::NotUpgrade => "Upgrade does not list websocket",
            Self::NotConnectionUpgrade => "Connection does not list upgrade",
            Self::VersionMissing => "Sec-WebSocket-Version is missing",
            Self::BadVersion => "Sec-WebSocket-Version is repeated or no number",
            Self::VersionUnsupported => "this version is not enabled",
            Self::DraftDisabled => "this draft is not enabled",
            Self::BadKey => "Sec-WebSocket-Key is missing, repeated or malformed",
            Self::BadProtocol => "the subprotocols are malformed or repeated",
            Self::BadExtensions => "Sec-WebSocket-Extensions is malformed or too long",
            Self::BadTarget => "the request target is malformed or has a fragment",
            Self::HasBody => "the request has a body",
            Self::BadOrigin => "the origin is missing, repeated or malformed",
            Self::BadChallenge => "a key is missing, repeated or hides no number",
            Self::BadDraft => "Sec-WebSocket-Draft names another draft",
            Self::NotExact => "not exactly the lines of hixie-75",
            Self::OriginRefused => "this origin may not connect",
            Self::Unauthorized => "credentials are needed",
            Self::NotFound => "there is no websocket under this target",
            Self::Failed => "the application failed",
            Self::Stopping => "the server is stopping",
        })
    }
}

impl core::error::Error for Refusal {}

/// The value of `Sec-WebSocket-Version` that lists what is spoken, newest first; `None` when that is
/// no hybi draft.
const fn versions(enabled: Drafts) -> Option<&'static str> {
    let has = (
        enabled.contains(Draft::Rfc6455),
        enabled.contains(Draft::Hybi08),
        enabled.contains(Draft::Hybi07),
    );
    match has {
        (true, true, true) => Some("13, 8, 7"),
        (true, true, false) => Some("13, 8"),
        (true, false, true) => Some("13, 7"),
        (true, false, false) => Some("13"),
        (false, true, true) => Some("8, 7"),
        (false, true, false) => Some("8"),
        (false, false, true) => Some("7"),
        (false, false, false) => None,
    }
}
