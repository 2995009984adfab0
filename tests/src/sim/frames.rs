//! SockJS frames as a browser finds them in what each transport brings.

use sockjs_proto::{Dialect, Transport};

/// What a session says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Frame {
    Open,
    Heartbeat,
    Messages(Vec<String>),
    Close(u16, String),
}

impl Frame {
    /// Reads the text of one.
    pub(super) fn read(text: &str) -> Self {
        match text.split_at(1) {
            ("o", "") => Self::Open,
            ("h", "") => Self::Heartbeat,
            ("a", list) => {
                let messages: Vec<String> = serde_json::from_str(list).expect("messages");
                assert!(!messages.is_empty(), "a frame says something");
                Self::Messages(messages)
            }
            ("c", list) => {
                let (code, reason) = serde_json::from_str(list).expect("code and reason");
                Self::Close(code, reason)
            }
            _ => panic!("{text:?} is no frame"),
        }
    }
}

/// The body of one receiving response.
#[derive(Debug)]
pub(super) struct Unwrap {
    transport: Transport,
    dialect: Dialect,
    bytes: Vec<u8>,
    begun: bool,
}

impl Unwrap {
    pub(super) const fn new(transport: Transport, dialect: Dialect) -> Self {
        Self {
            transport,
            dialect,
            bytes: Vec::new(),
            begun: false,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn next(&mut self) -> Option<Frame> {
        if !self.begun {
            self.begun = self.skip_prelude();
        }
        if !self.begun {
            return None;
        }
        let (before, behind): (&[u8], &[u8]) = match self.transport {
            Transport::Xhr | Transport::XhrStreaming => (b"", b"\n"),
            Transport::EventSource => (b"data: ", b"\r\n\r\n"),
            Transport::HtmlFile => (b"<script>\np(", b");\n</script>\r\n"),
            Transport::Jsonp if self.dialect == Dialect::Newest => (b"/**/cb.d(", b");\r\n"),
            Transport::Jsonp => (b"cb.d(", b");\r\n"),
            other => panic!("nothing is received over {other}"),
        };
        let end = find(&self.bytes, behind)?;
        let wrapped: Vec<u8> = self.bytes.drain(..end + behind.len()).take(end).collect();
        let inner = wrapped
            .strip_prefix(before)
            .expect("a frame of this transport");
        let text = std::str::from_utf8(inner).expect("text");
        Some(match self.transport {
            Transport::EventSource => Frame::read(&percent_decoded(text)),
            Transport::HtmlFile => {
                assert!(!text.contains(['<', '>', '&']), "it would leave its script");
                Frame::read(&serde_json::from_str::<String>(text).expect("a string"))
            }
            Transport::Jsonp => {
                Frame::read(&serde_json::from_str::<String>(text).expect("a string"))
            }
            _ => Frame::read(text),
        })
    }

    /// Whether what stands before the first frame has gone.
    fn skip_prelude(&mut self) -> bool {
        let length = match self.transport {
            Transport::XhrStreaming => 2049,
            Transport::EventSource => 2,
            Transport::HtmlFile => match find(&self.bytes, b"<script>\np(") {
                Some(at) => at,
                None => return false,
            },
            _ => 0,
        };
        if self.bytes.len() < length {
            return false;
        }
        self.bytes.drain(..length);
        true
    }
}

/// `decodeURI`, of which a server needs the percent sign alone.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        decoded.push('%');
        decoded.push_str(part.strip_prefix("25").expect("a percent sign is escaped"));
    }
    decoded
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
