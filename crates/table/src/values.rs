//! The cells of one column as numbers or as texts, whatever their type in the file.

use crate::error::shown;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use std::borrow::Cow;

/// Why a column cannot be taken as asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The cell of this row is a text, and a number is needed.
    Text(usize, String),
    /// The column is of another type; what is wrong and what to do.
    Type(String),
}

/// Whether the column is of texts.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        data_type => matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
    }
}

/// What is said of a column whose numbers are made of something else; `None` for numbers and texts.
pub(crate) fn meaning(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Timestamp(..) => "timestamps, taken as seconds since 1970",
        DataType::Date32 | DataType::Date64 => "dates, taken as days since 1970",
        DataType::Time32(_) | DataType::Time64(_) => "times of day, taken as seconds",
        DataType::Duration(_) => "durations, taken as seconds",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "decimals, taken as the nearest float64",
        DataType::Dictionary(_, values) => return meaning(values),
        _ => return None,
    })
}

/// The cells as float64: booleans are 0 and 1, times are seconds and dates days, each since the beginning of 1970. A
/// missing cell is a null or NaN.
///
/// # Errors
/// If the column is of texts, of which one is named, or of a type that has no numbers.
pub(crate) fn numbers(column: &ArrayRef) -> Result<Float64Array, Refused> {
    match column.data_type() {
        data_type if is_text(data_type) => {
            let texts = texts(column)?;
            let all = || {
                texts
                    .iter()
                    .enumerate()
                    .filter_map(|(row, text)| Some((row, text?)))
            };
            // One that looks like no number tells more than one that does.
            let other = all().find(|(_, text)| canonical(text).is_none());
            match other.or_else(|| all().next()) {
                Some((row, text)) => Err(Refused::Text(row, text.to_owned())),
                None => Ok(Float64Array::new_null(column.len())),
            }
        }
        DataType::Timestamp(unit, _) | DataType::Duration(unit) | DataType::Time64(unit) => {
            Ok(scaled(&integers(column)?, ticks(*unit)))
        }
        DataType::Time32(unit) => Ok(scaled(&converted(column, &DataType::Int32)?, ticks(*unit))),
        DataType::Date32 => Ok(scaled(&converted(column, &DataType::Int32)?, 1.0)),
        DataType::Date64 => Ok(scaled(&integers(column)?, 86_400_000.0)),
        data_type
            if data_type.is_numeric()
                || matches!(
                    data_type,
                    DataType::Boolean | DataType::Null | DataType::Dictionary(..)
                ) =>
        {
            float64(column)
        }
        other => Err(Refused::Type(format!(
            "is of type {other}, and each cell has to be one number or one text; leave it out, or make a column of each of its parts"
        ))),
    }
}

/// Calls `use_number` with each number that is not missing, in order.
pub(crate) fn each_present(cells: &[Float64Array], mut use_number: impl FnMut(f64)) {
    for cells in cells {
        match cells.null_count() {
            0 => cells
                .values()
                .iter()
                .filter(|number| !number.is_nan())
                .for_each(|number| use_number(*number)),
            _ => cells
                .iter()
                .flatten()
                .filter(|number| !number.is_nan())
                .for_each(&mut use_number),
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
    let Some(mut rest) = weights else {
        return each_present(cells, |number| use_number(number, 1.0));
    };
    for cells in cells {
        let (own, later) = rest.split_at(cells.len());
        rest = later;
        for (number, weight) in cells.iter().zip(own) {
            if let Some(number) = number.filter(|number| !number.is_nan() && *weight > 0.0) {
                use_number(number, *weight);
            }
        }
    }
}

/// Units of a second.
fn ticks(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

fn integers(column: &ArrayRef) -> Result<ArrayRef, Refused> {
    converted(column, &DataType::Int64)
}

#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
fn scaled(column: &ArrayRef, unit: f64) -> Float64Array {
    let wide = cast(column, &DataType::Int64).expect("integers widen");
    wide.as_primitive::<Int64Type>()
        .unary(|ticks| ticks as f64 / unit)
}

fn converted(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refused> {
    cast(column, to).map_err(|error| Refused::Type(format!("cannot be read as {to} ({error})")))
}

fn float64(column: &ArrayRef) -> Result<Float64Array, Refused> {
    match column.data_type() {
        DataType::Float64 => Ok(column.as_primitive::<Float64Type>().clone()),
        DataType::Float32 => Ok(column.as_primitive::<Float32Type>().unary(f64::from)),
        DataType::Null => Ok(Float64Array::new_null(column.len())),
        _ => Ok(converted(column, &DataType::Float64)?
            .as_primitive::<Float64Type>()
            .clone()),
    }
}

/// The cells as texts: numbers in the fewest digits that give them back, booleans as `True` and `False`. A missing cell
/// is a null.
///
/// # Errors
/// If the column is of a type that has no texts.
pub(crate) fn texts(column: &ArrayRef) -> Result<StringArray, Refused> {
    let texts = match column.data_type() {
        DataType::Boolean => return Ok(spelled(column.as_boolean())),
        // A number that is missing is not the text `NaN`.
        data_type if data_type.is_floating() => {
            let numbers = float64(column)?;
            let is_there = |row: usize| column.is_valid(row) && !numbers.value(row).is_nan();
            let texts = converted(column, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            return Ok((0..column.len())
                .map(|row| is_there(row).then(|| texts.value(row)))
                .collect());
        }
        DataType::Null => return Ok(StringArray::new_null(column.len())),
        _ => converted(column, &DataType::Utf8)?,
    };
    Ok(texts.as_string::<i32>().clone())
}

fn spelled(truths: &BooleanArray) -> StringArray {
    truths
        .iter()
        .map(|truth| Some(if truth? { "True" } else { "False" }))
        .collect()
}

/// The one spelling of a number that is written plainly, so that `1`, `1.0` and `1e0` are the same; `None` for any
/// other text, among them `01` and `+1`, which are codes as often as numbers. Digits are kept, however many there are.
pub(crate) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(places) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if exponent.is_some() {
        let number: f64 = text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())?;
        return Some(format!("{}", number + 0.0).into());
    }
    let places = places.trim_end_matches('0');
    let short = match (mantissa.contains('.'), places.is_empty()) {
        (true, true) => &text[..text.len() - digits.len() + whole.len()],
        (true, false) => &text[..text.len() - digits.len() + whole.len() + 1 + places.len()],
        (false, _) => text,
    };
    Some(if short == "-0" { "0" } else { short }.into())
}

/// What a text is that is nearly a number: the characters that keep it from being one.
pub(crate) fn adornments(text: &str) -> Option<String> {
    const ADORNMENTS: [char; 8] = ['$', '€', '£', '%', ',', ' ', '\'', '_'];
    let bare: String = text.chars().filter(|c| !ADORNMENTS.contains(c)).collect();
    let found: Vec<char> = ADORNMENTS
        .into_iter()
        .filter(|c| text.contains(*c))
        .collect();
    let is_number = bare.parse().is_ok_and(f64::is_finite) && !found.is_empty();
    is_number.then(|| {
        found
            .iter()
            .map(|c| format!("`{c}`"))
            .collect::<Vec<_>>()
            .join(" and ")
    })
}

/// What is said of a text where a number is needed.
pub(crate) fn not_a_number(text: &str) -> String {
    format!("`{}` is not a number", shown(text))
}

#[cfg(test)]
mod tests {
    use super::{Refused, adornments, canonical, numbers, texts};
    use arrow_array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
        TimestampMillisecondArray,
    };
    use std::sync::Arc;

    #[test]
    fn numbers_written_in_two_ways_are_one() {
        for (text, expected) in [
            ("1", Some("1")),
            ("1.0", Some("1")),
            ("1.50", Some("1.5")),
            ("-0.0", Some("0")),
            ("1e2", Some("100")),
            ("-12.25", Some("-12.25")),
            ("9007199254740993", Some("9007199254740993")),
            ("0.10", Some("0.1")),
            ("01", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("1e999", None),
            ("x", None),
            ("1 ", None),
        ] {
            assert_eq!(canonical(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_nearly_a_number_is_seen() {
        assert_eq!(adornments("$1,000").as_deref(), Some("`$` and `,`"));
        assert_eq!(adornments("12%").as_deref(), Some("`%`"));
        assert_eq!(adornments("12"), None);
        assert_eq!(adornments("a,b"), None);
    }

    #[test]
    fn every_type_has_numbers_and_texts() {
        let columns: [(ArrayRef, f64, &str); 5] = [
            (
                Arc::new(Int64Array::from(vec![9_007_199_254_740_993])),
                9_007_199_254_740_992.0,
                "9007199254740993",
            ),
            (Arc::new(Float64Array::from(vec![0.1])), 0.1, "0.1"),
            (Arc::new(BooleanArray::from(vec![true])), 1.0, "True"),
            (Arc::new(Date32Array::from(vec![2])), 2.0, "1970-01-03"),
            (
                Arc::new(TimestampMillisecondArray::from(vec![1500])),
                1.5,
                "1970-01-01T00:00:01.500",
            ),
        ];
        for (column, number, text) in columns {
            assert!(
                (numbers(&column).unwrap().value(0) - number).abs() <= 0.0,
                "{text}"
            );
            assert_eq!(texts(&column).unwrap().value(0), text);
        }
        let column: ArrayRef = Arc::new(StringArray::from(vec![None, Some("S")]));
        assert_eq!(numbers(&column), Err(Refused::Text(1, "S".to_owned())));
        let column: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
        assert!(
            texts(&column).unwrap().iter().all(|text| text.is_none()),
            "NaN is missing"
        );
    }
}
