//! Integers past 2^53, not all of which are float64: near each other, they are told apart by their differences from one
//! float64.

use crate::error::shown;
use crate::values::{Refused, numbers};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;

/// 2^52: from here on every float64 is an integer.
pub(crate) const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The cells of an array of integers of 64 bits; none of any other array.
fn integers(column: &ArrayRef) -> impl Iterator<Item = Option<i128>> + '_ {
    let signed = column.as_primitive_opt::<Int64Type>().into_iter().flatten();
    let unsigned = column
        .as_primitive_opt::<UInt64Type>()
        .into_iter()
        .flatten();
    let signed = signed.map(|number| number.map(i128::from));
    signed.chain(unsigned.map(|number| number.map(i128::from)))
}

#[expect(clippy::cast_precision_loss, reason = "which is what is looked for")]
#[expect(clippy::cast_possible_truncation, reason = "a float64 of 64 bits fits")]
fn is_wide(number: i128) -> bool {
    number.unsigned_abs() > 1 << 53 && number as f64 as i128 != number
}

/// Whether [`differences`] from `offset` lose the digits of an integer of the column that is no float64.
pub(crate) fn loses_digits(column: &ArrayRef, offset: f64) -> bool {
    offset.abs() < WHOLE && integers(column).flatten().any(is_wide)
}

/// What is to be said of a column of which [`loses_digits`] holds.
pub(crate) fn lost_digits(name: &str) -> String {
    let name = shown(name);
    format!("column `{name}` has integers past 2^53, which become the nearest float64")
}

/// The float64 at the mean of integers that are nearer to each other than to 0, if one of them is not a float64.
/// Otherwise 0. A row that weighs nothing is none.
#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
pub(crate) fn base<'a>(
    columns: impl Iterator<Item = &'a ArrayRef>,
    weights: Option<&[f64]>,
) -> f64 {
    let (mut n_present, mut sum, mut any_is_wide) = (0, 0, false);
    let (mut least, mut most) = (i128::MAX, i128::MIN);
    for (row, number) in columns.flat_map(integers).enumerate() {
        if let Some(number) = number
            && weights.is_none_or(|weights| weights[row] > 0.0)
        {
            any_is_wide |= is_wide(number);
            n_present += 1;
            sum += number;
            (least, most) = (least.min(number), most.max(number));
        }
    }
    match any_is_wide && most - least < (sum / n_present).abs() {
        true => (sum / n_present) as f64,
        false => 0.0,
    }
}

/// The differences of the cells from `offset`: of integers the exact ones, if float64 holds them.
///
/// # Errors
/// Those of [`numbers`].
#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "an offset of integers of 64 bits"
)]
pub(crate) fn differences(column: &ArrayRef, offset: f64) -> Result<Float64Array, Refused> {
    let is_integer = matches!(column.data_type(), DataType::Int64 | DataType::UInt64);
    if is_integer && offset.abs() >= WHOLE {
        let whole = offset as i128;
        let cells = integers(column).map(|number| Some((number? - whole) as f64));
        return Ok(cells.collect());
    }
    let numbers = numbers(column)?;
    Ok(match offset.abs() > 0.0 {
        true => numbers.unary(|number| number - offset),
        false => numbers,
    })
}
