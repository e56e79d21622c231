//! The sums of one leaf, in blocks of rows that stay in the nearest caches from the forward to the
//! backward pass: so the data are read once from memory.
//!
//! Rows are taken where they lie, in whole vectors of [`WIDTH`]: a row that is no multiple of it is
//! read on into the next one, which weights of 0 make harmless, and the gradient there is left out.

use super::few::Columns;
use super::functions::{exp, ln_1p};
use super::gradient_descent;
use super::instructions::{mul_add, prefetch};
use crate::dataset::Stored;
use crate::network::{Activation, Layer};
use crate::objective::Loss;

/// Sums side by side: the order of every sum, whatever the machine's vectors.
pub(super) const WIDTH: usize = 8;
/// Rows of a block, at most.
const ROWS: usize = 64;
/// Bytes of a block's inputs, about, where there is one output: within a first-level cache, since the next
/// block, which is on its way meanwhile, waits in the second level.
const BLOCK_BYTES: usize = 1 << 15;
/// Likewise where there are several, each with a gradient to go through a block: in a second-level cache.
const BLOCK_BYTES_OF_OUTPUTS: usize = 1 << 17;
/// Bytes between what is read and what is asked for, about.
const AHEAD_BYTES: usize = 1 << 15;
/// Columns of the tile that several outputs share.
const TILE: usize = 2 * WIDTH;
/// Outputs that share one reading of a row in the forward pass, at most.
const OUTPUTS_AT_ONCE: usize = 4;

/// Consecutive rows in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) inputs: &'a [f32],
    /// Floats from one row of `inputs` to the next.
    pub(super) input_stride: usize,
    pub(super) targets: &'a [f32],
    pub(super) target_stride: usize,
    pub(super) n_rows: usize,
}

impl<'a> Rows<'a> {
    /// `n_rows` rows of `all` from number `first` on.
    pub(super) fn from(all: Stored<'a>, first: usize, n_rows: usize) -> Self {
        Self {
            // To the end of all: a row may be read on into the next one.
            inputs: &all.inputs[first * all.input_stride..],
            input_stride: all.input_stride,
            targets: &all.targets[first * all.target_stride..],
            target_stride: all.target_stride,
            n_rows,
        }
    }

    /// The inputs in rows of whole vectors, `n_inputs` of each and then 0.
    pub(super) fn padded(&self, n_inputs: usize) -> Vec<f32> {
        let width = n_inputs.next_multiple_of(WIDTH);
        let mut padded = vec![0.0; self.n_rows * width];
        let from = self.inputs.chunks(self.input_stride);
        for (to, from) in padded.chunks_exact_mut(width).zip(from) {
            to[..n_inputs].copy_from_slice(&from[..n_inputs]);
        }
        padded
    }
}

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

/// Room for one block.
#[derive(Debug)]
pub(super) struct Scratch {
    /// (O, ROWS): the pre-activations, then dloss/dz in their place.
    pub(super) z: Vec<f64>,
    halves: [Halves; OUTPUTS_AT_ONCE],
    pub(super) lanes: Lanes,
    /// The last rows of all, where nothing stands behind them to read on into.
    padded: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(neurons: &Neurons) -> Self {
        Self {
            z: vec![0.0; neurons.layer.n_outputs * ROWS],
            halves: [[[0.0; WIDTH / 2]; ROWS]; OUTPUTS_AT_ONCE],
            lanes: Lanes {
                t: [0.0; ROWS],
                q: [0.0; ROWS],
            },
            padded: Vec::new(),
        }
    }
}

/// The dot products of one output's rows, but for their last two additions.
type Halves = [[f64; WIDTH / 2]; ROWS];

/// One output of each row.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The targets.
    pub(super) t: [f64; ROWS],
    /// exp(−|z|)
    q: [f64; ROWS],
}

/// Rows of a block, of whole vectors.
#[derive(Clone, Copy)]
struct Block<'a, T> {
    inputs: &'a [T],
    stride: usize,
    n_rows: usize,
    /// From a row to the one to ask for meanwhile, in rows.
    ahead: usize,
}

impl<T> Block<'_, T> {
    /// Whether the forward pass asks for every row ahead, or only for the even ones and the backward pass
    /// for the odd ones: of short rows, two lie in lines that memory gives at once.
    #[inline(always)]
    fn forward_asks_for_all(&self) -> bool {
        self.stride <= 2 * WIDTH
    }
}

/// Adds the sums over `rows` to `sums`, which are 0.
#[inline(always)]
pub(super) fn add_rows<const FUSED: bool>(
    neurons: &Neurons,
    rows: Rows<'_>,
    scratch: &mut Scratch,
    sums: &mut Sums,
) {
    if let Some(columns) = Columns::new(neurons, rows) {
        return columns.sum::<FUSED>(neurons, scratch, sums);
    }
    let width = neurons.width();
    let block_bytes = match neurons.layer.n_outputs {
        1 => BLOCK_BYTES,
        _ => BLOCK_BYTES_OF_OUTPUTS,
    };
    let rows_per_block = (block_bytes / (4 * width)).clamp(WIDTH, ROWS);
    let ahead = rows_per_block * (AHEAD_BYTES / (4 * width * rows_per_block)).max(1);
    let mut first = 0;
    while first < rows.n_rows {
        let n_rows = rows_per_block.min(rows.n_rows - first);
        let inputs = &rows.inputs[first * rows.input_stride..];
        let in_place = rows.input_stride >= width.min(TILE)
            && inputs.len() >= (n_rows - 1) * rows.input_stride + width;
        let block = if in_place {
            Block {
                inputs,
                stride: rows.input_stride,
                n_rows,
                ahead,
            }
        } else {
            let rows = Rows {
                inputs,
                n_rows,
                ..rows
            };
            scratch.padded = rows.padded(neurons.layer.n_inputs);
            Block {
                inputs: &scratch.padded,
                stride: width,
                n_rows,
                ahead,
            }
        };
        let targets = &rows.targets[first * rows.target_stride..];
        forward_all::<FUSED>(block, neurons, &mut scratch.halves, &mut scratch.z);
        for (o, z) in scratch.z.chunks_exact_mut(ROWS).enumerate() {
            let from = targets[o..].iter().step_by(rows.target_stride);
            for (t, from) in scratch.lanes.t[..n_rows].iter_mut().zip(from) {
                *t = f64::from(*from);
            }
            // Whole vectors of lanes; those without a row are 0 before and after.
            let z = &mut z[..n_rows.next_multiple_of(WIDTH)];
            activate::<FUSED>(neurons, n_rows, z, &mut scratch.lanes, sums);
            if neurons.layer.bias {
                sums.grad_bias[o] += sum(z);
            }
        }
        backward_all::<FUSED>(block, &scratch.z, &mut sums.grad_weight);
        first += n_rows;
    }
}

/// `z = x Wᵀ + b`. Several outputs share one reading of a row.
#[inline(always)]
fn forward_all<const FUSED: bool>(
    block: Block<'_, f32>,
    neurons: &Neurons,
    halves: &mut [Halves; OUTPUTS_AT_ONCE],
    z: &mut [f64],
) {
    let width = neurons.width();
    let (mut weight, mut bias, mut z) = (&neurons.weight[..], &neurons.bias[..], z);
    while !weight.is_empty() {
        let n_outputs = match weight.len() / width {
            1 => {
                forward::<FUSED, 1, 2>(block, width, weight, bias, halves, z);
                1
            }
            2 | 3 => {
                forward::<FUSED, 2, 2>(block, width, weight, bias, halves, z);
                2
            }
            _ => {
                forward::<FUSED, OUTPUTS_AT_ONCE, 1>(block, width, weight, bias, halves, z);
                OUTPUTS_AT_ONCE
            }
        };
        weight = &weight[n_outputs * width..];
        bias = &bias[n_outputs..];
        z = &mut z[n_outputs * ROWS..];
    }
}

/// The pre-activations of `OUTPUTS` outputs, each summed in `CHAINS` vectors side by side.
#[inline(always)]
fn forward<const FUSED: bool, const OUTPUTS: usize, const CHAINS: usize>(
    block: Block<'_, f32>,
    width: usize,
    weight: &[f64],
    bias: &[f64],
    halves: &mut [Halves; OUTPUTS_AT_ONCE],
    z: &mut [f64],
) {
    let weights: [&[[f64; WIDTH]]; OUTPUTS] =
        std::array::from_fn(|o| weight[o * width..][..width].as_chunks().0);
    let n_rows = block.n_rows.min(ROWS);
    let mut row = 0;
    if OUTPUTS == 1 {
        // Two rows share one reading of the weights.
        while row + 1 < n_rows {
            let sums = dot_products::<FUSED, 2, OUTPUTS, CHAINS>(block, row, width, weights);
            keep_halves(&sums, row, halves);
            row += 2;
        }
    }
    while row < n_rows {
        let sums = dot_products::<FUSED, 1, OUTPUTS, CHAINS>(block, row, width, weights);
        keep_halves(&sums, row, halves);
        row += 1;
    }
    let z = z.chunks_exact_mut(ROWS);
    for ((halves, bias), z) in halves[..OUTPUTS].iter().zip(bias).zip(z) {
        for ([a, b, c, d], z) in halves[..n_rows].iter().zip(z) {
            *z = (a + c) + (b + d) + bias;
        }
    }
}

/// The dot products of `AT_ONCE` rows from number `first` on, but for the sum of their lanes.
#[inline(always)]
fn dot_products<
    const FUSED: bool,
    const AT_ONCE: usize,
    const OUTPUTS: usize,
    const CHAINS: usize,
>(
    block: Block<'_, f32>,
    first: usize,
    width: usize,
    weights: [&[[f64; WIDTH]]; OUTPUTS],
) -> [[[f64; WIDTH]; OUTPUTS]; AT_ONCE] {
    let at = first * block.stride;
    let rows: [&[[f32; WIDTH]]; AT_ONCE] = std::array::from_fn(|row| {
        let x = &block.inputs[at + row * block.stride..][..width];
        x.as_chunks().0
    });
    let rows = rows.map(|x| x.as_chunks::<CHAINS>());
    let weights = weights.map(|w| w.as_chunks::<CHAINS>());
    // All of one length, which the compiler sees: no index needs a check.
    let (n_groups, n_rest) = (rows[0].0.len(), rows[0].1.len());
    let groups = rows.map(|(x, _)| &x[..n_groups]);
    let weight_groups = weights.map(|(w, _)| &w[..n_groups]);
    let mut chains = [[[[0.0; WIDTH]; CHAINS]; OUTPUTS]; AT_ONCE];
    for group in 0..n_groups {
        // Several outputs leave the memory time enough.
        if AT_ONCE == 2 {
            let ahead = at + block.ahead * block.stride + group * CHAINS * WIDTH;
            prefetch(block.inputs, ahead);
            if block.forward_asks_for_all() {
                prefetch(block.inputs, ahead + block.stride);
            }
        }
        for row in 0..AT_ONCE {
            let x = &groups[row][group];
            for o in 0..OUTPUTS {
                let w = &weight_groups[o][group];
                for c in 0..CHAINS {
                    add_products::<FUSED>(&w[c], &x[c], &mut chains[row][o][c]);
                }
            }
        }
    }
    let rests = rows.map(|(_, x)| &x[..n_rest]);
    let weight_rests = weights.map(|(_, w)| &w[..n_rest]);
    for at in 0..n_rest {
        for row in 0..AT_ONCE {
            for o in 0..OUTPUTS {
                add_products::<FUSED>(
                    &weight_rests[o][at],
                    &rests[row][at],
                    &mut chains[row][o][0],
                );
            }
        }
    }
    let mut sums = [[[0.0; WIDTH]; OUTPUTS]; AT_ONCE];
    for row in 0..AT_ONCE {
        for o in 0..OUTPUTS {
            for chain in chains[row][o] {
                for i in 0..WIDTH {
                    sums[row][o][i] += chain[i];
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn add_products<const FUSED: bool>(w: &[f64; WIDTH], x: &[f32; WIDTH], sums: &mut [f64; WIDTH]) {
    for i in 0..WIDTH {
        sums[i] = mul_add::<FUSED>(w[i], f64::from(x[i]), sums[i]);
    }
}

/// Written out as vectors: the compiler would otherwise turn the sums of neighbouring rows into one, and
/// everything before them with it.
#[inline(always)]
fn keep_halves<const AT_ONCE: usize, const OUTPUTS: usize>(
    sums: &[[[f64; WIDTH]; OUTPUTS]; AT_ONCE],
    first: usize,
    halves: &mut [Halves; OUTPUTS_AT_ONCE],
) {
    for row in 0..AT_ONCE {
        for o in 0..OUTPUTS {
            for i in 0..WIDTH / 2 {
                halves[o][first + row][i] = sums[row][o][i] + sums[row][o][i + WIDTH / 2];
            }
        }
    }
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
    let Activation::Sigmoid = neurons.layer.activation;
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

/// `dloss/dW += dloss/dzᵀ x`
#[inline(always)]
fn backward_all<const FUSED: bool>(block: Block<'_, f32>, grad_z: &[f64], grad_weight: &mut [f64]) {
    let n_outputs = grad_z.len() / ROWS;
    let width = grad_weight.len() / n_outputs;
    if n_outputs == 1 {
        backward::<FUSED, f32>(block, grad_z, grad_weight);
        return;
    }
    let tile = &mut Tile([[0.0; TILE]; ROWS]);
    for at in (0..width).step_by(TILE) {
        let columns = TILE.min(width - at);
        for (row, wide) in tile.0[..block.n_rows].iter_mut().enumerate() {
            let x = &block.inputs[row * block.stride + at..][..columns];
            for (wide, x) in wide.iter_mut().zip(x) {
                *wide = f64::from(*x);
            }
        }
        let block = Block {
            inputs: tile.0.as_flattened(),
            stride: TILE,
            n_rows: block.n_rows,
            ahead: 0,
        };
        let outputs = grad_z
            .chunks_exact(ROWS)
            .zip(grad_weight.chunks_exact_mut(width));
        for (grad_z, grad_weight) in outputs {
            backward::<FUSED, f64>(block, grad_z, &mut grad_weight[at..][..columns]);
        }
    }
}

/// Columns of a block in float64, read once for every output. Whole cache lines.
#[repr(align(64))]
struct Tile([[f64; TILE]; ROWS]);

/// The gradient of one output: two vectors of columns at a time, even and odd rows apart.
#[inline(always)]
fn backward<const FUSED: bool, T: Copy + Into<f64>>(
    block: Block<'_, T>,
    grad_z: &[f64],
    grad_weight: &mut [f64],
) {
    let (pairs, rest) = grad_weight.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<2>();
    for (pair, grad) in pairs.iter_mut().enumerate() {
        columns::<FUSED, T, 2>(block, pair * 2 * WIDTH, grad_z, grad);
    }
    for grad in rest {
        let at = pairs.len() * 2 * WIDTH;
        columns::<FUSED, T, 1>(block, at, grad_z, std::array::from_mut(grad));
    }
}

#[inline(always)]
fn columns<const FUSED: bool, T: Copy + Into<f64>, const N: usize>(
    block: Block<'_, T>,
    at: usize,
    grad_z: &[f64],
    grad: &mut [[f64; WIDTH]; N],
) {
    let mut chains = [[[0.0; WIDTH]; N]; 2];
    let (pairs, rest) = grad_z[..block.n_rows].as_chunks::<2>();
    let mut rows = block.inputs[at..].chunks(2 * block.stride);
    for (pair, (grad_z, rows)) in pairs.iter().zip(&mut rows).enumerate() {
        // A tile, which is of float64, has no next rows.
        if size_of::<T>() == size_of::<f32>() && !block.forward_asks_for_all() {
            prefetch(
                block.inputs,
                at + (2 * pair + 1 + block.ahead) * block.stride,
            );
        }
        for odd in 0..2 {
            let x = rows[odd * block.stride..][..N * WIDTH]
                .as_chunks::<WIDTH>()
                .0;
            for n in 0..N {
                for i in 0..WIDTH {
                    chains[odd][n][i] =
                        mul_add::<FUSED>(grad_z[odd], x[n][i].into(), chains[odd][n][i]);
                }
            }
        }
    }
    for (grad_z, row) in rest.iter().zip(&mut rows) {
        let x = row[..N * WIDTH].as_chunks::<WIDTH>().0;
        for n in 0..N {
            for i in 0..WIDTH {
                chains[0][n][i] = mul_add::<FUSED>(*grad_z, x[n][i].into(), chains[0][n][i]);
            }
        }
    }
    for n in 0..N {
        for i in 0..WIDTH {
            grad[n][i] += chains[0][n][i] + chains[1][n][i];
        }
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

#[cfg(test)]
mod tests {
    use super::super::LeafSums;
    use super::super::instructions::{Arithmetic, Instructions};
    use super::{Neurons, Rows, Sums};
    use crate::network::Network;
    use crate::objective::Loss;

    /// The sums as the definitions say them, one row and one output after the other.
    fn by_definition(neurons: &Neurons, parameters: &[f64], rows: Rows<'_>) -> Vec<f64> {
        let layer = neurons.layer;
        let mut sums = vec![0.0; layer.n_parameters() + 2];
        for row in 0..rows.n_rows {
            let x = &rows.inputs[row * rows.input_stride..][..layer.n_inputs];
            for o in 0..layer.n_outputs {
                let t = f64::from(rows.targets[row * rows.target_stride + o]);
                let z = layer.pre_activation(parameters, x, o);
                let y = layer.activation.value(z);
                let grad_z = neurons.loss.grad_z(y, t);
                for (j, x) in x.iter().enumerate() {
                    sums[o * layer.n_inputs + j] += grad_z * f64::from(*x);
                }
                if layer.bias {
                    sums[layer.n_weights() + o] += grad_z;
                }
                sums[layer.n_parameters()] += neurons.loss.value(z, y, t);
                sums[layer.n_parameters() + 1] += y * (1.0 - y);
            }
        }
        sums
    }

    fn numbers(neurons: &Neurons, sums: &Sums) -> Vec<f64> {
        let mut numbers = neurons.flat(&sums.grad_weight, &sums.grad_bias);
        numbers.extend([sums.loss(), sums.saturation()]);
        numbers
    }

    /// Blocks of every length, rows of every remainder, rows apart from each other and alone in
    /// memory, both signs of every logit. Roundings alone may differ; between instructions that fuse,
    /// nothing.
    #[test]
    fn the_sums_are_those_of_the_definitions() {
        for (n_rows, n_inputs, n_outputs) in [
            (1, 1, 1),
            (3, 3, 1),
            (7, 3, 2),
            (64, 8, 1),
            (65, 33, 5),
            (130, 15, 3),
            (131, 16, 4),
            (200, 100, 10),
            (9, 5000, 2),
        ] {
            for (gap, bias) in [(0, false), (3, true)] {
                let layer = Network::single_layer(n_inputs, n_outputs, bias).layer();
                let value = |i: usize| {
                    let word = u32::try_from(i).unwrap().wrapping_mul(2_654_435_761);
                    f32::from(u16::try_from(word >> 16).unwrap()) / 32768.0 - 1.0
                };
                let stride = n_inputs + gap;
                // … and, with a gap, followed by rows of others, which must not count.
                let n_stored = n_rows + gap;
                let inputs: Vec<f32> = (0..n_stored * stride - gap).map(value).collect();
                let targets: Vec<f32> = (0..n_stored * (n_outputs + gap))
                    .map(|i| value(i + 7).abs())
                    .collect();
                let scale = 8.0 / (n_inputs as f64).sqrt();
                let parameters: Vec<f64> = (0..layer.n_parameters())
                    .map(|i| scale * f64::from(value(3 * i + 1)))
                    .collect();
                for loss in [Loss::SquaredError, Loss::CrossEntropy] {
                    let neurons = Neurons::new(layer, loss, &parameters);
                    let rows = Rows {
                        inputs: &inputs,
                        input_stride: stride,
                        targets: &targets,
                        target_stride: n_outputs + gap,
                        n_rows,
                    };
                    let expected = by_definition(&neurons, &parameters, rows);
                    for instructions in Instructions::all() {
                        let neurons = &neurons;
                        let found = instructions.run(LeafSums { neurons, rows });
                        let found = numbers(neurons, &found);
                        if instructions.fuse() {
                            let fused = LeafSums { neurons, rows }.run::<true>();
                            let bits =
                                |sums: &[f64]| sums.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                            assert_eq!(
                                bits(&found),
                                bits(&numbers(neurons, &fused)),
                                "bits of {instructions:?}"
                            );
                        }
                        assert_eq!(found.len(), expected.len(), "numbers of sums");
                        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                            // Each term is below 1, or n_inputs for a loss.
                            let bound = 1e-15 * (n_rows * (n_inputs + 10)) as f64;
                            assert!(
                                (found - expected).abs() <= bound,
                                "{n_rows}x{n_inputs}x{n_outputs} {loss:?} {instructions:?}, sum {at}: {found:e}, not {expected:e}"
                            );
                        }
                    }
                }
            }
        }
    }
}
