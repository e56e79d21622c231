//! Adam (Kingma and Ba, ICLR 2015, Algorithm 1), as `torch.optim.Adam` has it.

/// What the moments keep of their past with each update, as the paper proposes.
const KEPT: [f64; 2] = [0.9, 0.999];
/// Keeps a step finite where a gradient has always been 0.
const EPSILON: f64 = 1e-8;

/// The moments of each parameter's gradient.
#[derive(Clone, Debug)]
pub(in crate::train) struct Adam {
    /// Running mean of the gradient.
    pub(in crate::train) mean: Vec<f64>,
    /// Running mean of its square.
    pub(in crate::train) square: Vec<f64>,
    /// Updates made.
    pub(in crate::train) steps: u64,
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

    /// `parameters ← parameters − rate · m̂ / (√v̂ + ε)`: m̂ and v̂ are the moments, freed of the zeros they
    /// started from.
    pub(in crate::train) fn step(&mut self, rate: f64, gradient: &[f64], parameters: &mut [f64]) {
        self.steps += 1;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let [mean_share, square_share] = KEPT.map(|kept| 1.0 - kept.powi(steps));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((gradient, (mean, square)), parameter) in gradient.iter().zip(moments).zip(parameters)
        {
            *mean = KEPT[0] * *mean + (1.0 - KEPT[0]) * gradient;
            *square = KEPT[1] * *square + (1.0 - KEPT[1]) * gradient * gradient;
            let root = (*square / square_share).sqrt();
            *parameter -= rate * (*mean / mean_share) / (root + EPSILON);
        }
    }
}
