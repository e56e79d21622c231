//! Any block of rows on demand: where they lie, or copied, scaled and rounded.

use super::rows::{self, RowStore};
use super::{Dataset, Storage, Stored, Synthetic};
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Copies of some rows, as [`Dataset::read`] writes them.
pub(crate) struct RowsRead<'a> {
    /// The numbers of the rows.
    pub(crate) rows: Range<usize>,
    /// (rows, I)
    pub(crate) inputs: &'a [f32],
    /// (rows, O), or (rows, O + 1) with the weights.
    pub(crate) targets: &'a [f32],
}

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

    /// Like [`Dataset::stored`], but the features are those before scaling.
    pub(crate) fn unscaled(&self) -> Option<Stored<'_>> {
        if self.storage() != Storage::F32 {
            return None;
        }
        match &*self.rows {
            RowStore::Stored {
                inputs, targets, ..
            } => rows::stored(inputs, targets),
            RowStore::Synthetic(_) => None,
        }
    }

    /// The description of the rows, where they are made from one and used as they are made.
    pub(crate) fn generated(&self) -> Option<&Synthetic> {
        if self.scaling.is_some() {
            return None;
        }
        match &*self.rows {
            RowStore::Synthetic(synthetic) => Some(synthetic),
            RowStore::Stored { .. } => None,
        }
    }

    /// Writes the rows `rows` into `inputs` (rows, I), rounded as they are kept, and `targets` (rows, O), or
    /// (rows, O + 1) where each row's weight follows its targets.
    ///
    /// # Panics
    /// Where `rows` reaches past the last sample, or a slice has another length.
    pub fn read(&self, rows: Range<usize>, inputs: &mut [f32], targets: &mut [f32]) {
        self.read_unrounded(rows, inputs, targets);
        self.quantization.round(inputs);
    }

    /// Reads the rows `rows` into memory that each thread keeps, and returns what `use_rows` makes of them.
    pub(crate) fn with_rows<T>(
        &self,
        rows: Range<usize>,
        use_rows: impl FnOnce(RowsRead<'_>) -> T,
    ) -> T {
        thread_local! {
            static BUFFERS: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
        }
        // Taken, not borrowed: if `use_rows` reads rows itself, these get buffers of their own.
        let [mut inputs, mut targets] = BUFFERS.take();
        inputs.resize(rows.len() * self.n_inputs(), 0.0);
        targets.resize(rows.len() * self.target_width(), 0.0);
        self.read(rows.clone(), &mut inputs, &mut targets);
        let result = use_rows(RowsRead {
            rows,
            inputs: &inputs,
            targets: &targets,
        });
        BUFFERS.set([inputs, targets]);
        result
    }

    /// What `use_leaf` makes of the rows of each leaf, in the order of the leaves, by the threads of the current pool.
    pub(crate) fn map_leaves<T: Send>(
        &self,
        use_leaf: impl Fn(RowsRead<'_>) -> T + Sync + Send,
    ) -> impl IndexedParallelIterator<Item = T> {
        let leaves = self.leaves();
        let numbers = (0..leaves.count()).into_par_iter();
        numbers.map(move |leaf| self.with_rows(leaves.rows(leaf), &use_leaf))
    }

    /// The first that `find` finds, in the order of the leaves.
    pub(crate) fn find_in_leaves<T: Send>(
        &self,
        find: impl Fn(RowsRead<'_>) -> Option<T> + Sync + Send,
    ) -> Option<T> {
        self.map_leaves(find).find_map_first(|found| found)
    }

    /// Like [`Dataset::read`], but the inputs are not rounded to their storage.
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
            RowStore::Stored {
                inputs: all_inputs,
                targets: all_targets,
                ..
            } => {
                all_inputs.read(rows.clone(), inputs);
                all_targets.read(rows, targets);
            }
            RowStore::Synthetic(synthetic) => {
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
