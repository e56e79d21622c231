//! A small ring of staging buffers through which rows of the host reach the device: while the device
//! copies out of some, the host fills the next.

use super::chunk::Chunk;
use super::device::{Buffer, Device, Mapping};
use super::row_layout::RowLayout;
use crate::data::{Dataset, Storage};
use crate::error::Result;
use rayon::prelude::*;
use std::ops::Range;
use wgpu::MapRangeError;

/// Bytes of the rows in one staging buffer, unless it is of one row.
const PIECE_BYTES: usize = 8 << 20;
/// Staging buffers, at most.
const PIECES: usize = 4;
/// Bytes of the inputs that one task makes at a time, which stay in the cache of its core until they
/// are copied: mapped memory may be slow to write piecemeal, and must not be read.
const TASK_BYTES: usize = 128 << 10;

/// Staging buffers that take turns.
#[derive(Debug)]
pub(super) struct Ring {
    /// Rows that one staging buffer takes.
    pub(super) rows_per_piece: usize,
    pieces: Vec<Piece>,
    /// The one to fill next, which is the one in use for longest.
    next: usize,
}

/// A staging buffer.
#[derive(Debug)]
struct Piece {
    /// The inputs, then the targets.
    buffer: Buffer,
    /// Whether the device copies out of it, after which it is mapped again.
    in_use: Option<Mapping>,
}

impl Ring {
    /// Staging for `n_rows` rows of that layout, which may be brought again and again.
    pub(super) fn new(device: &Device, row_layout: RowLayout, n_rows: usize) -> Result<Self> {
        let row_bytes = 4 * (row_layout.inputs + row_layout.targets);
        let rows_per_piece = (PIECE_BYTES / row_bytes).max(1).min(n_rows);
        let n_pieces = n_rows.div_ceil(rows_per_piece).min(PIECES);
        let bytes =
            targets_at(rows_per_piece, row_layout) + 4 * rows_per_piece * row_layout.targets;
        let piece = |_| {
            Ok(Piece {
                buffer: device.staging("staged rows", bytes as u64)?,
                in_use: None,
            })
        };
        Ok(Self {
            rows_per_piece,
            pieces: (0..n_pieces).map(piece).collect::<Result<_>>()?,
            next: 0,
        })
    }

    /// Brings the rows `rows` of `chunk` to their place in its buffers; with `numbers`, they are places among these numbers
    /// of rows.
    pub(super) fn load(
        &mut self,
        device: &Device,
        (dataset, numbers): (&Dataset, Option<&[usize]>),
        chunk: &Chunk,
        rows: Range<usize>,
    ) -> Result<()> {
        let row_layout = RowLayout::new(dataset);
        for first in rows.clone().step_by(self.rows_per_piece) {
            let end = (first + self.rows_per_piece).min(rows.end);
            let number = self.next;
            self.next = (number + 1) % self.pieces.len();
            let piece = &mut self.pieces[number];
            if let Some(mapping) = piece.in_use.take() {
                device.wait_for(mapping)?;
            }
            let filled = fill((dataset, numbers), first..end, &piece.buffer);
            filled.map_err(|error| device.failed(error))?;
            piece.buffer.unmap();
            let at = (first - chunk.rows.start) as u64;
            let submission = device.submit("load", |encoder| {
                let mut copy = |from: usize, to: &Buffer, words: usize| {
                    let (at, bytes) = (at * 4 * words as u64, (end - first) * 4 * words);
                    encoder.copy_buffer_to_buffer(&piece.buffer, from as u64, to, at, bytes as u64);
                };
                copy(0, &chunk.inputs, row_layout.inputs);
                let targets_at = targets_at(end - first, row_layout);
                copy(targets_at, &chunk.targets, row_layout.targets);
            });
            let mapping = Device::map(&piece.buffer, wgpu::MapMode::Write, submission);
            piece.in_use = Some(mapping);
        }
        Ok(())
    }
}

/// The byte at which the targets of `n_rows` rows start in a piece: mapped ranges start at multiples of 8 bytes.
fn targets_at(n_rows: usize, row_layout: RowLayout) -> usize {
    (4 * n_rows * row_layout.inputs).next_multiple_of(8)
}

/// Makes the rows `rows`, task by task, and writes them as they are stored into a mapped staging buffer.
fn fill(
    (dataset, numbers): (&Dataset, Option<&[usize]>),
    rows: Range<usize>,
    staging: &Buffer,
) -> std::result::Result<(), MapRangeError> {
    let (n_inputs, quantization) = (dataset.n_inputs(), dataset.quantization());
    let row_layout = RowLayout::new(dataset);
    let targets_at = targets_at(rows.len(), row_layout);
    // An even number, as mapped ranges start at multiples of 8 bytes.
    let rows_per_task = (TASK_BYTES / (8 * n_inputs)).max(1) * 2;
    let write = |at: usize, bytes: &[u8]| {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut view = staging.get_mapped_range_mut(at as u64..(at + bytes.len()) as u64)?;
        view.copy_from_slice(bytes);
        Ok(())
    };
    let n_tasks = rows.len().div_ceil(rows_per_task);
    let scratch = || (Vec::new(), Vec::new(), Vec::new());
    let tasks = (0..n_tasks).into_par_iter();
    tasks.try_for_each_init(scratch, |(inputs, packed, targets), task| {
        let at = task * rows_per_task;
        let first = rows.start + at;
        let rows = first..(first + rows_per_task).min(rows.end);
        inputs.resize(rows.len() * n_inputs, 0.0);
        targets.resize(rows.len() * row_layout.targets, 0.0);
        let packed_bytes = rows.len() * 4 * row_layout.inputs;
        match numbers {
            None => dataset.read_unrounded(rows, inputs, targets),
            Some(numbers) => read_numbered(dataset, &numbers[rows], inputs, targets),
        }
        // Rows in full that need no padding are packed as they are.
        if quantization.storage() == Storage::F32 && n_inputs == row_layout.inputs {
            write(at * 4 * row_layout.inputs, bytemuck::cast_slice(inputs))?;
        } else {
            packed.resize(packed_bytes, 0);
            quantization.pack(inputs, n_inputs, packed);
            write(at * 4 * row_layout.inputs, packed)?;
        }
        let targets: &[f32] = targets;
        write(
            targets_at + at * 4 * row_layout.targets,
            bytemuck::cast_slice(targets),
        )
    })
}

/// Reads the rows of the numbers `numbers` like [`Dataset::read_unrounded`].
fn read_numbered(dataset: &Dataset, numbers: &[usize], inputs: &mut [f32], targets: &mut [f32]) {
    let inputs = inputs.chunks_exact_mut(dataset.n_inputs());
    let targets = targets.chunks_exact_mut(dataset.target_width());
    for ((row, x), t) in numbers.iter().zip(inputs).zip(targets) {
        dataset.read_unrounded(*row..row + 1, x, t);
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, Ring, RowLayout};
    use crate::gpu::device::tests::device;

    #[test]
    fn staged_targets_count_as_inputs_do() {
        for (inputs, targets) in [(1024, 4), (4, 1024)] {
            let layout = RowLayout { inputs, targets };
            let ring = Ring::new(&device(), layout, 1 << 19).unwrap();
            let bytes = ring.pieces[0].buffer.size();
            let most = PIECE_BYTES as u64;
            assert!((most / 2..=most + 8).contains(&bytes), "{bytes} bytes");
        }
    }
}
