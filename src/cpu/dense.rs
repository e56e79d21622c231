//! Networks of several layers: forward and backward pass of a block of rows at a time, as products of matrices.
//!
//! Each number of a product is one chain of fused multiply-adds from 0 up, in the order of the contraction; that of a
//! gradient goes on from block to block. So the bits depend neither on the tiles nor on the blocks.

mod buffer;
mod panels;
mod predict;
#[cfg(test)]
mod tests;
mod tile;

use super::block::Rows;
use super::simd::{Arithmetic, Instructions};
use crate::backend::{Evaluation, Problem};
use crate::network::Layer;
use crate::objective::Loss;
use buffer::Buffer;
use panels::{Grouped, Panels};
use tile::{COLUMNS, multiply, outer};

/// Rows of a block, at most, whole tiles of either height: their values in all layers stay in the second-level cache if
/// these are narrow.
pub(super) const ROWS: usize = 84;

/// A network with its loss and its parameters, as the tiles want them.
#[derive(Debug)]
pub(super) struct DenseNetwork {
    layers: Vec<DenseLayer>,
    loss: Loss,
    /// Whether a weight follows the targets of a row.
    weighted: bool,
    n_parameters: usize,
}

#[derive(Debug)]
struct DenseLayer {
    shape: Layer,
    /// The weight for `x Wᵀ`, whose columns are outputs.
    forward: Panels,
    /// The weight for `e W`, whose columns are inputs; without any for the first layer, whose inputs need no error.
    backward: Panels,
    /// (O padded), 0 without a bias.
    bias: Vec<f64>,
}

impl DenseNetwork {
    pub(super) fn new(problem: &Problem<'_>, parameters: &[f64]) -> Self {
        let layers = problem
            .network
            .parts()
            .enumerate()
            .map(|(at, (shape, range))| {
                let (weight, bias) = shape.split(&parameters[range]);
                let mut padded = bias.map_or_else(Vec::new, <[f64]>::to_vec);
                padded.resize(padded_width(shape.n_outputs), 0.0);
                DenseLayer {
                    forward: Panels::of_rows(weight, shape.n_outputs, shape.n_inputs),
                    backward: match at {
                        0 => Panels::default(),
                        _ => Panels::of_columns(weight, shape.n_outputs, shape.n_inputs),
                    },
                    bias: padded,
                    shape,
                }
            });
        Self {
            layers: layers.collect(),
            loss: problem.objective.loss,
            weighted: problem.dataset.is_weighted(),
            n_parameters: parameters.len(),
        }
    }

    /// The sums of loss, gradient and dy/dz over `rows`, each row as often as its weight says.
    pub(super) fn sums(&self, rows: Rows<'_>, instructions: Instructions) -> Evaluation {
        // The heights at which compilers keep a tile in registers; they change no bit.
        match instructions.has_many_registers() {
            true => instructions.run(Sums::<12> {
                network: self,
                rows,
            }),
            false => instructions.run(Sums::<7> {
                network: self,
                rows,
            }),
        }
    }
}

/// Columns of a matrix with its padding.
fn padded_width(width: usize) -> usize {
    width.next_multiple_of(COLUMNS)
}

/// The values of one layer for a block of rows, each (rows, width padded) and 0 in the padding.
#[derive(Debug)]
struct Values<const M: usize> {
    width: usize,
    /// The pre-activations.
    z: Buffer,
    /// The activations.
    a: Buffer,
    /// dloss/dz.
    e: Buffer,
    /// The activations in groups of rows, for the layer above.
    grouped_a: Grouped<M>,
    /// dloss/dz in groups of rows, for the layer below.
    grouped_e: Grouped<M>,
}

impl<const M: usize> Values<M> {
    fn new(n_units: usize) -> Self {
        let inputs = Self::of_inputs(n_units);
        let length = inputs.a.len();
        Self {
            z: Buffer::zeros(length),
            e: Buffer::zeros(length),
            grouped_e: Grouped::new(n_units),
            ..inputs
        }
    }

    /// The features, which are activations alone.
    fn of_inputs(n_units: usize) -> Self {
        let width = padded_width(n_units);
        Self {
            width,
            z: Buffer::default(),
            // A tile reads on past the last row.
            a: Buffer::zeros(ROWS * width + COLUMNS),
            e: Buffer::default(),
            grouped_a: Grouped::new(n_units),
            grouped_e: Grouped::new(0),
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        let rows = self.z.chunks_exact(self.width);
        rows.zip(self.a.chunks_exact(self.width))
    }
}

/// The sums over rows, by tiles of M rows.
struct Sums<'a, const M: usize> {
    network: &'a DenseNetwork,
    rows: Rows<'a>,
}

impl<const M: usize> Arithmetic for Sums<'_, M> {
    type Output = Evaluation;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Evaluation {
        let layers = &self.network.layers;
        let mut sums = Evaluation::zero(self.network.n_parameters);
        let mut gradients: Vec<Buffer> = layers.iter().map(padded_gradient::<M>).collect();
        let mut bias_gradients: Vec<Vec<f64>> =
            layers.iter().map(|it| vec![0.0; it.bias.len()]).collect();
        let mut inputs = Values::<M>::of_inputs(layers[0].shape.n_inputs);
        let of_layers = layers.iter().map(|it| Values::new(it.shape.n_outputs));
        let mut values: Vec<Values<M>> = of_layers.collect();
        for first in (0..self.rows.n_rows).step_by(ROWS) {
            let n_rows = ROWS.min(self.rows.n_rows - first);
            self.read(first, n_rows, &mut inputs);
            for (at, layer) in layers.iter().enumerate() {
                let (before, from_here) = values.split_at_mut(at);
                let x = before.last().unwrap_or(&inputs);
                forward::<FUSED, M>(layer, n_rows, x, &mut from_here[0]);
            }
            self.output_errors(first, n_rows, &mut values[layers.len() - 1], &mut sums);
            for at in (0..layers.len()).rev() {
                let (before, from_here) = values.split_at_mut(at);
                let (here, below) = (&mut from_here[0], before.last_mut());
                let x = below.as_deref().unwrap_or(&inputs);
                gradient::<FUSED, M>(n_rows, here, x, &mut gradients[at]);
                for row in here.e.chunks_exact(here.width).take(n_rows) {
                    let sums = bias_gradients[at].iter_mut().zip(row);
                    sums.for_each(|(sum, e)| *sum += e);
                }
                if let Some(below) = below {
                    let hidden = layers[at - 1].shape;
                    backward::<FUSED, M>(&layers[at].backward, hidden, n_rows, here, below);
                }
            }
        }
        let mut to = sums.gradient.as_mut_slice();
        for (layer, (weight, bias)) in layers.iter().zip(gradients.iter().zip(&bias_gradients)) {
            let Layer {
                n_inputs,
                n_outputs,
                ..
            } = layer.shape;
            let rows = weight.chunks_exact(padded_width(n_inputs));
            let (of_layer, rest) = to.split_at_mut(layer.shape.n_parameters());
            for (to, row) in of_layer.chunks_mut(n_inputs).zip(rows.take(n_outputs)) {
                to.copy_from_slice(&row[..n_inputs]);
            }
            if layer.shape.bias {
                of_layer[layer.shape.n_weights()..].copy_from_slice(&bias[..n_outputs]);
            }
            to = rest;
        }
        sums
    }
}

/// Room for the gradient of a weight (O padded to tiles, I padded).
fn padded_gradient<const M: usize>(layer: &DenseLayer) -> Buffer {
    let Layer {
        n_inputs,
        n_outputs,
        ..
    } = layer.shape;
    Buffer::zeros(n_outputs.next_multiple_of(M) * padded_width(n_inputs))
}

impl<const M: usize> Sums<'_, M> {
    /// Reads the features of the rows from `first` on.
    #[inline(always)]
    fn read(&self, first: usize, n_rows: usize, to: &mut Values<M>) {
        let (stride, n_inputs) = (
            self.rows.input_stride,
            self.network.layers[0].shape.n_inputs,
        );
        let rows = self.rows.inputs[first * stride..]
            .chunks(stride)
            .take(n_rows);
        for (to, row) in to.a.chunks_exact_mut(to.width).zip(rows) {
            for (to, x) in to.iter_mut().zip(&row[..n_inputs]) {
                *to = f64::from(*x);
            }
        }
        to.grouped_a.take(&to.a, to.width, n_rows);
    }

    /// Adds the loss and dy/dz of the rows from `first` on to `sums`, and writes dloss/dz of the last layer.
    #[inline(always)]
    fn output_errors(
        &self,
        first: usize,
        n_rows: usize,
        values: &mut Values<M>,
        sums: &mut Evaluation,
    ) {
        let loss = self.network.loss;
        let shape = self.network.layers[self.network.layers.len() - 1].shape;
        let n_outputs = shape.n_outputs;
        let stride = self.rows.target_stride;
        let targets = self.rows.targets[first * stride..]
            .chunks(stride)
            .take(n_rows);
        let mut t = Vec::with_capacity(stride);
        let Values { z, a, e, width, .. } = values;
        let rows = z.chunks_exact(*width).zip(a.chunks_exact(*width));
        for (((z, y), e), target) in rows.zip(e.chunks_exact_mut(*width)).zip(targets) {
            t.clear();
            t.extend(target.iter().map(|t| f64::from(*t)));
            let weight = if self.network.weighted {
                t[n_outputs]
            } else {
                1.0
            };
            let (z, y, t) = (&z[..n_outputs], &y[..n_outputs], &t[..n_outputs]);
            sums.summary.loss += weight * loss.value(shape.activation, z, y, t);
            for o in 0..n_outputs {
                sums.summary.mean_slope += weight * shape.activation.slope(z[o], y[o]);
                e[o] = weight * loss.grad_z(shape.activation, z[o], y[o], t[o]);
            }
        }
        values.grouped_e.take(&values.e, values.width, n_rows);
    }
}

/// `a = f(x Wᵀ + b)`
#[inline(always)]
fn forward<const FUSED: bool, const M: usize>(
    layer: &DenseLayer,
    n_rows: usize,
    x: &Values<M>,
    to: &mut Values<M>,
) {
    for (panel, weight) in layer.forward.iter().enumerate() {
        let bias = &layer.bias[panel * COLUMNS..][..COLUMNS];
        for (group, x) in x.grouped_a.iter(n_rows).enumerate() {
            let product = multiply::<FUSED, M>(x, weight);
            let rows = to.z.chunks_exact_mut(to.width).skip(group * M);
            for (row, sums) in rows.zip(&product) {
                let to = &mut row[panel * COLUMNS..][..COLUMNS];
                for j in 0..COLUMNS {
                    to[j] = sums[j] + bias[j];
                }
            }
        }
    }
    let n_outputs = layer.shape.n_outputs;
    let rows =
        to.a.chunks_exact_mut(to.width)
            .zip(to.z.chunks_exact(to.width));
    for (a, z) in rows.take(n_rows) {
        a[..n_outputs].copy_from_slice(&z[..n_outputs]);
        layer.shape.activation.apply(&mut a[..n_outputs]);
    }
    to.grouped_a.take(&to.a, to.width, n_rows);
}

/// dloss/dz of the layer below, of the shape `hidden`: `(e W) ⊙ f′`.
#[inline(always)]
fn backward<const FUSED: bool, const M: usize>(
    weight: &Panels,
    hidden: Layer,
    n_rows: usize,
    from: &Values<M>,
    to: &mut Values<M>,
) {
    for (panel, weight) in weight.iter().enumerate() {
        for (group, e) in from.grouped_e.iter(n_rows).enumerate() {
            let product = multiply::<FUSED, M>(e, weight);
            let rows = to.e.chunks_exact_mut(to.width).skip(group * M);
            for (row, sums) in rows.zip(&product) {
                row[panel * COLUMNS..][..COLUMNS].copy_from_slice(sums);
            }
        }
    }
    let n_units = hidden.n_outputs;
    let width = to.width;
    let mut errors = std::mem::take(&mut to.e);
    for (e, (z, a)) in errors.chunks_exact_mut(width).zip(to.rows()).take(n_rows) {
        for unit in 0..n_units {
            e[unit] *= hidden.activation.slope(z[unit], a[unit]);
        }
    }
    to.e = errors;
    to.grouped_e.take(&to.e, width, n_rows);
}

/// `sums += eᵀ x`
#[inline(always)]
fn gradient<const FUSED: bool, const M: usize>(
    n_rows: usize,
    from: &Values<M>,
    x: &Values<M>,
    sums: &mut [f64],
) {
    for first in (0..x.width).step_by(COLUMNS) {
        for (tile, rows) in sums.chunks_exact_mut(M * x.width).enumerate() {
            let mut product = [[0.0; COLUMNS]; M];
            for (product, row) in product.iter_mut().zip(rows.chunks_exact(x.width)) {
                product.copy_from_slice(&row[first..][..COLUMNS]);
            }
            let e = from.e[tile * M..].chunks(from.width);
            let x_rows = x.a[first..].chunks(x.width);
            outer::<FUSED, M>(e.zip(x_rows).take(n_rows), &mut product);
            for (product, row) in product.iter().zip(rows.chunks_exact_mut(x.width)) {
                row[first..][..COLUMNS].copy_from_slice(product);
            }
        }
    }
}
