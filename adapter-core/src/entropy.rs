//! Random bytes for mask keys and nonces.

use std::cell::RefCell;

use websocket_proto::Entropy;

/// The operating system's random source, asked for many bytes at a time by each thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    ///
    /// When the operating system has no randomness to give: RFC 6455 §10.3 leaves nothing to fall back
    /// to.
    fn fill(&mut self, bytes: &mut [u8]) {
        POOL.with_borrow_mut(|pool| pool.fill(bytes));
    }
}

struct Pool {
    bytes: [u8; BATCH],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; BATCH], used: BATCH }) };
}

impl Pool {
    fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(BATCH) {
            if BATCH - self.used < piece.len() {
                getrandom::fill(&mut self.bytes).expect("the system's random source works");
                self.used = 0;
            }
            let end = self.used + piece.len();
            piece.copy_from_slice(&self.bytes[self.used..end]);
            // What was given out is known to somebody: nothing of it stays.
            self.bytes[self.used..end].fill(0);
            self.used = end;
        }
    }
}

/// One system call for 256 mask keys.
const BATCH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_repeat() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let mut key = [0; 8];
            SystemEntropy.fill(&mut key);
            assert!(seen.insert(key));
        }
        let mut long = vec![0; 3 * BATCH + 5];
        SystemEntropy.fill(&mut long);
        assert!(long.iter().filter(|&&byte| byte == 0).count() < 100);
    }
}
