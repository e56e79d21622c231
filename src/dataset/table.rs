//! A table as the reader of a format gives it, before its columns become inputs and targets.
#![allow(dead_code, reason = "the readers come one by one")]

use super::csv::Lines;
use crate::error::Result;
use memmap2::Mmap;
use std::sync::Arc;

/// What is said of a text in a column of numbers.
pub(super) const NO_NUMBER: &str = "is no number; every cell needs one";

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

    /// The values where they lie, if the table is one mapped row-major array of them.
    fn in_place(&self) -> Option<InPlace> {
        None
    }
}

/// A mapped file that holds `<f4` (rows, width), not looked at yet.
#[derive(Clone, Debug)]
pub(super) struct InPlace {
    pub(super) file: Arc<Mmap>,
    /// Byte of the first value, a multiple of 4.
    pub(super) offset: usize,
    pub(super) width: usize,
    pub(super) n_rows: usize,
}

/// The cells of some columns.
#[derive(Debug, Default)]
pub(super) struct Cells {
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
