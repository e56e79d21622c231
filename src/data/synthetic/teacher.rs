//! The hidden network of `rule=teacher`: I features, [`UNITS`] hidden units with ReLU, and one output.

use crate::random::threefry2x32;
use rayon::prelude::*;

/// Second word of the key for the hidden weights.
const HIDDEN_WEIGHT: u32 = 1;

/// A hidden word of the seed for a counter.
pub(super) fn hidden_word(seed: u32, counter: [u32; 2]) -> u32 {
    threefry2x32([seed, HIDDEN_WEIGHT], counter)[0]
}

/// Hidden units.
///
/// Weights are at most 7, and the c of a feature at most 511: with 8,192 features and a bias of 7 · 512 a unit stays
/// within 29,306,368, and the output within 7 · 8 times that, 1,641,156,608, which is below 2³¹.
pub(crate) const UNITS: usize = 8;

/// Rows whose median output is the threshold.
const SAMPLE: u32 = 4096;

/// A hidden unit, whose weights for the features lie elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The weight of a feature that is always 1, times 512.
    pub(crate) bias: i32,
    /// The weight of the unit for the output.
    pub(crate) output: i32,
}

/// The weights (I, units) of the features and the hidden units, all drawn from −7, −5, …, 7.
pub(super) fn drawn(n_inputs: usize, seed: u32) -> (Vec<i32>, Vec<Unit>) {
    let weight = |counter| 2 * (hidden_word(seed, counter) >> 29).cast_signed() - 7;
    // The linear rule has the counters (j, 0).
    let column = |j| (1..).take(UNITS).map(move |unit| weight([j, unit]));
    let rows = (0..).take(n_inputs);
    let bias = u32::try_from(n_inputs).expect("at most 8,192 features");
    let units = column(bias).zip(column(bias + 1));
    let unit = |(bias, output)| Unit {
        bias: 512 * bias,
        output,
    };
    (rows.flat_map(column).collect(), units.map(unit).collect())
}

/// The threshold that parts the first 4,096 rows best in halves by their `margin`, however many rows the data have.
pub(super) fn threshold(
    n_inputs: usize,
    features: impl Fn(u64, &mut [f32]) + Sync,
    margin: impl Fn(&[f32]) -> i32 + Sync,
) -> i32 {
    let rows = (0..SAMPLE).into_par_iter();
    let margins = rows.map_init(
        || vec![0.0; n_inputs],
        |x, row| {
            features(row.into(), x);
            margin(x)
        },
    );
    halving(margins.collect())
}

/// The median of `margins`, or one less if that parts them more evenly: where no unit is active, many are equal.
fn halving(mut margins: Vec<i32>) -> i32 {
    margins.sort_unstable();
    let half = margins.len() / 2;
    let median = margins[half];
    let above = |threshold| margins.len() - margins.partition_point(|margin| *margin <= threshold);
    if above(median).abs_diff(half) <= above(median - 1).abs_diff(half) {
        median
    } else {
        median - 1
    }
}

#[cfg(test)]
mod tests {
    use super::halving;

    #[test]
    fn equal_margins_are_put_where_the_halves_are_most_even() {
        for (margins, threshold) in [
            (vec![4, 1, 3, 2], 2),
            (vec![0, 0, 0, 5], 0),
            (vec![0, 0, 0, -5], -1),
            (vec![-3, 0, 0, 0, 7, 8], 0),
            (vec![7, 7], 7),
        ] {
            assert_eq!(halving(margins.clone()), threshold, "{margins:?}");
        }
    }
}
