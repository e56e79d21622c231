//! What CSV does not keep of a table.

use crate::error::{Unplaced, listed, shown};
use crate::options::MISSING;
use crate::values::numbers;
use crate::write::text::first_beyond_texts;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use std::collections::HashMap;
use std::iter;

/// What CSV does not keep of a table: a sentence each.
///
/// # Errors
/// If it has a time that no text can have, or two names that become one.
pub(super) fn not_kept(batches: &[RecordBatch]) -> Unplaced<Vec<String>> {
    let schema = batches[0].schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let mut notices = Vec::from_iter(not_kept_of_names(&names.collect::<Vec<_>>())?);
    for (column, field) in schema.fields().iter().enumerate() {
        let mut cells = batches.iter().map(|batch| batch.column(column));
        let mut first_row = 0;
        for cells in cells.clone() {
            if let Some(row) = first_beyond_texts(cells) {
                return Err(format!(
                    "row {}, column `{}`: the time is beyond the years that a text can have; convert to .parquet or .feather",
                    first_row + row,
                    shown(field.name())
                ));
            }
            first_row += cells.len();
        }
        let texts = cells
            .clone()
            .filter_map(|cells| cells.as_string_opt::<i64>());
        let texts = texts.flatten().flatten();
        notices.extend(not_kept_by_csv(field.name(), texts.clone()));
        if schema.fields().len() == 1 {
            let name = iter::once(field.name().as_str());
            notices.extend(not_kept_of_one(name.chain(texts)));
        }
        if field.data_type().is_floating() && cells.any(is_infinite) {
            notices.push(format!(
                "column `{}` holds infinite numbers, which are texts when .csv is read",
                shown(field.name())
            ));
        }
    }
    Ok(notices)
}

/// What CSV does not keep of the names of columns.
fn not_kept_of_names(names: &[&str]) -> Unplaced<Option<String>> {
    let mut same = HashMap::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if let Some(other) = same.insert(name.trim_ascii(), name) {
            return Err(format!(
                "the columns `{}` and `{}` have one name in .csv, which keeps no white space at its ends; rename one, or convert to .parquet or .feather",
                shown(other),
                shown(name)
            ));
        }
    }
    let changed = names.iter().filter(|name| name.trim_ascii() != **name);
    let changed: Vec<_> = changed.collect();
    Ok((!changed.is_empty()).then(|| {
        let names = listed(changed);
        format!(".csv does not keep white space at the ends of the names {names}")
    }))
}

fn is_infinite(cells: &ArrayRef) -> bool {
    numbers(cells).is_ok_and(|numbers| numbers.iter().flatten().any(f64::is_infinite))
}

/// What CSV does not keep of the texts of a column: a sentence each.
fn not_kept_by_csv<'t>(name: &'t str, texts: impl Iterator<Item = &'t str> + Clone) -> Vec<String> {
    let column = shown(name);
    let mut notices = Vec::new();
    let is_refused = |char: char| char.is_control() && !matches!(char, '\t' | '\n' | '\r');
    let mut all = iter::once(name).chain(texts.clone());
    if let Some(text) = all.find(|text| text.contains(is_refused)) {
        notices.push(format!(
            "column `{column}` has the control character in `{}`, which is refused when .csv is read",
            shown(text)
        ));
    }
    if let Some(text) = texts
        .clone()
        .find(|text| text.trim() != *text || text.is_empty())
    {
        notices.push(format!(
            "column `{column}` holds `{}`: .csv does not keep white space at the ends of a text, nor tell an empty text from an empty cell",
            shown(text)
        ));
    }
    if let Some(text) = texts.clone().find(|text| MISSING.contains(text)) {
        notices.push(format!(
            "column `{column}` holds the text `{text}`, which stands for an empty cell when .csv is read"
        ));
    }
    if texts.clone().next().is_some() && texts.clone().all(|text| text.parse::<f64>().is_ok()) {
        notices.push(format!(
            "column `{column}` is of texts that are all numbers: .csv does not tell one from the other"
        ));
    }
    let is_truth = |text: &str| matches!(text, "True" | "False");
    if texts.clone().next().is_some() && texts.clone().all(is_truth) {
        notices.push(format!(
            "column `{column}` is of texts that are all `True` or `False`: .csv does not tell them from booleans"
        ));
    }
    notices
}

/// What CSV does not keep of a table of one column.
fn not_kept_of_one<'t>(mut texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let text = texts.find(|text| text.contains([';', '|', ' ', '\t']))?;
    Some(format!(
        "`{}` has a sign that may be taken for a separator when .csv is read: name the comma as the separator",
        shown(text)
    ))
}
