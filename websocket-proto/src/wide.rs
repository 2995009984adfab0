//! Loops over many bytes, with the widest vectors that the processor has.
//!
//! Baseline x86-64 has vectors of 16 bytes. A [`Task`] is compiled three times, for those, for AVX2
//! (32 bytes) and for AVX-512 (64 bytes), and [`run`] chooses. The code of a task is plain safe Rust,
//! the same in all three; this module adds nothing but the choice.

/// A loop worth compiling for wider vectors: over a few hundred bytes or more, and simple enough for
/// the compiler to make vectors of it.
pub trait Task {
    /// What it finds out.
    type Output;

    /// The loop. Must be `#[inline(always)]`, as everything it calls: only what is inlined is compiled
    /// for the wider vectors.
    fn run(self) -> Self::Output;
}

/// Does the task. The result is that of [`Task::run`], always.
#[inline]
pub fn run<T: Task>(task: T) -> T::Output {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(vectors) = x86::Vectors::detect() {
        return vectors.run(task);
    }
    task.run()
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod x86 {
    use std::arch::is_x86_feature_detected;

    use super::Task;

    /// Proof that the processor has more than the baseline: only [`detect`](Self::detect) makes it.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Vectors(Width);

    #[derive(Clone, Copy, Debug)]
    enum Width {
        Avx2,
        Avx512,
    }

    impl Vectors {
        /// Costs a load and a comparison: the standard library asks the processor once.
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
                Some(Self(Width::Avx512))
            } else if is_x86_feature_detected!("avx2") {
                Some(Self(Width::Avx2))
            } else {
                None
            }
        }

        #[inline]
        #[expect(
            unsafe_code,
            reason = "baseline vectors take 2.5 times as long for 16 KiB"
        )]
        pub(super) fn run<T: Task>(self, task: T) -> T::Output {
            match self.0 {
                // SAFETY: to call these is unsound only on a processor without the features that they
                // are compiled for. The field is private to this module, and `detect` alone makes
                // values of it, each of them after the processor was found to have these features
                // (avx512bw implies avx512f, and that implies avx2). The bodies are safe code.
                Width::Avx2 => unsafe { run_avx2(task) },
                // SAFETY: as above.
                Width::Avx512 => unsafe { run_avx512(task) },
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn run_avx2<T: Task>(task: T) -> T::Output {
        task.run()
    }

    #[target_feature(enable = "avx512bw,avx512vl")]
    fn run_avx512<T: Task>(task: T) -> T::Output {
        task.run()
    }

    impl Vectors {
        /// Those that this processor has, narrowest first.
        pub(super) fn all() -> impl Iterator<Item = Self> {
            let avx2 = is_x86_feature_detected!("avx2").then_some(Self(Width::Avx2));
            let widest = Self::detect();
            avx2.into_iter().chain(widest)
        }
    }
}

/// The task as it is compiled for one of [`WIDTHS`] kinds of vectors, `None` when this processor lacks
/// them: for tests, which compare all of them.
pub fn run_nth<T: Task>(task: T, width: usize) -> Option<T::Output> {
    match width.checked_sub(1) {
        None => Some(task.run()),
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        Some(index) => Some(x86::Vectors::all().nth(index)?.run(task)),
        #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
        Some(_) => None,
    }
}

/// See [`run_nth`].
pub const WIDTHS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [u8]);

    impl Task for Sum<'_> {
        type Output = u64;

        #[inline(always)]
        fn run(self) -> u64 {
            self.0.iter().map(|&byte| u64::from(byte)).sum()
        }
    }

    #[test]
    fn every_version_gives_the_same() {
        let bytes: alloc::vec::Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
        for len in 0..bytes.len() {
            let expected = bytes[..len].iter().map(|&byte| u64::from(byte)).sum();
            assert_eq!(run(Sum(&bytes[..len])), expected);
            for width in 0..WIDTHS {
                let sum = run_nth(Sum(&bytes[..len]), width);
                assert!(sum.is_none_or(|sum| sum == expected));
            }
        }
    }
}
