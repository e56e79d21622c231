//! The kernels that sum the leaves of chunks.

use super::chunk::Chunk;
use super::dense::Dense;
use super::device::Device;
use super::kernels::RowLoss;
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::{BatchRows, Resources, row_buffers};
use super::tree::Tree;
use super::workgroup_shape::WorkgroupShape;
use crate::error::Result;
use crate::leaves::Leaves;
use crate::submission_size::SubmissionSize;
use std::ops::Range;

/// What sums the leaves of chunks.
#[derive(Debug)]
pub(super) enum LeafKernel {
    /// One dispatch for each chunk, whose leaves these are, for a network that reads each row once.
    Layer(Pipeline, Vec<Range<usize>>),
    /// Several for each block of a chunk, for any other.
    Network(Box<Dense>),
}

impl LeafKernel {
    /// The compiled kernels for `leaves`, which write the sums of the leaves of each of `chunks` into the page of
    /// `tree`; those of a batch if `rows` are its numbers. A network that reads each row once has workgroups of the shape
    /// `shape`.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        shape: Option<&WorkgroupShape>,
        leaves: Leaves,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
        tree: &Tree,
    ) -> Result<Self> {
        let Some(shape) = shape else {
            let dense = Dense::new(device, resources, leaves, chunks, rows, tree)?;
            return Ok(Self::Network(Box::new(dense)));
        };
        let problem = &resources.problem;
        let kernel = resources.row_kernel(device, shape, BatchRows::order(rows));
        let row_loss = RowLoss::new(problem);
        let kernel = match leaves.count() {
            1 => kernel.one_leaf(row_loss),
            _ => kernel.leaf_sums(row_loss),
        };
        let mut pipeline = Pipeline::new(device, &kernel)?;
        for chunk in chunks {
            let mut buffers = vec![&chunk.params, &chunk.inputs, &resources.parameters];
            buffers.extend([&chunk.targets, tree.page()]);
            buffers.extend(row_buffers(resources, rows));
            pipeline.add(device, &buffers, [chunk.leaves.len()])?;
        }
        let leaves = chunks.iter().map(|chunk| chunk.leaves.clone());
        Ok(Self::Layer(pipeline, leaves.collect()))
    }

    /// Dispatches for all chunks.
    pub(super) fn n_dispatches(&self) -> usize {
        match self {
            Self::Layer(pipeline, _) => pipeline.n_dispatches(),
            Self::Network(dense) => dense.n_dispatches(),
        }
    }

    /// Blocks of all chunks.
    pub(super) fn n_blocks(&self) -> usize {
        match self {
            Self::Layer(_, leaves) => leaves.len(),
            Self::Network(dense) => dense.n_blocks(),
        }
    }

    /// Blocks to submit at first. If a pass has one, whoever submits several passes knows how long they take.
    pub(super) fn submission_size(&self) -> SubmissionSize {
        match self.n_blocks() {
            ..=1 => SubmissionSize::ALL,
            _ => SubmissionSize::ONE,
        }
    }

    /// The blocks of chunk `number`, which are summed one after the other: one, or the [`Block`](super::forward::Block)s of
    /// its rows.
    pub(super) fn blocks(&self, number: usize) -> Range<usize> {
        match self {
            Self::Layer(..) => number..number + 1,
            Self::Network(dense) => dense.blocks(number),
        }
    }

    /// The leaves of block `block`.
    pub(super) fn leaves(&self, block: usize) -> &Range<usize> {
        match self {
            Self::Layer(_, leaves) => &leaves[block],
            Self::Network(dense) => dense.leaves(block),
        }
    }

    /// Records the dispatches that sum block `block` for the update and the batch at `offsets`, and those of `tree` that are
    /// due after them.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (block, offsets): (usize, DynamicOffsets),
        tree: &Tree,
    ) {
        self.record_sums(pass, (block, offsets));
        tree.record_due(pass, self.leaves(block).end);
    }

    /// Records the dispatches that sum block `block` for the update and the batch at `offsets`, and folds nothing.
    pub(super) fn record_sums(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (block, offsets): (usize, DynamicOffsets),
    ) {
        match self {
            Self::Layer(pipeline, _) => pipeline.record_at(pass, block, offsets),
            Self::Network(dense) => dense.record(pass, (block, offsets)),
        }
    }
}
