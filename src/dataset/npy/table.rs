//! A `.npy` file as a table.

use super::array::Array;
use super::element::Element;
use crate::dataset::map;
use crate::dataset::table::{Cells, InPlace, Kind, Table};
use crate::error::{Error, Result};
use memmap2::Mmap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A mapped file whose header is read.
#[derive(Debug)]
pub(in crate::dataset) struct Npy {
    path: PathBuf,
    file: Arc<Mmap>,
    /// Its columns are named by their numbers.
    names: Vec<String>,
}

/// Opens the array in the file `path`; one dimension is one column.
///
/// # Errors
/// Where the file cannot be mapped, or holds no array of plain numbers or texts.
pub(in crate::dataset) fn open(path: &Path) -> Result<Npy> {
    let file = Arc::new(map::file(path, ".npy")?);
    let array = Array::of(&file).map_err(|problem| Error::table(path, problem))?;
    Ok(Npy {
        path: path.to_owned(),
        names: (0..array.width).map(|column| column.to_string()).collect(),
        file,
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
        cells.map_err(|problem| Error::table(&self.path, problem))
    }

    fn remedy_of_one_column(&self) -> &'static str {
        ": save numpy.column_stack((X, y))"
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
