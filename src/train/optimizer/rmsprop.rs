//! RMSprop (Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012), the same as
//! `torch.optim.RMSprop`.

use serde::{Deserialize, Serialize};

/// The share of the mean square that each step keeps.
const DECAY: f64 = 0.99;
/// Keeps the step finite if a gradient has always been 0.
const EPSILON: f64 = 1e-8;

/// The mean square of each parameter's gradient.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::train) struct RmsProp {
    #[serde(skip)]
    square: Vec<f64>,
}

impl RmsProp {
    /// Before the first update.
    pub(in crate::train) fn new(n_parameters: usize) -> Self {
        Self {
            square: vec![0.0; n_parameters],
        }
    }

    pub(in crate::train) fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        vec![("square".to_owned(), &mut self.square)]
    }

    /// `parameters ← parameters − rate · gradient / (√square + ε)`.
    pub(in crate::train) fn step(&mut self, rate: f64, gradient: &[f64], parameters: &mut [f64]) {
        let terms = self.square.iter_mut().zip(gradient).zip(parameters);
        for ((square, gradient), parameter) in terms {
            *square = DECAY * *square + (1.0 - DECAY) * gradient * gradient;
            *parameter -= rate * gradient / (square.sqrt() + EPSILON);
        }
    }
}
