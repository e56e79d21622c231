//! Tables from one format to another, and data sets to arrays.

mod convert;
mod exact;
mod npz;
mod text;
mod writer;

pub use convert::{Converted, convert};
pub(crate) use writer::{Format, TableWriter};

use crate::error::Result;
use crate::npy::Header;
use neuralnet::{Dataset, atomic_file};
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Floats that are made by one thread, in rows, before they are written.
const PIECE_FLOATS: usize = 1 << 16;
/// Pieces made at once.
const PIECES: usize = 64;

/// Writes the samples of `dataset` as a `.npy` file of `<f4` (N, I + O): in each row the inputs, then the targets, then
/// the weight if there are weights. Their names are not kept. A file of that name is replaced, and only once the
/// new one is complete.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npy(dataset: &Dataset, path: &Path) -> Result<()> {
    Ok(atomic_file::replace(path, |file| {
        write_rows(dataset, file)
    })?)
}

fn write_rows(dataset: &Dataset, mut file: &File) -> io::Result<()> {
    let (n_inputs, target_width) = (dataset.n_inputs(), dataset.target_width());
    let (n_samples, width) = (dataset.n_samples(), n_inputs + target_width);
    file.write_all(&Header::bytes("<f4", &[n_samples, width]))?;
    let rows_per_piece = (PIECE_FLOATS / width).max(1);
    let rows_at_once = (rows_per_piece * PIECES).min(n_samples);
    let mut table = vec![0.0; rows_at_once * width];
    for first in (0..n_samples).step_by(rows_at_once) {
        let table = &mut table[..rows_at_once.min(n_samples - first) * width];
        let pieces = table.par_chunks_mut(rows_per_piece * width).enumerate();
        pieces.for_each(|(piece, table)| {
            let n_rows = table.len() / width;
            let start = first + piece * rows_per_piece;
            let mut inputs = vec![0.0; n_rows * n_inputs];
            let mut targets = vec![0.0; n_rows * target_width];
            dataset.read(start..start + n_rows, &mut inputs, &mut targets);
            let rows = inputs
                .chunks_exact(n_inputs)
                .zip(targets.chunks_exact(target_width));
            for (row, (x, t)) in table.chunks_exact_mut(width).zip(rows) {
                row[..n_inputs].copy_from_slice(x);
                row[n_inputs..].copy_from_slice(t);
            }
        });
        file.write_all(bytemuck::cast_slice(table))?;
    }
    Ok(())
}
