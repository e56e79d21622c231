//! Predictions of a model for every row of a table, made a span of the table at a time, so of any size.
//!
//! A model of numbers gives a column for each target. A model of classes gives the class that is most probable, under
//! the name of its column, then the probability of each class, in a column named `column=class`; an array has the
//! probabilities alone. Columns of the table that are passed through come first.

use crate::error::{Error, Result};
use crate::stream::{Span, Stream};
use crate::write::{Format, TableWriter};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use neuralnet::{Classes, Model, atomic_file};
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Rows that one thread predicts at a time.
const ROWS: usize = 1 << 12;

type Predicted = std::result::Result<(), Stop>;

/// Why no more is predicted.
enum Stop {
    Data(Error),
    Output(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes a header and a line of predictions for each row of `data`, which [`stream`](crate::stream()) opened, as CSV.
/// The error within is that of `out`.
///
/// # Errors
/// Those of [`Stream::next_span`]. What was written before it are the predictions of the spans before.
pub fn predict(model: &Model, data: &mut Stream, out: &mut dyn Write) -> Result<io::Result<()>> {
    let columns = Columns::of(model, data, true);
    let predicted = TableWriter::csv(Box::new(out), &columns.schema)
        .map_err(Stop::Output)
        .and_then(|writer| columns.write(model, data, writer));
    match predicted {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Output(error)) => Ok(Err(error)),
        Err(Stop::Data(error)) => Err(error),
    }
}

/// Writes the same into the file `path` in the format of its name; a file of that name is replaced, and only once the
/// new one is complete.
///
/// # Errors
/// Those of [`predict`], and if the file cannot be written, or [`check_output`] refuses its name.
pub fn predict_to(model: &Model, data: &mut Stream, path: &Path) -> Result<()> {
    let format = format_of(path)?;
    if format == Format::Npy && !data.passed().is_empty() {
        return Err(Error::Setting {
            setting: "passed",
            reason: "an array of numbers has no columns of texts; take a name that ends in .csv, .parquet or .feather".to_owned(),
            remedies: Vec::new(),
        });
    }
    let columns = Columns::of(model, data, format != Format::Npy);
    let mut of_data = Ok(());
    let written = atomic_file::replace(path, |file| {
        let writer = TableWriter::begin(format, file, &columns.schema)?;
        columns
            .write(model, data, writer)
            .map_err(|stop| match stop {
                Stop::Output(error) => error,
                Stop::Data(error) => {
                    of_data = Err(error);
                    io::Error::other("the data cannot be read")
                }
            })
    });
    of_data?;
    Ok(written?)
}

/// Refuses the name of a file that predictions cannot be written into.
///
/// # Errors
/// If it ends in none of `.csv` (also `.csv.gz` and `.csv.zst`), `.npy`, `.parquet`, `.feather` and `.arrow`.
pub fn check_output(path: &Path) -> Result<()> {
    format_of(path).map(|_| ())
}

fn format_of(path: &Path) -> Result<Format> {
    Format::of(path).ok_or_else(|| Error::Setting {
        setting: "output",
        reason: format!(
            "`{}` does not end in .csv, .npy, .parquet or .feather, which are what predictions are written as",
            path.display()
        ),
        remedies: Vec::new(),
    })
}

/// What is told of each row.
struct Columns<'m> {
    schema: SchemaRef,
    /// The classes, if the most probable one is told.
    class: Option<&'m Classes>,
    /// Columns of numbers: the targets, or the probability of each class.
    n_numbers: usize,
}

impl<'m> Columns<'m> {
    /// Of the predictions of `model` for `data`; with texts if `has_texts`.
    fn of(model: &'m Model, data: &Stream, has_texts: bool) -> Self {
        let description = model.description();
        let class = description.classes.as_ref().filter(|_| has_texts);
        let numbers = match &description.classes {
            Some(classes) => classes.probability_names(),
            None => description.targets.clone(),
        };
        let text = |name: &String, is_nullable| Field::new(name, DataType::Utf8, is_nullable);
        let passed = data.passed().iter().map(|name| text(name, true));
        let class_field = class.iter().map(|classes| text(&classes.column, false));
        let fields = numbers
            .iter()
            .map(|name| Field::new(name, DataType::Float64, false));
        let fields: Vec<Field> = passed.chain(class_field).chain(fields).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            class,
            n_numbers: numbers.len(),
        }
    }

    fn write(&self, model: &Model, data: &mut Stream, mut writer: TableWriter<'_>) -> Predicted {
        loop {
            match data.next_span() {
                Ok(Some(span)) => writer.write(&self.batch(model, &span)?)?,
                Ok(None) => return Ok(writer.finish()?),
                Err(error) => {
                    // The predictions of the spans before are written all the same.
                    writer.finish()?;
                    return Err(error.into());
                }
            }
        }
    }

    /// The columns of the rows of a span.
    fn batch(&self, model: &Model, span: &Span) -> io::Result<RecordBatch> {
        let n_rows = span.dataset.n_samples();
        let starts: Vec<usize> = (0..n_rows).step_by(ROWS).collect();
        let predict =
            |start: usize| model.predict(&span.dataset, start..(start + ROWS).min(n_rows));
        let predictions: Vec<f64> = starts
            .into_par_iter()
            .map(predict)
            .collect::<Vec<_>>()
            .concat();
        let numbers: Vec<f64> = match model.layer().n_outputs == self.n_numbers {
            true => predictions,
            // Of two classes the one target is the probability of the second.
            false => predictions.iter().flat_map(|y| [1.0 - y, *y]).collect(),
        };
        let class = self.class.map(|classes| {
            let rows = numbers.chunks_exact(self.n_numbers);
            let classes = rows.map(|row| Some(&classes.names[most_probable(row)]));
            Arc::new(classes.collect::<StringArray>()) as ArrayRef
        });
        let column = |column| {
            let cells = numbers.iter().skip(column).step_by(self.n_numbers).copied();
            Arc::new(Float64Array::from_iter_values(cells)) as ArrayRef
        };
        let columns = span
            .passed
            .iter()
            .cloned()
            .chain(class)
            .chain((0..self.n_numbers).map(column));
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect()).map_err(io::Error::other)
    }
}

/// The place of the largest number, the first of those that are equal.
fn most_probable(row: &[f64]) -> usize {
    let mut most = 0;
    for (place, probability) in row.iter().enumerate() {
        if *probability > row[most] {
            most = place;
        }
    }
    most
}
