//! Random numbers. This module alone names a generator; everything else asks it for a draw.
//!
//! Three kinds are in use, and none of their bits depends on the version of a library:
//!
//! - `random_state` is MT19937 as NumPy seeds it. It draws the parameters a training starts from and the samples
//!   that a split holds back. `rand` promises no shuffle that stays the same from version to version, so
//!   `shuffle` is written out here.
//! - `threefry2x32` is a function of a key and a counter, with a twin in the shaders. It makes synthetic rows.
//! - [`row`] permutes the rows of an epoch by Threefry without a table of them.

mod permutation;
mod threefry;

pub use permutation::row;
pub(crate) use permutation::{all_permuted, epoch_key, half_bits};
pub(crate) use threefry::{LANES, threefry2x32, threefry2x32_lanes};

use rand::Rng;
use rand_mt::Mt;

/// The generator of `numpy.random.RandomState(seed)`.
pub(crate) fn random_state(seed: u32) -> impl Rng {
    Mt::new(seed)
}

/// A float in [0, 1) of 53 random bits, equal to NumPy's `random_sample`, which takes its two words in the other
/// order than `rand`'s uniform distribution.
pub(crate) fn random_sample(random: &mut impl Rng) -> f64 {
    let (high, low) = (random.next_u32() >> 5, random.next_u32() >> 6);
    (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
}

/// Puts `rows` into an order drawn from all orders, each equally likely but for a bias below n/2⁶⁴ (Durstenfeld,
/// Algorithm 235, CACM 7, 1964).
pub(crate) fn shuffle(rows: &mut [usize], random: &mut impl Rng) {
    for last in (1..rows.len()).rev() {
        let word = u64::from(random.next_u32()) << 32 | u64::from(random.next_u32());
        let scaled = (u128::from(word) * (last as u128 + 1)) >> 64;
        let other = usize::try_from(scaled).expect("it is at most a number of rows");
        rows.swap(last, other);
    }
}

/// The lower and the upper word of `number`.
pub(crate) fn words(number: u64) -> [u32; 2] {
    [number & 0xFFFF_FFFF, number >> 32].map(|word| u32::try_from(word).expect("32 bits"))
}

/// The generator of test data whose exact numbers do not matter.
#[cfg(test)]
pub(crate) fn test_numbers(seed: u64) -> rand::rngs::SmallRng {
    rand::SeedableRng::seed_from_u64(seed)
}
