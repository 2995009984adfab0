//! A sending request while it is answered.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use websocket_proto::Instant;
use websocket_proto::http1::server::Connection;

use crate::answer::Response;
use crate::{FromSession, Message, SenderId, Sending, ToSession};

pub(super) struct Parcel {
    sending: Sending,
    stage: Stage,
}

enum Stage {
    Reading(Gathered),
    /// To be delivered.
    Read(VecDeque<Message>),
    Asked(Option<SenderId>),
    /// Asked to resume, and woken since.
    AskedAndWoken(SenderId),
    Parked(SenderId, VecDeque<Message>),
    /// Woken.
    Resuming(SenderId, VecDeque<Message>),
}

/// How a request is to be answered.
pub(super) enum Outcome {
    /// As [accepted](Parcel::accept).
    Accepted,
    Refused(Response),
}

/// A body as it comes: most often in one piece.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: Vec<u8>,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all = core::mem::take(&mut self.first).into();
        }
        self.all.extend_from_slice(&piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.into()
        }
    }
}

impl Parcel {
    pub(super) fn new(sending: Sending) -> Self {
        Self {
            sending,
            stage: Stage::Reading(Gathered::default()),
        }
    }

    /// A piece of the body. What is returned answers the request.
    pub(super) fn read(&mut self, piece: Bytes) -> Option<Response> {
        let Stage::Reading(gathered) = &mut self.stage else {
            return None;
        };
        if gathered.len().saturating_add(piece.len()) > self.sending.max_body() {
            return Some(self.sending.too_large());
        }
        gathered.push(piece);
        None
    }

    /// The end of the body. What is returned answers the request.
    pub(super) fn end(&mut self) -> Option<Response> {
        let Stage::Reading(gathered) = &mut self.stage else {
            return None;
        };
        let body = core::mem::take(gathered).into_bytes();
        match self.sending.messages(&body) {
            Ok(messages) => {
                self.stage = Stage::Read(messages.into());
                None
            }
            Err(response) => Some(response),
        }
    }

    /// What to tell the session next.
    pub(super) fn next<R>(&mut self) -> Option<ToSession<R>> {
        match core::mem::replace(&mut self.stage, Stage::Asked(None)) {
            Stage::Read(messages) => Some(ToSession::Send {
                session: self.sending.session().clone(),
                messages,
            }),
            Stage::Resuming(sender, messages) => {
                self.stage = Stage::Asked(Some(sender));
                Some(ToSession::Resume { sender, messages })
            }
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    /// The session's answer. What is returned answers the request.
    pub(super) fn reply(&mut self, reply: FromSession) -> Option<Outcome> {
        let refused = |response| Some(Outcome::Refused(response));
        match reply {
            FromSession::Delivered => Some(Outcome::Accepted),
            FromSession::UnknownSession => refused(self.sending.unknown_session()),
            FromSession::Closing => refused(self.sending.closing()),
            FromSession::Refused(status) => refused(self.sending.refused(status)),
            FromSession::Parked { sender, rest } => {
                self.stage = match self.stage {
                    Stage::AskedAndWoken(_) => Stage::Resuming(sender, rest),
                    Stage::Asked(_)
                    | Stage::Reading(_)
                    | Stage::Read(_)
                    | Stage::Parked(..)
                    | Stage::Resuming(..) => Stage::Parked(sender, rest),
                };
                None
            }
            FromSession::Attached(_)
            | FromSession::Frame { .. }
            | FromSession::Wait
            | FromSession::End => None,
        }
    }

    /// Answers the request with success.
    pub(super) fn accept(&self, now: Instant, http: &mut Connection) {
        self.sending.accept(now, http);
    }

    pub(super) fn wake(&mut self, sender: SenderId) -> bool {
        if self.id() != Some(sender) {
            return false;
        }
        self.stage = match core::mem::replace(&mut self.stage, Stage::AskedAndWoken(sender)) {
            Stage::Parked(sender, rest) => Stage::Resuming(sender, rest),
            Stage::Asked(_) => Stage::AskedAndWoken(sender),
            stage => stage,
        };
        true
    }

    pub(super) const fn id(&self) -> Option<SenderId> {
        match self.stage {
            Stage::Reading(_) | Stage::Read(_) => None,
            Stage::Asked(sender) => sender,
            Stage::AskedAndWoken(sender)
            | Stage::Parked(sender, _)
            | Stage::Resuming(sender, _) => Some(sender),
        }
    }

    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asked(None))
    }
}
