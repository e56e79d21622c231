//! The forward and the backward pass of a block of rows.

use super::activation::activate;
use super::dropped::Dropped;
use super::tile::multiply;
use super::values::{BlockValues, Values};
use super::{DenseLayer, DenseNetwork};
use crate::backend::Summary;
use crate::cpu::block::Rows;
use crate::cpu::float::Float;
use crate::simd::Arithmetic;

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
