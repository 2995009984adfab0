//! What a peer can do wrong.

use core::fmt;

/// How the peer broke HTTP. Carries none of the peer's bytes.
///
/// A server has queued the response of [`status`](Self::status) by the time this is reported,
/// unless a response was already under way.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProtocolError {
    /// Not `method SP target SP version`, or more than four empty lines before it.
    RequestLine,
    /// The method is no token of 1 to 32 characters.
    Method,
    /// The target has none of the four forms, or not the one its method needs (RFC 9112 §3.2).
    Target,
    /// The request line or status line is over its limit.
    StartLineTooLong,
    /// Not `HTTP/` digit `.` digit.
    Version,
    /// HTTP, but neither 1.0 nor 1.x.
    UnsupportedVersion,
    /// Not `HTTP/1.x SP` three digits.
    StatusLine,
    /// A line ends with a line feed alone.
    BareLineFeed,
    /// A line starts with white space: a folded field, or white space before the first one.
    FoldedField,
    /// A field without a colon, or whose name is empty or no token (`Name :` is none).
    FieldName,
    /// A control character, NUL or bare CR in a field's value.
    FieldValue,
    /// The head, or one name or value in it, is over its limit.
    HeadTooLarge,
    /// The head has too many fields.
    TooManyFields,
    /// HTTP/1.1 without `Host`, or a `Host` that is no `uri-host[:port]` (RFC 9112 §3.2).
    Host,
    /// A field that may stand once stands more often.
    RepeatedField,
    /// `Content-Length` is not one decimal number below 2⁶⁴.
    ContentLength,
    /// `Transfer-Encoding` does not end with one plain `chunked`.
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    UnsupportedCoding,
    /// Two readings are possible: `Transfer-Encoding` with `Content-Length`, or in HTTP/1.0.
    AmbiguousFraming,
    /// A broken chunk: its size, its extensions, or no CRLF behind its data.
    Chunk,
    /// A chunk line, or all extensions together, over their limit.
    ChunkLineTooLong,
    /// The trailer section is over its limit.
    TrailersTooLarge,
    /// The body is longer than the application takes.
    BodyTooLarge,
    /// `Expect` asks for something other than `100-continue`.
    Expectation,
    /// More interim responses than a client takes.
    TooManyInterim,
    /// A 101 to a request that asked for no upgrade (RFC 9110 §15.2.2).
    UnexpectedSwitch,
}

const _: () = assert!(size_of::<ProtocolError>() == 1);

impl ProtocolError {
    /// The status a server answers with. Errors that only a client meets give 502, what a gateway
    /// says of them.
    pub const fn status(self) -> u16 {
        match self {
            Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::Version
            | Self::BareLineFeed
            | Self::FoldedField
            | Self::FieldName
            | Self::FieldValue
            | Self::Host
            | Self::RepeatedField
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::AmbiguousFraming
            | Self::Chunk
            | Self::ChunkLineTooLong => 400,
            Self::BodyTooLarge => 413,
            Self::StartLineTooLong => 414,
            Self::Expectation => 417,
            Self::HeadTooLarge | Self::TooManyFields | Self::TrailersTooLarge => 431,
            Self::UnsupportedCoding => 501,
            Self::StatusLine | Self::TooManyInterim | Self::UnexpectedSwitch => 502,
            Self::UnsupportedVersion => 505,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestLine => "malformed request line",
            Self::Method => "malformed method",
            Self::Target => "malformed request target",
            Self::StartLineTooLong => "start line over its limit",
            Self::Version => "malformed http version",
            Self::UnsupportedVersion => "unsupported http version",
            Self::StatusLine => "malformed status line",
            Self::BareLineFeed => "line feed without carriage return",
            Self::FoldedField => "line starts with white space",
            Self::FieldName => "malformed field name",
            Self::FieldValue => "forbidden character in a field value",
            Self::HeadTooLarge => "head over its limit",
            Self::TooManyFields => "too many fields",
            Self::Host => "missing or malformed host",
            Self::RepeatedField => "repeated field that may stand once",
            Self::ContentLength => "malformed content-length",
            Self::TransferEncoding => "malformed transfer-encoding",
            Self::UnsupportedCoding => "unsupported transfer coding",
            Self::AmbiguousFraming => "ambiguous body length",
            Self::Chunk => "malformed chunk",
            Self::ChunkLineTooLong => "chunk line over its limit",
            Self::TrailersTooLarge => "trailer section over its limit",
            Self::BodyTooLarge => "body over its limit",
            Self::Expectation => "unsupported expectation",
            Self::TooManyInterim => "too many interim responses",
            Self::UnexpectedSwitch => "switch of protocols nobody asked for",
        })
    }
}

impl core::error::Error for ProtocolError {}
