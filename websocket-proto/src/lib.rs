//! Sans-IO state machines for HTTP/1.1 and WebSocket: RFC 6455 and the drafts before it that were in
//! browsers (hixie-75, hixie-76, hybi-07, hybi-08), both sides, with permessage-deflate.
//!
//! A *machine* is a protocol without its surroundings. It is fed bytes and the time; it gives back
//! events for the application, bytes for the peer, and the time when it next wants to be called. It
//! owns no socket, clock, thread or random source, so the same code runs in every runtime, without
//! any, in a simulator and under a fuzzer.
//!
//! # Driving a machine
//!
//! Whoever owns the socket drives the [`Machine`], which is the same for all of them:
//!
//! 1. read, and [`receive`](Machine::receive) what was read, or
//!    [`receive_eof`](Machine::receive_eof). Bytes that are not taken are offered again later;
//! 2. take the events with the machine's own `poll_event`, and act: `send`, `close`, `respond`, ...;
//! 3. write what waits in the [`outbox`](Machine::outbox). After a write that left bytes behind, and
//!    when the [deadline](Machine::poll_timeout) has come, call
//!    [`handle_timeout`](Machine::handle_timeout);
//! 4. when it [is finished](Machine::is_finished), close the socket; else wait until one can read,
//!    write, or the deadline has come.
//!
//! Nothing breaks if a step is late. What is not drained fills up, a full queue refuses, and a
//! refusal is how backpressure reaches the peer. The example `blocking` is this loop on
//! `std::net`, for [`Server`], which speaks both protocols of a stream.
//!
//! Here are both sides in one program. The socket is a function, and time stands still:
//!
//! ```
//! use bytes::Buf;
//! use std::sync::Arc;
//! use websocket_proto::connection::Cause;
//! use websocket_proto::handshake::{Client, ClientRequest, Policy, Url};
//! use websocket_proto::{CloseCode, Connection, Event, Instant, Machine, Message, Server, http1};
//!
//! /// Moves the bytes that one side has for the other.
//! fn carry(from: &mut impl Machine, to: &mut impl Machine, now: Instant) {
//!     let outbox = from.outbox();
//!     let mut bytes = outbox.chunk().to_vec();
//!     outbox.advance(to.receive(now, &mut bytes));
//! }
//!
//! let now = Instant::ZERO;
//! let mut random = |bytes: &mut [u8]| bytes.fill(7); // give a strong source instead
//!
//! // The client asks for a WebSocket ...
//! let url: Url = "ws://example.com/chat".parse()?;
//! let handshake = Client::new(&ClientRequest::new(&url), &mut random)?;
//! let mut exchange = handshake.exchange(http1::client::Config::default(), now);
//!
//! // ... the server finds that it may have one, and answers ...
//! let mut server = Server::new(Arc::default(), now);
//! carry(&mut exchange, &mut server, now);
//! if let Server::Http(http) = &mut server
//!     && let Some(http1::server::Event::Request(request)) = http.poll_event()
//! {
//!     assert_eq!(request.path(), "/chat");
//!     server = server.answer(&request, &Policy::default(), Arc::default(), now);
//! }
//! carry(&mut server, &mut exchange, now);
//!
//! // ... and the client checks the answer. From here on both sides are a `Connection`.
//! let Some(http1::client::Event::Switched(head)) = exchange.poll_event() else { panic!("refused") };
//! let mut client = Connection::client(handshake.verify(&head)?, Arc::default(), Box::new(random), now);
//! let Server::WebSocket(mut server) = server else { panic!("refused") };
//!
//! client.send(Message::text("Hello"))?;
//! carry(&mut client, &mut server, now);
//! while let Some(event) = server.poll_event() {
//!     if let Event::Message(message) = event {
//!         server.send(message)?;
//!     }
//! }
//! carry(&mut server, &mut client, now);
//! assert_eq!(client.poll_event(), Some(Event::Message(Message::text("Hello"))));
//!
//! // Nobody has said a word for a while: the server makes sure that the client is there.
//! let now = server.poll_timeout().expect("keep-alive is on by default");
//! server.handle_timeout(now);
//! carry(&mut server, &mut client, now);
//! assert!(matches!(client.poll_event(), Some(Event::Ping(_))));
//! carry(&mut client, &mut server, now);
//! assert!(server.rtt().is_some());
//!
//! client.close(now, CloseCode::NORMAL, "bye")?;
//! carry(&mut client, &mut server, now);
//! let Some(Event::Closed(closed)) = server.poll_event() else { panic!("still open") };
//! assert_eq!((closed.cause, closed.reason.as_str()), (Cause::Peer, "bye"));
//! assert!(closed.clean);
//! carry(&mut server, &mut client, now);
//! assert!(server.is_finished());
//!
//! // RFC 6455 §7.1.1: the server closes TCP, and the client waits for that.
//! assert!(matches!(client.poll_event(), Some(Event::Closed(_))));
//! client.receive_eof(now);
//! assert!(client.is_finished());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | module | holds |
//! |---|---|
//! | [`http1`] | HTTP/1.1: [a server's connection](http1::server), [a client's exchange](http1::client). Knows nothing of WebSockets |
//! | [`handshake`] | From a request to a WebSocket: reading, accepting, refusing; asking and verifying. For `http1`, or for requests that another stack has parsed |
//! | [`connection`] | [`Connection`]: messages, pings, the closing handshake, limits and timers |
//! | [`frame`] | Frames on the wire, for those who want no more than that |
//! | [`deflate`] | permessage-deflate: what can be agreed on, and the codec |
//! | [`utf8`] | Checking text as it arrives |
//!
//! Each is of use without the ones above it. [`Server`] joins the first three for the usual case.
//!
//! The peer's mistakes are events and small `Copy` errors without a byte of the peer's in them; their
//! right answer is queued by then. The caller's mistakes are errors that give the payload back.
//! Nothing panics, whatever the peer sends, and memory is bounded by the limits in
//! [`http1::Limits`] and [`connection::Config`].
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `std` | yes | vectored writes from the [`Outbox`]; the fastest code that the processor can run. Without it the crate is `no_std` and needs `alloc` |
//! | `deflate` | yes | permessage-deflate; needs `std`. Without it the extension is never agreed on |
//! | `http` | no | handshakes over the types of the `http` crate, for hyper and axum; needs `std` |
//!
//! The minimum supported Rust version is 1.89. Raising it is no breaking change.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
// For sockjs-proto as well; no part of the interface that versions promise.
#[doc(hidden)]
pub mod wide;
mod words;
mod work;

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
