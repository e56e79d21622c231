//! Writes `.npz` files, uncompressed, as `numpy.savez` does.

use super::writer::{descr, rows};
use crate::npy::Header;
use arrow_array::RecordBatch;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem::ManuallyDrop;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// What the array of the targets is called.
pub(super) const TARGETS: &str = "y";

/// An archive that is written.
type Archive<'f> = ZipWriter<BufWriter<&'f File>>;

/// Begins an archive. One that is dropped before its end would say so on stderr.
pub(super) fn begin(file: &File) -> ManuallyDrop<Archive<'_>> {
    ManuallyDrop::new(ZipWriter::new(BufWriter::with_capacity(1 << 20, file)))
}

/// Writes an array of the rows of `batches`, whose columns are of one type; `is_flat` if one column is to be one
/// dimension.
pub(super) fn numbers(
    archive: &mut Archive<'_>,
    name: &str,
    batches: &[RecordBatch],
    is_flat: bool,
) -> io::Result<()> {
    let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
    let shape = [n_rows, batches[0].num_columns()];
    let shape = if is_flat { &shape[..1] } else { &shape };
    let data_type = batches[0].column(0).data_type();
    let n_bytes = shape.iter().product::<usize>() * data_type.primitive_width().unwrap_or(8);
    begin_array(archive, name, descr(data_type)?, shape, n_bytes)?;
    batches
        .iter()
        .try_for_each(|batch| archive.write_all(&rows(batch)?))
}

/// Writes an array of texts.
pub(super) fn texts(archive: &mut Archive<'_>, name: &str, texts: &[&str]) -> io::Result<()> {
    let lengths = texts.iter().map(|text| text.chars().count());
    // NumPy has no texts of no characters.
    let length = lengths.max().unwrap_or_default().max(1);
    let n_bytes = 4 * length * texts.len();
    begin_array(
        archive,
        name,
        &format!("<U{length}"),
        &[texts.len()],
        n_bytes,
    )?;
    texts.iter().try_for_each(|text| {
        let codes = text.chars().map(u32::from).chain(std::iter::repeat(0));
        let bytes: Vec<u8> = codes.take(length).flat_map(u32::to_le_bytes).collect();
        archive.write_all(&bytes)
    })
}

/// Begins an array of `n_bytes` bytes.
fn begin_array(
    archive: &mut Archive<'_>,
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
    archive.start_file(format!("{name}.npy"), options)?;
    archive.write_all(&Header::bytes(descr, shape))
}
