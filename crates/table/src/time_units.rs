//! Columns of dates and times, whose numbers have to count the same in every table of a model.

use crate::error::{Error, Result, shown};
use crate::table::Table;
use crate::time::{SECONDS_OF_A_DAY, time, words};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use neuralnet::data::Time;
use std::sync::Arc;

/// Makes the numbers of the columns of `table` count what those of the model do, of which `known` says the index of
/// each column of numbers and what it counts. Dates and timestamps are points in time, and become one another. Returns
/// what the owner of the table should know.
///
/// # Errors
/// If a column is of times that are no points in time, and the model's is not.
pub(crate) fn count_alike(
    table: &mut Table,
    known: impl Iterator<Item = (usize, Option<Time>)>,
) -> Result<Vec<String>> {
    let mut notices = Vec::new();
    for (column, known) in known {
        let data_type = table.column(column).next().map(|cells| cells.data_type());
        let Some(data_type) = data_type.filter(|it| **it != DataType::Null).cloned() else {
            continue;
        };
        let found = time(&data_type);
        let name = shown(&table.names[column]);
        let held = found.map_or("numbers", |(found, _)| words(found)[0]);
        match (found, known) {
            (Some((found, _)), None) => notices.push(format!(
                "column `{name}` holds {held}, taken as {}: the model knows it as numbers",
                words(found)[1]
            )),
            (None, Some(known)) if data_type.is_numeric() => notices.push(format!(
                "column `{name}` holds {held}, taken as {}: the model knows it as {}",
                words(known)[1],
                words(known)[0]
            )),
            (
                Some((found @ (Time::Date | Time::Timestamp), _)),
                Some(known @ (Time::Date | Time::Timestamp)),
            ) if found != known => {
                let [whole, unit] = words(known);
                notices.push(format!(
                    "column `{name}` holds {held}, converted to {unit}: the model knows it as {whole}"
                ));
                let place = table.place().column(&table.names[column]);
                for batch in &mut table.batches {
                    let cells = &mut batch.columns[column];
                    *cells = converted(cells, known).map_err(|error| {
                        Error::at(place.clone(), format!("cannot be converted ({error})"))
                    })?;
                }
            }
            (Some((found, _)), Some(known)) if found != known => {
                let known = words(known)[0];
                return Err(Error::at(
                    table.place().column(&table.names[column]),
                    format!("holds {held}, and the model was trained on {known}; make it {known}"),
                ));
            }
            _ => {}
        }
    }
    Ok(notices)
}

/// Dates as timestamps, or timestamps as numbers of days, which keep the time of day as a fraction.
#[expect(clippy::cast_precision_loss, reason = "the nearest float64 is wanted")]
fn converted(cells: &ArrayRef, to: Time) -> std::result::Result<ArrayRef, ArrowError> {
    match (cells.data_type(), to) {
        (DataType::Date32, Time::Timestamp) => {
            cast(cells, &DataType::Timestamp(TimeUnit::Second, None))
        }
        (DataType::Date64, Time::Timestamp) => {
            cast(cells, &DataType::Timestamp(TimeUnit::Millisecond, None))
        }
        (data_type, _) => {
            let ticks = time(data_type).map_or(1.0, |(_, ticks)| ticks) * SECONDS_OF_A_DAY;
            let days = cast(cells, &DataType::Int64)?;
            let days = days.as_primitive::<Int64Type>();
            Ok(Arc::new(days.unary::<_, arrow_array::types::Float64Type>(
                |tick| tick as f64 / ticks,
            )))
        }
    }
}
