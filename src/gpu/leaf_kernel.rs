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
use std::ops::Range;

/// What sums the leaves of chunks.
#[derive(Debug)]
pub(super) enum LeafKernel {
    /// One dispatch for each chunk, with the end of its leaves, for a network that reads each row once.
    Layer(Pipeline, Vec<usize>),
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
        let ends = chunks.iter().map(|chunk| chunk.leaves.end);
        Ok(Self::Layer(pipeline, ends.collect()))
    }

    /// Dispatches for all chunks.
    pub(super) fn n_dispatches(&self) -> usize {
        match self {
            Self::Layer(pipeline, _) => pipeline.n_dispatches(),
            Self::Network(dense) => dense.n_dispatches(),
        }
    }

    /// Records the dispatches that sum chunk `number` for the update and the batch at `offsets`, and those of `tree` that are
    /// due after them.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (number, offsets): (usize, DynamicOffsets),
        tree: &Tree,
    ) {
        match self {
            Self::Layer(pipeline, ends) => {
                pipeline.record_at(pass, number, offsets);
                tree.record_due(pass, ends[number]);
            }
            Self::Network(dense) => dense.record(pass, (number, offsets), tree),
        }
    }

    /// Records the dispatches that sum at least the leaves `leaves` of chunk `number`, which are of one page, for the update
    /// at `offsets`, and folds nothing.
    pub(super) fn record_leaves(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (number, offsets): (usize, DynamicOffsets),
        leaves: &Range<usize>,
    ) {
        match self {
            Self::Layer(pipeline, _) => pipeline.record_one(pass, number),
            Self::Network(dense) => dense.record_leaves(pass, (number, offsets), leaves),
        }
    }
}
