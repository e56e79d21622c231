//! Adam (Kingma and Ba, ICLR 2015, Algorithm 1), the same as `torch.optim.Adam`.

use serde::{Deserialize, Serialize};

/// The decay rates β₁ and β₂ of the moments that the paper proposes.
const DECAY: [f64; 2] = [0.9, 0.999];
/// Keeps the step finite if a gradient has always been 0.
const EPSILON: f64 = 1e-8;

/// The moments of each parameter's gradient.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::train) struct Adam {
    /// Running mean of the gradient.
    #[serde(skip)]
    mean: Vec<f64>,
    /// Running mean of its square.
    #[serde(skip)]
    square: Vec<f64>,
    /// Updates made.
    steps: u64,
}

impl Adam {
    /// Before the first update.
    pub(in crate::train) fn new(n_parameters: usize) -> Self {
        Self {
            mean: vec![0.0; n_parameters],
            square: vec![0.0; n_parameters],
            steps: 0,
        }
    }

    pub(in crate::train) fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        vec![
            ("mean".to_owned(), &mut self.mean),
            ("square".to_owned(), &mut self.square),
        ]
    }

    /// `parameters ← parameters − rate · m̂ / (√v̂ + ε)`: m̂ and v̂ are the moments without the bias
    /// of their start from 0.
    pub(in crate::train) fn step(&mut self, rate: f64, gradient: &[f64], parameters: &mut [f64]) {
        self.steps += 1;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let [mean_share, square_share] = DECAY.map(|decay| 1.0 - decay.powi(steps));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((gradient, (mean, square)), parameter) in gradient.iter().zip(moments).zip(parameters)
        {
            *mean = DECAY[0] * *mean + (1.0 - DECAY[0]) * gradient;
            *square = DECAY[1] * *square + (1.0 - DECAY[1]) * gradient * gradient;
            let root = (*square / square_share).sqrt();
            *parameter -= rate * (*mean / mean_share) / (root + EPSILON);
        }
    }
}
