//! A table as samples to train on: its columns get their uses, and their encoding is fitted.

use crate::encoder::encode;
use crate::error::{Error, Remedy, Result, shown};
use crate::features::fit;
use crate::in_place::Selection;
use crate::options::TableOptions;
use crate::reader::{Kind, Reader};
use crate::roles::Roles;
use crate::samples::{drop_missing, drop_weightless, encoded, kinds, read, reading, weighted};
use crate::table::Table;
use crate::targets::{TargetOptions, Targets, targets};
use crate::values::meaning;
use arrow_array::Array;
use neuralnet::Dataset;
use neuralnet::data::{Column, in_holdout};
use std::collections::HashSet;
use std::time::Instant;

/// The table of `reader` as samples to train on.
///
/// # Errors
/// If its cells cannot be read, or are not what `options` makes of their columns.
pub(crate) fn for_training(
    source: &str,
    reader: &mut dyn Reader,
    options: &TableOptions,
    start: Instant,
) -> Result<Dataset> {
    let roles = Roles::of_training(source, reader.columns(), options)?;
    let by_format = options.targets.is_empty() && reader.columns().targets_are_classes;
    let as_classes = options.classes || by_format;
    if !as_classes
        && options.one_hot.is_empty()
        && let Some(dataset) = in_place(source, reader, &roles, options, start)?
    {
        return Ok(dataset);
    }
    let n_features = roles.features.len();
    let target_columns = n_features..n_features + roles.targets.len();
    let is_one_hot = roles
        .features
        .iter()
        .map(|column| roles.one_hot.contains(column));
    let is_one_hot: Vec<bool> = is_one_hot.collect();
    let kinds = kinds(&roles, |at| is_one_hot[at], Kind::Inferred);
    let features = roles
        .features
        .iter()
        .map(|column| reader.columns().names[*column].clone());
    let features: Vec<String> = features.collect();
    let weight = roles
        .weight
        .map(|column| reader.columns().names[column].clone());
    let mut table =
        read(source, reader, &kinds).map_err(|error| helped(error, &features, weight.as_ref()))?;
    let mut notices = [
        reader.columns().notices.clone(),
        reader.take_notices(),
        meanings(&table, |at| {
            is_one_hot.get(at) == Some(&true) || as_classes && target_columns.contains(&at)
        }),
    ]
    .concat();
    if options.drop_missing_targets {
        notices.extend(drop_missing(&mut table, target_columns.clone())?);
    }
    let weights = drop_weightless(
        &mut table,
        roles.weight.map(|_| target_columns.end),
        &mut notices,
    )?;
    let target_options = TargetOptions {
        as_classes,
        weights: weights.as_deref(),
        known: None,
        keep_zero: options.keep_zero,
    };
    let made = targets(&table, target_columns, target_options);
    let seen = match (options.holdout, &made) {
        (Some(split), Ok(made)) => Some(seen_weights(made, weights.as_deref(), split)?),
        _ => weights.clone(),
    };
    let (columns, of_columns) = fit(&table, &is_one_hot, seen.as_deref(), options)
        .map_err(|error| helped(error, &features, None))?;
    let made = made?;
    refuse_repeated(&table, &columns)?;
    // Only a row that was not seen can hold a text that is not known.
    let (inputs, counts) = encode(&columns, true, &table)?;
    notices.extend([of_columns, made.notices.clone(), counts.notices(&columns)].concat());
    let reading = Some(reading(reader, start));
    let dataset = encoded(table, columns, inputs, made, notices, reading)
        .with_missing_texts(options.text.missing.clone());
    weighted(dataset, weights.as_deref())
}

/// The weights of the rows that are seen in the training: 0 for those that the split `(share, seed)` holds back.
fn seen_weights(
    made: &Targets,
    weights: Option<&[f64]>,
    (share, seed): (f64, u32),
) -> Result<Vec<f64>> {
    let n_outputs = made.names.len();
    let of_classes = made.classes.as_ref().map(|_| n_outputs);
    let held = in_holdout(&made.values, n_outputs, of_classes, share, seed)?;
    let weight = |row| weights.map_or(1.0, |weights| weights[row]);
    let rows = held.iter().enumerate();
    Ok(rows
        .map(|(row, is_held)| if *is_held { 0.0 } else { weight(row) })
        .collect())
}

/// The samples without a copy, if the file allows it.
fn in_place(
    source: &str,
    reader: &dyn Reader,
    roles: &Roles,
    options: &TableOptions,
    start: Instant,
) -> Result<Option<Dataset>> {
    let name = |column: &usize| reader.columns().names[*column].clone();
    let targets: Vec<String> = roles.targets.iter().map(name).collect();
    let columns = roles.features.iter().map(name).map(Column::number);
    let selection = Selection {
        source,
        roles,
        columns: &columns.collect::<Vec<_>>(),
        target_names: &targets,
        fills: options.impute.is_some() || options.drop_missing_targets,
        is_training: true,
    };
    selection.in_place(reader, usize::MAX, true, start)
}

/// An error of a feature, with the settings that help: whether texts are categories or strays among numbers is for the
/// table's owner to say. None helps the column `weight`: a weight is never made up.
fn helped(mut error: Error, features: &[String], weight: Option<&String>) -> Error {
    if let Error::Table {
        place, remedies, ..
    } = &mut error
        && place.column.is_some()
        && place.column.as_ref() == weight
    {
        remedies.clear();
    }
    if let Error::Table {
        place,
        is_text,
        remedies,
        ..
    } = &mut error
        && let Some(name) = place.column.clone().filter(|name| features.contains(name))
    {
        if *is_text {
            let effect = "makes a feature of each of its texts";
            remedies.insert(0, Remedy::new("one_hot", name.as_str(), effect));
        }
        if *is_text || remedies.is_empty() {
            return error.or(Remedy::new("drop", name, "leaves the column out"));
        }
    }
    error
}

/// What columns of times and decimals are taken as, unless they are taken as texts.
fn meanings(table: &Table, is_text: impl Fn(usize) -> bool) -> Vec<String> {
    let Some(batch) = table.batches.first() else {
        return Vec::new();
    };
    let columns = table.names.iter().zip(&batch.columns).enumerate();
    let numbers = columns.filter(|(at, _)| !is_text(*at));
    let told = numbers.filter_map(|(_, (name, cells))| {
        let meaning = meaning(cells.data_type())?;
        Some(format!("column `{}` holds {meaning}", shown(name)))
    });
    told.collect()
}

/// Refuses a feature of a category that has the name of another feature.
fn refuse_repeated(table: &Table, columns: &[Column]) -> Result<()> {
    let mut seen = HashSet::new();
    let mut names = columns.iter().flat_map(Column::feature_names);
    match names.find(|name| !seen.insert(name.clone())) {
        None => Ok(()),
        Some(name) => Err(Error::at(
            table.place(),
            format!(
                "has two features named `{}`, one of a column and one of a text; rename the column",
                shown(&name)
            ),
        )),
    }
}
