//! Predictions: the forward pass alone, of many rows at a time.

use super::block::Rows;
use super::dense::{self, Dense};
use crate::backend::{Predictions, Problem};
use crate::data::{Dataset, RowsRead};
use crate::network::Network;
use crate::precision::Precision;
use crate::simd::Instructions;
use rayon::prelude::*;
use std::ops::Range;

/// Features and values of layers that a thread makes at a time, about: few enough that all threads have some, and enough
/// to share the cost of taking them.
const PIECE_FLOATS: usize = 1 << 18;

/// A network at its parameters, which predicts rows.
#[derive(Debug)]
pub(crate) struct Predictor {
    network: Network,
    parameters: Vec<f64>,
    /// The network as products of matrices want it, if it has hidden layers.
    dense: Option<Box<dyn Dense>>,
    instructions: Instructions,
}

impl Predictor {
    /// Predicts by the network of `problem` with `parameters`.
    pub(crate) fn new(problem: &Problem<'_>, parameters: &[f64]) -> Self {
        let (network, instructions) = (problem.network.clone(), Instructions::detect());
        let dense = || dense::prepare(problem, Precision::F64, instructions, parameters, None);
        Self {
            dense: network.has_hidden().then(dense),
            network,
            parameters: parameters.to_vec(),
            instructions,
        }
    }

    /// What computes, for people to read.
    pub(crate) fn adapter(&self) -> String {
        super::pool::described(rayon::current_num_threads(), self.instructions.name())
    }

    /// Rows that a thread takes at a time.
    pub(super) fn rows_per_piece(&self) -> usize {
        let widths = self.network.layers().iter().map(|it| it.n_outputs);
        let rows = PIECE_FLOATS / (self.network.n_inputs() + widths.sum::<usize>());
        match self.dense {
            Some(_) => (rows / dense::ROWS).max(1) * dense::ROWS,
            None => rows.max(1),
        }
    }

    /// Pre-activations and predictions of `rows`.
    pub(super) fn predict_rows(&self, rows: Rows<'_>) -> Predictions {
        if let Some(dense) = &self.dense {
            return dense.predict(rows);
        }
        let mut predictions = Predictions::default();
        let mut values = self.network.values();
        for x in rows.inputs.chunks(rows.input_stride).take(rows.n_rows) {
            let x = &x[..self.network.n_inputs()];
            self.network.forward(&self.parameters, x, &mut values);
            predictions.push(values.pre_activation(), values.prediction());
        }
        predictions
    }

    /// Pre-activations and predictions of rows that were read from a data set.
    pub(crate) fn predict_read(&self, read: &RowsRead<'_>) -> Predictions {
        self.predict_rows(Rows {
            inputs: read.inputs,
            input_stride: self.network.n_inputs(),
            targets: &[],
            target_stride: 0,
            n_rows: read.rows.len(),
        })
    }

    /// Pre-activations and predictions of the rows `rows` of `dataset`, by the threads of the current pool.
    pub(crate) fn predict(&self, dataset: &Dataset, rows: Range<usize>) -> Predictions {
        self.pieces(rows, |piece| {
            dataset.with_rows(piece, |read| self.predict_read(&read))
        })
    }

    /// The predictions that `predict` makes of each piece of `rows`, one after the other.
    pub(super) fn pieces(
        &self,
        rows: Range<usize>,
        predict: impl Fn(Range<usize>) -> Predictions + Sync + Send,
    ) -> Predictions {
        let rows_per_piece = self.rows_per_piece();
        let pieces = rows.clone().into_par_iter().step_by(rows_per_piece);
        let predicted = pieces.map(|first| predict(first..(first + rows_per_piece).min(rows.end)));
        Predictions::concat(predicted.collect())
    }
}
