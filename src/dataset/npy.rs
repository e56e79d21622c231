//! NumPy's `.npy` files: a 2-D array of `<f4` in C order, mapped into memory and used where it lies.

mod header;
mod write;

pub(super) use header::MAGIC;
pub(super) use write::write;

use super::columns::{Columns, Wanted};
use super::{Dataset, Rows, Stored, outside_unit};
use crate::error::{Error, Result};
use header::Header;
use memmap2::Mmap;
use rayon::prelude::*;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

// The values are used as they stand in the file.
const _: () = assert!(cfg!(target_endian = "little"), "`<f4` is little-endian");

/// The pass that looks for what cannot be trained on takes this many floats at a time, so that a second
/// look finds them in a core's cache.
const BLOCK_FLOATS: usize = 1 << 16;

/// All of its bits are set where a value is infinite or NaN.
const EXPONENT: u32 = 0x7F80_0000;

pub(super) fn read(path: &Path, wanted: Wanted<'_>) -> Result<Dataset> {
    let table = |problem| Error::Table {
        path: path.to_owned(),
        problem,
    };
    let file = Arc::new(map(path)?);
    let header = Header::read(&file).map_err(table)?;
    let names = (0..header.width).map(|column| column.to_string()).collect();
    let columns = Columns::new(names, wanted).map_err(table)?;
    let mut mapped = Mapped {
        file,
        offset: header.offset,
        width: header.width,
        inputs: runs(&columns.inputs),
        targets: runs(&columns.targets),
        outside_unit: None,
    };
    let seen = mapped.inspect();
    if let Some(at) = seen.not_finite {
        return Err(table(format!(
            "row {}, column `{}`: {} is not finite; every value must be, and X[numpy.isfinite(X).all(axis=1)] keeps the rows that are",
            at / header.width,
            at % header.width,
            mapped.values()[at]
        )));
    }
    mapped.outside_unit = seen.outside_unit.map(|at| {
        let column = at % header.width;
        let output = columns.targets.iter().position(|target| *target == column);
        (at / header.width, output.expect("a target's column"))
    });
    Ok(Dataset::of(
        path.display().to_string(),
        header.n_samples,
        columns.named(&columns.inputs),
        columns.named(&columns.targets),
        Rows::Mapped(mapped),
    ))
}

fn map(path: &Path) -> Result<Mmap> {
    let fail = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let table = |problem: String| Error::Table {
        path: path.to_owned(),
        problem,
    };
    // Asked before it is opened: to open a pipe is to wait for its writer.
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if metadata.is_dir() {
        return Err(table("is a folder; name a .npy file in it".to_owned()));
    }
    if !metadata.is_file() {
        return Err(table(
            "is no regular file, and no other can be mapped into memory; copy it to a disk first"
                .to_owned(),
        ));
    }
    let file = File::open(path).map_err(fail)?;
    #[expect(unsafe_code, reason = "a file can be mapped in no other way")]
    // SAFETY: the mapping is only ever read. What no program can rule out is left to the user, and
    // `Dataset::npy` says so: nobody may change the file's bytes or cut it short while it is mapped.
    // To replace it by a rename is harmless, the mapping keeps the file it was made of.
    let mapped = unsafe { Mmap::map(&file) };
    mapped.map_err(|error| {
        table(format!(
            "cannot be mapped into memory ({error}); copy it to a local disk"
        ))
    })
}

/// A table in a mapped file, and which of its columns are what.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    file: Arc<Mmap>,
    /// Byte of the first value, a multiple of 4.
    offset: usize,
    /// Columns: I + O.
    width: usize,
    /// The columns of the inputs, then those of the targets, in runs of neighbours.
    inputs: Vec<Range<usize>>,
    targets: Vec<Range<usize>>,
    /// Row and output of the first target outside [0, 1].
    outside_unit: Option<(usize, usize)>,
}

/// Places of the first value that is not finite, and of the first target outside [0, 1].
#[derive(Clone, Copy, Default)]
struct Seen {
    not_finite: Option<usize>,
    outside_unit: Option<usize>,
}

impl Mapped {
    /// (N, I + O)
    fn values(&self) -> &[f32] {
        bytemuck::cast_slice(&self.file[self.offset..])
    }

    /// Looks at every value once, in parallel: on a file larger than the memory a second pass for the
    /// targets would read the disk again.
    fn inspect(&self) -> Seen {
        let floats = (BLOCK_FLOATS / self.width).max(1) * self.width;
        let blocks = self.values().par_chunks(floats).enumerate();
        blocks
            .map(|(block, values)| {
                let place = |at| block * floats + at;
                Seen {
                    not_finite: first_not_finite(values).map(place),
                    outside_unit: self.first_outside_unit(values).map(place),
                }
            })
            .reduce(Seen::default, |left, right| Seen {
                not_finite: left.not_finite.or(right.not_finite),
                outside_unit: left.outside_unit.or(right.outside_unit),
            })
    }

    fn first_outside_unit(&self, values: &[f32]) -> Option<usize> {
        let outside = |row: &[f32]| {
            let mut columns = self.targets.iter().cloned().flatten();
            columns.find(|column| outside_unit(row[*column]))
        };
        let rows = values.chunks_exact(self.width).enumerate();
        rows.filter_map(|(row, values)| Some(row * self.width + outside(values)?))
            .next()
    }

    /// Row, output and value of the first target outside [0, 1].
    pub(super) fn target_outside_unit(&self) -> Option<(usize, usize, f32)> {
        let (row, output) = self.outside_unit?;
        let column = self.targets.iter().cloned().flatten().nth(output)?;
        Some((row, output, self.values()[row * self.width + column]))
    }

    /// The rows in place, where inputs and targets are one run each: the targets the first or the last
    /// columns, in the order of the file.
    pub(super) fn stored(&self) -> Option<Stored<'_>> {
        let ([inputs], [targets]) = (&*self.inputs, &*self.targets) else {
            return None;
        };
        let values = self.values();
        let last_row = values.len() - self.width;
        Some(Stored {
            inputs: &values[inputs.start..last_row + inputs.end],
            input_stride: self.width,
            targets: &values[targets.start..last_row + targets.end],
            target_stride: self.width,
        })
    }

    /// Gathers the rows `rows` into `inputs` (rows, I) and `targets` (rows, O).
    pub(super) fn read(&self, rows: Range<usize>, inputs: &mut [f32], targets: &mut [f32]) {
        let rows = &self.values()[rows.start * self.width..rows.end * self.width];
        let width = |columns: &[Range<usize>]| columns.iter().map(Range::len).sum();
        let (n_inputs, n_outputs): (usize, usize) = (width(&self.inputs), width(&self.targets));
        for (at, row) in rows.chunks_exact(self.width).enumerate() {
            gather(row, &self.inputs, &mut inputs[at * n_inputs..][..n_inputs]);
            gather(
                row,
                &self.targets,
                &mut targets[at * n_outputs..][..n_outputs],
            );
        }
    }
}

/// Copies the columns of one row.
fn gather(row: &[f32], columns: &[Range<usize>], to: &mut [f32]) {
    let mut start = 0;
    for run in columns {
        match run.len() {
            // One target is the rule, and a call to copy it costs more than the copy.
            1 => to[start] = row[run.start],
            len => to[start..start + len].copy_from_slice(&row[run.clone()]),
        }
        start += run.len();
    }
}

/// Neighbours that follow each other, together.
fn runs(columns: &[usize]) -> Vec<Range<usize>> {
    let chunks = columns.chunk_by(|left, right| left + 1 == *right);
    chunks.map(|run| run[0]..run[0] + run.len()).collect()
}

fn first_not_finite(values: &[f32]) -> Option<usize> {
    // Bits, and no early end: so every compiler makes vector instructions of it.
    let seen = values.iter().fold(0, |seen, value| {
        seen | u32::from(value.to_bits() & EXPONENT == EXPONENT)
    });
    match seen {
        0 => None,
        _ => values.iter().position(|value| !value.is_finite()),
    }
}
