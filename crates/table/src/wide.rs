//! Integers past 2^53, not all of which are float64: near each other, they are told apart by their differences from one
//! float64.

use crate::values::{Refused, numbers};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;

/// From here on every float64 is an integer.
const WHOLE: f64 = 4_503_599_627_370_496.0;

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

/// Whether an integer is not a float64.
#[expect(clippy::cast_precision_loss, reason = "which is what is looked for")]
#[expect(clippy::cast_possible_truncation, reason = "a float64 of 64 bits fits")]
pub(crate) fn has_wide(column: &ArrayRef) -> bool {
    let is_wide = |number: i128| number.unsigned_abs() > 1 << 53 && number as f64 as i128 != number;
    integers(column).flatten().any(is_wide)
}

/// The float64 at the mean of integers that are nearer to each other than to 0, if one of them is not a float64; a
/// row that weighs nothing is none. Otherwise 0.
#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
pub(crate) fn base<'a>(
    columns: impl Iterator<Item = &'a ArrayRef> + Clone,
    weights: Option<&[f64]>,
) -> f64 {
    if !columns.clone().any(has_wide) {
        return 0.0;
    }
    let (mut n_present, mut sum, mut least, mut most) = (0, 0, i128::MAX, i128::MIN);
    for (row, number) in columns.flat_map(integers).enumerate() {
        if let Some(number) = number
            && weights.is_none_or(|weights| weights[row] > 0.0)
        {
            n_present += 1;
            sum += number;
            (least, most) = (least.min(number), most.max(number));
        }
    }
    let mean = if n_present > 0 { sum / n_present } else { 0 };
    let is_far = mean as f64 >= WHOLE || mean as f64 <= -WHOLE;
    match is_far && most - least < mean.abs() {
        true => mean as f64,
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
