//! Rows as lines of CSV.

use crate::time::time;
use crate::values::in_utc;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float32Array, Float64Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Schema};
use std::io::{self, Write};

/// How dates and times are written: one beyond the years that a text can have is an error, and not a text of its own.
const TEXTS: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

/// The first row of a column of dates or times that no text can have.
pub(super) fn first_beyond_texts(column: &ArrayRef) -> Option<usize> {
    time(column.data_type())?;
    let column = in_utc(column).ok()?;
    let texts = ArrayFormatter::try_new(&column, &TEXTS).ok()?;
    let mut rows = 0..column.len();
    rows.find(|row| column.is_valid(*row) && texts.value(*row).try_to_string().is_err())
}

/// The line of the names.
pub(super) fn header(schema: &Schema) -> io::Result<Vec<u8>> {
    let mut out = writer();
    out.write_record(schema.fields().iter().map(|field| field.name()))?;
    out.into_inner().map_err(|error| error.into_error())
}

/// A line for each row: numbers in the fewest digits that give their bits back, dates and times as ISO 8601 has them,
/// nothing for a null.
pub(super) fn lines(batch: &RecordBatch) -> io::Result<Vec<u8>> {
    let plain = batch.columns().iter().map(in_utc);
    let plain = plain.collect::<Result<Vec<_>, _>>();
    let plain = plain.map_err(io::Error::other)?;
    let columns = plain.iter().map(ColumnFormatter::new);
    let columns = columns
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    let mut out = writer();
    let mut cell = Vec::new();
    for row in 0..batch.num_rows() {
        for (cells, column) in columns.iter().zip(batch.columns()) {
            cell.clear();
            if column.is_valid(row) {
                cells.write(row, &mut cell)?;
            }
            out.write_field(&cell)?;
        }
        out.write_record(None::<&[u8]>)?;
    }
    out.into_inner().map_err(|error| error.into_error())
}

/// Quotes cells that are not read back without quotes. Those with tabs are among them: `csv` quotes signs of comments.
fn writer() -> csv::Writer<Vec<u8>> {
    let mut builder = csv::WriterBuilder::new();
    builder.comment(Some(b'\t')).from_writer(Vec::new())
}

/// The cells of a column.
enum ColumnFormatter<'a> {
    F32(&'a Float32Array),
    F64(&'a Float64Array),
    Bool(&'a BooleanArray),
    Other(ArrayFormatter<'a>),
}

impl<'a> ColumnFormatter<'a> {
    fn new(column: &'a ArrayRef) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Float32 => Self::F32(column.as_primitive::<Float32Type>()),
            DataType::Float64 => Self::F64(column.as_primitive::<Float64Type>()),
            DataType::Boolean => Self::Bool(column.as_boolean()),
            _ => Self::Other(ArrayFormatter::try_new(column, &TEXTS)?),
        })
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            // The digits of the float64 that it is: those of f32 alone would be another number when they are read.
            Self::F32(numbers) => write_number(numbers.value(row).into(), out),
            Self::F64(numbers) => write_number(numbers.value(row), out),
            Self::Bool(truths) if truths.value(row) => out.write_all(b"True"),
            Self::Bool(_) => out.write_all(b"False"),
            Self::Other(cells) => write!(out, "{}", cells.value(row))
                .map_err(|_| io::Error::other("a time is beyond the years that a text can have")),
        }
    }
}

/// A number in the fewest digits that give its bits back, with an exponent if it would be long without.
fn write_number(number: f64, out: &mut Vec<u8>) -> io::Result<()> {
    match number == 0.0 || (1e-5..1e16).contains(&number.abs()) || !number.is_finite() {
        true => write!(out, "{number}"),
        false => write!(out, "{number:e}"),
    }
}
