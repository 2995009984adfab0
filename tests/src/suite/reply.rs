//! What a client sees of a response.

/// A response, or the part of it that has come.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// 0 while its head is not complete.
    pub status: u16,
    fields: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The chunks, when it has them.
    pub chunks: Vec<Vec<u8>>,
    /// Whether nothing is missing.
    pub complete: bool,
}

impl Reply {
    /// Reads one response from the front, and how long it was. `over`: the connection has ended.
    pub(super) fn parse(bytes: &[u8], over: bool) -> (Self, usize) {
        let mut reply = Self::default();
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            return (reply, 0);
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
        let mut lines = head.split("\r\n");
        let line = lines.next().expect("a status line");
        reply.status = line["HTTP/1.1 ".len()..][..3].parse().expect("a status");
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a field");
            reply.fields.push((name.into(), value.into()));
        }
        let body = &bytes[end + 4..];
        let framed = match (
            reply.field("Transfer-Encoding"),
            reply.field("Content-Length"),
        ) {
            _ if matches!(reply.status, 101 | 204 | 304) => Some(0),
            (Some(_), _) => reply.dechunk(body),
            (None, Some(length)) => {
                let length = length.parse().expect("a length");
                reply.body = body[..body.len().min(length)].to_vec();
                (body.len() >= length).then_some(length)
            }
            (None, None) => {
                reply.body = body.to_vec();
                over.then_some(body.len())
            }
        };
        reply.complete = framed.is_some();
        (reply, end + 4 + framed.unwrap_or_default())
    }

    /// The value of a field that may stand once.
    ///
    /// # Panics
    ///
    /// When it stands twice.
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        let mut values = self.fields.iter().filter(named);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// When it is not text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The chunks as they were on the wire, each `size text`.
    pub fn show_chunks(&self) -> Vec<String> {
        let show =
            |chunk: &Vec<u8>| format!("{:x} {}", chunk.len(), String::from_utf8_lossy(chunk));
        self.chunks.iter().map(show).collect()
    }

    /// How long the body was, if its end has come.
    fn dechunk(&mut self, body: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let line = find(&body[at..], b"\r\n")?;
            let size = std::str::from_utf8(&body[at..at + line]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("a size");
            at += line + 2;
            let chunk = body.get(at..at + size + 2)?;
            at += size + 2;
            if size == 0 {
                return Some(at);
            }
            self.chunks.push(chunk[..size].to_vec());
            self.body.extend_from_slice(&chunk[..size]);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
