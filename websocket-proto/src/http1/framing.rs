//! How long a body is, and what else the fields of a head mean to HTTP itself.

use super::headers::Headers;
use super::syntax::{is_word, list, token_len, trim, usual_host_len};
use super::{Expectation, ProtocolError, Version};

/// How the body of a request ends (RFC 9112 §6.3). Any ambiguity was refused before this exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// No body was announced.
    None,
    /// `Content-Length`, which may be 0.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

impl Framing {
    /// Whether no byte follows the head.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
}

/// How the body of a response ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseFraming {
    /// This response has no body, whatever its fields say.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The body lasts until the connection ends; whether it was cut short cannot be known.
    Close,
}

/// What the fields of a request say to HTTP itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestMeaning {
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expectation: Expectation,
}

/// Reads the fields of a request one by one.
#[derive(Debug)]
pub(super) struct MeaningReader<'a> {
    host: Option<&'a [u8]>,
    authorization: bool,
    expectation: Expectation,
    lengths: Lengths,
    options: ConnectionOptions,
}

impl<'a> MeaningReader<'a> {
    pub(super) const fn new() -> Self {
        Self {
            host: None,
            authorization: false,
            expectation: Expectation::None,
            lengths: Lengths::new(),
            options: ConnectionOptions::new(),
        }
    }

    /// Takes the next field, with white space around its value or not.
    #[inline(always)]
    pub(super) fn read(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ProtocolError> {
        match name.len() {
            4 if is_word(name, b"host") && self.host.replace(trim(value)).is_some() => {
                return Err(ProtocolError::RepeatedField);
            }
            6 if is_word(name, b"expect") => {
                let known = is_word(trim(value), b"100-continue");
                self.expectation = if known {
                    Expectation::Continue
                } else {
                    Expectation::Unsupported
                };
            }
            10 if is_word(name, b"connection") => self.options.read(value),
            13 if is_word(name, b"authorization")
                && core::mem::replace(&mut self.authorization, true) =>
            {
                return Err(ProtocolError::RepeatedField);
            }
            14 | 17 => self.lengths.read(name, trim(value))?,
            _ => {}
        }
        Ok(())
    }

    /// What all fields together mean. `absolute` tells that the target carries an authority.
    pub(super) fn finish(
        self,
        version: Version,
        absolute: bool,
    ) -> Result<RequestMeaning, ProtocolError> {
        match (self.host, version) {
            (None, Version::Http11) => return Err(ProtocolError::Host),
            (None, Version::Http10) => {}
            // RFC 9112 §3.2: an empty Host is for targets without an authority.
            (Some(b""), _) if absolute => return Err(ProtocolError::Host),
            (Some(b""), _) => {}
            (Some(host), _) if is_authority(host) => {}
            (Some(_), _) => return Err(ProtocolError::Host),
        }
        // RFC 9110 §10.1.1: a 100-continue in HTTP/1.0 must be ignored.
        let expectation = match version {
            Version::Http10 => Expectation::None,
            Version::Http11 => self.expectation,
        };
        Ok(RequestMeaning {
            framing: self.lengths.decide(version)?,
            keep_alive: self.options.keep_alive(version),
            expectation,
        })
    }
}

/// How the response `status` to a request of `method` ends.
pub(super) fn response_framing(
    method: &str,
    version: Version,
    status: u16,
    headers: Headers<'_>,
) -> Result<ResponseFraming, ProtocolError> {
    // RFC 9112 §6.3: the length fields of such a response describe what is not there.
    if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
        return Ok(ResponseFraming::None);
    }
    let mut lengths = Lengths::new();
    for (name, value) in headers.byte_pairs() {
        lengths.read(name, trim(value))?;
    }
    Ok(match lengths.decide(version)? {
        Framing::Length(length) => ResponseFraming::Length(length),
        Framing::Chunked => ResponseFraming::Chunked,
        Framing::None => ResponseFraming::Close,
    })
}

/// The fields that announce a length.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    length: Option<u64>,
    codings: Codings,
}

/// What was read of `Transfer-Encoding` so far.
#[derive(Clone, Copy, Debug)]
enum Codings {
    /// No such field.
    Absent,
    /// Codings other than `chunked`: more must follow.
    Others,
    /// Exactly `chunked`.
    Chunked,
    /// Others, then `chunked`.
    OthersThenChunked,
    /// Nothing that ends in one `chunked`.
    Broken,
}

impl Lengths {
    const fn new() -> Self {
        Self {
            length: None,
            codings: Codings::Absent,
        }
    }

    fn read(&mut self, name: &[u8], value: &[u8]) -> Result<(), ProtocolError> {
        if is_word(name, b"content-length") {
            // RFC 9112 §6.3 would let equal repeats pass; one reading only is safer.
            if self
                .length
                .replace(decimal(value).ok_or(ProtocolError::ContentLength)?)
                .is_some()
            {
                return Err(ProtocolError::ContentLength);
            }
        } else if is_word(name, b"transfer-encoding") {
            self.codings = list(value).fold(self.codings, Codings::with);
        }
        Ok(())
    }

    fn decide(self, version: Version) -> Result<Framing, ProtocolError> {
        match (self.codings, self.length) {
            (Codings::Absent, None) => Ok(Framing::None),
            (Codings::Absent, Some(length)) => Ok(Framing::Length(length)),
            // RFC 9112 §6.1: both fields, or a coding in HTTP/1.0, are how messages are smuggled.
            (_, Some(_)) => Err(ProtocolError::AmbiguousFraming),
            _ if version == Version::Http10 => Err(ProtocolError::AmbiguousFraming),
            (Codings::Chunked, None) => Ok(Framing::Chunked),
            (Codings::OthersThenChunked, None) => Err(ProtocolError::UnsupportedCoding),
            (Codings::Others | Codings::Broken, None) => Err(ProtocolError::TransferEncoding),
        }
    }
}

impl Codings {
    fn with(self, coding: &[u8]) -> Self {
        let chunked = is_word(coding, b"chunked");
        match (self, chunked) {
            _ if coding.is_empty() => Self::Broken,
            (Self::Absent, true) => Self::Chunked,
            (Self::Absent | Self::Others, false) => Self::Others,
            (Self::Others, true) => Self::OthersThenChunked,
            (Self::Chunked | Self::OthersThenChunked | Self::Broken, _) => Self::Broken,
        }
    }
}

/// The options of `Connection` that matter here (RFC 9110 §7.6.1).
#[derive(Clone, Copy, Debug)]
struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
}

impl ConnectionOptions {
    const fn new() -> Self {
        Self {
            close: false,
            keep_alive: false,
        }
    }

    fn read(&mut self, value: &[u8]) {
        let one = trim(value);
        if token_len(one) == one.len() {
            return self.add(one);
        }
        list(value).for_each(|option| self.add(option));
    }

    fn add(&mut self, option: &[u8]) {
        self.close |= is_word(option, b"close");
        self.keep_alive |= is_word(option, b"keep-alive");
    }

    /// RFC 9112 §9.3.
    const fn keep_alive(self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close,
            Version::Http10 => self.keep_alive && !self.close,
        }
    }
}

/// `1*DIGIT` below 2⁶⁴.
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// `uri-host [":" port]` (RFC 9110 §7.2), not empty.
pub(super) fn is_authority(authority: &[u8]) -> bool {
    if let Some((host, port)) = authority.split_at_checked(usual_host_len(authority))
        && !host.is_empty()
        && is_port(port)
    {
        return true;
    }
    let (host, port) = match authority {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else {
                return false;
            };
            let (address, port) = (&rest[..end], &rest[end + 1..]);
            let inside = |&byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            if address.is_empty() || !address.iter().all(inside) {
                return false;
            }
            (&b"ip"[..], port)
        }
        _ => authority.split_at(memchr::memchr(b':', authority).unwrap_or(authority.len())),
    };
    let in_name = |&byte: &u8| REG_NAME[usize::from(byte)];
    !host.is_empty() && host.iter().all(in_name) && is_port(port)
}

/// `[":" port]`.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

const REG_NAME: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        set[byte as usize] = is_reg_name(byte);
        byte += 1;
    }
    set
};

/// `reg-name` of RFC 3986 §3.2.2, with `%` for its escapes.
const fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%')
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for (text, valid) in [
            ("example.test", true),
            ("example.test:80", true),
            ("example.test:", true),
            ("[::1]:8081", true),
            ("[::ffff:1.2.3.4]", true),
            ("under_score", true),
            ("a%20b", true),
            ("", false),
            (":80", false),
            ("a b", false),
            ("a/b", false),
            ("user@host", false),
            ("host:8a", false),
            ("host:80:80", false),
            ("[::1", false),
            ("[]", false),
            ("[::1]x", false),
            ("a,b", true), // sub-delims are legal in a reg-name
            ("\u{e9}", false),
        ] {
            assert_eq!(is_authority(text.as_bytes()), valid, "{text:?}");
        }
    }

    #[test]
    fn lengths() {
        for (text, number) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
            ("", None),
            ("+5", None),
            ("-1", None),
            ("5 5", None),
            ("5, 5", None),
            ("0x10", None),
            ("\u{664}", None),
        ] {
            assert_eq!(decimal(text.as_bytes()), number, "{text:?}");
        }
    }
}
