//! Writes `.npz` files, uncompressed, as `numpy.savez` does.

use super::writer::{descr, rows};
use crate::npy::Header;
use crate::npz::COLUMNS;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// What the array of the targets is called.
pub(super) const TARGETS: &str = "y";

/// An archive that is written.
pub(super) struct Archive<'f>(ZipWriter<BufWriter<&'f File>>);

impl<'f> Archive<'f> {
    pub(super) fn begin(file: &'f File) -> Self {
        Self(ZipWriter::new(BufWriter::with_capacity(1 << 20, file)))
    }

    /// Writes an array of the rows of `batches`, whose columns are of one type; `is_flat` if one column is to be one
    /// dimension.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        batches: &[RecordBatch],
        is_flat: bool,
    ) -> io::Result<()> {
        let Some(first) = batches.first() else {
            return Ok(());
        };
        let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
        let shape = if is_flat {
            vec![n_rows]
        } else {
            vec![n_rows, first.num_columns()]
        };
        let data_type = first.column(0).data_type();
        let n_bytes = shape.iter().product::<usize>() * data_type.primitive_width().unwrap_or(8);
        self.array(name, descr(data_type)?, &shape, n_bytes)?;
        batches
            .iter()
            .try_for_each(|batch| self.0.write_all(&rows(batch)?))
    }

    /// Writes an array of the first column of `batches`, which is of texts.
    pub(super) fn texts(&mut self, name: &str, batches: &[RecordBatch]) -> io::Result<()> {
        let columns: Vec<_> = batches
            .iter()
            .map(|batch| batch.column(0).as_string::<i64>())
            .collect();
        let texts: Vec<&str> = columns
            .iter()
            .flat_map(|column| column.iter().flatten())
            .collect();
        self.text_array(name, &texts)
    }

    /// Writes the names of all columns.
    pub(super) fn names(&mut self, names: &[String]) -> io::Result<()> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.text_array(COLUMNS, &names)
    }

    fn text_array(&mut self, name: &str, texts: &[&str]) -> io::Result<()> {
        let lengths = texts.iter().map(|text| text.chars().count());
        // NumPy has no texts of no characters.
        let length = lengths.max().unwrap_or_default().max(1);
        self.array(
            name,
            &format!("<U{length}"),
            &[texts.len()],
            4 * length * texts.len(),
        )?;
        texts.iter().try_for_each(|text| {
            let codes = text.chars().map(u32::from).chain(std::iter::repeat(0));
            let bytes: Vec<u8> = codes.take(length).flat_map(u32::to_le_bytes).collect();
            self.0.write_all(&bytes)
        })
    }

    /// Begins an array of `n_bytes` bytes.
    fn array(
        &mut self,
        name: &str,
        descr: &str,
        shape: &[usize],
        n_bytes: usize,
    ) -> io::Result<()> {
        // Past this the archive needs wider fields, and a header adds a little.
        const WIDE: usize = 1 << 31;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(n_bytes >= WIDE);
        self.0.start_file(format!("{name}.npy"), options)?;
        self.0.write_all(&Header::bytes(descr, shape))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.finish()?.flush()
    }
}
