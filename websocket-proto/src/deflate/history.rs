//! The last bytes of an output, as much as a window holds.

use alloc::vec::Vec;

use zlib_rs::Inflate;

use super::InflateError;

/// A ring of at most `1 << window_bits` bytes that owns only what was pushed.
///
/// The codec keeps the same bytes but gives them to nobody, and loses them when a stream ends.
pub(super) struct History {
    bytes: Vec<u8>,
    /// The oldest byte, once `bytes` has its full length.
    oldest: usize,
    window_bits: u8,
}

impl History {
    pub(super) const fn new(window_bits: u8) -> Self {
        Self {
            bytes: Vec::new(),
            oldest: 0,
            window_bits,
        }
    }

    pub(super) fn push(&mut self, output: &[u8]) {
        let size = 1 << self.window_bits.clamp(8, 15);
        let output = &output[output.len().saturating_sub(size)..];
        let (growing, turning) = output.split_at(output.len().min(size - self.bytes.len()));
        if self.bytes.capacity() - self.bytes.len() < growing.len() {
            let wanted = (2 * self.bytes.len()).clamp(self.bytes.len() + growing.len(), size);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(growing);
        let (upper, lower) = turning.split_at(turning.len().min(size - self.oldest));
        self.bytes[self.oldest..self.oldest + upper.len()].copy_from_slice(upper);
        self.bytes[..lower.len()].copy_from_slice(lower);
        self.oldest = (self.oldest + turning.len()) % size;
    }

    /// Makes these bytes the window of a codec that has inflated nothing yet.
    pub(super) fn teach(&self, codec: &mut Inflate) -> Result<(), InflateError> {
        let (newer, older) = self.bytes.split_at(self.oldest);
        for part in [older, newer] {
            codec
                .set_dictionary(part)
                .map_err(|_| InflateError::Corrupt)?;
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.window_bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_bytes_in_order() {
        let output: Vec<u8> = (0..4000_u32).map(|i| (i * 7919).to_le_bytes()[1]).collect();
        for sizes in [
            &[1][..],
            &[255, 1, 256],
            &[100, 300, 7],
            &[0, 257, 1000],
            &[4000],
        ] {
            let mut history = History::new(8);
            let mut pushed = 0;
            for size in sizes.iter().cycle() {
                let end = (pushed + size).min(output.len());
                history.push(&output[pushed..end]);
                pushed = end;
                let (newer, older) = history.bytes.split_at(history.oldest);
                assert_eq!(
                    [older, newer].concat(),
                    output[pushed.saturating_sub(256)..pushed]
                );
                assert!(history.bytes.capacity() <= 256);
                if pushed == output.len() {
                    break;
                }
            }
        }
    }
}
