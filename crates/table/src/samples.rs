//! What every way from a table to samples shares: the columns that are read, the rows that are left out, and the data set
//! in the end.

use crate::error::{Error, Result};
use crate::reader::{Kind, Reader};
use crate::roles::Roles;
use crate::rounding::rounded;
use crate::table::Table;
use crate::targets::{Targets, weights};
use neuralnet::Dataset;
use neuralnet::data::{Column, ColumnView, Encoded, Reading};
use std::ops::Range;
use std::time::Instant;

/// The columns that are used, each with its kind: features, targets, the weight, and those passed through.
pub(crate) fn kinds(
    roles: &Roles,
    is_text: impl Fn(usize) -> bool,
    of_targets: Kind,
) -> Vec<(usize, Kind)> {
    let of_feature = |at| match is_text(at) {
        true => Kind::Text,
        false => Kind::Number,
    };
    let features = roles.features.iter().copied().zip((0..).map(of_feature));
    let targets = roles.targets.iter().map(|column| (*column, of_targets));
    let weight = roles.weight.iter().map(|column| (*column, Kind::Number));
    let passed = roles.passed.iter().map(|column| (*column, Kind::Verbatim));
    let all = features.chain(targets).chain(weight).chain(passed);
    all.collect()
}

/// All rows of the columns `wanted`.
pub(crate) fn read(
    source: &str,
    reader: &mut dyn Reader,
    wanted: &[(usize, Kind)],
) -> Result<Table> {
    let table = Table::read(source, reader, wanted, usize::MAX)?;
    table.refuse_empty().map(|()| table)
}

/// Leaves out the rows without a target, and says how many there were.
pub(crate) fn drop_missing(table: &mut Table, targets: Range<usize>) -> Result<Option<String>> {
    let n_rows = table.n_rows;
    let n_dropped = table.keep(&table.complete_rows(targets))?;
    if table.n_rows == 0 {
        return Err(Error::at(
            table.place(),
            "has no row with a target; at least one is needed",
        ));
    }
    Ok((n_dropped > 0)
        .then(|| format!("{n_dropped} of {n_rows} rows have no target, and are left out")))
}

/// The weights of the samples in the column `column`, if there is one. A row that weighs nothing is no row: it is left
/// out of the table, with a notice.
pub(crate) fn drop_weightless(
    table: &mut Table,
    column: Option<usize>,
    notices: &mut Vec<String>,
) -> Result<Option<Vec<f64>>> {
    let Some(column) = column else {
        return Ok(None);
    };
    let mut weights = weights(table, column)?;
    let kept: Vec<bool> = weights.iter().map(|weight| *weight > 0.0).collect();
    let n_dropped = table.keep(&kept)?;
    if n_dropped > 0 {
        notices.push(format!(
            "{n_dropped} of {} rows weigh nothing, and are left out",
            kept.len()
        ));
    }
    weights.retain(|weight| *weight > 0.0);
    Ok(Some(weights))
}

/// How fast the file of `reader` was read since `start`.
pub(crate) fn reading(reader: &dyn Reader, start: Instant) -> Reading {
    Reading {
        bytes: reader.n_bytes(),
        seconds: start.elapsed().as_secs_f64(),
    }
}

/// The samples of `table`, whose features are `inputs`.
pub(crate) fn encoded(
    table: Table,
    columns: Vec<Column>,
    inputs: Vec<f32>,
    made: Targets,
    notices: Vec<String>,
    reading: Option<Reading>,
) -> Dataset {
    let n_inputs = columns.iter().map(Column::n_features).sum();
    let has_offset = made.offsets.iter().any(|offset| offset.abs() > 0.0);
    let has_time = made.times.iter().any(Option::is_some);
    Dataset::from_encoded(Encoded {
        n_samples: table.n_rows,
        columns,
        inputs: ColumnView::whole(inputs, n_inputs),
        targets: ColumnView::whole(made.values, made.names.len()),
        target_names: made.names,
        target_offsets: if has_offset { made.offsets } else { Vec::new() },
        target_times: if has_time { made.times } else { Vec::new() },
        classes: made.classes,
        lines: table.lines(),
        scanned: None,
        notices,
        reading,
        source: table.source,
    })
}

/// The samples with their weights, if they have any.
pub(crate) fn weighted(dataset: Dataset, weights: Option<&[f64]>) -> Result<Dataset> {
    let Some(weights) = weights else {
        return Ok(dataset);
    };
    let weights: Vec<f32> = weights.iter().copied().map(rounded).collect();
    Ok(dataset.with_weights(&weights)?)
}
