//! The layout of a row on the device, and what follows from it: bytes, the memory for rows, and the leaves that a
//! chunk holds.

use super::device::{Buffer, Device};
use super::memory_plan::{Limits, MemoryPlan, SLOTS};
use crate::data::Dataset;
use crate::error::{Error, Remedy, Result};
use crate::leaves::Leaves;

/// 32-bit words of a row on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowLayout {
    pub(super) inputs: usize,
    pub(super) targets: usize,
}

impl RowLayout {
    pub(super) fn new(dataset: &Dataset) -> Self {
        Self {
            inputs: dataset.quantization().row_words(dataset.n_inputs()),
            targets: dataset.target_width(),
        }
    }

    /// Bytes of a row in both of its buffers.
    pub(super) fn row_bytes(self) -> u64 {
        4 * (self.inputs + self.targets) as u64
    }

    /// Bytes of a row in the larger of its two buffers.
    pub(super) fn bytes(self) -> u64 {
        4 * self.inputs.max(self.targets) as u64
    }

    /// Bytes of all rows.
    pub(super) fn data_bytes(self, dataset: &Dataset) -> u64 {
        dataset.n_samples() as u64 * self.row_bytes()
    }

    /// Bytes of the longest leaf in both buffers.
    pub(super) fn leaf_bytes(self, leaves: Leaves) -> u64 {
        leaves.rows(0).len() as u64 * self.row_bytes()
    }

    /// The limits for chunks of at most `per_chunk` leaves, if `most` bytes may be on the device at any time.
    pub(super) fn limits(
        self,
        dataset: &Dataset,
        leaves: Leaves,
        (per_chunk, per_page): (usize, usize),
        most: u64,
    ) -> Limits {
        // The last leaf may be shorter than the others.
        let room = match most >= self.data_bytes(dataset) {
            true => usize::MAX,
            false => usize::try_from(most / self.leaf_bytes(leaves)).unwrap_or(usize::MAX),
        };
        Limits {
            per_chunk,
            per_page,
            room,
        }
    }

    /// Bytes that the plan takes: those of the chunks that stay and of the slots.
    pub(super) fn planned_bytes(self, leaves: Leaves, plan: &MemoryPlan) -> u64 {
        let resident = plan.resident.last();
        let n_rows = resident.map_or(0, |chunk| leaves.rows(chunk.end - 1).end)
            + SLOTS * plan.leaves_per_slot * leaves.rows_per_leaf();
        n_rows as u64 * self.row_bytes()
    }

    /// Buffers for the inputs and targets of `n_rows` rows.
    pub(super) fn allocate(
        self,
        device: &Device,
        label: &str,
        n_rows: usize,
    ) -> Result<[Buffer; 2]> {
        Ok([
            device.storage(&format!("inputs of {label}"), n_rows * self.inputs)?,
            device.storage(&format!("targets of {label}"), n_rows * self.targets)?,
        ])
    }
}

/// The number of leaves that one chunk holds whose buffers have at most `max_bytes` each.
pub(super) fn leaves_per_chunk(
    device: &Device,
    leaves: Leaves,
    row_layout: RowLayout,
    max_bytes: Option<u64>,
) -> Result<usize> {
    let device_bytes = device.max_binding_bytes();
    let bytes = max_bytes.map_or(device_bytes, |bytes| bytes.min(device_bytes));
    let longest = leaves.rows(0).len();
    let leaf_bytes = row_layout.bytes() * longest as u64;
    let problem =
        || format!("a chunk of {bytes} bytes holds no leaf of {longest} rows, {leaf_bytes} bytes");
    let n_leaves = (bytes / leaf_bytes).min(u64::from(device.adapter.max_workgroups));
    match (usize::try_from(n_leaves), max_bytes) {
        (Ok(n @ 1..), _) => Ok(n),
        (_, Some(asked)) if asked < device_bytes => Err(Error::Setting {
            setting: "max_chunk_bytes",
            reason: problem(),
            remedies: &[Remedy::Do("take at least that many")],
        }),
        _ => Err(device.limit(problem())),
    }
}
