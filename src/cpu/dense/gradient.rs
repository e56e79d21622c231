//! The gradient of a layer, in stripes that threads share out.

use super::buffer::Buffer;
use super::tile::add_product;
use super::values::BlockValues;
use crate::cpu::float::Float;
use crate::network::Layer;
use crate::simd::Arithmetic;

/// The sums of `eᵀ x` and of e over rows.
#[derive(Debug)]
pub(super) struct Gradient<T: Float, const M: usize, const N: usize> {
    pub(super) shape: Layer,
    /// Of the weight: a stripe (O padded to tiles, N) for every N inputs.
    stripes: Buffer<T>,
    /// (O)
    bias: Vec<T>,
}

impl<T: Float, const M: usize, const N: usize> Gradient<T, M, N> {
    pub(super) fn new(shape: Layer) -> Self {
        let n_stripes = shape.n_inputs.div_ceil(N);
        Self {
            stripes: Buffer::zeros(n_stripes * Self::stripe_length(shape)),
            bias: vec![T::default(); if shape.bias { shape.n_outputs } else { 0 }],
            shape,
        }
    }

    fn stripe_length(shape: Layer) -> usize {
        shape.n_outputs.next_multiple_of(M) * N
    }

    /// What is to be done to add the rows of `blocks` to the gradient, which is that of layer `layer`.
    pub(super) fn stripes<'a>(
        &'a mut self,
        layer: usize,
        blocks: &'a [BlockValues<T, M, N>],
    ) -> impl Iterator<Item = Stripe<'a, T, M, N>> {
        let length = Self::stripe_length(self.shape);
        let mut bias = Some(self.bias.as_mut_slice());
        let stripes = self.stripes.chunks_exact_mut(length).enumerate();
        stripes.map(move |(at, sums)| Stripe {
            blocks,
            layer,
            at,
            sums,
            bias: bias.take().unwrap_or_default(),
        })
    }

    /// Writes the gradient of the parameters of the layer, weight (O, I) and bias, from number `first` on.
    pub(super) fn write(&self, first: usize, gradient: &mut [f64]) {
        let (n_inputs, end) = (self.shape.n_inputs, first + gradient.len());
        let n_weights = self.shape.n_weights();
        let rows = first.min(n_weights) / n_inputs..end.min(n_weights).div_ceil(n_inputs);
        let stripes = self.stripes.chunks(Self::stripe_length(self.shape));
        for (stripe, sums) in stripes.enumerate() {
            let columns = stripe * N..n_inputs.min((stripe + 1) * N);
            for (row, sums) in rows.clone().zip(&sums.as_chunks::<N>().0[rows.start..]) {
                let start = row * n_inputs + columns.start;
                let wanted = start.max(first)..end.min(row * n_inputs + columns.end);
                if wanted.is_empty() {
                    continue;
                }
                let sums = sums[wanted.start - start..].iter();
                let to = gradient[wanted.start - first..wanted.end - first].iter_mut();
                to.zip(sums).for_each(|(to, sum)| *to = (*sum).into());
            }
        }
        let of_bias = self.bias.iter().skip(first.saturating_sub(n_weights));
        let to = gradient.iter_mut().skip(n_weights.saturating_sub(first));
        to.zip(of_bias).for_each(|(to, sum)| *to = (*sum).into());
    }
}

/// Adds the rows of `blocks` to a stripe of a gradient.
pub(super) struct Stripe<'a, T: Float, const M: usize, const N: usize> {
    blocks: &'a [BlockValues<T, M, N>],
    layer: usize,
    /// Which panel of the inputs.
    at: usize,
    /// (O padded to tiles, N)
    sums: &'a mut [T],
    /// The gradient of the bias; empty except in the first stripe.
    bias: &'a mut [T],
}

impl<T: Float, const M: usize, const N: usize> Arithmetic for Stripe<'_, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        for block in self.blocks {
            let (values, inputs) = block.of_layer(self.layer);
            let x = inputs.columns_of_a.iter(block.n_rows).nth(self.at);
            let x = x.unwrap_or_default();
            let tiles = self.sums.as_chunks_mut::<N>().0.as_chunks_mut::<M>().0;
            for (tile, e) in tiles.iter_mut().zip(values.columns_of_e.iter(block.n_rows)) {
                add_product::<T, FUSED, M, N>(e, x, tile);
            }
            for row in values.e.chunks_exact(values.width).take(block.n_rows) {
                for (sum, e) in self.bias.iter_mut().zip(row) {
                    *sum += *e;
                }
            }
        }
    }
}
