//! Gradient descent of a layer on a problem of one leaf, whose sums are those over all samples.

use super::block::Rows;
use super::layer::{PaddedLayer, Sums, whole_vectors};
use super::leaf;
use super::scratch::Scratch;
use crate::backend::Summary;
use crate::simd::Arithmetic;

/// `iterations` updates in one call, of rows that are padded once.
pub(super) struct GradientDescent<'a> {
    pub(super) layer: &'a mut PaddedLayer<f64>,
    pub(super) rows: Rows<'a>,
    pub(super) iterations: u64,
    pub(super) rate: f64,
}

impl Arithmetic for GradientDescent<'_> {
    /// The sums of loss and slope before the last update.
    type Output = Summary;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Summary {
        let mut sums = Sums::zero(self.layer);
        let mut scratch = Scratch::new(self.layer);
        let padded = whole_vectors(
            self.rows.inputs,
            self.rows.input_stride,
            self.rows.n_rows,
            self.layer.shape.n_inputs,
        );
        let rows = Rows {
            inputs: &padded,
            input_stride: padded.len() / self.rows.n_rows,
            ..self.rows
        };
        for _ in 0..self.iterations {
            sums.clear();
            leaf::add_rows::<f64, FUSED>(self.layer, rows, &mut scratch, &mut sums);
            self.layer.descend(self.rate, &sums);
        }
        sums.summary()
    }
}
