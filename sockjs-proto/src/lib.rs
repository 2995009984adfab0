//! A sans-IO SockJS server: services, transports, dialects and sessions as state machines.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod admission;
mod answer;
mod application;
mod backlog;
mod capacity;
mod config;
mod connection;
mod conversation;
mod cookie;
mod cors;
mod deadlines;
mod dialect;
mod ended;
mod endpoint;
mod event;
mod exchange;
mod fields;
mod frame;
mod id;
pub mod json;
mod literal;
mod message;
mod pages;
mod receiver;
mod request;
mod resource;
mod route;
mod scan;
mod security;
mod sender;
mod sending;
mod service;
mod session;
mod slab;
mod socket;
mod transport;

pub use answer::{About, Answer, Receive, Response, Timed, Websocket};
pub use application::SessionMut;
pub use capacity::{Capacity, Permit};
pub use config::{
    AfterCut, Asked, BaseUrl, Config, ConfigError, PayloadErrors, PerRequest, SendToClosing,
    SessionCookie, WebsocketFrames, WebsocketHeartbeat,
};
pub use connection::{Mount, ServerConnection};
pub use conversation::Conversation;
pub use dialect::{Credentials, Dialect};
pub use endpoint::Endpoint;
pub use event::{AnySession, Cause, Closed, Event};
pub use exchange::{
    Admission, AdmissionId, Admit, FromSession, ReceiverId, SenderId, SessionKey, ToSession,
    Verdict, Wake,
};
pub use frame::{Close, Frame};
pub use id::SessionId;
pub use literal::{Embedding, Literal};
pub use message::{LoneSurrogates, Message};
pub use route::Route;
pub use sending::Sending;
pub use service::Service;
pub use socket::Socket;
pub use transport::{Callback, CallbackError, Kind, Transport, Transports, Wrapping};
