//! Heads that somebody else has parsed.

use crate::http1::Version;

/// A request head, whoever parsed it.
///
/// Implemented for [`http1::RequestHead`](crate::http1::RequestHead); other HTTP stacks need these
/// few lines. Field names may come in any letter case; fields of the same name must come in the
/// order they were sent.
///
/// ```
/// use websocket_proto::handshake::{self, RequestView};
/// use websocket_proto::http1::Version;
///
/// struct Parsed {
///     path: String,
///     fields: Vec<(String, Vec<u8>)>,
/// }
///
/// impl RequestView for Parsed {
///     fn method(&self) -> &str {
///         "GET"
///     }
///     fn target(&self) -> &str {
///         &self.path
///     }
///     fn version(&self) -> Version {
///         Version::Http11
///     }
///     fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
///         self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
///     }
/// }
///
/// let plain = Parsed { path: "/".into(), fields: Vec::new() };
/// assert!(!handshake::is_upgrade(&plain));
/// ```
pub trait RequestView {
    /// The method, as sent.
    fn method(&self) -> &str;
    /// The request target, as sent: origin-form or absolute-form.
    fn target(&self) -> &str;
    /// The version of the request line.
    fn version(&self) -> Version;
    /// Every field: its name in any letter case, its value with or without outer white space.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])>;
    /// The same with names as bytes. Worth its lines only where a name must be checked to become a
    /// `str`.
    fn byte_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields().map(|(name, value)| (name.as_bytes(), value))
    }
}

/// A response head, whoever parsed it. Implemented for
/// [`http1::ResponseHead`](crate::http1::ResponseHead).
pub trait ResponseView {
    /// The status code.
    fn status(&self) -> u16;
    /// Every field: its name in any letter case, its value with or without outer white space.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])>;
}

impl<T: RequestView> RequestView for &T {
    fn method(&self) -> &str {
        T::method(self)
    }

    fn target(&self) -> &str {
        T::target(self)
    }

    fn version(&self) -> Version {
        T::version(self)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        T::fields(self)
    }

    fn byte_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        T::byte_fields(self)
    }
}
