//! Tables from one format to another, and data sets to arrays.

mod convert;
mod exact;
mod npz;
mod text;
mod writer;

pub use convert::{Converted, convert};
pub(crate) use writer::{Format, TableWriter, check_seekable};

use crate::error::Result;
use crate::npy::Header;
use neuralnet::{Dataset, atomic_file};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Floats that are written at once.
const PIECE_FLOATS: usize = 1 << 16;

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
    let (n_inputs, n_targets) = (dataset.n_inputs(), dataset.target_width());
    let (n_samples, width) = (dataset.n_samples(), n_inputs + n_targets);
    file.write_all(&Header::bytes("<f4", &[n_samples, width]))?;
    let step = (PIECE_FLOATS / width).max(1);
    let (mut inputs, mut targets) = (vec![0.0; step * n_inputs], vec![0.0; step * n_targets]);
    let mut bytes = Vec::with_capacity(4 * step * width);
    for start in (0..n_samples).step_by(step) {
        let n_rows = step.min(n_samples - start);
        let (inputs, targets) = (
            &mut inputs[..n_rows * n_inputs],
            &mut targets[..n_rows * n_targets],
        );
        dataset.read(start..start + n_rows, inputs, targets);
        bytes.clear();
        for row in 0..n_rows {
            let (x, t) = (&inputs[row * n_inputs..], &targets[row * n_targets..]);
            bytes.extend_from_slice(bytemuck::cast_slice(&x[..n_inputs]));
            bytes.extend_from_slice(bytemuck::cast_slice(&t[..n_targets]));
        }
        file.write_all(&bytes)?;
    }
    Ok(())
}
