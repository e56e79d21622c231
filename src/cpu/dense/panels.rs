//! Matrices in the order in which the tiles read them, which the literature on BLAS calls packed.

use super::buffer::Buffer;
use crate::cpu::float::Float;
use crate::parts;

/// Numbers of a row that are moved before those of the next one, so that the places they go to stay in the nearest
/// cache.
const AT_ONCE: usize = 16;

/// A matrix (K, columns) in panels of N columns, each (K, N) and 0 in the padding.
#[derive(Debug, Default)]
pub(super) struct Panels<T: Float, const N: usize> {
    numbers: Buffer<T>,
    panel: usize,
}

impl<T: Float, const N: usize> Panels<T, N> {
    /// The transpose of `weight` (O, I): the contraction is over the inputs.
    pub(super) fn of_rows(weight: &[f64], n_outputs: usize, n_inputs: usize) -> Self {
        let mut panels = Self::new(n_outputs, n_inputs);
        let rows = weight.chunks(N * n_inputs);
        let parts = panels.numbers.chunks_exact_mut(panels.panel).zip(rows);
        parts::for_each(parts, |(panel, rows)| {
            for first in (0..n_inputs).step_by(AT_ONCE) {
                let to = &mut panel[first * N..];
                for (column, row) in rows.chunks_exact(n_inputs).enumerate() {
                    let numbers = row[first..].iter().take(AT_ONCE);
                    let places = to[column..].iter_mut().step_by(N);
                    places.zip(numbers).for_each(|(to, x)| *to = T::rounded(*x));
                }
            }
        });
        panels
    }

    /// `weight` (O, I) itself: the contraction is over the outputs.
    pub(super) fn of_columns(weight: &[f64], n_outputs: usize, n_inputs: usize) -> Self {
        let mut panels = Self::new(n_inputs, n_outputs);
        let parts = panels.numbers.chunks_exact_mut(panels.panel).enumerate();
        parts::for_each(parts, |(at, panel)| {
            let rows = weight.chunks_exact(n_inputs);
            for (to, row) in panel.chunks_exact_mut(N).zip(rows) {
                let columns = row[at * N..].iter();
                to.iter_mut()
                    .zip(columns)
                    .for_each(|(to, x)| *to = T::rounded(*x));
            }
        });
        panels
    }

    /// Room for a matrix (`length`, `n_columns`), 0 where there may be padding.
    fn new(n_columns: usize, length: usize) -> Self {
        let panel = length * N;
        let mut numbers = Buffer::of_length(n_columns.div_ceil(N) * panel);
        if let Some(last) = numbers.rchunks_mut(panel.max(1)).next() {
            last.fill(T::default());
        }
        Self { numbers, panel }
    }

    /// The panels, first columns first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.numbers.chunks_exact(self.panel.max(1))
    }
}

/// A matrix (rows, K) in groups of M rows, each (K, M); past the last row it holds numbers without a meaning.
#[derive(Debug)]
pub(super) struct Grouped<T: Float, const M: usize> {
    numbers: Buffer<T>,
    length: usize,
}

impl<T: Float, const M: usize> Grouped<T, M> {
    /// Room for `n_rows` rows of `length` numbers.
    pub(super) fn new(n_rows: usize, length: usize) -> Self {
        Self {
            numbers: Buffer::of_length(n_rows.next_multiple_of(M) * length),
            length,
        }
    }

    /// Takes `n_rows` rows of `matrix`, one every `stride` numbers.
    #[inline(always)]
    pub(super) fn take(&mut self, matrix: &[T], stride: usize, n_rows: usize) {
        let groups = self.numbers.chunks_exact_mut(M * self.length);
        for (group, to) in groups.take(n_rows.div_ceil(M)).enumerate() {
            for first in (0..self.length).step_by(AT_ONCE) {
                let end = (first + AT_ONCE).min(self.length);
                for r in 0..M.min(n_rows - group * M) {
                    let row = &matrix[(group * M + r) * stride..][first..end];
                    for (k, number) in row.iter().enumerate() {
                        to[(first + k) * M + r] = *number;
                    }
                }
            }
        }
    }

    /// The groups of the first `n_rows` rows; the last may go past them.
    pub(super) fn iter(&self, n_rows: usize) -> impl Iterator<Item = &[T]> + Clone {
        let groups = self.numbers.chunks_exact(M * self.length);
        groups.take(n_rows.div_ceil(M))
    }
}

/// A matrix (rows, columns) in panels of C columns, each (rows, C); the padding holds numbers without a meaning.
#[derive(Debug)]
pub(super) struct Columns<T: Float, const C: usize> {
    numbers: Buffer<T>,
    panel: usize,
}

impl<T: Float, const C: usize> Columns<T, C> {
    /// Room for `n_rows` rows of `n_columns` columns.
    pub(super) fn new(n_rows: usize, n_columns: usize) -> Self {
        let panel = n_rows * C;
        Self {
            numbers: Buffer::of_length(n_columns.div_ceil(C) * panel),
            panel,
        }
    }

    /// Takes `n_rows` rows of `matrix`, one every `stride` numbers.
    #[inline(always)]
    pub(super) fn take(&mut self, matrix: &[T], stride: usize, n_rows: usize) {
        for (at, panel) in self.numbers.chunks_exact_mut(self.panel).enumerate() {
            let rows = matrix.chunks_exact(stride).take(n_rows);
            for (to, row) in panel.as_chunks_mut::<C>().0.iter_mut().zip(rows) {
                let row = &row[at * C..];
                match row.first_chunk() {
                    Some(row) => *to = *row,
                    None => to[..row.len()].copy_from_slice(row),
                }
            }
        }
    }

    /// The first `n_rows` rows of each panel.
    pub(super) fn iter(&self, n_rows: usize) -> impl Iterator<Item = &[T]> {
        let panels = self.numbers.chunks_exact(self.panel);
        panels.map(move |panel| &panel[..n_rows * C])
    }
}
