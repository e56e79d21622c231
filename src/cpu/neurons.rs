//! A layer's neurons: their parameters, the sums of their gradients, and what the activation and the loss make
//! of pre-activations.

use super::functions::{exp, ln, ln_1p};
use super::gradient_descent;
use crate::instructions::mul_add;
use crate::network::{Activation, Layer};
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
    /// Whether a weight stands behind the targets of each row.
    pub(super) weighted: bool,
    /// (O, I padded)
    pub(super) weight: Vec<f64>,
    /// (O), 0 where there is no bias.
    pub(super) bias: Vec<f64>,
}

impl Neurons {
    pub(super) fn new(layer: Layer, loss: Loss, weighted: bool, parameters: &[f64]) -> Self {
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
            weighted,
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

    /// Forgets loss and mean slope of the first `n_lanes` rows of every block.
    #[inline(always)]
    pub(super) fn clear_lanes(&mut self, n_lanes: usize) {
        self.loss[..n_lanes].fill(0.0);
        self.slope[..n_lanes].fill(0.0);
    }

    /// Loss and slope of the last vector of `n` lanes, to be kept where a lane has no row.
    #[inline(always)]
    fn kept(&self, n: usize) -> [[f64; WIDTH]; 2] {
        let last = |lanes: &[f64; ROWS]| {
            let mut kept = [0.0; WIDTH];
            kept.copy_from_slice(&lanes[n - WIDTH..n]);
            kept
        };
        [last(&self.loss), last(&self.slope)]
    }

    /// Takes back what the lanes from `n_rows` on have added since [`Sums::kept`].
    #[inline(always)]
    fn keep(&mut self, n: usize, n_rows: usize, kept: &[[f64; WIDTH]; 2]) {
        let last = n - WIDTH;
        keep_rows(&mut self.loss[last..n], n_rows - last, &kept[0]);
        keep_rows(&mut self.slope[last..n], n_rows - last, &kept[1]);
    }

    pub(super) fn loss(&self) -> f64 {
        sum(&self.loss)
    }

    /// `Σ dy/dz`
    pub(super) fn mean_slope(&self) -> f64 {
        sum(&self.slope)
    }
}

/// One output of each row.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The targets.
    pub(super) t: [f64; ROWS],
    /// The weights, where there are any.
    pub(super) w: [f64; ROWS],
    /// exp(−|z|)
    pub(super) q: [f64; ROWS],
}

/// Turns the pre-activations `z` of one output of `n_rows` rows into dloss/dz, and adds loss and dy/dz. Of a
/// softmax, whose outputs belong together, [`softmax`] does.
#[inline(always)]
pub(super) fn activate<const FUSED: bool>(
    neurons: &Neurons,
    n_rows: usize,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
) {
    let n = z.len().min(ROWS);
    let z = &mut z[..n];
    let kept = sums.kept(n);
    // Lanes without a row are 0 before and after.
    let last = n - WIDTH;
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    match (neurons.layer.activation, neurons.weighted) {
        (Activation::Identity, weighted) => identity(weighted, z, lanes, sums),
        (_, false) => sigmoid::<FUSED, false>(neurons.loss, z, lanes, sums),
        (_, true) => sigmoid::<FUSED, true>(neurons.loss, z, lanes, sums),
    }
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    sums.keep(n, n_rows, &kept);
}

#[inline(always)]
fn sigmoid<const FUSED: bool, const WEIGHTED: bool>(
    of: Loss,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
) {
    let n = z.len();
    let (t, w, q) = (&lanes.t[..n], &lanes.w[..n], &mut lanes.q[..n]);
    let (loss, slope) = (&mut sums.loss[..n], &mut sums.slope[..n]);
    let weigh = |i: usize, x: f64| if WEIGHTED { w[i] * x } else { x };
    for i in 0..n {
        q[i] = exp::<FUSED>(-z[i].abs());
    }
    if of == Loss::CrossEntropy {
        for i in 0..n {
            let positive = if z[i] > 0.0 { z[i] } else { 0.0 };
            let value = positive - z[i] * t[i] + ln_1p::<FUSED>(q[i]);
            loss[i] += weigh(i, value);
        }
    }
    for i in 0..n {
        let r = 1.0 / (1.0 + q[i]);
        let y = if z[i] >= 0.0 { r } else { q[i] * r };
        let dy_dz = y * (1.0 - y);
        slope[i] += weigh(i, dy_dz);
        match of {
            Loss::CrossEntropy => z[i] = weigh(i, y - t[i]),
            Loss::SquaredError => {
                z[i] = weigh(i, (y - t[i]) * dy_dz);
                loss[i] += weigh(i, 0.5 * (t[i] - y) * (t[i] - y));
            }
        }
    }
}

#[inline(always)]
fn identity(weighted: bool, z: &mut [f64], lanes: &Lanes, sums: &mut Sums) {
    let n = z.len();
    let (t, w) = (&lanes.t[..n], &lanes.w[..n]);
    let (loss, slope) = (&mut sums.loss[..n], &mut sums.slope[..n]);
    for i in 0..n {
        let weight = if weighted { w[i] } else { 1.0 };
        let difference = z[i] - t[i];
        loss[i] += weight * (0.5 * difference * difference);
        slope[i] += weight;
        z[i] = weight * difference;
    }
}

/// As [`activate`], for all outputs of a softmax: `z` (O, ROWS) of `n_rows` rows, whose targets and weights
/// `read` puts into the lanes, output by output.
#[inline(always)]
pub(super) fn softmax<const FUSED: bool>(
    neurons: &Neurons,
    n_rows: usize,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
    read: impl Fn(usize, &mut Lanes),
) {
    let n = n_rows.next_multiple_of(WIDTH).min(ROWS);
    let last = n - WIDTH;
    let kept = sums.kept(n);
    let mut largest = [f64::NEG_INFINITY; ROWS];
    for z in z.chunks_exact_mut(ROWS) {
        keep_rows(&mut z[last..n], n_rows - last, &[0.0; WIDTH]);
        for i in 0..n {
            largest[i] = if z[i] > largest[i] { z[i] } else { largest[i] };
        }
    }
    // Σ exp(z − max z), Σ t and Σ t (z − max z), row by row.
    let (mut sum, mut sum_t, mut sum_tz) = ([0.0; ROWS], [0.0; ROWS], [0.0; ROWS]);
    for (o, z) in z.chunks_exact_mut(ROWS).enumerate() {
        read(o, lanes);
        for i in 0..n {
            let shifted = z[i] - largest[i];
            sum_t[i] += lanes.t[i];
            sum_tz[i] = mul_add::<FUSED>(lanes.t[i], shifted, sum_tz[i]);
            z[i] = exp::<FUSED>(shifted);
            sum[i] += z[i];
        }
    }
    for i in 0..n {
        if !neurons.weighted {
            lanes.w[i] = 1.0;
        }
        let value = mul_add::<FUSED>(sum_t[i], ln::<FUSED>(sum[i]), -sum_tz[i]);
        sums.loss[i] += lanes.w[i] * value;
        sum[i] = 1.0 / sum[i];
    }
    for (o, z) in z.chunks_exact_mut(ROWS).enumerate() {
        read(o, lanes);
        for i in 0..n {
            let y = z[i] * sum[i];
            let weight = if neurons.weighted { lanes.w[i] } else { 1.0 };
            sums.slope[i] += weight * (y * (1.0 - y));
            z[i] = weight * (y - lanes.t[i]);
        }
        keep_rows(&mut z[last..n], n_rows - last, &[0.0; WIDTH]);
    }
    sums.keep(n, n_rows, &kept);
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
