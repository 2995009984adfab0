//! HTTP/1.0 and 1.1 (RFC 9110, RFC 9112) without sockets.
//!
//! ```text
//!            server::Connection                                client::Exchange
//!
//!        +-> head awaited ---- idle, EOF --> closed             request queued
//!        |       | head complete                                    |
//!        |   Event::Request: stops here --- upgrade --> Outbox   Event::Interim (0 to 16)
//!        |       | read_body (100 Continue)                         +-- 101 --> Event::Switched, upgrade
//!        |   Event::Body ...                                     Event::Response
//!        |   Event::RequestEnd                                   Event::Body ...
//!        |       | respond, send_chunk ..., finish               Event::End
//!        |       v                                                  |
//!        +-- keep-alive? -- no --> closed                         closed
//! ```
//!
//! A request is reported before a byte behind its head is taken. The application then asks for the
//! body, answers, or takes the transport over for another protocol; until the response is queued,
//! no byte of the next request is taken. A peer's mistake gets one response and is the last event.

mod body;
pub mod client;
mod closed;
mod error;
mod fields;
mod fixed;
mod framing;
mod head;
mod headers;
mod limits;
mod lines;
mod parse;
mod respond;
mod scan;
pub mod server;
mod start_line;
mod syntax;

pub use closed::{Closed, Timer};
pub use error::ProtocolError;
pub use fields::{FieldError, Fields};
pub use fixed::FixedFields;
pub use framing::{Framing, ResponseFraming};
pub use head::{Expectation, RequestHead, ResponseHead};
pub use headers::Headers;
pub use limits::Limits;
pub use parse::HeadParser;
pub use respond::reason;
pub(crate) use respond::status_digits;
pub(crate) use syntax::{is_word, token_len, usual_host_len};

/// HTTP's version, as far as it changes behaviour. (A generation of WebSocket is a
/// [`Draft`](crate::Draft).)
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, and any later 1.x (RFC 9110 §2.5).
    #[default]
    Http11,
}
