//! Penalties on the weights, never on a bias.

use super::optimizer::Iterate;
use crate::network::Layer;

/// The penalty `l1 ‖W‖₁ + ½ l2 ‖W‖²` that is added to the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Penalty {
    pub(super) l1: f64,
    pub(super) l2: f64,
    /// The number of weights, which come first among the parameters.
    pub(super) n_weights: usize,
}

impl Penalty {
    pub(super) fn new(l1: f64, l2: f64, layer: Layer) -> Self {
        Self {
            l1,
            l2,
            n_weights: layer.n_weights(),
        }
    }

    /// `l1 ‖W‖₁`
    pub(super) fn l1_loss(&self, parameters: &[f64]) -> f64 {
        if self.l1 == 0.0 {
            return 0.0;
        }
        let weights = &parameters[..self.n_weights];
        self.l1 * weights.iter().map(|weight| weight.abs()).sum::<f64>()
    }

    /// `½ l2 ‖W‖²`
    pub(super) fn l2_loss(&self, parameters: &[f64]) -> f64 {
        if self.l2 == 0.0 {
            return 0.0;
        }
        let weights = &parameters[..self.n_weights];
        0.5 * self.l2 * weights.iter().map(|weight| weight * weight).sum::<f64>()
    }

    /// `gradient += l2 W`
    pub(super) fn add_l2_gradient(&self, parameters: &[f64], gradient: &mut [f64]) {
        for (gradient, weight) in gradient.iter_mut().zip(&parameters[..self.n_weights]) {
            *gradient += self.l2 * weight;
        }
    }

    /// The subgradient of the objective nearest to 0 (Andrew and Gao, ICML 2007, equation 4), which is 0 at a minimum;
    /// without an L1 penalty the gradient.
    pub(super) fn pseudo_gradient(&self, at: &Iterate) -> Vec<f64> {
        let mut pseudo = at.gradient.clone();
        let weights = &at.parameters[..self.n_weights];
        for (gradient, weight) in pseudo.iter_mut().zip(weights) {
            *gradient = if *weight == 0.0 {
                soft_threshold(*gradient, self.l1)
            } else {
                *gradient + self.l1 * weight.signum()
            };
        }
        pseudo
    }

    /// The proximal step of `rate · l1 ‖W‖₁` (Parikh and Boyd, Proximal Algorithms, section 6.5.2): moves each weight
    /// towards 0 by `rate · l1`, but not beyond.
    pub(super) fn soft_threshold(&self, rate: f64, parameters: &mut [f64]) {
        if self.l1 > 0.0 {
            for weight in &mut parameters[..self.n_weights] {
                *weight = soft_threshold(*weight, rate * self.l1);
            }
        }
    }
}

/// `x`, nearer to 0 by `threshold`, but not beyond.
fn soft_threshold(x: f64, threshold: f64) -> f64 {
    x - x.clamp(-threshold, threshold)
}
