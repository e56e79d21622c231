//! CSV files: a header line, then numeric cells. Strict: what cannot be used is an error, never skipped.

use super::{Dataset, Rows};
use crate::error::{Error, Result};
use csv::{ByteRecord, ErrorKind, ReaderBuilder, Trim};
use std::fs::File;
use std::path::Path;

/// The line each row came from, kept as the rows where the two stop counting in step.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// (row, line), both rising: at blank lines and quoted line ends.
    steps: Vec<(usize, u64)>,
}

impl Lines {
    fn push(&mut self, row: usize, line: u64) {
        if !self.known() || self.line(row) != line {
            self.steps.push((row, line));
        }
    }

    pub(super) fn known(&self) -> bool {
        !self.steps.is_empty()
    }

    pub(super) fn line(&self, row: usize) -> u64 {
        let after = self.steps.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.steps[after - 1];
        line + (row - first) as u64
    }
}

pub(super) fn read(path: &Path, targets: &[String]) -> Result<Dataset> {
    let file = open(path)?;
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .buffer_capacity(1 << 20)
        .from_reader(file);
    let header = reader
        .byte_headers()
        .map_err(|error| record_error(path, error))?
        .clone();
    let columns = Columns::new(path, &header, targets)?;

    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let mut lines = Lines::default();
    let mut record = ByteRecord::new();
    let mut n_samples = 0;
    loop {
        let more = reader
            .read_byte_record(&mut record)
            .map_err(|error| record_error(path, error))?;
        if !more {
            break;
        }
        let line = record.position().map_or(0, csv::Position::line);
        lines.push(n_samples, line);
        n_samples += 1;
        for (column, cell) in record.iter().enumerate() {
            if columns.target_at[column].is_none() {
                inputs.push(columns.value(path, line, column, cell)?);
            }
        }
        for &column in &columns.targets {
            targets.push(columns.value(path, line, column, &record[column])?);
        }
    }
    if n_samples == 0 {
        return Err(Error::Table {
            path: path.to_owned(),
            problem: "the file holds a header and no rows; add at least one".to_owned(),
        });
    }
    let (target_names, input_names) = columns.names();
    Ok(Dataset {
        source: path.display().to_string(),
        n_samples,
        input_names,
        target_names,
        rows: Rows::Stored {
            inputs,
            targets,
            lines,
        },
    })
}

fn open(path: &Path) -> Result<File> {
    let fail = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(Error::Table {
            path: path.to_owned(),
            problem: "is a folder; name a CSV file in it".to_owned(),
        });
    }
    Ok(file)
}

/// What the header says.
struct Columns {
    names: Vec<String>,
    /// The target columns, in the order in which they were named.
    targets: Vec<usize>,
    /// For each column, which target it is.
    target_at: Vec<Option<usize>>,
}

impl Columns {
    fn new(path: &Path, header: &ByteRecord, targets: &[String]) -> Result<Self> {
        let table = |problem| Error::Table {
            path: path.to_owned(),
            problem,
        };
        let line_1 = |problem| Error::Line {
            path: path.to_owned(),
            line: 1,
            problem,
        };
        if header.is_empty() {
            return Err(table(
                "the file is empty; it needs a header line of column names, then rows".to_owned(),
            ));
        }
        let names = header
            .iter()
            .enumerate()
            .map(|(column, name)| match std::str::from_utf8(name) {
                Ok(name) => Ok(name.to_owned()),
                Err(_) => Err(line_1(format!(
                    "the name of column {} is not UTF-8; save the file as UTF-8",
                    column + 1
                ))),
            })
            .collect::<Result<Vec<_>>>()?;
        if names.iter().all(|name| name.parse::<f32>().is_ok()) {
            return Err(line_1(
                "holds only numbers; a header line of column names is needed above the rows"
                    .to_owned(),
            ));
        }
        for (column, name) in names.iter().enumerate() {
            if let Some(first) = names[..column].iter().position(|other| other == name) {
                return Err(line_1(format!(
                    "columns {} and {} are both named `{name}`; rename one",
                    first + 1,
                    column + 1
                )));
            }
        }
        let last = names.last().map(std::slice::from_ref).unwrap_or_default();
        let wanted = if targets.is_empty() { last } else { targets };
        let mut target_at = vec![None; names.len()];
        let mut found = Vec::with_capacity(wanted.len());
        for (target, name) in wanted.iter().enumerate() {
            let Some(column) = names.iter().position(|other| other == name) else {
                return Err(table(format!(
                    "has no column `{name}` for --target; its columns are {}",
                    listed(&names)
                )));
            };
            if target_at[column].replace(target).is_some() {
                return Err(table(format!(
                    "--target names column `{name}` twice; name it once"
                )));
            }
            found.push(column);
        }
        if found.len() == names.len() {
            return Err(table(format!(
                "has no feature column: {} is all there is, and it is a target; cells are separated by commas",
                listed(&names)
            )));
        }
        Ok(Self {
            names,
            targets: found,
            target_at,
        })
    }

    /// The cell as the nearest f32.
    fn value(&self, path: &Path, line: u64, column: usize, cell: &[u8]) -> Result<f32> {
        let problem = match std::str::from_utf8(cell) {
            Err(_) => "the cell is not UTF-8; save the file as UTF-8".to_owned(),
            Ok("") => "the cell is empty; every cell needs a number".to_owned(),
            Ok(text) => match text.parse::<f32>() {
                Ok(value) if value.is_finite() => return Ok(value),
                Ok(value) if value.is_nan() => {
                    format!("`{text}` is not a number that can be learned from; replace it")
                }
                Ok(_) if text.to_ascii_lowercase().contains("inf") => {
                    format!("`{text}` is infinite; every cell needs a finite number")
                }
                Ok(_) => format!(
                    "`{text}` is too large for f32, whose largest is {:e}; rescale the column",
                    f32::MAX
                ),
                Err(_) => format!("`{}` is no number; every cell needs one", shortened(text)),
            },
        };
        Err(Error::Cell {
            path: path.to_owned(),
            line,
            column: self.names[column].clone(),
            problem,
        })
    }

    /// Names of the targets, as they were asked for, and of the features.
    fn names(self) -> (Vec<String>, Vec<String>) {
        let targets = self
            .targets
            .iter()
            .map(|column| self.names[*column].clone())
            .collect();
        let inputs = std::iter::zip(self.names, self.target_at)
            .filter_map(|(name, target)| target.is_none().then_some(name))
            .collect();
        (targets, inputs)
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut list: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", shortened(name)))
        .collect();
    if names.len() > SHOWN {
        list.push(format!("and {} more", names.len() - SHOWN));
    }
    list.join(", ")
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn record_error(path: &Path, error: csv::Error) -> Error {
    let line_of =
        |position: &Option<csv::Position>| position.as_ref().map_or(0, csv::Position::line);
    let (line, problem) = match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => (
            line_of(pos),
            format!("{len} cells where the header has {expected_len}; every row needs as many"),
        ),
        _ => {
            return match error.into_kind() {
                ErrorKind::Io(source) => Error::File {
                    path: path.to_owned(),
                    source,
                },
                kind => Error::Table {
                    path: path.to_owned(),
                    problem: format!("{kind:?}"),
                },
            };
        }
    };
    Error::Line {
        path: path.to_owned(),
        line,
        problem,
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
            assert_eq!(lines.line(row), line, "row {row}");
        }
        assert_eq!(lines.steps.len(), 3, "one step for each gap");
    }
}
