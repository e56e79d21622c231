//! CSV files, compressed by gzip where their name ends in `.gz`: a header line, then numeric cells. Strict: what cannot be used is an error, never skipped.
//!
//! The header is the `csv` crate's, names may be quoted. The rows are split here: a cell is a number,
//! quoted as a whole or not at all, so a comma separates and a line ends wherever one stands. The crate
//! would mend misplaced quotes, and count no blank lines.

use super::columns::{Columns, Wanted, shown};
use super::{Dataset, Rows};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The line each row came from, kept as the rows where the two stop counting in step.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// (row, line), both rising: at the first row and after blank lines.
    steps: Vec<(usize, u64)>,
}

impl Lines {
    fn push(&mut self, row: usize, line: u64) {
        if self.line(row) != Some(line) {
            self.steps.push((row, line));
        }
    }

    /// The line of row `row`, where the rows came from a file.
    pub(super) fn line(&self, row: usize) -> Option<u64> {
        let after = self.steps.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.steps.get(after.checked_sub(1)?)?;
        Some(line + (row - first) as u64)
    }
}

pub(super) fn read(path: &Path, wanted: Wanted<'_>) -> Result<Dataset> {
    let mut source = Source::open(path)?;
    let names = source.header()?;
    if let ([name], Wanted::Targets(_)) = (names.as_slice(), wanted) {
        return Err(source.table(format!(
            "has no feature column: `{}` is all there is; cells are separated by commas",
            shown(name)
        )));
    }
    let columns = Columns::new(names, wanted).map_err(|problem| source.table(problem))?;
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let mut lines = Lines::default();
    let mut n_samples = 0;
    let mut text = Vec::new();
    while source.next_line(&mut text)? {
        let cells: Vec<&[u8]> = text.trim_ascii().split(|byte| *byte == b',').collect();
        if cells.len() != columns.names.len() {
            return Err(source.line(format!(
                "has {} of {} cells; every row needs as many as the header has",
                cells.len(),
                columns.names.len()
            )));
        }
        for (values, columns_of) in [
            (&mut inputs, &columns.inputs),
            (&mut targets, &columns.targets),
        ] {
            for column in columns_of {
                let value = finite(cells[*column]);
                values
                    .push(value.map_err(|problem| source.cell(&columns.names[*column], problem))?);
            }
        }
        lines.push(n_samples, source.line);
        n_samples += 1;
    }
    if n_samples == 0 {
        return Err(source.table("holds a header and no rows; add at least one".to_owned()));
    }
    Ok(Dataset::of(
        path.display().to_string(),
        n_samples,
        columns.named(&columns.inputs),
        columns.named(&columns.targets),
        Rows::Stored {
            inputs,
            targets,
            lines,
        },
    ))
}

/// A file, read line by line.
struct Source<'p> {
    path: &'p Path,
    reader: Box<dyn BufRead>,
    gzip: bool,
    /// The number of the last line read, from 1.
    line: u64,
}

impl<'p> Source<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        let fail = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(fail)?;
        let is_dir = file.metadata().map_err(fail)?.is_dir();
        let extension = path.extension();
        let gzip = extension.is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let source = Self {
            path,
            reader: match gzip {
                false => Box::new(BufReader::with_capacity(1 << 20, file)),
                // Several members one after the other are one file, as they are to gzip.
                true => Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(file))),
            },
            gzip,
            line: 0,
        };
        if is_dir {
            return Err(source.table("is a folder; name a CSV file in it".to_owned()));
        }
        Ok(source)
    }

    /// Reads the next line that is not blank into `text`; false where there is none.
    fn next_line(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        loop {
            text.clear();
            let read = self.reader.read_until(b'\n', text);
            let n_bytes = read.map_err(|source| match self.gzip {
                false => Error::File {
                    path: self.path.to_owned(),
                    source,
                },
                true => self.table(format!(
                    "cannot be unpacked after line {} ({source}); it is damaged, cut short, or no gzip file",
                    self.line
                )),
            })?;
            self.line += 1;
            if n_bytes == 0 || !text.trim_ascii().is_empty() {
                return Ok(n_bytes > 0);
            }
        }
    }

    /// The names of the columns.
    fn header(&mut self) -> Result<Vec<String>> {
        let mut text = Vec::new();
        if !self.next_line(&mut text)? {
            return Err(self.table(
                "the file is empty; it needs a header line of column names, then rows".to_owned(),
            ));
        }
        if text.starts_with(&GZIP) {
            return Err(self.table("is a gzip file; give it a name that ends in .gz".to_owned()));
        }
        if text.starts_with(super::npy::MAGIC) {
            return Err(self.table("is a NumPy file; give it a name that ends in .npy".to_owned()));
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        names(text).map_err(|problem| self.line(problem))
    }

    fn table(&self, problem: String) -> Error {
        Error::Table {
            path: self.path.to_owned(),
            problem,
        }
    }

    fn line(&self, problem: String) -> Error {
        Error::Line {
            path: self.path.to_owned(),
            line: self.line,
            problem,
        }
    }

    fn cell(&self, column: &str, problem: String) -> Error {
        Error::Cell {
            path: self.path.to_owned(),
            line: self.line,
            column: column.to_owned(),
            problem,
        }
    }
}

/// The names of the columns: each there, each once.
fn names(header: &[u8]) -> std::result::Result<Vec<String>, String> {
    if header.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return Err("has an opening quote without a closing one".to_owned());
    }
    let record = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(header)
        .into_byte_records()
        .next()
        .and_then(std::result::Result::ok)
        .unwrap_or_default();
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    let mut columns = HashMap::with_capacity(record.len());
    for (column, name) in (1..).zip(&record) {
        let name = std::str::from_utf8(name).map_err(|_| {
            format!("the name of column {column} is not UTF-8; save the file as UTF-8")
        })?;
        if name.is_empty() || name.contains(char::is_control) {
            return Err(format!(
                "the name of column {column} is empty or holds control characters; name it, or remove the column"
            ));
        }
        if let Some(first) = columns.insert(name, column) {
            return Err(format!(
                "columns {first} and {column} are both named `{}`; rename one",
                shown(name)
            ));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err("holds no column names".to_owned());
    }
    if names.iter().all(|name| name.parse::<f32>().is_ok()) {
        return Err(
            "holds only numbers; a header line of column names is needed above the rows".to_owned(),
        );
    }
    Ok(names)
}

/// The cell as the nearest f32.
fn finite(cell: &[u8]) -> std::result::Result<f32, String> {
    let cell = cell.trim_ascii();
    let cell = cell
        .strip_prefix(b"\"")
        .and_then(|cell| cell.strip_suffix(b"\""))
        .map_or(cell, <[u8]>::trim_ascii);
    let text = std::str::from_utf8(cell)
        .map_err(|_| "the cell is not UTF-8; save the file as UTF-8".to_owned())?;
    if text.is_empty() {
        return Err("the cell is empty; every cell needs a number".to_owned());
    }
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(value) if value.is_infinite() && !text.to_ascii_lowercase().contains("inf") => {
            Err(format!(
                "`{}` is too large for f32, whose largest is {:e}; rescale the column",
                shown(text),
                f32::MAX
            ))
        }
        Ok(_) => Err(format!(
            "`{}` is not finite; every cell needs a finite number",
            shown(text)
        )),
        Err(_) => Err(format!(
            "`{}` is no number; every cell needs one",
            shown(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_found_again_across_gaps() {
        let lines_of_rows = [2, 3, 4, 7, 8, 11];
        let mut lines = Lines::default();
        for (row, line) in lines_of_rows.into_iter().enumerate() {
            lines.push(row, line);
        }
        for (row, line) in lines_of_rows.into_iter().enumerate() {
            assert_eq!(lines.line(row), Some(line), "row {row}");
        }
        assert_eq!(lines.steps.len(), 3, "one step for each gap");
        assert_eq!(
            Lines::default().line(0),
            None,
            "rows that came from no file"
        );
    }
}
