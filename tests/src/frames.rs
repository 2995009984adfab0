//! Frames as tests write them: by hand, right or wrong.

/// The mask key of RFC 6455 §5.7.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame whose first byte is `first`, with its length in the shortest form.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0x80);
    frame.extend_from_slice(&KEY);
    frame.extend(
        payload
            .iter()
            .zip(KEY.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

/// An unmasked frame whose first byte is `first`.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

fn head(first: u8, len: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![first];
    if let Ok(len @ 0..=125) = u8::try_from(len) {
        head.push(mask | len);
    } else if let Ok(len) = u16::try_from(len) {
        head.push(mask | 126);
        head.extend_from_slice(&len.to_be_bytes());
    } else {
        head.push(mask | 127);
        head.extend_from_slice(&(len as u64).to_be_bytes());
    }
    head
}

/// Bytes written as hexadecimal; spaces do not matter.
///
/// # Panics
///
/// When `text` is not hexadecimal.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("a hexadecimal byte"))
        .collect()
}
