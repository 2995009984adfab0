//! Messages as JSON string literals, with the escapes that browsers and transports need.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, slice};

use bytes::Bytes;
use once_cell::race::OnceBox;
use websocket_proto::Utf8Bytes;
use websocket_proto::connection::Prepared;

use crate::{Frame, Message, scan};

/// A message as a JSON string literal, encoded once and shared by all who get it.
///
/// Beyond what JSON demands, everything that some browser or proxy loses on the way is written as
/// `\u` and four lower-case hex digits: joiners, direction marks and line separators, invisible
/// format characters, U+FFF0 to U+FFFF, and both halves of every surrogate pair. The further
/// encodings that some transports need are made when one first asks for them, and kept.
///
/// ```
/// use sockjs_proto::{Embedding, Literal};
///
/// let literal = Literal::from("a \"100%\" \u{200c}\u{1f600}");
/// assert_eq!(literal.embedded(Embedding::Plain), br#""a \"100%\" \u200c\ud83d\ude00""#);
/// assert_eq!(literal.embedded(Embedding::EventStream), br#""a \"100%25\" \u200c\ud83d\ude00""#);
/// ```
#[derive(Clone)]
pub struct Literal(Arc<Encodings>);

type Encode = fn(&[u8]) -> Vec<u8>;

struct Encodings {
    json: Bytes,
    /// The frame of this message alone, for WebSockets.
    frame: OnceBox<Prepared>,
    event_stream: OnceBox<Box<[u8]>>,
    script: OnceBox<Box<[u8]>>,
    html: OnceBox<Box<[u8]>>,
}

/// What a frame is written into, beyond plain text.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Embedding {
    /// Nothing: the frame itself.
    Plain,
    /// An event stream, whose client percent-decodes what it gets: `%` becomes `%25`.
    EventStream,
    /// A string in a script: encoded as JSON once more, without the outer quotes.
    Script,
    /// The same within an HTML document: `<`, `>` and `&` are escaped too, or a message could end
    /// the script and write to the page.
    Html,
}

impl Literal {
    /// Encodes a message.
    pub fn new(message: &Message) -> Self {
        Self::of_wtf8(message.as_wtf8())
    }

    /// Appends a message's literal to `out`, with its quotes: for a message that one receiver gets, and
    /// at once.
    pub fn write(message: &Message, out: &mut Vec<u8>) {
        encode(message.as_wtf8(), out);
    }

    /// The literal, with its quotes.
    pub fn as_json(&self) -> &Bytes {
        &self.0.json
    }

    /// Bytes of the literal with its quotes, as it is without embedding.
    pub fn len(&self) -> usize {
        self.0.json.len()
    }

    /// Never: a literal has its quotes.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The literal as it stands within `embedding`.
    pub fn embedded(&self, embedding: Embedding) -> &[u8] {
        let json = &self.0.json;
        let (kept, encode): (_, Encode) = match embedding {
            Embedding::Plain => return json,
            // Most messages have no percent sign: nothing is kept for them.
            Embedding::EventStream if memchr::memchr(b'%', json).is_none() => return json,
            Embedding::EventStream => (&self.0.event_stream, percent_escaped),
            Embedding::Script => (&self.0.script, script_escaped),
            Embedding::Html => (&self.0.html, html_escaped),
        };
        kept.get_or_init(|| Box::new(encode(json).into_boxed_slice()))
    }

    /// The frame of messages that has this one alone, as a WebSocket carries it.
    pub(crate) fn frame(&self) -> &Prepared {
        self.0.frame.get_or_init(|| {
            let mut text = Vec::new();
            let alone = slice::from_ref(self);
            Frame::Messages(alone).write(Embedding::Plain, &mut text);
            // A literal is text: what UTF-8 has no form for is escaped in it.
            let text = Utf8Bytes::from_bytes(text.into()).unwrap_or_default();
            Box::new(Prepared::new(websocket_proto::Message::Text(text)))
        })
    }

    fn of_wtf8(wtf8: &[u8]) -> Self {
        Self(Arc::new(Encodings {
            json: encoded(wtf8).into_boxed_slice().into(),
            frame: OnceBox::new(),
            event_stream: OnceBox::new(),
            script: OnceBox::new(),
            html: OnceBox::new(),
        }))
    }
}

impl From<&Message> for Literal {
    fn from(message: &Message) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::of_wtf8(text.as_bytes())
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.0.json == other.0.json
    }
}

impl Eq for Literal {}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.0.json).unwrap_or_default())
    }
}

/// The literal of a string in WTF-8, quotes included.
pub(crate) fn encoded(wtf8: &[u8]) -> Vec<u8> {
    // Exact for clean text, which then is copied once and never moved.
    let mut out = Vec::with_capacity(wtf8.len() + 2);
    encode(wtf8, &mut out);
    out
}

/// Appends the literal of a string in WTF-8, quotes included.
pub(crate) fn encode(wtf8: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = wtf8;
    loop {
        let clean = scan::unescaped_prefix(rest);
        scan::append_prefix(rest, clean, out);
        let suspect = &rest[clean..];
        match escape(suspect, out) {
            0 => break,
            taken => rest = &suspect[taken..],
        }
    }
    out.push(b'"');
}

/// Writes the character at the front, escaped if need be; returns its length, zero at the end.
fn escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    match *text {
        [] => 0,
        [first @ (b'"' | b'\\'), ..] => {
            out.extend_from_slice(&[b'\\', first]);
            1
        }
        [first @ ..0x80, ..] => {
            match first {
                0x08 => out.extend_from_slice(b"\\b"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                0x0c => out.extend_from_slice(b"\\f"),
                b'\r' => out.extend_from_slice(b"\\r"),
                _ => unicode_escape(u16::from(first), out),
            }
            1
        }
        [first @ 0xe0..0xf0, second, third, ..] => {
            let unit = u16::from(first & 0x0f) << 12
                | u16::from(second & 0x3f) << 6
                | u16::from(third & 0x3f);
            if is_escaped(unit) {
                unicode_escape(unit, out);
            } else {
                out.extend_from_slice(&text[..3]);
            }
            3
        }
        [first @ 0xf0..=0xff, second, third, fourth, ..] => {
            // The code point less 0x10000 gives ten bits to either half.
            let above = (u32::from(first & 0x07) << 18
                | u32::from(second & 0x3f) << 12
                | u32::from(third & 0x3f) << 6
                | u32::from(fourth & 0x3f))
            .wrapping_sub(0x1_0000);
            unicode_escape(0xd800 | half(above >> 10), out);
            unicode_escape(0xdc00 | half(above), out);
            4
        }
        // Not in WTF-8; copied so that the text at least ends.
        [first, ..] => {
            out.push(first);
            1
        }
    }
}

/// The lowest ten bits.
const fn half(bits: u32) -> u16 {
    (bits & 0x3ff) as u16
}

const fn is_escaped(unit: u16) -> bool {
    matches!(
        unit,
        0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f | 0xd800..=0xdfff | 0xfff0..=0xffff
    )
}

fn unicode_escape(unit: u16, out: &mut Vec<u8>) {
    let [high, low] = unit.to_be_bytes();
    let digits = [high >> 4, high & 0xf, low >> 4, low & 0xf].map(|digit| HEX[usize::from(digit)]);
    out.extend_from_slice(b"\\u");
    out.extend_from_slice(&digits);
}

fn percent_escaped(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + 2 * memchr::memchr_iter(b'%', json).count());
    for (index, piece) in json.split(|&byte| byte == b'%').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"%25");
        }
        out.extend_from_slice(piece);
    }
    out
}

fn script_escaped(json: &[u8]) -> Vec<u8> {
    with_escapes(json, false)
}

fn html_escaped(json: &[u8]) -> Vec<u8> {
    with_escapes(json, true)
}

/// A literal, which has no control characters any more, escaped once more.
fn with_escapes(json: &[u8], html: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 8 + 2);
    let mut rest = json;
    loop {
        let clean = scan::embedded_prefix(rest, html);
        scan::append_prefix(rest, clean, &mut out);
        match &rest[clean..] {
            [] => return out,
            [byte @ (b'"' | b'\\'), tail @ ..] => {
                out.extend_from_slice(&[b'\\', *byte]);
                rest = tail;
            }
            [byte, tail @ ..] => {
                unicode_escape(u16::from(*byte), &mut out);
                rest = tail;
            }
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";
