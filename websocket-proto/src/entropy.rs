//! Randomness as an argument.

/// A source of random bytes: mask keys, nonces, challenges.
///
/// RFC 6455 §10.3 asks for a strong source for mask keys: give a cryptographically secure one.
/// Tests give a counter. Every `FnMut(&mut [u8]) + Send` is a source.
///
/// ```
/// use websocket_proto::Entropy;
///
/// let mut counter = 0;
/// let mut source = move |bytes: &mut [u8]| {
///     for byte in bytes {
///         *byte = counter;
///         counter += 1;
///     }
/// };
/// let mut key = [0; 4];
/// source.fill(&mut key);
/// assert_eq!(key, [0, 1, 2, 3]);
/// ```
pub trait Entropy: Send {
    /// Overwrites `bytes` with random ones.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8]) + Send> Entropy for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}
