//! The data on the device: a list of chunks, each a whole number of leaves within one binding.

use super::adapter::AdapterKind;
use super::device::Device;
use super::generate::Generate;
use super::kernels::ChunkParams;
use super::{GpuOptions, to_u32};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Bytes staged at once: small pieces are several times as fast as one large write.
const PIECE_BYTES: usize = 8 << 20;

/// Consecutive rows on the device.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) rows: Range<usize>,
    /// Number of the chunk's first leaf among all leaves.
    pub(super) first_leaf: usize,
    /// Leaves of the chunk; the last one may be shorter.
    pub(super) n_leaves: usize,
    pub(super) params: wgpu::Buffer,
    /// (rows, I padded to vec4)
    pub(super) inputs: wgpu::Buffer,
    /// (rows, O)
    pub(super) targets: wgpu::Buffer,
}

impl Chunk {
    /// The rows `rows`, which are the leaves `leaves`, the first of them number `in_page` of its page of
    /// sums, with room for them in `memory`.
    pub(super) fn new(
        device: &mut Device,
        rows: Range<usize>,
        leaves: Range<usize>,
        in_page: usize,
        [inputs, targets]: [wgpu::Buffer; 2],
    ) -> Result<Self> {
        let params = ChunkParams {
            n_samples: to_u32(rows.len()),
            first_leaf: to_u32(in_page),
            _pad: [0; 2],
        };
        Ok(Self {
            first_leaf: leaves.start,
            n_leaves: leaves.len(),
            params: device.uniform("leaf_sums.params", &params)?,
            inputs,
            targets,
            rows,
        })
    }
}

/// Cuts the data into chunks, none across the pages of their leaves' sums, and fills them.
pub(super) fn upload(
    device: &mut Device,
    dataset: &Dataset,
    leaves_per_page: usize,
    options: GpuOptions,
) -> Result<Vec<Chunk>> {
    let leaves = dataset.leaves();
    let width = Width::new(dataset);
    let leaves_per_chunk = leaves_per_chunk(device, dataset, width, options.max_chunk_bytes)?;
    let mut chunks = Vec::new();
    let mut next = 0;
    while next < leaves.count() {
        let in_page = next % leaves_per_page;
        let n_leaves = leaves_per_chunk
            .min(leaves_per_page - in_page)
            .min(leaves.count() - next);
        let rows = leaves.rows(next).start..leaves.rows(next + n_leaves - 1).end;
        let label = format!(
            "rows {} to {} of {}",
            rows.start,
            rows.end - 1,
            dataset.source()
        );
        let memory = width.allocate(device, &label, rows.len())?;
        chunks.push(Chunk::new(
            device,
            rows,
            next..next + n_leaves,
            in_page,
            memory,
        )?);
        next += n_leaves;
    }
    match dataset.generated() {
        Some(synthetic) if !options.rows_from_host => {
            let rows_per_leaf = leaves.rows_per_leaf();
            let generate = Generate::new(device, synthetic, rows_per_leaf, &chunks)?;
            for number in 0..chunks.len() {
                device.run_pass("synthetic", |pass| generate.record(pass, number))?;
            }
        }
        _ => {
            for chunk in &chunks {
                fill(device, dataset, width, chunk)?;
            }
        }
    }
    Ok(chunks)
}

/// Floats of a row on the device.
#[derive(Clone, Copy)]
pub(super) struct Width {
    row: usize,
    outputs: usize,
}

impl Width {
    pub(super) fn new(dataset: &Dataset) -> Self {
        Self {
            row: dataset.n_inputs().next_multiple_of(4),
            outputs: dataset.n_outputs(),
        }
    }

    /// Bytes of a row in the larger of its two buffers.
    fn bytes(self) -> u64 {
        4 * self.row.max(self.outputs) as u64
    }

    /// Inputs and targets of `n_rows` rows.
    pub(super) fn allocate(
        self,
        device: &mut Device,
        label: &str,
        n_rows: usize,
    ) -> Result<[wgpu::Buffer; 2]> {
        Ok([
            device.storage(&format!("inputs of {label}"), n_rows * self.row)?,
            device.storage(&format!("targets of {label}"), n_rows * self.outputs)?,
        ])
    }
}

fn leaves_per_chunk(
    device: &Device,
    dataset: &Dataset,
    width: Width,
    max_bytes: Option<u64>,
) -> Result<usize> {
    let device_bytes = device.max_binding_bytes();
    let bytes = max_bytes.map_or(device_bytes, |bytes| bytes.min(device_bytes));
    let rows_per_leaf = dataset.leaves().rows_per_leaf();
    let longest = rows_per_leaf.min(dataset.n_samples());
    let leaf_bytes = width.bytes() * longest as u64;
    let problem =
        || format!("a chunk of {bytes} bytes holds no leaf of {longest} rows, {leaf_bytes} bytes");
    let n_leaves = (bytes / leaf_bytes).min(u64::from(device.adapter.max_workgroups));
    match (usize::try_from(n_leaves), max_bytes) {
        (Ok(n @ 1..), _) => Ok(n),
        (_, Some(asked)) if asked < device_bytes => Err(Error::Setting {
            flag: "--max-chunk-bytes",
            problem: format!("{}; take at least that many", problem()),
        }),
        _ => Err(device.limit(problem())),
    }
}

/// A software adapter's memory is the host's, which is granted long before it is there. Asking for
/// all of it in one piece, and giving it back untouched, tells whether it can ever be.
pub(super) fn check_host_memory(device: &Device, dataset: &Dataset) -> Result<()> {
    let width = Width::new(dataset);
    let needed = 4 * dataset.n_samples() as u128 * (width.row + width.outputs) as u128;
    let granted = |bytes: usize| Vec::<u8>::new().try_reserve_exact(bytes).is_ok();
    if device.adapter.kind == AdapterKind::Software && !usize::try_from(needed).is_ok_and(granted) {
        return Err(Error::DeviceMemory {
            adapter: device.adapter.to_string(),
            what: dataset.source().to_owned(),
            needed: u64::try_from(needed).unwrap_or(u64::MAX),
            held: 0,
        });
    }
    Ok(())
}

/// Makes the chunk's rows piece by piece and writes them.
fn fill(device: &Device, dataset: &Dataset, width: Width, chunk: &Chunk) -> Result<()> {
    const STAGED_PIECES: usize = 8;
    let n_inputs = dataset.n_inputs();
    let rows_per_piece = (PIECE_BYTES / (4 * width.row)).max(1);
    let rows_per_task = rows_per_piece.div_ceil(4 * rayon::current_num_threads());
    let mut inputs = vec![0.0; rows_per_piece * width.row];
    let mut targets = vec![0.0; rows_per_piece * width.outputs];
    for (piece, first) in (0..chunk.rows.len()).step_by(rows_per_piece).enumerate() {
        let n_rows = rows_per_piece.min(chunk.rows.len() - first);
        let (inputs, targets) = (
            &mut inputs[..n_rows * width.row],
            &mut targets[..n_rows * width.outputs],
        );
        inputs
            .par_chunks_mut(rows_per_task * width.row)
            .zip(targets.par_chunks_mut(rows_per_task * width.outputs))
            .enumerate()
            .for_each(|(task, (inputs, targets))| {
                let start = chunk.rows.start + first + task * rows_per_task;
                let rows = start..start + targets.len() / width.outputs;
                if n_inputs == width.row {
                    dataset.read(rows, inputs, targets);
                    return;
                }
                let mut unpadded = vec![0.0; rows.len() * n_inputs];
                dataset.read(rows, &mut unpadded, targets);
                for (padded, row) in inputs
                    .chunks_exact_mut(width.row)
                    .zip(unpadded.chunks_exact(n_inputs))
                {
                    padded[..n_inputs].copy_from_slice(row);
                }
            });
        let at = |floats: usize| 4 * (first * floats) as u64;
        device.write(&chunk.inputs, at(width.row), bytemuck::cast_slice(inputs));
        device.write(
            &chunk.targets,
            at(width.outputs),
            bytemuck::cast_slice(targets),
        );
        if piece % STAGED_PIECES == STAGED_PIECES - 1 {
            device.finish_writes()?;
        }
    }
    device.finish_writes()
}
