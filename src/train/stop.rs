//! Why and when a training ends.

use super::config::TrainConfig;
use serde::{Deserialize, Serialize};

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// All iterations were made.
    Iterations,
    /// The gradient is within its tolerance: no step promises to lower the loss by more than a tiny share.
    Gradient,
    /// The change of the loss is within its tolerance.
    Loss,
    /// L-BFGS finds no lower loss, and the gradient promises no decrease that rounding would not hide.
    Rounding,
    /// L-BFGS finds no lower loss, although the gradient promises one.
    Stalled,
    /// The time is over.
    Seconds,
    /// The loss on the held-out samples has not fallen for as long as the settings allow.
    EarlyStopping,
    /// The loss or a parameter is no longer finite, and early stopping returned to parameters from before. Without these
    /// it is an [error](crate::Error::Diverged).
    Diverged,
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
            Self::Stalled => {
                "not converged: no step lowers the loss, although its gradient promises a decrease"
            }
            Self::Seconds => "its time is over",
            Self::EarlyStopping => "the validation loss has stopped falling",
            Self::Diverged => "diverged",
            Self::Interrupted => "interrupted",
        })
    }
}

/// What the tolerances are compared with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Convergence {
    /// The loss one iteration ago.
    loss: Option<f64>,
}

impl Convergence {
    /// Whether the loss of the next iteration, or its gradient of the size `relative_gradient`, is within a tolerance.
    pub(super) fn reached(
        &mut self,
        config: &TrainConfig,
        loss: f64,
        relative_gradient: Option<f64>,
    ) -> Option<StopReason> {
        let before = self.loss.replace(loss);
        if let (Some(relative), Some(tolerance)) = (relative_gradient, config.gradient_tolerance)
            && relative <= tolerance
        {
            return Some(StopReason::Gradient);
        }
        let (before, tolerance) = (before?, config.loss_tolerance?);
        let unchanged = (before - loss).abs() <= tolerance * before.abs().max(loss.abs());
        unchanged.then_some(StopReason::Loss)
    }
}
