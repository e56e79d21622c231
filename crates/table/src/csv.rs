//! CSV files, compressed by gzip where their name ends in `.gz`: a header line, then rows of cells. Strict: what
//! cannot be used is an error, never skipped.
//!
//! The header is the `csv` crate's. The rows are read by threads, in pieces that end where a line does: so a line
//! ends wherever one stands, within quotes as well. The crate would mend misplaced quotes, and count no blank lines.

mod piece;
mod rows;

use super::columns::shown;
use super::map::{self, Bytes};
use super::table::{Cells, Kind, MAX_TEXTS, Spans, Table};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use memchr::{memchr, memchr_iter};
use piece::{Cause, Fault, Piece, Role};
use rayon::prelude::*;
use rows::{Rows, Stop};
use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes that one thread reads at a time, to the end of a line.
const PIECE_BYTES: usize = 1 << 18;
/// Pieces read at once, before the next ones are begun.
const PIECES: usize = 256;
/// Most bytes of a span, but for the end of its last line.
const SPAN_BYTES: usize = 1 << 26;

/// A CSV file whose header is read.
pub(super) struct Csv {
    path: PathBuf,
    bytes: Bytes,
    names: Vec<String>,
    /// Where the line after the header begins, or after the spans that were read.
    start: usize,
    /// Lines before that.
    n_lines: u64,
    /// Rows of the spans that were read.
    n_rows: usize,
}

impl Csv {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut csv = Self {
            path: path.to_owned(),
            bytes: map::bytes(path, "CSV")?,
            names: Vec::new(),
            start: 0,
            n_lines: 0,
            n_rows: 0,
        };
        let extension = path.extension();
        if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
            csv.bytes = Bytes::Read(csv.unpacked()?);
        }
        csv.header()?;
        Ok(csv)
    }

    fn unpacked(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        // Several members one after the other are one file, as they are to gzip.
        let unpacked = MultiGzDecoder::new(&self.bytes[..]).read_to_end(&mut text);
        match unpacked {
            // The decoder takes no bytes at all for a whole file.
            Ok(_) if !self.bytes.is_empty() => Ok(text),
            Ok(_) => Err(self.empty()),
            Err(error) => Err(self.table(format!(
                "cannot be unpacked after line {} ({error}); it is damaged, cut short, or no gzip file",
                memchr_iter(b'\n', &text).count()
            ))),
        }
    }

    /// Reads the names of the columns.
    fn header(&mut self) -> Result<()> {
        let mut start = 0;
        let line = loop {
            if start == self.bytes.len() {
                return Err(self.empty());
            }
            let end = memchr(b'\n', &self.bytes[start..]);
            let end = end.map_or(self.bytes.len(), |end| start + end + 1);
            let line = start..end;
            start = end;
            self.n_lines += 1;
            if !self.bytes[line.clone()].trim_ascii().is_empty() {
                break line;
            }
        };
        let text = &self.bytes[line];
        for (magic, what, ending) in [
            (&GZIP[..], "gzip", ".gz"),
            (super::npy::MAGIC, "NumPy", ".npy"),
        ] {
            if text.starts_with(magic) {
                return Err(self.table(format!(
                    "is a {what} file; give it a name that ends in {ending}"
                )));
            }
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        self.names = names(text).map_err(|reason| Error::Line {
            path: self.path.clone(),
            line: self.n_lines,
            reason,
        })?;
        self.start = start;
        Ok(())
    }

    /// Reads the rows from the start up to the byte `end`, their columns as `roles` says.
    fn rows(&self, roles: &[Role], width: usize, end: usize) -> std::result::Result<Rows, Stop> {
        let pieces = pieces(&self.bytes[..end], self.start);
        // Room for as many rows as there are lines, so that each piece knows where its first one goes.
        let n_values = |piece: &Range<usize>| width * n_lines(&self.bytes[piece.clone()]);
        let n_values: Vec<usize> = pieces.par_iter().map(n_values).collect();
        let mut rows = Rows::new(width, self.n_lines, n_values.iter().sum())?;
        let mut start = 0;
        for (pieces, n_values) in pieces.chunks(PIECES).zip(n_values.chunks(PIECES)) {
            let mut left = &mut rows.cells.values[start..];
            let places: Vec<&mut [f32]> = n_values
                .iter()
                .map(|n_values| left.split_off_mut(..*n_values).expect("room for all lines"))
                .collect();
            let read: Vec<_> = pieces
                .par_iter()
                .zip(places)
                .map(|(piece, values)| {
                    Piece::read(&self.bytes[piece.clone()], roles, width, values)
                })
                .collect();
            for (piece, n_values) in read.into_iter().zip(n_values) {
                let piece = piece.map_err(|fault| Stop::Fault(rows.placed(fault)))?;
                rows.append(&piece, start)?;
                start += n_values;
            }
        }
        Ok(rows)
    }

    /// What becomes of each column of the file.
    fn roles(&self, wanted: &[(usize, Kind)]) -> Vec<Role> {
        let mut roles = vec![Role::Skipped; self.names.len()];
        for (slot, (column, kind)) in wanted.iter().enumerate() {
            roles[*column] = match kind {
                Kind::Text => Role::Text { slot },
                Kind::Number | Kind::Either => Role::Number {
                    slot,
                    or_text: *kind == Kind::Either,
                },
            };
        }
        roles
    }

    /// Where the next span ends: after `n_rows` lines, if not before.
    fn span_end(&self, n_rows: usize) -> usize {
        let left = &self.bytes[self.start..];
        let most = &left[..left.len().min(SPAN_BYTES)];
        let end = memchr_iter(b'\n', most).nth(n_rows.max(1) - 1);
        let end = end.or_else(|| Some(most.len() + memchr(b'\n', &left[most.len()..])?));
        end.map_or(self.bytes.len(), |end| self.start + end + 1)
    }

    fn stopped(&self, stop: Stop, wanted: &[(usize, Kind)]) -> Error {
        match stop {
            Stop::Fault(fault) => self.error(fault),
            Stop::Texts(slot) => {
                let name = shown(&self.names[wanted[slot].0]);
                self.table(format!(
                    "column `{name}` holds more than {MAX_TEXTS} different texts; leave it out with --drop {name}, or name another column"
                ))
            }
            Stop::Memory(needed) => neuralnet::Error::HostMemory {
                what: format!("{}: its table", self.path.display()),
                needed,
            }
            .into(),
        }
    }

    fn without_rows(&self) -> Error {
        self.table("holds a header and no rows; add at least one".to_owned())
    }

    fn error(&self, fault: Fault) -> Error {
        let path = self.path.clone();
        let Fault { line, reason, .. } = fault;
        let Some(column) = fault.column else {
            return Error::Line { path, line, reason };
        };
        let column = self.names[column].clone();
        match fault.cause {
            Cause::NotANumber => Error::NotANumber {
                path,
                line,
                column,
                reason,
            },
            Cause::TextInstead | Cause::Other => Error::Cell {
                path,
                line,
                column,
                reason,
            },
        }
    }

    fn empty(&self) -> Error {
        self.table(
            "the file is empty; it needs a header line of column names, then rows".to_owned(),
        )
    }

    fn table(&self, reason: String) -> Error {
        Error::table(&self.path, reason)
    }
}

impl Table for Csv {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn remedy_of_one_column(&self) -> &'static str {
        ", and cells are separated by commas"
    }

    /// Those of the text, which may have been packed, or come from a pipe.
    fn n_bytes(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn spans(&mut self) -> Option<&mut dyn Spans> {
        Some(self)
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        let mut roles = self.roles(wanted);
        loop {
            match self.rows(&roles, wanted.len(), self.bytes.len()) {
                Ok(rows) if rows.cells.n_rows == 0 => return Err(self.without_rows()),
                Ok(rows) => return Ok(rows.cells()),
                // Texts after all, and so were the numbers before: from the start.
                Err(Stop::Fault(Fault {
                    column: Some(column),
                    cause: Cause::TextInstead,
                    ..
                })) => {
                    let slot = wanted.iter().position(|(wanted, _)| *wanted == column);
                    let slot = slot.expect("only a wanted column is read");
                    roles[column] = Role::Text { slot };
                }
                Err(stop) => return Err(self.stopped(stop, wanted)),
            }
        }
    }
}

impl Spans for Csv {
    fn is_at_end(&self) -> bool {
        self.start == self.bytes.len()
    }

    fn next_span(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Cells> {
        let end = self.span_end(n_rows);
        let rows = self.rows(&self.roles(wanted), wanted.len(), end);
        let rows = rows.map_err(|stop| self.stopped(stop, wanted))?;
        (self.start, self.n_lines) = (end, rows.n_lines);
        let cells = Cells {
            first_row: self.n_rows,
            ..rows.cells()
        };
        self.n_rows += cells.n_rows;
        self.bytes.renew()?;
        match self.n_rows == 0 && self.is_at_end() {
            true => Err(self.without_rows()),
            false => Ok(cells),
        }
    }
}

/// Pieces of about the same length, each of whole lines, whatever the number of threads.
fn pieces(text: &[u8], mut start: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    while start < text.len() {
        let about = (start + PIECE_BYTES).min(text.len());
        let end = memchr(b'\n', &text[about..]).map_or(text.len(), |end| about + end + 1);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

fn n_lines(text: &[u8]) -> usize {
    let is_open = text.last().is_some_and(|last| *last != b'\n');
    memchr_iter(b'\n', text).count() + usize::from(is_open)
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
