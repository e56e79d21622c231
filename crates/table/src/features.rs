//! How the columns of a table become features, fitted to the table of the training: numbers less an offset if f32 needs
//! one, texts as categories, and what fills missing cells. A model keeps it as a [`Column`] each;
//! [`Encoder`](crate::encoder::Encoder) applies it.

use crate::error::{Error, Place, Remedy, Result, shown, some_of};
use crate::options::{Impute, TableOptions};
use crate::rounding::Rounding;
use crate::table::{Cells, Table};
use crate::values::{canonical, each_present};
use arrow_array::{Array, Float64Array, StringArray};
use neuralnet::data::Column;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// More different texts than this are neither classes nor categories.
pub(crate) const MAX_TEXTS: usize = 10_000;

/// Fits the encoding of the first columns of `table`, of which `is_one_hot` says whether they are categories, and
/// returns what their owner should know of it.
///
/// # Errors
/// If a cell is missing and nothing fills it, is a text in a column of numbers, or is not finite; or if a column has no cell at all, or too many
/// categories.
pub(crate) fn fit(
    table: &Table,
    is_one_hot: &[bool],
    options: &TableOptions,
) -> Result<(Vec<Column>, Vec<String>)> {
    let fitted: Vec<Result<(Column, Option<String>)>> = is_one_hot
        .par_iter()
        .enumerate()
        .map(|(at, is_one_hot)| match is_one_hot {
            true => Ok((fit_categories(table, at, options.impute)?, None)),
            false => fit_number(table, at, options),
        })
        .collect();
    // The first column's error, whichever thread was first.
    let fitted: Vec<_> = fitted.into_iter().collect::<Result<_>>()?;
    if options.impute.is_none() {
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

fn fit_number(
    table: &Table,
    at: usize,
    options: &TableOptions,
) -> Result<(Column, Option<String>)> {
    let name = &table.names[at];
    let cells = table.numbers(at)?;
    let rounding = Rounding::of(&cells, options.keep_zero);
    if !rounding.mean.is_finite()
        && let Some(row) = first_infinite(&cells)
    {
        return Err(Error::at(
            table.cell(row, at),
            "the number is not finite; every cell needs a finite one",
        ));
    }
    let offset = rounding.offset;
    let mut column = Column::number(name.clone());
    column.offset = offset;
    if rounding.n_present == 0 {
        return Err(nothing_there(table, at));
    }
    if let Some(impute) = options.impute {
        let value = match impute {
            Impute::Zero => 0.0,
            Impute::Mean => rounding.mean,
            Impute::Median => median(&cells),
        };
        column.fill = Some(vec![rounded(value - offset)]);
    }
    Ok((column, rounding.notice(name)))
}

/// The first row, over all batches, whose number is infinite.
pub(crate) fn first_infinite(cells: &Cells<Float64Array>) -> Option<usize> {
    let mut all = cells.iter().flat_map(|cells| {
        (0..cells.len()).map(|row| cells.is_valid(row).then(|| cells.value(row)))
    });
    all.position(|cell| cell.is_some_and(f64::is_infinite))
}

/// The middle number, or the mean of the middle two.
fn median(cells: &[Float64Array]) -> f64 {
    let mut numbers = Vec::new();
    each_present(cells, |number| numbers.push(number));
    let middle = numbers.len() / 2;
    let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if below.len() == numbers.len().div_ceil(2) => f64::midpoint(lower, upper),
        _ => upper,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
pub(crate) fn rounded(number: f64) -> f32 {
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

/// How often each text of a column stands in it, in the order of the texts; numbers that are equal are one text if all
/// texts are plain numbers. Counting ends past `most` different texts.
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
