//! Columns of a table as targets: numbers as they are, classes as 0 and 1, and behind them the weights of the samples.

use crate::error::{Error, Place, Remedy, Result, listed, shown};
use crate::features::{MAX_TEXTS, beyond_f32, counted, first_infinite, place, present};
use crate::options::ClassWeight;
use crate::rounding::Rounding;
use crate::table::Table;
use crate::values::{adornments, canonical, is_text};
use arrow_array::{Array, Float64Array};
use arrow_schema::DataType;
use neuralnet::Classes;
use std::collections::HashMap;
use std::ops::Range;

/// More classes than this, and more than one in [`ROWS_OF_A_CLASS`] rows, are hardly classes.
const MANY_CLASSES: usize = 20;
const ROWS_OF_A_CLASS: usize = 10;

/// Targets, and what they stand for.
pub(crate) struct Targets {
    /// (N, O), or (N, O + 1) with the weights.
    pub(crate) values: Vec<f32>,
    pub(crate) names: Vec<String>,
    /// What was taken from each target before it was rounded.
    pub(crate) offsets: Vec<f64>,
    pub(crate) classes: Option<Classes>,
    pub(crate) is_weighted: bool,
    pub(crate) notices: Vec<String>,
}

/// How targets are made.
#[derive(Clone, Copy, Default)]
pub(crate) struct How<'a> {
    /// Whether numbers are classes as well.
    pub(crate) as_classes: bool,
    pub(crate) class_weight: Option<&'a ClassWeight>,
    /// The targets of a model, if these are for one.
    pub(crate) known: Option<Known<'a>>,
    pub(crate) keep_zero: bool,
}

/// The targets of a model.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) classes: Option<&'a Classes>,
    pub(crate) offsets: &'a [f64],
}

/// Makes targets of the columns `columns` of `table`, and of the weight behind them, if there is one.
///
/// # Errors
/// If a target is missing, not finite, the same in every row, or not what `how` asks for; or a weight is missing or negative.
pub(crate) fn targets(table: &Table, columns: Range<usize>, how: How<'_>) -> Result<Targets> {
    let weight = (columns.end < table.names.len()).then_some(columns.end);
    let weights = weight.map(|column| weights(table, column)).transpose()?;
    for column in columns.clone() {
        if let Some((place, n_missing)) = table.missing(column) {
            let rows = if table.n_rows == 1 { "row" } else { "rows" };
            return Err(Error::at(
                place,
                format!(
                    "the target is missing ({n_missing} in {} {rows})",
                    table.n_rows
                ),
            )
            .or(Remedy::new(
                "drop_missing_targets",
                "",
                "leaves such rows out",
            )));
        }
    }
    let of_classes = columns.clone().find(|column| is_of_classes(table, *column));
    let is_known = how.known.is_some_and(|known| known.classes.is_some());
    let wants_numbers = how.known.is_some_and(|known| known.classes.is_none());
    if wants_numbers || (of_classes.is_none() && !how.as_classes && !is_known) {
        return of_numbers(table, columns, weights.as_deref(), how);
    }
    if columns.len() > 1 {
        let name = &table.names[of_classes.unwrap_or(columns.start)];
        return Err(Error::at(
            table.place().column(name),
            "holds classes, and then it is the only target",
        )
        .or(Remedy::new("targets", name.as_str(), "takes it alone")));
    }
    of_class_column(table, columns.start, weights, how)
}

/// Whether a column is of texts that are not all numbers, or of booleans.
fn is_of_classes(table: &Table, column: usize) -> bool {
    let mut types = table.column(column).map(|cells| cells.data_type());
    types.any(|data_type| *data_type == DataType::Boolean || is_text(data_type))
        && !(are_plain_texts(table, column))
}

/// Whether a column of texts holds numbers alone, and not codes: digits of which some begin with a 0 that a number would not have.
fn are_plain_texts(table: &Table, column: usize) -> bool {
    let are_texts = table.column(column).all(|cells| is_text(cells.data_type()));
    let Some(texts) = are_texts.then(|| table.texts(column).ok()).flatten() else {
        return false;
    };
    let all = || texts.iter().flatten().flatten();
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let has_zero = |text: &str| text.len() > 1 && text.starts_with('0');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    all().all(is_number) && !(all().all(is_digits) && all().any(has_zero))
}

/// The weights, none of them negative, and one above 0.
fn weights(table: &Table, column: usize) -> Result<Vec<f64>> {
    let name = &table.names[column];
    if let Some((place, _)) = table.missing(column) {
        return Err(Error::at(
            place,
            "the weight is missing, and a weight is never made up: remove the row, or fill it",
        ));
    }
    let weights: Vec<f64> = table.numbers(column)?.iter().flat_map(present).collect();
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
    match weights.iter().any(|weight| *weight > 0.0) {
        true => Ok(weights),
        false => Err(Error::at(
            table.place().column(name),
            "holds no weight above 0; at least one is needed",
        )),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
fn rounded(number: f64) -> f32 {
    number as f32
}

fn of_numbers(
    table: &Table,
    columns: Range<usize>,
    weights: Option<&[f64]>,
    how: How<'_>,
) -> Result<Targets> {
    let n_targets = columns.len();
    let width = n_targets + usize::from(weights.is_some());
    let mut targets = Targets {
        values: vec![0.0; table.n_rows * width],
        names: table.names[columns.clone()].to_vec(),
        offsets: Vec::with_capacity(n_targets),
        classes: None,
        is_weighted: weights.is_some(),
        notices: Vec::new(),
    };
    for (at, column) in columns.enumerate() {
        let cells = numbers(table, column)?;
        if let Some(row) = first_infinite(&cells) {
            return Err(Error::at(
                table.cell(row, column),
                "the target is not finite; every target has to be",
            ));
        }
        let all = || cells.iter().flat_map(present);
        let offset = match how.known {
            Some(known) => known.offsets.get(at).copied().unwrap_or(0.0),
            None => {
                refuse_constant(table, column, all())?;
                let rounding = Rounding::of(all, how.keep_zero);
                targets
                    .notices
                    .extend(rounding.notice(&table.names[column]));
                rounding.offset
            }
        };
        targets.offsets.push(offset);
        for (row, number) in all().enumerate() {
            let value = rounded(number - offset);
            if !value.is_finite() {
                return Err(Error::at(table.cell(row, column), beyond_f32(number)));
            }
            targets.values[row * width + at] = value;
        }
    }
    for (row, weight) in weights.unwrap_or_default().iter().enumerate() {
        targets.values[row * width + n_targets] = rounded(*weight);
    }
    Ok(targets)
}

/// The numbers of a column, which may be written as texts.
fn numbers(table: &Table, column: usize) -> Result<Vec<Float64Array>> {
    if !are_plain_texts(table, column) {
        return table.numbers(column);
    }
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    let cells = table.texts(column)?;
    Ok(cells
        .iter()
        .map(|cells| cells.iter().map(number).collect())
        .collect())
}

/// Refuses a target that is the same in every row: a network would learn nothing but that number.
fn refuse_constant(
    table: &Table,
    column: usize,
    mut numbers: impl Iterator<Item = f64>,
) -> Result<()> {
    let Some(first) = numbers.next() else {
        return Ok(());
    };
    if table.n_rows == 1 || numbers.any(|number| (number - first).abs() > 0.0) {
        return Ok(());
    }
    let name = &table.names[column];
    let others = table.names[..column].iter().filter(|other| *other != name);
    Err(constant(&table.source, name, first, others))
}

/// What is said of a target that is the same in every row, beside the columns `others`.
pub(crate) fn constant<'a>(
    source: &str,
    name: &str,
    value: f64,
    others: impl Iterator<Item = &'a String>,
) -> Error {
    let place = Place {
        source: source.to_owned(),
        ..Place::default()
    };
    let reason = format!(
        "the target is {value} in every row, so there is nothing to learn; other columns are {}",
        listed(others)
    );
    Error::at(place.column(name), reason).or(Remedy::new("targets", "COLUMN", "names another one"))
}

fn of_class_column(
    table: &Table,
    column: usize,
    weights: Option<Vec<f64>>,
    how: How<'_>,
) -> Result<Targets> {
    let known = how.known.and_then(|known| known.classes);
    let texts = table.texts(column)?;
    let classes = match known {
        Some(known) => known.clone(),
        None => {
            let counts = counted(&texts, MAX_TEXTS);
            if !how.as_classes {
                refuse_doubtful(table, column, counts.keys().map(String::as_str))?;
            }
            Classes {
                column: table.names[column].clone(),
                names: ordered(counts.into_keys().collect()),
            }
        }
    };
    check_number(table, column, &classes.names)?;
    let places: HashMap<&str, usize> = classes.names.iter().map(String::as_str).zip(0..).collect();
    let mut of_rows = Vec::with_capacity(table.n_rows);
    for text in texts.iter().flatten().flatten() {
        let class = place(&places, text).ok_or_else(|| {
            let reason = format!(
                "`{}` is not known to the model, which knows {}",
                shown(text),
                listed(&classes.names)
            );
            Error::at(table.cell(of_rows.len(), column), reason)
        })?;
        of_rows.push(class);
    }
    let class_weights = how
        .class_weight
        .map(|weights| class_weights(table, weights, &classes, &of_rows))
        .transpose()?;
    let weights = match (weights, class_weights) {
        (weights, None) => weights,
        (weights, Some(of_classes)) => {
            let of_row = |(row, class): (usize, &usize)| {
                of_classes[*class] * weights.as_ref().map_or(1.0, |weights| weights[row])
            };
            Some(of_rows.iter().enumerate().map(of_row).collect())
        }
    };
    if let Some(weights) = &weights {
        check_products(table, column, weights)?;
    }
    Ok(written(classes, &of_rows, weights.as_deref()))
}

/// The targets 0 and 1 of the classes of all rows.
fn written(classes: Classes, of_rows: &[usize], weights: Option<&[f64]>) -> Targets {
    let n_targets = classes.n_outputs();
    let width = n_targets + usize::from(weights.is_some());
    let mut values = vec![0.0; of_rows.len() * width];
    for (row, (class, to)) in of_rows
        .iter()
        .zip(values.chunks_exact_mut(width))
        .enumerate()
    {
        match n_targets {
            1 => to[0] = f32::from(u8::from(*class == 1)),
            _ => to[*class] = 1.0,
        }
        if let Some(weights) = weights {
            to[n_targets] = rounded(weights[row]);
        }
    }
    Targets {
        values,
        names: classes.output_names(),
        offsets: vec![0.0; n_targets],
        is_weighted: weights.is_some(),
        classes: Some(classes),
        notices: Vec::new(),
    }
}

/// Numbers in their order, texts in theirs.
fn ordered(mut names: Vec<String>) -> Vec<String> {
    let number = |name: &String| canonical(name).and_then(|name| name.parse::<f64>().ok());
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by(|a, b| {
            let by_number = number(a)
                .unwrap_or(0.0)
                .total_cmp(&number(b).unwrap_or(0.0));
            by_number.then_with(|| (a.len(), a).cmp(&(b.len(), b)))
        });
    }
    names
}

/// Refuses one class, and too many.
fn check_number(table: &Table, column: usize, names: &[String]) -> Result<()> {
    let reason = match names {
        [only] => format!(
            "has one class alone, `{}`; at least two are needed",
            shown(only)
        ),
        names if names.len() > MAX_TEXTS => {
            format!("has more than {MAX_TEXTS} classes; name another target")
        }
        _ => return Ok(()),
    };
    Err(Error::at(
        table.place().column(&table.names[column]),
        reason,
    ))
}

/// Refuses texts that are hardly the names of classes: numbers written in a way that hides them, numbers among texts, and nearly as many texts
/// as rows.
fn refuse_doubtful<'t>(
    table: &Table,
    column: usize,
    texts: impl Iterator<Item = &'t str> + Clone,
) -> Result<()> {
    let classes = Remedy::new("classes", "", "takes every text as a class");
    let is_number = |text: &&str| text.parse::<f64>().is_ok_and(f64::is_finite);
    let at = |text: &str| row_of(table, column, text);
    let (numbers, others): (Vec<&str>, Vec<&str>) = texts.clone().partition(is_number);
    let Some(other) = others.first() else {
        let text = numbers
            .iter()
            .find(|text| canonical(text).is_none())
            .unwrap_or(&"0");
        return Err(Error::at(
            at(text),
            format!(
                "`{}` is a number with a leading zero, as codes have",
                shown(text)
            ),
        )
        .or(classes));
    };
    if let Some(how) = adornments(other)
        && others.iter().all(|text| adornments(text).is_some())
    {
        let decimal = others.iter().all(|text| {
            text.matches(',').count() <= 1 && text.replace(',', ".").parse::<f64>().is_ok()
        });
        let error = Error::at(
            at(other),
            format!(
                "`{}` is a number written with {how}; write plain numbers, as 1234.5",
                shown(other)
            ),
        );
        let error = match decimal {
            true => error.or(Remedy::new("decimal", ",", "reads a decimal comma")),
            false => error,
        };
        return Err(error.or(classes));
    }
    if let Some(number) = numbers.first() {
        let place = at(number);
        let at_number = place.line.map_or_else(
            || format!("row {}", place.row.unwrap_or(0)),
            |line| format!("line {line}"),
        );
        let reason = format!(
            "`{}` is not a number, and other cells are, as `{}` in {at_number}; mend it",
            shown(other),
            shown(number)
        );
        return Err(Error::at(at(other), reason)
            .or(Remedy::new("missing", *other, "takes it for a missing cell"))
            .or(classes));
    }
    let n_texts = texts.count();
    if n_texts > MANY_CLASSES && n_texts * ROWS_OF_A_CLASS > table.n_rows {
        let reason = format!(
            "the target holds {n_texts} different texts in {} rows, which are hardly classes",
            table.n_rows
        );
        return Err(
            Error::at(table.place().column(&table.names[column]), reason)
                .or(Remedy::new("targets", "COLUMN", "names another target"))
                .or(classes),
        );
    }
    Ok(())
}

/// The first row of a text.
fn row_of(table: &Table, column: usize, text: &str) -> Place {
    let texts = table.texts(column).unwrap_or_default();
    let mut cells = texts.iter().flat_map(|cells| cells.iter());
    let row = cells.position(|cell| cell == Some(text));
    table.cell(row.unwrap_or(0), column)
}

/// The weight of each class.
#[expect(clippy::cast_precision_loss, reason = "counts of rows are below 2⁵³")]
fn class_weights(
    table: &Table,
    weights: &ClassWeight,
    classes: &Classes,
    of_rows: &[usize],
) -> Result<Vec<f64>> {
    match weights {
        ClassWeight::Balanced => {
            let mut counts = vec![0_usize; classes.names.len()];
            of_rows.iter().for_each(|class| counts[*class] += 1);
            let n_classes = counts.len() as f64;
            Ok(counts
                .iter()
                .map(|count| of_rows.len() as f64 / (n_classes * *count as f64))
                .collect())
        }
        ClassWeight::Given(given) => {
            let mut weights = vec![1.0; classes.names.len()];
            for (name, weight) in given {
                let class = classes.names.iter().position(|other| other == name);
                let class = class.ok_or_else(|| Error::Setting {
                    setting: "class_weight",
                    reason: format!(
                        "{} has no class `{}` in column `{}`; its classes are {}",
                        table.source,
                        shown(name),
                        shown(&classes.column),
                        listed(&classes.names)
                    ),
                    remedies: Vec::new(),
                })?;
                weights[class] = *weight;
            }
            Ok(weights)
        }
    }
}

/// Refuses weights that leave f32, or are all 0.
fn check_products(table: &Table, column: usize, weights: &[f64]) -> Result<()> {
    if let Some(row) = weights
        .iter()
        .position(|weight| !rounded(*weight).is_finite())
    {
        let reason =
            "the weight of the class times that of the sample leaves f32; take smaller ones";
        return Err(Error::at(table.cell(row, column), reason));
    }
    match weights.iter().any(|weight| rounded(*weight) > 0.0) {
        true => Ok(()),
        false => Err(Error::at(
            table.place(),
            "no sample has a weight above 0; the weights of the classes have to leave one",
        )),
    }
}
