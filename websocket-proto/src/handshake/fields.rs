//! Field values: lists, tokens, and what may be written into a head.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;

use super::RequestView;
use crate::http1::{is_word, token_len};
use crate::words;

/// A field that must not come twice, without outer white space.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Once<'a> {
    #[default]
    Absent,
    Value(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    pub(super) fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Value(trim(value)),
            Self::Value(_) | Self::Repeated => Self::Repeated,
        };
    }

    pub(super) fn is_absent(self) -> bool {
        self == Self::Absent
    }
}

/// A field that is one list, over however many lines (RFC 9110 §5.3).
#[derive(Clone, Debug, Default)]
pub(super) struct List<'a>(Option<Cow<'a, [u8]>>);

impl<'a> List<'a> {
    pub(super) fn add(&mut self, value: &'a [u8]) {
        let value = trim(value);
        match &mut self.0 {
            None => self.0 = Some(Cow::Borrowed(value)),
            Some(joined) => {
                let joined = joined.to_mut();
                joined.extend_from_slice(b", ");
                joined.extend_from_slice(value);
            }
        }
    }

    pub(super) fn get(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

/// The fields of a request that have a say in its handshake, found in one pass.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestFields<'a> {
    pub(super) host: Once<'a>,
    /// Whether the list in `Upgrade` has `websocket`.
    pub(super) upgrade: bool,
    /// Whether the list in `Connection` has `upgrade`.
    pub(super) connection: bool,
    pub(super) origin: Once<'a>,
    pub(super) old_origin: Once<'a>,
    pub(super) fetch_site: Once<'a>,
    pub(super) content_length: Once<'a>,
    pub(super) transfer_encoding: Once<'a>,
    pub(super) version: Once<'a>,
    pub(super) key: Once<'a>,
    pub(super) key1: Once<'a>,
    pub(super) key2: Once<'a>,
    pub(super) draft: Once<'a>,
    pub(super) protocol: List<'a>,
    pub(super) protocol75: Once<'a>,
    pub(super) extensions: List<'a>,
}

impl<'a> RequestFields<'a> {
    pub(super) fn of(request: &'a impl RequestView) -> Self {
        let mut fields = Self::default();
        for (name, value) in request.byte_fields() {
            fields.add(name, value);
        }
        fields
    }

    #[inline(always)]
    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        // Most fields of a request have another length than all of these.
        match name.len() {
            4 if is_word(name, b"host") => self.host.add(value),
            6 if is_word(name, b"origin") => self.origin.add(value),
            7 if is_word(name, b"upgrade") => self.upgrade |= has(value, b"websocket"),
            10 if is_word(name, b"connection") => self.connection |= has(value, b"upgrade"),
            14 if is_word(name, b"content-length") => self.content_length.add(value),
            14 if is_word(name, b"sec-fetch-site") => self.fetch_site.add(value),
            17 if is_word(name, b"sec-websocket-key") => self.key.add(value),
            17 if is_word(name, b"transfer-encoding") => self.transfer_encoding.add(value),
            18 if is_word(name, b"sec-websocket-key1") => self.key1.add(value),
            18 if is_word(name, b"sec-websocket-key2") => self.key2.add(value),
            18 if is_word(name, b"websocket-protocol") => self.protocol75.add(value),
            19 if is_word(name, b"sec-websocket-draft") => self.draft.add(value),
            20 if is_word(name, b"sec-websocket-origin") => self.old_origin.add(value),
            21 if is_word(name, b"sec-websocket-version") => self.version.add(value),
            22 if is_word(name, b"sec-websocket-protocol") => self.protocol.add(value),
            24 if is_word(name, b"sec-websocket-extensions") => self.extensions.add(value),
            _ => {}
        }
    }
}

/// Whether a comma-separated list has `member`, given in lower case.
pub(super) fn has<const N: usize>(list: &[u8], member: &[u8; N]) -> bool {
    let is_member = |item: &[u8]| is_word(trim(item), member);
    // Most lists are of one.
    is_member(list) || list.split(|&byte| byte == b',').any(is_member)
}

/// `value` without white space around it.
#[inline(always)]
fn trim(value: &[u8]) -> &[u8] {
    match value {
        // As nearly all are sent.
        [b' ', rest @ ..] if matches!(rest, [b'!'..=b'~', .., b'!'..=b'~']) => rest,
        _ => value.trim_ascii(),
    }
}

/// RFC 9110 §5.6.2 `tchar`.
#[inline]
pub(super) const fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[byte as usize]
}

/// `bytes` as a token (RFC 9110 §5.6.2).
pub(super) fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || token_len(bytes) != bytes.len() {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}

/// `bytes` as printable ASCII: what the hixie drafts allow as origin and as protocol.
pub(super) fn printable(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || !words::all(bytes, |word| word.between(b' ', b'~')) {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}

/// A list of subprotocols: tokens, at least one, none twice, at most [`PROTOCOLS_MAX`].
pub(super) fn protocol_list(list: &[u8]) -> Option<Box<str>> {
    let mut seen = [""; PROTOCOLS_MAX];
    for (count, item) in list.split(|&byte| byte == b',').enumerate() {
        let name = token(item.trim_ascii())?;
        // A bound on the list keeps these comparisons linear.
        let (before, free) = seen.split_at_mut_checked(count)?;
        if before.contains(&name) {
            return None;
        }
        *free.first_mut()? = name;
    }
    core::str::from_utf8(list).ok().map(Box::from)
}

/// Checks fields that the application adds to a head of ours.
pub(super) fn check_extra(headers: &[(&str, &str)]) -> Result<(), FieldError> {
    for (index, (name, value)) in headers.iter().enumerate() {
        let why = if token(name.as_bytes()).is_none() {
            FieldDefect::Name
        } else if is_reserved(name) {
            FieldDefect::Reserved
        } else if !value.bytes().all(is_value_byte) {
            FieldDefect::Value
        } else {
            continue;
        };
        return Err(FieldError { index, why });
    }
    Ok(())
}

/// RFC 9110 §5.5: no control character but the tab.
fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Fields that the handshake or the framing of HTTP own.
fn is_reserved(name: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
        || RESERVED_PREFIXES.iter().any(|prefix| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
}

/// A field that cannot be added to a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// Its position among those given.
    pub index: usize,
    /// What is wrong with it.
    pub why: FieldDefect,
}

/// What is wrong with a field.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldDefect {
    /// The name is no token (RFC 9110 §5.1).
    Name,
    /// The value holds a control character; a line break would begin another field.
    Value,
    /// The handshake itself writes this field, or it would frame a body.
    Reserved,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.why {
            FieldDefect::Name => "has a name that is no token",
            FieldDefect::Value => "holds a control character",
            FieldDefect::Reserved => "belongs to the handshake",
        };
        write!(f, "additional field {} {what}", self.index)
    }
}

impl core::error::Error for FieldError {}

/// Letters, digits and `others`, as a table: every byte of a token or a host is looked up.
pub(super) const fn byte_set(others: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        set[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < others.len() {
        set[others[index] as usize] = true;
        index += 1;
    }
    set
}

/// How many subprotocols a request may list.
pub(super) const PROTOCOLS_MAX: usize = 32;
const RESERVED: [&str; 7] = [
    "connection",
    "content-length",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const RESERVED_PREFIXES: [&str; 2] = ["sec-websocket-", "websocket-"];
const TOKEN_BYTES: [bool; 256] = byte_set(b"!#$%&'*+-.^_`|~");
