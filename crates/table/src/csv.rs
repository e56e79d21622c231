//! CSV files: a header line, then rows of cells. Strict: what cannot be used is an error, never skipped or mended.
//!
//! Threads read the rows in pieces that end where a row does. A quoted cell goes on over line ends, so a piece with
//! quotes is gone through once more, to find its end.

mod cell;
mod decode;
mod header;
mod own;
mod piece;

use crate::error::{Error, Place, Result, listed, shown};
use crate::file::{self, Bytes};
use crate::options::TextOptions;
use crate::reader::{Batch, Columns, Kind, Reader};
use cell::Dialect;
use neuralnet::data::Lines;
use piece::{Fault, Piece, Tally};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of the pieces that are read at once, but for the last row.
const SPAN_BYTES: usize = 1 << 26;

/// A CSV file whose header is read.
pub(crate) struct Csv {
    path: PathBuf,
    bytes: Bytes,
    dialect: Dialect,
    columns: Columns,
    /// Where the first row that was not read begins.
    start: usize,
    /// Lines before that.
    n_lines: u64,
    /// Rows before that.
    n_rows: usize,
    /// What the cells of each column were taken for.
    tallies: BTreeMap<usize, Tally>,
}

impl Csv {
    /// Reads the header of the file `path`, which may be compressed. The file must not be changed or cut short while it
    /// is read: results would be wrong, or the process would be ended.
    ///
    /// # Errors
    /// If the file cannot be read, or has no header and rows.
    pub(crate) fn open(path: &Path, options: &TextOptions) -> Result<Self> {
        let bytes = file::decompressed(path, file::bytes(path, "CSV")?)?;
        let bytes = decode::decoded(bytes).map_err(|reason| Error::file(path, reason))?;
        let header = header::read(path, &bytes, options)?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            dialect: header.dialect,
            columns: header.columns,
            start: header.start,
            n_lines: header.n_lines,
            n_rows: 0,
            tallies: BTreeMap::new(),
        })
    }

    /// The pieces of about `n_rows` rows, or of as many as are read at once.
    fn pieces(&self, mut n_rows: usize) -> Vec<Range<usize>> {
        let (mut pieces, mut at) = (Vec::new(), self.start);
        while n_rows > 0 && at < self.bytes.len() && at - self.start < SPAN_BYTES {
            let start = at;
            let n_lines;
            (at, n_lines) = piece::end(&self.bytes, start, n_rows, self.dialect.separator);
            n_rows -= n_lines;
            pieces.push(start..at);
        }
        pieces
    }

    /// Reads the pieces, and puts a batch of each behind `batches`.
    fn append(
        &mut self,
        pieces: &[Range<usize>],
        wanted: &[(usize, Kind)],
        batches: &mut Vec<Batch>,
    ) -> Result<()> {
        let n_columns = self.columns.names.len();
        let read = |piece: &Range<usize>| {
            Piece::read(&self.bytes[piece.clone()], &self.dialect, n_columns, wanted)
        };
        let read: Vec<_> = pieces.par_iter().map(read).collect();
        for piece in read {
            let piece = piece.map_err(|fault| self.error(fault))?;
            for ((column, _), tally) in wanted.iter().zip(&piece.tallies) {
                self.tallies.entry(*column).or_default().take_on(tally);
            }
            let mut lines = Lines::default();
            lines.append(&piece.lines, 0, self.n_lines);
            if piece.n_rows > 0 {
                batches.push(Batch {
                    columns: piece.columns,
                    n_rows: piece.n_rows,
                    first_row: self.n_rows,
                    lines,
                });
            }
            self.n_rows += piece.n_rows;
            self.n_lines += piece.n_lines;
        }
        self.start = pieces.last().map_or(self.start, |piece| piece.end);
        self.bytes.renew()
    }

    fn error(&self, fault: Fault) -> Error {
        let place = Place::line(&self.path, self.n_lines + fault.line);
        Error::Table {
            place: match fault.column {
                Some(column) => place.column(&self.columns.names[column]),
                None => place,
            },
            reason: fault.reason,
            is_text: fault.is_text,
            remedies: fault.remedies,
        }
    }
}

impl Reader for Csv {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        // Lines may be blank, so a span may be without rows.
        while batches.is_empty() || n_rows == usize::MAX {
            let pieces = self.pieces(n_rows);
            if pieces.is_empty() {
                break;
            }
            self.append(&pieces, wanted, &mut batches)?;
        }
        for (slot, _) in wanted
            .iter()
            .enumerate()
            .filter(|(_, (_, kind))| *kind == Kind::Own)
        {
            own::take(&mut batches, slot, &self.dialect);
        }
        Ok(batches)
    }

    /// Those of the text, which may have been compressed.
    fn n_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn take_notices(&mut self) -> Vec<String> {
        let mut notices = Vec::new();
        let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (column, tally) in std::mem::take(&mut self.tallies) {
            let name = &self.columns.names[column];
            for (n_cells, spelling) in tally
                .missing
                .iter()
                .zip(&self.dialect.missing)
                .filter(|(n, _)| **n > 0)
            {
                let (name, spelling) = (shown(name), shown(&spelling.text));
                let (cells, are) = if *n_cells == 1 {
                    ("cell", "is")
                } else {
                    ("cells", "are")
                };
                notices.push(format!(
                    "{n_cells} {cells} of `{name}` {are} `{spelling}`, which counts as missing"
                ));
            }
            for word in tally.words() {
                words.entry(word).or_default().push(name);
            }
        }
        for (word, names) in words {
            let columns = if names.len() == 1 {
                "column"
            } else {
                "columns"
            };
            notices.push(format!(
                "{columns} {}: {word} are read as 1 and 0",
                listed(names)
            ));
        }
        notices
    }
}
