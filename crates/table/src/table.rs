//! A table as the reader of a format gives it, before its columns become inputs and targets.

use crate::error::Result;
use memmap2::Mmap;
use neuralnet::data::Lines;
use std::sync::Arc;

// Values in place are used as they stand in the file.
const _: () = assert!(cfg!(target_endian = "little"), "`<f4` is little-endian");

/// What is said of a text where a number is needed; whoever knows the column's use adds what helps.
pub(super) const NOT_A_NUMBER: &str = "is not a number; every cell needs one";

/// What is said of a value in NumPy's files that nothing can be trained on.
pub(super) const NOT_FINITE: &str = "is not finite; every value must be, and X[numpy.isfinite(X).all(axis=1)] keeps the rows that are";

/// More different texts than this are neither classes nor categories, so a reader may stop there.
pub(super) const MAX_TEXTS: usize = 10_000;

/// What the cells of a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers; a text is an error.
    Number,
    /// Texts, numbers among them taken as they are written.
    Text,
    /// Numbers, if all of its cells are, otherwise texts.
    Either,
}

/// A file whose columns are known, and whose cells are not read yet.
pub(super) trait Table {
    /// The names of its columns, in their order.
    fn names(&self) -> &[String];

    /// Reads the columns `wanted`, each a number of a column and what its cells may be, in this order.
    ///
    /// # Errors
    /// Where a cell cannot be read or is not what its column may be; it is named.
    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells>;

    /// What may be wrong with a table of one column.
    fn remedy_of_one_column(&self) -> &'static str {
        ""
    }

    /// Bytes to read, where they are not those of the file.
    fn n_bytes(&self) -> Option<u64> {
        None
    }

    /// Its rows a span at a time, where its format does not have to be unpacked as a whole.
    fn spans(&mut self) -> Option<&mut dyn Spans> {
        None
    }

    /// The values where they lie, if they can be used there; then they need not be read.
    fn in_place(&self) -> Option<InPlace> {
        None
    }
}

/// A table that is read from its first row to its last, some at a time.
pub(super) trait Spans {
    /// Whether all was read.
    fn is_at_end(&self) -> bool;

    /// Reads the columns `wanted` of the next rows, `n_rows` of them at most, maybe none. They are as those of
    /// [`Table::read`], but that the codes of texts are the span's own. No column may be of [`Kind::Either`]: one
    /// span would not know what another one holds.
    ///
    /// # Errors
    /// As [`Table::read`], once the first such cell is reached.
    fn next_span(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Cells>;
}

/// The cells of some columns.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// Rows of the table before these.
    pub(super) first_row: usize,
    pub(super) n_rows: usize,
    /// (rows, columns), row-major: a finite number, the code of a text, or NaN for an empty cell.
    pub(super) values: Vec<f32>,
    /// Of each column, its texts in the order of their codes, from 0; none where it is of numbers.
    pub(super) texts: Vec<Vec<String>>,
    /// Of each column, how many of its cells are empty.
    pub(super) n_empty: Vec<usize>,
    /// Where the rows stand in a file of lines.
    pub(super) lines: Lines,
}

/// A table of f32 in a mapped file, row-major; whether they are finite is not known yet.
#[derive(Clone, Debug)]
pub(super) struct InPlace {
    pub(super) file: Arc<Mmap>,
    /// Byte of the first value, a multiple of 4.
    pub(super) offset: usize,
    /// All of its columns.
    pub(super) width: usize,
    pub(super) n_rows: usize,
}

impl AsRef<[f32]> for InPlace {
    /// (rows, width)
    fn as_ref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.file[self.offset..])
    }
}
