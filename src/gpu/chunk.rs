//! One piece of the data on the device.

use super::device::{Buffer, Device};
use super::params::{ChunkParams, to_u32};
use crate::error::Result;
use std::ops::Range;

/// Consecutive rows, a whole number of leaves, within one binding.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The rows among all rows of the data.
    pub(super) rows: Range<usize>,
    /// The leaves among all leaves; the last one may be shorter.
    pub(super) leaves: Range<usize>,
    /// A [`ChunkParams`].
    pub(super) params: Buffer,
    /// The inputs (rows, I padded to vec4) as they are stored. Streamed chunks share a slot's buffer.
    pub(super) inputs: Buffer,
    /// The targets (rows, O), followed in each row by its weight if rows have one. Streamed chunks share
    /// a slot's buffer.
    pub(super) targets: Buffer,
}

impl Chunk {
    /// The chunk of the rows `rows`, which are the leaves `leaves`, with `memory` for its inputs and targets.
    /// `in_page` is the number of its first leaf within that leaf's page of sums.
    pub(super) fn new(
        device: &Device,
        rows: Range<usize>,
        leaves: Range<usize>,
        in_page: usize,
        [inputs, targets]: [Buffer; 2],
    ) -> Result<Self> {
        let params = ChunkParams {
            n_samples: to_u32(rows.len()),
            first_leaf: to_u32(in_page),
            n_iterations: 1,
            rate: 0.0,
        };
        Ok(Self {
            params: device.uniform("leaf_sums.params", &params)?,
            inputs,
            targets,
            rows,
            leaves,
        })
    }
}
