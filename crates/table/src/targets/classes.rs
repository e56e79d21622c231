//! A column as classes, each of which is a target, or one target for two.

use super::{TargetOptions, Targets};
use crate::encoder::{index_of, not_known};
use crate::error::{Error, Place, Remedy, Result, shown};
use crate::features::{MAX_TEXTS, alike, counted};
use crate::numerals::{self, canonical, is_nan, not_finite, pointed};
use crate::table::Table;
use neuralnet::Classes;
use std::collections::HashMap;

/// More classes than this, and more than one in [`ROWS_OF_A_CLASS`] rows, are hardly classes.
const MANY_CLASSES: usize = 20;
const ROWS_OF_A_CLASS: usize = 10;

/// Makes targets of the classes in `column`.
///
/// # Errors
/// If there are fewer than two classes or too many, texts that are hardly the names of classes, or a class that the model does not know.
pub(super) fn of_classes(
    table: &Table,
    column: usize,
    options: TargetOptions<'_>,
) -> Result<Targets> {
    let known = options.known.and_then(|known| known.classes);
    let texts = table.texts(column)?;
    let classes = match known {
        Some(known) => known.clone(),
        None => {
            let counts = counted(&texts, None, MAX_TEXTS);
            if !options.as_classes {
                refuse_doubtful(table, column, counts.keys().map(String::as_str))?;
            }
            Classes {
                column: table.names[column].clone(),
                names: ordered(counts.into_keys().collect()),
            }
        }
    };
    check_number(table, column, &classes.names)?;
    let indices: HashMap<&str, usize> = classes.names.iter().map(String::as_str).zip(0..).collect();
    let mut of_rows = Vec::with_capacity(table.n_rows);
    for text in texts.iter().flatten().flatten() {
        let class = index_of(&indices, text).ok_or_else(|| {
            let reason = not_known(text, classes.names.iter());
            let reason = format!("{reason}; mend it, or leave such rows out");
            Error::at(table.cell(of_rows.len(), column), reason)
        })?;
        of_rows.push(class);
    }
    let mut made = written(classes, &of_rows);
    if let Some(Classes { column, names }) = made.classes.as_ref().filter(|_| known.is_none()) {
        made.notices.extend(alike("classes", column, Some(names)));
        if !options.as_classes && names.iter().all(|name| canonical(name).is_some()) {
            let column = shown(column);
            let notice = format!("column `{column}` is of texts, so its numbers are classes");
            made.notices.push(notice);
        }
    }
    Ok(made)
}

/// The targets 0 and 1 of the classes of all rows.
fn written(classes: Classes, of_rows: &[usize]) -> Targets {
    let n_targets = classes.n_outputs();
    let mut values = vec![0.0; of_rows.len() * n_targets];
    for (class, to) in of_rows.iter().zip(values.chunks_exact_mut(n_targets)) {
        match n_targets {
            1 => to[0] = f32::from(u8::from(*class == 1)),
            _ => to[*class] = 1.0,
        }
    }
    Targets {
        values,
        names: classes.output_names(),
        offsets: vec![0.0; n_targets],
        times: Vec::new(),
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

/// Refuses texts that are hardly the names of classes: numbers written in a way that hides them, numbers among texts,
/// and nearly as many texts as rows.
fn refuse_doubtful<'t>(
    table: &Table,
    column: usize,
    texts: impl Iterator<Item = &'t str> + Clone,
) -> Result<()> {
    let classes = Remedy::new("classes", "true", "takes every text as a class");
    let is_number = |text: &&str| table.number(text).is_some();
    let at = |text: &str| row_of(table, column, text);
    let (numbers, others): (Vec<&str>, Vec<&str>) = texts.clone().partition(is_number);
    // Lines have no other numbers here.
    let is_code = |text: &&&str| text.starts_with('0') && canonical(text).is_none();
    if let Some(text) = numbers.iter().find(is_code).filter(|_| others.is_empty()) {
        let reason = format!(
            "`{}` is a number with a leading zero, as codes have",
            shown(text)
        );
        return Err(Error::at(at(text), reason).or(classes));
    }
    let Some(other) = others.first().or(numbers.first()) else {
        return Ok(());
    };
    if let Some(disguise) = numerals::disguise(other, table.has_comma)
        && others
            .iter()
            .all(|text| numerals::disguise(text, table.has_comma).is_some())
    {
        let decimal = !table.has_comma
            && at(other).line.is_some()
            && !others.iter().all(|text| numerals::are_thousands(text))
            && others.iter().all(|text| {
                text.matches(',').count() <= 1 && text.replace(',', ".").parse::<f64>().is_ok()
            });
        let error = Error::at(at(other), format!("`{}` {disguise}", shown(other)));
        let error = match decimal {
            true => error.or(Remedy::new("decimal", ",", "reads a decimal comma")),
            false => error,
        };
        return Err(error.or(classes));
    }
    if let Some(number) = numbers.first().filter(|_| !others.is_empty()) {
        let place = at(number);
        let at_number = place.line.map_or_else(
            || format!("row {}", place.row.unwrap_or(0)),
            |line| format!("line {line}"),
        );
        let infinite = not_finite(&pointed(other, table.has_comma));
        let reason = infinite.map_or_else(
            || {
                let number = shown(number);
                format!(
                    "is not a number, and other cells are, as `{number}` in {at_number}; mend it"
                )
            },
            str::to_owned,
        );
        // Only lines of text have texts that stand for a missing cell.
        let may_be_missing = infinite.is_none() || is_nan(other);
        let missing = Remedy::missing(other).filter(|_| may_be_missing && place.line.is_some());
        let error = Error::at(at(other), format!("`{}` {reason}", shown(other)));
        return Err(missing.into_iter().fold(error, Error::or).or(classes));
    }
    let n_texts = texts.count();
    let are_many = n_texts > MANY_CLASSES;
    let are_rare = n_texts * ROWS_OF_A_CLASS > table.n_rows;
    let measurement = |text: &str| numerals::measurement(text, table.has_comma);
    if (are_many || are_rare)
        && let Some(reason) = measurement(other)
        && others.iter().all(|text| measurement(text).is_some())
    {
        let reason = format!("`{}` {reason}", shown(other));
        return Err(Error::at(at(other), reason).or(classes));
    }
    if are_many && are_rare {
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
