//! Predictions of a model for every row of a table, made a span of the table at a time, so of any size.
//!
//! A model of numbers gives a column for each target. A model of classes gives the class that is most probable, under
//! the name of its column, then the probability of each class, in a column named `column=class`. Targets that were 0
//! and 1 are classes too: 0 or 1 under the name of the target, and the probability of 1 in a column named `target=1`. An
//! array has the probabilities alone. Columns of the table that are passed through come first.

use crate::error::{Error, Result};
use crate::reader;
use crate::stream::{Span, Stream};
use crate::write::{Format, TableWriter, check_seekable};
use arrow_array::{Float64Array, Int64Array, LargeStringArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use neuralnet::atomic_file::{self, Destination};
use neuralnet::network::Meaning;
use neuralnet::{Classes, Model, Predictor};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Writes a header and a line of predictions for each row of `data`, which [`stream`](crate::stream()) opened for the
/// model of `predictor`, as CSV. The error within is that of `out`.
///
/// # Errors
/// Those of [`Stream::next_span`] and of [`Predictor::predict`]. What was written before it are the predictions of the spans before.
pub fn predict(
    predictor: &mut Predictor<'_>,
    data: &mut Stream,
    out: &mut dyn Write,
) -> Result<io::Result<()>> {
    let columns = Columns::of(predictor.model(), data, true);
    let written = TableWriter::csv(Box::new(out), &columns.schema)
        .and_then(|writer| columns.write(predictor, data, writer));
    match written {
        Ok(of_data) => of_data.map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// Writes the same into `file` in the format of its name; a file of that name is replaced, and only once the
/// new one is complete.
///
/// # Errors
/// Those of [`predict`], and if the file cannot be written, or [`check_output`] refuses its name.
pub fn predict_to<'a>(
    predictor: &mut Predictor<'_>,
    data: &mut Stream,
    file: impl Into<Destination<'a>>,
) -> Result<()> {
    let file = file.into();
    let format = format_of(file.path)?;
    if format == Format::Npy && !data.passed().is_empty() {
        return Err(Error::setting("passed", "an array holds the predictions alone, and no columns of the table; take a name that ends in .csv, .parquet or .feather".to_owned()));
    }
    let columns = Columns::of(predictor.model(), data, format != Format::Npy);
    let mut of_data = Ok(());
    let written = atomic_file::replace(file, |file| {
        let writer = TableWriter::begin(format, file, &columns.schema)?;
        of_data = columns.write(predictor, data, writer)?;
        match of_data {
            Ok(()) => Ok(()),
            Err(_) => Err(io::Error::other("the data cannot be read")),
        }
    });
    of_data?;
    Ok(written?)
}

/// Refuses the name of a file that predictions cannot be written into.
///
/// # Errors
/// If it ends in none of `.csv` (also `.csv.gz` and `.csv.zst`), `.npy`, `.parquet`, `.feather` and `.arrow`, or an
/// array is to go into a pipe or a device.
pub fn check_output(path: &Path) -> Result<()> {
    format_of(path).map(|_| ())
}

fn format_of(path: &Path) -> Result<Format> {
    let format = Format::of(path).ok_or_else(|| Error::setting("output", format!(
            "`{}` does not end in .csv, .csv.gz, .csv.zst, .npy, .parquet, .feather or .arrow, which are what predictions are written as",
            path.display()
        )))?;
    if format == Format::Npy {
        check_seekable(path)?;
    }
    Ok(format)
}

/// What is told of each row.
struct Columns<'m> {
    schema: SchemaRef,
    /// What tells the most probable class.
    class: Class<'m>,
    /// Columns of numbers: the targets, or the probability of each class.
    n_numbers: usize,
}

/// The columns that tell the most probable class.
enum Class<'m> {
    /// None: predictions are numbers, or go into an array.
    Untold,
    /// One column of texts, before all probabilities.
    Named(&'m Classes),
    /// One column of 0 and 1 before each probability.
    Binary,
}

impl<'m> Columns<'m> {
    /// Of the predictions of `model` for `data`; with texts if `has_texts`. Each has a name of its own, which `data` tells
    /// if it is another.
    fn of(model: &'m Model, data: &mut Stream, has_texts: bool) -> Self {
        let description = model.description();
        let is_probability = description.activation.meaning() == Meaning::Probabilities;
        let class = match &description.classes {
            _ if !has_texts => Class::Untold,
            Some(classes) => Class::Named(classes),
            None if description.targets_are_binary && is_probability => Class::Binary,
            None => Class::Untold,
        };
        let numbers = match &description.classes {
            Some(classes) => classes.probability_names(),
            None => description.targets.clone(),
        };
        let field = |name: &str, of| Field::new(name, of, false);
        let passed = data.passed().iter().zip(data.passed_types());
        let mut fields: Vec<Field> = passed
            .map(|(name, of)| Field::new(name, of.clone(), true))
            .collect();
        if let Class::Named(classes) = class {
            fields.push(field(&classes.column, DataType::LargeUtf8));
        }
        for name in &numbers {
            if let Class::Binary = class {
                fields.push(field(name, DataType::Int64));
                fields.push(field(&format!("{name}=1"), DataType::Float64));
            } else {
                fields.push(field(name, DataType::Float64));
            }
        }
        let names = fields.iter().map(|field| field.name().clone());
        let named = reader::Columns::named(names.collect());
        let fields = fields.into_iter().zip(named.names);
        let fields: Vec<Field> = fields.map(|(field, name)| field.with_name(name)).collect();
        data.tell(named.notices);
        Self {
            schema: Arc::new(Schema::new(fields)),
            class,
            n_numbers: numbers.len(),
        }
    }

    /// Writes all predictions; those of the spans before an error of the data, which is the one within, are written all
    /// the same.
    fn write(
        &self,
        predictor: &mut Predictor<'_>,
        data: &mut Stream,
        mut writer: TableWriter<'_>,
    ) -> io::Result<Result<()>> {
        loop {
            match data.next_span() {
                Ok(Some(span)) => {
                    match predictor.predict(&span.dataset, 0..span.dataset.n_samples()) {
                        Ok(predictions) => writer.write(&self.batch(predictions, &span)?)?,
                        Err(error) => return Ok(Err(error.into())),
                    }
                }
                Ok(None) => return writer.finish().map(Ok),
                Err(error) => return writer.finish().map(|()| Err(error)),
            }
        }
    }

    /// The columns of the rows of a span, whose predictions are `predictions`.
    fn batch(&self, predictions: Vec<f64>, span: &Span) -> io::Result<RecordBatch> {
        let numbers = match predictions.len() == span.dataset.n_samples() * self.n_numbers {
            true => predictions,
            // Of two classes the one target is the probability of the second.
            false => predictions.iter().flat_map(|y| [1.0 - y, *y]).collect(),
        };
        let mut columns = span.passed.clone();
        if let Class::Named(classes) = self.class {
            let rows = numbers.chunks_exact(self.n_numbers);
            let names = rows.map(|row| Some(&classes.names[most_probable(row)]));
            columns.push(Arc::new(names.collect::<LargeStringArray>()));
        }
        for column in 0..self.n_numbers {
            let cells = || numbers.iter().skip(column).step_by(self.n_numbers).copied();
            if let Class::Binary = self.class {
                let classes = cells().map(|y| i64::from(y > 0.5));
                columns.push(Arc::new(Int64Array::from_iter_values(classes)));
            }
            columns.push(Arc::new(Float64Array::from_iter_values(cells())));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(io::Error::other)
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
