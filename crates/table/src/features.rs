//! Columns of a table as the inputs of a network: numbers as they are, texts as a 0/1 feature for each, empty cells
//! filled. What was made of the columns of one table can be made of those of another.

use super::columns::{listed, shown};
use super::grid::Grid;
use super::options::Impute;
use super::table::MAX_TEXTS;
use crate::error::{Error, Result};
use neuralnet::data::{Column, ColumnView};
use rayon::prelude::*;
use std::collections::HashMap;

/// What becomes of the first columns of `grid`, by what is in them: texts become categories.
pub(super) fn fitted(grid: &Grid, n_columns: usize, impute: Option<Impute>) -> Result<Vec<Column>> {
    if impute.is_none() {
        grid.refuse_empty(
            0..n_columns,
            "--impute mean, median or zero fills the empty cells of features; or remove the rows",
        )?;
    }
    let columns = (0..n_columns).into_par_iter();
    let columns: Vec<Result<Column>> = columns
        .map(|column| fitted_column(grid, column, impute))
        .collect();
    columns.into_iter().collect()
}

fn fitted_column(grid: &Grid, column: usize, impute: Option<Impute>) -> Result<Column> {
    let name = &grid.names[column];
    if grid.n_empty[column] == grid.n_rows {
        let name = shown(name);
        return Err(grid.error(format!(
            "column `{name}` has no cell that is not empty; leave it out with --drop {name}"
        )));
    }
    let texts = &grid.texts[column];
    if texts.len() > MAX_TEXTS {
        return Err(grid.error(format!(
            "column `{}` holds {} different texts, and at most {MAX_TEXTS} can be features; leave it out with --drop",
            shown(name),
            texts.len()
        )));
    }
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_unstable_by_key(|code| &texts[*code]);
    let fill = impute.map(|impute| match grid.is_text(column) {
        false => vec![fill_of_numbers(grid, column, impute)],
        true => {
            let counts = counts(grid, column);
            let fills = order
                .iter()
                .map(|code| fill_of_text(&counts, *code, impute));
            fills.collect()
        }
    });
    let sorted = order.into_iter().map(|code| texts[code].clone());
    Ok(Column {
        name: name.clone(),
        categories: grid.is_text(column).then(|| sorted.collect()),
        fill,
    })
}

/// Mean and median in f64, in the order of the rows.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn fill_of_numbers(grid: &Grid, column: usize, impute: Impute) -> f32 {
    let present = grid.column(column).filter(|x| !x.is_nan());
    match impute {
        Impute::Zero => 0.0,
        Impute::Mean => {
            let n_present = grid.n_rows - grid.n_empty[column];
            let sum: f64 = present.map(f64::from).sum();
            (sum / n_present as f64) as f32
        }
        Impute::Median => {
            let mut present: Vec<f32> = present.collect();
            let middle = present.len() / 2;
            let is_even = present.len().is_multiple_of(2);
            let (lower, upper, _) = present.select_nth_unstable_by(middle, f32::total_cmp);
            let lower = lower.iter().copied().max_by(f32::total_cmp);
            match lower {
                Some(lower) if is_even => ((f64::from(lower) + f64::from(*upper)) / 2.0) as f32,
                _ => *upper,
            }
        }
    }
}

/// How often each text stands in a column.
fn counts(grid: &Grid, column: usize) -> Vec<usize> {
    let mut counts = vec![0; grid.texts[column].len()];
    for cell in grid.column(column).filter(|cell| !cell.is_nan()) {
        counts[code(cell)] += 1;
    }
    counts
}

/// The mean or the median of the feature of a text, which is 1 where the text stands.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn fill_of_text(counts: &[usize], code: usize, impute: Impute) -> f32 {
    let (n, all) = (counts[code], counts.iter().sum::<usize>());
    match impute {
        Impute::Zero => 0.0,
        Impute::Mean => (n as f64 / all as f64) as f32,
        Impute::Median => match (2 * n).cmp(&all) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0,
        },
    }
}

/// The code of a text, as it stands in a cell that is not empty.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "codes are whole numbers from 0, below 2²⁴"
)]
pub(super) fn code(cell: f32) -> usize {
    cell as usize
}

/// Makes inputs of the first columns of `grid`, as `columns` says, and tells what was filled.
pub(super) fn inputs(grid: &mut Grid, columns: &[Column]) -> Result<(ColumnView, Vec<String>)> {
    refuse_gaps(grid, columns)?;
    let notices = notices(&grid.n_empty, columns);
    Ok((made(grid, columns)?, notices))
}

/// That each empty cell is of a column that something fills.
pub(super) fn refuse_gaps(grid: &Grid, columns: &[Column]) -> Result<()> {
    let without_fill = columns.iter().enumerate();
    let without_fill = without_fill
        .filter(|(_, column)| column.fill.is_none())
        .map(|(at, _)| at);
    grid.refuse_empty(
        without_fill,
        "the model has nothing to put there; fill the cells, or train with --impute",
    )
}

/// The first column that holds a text it does not know, and what is wrong with it.
pub(super) fn unknown(grid: &Grid, columns: &[Column]) -> Option<(usize, Error)> {
    let mut columns = columns.iter().enumerate();
    columns.find_map(|(at, column)| {
        let known = column.categories.as_deref()?;
        Some((at, places(grid, at, known).err()?))
    })
}

/// Makes inputs of columns whose gaps can be filled.
pub(super) fn made(grid: &mut Grid, columns: &[Column]) -> Result<ColumnView> {
    if columns.iter().all(|column| column.categories.is_none()) {
        if grid.n_empty[..columns.len()].iter().any(|n| *n > 0) {
            let fill = |column: &Column| column.fill.as_ref().map_or(f32::NAN, |fill| fill[0]);
            grid.fill(&columns.iter().map(fill).collect::<Vec<f32>>());
        }
        return Ok(grid.part(0..columns.len()));
    }
    let mut features = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        features.push(match &column.categories {
            None => None,
            Some(categories) => Some(places(grid, at, categories)?),
        });
    }
    let width = columns.iter().map(Column::n_features).sum();
    let inputs = grid.made(width, |row, mut to| {
        for (at, (column, places)) in columns.iter().zip(&features).enumerate() {
            let (here, rest) = to.split_at_mut(column.n_features());
            let cell = grid.value(row, at);
            match (places, &column.fill) {
                (_, Some(fill)) if cell.is_nan() => here.copy_from_slice(fill),
                (None, _) => here[0] = cell,
                // Of texts the table is 0 already.
                (Some(places), _) => here[places[code(cell)]] = 1.0,
            }
            to = rest;
        }
    })?;
    Ok(ColumnView::whole(inputs, width))
}

/// Which of `known` each text of a column is.
pub(super) fn places(grid: &Grid, column: usize, known: &[String]) -> Result<Vec<usize>> {
    let places: HashMap<&String, usize> = known.iter().zip(0..).collect();
    let texts = grid.texts[column].iter().enumerate();
    let place = |(code, text): (usize, &String)| {
        places.get(text).copied().ok_or_else(|| {
            let row = grid.first(column, |cell| !cell.is_nan() && self::code(cell) == code);
            grid.cell_error(
                row.expect("a text stands in a row"),
                column,
                format!(
                    "`{}` is not known to the model, which knows {}",
                    shown(text),
                    listed(known)
                ),
            )
        })
    };
    texts.map(place).collect()
}

/// What is told of the empty cells of each column, of which there are `n_empty`.
pub(super) fn notices(n_empty: &[usize], columns: &[Column]) -> Vec<String> {
    let counted = columns.iter().zip(n_empty);
    let filled = counted.filter(|(_, n_empty)| **n_empty > 0);
    let notices = filled.filter_map(|(column, n_empty)| {
        let (cells, name) = (
            if *n_empty == 1 { "cell" } else { "cells" },
            shown(&column.name),
        );
        let values: Vec<String> = match (column.fill.as_deref()?, &column.categories) {
            ([value], None) => vec![value.to_string()],
            (values, categories) => {
                let categories = categories.iter().flatten().zip(values);
                categories
                    .map(|(category, value)| format!("{}={value}", shown(category)))
                    .collect()
            }
        };
        Some(format!(
            "{n_empty} empty {cells} of `{name}` filled with {}",
            super::columns::some_of(values)
        ))
    });
    notices.collect()
}
