//! The precision of the arithmetic.

use serde::{Deserialize, Serialize};

/// The numbers that a backend computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// float64, of 53 bits.
    F64,
    /// float32, of 24 bits.
    F32,
}

impl Precision {
    /// The distance from 1 to the next number.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        match self {
            Self::F64 => f64::EPSILON,
            Self::F32 => f64::from(f32::EPSILON),
        }
    }

    /// The share of a loss by which two losses have to differ to be told apart: four units in the last place,
    /// since a sum over samples, taken in a tree, is off by a few.
    pub(crate) fn resolution(self) -> f64 {
        4.0 * self.epsilon()
    }

    /// Rounds `numbers` to it.
    pub(crate) fn round(self, numbers: &mut [f64]) {
        if self == Self::F32 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "to round is what is asked for"
            )]
            numbers.iter_mut().for_each(|x| *x = f64::from(*x as f32));
        }
    }
}
