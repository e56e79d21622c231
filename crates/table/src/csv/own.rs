//! What the cells of a column are, if nothing says it: numbers, truths, or texts.

use super::cell::Dialect;
use crate::reader::Batch;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use rayon::prelude::*;
use std::sync::Arc;

/// What each cell of a column can be taken for without changing it.
#[derive(Clone, Copy)]
struct Fits {
    int64: bool,
    uint64: bool,
    float64: bool,
    boolean: bool,
}

impl Fits {
    const ALL: Self = Self {
        int64: true,
        uint64: true,
        float64: true,
        boolean: true,
    };

    fn both(self, other: Self) -> Self {
        Self {
            int64: self.int64 && other.int64,
            uint64: self.uint64 && other.uint64,
            float64: self.float64 && other.float64,
            boolean: self.boolean && other.boolean,
        }
    }

    /// What these cells and one more can be taken for; what they cannot is not tried.
    fn with(self, text: &str, dialect: &Dialect) -> Self {
        let is_integer = is_integer(text);
        let is_float = |value: f64| match is_integer {
            // An integer that loses digits stays what it is.
            true => value.to_string() == text,
            false => is_decimal(&dialect.pointed(text)),
        };
        Self {
            int64: self.int64 && is_integer && text != "-0" && text.parse::<i64>().is_ok(),
            uint64: self.uint64 && is_integer && text.parse::<u64>().is_ok(),
            float64: self.float64 && dialect.number(text).is_some_and(is_float),
            boolean: self.boolean && truth(text).is_some(),
        }
    }
}

/// Makes the texts of a column of all batches what they are.
pub(super) fn take(batches: &mut [Batch], slot: usize, dialect: &Dialect) {
    let fits = |batch: &Batch| {
        let texts = batch.columns[slot].as_string::<i32>().iter().flatten();
        texts.fold(Fits::ALL, |fits, text| fits.with(text, dialect))
    };
    let fits = batches
        .par_iter()
        .map(fits)
        .reduce(|| Fits::ALL, Fits::both);
    batches.par_iter_mut().for_each(|batch| {
        let column = &mut batch.columns[slot];
        if let Some(typed) = typed(column.as_string(), fits, dialect) {
            *column = typed;
        }
    });
}

fn typed(texts: &StringArray, fits: Fits, dialect: &Dialect) -> Option<ArrayRef> {
    let cells = texts.iter();
    Some(match fits {
        // A column without any cell, too.
        Fits {
            float64: true,
            int64,
            uint64,
            boolean,
        } if boolean || !int64 && !uint64 => Arc::new(
            cells
                .map(|text| dialect.number(text?))
                .collect::<Float64Array>(),
        ),
        Fits { int64: true, .. } => {
            Arc::new(cells.map(|text| text?.parse().ok()).collect::<Int64Array>())
        }
        Fits { uint64: true, .. } => Arc::new(
            cells
                .map(|text| text?.parse().ok())
                .collect::<UInt64Array>(),
        ),
        Fits { boolean: true, .. } => {
            Arc::new(cells.map(|text| truth(text?)).collect::<BooleanArray>())
        }
        _ => return None,
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => None,
    }
}

/// Whether it is an integer as a program writes it: without zeros before it, nor a plus.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits == "0" || !digits.starts_with('0') && is_digits(digits) && !digits.is_empty()
}

/// Whether a number is written plainly: `.5` and `1e+05` are, `01.5` and `+1` are not.
fn is_decimal(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let whole = mantissa.split('.').next().unwrap_or_default();
    matches!(whole, "" | "-") || is_integer(whole)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
