//! Where the messages of a WebSocket go.

use core::ops::Range;

use websocket_proto::connection::{Incoming, Outgoing, Sink};
use websocket_proto::{MessageKind, Utf8Bytes};

use super::incoming::Incoming as Queue;
use crate::event::Cause;
use crate::json::{self, Form, JsonError};
use crate::{Config, Message, scan};

/// Takes messages out of WebSocket messages, where these lie.
pub(super) struct Messages<'a> {
    pub(super) raw: bool,
    /// Nothing is taken any more.
    pub(super) deaf: bool,
    pub(super) config: &'a Config,
    pub(super) queue: &'a mut Queue,
    pub(super) mistake: Option<Cause>,
}

impl Messages<'_> {
    fn is_deaf(&self) -> bool {
        self.deaf || self.mistake.is_some()
    }

    pub(super) fn take(&mut self, message: websocket_proto::Message) {
        use websocket_proto::Message::{Binary, Text};
        if self.is_deaf() {
            return;
        }
        match (message, self.raw) {
            (Text(text), true) => self.push([text.into()]),
            (Binary(_), true) => self.mistake = Some(Cause::Binary),
            (Binary(_), false) => self.mistake = Some(Cause::Framing),
            (Text(text), false) => self.parse(&text),
        }
    }

    fn parse(&mut self, text: &Utf8Bytes) {
        match json::messages_of_text(text, Form::ArrayOrString, self.config.lone_surrogates) {
            Ok(messages) => self.push(messages),
            // Browsers of old send empty texts, to no end.
            Err(JsonError::Empty) => {}
            Err(JsonError::Broken | JsonError::NotStrings) => self.mistake = Some(Cause::Framing),
        }
    }

    fn push(&mut self, messages: impl IntoIterator<Item = Message>) {
        messages
            .into_iter()
            .for_each(|message| self.queue.push(message));
    }
}

impl Sink for Messages<'_> {
    fn is_full(&self) -> bool {
        self.queue.is_full(self.config)
    }

    fn message(&mut self, message: Incoming<'_>, _: &mut Outgoing) {
        let string = match message.kind() {
            MessageKind::Text if !self.raw && !self.is_deaf() => only_string(message.as_bytes()),
            MessageKind::Text | MessageKind::Binary => None,
        };
        let Some(string) = string else {
            return self.take(message.into_message());
        };
        if self.queue.push_part(&message, string.clone()) {
            return;
        }
        match message.copy_text(string) {
            Some(text) => self.queue.push(text.into()),
            None => self.take(message.into_message()),
        }
    }
}

/// The string of an array of one, where it lies, if it is written as clients write it and has no
/// escapes: one copy instead of three.
fn only_string(text: &[u8]) -> Option<Range<usize>> {
    let string = text.strip_prefix(b"[\"")?.strip_suffix(b"\"]")?;
    let whole = scan::literal_prefix(string) == string.len();
    whole.then_some(2..2 + string.len())
}
