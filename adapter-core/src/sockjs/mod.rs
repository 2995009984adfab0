//! SockJS on a server: services, sessions, groups.
//!
//! [`SockJs`] is a service, mounted by [`Server::sockjs`](crate::Server::sockjs). [`Session`] is what
//! its handler gets, whatever the transport; [`Group`] sends to many.
//!
//! ```text
//!  connection task ── Conversation ─┐                ┌── Session (handler's task)
//!  connection task ── Conversation ─┼─► Shard ◄──────┼── SessionSender (anywhere)
//!       ▲                           │  one lock,     │
//!       └── Attendant ◄─── wakes ───┘  one machine   └── deadline task
//!
//!  connection task ── Socket and handler together; SessionSender from elsewhere wakes the task
//! ```

mod admission;
mod attendant;
mod core;
mod group;
mod handles;
mod handling;
mod hub;
#[cfg(all(test, loom))]
mod interleavings;
mod joining;
mod request;
mod runner;
mod service;
mod serving;
mod session;
mod shard;
mod socket;
mod stats;
mod table;
mod visitors;
mod waiters;

pub use sockjs_proto as proto;

pub use admission::{Admission, AdmissionRequest};
pub use group::{Group, Member, Sent, Slow};
pub use handles::{SessionReceiver, SessionSender};
pub use request::SessionRequest;
pub use service::{HandlerOutput, SockJs};
pub use session::Session;
pub use stats::{Closes, Refusals, Stats, TransportStats};
pub use visitors::AddressLimits;

pub(crate) use attendant::Attendant;
pub(crate) use hub::Hub;
pub(crate) use joining::{Joined, Joining};
pub(crate) use serving::{Asking, Serving, count, tell};
pub(crate) use socket::SessionStage;
pub(crate) use stats::Reason;
