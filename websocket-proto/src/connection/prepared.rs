//! A message encoded once for many connections.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::{self, Header, OpCode};
use crate::{Message, MessageKind, Outbox};

/// A message encoded once for many connections: broadcast.
///
/// Server frames carry no mask, so all hybi connections of a server share the same bytes. It is
/// never compressed. Other connections (clients, hixie) encode the message themselves.
///
/// ```
/// use websocket_proto::Message;
/// use websocket_proto::connection::Prepared;
///
/// let tick = Prepared::new(Message::text("tick"));
/// assert_eq!(tick.message().as_text(), Some("tick"));
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    message: Message,
    /// The header, and the payload behind it when that is small.
    head: Bytes,
}

impl Prepared {
    /// Encodes `message`.
    pub fn new(message: Message) -> Self {
        let opcode = match message.kind() {
            MessageKind::Text => OpCode::Text,
            MessageKind::Binary => OpCode::Binary,
        };
        let payload = message.as_bytes();
        let header = Header {
            fin: true,
            rsv1: false,
            opcode,
            len: payload.len() as u64,
        };
        let copied = if payload.len() <= Outbox::COPY_MAX {
            &payload[..]
        } else {
            &[]
        };
        let mut head = Vec::with_capacity(frame::header_len(header.len, false) + copied.len());
        frame::encode_header(header, None, &mut head);
        head.extend_from_slice(copied);
        Self {
            head: head.into(),
            message,
        }
    }

    /// The message.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    pub(super) fn queue(&self, outbox: &mut Outbox) {
        outbox.append(&self.head);
        if self.message.as_bytes().len() > Outbox::COPY_MAX {
            outbox.push(self.message.as_bytes().clone());
        }
    }
}
