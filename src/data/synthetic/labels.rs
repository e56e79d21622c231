//! The labels of rows by one rule: sums of integers over the features of a row, compared. The shader `synthetic`
//! takes the same sums in `common/synthetic_rule.wgsl`.

use super::rule::Rule;
use super::teacher::{self, UNITS, Unit};

/// What decides the labels of rows of I features.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labels {
    rule: Rule,
    /// (I, 1) for the linear rule, (I, units) for a teacher, otherwise empty.
    weight: Vec<i32>,
    /// The hidden units of a teacher; otherwise none.
    units: Vec<Unit>,
    /// The label is 1 above it.
    threshold: i32,
}

impl Labels {
    /// The labels of rows of `n_inputs` features. `features` writes the features of a row of these data.
    pub(super) fn new(
        rule: Rule,
        n_inputs: usize,
        seed: u32,
        features: impl Fn(u64, &mut [f32]) + Sync,
    ) -> Self {
        let mut labels = Self {
            rule,
            weight: Vec::new(),
            units: Vec::new(),
            threshold: 0,
        };
        match rule {
            Rule::Linear => {
                let weight = |j| (teacher::hidden_word(seed, [j, 0]) >> 25).cast_signed() - 64;
                labels.weight = (0..).take(n_inputs).map(weight).collect();
            }
            Rule::Xor | Rule::Spiral => {}
            Rule::Circle => labels.threshold = median_of_squares(n_inputs),
            Rule::Teacher => {
                (labels.weight, labels.units) = teacher::drawn(n_inputs, seed);
                let margin = |x: &[f32]| labels.teacher_margin(x);
                labels.threshold = teacher::threshold(n_inputs, features, margin);
            }
        }
        labels
    }

    pub(crate) fn rule(&self) -> Rule {
        self.rule
    }

    pub(crate) fn weight(&self) -> &[i32] {
        &self.weight
    }

    pub(crate) fn units(&self) -> &[Unit] {
        &self.units
    }

    pub(crate) fn threshold(&self) -> i32 {
        self.threshold
    }

    /// The label of a row with the features `x` (I).
    pub(super) fn of(&self, x: &[f32]) -> bool {
        let margin: i32 = match self.rule {
            Rule::Linear => {
                let terms = self.weight.iter().zip(x);
                terms.map(|(weight, x)| weight * (integer(*x) >> 12)).sum()
            }
            Rule::Xor => {
                let pairs = x.chunks_exact(2);
                pairs.map(|pair| -middle(pair[0]) * middle(pair[1])).sum()
            }
            Rule::Circle => x.iter().map(|x| middle(*x) * middle(*x)).sum(),
            Rule::Spiral => return spiral(middle(x[0]), middle(x[1])),
            Rule::Teacher => self.teacher_margin(x),
        };
        margin > self.threshold
    }

    /// The output of the teacher for the features `x` (I).
    fn teacher_margin(&self, x: &[f32]) -> i32 {
        let mut sums = [0; UNITS];
        for (x, weights) in x.iter().zip(self.weight.chunks_exact(UNITS)) {
            let middle = middle(*x);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight * middle;
            }
        }
        let units = self.units.iter().zip(sums);
        units
            .map(|(unit, sum)| unit.output * (sum + unit.bias).max(0))
            .sum()
    }
}

/// The integer of 24 bits that is `x` · 2²³.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a feature is an integer over 2²³"
)]
fn integer(x: f32) -> i32 {
    (x * 8_388_608.0) as i32
}

/// The odd c from −511 to 511 of the middle c/512 of the interval that holds `x`.
fn middle(x: f32) -> i32 {
    2 * (integer(x) >> 15) + 1
}

/// The median of Σ c², in which a uniform x in [−1, 1) has the square (c/512)². With the mean ⅓, the variance 4/45 and
/// the third central moment 16/945 of x², the median of a sum of I is I/3 − (16/945)/(6 · 4/45) = (21 I − 2)/63 but for
/// terms that vanish for many features (the Cornish-Fisher expansion). A single square has the median ¼.
fn median_of_squares(n_inputs: usize) -> i32 {
    const ONE: u64 = 512 * 512;
    let median = match n_inputs {
        1 => ONE / 4,
        _ => ONE * (21 * n_inputs as u64 - 2) / 63,
    };
    i32::try_from(median).expect("at most 8,192 features, each below 2¹⁸")
}

/// Whether (x, y), both odd, lies in the second arm of a double spiral.
///
/// The radius is |x| + |y|, and angles are those of the diamond of this radius r: half a turn, from (r, 0) over (0, r)
/// to (−r, 0), is r − x, from 0 to 2r. The arms take turns every half turn of the angle, and they turn by half a turn
/// whenever the radius grows by 256. The label is the parity of the half turns in r/256 + angle/2r, a sum of fractions
/// that is compared without a division.
fn spiral(x: i32, y: i32) -> bool {
    let is_below = y < 0;
    let (x, y) = if is_below { (-x, -y) } else { (x, y) };
    let radius = x.abs() + y;
    let carries = 128 * (radius - x) >= radius * (256 - radius % 256);
    ((radius / 256) % 2 == 1) != (is_below != carries)
}
