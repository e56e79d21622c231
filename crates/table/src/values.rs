//! The cells of one column as numbers or as texts, whatever their type in the file.

use crate::error::shown;
use crate::numerals::{canonical, disguise};
use crate::time::{time, words};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, LargeStringArray};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType};
use std::sync::Arc;

/// Why a column cannot be taken as asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    /// The row of a text where a number is needed.
    pub(crate) row: Option<usize>,
    /// What is wrong, and what to do.
    pub(crate) reason: String,
    /// Whether the text may be one of a category.
    pub(crate) is_text: bool,
}

impl Refused {
    /// A column of which no cell can be taken.
    fn whole(reason: String) -> Self {
        Self {
            row: None,
            reason,
            is_text: false,
        }
    }
}

/// A column as what it stands for: dictionaries and views unpacked, bytes as texts, half precision as single. Its texts
/// are `LargeUtf8`.
///
/// # Errors
/// If it cannot be: what is wrong, behind the name of the column.
pub(crate) fn plain(column: &ArrayRef) -> Result<ArrayRef, String> {
    // One cell that is not a text is an error, and not a null.
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    match column.data_type() {
        DataType::Dictionary(_, values) => plain(&cast(column, values).map_err(damaged)?),
        DataType::Float16 => cast(column, &DataType::Float32).map_err(damaged),
        DataType::Utf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => {
            cast_with_options(column, &DataType::LargeUtf8, &strict).map_err(|_| {
                "is of bytes that are not texts; make it numbers or texts, or leave it out"
                    .to_owned()
            })
        }
        _ => Ok(Arc::clone(column)),
    }
}

fn damaged(error: ArrowError) -> String {
    format!("cannot be read ({error})")
}

/// The column with a null for each NaN.
pub(crate) fn without_nan(column: &ArrayRef) -> ArrayRef {
    macro_rules! nulls_for_nan {
        ($arrow:ty) => {{
            let numbers = column.as_primitive::<$arrow>();
            // Without an early exit, so that the compiler can vectorise the loop.
            let values = numbers.values().iter();
            if values.fold(false, |any, value| any | value.is_nan()) {
                return Arc::new(
                    numbers.unary_opt::<_, $arrow>(|number| (!number.is_nan()).then_some(number)),
                );
            }
        }};
    }
    match column.data_type() {
        DataType::Float32 => nulls_for_nan!(Float32Type),
        DataType::Float64 => nulls_for_nan!(Float64Type),
        _ => {}
    }
    Arc::clone(column)
}

/// What is said of a column whose numbers are made of something else; `None` for numbers and texts.
pub(crate) fn meaning(data_type: &DataType) -> Option<String> {
    match time(data_type) {
        Some((time, _)) => {
            let [what, unit] = words(time);
            Some(format!("{what}, taken as {unit}"))
        }
        None if data_type.is_decimal() => Some("decimals, taken as the nearest float64".to_owned()),
        None => None,
    }
}

/// The cells as float64: booleans are 0 and 1, times are seconds and dates days, each since the beginning of 1970.
///
/// # Errors
/// If the column is of texts, of which one is named, or of a type that has no numbers.
#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
pub(crate) fn numbers(column: &ArrayRef) -> Result<Float64Array, Refused> {
    let refused =
        |error: ArrowError| Refused::whole(format!("cannot be read as numbers ({error})"));
    match column.data_type() {
        DataType::LargeUtf8 => of_texts(column.as_string()),
        DataType::Float64 => Ok(column.as_primitive().clone()),
        DataType::Float32 => Ok(column.as_primitive::<Float32Type>().unary(f64::from)),
        other => match time(other) {
            Some((_, unit)) => {
                let ticks = cast(column, &DataType::Int64).map_err(refused)?;
                let ticks = ticks.as_primitive::<Int64Type>();
                Ok(ticks.unary(|ticks| ticks as f64 / unit))
            }
            _ if other.is_numeric() || matches!(other, DataType::Boolean | DataType::Null) => {
                let numbers = cast(column, &DataType::Float64).map_err(refused)?;
                Ok(numbers.as_primitive().clone())
            }
            _ => Err(Refused::whole(format!(
                "is of type {other}, and each cell has to be one number or one text; leave it out, or make a column of each of its parts"
            ))),
        },
    }
}

/// No numbers, if there are no texts; otherwise one of these.
fn of_texts(texts: &LargeStringArray) -> Result<Float64Array, Refused> {
    let rows = texts.iter().enumerate();
    let mut all = rows.filter_map(|(row, text)| Some((row, text?)));
    // One that looks like no number tells more than one that does.
    let other = all.clone().find(|(_, text)| canonical(text).is_none());
    let Some((row, text)) = other.or_else(|| all.next()) else {
        return Ok(Float64Array::new_null(texts.len()));
    };
    let disguise = disguise(text, false);
    let is_text = disguise.is_none();
    let reason = match (disguise, canonical(text)) {
        (Some(disguise), _) => disguise,
        (None, Some(_)) => "is a text, and not a number".to_owned(),
        (None, None) => "is not a number".to_owned(),
    };
    Err(Refused {
        row: Some(row),
        reason: format!("`{}` {reason}", shown(text)),
        is_text,
    })
}

/// Calls `use_number` with each number that is not missing, in order.
pub(crate) fn each_present(cells: &[Float64Array], mut use_number: impl FnMut(f64)) {
    for cells in cells {
        match cells.null_count() {
            0 => cells.values().iter().copied().for_each(&mut use_number),
            _ => cells.iter().flatten().for_each(&mut use_number),
        }
    }
}

/// Calls `use_number` with each number that is not missing and the weight of its row, 1 without weights, in order. A
/// row that weighs nothing is none.
pub(crate) fn each_weighted(
    cells: &[Float64Array],
    weights: Option<&[f64]>,
    mut use_number: impl FnMut(f64, f64),
) {
    let Some(weights) = weights else {
        return each_present(cells, |number| use_number(number, 1.0));
    };
    for (number, weight) in cells.iter().flat_map(|cells| cells.iter()).zip(weights) {
        if let Some(number) = number.filter(|_| *weight > 0.0) {
            use_number(number, *weight);
        }
    }
}

/// The cells as texts: numbers in the fewest digits that give them back, booleans as `True` and `False`.
///
/// # Errors
/// If the column is of a type that has no texts.
pub(crate) fn texts(column: &ArrayRef) -> Result<LargeStringArray, Refused> {
    if let Some(truths) = column.as_boolean_opt() {
        let spelled = |truth| if truth { "True" } else { "False" };
        return Ok(truths.iter().map(|truth| truth.map(spelled)).collect());
    }
    match in_utc(column).and_then(|column| cast(&column, &DataType::LargeUtf8)) {
        Ok(texts) => Ok(texts.as_string().clone()),
        Err(error) => Err(Refused::whole(format!("cannot be read as texts ({error})"))),
    }
}

/// The column, its times as those of UTC where they are in a zone that has a name: only differences from UTC are known
/// here, and the moments are the same.
pub(crate) fn in_utc(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Timestamp(unit, Some(zone)) if !zone.starts_with(['+', '-']) => {
            cast(column, &DataType::Timestamp(*unit, Some("+00:00".into())))
        }
        _ => Ok(Arc::clone(column)),
    }
}

#[cfg(test)]
mod tests {
    use super::{meaning, numbers, plain, texts, without_nan};
    use arrow_array::{
        Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int32Array,
        Int64Array, StringArray,
    };
    use arrow_cast::cast;
    use arrow_schema::{DataType, TimeUnit};
    use std::sync::Arc;

    /// A column, and the dictionary of its cells.
    fn both(column: ArrayRef) -> [ArrayRef; 2] {
        let keys = Int32Array::from_iter_values(0..i32::try_from(column.len()).unwrap());
        let packed = DictionaryArray::new(keys, column.clone());
        [column, Arc::new(packed)]
    }

    /// The dictionary of a column, and the column itself, are the same.
    #[test]
    fn every_type_has_numbers_and_texts() {
        let int = |of: &DataType| cast(&Int64Array::from(vec![1500]), of).unwrap();
        let days = cast(&int(&DataType::Int32), &DataType::Date32).unwrap();
        let ms = TimeUnit::Millisecond;
        for (column, number, text) in [
            (
                Arc::new(Int64Array::from(vec![9_007_199_254_740_993])) as ArrayRef,
                9_007_199_254_740_992.0,
                "9007199254740993",
            ),
            (Arc::new(Float64Array::from(vec![0.1])), 0.1, "0.1"),
            (int(&DataType::Float16), 1500.0, "1500.0"),
            (Arc::new(BooleanArray::from(vec![true])), 1.0, "True"),
            (days, 1500.0, "1974-02-09"),
            (
                int(&DataType::Date64),
                1500.0 / 864e5,
                "1970-01-01T00:00:01.500",
            ),
            (
                int(&DataType::Timestamp(ms, Some("Europe/Oslo".into()))),
                1.5,
                "1970-01-01T00:00:01.500Z",
            ),
            (
                int(&DataType::Timestamp(ms, None)),
                1.5,
                "1970-01-01T00:00:01.500",
            ),
            (
                cast(&int(&DataType::Int32), &DataType::Time32(ms)).unwrap(),
                1.5,
                "00:00:01.500",
            ),
            (
                int(&DataType::Time64(TimeUnit::Microsecond)),
                0.0015,
                "00:00:00.001500",
            ),
            (int(&DataType::Duration(ms)), 1.5, "PT1.5S"),
            (int(&DataType::Decimal128(10, 2)), 1500.0, "1500.00"),
        ] {
            for column in both(column) {
                let column = plain(&column).unwrap();
                let read = numbers(&column).unwrap().value(0);
                assert!((read - number).abs() <= 0.0, "{text}: {read}");
                assert_eq!(texts(&column).unwrap().value(0), text);
            }
        }
        let column: ArrayRef = Arc::new(StringArray::from(vec![None, Some("S")]));
        let refused = numbers(&plain(&column).unwrap());
        let refused = refused.unwrap_err();
        assert_eq!(refused.row, Some(1));
        assert_eq!(refused.reason, "`S` is not a number");
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"\xff"[..]]));
        assert!(
            plain(&bytes)
                .unwrap_err()
                .contains("bytes that are not texts")
        );
    }

    #[test]
    fn no_number_is_a_missing_cell_whatever_holds_it() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(2.0)]));
        for of in [DataType::Float16, DataType::Float32, DataType::Float64] {
            for column in both(cast(&column, &of).unwrap()) {
                let cells = without_nan(&plain(&column).unwrap());
                let numbers: Vec<_> = numbers(&cells).unwrap().iter().collect();
                assert_eq!(numbers, [None, None, Some(2.0)], "{of}");
                assert_eq!(texts(&cells).unwrap().null_count(), 2, "{of}");
            }
        }
        assert_eq!(meaning(&DataType::Float64), None);
    }
}
