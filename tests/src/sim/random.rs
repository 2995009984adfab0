//! Chance, decided by a seed.

/// splitmix64: one word of state, the same numbers on every platform.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds would begin alike in what is decided first.
        let mut random = Self(seed ^ 0x5eed_0f0f_1234_9876);
        random.word();
        random
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.word() % (high - low + 1)
    }

    /// The same, as a length.
    pub(super) fn length(&mut self, low: usize, high: usize) -> usize {
        usize::try_from(self.between(low as u64, high as u64)).expect("a length")
    }

    /// Once in so many times.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.word().is_multiple_of(times)
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.length(0, among.len() - 1)]
    }

    /// A length whose order of magnitude is as likely as any other.
    pub(super) fn magnitude(&mut self, low: usize, high: usize) -> usize {
        let octaves = high.ilog2().saturating_sub(low.max(1).ilog2());
        let shift = self.between(0, u64::from(octaves));
        let top = high.min((2 * low.max(1)) << shift);
        self.length(low, top.max(low))
    }
}
