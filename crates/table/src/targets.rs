//! Columns of a table as targets: numbers as they are, classes as 0 and 1; and the weights of the samples.

mod classes;

use crate::encoder::beyond_f32;
use crate::error::{Error, Place, Remedy, Result, listed};
use crate::features::first_infinite;
use crate::rounding::{Rounding, rounded};
use crate::table::Table;
use crate::values::each_present;
use crate::wide;
use arrow_array::{Array, Float64Array};
use arrow_schema::DataType;
use neuralnet::Classes;
use neuralnet::data::Time;
use std::ops::Range;

/// Targets, and what they stand for.
#[derive(Default)]
pub(crate) struct Targets {
    /// (N, O).
    pub(crate) values: Vec<f32>,
    pub(crate) names: Vec<String>,
    /// What was taken from each target before it was rounded.
    pub(crate) offsets: Vec<f64>,
    /// What each target counts that is a date or a time.
    pub(crate) times: Vec<Option<Time>>,
    pub(crate) classes: Option<Classes>,
    pub(crate) notices: Vec<String>,
}

/// How targets are made.
#[derive(Clone, Copy, Default)]
pub(crate) struct TargetOptions<'a> {
    /// Whether numbers are classes as well.
    pub(crate) as_classes: bool,
    /// The weights of the samples, if they have any.
    pub(crate) weights: Option<&'a [f64]>,
    /// The targets of a model, if these are for one.
    pub(crate) known: Option<ModelTargets<'a>>,
    pub(crate) keep_zero: bool,
}

/// The targets of a model.
#[derive(Clone, Copy)]
pub(crate) struct ModelTargets<'a> {
    /// The names of the targets, if these are numbers.
    pub(crate) names: &'a [String],
    pub(crate) classes: Option<&'a Classes>,
    pub(crate) offsets: &'a [f64],
    pub(crate) times: &'a [Option<Time>],
}

impl<'a> ModelTargets<'a> {
    /// The columns of a table that the targets are in.
    pub(crate) fn columns(&self) -> &'a [String] {
        match self.classes {
            Some(classes) => std::slice::from_ref(&classes.column),
            None => self.names,
        }
    }
}

/// Makes targets of the columns `columns` of `table`.
///
/// # Errors
/// If a target is missing, not finite, the same in every row, or not what `options` ask for.
pub(crate) fn targets(
    table: &Table,
    columns: Range<usize>,
    options: TargetOptions<'_>,
) -> Result<Targets> {
    for column in columns.clone() {
        if let Some((place, n_missing)) = table.missing(column) {
            if n_missing == table.n_rows {
                let place = table.place().column(&table.names[column]);
                let remedy = Remedy::new("targets", "COLUMN", "names another target");
                return Err(Error::at(place, "the target is missing in every row").or(remedy));
            }
            let reason = format!(
                "the target is missing ({n_missing} in {} rows)",
                table.n_rows
            );
            let remedy = Remedy::new("drop_missing_targets", "true", "leaves such rows out");
            return Err(table.missing_error(place, column, reason).or(remedy));
        }
    }
    let of_classes = columns.clone().find(|column| is_of_classes(table, *column));
    let is_known = options.known.is_some_and(|known| known.classes.is_some());
    let wants_numbers = options.known.is_some_and(|known| known.classes.is_none());
    if wants_numbers || (of_classes.is_none() && !options.as_classes && !is_known) {
        return of_numbers(table, columns, options);
    }
    if columns.len() > 1 {
        let name = &table.names[of_classes.unwrap_or(columns.start)];
        return Err(Error::at(
            table.place().column(name),
            "holds classes, and then it is the only target",
        )
        .or(Remedy::new("targets", name.as_str(), "takes it alone")));
    }
    classes::of_classes(table, columns.start, options)
}

/// Whether a column is of booleans, or of texts: those of lines, where numbers are texts too, are not all numbers then.
fn is_of_classes(table: &Table, column: usize) -> bool {
    let mut types = table.column(column).map(|cells| cells.data_type());
    types.any(|data_type| *data_type == DataType::Boolean || data_type.is_string())
        && !(table.has_lines && are_plain_texts(table, column))
}

/// Whether a column of texts holds numbers alone, and not codes: digits of which some begin with a 0 that a number
/// would not have.
fn are_plain_texts(table: &Table, column: usize) -> bool {
    let are_texts = table
        .column(column)
        .all(|cells| cells.data_type().is_string());
    let Some(texts) = are_texts.then(|| table.texts(column).ok()).flatten() else {
        return false;
    };
    let all = || texts.iter().flatten().flatten();
    let is_number = |text: &str| table.number(text).is_some();
    let has_zero = |text: &str| text.len() > 1 && text.starts_with('0');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    all().all(is_number) && !(all().all(is_digits) && all().any(has_zero))
}

/// The weights in a column, none of them negative, and one above 0.
///
/// # Errors
/// If one is missing, negative or beyond f32, or all are 0.
pub(crate) fn weights(table: &Table, column: usize) -> Result<Vec<f64>> {
    let name = &table.names[column];
    if let Some((place, _)) = table.missing(column) {
        return Err(Error::at(
            place,
            "the weight is missing, and a weight is never made up: remove the row, or fill it",
        ));
    }
    let mut weights = Vec::with_capacity(table.n_rows);
    each_present(&table.differences(column, 0.0)?, |weight| {
        weights.push(weight)
    });
    if let Some(row) = weights
        .iter()
        .position(|weight| !(0.0..=f64::from(f32::MAX)).contains(weight))
    {
        let reason = match weights[row] < 0.0 {
            true => format!(
                "the weight {} is negative, and weights are 0 or more",
                weights[row]
            ),
            false => beyond_f32(weights[row]),
        };
        return Err(Error::at(table.cell(row, column), reason));
    }
    match weights.iter().any(|weight| rounded(*weight) > 0.0) {
        true => Ok(weights),
        false => Err(Error::at(
            table.place().column(name),
            "holds no weight above 0 in f32; at least one is needed",
        )),
    }
}

fn of_numbers(table: &Table, columns: Range<usize>, options: TargetOptions<'_>) -> Result<Targets> {
    let n_targets = columns.len();
    let mut targets = Targets {
        values: vec![0.0; table.n_rows * n_targets],
        names: table.names[columns.clone()].to_vec(),
        offsets: Vec::with_capacity(n_targets),
        times: match options.known {
            Some(known) => known.times.to_vec(),
            None => columns.clone().map(|column| table.time(column)).collect(),
        },
        ..Targets::default()
    };
    for (at, column) in columns.enumerate() {
        let base = match options.known {
            Some(known) => known.offsets.get(at).copied().unwrap_or(0.0),
            None if options.keep_zero => 0.0,
            None => table.base(column, options.weights),
        };
        let cells = differences(table, column, base)?;
        if let Some(row) = first_infinite(&cells) {
            return Err(Error::at(
                table.cell(row, column),
                "the target is not finite; every target has to be",
            ));
        }
        let mut all = Vec::with_capacity(table.n_rows);
        each_present(&cells, |number| all.push(number));
        let offset = match options.known {
            Some(_) => base,
            None => {
                let rounding = Rounding::of(&cells, base, options.weights, options.keep_zero);
                refuse_constant(table, column, (base, rounding.offset), &all)?;
                targets
                    .notices
                    .extend(rounding.notice(&table.names[column]));
                rounding.offset
            }
        };
        if table
            .column(column)
            .any(|cells| wide::loses_digits(cells, base))
        {
            targets
                .notices
                .push(wide::lost_digits(&table.names[column]));
        }
        targets.offsets.push(offset);
        for (row, difference) in all.into_iter().enumerate() {
            let value = rounded(difference - (offset - base));
            if !value.is_finite() {
                let reason = beyond_f32(base + difference);
                return Err(Error::at(table.cell(row, column), reason));
            }
            targets.values[row * n_targets + at] = value;
        }
    }
    Ok(targets)
}

/// The differences from `base` of the numbers of a column, which may be written as texts.
fn differences(table: &Table, column: usize, base: f64) -> Result<Vec<Float64Array>> {
    if !are_plain_texts(table, column) {
        return table.differences(column, base);
    }
    let number = |text: Option<&str>| Some(table.number(text?)? - base);
    let cells = table.texts(column)?;
    Ok(cells
        .iter()
        .map(|cells| cells.iter().map(number).collect())
        .collect())
}

/// Refuses a target that is the same in every row, or becomes so in f32: a network would learn nothing but that number.
/// `differences` are those from `base`, and those from `offset` are rounded.
fn refuse_constant(
    table: &Table,
    column: usize,
    (base, offset): (f64, f64),
    differences: &[f64],
) -> Result<()> {
    let &[first, ref others @ ..] = differences else {
        return Ok(());
    };
    let in_f32 = |number: f64| rounded(number - (offset - base));
    // A number beyond f32 is refused as such.
    let first_f32 = in_f32(first);
    let differs = |number: &f64| (in_f32(*number) - first_f32).abs() > 0.0;
    if others.is_empty() || !first_f32.is_finite() || others.iter().any(differs) {
        return Ok(());
    }
    let name = &table.names[column];
    if others.iter().any(|number| (number - first).abs() > 0.0) {
        let reason = "the target is the same in every row once it is rounded to f32; rescale it";
        return Err(Error::at(table.place().column(name), reason));
    }
    let others = table.names[..column].iter().filter(|other| *other != name);
    Err(constant(&table.source, name, base + first, others))
}

/// What is said of a target that is the same in every row, beside the columns `others`.
pub(crate) fn constant<'a>(
    source: &str,
    name: &str,
    value: f64,
    others: impl Iterator<Item = &'a String>,
) -> Error {
    let reason = format!(
        "the target is {value} in every row, so there is nothing to learn; other columns are {}",
        listed(others)
    );
    Error::at(Place::of(source).column(name), reason).or(Remedy::new(
        "targets",
        "COLUMN",
        "names another one",
    ))
}
