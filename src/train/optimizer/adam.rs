//! Adam (Kingma and Ba, ICLR 2015, Algorithm 1), the same as `torch.optim.Adam`.

use crate::cpu::{Arithmetic, Instructions};
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
    /// The vector instructions of a step, which change no bit: nothing in it is fused.
    #[serde(skip, default = "Instructions::detect")]
    instructions: Instructions,
}

impl Adam {
    /// Before the first update.
    pub(in crate::train) fn new(n_parameters: usize) -> Self {
        Self {
            mean: vec![0.0; n_parameters],
            square: vec![0.0; n_parameters],
            steps: 0,
            instructions: Instructions::detect(),
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
        self.instructions.run(Step {
            rate,
            shares: DECAY.map(|decay| 1.0 - decay.powi(steps)),
            gradient,
            mean: &mut self.mean,
            square: &mut self.square,
            parameters,
        });
    }
}

/// One step; `shares` are what the moments have seen of a whole mean.
struct Step<'a> {
    rate: f64,
    shares: [f64; 2],
    gradient: &'a [f64],
    mean: &'a mut [f64],
    square: &'a mut [f64],
    parameters: &'a mut [f64],
}

impl Arithmetic for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let [mean_share, square_share] = self.shares;
        let moments = self.mean.iter_mut().zip(self.square);
        let numbers = self.gradient.iter().zip(moments).zip(self.parameters);
        for ((gradient, (mean, square)), parameter) in numbers {
            *mean = DECAY[0] * *mean + (1.0 - DECAY[0]) * gradient;
            *square = DECAY[1] * *square + (1.0 - DECAY[1]) * gradient * gradient;
            let root = (*square / square_share).sqrt();
            *parameter -= self.rate * (*mean / mean_share) / (root + EPSILON);
        }
    }
}
