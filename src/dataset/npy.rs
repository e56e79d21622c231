//! NumPy's `.npy` files: arrays of any plain numbers; those of `<f4` in C order are used where they lie.

mod array;
mod element;
mod header;
mod table;
mod write;

pub(super) use array::{Array, Placed, zeros};
pub(super) use element::{Element, ElementKind, any_half};
pub(crate) use header::Header;
pub(super) use header::{MAGIC, MAX_COLUMNS};
pub(super) use table::open;
pub(super) use write::write;

use super::columns::{Columns, Wanted};
use super::table::Table as _;
use super::{Dataset, Rows, Stored, outside_unit};
use crate::error::{Error, Result};
use memmap2::Mmap;
use rayon::prelude::*;
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
    let mut npy = open(path)?;
    if let ([_], Wanted::Targets(_)) = (npy.names(), wanted) {
        return Err(table(npy.without_feature()));
    }
    let Some(in_place) = npy.in_place() else {
        return super::interim::dataset(path, &mut npy, wanted);
    };
    let (n_samples, width) = (in_place.n_rows, in_place.width);
    let columns = Columns::new(npy.names().to_vec(), wanted).map_err(table)?;
    let mut mapped = Mapped {
        file: in_place.file,
        offset: in_place.offset,
        width,
        inputs: runs(&columns.inputs),
        targets: runs(&columns.targets),
        outside_unit: None,
    };
    let seen = mapped.inspect();
    if let Some(at) = seen.not_finite {
        return Err(table(format!(
            "row {}, column `{}`: {} is not finite; every value must be, and X[numpy.isfinite(X).all(axis=1)] keeps the rows that are",
            at / width,
            at % width,
            mapped.values()[at]
        )));
    }
    mapped.outside_unit = seen.outside_unit.map(|at| {
        let column = at % width;
        let output = columns.targets.iter().position(|target| *target == column);
        (at / width, output.expect("a target's column"))
    });
    Ok(Dataset::of(
        path.display().to_string(),
        n_samples,
        columns.named(&columns.inputs),
        columns.named(&columns.targets),
        Rows::Mapped(mapped),
    ))
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
