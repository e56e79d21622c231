//! The forward pass alone.

use super::{Buffer, DenseNetwork, ROWS, Sums, Values, forward};
use crate::backend::Predictions;
use crate::cpu::block::Rows;
use crate::simd::{Arithmetic, Instructions};

impl DenseNetwork {
    /// Pre-activations and predictions of `rows`: the bits that [`DenseNetwork::sums`] goes on from.
    pub(in crate::cpu) fn predict(
        &self,
        rows: Rows<'_>,
        instructions: Instructions,
    ) -> Predictions {
        match instructions.has_many_registers() {
            true => instructions.run(Forward(Sums::<12> {
                network: self,
                rows,
            })),
            false => instructions.run(Forward(Sums::<7> {
                network: self,
                rows,
            })),
        }
    }
}

/// The predictions of rows, by tiles of M rows.
struct Forward<'a, const M: usize>(Sums<'a, M>);

impl<const M: usize> Arithmetic for Forward<'_, M> {
    type Output = Predictions;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Predictions {
        let Self(sums) = self;
        let layers = &sums.network.layers;
        let mut inputs = Values::<M>::of_inputs(layers[0].shape.n_inputs);
        let of_layers = layers.iter().map(|layer| {
            let values = Values::of_inputs(layer.shape.n_outputs);
            let z = Buffer::zeros(values.a.len());
            Values { z, ..values }
        });
        let mut values: Vec<Values<M>> = of_layers.collect();
        let n_outputs = layers[layers.len() - 1].shape.n_outputs;
        let mut predictions = Predictions::with_capacity(sums.rows.n_rows * n_outputs);
        for first in (0..sums.rows.n_rows).step_by(ROWS) {
            let n_rows = ROWS.min(sums.rows.n_rows - first);
            sums.read(first, n_rows, &mut inputs);
            for (at, layer) in layers.iter().enumerate() {
                let (before, from_here) = values.split_at_mut(at);
                let x = before.last().unwrap_or(&inputs);
                forward::<FUSED, M>(layer, n_rows, x, &mut from_here[0]);
            }
            for (z, y) in values[layers.len() - 1].rows().take(n_rows) {
                predictions.push(&z[..n_outputs], &y[..n_outputs]);
            }
        }
        predictions
    }
}
