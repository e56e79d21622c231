//! Writes `.npz` files, uncompressed, as `numpy.savez` does.

use super::{COLUMNS, TARGETS};
use crate::npy::Header;
use crate::table::Cells;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Writes `X`, then `y` where the last column is called so or is of texts, then `columns` where the names of the
/// columns are not those that a reader gives them.
pub(crate) fn write(file: &File, names: &[String], cells: &Cells) -> io::Result<()> {
    let width = names.len();
    let is_target =
        |(name, texts): (&String, &Vec<String>)| !texts.is_empty() || name == TARGETS[0];
    let last = names.last().zip(cells.texts.last());
    let with_target = width > 1 && last.is_some_and(is_target);
    let n_features = width - usize::from(with_target);
    let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 20, file));
    let bytes = 4 * cells.n_rows * n_features;
    start(&mut archive, "X", bytes)?;
    archive.write_all(&Header::bytes("<f4", cells.n_rows, n_features))?;
    for row in cells.values.chunks_exact(width) {
        archive.write_all(bytemuck::cast_slice(&row[..n_features]))?;
    }
    if with_target {
        let targets = cells.values.iter().skip(n_features).step_by(width);
        let texts = &cells.texts[n_features];
        let bytes = 4 * cells.n_rows * longest(texts).max(1);
        start(&mut archive, TARGETS[0], bytes)?;
        if texts.is_empty() {
            archive.write_all(&Header::bytes_1d("<f4", cells.n_rows))?;
            for target in targets {
                archive.write_all(&target.to_le_bytes())?;
            }
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "codes are whole numbers from 0"
            )]
            let targets = targets.map(|code| &texts[*code as usize]);
            write_texts(&mut archive, targets, cells.n_rows, longest(texts))?;
        }
    }
    let numbers = (0..n_features).map(|column| column.to_string());
    let targets = with_target.then(|| TARGETS[0].to_owned());
    if !numbers.chain(targets).eq(names.iter().cloned()) {
        start(&mut archive, COLUMNS, 4 * width * longest(names))?;
        write_texts(&mut archive, names.iter(), width, longest(names))?;
    }
    archive.finish()?.flush()
}

fn start(archive: &mut ZipWriter<BufWriter<&File>>, name: &str, bytes: usize) -> io::Result<()> {
    // Past this the archive needs wider fields, and a header adds a little.
    const WIDE: usize = 1 << 31;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(bytes >= WIDE);
    Ok(archive.start_file(format!("{name}.npy"), options)?)
}

fn write_texts<'t>(
    archive: &mut impl Write,
    texts: impl Iterator<Item = &'t String>,
    n_rows: usize,
    length: usize,
) -> io::Result<()> {
    archive.write_all(&Header::bytes_1d(&format!("<U{length}"), n_rows))?;
    for text in texts {
        let codes = text.chars().map(u32::from).chain(std::iter::repeat(0));
        let bytes: Vec<u8> = codes.take(length).flat_map(u32::to_le_bytes).collect();
        archive.write_all(&bytes)?;
    }
    Ok(())
}

/// Characters of the longest text; NumPy has no texts of none.
fn longest(texts: &[String]) -> usize {
    let lengths = texts.iter().map(|text| text.chars().count());
    lengths.max().unwrap_or_default().max(1)
}
