//! A `.npy` file as a table.

use super::array::Array;
use super::element::Element;
use crate::error::{Error, Result};
use crate::map;
use crate::table::{Cells, InPlace, Kind, Spans, Table};
use memmap2::Mmap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A mapped file whose header is read.
#[derive(Debug)]
pub(crate) struct Npy {
    path: PathBuf,
    file: Arc<Mmap>,
    /// Its columns are named by their numbers.
    names: Vec<String>,
    /// Rows of the spans that were read.
    n_read: usize,
}

/// Opens the array in the file `path`; one dimension is one column.
///
/// # Errors
/// Where the file cannot be mapped, or holds no array of plain numbers or texts.
pub(crate) fn open(path: &Path) -> Result<Npy> {
    let file = Arc::new(map::file(path, ".npy")?);
    let array = Array::of(&file).map_err(|reason| Error::table(path, reason))?;
    Ok(Npy {
        path: path.to_owned(),
        names: (0..array.width).map(|column| column.to_string()).collect(),
        file,
        n_read: 0,
    })
}

impl Npy {
    fn array(&self) -> Array<'_> {
        Array::of(&self.file).expect("it was read before")
    }
}

impl Table for Npy {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        let array = self.array();
        let cells = array.cells(wanted, &self.names);
        cells.map_err(|reason| Error::table(&self.path, reason))
    }

    fn remedy_of_one_column(&self) -> &'static str {
        ": save numpy.column_stack((X, y))"
    }

    /// What is used where it lies is not read.
    fn spans(&mut self) -> Option<&mut dyn Spans> {
        match self.in_place() {
            Some(_) => None,
            None => Some(self),
        }
    }

    fn in_place(&self) -> Option<InPlace> {
        let array = self.array();
        let offset = self.file.len() - array.values.len();
        let as_it_stands =
            array.element == Element::F32 && !array.fortran_order && offset.is_multiple_of(4);
        as_it_stands.then(|| InPlace {
            file: Arc::clone(&self.file),
            offset,
            width: array.width,
            n_rows: array.n_rows,
        })
    }
}

impl Spans for Npy {
    fn is_at_end(&self) -> bool {
        self.n_read == self.array().n_rows
    }

    fn next_span(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Cells> {
        let all = self.array();
        let span = Array {
            first_row: self.n_read,
            n_rows: n_rows.min(all.n_rows - self.n_read),
            ..all
        };
        let cells = span.cells(wanted, &self.names);
        let cells = cells.map_err(|reason| Error::table(&self.path, reason))?;
        self.n_read += cells.n_rows;
        Ok(cells)
    }
}
