//! Predictions: the forward pass alone.

use super::pass::Pass;
use super::values::BlockValues;
use super::{DenseNetwork, ROWS};
use crate::backend::Predictions;
use crate::cpu::block::Rows;
use crate::cpu::float::Float;
use crate::simd::Arithmetic;

/// Predicts rows, by tiles of M rows.
pub(super) struct PredictionPass<'a, T: Float, const M: usize, const N: usize> {
    pub(super) network: &'a DenseNetwork<T, N>,
    pub(super) rows: Rows<'a>,
}

impl<T: Float, const M: usize, const N: usize> Arithmetic for PredictionPass<'_, T, M, N> {
    type Output = Predictions;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Predictions {
        let Self { network, rows } = self;
        let last = network.layers.len() - 1;
        let n_outputs = network.layers[last].shape.n_outputs;
        let mut in_f64 = vec![0.0; 2 * n_outputs];
        let mut block = BlockValues::<T, M, N>::new(&network.layers, ROWS);
        let mut predictions = Predictions::with_capacity(rows.n_rows * n_outputs);
        for first in (0..rows.n_rows).step_by(ROWS) {
            let n_rows = ROWS.min(rows.n_rows - first);
            block.place(first, n_rows);
            let mut pass = Pass {
                network,
                rows,
                place: 0,
                has_gradient: false,
                block: &mut block,
            };
            pass.forward::<FUSED>();
            let (values, _) = block.of_layer(last);
            let z = values.z.chunks_exact(values.width);
            let y = values.a.chunks_exact(values.width);
            for (z, y) in z.zip(y).take(n_rows) {
                for (in_f64, number) in in_f64
                    .iter_mut()
                    .zip(z[..n_outputs].iter().chain(&y[..n_outputs]))
                {
                    *in_f64 = (*number).into();
                }
                let (z, y) = in_f64.split_at(n_outputs);
                predictions.push(z, y);
            }
        }
        predictions
    }
}
