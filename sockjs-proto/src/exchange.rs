//! What connections and an endpoint tell each other: values, so that a queue, another thread or
//! another machine may stand between them.

use alloc::collections::VecDeque;

use bytes::Bytes;

use crate::slab::Key;
use crate::{Close, Message, SessionId, Wrapping};

/// A session of an [`Endpoint`](crate::Endpoint), as the application names it. It goes stale with
/// the session.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SessionKey(pub(crate) Key);

impl SessionKey {
    /// A small number that no other session of the endpoint has at the same time: the place of the
    /// session in a table beside it.
    pub const fn index(self) -> usize {
        self.0.index as usize
    }
}

/// A request through which a session speaks to its browser.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ReceiverId(pub(crate) Key);

impl ReceiverId {
    /// A small number that no other receiver of the endpoint has at the same time: the place of the
    /// receiver in a table beside it.
    pub const fn index(self) -> usize {
        self.0.index as usize
    }
}

/// A request whose messages the application has no room for yet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SenderId(pub(crate) Key);

/// A question whether a session may begin.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AdmissionId(pub(crate) Key);

/// What a connection tells an endpoint. `R` is what is known of a request.
///
/// Every [`Attach`](Self::Attach) is followed, in the end, by [`Flushed`](Self::Flushed) or
/// [`Aborted`](Self::Aborted); every [`Parked`](FromSession::Parked) by a [`Resume`](Self::Resume)
/// that is answered otherwise, or [`Abandon`](Self::Abandon).
#[derive(Clone, Debug)]
pub enum ToSession<R> {
    /// A receiving request. Answered at once by [`Attached`](FromSession::Attached): whether the
    /// session admits it is told to the first [`Pull`](Self::Pull).
    Attach {
        /// Which session; made if there is none.
        session: SessionId,
        /// How frames are written.
        wrapping: Wrapping,
        /// What the application may know of the session that this request begins. Dropped when the
        /// session exists.
        request: R,
    },
    /// Asks for the next piece of the response.
    Pull {
        /// Whose.
        receiver: ReceiverId,
        /// How many bytes the connection would like to take now; zero asks for nothing. A frame may
        /// be longer: what waits goes out together, up to 64 KiB.
        room: usize,
    },
    /// The connection ends the response of its own accord, for instance because it shuts down. Not
    /// needed after a [last](FromSession::Frame) frame.
    Ending(ReceiverId),
    /// The kernel took the last byte of the response.
    Flushed(ReceiverId),
    /// The connection was lost before that.
    Aborted(ReceiverId),
    /// Answers [`CheckReceiver`](Wake::CheckReceiver): the connection has looked for the end of its
    /// stream and found none.
    StillAlive(ReceiverId),
    /// Messages from a sending request.
    Send {
        /// To which session.
        session: SessionId,
        /// In order. None at all is as good as some.
        messages: VecDeque<Message>,
    },
    /// A parked sender tries again, woken by [`Wake::Sender`].
    Resume {
        /// Which one.
        sender: SenderId,
        /// What it was given back.
        messages: VecDeque<Message>,
    },
    /// A parked sender's connection was lost. What it still holds is dropped: the application was
    /// not told of it, nor the browser of a success.
    Abandon(SenderId),
}

/// What an endpoint answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FromSession {
    /// To [`Attach`](ToSession::Attach): pull from this.
    Attached(ReceiverId),
    /// A piece of the response, in an HTTP chunk of its own. The head, 200, goes before the first.
    Frame {
        /// What to write.
        bytes: Bytes,
        /// Nothing follows: the response ends, and another receiver may come already. Tell when the
        /// kernel has taken it all.
        last: bool,
    },
    /// Nothing yet. [`Wake::Receiver`] tells when to pull again.
    Wait,
    /// Nothing will follow; the response ends.
    End,
    /// The session does not begin: answer with this HTTP status. The receiver is gone.
    Refused(u16),
    /// The application has got all messages: answer with success.
    Delivered,
    /// The application has no room. Keep the rest until [`Wake::Sender`] names this sender, then
    /// [`Resume`](ToSession::Resume).
    Parked {
        /// By which name.
        sender: SenderId,
        /// What it could not take, in order.
        rest: VecDeque<Message>,
    },
    /// There is no such session: 404.
    UnknownSession,
    /// The session is closing, and takes no messages any more.
    Closing,
}

/// Who is to do something now. Each is told once and names somebody who waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wake {
    /// Pull again.
    Receiver(ReceiverId),
    /// Another request came for this one's session. Look whether its connection is at its end, and
    /// tell [`Aborted`](ToSession::Aborted) or [`StillAlive`](ToSession::StillAlive).
    CheckReceiver(ReceiverId),
    /// Resume.
    Sender(SenderId),
    /// A session asks to begin: see [`poll_admission`](crate::Endpoint::poll_admission).
    Admission,
    /// A session has begun: give it a handler.
    Opened(SessionKey),
    /// The session's handler has had all events and there are new ones; or a send was refused for want
    /// of room, and trying again has another outcome, whatever events there are.
    Session(SessionKey),
}

/// A session asks to begin. Nothing is stored of it yet.
#[derive(Debug)]
pub struct Admission<R> {
    /// To be named in the [`Verdict`].
    pub id: AdmissionId,
    /// What the browser chose.
    pub session: SessionId,
    /// The request.
    pub request: R,
}

/// Whether a session begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict<R> {
    /// It does. What is known of it, with whatever the application adds, stays as it is until its
    /// end.
    Accept(R),
    /// It does not; the request is answered with this HTTP status.
    Refuse(u16),
    /// It does not; the browser's application sees a session that opens and closes.
    Close(Close),
}

/// Who decides whether a session begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Admit {
    /// All do, at once.
    #[default]
    All,
    /// The application is asked.
    Ask,
}
