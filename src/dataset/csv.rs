//! CSV files: a header line, then numeric cells. Strict: what cannot be used is an error, never skipped.

use super::{Dataset, Rows};
use crate::error::{Error, Result};
use csv::{ByteRecord, ErrorKind, Position, Reader, ReaderBuilder, Trim};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

pub(super) fn read(path: &Path, targets: &[String]) -> Result<Dataset> {
    let mut reader = reader(path)?;
    let header = reader
        .byte_headers()
        .map_err(|error| record_error(path, error))?
        .clone();
    let columns = Columns::new(path, &header, targets)?;

    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let mut record = ByteRecord::new();
    let mut n_samples = 0;
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| record_error(path, error))?
    {
        n_samples += 1;
        let value = |column: usize| {
            finite(&record[column]).map_err(|problem| Error::Cell {
                path: path.to_owned(),
                line: line_of(path, record.position()),
                column: columns.names[column].clone(),
                problem,
            })
        };
        for (values, columns) in [
            (&mut inputs, &columns.inputs),
            (&mut targets, &columns.targets),
        ] {
            for column in columns {
                values.push(value(*column)?);
            }
        }
    }
    if n_samples == 0 {
        return Err(Error::Table {
            path: path.to_owned(),
            problem: "the file holds a header and no rows; add at least one".to_owned(),
        });
    }
    Ok(Dataset {
        source: path.display().to_string(),
        n_samples,
        input_names: columns.named(&columns.inputs),
        target_names: columns.named(&columns.targets),
        rows: Rows::Stored {
            inputs,
            targets,
            file: Some(path.to_owned()),
        },
    })
}

/// The line of row `row`, where the file can still be read.
pub(super) fn line_of_row(path: &Path, row: usize) -> Option<u64> {
    let record = reader(path).ok()?.into_byte_records().nth(row)?.ok()?;
    Some(line_of(path, record.position()))
}

fn reader(path: &Path) -> Result<Reader<File>> {
    Ok(ReaderBuilder::new()
        .trim(Trim::All)
        .buffer_capacity(1 << 20)
        .from_reader(open(path)?))
}

/// The line a record starts on. The reader's own count stands before the blank lines that it skips
/// and before the second half of `\r\n`, so the file is read once more; where that cannot be done,
/// its count has to do.
fn line_of(path: &Path, position: Option<&Position>) -> u64 {
    let Some(position) = position else {
        return 1;
    };
    let counted = || {
        let file = BufReader::new(File::open(path).ok()?);
        let mut line = 1;
        for (at, byte) in (0..).zip(file.bytes()) {
            let byte = byte.ok()?;
            if at >= position.byte() && !matches!(byte, b'\r' | b'\n') {
                return Some(line);
            }
            line += u64::from(byte == b'\n');
        }
        None
    };
    counted().unwrap_or(position.line())
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
    /// The feature columns, in the order of the file.
    inputs: Vec<usize>,
    /// The target columns, in the order in which they were named.
    targets: Vec<usize>,
}

impl Columns {
    fn new(path: &Path, header: &ByteRecord, targets: &[String]) -> Result<Self> {
        let table = |problem| {
            Err(Error::Table {
                path: path.to_owned(),
                problem,
            })
        };
        if header.is_empty() {
            return table(
                "the file is empty; it needs a header line of column names, then rows".to_owned(),
            );
        }
        let names = names(header).map_err(|problem| Error::Line {
            path: path.to_owned(),
            line: line_of(path, header.position()),
            problem,
        })?;
        let last = names.last().map(std::slice::from_ref).unwrap_or_default();
        let wanted = if targets.is_empty() { last } else { targets };
        let mut found = Vec::with_capacity(wanted.len());
        for name in wanted {
            let Some(column) = names.iter().position(|other| other == name) else {
                return table(format!(
                    "has no column `{}` for --target; its columns are {}",
                    shown(name),
                    listed(&names)
                ));
            };
            if found.contains(&column) {
                return table(format!(
                    "--target names column `{}` twice; name it once",
                    shown(name)
                ));
            }
            found.push(column);
        }
        let inputs: Vec<usize> = (0..names.len())
            .filter(|column| !found.contains(column))
            .collect();
        if inputs.is_empty() {
            return table(format!(
                "has no feature column: {} is all there is, and a target; cells are separated by commas",
                listed(&names)
            ));
        }
        Ok(Self {
            names,
            inputs,
            targets: found,
        })
    }

    fn named(&self, columns: &[usize]) -> Vec<String> {
        columns
            .iter()
            .map(|column| self.names[*column].clone())
            .collect()
    }
}

/// The names of the columns, each there once.
fn names(header: &ByteRecord) -> std::result::Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    let mut columns = HashMap::with_capacity(header.len());
    for (column, name) in (1..).zip(header) {
        let name = std::str::from_utf8(name).map_err(|_| {
            format!("the name of column {column} is not UTF-8; save the file as UTF-8")
        })?;
        if let Some(first) = columns.insert(name, column) {
            return Err(format!(
                "columns {first} and {column} are both named `{}`; rename one",
                shown(name)
            ));
        }
        names.push(name.to_owned());
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

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut list: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    if names.len() > SHOWN {
        list.push(format!("and {} more", names.len() - SHOWN));
    }
    list.join(", ")
}

/// A name or a cell on one line, cut where it is long.
fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

fn record_error(path: &Path, error: csv::Error) -> Error {
    match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => Error::Line {
            path: path.to_owned(),
            line: line_of(path, pos.as_ref()),
            problem: format!(
                "{len} cells where the header has {expected_len}; every row needs as many"
            ),
        },
        _ => {
            let text = error.to_string();
            match error.into_kind() {
                ErrorKind::Io(source) => Error::File {
                    path: path.to_owned(),
                    source,
                },
                _ => Error::Table {
                    path: path.to_owned(),
                    problem: text,
                },
            }
        }
    }
}
