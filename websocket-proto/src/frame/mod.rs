//! Frames on the wire: RFC 6455 §5 and the sentinel frames of the hixie drafts.
//!
//! [`Decoder`] and the functions beside it are for the hybi drafts and RFC 6455, what is in [`hixie`]
//! for the drafts before. A [`Connection`](crate::Connection) speaks all of them without their help.
//!
//! ```
//! use bytes::Buf;
//! use websocket_proto::frame::{Header, OpCode, encode_frame};
//! use websocket_proto::Outbox;
//!
//! let mut outbox = Outbox::new();
//! let header = Header { fin: true, rsv1: false, opcode: OpCode::Text, len: 5 };
//! encode_frame(header, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]), &mut outbox);
//! assert_eq!(outbox.chunk(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
//! ```

pub mod close;
mod decode;
mod encode;
mod error;
mod header;
pub mod hixie;
pub mod mask;

pub use close::CloseCode;
pub use decode::{Decoder, Step};
pub(crate) use decode::{ShortMessage, unmask_text};
pub(crate) use encode::{SHORT_BELOW, push_short, put_short};
pub use encode::{encode_frame, encode_header, header_len, push_frame};
pub use error::ProtocolError;
pub use header::{Header, OpCode};
