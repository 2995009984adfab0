//! The console page: WebSocket and SockJS clients for the browser, embedded in the binary.

use adapter_core::{HttpRoute, Response, Route};

/// A file of the page: where it is served, what it is, what it holds.
pub(crate) struct Asset {
    pub(crate) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    /// Answers with the file.
    pub(crate) fn route(&'static self) -> Route {
        HttpRoute::get(async |_| self.response()).into()
    }

    fn response(&self) -> Response {
        Response::new(200)
            .header("Content-Type", self.kind)
            .header("Content-Security-Policy", POLICY)
            .header("X-Content-Type-Options", "nosniff")
            .header("Referrer-Policy", "no-referrer")
            .header("Cache-Control", "no-cache")
            .with_body(self.text)
    }
}

pub(crate) static ASSETS: [Asset; 10] = [
    Asset {
        path: "/",
        kind: "text/html; charset=utf-8",
        text: include_str!("console/index.html"),
    },
    Asset {
        path: "/console.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("console/console.css"),
    },
    Asset {
        path: "/console.js",
        kind: JAVASCRIPT,
        text: include_str!("console/console.js"),
    },
    Asset {
        path: "/panel.js",
        kind: JAVASCRIPT,
        text: include_str!("console/panel.js"),
    },
    Asset {
        path: "/websocket.js",
        kind: JAVASCRIPT,
        text: include_str!("console/websocket.js"),
    },
    Asset {
        path: "/sockjs.js",
        kind: JAVASCRIPT,
        text: include_str!("console/sockjs.js"),
    },
    Asset {
        path: "/chat.js",
        kind: JAVASCRIPT,
        text: include_str!("console/chat.js"),
    },
    Asset {
        path: "/client.js",
        kind: JAVASCRIPT,
        text: include_str!("console/client.js"),
    },
    Asset {
        path: "/log.js",
        kind: JAVASCRIPT,
        text: include_str!("console/log.js"),
    },
    Asset {
        path: "/format.js",
        kind: JAVASCRIPT,
        text: include_str!("console/format.js"),
    },
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Nothing but the page's own files, WebSockets, which may go to any server that is typed in, and the
/// frames and forms of SockJS's oldest transports.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      connect-src 'self' ws: wss:; frame-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";
