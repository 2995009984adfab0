//! What a frame header says: RFC 6455 §5.2.

/// The header of a hybi frame, without its mask key.
///
/// RSV2 and RSV3 have no place here: no extension known to this crate defines them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The last frame of its message. Control frames always are.
    pub fin: bool,
    /// The message is compressed (RFC 7692 §6); only on its first frame.
    pub rsv1: bool,
    /// What the payload is.
    pub opcode: OpCode,
    /// Payload length in bytes; at most 2^63 - 1 on the wire.
    pub len: u64,
}

/// What the payload of a frame is (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OpCode {
    /// More of the message under way.
    Continuation,
    /// The start of a text message.
    Text,
    /// The start of a binary message.
    Binary,
    /// A close code and reason, or nothing.
    Close,
    /// To be answered with a pong of the same payload.
    Ping,
    /// The answer to a ping, or a sign of life.
    Pong,
}

impl OpCode {
    /// Every opcode, in the order of its bits.
    pub const ALL: [Self; 6] = [
        Self::Continuation,
        Self::Text,
        Self::Binary,
        Self::Close,
        Self::Ping,
        Self::Pong,
    ];

    /// The opcode of the low four bits of a frame's first byte; `None` for the reserved ones.
    ///
    /// ```
    /// use websocket_proto::frame::OpCode;
    ///
    /// assert_eq!(OpCode::from_bits(0x9), Some(OpCode::Ping));
    /// assert_eq!(OpCode::from_bits(0x3), None);
    /// ```
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// The four bits on the wire.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    /// Whether the frame controls the connection instead of carrying a message (RFC 6455 §5.5).
    pub const fn is_control(self) -> bool {
        self.bits() & CONTROL != 0
    }
}

/// RFC 6455 §5.5: control frames have the most significant bit of the opcode set.
const CONTROL: u8 = 0x8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_back() {
        for bits in 0..=u8::MAX {
            match OpCode::from_bits(bits) {
                Some(opcode) => assert_eq!(opcode.bits(), bits),
                None => assert!(!matches!(bits, 0..=2 | 8..=10), "{bits:#x} is an opcode"),
            }
        }
        for opcode in OpCode::ALL {
            assert_eq!(OpCode::from_bits(opcode.bits()), Some(opcode));
        }
    }

    #[test]
    fn control_frames() {
        let control = OpCode::ALL.map(OpCode::is_control);
        assert_eq!(control, [false, false, false, true, true, true]);
    }
}
