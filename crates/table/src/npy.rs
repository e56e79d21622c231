//! NumPy's `.npy` files, and tables that are made of such arrays; values of `<f4` in C order can be used where they
//! lie.

mod element;
mod header;

pub(crate) use element::Element;
pub(crate) use header::{Header, MAX_COLUMNS};

use crate::error::{Error, Place, Result, in_order};
use crate::file::Bytes;
use crate::reader::{Batch, Columns, InPlace, Kind, Reader};
use arrow_array::ArrayRef;
use neuralnet::data::TableValues;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Numbers of one batch, about; few enough to stay in a core's cache while its columns are taken from the rows.
const BATCH_NUMBERS: usize = 1 << 18;

/// Opens the array in the file `path` of these bytes. One dimension is one column; of more than two, each entry of the first is a row.
///
/// # Errors
/// If it is not such an array.
pub(crate) fn open(path: &Path, bytes: Bytes) -> Result<Arrays> {
    let array = Array::of(path, bytes).map_err(|reason| Error::file(path, reason))?;
    let names = (0..array.header.width()).map(|column| column.to_string());
    let columns = Columns {
        notices: array.header.notice("the array").into_iter().collect(),
        ..Columns::named(names.collect())
    };
    Ok(Arrays::new(columns, vec![array]))
}

/// An array in the bytes of a file.
pub(crate) struct Array {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Bytes,
    pub(crate) header: Header,
}

impl Array {
    /// The array of the `.npy` file whose bytes are `bytes`; what is wrong with it, and what to do, if it is not one.
    pub(crate) fn of(path: &Path, bytes: Bytes) -> std::result::Result<Self, String> {
        let (path, header) = (path.to_owned(), Header::read(&bytes)?);
        Ok(Self {
            path,
            bytes,
            header,
        })
    }

    /// The cells of the column `column`, which is called `name`, in the rows `rows`.
    ///
    /// # Errors
    /// The first cell that is not what its type says.
    pub(crate) fn cells(&self, column: usize, name: &str, rows: &Range<usize>) -> Result<ArrayRef> {
        let Header {
            element,
            is_fortran,
            offset,
            ..
        } = self.header;
        let width = self.header.width();
        let (first, step) = match is_fortran {
            false => (rows.start * width + column, width),
            true => (
                self.fortran_index(column) * self.header.n_rows() + rows.start,
                1,
            ),
        };
        let values = &self.bytes[offset + first * element.n_bytes..];
        let cells = values.chunks(step * element.n_bytes).take(rows.len());
        element.array(cells).map_err(|(row, reason)| {
            let row = Some(rows.start + row);
            let place = Place {
                row,
                ..Place::file(&self.path)
            };
            Error::at(place.column(name), reason)
        })
    }

    /// The index of a column among those of an array whose first dimension varies fastest: the same, unless there are
    /// more than two dimensions.
    fn fortran_index(&self, column: usize) -> usize {
        let mut rest = column;
        self.header.shape[1..].iter().rev().fold(0, |index, size| {
            let at = rest % size;
            rest /= size;
            index * size + at
        })
    }
}

/// Arrays of as many rows each, side by side.
pub(crate) struct Arrays {
    columns: Columns,
    pub(crate) arrays: Vec<Array>,
    /// Why the columns behind those of the arrays cannot be read, if there are any.
    pub(crate) missing: String,
    /// Rows that were read.
    n_read: usize,
}

impl Arrays {
    pub(crate) fn new(columns: Columns, arrays: Vec<Array>) -> Self {
        Self {
            columns,
            arrays,
            missing: String::new(),
            n_read: 0,
        }
    }

    /// The array that the column `column` of the table is in, and its index there.
    fn array_of(&self, column: usize) -> Result<(&Array, usize)> {
        let mut index = column;
        for array in &self.arrays {
            match index.checked_sub(array.header.width()) {
                None => return Ok((array, index)),
                Some(rest) => index = rest,
            }
        }
        Err(Error::setting("labels", self.missing.clone()))
    }
}

impl Reader for Arrays {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let n_all = self.arrays[0].header.n_rows();
        let (first, end) = (self.n_read, self.n_read.saturating_add(n_rows).min(n_all));
        let names = &self.columns.names;
        let sources = wanted
            .iter()
            .map(|(column, _)| Ok((self.array_of(*column)?, &names[*column])));
        let sources = sources.collect::<Result<Vec<_>>>()?;
        let step = (BATCH_NUMBERS / wanted.len().max(1)).max(1);
        let starts: Vec<usize> = (first..end).step_by(step).collect();
        let batches = starts.into_par_iter().map(|start| {
            let rows = start..(start + step).min(end);
            let cells = sources
                .iter()
                .map(|((array, column), name)| array.cells(*column, name, &rows));
            Ok::<_, Error>(Batch::without_lines(
                cells.collect::<Result<_>>()?,
                rows.len(),
                start,
            ))
        });
        let batches = in_order(batches)?;
        self.skip(end - first)?;
        Ok(batches)
    }

    fn skip(&mut self, n_rows: usize) -> Result<()> {
        self.n_read += n_rows;
        let mut arrays = self.arrays.iter_mut();
        arrays.try_for_each(|array| array.bytes.renew())
    }

    fn n_bytes(&self) -> u64 {
        self.arrays
            .iter()
            .map(|array| array.bytes.len() as u64)
            .sum()
    }

    fn in_place(&self, n_rows: usize) -> Option<InPlace> {
        let [Array { bytes, header, .. }] = &self.arrays[..] else {
            return None;
        };
        let n_rows = n_rows.min(header.n_rows() - self.n_read);
        if header.element != Element::F32 || header.is_fortran || n_rows == 0 {
            return None;
        }
        let n_bytes = header.width() * size_of::<f32>();
        let start = header.offset + self.n_read * n_bytes;
        let values = bytes.shared().slice(start..start + n_rows * n_bytes);
        let fits = bytemuck::try_cast_slice::<u8, f32>(&values).is_ok();
        fits.then(|| InPlace {
            values: Arc::new(TableValues::Shared(Box::new(Floats(values)))),
            width: header.width(),
            first_row: self.n_read,
        })
    }
}

/// The floats in a part of a file.
struct Floats(bytes::Bytes);

impl AsRef<[f32]> for Floats {
    fn as_ref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrays, Header, open};
    use crate::reader::{Kind, Reader};
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt8Type;
    use std::path::PathBuf;

    fn written(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn opened(path: &std::path::Path) -> Arrays {
        open(path, crate::file::read(path).unwrap()).unwrap()
    }

    /// The numbers of all columns, row by row.
    fn rows(path: &std::path::Path, n_rows: usize) -> Vec<Vec<u8>> {
        let mut npy = opened(path);
        let wanted: Vec<_> = (0..npy.columns().names.len())
            .map(|column| (column, Kind::Inferred))
            .collect();
        let mut rows = Vec::new();
        loop {
            let batches = npy.read(&wanted, n_rows).unwrap();
            if batches.is_empty() {
                return rows;
            }
            for batch in batches {
                assert_eq!(batch.places.line(0), Some(rows.len() as u64));
                let columns = batch
                    .columns
                    .iter()
                    .map(|column| column.as_primitive::<UInt8Type>());
                let columns: Vec<_> = columns.collect();
                rows.extend((0..batch.n_rows).map(|row| {
                    columns
                        .iter()
                        .map(|column| column.value(row))
                        .collect::<Vec<_>>()
                }));
            }
        }
    }

    /// numpy.arange(24).reshape(4, 3, 2), whose rows are those of reshape(4, -1) in either order.
    #[test]
    fn more_than_two_dimensions_are_rows_in_either_order_and_any_spans() {
        let c: Vec<u8> = (0..24).collect();
        let mut fortran = vec![0; 24];
        for (i, j, k) in (0..24).map(|at| (at / 6, at / 2 % 3, at % 2)) {
            fortran[i + 4 * j + 12 * k] = c[6 * i + 2 * j + k];
        }
        let header = Header::bytes("|u1", &[4, 3, 2]);
        let of_fortran = String::from_utf8_lossy(&header[10..]).replace(
            "False, 'shape': (4, 3, 2), } ",
            "True, 'shape': (4, 3, 2), }  ",
        );
        let expected: Vec<Vec<u8>> = c.chunks(6).map(<[u8]>::to_vec).collect();
        for (name, header, values) in [
            ("c.npy", header.clone(), c),
            (
                "f.npy",
                [&header[..10], of_fortran.as_bytes()].concat(),
                fortran,
            ),
        ] {
            let path = written(name, &[header, values].concat());
            for n_rows in [1, 3, usize::MAX] {
                assert_eq!(rows(&path, n_rows), expected, "{name} by {n_rows}");
            }
            let notices = &opened(&path).columns.notices;
            assert!(
                notices[0].contains("has the shape (4, 3, 2)"),
                "{notices:?}"
            );
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_bool_that_is_neither_is_named() {
        let path = written(
            "b.npy",
            &[Header::bytes("|b1", &[2, 2]), vec![0, 1, 0, 7]].concat(),
        );
        let read = opened(&path).read(&[(1, Kind::Inferred)], usize::MAX);
        let message = read.unwrap_err().to_string();
        assert!(
            message.contains("row 1, column `1`: 7 is neither 0 nor 1"),
            "{message}"
        );
        std::fs::remove_file(path).unwrap();
    }
}
