//! Predictions of a model for every row of a table, as CSV: made in pieces, so of any size.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::output;
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::Path;

/// Rows that one thread predicts at a time.
const ROWS: usize = 1 << 12;
/// Pieces made at once, before they are written in order.
const PIECES: usize = 64;

/// Writes a header of the model's targets and a line of predictions for each row of `dataset`, which
/// [`Model::open_data`] opened; each number in the fewest digits that give its bits back.
///
/// # Errors
/// Where `out` cannot be written.
pub fn predict(model: &Model, dataset: &Dataset, out: &mut dyn Write) -> io::Result<()> {
    let mut header = csv::Writer::from_writer(Vec::new());
    header.write_record(&model.description().targets)?;
    out.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
    for first in (0..dataset.n_samples()).step_by(ROWS * PIECES) {
        let end = (first + ROWS * PIECES).min(dataset.n_samples());
        let starts: Vec<usize> = (first..end).step_by(ROWS).collect();
        let lines = |start: usize| lines(model, dataset, start, (start + ROWS).min(end));
        let pieces: Vec<String> = starts.into_par_iter().map(lines).collect();
        for piece in pieces {
            out.write_all(piece.as_bytes())?;
        }
    }
    out.flush()
}

/// The same, into the file `path`, which is replaced, and only once the new one is complete.
///
/// # Errors
/// Where the file cannot be written, or its name does not end in `.csv`.
pub fn predict_to(model: &Model, dataset: &Dataset, path: &Path) -> Result<()> {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("csv") => {}
        _ => {
            return Err(Error::Setting {
                flag: "--output",
                problem: format!(
                    "`{}` does not end in .csv, which is what predictions are written as",
                    path.display()
                ),
            });
        }
    }
    output::replace(path, |mut file| predict(model, dataset, &mut file))
}

fn lines(model: &Model, dataset: &Dataset, start: usize, end: usize) -> String {
    let mut text = String::new();
    let predictions = model.predict(dataset, start..end);
    for row in predictions.chunks_exact(model.layer().n_outputs) {
        let numbers: Vec<String> = row.iter().map(f64::to_string).collect();
        text += &numbers.join(",");
        text.push('\n');
    }
    text
}
