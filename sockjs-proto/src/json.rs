//! What clients send: arrays of strings.

use alloc::vec::{self, Vec};
use core::iter::Chain;
use core::ops::{Deref, Range};
use core::{fmt, option, slice};

use bytes::Bytes;
use serde::de::{Deserializer as _, Error, IgnoredAny, Visitor};
use websocket_proto::{Utf8Bytes, utf8};

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
pub fn messages(body: &Bytes, form: Form, policy: LoneSurrogates) -> Result<Messages, JsonError> {
    // serde_json's way to lone surrogates does not check what is not escaped.
    if body.len() < SHARE_MIN {
        // Nothing of it will be shared: no reference to its bytes need be counted.
        let text = utf8::as_str(body).ok_or(JsonError::Broken)?;
        return Reader::new(text, None, policy).messages(form);
    }
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
) -> Result<Messages, JsonError> {
    Reader::new(text, Some(text), policy).messages(form)
}

/// The messages of a text, in order. A single one, the usual case, takes no memory beside its own.
#[derive(Clone)]
pub struct Messages(List);

#[derive(Clone)]
enum List {
    One(Message),
    Any(Vec<Message>),
}

impl Messages {
    const fn new() -> Self {
        Self(List::Any(Vec::new()))
    }

    #[inline]
    fn push(&mut self, message: Message) {
        match &mut self.0 {
            List::Any(list) if list.is_empty() => self.0 = List::One(message),
            List::Any(list) => list.push(message),
            List::One(_) => self.push_second(message),
        }
    }

    fn push_second(&mut self, message: Message) {
        let mut list: Vec<Message> = core::mem::replace(self, Self::new()).into();
        list.push(message);
        self.0 = List::Any(list);
    }
}

impl Deref for Messages {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        match &self.0 {
            List::One(message) => slice::from_ref(message),
            List::Any(list) => list,
        }
    }
}

impl From<Messages> for Vec<Message> {
    fn from(messages: Messages) -> Self {
        match messages.0 {
            List::One(message) => Self::from([message]),
            List::Any(list) => list,
        }
    }
}

impl IntoIterator for Messages {
    type Item = Message;
    type IntoIter = Chain<option::IntoIter<Message>, vec::IntoIter<Message>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, list) = match self.0 {
            List::One(message) => (Some(message), Vec::new()),
            List::Any(list) => (None, list),
        };
        one.into_iter().chain(list)
    }
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Messages {}

impl<T, const N: usize> PartialEq<[T; N]> for Messages
where
    Message: PartialEq<T>,
{
    fn eq(&self, other: &[T; N]) -> bool {
        **self == *other
    }
}

impl<T> PartialEq<Vec<T>> for Messages
where
    Message: PartialEq<T>,
{
    fn eq(&self, other: &Vec<T>) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
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
    text: &'a str,
    /// The text as messages may share it.
    shared: Option<&'a Utf8Bytes>,
    /// Of `text`.
    bytes: &'a [u8],
    at: usize,
    policy: LoneSurrogates,
    /// What a string with escapes stands for, as far as it was read.
    unescaped: Vec<u8>,
}

enum Stop {
    /// Anything but the next token of an array of strings.
    Unexpected,
    LoneSurrogate,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str, shared: Option<&'a Utf8Bytes>, policy: LoneSurrogates) -> Self {
        Self {
            text,
            shared,
            bytes: text.as_bytes(),
            at: 0,
            policy,
            unescaped: Vec::new(),
        }
    }

    fn messages(self, form: Form) -> Result<Messages, JsonError> {
        let text = self.bytes;
        if text.is_empty() {
            return Err(JsonError::Empty);
        }
        self.document(form).map_err(|stop| match stop {
            Stop::LoneSurrogate => JsonError::Broken,
            // Refused in any case; this finds out why. It neither recurses nor keeps what it reads.
            Stop::Unexpected => match serde_json::from_slice::<IgnoredAny>(text) {
                Ok(IgnoredAny) => JsonError::NotStrings,
                Err(_) => JsonError::Broken,
            },
        })
    }

    fn document(mut self, form: Form) -> Result<Messages, Stop> {
        let mut messages = Messages::new();
        match (self.token(), form) {
            (Some(b'['), _) => self.items(&mut messages)?,
            (Some(b'"'), Form::ArrayOrString) => self.string(&mut messages)?,
            _ => return Err(Stop::Unexpected),
        }
        match self.token() {
            None => Ok(messages),
            Some(_) => Err(Stop::Unexpected),
        }
    }

    /// What stands between the brackets, and the closing one.
    fn items(&mut self, messages: &mut Messages) -> Result<(), Stop> {
        let mut next = self.token();
        if next == Some(b']') {
            return Ok(());
        }
        loop {
            match next {
                Some(b'"') => self.string(messages)?,
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
    #[inline]
    fn string(&mut self, messages: &mut Messages) -> Result<(), Stop> {
        let start = self.at;
        match self.run()? {
            b'"' => messages.push(self.share(start..self.at - 1)),
            _ => messages.push(self.string_with_escapes(start)?),
        }
        Ok(())
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
        if shares && let Some(text) = self.shared.and_then(|text| text.get(part.clone())) {
            return Message::from(text);
        }
        // Between two ASCII characters.
        Message::from(self.text.get(part).unwrap_or_default())
    }

    /// The rest of a string that began at `start`, behind its first backslash.
    fn string_with_escapes(&mut self, start: usize) -> Result<Message, Stop> {
        self.unescaped.clear();
        let expected = self.bytes.len() - start;
        self.unescaped.reserve(expected.min(UNESCAPED_MAX));
        self.append(start..self.at - 1);
        loop {
            let escaped = *self.bytes.get(self.at).ok_or(Stop::Unexpected)?;
            self.at += 1;
            self.unescaped.push(match escaped {
                b'"' | b'\\' | b'/' => escaped,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => return self.string_with_units(start),
                _ => return Err(Stop::Unexpected),
            });
            let from = self.at;
            let end = self.run()?;
            self.append(from..self.at - 1);
            if end == b'"' {
                let text = Bytes::copy_from_slice(&self.unescaped);
                // Cannot fail: the text is UTF-8, and was cut at ASCII characters.
                let text = Utf8Bytes::from_bytes(text).map_err(|_| Stop::Unexpected)?;
                return Ok(Message::from(text));
            }
        }
    }

    fn append(&mut self, part: Range<usize>) {
        scan::append_prefix(&self.bytes[part.start..], part.len(), &mut self.unescaped);
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
/// Room made at once for a string with escapes; a longer one doubles it.
const UNESCAPED_MAX: usize = 4096;
