//! The narrowest type of an array that holds every number of some columns as it is.

use crate::error::shown;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// The types that an array is written in: the first that holds all numbers.
const TYPES: [DataType; 3] = [DataType::Float32, DataType::Float64, DataType::Int64];
pub(super) const OTHERS: &str = "convert to .csv, .parquet or .feather";

/// The columns `columns` of `batches`, all in the narrowest type that holds each of their numbers. Decimals are the
/// nearest float64, as they are when they are read.
///
/// # Errors
/// A column that is not of numbers, an empty cell, or numbers that no one type holds.
pub(super) fn narrowed(
    batches: &[RecordBatch],
    columns: Range<usize>,
) -> Result<Vec<RecordBatch>, String> {
    let schema = batches[0].schema();
    let named = |column: usize| format!("column `{}`", shown(schema.field(column).name()));
    for column in columns.clone() {
        let data_type = schema.field(column).data_type();
        if data_type.is_string() {
            return Err(format!(
                "{} is of texts, and an array holds numbers; in .npz only the last of several columns may be of texts; {OTHERS}",
                named(column)
            ));
        }
        if !data_type.is_numeric() && *data_type != DataType::Boolean {
            return Err(format!(
                "{} is of {data_type}, and an array holds numbers; {OTHERS}",
                named(column)
            ));
        }
    }
    without_nulls(batches, columns.clone())?;
    let fits = |column: usize, to: &DataType| {
        let mut cells = batches.iter().map(|batch| batch.column(column));
        cells.all(|cells| is_exact(cells, to))
    };
    let found = TYPES.iter().find(|to| {
        columns
            .clone()
            .into_par_iter()
            .all(|column| fits(column, to))
    });
    let to = found.ok_or_else(|| {
        let wide = columns.clone().find(|column| !fits(*column, &DataType::Float64));
        let column = named(wide.unwrap_or(columns.start));
        format!("{column} has numbers of more digits than float64, and an array holds all columns in one type; {OTHERS}")
    })?;
    let fields = columns
        .clone()
        .map(|column| Field::new(schema.field(column).name(), to.clone(), false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let narrowed = batches.par_iter().map(|batch| {
        let cells = columns.clone().map(|column| cast(batch.column(column), to));
        RecordBatch::try_new(schema.clone(), cells.collect::<Result<_, _>>()?)
    });
    narrowed
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// That no cell of the columns `columns` is empty.
pub(super) fn without_nulls(batches: &[RecordBatch], columns: Range<usize>) -> Result<(), String> {
    let mut first_row = 0;
    for batch in batches {
        let nulls = columns.clone().filter_map(|column| {
            let nulls = batch.column(column).logical_nulls()?;
            let row = (0..batch.num_rows()).find(|row| nulls.is_null(*row))?;
            Some((row, column))
        });
        if let Some((row, column)) = nulls.min() {
            return Err(format!(
                "row {}, column `{}`: the cell is empty, and an array has no empty cells; fill it, or {OTHERS}",
                first_row + row,
                shown(batch.schema().field(column).name())
            ));
        }
        first_row += batch.num_rows();
    }
    Ok(())
}

/// Whether the type `to` gives back every number of `cells`.
fn is_exact(cells: &ArrayRef, to: &DataType) -> bool {
    let gives_back = |cells: &ArrayRef| {
        let back = cast(&cast(cells, to)?, cells.data_type())?;
        Ok::<_, arrow_schema::ArrowError>(back.to_data() == cells.to_data())
    };
    let there_and_back = match cells.data_type().is_decimal() {
        false => gives_back(cells),
        true => cast(cells, &DataType::Float64).and_then(|nearest| gives_back(&nearest)),
    };
    there_and_back.unwrap_or(false)
}
