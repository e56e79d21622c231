//! Columns of a table as features: numbers less an offset if f32 needs one, texts as 0 and 1, missing cells filled.
//!
//! The encoding of a column is fitted once, to the table of the training, and is kept in the model as a [`Column`]; every later
//! table is encoded by it.

use crate::error::{Error, Place, Remedy, Result, listed, shown, some_of};
use crate::options::Impute;
use crate::reader::Batch;
use crate::rounding::Rounding;
use crate::table::{Cells, Table};
use crate::values::{self, canonical};
use arrow_array::{Array, Float64Array, StringArray};
use neuralnet::data::Column;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// More different texts than this are neither classes nor categories.
pub(crate) const MAX_TEXTS: usize = 10_000;

/// Rows that one thread writes at a time.
const BLOCK_ROWS: usize = 1 << 12;

/// How columns are fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    pub(crate) impute: Option<Impute>,
    pub(crate) keep_zero: bool,
}

/// Fits the encoding of the first columns of `table`, of which `is_one_hot` says whether they are categories, and returns what
/// their owner should know of it.
///
/// # Errors
/// If a cell is missing and nothing fills it, is a text in a column of numbers, or is not finite; or if a column has no cell at all, or too many
/// categories.
pub(crate) fn fit(
    table: &Table,
    is_one_hot: &[bool],
    fit: Fit,
) -> Result<(Vec<Column>, Vec<String>)> {
    let fitted: Vec<Result<(Column, Option<String>)>> = is_one_hot
        .par_iter()
        .enumerate()
        .map(|(at, is_one_hot)| match is_one_hot {
            true => Ok((fit_categories(table, at, fit.impute)?, None)),
            false => fit_number(table, at, fit),
        })
        .collect();
    // The first column's error, whichever thread was first.
    let fitted: Vec<_> = fitted.into_iter().collect::<Result<_>>()?;
    if fit.impute.is_none() {
        refuse_missing(table, 0..is_one_hot.len())?;
    }
    let (columns, notices): (Vec<_>, Vec<_>) = fitted.into_iter().unzip();
    Ok((columns, notices.into_iter().flatten().collect()))
}

/// Refuses missing cells in features, all of them counted.
fn refuse_missing(table: &Table, columns: std::ops::Range<usize>) -> Result<()> {
    let missing: Vec<(Place, usize, &str)> = columns
        .into_par_iter()
        .filter_map(|at| {
            let (place, n_missing) = table.missing(at)?;
            Some((place, n_missing, table.names[at].as_str()))
        })
        .collect();
    let Some((first, ..)) = missing
        .iter()
        .min_by_key(|(place, ..)| (place.line, place.row))
    else {
        return Ok(());
    };
    let counted = missing
        .iter()
        .map(|(_, n_missing, name)| format!("{n_missing} of `{}`", shown(name)));
    let reason = format!("the cell is missing ({} in all)", some_of(counted));
    Err(Error::at(first.clone(), reason).or(Remedy::new(
        "impute",
        "mean, median or zero",
        "fills the missing cells of features",
    )))
}

fn fit_number(table: &Table, at: usize, fit: Fit) -> Result<(Column, Option<String>)> {
    let name = &table.names[at];
    let cells = table.numbers(at)?;
    let all = || cells.iter().flat_map(present);
    let n_missing = table.n_rows - all().count();
    if let Some(row) = first_infinite(&cells) {
        return Err(Error::at(
            table.cell(row, at),
            "the number is not finite; every cell needs a finite one",
        ));
    }
    let rounding = Rounding::of(all, fit.keep_zero);
    let offset = rounding.offset;
    let mut column = Column::number(name.clone());
    column.offset = offset;
    if n_missing == table.n_rows {
        return Err(nothing_there(table, at));
    }
    if let Some(impute) = fit.impute {
        let value = match impute {
            Impute::Zero => 0.0,
            Impute::Mean => rounding.mean,
            Impute::Median => median(all().collect()),
        };
        column.fill = Some(vec![rounded(value - offset)]);
    }
    Ok((column, rounding.notice(name)))
}

/// The cells that are not missing.
pub(crate) fn present(cells: &Float64Array) -> impl Iterator<Item = f64> + '_ {
    cells.iter().flatten().filter(|number| !number.is_nan())
}

/// The first row, over all batches, whose number is infinite.
pub(crate) fn first_infinite(cells: &Cells<Float64Array>) -> Option<usize> {
    let mut all = cells.iter().flat_map(|cells| {
        (0..cells.len()).map(|row| cells.is_valid(row).then(|| cells.value(row)))
    });
    all.position(|cell| cell.is_some_and(f64::is_infinite))
}

/// The middle number, or the mean of the middle two.
fn median(mut numbers: Vec<f64>) -> f64 {
    let middle = numbers.len() / 2;
    let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if below.len() == numbers.len().div_ceil(2) => f64::midpoint(lower, upper),
        _ => upper,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
fn rounded(number: f64) -> f32 {
    number as f32
}

/// A column without a cell: nothing can be learnt from it, nor fill it.
fn nothing_there(table: &Table, at: usize) -> Error {
    let name = &table.names[at];
    Error::at(table.place().column(name), "every cell is missing").or(left_out(name))
}

fn left_out(name: &str) -> Remedy {
    Remedy::new("drop", name, "leaves the column out")
}

fn fit_categories(table: &Table, at: usize, impute: Option<Impute>) -> Result<Column> {
    let name = &table.names[at];
    let counts = counted(&table.texts(at)?, MAX_TEXTS);
    if counts.is_empty() {
        return Err(nothing_there(table, at));
    }
    if counts.len() > MAX_TEXTS {
        let reason = format!("holds more than {MAX_TEXTS} different texts");
        return Err(Error::at(table.place().column(name), reason).or(left_out(name)));
    }
    let mut column = Column::number(name.clone());
    let n_present: usize = counts.values().sum();
    if let Some(impute) = impute {
        let fill = |count: &usize| fill_of_category(*count, n_present, impute);
        column.fill = Some(counts.values().map(fill).collect());
    }
    column.categories = Some(counts.into_keys().collect());
    Ok(column)
}

/// How often each text of a column stands in it, in the order of the texts; numbers that are equal are one text if all texts are plain
/// numbers. Counting ends past `most` different texts.
pub(crate) fn counted(cells: &Cells<StringArray>, most: usize) -> BTreeMap<String, usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in cells.iter().flat_map(|cells| cells.iter().flatten()) {
        *counts.entry(text).or_default() += 1;
        if counts.len() > most {
            break;
        }
    }
    let are_numbers = counts.keys().all(|text| canonical(text).is_some());
    let mut merged = BTreeMap::new();
    for (text, count) in counts {
        let text = match canonical(text) {
            Some(number) if are_numbers => number.into_owned(),
            _ => text.to_owned(),
        };
        *merged.entry(text).or_default() += count;
    }
    merged
}

/// The mean or the median of the feature of a category, which is 1 in `count` of `n_present` rows.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is wanted")]
fn fill_of_category(count: usize, n_present: usize, impute: Impute) -> f32 {
    match impute {
        Impute::Zero => 0.0,
        Impute::Mean => rounded(count as f64 / n_present as f64),
        Impute::Median => match (2 * count).cmp(&n_present) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0,
        },
    }
}

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

/// How features are written for columns that are fitted.
pub(crate) struct Encoder<'a> {
    columns: &'a [Column],
    /// Of each column of categories, their places.
    places: Vec<Option<HashMap<&'a str, usize>>>,
    /// Whether an unknown category has no feature of its own; otherwise it is an error.
    unknown_as_zero: bool,
    width: usize,
}

/// A column of a batch on its way to features.
enum Prepared {
    Numbers(Float64Array),
    /// The category of each cell; `UNKNOWN` and `MISSING` are beyond all.
    Categories(Vec<usize>),
}

const UNKNOWN: usize = usize::MAX;
const MISSING: usize = usize::MAX - 1;

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
    /// The first cell, row by row, that has no features.
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
        let mut prepared = Vec::with_capacity(self.columns.len());
        let (mut counts, mut wrong) = (Counts::default(), None);
        for (at, column) in self.columns.iter().enumerate() {
            let (cells, n_missing, n_unknown, first) = self.prepare(table, batch, at)?;
            counts.n_missing.push(n_missing);
            counts.n_unknown.push(n_unknown);
            prepared.push((column, cells));
            if let Some((row, error)) = first
                && wrong.as_ref().is_none_or(|(other, _)| row < *other)
            {
                wrong = Some((row, error));
            }
        }
        if let Some((_, error)) = wrong {
            return Err(error);
        }
        let blocks = to.par_chunks_mut(BLOCK_ROWS * self.width).enumerate();
        blocks.for_each(|(block, to)| {
            let (first, n_rows) = (block * BLOCK_ROWS, to.len() / self.width);
            let mut feature = 0;
            for (column, cells) in &prepared {
                cells.write(
                    column,
                    first..first + n_rows,
                    &mut to[feature..],
                    self.width,
                );
                feature += column.n_features();
            }
        });
        Ok(counts)
    }

    /// A column of a batch, its missing and its unknown cells, and the first cell that cannot be encoded.
    #[expect(clippy::type_complexity, reason = "four facts that are found together")]
    fn prepare(
        &self,
        table: &Table,
        batch: &Batch,
        at: usize,
    ) -> Result<(Prepared, usize, usize, Option<(usize, Error)>)> {
        let column = &self.columns[at];
        let place = |row: usize| table.place_in(batch, row).column(&column.name);
        let refused = |refused| match refused {
            values::Refused::Text(row, text) => Error::at(place(row), values::not_a_number(&text)),
            values::Refused::Type(reason) => Error::at(table.place().column(&column.name), reason),
        };
        let gap = |row: usize| {
            let reason = "the cell is missing, and the model has nothing to put there; fill it";
            (
                row,
                Error::at(place(row), reason).or(Remedy::new(
                    "impute",
                    "mean",
                    "in the training fills such cells",
                )),
            )
        };
        let Some(places) = &self.places[at] else {
            let numbers = values::numbers(&batch.columns[at]).map_err(refused)?;
            let is_missing = |row: &usize| numbers.is_null(*row) || numbers.value(*row).is_nan();
            let n_missing = (0..numbers.len()).filter(is_missing).count();
            let first_gap = (n_missing > 0 && column.fill.is_none())
                .then(|| (0..numbers.len()).find(is_missing).map(gap))
                .flatten();
            let beyond = (0..numbers.len()).find(|row| {
                !is_missing(row) && !rounded(numbers.value(*row) - column.offset).is_finite()
            });
            let beyond =
                beyond.map(|row| (row, Error::at(place(row), beyond_f32(numbers.value(row)))));
            let first = [first_gap, beyond]
                .into_iter()
                .flatten()
                .min_by_key(|(row, _)| *row);
            return Ok((Prepared::Numbers(numbers), n_missing, 0, first));
        };
        let texts = values::texts(&batch.columns[at]).map_err(refused)?;
        let codes: Vec<usize> = texts.iter().map(|text| code(places, text)).collect();
        let count = |what| codes.iter().filter(|code| **code == what).count();
        let (n_missing, n_unknown) = (count(MISSING), count(UNKNOWN));
        let find = |what| codes.iter().position(|code| *code == what);
        let first_gap = find(MISSING).filter(|_| column.fill.is_none()).map(gap);
        let unknown = find(UNKNOWN).filter(|_| !self.unknown_as_zero).map(|row| {
            let known = column.categories.iter().flatten();
            let reason = format!(
                "`{}` is not known to the model, which knows {}",
                shown(texts.value(row)),
                listed(known)
            );
            let remedy = Remedy::new("unknown_category", "zero", "takes it for none of them");
            (row, Error::at(place(row), reason).or(remedy))
        });
        let first = [first_gap, unknown]
            .into_iter()
            .flatten()
            .min_by_key(|(row, _)| *row);
        Ok((Prepared::Categories(codes), n_missing, n_unknown, first))
    }
}

/// The place of a text among those that are known, as it is written or as the number that it is.
pub(crate) fn place(places: &HashMap<&str, usize>, text: &str) -> Option<usize> {
    let known = places.get(text);
    known.or_else(|| places.get(&*canonical(text)?)).copied()
}

fn code(places: &HashMap<&str, usize>, text: Option<&str>) -> usize {
    match text {
        None => MISSING,
        Some(text) => place(places, text).unwrap_or(UNKNOWN),
    }
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

impl Prepared {
    /// Writes the features of the rows `rows` into the first columns of `to`, whose rows are `width` apart.
    fn write(&self, column: &Column, rows: std::ops::Range<usize>, to: &mut [f32], width: usize) {
        let fill = column.fill.as_deref().unwrap_or_default();
        for (row, at) in rows.zip((0..).step_by(width)) {
            match self {
                Self::Numbers(numbers) => {
                    let number = numbers
                        .is_valid(row)
                        .then(|| numbers.value(row))
                        .filter(|number| !number.is_nan());
                    to[at] =
                        number.map_or_else(|| fill[0], |number| rounded(number - column.offset));
                }
                Self::Categories(codes) => match codes[row] {
                    MISSING => to[at..at + fill.len()].copy_from_slice(fill),
                    // The memory is 0 already.
                    UNKNOWN => {}
                    code => to[at + code] = 1.0,
                },
            }
        }
    }
}
