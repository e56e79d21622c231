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
            Self::Gradient => "converged: the gradient is within its tolerance",
            Self::Loss => "the loss changes by less than its tolerance",
            Self::Rounding => "converged: rounding hides any further decrease of the loss",
            Self::Seconds => "its time is over",
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
            match *largest > 0.0 {
                true => component.abs() / *largest,
                // It has always been 0, or is not a number.
                false => component.abs(),
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

#[cfg(test)]
mod tests {
    use super::Convergence;

    #[test]
    fn a_gradient_falls_as_far_as_its_slowest_component() {
        let mut convergence = Convergence::new(2);
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found}");
        close(convergence.fall(&[8.0, 0.0]), 1.0);
        close(convergence.fall(&[-2.0, 0.0]), 0.25);
        close(convergence.fall(&[1.0, -4.0]), 1.0);
        close(convergence.fall(&[4.0, 1.0]), 0.5);
    }

    /// Also where a component has always been 0, and whichever comes after it.
    #[test]
    fn what_is_not_a_number_has_not_fallen() {
        for gradient in [[f64::NAN, 0.0], [0.0, f64::NAN], [f64::NAN, 1.0]] {
            let share = Convergence::new(2).fall(&gradient);
            assert!(share.is_nan(), "{gradient:?}: {share}");
        }
    }
}
