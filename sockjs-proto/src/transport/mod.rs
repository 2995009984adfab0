//! The ways between a browser and a session.

use alloc::vec::Vec;
use core::fmt;

use crate::literal::Embedding;
use crate::{Dialect, Frame};

mod callback;
mod eventsource;
mod htmlfile;
mod jsonp;
mod xhr;

pub use callback::{Callback, CallbackError};

/// A transport: the last segment of its URL says which.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// `websocket` below a session.
    Websocket,
    /// `websocket` below the prefix itself: no frames, one message is one WebSocket message.
    RawWebsocket,
    /// `xhr`: one frame for each POST.
    Xhr,
    /// `xhr_streaming`.
    XhrStreaming,
    /// `eventsource`.
    EventSource,
    /// `htmlfile`: scripts in an endless document.
    HtmlFile,
    /// `jsonp`: one frame for each script.
    Jsonp,
    /// `xhr_send`: from the browser, beside any receiver.
    XhrSend,
    /// `jsonp_send`: from the browser, beside `jsonp`.
    JsonpSend,
}

/// What a transport does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Both directions, over a WebSocket.
    Socket,
    /// To the browser: the response ends after one frame.
    Polling,
    /// To the browser: the response carries frames up to the response limit.
    Streaming,
    /// From the browser.
    Sending,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Websocket,
        Self::RawWebsocket,
        Self::Xhr,
        Self::XhrStreaming,
        Self::EventSource,
        Self::HtmlFile,
        Self::Jsonp,
        Self::XhrSend,
        Self::JsonpSend,
    ];

    /// The name used in options and statistics; but for the raw one, the URL's last segment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::RawWebsocket => "raw_websocket",
            Self::Xhr => "xhr",
            Self::XhrStreaming => "xhr_streaming",
            Self::EventSource => "eventsource",
            Self::HtmlFile => "htmlfile",
            Self::Jsonp => "jsonp",
            Self::XhrSend => "xhr_send",
            Self::JsonpSend => "jsonp_send",
        }
    }

    /// The transport of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "websocket" => Self::Websocket,
            "raw_websocket" => Self::RawWebsocket,
            "xhr" => Self::Xhr,
            "xhr_streaming" => Self::XhrStreaming,
            "eventsource" => Self::EventSource,
            "htmlfile" => Self::HtmlFile,
            "jsonp" => Self::Jsonp,
            "xhr_send" => Self::XhrSend,
            "jsonp_send" => Self::JsonpSend,
            _ => return None,
        })
    }

    /// What it does.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Websocket | Self::RawWebsocket => Kind::Socket,
            Self::Xhr | Self::Jsonp => Kind::Polling,
            Self::XhrStreaming | Self::EventSource | Self::HtmlFile => Kind::Streaming,
            Self::XhrSend | Self::JsonpSend => Kind::Sending,
        }
    }

    /// The content type of its successful response; a WebSocket has none.
    pub const fn content_type(self, dialect: Dialect) -> Option<&'static str> {
        match self {
            Self::Websocket | Self::RawWebsocket => None,
            Self::Xhr | Self::XhrStreaming | Self::Jsonp => Some(JAVASCRIPT),
            Self::EventSource => Some(dialect.eventsource_type()),
            Self::HtmlFile => Some(HTML),
            Self::XhrSend => Some(dialect.xhr_send_type()),
            Self::JsonpSend => dialect.jsonp_send_type(),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of transports.
///
/// ```
/// use sockjs_proto::{Transport, Transports};
///
/// let modern = Transports::ALL.without(Transport::Jsonp).without(Transport::HtmlFile);
/// assert!(modern.contains(Transport::Xhr) && !modern.contains(Transport::Jsonp));
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Transports(u16);

impl Transports {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(0x1ff);

    /// This set and `transport`.
    #[must_use]
    pub const fn with(self, transport: Transport) -> Self {
        Self(self.0 | 1 << transport as u16)
    }

    /// This set less `transport`.
    #[must_use]
    pub const fn without(self, transport: Transport) -> Self {
        Self(self.0 & !(1 << transport as u16))
    }

    /// Whether `transport` is a member.
    pub const fn contains(self, transport: Transport) -> bool {
        self.0 & 1 << transport as u16 != 0
    }

    /// The members, in the order of [`Transport::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Transport> {
        Transport::ALL
            .into_iter()
            .filter(move |&transport| self.contains(transport))
    }
}

impl Default for Transports {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Transport> for Transports {
    fn from_iter<I: IntoIterator<Item = Transport>>(transports: I) -> Self {
        transports.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How a receiver writes its frames: a transport and what it needs to know of the request.
///
/// ```
/// use sockjs_proto::{Frame, Literal, Wrapping};
///
/// let mut out = Vec::new();
/// let counted = Wrapping::EventSource.write(&Frame::Messages(&[Literal::from("100%")]), &mut out);
/// assert_eq!(out, b"data: a[\"100%25\"]\r\n\r\n");
/// assert_eq!(counted, out.len());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wrapping {
    /// The frame is a text message of its own.
    Websocket,
    /// A line.
    Xhr,
    /// Lines.
    XhrStreaming,
    /// Events.
    EventSource,
    /// Scripts that call the parent page's `callback`.
    HtmlFile {
        /// The function's name.
        callback: Callback,
    },
    /// A call of `callback`.
    Jsonp {
        /// The function's name.
        callback: Callback,
        /// Whether `/**/` stands before it.
        comment: bool,
    },
}

impl Wrapping {
    /// Its transport.
    pub const fn transport(&self) -> Transport {
        match self {
            Self::Websocket => Transport::Websocket,
            Self::Xhr => Transport::Xhr,
            Self::XhrStreaming => Transport::XhrStreaming,
            Self::EventSource => Transport::EventSource,
            Self::HtmlFile { .. } => Transport::HtmlFile,
            Self::Jsonp { .. } => Transport::Jsonp,
        }
    }

    /// Appends what stands before the first frame, in an HTTP chunk of its own; nothing for some.
    /// It does not count towards the response limit.
    pub fn write_prelude(&self, out: &mut Vec<u8>) {
        match self {
            Self::Websocket | Self::Xhr | Self::Jsonp { .. } => {}
            Self::XhrStreaming => xhr::write_prelude(out),
            Self::EventSource => out.extend_from_slice(eventsource::PRELUDE),
            Self::HtmlFile { callback } => htmlfile::write_prelude(callback, out),
        }
    }

    /// Appends one frame, in an HTTP chunk of its own. Returns the bytes that count towards the
    /// response limit: all that were appended.
    pub fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        match self {
            Self::Websocket => frame.write(Embedding::Plain, out),
            Self::Xhr | Self::XhrStreaming => xhr::write(frame, out),
            Self::EventSource => eventsource::write(frame, out),
            Self::HtmlFile { .. } => htmlfile::write(frame, out),
            Self::Jsonp { callback, comment } => jsonp::write(callback, *comment, frame, out),
        }
        out.len() - before
    }
}

pub(crate) const JAVASCRIPT: &str = "application/javascript; charset=UTF-8";
pub(crate) const HTML: &str = "text/html; charset=UTF-8";
