//! The frames of hixie-75 and hixie-76: text between sentinels, lengths in base 128.
//!
//! ```text
//! 00 text.. ff      a text message
//! 01-7f ...... ff   a frame to discard
//! 80-ff length data a frame to discard, but ff 00 closes in hixie-76
//! ```

use core::fmt;
use core::ops::Range;

use crate::{Draft, Outbox, Utf8Bytes, work};

/// Says where the text lies in what arrives; copies and allocates nothing.
///
/// ```
/// use websocket_proto::Draft;
/// use websocket_proto::frame::hixie::{Decoder, Step};
///
/// let mut decoder = Decoder::new(Draft::Hixie76, 1024);
/// assert_eq!(decoder.decode(b"\x00Hel")?, (4, Step::Text { at: 1..4, last: false }));
/// assert_eq!(decoder.decode(b"lo\xff\xff\x00")?, (3, Step::Text { at: 0..2, last: true }));
/// assert_eq!(decoder.decode(b"\xff\x00")?, (2, Step::Close));
/// assert_eq!(decoder.decode(b"")?, (0, Step::Need));
/// # Ok::<(), websocket_proto::frame::hixie::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    draft: Draft,
    max: usize,
    state: State,
}

/// What [`Decoder::decode`] came upon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The input is used up.
    Need,
    /// The next piece of a text message, which may be no valid UTF-8.
    Text {
        /// Where it lies in the input; empty only at the end of the message.
        at: Range<usize>,
        /// The message ends here.
        last: bool,
    },
    /// The closing frame. Hixie-76 alone has one.
    Close,
    /// The end of a frame of a kind that the drafts leave undefined, and discard.
    Discarded,
}

#[derive(Clone, Debug)]
enum State {
    /// In front of a type byte.
    Type,
    /// `len` bytes into a text.
    Text { len: usize },
    /// `len` bytes into a frame to discard that ends with a sentinel.
    Discard { len: usize },
    /// `count` bytes into a length.
    Length {
        frame_type: u8,
        value: u64,
        count: u8,
    },
    /// `left` bytes in front of the end of a frame to discard.
    Skip { left: usize },
}

impl Decoder {
    /// In front of the first frame. `max` bytes are the most a frame may hold, whatever its kind.
    pub const fn new(draft: Draft, max: usize) -> Self {
        Self {
            draft,
            max,
            state: State::Type,
        }
    }

    /// Takes a prefix of `input`: how long it is, and what it ended with. Call it with what is left
    /// until it needs more.
    ///
    /// Every byte is looked at once, however the input is cut.
    ///
    /// # Errors
    ///
    /// When a frame breaks a limit. The decoder has lost its place then; do not call it again.
    pub fn decode(&mut self, input: &[u8]) -> Result<(usize, Step), Error> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let Some(&byte) = rest.first() else {
                return Ok((at, Step::Need));
            };
            match self.state {
                State::Type => {
                    at += 1;
                    self.state = match byte {
                        TEXT => State::Text { len: 0 },
                        0x01..=0x7f => State::Discard { len: 0 },
                        0x80.. => State::Length {
                            frame_type: byte,
                            value: 0,
                            count: 0,
                        },
                    };
                }
                State::Text { len } => {
                    let (n, last) = up_to_sentinel(rest, self.max - len)?;
                    self.state = if last {
                        State::Type
                    } else {
                        State::Text { len: len + n }
                    };
                    let end = at + n;
                    return Ok((end + usize::from(last), Step::Text { at: at..end, last }));
                }
                State::Discard { len } => {
                    let (n, last) = up_to_sentinel(rest, self.max - len)?;
                    at += n + usize::from(last);
                    if last {
                        return Ok((at, self.end_of_frame(Step::Discarded)));
                    }
                    self.state = State::Discard { len: len + n };
                }
                State::Length {
                    frame_type,
                    value,
                    count,
                } => {
                    at += 1;
                    // Seven bits a byte: nine of them fit.
                    let value = value << 7 | u64::from(byte & !MORE);
                    let count = count + 1;
                    if byte & MORE != 0 {
                        if count == MAX_LENGTH_BYTES {
                            return Err(Error::BadLength);
                        }
                        self.state = State::Length {
                            frame_type,
                            value,
                            count,
                        };
                        continue;
                    }
                    match usize::try_from(value) {
                        Ok(0) if frame_type == CLOSE && self.draft != Draft::Hixie75 => {
                            return Ok((at, self.end_of_frame(Step::Close)));
                        }
                        Ok(0) => return Ok((at, self.end_of_frame(Step::Discarded))),
                        Ok(left) if left <= self.max => self.state = State::Skip { left },
                        Ok(_) | Err(_) => return Err(Error::TooBig),
                    }
                }
                State::Skip { left } => {
                    let n = left.min(rest.len());
                    at += n;
                    if n == left {
                        return Ok((at, self.end_of_frame(Step::Discarded)));
                    }
                    self.state = State::Skip { left: left - n };
                }
            }
        }
    }

    fn end_of_frame(&mut self, step: Step) -> Step {
        self.state = State::Type;
        step
    }
}

/// How many bytes of `rest` stand in front of the sentinel, and whether it is there.
///
/// Of a frame with more than `room` bytes the first `room` are told before the error, so that it
/// makes no difference how they are cut.
fn up_to_sentinel(rest: &[u8], room: usize) -> Result<(usize, bool), Error> {
    let window = &rest[..rest.len().min(room.saturating_add(1))];
    let found = memchr::memchr(SENTINEL, window);
    work::look(found.unwrap_or(window.len()));
    match found {
        Some(n) => Ok((n, true)),
        None if room == 0 => Err(Error::TooBig),
        None => Ok((window.len().min(room), false)),
    }
}

/// Queues a text message; a long one is not copied.
pub fn encode_text(text: Utf8Bytes, outbox: &mut Outbox) {
    // UTF-8 never holds the sentinel.
    let payload = text.into_bytes();
    if payload.len() > Outbox::COPY_MAX {
        outbox.append(&[TEXT]);
        outbox.push(payload);
        outbox.append(&[SENTINEL]);
    } else {
        outbox.append_with(payload.len() + 2, |out| {
            out.push(TEXT);
            out.extend_from_slice(&payload);
            out.push(SENTINEL);
        });
    }
}

/// Queues the closing frame of hixie-76. Hixie-75 has none: there the end of TCP closes.
pub fn encode_close(outbox: &mut Outbox) {
    outbox.append(&[CLOSE, 0]);
}

/// A frame that breaks a limit. The drafts know no error code to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error {
    /// More bytes than a frame may hold.
    TooBig,
    /// A length of more than nine bytes.
    BadLength,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooBig => "frame over the limit",
            Self::BadLength => "frame length of more than nine bytes",
        })
    }
}

impl core::error::Error for Error {}

/// The type of a text frame.
pub(crate) const TEXT: u8 = 0x00;
/// The type of the closing frame.
const CLOSE: u8 = 0xff;
/// Ends a frame whose type has the high bit clear.
pub(crate) const SENTINEL: u8 = 0xff;
/// Set in every byte of a length but the last.
const MORE: u8 = 0x80;
/// Padding with zeros is legal, without end in the drafts. Nine bytes hold 2^63 - 1.
const MAX_LENGTH_BYTES: u8 = 9;
