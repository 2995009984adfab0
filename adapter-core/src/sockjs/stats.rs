//! What a service has done so far, in numbers.

use sockjs_proto::{Cause, Transport};

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A struct of numbers, how it is read from an array of counters, and the length of that.
macro_rules! counters {
    ($(#[$about:meta])* $name:ident, $of:ident { $($(#[$doc:meta])* $field:ident = $index:expr,)* }) => {
        $(#[$about])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub struct $name { $($(#[$doc])* pub $field: u64,)* }

        impl $name {
            const LEN: usize = [$($index),*].len();

            fn add(&mut self, counters: &[AtomicU64; Self::LEN]) {
                $(self.$field += counters[$index as usize].load(Relaxed);)*
            }

            /// All of them, with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }
    };
}
/// What a service has done since it was made, and what it is doing.
///
/// The numbers are read one after another while others change them, so sums may be off by what
/// happened in between.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Why requests and sessions were turned away.
    pub refusals: Refusals,
    /// How sessions ended.
    pub closes: Closes,
    /// Messages that a [`Group`](super::Group) did not send to members that were too slow.
    pub skipped: u64,
    transports: [TransportStats; TRANSPORTS],
}

impl Stats {
    /// The part of one transport. A session belongs to the transport that it began with.
    pub fn transport(&self, transport: Transport) -> &TransportStats {
        &self.transports[transport as usize]
    }

    /// All transports, by their order in [`Transport::ALL`].
    pub fn transports(&self) -> impl Iterator<Item = (Transport, &TransportStats)> {
        Transport::ALL.into_iter().zip(&self.transports)
    }

    /// Sessions that there are.
    pub fn sessions(&self) -> u64 {
        self.transports.iter().map(TransportStats::sessions).sum()
    }

    /// Messages that applications have received.
    pub fn messages_in(&self) -> u64 {
        self.transports.iter().map(|part| part.messages_in).sum()
    }

    /// Messages that were accepted from applications.
    pub fn messages_out(&self) -> u64 {
        self.transports.iter().map(|part| part.messages_out).sum()
    }
}

/// The part of one transport in the [`Stats`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TransportStats {
    /// Requests, among them refused ones once it was clear what they are for.
    pub requests: u64,
    /// Sessions that have begun.
    pub opened: u64,
    /// Sessions that have ended.
    pub closed: u64,
    /// Messages that applications have received.
    pub messages_in: u64,
    /// Messages that were accepted from applications.
    pub messages_out: u64,
    /// Bytes of the messages received, as text without framing.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
}

impl TransportStats {
    /// Sessions that there are.
    pub fn sessions(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

/// The reasons of a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    Origin,
    NotFound,
    Request,
    Payload,
    UnknownSession,
    Admission,
    Capacity,
    Address,
}

impl Reason {
    /// How a session is refused that may not begin.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Origin => 403,
            Self::NotFound | Self::UnknownSession => 404,
            Self::Request | Self::Payload => 400,
            Self::Admission | Self::Capacity => 503,
            // RFC 6585 §4.
            Self::Address => 429,
        }
    }
}

counters! {
    /// Requests and sessions that were turned away, by the reason.
    Refusals, Reason {
        /// The origin policy does not know the page.
        origin = Reason::Origin,
        /// Nothing is served at that path.
        not_found = Reason::NotFound,
        /// The method, the upgrade or another part of the head is wrong.
        request = Reason::Request,
        /// The body is broken or too long.
        payload = Reason::Payload,
        /// Messages came for a session that there is not, or that is closing.
        unknown_session = Reason::UnknownSession,
        /// The application did not admit the session, or not in time.
        admission = Reason::Admission,
        /// There are as many sessions as may be, or the server is ending.
        capacity = Reason::Capacity,
        /// The address has too many sessions or begins them too fast.
        address = Reason::Address,
    }
}

/// The kinds of an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Close {
    Local,
    Interrupted,
    Disconnected,
    Framing,
    Binary,
    Socket,
}

impl Close {
    pub(crate) fn of(cause: Cause) -> Self {
        match cause {
            Cause::Local => Self::Local,
            Cause::Interrupted => Self::Interrupted,
            Cause::Disconnected => Self::Disconnected,
            Cause::Framing => Self::Framing,
            Cause::Binary => Self::Binary,
            _ => Self::Socket,
        }
    }
}

counters! {
    /// Sessions that have ended, by the [cause](sockjs_proto::Cause).
    Closes, Close {
        /// The application, or the end of the server, closed them.
        local = Close::Local,
        /// A receiver was cut.
        interrupted = Close::Interrupted,
        /// No receiver came in time.
        disconnected = Close::Disconnected,
        /// The client broke the framing.
        framing = Close::Framing,
        /// The client of a raw WebSocket sent a binary message.
        binary = Close::Binary,
        /// The WebSocket under them ended.
        socket = Close::Socket,
    }
}

/// The counters of a service, in stripes, so that those who count do not contend for one line of
/// memory: a shard or a WebSocket has one of them.
#[derive(Debug)]
pub(crate) struct Counters {
    stripes: Box<[Stripe]>,
    next: AtomicU64,
}

/// On a line of its own, and on a pair of them where processors fetch two.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Stripe {
    transports: [Part; TRANSPORTS],
    refusals: [AtomicU64; Refusals::LEN],
    closes: [AtomicU64; Closes::LEN],
    skipped: AtomicU64,
}

#[derive(Debug, Default)]
struct Part {
    requests: AtomicU64,
    opened: AtomicU64,
    closed: AtomicU64,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// Messages of one session that are not in the counters yet: those of one turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) messages_in: u32,
    pub(crate) messages_out: u32,
    pub(crate) bytes_in: u32,
    pub(crate) bytes_out: u32,
}

impl Traffic {
    pub(crate) fn received(&mut self, bytes: usize) {
        self.messages_in += 1;
        self.bytes_in = self.bytes_in.saturating_add(narrow(bytes));
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.messages_out += 1;
        self.bytes_out = self.bytes_out.saturating_add(narrow(bytes));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages_in == 0 && self.messages_out == 0
    }
}

impl Counters {
    pub(crate) fn new(stripes: usize) -> Self {
        Self {
            stripes: std::iter::repeat_with(Stripe::default)
                .take(stripes.max(1))
                .collect(),
            next: AtomicU64::new(0),
        }
    }

    /// The stripe of a shard.
    pub(crate) fn stripe(&self, index: usize) -> &Stripe {
        &self.stripes[index % self.stripes.len()]
    }

    /// A number for [`stripe`](Self::stripe), each in turn.
    pub(crate) fn turn(&self) -> u32 {
        u32::try_from(self.next.fetch_add(1, Relaxed) % self.stripes.len() as u64).unwrap_or(0)
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let mut stats = Stats::default();
        for stripe in &self.stripes {
            stats.refusals.add(&stripe.refusals);
            stats.closes.add(&stripe.closes);
            stats.skipped += stripe.skipped.load(Relaxed);
            for (sum, part) in stats.transports.iter_mut().zip(&stripe.transports) {
                sum.requests += part.requests.load(Relaxed);
                sum.opened += part.opened.load(Relaxed);
                sum.closed += part.closed.load(Relaxed);
                sum.messages_in += part.messages_in.load(Relaxed);
                sum.messages_out += part.messages_out.load(Relaxed);
                sum.bytes_in += part.bytes_in.load(Relaxed);
                sum.bytes_out += part.bytes_out.load(Relaxed);
            }
        }
        stats
    }
}

impl Stripe {
    pub(crate) fn request(&self, transport: Transport) {
        self.transports[transport as usize]
            .requests
            .fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self, why: Reason) {
        self.refusals[why as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn opened(&self, transport: Transport) {
        self.transports[transport as usize]
            .opened
            .fetch_add(1, Relaxed);
    }

    pub(crate) fn closed(&self, transport: Transport, cause: Cause) {
        self.transports[transport as usize]
            .closed
            .fetch_add(1, Relaxed);
        self.closes[Close::of(cause) as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn skipped(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    /// Counts what a session has sent and received since the last time.
    pub(crate) fn traffic(&self, transport: Transport, traffic: &mut Traffic) {
        let Traffic {
            messages_in,
            messages_out,
            bytes_in,
            bytes_out,
        } = std::mem::take(traffic);
        let part = &self.transports[transport as usize];
        if messages_in > 0 {
            part.messages_in.fetch_add(u64::from(messages_in), Relaxed);
            part.bytes_in.fetch_add(u64::from(bytes_in), Relaxed);
        }
        if messages_out > 0 {
            part.messages_out
                .fetch_add(u64::from(messages_out), Relaxed);
            part.bytes_out.fetch_add(u64::from(bytes_out), Relaxed);
        }
    }
}

/// A message is not that long.
fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

const TRANSPORTS: usize = Transport::ALL.len();
