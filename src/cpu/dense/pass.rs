//! The forward and the backward pass of a block of rows.

use super::activation::{activate, multiply_by_slopes};
use super::buffer::Buffer;
use super::dropped::Dropped;
use super::panels::{Columns, Grouped};
use super::tile::multiply;
use super::{DenseLayer, DenseNetwork};
use crate::backend::Summary;
use crate::cpu::block::Rows;
use crate::cpu::float::Float;
use crate::network::Layer;
use crate::simd::Arithmetic;

/// The values of one layer for a block of rows, each (rows, width). The padding holds numbers without a meaning, which
/// end in sums that nobody reads.
#[derive(Debug)]
pub(super) struct Values<T: Float, const M: usize, const N: usize> {
    /// The number of units, padded to whole panels.
    pub(super) width: usize,
    /// The pre-activations.
    pub(super) z: Buffer<T>,
    /// The activations.
    pub(super) a: Buffer<T>,
    /// dloss/dz.
    pub(super) e: Buffer<T>,
    /// The activations in groups of rows, for the layer above.
    grouped_a: Grouped<T, M>,
    /// dloss/dz in groups of rows, for the layer below.
    grouped_e: Grouped<T, M>,
    /// The activations by columns, for the gradient of the layer above.
    pub(super) columns_of_a: Columns<T, N>,
    /// dloss/dz by columns, for the gradient.
    pub(super) columns_of_e: Columns<T, M>,
}

impl<T: Float, const M: usize, const N: usize> Values<T, M, N> {
    fn new(n_units: usize, n_rows: usize) -> Self {
        let inputs = Self::of_inputs(n_units, n_rows);
        let length = inputs.a.len();
        Self {
            z: Buffer::of_length(length),
            e: Buffer::of_length(length),
            grouped_e: Grouped::new(n_rows, n_units),
            columns_of_e: Columns::new(n_rows, n_units),
            ..inputs
        }
    }

    /// The features, which are activations alone.
    fn of_inputs(n_units: usize, n_rows: usize) -> Self {
        let width = n_units.next_multiple_of(N);
        Self {
            width,
            z: Buffer::default(),
            a: Buffer::of_length(n_rows * width),
            e: Buffer::default(),
            grouped_a: Grouped::new(n_rows, n_units),
            grouped_e: Grouped::new(n_rows, 0),
            columns_of_a: Columns::new(n_rows, n_units),
            columns_of_e: Columns::new(n_rows, 0),
        }
    }

    /// Gives the activations of `n_rows` rows to the layer above, and to its gradient if there is one.
    #[inline(always)]
    fn hand_up(&mut self, n_rows: usize, has_gradient: bool) {
        self.grouped_a.take(&self.a, self.width, n_rows);
        if has_gradient {
            self.columns_of_a.take(&self.a, self.width, n_rows);
        }
    }

    /// Gives dloss/dz of `n_rows` rows to the gradient and to the layer below.
    #[inline(always)]
    fn hand_down(&mut self, n_rows: usize) {
        self.grouped_e.take(&self.e, self.width, n_rows);
        self.columns_of_e.take(&self.e, self.width, n_rows);
    }

    /// Multiplies `e W` of the layer above by the slopes of the layer.
    #[inline(always)]
    fn multiply_errors(&mut self, layer: Layer, n_rows: usize) {
        let (width, n_units) = (self.width, layer.n_outputs);
        let rows = self.z.chunks_exact(width).zip(self.a.chunks_exact(width));
        for (e, (z, a)) in self.e.chunks_exact_mut(width).zip(rows).take(n_rows) {
            let (z, a, e) = (&z[..n_units], &a[..n_units], &mut e[..n_units]);
            multiply_by_slopes(layer.activation, z, a, e);
        }
    }
}

/// Consecutive rows of a leaf, with their values in all layers.
#[derive(Debug)]
pub(super) struct BlockValues<T: Float, const M: usize, const N: usize> {
    first: usize,
    pub(super) n_rows: usize,
    inputs: Values<T, M, N>,
    layers: Vec<Values<T, M, N>>,
    /// Loss and sum of dy/dz of each row, times its weight.
    summaries: Vec<Summary>,
}

impl<T: Float, const M: usize, const N: usize> BlockValues<T, M, N> {
    /// Room for `n_rows` rows, a multiple of M.
    pub(super) fn new(layers: &[DenseLayer<T, N>], n_rows: usize) -> Self {
        let of_layers = layers.iter().map(|it| it.shape.n_outputs);
        Self {
            first: 0,
            n_rows: 0,
            inputs: Values::of_inputs(layers[0].shape.n_inputs, n_rows),
            layers: of_layers.map(|width| Values::new(width, n_rows)).collect(),
            summaries: Vec::with_capacity(n_rows),
        }
    }

    /// Makes it the block of the `n_rows` rows from number `first` on.
    pub(super) fn place(&mut self, first: usize, n_rows: usize) {
        (self.first, self.n_rows) = (first, n_rows);
    }

    /// The values of layer `layer`, and those that it takes.
    pub(super) fn of_layer(&self, layer: usize) -> (&Values<T, M, N>, &Values<T, M, N>) {
        let inputs = match layer {
            0 => &self.inputs,
            _ => &self.layers[layer - 1],
        };
        (&self.layers[layer], inputs)
    }

    /// Adds loss and dy/dz, row by row.
    pub(super) fn add_summary(&self, sum: &mut Summary) {
        self.summaries.iter().for_each(|row| sum.add(row));
    }
}

/// Fills a block with the values of its rows.
pub(super) struct Pass<'a, T: Float, const M: usize, const N: usize> {
    pub(super) network: &'a DenseNetwork<T, N>,
    pub(super) rows: Rows<'a>,
    /// The place of the first of `rows` in the batch.
    pub(super) place: usize,
    /// Whether the backward pass follows.
    pub(super) has_gradient: bool,
    pub(super) block: &'a mut BlockValues<T, M, N>,
}

impl<T: Float, const M: usize, const N: usize> Arithmetic for Pass<'_, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn run<const FUSED: bool>(mut self) {
        self.forward::<FUSED>();
        self.output_errors();
        if !self.has_gradient {
            return;
        }
        let (layers, dropped) = (&self.network.layers, self.dropped());
        let BlockValues {
            layers: values,
            n_rows,
            ..
        } = &mut *self.block;
        for at in (1..layers.len()).rev() {
            let (before, from_here) = values.split_at_mut(at);
            let (here, below) = (&from_here[0], &mut before[at - 1]);
            // What the layer below multiplies by its slopes: `e W`.
            let product = (&mut *below.e, below.width);
            let e = here.grouped_e.iter(*n_rows);
            multiply::<T, FUSED, M, N>(e, &layers[at].backward, product);
            match dropped {
                Some(dropped) => dropped.errors(at - 1, layers[at - 1].shape, *n_rows, below),
                None => below.multiply_errors(layers[at - 1].shape, *n_rows),
            }
            below.hand_down(*n_rows);
        }
    }
}

impl<T: Float, const M: usize, const N: usize> Pass<'_, T, M, N> {
    /// The forward pass alone.
    #[inline(always)]
    pub(super) fn forward<const FUSED: bool>(&mut self) {
        let (layers, dropped) = (&self.network.layers, self.dropped());
        self.read();
        let BlockValues {
            inputs,
            layers: values,
            n_rows,
            ..
        } = &mut *self.block;
        for (at, layer) in layers.iter().enumerate() {
            let (before, from_here) = values.split_at_mut(at);
            let x = before.last().unwrap_or(inputs);
            forward::<T, FUSED, M, N>(layer, *n_rows, x, &mut from_here[0]);
            if let Some(dropped) = dropped.filter(|_| at + 1 < layers.len()) {
                dropped.activations(at, layer.shape, *n_rows, &mut from_here[0]);
            }
            from_here[0].hand_up(*n_rows, self.has_gradient);
        }
    }

    /// The units that the update goes without.
    fn dropped(&self) -> Option<Dropped> {
        let mask = self.network.mask?;
        Some(Dropped {
            mask,
            place: self.place + self.block.first,
        })
    }

    /// Reads the features.
    #[inline(always)]
    fn read(&mut self) {
        let BlockValues {
            first,
            n_rows,
            inputs: to,
            ..
        } = &mut *self.block;
        let n_inputs = self.network.layers[0].shape.n_inputs;
        let stride = self.rows.input_stride;
        let rows = self.rows.inputs[*first * stride..]
            .chunks(stride)
            .take(*n_rows);
        for (to, row) in to.a.chunks_exact_mut(to.width).zip(rows) {
            for (to, x) in to.iter_mut().zip(&row[..n_inputs]) {
                *to = T::from(*x);
            }
        }
        to.hand_up(*n_rows, self.has_gradient);
    }

    /// Writes dloss/dz of the last layer, and loss and dy/dz of each row.
    #[inline(always)]
    fn output_errors(&mut self) {
        let loss = self.network.loss;
        let shape = self.network.layers[self.network.layers.len() - 1].shape;
        let (activation, n_outputs) = (shape.activation, shape.n_outputs);
        let BlockValues {
            first,
            n_rows,
            layers,
            summaries,
            ..
        } = &mut *self.block;
        summaries.clear();
        let Some(values) = layers.last_mut() else {
            return;
        };
        let stride = self.rows.target_stride;
        let targets = self.rows.targets[*first * stride..]
            .chunks(stride)
            .take(*n_rows);
        let (mut z, mut y, mut t) = (vec![0.0; n_outputs], vec![0.0; n_outputs], Vec::new());
        let width = values.width;
        let rows = values
            .z
            .chunks_exact(width)
            .zip(values.a.chunks_exact(width));
        for (((row_z, row_y), e), target) in rows.zip(values.e.chunks_exact_mut(width)).zip(targets)
        {
            for o in 0..n_outputs {
                (z[o], y[o]) = (row_z[o].into(), row_y[o].into());
            }
            t.clear();
            t.extend(target.iter().map(|t| f64::from(*t)));
            let weight = if self.network.weighted {
                t[n_outputs]
            } else {
                1.0
            };
            let mut slope = 0.0;
            for o in 0..n_outputs {
                slope += activation.slope(z[o], y[o]);
                e[o] = T::rounded(weight * loss.grad_z(activation, z[o], y[o], t[o]));
            }
            summaries.push(Summary {
                loss: weight * loss.value(activation, &z, &y, &t[..n_outputs]),
                mean_slope: weight * slope,
            });
        }
        if self.has_gradient {
            values.hand_down(*n_rows);
        }
    }
}

/// `a = f(x Wᵀ + b)`
#[inline(always)]
fn forward<T: Float, const FUSED: bool, const M: usize, const N: usize>(
    layer: &DenseLayer<T, N>,
    n_rows: usize,
    x: &Values<T, M, N>,
    to: &mut Values<T, M, N>,
) {
    let (width, n_outputs) = (to.width, layer.shape.n_outputs);
    let product = (&mut *to.z, width);
    multiply::<T, FUSED, M, N>(x.grouped_a.iter(n_rows), &layer.forward, product);
    let mut in_f64 = vec![0.0; n_outputs];
    let rows =
        to.a.chunks_exact_mut(width)
            .zip(to.z.chunks_exact_mut(width));
    for (a, z) in rows.take(n_rows) {
        let (a, z) = (&mut a[..n_outputs], &mut z[..n_outputs]);
        z.iter_mut().zip(&layer.bias).for_each(|(z, b)| *z += *b);
        activate(layer.shape.activation, z, a, &mut in_f64);
    }
}
