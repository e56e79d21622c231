//! How the columns of a table become features, fitted to the table of the training: numbers less an offset if f32 needs
//! one, texts as categories, and what fills missing cells. A model keeps it as a [`Column`] each;
//! [`encode`](crate::encoder::encode) applies it.

use crate::error::{Error, Place, Remedy, Result, in_order, shown, some_of};
use crate::numerals::canonical;
use crate::options::{Impute, TableOptions};
use crate::rounding::{Rounding, rounded};
use crate::table::Table;
use crate::values::each_weighted;
use arrow_array::{Array, Float64Array, LargeStringArray};
use neuralnet::data::Column;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};

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
    weights: Option<&[f64]>,
    options: &TableOptions,
) -> Result<(Vec<Column>, Vec<String>)> {
    let columns = is_one_hot.par_iter().enumerate();
    let fitted = columns.map(|(at, is_one_hot)| match is_one_hot {
        true => {
            let column = fit_categories(table, at, weights, options)?;
            let alike = alike("categories", &column.name, column.categories.as_deref());
            Ok((column, alike.into_iter().collect()))
        }
        false => fit_number(table, at, weights, options),
    });
    let fitted = in_order(fitted)?;
    if options.impute.is_none() {
        refuse_missing(table, 0..is_one_hot.len())?;
    }
    let (columns, notices): (Vec<_>, Vec<_>) = fitted.into_iter().unzip();
    Ok((columns, notices.into_iter().flatten().collect()))
}

/// Refuses missing cells in features, all of them counted.
fn refuse_missing(table: &Table, columns: std::ops::Range<usize>) -> Result<()> {
    let missing: Vec<(Place, usize, usize)> = columns
        .into_par_iter()
        .filter_map(|at| {
            table
                .missing(at)
                .map(|(place, n_missing)| (place, n_missing, at))
        })
        .collect();
    let Some((first, _, column)) = missing
        .iter()
        .min_by_key(|(place, ..)| (place.line, place.row))
    else {
        return Ok(());
    };
    let counted = missing
        .iter()
        .map(|(_, n_missing, at)| format!("{n_missing} of `{}`", shown(&table.names[*at])));
    let reason = format!("the cell is missing ({} in all)", some_of(counted));
    Err(table
        .missing_error(first.clone(), *column, reason)
        .or(Remedy::new(
            "impute",
            "mean, median or zero",
            "fills the missing cells of features",
        )))
}

fn fit_number(
    table: &Table,
    at: usize,
    weights: Option<&[f64]>,
    options: &TableOptions,
) -> Result<(Column, Vec<String>)> {
    let name = &table.names[at];
    let base = match options.keep_zero {
        true => 0.0,
        false => table.base(at, weights),
    };
    let cells = table.differences(at, base)?;
    let rounding = Rounding::of(&cells, base, weights, options.keep_zero);
    if !rounding.mean.is_finite()
        && let Some(row) = first_infinite(&cells)
    {
        return Err(Error::at(
            table.cell(row, at),
            "the number is not finite; every cell needs a finite one",
        ));
    }
    let mut column = Column::number(name.clone());
    column.offset = rounding.offset;
    column.time = table.time(at);
    if rounding.n_present == 0 {
        return Err(nothing_there(table, at, options));
    }
    if let Some(impute) = options.impute {
        let difference = match impute {
            Impute::Zero => 0.0 - base,
            Impute::Mean => rounding.mean,
            Impute::Median => median(&cells, weights),
        };
        column.fill = Some(vec![rounded(difference - (rounding.offset - base))]);
    }
    Ok((column, rounding.notice(name).into_iter().collect()))
}

/// The first row, over all batches, whose number is infinite.
pub(crate) fn first_infinite(cells: &[Float64Array]) -> Option<usize> {
    let mut all = cells.iter().flat_map(|cells| {
        (0..cells.len()).map(|row| cells.is_valid(row).then(|| cells.value(row)))
    });
    all.position(|cell| cell.is_some_and(f64::is_infinite))
}

/// The middle number by weight, or the mean of the middle two.
fn median(cells: &[Float64Array], weights: Option<&[f64]>) -> f64 {
    let (mut numbers, mut all) = (Vec::new(), 0.0);
    each_weighted(cells, weights, |number, weight| {
        numbers.push((number, weight));
        all += weight;
    });
    numbers.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut below = 0.0;
    let middle = numbers.iter().position(|(_, weight)| {
        below += weight;
        2.0 * below >= all
    });
    let middle = middle.unwrap_or(0);
    match numbers.get(middle + 1) {
        Some((upper, _)) if 2.0 * below <= all => f64::midpoint(numbers[middle].0, *upper),
        _ => numbers[middle].0,
    }
}

/// A column without a cell to learn from: nothing can be learnt from it, nor fill it.
fn nothing_there(table: &Table, at: usize, options: &TableOptions) -> Error {
    let name = &table.names[at];
    let reason = match options.holdout {
        None => "every cell is missing",
        Some(_) => "every cell is missing in the rows to train on",
    };
    Error::at(table.place().column(name), reason).or(left_out(name))
}

fn left_out(name: &str) -> Remedy {
    Remedy::new("drop", name, "leaves the column out")
}

fn fit_categories(
    table: &Table,
    at: usize,
    weights: Option<&[f64]>,
    options: &TableOptions,
) -> Result<Column> {
    let name = &table.names[at];
    let shares = counted(&table.texts(at)?, weights, MAX_TEXTS);
    if shares.is_empty() {
        return Err(nothing_there(table, at, options));
    }
    if shares.len() > MAX_TEXTS {
        let reason = format!("holds more than {MAX_TEXTS} different texts");
        return Err(Error::at(table.place().column(name), reason).or(left_out(name)));
    }
    let mut column = Column::number(name.clone());
    let all: f64 = shares.values().sum();
    if let Some(impute) = options.impute {
        let fill = |weight: &f64| fill_of_category(*weight, all, impute);
        column.fill = Some(shares.values().map(fill).collect());
    }
    column.categories = Some(shares.into_keys().collect());
    Ok(column)
}

/// How much the rows of each text of a column weigh, 1 each without weights, in the order of the texts; a row that
/// weighs nothing is none. Numbers that are equal are one text if all texts are plain numbers. Counting ends past
/// `most` different texts.
pub(crate) fn counted(
    cells: &[LargeStringArray],
    weights: Option<&[f64]>,
    most: usize,
) -> BTreeMap<String, f64> {
    let mut found: HashMap<&str, f64> = HashMap::new();
    let (mut numbers, mut are_numbers) = (HashSet::new(), true);
    let rows = cells.iter().flat_map(|cells| cells.iter()).enumerate();
    for (row, text) in rows {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        let Some(text) = text.filter(|_| weight > 0.0) else {
            continue;
        };
        let n_before = found.len();
        *found.entry(text).or_default() += weight;
        if found.len() > n_before {
            let is_number = canonical(text).map(|number| numbers.insert(number));
            are_numbers &= is_number.is_some();
            let n_different = match are_numbers {
                true => numbers.len(),
                false => found.len(),
            };
            if n_different > most {
                break;
            }
        }
    }
    // In order, so that sums of several spellings have the same bits in every run.
    let found: BTreeMap<&str, f64> = found.into_iter().collect();
    let mut merged = BTreeMap::new();
    for (text, weight) in found {
        let text = match canonical(text) {
            Some(number) if are_numbers => number.into_owned(),
            _ => text.to_owned(),
        };
        *merged.entry(text).or_default() += weight;
    }
    merged
}

/// What is said of two of these names of classes or categories that differ in case alone.
pub(crate) fn alike(what: &str, column: &str, names: Option<&[String]>) -> Option<String> {
    let mut seen = HashMap::new();
    let mut names = names.unwrap_or_default().iter();
    let twins = names.find_map(|name| Some((seen.insert(name.to_lowercase(), name)?, name)));
    let (one, other) = twins?;
    let [column, one, other] = [column, one, other].map(shown);
    Some(format!(
        "column `{column}` has the {what} `{one}` and `{other}`, which differ in case alone"
    ))
}

/// The mean or the median of the feature of a category, which is 1 in rows of the weight `weight`, of `all`.
fn fill_of_category(weight: f64, all: f64, impute: Impute) -> f32 {
    match impute {
        Impute::Zero => 0.0,
        Impute::Mean => rounded(weight / all),
        Impute::Median => match (2.0 * weight).total_cmp(&all) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn numbers_are_counted_however_many_spellings_they_have() {
        let counted = |texts: &[&str]| counted(&[texts.to_vec().into()], None, 3);
        let numbers = counted(&["0", "0.0", "1", "1.0", "1e0", "2"]);
        let numbers: Vec<_> = numbers.into_iter().collect();
        assert_eq!(
            numbers,
            [("0", 2.0), ("1", 3.0), ("2", 1.0)].map(|(text, n)| (text.to_owned(), n))
        );
        assert_eq!(
            counted(&["0", "1", "2", "3", "4"]).len(),
            4,
            "more than three"
        );
        assert_eq!(counted(&["0", "0.0", "1", "1.0", "x"]).len(), 5, "texts");
    }
}
