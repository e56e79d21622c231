//! Predictions of a model for every row of a table, as CSV, NumPy's array or Parquet: made a span of the table at a
//! time, so of any size.
//!
//! A model of numbers gives a column for each target. A model of classes gives the class that is most probable, under
//! the name of its column, then the probability of each class, in a column named `column=class`; an array has the
//! probabilities alone.

use crate::error::{Error, Result};
use crate::npy::Header as NpyHeader;
use crate::parquet::{Values as ParquetValues, Writer as ParquetWriter};
use crate::stream::Stream;
use neuralnet::Model;
use neuralnet::atomic_file;
use neuralnet::{Classes, Dataset};
use rayon::prelude::*;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;

/// Rows that one thread predicts at a time.
const ROWS: usize = 1 << 12;
/// Pieces made at once, before they are written in order.
const PIECES: usize = 64;
/// Rows of a group of a Parquet file, whatever the spans of the table.
const GROUP_ROWS: usize = ROWS * PIECES;

/// What predictions are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionFormat {
    /// Lines of text; each number in the fewest digits that give its bits back.
    Csv,
    /// An array `<f8` (N, columns) without names.
    Npy,
    /// Columns of doubles, and one of texts for the class.
    Parquet,
}

impl PredictionFormat {
    /// By the ending of the name `path`.
    ///
    /// # Errors
    /// Where it is none of `.csv`, `.npy` and `.parquet`.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default();
        let formats = [
            ("csv", Self::Csv),
            ("npy", Self::Npy),
            ("parquet", Self::Parquet),
        ];
        let of_name = formats
            .iter()
            .find(|(ending, _)| extension.eq_ignore_ascii_case(ending));
        of_name
            .map(|(_, format)| *format)
            .ok_or_else(|| Error::Setting {
                flag: "--output",
                reason: format!(
                    "`{}` does not end in .csv, .npy or .parquet, which are what predictions are written as",
                    path.display()
                ),
            })
    }
}

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

/// Writes a header and a line of predictions for each row of `data`, which [`stream`](crate::stream()) opened, as CSV. The
/// error within is that of `out`.
///
/// # Errors
/// As those of [`Stream::next_span`]. What was written before it are the predictions of the spans before.
pub fn predict(model: &Model, data: &mut Stream, out: &mut dyn Write) -> Result<io::Result<()>> {
    match to_csv(model, data, out) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Output(error)) => Ok(Err(error)),
        Err(Stop::Data(error)) => Err(error),
    }
}

/// The same, into the file `path` in the format of its name; a file of that name is replaced, and only once the new
/// one is complete.
///
/// # Errors
/// As those of [`predict`], where the file cannot be written, or its name has none of the endings of
/// [`PredictionFormat`].
pub fn predict_to(model: &Model, data: &mut Stream, path: &Path) -> Result<()> {
    let format = PredictionFormat::of(path)?;
    let mut of_data = Ok(());
    let written = atomic_file::replace(path, |mut file| {
        let written = match format {
            PredictionFormat::Csv => to_csv(model, data, &mut file),
            PredictionFormat::Npy => to_npy(model, data, file),
            PredictionFormat::Parquet => to_parquet(model, data, file),
        };
        written.map_err(|stop| match stop {
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

fn to_csv(model: &Model, data: &mut Stream, out: &mut dyn Write) -> Predicted {
    let columns = Columns::of(model);
    let classes: Vec<String> = match columns.classes {
        None => Vec::new(),
        Some(classes) => {
            let names = classes.names.iter();
            names
                .map(|name| record([name]))
                .collect::<io::Result<_>>()?
        }
    };
    let class = columns.classes.map(|classes| &classes.column);
    let header = class.into_iter().chain(&columns.names);
    writeln!(out, "{}", record(header)?)?;
    let lines = |dataset: &Dataset, rows| {
        let mut text = String::new();
        let numbers = columns.numbers(model, dataset, rows);
        for row in numbers.chunks_exact(columns.names.len()) {
            let class = classes.get(most_probable(row));
            let mut separator = "";
            if let Some(class) = class {
                text += class;
                separator = ",";
            }
            for number in row {
                text += separator;
                let _ = write!(text, "{number}");
                separator = ",";
            }
            text.push('\n');
        }
        text
    };
    in_pieces(data, lines, |pieces| {
        pieces
            .iter()
            .try_for_each(|piece| out.write_all(piece.as_bytes()))
    })?;
    Ok(out.flush()?)
}

fn to_npy(model: &Model, data: &mut Stream, mut file: &File) -> Predicted {
    let columns = Columns::of(model);
    let width = columns.names.len();
    let header = |n_rows| NpyHeader::bytes("<f8", n_rows, width);
    file.write_all(&header(0))?;
    let numbers = |dataset: &Dataset, rows| columns.numbers(model, dataset, rows);
    let mut n_rows = 0;
    in_pieces(data, numbers, |pieces| {
        pieces.iter().try_for_each(|numbers| {
            n_rows += numbers.len() / width;
            file.write_all(bytemuck::cast_slice(numbers))
        })
    })?;
    // Of the same length, whatever the number of rows, which is not known before.
    file.rewind()?;
    Ok(file.write_all(&header(n_rows))?)
}

fn to_parquet(model: &Model, data: &mut Stream, file: &File) -> Predicted {
    let columns = Columns::of(model);
    let class = columns.classes.map(|classes| {
        let texts = ParquetValues::Texts(Vec::new(), &classes.names);
        (classes.column.as_str(), texts, false)
    });
    let names = columns.names.iter();
    let numbers = names.map(|name| (name.as_str(), ParquetValues::F64(Vec::new()), false));
    let mut writer =
        ParquetWriter::new(file, &class.into_iter().chain(numbers).collect::<Vec<_>>())?;
    let numbers = |dataset: &Dataset, rows| columns.numbers(model, dataset, rows);
    let group_numbers = GROUP_ROWS * columns.names.len();
    let mut unwritten = Vec::new();
    in_pieces(data, numbers, |pieces| {
        unwritten.extend(pieces.into_iter().flatten());
        let whole = unwritten.len() - unwritten.len() % group_numbers;
        for group in unwritten[..whole].chunks(group_numbers) {
            writer.write(&columns.group(group))?;
        }
        unwritten.drain(..whole);
        Ok(())
    })?;
    if !unwritten.is_empty() {
        writer.write(&columns.group(&unwritten))?;
    }
    Ok(writer.finish()?)
}

/// What is told of each row.
struct Columns<'m> {
    classes: Option<&'m Classes>,
    /// Of the numbers: the targets, or `column=class` for each class.
    names: Vec<String>,
}

impl<'m> Columns<'m> {
    fn of(model: &'m Model) -> Self {
        let description = model.description();
        let classes = description.classes.as_ref();
        let names = match classes {
            None => description.targets.clone(),
            Some(classes) => classes.probability_names(),
        };
        Self { classes, names }
    }

    /// The numbers of some rows, row by row.
    fn numbers(&self, model: &Model, dataset: &Dataset, rows: Range<usize>) -> Vec<f64> {
        let predictions = model.predict(dataset, rows);
        match model.layer().n_outputs == self.names.len() {
            true => predictions,
            // Of two classes the one target is the probability of the second.
            false => predictions.iter().flat_map(|y| [1.0 - y, *y]).collect(),
        }
    }

    /// The columns of a group of rows, whose numbers are `numbers`.
    fn group(&self, numbers: &[f64]) -> Vec<ParquetValues<'m>> {
        let width = self.names.len();
        let class = self.classes.map(|classes| {
            let rows = numbers.chunks_exact(width);
            #[expect(clippy::cast_precision_loss, reason = "classes are few")]
            let codes = rows.map(|row| most_probable(row) as f32);
            ParquetValues::Texts(codes.collect(), &classes.names)
        });
        let of_column = |column| numbers.iter().skip(column).step_by(width).copied();
        let columns = (0..width).map(|column| ParquetValues::F64(of_column(column).collect()));
        class.into_iter().chain(columns).collect()
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

/// Makes pieces of all rows, many at once, and hands them on in their order.
fn in_pieces<T: Send>(
    data: &mut Stream,
    make: impl Fn(&Dataset, Range<usize>) -> T + Sync,
    mut write: impl FnMut(Vec<T>) -> io::Result<()>,
) -> Predicted {
    while let Some(dataset) = data.next_span()? {
        for first in (0..dataset.n_samples()).step_by(ROWS * PIECES) {
            let end = (first + ROWS * PIECES).min(dataset.n_samples());
            let starts: Vec<usize> = (first..end).step_by(ROWS).collect();
            let piece = |start: usize| make(&dataset, start..(start + ROWS).min(end));
            write(starts.into_par_iter().map(piece).collect())?;
        }
    }
    Ok(())
}

/// A line of CSV without its end.
fn record<'t>(fields: impl IntoIterator<Item = &'t String>) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields.into_iter().map(String::as_bytes))?;
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let line = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(line.trim_end_matches('\n').to_owned())
}
