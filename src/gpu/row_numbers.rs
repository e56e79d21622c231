//! The numbers of the rows of batches, which the device works out by itself.

use super::device::{Buffer, Device};
use super::kernel::Binding::{Read, ReadWrite};
use super::kernel::{Kernel, shaders};
use super::params::{MAX_UPDATES, SegmentParams, UNIFORM_STRIDE, to_u32};
use super::pipeline::{DynamicOffsets, Pipeline};
use crate::error::Result;
use crate::optimizer::{Batch, Batches};
use crate::random::half_bits;
use std::ops::Range;

const WORKGROUP_SIZE: usize = 256;
/// The numbers of the rows of each batch begin at a multiple of so many numbers, which every device takes as a dynamic
/// offset.
const ALIGNMENT: usize = UNIFORM_STRIDE / 4;
/// Numbers that there is room for, about, unless a batch is longer.
const ROOM: usize = 1 << 18;

/// Room for the numbers of some rows, and the kernel that finds those of batches.
#[derive(Debug)]
pub(super) struct RowNumbers {
    /// u32.
    pub(super) buffer: Buffer,
    pipeline: Pipeline,
    /// A [`SegmentParams`] each.
    segments: Buffer,
}

impl RowNumbers {
    pub(super) fn new(device: &Device, n_rows: usize) -> Result<Self> {
        let buffer = device.storage("numbers of rows", n_rows)?;
        let floats = MAX_UPDATES * size_of::<SegmentParams>() / 4;
        let segments = device.storage("segments of batches", floats)?;
        let mut pipeline = Pipeline::new(device, &batch_rows())?;
        pipeline.add(device, &[&segments, &buffer], [1])?;
        Ok(Self {
            buffer,
            pipeline,
            segments,
        })
    }

    /// Writes `segments`, at most [`MAX_UPDATES`], for [`RowNumbers::record`].
    pub(super) fn write_segments(&self, device: &Device, segments: &[SegmentParams]) {
        device.write(&self.segments, 0, bytemuck::cast_slice(segments));
    }

    /// Records the dispatch that finds the numbers of `segments`, which are written.
    pub(super) fn record(
        &self,
        device: &Device,
        pass: &mut wgpu::ComputePass<'_>,
        segments: &[SegmentParams],
    ) {
        let lengths = segments.iter().map(|segment| segment.n_places as usize);
        let workgroups = lengths.max().unwrap_or(0).div_ceil(WORKGROUP_SIZE);
        let [x, y] = device.workgroups(workgroups).map(to_u32);
        let workgroups = [x, y, to_u32(segments.len())];
        self.pipeline
            .record_some(pass, 0, DynamicOffsets::default(), workgroups);
    }
}

/// Rows from the first one of a batch of `size` rows to that of the next.
fn stride(size: usize) -> usize {
    size.next_multiple_of(ALIGNMENT)
}

/// Batches of `size` rows whose numbers there is room for at once.
pub(super) fn batches_at_once(size: usize) -> usize {
    (ROOM / stride(size)).clamp(1, MAX_UPDATES)
}

/// Numbers that those take.
pub(super) fn room(size: usize) -> usize {
    batches_at_once(size) * stride(size)
}

/// The offsets of batch number `number` of those recorded at once: of the uniform of its update, and of the numbers of its rows.
pub(super) fn offsets(size: usize, number: usize) -> DynamicOffsets {
    DynamicOffsets {
        rows: to_u32(4 * number * stride(size)),
        ..DynamicOffsets::of_update(number)
    }
}

/// The segments of the updates `updates`, of data of `n_samples` rows: batches of one epoch that follow each other.
pub(super) fn segments(
    batches: Batches,
    n_samples: usize,
    updates: Range<u64>,
) -> Vec<SegmentParams> {
    let mut segments: Vec<SegmentParams> = Vec::new();
    let mut last_epoch = None;
    for (number, update) in updates.enumerate() {
        let Batch { epoch, places } = batches.batch(update, n_samples);
        match segments.last_mut() {
            Some(last) if last_epoch == Some(epoch) => last.n_places += to_u32(places.len()),
            _ => {
                let [key_0, key_1] = batches.key(epoch);
                segments.push(SegmentParams {
                    n_samples: to_u32(n_samples),
                    first_place: to_u32(places.start),
                    n_places: to_u32(places.len()),
                    batch_size: to_u32(batches.size),
                    stride: to_u32(stride(batches.size)),
                    half_bits: half_bits(n_samples),
                    key_0,
                    key_1,
                    rows_at: to_u32(number * stride(batches.size)),
                    _pad: [0; 3],
                });
            }
        }
        last_epoch = Some(epoch);
    }
    segments
}

/// `batch_rows`: the numbers of the rows of batches.
fn batch_rows() -> Kernel {
    Kernel {
        name: "batch_rows",
        wgsl: shaders!("common/threefry.wgsl", "batch_rows.wgsl").to_owned(),
        bindings: vec![Read, ReadWrite],
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{RowNumbers, WORKGROUP_SIZE, batch_rows, offsets, room, segments};
    use crate::gpu::device::Device;
    use crate::gpu::device::tests::device;
    use crate::gpu::kernel::Kernel;
    use crate::optimizer::Batches;

    /// The kernel, with the invocations of a workgroup.
    pub(in crate::gpu) fn kernel() -> (Kernel, usize) {
        (batch_rows(), WORKGROUP_SIZE)
    }

    /// Updates from the middle of one epoch into that after the next, with a shorter batch at the end of each; fewer
    /// rows than a batch is aligned to, and more; a power of four, and one more, where most places are sent on.
    #[test]
    fn the_device_finds_the_rows_that_the_host_finds() {
        let device = device();
        for (n_samples, size, seed) in [
            (1, 1, 1),
            (2, 1, 7),
            (10, 4, 1),
            (1000, 128, 2),
            (1024, 64, 3),
            (1025, 65, 4),
            (70_001, 20_000, 5),
        ] {
            let batches = Batches { seed, size };
            let an_epoch = batches.an_epoch(n_samples);
            let numbers = RowNumbers::new(&device, room(size)).unwrap();
            let n_updates = (2 * an_epoch).min(super::batches_at_once(size) as u64);
            let first = (1 << 33) + an_epoch / 2;
            let updates = first..first + n_updates;
            device.poison(&numbers.buffer).unwrap();
            let segments = segments(batches, n_samples, updates.clone());
            numbers.write_segments(&device, &segments);
            let record =
                |pass: &mut wgpu::ComputePass<'_>| numbers.record(&device, pass, &segments);
            device.run_pass("test", record).unwrap();
            for (number, update) in updates.enumerate() {
                let rows = batches.rows(update, n_samples);
                let at = offsets(size, number).rows as usize / 4;
                let found = read(&device, &numbers, at, rows.len());
                assert_eq!(
                    found, rows,
                    "update {update} of {n_samples} rows, {size} each"
                );
            }
        }
    }

    fn read(device: &Device, numbers: &RowNumbers, first: usize, n_rows: usize) -> Vec<usize> {
        let floats = device.read(&numbers.buffer, first, n_rows).unwrap();
        floats.iter().map(|row| row.to_bits() as usize).collect()
    }
}
