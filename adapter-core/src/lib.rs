//! What the adapters for tokio, async-std and smol have in common: everything but the runtime.
//!
//! An application uses one of the adapter crates, which name the types of this one for their runtime.
//! Whoever writes an adapter implements [`Clock`], [`Runtime`] and [`Stream`], or else [`Clock`] and
//! [`Reactor`](reactor::Reactor).
//!
//! * [`Server`] serves [`Route`]s: WebSockets and plain HTTP.
//! * [`Client`] opens WebSockets.
//! * [`WebSocket`] is the application's handle of either.
//! * [`SockJs`] is a SockJS service of a server, [`Session`] the application's handle of its sessions.
//! * [`embed`] serves SockJS and WebSockets inside servers that speak HTTP themselves.
//! * [`Driver`] moves bytes and time between a [`Stream`] and any
//!   [`Machine`](websocket_proto::Machine), without tasks and threads.

mod accept;
mod alarm;
mod body;
mod client;
mod connection;
mod desk;
mod drain;
mod driver;
pub mod embed;
mod entropy;
mod exchange;
pub mod futures;
mod handles;
mod http;
mod http_route;
mod kept;
mod phrases;
mod proxies;
mod proxy_protocol;
pub mod reactor;
mod request;
mod response;
mod route;
pub mod runtime;
mod scratch;
mod server;
mod shared;
mod socket;
pub mod sockjs;
mod standalone;
mod stream;
mod sync;
mod timers;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
mod websocket;
mod websocket_route;

pub use websocket_proto as proto;

pub use body::{BodyError, BodySender, RequestBody};
pub use client::Client;
pub use connection::ConnectionTask;
pub use driver::Driver;
pub use entropy::SystemEntropy;
pub use exchange::{ConnectError, RefusedResponse};
pub use handles::{Receiver, Sender};
pub use http_route::HttpRoute;
pub use proxies::{ProxyListError, TrustedProxies};
pub use proxy_protocol::{Proxied, ProxyError, ProxyListener, ProxyStream};
pub use request::{Address, Request, RequestInfo, Tls};
pub use response::Response;
pub use route::{Paths, Route};
pub use runtime::{Clock, Listener, Runtime, Spawner};
pub use server::{Server, ServerHandle};
pub use sockjs::{Group, Session, SockJs};
pub use stream::Stream;
#[cfg(feature = "tls")]
pub use tls::TlsStream;
pub use websocket::WebSocket;
pub use websocket_route::{Acceptance, UpgradeRequest, WebSocketRoute};
