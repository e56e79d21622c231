//! From a name to a data set: a table is opened, its columns are read, and become features and targets.

use crate::encoder::encode;
use crate::error::{Error, Result, shown};
use crate::format::{self, Format};
use crate::in_place::Selection;
use crate::numerals::canonical;
use crate::options::{ModelOptions, TableOptions};
use crate::reader::Kind;
use crate::roles::Roles;
use crate::samples::{drop_missing, drop_weightless, encoded, kinds, read, reading, weighted};
use crate::targets::{ModelTargets, TargetOptions, targets};
use crate::time::words;
use crate::time_units::count_alike;
use crate::training::for_training;
use neuralnet::data::{Column, Time};
use neuralnet::{Classes, Dataset, Model};
use std::iter::repeat;
use std::path::Path;
use std::time::Instant;

/// Opens DATA to train on it: `article`, `synthetic:ROWSxFEATURES[,rule=…][,noise=…][,seed=…]`, or the path of a file, whose
/// ending says what it is: `.npy`, `.npz`, `.parquet`, `.feather`, `-ubyte` or `.idx` (IDX), otherwise CSV, each also
/// compressed (`.gz`, `.zst`).
///
/// A file must not be changed or cut short while it is read, and a `.npy` file while the data set lives: results would
/// be wrong, or the process would be ended. To put another file in its place is harmless.
///
/// # Errors
/// If the data cannot be read, or are not such a table as `options` asks for; see [`Error`].
pub fn open(data: &str, options: &TableOptions) -> Result<Dataset> {
    if is_file(data) {
        let path = Path::new(data);
        let start = Instant::now();
        let mut reader = format::open(path, &options.text, options.labels.as_deref())?;
        return for_training(data, &mut *reader, options, start)
            .map_err(|error| error.beside(options.text.missing.as_ref()));
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
    let description = model.description();
    let missing = description.missing_texts.as_deref();
    open_known(data, &description.columns, None, missing, options)
}

/// Opens DATA to measure `model` on it: like [`open_for`], with the model's targets, which the data have to hold as
/// well. A class is the one of its name.
///
/// # Errors
/// Those of [`open_for`], and if the data lack a target, or hold another class.
pub fn open_labelled(model: &Model, data: &str, options: &ModelOptions) -> Result<Dataset> {
    let description = model.description();
    let targets = ModelTargets {
        names: &description.targets,
        classes: description.classes.as_ref(),
        offsets: &description.target_offsets,
        times: &description.target_times,
    };
    let missing = description.missing_texts.as_deref();
    open_known(data, &description.columns, Some(targets), missing, options)
}

/// Opens DATA for the columns of the samples `dataset`, each found by its name: to look at, not to train on.
///
/// # Errors
/// If the data cannot be read, lack a column, or hold what these samples do not.
pub fn open_alike(dataset: &Dataset, data: &str, options: &ModelOptions) -> Result<Dataset> {
    let targets = ModelTargets {
        names: dataset.target_names(),
        classes: dataset.classes(),
        offsets: dataset.target_offsets(),
        times: dataset.target_times(),
    };
    let missing = dataset.missing_texts();
    open_known(data, dataset.columns(), Some(targets), missing, options)
}

/// Whether DATA names a file and not data that are made.
#[must_use]
pub fn is_file(data: &str) -> bool {
    data != "article" && !data.starts_with("synthetic:")
}

/// The options for a model in whose table the texts `missing` stood for a missing cell: they do unless others are named.
pub(crate) fn options_for(
    data: &str,
    options: &ModelOptions,
    missing: Option<&[String]>,
) -> ModelOptions {
    let mut options = options.clone();
    if options.text.missing.is_none() && Format::of(Path::new(data)) == Format::Csv {
        options.text.missing = missing.map(<[String]>::to_vec);
    }
    options
}

/// Opens DATA for features made of `columns`, in whose table the texts `missing` stood for a missing cell; with the
/// targets if `known` asks for them, otherwise without any if DATA is a file.
pub(crate) fn open_known(
    data: &str,
    columns: &[Column],
    known: Option<ModelTargets<'_>>,
    missing: Option<&[String]>,
    options: &ModelOptions,
) -> Result<Dataset> {
    if !is_file(data) {
        let dataset = open(data, &TableOptions::default())?;
        let features: Vec<String> = columns.iter().flat_map(Column::feature_names).collect();
        check_names(&dataset, "features", dataset.input_names(), &features)?;
        if let Some(known) = known {
            check_names(&dataset, "targets", dataset.target_names(), known.names)?;
        }
        refuse_offsets(&dataset, columns, known)?;
        options.check_unused(data)?;
        return Ok(dataset);
    }
    let start = Instant::now();
    let options = &options_for(data, options, missing);
    let mut reader = format::open(Path::new(data), &options.text, None)?;
    let wanted_targets = known.map_or(&[][..], |known| known.columns());
    let features = columns.iter().map(|column| &column.name);
    let weight = options.sample_weight.as_ref().filter(|_| known.is_some());
    let roles = Roles::of_model(
        data,
        reader.columns(),
        features,
        wanted_targets,
        weight,
        &[],
    )?;
    let kinds = kinds(
        &roles,
        |at| columns[at].categories.is_some(),
        kind_of_targets(known.and_then(|known| known.classes)),
    );
    let selection = Selection {
        source: data,
        roles: &roles,
        columns,
        target_names: known.map_or(&[], |known| known.names),
        fills: options.drop_missing_targets || columns.iter().any(|column| column.fill.is_some()),
        is_training: false,
    };
    let is_raw = |known: ModelTargets<'_>| {
        known.classes.is_none() && known.offsets.is_empty() && known.times.is_empty()
    };
    if let Some(dataset) =
        selection.in_place(&*reader, usize::MAX, known.is_none_or(is_raw), start)?
    {
        return Ok(dataset);
    }
    let mut table =
        read(data, &mut *reader, &kinds).map_err(|error| for_columns(error, columns, options))?;
    let n_features = roles.features.len();
    let target_columns = n_features..n_features + roles.targets.len();
    let mut notices = reader.columns().notices.clone();
    let numbers = known.iter().filter(|known| known.classes.is_none());
    let times = numbers.flat_map(|known| {
        let times = known.times.iter().copied();
        target_columns.clone().zip(times.chain(repeat(None)))
    });
    notices.extend(count_alike(&mut table, times_of(columns).chain(times))?);
    if options.drop_missing_targets {
        notices.extend(drop_missing(&mut table, target_columns.clone())?);
    }
    let weight = roles.weight.map(|_| target_columns.end);
    let weights = drop_weightless(&mut table, weight, &mut notices)?;
    let (inputs, counts) = encode(columns, options.unknown_as_zero, &table)
        .map_err(|error| for_columns(error, columns, options))?;
    let target_options = TargetOptions {
        known,
        ..TargetOptions::default()
    };
    let made = targets(&table, target_columns, target_options)
        .map_err(|error| error.beside(options.text.missing.as_ref()))?;
    notices.extend([reader.take_notices(), counts.notices(columns)].concat());
    let reading = Some(reading(&*reader, start));
    let columns = columns.to_vec();
    let dataset = encoded(table, columns, inputs, made, notices, reading)
        .with_missing_texts(missing.map(<[String]>::to_vec));
    weighted(dataset, weights.as_deref())
}

/// The error of a table that is read for `columns`: without a remedy that ends in another error, and with what a column of
/// dates or times needs.
pub(crate) fn for_columns(error: Error, columns: &[Column], options: &ModelOptions) -> Error {
    let mut error = error.beside(options.text.missing.as_ref());
    if let Error::Table {
        place,
        reason,
        is_text,
        remedies,
    } = &mut error
        && let mut columns = columns.iter()
        && let Some(column) = columns.find(|column| place.column.as_ref() == Some(&column.name))
    {
        if column.fill.is_none() {
            remedies.retain(|remedy| remedy.setting != "missing");
        }
        if *is_text && column.time.is_none() {
            *reason += "; the model knows the column as numbers";
        }
        if let Some(time) = column.time.filter(|_| *is_text) {
            let [whole, unit] = words(time);
            *reason += &format!(
                "; the model knows {whole}, which Parquet and Feather have a type for: take one of these, or {unit}"
            );
        }
    }
    error
}

/// What the model's columns of numbers count, each with its place.
pub(crate) fn times_of(columns: &[Column]) -> impl Iterator<Item = (usize, Option<Time>)> + '_ {
    let columns = columns.iter().enumerate();
    let numbers = columns.filter(|(_, column)| column.categories.is_none());
    numbers.map(|(at, column)| (at, column.time))
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

/// Refuses data that are not read from a table for a model that keeps a column or target as its difference from a
/// number.
fn refuse_offsets(
    dataset: &Dataset,
    columns: &[Column],
    known: Option<ModelTargets<'_>>,
) -> Result<()> {
    let has_offset = columns.iter().any(|column| column.offset.abs() > 0.0)
        || known.is_some_and(|known| !known.offsets.is_empty());
    match has_offset {
        false => Ok(()),
        true => Err(neuralnet::Error::Dataset {
            source_name: dataset.source().to_owned(),
            reason: "is not a table, and the model keeps columns of its table as differences from a number; name a file"
                .to_owned(),
        }
        .into()),
    }
}

/// How the targets of a model are read: as they are written, if its classes are not all numbers, of which `250.00` may be
/// one beside `V45`.
fn kind_of_targets(classes: Option<&Classes>) -> Kind {
    let names = || classes.into_iter().flat_map(|classes| &classes.names);
    let is_number = |name: &String| canonical(name).is_some_and(|number| number == *name);
    match names().all(is_number) {
        true => Kind::Inferred,
        false => Kind::Text,
    }
}
