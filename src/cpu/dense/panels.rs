//! Matrices in the order in which the tiles read them.

use super::ROWS;
use super::buffer::Buffer;
use super::tile::COLUMNS;

/// A matrix (K, columns) in panels of [`COLUMNS`] columns, each (K, COLUMNS) and 0 in the padding.
#[derive(Debug, Default)]
pub(super) struct Panels {
    numbers: Buffer,
    panel: usize,
}

impl Panels {
    /// The transpose of `weight` (O, I): the contraction is over the inputs.
    pub(super) fn of_rows(weight: &[f64], n_outputs: usize, n_inputs: usize) -> Self {
        let mut panels = Self::zero(n_outputs, n_inputs);
        let rows = weight.chunks_exact(n_inputs).enumerate();
        for (column, row) in rows {
            let panel = &mut panels.numbers[column / COLUMNS * panels.panel..][..panels.panel];
            let places = panel[column % COLUMNS..].iter_mut().step_by(COLUMNS);
            places.zip(row).for_each(|(to, number)| *to = *number);
        }
        panels
    }

    /// `weight` (O, I) itself: the contraction is over the outputs.
    pub(super) fn of_columns(weight: &[f64], n_outputs: usize, n_inputs: usize) -> Self {
        let mut panels = Self::zero(n_inputs, n_outputs);
        for (k, row) in weight.chunks_exact(n_inputs).enumerate() {
            for (panel, columns) in row.chunks(COLUMNS).enumerate() {
                let to = panel * panels.panel + k * COLUMNS;
                panels.numbers[to..][..columns.len()].copy_from_slice(columns);
            }
        }
        panels
    }

    fn zero(n_columns: usize, length: usize) -> Self {
        let panel = length * COLUMNS;
        Self {
            numbers: Buffer::zeros(n_columns.div_ceil(COLUMNS) * panel),
            panel,
        }
    }

    /// The panels, first columns first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.numbers.chunks_exact(self.panel.max(1))
    }
}

/// A matrix (rows, K) in groups of M rows, each (K, M).
#[derive(Debug)]
pub(super) struct Grouped<const M: usize> {
    numbers: Buffer,
    length: usize,
}

impl<const M: usize> Grouped<M> {
    pub(super) fn new(length: usize) -> Self {
        Self {
            numbers: Buffer::zeros(ROWS.next_multiple_of(M) * length),
            length,
        }
    }

    /// Takes `n_rows` rows of `matrix`, one every `stride` numbers.
    #[inline(always)]
    pub(super) fn take(&mut self, matrix: &[f64], stride: usize, n_rows: usize) {
        let groups = self.numbers.chunks_exact_mut(M * self.length);
        for (group, to) in groups.take(n_rows.div_ceil(M)).enumerate() {
            for r in 0..M.min(n_rows - group * M) {
                let row = &matrix[(group * M + r) * stride..][..self.length];
                for (k, number) in row.iter().enumerate() {
                    to[k * M + r] = *number;
                }
            }
        }
    }

    /// The groups of the first `n_rows` rows; the last may go past them.
    pub(super) fn iter(&self, n_rows: usize) -> impl Iterator<Item = &[f64]> {
        let groups = self.numbers.chunks_exact(M * self.length);
        groups.take(n_rows.div_ceil(M))
    }
}
