//! A way for short messages beside their connection.

use alloc::vec::Vec;

use super::outgoing::opcode;
use crate::{Message, frame};

/// Short messages that are sent beside their connection, by somebody who need not lock it for each.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Buf;
/// use websocket_proto::connection::Connection;
/// use websocket_proto::handshake::Agreed;
/// use websocket_proto::{Draft, Instant, Machine, Message, Outbox};
///
/// let agreed = Agreed::new(Draft::Rfc6455);
/// let mut ws = Connection::server(agreed, Arc::default(), Outbox::new(), Instant::ZERO);
/// ws.outbox().lend(Vec::with_capacity(100));
/// let mut answers = ws.take_answers().expect("nothing waits");
/// assert!(answers.send_short(&Message::text("first")));
/// ws.send(Message::text("second")).expect("it is open");
/// ws.put_answers(answers);
/// assert_eq!(ws.outbox().chunk(), b"\x81\x05first\x81\x06second");
/// ```
#[derive(Debug)]
pub struct Answers {
    pub(super) frames: Vec<u8>,
    pub(super) mark: usize,
}

impl Answers {
    /// Does what [`Connection::send_short`](super::Connection::send_short) does, with the connection's
    /// [mark](super::Config::outbox_mark) as the bound of what is here.
    #[inline(always)]
    #[must_use = "a message that is not simple is not sent"]
    pub fn send_short(&mut self, message: &Message) -> bool {
        self.frames.len() < self.mark
            && frame::put_short(opcode(message), message.as_bytes(), &mut self.frames)
    }
}
