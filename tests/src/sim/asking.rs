//! The requests of a session over HTTP, as text.

use sockjs_proto::{Dialect, Transport};
use websocket_proto::http1::Version;

use super::random::Random;
use super::reply::Reply;

/// How a browser asks.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) transport: Transport,
    pub(super) version: Version,
    /// The session's id, which is its cookie too.
    id: String,
}

impl Asking {
    pub(super) const fn new(transport: Transport, version: Version, id: String) -> Self {
        Self {
            transport,
            version,
            id,
        }
    }

    /// A request to receive.
    pub(super) fn receive(&self, random: &mut Random) -> String {
        let (method, query) = match self.transport {
            Transport::Xhr | Transport::XhrStreaming => ("POST", ""),
            Transport::HtmlFile | Transport::Jsonp => ("GET", "?c=cb.d"),
            _ => ("GET", ""),
        };
        let name = self.transport.name();
        format!("{}\r\n", self.head(random, method, name, query))
    }

    /// A request that sends a list of messages.
    pub(super) fn send(&self, random: &mut Random, json: String) -> String {
        let (name, kind, body) = match self.transport {
            Transport::Jsonp => {
                let form = format!("d={}", form_encoded(&json));
                ("jsonp_send", "application/x-www-form-urlencoded", form)
            }
            _ => ("xhr_send", "text/plain", json),
        };
        let head = self.head(random, "POST", name, "");
        let head = format!("{head}Content-Type: {kind}\r\n");
        if self.version == Version::Http11 && random.one_in(3) {
            let (first, rest) = body.split_at(1);
            format!(
                "{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
                rest.len()
            )
        } else {
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
        }
    }

    /// The first line of a request, and fields that all have.
    fn head(&self, random: &mut Random, method: &str, name: &str, query: &str) -> String {
        let (version, keeps) = match self.version {
            Version::Http10 if random.one_in(2) => ("1.0", "Connection: keep-alive\r\n"),
            Version::Http10 => ("1.0", ""),
            Version::Http11 => ("1.1", ""),
        };
        let id = &self.id;
        format!(
            "{method} /s/000/{id}/{name}{query} HTTP/{version}\r\n\
             Host: h\r\n{keeps}Cookie: JSESSIONID={id}\r\n"
        )
    }

    /// Old services set a cookie with every answer, and repeat the one they are told.
    pub(super) fn check_cookie(&self, dialect: Dialect, reply: &Reply) {
        let sets = dialect <= Dialect::V0_2_1;
        let expected = sets.then(|| format!("JSESSIONID={}; path=/", self.id));
        assert!(
            !matches!(reply.status, 200 | 204) || reply.cookie == expected,
            "{:?} is set as cookie",
            reply.cookie
        );
    }
}

fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'a'..=b'z' | b'0'..=b'9' => encoded.push(byte.into()),
            _ => encoded += &format!("%{byte:02X}"),
        }
        encoded
    })
}
