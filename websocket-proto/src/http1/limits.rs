//! How much of everything a peer may send.

/// Bounds on what a peer may send, each with the answer to whoever exceeds it.
///
/// Sizes are in bytes and inclusive. A head is kept with 16-bit offsets, hence the types.
///
/// ```
/// use websocket_proto::http1::Limits;
///
/// let limits = Limits { fields: 50, ..Limits::default() };
/// assert_eq!(limits.head, 16 * 1024);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The request line, or the status line, without its CRLF. Default 8 KiB, more than the 8000
    /// octets that RFC 9112 §3 asks for. Answer: 414.
    pub start_line: u16,
    /// A whole head up to its empty line. Default 16 KiB. Answer: 431.
    pub head: u16,
    /// How many fields a head has. Default 100. Answer: 431.
    pub fields: u16,
    /// A field's name. Default 256. Answer: 431.
    pub field_name: u16,
    /// A field's value. Default 8 KiB. Answer: 431.
    pub field_value: u16,
    /// The trailer section behind a chunked body. Default 4 KiB. Answer: 431.
    pub trailers: u16,
    /// How many fields a trailer section has. Default 32. Answer: 431.
    pub trailer_fields: u16,
    /// One chunk line: size and extensions, without its CRLF. Default 256. Answer: 400.
    pub chunk_line: u16,
    /// The extensions of all chunks of one body. Default 4 KiB. Answer: 400.
    pub chunk_extensions: u16,
    /// How much of a body nobody asked for is read and dropped to keep the connection; with more to
    /// come it closes after the response. Default 64 KiB.
    pub drain: u32,
    /// How many interim responses (RFC 9110 §15.2) a client takes before the final one. Default 16.
    pub interim: u8,
}

impl Limits {
    /// For a head that has met its limits before, and comes without a body: as much as can be kept.
    pub const MET: Self = Self {
        start_line: u16::MAX,
        head: u16::MAX,
        fields: u16::MAX,
        field_name: u16::MAX,
        field_value: u16::MAX,
        trailers: 0,
        trailer_fields: 0,
        chunk_line: 0,
        chunk_extensions: 0,
        drain: 0,
        interim: 0,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_line: 8 * 1024,
            head: 16 * 1024,
            fields: 100,
            field_name: 256,
            field_value: 8 * 1024,
            trailers: 4 * 1024,
            trailer_fields: 32,
            chunk_line: 256,
            chunk_extensions: 4 * 1024,
            drain: 64 * 1024,
            interim: 16,
        }
    }
}
