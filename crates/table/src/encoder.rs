//! Columns of a table as features in f32, encoded as they were fitted.

use crate::error::{Error, Place, Remedy, Result, in_order, listed, shown, some_of};
use crate::numerals::canonical;
use crate::reader::Batch;
use crate::rounding::rounded;
use crate::table::Table;
use crate::values;
use crate::wide;
use arrow_array::{Array, Float64Array, LargeStringArray};
use neuralnet::data::Column;
use rayon::prelude::*;
use std::collections::HashMap;

/// Rows that one thread writes at a time.
const BLOCK_ROWS: usize = 1 << 12;

/// What was filled, unknown or altered, of each column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) n_missing: Vec<usize>,
    pub(crate) n_unknown: Vec<usize>,
    /// Blocks of rows with integers that lose digits.
    n_wide: Vec<usize>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        for (all, new) in [
            (&mut self.n_missing, &other.n_missing),
            (&mut self.n_unknown, &other.n_unknown),
            (&mut self.n_wide, &other.n_wide),
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
                // An f32 has fewer digits of its own than the float64 that equals it.
                None if column.offset.abs() <= 0.0 => fill.iter().map(f32::to_string).collect(),
                None => {
                    let values = fill.iter().map(|value| f64::from(*value) + column.offset);
                    values.map(|value| value.to_string()).collect()
                }
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
        let wide = columns.iter().zip(&self.n_wide).filter(|(_, n)| **n > 0);
        let wide = wide.map(|(column, _)| wide::lost_digits(&column.name));
        missing.chain(unknown).chain(wide).collect()
    }
}

/// The features (rows, I) of the first columns of `table`, encoded as `columns` were fitted. A text that is none of the
/// categories has no feature of its own if `unknown_as_zero`; otherwise it is an error.
///
/// # Errors
/// The first cell, row by row, that has no features; or if the memory for all is not granted.
pub(crate) fn encode(
    columns: &[Column],
    unknown_as_zero: bool,
    table: &Table,
) -> Result<(Vec<f32>, Counts)> {
    let indices = columns.iter().map(|column| {
        let categories = column.categories.as_ref()?;
        Some(categories.iter().map(String::as_str).zip(0..).collect())
    });
    let encoder = Encoder {
        columns,
        indices: indices.collect(),
        unknown_as_zero,
        width: columns.iter().map(Column::n_features).sum(),
        table,
    };
    let width = encoder.width;
    let needed = table.n_rows.checked_mul(width);
    let inputs = needed.and_then(|needed| bytemuck::allocation::try_zeroed_vec(needed).ok());
    let mut inputs = inputs.ok_or_else(|| neuralnet::Error::HostMemory {
        what: format!("{}: its features", table.source),
        needed: 4 * table.n_rows as u64 * width as u64,
    })?;
    let mut rest = inputs.as_mut_slice();
    let mut blocks = Vec::new();
    for batch in &table.batches {
        let (part, after) = rest.split_at_mut(batch.n_rows * width);
        rest = after;
        let starts = (0..).step_by(BLOCK_ROWS);
        blocks.extend(
            part.chunks_mut(BLOCK_ROWS * width)
                .zip(starts)
                .map(|(to, start)| (batch, start, to)),
        );
    }
    let blocks = blocks.into_par_iter();
    let mut counts = Counts::default();
    for of_block in in_order(blocks.map(|(batch, start, to)| encoder.block(batch, start, to)))? {
        counts.add(&of_block);
    }
    Ok((inputs, counts))
}

struct Encoder<'a> {
    columns: &'a [Column],
    /// The indices of the categories of each column that has some.
    indices: Vec<Option<HashMap<&'a str, usize>>>,
    unknown_as_zero: bool,
    /// Features of a row.
    width: usize,
    table: &'a Table,
}

/// What was found in a column of a block of rows.
#[derive(Default)]
struct Found {
    n_missing: usize,
    n_unknown: usize,
    /// The first row that has no features, and why.
    fault: Option<(usize, Fault)>,
}

/// Why a cell has no features.
enum Fault {
    Missing,
    Unknown(String),
    BeyondF32(f64),
}

impl Encoder<'_> {
    /// Encodes the rows of `batch` from `start` on that `to` has the memory for.
    fn block(&self, batch: &Batch, start: usize, to: &mut [f32]) -> Result<Counts> {
        let n_rows = to.len() / self.width;
        let (mut counts, mut feature) = (Counts::default(), 0);
        let mut first: Option<(usize, Fault, &Column)> = None;
        for (at, column) in self.columns.iter().enumerate() {
            let cells = batch.columns[at].slice(start, n_rows);
            let refused = |refused: values::Refused| {
                let row = refused.row.map(|row| start + row);
                self.table
                    .refused(batch, at, values::Refused { row, ..refused })
            };
            let to = &mut to[feature..];
            let found = match &self.indices[at] {
                None => {
                    let differences = wide::differences(&cells, column.offset).map_err(refused)?;
                    self.numbers(column, &differences, to)
                }
                Some(indices) => self.categories(
                    column,
                    indices,
                    &values::texts(&cells).map_err(refused)?,
                    to,
                ),
            };
            let is_number = self.indices[at].is_none();
            let is_wide = is_number && wide::loses_digits(&cells, column.offset);
            counts.n_wide.push(usize::from(is_wide));
            counts.n_missing.push(found.n_missing);
            counts.n_unknown.push(found.n_unknown);
            if let Some((row, fault)) = found.fault
                && first.as_ref().is_none_or(|(first, ..)| row < *first)
            {
                first = Some((row, fault, column));
            }
            feature += column.n_features();
        }
        match first {
            None => Ok(counts),
            Some((row, fault, column)) => {
                let place = self.table.place_in(batch, start + row);
                Err(fault.error(place.column(&column.name), column))
            }
        }
    }

    /// Writes numbers into the first column of `to`, of which these are the differences from the offset.
    fn numbers(&self, column: &Column, differences: &Float64Array, to: &mut [f32]) -> Found {
        let mut found = Found::default();
        // Without an early exit, so that the compiler can make the most of the loop.
        let (mut are_finite, mut at) = (true, 0);
        for difference in differences.values() {
            to[at] = rounded(*difference);
            are_finite &= to[at].is_finite();
            at += self.width;
        }
        if are_finite && differences.null_count() == 0 {
            return found;
        }
        let cells = to.iter_mut().step_by(self.width).zip(differences);
        for (row, (to, difference)) in cells.enumerate() {
            match difference {
                None => *to = found.missing(row, column).map_or(0.0, |fill| fill[0]),
                Some(difference) if !to.is_finite() => {
                    let fault = Fault::BeyondF32(column.offset + difference);
                    found.fault.get_or_insert((row, fault));
                }
                Some(_) => {}
            }
        }
        found
    }

    /// Writes categories into the first columns of `to`, which are 0.
    fn categories(
        &self,
        column: &Column,
        indices: &HashMap<&str, usize>,
        texts: &LargeStringArray,
        to: &mut [f32],
    ) -> Found {
        let mut found = Found::default();
        for (row, (text, to)) in texts.iter().zip(to.chunks_mut(self.width)).enumerate() {
            let Some(text) = text else {
                let fill = found.missing(row, column).unwrap_or_default();
                to[..fill.len()].copy_from_slice(fill);
                continue;
            };
            match index_of(indices, text) {
                Some(category) => to[category] = 1.0,
                None => {
                    found.n_unknown += 1;
                    if !self.unknown_as_zero {
                        let fault = || (row, Fault::Unknown(text.to_owned()));
                        found.fault.get_or_insert_with(fault);
                    }
                }
            }
        }
        found
    }
}

impl Found {
    /// Counts a missing cell, and gives what fills it.
    fn missing<'c>(&mut self, row: usize, column: &'c Column) -> Option<&'c [f32]> {
        self.n_missing += 1;
        if column.fill.is_none() {
            self.fault.get_or_insert((row, Fault::Missing));
        }
        column.fill.as_deref()
    }
}

/// A cell is missing at `place`, and the model has no number for it.
pub(crate) fn unfilled(place: Place) -> Error {
    let reason = "the cell is missing, and the model has nothing to put there; fill it";
    let effect = "in the training fills such cells";
    Error::at(place, reason).or(Remedy::new("impute", "mean", effect))
}

impl Fault {
    fn error(self, place: Place, column: &Column) -> Error {
        match self {
            Self::Missing => unfilled(place),
            Self::Unknown(text) => {
                let reason = not_known(&text, column.categories.iter().flatten());
                let effect = "takes it for none of them";
                Error::at(place, reason).or(Remedy::new("unknown_as_zero", "true", effect))
            }
            Self::BeyondF32(number) => Error::at(place, beyond_f32(number)),
        }
    }
}

/// The index of a text among those that are known, as it is written or as the number that it is.
pub(crate) fn index_of(indices: &HashMap<&str, usize>, text: &str) -> Option<usize> {
    let known = indices.get(text);
    known.or_else(|| indices.get(&*canonical(text)?)).copied()
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
