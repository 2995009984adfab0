//! What clients send: arrays of strings.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;
use serde::de::{Deserializer as _, Error, IgnoredAny, Visitor};
use websocket_proto::Utf8Bytes;

use crate::{LoneSurrogates, Message, scan};

/// Which texts are taken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// An array of strings: what HTTP transports send.
    Array,
    /// That, or one string alone, as early clients send it over a WebSocket.
    ArrayOrString,
}

/// Reads the messages of a body. All or none: one bad item refuses the whole.
///
/// ```
/// use bytes::Bytes;
/// use sockjs_proto::json::{self, Form, JsonError};
/// use sockjs_proto::LoneSurrogates;
///
/// let read = |text: &'static str| {
///     json::messages(&Bytes::from_static(text.as_bytes()), Form::Array, LoneSurrogates::Wtf8)
/// };
/// assert_eq!(read(r#"["a", "\u00e9"]"#).unwrap(), ["a", "\u{e9}"]);
/// assert_eq!(read("[]").unwrap().len(), 0);
/// assert_eq!(read(r#"["a", 1]"#), Err(JsonError::NotStrings));
/// assert_eq!(read(r#"["a"#), Err(JsonError::Broken));
/// ```
///
/// # Errors
///
/// See [`JsonError`].
pub fn messages(
    body: &Bytes,
    form: Form,
    policy: LoneSurrogates,
) -> Result<Vec<Message>, JsonError> {
    // serde_json's way to lone surrogates does not check what is not escaped.
    let text = Utf8Bytes::from_bytes(body.clone()).map_err(|_| JsonError::Broken)?;
    messages_of_text(&text, form, policy)
}

/// As [`messages`], for text that was checked already: a WebSocket message.
///
/// # Errors
///
/// See [`JsonError`].
pub fn messages_of_text(
    text: &Utf8Bytes,
    form: Form,
    policy: LoneSurrogates,
) -> Result<Vec<Message>, JsonError> {
    if text.is_empty() {
        return Err(JsonError::Empty);
    }
    let reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        policy,
    };
    reader.document(form).map_err(|stop| match stop {
        Stop::LoneSurrogate => JsonError::Broken,
        // Refused in any case; this finds out why. It neither recurses nor keeps what it reads.
        Stop::Unexpected => match serde_json::from_slice::<IgnoredAny>(text.as_bytes()) {
            Ok(IgnoredAny) => JsonError::NotStrings,
            Err(_) => JsonError::Broken,
        },
    })
}

/// Why a text has no messages.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JsonError {
    /// It is empty. An error in a body; on a WebSocket it is ignored.
    Empty,
    /// It is not JSON, or not UTF-8; or it has a lone surrogate, where
    /// [those are refused](LoneSurrogates::Reject).
    Broken,
    /// It is JSON, but has something other than strings, or other than an array of them.
    NotStrings,
}

impl JsonError {
    /// The body of the answer over HTTP.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Empty | Self::NotStrings => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no text",
            Self::Broken => "the text is not json",
            Self::NotStrings => "the text is no array of strings",
        })
    }
}

impl core::error::Error for JsonError {}

/// Reads arrays of strings and nothing else, so that depth and types are not a question.
struct Reader<'a> {
    text: &'a Utf8Bytes,
    /// Of `text`.
    bytes: &'a [u8],
    at: usize,
    policy: LoneSurrogates,
}

enum Stop {
    /// Anything but the next token of an array of strings.
    Unexpected,
    LoneSurrogate,
}

impl Reader<'_> {
    fn document(mut self, form: Form) -> Result<Vec<Message>, Stop> {
        let mut messages = Vec::new();
        match (self.token(), form) {
            (Some(b'['), _) => self.items(&mut messages)?,
            (Some(b'"'), Form::ArrayOrString) => messages.push(self.string()?),
            _ => return Err(Stop::Unexpected),
        }
        match self.token() {
            None => Ok(messages),
            Some(_) => Err(Stop::Unexpected),
        }
    }

    /// What stands between the brackets, and the closing one.
    fn items(&mut self, messages: &mut Vec<Message>) -> Result<(), Stop> {
        let mut next = self.token();
        if next == Some(b']') {
            return Ok(());
        }
        loop {
            match next {
                Some(b'"') => messages.push(self.string()?),
                _ => return Err(Stop::Unexpected),
            }
            match self.token() {
                Some(b',') => next = self.token(),
                Some(b']') => return Ok(()),
                _ => return Err(Stop::Unexpected),
            }
        }
    }

    /// The next byte that is no white space (RFC 8259 §2).
    fn token(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
        }
    }

    /// The rest of a string, behind its first quote.
    fn string(&mut self) -> Result<Message, Stop> {
        let start = self.at;
        match self.run()? {
            b'"' => Ok(self.share(start..self.at - 1)),
            _ => self.string_with_escapes(start),
        }
    }

    /// Goes behind the next quote or backslash, and says which.
    fn run(&mut self) -> Result<u8, Stop> {
        self.at += scan::literal_prefix(&self.bytes[self.at..]);
        match self.bytes.get(self.at) {
            Some(&byte @ (b'"' | b'\\')) => {
                self.at += 1;
                Ok(byte)
            }
            // RFC 8259 §7: control characters must be escaped.
            Some(_) | None => Err(Stop::Unexpected),
        }
    }

    /// A part of the text. Most of a long text may as well be kept alive by its message; a short one
    /// is copied, so that it does not keep a buffer that others share.
    fn share(&self, part: Range<usize>) -> Message {
        let shares = part.len() >= SHARE_MIN && part.len() >= self.bytes.len() / 2;
        if shares && let Some(text) = self.text.get(part.clone()) {
            return Message::from(text);
        }
        Message::from(self.piece(part))
    }

    /// A part between two ASCII characters.
    fn piece(&self, part: Range<usize>) -> &str {
        self.text.as_str().get(part).unwrap_or_default()
    }

    /// The rest of a string that began at `start`, behind its first backslash.
    fn string_with_escapes(&mut self, start: usize) -> Result<Message, Stop> {
        let mut text = String::from(self.piece(start..self.at - 1));
        loop {
            let escaped = *self.bytes.get(self.at).ok_or(Stop::Unexpected)?;
            self.at += 1;
            text.push(match escaped {
                b'"' | b'\\' | b'/' => char::from(escaped),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => return self.string_with_units(start),
                _ => return Err(Stop::Unexpected),
            });
            let from = self.at;
            let end = self.run()?;
            text.push_str(self.piece(from..self.at - 1));
            if end == b'"' {
                return Ok(Message::from(text));
            }
        }
    }

    /// The rest of a string that began at `start`, behind a `\u`: pairs, and halves without a
    /// partner, are serde_json's.
    fn string_with_units(&mut self, start: usize) -> Result<Message, Stop> {
        while self.run()? == b'\\' {
            // Whatever is escaped, its first character does not end the string.
            self.at = self.bytes.len().min(self.at + 1);
        }
        let wtf8 = unescaped(&self.bytes[start - 1..self.at]).ok_or(Stop::Unexpected)?;
        Message::from_wtf8(wtf8, self.policy).ok_or(Stop::LoneSurrogate)
    }
}

/// The string that a literal, given with its quotes, stands for; in WTF-8.
fn unescaped(literal: &[u8]) -> Option<Bytes> {
    // Asked for bytes rather than text, serde_json lets lone surrogates pass.
    let mut deserializer = serde_json::Deserializer::from_slice(literal);
    deserializer.deserialize_bytes(StringBytes).ok()
}

/// Takes strings only: serde_json would also make bytes of an array of numbers.
struct StringBytes;

impl Visitor<'_> for StringBytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}

/// Above this a copy costs more than an allocation.
const SHARE_MIN: usize = 4096;
