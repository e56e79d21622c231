//! Vector instructions, chosen when the program runs: one binary for every machine of its kind.
//!
//! What is compiled for an instruction set is plain Rust: loops over arrays of a fixed width, which
//! the compiler turns into the vectors there are. The widths and the order of every sum are those of
//! the source, so all machines that fuse a multiplication with an addition give the same bits.

use std::fmt::Debug;

/// Arithmetic that is compiled once for each instruction set.
pub(crate) trait Arithmetic {
    type Output;

    /// Computes. `FUSED` says whether [`mul_add`] rounds once. This and all it calls must be `inline(always)`: only
    /// what is inlined is compiled for the instruction set.
    fn run<const FUSED: bool>(self) -> Self::Output;
}

/// `a · b + c`, rounded once where `FUSED` and otherwise twice. Without `FUSED` a machine may lack the instruction,
/// for which `f64::mul_add` would call a slow function.
#[inline(always)]
pub(crate) fn mul_add<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Asks memory for `values[at]` ahead of its use. `at` may be past the end. The value goes into the second-level
/// cache, which can wait for more of memory at once than the first level can.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the instruction takes any address")]
    // SAFETY: a prefetch reads nothing into the program and faults nowhere.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(values.as_ptr().wrapping_add(at).cast());
    }
}

/// Instructions that are known when the program is compiled, for what suits these alone.
pub(crate) trait InstructionSet: Copy + Debug + Send + Sync + 'static {
    /// Runs `arithmetic` with these instructions.
    fn run<A: Arithmetic>(self, arithmetic: A) -> A::Output;
}

/// The instructions that the binary was compiled for, which every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Baseline;

impl InstructionSet for Baseline {
    #[inline]
    fn run<A: Arithmetic>(self, arithmetic: A) -> A::Output {
        match Instructions::BASELINE_FUSES {
            true => arithmetic.run::<true>(),
            false => arithmetic.run::<false>(),
        }
    }
}

/// The instruction sets that arithmetic is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    Baseline(Baseline),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Instructions {
    /// Whether the baseline has a fused multiply-add: always on 64-bit Arm, on x86-64 only where the build asked for
    /// it.
    const BASELINE_FUSES: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    /// The best instruction set of this machine.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                // Older machines lack this feature, and lower their clock where they use the widest vectors.
                && is_x86_feature_detected!("avx512ifma");
            return match has_avx512 {
                true => Self::Avx512(Avx512(())),
                false => Self::Avx2(Avx2(())),
            };
        }
        Self::Baseline(Baseline)
    }

    /// Every instruction set of this machine.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let (baseline, best) = (Self::Baseline(Baseline), Self::detect());
        let mut all = vec![baseline, best.narrow(), best];
        all.dedup();
        all
    }

    /// Whether these instructions round `a · b + c` once.
    #[cfg(test)]
    pub(crate) fn fuse(self) -> bool {
        !matches!(self, Self::Baseline(_)) || Self::BASELINE_FUSES
    }

    /// These, or AVX2 where they are wider.
    pub(crate) fn narrow(self) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Self::Avx2(Avx2(())),
            other => other,
        }
    }

    /// What all vector registers hold together.
    pub(crate) fn register_bytes(self) -> usize {
        match self {
            Self::Baseline(_) => 16 * BASELINE_REGISTERS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 32 * 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 64 * 32,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Baseline(_) => "baseline instructions",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
        }
    }

    /// Runs `arithmetic` with these instructions.
    #[inline]
    pub(crate) fn run<A: Arithmetic>(self, arithmetic: A) -> A::Output {
        match self {
            Self::Baseline(set) => set.run(arithmetic),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(set) => set.run(arithmetic),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(set) => set.run(arithmetic),
        }
    }
}

/// The vector registers of the baseline.
pub(crate) const BASELINE_REGISTERS: usize = if cfg!(target_arch = "aarch64") {
    32
} else {
    16
};

/// Makes a set of instructions that only [`Instructions::detect`] finds, where the machine has `$features`.
#[cfg(target_arch = "x86_64")]
macro_rules! detected {
    ($set:ident, $features:literal, $description:literal) => {
        #[doc = $description]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $set(());

        impl InstructionSet for $set {
            #[inline]
            fn run<A: Arithmetic>(self, arithmetic: A) -> A::Output {
                #[target_feature(enable = $features)]
                fn with_features<A: Arithmetic>(arithmetic: A) -> A::Output {
                    arithmetic.run::<true>()
                }
                #[expect(
                    unsafe_code,
                    reason = "the language cannot know that the machine was asked; this is the one place"
                )]
                // SAFETY: its field is private: only `detect` makes it, where the machine has the features, and `narrow`
                // from a set that includes them.
                unsafe {
                    with_features(arithmetic)
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
detected!(
    Avx2,
    "avx2,fma",
    "AVX2 and FMA: four f64 at once, on x86-64 machines since 2013."
);
#[cfg(target_arch = "x86_64")]
detected!(
    Avx512,
    "avx2,fma,avx512f,avx512dq,avx512vl",
    "AVX-512: eight f64 at once, on x86-64 servers since 2019 and Zen 4."
);
