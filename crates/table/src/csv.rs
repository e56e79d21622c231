//! CSV files: a header line, then rows of cells. Strict: what cannot be used is an error, never skipped or mended.
//!
//! Threads read the rows in pieces that end where a row does. A quoted cell goes on over line ends, so a piece with
//! quotes is gone through once more, to find its end.

mod cell;
mod decode;
mod header;
mod infer;
mod piece;
mod separator;
mod tally;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::options::TextOptions;
use crate::reader::{Batch, Columns, Kind, Reader};
use header::Header;
use neuralnet::data::Lines;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tally::Tally;

/// Bytes of the pieces that are read at once, but for the last row.
const SPAN_BYTES: usize = 1 << 26;

/// A CSV file whose header is read.
pub(crate) struct Csv {
    path: PathBuf,
    bytes: Bytes,
    /// What its first lines say, and how much was read so far.
    header: Header,
    tally: Tally,
    /// Blank lines before the last row so far, and behind it.
    n_blank: [u64; 2],
}

impl Csv {
    /// Reads the header of the file `path` of these bytes, unpacked ones. The file must not be changed or cut short
    /// while it is read: results would be wrong, or the process would be ended.
    ///
    /// # Errors
    /// If the file has no header and rows.
    pub(crate) fn open(path: &Path, bytes: Bytes, options: &TextOptions) -> Result<Self> {
        let bytes = decode::decoded(bytes).map_err(|reason| Error::file(path, reason))?;
        Ok(Self {
            header: header::read(path, &bytes, options)?,
            path: path.to_owned(),
            bytes,
            tally: Tally::default(),
            n_blank: [0; 2],
        })
    }

    /// The pieces of about `n_rows` rows, or of as many as are read at once.
    fn pieces(&self, mut n_rows: usize) -> Vec<Range<usize>> {
        let (mut pieces, mut at) = (Vec::new(), self.header.start);
        while n_rows > 0 && at < self.bytes.len() && at - self.header.start < SPAN_BYTES {
            let (end, n_lines) = piece::end(&self.bytes, at, n_rows, &self.header.dialect);
            if n_rows != usize::MAX {
                n_rows -= n_lines;
            }
            pieces.push(at..end);
            at = end;
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
        let header = &mut self.header;
        let names = &header.columns.names;
        let read = |piece: &Range<usize>| {
            piece::read(&self.bytes[piece.clone()], &header.dialect, names, wanted)
        };
        let read: Vec<_> = pieces.par_iter().map(read).collect();
        for (piece, range) in read.into_iter().zip(pieces) {
            let mut piece = piece.map_err(|mut error| {
                if let Error::Table { place, .. } = &mut error {
                    place.source = self.path.display().to_string();
                    place.line = place.line.map(|line| header.n_lines + line);
                }
                error
            })?;
            self.tally.add(piece.tally);
            let [before, behind] = piece.n_blank;
            if piece.batch.n_rows > 0 {
                self.n_blank[0] += before + std::mem::take(&mut self.n_blank[1]);
            }
            self.n_blank[1] += behind;
            let mut lines = Lines::default();
            lines.append(&piece.batch.places, 0, header.n_lines);
            piece.batch.places = lines;
            (header.start, header.n_lines) = (range.end, header.n_lines + piece.n_lines);
            if piece.batch.n_rows > 0 {
                batches.push(piece.batch);
            }
        }
        self.bytes.renew()
    }
}

impl Reader for Csv {
    fn columns(&self) -> &Columns {
        &self.header.columns
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
        for (slot, (column, kind)) in wanted.iter().enumerate() {
            if *kind == Kind::Inferred {
                let (dialect, tally) = (&self.header.dialect, &mut self.tally);
                infer::infer(&mut batches, (slot, *column), dialect, tally);
            }
        }
        Ok(batches)
    }

    /// Those of the text, which may have been compressed.
    fn n_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn take_notices(&mut self) -> Vec<String> {
        let tally = std::mem::take(&mut self.tally);
        let mut notices = tally.notices(&self.header.dialect, &self.header.columns.names);
        // Of several columns, a row without any cell has separators.
        let n_blank = std::mem::take(&mut self.n_blank[0]);
        if n_blank > 0 && self.header.columns.names.len() == 1 {
            let lines = if n_blank == 1 {
                "line is no row"
            } else {
                "lines are no rows"
            };
            notices.push(format!(
                "{n_blank} blank {lines}; a missing cell is written as `\"\"`"
            ));
        }
        notices
    }

    fn missing_texts(&self, column: usize) -> Vec<String> {
        self.tally.missing_texts(column, &self.header.dialect)
    }
}
