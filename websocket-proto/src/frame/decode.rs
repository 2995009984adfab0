//! Hybi frames out of bytes: RFC 6455 §5.2, for drafts 07, 08 and the RFC.

use core::ops::Range;

use super::{Header, OpCode, ProtocolError, mask};
use crate::{Draft, MessageKind, Role, utf8};

/// Finds frames in a stream of bytes and unmasks their payloads in place.
///
/// It holds no payload and allocates nothing: an incomplete header (13 bytes at most) is all it
/// keeps. It checks every rule that can be seen in the headers, each at the first byte that breaks
/// it; messages, text and close bodies are the connection's concern.
///
/// ```
/// use websocket_proto::frame::{Decoder, OpCode, Step};
/// use websocket_proto::{Draft, Role};
///
/// let mut decoder = Decoder::new(Draft::Rfc6455, Role::Server, false);
/// let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // RFC 6455 §5.7: "Hello"
/// let Ok(Step::Header { header, consumed }) = decoder.decode(&mut input) else { panic!() };
/// assert_eq!((header.opcode, header.len, consumed), (OpCode::Text, 5, 6));
/// let Ok(Step::Payload { at, last }) = decoder.decode(&mut input[consumed..]) else { panic!() };
/// assert_eq!(&input[consumed..][at], b"Hello");
/// assert!(last);
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Payload bytes of the current frame still to come.
    remaining: u64,
    /// As it stands for the next byte of the payload.
    key: [u8; 4],
    /// How many bytes of `partial` are in use.
    have: u8,
    rules: Rules,
    /// A header cut by the end of the input.
    partial: [u8; MAX_HEADER],
}

/// What one call of [`Decoder::decode`] found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// All input was taken; more is needed.
    Need,
    /// A header of `consumed` bytes of this input (fewer than its length when earlier input held its
    /// beginning). A frame without payload is complete with it.
    Header {
        /// What it says.
        header: Header,
        /// How many bytes of the input it took.
        consumed: usize,
    },
    /// A piece of payload, unmasked in place; it is a prefix of the input.
    Payload {
        /// Where in the input.
        at: Range<usize>,
        /// Whether it ends the frame.
        last: bool,
    },
}

/// A short message that lies whole in the input.
pub(crate) struct ShortMessage {
    pub(crate) kind: MessageKind,
    pub(crate) key: [u8; 4],
    /// Of its payload, which follows the header.
    pub(crate) len: usize,
}

impl ShortMessage {
    /// Two bytes and the mask key.
    pub(crate) const HEADER: usize = 6;
}

/// The rules that differ between roles, drafts and extensions.
#[derive(Clone, Copy, Debug)]
struct Rules {
    masked: bool,
    minimal_length: bool,
    rsv1: bool,
    /// A fragmented message is under way.
    fragmented: bool,
}

impl Decoder {
    /// A decoder for what `role` receives. `deflate` tells that permessage-deflate was agreed on, so
    /// that the first frame of a message may have RSV1 (RFC 7692 §6). For the hixie drafts there is
    /// [`hixie::Decoder`](super::hixie::Decoder).
    pub const fn new(draft: Draft, role: Role, deflate: bool) -> Self {
        Self {
            remaining: 0,
            key: [0; 4],
            have: 0,
            partial: [0; MAX_HEADER],
            rules: Rules {
                masked: matches!(role, Role::Server),
                // The shortest form became a MUST in draft 14.
                minimal_length: matches!(draft, Draft::Rfc6455),
                rsv1: deflate,
                fragmented: false,
            },
        }
    }

    /// Takes a prefix of `input`: a header or a piece of payload. Call it with what is left until it
    /// says [`Step::Need`].
    ///
    /// After an error the stream has no meaning any more; what further calls return is unspecified.
    pub fn decode(&mut self, input: &mut [u8]) -> Result<Step, ProtocolError> {
        if self.remaining == 0 {
            return Ok(match self.header(input)? {
                Some((header, consumed)) => Step::Header { header, consumed },
                None => Step::Need,
            });
        }
        if input.is_empty() {
            return Ok(Step::Need);
        }
        let n = self.available(input.len());
        self.unmask(&mut input[..n]);
        Ok(Step::Payload {
            at: 0..n,
            last: self.remaining == 0,
        })
    }

    /// Looks at the front of `input` for what most frames of clients are: a whole short message that has
    /// come with all its bytes. `None` when it is anything else, for [`header`](Self::header) to judge.
    /// The decoder stays as it is: nothing of such a frame has to be remembered.
    #[inline(always)]
    pub(crate) fn short_message(&self, input: &[u8]) -> Option<ShortMessage> {
        let (&[first, second, a, b, c, d], payload) = input.split_first_chunk()?;
        let kind = match first {
            WHOLE_TEXT => MessageKind::Text,
            WHOLE_BINARY => MessageKind::Binary,
            _ => return None,
        };
        let len = usize::from(second.checked_sub(MASK)?);
        let whole = len <= usize::from(MAX_SHORT) && len <= payload.len();
        let between_messages = self.remaining == 0 && self.have == 0 && !self.rules.fragmented;
        (whole && between_messages && self.rules.masked).then_some(ShortMessage {
            kind,
            key: [a, b, c, d],
            len,
        })
    }

    /// Takes a header from the front of `input` and tells its length there; `None` when all of the
    /// input is only a part of one.
    #[inline(always)]
    pub(crate) fn header(
        &mut self,
        input: &[u8],
    ) -> Result<Option<(Header, usize)>, ProtocolError> {
        debug_assert!(self.remaining == 0);
        if self.have == 0 {
            if let Some(found) = self.parse(input)? {
                return Ok(Some(found));
            }
            self.keep(input);
            return Ok(None);
        }
        self.resume(input)
    }

    /// Goes on with a header whose beginning is in `partial`.
    #[cold]
    fn resume(&mut self, input: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let had = usize::from(self.have);
        self.keep(input);
        let partial = self.partial;
        let found = self.parse(&partial[..usize::from(self.have)])?;
        Ok(found.map(|(header, len)| {
            self.have = 0;
            (header, len - had)
        }))
    }

    /// Adds to `partial` what fits of `input`.
    fn keep(&mut self, input: &[u8]) {
        let room = &mut self.partial[usize::from(self.have)..];
        for (slot, byte) in room.iter_mut().zip(input) {
            *slot = *byte;
            self.have += 1;
        }
    }

    /// Reads the header at the front of `bytes`. What is there of an incomplete one is checked, so
    /// that a peer learns of its mistake at once.
    #[inline(always)]
    fn parse(&mut self, bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let &[first, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        let fin = first & FIN != 0;
        let rsv1 = first & RSV1 != 0;
        if first & (RSV2 | RSV3) != 0 || rsv1 && !self.rules.rsv1 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = OpCode::from_bits(first & OPCODE).ok_or(ProtocolError::UnknownOpcode)?;
        let fragmented = match opcode {
            OpCode::Text | OpCode::Binary if self.rules.fragmented => {
                return Err(ProtocolError::ExpectedContinuation);
            }
            OpCode::Continuation if !self.rules.fragmented => {
                return Err(ProtocolError::UnexpectedContinuation);
            }
            // RFC 7692 §6.1: only the first frame of a message carries the bit.
            OpCode::Continuation | OpCode::Close | OpCode::Ping | OpCode::Pong if rsv1 => {
                return Err(ProtocolError::ReservedBits);
            }
            OpCode::Close | OpCode::Ping | OpCode::Pong => {
                if !fin {
                    return Err(ProtocolError::FragmentedControl);
                }
                self.rules.fragmented
            }
            OpCode::Text | OpCode::Binary | OpCode::Continuation => !fin,
        };
        let &[second, ref rest @ ..] = rest else {
            return Ok(None);
        };
        let short = second & LENGTH;
        match (self.rules.masked, second & MASK != 0) {
            (true, true) | (false, false) => {}
            // RFC 6455 §5.1: a server MUST close on an unmasked frame, a client on a masked one.
            (true, false) => return Err(ProtocolError::UnmaskedFrame),
            (false, true) => return Err(ProtocolError::MaskedFrame),
        }
        if opcode.is_control() && short > MAX_SHORT {
            return Err(ProtocolError::ControlTooLong);
        }
        let (len, rest) = match short {
            LENGTH_16 => {
                let Some((len, rest)) = rest.split_first_chunk::<2>() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*len)), rest)
            }
            LENGTH_64 => {
                if rest.first().is_some_and(|byte| byte & 0x80 != 0) {
                    return Err(ProtocolError::LengthTooLarge);
                }
                let Some((len, rest)) = rest.split_first_chunk::<8>() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*len), rest)
            }
            short => (u64::from(short), rest),
        };
        let needed = match short {
            LENGTH_16 => len > u64::from(MAX_SHORT),
            LENGTH_64 => len > u64::from(u16::MAX),
            _ => true,
        };
        if !needed && self.rules.minimal_length {
            return Err(ProtocolError::LengthNotMinimal);
        }
        let rest = if self.rules.masked {
            let Some((key, rest)) = rest.split_first_chunk::<4>() else {
                return Ok(None);
            };
            self.key = *key;
            rest
        } else {
            rest
        };
        self.remaining = len;
        self.rules.fragmented = fragmented;
        Ok(Some((
            Header {
                fin,
                rsv1,
                opcode,
                len,
            },
            bytes.len() - rest.len(),
        )))
    }

    /// Payload bytes of the current frame still to come.
    pub(crate) const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// How many of the next `len` bytes are payload of the current frame.
    #[inline]
    pub(crate) fn available(&self, len: usize) -> usize {
        usize::try_from(self.remaining).map_or(len, |remaining| remaining.min(len))
    }

    /// Takes `payload`, the next bytes of the current frame, and unmasks it.
    #[inline]
    pub(crate) fn unmask(&mut self, payload: &mut [u8]) {
        if self.rules.masked {
            mask::apply(self.key, 0, payload);
        }
        self.skip(payload.len());
    }

    /// Does what [`unmask`](Self::unmask) does for a whole text, and tells whether that is UTF-8: most
    /// often it is ASCII, which shows while it is unmasked.
    #[inline]
    pub(crate) fn unmask_text(&mut self, text: &mut [u8]) -> bool {
        let valid = if self.rules.masked {
            unmask_text(self.key, text)
        } else {
            utf8::is_valid(text)
        };
        self.skip(text.len());
        valid
    }

    /// Takes the next `len` payload bytes without a look at them.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        debug_assert!(len as u64 <= self.remaining);
        self.remaining -= len as u64;
        self.key.rotate_left(len % 4);
    }
}

/// Unmasks a whole text, and tells whether it is UTF-8.
#[inline]
pub(crate) fn unmask_text(key: [u8; 4], text: &mut [u8]) -> bool {
    mask::apply_ascii(key, 0, text) || utf8::is_valid_mixed(text)
}

const WHOLE_TEXT: u8 = FIN | OpCode::Text.bits();
const WHOLE_BINARY: u8 = FIN | OpCode::Binary.bits();
pub(super) const FIN: u8 = 0x80;
pub(super) const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const OPCODE: u8 = 0x0f;
pub(super) const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The longest length that fits the second byte; also the longest control payload.
const MAX_SHORT: u8 = 125;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
/// Two bytes, a 64-bit length and a mask key.
const MAX_HEADER: usize = 14;
