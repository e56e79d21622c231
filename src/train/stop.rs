//! Why and when a training ends.

use super::config::TrainConfig;
use serde::{Deserialize, Serialize};

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// All iterations were made.
    Iterations,
    /// The gradient is within its tolerance.
    Gradient,
    /// The change of the loss is within its tolerance.
    Loss,
    /// L-BFGS finds no lower loss: rounding hides any further decrease.
    Rounding,
    /// The time is over.
    Seconds,
    /// The loss on the held-out samples has not fallen for as long as the settings allow.
    EarlyStopping,
    /// The caller broke it off.
    Interrupted,
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Iterations => "all iterations made",
            Self::Gradient => "converged: the gradient is within its tolerance",
            Self::Loss => "the loss changes by less than its tolerance",
            Self::Rounding => "converged: rounding hides any further decrease of the loss",
            Self::Seconds => "its time is over",
            Self::EarlyStopping => "the validation loss has stopped falling",
            Self::Interrupted => "interrupted",
        })
    }
}

/// What the tolerances are compared with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Convergence {
    /// The largest magnitude so far of each component of the gradient.
    #[serde(skip)]
    pub(super) largest: Vec<f64>,
    /// The loss one iteration ago.
    loss: Option<f64>,
}

impl Convergence {
    pub(super) fn new(n_parameters: usize) -> Self {
        Self {
            largest: vec![0.0; n_parameters],
            loss: None,
        }
    }

    /// Updates the largest magnitude of each component, and gives `max_j |g_j| / largest_j`; NaN if a component is not
    /// a number.
    pub(super) fn relative_gradient(&mut self, gradient: &[f64]) -> f64 {
        let mut relative: f64 = 0.0;
        for (largest, component) in self.largest.iter_mut().zip(gradient) {
            let magnitude = component.abs();
            *largest = largest.max(magnitude);
            // The largest is 0 if the component has always been 0 or NaN.
            let share = magnitude / if *largest > 0.0 { *largest } else { 1.0 };
            if share > relative || share.is_nan() {
                relative = share;
            }
        }
        relative
    }

    /// Whether the loss and the gradient of the next iteration are within a tolerance.
    pub(super) fn reached(
        &mut self,
        config: &TrainConfig,
        loss: f64,
        gradient: &[f64],
    ) -> Option<StopReason> {
        let before = self.loss.replace(loss);
        let relative = self.relative_gradient(gradient);
        if config
            .gradient_tolerance
            .is_some_and(|tolerance| relative <= tolerance)
        {
            return Some(StopReason::Gradient);
        }
        let (before, tolerance) = (before?, config.loss_tolerance?);
        let unchanged = (before - loss).abs() <= tolerance * before.abs().max(loss.abs());
        unchanged.then_some(StopReason::Loss)
    }
}

#[cfg(test)]
mod tests {
    use super::Convergence;

    #[test]
    fn the_largest_relative_component_counts() {
        let mut convergence = Convergence::new(2);
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found}");
        close(convergence.relative_gradient(&[8.0, 0.0]), 1.0);
        close(convergence.relative_gradient(&[-2.0, 0.0]), 0.25);
        close(convergence.relative_gradient(&[1.0, -4.0]), 1.0);
        close(convergence.relative_gradient(&[4.0, 1.0]), 0.5);
    }

    /// Whichever components stand beside it, one that has always been 0 among them.
    #[test]
    fn a_gradient_that_is_not_a_number_is_not_small() {
        for gradient in [[f64::NAN, 0.0], [0.0, f64::NAN], [f64::NAN, 1.0]] {
            let share = Convergence::new(2).relative_gradient(&gradient);
            assert!(share.is_nan(), "{gradient:?}: {share}");
        }
    }
}
