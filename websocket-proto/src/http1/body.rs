//! Bodies from bytes: by length, in chunks (RFC 9112 §7.1), up to the end of the connection.

use alloc::boxed::Box;
use core::ops::Range;

use super::fields::Fields;
use super::framing::ResponseFraming;
use super::parse::TrailerParser;
use super::{Framing, Limits, ProtocolError};

/// Says where the data of one body lies in the bytes of a connection. Copies nothing; only trailers
/// cost memory, within their limit.
#[derive(Debug)]
pub(super) enum Decoder {
    /// So many bytes are left.
    Length(u64),
    Chunked(Chunked),
    /// Up to the end of the connection, but no more than so many bytes.
    Close(u64),
}

/// What [`Decoder::decode`] met.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing but framing.
    Framing,
    /// Data of the body, here in the input.
    Data(Range<usize>),
    /// The body is complete.
    End(Fields),
}

impl Decoder {
    /// For the body of a request, which is to be at most `max` bytes.
    pub(super) const fn of_request(framing: Framing, max: u64) -> Result<Self, ProtocolError> {
        Self::new(
            match framing {
                Framing::None => ResponseFraming::Length(0),
                Framing::Length(length) => ResponseFraming::Length(length),
                Framing::Chunked => ResponseFraming::Chunked,
            },
            max,
        )
    }

    /// For the body of a response, which is to be at most `max` bytes.
    pub(super) const fn new(framing: ResponseFraming, max: u64) -> Result<Self, ProtocolError> {
        match framing {
            ResponseFraming::None => Ok(Self::Length(0)),
            ResponseFraming::Length(length) if length > max => Err(ProtocolError::BodyTooLarge),
            ResponseFraming::Length(length) => Ok(Self::Length(length)),
            ResponseFraming::Chunked => Ok(Self::Chunked(Chunked::new(max))),
            ResponseFraming::Close => Ok(Self::Close(max)),
        }
    }

    /// How many bytes of data are still to come, if that is known.
    pub(super) const fn left(&self) -> Option<u64> {
        match *self {
            Self::Length(left) => Some(left),
            Self::Chunked(_) | Self::Close(_) => None,
        }
    }

    /// Takes a part of `input`, which is not empty, and tells how much and what it was.
    ///
    /// The last data of a body with a length and its end are two steps: the second takes nothing.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Step), ProtocolError> {
        match self {
            Self::Length(0) => Ok((0, Step::End(Fields::new()))),
            Self::Length(left) => {
                let n = at_most(input.len(), *left);
                *left -= n as u64;
                Ok((n, Step::Data(0..n)))
            }
            Self::Chunked(chunked) => chunked.decode(input, limits),
            Self::Close(0) => Err(ProtocolError::BodyTooLarge),
            Self::Close(room) => {
                let n = at_most(input.len(), *room);
                *room -= n as u64;
                Ok((n, Step::Data(0..n)))
            }
        }
    }
}

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// In the size of a chunk.
    Size,
    /// In white space behind the size, before `;` (RFC 9112 §7.1.1).
    Padding,
    /// In the extensions.
    Extensions,
    /// Behind the CR of a chunk line.
    LineEnd,
    /// In the data, of which `left` bytes are to come.
    Data,
    /// At the CR behind the data.
    DataCr,
    /// At the LF behind the data.
    DataLf,
    /// Behind the last chunk: a trailer section or the final CRLF.
    Last,
    /// Behind the CR of the final CRLF.
    LastLf,
    /// In the trailer section.
    Trailers,
}

/// The decoder of the chunked coding.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    digits: u8,
    /// Length of the chunk line so far.
    line: u16,
    /// Length of all extensions so far.
    extensions: u16,
    /// The chunk's size so far, then what is left of its data.
    left: u64,
    /// How much more the body may have.
    room: u64,
    trailers: Option<Box<TrailerParser>>,
}

impl Chunked {
    const fn new(max: u64) -> Self {
        Self {
            state: State::Size,
            digits: 0,
            line: 0,
            extensions: 0,
            left: 0,
            room: max,
            trailers: None,
        }
    }

    fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step), ProtocolError> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Data => {
                    let n = at_most(input.len() - at, self.left);
                    self.left -= n as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok((at + n, Step::Data(at..at + n)));
                }
                State::Trailers => {
                    let trailers = self.trailers.get_or_insert_default();
                    let (taken, fields) = trailers.parse(&input[at..], limits)?;
                    let step = fields.map_or(Step::Framing, |mut fields| {
                        fields.remove(is_forbidden_trailer);
                        Step::End(fields)
                    });
                    return Ok((at + taken, step));
                }
                // Not this byte: it is the first one of the trailer section.
                State::Last if byte != b'\r' => self.state = State::Trailers,
                State::LastLf if byte == b'\n' => return Ok((at + 1, Step::End(Fields::new()))),
                state => {
                    self.state = self.framing_byte(state, byte, limits)?;
                    at += 1;
                }
            }
        }
        Ok((at, Step::Framing))
    }

    /// Takes one byte that is no data.
    fn framing_byte(
        &mut self,
        state: State,
        byte: u8,
        limits: &Limits,
    ) -> Result<State, ProtocolError> {
        match (state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // 16 digits are 64 bits: no overflow, and no endless line of zeros.
                if self.digits == MAX_DIGITS {
                    return Err(ProtocolError::Chunk);
                }
                self.digits += 1;
                self.count_line_byte(limits)?;
                self.left = self.left << 4 | u64::from(hex_value(byte));
                Ok(State::Size)
            }
            (State::Size, b'\r' | b';' | b' ' | b'\t') if self.digits == 0 => {
                Err(ProtocolError::Chunk)
            }
            (State::Size | State::Extensions, b'\r') => Ok(State::LineEnd),
            (State::Size | State::Padding, b' ' | b'\t') => {
                self.count_extension_byte(limits)?;
                Ok(State::Padding)
            }
            (State::Size | State::Padding, b';') => {
                self.count_extension_byte(limits)?;
                Ok(State::Extensions)
            }
            // Skipped, but a line break in them is how two parsers come to disagree.
            (State::Extensions, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_extension_byte(limits)?;
                Ok(State::Extensions)
            }
            (State::LineEnd, b'\n') => self.end_line(),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::Last, b'\r') => Ok(State::LastLf),
            (
                State::Size
                | State::Padding
                | State::Extensions
                | State::LineEnd
                | State::Data
                | State::DataCr
                | State::DataLf
                | State::Last
                | State::LastLf
                | State::Trailers,
                _,
            ) => Err(ProtocolError::Chunk),
        }
    }

    const fn end_line(&mut self) -> Result<State, ProtocolError> {
        self.digits = 0;
        self.line = 0;
        if self.left == 0 {
            return Ok(State::Last);
        }
        match self.room.checked_sub(self.left) {
            Some(room) => {
                self.room = room;
                Ok(State::Data)
            }
            None => Err(ProtocolError::BodyTooLarge),
        }
    }

    const fn count_line_byte(&mut self, limits: &Limits) -> Result<(), ProtocolError> {
        if self.line >= limits.chunk_line {
            return Err(ProtocolError::ChunkLineTooLong);
        }
        self.line += 1;
        Ok(())
    }

    const fn count_extension_byte(&mut self, limits: &Limits) -> Result<(), ProtocolError> {
        if self.extensions >= limits.chunk_extensions {
            return Err(ProtocolError::ChunkLineTooLong);
        }
        self.extensions += 1;
        self.count_line_byte(limits)
    }
}

/// Whether a trailer of that name could change how the message was read, or who sent it (RFC 9110
/// §6.5.1): framing, routing, request modifiers, authentication, response control, content.
pub(super) fn is_forbidden_trailer(name: &str) -> bool {
    FORBIDDEN_TRAILERS
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

fn at_most(n: usize, limit: u64) -> usize {
    usize::try_from(limit).map_or(n, |limit| n.min(limit))
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// Digits of the largest chunk size that fits 64 bits.
const MAX_DIGITS: u8 = 16;
const FORBIDDEN_TRAILERS: [&str; 30] = [
    "Age",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Expires",
    "Host",
    "Keep-Alive",
    "Location",
    "Max-Forwards",
    "Origin",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Retry-After",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Vary",
    "Via",
    "WWW-Authenticate",
];
