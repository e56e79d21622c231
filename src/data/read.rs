//! Reading rows: in place, or copied, scaled and rounded.

use super::rows::{RowStore, stored};
use super::{Dataset, Storage, Stored, Synthetic};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// Rows that [`Dataset::read`] has copied.
pub(crate) struct RowsRead<'a> {
    /// The numbers of the rows.
    pub(crate) rows: Range<usize>,
    /// (rows, I)
    pub(crate) inputs: &'a [f32],
    /// (rows, O), or (rows, O + 1) with the weights.
    pub(crate) targets: &'a [f32],
}

impl Dataset {
    /// The rows in place; `None` if they are scaled, rounded or synthetic, or the features or targets of a row are not
    /// neighbours in order.
    #[must_use]
    pub fn stored(&self) -> Option<Stored<'_>> {
        self.unscaled()
            .filter(|_| self.scaling.is_none() && self.target_scaling.is_none())
    }

    /// Like [`Dataset::stored`], but with the features and targets before scaling.
    pub(crate) fn unscaled(&self) -> Option<Stored<'_>> {
        if self.storage() != Storage::F32 {
            return None;
        }
        match &*self.rows {
            RowStore::Stored {
                inputs, targets, ..
            } => stored(inputs, targets),
            RowStore::Synthetic(_) => None,
        }
    }

    /// The description of synthetic rows; `None` for other rows, and if they are scaled.
    pub(crate) fn generated(&self) -> Option<&Synthetic> {
        match &*self.rows {
            RowStore::Synthetic(synthetic)
                if self.scaling.is_none() && self.target_scaling.is_none() =>
            {
                Some(synthetic)
            }
            _ => None,
        }
    }

    /// Copies the rows `rows` into `inputs` (rows, I), scaled and then rounded to their storage, and scaled into `targets`
    /// (rows, O), or (rows, O + 1) if each row's weight follows its targets.
    ///
    /// # Panics
    /// If `rows` reaches past the last sample, or a slice has another length.
    pub fn read(&self, rows: Range<usize>, inputs: &mut [f32], targets: &mut [f32]) {
        self.read_unrounded(rows, inputs, targets);
        self.quantization.round(inputs);
    }

    /// Reads the rows `rows` into memory that each thread keeps, and returns the result of `use_rows` for them.
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

    /// The result of `use_leaf` for the rows of each leaf, in the order of the leaves, by the threads of the current
    /// pool.
    pub(crate) fn map_leaves<T: Send>(
        &self,
        use_leaf: impl Fn(RowsRead<'_>) -> T + Sync + Send,
    ) -> impl IndexedParallelIterator<Item = T> {
        let leaves = self.leaves();
        let numbers = (0..leaves.count()).into_par_iter();
        numbers.map(move |leaf| self.with_rows(leaves.rows(leaf), &use_leaf))
    }

    /// The targets of all rows (N, O), or (N, O + 1) with the weights.
    pub(crate) fn targets(&self) -> Vec<f32> {
        let of_leaves = self.map_leaves(|read| read.targets.to_vec());
        of_leaves.collect::<Vec<_>>().concat()
    }

    /// The first result of `find`, in the order of the leaves.
    pub(crate) fn find_in_leaves<T: Send>(
        &self,
        find: impl Fn(RowsRead<'_>) -> Option<T> + Sync + Send,
    ) -> Option<T> {
        self.map_leaves(find).find_map_first(|found| found)
    }

    /// Copies all rows before scaling and rounding into memory: inputs (N, I), and targets (N, O) with the weights.
    ///
    /// # Errors
    /// If memory does not suffice; the error says that it was `purpose`.
    pub(super) fn copied(&self, purpose: &str) -> Result<(Vec<f32>, Vec<f32>)> {
        let lengths = [self.n_inputs(), self.target_width()].map(|width| self.n_samples * width);
        let [mut inputs, mut targets] = [Vec::new(), Vec::new()];
        let granted = inputs
            .try_reserve_exact(lengths[0])
            .and_then(|()| targets.try_reserve_exact(lengths[1]));
        granted.map_err(|_| Error::HostMemory {
            what: format!("{}, {purpose},", self.source),
            needed: 4 * (lengths[0] as u64 + lengths[1] as u64),
        })?;
        inputs.resize(lengths[0], 0.0);
        targets.resize(lengths[1], 0.0);
        self.raw()
            .read(0..self.n_samples, &mut inputs, &mut targets);
        Ok((inputs, targets))
    }

    /// Like [`Dataset::read`], but without rounding the inputs to their storage.
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
                let targets = targets.iter_mut();
                for (row, (x, t)) in rows.zip(inputs.chunks_exact_mut(n_inputs).zip(targets)) {
                    *t = synthetic.row(row as u64, x);
                }
            }
        }
        if let Some(scaling) = &self.scaling {
            scaling.apply(inputs);
        }
        if let Some(scaling) = &self.target_scaling {
            scaling.apply(targets, target_width);
        }
    }
}
