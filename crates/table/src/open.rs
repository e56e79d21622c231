//! From a name to a data set: a table is opened, its columns are read, and become inputs and targets.

use super::columns::{Columns, shown};
use super::csv::Csv;
use super::features;
use super::format;
use super::grid::Grid;
use super::npy;
use super::options::TableOptions;
use super::table::{Kind, NOT_FINITE, Table};
use super::targets::{How, Targets, targets};
use crate::error::{Error, Result};
use neuralnet::data::{Column, Encoded, FirstFault, Reading, TableValues, scan_views};
use neuralnet::{Classes, Dataset, Model};
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

/// What is wanted of a table.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Inputs and targets to train on.
    Training(&'a TableOptions),
    /// The inputs of a model, and its targets where `labels` asks for them.
    Model {
        columns: &'a [Column],
        labels: Option<Labels<'a>>,
    },
}

/// The targets of a model.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    /// Their names, if they are numbers of their own.
    pub(crate) targets: &'a [String],
    /// What they stand for otherwise.
    pub(crate) classes: Option<&'a Classes>,
}

impl Labels<'_> {
    /// The columns of a table that they are in.
    fn columns(&self) -> &[String] {
        match self.classes {
            Some(classes) => std::slice::from_ref(&classes.column),
            None => self.targets,
        }
    }
}

/// Opens what the command line calls DATA: `article`, `synthetic:ROWSxFEATURES[,noise=…][,seed=…]`,
/// or the path of a file, whose ending says what it is: `.npy`, `.npz`, `.parquet`, `-ubyte` or `.idx` (IDX, also
/// `.gz`), otherwise CSV.
///
/// # Errors
/// Where the data cannot be read, or are not such a table as `options` asks for; see [`Error`].
pub fn open(data: &str, options: &TableOptions) -> Result<Dataset> {
    if is_file(data) {
        return file(Path::new(data), Wanted::Training(options));
    }
    options.check_unused(data)?;
    match data.strip_prefix("synthetic:") {
        None => Ok(Dataset::article()),
        Some(_) => Ok(Dataset::synthetic(data.parse()?)),
    }
}

/// Opens a CSV file with a header line, compressed by gzip where its name ends in `.gz`. Its lines end where a line
/// ends, within quotes as well.
///
/// The file must not be changed or cut short while it is read: results would be wrong, or the process would be
/// ended.
///
/// # Errors
/// Where the file cannot be read or a cell is not what its column needs; file, line and column are named.
pub fn open_csv(path: &Path, options: &TableOptions) -> Result<Dataset> {
    let start = Instant::now();
    let wanted = Wanted::Training(options);
    timed(path, &mut Csv::open(path)?, wanted, start)
}

/// Opens a table that `numpy.save` wrote: two dimensions of plain numbers, each taken as the nearest f32. Its columns
/// are named by their numbers, from `0`. One of `<f4` in C order is mapped and never copied as a whole, so it may be
/// larger than the memory; any other is held as f32. One pass makes sure that every value is finite.
///
/// The file must not be changed or cut short while the data set lives: results would be wrong, or the
/// process would be ended. To put another file in its place is fine, as [`write_npy`](crate::write_npy) does.
///
/// # Errors
/// Where the file cannot be mapped, is not such a table, or holds a value that is not finite; the file
/// is named, and row and column, counted from 0.
pub fn open_npy(path: &Path, options: &TableOptions) -> Result<Dataset> {
    let start = Instant::now();
    let wanted = Wanted::Training(options);
    timed(path, &mut npy::open(path)?, wanted, start)
}

/// Opens DATA to be used by `model`: its columns, found by name whatever others there are, become features as those
/// of the training did, texts and empty cells among them. A file gives no targets.
///
/// # Errors
/// Where the data cannot be read, lack a column, or hold a text the model does not know or an empty cell it has
/// nothing for.
pub fn open_for(model: &Model, data: &str) -> Result<Dataset> {
    open_known(data, &model.description().columns, None)
}

/// Opens DATA to measure `model` on it: like [`open_for`], with the model's targets, which the data have to hold as
/// well. A class is the one of its name.
///
/// # Errors
/// Those of [`open_for`], and where the data lack a target, or hold another class.
pub fn open_labelled(model: &Model, data: &str) -> Result<Dataset> {
    let description = model.description();
    let labels = Labels {
        targets: &description.targets,
        classes: description.classes.as_ref(),
    };
    open_known(data, &description.columns, Some(labels))
}

/// Opens DATA for the columns of the samples `dataset`, each found by its name: to look at, not to train on.
///
/// # Errors
/// Where the data cannot be read, lack a column, or hold what these samples do not.
pub fn open_alike(dataset: &Dataset, data: &str) -> Result<Dataset> {
    let labels = Labels {
        targets: dataset.target_names(),
        classes: dataset.classes(),
    };
    open_known(data, dataset.columns(), Some(labels))
}

/// Opens DATA for features made of `columns`; with the targets where `labels` asks for them, otherwise without any
/// if DATA is a file.
pub(super) fn open_known(
    data: &str,
    columns: &[Column],
    labels: Option<Labels<'_>>,
) -> Result<Dataset> {
    if is_file(data) {
        return file(Path::new(data), Wanted::Model { columns, labels });
    }
    let dataset = open(data, &TableOptions::default())?;
    let features: Vec<String> = columns.iter().flat_map(Column::feature_names).collect();
    check_names(&dataset, "features", dataset.input_names(), &features)?;
    if let Some(labels) = labels {
        check_names(&dataset, "targets", dataset.target_names(), labels.targets)?;
    }
    Ok(dataset)
}

/// Whether DATA names a file and not data that are made.
#[must_use]
pub fn is_file(data: &str) -> bool {
    data != "article" && !data.starts_with("synthetic:")
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

fn file(path: &Path, wanted: Wanted<'_>) -> Result<Dataset> {
    let start = Instant::now();
    let labels = match wanted {
        Wanted::Training(options) => options.labels.as_deref(),
        Wanted::Model { .. } => None,
    };
    timed(path, &mut *format::open(path, labels)?, wanted, start)
}

pub(super) fn timed(
    path: &Path,
    table: &mut dyn Table,
    wanted: Wanted<'_>,
    start: Instant,
) -> Result<Dataset> {
    let of_file = || std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let bytes = table.n_bytes().unwrap_or_else(of_file);
    let mut encoded = encoded(path, table, wanted)?;
    let seconds = start.elapsed().as_secs_f64();
    encoded.reading = Some(Reading { bytes, seconds });
    Ok(Dataset::from_encoded(encoded))
}

fn encoded(path: &Path, table: &mut dyn Table, wanted: Wanted<'_>) -> Result<Encoded> {
    let columns = used(path, table, wanted)?;
    let mut grid = read(path, table, &columns, wanted)?;
    let (n_columns, n_targets) = (columns.features.len(), columns.targets.len());
    let seen = grid
        .is_in_place()
        .then(|| inspected(&grid, n_columns, n_targets));
    let seen = seen.transpose()?;
    let columns = match wanted {
        Wanted::Training(options) => features::fitted(&grid, n_columns, options.impute)?,
        Wanted::Model { columns, .. } => columns.to_vec(),
    };
    let (inputs, notices) = features::inputs(&mut grid, &columns)?;
    let made = made_targets(&grid, (n_columns, n_targets), wanted)?;
    let input_names: Vec<String> = columns.iter().flat_map(Column::feature_names).collect();
    refuse_repeated(&grid, &input_names)?;
    Ok(Encoded {
        source: path.display().to_string(),
        n_samples: grid.n_rows,
        columns,
        inputs,
        targets: made.part,
        target_names: made.names,
        // Of classes, the targets are other values than those that were scanned.
        scanned: seen.filter(|_| made.classes.is_none()),
        classes: made.classes,
        lines: grid.lines,
        notices,
        reading: None,
    })
}

/// That no feature of a text has the name of another one.
fn refuse_repeated(grid: &Grid, features: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(features.len());
    match features.iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(grid.error(format!(
            "has two features named `{}`, one of a column and one of a text; rename the column",
            shown(name)
        ))),
    }
}

/// Looks at values that are used where they lie, and were not looked at by whoever read them.
fn inspected(grid: &Grid, n_columns: usize, n_targets: usize) -> Result<FirstFault> {
    let (inputs, targets) = (
        grid.part(0..n_columns),
        grid.part(n_columns..grid.names.len()),
    );
    let seen = scan_views(&inputs, &targets, n_targets);
    match seen.not_finite {
        None => Ok(seen),
        Some((row, column)) => Err(grid.cell_error(
            row,
            column,
            format!("{} {NOT_FINITE}", grid.value(row, column)),
        )),
    }
}

/// The columns of a table that are used.
pub(super) fn used(path: &Path, table: &dyn Table, wanted: Wanted<'_>) -> Result<Columns> {
    let names = table.names();
    let columns = match wanted {
        Wanted::Training(options) => Columns::new(names, options),
        Wanted::Model { columns, labels } => {
            let targets = labels.as_ref().map_or(&[][..], Labels::columns);
            let features = columns.iter().map(|column| &column.name);
            Columns::of_model(names, features, targets.iter())
        }
    };
    columns.map_err(|reason| match names {
        [_] => Error::table(path, reason + table.remedy_of_one_column()),
        _ => Error::table(path, reason),
    })
}

/// Reads the columns, each as what it is used for needs it, or takes them where they lie.
fn read(path: &Path, table: &mut dyn Table, columns: &Columns, wanted: Wanted<'_>) -> Result<Grid> {
    let all: Vec<(usize, Kind)> = kinds(table.names(), columns, wanted);
    let names: Vec<String> = all
        .iter()
        .map(|(column, _)| table.names()[*column].clone())
        .collect();
    let has_texts = all.iter().any(|(_, kind)| *kind == Kind::Text);
    if let Some(in_place) = table.in_place().filter(|_| !has_texts) {
        let places = all.into_iter().map(|(column, _)| column).collect();
        let (n_rows, width) = (in_place.n_rows, in_place.width);
        let values = (TableValues::Shared(Box::new(in_place)), n_rows, width);
        return Ok(Grid::in_place(path, names, values, places));
    }
    let cells = table.read(&all).map_err(|error| match (error, wanted) {
        (
            Error::NotANumber {
                path,
                line,
                column,
                reason,
            },
            Wanted::Training(_),
        ) if names[..columns.features.len()].contains(&column) => {
            let name = shown(&column);
            Error::Cell {
                path,
                line,
                reason: format!(
                    "{reason}; --one-hot {name} makes a feature of each of its texts, --drop {name} leaves the column out"
                ),
                column,
            }
        }
        (error, _) => error,
    })?;
    Ok(Grid::of_cells(path, names, cells))
}

/// The used columns and what their cells may be: features, targets, weight.
pub(super) fn kinds(names: &[String], columns: &Columns, wanted: Wanted<'_>) -> Vec<(usize, Kind)> {
    let features = columns.features.iter().enumerate().map(|(at, column)| {
        let is_text = match wanted {
            Wanted::Training(options) => {
                let mut one_hot = options.one_hot.iter();
                one_hot.any(|name| name.trim() == names[*column])
            }
            Wanted::Model { columns, .. } => columns[at].categories.is_some(),
        };
        (*column, if is_text { Kind::Text } else { Kind::Number })
    });
    let of_targets = match wanted {
        Wanted::Training(_) => Kind::Either,
        Wanted::Model { labels, .. } => match labels.and_then(|labels| labels.classes) {
            None => Kind::Number,
            // Classes named by numbers may be written in more than one way.
            Some(classes) if classes.names.iter().all(|name| name.parse::<f32>().is_ok()) => {
                Kind::Either
            }
            Some(_) => Kind::Text,
        },
    };
    let targets = columns.targets.iter().map(|column| (*column, of_targets));
    let weight = columns.weight.iter().map(|column| (*column, Kind::Number));
    features.chain(targets).chain(weight).collect()
}

fn made_targets(
    grid: &Grid,
    (first, n_targets): (usize, usize),
    wanted: Wanted<'_>,
) -> Result<Targets> {
    let how = match wanted {
        Wanted::Training(options) => How {
            as_classes: options.classes || options.class_weight.is_some(),
            class_weight: options.class_weight.as_ref(),
            known: None,
        },
        Wanted::Model { labels, .. } => How {
            known: labels.and_then(|labels| labels.classes),
            ..How::default()
        },
    };
    targets(grid, (first, n_targets), how)
}
