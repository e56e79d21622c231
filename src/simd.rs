//! Vector instructions, chosen when the program runs: one binary for every machine of its kind.
//!
//! What is compiled for an instruction set is plain Rust: loops over arrays of a fixed width, which
//! the compiler turns into the vectors there are. The widths and the order of every sum are those of
//! the source, so all machines that fuse a multiplication with an addition give the same bits.

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

/// The instruction sets that arithmetic is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// The instructions that the binary was compiled for, which every machine has.
    Baseline,
    /// AVX2 and FMA: four f64 at once, on x86-64 machines since 2013.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512: eight f64 at once, on x86-64 servers since 2019 and Zen 4.
    #[cfg(target_arch = "x86_64")]
    Avx512,
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
            return if has_avx512 { Self::Avx512 } else { Self::Avx2 };
        }
        Self::Baseline
    }

    /// Every instruction set of this machine.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        match Self::detect() {
            Self::Baseline => vec![Self::Baseline],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => vec![Self::Baseline, Self::Avx2],
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => vec![Self::Baseline, Self::Avx2, Self::Avx512],
        }
    }

    /// Whether these instructions round `a · b + c` once.
    #[cfg(test)]
    pub(crate) fn fuse(self) -> bool {
        self != Self::Baseline || Self::BASELINE_FUSES
    }

    /// These, or AVX2 where they are wider.
    pub(crate) fn narrow(self) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2,
            other => other,
        }
    }

    /// Whether there are 32 vector registers and not 16.
    pub(crate) fn has_many_registers(self) -> bool {
        match self {
            Self::Baseline => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => true,
        }
    }

    /// The f64 that all vector registers hold together.
    pub(crate) fn register_floats(self) -> usize {
        let width = match self {
            Self::Baseline => 2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 8,
        };
        width * if self.has_many_registers() { 32 } else { 16 }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline instructions",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
        }
    }

    /// Runs `arithmetic` with these instructions.
    #[inline]
    pub(crate) fn run<A: Arithmetic>(self, arithmetic: A) -> A::Output {
        match self {
            Self::Baseline if Self::BASELINE_FUSES => arithmetic.run::<true>(),
            Self::Baseline => arithmetic.run::<false>(),
            #[cfg(target_arch = "x86_64")]
            #[expect(
                unsafe_code,
                reason = "the language cannot know that the machine was asked; this is the one place"
            )]
            // SAFETY: only `detect` makes these variants, where the machine has the features of each.
            vectors => unsafe {
                match vectors {
                    Self::Avx512 => with_avx512(arithmetic),
                    _ => with_avx2(arithmetic),
                }
            },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<A: Arithmetic>(arithmetic: A) -> A::Output {
    arithmetic.run::<true>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512vl")]
fn with_avx512<A: Arithmetic>(arithmetic: A) -> A::Output {
    arithmetic.run::<true>()
}
