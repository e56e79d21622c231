//! Any block of rows on demand: where they lie, or copied, scaled and rounded.

use super::rows::{self, Rows};
use super::{Dataset, Storage, Stored, Synthetic};
use std::ops::Range;

impl Dataset {
    /// The rows where they lie, if they lie somewhere with the features of each row, and its targets,
    /// side by side in order.
    #[must_use]
    pub fn stored(&self) -> Option<Stored<'_>> {
        if self.scaling.is_some() {
            return None;
        }
        self.unscaled()
    }

    /// As [`Dataset::stored`], the features before they are scaled.
    pub(crate) fn unscaled(&self) -> Option<Stored<'_>> {
        if self.storage() != Storage::F32 {
            return None;
        }
        match &*self.rows {
            Rows::Stored {
                inputs, targets, ..
            } => rows::stored(inputs, targets),
            Rows::Synthetic(_) => None,
        }
    }

    /// The description of the rows, where they are made from one and used as they are made.
    pub(crate) fn generated(&self) -> Option<&Synthetic> {
        if self.scaling.is_some() {
            return None;
        }
        match &*self.rows {
            Rows::Synthetic(synthetic) => Some(synthetic),
            Rows::Stored { .. } => None,
        }
    }

    /// Writes the rows `rows` into `inputs` (rows, I), rounded as they are kept, and `targets` (rows, O), or
    /// (rows, O + 1) where each row's weight follows its targets.
    ///
    /// # Panics
    /// Where `rows` reaches past the last sample, or a slice has another length.
    pub fn read(&self, rows: Range<usize>, inputs: &mut [f32], targets: &mut [f32]) {
        self.read_unrounded(rows, inputs, targets);
        self.codes.round(inputs);
    }

    /// As [`Dataset::read`], the inputs before they are rounded.
    pub(crate) fn read_unrounded(
        &self,
        rows: Range<usize>,
        inputs: &mut [f32],
        targets: &mut [f32],
    ) {
        assert!(rows.end <= self.n_samples, "rows {rows:?}");
        let (n_inputs, target_width) = (self.n_inputs(), self.target_width());
        assert_eq!(inputs.len(), rows.len() * n_inputs, "inputs of {rows:?}");
        assert_eq!(
            targets.len(),
            rows.len() * target_width,
            "targets of {rows:?}"
        );
        match &*self.rows {
            Rows::Stored {
                inputs: all_inputs,
                targets: all_targets,
                ..
            } => {
                all_inputs.read(rows.clone(), inputs);
                all_targets.read(rows, targets);
            }
            Rows::Synthetic(synthetic) => {
                for (row, (x, t)) in rows.zip(inputs.chunks_exact_mut(n_inputs).zip(targets)) {
                    *t = synthetic.row(row as u64, x);
                }
            }
        }
        if let Some(scaling) = &self.scaling {
            scaling.apply(inputs);
        }
    }
}
