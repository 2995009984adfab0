//! Heads as an HTTP stack other than ours would hold them.

use websocket_proto::handshake::{RequestView, ResponseView};
use websocket_proto::http1::Version;

/// A request or response head: its first line and its fields, in order.
#[derive(Clone, Debug)]
pub struct Head {
    /// The first line.
    pub line: String,
    /// Names as written, values trimmed.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads a head by the simplest means: text without errors, lines ended by CR LF.
    ///
    /// # Panics
    ///
    /// When it is no such text.
    pub fn parse(text: &[u8]) -> Self {
        let end = text
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .expect("a whole head");
        let text = String::from_utf8(text[..end].to_vec()).expect("text");
        let mut lines = text.split("\r\n");
        let line = lines.next().expect("a first line").to_owned();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a field");
            (
                name.to_owned(),
                value.trim_matches([' ', '\t']).as_bytes().to_vec(),
            )
        });
        Self {
            line,
            fields: fields.collect(),
        }
    }

    /// The head as it goes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.line.clone().into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes
    }

    /// The same head as a stack with a map of names tells it: names in lower case and in an order of
    /// their own, values of one name in theirs.
    #[must_use]
    pub fn as_map(&self) -> Self {
        let mut fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect();
        fields.sort_by(|(a, _), (b, _)| b.cmp(a));
        Self {
            line: self.line.clone(),
            fields,
        }
    }

    /// The value of the only field called `name`.
    ///
    /// # Panics
    ///
    /// When there are two.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self
            .fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let value = values
            .next()
            .map(|(_, value)| std::str::from_utf8(value).expect("text"));
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    fn word(&self, index: usize) -> &str {
        self.line.split(' ').nth(index).unwrap_or_default()
    }
}

impl RequestView for Head {
    fn method(&self) -> &str {
        self.word(0)
    }

    fn target(&self) -> &str {
        let rest = self.line.split_once(' ').expect("a target").1;
        rest.rsplit_once(' ').expect("a version").0
    }

    fn version(&self) -> Version {
        if self.line.ends_with("HTTP/1.0") {
            Version::Http10
        } else {
            Version::Http11
        }
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl ResponseView for Head {
    fn status(&self) -> u16 {
        self.word(1).parse().expect("a status")
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        RequestView::fields(self)
    }
}
