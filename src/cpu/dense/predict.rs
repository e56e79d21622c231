//! The forward pass alone.

use super::pass::{Block, Pass};
use super::{DenseNetwork, ROWS};
use crate::backend::Predictions;
use crate::cpu::block::Rows;
use crate::simd::{Arithmetic, Instructions};

impl<const N: usize> DenseNetwork<f64, N> {
    /// Pre-activations and predictions of `rows`: the bits that [`DenseNetwork::sums`] goes on from.
    pub(in crate::cpu) fn predict(
        &self,
        rows: Rows<'_>,
        instructions: Instructions,
    ) -> Predictions {
        match instructions.has_many_registers() {
            true => instructions.run(Forward::<12, N> {
                network: self,
                rows,
            }),
            false => instructions.run(Forward::<7, N> {
                network: self,
                rows,
            }),
        }
    }
}

/// The predictions of rows, by tiles of M rows.
struct Forward<'a, const M: usize, const N: usize> {
    network: &'a DenseNetwork<f64, N>,
    rows: Rows<'a>,
}

impl<const M: usize, const N: usize> Arithmetic for Forward<'_, M, N> {
    type Output = Predictions;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Predictions {
        let Self { network, rows } = self;
        let last = network.layers.len() - 1;
        let n_outputs = network.layers[last].shape.n_outputs;
        let mut block = Block::<f64, M, N>::new(&network.layers, ROWS);
        let mut predictions = Predictions::with_capacity(rows.n_rows * n_outputs);
        for first in (0..rows.n_rows).step_by(ROWS) {
            let n_rows = ROWS.min(rows.n_rows - first);
            block.place(first, n_rows);
            let mut pass = Pass {
                network,
                rows,
                place: first,
                block: &mut block,
            };
            pass.forward::<FUSED>();
            let (values, _) = block.of_layer(last);
            let z = values.z.chunks_exact(values.width);
            let y = values.a.chunks_exact(values.width);
            for (z, y) in z.zip(y).take(n_rows) {
                predictions.push(&z[..n_outputs], &y[..n_outputs]);
            }
        }
        predictions
    }
}
