//! Updates of a problem of one leaf, whose sums are those over all samples.

use super::few::Columns;
use super::leaf::{self, Rows, Scratch};
use super::neurons::{Neurons, Sums};
use crate::backend::Summary;
use crate::instructions::Arithmetic;
use std::num::NonZeroU32;

/// Updates with as little as possible between them, since an update may take less than a call.
pub(super) struct Descent<'a> {
    pub(super) neurons: &'a mut Neurons,
    pub(super) rows: Rows<'a>,
    pub(super) iterations: NonZeroU32,
    pub(super) rate: f64,
}

impl Arithmetic for Descent<'_> {
    /// What the last pass saw.
    type Output = Summary;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Summary {
        let mut sums = Sums::zero(self.neurons);
        let mut scratch = Scratch::new(self.neurons);
        if let Some(columns) = Columns::new(self.neurons, self.rows) {
            for _ in 0..self.iterations.get() {
                columns.descend::<FUSED>(self.rate, self.neurons, &mut scratch, &mut sums);
            }
        } else {
            let padded = self.rows.padded(self.neurons.layer.n_inputs);
            let rows = Rows {
                inputs: &padded,
                input_stride: padded.len() / self.rows.n_rows,
                ..self.rows
            };
            for _ in 0..self.iterations.get() {
                sums.clear();
                leaf::add_rows::<FUSED>(self.neurons, rows, &mut scratch, &mut sums);
                self.neurons.descend(self.rate, &sums);
            }
        }
        Summary {
            loss: sums.loss(),
            mean_slope: sums.mean_slope(),
        }
    }
}
