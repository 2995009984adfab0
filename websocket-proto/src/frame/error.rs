//! How a peer breaks the rules of frames and messages.

use core::fmt;

use super::CloseCode;

/// The peer broke the protocol. Carries none of its bytes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProtocolError {
    /// A reserved bit without an extension that defines it (RFC 6455 §5.2).
    ReservedBits,
    /// A reserved opcode (RFC 6455 §5.2).
    UnknownOpcode,
    /// A client's frame without a mask (RFC 6455 §5.1).
    UnmaskedFrame,
    /// A server's frame with a mask (RFC 6455 §5.1).
    MaskedFrame,
    /// A length with its most significant bit set (RFC 6455 §5.2).
    LengthTooLarge,
    /// A length that is not in its shortest form (RFC 6455 §5.2).
    LengthNotMinimal,
    /// A fragmented control frame (RFC 6455 §5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (RFC 6455 §5.5).
    ControlTooLong,
    /// A continuation frame outside a message (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// A new message inside an unfinished one (RFC 6455 §5.4).
    ExpectedContinuation,
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    InvalidUtf8,
    /// A message longer than the limit.
    MessageTooBig,
    /// Too many, too small fragments.
    TooManyFragments,
    /// Half a close code (RFC 6455 §5.5.1).
    CloseBodyLength,
    /// A close code that may not be on the wire (RFC 6455 §7.4).
    BadCloseCode,
    /// A close reason that is not UTF-8 (RFC 6455 §5.5.1).
    CloseReasonNotUtf8,
    /// A compressed message that does not inflate (RFC 7692 §7.2.2).
    BadDeflate,
    /// A compressed message of too many final blocks (RFC 7692 §7.2.3.4).
    TooManyBlocks,
    /// A hixie length that is too long or too large (draft-hixie-76 §4.2).
    BadHixieLength,
    /// A server whose hixie-76 digest is wrong (draft-hixie-76 §4.1).
    BadDigest,
}

impl ProtocolError {
    /// The code of the close frame that answers it (RFC 6455 §7.4.1).
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::CloseReasonNotUtf8 | Self::BadDeflate => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::MessageTooBig => CloseCode::TOO_BIG,
            Self::TooManyFragments | Self::TooManyBlocks => CloseCode::POLICY,
            Self::ReservedBits
            | Self::UnknownOpcode
            | Self::UnmaskedFrame
            | Self::MaskedFrame
            | Self::LengthTooLarge
            | Self::LengthNotMinimal
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseBodyLength
            | Self::BadCloseCode
            | Self::BadHixieLength
            | Self::BadDigest => CloseCode::PROTOCOL,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "reserved bit set",
            Self::UnknownOpcode => "reserved opcode",
            Self::UnmaskedFrame => "unmasked frame from a client",
            Self::MaskedFrame => "masked frame from a server",
            Self::LengthTooLarge => "length with its most significant bit set",
            Self::LengthNotMinimal => "length not in its shortest form",
            Self::FragmentedControl => "fragmented control frame",
            Self::ControlTooLong => "control frame longer than 125 bytes",
            Self::UnexpectedContinuation => "continuation outside a message",
            Self::ExpectedContinuation => "new message inside an unfinished one",
            Self::InvalidUtf8 => "text that is not utf-8",
            Self::MessageTooBig => "message longer than the limit",
            Self::TooManyFragments => "too many small fragments",
            Self::CloseBodyLength => "close frame with half a code",
            Self::BadCloseCode => "close code that may not be sent",
            Self::CloseReasonNotUtf8 => "close reason that is not utf-8",
            Self::BadDeflate => "compressed message that does not inflate",
            Self::TooManyBlocks => "too many final blocks in a compressed message",
            Self::BadHixieLength => "length of a discarded frame out of bounds",
            Self::BadDigest => "wrong answer to the challenge",
        })
    }
}

impl core::error::Error for ProtocolError {}

const _: () = assert!(size_of::<ProtocolError>() == 1);
