//! The values of the layers for a block of rows.

use super::DenseLayer;
use super::activation::multiply_by_slopes;
use super::buffer::Buffer;
use super::panels::{Columns, Grouped};
use crate::backend::Summary;
use crate::cpu::float::Float;
use crate::network::Layer;

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
    pub(super) grouped_a: Grouped<T, M>,
    /// dloss/dz in groups of rows, for the layer below.
    pub(super) grouped_e: Grouped<T, M>,
    /// The activations by columns, for the gradient of the layer above.
    pub(super) columns_of_a: Columns<T, N>,
    /// dloss/dz by columns, for the gradient.
    pub(super) columns_of_e: Columns<T, M>,
}

impl<T: Float, const M: usize, const N: usize> Values<T, M, N> {
    pub(super) fn new(n_units: usize, n_rows: usize) -> Self {
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
    pub(super) fn of_inputs(n_units: usize, n_rows: usize) -> Self {
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
    pub(super) fn hand_up(&mut self, n_rows: usize, has_gradient: bool) {
        self.grouped_a.take(&self.a, self.width, n_rows);
        if has_gradient {
            self.columns_of_a.take(&self.a, self.width, n_rows);
        }
    }

    /// Gives dloss/dz of `n_rows` rows to the gradient and to the layer below.
    #[inline(always)]
    pub(super) fn hand_down(&mut self, n_rows: usize) {
        self.grouped_e.take(&self.e, self.width, n_rows);
        self.columns_of_e.take(&self.e, self.width, n_rows);
    }

    /// Multiplies `e W` of the layer above by the slopes of the layer.
    #[inline(always)]
    pub(super) fn multiply_errors(&mut self, layer: Layer, n_rows: usize) {
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
    pub(super) first: usize,
    pub(super) n_rows: usize,
    pub(super) inputs: Values<T, M, N>,
    pub(super) layers: Vec<Values<T, M, N>>,
    /// Loss and sum of dy/dz of each row, times its weight.
    pub(super) summaries: Vec<Summary>,
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
