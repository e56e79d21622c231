//! A layer as the vector loops want it, and the sums they take over rows.

use super::float::Float;
use crate::backend::Summary;
use crate::network::Layer;
use crate::objective::Loss;
use crate::optimizer::gradient_descent;

/// Numbers of a vector: every sum is taken as this many side by side, whatever the vectors of the machine, so that
/// its order is the same on all of them.
pub(super) const WIDTH: usize = 8;
/// Rows of a block, at most.
pub(super) const ROWS: usize = 64;

/// A layer with its loss and its parameters in numbers of the kind T, each row of the weight padded with 0 to whole vectors.
#[derive(Clone, Debug)]
pub(super) struct PaddedLayer<T> {
    /// The layer as the network has it.
    pub(super) shape: Layer,
    pub(super) loss: Loss,
    /// Whether the targets of each row are followed by its weight.
    pub(super) weighted: bool,
    /// (O, I padded)
    pub(super) weight: Vec<T>,
    /// (O), 0 where there is no bias.
    pub(super) bias: Vec<T>,
}

impl<T: Float> PaddedLayer<T> {
    pub(super) fn new(shape: Layer, loss: Loss, weighted: bool, parameters: &[f64]) -> Self {
        let (weight, bias) = shape.split(parameters);
        let (n_inputs, n_outputs) = (shape.n_inputs, shape.n_outputs);
        let rounded =
            |numbers: &[f64]| -> Vec<T> { numbers.iter().map(|x| T::rounded(*x)).collect() };
        Self {
            shape,
            loss,
            weighted,
            weight: whole_vectors(&rounded(weight), n_inputs, n_outputs, n_inputs),
            bias: bias.map_or_else(|| vec![T::default(); n_outputs], rounded),
        }
    }

    /// Numbers from one row of the weight to the next.
    pub(super) fn width(&self) -> usize {
        self.shape.n_inputs.next_multiple_of(WIDTH)
    }

    /// The flat parameters of a padded weight and a bias, or the flat gradient of theirs.
    pub(super) fn flat(&self, weight: &[f64], bias: &[f64]) -> Vec<f64> {
        let mut flat = Vec::with_capacity(self.shape.n_parameters());
        for row in weight.chunks_exact(self.width()) {
            flat.extend_from_slice(&row[..self.shape.n_inputs]);
        }
        if self.shape.bias {
            flat.extend_from_slice(bias);
        }
        flat
    }
}

impl PaddedLayer<f64> {
    /// Makes one update, `parameters −= rate · sums`; the padding stays 0.
    #[inline(always)]
    pub(super) fn descend(&mut self, rate: f64, sums: &Sums) {
        let (width, n_inputs) = (self.width(), self.shape.n_inputs);
        for at in (0..self.shape.n_outputs).map(|o| o * width) {
            let grad = &sums.grad_weight[at..][..n_inputs];
            gradient_descent(rate, grad, &mut self.weight[at..][..n_inputs]);
        }
        if self.shape.bias {
            gradient_descent(rate, &sums.grad_bias, &mut self.bias);
        }
    }
}

/// The gradient, the loss and dy/dz, summed over rows.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// (O, I padded); the padding holds numbers without a meaning. Empty where no gradient is wanted.
    pub(super) grad_weight: Vec<f64>,
    /// (O); empty likewise.
    pub(super) grad_bias: Vec<f64>,
    /// Lane i sums the i-th row of every block.
    pub(super) loss: [f64; ROWS],
    /// Lane i sums dy/dz of the i-th row of every block.
    pub(super) slope: [f64; ROWS],
}

impl Sums {
    pub(super) fn zero<T>(layer: &PaddedLayer<T>) -> Self {
        Self {
            grad_weight: vec![0.0; layer.weight.len()],
            grad_bias: vec![0.0; layer.bias.len()],
            ..Self::without_gradient()
        }
    }

    /// Of loss and dy/dz alone.
    pub(super) fn without_gradient() -> Self {
        Self {
            grad_weight: Vec::new(),
            grad_bias: Vec::new(),
            loss: [0.0; ROWS],
            slope: [0.0; ROWS],
        }
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.grad_weight.fill(0.0);
        self.grad_bias.fill(0.0);
        self.clear_lanes(ROWS);
    }

    /// Sets the loss and the slope of the first `n_lanes` rows of every block to 0.
    #[inline(always)]
    pub(super) fn clear_lanes(&mut self, n_lanes: usize) {
        self.loss[..n_lanes].fill(0.0);
        self.slope[..n_lanes].fill(0.0);
    }

    /// The loss and dy/dz of all rows, summed and not yet reduced.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            loss: sum(&self.loss),
            mean_slope: sum(&self.slope),
        }
    }
}

/// The sum of `lanes`, a multiple of [`WIDTH`]: vectors first, then the halves and quarters of the last one.
#[inline(always)]
pub(super) fn sum(lanes: &[f64]) -> f64 {
    let mut sums = [0.0; WIDTH];
    for vector in lanes.as_chunks::<WIDTH>().0 {
        for i in 0..WIDTH {
            sums[i] += vector[i];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// A copy of `n_rows` rows of `n_inputs` numbers, which start every `stride` of `numbers`, each padded with 0 to whole
/// vectors.
pub(super) fn whole_vectors<T: Copy + Default>(
    numbers: &[T],
    stride: usize,
    n_rows: usize,
    n_inputs: usize,
) -> Vec<T> {
    let width = n_inputs.next_multiple_of(WIDTH);
    let mut padded = vec![T::default(); n_rows * width];
    for (to, from) in padded.chunks_exact_mut(width).zip(numbers.chunks(stride)) {
        to[..n_inputs].copy_from_slice(&from[..n_inputs]);
    }
    padded
}
