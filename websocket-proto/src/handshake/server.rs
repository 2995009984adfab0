//! Reading a request as an opening handshake.

use alloc::boxed::Box;
use core::fmt;

use super::authority::Authority;
use super::fields::{Once, RequestFields, printable, protocol_list};
use super::hixie::{hixie76_numbers, is_exact_hixie75};
use super::proof::Proof;
use super::target::Target;
use super::{Extensions, HostPolicy, OriginPolicy, Refusal, RequestView};
use crate::http1::{Version, is_word};
use crate::{Draft, Drafts, deflate, words};

/// What one endpoint accepts.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The drafts spoken. Default: RFC 6455 alone.
    pub drafts: Drafts,
    /// The pages that may connect. Default: those of the same origin.
    pub origins: OriginPolicy,
    /// The names that the server may be asked by. Default: any.
    pub hosts: HostPolicy,
    /// The bounds of permessage-deflate; `None`, the default, declines every offer of it, and so
    /// does a build without the feature `deflate`.
    pub deflate: Option<deflate::Config>,
    /// Where clients see this server. Default: where the request's `Host` says.
    pub location: Location,
    /// How closely a hixie-75 request is looked at. Default: leniently.
    pub strictness: Strictness,
}

/// Where clients see this server: the URL that the hixie drafts repeat in their answer, and the host
/// that an origin is compared with. By default the request's own `Host`, without TLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Location {
    secure: bool,
    authority: Option<Box<str>>,
}

impl Location {
    /// The host is the request's. `secure` says that clients come over TLS, whether it ends here or
    /// at a proxy.
    pub const fn new(secure: bool) -> Self {
        Self {
            secure,
            authority: None,
        }
    }

    /// Takes `host[:port]` in place of the request's `Host`: for a proxy that changes it.
    ///
    /// # Errors
    ///
    /// When `authority` is none.
    pub fn with_authority(self, authority: &str) -> Result<Self, BadAuthority> {
        match Authority::parse(authority) {
            Some(_) => Ok(Self {
                authority: Some(authority.into()),
                ..self
            }),
            None => Err(BadAuthority),
        }
    }
}

/// What should be `host[:port]` is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadAuthority;

impl fmt::Display for BadAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the form host or host:port")
    }
}

impl core::error::Error for BadAuthority {}

/// How closely a hixie-75 request is looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strictness {
    /// Fields in any order and letter case, besides any others.
    #[default]
    Lenient,
    /// Only the lines that hixie-75 spells out, in its order and letter case. Needs a
    /// [`RequestView`] that keeps both.
    Hixie75Exact,
}

/// A request that asks for a WebSocket, checked. Answer it with [`accept`](Self::accept), or with a
/// [`Refusal`].
///
/// ```
/// use websocket_proto::handshake::{Accept, Policy, RequestView, Upgrade};
/// # fn answer(request: &impl RequestView) -> Vec<u8> {
/// let policy = Policy::default();
/// let mut head = Vec::new();
/// match Upgrade::read(request, &policy) {
///     Ok(upgrade) => {
///         let protocol = upgrade.first_protocol(&["chat.v2", "chat"]);
///         match upgrade.accept(Accept { protocol, headers: &[] }) {
///             Ok(accepted) => accepted.write(&mut head),
///             Err(error) => error.refusal().write(policy.drafts, &mut head),
///         }
///     }
///     Err(refusal) => refusal.write(policy.drafts, &mut head),
/// }
/// # head
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Upgrade {
    pub(super) draft: Draft,
    pub(super) origin: Option<Box<str>>,
    /// The list as sent, of tokens; in the hixie drafts one opaque name.
    pub(super) protocols: Option<Box<str>>,
    pub(super) kind: Kind,
}

/// What the answer of each family needs.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Hybi {
        proof: Proof,
        deflate: Option<deflate::Answer>,
    },
    Hixie76 {
        location: Box<str>,
        numbers: [u8; 8],
    },
    Hixie75 {
        location: Box<str>,
    },
}

impl Upgrade {
    /// Checks a request: the name it asks by and what makes it an upgrade first, then its draft, then
    /// what that draft needs, the origin last.
    ///
    /// # Errors
    ///
    /// The first defect. Answer it and end the connection, without reading the bytes behind the
    /// request. [`Refusal::NotUpgrade`] and [`Refusal::HttpVersion`] are requests that plain HTTP may
    /// answer instead.
    pub fn read(request: &impl RequestView, policy: &Policy) -> Result<Self, Refusal> {
        if request.method() != "GET" {
            return Err(Refusal::NotGet);
        }
        match request.version() {
            // RFC 9110 §7.8: a server must ignore the `Upgrade` of an HTTP/1.0 request.
            Version::Http10 => return Err(Refusal::HttpVersion),
            Version::Http11 => {}
        }
        let fields = RequestFields::of(request);
        let Once::Value(host) = fields.host else {
            return Err(Refusal::BadHost);
        };
        let host = core::str::from_utf8(host)
            .ok()
            .filter(|host| Authority::parse(host).is_some());
        let host = host.ok_or(Refusal::BadHost)?;
        let target = Target::parse(request.target());
        // RFC 9112 §3.2.2: the authority of an absolute target replaces `Host`.
        let host = target.and_then(|target| target.authority).unwrap_or(host);
        if !policy.hosts.check(Some(host)) {
            return Err(Refusal::HostRefused);
        }
        if !fields.upgrade {
            return Err(Refusal::NotUpgrade);
        }
        if !fields.connection {
            return Err(Refusal::NotConnectionUpgrade);
        }
        let draft = draft_of(&fields)?;
        if !policy.drafts.contains(draft) {
            return Err(match draft {
                Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => Refusal::VersionUnsupported,
                Draft::Hixie76 => Refusal::DraftDisabled,
                // Where hixie-75 is not spoken, a request without any key lacks its version.
                Draft::Hixie75 => Refusal::VersionMissing,
            });
        }
        if draft == Draft::Hixie75
            && policy.strictness == Strictness::Hixie75Exact
            && !is_exact_hixie75(request)
        {
            return Err(Refusal::NotExact);
        }
        Self::read_fields(draft, &fields, target, host, policy)
    }

    /// The checks that follow from the draft.
    fn read_fields(
        draft: Draft,
        fields: &RequestFields<'_>,
        target: Option<Target<'_>>,
        host: &str,
        policy: &Policy,
    ) -> Result<Self, Refusal> {
        // Begun first, the proof is found while the processor checks the rest.
        let proof = draft.is_hybi().then(|| key(fields.key)).transpose()?;
        let proof = proof.map(|key| Proof::of_usual(&key));
        let numbers = (draft == Draft::Hixie76)
            .then(|| challenge(fields))
            .transpose()?;
        let protocols = protocols(draft, fields)?;
        let deflate = match draft.is_hybi() {
            true => deflate_answer(fields, policy)?,
            false => None,
        };
        let target = target.ok_or(Refusal::BadTarget)?;
        if has_body(draft, fields) {
            return Err(Refusal::HasBody);
        }
        let host = policy.location.authority.as_deref().unwrap_or(host);
        let origin = origin(draft, fields)?;
        let fetch_site = match fields.fetch_site {
            Once::Value(site) => core::str::from_utf8(site).ok(),
            Once::Absent | Once::Repeated => None,
        };
        if !policy.origins.check(origin, host, fetch_site) {
            return Err(Refusal::OriginRefused);
        }
        let location = || target.location(policy.location.secure, host).into();
        let kind = match (proof, numbers) {
            (Some(proof), _) => Kind::Hybi { proof, deflate },
            (None, Some(numbers)) => Kind::Hixie76 {
                location: location(),
                numbers,
            },
            (None, None) => Kind::Hixie75 {
                location: location(),
            },
        };
        Ok(Self {
            draft,
            origin: origin.map(Box::from),
            protocols,
            kind,
        })
    }

    /// The draft the client speaks.
    pub const fn draft(&self) -> Draft {
        self.draft
    }

    /// The origin of the page that asks, as sent: `Origin`, or its old name in drafts 7 and 8.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The subprotocols asked for, in the client's order of preference. In the hixie drafts, at most
    /// one, which may hold spaces and commas.
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        let hybi = self.draft.is_hybi();
        let list = self.protocols.as_deref();
        list.into_iter()
            .flat_map(move |list| list.split(move |c| hybi && c == ','))
            .map(str::trim)
    }

    /// The first subprotocol of the client's that is among `supported`.
    pub fn first_protocol<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        self.protocols()
            .find_map(|asked| supported.iter().copied().find(|name| *name == asked))
    }

    /// What is agreed on permessage-deflate once the request is accepted.
    pub fn deflate(&self) -> Option<deflate::Params> {
        match &self.kind {
            Kind::Hybi { deflate, .. } => deflate.map(|answer| answer.params),
            Kind::Hixie76 { .. } | Kind::Hixie75 { .. } => None,
        }
    }
}

/// Whether a request asks for a WebSocket of any draft, even if defectively: an HTTP/1.1 request
/// whose `Upgrade` lists `websocket`. Others are plain HTTP.
pub fn is_upgrade(request: &impl RequestView) -> bool {
    request.version() == Version::Http11
        && request.byte_fields().any(|(name, value)| {
            is_word(name, b"upgrade") && super::fields::has(value, b"websocket")
        })
}

/// The draft a request is written in, whether or not it is spoken here or free of other defects.
///
/// # Errors
///
/// [`Refusal::NotUpgrade`] for plain HTTP; [`Refusal::VersionMissing`], [`Refusal::BadVersion`] or
/// [`Refusal::VersionUnsupported`] for a request that has a hybi key or version but none of ours.
pub fn detect(request: &impl RequestView) -> Result<Draft, Refusal> {
    let fields = RequestFields::of(request);
    if fields.upgrade {
        draft_of(&fields)
    } else {
        Err(Refusal::NotUpgrade)
    }
}

fn draft_of(fields: &RequestFields<'_>) -> Result<Draft, Refusal> {
    match fields.version {
        Once::Value(version) => match version {
            b"7" => Ok(Draft::Hybi07),
            b"8" => Ok(Draft::Hybi08),
            b"13" => Ok(Draft::Rfc6455),
            version if is_version(version) => Err(Refusal::VersionUnsupported),
            _ => Err(Refusal::BadVersion),
        },
        Once::Repeated => Err(Refusal::BadVersion),
        Once::Absent if !fields.key.is_absent() => Err(Refusal::VersionMissing),
        // One of the two keys is enough to tell the draft; that the other is missing is a defect.
        Once::Absent if fields.key1.is_absent() && fields.key2.is_absent() => Ok(Draft::Hixie75),
        Once::Absent => Ok(Draft::Hixie76),
    }
}

/// RFC 6455 §4.3: a number from 0 to 255 without leading zeros.
fn is_version(version: &[u8]) -> bool {
    match version {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => {
            rest.iter().all(u8::is_ascii_digit)
                && core::str::from_utf8(version).is_ok_and(|digits| digits.parse::<u8>().is_ok())
        }
        _ => false,
    }
}

/// RFC 6455 §4.2.1: 16 bytes in base64, with the unused bits of the last character zero.
fn key(field: Once<'_>) -> Result<[u8; KEY_LENGTH], Refusal> {
    let Once::Value(value) = field else {
        return Err(Refusal::BadKey);
    };
    let Ok(value) = <&[u8; KEY_LENGTH]>::try_from(value) else {
        return Err(Refusal::BadKey);
    };
    let canonical = match value {
        [sextets @ .., b'A' | b'Q' | b'g' | b'w', b'=', b'='] => words::all(sextets, |word| {
            let others = word.equal(b'+') | word.equal(b'/');
            word.letters() | word.between(b'0', b'9') | others
        }),
        _ => false,
    };
    canonical.then_some(*value).ok_or(Refusal::BadKey)
}

/// The numbers of hixie-76's two keys.
fn challenge(fields: &RequestFields<'_>) -> Result<[u8; 8], Refusal> {
    let (Once::Value(key1), Once::Value(key2)) = (fields.key1, fields.key2) else {
        return Err(Refusal::BadChallenge);
    };
    let numbers = hixie76_numbers(key1, key2).ok_or(Refusal::BadChallenge)?;
    match fields.draft {
        // The draft and its two successors; other wires have other names.
        Once::Absent | Once::Value(b"0" | b"2" | b"3") => Ok(numbers),
        Once::Value(_) | Once::Repeated => Err(Refusal::BadDraft),
    }
}

fn protocols(draft: Draft, fields: &RequestFields<'_>) -> Result<Option<Box<str>>, Refusal> {
    let sent = match draft {
        Draft::Hixie75 => match fields.protocol75 {
            Once::Absent => None,
            Once::Value(protocol) => Some(protocol),
            Once::Repeated => return Err(Refusal::BadProtocol),
        },
        Draft::Hixie76 | Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => fields.protocol.get(),
    };
    let read = |sent| match draft.is_hybi() {
        true => protocol_list(sent),
        false => printable(sent).map(Box::from),
    };
    sent.map(|sent| read(sent).ok_or(Refusal::BadProtocol))
        .transpose()
}

/// The answer to the first acceptable offer of permessage-deflate. All other extensions are
/// declined, which costs nothing: the handshake goes on without them.
fn deflate_answer(
    fields: &RequestFields<'_>,
    policy: &Policy,
) -> Result<Option<deflate::Answer>, Refusal> {
    let Some(list) = fields.extensions.get() else {
        return Ok(None);
    };
    // Without the codec, nothing may be promised.
    let config = policy.deflate.as_ref();
    let config = config.filter(|_| cfg!(feature = "deflate"));
    if config.is_none() && USUAL_OFFERS.contains(&list) {
        return Ok(None);
    }
    let offers = Extensions::parse(list).map_err(|_| Refusal::BadExtensions)?;
    let Some(config) = config else {
        return Ok(None);
    };
    Ok(offers
        .iter()
        .filter(|offer| offer.name() == deflate::NAME)
        .find_map(|offer| config.answer(offer.params())))
}

fn has_body(draft: Draft, fields: &RequestFields<'_>) -> bool {
    let length = match fields.content_length {
        Once::Absent | Once::Value(b"0") => false,
        // Some clients announce hixie-76's nonce, which the draft does not.
        Once::Value(b"8") => draft != Draft::Hixie76,
        Once::Value(_) | Once::Repeated => true,
    };
    length || !fields.transfer_encoding.is_absent()
}

/// The origin by the draft's name for it. Wire version 8 had both names, so that 7 and 8 take either.
fn origin<'a>(draft: Draft, fields: &RequestFields<'a>) -> Result<Option<&'a str>, Refusal> {
    let read = |field| match field {
        Once::Absent => Ok(None),
        Once::Value(value) => printable(value).map(Some).ok_or(Refusal::BadOrigin),
        Once::Repeated => Err(Refusal::BadOrigin),
    };
    let origin = read(fields.origin)?;
    match draft {
        Draft::Hixie75 | Draft::Hixie76 => match origin {
            Some(origin) => Ok(Some(origin)),
            None => Err(Refusal::BadOrigin),
        },
        Draft::Hybi07 | Draft::Hybi08 | Draft::Rfc6455 => {
            let old = read(fields.old_origin)?;
            match (origin, old) {
                (Some(origin), Some(old)) if origin != old => Err(Refusal::BadOrigin),
                (None, _) if draft != Draft::Rfc6455 => Ok(old),
                (origin, _) => Ok(origin),
            }
        }
    }
}

/// What browsers send, which breaks no rule.
const USUAL_OFFERS: [&[u8]; 2] = [
    b"permessage-deflate; client_max_window_bits",
    b"permessage-deflate",
];
/// Characters of a `Sec-WebSocket-Key`.
pub(super) const KEY_LENGTH: usize = 24;
