//! Columns of a table as features in f32, encoded as they were fitted.

use crate::error::{Error, Place, Remedy, Result, listed, shown, some_of};
use crate::features::rounded;
use crate::reader::Batch;
use crate::table::Table;
use crate::values::{self, canonical};
use arrow_array::{Array, Float64Array};
use neuralnet::data::Column;
use rayon::prelude::*;
use std::collections::HashMap;
use std::ops::Range;

/// Rows that one thread writes at a time.
const BLOCK_ROWS: usize = 1 << 12;

/// What was filled or unknown, of each column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) n_missing: Vec<usize>,
    pub(crate) n_unknown: Vec<usize>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        for (all, new) in [
            (&mut self.n_missing, &other.n_missing),
            (&mut self.n_unknown, &other.n_unknown),
        ] {
            all.resize(new.len(), 0);
            all.iter_mut().zip(new).for_each(|(all, new)| *all += new);
        }
    }

    /// A sentence for each column that has some.
    pub(crate) fn notices(&self, columns: &[Column]) -> Vec<String> {
        let missing = columns.iter().zip(&self.n_missing).filter(|(_, n)| **n > 0);
        let missing = missing.map(|(column, n_missing)| {
            let fill = column.fill.as_deref().unwrap_or_default();
            let values = match &column.categories {
                None => fill
                    .iter()
                    .map(|value| (f64::from(*value) + column.offset).to_string())
                    .collect(),
                Some(categories) => {
                    let values = categories.iter().zip(fill);
                    values
                        .map(|(category, value)| format!("{}={value}", shown(category)))
                        .collect::<Vec<_>>()
                }
            };
            let cells = if *n_missing == 1 { "cell" } else { "cells" };
            format!(
                "{n_missing} missing {cells} of `{}` filled with {}",
                shown(&column.name),
                some_of(values)
            )
        });
        let unknown = columns.iter().zip(&self.n_unknown).filter(|(_, n)| **n > 0);
        let unknown = unknown.map(|(column, n_unknown)| {
            let cells = if *n_unknown == 1 { "cell holds" } else { "cells hold" };
            format!("of column `{}` {n_unknown} {cells} a text that the model does not know; its features are 0 there", shown(&column.name))
        });
        missing.chain(unknown).collect()
    }
}

/// Encodes columns as they were fitted.
pub(crate) struct Encoder<'a> {
    columns: &'a [Column],
    /// The places of the categories of each column that has some.
    places: Vec<Option<HashMap<&'a str, usize>>>,
    /// Whether an unknown category has no feature of its own; otherwise it is an error.
    unknown_as_zero: bool,
    /// Features of a row.
    width: usize,
}

/// A column of a batch, ready to be written into rows.
struct Prepared<'a> {
    column: &'a Column,
    cells: Cells,
    n_missing: usize,
    n_unknown: usize,
    /// The first cell that has no features.
    fault: Option<(usize, Fault)>,
}

enum Cells {
    Numbers(Vec<f32>),
    Categories(Vec<Category>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Category {
    Known(usize),
    Unknown,
    Missing,
}

/// Why a cell has no features.
enum Fault {
    Missing,
    Unknown(String),
    BeyondF32(f64),
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(columns: &'a [Column], unknown_as_zero: bool) -> Self {
        let places = columns.iter().map(|column| {
            let categories = column.categories.as_ref()?;
            Some(categories.iter().map(String::as_str).zip(0..).collect())
        });
        Self {
            columns,
            places: places.collect(),
            unknown_as_zero,
            width: columns.iter().map(Column::n_features).sum(),
        }
    }

    /// The features (rows, I) of the first columns of `table`.
    ///
    /// # Errors
    /// The first cell, row by row, that has no features; or if the memory for all is not granted.
    pub(crate) fn encode(&self, table: &Table) -> Result<(Vec<f32>, Counts)> {
        let needed = table.n_rows.checked_mul(self.width);
        let inputs = needed.and_then(|needed| bytemuck::allocation::try_zeroed_vec(needed).ok());
        let mut inputs = inputs.ok_or_else(|| neuralnet::Error::HostMemory {
            what: format!("{}: its features", table.source),
            needed: 4 * table.n_rows as u64 * self.width as u64,
        })?;
        let mut rest = inputs.as_mut_slice();
        let mut parts = Vec::with_capacity(table.batches.len());
        for batch in &table.batches {
            let (part, after) = rest.split_at_mut(batch.n_rows * self.width);
            rest = after;
            parts.push((batch, part));
        }
        let encoded: Vec<Result<Counts>> = parts
            .into_par_iter()
            .map(|(batch, to)| self.encode_batch(table, batch, to))
            .collect();
        let mut counts = Counts::default();
        for encoded in encoded {
            counts.add(&encoded?);
        }
        Ok((inputs, counts))
    }

    fn encode_batch(&self, table: &Table, batch: &Batch, to: &mut [f32]) -> Result<Counts> {
        let columns = 0..self.columns.len();
        let prepared = columns.map(|at| self.prepare(table, batch, at));
        let mut prepared = prepared.collect::<Result<Vec<Prepared<'_>>>>()?;
        let faults = prepared
            .iter_mut()
            .filter_map(|column| Some((column.fault.take()?, column.column)));
        if let Some(((row, fault), column)) = faults.min_by_key(|((row, _), _)| *row) {
            return Err(fault.error(table, batch, row, column));
        }
        let blocks = to.par_chunks_mut(BLOCK_ROWS * self.width).enumerate();
        blocks.for_each(|(block, to)| {
            let (first, n_rows) = (block * BLOCK_ROWS, to.len() / self.width);
            let mut feature = 0;
            for column in &prepared {
                column.write(first..first + n_rows, &mut to[feature..], self.width);
                feature += column.column.n_features();
            }
        });
        Ok(Counts {
            n_missing: prepared.iter().map(|column| column.n_missing).collect(),
            n_unknown: prepared.iter().map(|column| column.n_unknown).collect(),
        })
    }

    fn prepare(&self, table: &Table, batch: &Batch, at: usize) -> Result<Prepared<'a>> {
        let column = &self.columns[at];
        let refused = |refused| table.refused(batch, at, refused);
        let cells = &batch.columns[at];
        let mut prepared = Prepared {
            column,
            cells: Cells::Numbers(Vec::new()),
            n_missing: 0,
            n_unknown: 0,
            fault: None,
        };
        prepared.cells = match &self.places[at] {
            None => {
                let numbers = values::numbers(cells).map_err(refused)?;
                Cells::Numbers(prepared.numbers(&numbers))
            }
            Some(places) => {
                let texts = values::texts(cells).map_err(refused)?;
                let texts = texts.iter().enumerate();
                let category =
                    |(row, text)| prepared.category(row, text, places, self.unknown_as_zero);
                Cells::Categories(texts.map(category).collect())
            }
        };
        Ok(prepared)
    }
}

impl Prepared<'_> {
    fn numbers(&mut self, numbers: &Float64Array) -> Vec<f32> {
        if numbers.null_count() == 0 {
            let offset = self.column.offset;
            let encoded = numbers
                .values()
                .iter()
                .map(|number| rounded(number - offset));
            let encoded: Vec<f32> = encoded.collect();
            // Without an early exit, so that the compiler can vectorise the loop.
            let are_finite = |all: bool, encoded: &f32| all & encoded.is_finite();
            if encoded.iter().fold(true, are_finite) {
                return encoded;
            }
        }
        let numbers = numbers.iter().enumerate();
        numbers
            .map(|(row, number)| self.number(row, number))
            .collect()
    }

    fn number(&mut self, row: usize, number: Option<f64>) -> f32 {
        let Some(number) = number else {
            return self.missing(row).map_or(0.0, |fill| fill[0]);
        };
        let encoded = rounded(number - self.column.offset);
        if !encoded.is_finite() {
            self.fault.get_or_insert((row, Fault::BeyondF32(number)));
        }
        encoded
    }

    fn category(
        &mut self,
        row: usize,
        text: Option<&str>,
        places: &HashMap<&str, usize>,
        unknown_as_zero: bool,
    ) -> Category {
        let Some(text) = text else {
            self.missing(row);
            return Category::Missing;
        };
        if let Some(known) = place(places, text) {
            return Category::Known(known);
        }
        self.n_unknown += 1;
        if !unknown_as_zero {
            self.fault
                .get_or_insert_with(|| (row, Fault::Unknown(text.to_owned())));
        }
        Category::Unknown
    }

    /// What fills a missing cell.
    fn missing(&mut self, row: usize) -> Option<&[f32]> {
        self.n_missing += 1;
        if self.column.fill.is_none() {
            self.fault.get_or_insert((row, Fault::Missing));
        }
        self.column.fill.as_deref()
    }

    /// Writes the features of the rows `rows` into the first columns of `to`, whose rows are `width` apart.
    fn write(&self, rows: Range<usize>, to: &mut [f32], width: usize) {
        match &self.cells {
            Cells::Numbers(numbers) => {
                for (to, number) in to.iter_mut().step_by(width).zip(&numbers[rows]) {
                    *to = *number;
                }
            }
            Cells::Categories(categories) => {
                let fill = self.column.fill.as_deref().unwrap_or_default();
                for (category, at) in categories[rows].iter().zip((0..).step_by(width)) {
                    match category {
                        Category::Known(category) => to[at + category] = 1.0,
                        Category::Missing => to[at..at + fill.len()].copy_from_slice(fill),
                        // The memory is 0 already.
                        Category::Unknown => {}
                    }
                }
            }
        }
    }
}

/// A cell is missing at `place`, and the model has no number for it.
pub(crate) fn unfilled(place: Place) -> Error {
    let reason = "the cell is missing, and the model has nothing to put there; fill it";
    let effect = "in the training fills such cells";
    Error::at(place, reason).or(Remedy::new("impute", "mean", effect))
}

impl Fault {
    fn error(self, table: &Table, batch: &Batch, row: usize, column: &Column) -> Error {
        let at =
            |reason: String| Error::at(table.place_in(batch, row).column(&column.name), reason);
        match self {
            Self::Missing => unfilled(table.place_in(batch, row).column(&column.name)),
            Self::Unknown(text) => at(not_known(&text, column.categories.iter().flatten())).or(
                Remedy::new("unknown_as_zero", "true", "takes it for none of them"),
            ),
            Self::BeyondF32(number) => at(beyond_f32(number)),
        }
    }
}

/// The place of a text among those that are known, as it is written or as the number that it is.
pub(crate) fn place(places: &HashMap<&str, usize>, text: &str) -> Option<usize> {
    let known = places.get(text);
    known.or_else(|| places.get(&*canonical(text)?)).copied()
}

/// What is said of a text that is none of those a model knows.
pub(crate) fn not_known<'a>(text: &str, known: impl Iterator<Item = &'a String>) -> String {
    format!(
        "`{}` is not known to the model, which knows {}",
        shown(text),
        listed(known)
    )
}

/// What is wrong with a number that is no f32.
pub(crate) fn beyond_f32(number: f64) -> String {
    match number.is_finite() {
        true => format!(
            "{number:e} is too large for f32, whose largest is {:e}; rescale the column",
            f32::MAX
        ),
        false => format!("{number} is not finite; every cell needs a finite number"),
    }
}
