//! SockJS and WebSockets inside an application of tower, axum or plain hyper 1.
//!
//! * [`SockJsService`] is a `tower::Service` that answers everything below a service's prefix.
//! * [`WebSocketUpgrade`] turns a request into a [`WebSocket`](crate::WebSocket); with feature `axum`
//!   it is an extractor.
//!
//! Both run over HTTP/1.1; over HTTP/2 there are the transports that are no WebSockets. A server of
//! hyper's own has to serve its connections `with_upgrades`, as axum's does.
//!
//! Who is at the other end of the socket is told by an [`Address`](crate::Address) among the
//! request's extensions, or by axum's `ConnectInfo<SocketAddr>`.
#![cfg(feature = "tower")]

mod body;
mod head;
mod sockjs;
mod upgrade;

pub use body::Body;
pub use sockjs::SockJsService;
pub use tower_service::Service;
pub use upgrade::WebSocketUpgrade;
