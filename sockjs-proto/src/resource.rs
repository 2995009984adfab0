//! What requests to a route do, and by which methods.

use crate::request::Method;
use crate::transport::Kind;
use crate::{Route, Transport};

/// A route by what its requests do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource<'a> {
    Greeting,
    Iframe,
    Info,
    ChunkingTest,
    Websocket(Transport, Option<&'a str>),
    Receiver(Transport, &'a str),
    Sender(Transport, &'a str),
}

/// What a method does with a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    /// What the resource is for.
    Use,
    /// Asks which methods a page may use: these.
    Preflight(&'static str),
    /// It has no such method: 405 with this `Allow`.
    NotAllowed(&'static str),
}

impl<'a> From<Route<'a>> for Resource<'a> {
    fn from(route: Route<'a>) -> Self {
        match route {
            Route::Greeting => Self::Greeting,
            Route::Iframe => Self::Iframe,
            Route::Info => Self::Info,
            Route::ChunkingTest => Self::ChunkingTest,
            Route::RawWebsocket => Self::Websocket(Transport::RawWebsocket, None),
            Route::Session {
                session, transport, ..
            } => match transport.kind() {
                Kind::Socket => Self::Websocket(transport, Some(session)),
                Kind::Polling | Kind::Streaming => Self::Receiver(transport, session),
                Kind::Sending => Self::Sender(transport, session),
            },
        }
    }
}

impl Resource<'_> {
    pub(crate) fn verb(self, method: Method) -> Verb {
        use Method::{Get, Head, Options, Other, Post};
        match self.methods() {
            Methods::Page => match method {
                Get | Head => Verb::Use,
                Post | Options | Other => Verb::NotAllowed("GET"),
            },
            Methods::Info => match method {
                Get | Head => Verb::Use,
                Options => Verb::Preflight("OPTIONS, GET"),
                Post | Other => Verb::NotAllowed("OPTIONS, GET"),
            },
            Methods::Get => match method {
                Get => Verb::Use,
                Head | Post | Options | Other => Verb::NotAllowed("GET"),
            },
            Methods::Post => match method {
                Post => Verb::Use,
                Get | Head | Options | Other => Verb::NotAllowed("POST"),
            },
            Methods::CrossOriginPost => match method {
                Post => Verb::Use,
                Options => Verb::Preflight("OPTIONS, POST"),
                Get | Head | Other => Verb::NotAllowed("POST, OPTIONS"),
            },
        }
    }

    /// Whether scripts of other origins read it, so that CORS fields say which. The others are
    /// loaded by elements of the page, or upgraded.
    pub(crate) fn is_cross_origin(self) -> bool {
        match self {
            Self::Greeting | Self::Iframe | Self::Websocket(..) => false,
            Self::Info | Self::ChunkingTest => true,
            Self::Receiver(transport, _) | Self::Sender(transport, _) => match transport {
                Transport::Xhr
                | Transport::XhrStreaming
                | Transport::XhrSend
                | Transport::EventSource => true,
                Transport::HtmlFile
                | Transport::Jsonp
                | Transport::JsonpSend
                | Transport::Websocket
                | Transport::RawWebsocket => false,
            },
        }
    }

    fn methods(self) -> Methods {
        match self {
            Self::Greeting | Self::Iframe => Methods::Page,
            Self::Info => Methods::Info,
            Self::ChunkingTest => Methods::CrossOriginPost,
            Self::Websocket(transport, _)
            | Self::Receiver(transport, _)
            | Self::Sender(transport, _) => match transport {
                Transport::Websocket
                | Transport::RawWebsocket
                | Transport::EventSource
                | Transport::HtmlFile
                | Transport::Jsonp => Methods::Get,
                Transport::JsonpSend => Methods::Post,
                Transport::Xhr | Transport::XhrStreaming | Transport::XhrSend => {
                    Methods::CrossOriginPost
                }
            },
        }
    }
}

/// Resources that have the same methods.
enum Methods {
    /// GET, and HEAD as RFC 9110 §9.1 asks. Only GET is named, as by deployed servers.
    Page,
    Info,
    /// HEAD would open a session, or take a message from it.
    Get,
    Post,
    CrossOriginPost,
}
