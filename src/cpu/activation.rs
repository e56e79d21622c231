//! What the activation and the loss make of the pre-activations of a block.

use super::exp::{exp, ln, ln_1p};
use super::layer::{PaddedLayer, ROWS, Sums, WIDTH};
use crate::network::Activation;
use crate::objective::Loss;
use crate::simd::mul_add;

/// Numbers of one output, a lane for each row of a block.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The targets.
    pub(super) t: [f64; ROWS],
    /// The weights, where there are any.
    pub(super) w: [f64; ROWS],
    /// exp(−|z|), of a sigmoid.
    pub(super) q: [f64; ROWS],
}

/// Loss and slope of the last of the vectors in the first `n` lanes.
#[inline(always)]
fn last_vectors(sums: &Sums, n: usize) -> [[f64; WIDTH]; 2] {
    let last = |lanes: &[f64; ROWS]| {
        let mut vector = [0.0; WIDTH];
        vector.copy_from_slice(&lanes[n - WIDTH..n]);
        vector
    };
    [last(&sums.loss), last(&sums.slope)]
}

/// Takes back what the lanes without a row, `n_rows` to `n`, have added to loss and slope since [`last_vectors`].
#[inline(always)]
fn restore_lanes(sums: &mut Sums, n: usize, n_rows: usize, before: &[[f64; WIDTH]; 2]) {
    let last = n - WIDTH;
    keep_rows(&mut sums.loss[last..n], n_rows - last, &before[0]);
    keep_rows(&mut sums.slope[last..n], n_rows - last, &before[1]);
}

/// Turns the pre-activations `z` of one output of `n_rows` rows into dloss/dz, and adds loss and dy/dz to `sums`.
/// The outputs of a softmax depend on each other and go through [`softmax`] instead.
#[inline(always)]
pub(super) fn activate<T, const FUSED: bool>(
    layer: &PaddedLayer<T>,
    n_rows: usize,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
) {
    let n = z.len().min(ROWS);
    let z = &mut z[..n];
    let before = last_vectors(sums, n);
    // A lane without a row must hold a finite number before, and 0 after, when the gradients are summed.
    let last = n - WIDTH;
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    match (layer.shape.activation, layer.weighted) {
        (Activation::Identity, weighted) => identity(weighted, z, lanes, sums),
        (Activation::Tanh, weighted) => tanh::<FUSED>(weighted, z, lanes, sums),
        (_, false) => sigmoid::<FUSED, false>(layer.loss, z, lanes, sums),
        (_, true) => sigmoid::<FUSED, true>(layer.loss, z, lanes, sums),
    }
    keep_rows(&mut z[last..], n_rows - last, &[0.0; WIDTH]);
    restore_lanes(sums, n, n_rows, &before);
}

#[inline(always)]
fn sigmoid<const FUSED: bool, const WEIGHTED: bool>(
    kind: Loss,
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
    if kind == Loss::CrossEntropy {
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
        match kind {
            Loss::CrossEntropy => z[i] = weigh(i, y - t[i]),
            Loss::SquaredError => {
                z[i] = weigh(i, (y - t[i]) * dy_dz);
                loss[i] += weigh(i, 0.5 * (t[i] - y) * (t[i] - y));
            }
        }
    }
}

/// tanh z from q = exp(−2|z|), which lies in [0, 1]: ±(1 − q) / (1 + q), of slope 4q / (1 + q)².
#[inline(always)]
fn tanh<const FUSED: bool>(weighted: bool, z: &mut [f64], lanes: &mut Lanes, sums: &mut Sums) {
    let n = z.len();
    let (t, w, q) = (&lanes.t[..n], &lanes.w[..n], &mut lanes.q[..n]);
    let (loss, slope) = (&mut sums.loss[..n], &mut sums.slope[..n]);
    for i in 0..n {
        q[i] = exp::<FUSED>(-2.0 * z[i].abs());
    }
    for i in 0..n {
        let weight = if weighted { w[i] } else { 1.0 };
        let r = 1.0 / (1.0 + q[i]);
        let magnitude = (1.0 - q[i]) * r;
        let y = if z[i] >= 0.0 { magnitude } else { -magnitude };
        let dy_dz = 4.0 * q[i] * r * r;
        let difference = y - t[i];
        loss[i] += weight * (0.5 * difference * difference);
        slope[i] += weight * dy_dz;
        z[i] = weight * (difference * dy_dz);
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

/// Turns the pre-activations `z` (O, ROWS) of all outputs of a softmax into dloss/dz, and adds loss and dy/dz to
/// `sums`. For each output `read` writes the targets of the `n_rows` rows into the lanes.
#[inline(always)]
pub(super) fn softmax<T, const FUSED: bool>(
    layer: &PaddedLayer<T>,
    n_rows: usize,
    z: &mut [f64],
    lanes: &mut Lanes,
    sums: &mut Sums,
    read: impl Fn(usize, &mut Lanes),
) {
    let n = n_rows.next_multiple_of(WIDTH).min(ROWS);
    let last = n - WIDTH;
    let before = last_vectors(sums, n);
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
        if !layer.weighted {
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
            let weight = if layer.weighted { lanes.w[i] } else { 1.0 };
            sums.slope[i] += weight * (y * (1.0 - y));
            z[i] = weight * (y - lanes.t[i]);
        }
        keep_rows(&mut z[last..n], n_rows - last, &[0.0; WIDTH]);
    }
    restore_lanes(sums, n, n_rows, &before);
}

/// Replaces the lanes from `n_rows` on by those of `others`. Written as one vector: a vector that is read where
/// single numbers were just written has to wait until all of them are in the cache.
#[inline(always)]
fn keep_rows(lanes: &mut [f64], n_rows: usize, others: &[f64; WIDTH]) {
    for i in 0..WIDTH {
        lanes[i] = if i < n_rows { lanes[i] } else { others[i] };
    }
}
