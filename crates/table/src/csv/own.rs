//! What the cells of a column are, if nothing says it: numbers, truths, or texts.

use super::cell::Dialect;
use crate::reader::Batch;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use rayon::prelude::*;
use std::sync::Arc;

/// Makes the texts of a column of all batches what they are: the first of some types that changes none of them.
pub(super) fn take(batches: &mut [Batch], slot: usize, dialect: &Dialect) {
    let texts = |batch: &Batch| batch.columns[slot].as_string::<i32>().clone();
    let all = |fits: &(dyn Fn(&str) -> bool + Sync)| {
        let parts = batches.par_iter();
        parts.all(|batch| texts(batch).iter().flatten().all(fits))
    };
    let typed: &(dyn Fn(&StringArray) -> ArrayRef + Sync) =
        if all(&|text| is_integer(text) && text != "-0" && text.parse::<i64>().is_ok()) {
            &|texts| {
                let cells = texts.iter().map(|text| text?.parse().ok());
                Arc::new(cells.collect::<Int64Array>())
            }
        } else if all(&|text| is_integer(text) && text.parse::<u64>().is_ok()) {
            &|texts| {
                let cells = texts.iter().map(|text| text?.parse().ok());
                Arc::new(cells.collect::<UInt64Array>())
            }
        } else if all(&|text| is_float(text, dialect)) {
            &|texts| {
                let cells = texts.iter().map(|text| dialect.number(text?));
                Arc::new(cells.collect::<Float64Array>())
            }
        } else if all(&|text| truth(text).is_some()) {
            &|texts| {
                Arc::new(
                    texts
                        .iter()
                        .map(|text| truth(text?))
                        .collect::<BooleanArray>(),
                )
            }
        } else {
            return;
        };
    batches
        .par_iter_mut()
        .for_each(|batch| batch.columns[slot] = typed(&texts(batch)));
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
