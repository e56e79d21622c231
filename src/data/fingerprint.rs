//! Hashes that tell data sets and other numbers apart.

use super::{Dataset, RowsRead};
use rayon::prelude::*;

/// The multiplier of Fibonacci hashing, the odd number next to 2⁶⁴ over the golden ratio (Knuth, "The Art of Computer
/// Programming", volume 3, section 6.4).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dataset {
    /// A hash of the bits of every row after scaling and rounding, in one pass over the data. It does not depend on the
    /// number of threads. Two data sets that differ in a row or in the order of their rows share it with a probability
    /// of about 2⁻⁶⁴.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let of_leaf = |leaf: RowsRead<'_>| {
            let values = leaf.inputs.iter().chain(leaf.targets);
            fingerprint(values.map(|value| value.to_bits().into()))
        };
        let mut hashes: Vec<u64> = self.map_leaves(of_leaf).collect();
        if let Some(scaling) = self.target_scaling() {
            // Targets in other units may be the same numbers once they are scaled.
            let numbers = scaling.center().iter().chain(scaling.deviation());
            hashes.extend(numbers.map(|number| number.to_bits()));
        }
        fingerprint(hashes)
    }
}

/// A hash of `values` in their order.
pub(crate) fn fingerprint(values: impl IntoIterator<Item = u64>) -> u64 {
    values.into_iter().fold(0, mixed)
}

/// Mixes `value` into `hash`, one-to-one in either argument.
fn mixed(hash: u64, value: u64) -> u64 {
    let product = (hash.rotate_left(23) ^ value).wrapping_mul(MULTIPLIER);
    product ^ (product >> 29)
}

#[cfg(test)]
mod tests {
    use super::Dataset;

    #[test]
    fn one_bit_or_another_order_makes_another_fingerprint() {
        let of = |inputs: [f32; 4], targets: [f32; 2]| {
            let dataset = Dataset::from_rows("rows", 2, 1, inputs.into(), targets.into());
            dataset.unwrap().fingerprint()
        };
        let plain = of([1.0, 2.0, 3.0, 4.0], [0.0, 1.0]);
        assert_eq!(plain, of([1.0, 2.0, 3.0, 4.0], [0.0, 1.0]), "the same rows");
        for (inputs, targets) in [
            ([1.0, 2.0, 3.0, 4.000_000_5], [0.0, 1.0]),
            ([2.0, 1.0, 3.0, 4.0], [0.0, 1.0]),
            ([3.0, 4.0, 1.0, 2.0], [1.0, 0.0]),
            ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0]),
            ([1.0, 2.0, 3.0, 4.0], [-0.0, 1.0]),
        ] {
            assert_ne!(plain, of(inputs, targets), "{inputs:?} {targets:?}");
        }
    }
}
