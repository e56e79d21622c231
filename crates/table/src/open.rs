//! From a name to a data set: a table is opened, its columns are read, and become features and targets.

use crate::error::{Error, Remedy, Result, shown};
use crate::features::{Encoder, Fit, fit};
use crate::format;
use crate::in_place::Asked;
use crate::options::{ModelOptions, TableOptions};
use crate::reader::{Kind, Reader};
use crate::roles::Roles;
use crate::table::Table;
use crate::targets::{How, Known, Targets, targets};
use crate::values::{canonical, meaning};
use arrow_array::Array;
use neuralnet::data::{Column, ColumnView, Encoded, Reading};
use neuralnet::{Classes, Dataset, Model};
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

/// Rows that are looked at to say what a column of texts holds.
const SAMPLE_ROWS: usize = 10_000;

/// Opens DATA to train on it: `article`, `synthetic:ROWSxFEATURES[,noise=…][,seed=…]`, or the path of a file, whose ending says
/// what it is: `.npy`, `.npz`, `.parquet`, `.feather`, `-ubyte` or `.idx` (IDX), otherwise CSV, also compressed (`.gz`, `.zst`).
///
/// A file must not be changed or cut short while it is read, and a `.npy` file while the data set lives: results would be wrong, or the
/// process would be ended. To put another file in its place is harmless.
///
/// # Errors
/// If the data cannot be read, or are not such a table as `options` asks for; see [`Error`].
pub fn open(data: &str, options: &TableOptions) -> Result<Dataset> {
    if is_file(data) {
        let path = Path::new(data);
        let start = Instant::now();
        let mut reader = format::open(path, &options.text, options.labels.as_deref())?;
        let again = || format::open(path, &options.text, options.labels.as_deref());
        return trained(data, &mut *reader, &again, options, start);
    }
    options.check_unused(data)?;
    match data.strip_prefix("synthetic:") {
        None => Ok(Dataset::article()),
        Some(_) => Ok(Dataset::synthetic(data.parse()?)),
    }
}

/// Opens DATA to be used by `model`: its columns, found by name whatever others there are, become features as those
/// of the training did, texts and missing cells among them. A file gives no targets.
///
/// # Errors
/// If the data cannot be read, lack a column, or hold a text the model does not know or a missing cell it has
/// nothing for.
pub fn open_for(model: &Model, data: &str, options: &ModelOptions) -> Result<Dataset> {
    open_known(data, &model.description().columns, None, options)
}

/// Opens DATA to measure `model` on it: like [`open_for`], with the model's targets, which the data have to hold as
/// well. A class is the one of its name.
///
/// # Errors
/// Those of [`open_for`], and if the data lack a target, or hold another class.
pub fn open_labelled(model: &Model, data: &str, options: &ModelOptions) -> Result<Dataset> {
    let description = model.description();
    let labels = Labels {
        names: description.targets.clone(),
        known: Known {
            classes: description.classes.as_ref(),
            offsets: &description.target_offsets,
        },
    };
    open_known(data, &description.columns, Some(labels), options)
}

/// Opens DATA for the columns of the samples `dataset`, each found by its name: to look at, not to train on.
///
/// # Errors
/// If the data cannot be read, lack a column, or hold what these samples do not.
pub fn open_alike(dataset: &Dataset, data: &str, options: &ModelOptions) -> Result<Dataset> {
    let labels = Labels {
        names: dataset.target_names().to_vec(),
        known: Known {
            classes: dataset.classes(),
            offsets: dataset.target_offsets(),
        },
    };
    open_known(data, dataset.columns(), Some(labels), options)
}

/// Whether DATA names a file and not data that are made.
#[must_use]
pub fn is_file(data: &str) -> bool {
    data != "article" && !data.starts_with("synthetic:")
}

/// The targets that are wanted of a table.
#[derive(Clone)]
pub(crate) struct Labels<'a> {
    /// Their names, if they are numbers.
    names: Vec<String>,
    known: Known<'a>,
}

impl Labels<'_> {
    /// The columns of a table that they are in.
    fn columns(&self) -> Vec<String> {
        match self.known.classes {
            Some(Classes { column, .. }) => vec![column.clone()],
            None => self.names.clone(),
        }
    }
}

/// Opens DATA for features made of `columns`; with the targets if `labels` asks for them, otherwise without any
/// if DATA is a file.
pub(crate) fn open_known(
    data: &str,
    columns: &[Column],
    labels: Option<Labels<'_>>,
    options: &ModelOptions,
) -> Result<Dataset> {
    if !is_file(data) {
        let dataset = open(data, &TableOptions::default())?;
        let features: Vec<String> = columns.iter().flat_map(Column::feature_names).collect();
        check_names(&dataset, "features", dataset.input_names(), &features)?;
        if let Some(labels) = labels {
            check_names(&dataset, "targets", dataset.target_names(), &labels.names)?;
        }
        return Ok(dataset);
    }
    let start = Instant::now();
    let mut reader = format::open(Path::new(data), &options.text, None)?;
    let wanted_targets = labels.as_ref().map(Labels::columns).unwrap_or_default();
    let features = columns.iter().map(|column| &column.name);
    let roles = Roles::of_model(data, reader.columns(), features, &wanted_targets, &[])?;
    let kinds = kinds(&roles, |at| columns[at].categories.is_some());
    let asked = Asked {
        source: data,
        roles: &roles,
        columns,
        target_names: labels.as_ref().map(|labels| labels.names.as_slice()),
        fills: columns.iter().any(|column| column.fill.is_some()),
        is_training: false,
    };
    let is_number = labels
        .as_ref()
        .is_none_or(|labels| labels.known.classes.is_none());
    if let Some(dataset) = asked.in_place(&*reader, is_number, start)? {
        return Ok(dataset);
    }
    let table = read(data, &mut *reader, &kinds)?;
    let (inputs, counts) = Encoder::new(columns, options.unknown_as_zero).encode(&table)?;
    let n_features = roles.features.len();
    let how = How {
        known: labels.map(|labels| labels.known),
        ..How::default()
    };
    let made = targets(&table, n_features..n_features + roles.targets.len(), how)?;
    let notices = [reader.take_notices(), counts.notices(columns)].concat();
    Ok(encoded(
        table,
        columns.to_vec(),
        inputs,
        made,
        notices,
        reading(&*reader, start),
    ))
}

fn check_names(dataset: &Dataset, what: &str, there: &[String], needed: &[String]) -> Result<()> {
    if there == needed {
        return Ok(());
    }
    let first = |names: &[String]| names.first().map_or_else(String::new, |name| shown(name));
    Err(neuralnet::Error::Dataset {
        source_name: dataset.source().to_owned(),
        reason: format!(
            "has {} {what}, from `{}` on, and the model needs {}, from `{}` on; name data like those it was trained on",
            there.len(),
            first(there),
            needed.len(),
            first(needed)
        ),
    }
    .into())
}

/// The table of `reader` as samples to train on; `again` opens it once more, to say what is in a column of texts.
pub(crate) fn trained(
    source: &str,
    reader: &mut dyn Reader,
    again: &dyn Fn() -> Result<Box<dyn Reader>>,
    options: &TableOptions,
    start: Instant,
) -> Result<Dataset> {
    let roles = Roles::of_training(source, reader.columns(), options)?;
    let mut notices = reader.columns().notices.clone();
    let n_features = roles.features.len();
    let target_columns = n_features..n_features + roles.targets.len();
    let as_classes = options.classes
        || options.class_weight.is_some()
        || (options.targets.is_empty() && reader.columns().targets_are_classes);
    let is_one_hot: Vec<bool> = roles
        .features
        .iter()
        .map(|column| roles.one_hot.contains(column))
        .collect();
    let names = |columns: &[usize]| -> Vec<String> {
        let names = columns
            .iter()
            .map(|column| reader.columns().names[*column].clone());
        names.collect()
    };
    let plain: Vec<Column> = names(&roles.features)
        .into_iter()
        .map(Column::number)
        .collect();
    let asked = Asked {
        source,
        roles: &roles,
        columns: &plain,
        target_names: Some(&names(&roles.targets)),
        fills: options.impute.is_some() || options.drop_missing_targets,
        is_training: true,
    };
    let is_number = !as_classes && options.one_hot.is_empty();
    if let Some(dataset) = asked.in_place(reader, is_number, start)? {
        return Ok(dataset);
    }
    let kinds = kinds(&roles, |at| is_one_hot[at]);
    let mut table = read(source, reader, &kinds).map_err(|error| helped(error, again))?;
    notices.extend(reader.take_notices());
    notices.extend(meanings(&table));
    if options.drop_missing_targets {
        let n_dropped = table.drop_missing(target_columns.clone())?;
        if n_dropped > 0 {
            let n_rows = table.n_rows + n_dropped;
            notices.push(format!(
                "{n_dropped} of {n_rows} rows have no target, and are left out"
            ));
        }
        if table.n_rows == 0 {
            return Err(Error::at(
                table.place(),
                "has no row with a target; at least one is needed",
            ));
        }
    }
    let how = How {
        as_classes,
        class_weight: options.class_weight.as_ref(),
        known: None,
        keep_zero: options.keep_zero,
    };
    let (columns, of_columns) = fit(
        &table,
        &is_one_hot,
        Fit {
            impute: options.impute,
            keep_zero: options.keep_zero,
        },
    )
    .map_err(|error| helped(error, again))?;
    notices.extend(of_columns);
    let made = targets(&table, target_columns, how)?;
    notices.extend(made.notices.iter().cloned());
    refuse_repeated(&table, &columns)?;
    let (inputs, counts) = Encoder::new(&columns, false).encode(&table)?;
    notices.extend(counts.notices(&columns));
    Ok(encoded(
        table,
        columns,
        inputs,
        made,
        notices,
        reading(reader, start),
    ))
}

/// The columns that are used, each with its kind: features, targets, the weight, and those passed through.
pub(crate) fn kinds(roles: &Roles, is_text: impl Fn(usize) -> bool) -> Vec<(usize, Kind)> {
    let kind = |at| {
        if is_text(at) {
            Kind::Text
        } else {
            Kind::Number
        }
    };
    let features = roles
        .features
        .iter()
        .enumerate()
        .map(|(at, column)| (*column, kind(at)));
    let targets = roles.targets.iter().map(|column| (*column, Kind::Own));
    let weight = roles.weight.iter().map(|column| (*column, Kind::Number));
    let passed = roles.passed.iter().map(|column| (*column, Kind::Text));
    features
        .chain(targets)
        .chain(weight)
        .chain(passed)
        .collect()
}

/// All rows of the columns `wanted`.
fn read(source: &str, reader: &mut dyn Reader, wanted: &[(usize, Kind)]) -> Result<Table> {
    let table = Table::read(source, reader, wanted, usize::MAX)?;
    match table.n_rows {
        0 => Err(Error::at(
            table.place(),
            "has no rows; at least one is needed",
        )),
        _ => Ok(table),
    }
}

/// An error of a column of numbers that holds texts, with the settings that help: those for categories only if most of its cells are no numbers.
fn helped(mut error: Error, again: &dyn Fn() -> Result<Box<dyn Reader>>) -> Error {
    let Error::Table {
        place,
        is_text: true,
        remedies,
        ..
    } = &mut error
    else {
        return error;
    };
    let Some(name) = place.column.clone() else {
        return error;
    };
    let sample = || -> Result<(usize, usize, Option<String>)> {
        let mut reader = again()?;
        let column = reader
            .columns()
            .names
            .iter()
            .position(|other| *other == name)
            .unwrap_or(0);
        let table = Table::read("", &mut *reader, &[(column, Kind::Text)], SAMPLE_ROWS)?;
        let texts = table.texts(0)?;
        let all = || texts.iter().flat_map(|cells| cells.iter().flatten());
        let is_number = |text: &&str| canonical(text).is_some();
        let other = all().find(|text| !is_number(text)).map(str::to_owned);
        Ok((all().count(), all().filter(is_number).count(), other))
    };
    let (n_cells, n_numbers, other) = sample().unwrap_or((1, 0, None));
    let is_mostly_numbers = 2 * n_numbers > n_cells;
    // Categories need no remedy of a stray text, and numbers none of categories.
    if !is_mostly_numbers {
        *remedies = vec![Remedy::new(
            "one_hot",
            name.as_str(),
            "makes a feature of each of its texts",
        )];
    } else if let (true, Some(other)) = (remedies.is_empty(), other) {
        remedies.push(Remedy::new("missing", other, "counts it as missing"));
    }
    error.or(Remedy::new("drop", name, "leaves the column out"))
}

/// What columns of times and decimals are taken as.
fn meanings(table: &Table) -> Vec<String> {
    let Some(batch) = table.batches.first() else {
        return Vec::new();
    };
    let columns = table.names.iter().zip(&batch.columns);
    let told = columns.filter_map(|(name, cells)| {
        Some(format!(
            "column `{}` holds {}",
            shown(name),
            meaning(cells.data_type())?
        ))
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

pub(crate) fn reading(reader: &dyn Reader, start: Instant) -> Reading {
    Reading {
        bytes: reader.n_bytes(),
        seconds: start.elapsed().as_secs_f64(),
    }
}

fn encoded(
    table: Table,
    columns: Vec<Column>,
    inputs: Vec<f32>,
    made: Targets,
    notices: Vec<String>,
    reading: Reading,
) -> Dataset {
    let n_inputs = columns.iter().map(Column::n_features).sum();
    let target_width = made.names.len() + usize::from(made.is_weighted);
    let has_offset = made.offsets.iter().any(|offset| offset.abs() > 0.0);
    Dataset::from_encoded(Encoded {
        n_samples: table.n_rows,
        columns,
        inputs: ColumnView::whole(inputs, n_inputs),
        targets: ColumnView::whole(made.values, target_width),
        target_names: made.names,
        target_offsets: if has_offset { made.offsets } else { Vec::new() },
        classes: made.classes,
        lines: table.lines(),
        scanned: None,
        notices,
        reading: Some(reading),
        source: table.source,
    })
}
