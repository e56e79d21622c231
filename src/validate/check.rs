//! The result of a validation: checks against bounds, and the distance of two trainings.

use crate::data::StorageRounding;
use std::borrow::Cow;
use std::iter::zip;

/// The values of one quantity at one iteration, by the worst of them: the one whose error is the largest part of its
/// bound.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Check {
    /// The number of updates before.
    pub iteration: u64,
    /// The name of the quantity.
    pub quantity: Cow<'static, str>,
    /// The number of values.
    pub n_values: u64,
    /// `|value − reference|` of the worst.
    pub error: f64,
    /// The bound of the worst.
    pub bound: f64,
    /// `error / bound`; infinite, and null in JSON, where a value or a bound is not finite.
    pub ratio: f64,
    /// Whether every error is within its bound.
    pub within: bool,
}

impl Check {
    fn new(quantity: impl Into<Cow<'static, str>>) -> Self {
        Self {
            iteration: 0,
            quantity: quantity.into(),
            n_values: 0,
            error: 0.0,
            bound: 0.0,
            ratio: 0.0,
            within: true,
        }
    }

    /// Compares values, each given with its reference and its bound.
    pub(super) fn of(
        quantity: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = [f64; 3]>,
    ) -> Self {
        let mut check = Self::new(quantity);
        check.extend(values);
        check
    }

    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = [f64; 3]>) {
        for [value, reference, bound] in values {
            self.value(value, reference, bound);
        }
    }

    /// Several checks as one.
    pub(super) fn worst_of(
        quantity: impl Into<Cow<'static, str>>,
        checks: impl IntoIterator<Item = Self>,
    ) -> Self {
        let mut all = Self::new(quantity);
        for check in checks {
            if all.n_values == 0 || check.ratio > all.ratio {
                (all.error, all.bound, all.ratio) = (check.error, check.bound, check.ratio);
            }
            all.within &= check.within;
            all.n_values += check.n_values;
        }
        all
    }

    /// Compares one value. A value that is not finite is never within its bound.
    fn value(&mut self, value: f64, reference: f64, bound: f64) {
        let error = (value - reference).abs();
        let within = error <= bound && bound.is_finite();
        let ratio = match error / bound {
            _ if within && error <= 0.0 => 0.0,
            ratio if ratio.is_nan() || !bound.is_finite() => f64::INFINITY,
            ratio => ratio,
        };
        if self.n_values == 0 || ratio > self.ratio {
            (self.error, self.bound, self.ratio) = (error, bound, ratio);
        }
        self.within &= within;
        self.n_values += 1;
    }
}

/// Each value with its reference and its bound.
pub(super) fn compared(
    values: &[f64],
    references: &[f64],
    bounds: &[f64],
) -> impl Iterator<Item = [f64; 3]> + Clone {
    let both = zip(values, references).zip(bounds);
    both.map(|((value, reference), bound)| [*value, *reference, *bound])
}

/// A quantity whose bound is as large as its values, so that it promises nothing, at one iteration.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Vacuous {
    /// The number of updates before.
    pub iteration: u64,
    /// The name of the quantity.
    pub quantity: Cow<'static, str>,
    /// The widest bound; infinite, and null in JSON, where values may leave f32.
    pub bound: f64,
    /// The largest magnitude of a value.
    pub value: f64,
}

/// How far apart two trainings end that start from the same parameters. Errors compound over the
/// iterations, so it has no bound.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Distance {
    /// The number of updates.
    pub iterations: u64,
    /// Largest difference of a parameter.
    pub absolute: f64,
    /// The largest difference over the largest parameter of the reference.
    pub relative: f64,
}

impl Distance {
    pub(super) fn new(iterations: u64, reached: &[f64], expected: &[f64]) -> Self {
        // f64::max passes over NaN, so a difference that is not a number is made infinite first.
        let absolute = zip(reached, expected)
            .map(|(a, b)| (a - b).abs())
            .map(|error| if error.is_nan() { f64::INFINITY } else { error })
            .fold(0.0, f64::max);
        let largest = expected.iter().map(|b| b.abs()).fold(0.0, f64::max);
        Self {
            iterations,
            absolute,
            relative: absolute / largest,
        }
    }
}

/// The effect of rounding the data to their storage: on the inputs, and on the loss of the reference at the
/// parameters reached.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct StorageEffect {
    /// The change of the inputs.
    #[serde(flatten)]
    pub inputs: StorageRounding,
    /// On the data before rounding.
    pub loss_of_original: f64,
    /// On the data as they are stored.
    pub loss_of_stored: f64,
}

/// The result of a validation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Proof {
    /// The hardware that was validated.
    pub adapter: String,
    /// The hardware of the reference.
    pub reference: String,
    /// Each quantity at each iteration looked at.
    pub checks: Vec<Check>,
    /// What is not checked because its bound promises nothing: of networks with hidden layers, whose stages are checked
    /// whatever their number.
    pub vacuous: Vec<Vacuous>,
    /// After all iterations.
    pub distance: Distance,
    /// `None` for data stored as f32. The checks are on the stored data and do not include it.
    pub rounding: Option<StorageEffect>,
}

impl Proof {
    /// Whether every error is within its bound, and both trainings ended with finite parameters.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.within) && self.distance.absolute.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Distance, Proof};

    fn validation(check: Check, reached: f64) -> Proof {
        Proof {
            adapter: String::new(),
            reference: String::new(),
            checks: vec![Check::new("nothing"), check],
            vacuous: Vec::new(),
            distance: Distance::new(1, &[0.0, reached], &[1.0, 1.0]),
            rounding: None,
        }
    }

    #[test]
    fn only_what_is_within_a_finite_bound_passes() {
        for (value, bound, passes) in [
            (1.5, 0.5, true),
            (1.5, 0.4999, false),
            (1.0, 0.0, true),
            (f64::NAN, 1.0, false),
            (f64::INFINITY, 1.0, false),
            (1.5, f64::NAN, false),
            (f64::INFINITY, f64::INFINITY, false),
            (1.5, f64::INFINITY, false),
        ] {
            let mut check = Check::new("test");
            check.value(1.0, 1.0, 1.0);
            check.value(value, 1.0, bound);
            check.value(1.0, 1.0, 1.0);
            assert_eq!(check.within, passes, "{value} within {bound} of 1");
            assert_eq!(
                validation(check, 1.0).passed(),
                passes,
                "{value} within {bound} of 1"
            );
        }
    }

    #[test]
    fn parameters_that_are_not_finite_do_not_pass() {
        for reached in [f64::NAN, f64::INFINITY] {
            assert!(
                !validation(Check::new("test"), reached).passed(),
                "{reached}"
            );
        }
    }
}
