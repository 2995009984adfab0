//! A response as a client reads it, byte by byte, with nothing of the project's own parser.

use websocket_proto::http1::Version;

/// What of a response has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The body so far, to be taken.
    pub(super) body: Vec<u8>,
    /// The server will close the connection behind it.
    pub(super) closes: bool,
    /// What `Set-Cookie` says.
    pub(super) cookie: Option<String>,
    /// Asked for in HTTP/1.0.
    old: bool,
    stage: Stage,
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    #[default]
    StatusLine,
    Fields(Body),
    /// Whatever comes before the end of the stream.
    UntilEnd,
    Fixed(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailer,
    Complete,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Body {
    None,
    Length(usize),
    Chunked,
}

impl Reply {
    pub(super) fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// To a request of this version.
    pub(super) fn to(version: Version) -> Self {
        let old = version == Version::Http10;
        Self {
            old,
            // Unless the server says otherwise.
            closes: old,
            ..Self::default()
        }
    }

    /// The server has ended the stream.
    pub(super) fn end(&mut self) {
        if self.stage == Stage::UntilEnd {
            self.stage = Stage::Complete;
        }
    }

    /// How many bytes belong to this response.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.is_complete() {
            match self.stage {
                Stage::UntilEnd => {
                    self.body.extend_from_slice(&bytes[at..]);
                    at = bytes.len();
                }
                Stage::Fixed(left) | Stage::Chunk(left) => {
                    let n = left.min(bytes.len() - at);
                    self.body.extend_from_slice(&bytes[at..at + n]);
                    at += n;
                    self.stage = match self.stage {
                        Stage::Fixed(_) if n == left => Stage::Complete,
                        Stage::Fixed(_) => Stage::Fixed(left - n),
                        _ if n == left => Stage::ChunkEnd,
                        _ => Stage::Chunk(left - n),
                    };
                }
                _ => {
                    self.line.push(bytes[at]);
                    at += 1;
                    if self.line.ends_with(b"\r\n") {
                        let line = std::mem::take(&mut self.line);
                        let line = std::str::from_utf8(&line[..line.len() - 2]).expect("text");
                        self.take_line(line);
                    }
                }
            }
        }
        at
    }

    fn take_line(&mut self, line: &str) {
        self.stage = match self.stage {
            Stage::StatusLine => {
                let rest = line.strip_prefix("HTTP/1.1 ").expect("a status line");
                self.status = rest[..3].parse().expect("a status");
                Stage::Fields(Body::None)
            }
            Stage::Fields(body) if line.is_empty() => match body {
                _ if matches!(self.status, 204 | 304) => Stage::Complete,
                Body::None if self.old => Stage::UntilEnd,
                Body::None | Body::Length(0) => Stage::Complete,
                Body::Length(length) => Stage::Fixed(length),
                Body::Chunked => Stage::ChunkSize,
            },
            Stage::Fields(body) => {
                let (name, value) = line.split_once(": ").expect("a field");
                Stage::Fields(match name.to_ascii_lowercase().as_str() {
                    "content-length" => Body::Length(value.parse().expect("a length")),
                    "transfer-encoding" => {
                        assert!(!self.old, "HTTP/1.0 knows no chunks");
                        Body::Chunked
                    }
                    "connection" => {
                        self.closes = value == "close";
                        body
                    }
                    "set-cookie" => {
                        self.cookie = Some(value.to_owned());
                        body
                    }
                    _ => body,
                })
            }
            Stage::ChunkSize => match usize::from_str_radix(line, 16).expect("a size") {
                0 => Stage::Trailer,
                size => Stage::Chunk(size),
            },
            Stage::ChunkEnd => {
                assert_eq!(line, "", "a chunk ends where it says");
                Stage::ChunkSize
            }
            Stage::Trailer if line.is_empty() => Stage::Complete,
            stage => stage,
        };
    }
}
