//! The objective of training: the losses, each value beside its derivative, and their reduction.

use crate::network::{Activation, Meaning};

/// The loss of one sample's predictions `y` (O) against its targets `t` (O).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `½ Σ (t − y)²`, the article's.
    SquaredError,
    /// For a sigmoid `−Σ t ln y + (1 − t) ln(1 − y)`, with targets in [0, 1]. For a softmax `−Σ t ln y`, with targets
    /// that also sum to 1.
    CrossEntropy,
}

impl Loss {
    /// Whether the loss is defined for predictions of `activation`.
    #[must_use]
    pub fn suits(self, activation: Activation) -> bool {
        activation.meaning() == Meaning::Probabilities || self == Self::usual(activation)
    }

    /// The usual loss for predictions of `activation`.
    #[must_use]
    pub fn usual(activation: Activation) -> Self {
        match activation.meaning() {
            Meaning::Probabilities | Meaning::ClassProbabilities => Self::CrossEntropy,
            Meaning::Numbers => Self::SquaredError,
        }
    }

    /// The loss of one sample, from the pre-activations `z` (O), the predictions `y` (O) of `activation`, and the
    /// targets `t` (O).
    ///
    /// Cross-entropy is computed from `z`: for a sigmoid as `Σ max(z, 0) − z t + ln(1 + exp(−|z|))`, for a softmax as
    /// `Σ t (max z + ln Σ exp(z − max z) − z)`. Neither overflows or takes the logarithm of 0.
    #[must_use]
    pub fn value(self, activation: Activation, z: &[f64], y: &[f64], t: &[f64]) -> f64 {
        match (self, activation) {
            (Self::CrossEntropy, Activation::Softmax) => {
                let log_sum = log_sum_exp(z);
                std::iter::zip(z, t).map(|(z, t)| t * (log_sum - z)).sum()
            }
            (Self::CrossEntropy, _) => std::iter::zip(z, t)
                .map(|(z, t)| z.max(0.0) - z * t + (-z.abs()).exp().ln_1p())
                .sum(),
            (Self::SquaredError, _) => std::iter::zip(y, t)
                .map(|(y, t)| 0.5 * (t - y) * (t - y))
                .sum(),
        }
    }

    /// About `d²loss/dz²` of one output whose prediction has the slope `dy/dz`: the slope for cross-entropy, its square
    /// for the squared error, which leaves out a term that is small near the targets (Gauss and Newton).
    pub(crate) fn curvature(self, slope: f64) -> f64 {
        match self {
            Self::CrossEntropy => slope,
            Self::SquaredError => slope * slope,
        }
    }

    /// `dloss/dz` of one output, from its pre-activation `z`, its prediction `y` and its target `t`.
    ///
    /// For cross-entropy it is `y − t`, for a softmax only if the targets of the sample sum to 1. For the squared error
    /// it is `(y − t) dy/dz`, which assumes that a prediction depends on its own `z` alone.
    pub(crate) fn grad_z(self, activation: Activation, z: f64, y: f64, t: f64) -> f64 {
        match self {
            Self::SquaredError => (y - t) * activation.slope(z, y),
            Self::CrossEntropy => y - t,
        }
    }
}

/// `ln Σ exp(z)`, computed as `max z + ln Σ exp(z − max z)`, which does not overflow.
pub(crate) fn log_sum_exp(z: &[f64]) -> f64 {
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
    largest + sum.ln()
}

/// How the losses of the samples become one number. The losses of the outputs of a sample are always summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// The sum over the samples, the article's.
    Sum,
    /// The mean over the samples.
    Mean,
}

impl Reduction {
    /// The factor of a sum over samples whose weights add up to `total_weight`, which is their number if they have no
    /// weights.
    #[must_use]
    pub fn scale(self, total_weight: f64) -> f64 {
        match self {
            Self::Sum => 1.0,
            Self::Mean => 1.0 / total_weight,
        }
    }
}

/// The loss to minimise and its reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The loss of one prediction.
    pub loss: Loss,
    /// How the losses of the samples are reduced.
    pub reduction: Reduction,
}

#[cfg(test)]
mod tests {
    use super::Loss;
    use crate::network::Activation;

    fn value(loss: Loss, activation: Activation, z: &[f64], t: &[f64]) -> f64 {
        let mut y = z.to_vec();
        activation.apply(&mut y);
        loss.value(activation, z, &y, t)
    }

    /// Central differences in every z; both classes and a soft target, both signs of z. The step makes
    /// the truncation error about 1e-10, so 1e-8 would not hide a wrong sign or factor.
    #[test]
    fn the_derivative_is_that_of_the_value() {
        const H: f64 = 1e-5;
        let activations = [
            Activation::Sigmoid,
            Activation::Softmax,
            Activation::Identity,
        ];
        let pairs = activations.map(|activation| {
            [Loss::SquaredError, Loss::CrossEntropy].map(|loss| (loss, activation))
        });
        let targets = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5]];
        for (loss, activation) in pairs.into_iter().flatten() {
            if !loss.suits(activation) {
                continue;
            }
            for t in targets {
                for z in [-20.0, -3.0, -0.5, 0.5, 1.0, 4.0, 20.0] {
                    let z = [z, 0.7, -1.3];
                    let mut y = z;
                    activation.apply(&mut y);
                    for o in 0..3 {
                        let at = |step: f64| {
                            let mut z = z;
                            z[o] += step;
                            value(loss, activation, &z, &t)
                        };
                        let numerical = (at(H) - at(-H)) / (2.0 * H);
                        let error = (numerical - loss.grad_z(activation, z[o], y[o], t[o])).abs();
                        assert!(
                            error <= 1e-8,
                            "{loss:?} of {activation:?}, t={t:?} z={z:?}, output {o}: off by {error:e}"
                        );
                    }
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
            let of_sigmoid = value(Loss::CrossEntropy, Activation::Sigmoid, &[z], &[t]);
            // Two classes by softmax are one by sigmoid.
            let of_softmax = value(
                Loss::CrossEntropy,
                Activation::Softmax,
                &[z, 0.0],
                &[t, 1.0 - t],
            );
            for found in [of_sigmoid, of_softmax] {
                let error: f64 = (found - expected).abs();
                assert!(error <= 1e-12, "z={z} t={t}: off by {error:e}");
            }
        }
    }
}
