//! Columns as what all of their cells are.

use super::cell::Dialect;
use super::tally::{Change, Tally, loses_digits};
use crate::reader::Batch;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, LargeStringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use rayon::prelude::*;
use std::sync::Arc;

/// Whether a text is of a type.
type Fits<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// Makes the texts of the column `column` of the file, the one at `slot` of all batches, what they are: the first of some
/// types that changes none of them.
pub(super) fn infer(
    batches: &mut [Batch],
    (slot, column): (usize, usize),
    dialect: &Dialect,
    tally: &mut Tally,
) {
    let is_missing = |text: &str| dialect.missing_number(text).is_some();
    let fits: [(DataType, Fits<'_>); 4] = [
        (DataType::Int64, &|text| {
            is_integer(text) && text != "-0" && text.parse::<i64>().is_ok() || is_missing(text)
        }),
        (DataType::UInt64, &|text| {
            is_integer(text) && text.parse::<u64>().is_ok() || is_missing(text)
        }),
        (DataType::Float64, &|text| {
            is_float(text, dialect) || is_missing(text)
        }),
        // In other letters, these would not be what is written.
        (DataType::Boolean, &|text| matches!(text, "True" | "False")),
    ];
    let fitting = fits.into_iter().find(|(_, fits)| {
        let parts = batches.par_iter().map(|batch| &batch.columns[slot]);
        parts.all(|texts| texts.as_string::<i64>().iter().flatten().all(fits))
    });
    let Some((data_type, _)) = fitting else {
        return;
    };
    tally.forget_trimmed(column);
    if dialect.has_numbers && data_type != DataType::Boolean {
        for batch in &mut *batches {
            let texts = batch.columns[slot].as_string::<i64>().iter();
            let there = texts.map(|text| {
                let word = dialect.missing_number(text?);
                word.map_or(text, |word| {
                    tally.count(Change::Word(word), column);
                    None
                })
            });
            batch.columns[slot] = Arc::new(there.collect::<LargeStringArray>());
        }
    }
    let has_lost_digits = batches.par_iter_mut().map(|batch| {
        let texts = &mut batch.columns[slot];
        let mut has_lost_digits = false;
        *texts = match data_type {
            DataType::Float64 => {
                let cells = texts.as_string::<i64>().iter().map(|text| {
                    let (text, value) = (text?, dialect.number(text?)?);
                    has_lost_digits |= loses_digits(text, value);
                    Some(value)
                });
                Arc::new(cells.collect::<Float64Array>()) as ArrayRef
            }
            _ => cast(texts, &data_type).expect("every cell was tried"),
        };
        has_lost_digits
    });
    if has_lost_digits.reduce(|| false, |one, other| one | other) {
        tally.count(Change::Rounded, column);
    }
}

/// Whether it is an integer as a program writes it: without zeros before it, nor a plus.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits == "0" || !digits.starts_with('0') && !digits.is_empty();
    is_plain && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a number as a program writes it: `.5` and `1e+05` are, `01.5` and `+1` are not.
fn is_float(text: &str, dialect: &Dialect) -> bool {
    let Some(value) = dialect.number(text) else {
        return false;
    };
    let text = dialect.pointed(text);
    match text.split(['.', 'e', 'E']).next() {
        // An integer that loses digits stays what it is.
        Some(whole) if whole == text => is_integer(&text) && value.to_string() == text,
        whole => whole.is_none_or(|whole| matches!(whole, "" | "-") || is_integer(whole)),
    }
}
