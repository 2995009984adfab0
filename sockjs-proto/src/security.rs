//! Fields that keep browsers and proxies from harm.

use alloc::string::String;
use core::fmt::Write as _;

use websocket_proto::handshake::OriginPolicy;
use websocket_proto::http1::ResponseHead;

use crate::fields::set;
use crate::{Dialect, Transport};

/// What the responses of receivers need beside their content.
pub(crate) fn receiver(head: &mut ResponseHead, transport: Transport, dialect: Dialect) {
    match transport {
        Transport::XhrStreaming | Transport::EventSource => unbuffered(head),
        Transport::HtmlFile => {
            unbuffered(head);
            no_sniffing(head);
            set(head, "Referrer-Policy", "no-referrer");
            if dialect == Dialect::Newest {
                set(head, "Content-Security-Policy", HTMLFILE_CSP);
            }
        }
        // CVE-2014-4671: or the answer is taken for a file of another type.
        Transport::Jsonp => no_sniffing(head),
        Transport::Xhr
        | Transport::Websocket
        | Transport::RawWebsocket
        | Transport::XhrSend
        | Transport::JsonpSend => {}
    }
}

/// Tells nginx, and those who do as it does, to pass a stream on as it comes.
pub(crate) fn unbuffered(head: &mut ResponseHead) {
    set(head, "X-Accel-Buffering", "no");
}

/// The content type is meant.
pub(crate) fn no_sniffing(head: &mut ResponseHead) {
    set(head, "X-Content-Type-Options", "nosniff");
}

/// What the iframe page needs: it acts with the rights of our own origin for the page around it, so
/// that only those which may connect may hold it.
pub(crate) fn iframe(head: &mut ResponseHead, origins: &OriginPolicy, ancestors: &str) {
    set(head, "Referrer-Policy", "no-referrer");
    match origins {
        OriginPolicy::Any => {}
        OriginPolicy::SameOrigin => {
            set(head, "Content-Security-Policy", ancestors);
            // For browsers that do not know the above. There is no such word for a list.
            set(head, "X-Frame-Options", "SAMEORIGIN");
        }
        OriginPolicy::Listed(_) => set(head, "Content-Security-Policy", ancestors),
    }
}

/// The policy as a `frame-ancestors` directive.
pub(crate) fn frame_ancestors(origins: &OriginPolicy) -> String {
    let patterns = match origins {
        OriginPolicy::Any | OriginPolicy::SameOrigin => &[][..],
        OriginPolicy::Listed(patterns) => patterns,
    };
    let mut directive = String::from("frame-ancestors 'self'");
    for pattern in patterns.iter().filter(|pattern| !pattern.is_null()) {
        // Writing to a `String` cannot fail.
        let _ = write!(directive, " {pattern}");
    }
    directive
}

/// The frames' own scripts and nothing else.
const HTMLFILE_CSP: &str = "default-src 'none'; script-src 'unsafe-inline'";
