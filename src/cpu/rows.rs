//! Where the rows of a problem come from, and how the arithmetic gets them.

use super::block::Rows;
use crate::data::{Dataset, Scaling, Stored};
use crate::error::{Error, Result};
use crate::leaves::Leaves;
use crate::simd::prefetch;
use rayon::prelude::*;
use std::ops::Range;

/// Memory is asked for a row of a batch, which may lie anywhere, about this many floats before the row is copied.
const FLOATS_AHEAD: usize = 1 << 11;
/// The most rows that memory is asked for ahead.
const ROWS_AHEAD: usize = 16;

/// Where the rows of a data set come from.
#[derive(Debug)]
pub(super) enum RowSource<'a> {
    /// Memory or a mapped file that holds them as they are used.
    Stored(Stored<'a>),
    /// Memory or a mapped file that holds them before their features and targets are scaled: the scaling is folded
    /// into the parameters instead.
    Unscaled(Stored<'a>, &'a Scaling),
    /// A copy, made once: inputs (N, I) and targets (N, O).
    Copied(Vec<f32>, Vec<f32>),
    /// The data set: every pass reads them again, leaf by leaf.
    Dataset,
}

impl<'a> RowSource<'a> {
    /// The rows with the numbers that `dataset` gives a GPU: where they are scaled, rounded to f32.
    pub(super) fn rounded(dataset: &'a Dataset, threads: &rayon::ThreadPool) -> Result<Self> {
        let leaves = dataset.leaves();
        Ok(match dataset.stored() {
            Some(stored) => Self::Stored(stored),
            None if dataset.generated().is_some() || leaves.count() == 1 => {
                let (inputs, targets) = threads.install(|| copied(dataset, leaves))?;
                Self::Copied(inputs, targets)
            }
            None => Self::Dataset,
        })
    }

    /// Calls `use_rows` with the rows `rows` of `dataset`.
    pub(super) fn with_rows<T>(
        &self,
        dataset: &Dataset,
        rows: Range<usize>,
        use_rows: impl FnOnce(Rows<'_>) -> T,
    ) -> T {
        let n_rows = rows.len();
        match self.in_place(dataset) {
            Some(stored) => use_rows(Rows::from(stored, rows.start, n_rows)),
            None => dataset.with_rows(rows, |read| {
                let rows = dense(dataset, read.inputs, read.targets);
                use_rows(Rows::from(rows, 0, n_rows))
            }),
        }
    }

    /// All rows, where they lie in memory.
    fn in_place(&self, dataset: &Dataset) -> Option<Stored<'_>> {
        match self {
            Self::Stored(stored) | Self::Unscaled(stored, _) => Some(*stored),
            Self::Copied(inputs, targets) => Some(dense(dataset, inputs, targets)),
            Self::Dataset => None,
        }
    }

    /// Calls `use_rows` with a copy of the rows numbered `numbers`, in this order.
    pub(super) fn with_gathered<T>(
        &self,
        dataset: &Dataset,
        numbers: &[usize],
        use_rows: impl FnOnce(Rows<'_>) -> T,
    ) -> T {
        let n_inputs = dataset.n_inputs();
        let mut inputs = Vec::with_capacity(numbers.len() * n_inputs);
        let mut targets = Vec::with_capacity(numbers.len() * dataset.target_width());
        let in_place = self.in_place(dataset);
        let ahead = (FLOATS_AHEAD / n_inputs).clamp(1, ROWS_AHEAD);
        let mut later = numbers.iter().skip(ahead);
        for run in numbers.chunk_by(|row, next| row + 1 == *next) {
            if let Some(stored) = in_place {
                let rows = later.by_ref().take(run.len());
                rows.for_each(|row| ask_for(stored, *row, n_inputs));
            }
            self.with_rows(dataset, run[0]..run[0] + run.len(), |rows| {
                for row in 0..run.len() {
                    let from = &rows.inputs[row * rows.input_stride..];
                    inputs.extend_from_slice(&from[..n_inputs]);
                    let from = &rows.targets[row * rows.target_stride..];
                    targets.extend_from_slice(&from[..dataset.target_width()]);
                }
            });
        }
        use_rows(Rows::from(
            dense(dataset, &inputs, &targets),
            0,
            numbers.len(),
        ))
    }
}

/// Asks memory for row number `row`, which does not wait for it.
fn ask_for(stored: Stored<'_>, row: usize, n_inputs: usize) {
    const LINE: usize = 64 / size_of::<f32>();
    for column in (0..n_inputs).step_by(LINE) {
        prefetch(stored.inputs, row * stored.input_stride + column);
    }
    prefetch(stored.targets, row * stored.target_stride);
}

/// Inputs (rows, I) and targets (rows, O) without gaps.
fn dense<'r>(dataset: &Dataset, inputs: &'r [f32], targets: &'r [f32]) -> Stored<'r> {
    Stored {
        inputs,
        input_stride: dataset.n_inputs(),
        targets,
        target_stride: dataset.target_width(),
    }
}

/// A copy of all inputs (N, I) and targets (N, O), made in parallel.
fn copied(dataset: &Dataset, leaves: Leaves) -> Result<(Vec<f32>, Vec<f32>)> {
    let (n_samples, n_inputs) = (dataset.n_samples(), dataset.n_inputs());
    let target_width = dataset.target_width();
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    let granted = inputs
        .try_reserve_exact(n_samples * n_inputs)
        .and_then(|()| targets.try_reserve_exact(n_samples * target_width));
    if granted.is_err() {
        return Err(Error::HostMemory {
            what: dataset.source().to_owned(),
            needed: dataset.unrounded().bytes(),
        });
    }
    inputs.resize(n_samples * n_inputs, 0.0);
    targets.resize(n_samples * target_width, 0.0);
    inputs
        .par_chunks_mut(leaves.rows_per_leaf() * n_inputs)
        .zip(targets.par_chunks_mut(leaves.rows_per_leaf() * target_width))
        .enumerate()
        .for_each(|(leaf, (inputs, targets))| dataset.read(leaves.rows(leaf), inputs, targets));
    Ok((inputs, targets))
}

#[cfg(test)]
mod tests {
    use super::RowSource;
    use crate::data::Dataset;

    #[test]
    fn a_thread_may_take_rows_while_it_holds_others() {
        let inputs = (0..6).map(|x| x as f32).collect();
        let dataset = Dataset::from_rows("rows", 2, 1, inputs, vec![0.0, 1.0, 2.0]).unwrap();
        let taken = RowSource::Dataset.with_rows(&dataset, 0..2, |outer| {
            let inner = RowSource::Dataset.with_rows(&dataset, 2..3, |rows| rows.inputs.to_vec());
            (outer.inputs.to_vec(), inner)
        });
        assert_eq!(taken, (vec![0.0, 1.0, 2.0, 3.0], vec![4.0, 5.0]));
    }
}
