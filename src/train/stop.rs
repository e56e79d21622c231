//! When a training has done enough.

use super::config::TrainConfig;

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// All iterations were made.
    Iterations,
    /// The gradient is as small as was asked for.
    Gradient,
    /// The loss changes as little as was asked for.
    Loss,
    /// L-BFGS finds no lower loss: the arithmetic cannot show one.
    Rounding,
    /// The seconds are over.
    Seconds,
    /// The loss on the samples held back has not fallen for as long as was asked for.
    EarlyStopping,
    /// Whoever watches broke it off.
    Interrupted,
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Iterations => "all iterations made",
            Self::Gradient => "converged: the gradient is within --gradient-tolerance",
            Self::Loss => "the loss changes by less than --loss-tolerance",
            Self::Rounding => "converged: rounding hides any further decrease of the loss",
            Self::Seconds => "--max-seconds are over",
            Self::EarlyStopping => "the validation loss has stopped falling",
            Self::Interrupted => "interrupted",
        })
    }
}

/// What the tolerances are held against.
#[derive(Clone, Debug)]
pub(super) struct Convergence {
    /// The largest that each component of the gradient has been.
    pub(super) largest: Vec<f64>,
    /// The loss an iteration ago.
    pub(super) loss: Option<f64>,
}

impl Convergence {
    pub(super) fn new(n_parameters: usize) -> Self {
        Self {
            largest: vec![0.0; n_parameters],
            loss: None,
        }
    }

    /// Looks at one gradient more: to which share of its largest each component has fallen, at most.
    pub(super) fn fall(&mut self, gradient: &[f64]) -> f64 {
        let components = self.largest.iter_mut().zip(gradient);
        let shares = components.map(|(largest, component)| {
            *largest = largest.max(component.abs());
            // Of a component that has always been 0 nothing is left.
            if *largest > 0.0 {
                component.abs() / *largest
            } else {
                0.0
            }
        });
        // What is not a number has not fallen.
        shares.fold(0.0, |most: f64, share| {
            match most >= share || most.is_nan() {
                true => most,
                false => share,
            }
        })
    }

    /// Looks at the loss and the gradient of one iteration more.
    pub(super) fn reached(
        &mut self,
        config: &TrainConfig,
        loss: f64,
        gradient: &[f64],
    ) -> Option<StopReason> {
        let before = self.loss.replace(loss);
        let has_fallen_to = self.fall(gradient);
        if config
            .gradient_tolerance
            .is_some_and(|to| has_fallen_to <= to)
        {
            return Some(StopReason::Gradient);
        }
        let (before, tolerance) = (before?, config.loss_tolerance?);
        let unchanged = (before - loss).abs() <= tolerance * before.abs().max(loss.abs());
        unchanged.then_some(StopReason::Loss)
    }
}
