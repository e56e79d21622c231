//! What is minimised: the losses, each value beside its derivative, and their reduction.

/// The loss of one prediction `y = sigmoid(z)` against its target `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `½ (t − y)²`, the article's.
    SquaredError,
    /// `−t ln y − (1 − t) ln(1 − y)`, for targets in [0, 1].
    CrossEntropy,
}

impl Loss {
    /// The loss, from the pre-activation `z` and the prediction `y`.
    ///
    /// Cross-entropy is taken from `z` as `max(z, 0) − z t + ln(1 + exp(−|z|))`, which never
    /// overflows and never takes the logarithm of 0.
    #[must_use]
    pub fn value(self, z: f64, y: f64, t: f64) -> f64 {
        match self {
            Self::SquaredError => 0.5 * (t - y) * (t - y),
            Self::CrossEntropy => z.max(0.0) - z * t + (-z.abs()).exp().ln_1p(),
        }
    }

    /// `dloss/dz`.
    #[must_use]
    pub fn grad_z(self, y: f64, t: f64) -> f64 {
        match self {
            Self::SquaredError => (y - t) * y * (1.0 - y),
            Self::CrossEntropy => y - t,
        }
    }
}

/// How the losses of the samples become one number. Over the outputs they are always summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// The sum over the samples, the article's.
    Sum,
    /// The mean over the samples.
    Mean,
}

impl Reduction {
    /// What a sum over `n_samples` is multiplied by.
    #[must_use]
    pub fn scale(self, n_samples: usize) -> f64 {
        match self {
            Self::Sum => 1.0,
            Self::Mean => 1.0 / n_samples as f64,
        }
    }
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The loss of one prediction.
    pub loss: Loss,
    /// Over the samples.
    pub reduction: Reduction,
}

#[cfg(test)]
mod tests {
    use super::Loss;
    use crate::network::sigmoid;

    /// Central differences in z; both classes and a soft target, both signs of z. The step makes
    /// the truncation error about 1e-10, so 1e-8 would not hide a wrong sign or factor.
    #[test]
    fn the_derivative_is_that_of_the_value() {
        let h = 1e-5;
        for loss in [Loss::SquaredError, Loss::CrossEntropy] {
            for t in [0.0, 0.25, 1.0] {
                for z in [-20.0, -3.0, -0.5, 0.5, 1.0, 4.0, 20.0] {
                    let value = |z| loss.value(z, sigmoid(z), t);
                    let numerical = (value(z + h) - value(z - h)) / (2.0 * h);
                    let error = (numerical - loss.grad_z(sigmoid(z), t)).abs();
                    assert!(error <= 1e-8, "{loss:?} t={t} z={z}: off by {error:e}");
                }
            }
        }
    }

    #[test]
    fn cross_entropy_is_finite_and_linear_far_out() {
        for (z, t, expected) in [
            (1e4, 0.0, 1e4),
            (1e4, 1.0, 0.0),
            (-1e4, 1.0, 1e4),
            (-90.0, 1.0, 90.0),
        ] {
            let error: f64 = (Loss::CrossEntropy.value(z, sigmoid(z), t) - expected).abs();
            assert!(error <= 1e-12, "z={z} t={t}: off by {error:e}");
        }
    }
}
