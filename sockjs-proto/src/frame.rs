//! SockJS frames, server to client.

use alloc::vec::Vec;

use websocket_proto::Utf8Bytes;

use crate::literal::{Embedding, Literal};

/// A frame, before a transport wraps it.
///
/// ```
/// use sockjs_proto::{Close, Embedding, Frame, Literal};
///
/// let mut out = Vec::new();
/// Frame::Messages(&[Literal::from("a"), Literal::from("b")]).write(Embedding::Plain, &mut out);
/// assert_eq!(out, br#"a["a","b"]"#);
/// out.clear();
/// Frame::Close(&Close::new(3000, "Go away!")).write(Embedding::Plain, &mut out);
/// assert_eq!(out, br#"c[3000,"Go away!"]"#);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// `o`: the session is open. Its first frame, exactly once.
    Open,
    /// `h`: still here.
    Heartbeat,
    /// `a[..]`: messages, in order.
    Messages(&'a [Literal]),
    /// `c[..]`: the session is over. Its last frame.
    Close(&'a Close),
}

impl Frame<'_> {
    /// Appends the frame as it stands within `embedding`.
    pub fn write(&self, embedding: Embedding, out: &mut Vec<u8>) {
        // What stands around the literals is the same in every embedding.
        match self {
            Self::Open => out.push(b'o'),
            Self::Heartbeat => out.push(b'h'),
            Self::Messages(literals) => {
                let embedded = |literal: &Literal| literal.embedded(embedding).len() + 1;
                let framing = match embedding {
                    // A line has no room to spare, so that it need not be moved to become shared.
                    Embedding::Plain => "a[]".len(),
                    Embedding::EventStream | Embedding::Script | Embedding::Html => FRAMING_HINT,
                };
                out.reserve(literals.iter().map(embedded).sum::<usize>() + framing);
                out.extend_from_slice(b"a[");
                for (index, literal) in literals.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(literal.embedded(embedding));
                }
                out.push(b']');
            }
            Self::Close(Close { code, reason }) => {
                out.extend_from_slice(b"c[");
                let digits = [code / 10_000, code / 1000, code / 100, code / 10, *code];
                let leading = digits[..4].iter().take_while(|&&digit| digit == 0).count();
                out.extend(
                    digits[leading..]
                        .iter()
                        .map(|digit| DIGITS[usize::from(digit % 10)]),
                );
                out.push(b',');
                out.extend_from_slice(Literal::from(reason.as_str()).embedded(embedding));
                out.push(b']');
            }
        }
    }
}

/// Why a session is over, as the browser's application sees it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Close {
    /// 1000 or 3000 to 4999 for applications.
    pub code: u16,
    /// At most 123 bytes if it is to fit into a WebSocket close frame.
    pub reason: Utf8Bytes,
}

impl Close {
    /// The receiver was cut: bytes may be lost, so the session cannot go on.
    pub const INTERRUPTED: Self = Self::new(1002, "Connection interrupted");
    /// There is a receiver already.
    pub const ANOTHER_CONNECTION: Self = Self::new(2010, "Another connection still open");
    /// The WebSocket client sent what is no frame.
    pub const BROKEN_FRAMING: Self = Self::new(3000, "Broken framing.");
    /// The application failed.
    pub const INTERNAL_ERROR: Self = Self::new(1011, "Internal error");
    /// The default of this server and of the clients.
    pub const NORMAL: Self = Self::new(1000, "Normal closure");

    /// A code and a reason.
    pub const fn new(code: u16, reason: &'static str) -> Self {
        Self {
            code,
            reason: Utf8Bytes::from_static(reason),
        }
    }
}

const DIGITS: &[u8; 10] = b"0123456789";
/// Room for what frames and transports put around messages.
const FRAMING_HINT: usize = 64;
