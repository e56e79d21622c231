//! The sums of one leaf, in blocks of rows that stay in the nearest caches from the forward to the
//! backward pass: so the data are read once from memory.
//!
//! Rows are taken where they lie, in whole vectors of [`WIDTH`]. Where the length of a row is not a multiple of it,
//! its last vector reads on into the next row: the weights there are 0, and the gradient there is ignored.

use super::activation::{Lanes, activate, softmax};
use super::backward::{TILE, backward_all};
use super::block::{Block, Rows};
use super::float::Float;
use super::forward::forward_all;
use super::layer::{PaddedLayer, ROWS, Sums, WIDTH, sum, whole_vectors};
use super::scratch::Scratch;
use super::small_batch::SmallBatch;
use crate::network::Activation;
use crate::simd::Arithmetic;

/// Bytes of a block's inputs, about, where there is one output: within a first-level cache, since the next
/// block, which is on its way meanwhile, waits in the second level.
const BLOCK_BYTES: usize = 1 << 15;
/// Bytes of a block's inputs, about, where there are several outputs, whose gradients each go through the block:
/// within a second-level cache.
const BLOCK_BYTES_OF_OUTPUTS: usize = 1 << 17;
/// How far ahead of the row it reads a pass asks for memory, in bytes, about.
const AHEAD_BYTES: usize = 1 << 15;

/// The sums over the rows of a leaf, whose products are computed in numbers of the kind T; activations, losses and what a
/// block adds are in float64.
pub(super) struct LeafSums<'a, T> {
    pub(super) layer: &'a PaddedLayer<T>,
    pub(super) rows: Rows<'a>,
    /// Whether the gradient is wanted.
    pub(super) has_gradient: bool,
}

impl<T: Float> Arithmetic for LeafSums<'_, T> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Sums {
        // So few rows are a small batch, whose sums always have a gradient.
        let mut sums = match self.has_gradient || self.rows.n_rows <= WIDTH {
            true => Sums::zero(self.layer),
            false => Sums::without_gradient(),
        };
        let mut scratch = Scratch::new(self.layer);
        add_rows::<T, FUSED>(self.layer, self.rows, &mut scratch, &mut sums);
        sums
    }
}

/// Adds the sums over `rows` to `sums`, which must be 0; those of more than [`WIDTH`] rows may go without a gradient.
#[inline(always)]
pub(super) fn add_rows<T: Float, const FUSED: bool>(
    layer: &PaddedLayer<T>,
    rows: Rows<'_>,
    scratch: &mut Scratch<T>,
    sums: &mut Sums,
) {
    if let Some(batch) = SmallBatch::new(layer, rows) {
        return batch.sum::<FUSED>(layer, scratch, sums);
    }
    let has_gradient = !sums.grad_weight.is_empty();
    let width = layer.width();
    let block_bytes = match layer.shape.n_outputs {
        1 => BLOCK_BYTES,
        _ => BLOCK_BYTES_OF_OUTPUTS,
    };
    let rows_per_block = (block_bytes / (4 * width)).clamp(WIDTH, ROWS);
    let ahead = rows_per_block * (AHEAD_BYTES / (4 * width * rows_per_block)).max(1);
    let mut first = 0;
    while first < rows.n_rows {
        let n_rows = rows_per_block.min(rows.n_rows - first);
        let inputs = &rows.inputs[first * rows.input_stride..];
        let block = Block {
            stride: rows.input_stride,
            inputs,
            n_rows,
            ahead,
            has_gradient,
        };
        let block = in_whole_vectors(block, layer, &mut scratch.padded);
        let targets = &rows.targets[first * rows.target_stride..];
        forward_all::<T, FUSED>(block, layer, &mut scratch.partial_sums, &mut scratch.z);
        let column = |at: usize, lanes: &mut [f64; ROWS]| {
            let from = targets[at..].iter().step_by(rows.target_stride);
            for (to, from) in lanes[..n_rows].iter_mut().zip(from) {
                *to = f64::from(*from);
            }
        };
        let (z, lanes) = (&mut scratch.z, &mut scratch.lanes);
        if layer.weighted {
            column(layer.shape.n_outputs, &mut lanes.w);
        }
        let n_lanes = n_rows.next_multiple_of(WIDTH);
        if layer.shape.activation == Activation::Softmax {
            let read = |o, lanes: &mut Lanes| column(o, &mut lanes.t);
            softmax::<T, FUSED>(layer, n_rows, z, lanes, sums, read);
        } else {
            for (o, z) in z.chunks_exact_mut(ROWS).enumerate() {
                column(o, &mut lanes.t);
                activate::<T, FUSED>(layer, n_rows, &mut z[..n_lanes], lanes, sums);
            }
        }
        if !has_gradient {
            first += n_rows;
            continue;
        }
        if layer.shape.bias {
            for (grad, z) in sums.grad_bias.iter_mut().zip(z.chunks_exact(ROWS)) {
                *grad += sum(&z[..n_lanes]);
            }
        }
        backward_all::<T, FUSED>(
            block,
            &scratch.z,
            &mut scratch.backward,
            &mut sums.grad_weight,
        );
        first += n_rows;
    }
}

/// `block` where it lies, if each of its rows can be read in whole vectors; otherwise a padded copy.
#[inline(always)]
fn in_whole_vectors<'a, T: Float>(
    block: Block<'a>,
    layer: &PaddedLayer<T>,
    padded: &'a mut Vec<f32>,
) -> Block<'a> {
    let width = layer.width();
    let Block {
        inputs,
        stride,
        n_rows,
        ..
    } = block;
    if stride >= width.min(TILE) && inputs.len() >= (n_rows - 1) * stride + width {
        return block;
    }
    *padded = whole_vectors(inputs, stride, n_rows, layer.shape.n_inputs);
    Block {
        inputs: padded,
        stride: width,
        ..block
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reference;
    use super::{Float, LeafSums, PaddedLayer, Rows, Sums};
    use crate::backend::{Backend, Problem};
    use crate::data::Dataset;
    use crate::network::{Activation, Layer, Network};
    use crate::objective::{Loss, Objective, Reduction};
    use crate::random::test_numbers;
    use crate::simd::{Arithmetic, Instructions};
    use rand::RngExt;

    /// The sums over the rows by the definition. They are copied out, so that nothing lies between them.
    fn by_definition<T: Float>(
        layer: &PaddedLayer<T>,
        network: Network,
        parameters: &[f64],
        rows: Rows<'_>,
    ) -> Vec<f64> {
        let Layer {
            n_inputs,
            n_outputs,
            ..
        } = layer.shape;
        let row = |values: &[f32], stride: usize, row: usize, n: usize| {
            values[row * stride..][..n].to_vec()
        };
        let all = || 0..rows.n_rows;
        let inputs = all()
            .flat_map(|i| row(rows.inputs, rows.input_stride, i, n_inputs))
            .collect();
        let targets = all()
            .flat_map(|i| row(rows.targets, rows.target_stride, i, n_outputs))
            .collect();
        let mut dataset = Dataset::from_rows("rows", n_inputs, n_outputs, inputs, targets).unwrap();
        if layer.weighted {
            let weight = |i| rows.targets[i * rows.target_stride + n_outputs];
            dataset = dataset
                .with_weights(&all().map(weight).collect::<Vec<f32>>())
                .unwrap();
        }
        let problem = Problem {
            dataset: &dataset,
            network,
            objective: Objective {
                loss: layer.loss,
                reduction: Reduction::Sum,
            },
            dropout: None,
        };
        let mut reference = Reference::new(problem, Some(1)).unwrap();
        reference.set_parameters(parameters).unwrap();
        let sums = reference.sums(0, all());
        let mut numbers = sums.gradient;
        numbers.extend([sums.summary.loss, sums.summary.mean_slope]);
        numbers
    }

    fn numbers<T: Float>(layer: &PaddedLayer<T>, sums: &Sums) -> Vec<f64> {
        let mut numbers = layer.flat(&sums.grad_weight, &sums.grad_bias);
        let summary = sums.summary();
        numbers.extend([summary.loss, summary.mean_slope]);
        numbers
    }

    /// Blocks of every length, rows of every remainder, rows apart from each other and alone in memory, both signs of every
    /// logit. Roundings alone may differ, which in float32 are 2²⁹ times those of float64; between instructions that fuse,
    /// nothing.
    #[test]
    fn the_sums_are_those_of_the_definitions() {
        assert_definitions::<f64>(1e-15);
        assert_definitions::<f32>(1e-15 * f64::from(1 << 29));
    }

    fn assert_definitions<T: Float>(rounding: f64) {
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
                let network = Network::single_layer(n_inputs, n_outputs, bias);
                let mut random = test_numbers(1);
                let mut value = |_| random.random_range(-1.0..1.0);
                let stride = n_inputs + gap;
                // With a gap there are further rows behind the last one, which must not count.
                let n_stored = n_rows + gap;
                let inputs: Vec<f32> = (0..n_stored * stride - gap).map(&mut value).collect();
                let targets: Vec<f32> = (0..n_stored * (n_outputs + gap))
                    .map(|i| value(i).abs())
                    .collect();
                let scale = 8.0 / (n_inputs as f64).sqrt();
                let parameters: Vec<f64> = (0..network.n_parameters())
                    .map(|i| T::rounded(scale * f64::from(value(i))).into())
                    .collect();
                // A gap leaves room for a weight behind the targets.
                for (loss, activation, weighted) in [
                    (Loss::SquaredError, Activation::Sigmoid, false),
                    (Loss::CrossEntropy, Activation::Sigmoid, gap > 0),
                    (Loss::CrossEntropy, Activation::Softmax, gap > 0),
                    (Loss::SquaredError, Activation::Identity, gap > 0),
                    (Loss::SquaredError, Activation::Tanh, gap > 0),
                ] {
                    let network = network.clone().with_activation(activation);
                    let shape = network.layer();
                    let layer = PaddedLayer::<T>::new(shape, loss, weighted, &parameters);
                    let rows = Rows {
                        inputs: &inputs,
                        input_stride: stride,
                        targets: &targets,
                        target_stride: n_outputs + gap,
                        n_rows,
                    };
                    let expected = by_definition(&layer, network, &parameters, rows);
                    for instructions in Instructions::all() {
                        let layer = &layer;
                        let all = || LeafSums {
                            layer,
                            rows,
                            has_gradient: true,
                        };
                        let found = instructions.run(all());
                        let found = numbers(layer, &found);
                        if instructions.fuse() {
                            let fused = all().run::<true>();
                            let bits =
                                |sums: &[f64]| sums.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                            assert_eq!(
                                bits(&found),
                                bits(&numbers(layer, &fused)),
                                "bits of {instructions:?}"
                            );
                        }
                        assert_eq!(found.len(), expected.len(), "numbers of sums");
                        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                            // Each term is below 1, or n_inputs for a loss.
                            let bound = rounding * (n_rows * (n_inputs + 10)) as f64;
                            assert!(
                                (found - expected).abs() <= bound,
                                "{n_rows}x{n_inputs}x{n_outputs} {loss:?} of {activation:?} {instructions:?}, sum {at}: {found:e}, not {expected:e}"
                            );
                        }
                    }
                }
            }
        }
    }
}
