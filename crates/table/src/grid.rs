//! The columns of a table that are used, read, before they become inputs and targets.

use super::table::Cells;
use crate::error::{Error, Result};
use neuralnet::data::{ColumnView, Lines, TableValues};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are worked on at a time, by one thread.
const BLOCK_ROWS: usize = 1 << 12;

/// The columns of a table that are used: features, then targets, then the weight.
pub(super) struct Grid {
    path: PathBuf,
    /// Of the columns.
    pub(super) names: Vec<String>,
    pub(super) n_rows: usize,
    /// As of [`Cells`].
    pub(super) texts: Vec<Vec<String>>,
    pub(super) n_empty: Vec<usize>,
    pub(super) lines: Lines,
    first_row: usize,
    values: Arc<TableValues>,
    width: usize,
    /// Where the columns stand in a row of the values.
    places: Vec<usize>,
}

impl Grid {
    /// Columns that were read.
    pub(super) fn of_cells(path: &Path, names: Vec<String>, cells: Cells) -> Self {
        Self {
            path: path.to_owned(),
            n_rows: cells.n_rows,
            texts: cells.texts,
            n_empty: cells.n_empty,
            lines: cells.lines,
            first_row: cells.first_row,
            values: Arc::new(TableValues::Memory(cells.values)),
            width: names.len(),
            places: (0..names.len()).collect(),
            names,
        }
    }

    /// Columns of numbers that are used where they lie, at the places `places` of rows of `width`.
    pub(super) fn in_place(
        path: &Path,
        names: Vec<String>,
        (values, n_rows, width): (TableValues, usize, usize),
        places: Vec<usize>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            n_rows,
            texts: vec![Vec::new(); names.len()],
            n_empty: vec![0; names.len()],
            lines: Lines::default(),
            first_row: 0,
            values: Arc::new(values),
            width,
            places,
            names,
        }
    }

    /// Whether its values lie in a file.
    pub(super) fn is_in_place(&self) -> bool {
        matches!(*self.values, TableValues::Shared(_))
    }

    /// Whether the column is of texts.
    pub(super) fn is_text(&self, column: usize) -> bool {
        !self.texts[column].is_empty()
    }

    /// The cells of a column in their order.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = f32> + '_ {
        let values = self.values.all()[self.places[column]..].iter();
        values.step_by(self.width).copied()
    }

    pub(super) fn value(&self, row: usize, column: usize) -> f32 {
        self.values.all()[row * self.width + self.places[column]]
    }

    /// The columns as a part of a data set.
    pub(super) fn part(&self, columns: std::ops::Range<usize>) -> ColumnView {
        ColumnView::new(Arc::clone(&self.values), self.width, &self.places[columns])
    }

    /// Puts `fill[column]` in the place of each empty cell of the columns from 0 on.
    pub(super) fn fill(&mut self, fill: &[f32]) {
        let values = Arc::get_mut(&mut self.values).expect("no part was made of them yet");
        let TableValues::Memory(values) = values else {
            unreachable!("cells that are used where they lie are never empty");
        };
        let rows = values.par_chunks_mut(self.width);
        rows.with_min_len(BLOCK_ROWS).for_each(|row| {
            for (value, fill) in row.iter_mut().zip(fill) {
                if value.is_nan() {
                    *value = *fill;
                }
            }
        });
    }

    /// A new table (rows, `width`) whose rows `write` makes of the number of a row.
    ///
    /// # Errors
    /// Where the memory does not hold it.
    pub(super) fn made(
        &self,
        width: usize,
        write: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Vec<f32>> {
        let mut made = Vec::new();
        let n_values = self.n_rows.saturating_mul(width);
        made.try_reserve_exact(n_values)
            .map_err(|_| neuralnet::Error::HostMemory {
                what: format!("{}: {width} columns of it", self.path.display()),
                needed: (n_values as u64).saturating_mul(4),
            })?;
        made.resize(n_values, 0.0);
        let blocks = made.par_chunks_mut(BLOCK_ROWS * width).enumerate();
        blocks.for_each(|(block, rows)| {
            for (row, to) in rows.chunks_exact_mut(width).enumerate() {
                write(block * BLOCK_ROWS + row, to);
            }
        });
        Ok(made)
    }

    /// The first row whose cell in `column` is as asked for.
    pub(super) fn first(&self, column: usize, is: impl Fn(f32) -> bool) -> Option<usize> {
        self.column(column).position(is)
    }

    /// What is wrong with a cell.
    pub(super) fn cell_error(&self, row: usize, column: usize, reason: String) -> Error {
        let (path, name) = (self.path.clone(), &self.names[column]);
        match self.lines.line(row) {
            Some(line) => Error::Cell {
                path,
                line,
                column: name.clone(),
                reason,
            },
            None => Error::Table {
                path,
                reason: format!("{}, column `{name}`: {reason}", self.row_name(row)),
            },
        }
    }

    /// A row as a person would look for it.
    pub(super) fn row_name(&self, row: usize) -> String {
        match self.lines.line(row) {
            Some(line) => format!("line {line}"),
            None => format!("row {}", self.first_row + row),
        }
    }

    /// What is wrong with a column.
    pub(super) fn error(&self, reason: String) -> Error {
        Error::table(&self.path, reason)
    }

    /// That cells of some columns are empty, if any are: the place of the first, how many there are, and `remedy`.
    pub(super) fn refuse_empty(
        &self,
        columns: impl Iterator<Item = usize> + Clone,
        remedy: &str,
    ) -> Result<()> {
        let with_gaps = columns.filter(|column| self.n_empty[*column] > 0);
        let first = with_gaps
            .clone()
            .filter_map(|column| Some((self.first(column, f32::is_nan)?, column)))
            .min();
        let Some((row, column)) = first else {
            return Ok(());
        };
        let counts: Vec<String> = with_gaps
            .map(|column| {
                let name = super::columns::shown(&self.names[column]);
                format!("{} of `{name}`", self.n_empty[column])
            })
            .collect();
        let counts = super::columns::some_of(counts);
        Err(self.cell_error(
            row,
            column,
            format!("the cell is empty ({counts} in all); {remedy}"),
        ))
    }
}
