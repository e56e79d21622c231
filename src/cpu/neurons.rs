//! A layer's neurons: their parameters, the sums of their gradients, and what the activation and the loss make
//! of pre-activations.

use super::functions::{exp, ln_1p};
use super::gradient_descent;
use crate::network::Layer;
use crate::objective::Loss;

/// Sums side by side: the order of every sum, whatever the machine's vectors.
pub(super) const WIDTH: usize = 8;
/// Rows of a block, at most.
pub(super) const ROWS: usize = 64;

/// A layer with its loss and its parameters, the weight's rows padded with 0 to whole vectors.
#[derive(Clone, Debug)]
pub(super) struct Neurons {
    pub(super) layer: Layer,
    pub(super) loss: Loss,
    /// (O, I padded)
    pub(super) weight: Vec<f64>,
    /// (O), 0 where there is no bias.
    pub(super) bias: Vec<f64>,
}

impl Neurons {
    pub(super) fn new(layer: Layer, loss: Loss, parameters: &[f64]) -> Self {
        let (weight, bias) = layer.split(parameters);
        let width = layer.n_inputs.next_multiple_of(WIDTH);
        let mut padded = vec![0.0; layer.n_outputs * width];
        for (to, from) in padded
            .chunks_exact_mut(width)
            .zip(weight.chunks_exact(layer.n_inputs))
        {
            to[..layer.n_inputs].copy_from_slice(from);
        }
        Self {
            layer,
            loss,
            weight: padded,
            bias: bias.map_or_else(|| vec![0.0; layer.n_outputs], <[f64]>::to_vec),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.layer.n_inputs.next_multiple_of(WIDTH)
    }

    /// One update; the padding stays 0.
    #[inline(always)]
    pub(super) fn descend(&mut self, rate: f64, sums: &Sums) {
        let (width, n_inputs) = (self.width(), self.layer.n_inputs);
        for at in (0..self.layer.n_outputs).map(|o| o * width) {
            let grad = &sums.grad_weight[at..][..n_inputs];
            gradient_descent(rate, grad, &mut self.weight[at..][..n_inputs]);
        }
        if self.layer.bias {
            gradient_descent(rate, &sums.grad_bias, &mut self.bias);
        }
    }

    /// Weight and bias, or their gradient laid out as they are, as the flat parameters.
    pub(super) fn flat(&self, weight: &[f64], bias: &[f64]) -> Vec<f64> {
        let rows = weight.chunks_exact(self.width());
        let bias = if self.layer.bias { bias } else { &[] };
        rows.flat_map(|row| &row[..self.layer.n_inputs])
            .chain(bias)
            .copied()
            .collect()
    }
}

/// Sums over rows.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// (O, I padded); what stands in the padding means nothing.
    pub(super) grad_weight: Vec<f64>,
    /// (O)
    pub(super) grad_bias: Vec<f64>,
    /// Lane i has the i-th row of every block.
    loss: [f64; ROWS],
    slope: [f64; ROWS],
}

impl Sums {
    pub(super) fn zero(neurons: &Neurons) -> Self {
        Self {
            grad_weight: vec![0.0; neurons.weight.len()],
            grad_bias: vec![0.0; neurons.bias.len()],
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

    /// Forgets loss and saturation of the first `n_lanes` rows of every block.
    #[inline(always)]
    pub(super) fn clear_lanes(&mut self, n_lanes: usize) {
        self.loss[..n_lanes].fill(0.0);
        self.slope[..n_lanes].fill(0.0);
    }

    pub(super) fn loss(&self) -> f64 {
        sum(&self.loss)
    }

    /// `Σ y (1 − y)`
    pub(super) fn saturation(&self) -> f64 {
        sum(&self.slope)
    }
}

/// One output of each row.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The targets.
    pub(super) t: [f64; ROWS],
    /// exp(−|z|)
    pub(super) q: [f64; ROWS],
}

/// Turns the pre-activations `z` of `n_rows` rows into dloss/dz, and adds loss and
/// y (1 − y).
#[inline(always)]
pub(super) fn activate<const FUSED: bool>(
    neurons: &Neurons,
    n_rows: usize,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
) {
    let n = z.len().min(ROWS);
    let (z, t, q) = (&mut z[..n], &lanes.t[..n], &mut lanes.q[..n]);
    let (loss, slope) = (&mut sums.loss[..n], &mut sums.slope[..n]);
    // What the lanes without a row add is taken back.
    let last = n - WIDTH;
    let (mut kept_loss, mut kept_slope) = ([0.0; WIDTH], [0.0; WIDTH]);
    kept_loss.copy_from_slice(&loss[last..]);
    kept_slope.copy_from_slice(&slope[last..]);
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    for i in 0..n {
        q[i] = exp::<FUSED>(-z[i].abs());
    }
    if neurons.loss == Loss::CrossEntropy {
        for i in 0..n {
            let positive = if z[i] > 0.0 { z[i] } else { 0.0 };
            loss[i] += positive - z[i] * t[i] + ln_1p::<FUSED>(q[i]);
        }
    }
    for i in 0..n {
        let r = 1.0 / (1.0 + q[i]);
        let y = if z[i] >= 0.0 { r } else { q[i] * r };
        let dy_dz = y * (1.0 - y);
        slope[i] += dy_dz;
        match neurons.loss {
            Loss::CrossEntropy => z[i] = y - t[i],
            Loss::SquaredError => {
                z[i] = (y - t[i]) * dy_dz;
                loss[i] += 0.5 * (t[i] - y) * (t[i] - y);
            }
        }
    }
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    keep_rows(&mut loss[last..], n_rows - last, &kept_loss);
    keep_rows(&mut slope[last..], n_rows - last, &kept_slope);
}

/// The lanes from `n_rows` on become those of `others`; as one vector, since what is written number by
/// number has to settle before it can be read as one.
#[inline(always)]
fn keep_rows(lanes: &mut [f64], n_rows: usize, others: &[f64; WIDTH]) {
    for i in 0..WIDTH {
        lanes[i] = if i < n_rows { lanes[i] } else { others[i] };
    }
}

/// Neighbouring lanes last, so that it is a sum of vectors.
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
