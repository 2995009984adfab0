//! Sans-IO state machines for HTTP/1.1 and WebSocket.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod connection;
pub mod deflate;
mod draft;
mod entropy;
pub mod frame;
pub mod handshake;
pub mod http1;
mod machine;
mod message;
mod outbox;
mod server;
mod text;
mod time;
pub mod utf8;

pub use connection::{Closed, Connection, Event};
pub use draft::{Draft, Drafts, Role};
pub use entropy::Entropy;
pub use frame::{CloseCode, ProtocolError};
pub use machine::{Machine, ReadInterest};
pub use message::{Message, MessageKind, Refused, SendError};
pub use outbox::Outbox;
pub use server::Server;
pub use text::{NotUtf8, Utf8Bytes};
pub use time::{HttpDate, Instant, WallClock};
