//! What f32 does to a column of numbers, and the offset that keeps its digits.

use crate::error::shown;
use crate::values::{each_present, each_weighted};
use arrow_array::Float64Array;

/// An offset is worth its while if f32 alone would move a value by more than this share of the column's deviation.
const NOTICEABLE: f64 = 1e-6;
/// Past this share of the deviation a movement is told.
const HARMFUL: f64 = 1e-3;
/// Where f32 moves a number by a noticeable share, it is told if more than one in this many different numbers becomes equal
/// to another.
const MERGED: usize = 1000;
/// Columns longer than this are not searched for numbers that become equal to others.
const MAX_SEARCHED: usize = 1 << 20;
/// Where f32 moves no number by a noticeable share, there may be sets of near numbers far apart: it is told if more than one
/// in this many of the first [`N_FIRST`] becomes equal to another. Of random numbers a few in a thousand do so by chance.
const MERGED_AMONG_FIRST: usize = 20;
/// So many numbers are searched where f32 moves none by a noticeable share.
const N_FIRST: usize = 1 << 13;

/// What rounding to f32 does to a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rounding {
    /// What is taken from each number of the column before it is rounded.
    pub(crate) offset: f64,
    pub(crate) mean: f64,
    /// Numbers that are not missing.
    pub(crate) n_present: usize,
    /// The largest movement, as a share of the standard deviation.
    moved: f64,
    /// Different values, and how many of them stay different.
    n_different: (usize, usize),
    /// Numbers among which these were counted.
    n_searched: usize,
}

impl Rounding {
    /// The rounding of the differences of the numbers of a column from `base`, which count by the weights of their rows;
    /// without an offset if the column keeps its zero. `mean`, that of the differences, is not finite if a number is not.
    ///
    /// The offset is the base, if there is one. Otherwise it is the mean, rounded to a multiple of a power of two below
    /// the standard deviation: so it has few digits, and the difference of an integer from it is exact.
    pub(crate) fn of(
        cells: &[Float64Array],
        base: f64,
        weights: Option<&[f64]>,
        keep_zero: bool,
    ) -> Self {
        let (mut n_present, mut sum, mut all, mut farthest) = (0_usize, 0.0, 0.0, 0.0_f64);
        each_weighted(cells, weights, |number, weight| {
            n_present += 1;
            sum += weight * number;
            all += weight;
            farthest = farthest.max(movement(number, 0.0));
        });
        let mean = if n_present > 0 { sum / all } else { 0.0 };
        let mut rounding = Self {
            n_present,
            offset: base,
            mean,
            moved: 0.0,
            n_different: (0, 0),
            n_searched: 0,
        };
        if farthest <= 0.0 {
            return rounding;
        }
        let deviation = |scale: f64| {
            let mut squares = 0.0;
            each_weighted(cells, weights, |number, weight| {
                let difference = scale * (number - mean);
                squares += weight * difference * difference;
            });
            (squares / all).sqrt() / scale
        };
        let deviation = match deviation(1.0) {
            // The squares of tiny numbers are 0.
            0.0 => deviation(2.0_f64.powi(600)),
            deviation => deviation,
        };
        if !(deviation > 0.0 && deviation.is_finite()) {
            return rounding;
        }
        rounding.moved = farthest / deviation;
        if rounding.moved > NOTICEABLE && !keep_zero && base.abs() <= 0.0 {
            let unit = deviation.log2().floor().exp2();
            let offset = (mean / unit).round() * unit;
            let mut farthest = 0.0_f64;
            each_present(cells, |number| {
                farthest = farthest.max(movement(number, offset))
            });
            if farthest / deviation < rounding.moved {
                rounding.offset = offset;
                rounding.moved = farthest / deviation;
            }
        }
        rounding.n_searched = match rounding.moved > NOTICEABLE {
            true if n_present > MAX_SEARCHED => 0,
            true => n_present,
            false => n_present.min(N_FIRST),
        };
        let offset = rounding.offset - base;
        rounding.n_different = different(cells, rounding.n_searched, offset);
        rounding
    }

    /// What the owner of the column `name`, which this is about, should know.
    pub(crate) fn notice(&self, name: &str) -> Option<String> {
        let name = shown(name);
        let (before, after) = self.n_different;
        if self.moved > HARMFUL {
            return Some(format!(
                "column `{name}`: rounding to f32 moves a value by {:.1e} of the column's standard deviation",
                self.moved
            ));
        }
        let merged = match self.moved > NOTICEABLE {
            true => MERGED,
            false => MERGED_AMONG_FIRST,
        };
        if (before - after) * merged > before {
            let among = match self.n_searched < self.n_present {
                true => format!(" among the first {}", self.n_searched),
                false => String::new(),
            };
            return Some(format!(
                "column `{name}`: of {before} different values{among} {after} are left different in f32, though none moves by more than {:.1e} of the column's standard deviation",
                self.moved
            ));
        }
        let has_offset = self.offset.abs() > 0.0;
        has_offset.then(|| {
            format!(
                "column `{name}` is kept as its difference from {}, as f32 has too few digits for its values",
                self.offset
            )
        })
    }
}

/// How far f32 moves the difference of a number from the offset.
fn movement(number: f64, offset: f64) -> f64 {
    let difference = number - offset;
    (difference - f64::from(rounded(difference))).abs()
}

/// How many different numbers are among the first `n_searched`, and how many different differences from the offset in f32.
fn different(cells: &[Float64Array], n_searched: usize, offset: f64) -> (usize, usize) {
    let present = cells.iter().flat_map(|cells| cells.iter().flatten());
    let mut all: Vec<f64> = present.take(n_searched).collect();
    all.sort_unstable_by(f64::total_cmp);
    let rounded = all.iter().map(|number| rounded(number - offset).to_bits());
    let mut rounded: Vec<u32> = rounded.collect();
    all.dedup_by_key(|number| number.to_bits());
    rounded.dedup();
    (all.len(), rounded.len())
}

/// The f32 that is nearest to a number.
#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
pub(crate) fn rounded(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::Rounding;

    fn rounding(numbers: &[f64]) -> Rounding {
        Rounding::of(&[numbers.to_vec().into()], 0.0, None, false)
    }

    #[test]
    fn ordinary_columns_have_no_offset() {
        for numbers in [
            &[0.1, 0.2, 0.3][..],
            &[16_777_216.0, 3.0],
            &[1e9, 1e9 + 64.0],
            &[5.0],
            &[],
        ] {
            let rounding = rounding(numbers);
            assert!(rounding.offset.abs() <= 0.0, "{numbers:?}: {rounding:?}");
            assert_eq!(rounding.notice("x"), None);
        }
    }

    #[test]
    fn numbers_below_the_least_f32_are_told() {
        for least in [1e-50, 1e-170, 1e-300] {
            let lost = rounding(&[least, 2.0 * least, 9.0 * least]);
            let notice = lost.notice("x").unwrap();
            assert!(
                notice.contains("rounding to f32 moves a value by 1."),
                "{notice}"
            );
        }
    }

    #[test]
    fn seconds_keep_their_digits() {
        let seconds: Vec<f64> = (0..20)
            .map(|second| 1_700_000_000.0 + f64::from(second))
            .collect();
        let kept = rounding(&seconds);
        assert!((kept.offset - 1_700_000_009.5).abs() < 8.0, "{kept:?}");
        assert!(kept.moved <= 0.0, "{kept:?}");
        assert!(
            kept.notice("t")
                .unwrap()
                .contains("kept as its difference from 17000000")
        );
        let never = seconds.iter().flat_map(|second| [*second, 0.0]);
        let never = rounding(&never.collect::<Vec<_>>());
        assert!(never.moved < 1e-6, "{never:?}");
        assert!(
            never
                .notice("t")
                .unwrap()
                .contains("of 21 different values 2 are left different in f32")
        );
        let lost = Rounding::of(&[seconds.into()], 0.0, None, true);
        assert!(lost.offset.abs() <= 0.0, "a column that keeps its zero");
        assert!(
            lost.notice("t")
                .unwrap()
                .contains("of the column's standard deviation")
        );
    }
}
