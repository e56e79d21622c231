//! One column: what its values mean, and its cells.

use super::Parsed;
use crate::columns::shown;
use crate::table::{Kind, NOT_A_NUMBER};
use crate::texts::Texts;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::schema::types::ColumnDescriptor;

/// Cells read at a time.
const BATCH: usize = 1 << 16;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Bool,
    Signed,
    Unsigned,
    Float,
    Half,
    /// Whole numbers of so many decimal places.
    Decimal(i32),
    Text,
}

impl Meaning {
    /// What the column is of; what is wrong, and what to do, where a cell of it is neither a number nor a text.
    pub(super) fn of(column: &ColumnDescriptor) -> Parsed<Self> {
        let refused = |what: &str, remedy: &str| Err(format!("is of {what}; {remedy}"));
        let cast = "make it numbers, as .astype('int64') does, or leave it out";
        let (logical, converted) = (column.logical_type_ref(), column.converted_type());
        match (logical, converted) {
            (Some(LogicalType::Decimal(_)), _) | (_, ConvertedType::DECIMAL) => {
                return Ok(Self::Decimal(column.type_scale()));
            }
            (Some(LogicalType::Timestamp(_)), _)
            | (_, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => {
                return refused("timestamps", cast);
            }
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => {
                return refused("dates", cast);
            }
            (Some(LogicalType::Time(_)), _)
            | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
                return refused("times of day", cast);
            }
            _ => {}
        }
        let unsigned = matches!(logical, Some(LogicalType::Integer(int)) if !int.is_signed)
            || matches!(
                converted,
                ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            );
        match column.physical_type() {
            Type::BOOLEAN => Ok(Self::Bool),
            Type::INT32 | Type::INT64 if unsigned => Ok(Self::Unsigned),
            Type::INT32 | Type::INT64 => Ok(Self::Signed),
            Type::FLOAT | Type::DOUBLE => Ok(Self::Float),
            Type::INT96 => refused("timestamps", cast),
            Type::FIXED_LEN_BYTE_ARRAY if logical == Some(&LogicalType::Float16) => Ok(Self::Half),
            Type::BYTE_ARRAY
                if matches!(
                    logical,
                    None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
                ) =>
            {
                Ok(Self::Text)
            }
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => {
                refused("bytes", "make it numbers or texts, or leave it out")
            }
        }
    }
}

/// A column that is read.
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    /// Its place in the schema.
    pub(super) leaf: usize,
    meaning: Meaning,
    is_text: bool,
    texts: Texts,
    /// The cells of the last group of rows.
    pub(super) values: Vec<f32>,
    pub(super) n_empty: usize,
}

impl<'a> Column<'a> {
    pub(super) fn new(name: &'a str, leaf: usize, meaning: Meaning, kind: Kind) -> Self {
        Self {
            name,
            leaf,
            meaning,
            is_text: kind == Kind::Text || (kind == Kind::Either && meaning == Meaning::Text),
            texts: Texts::default(),
            values: Vec::new(),
            n_empty: 0,
        }
    }

    /// Of each code, its text.
    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts.into_inner()
    }

    /// Reads `n_rows` rows, the first of them row `first` of the file; where `is_last`, the last ones of `reader`.
    #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
    pub(super) fn read(
        &mut self,
        reader: &mut ColumnReader,
        n_rows: usize,
        is_last: bool,
        first: usize,
    ) -> Parsed<()> {
        self.values.clear();
        let meaning = self.meaning;
        // Of the last ones as many as there are, to see that there are no more.
        let rows = (first, if is_last { usize::MAX } else { n_rows });
        match reader {
            ColumnReader::BoolColumnReader(reader) => self.read_as(
                reader,
                rows,
                |truth| Ok(f32::from(u8::from(*truth))),
                |truth| Ok(truth.to_string()),
            ),
            ColumnReader::Int32ColumnReader(reader) => self.read_integers(
                reader,
                rows,
                |x| i64::from(*x),
                |x| u64::from(x.cast_unsigned()),
            ),
            ColumnReader::Int64ColumnReader(reader) => {
                self.read_integers(reader, rows, |x| *x, |x| x.cast_unsigned())
            }
            ColumnReader::FloatColumnReader(reader) => {
                self.read_as(reader, rows, |x| Ok(*x), |x| Ok(x.to_string()))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                self.read_as(reader, rows, |x| Ok(*x as f32), |x| Ok(x.to_string()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => match meaning {
                Meaning::Half => self.read_as(
                    reader,
                    rows,
                    |x| half(x.data()),
                    |x| Ok(half(x.data())?.to_string()),
                ),
                _ => self.read_as(
                    reader,
                    rows,
                    move |x| number(&bytes(x.data(), meaning)?),
                    move |x| bytes(x.data(), meaning),
                ),
            },
            ColumnReader::ByteArrayColumnReader(reader) => {
                let number = move |x: &parquet::data_type::ByteArray| {
                    let text = bytes(x.data(), meaning)?;
                    match meaning {
                        Meaning::Text => Err(format!("`{}` {NOT_A_NUMBER}", shown(&text))),
                        _ => number(&text),
                    }
                };
                self.read_as(reader, rows, number, move |x| bytes(x.data(), meaning))
            }
            ColumnReader::Int96ColumnReader(_) => Err("is of timestamps".to_owned()),
        }?;
        match self.values.len() == n_rows {
            true => Ok(()),
            false => Err(super::damaged(&format!(
                "column `{}` has {} of {n_rows} rows",
                shown(self.name),
                self.values.len()
            ))),
        }
    }

    /// Reads rows of `reader`, of integers, each value as `signed` or `unsigned` widens it.
    fn read_integers<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        rows: (usize, usize),
        signed: impl Fn(&T::T) -> i64,
        unsigned: impl Fn(&T::T) -> u64,
    ) -> Parsed<()> {
        match self.meaning {
            Meaning::Unsigned => self.read_as(
                reader,
                rows,
                |x| Ok(unsigned(x) as f32),
                |x| Ok(unsigned(x).to_string()),
            ),
            Meaning::Decimal(scale) => {
                let digits = |x: &T::T| decimal(signed(x).into(), scale);
                self.read_as(reader, rows, |x| number(&digits(x)), |x| Ok(digits(x)))
            }
            _ => self.read_as(
                reader,
                rows,
                |x| Ok(signed(x) as f32),
                |x| Ok(signed(x).to_string()),
            ),
        }
    }

    /// Reads rows of `reader`, the number of the first and how many at most, each value as `number` or as `text`
    /// makes it.
    fn read_as<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        (first, n_rows): (usize, usize),
        number: impl Fn(&T::T) -> Parsed<f32>,
        text: impl Fn(&T::T) -> Parsed<String>,
    ) -> Parsed<()> {
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        loop {
            values.clear();
            levels.clear();
            let batch = BATCH.min(n_rows - self.values.len());
            let (n_rows, n_values, _) = reader
                .read_records(batch, Some(&mut levels), None, &mut values)
                .map_err(|error| super::damaged(&error))?;
            if n_rows == 0 {
                return Ok(());
            }
            let required = levels.is_empty();
            if values.len() != n_values
                || (required && n_values != n_rows)
                || (!required && levels.len() != n_rows)
            {
                return Err(super::damaged(&"its parts disagree"));
            }
            let mut present = values.iter();
            for row in 0..n_rows {
                if levels.get(row) == Some(&0) {
                    self.n_empty += 1;
                    self.values.push(f32::NAN);
                    continue;
                }
                let value = present
                    .next()
                    .ok_or_else(|| super::damaged(&"its parts disagree"))?;
                let cell = match self.is_text {
                    true => text(value).and_then(|text| self.texts.code(&text)),
                    false => number(value).and_then(|x| match x.is_finite() {
                        true => Ok(x),
                        false => Err(not_finite(&text(value)?)),
                    }),
                };
                let row = first + self.values.len();
                let wrong = |reason| format!("row {row}, column `{}`: {reason}", shown(self.name));
                self.values.push(cell.map_err(wrong)?);
            }
            if present.next().is_some() {
                return Err(super::damaged(&"its parts disagree"));
            }
        }
    }
}

fn not_finite(text: &str) -> String {
    if text.parse().is_ok_and(f64::is_finite) {
        return format!(
            "{} is too large for f32, whose largest is {:e}; rescale the column",
            shown(text),
            f32::MAX
        );
    }
    format!(
        "{text} is not finite; every value must be, and a missing one is a null, as df.fill_nan(None) makes it"
    )
}

fn half(bytes: &[u8]) -> Parsed<f32> {
    let bytes = bytes
        .first_chunk()
        .ok_or_else(|| super::damaged(&"a half of fewer than 2 bytes"))?;
    Ok(half::f16::from_le_bytes(*bytes).to_f32())
}

/// Texts as they stand, decimals in their digits.
fn bytes(bytes: &[u8], meaning: Meaning) -> Parsed<String> {
    match meaning {
        Meaning::Decimal(scale) => {
            let mut wide = match bytes.first() {
                Some(0x80..) => [0xff; 16],
                _ => [0; 16],
            };
            let at = 16_usize
                .checked_sub(bytes.len())
                .ok_or("is a decimal of more than 38 digits; make it a float")?;
            wide[at..].copy_from_slice(bytes);
            Ok(decimal(i128::from_be_bytes(wide), scale))
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err("is no UTF-8 text; make it one, or leave the column out".to_owned()),
        },
    }
}

/// `unscaled · 10^(−scale)`, in its digits.
fn decimal(unscaled: i128, scale: i32) -> String {
    match usize::try_from(scale) {
        Ok(scale @ 1..) => {
            let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
            let (whole, places) = digits.split_at(digits.len() - scale);
            let sign = if unscaled < 0 { "-" } else { "" };
            format!("{sign}{whole}.{places}")
        }
        _ => unscaled.to_string(),
    }
}

fn number(text: &str) -> Parsed<f32> {
    text.parse()
        .map_err(|_| format!("`{}` {NOT_A_NUMBER}", shown(text)))
}
