//! The speed at which this machine multiplies and adds: the ceiling of the products of matrices.

use super::float::Float;
use super::pool;
use crate::error::Result;
use crate::precision::Precision;
use crate::simd::{Arithmetic, Instructions};
use std::hint::black_box;
use std::time::Instant;

/// Multiply-adds of each chain that a thread makes at a time.
const STEPS: usize = 1 << 16;
/// What every thread makes of these in a measurement: some 10 ms.
const PIECES_PER_THREAD: usize = 64;
/// The factor of each step: the numbers of a chain go on changing for many steps, and none outgrows its kind or gets
/// so small that a processor takes longer for it.
const FACTOR: f32 = -0.9999;

/// Threads that make fused multiply-adds out of their registers, and nothing else.
#[derive(Debug)]
pub struct Multiplier {
    threads: rayon::ThreadPool,
    instructions: Instructions,
    precision: Precision,
}

impl Multiplier {
    /// Multiplies numbers of `precision` with `threads` threads; `None` takes every core.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(threads: Option<usize>, precision: Precision) -> Result<Self> {
        Ok(Self {
            threads: pool::of(threads)?,
            instructions: Instructions::detect(),
            precision,
        })
    }

    /// Floating-point operations of [`Multiplier::seconds`], two for each multiply-add.
    #[must_use]
    pub fn flop(&self) -> u64 {
        let n_pieces = PIECES_PER_THREAD * self.threads.current_num_threads();
        let n_chains = match self.precision {
            Precision::F64 => n_chains::<f64>(self.instructions),
            Precision::F32 => n_chains::<f32>(self.instructions),
        };
        2 * (n_pieces * STEPS * n_chains) as u64
    }

    /// Makes all of them once, and returns the seconds that takes a machine without other work: of the pieces of each
    /// thread, which are shorter than what a system gives a program at a time, the median counts.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let medians = self.threads.broadcast(|_| {
            let mut pieces = [0.0; PIECES_PER_THREAD];
            for seconds in &mut pieces {
                let start = Instant::now();
                match self.precision {
                    Precision::F64 => {
                        black_box(sum::<f64>(self.instructions, STEPS, FACTOR.into(), 1.0))
                    }
                    Precision::F32 => black_box(sum::<f32>(self.instructions, STEPS, FACTOR, 1.0)),
                };
                *seconds = start.elapsed().as_secs_f64();
            }
            pieces.sort_by(f64::total_cmp);
            pieces[PIECES_PER_THREAD / 2]
        });
        let pieces_per_second: f64 = medians.iter().map(|median| median.recip()).sum();
        (PIECES_PER_THREAD * medians.len()) as f64 / pieces_per_second
    }
}

/// Chains side by side: three quarters of the vector registers, so that each instruction finds the result of the one
/// before it done, and the operands have registers too.
fn n_chains<T>(instructions: Instructions) -> usize {
    instructions.register_bytes() / 4 * 3 / size_of::<T>()
}

/// The sum of all chains after `steps` steps.
fn sum<T: Float>(instructions: Instructions, steps: usize, factor: T, term: T) -> f64 {
    // A factor or term that the compiler knew might save it the arithmetic.
    let (factor, term) = (black_box(factor), black_box(term));
    match n_chains::<T>(instructions) {
        384 => instructions.run(Chains::<T, 384>(steps, factor, term)),
        192 => instructions.run(Chains::<T, 192>(steps, factor, term)),
        96 => instructions.run(Chains::<T, 96>(steps, factor, term)),
        48 => instructions.run(Chains::<T, 48>(steps, factor, term)),
        _ => instructions.run(Chains::<T, 24>(steps, factor, term)),
    }
}

/// So many steps of N chains of `x = factor x + term`, with this factor and this term, the first from 0 and each next one
/// from 1 more. No step can be left out, as compilers keep the order of floating-point operations.
struct Chains<T, const N: usize>(usize, T, T);

impl<T: Float, const N: usize> Arithmetic for Chains<T, N> {
    type Output = f64;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> f64 {
        let Self(steps, factor, term) = self;
        let mut chains: [T; N] = std::array::from_fn(|chain| T::rounded(chain as f64));
        for _ in 0..steps {
            for x in &mut chains {
                *x = T::mul_add::<FUSED>(*x, factor, term);
            }
        }
        // The compiler keeps chains in vectors because it has to store them all here; of chains that are only added up,
        // one after the other, it makes as many single numbers, which no processor has the registers for.
        black_box(chains).into_iter().map(Into::<f64>::into).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{FACTOR, Float, Instructions, Multiplier, Precision, n_chains, sum};

    /// The sums of chains of numbers of the kind T, one after the other.
    fn assert_every_step<T: Float>(next: impl Fn(T, bool) -> T) {
        for instructions in Instructions::all() {
            let n = n_chains::<T>(instructions);
            for steps in [0, 1, 2, 37, 1000] {
                let expected = (n * (n - 1) / 2 + n * steps) as f64;
                let counted = sum(instructions, steps, T::from(1.0), T::from(1.0));
                assert_eq!(
                    counted.to_bits(),
                    expected.to_bits(),
                    "{instructions:?}, {steps}"
                );
                let of_chain = |chain: usize| -> f64 {
                    let first = T::rounded(chain as f64);
                    let last = (0..steps).fold(first, |x, _| next(x, instructions.fuse()));
                    last.into()
                };
                let expected: f64 = (0..n).map(of_chain).sum();
                let multiplied = sum(instructions, steps, T::from(FACTOR), T::from(1.0));
                assert_eq!(
                    multiplied.to_bits(),
                    expected.to_bits(),
                    "{instructions:?}, {steps}"
                );
            }
        }
    }

    #[test]
    fn every_chain_makes_every_step() {
        assert_every_step::<f64>(|x, fuse| match fuse {
            true => x.mul_add(FACTOR.into(), 1.0),
            false => x * f64::from(FACTOR) + 1.0,
        });
        assert_every_step::<f32>(|x, fuse| match fuse {
            true => x.mul_add(FACTOR, 1.0),
            false => x * FACTOR + 1.0,
        });
    }

    #[test]
    fn more_threads_make_more_operations() {
        let of = |threads, precision| Multiplier::new(Some(threads), precision).unwrap();
        let flop = |threads, precision| of(threads, precision).flop();
        for precision in [Precision::F64, Precision::F32] {
            assert_eq!(flop(3, precision), 3 * flop(1, precision), "operations");
            assert!(of(2, precision).seconds() > 0.0, "it takes time");
        }
    }
}
