//! A pass over all data: the sums of every leaf, the tree over them, and the updates from its total.

use super::chunks::Chunks;
use super::device::Device;
use super::leaf_kernel::LeafKernel;
use super::memory_plan::cut;
use super::params::{ChunkParams, to_u32};
use super::pipeline::DynamicOffsets;
use super::resources::Resources;
use super::tree::Tree;
use super::workgroup_shape::{MAX_LOOP_TRIPS, WorkgroupShape};
use crate::backend::Stage;
use crate::error::Result;
use crate::leaves::Leaves;
use crate::submission_size::SubmissionSize;
use std::ops::Range;

/// Most dispatches of one submission: recording them must not keep the device waiting long.
pub(super) const MAX_DISPATCHES: usize = 4096;

/// The data on the device, and the kernels that sum the gradient over all of them.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) chunks: Chunks,
    /// The sums of the leaves of each chunk.
    leaf_kernel: LeafKernel,
    pub(super) tree: Tree,
    /// Whether the data are one leaf, so that `one_leaf` makes many updates in one dispatch.
    one_leaf: bool,
    /// Loop trips that an invocation makes for one update.
    loop_trips: usize,
    /// Blocks to submit at once.
    size: SubmissionSize,
    /// The dynamic offsets of the last evaluation.
    evaluated: DynamicOffsets,
}

impl Pass {
    /// The pass over `chunks`, which ends in the total of `tree`. A network that reads each row once has workgroups of
    /// the shape `shape`.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        shape: Option<&WorkgroupShape>,
        chunks: Chunks,
        tree: Tree,
    ) -> Result<Self> {
        let leaves = resources.problem.leaves();
        let list = chunks.list();
        let leaf_kernel = LeafKernel::new(device, resources, shape, leaves, list, None, &tree)?;
        Ok(Self {
            size: leaf_kernel.submission_size(),
            leaf_kernel,
            chunks,
            tree,
            one_leaf: leaves.count() == 1 && shape.is_some(),
            loop_trips: shape.map_or(0, WorkgroupShape::loop_trips),
            evaluated: DynamicOffsets::default(),
        })
    }

    /// Sums gradient, loss and mean slope over all rows and reads them back, laid out as in the tree,
    /// without the units that the update at `offsets` goes without.
    pub(super) fn evaluate(
        &mut self,
        device: &Device,
        offsets: DynamicOffsets,
    ) -> Result<Vec<f32>> {
        self.evaluated = offsets;
        self.tree.poison(device)?;
        self.set_rate(device, 1, 0.0);
        self.submit(device, "evaluate", &[offsets], |_, _| {})?;
        self.stream(device, offsets)?;
        device.read(self.tree.total(), 0, self.tree.n_sums)
    }

    /// The sums of the leaves `leaves`, one after the other: those of the last evaluation, or, of more leaves than a page
    /// has, summed again at the same parameters.
    pub(super) fn leaf_sums(
        &mut self,
        device: &Device,
        wanted: Range<usize>,
        leaves: Leaves,
    ) -> Result<Vec<f32>> {
        if self.tree.holds_all() {
            return self.tree.read_leaves(device, wanted);
        }
        let mut sums = Vec::with_capacity(wanted.len() * self.tree.n_sums);
        for number in 0..self.chunks.list().len() {
            let chunk = &self.chunks.list()[number];
            let end = wanted.end.min(chunk.leaves.end);
            let of_chunk = wanted.start.max(chunk.leaves.start)..end;
            for some in cut(of_chunk, usize::MAX, self.tree.leaves_per_page) {
                let rows = leaves.rows(some.start).start..leaves.rows(some.end - 1).end;
                self.chunks.load(device, number, rows)?;
                self.tree.poison_leaves(device, some.clone());
                let kernel = &self.leaf_kernel;
                let mut blocks: Vec<_> = kernel.blocks(number).collect();
                blocks.retain(|block| {
                    let own = kernel.leaves(*block);
                    own.start < some.end && some.start < own.end
                });
                device.submit_parts("leaves", &mut self.size, 0..blocks.len(), |pass, parts| {
                    for block in &blocks[parts] {
                        kernel.record_sums(pass, (*block, self.evaluated));
                    }
                })?;
                sums.extend(self.tree.read_leaves(device, some)?);
            }
        }
        Ok(sums)
    }

    /// The values of each layer for the rows of leaf `leaf` in the last evaluation of a dense network.
    pub(super) fn stages(
        &mut self,
        device: &Device,
        leaf: usize,
        leaves: Leaves,
    ) -> Result<Vec<Stage>> {
        let LeafKernel::Network(dense) = &self.leaf_kernel else {
            unreachable!("a network that reads each row once has no values in buffers");
        };
        dense.stages(device, &mut self.chunks, leaves.rows(leaf), self.evaluated)
    }

    /// Whether the host brings rows for each pass.
    pub(super) fn takes_rows_of_host(&self) -> bool {
        !self.chunks.by_host().is_empty()
    }

    /// Dispatches of one pass.
    pub(super) fn n_dispatches(&self) -> usize {
        let chunks = self.leaf_kernel.n_dispatches() + self.chunks.n_streamed();
        chunks + self.tree.n_dispatches()
    }

    /// Submits `iterations` updates by `rate`, in as few submissions as possible, so that the device need not
    /// wait for the host.
    pub(super) fn descend(&mut self, device: &Device, iterations: u64, rate: f32) -> Result<()> {
        let by_host = self.takes_rows_of_host();
        let most = if self.one_leaf {
            MAX_LOOP_TRIPS / (1 + self.loop_trips)
        } else {
            MAX_DISPATCHES / self.n_dispatches()
        };
        let most = to_u32(most).max(1);
        let mut left = iterations;
        while left > 0 {
            let n_iterations = match by_host {
                true => 1,
                false => u32::try_from(left).map_or(most, |left| left.min(most)),
            };
            left -= u64::from(n_iterations);
            let n_passes = if self.one_leaf { 1 } else { n_iterations };
            self.set_rate(device, n_iterations, rate);
            self.tree.expect(device);
            let passes = vec![DynamicOffsets::default(); n_passes as usize];
            self.submit(device, "advance", &passes, |_, _| {})?;
            // If the host brings rows, it goes on with those of the next iteration; the ring holds it back.
            self.stream(device, DynamicOffsets::default())?;
        }
        Ok(())
    }

    /// Makes the passes submitted from now on update the parameters by `rate`, `one_leaf` as often as
    /// `n_iterations` says. A rate of 0 makes no update.
    pub(super) fn set_rate(&self, device: &Device, n_iterations: u32, rate: f32) {
        if self.one_leaf {
            let chunk = &self.chunks.list()[0];
            let params = ChunkParams {
                n_samples: to_u32(chunk.rows.len()),
                first_leaf: 0,
                n_iterations,
                rate,
            };
            device.write(&chunk.params, 0, bytemuck::bytes_of(&params));
        }
        self.tree.set_rate(device, rate);
    }

    /// Submits a pass for the update at each of `updates`, over the first chunks, whose rows are on the device or made there:
    /// their leaf sums and those of the tree that are due after them, up to its total, unless [`Pass::stream`] has to bring
    /// other chunks. `then` records what follows each.
    pub(super) fn submit(
        &mut self,
        device: &Device,
        label: &str,
        updates: &[DynamicOffsets],
        then: impl Fn(&mut wgpu::ComputePass<'_>, DynamicOffsets),
    ) -> Result<()> {
        let (chunks, kernel) = (&self.chunks, &self.leaf_kernel);
        let blocks_of = |chunk| kernel.blocks(chunk).map(move |block| (chunk, block));
        let blocks: Vec<_> = chunks.recorded().flat_map(blocks_of).collect();
        let parts = 0..updates.len() * blocks.len();
        device.submit_parts(label, &mut self.size, parts, |pass, parts| {
            for part in parts {
                let offsets = updates[part / blocks.len()];
                let (chunk, block) = blocks[part % blocks.len()];
                if block == kernel.blocks(chunk).start {
                    chunks.record(pass, chunk);
                }
                kernel.record(pass, (block, offsets), &self.tree);
                if (part + 1).is_multiple_of(blocks.len()) {
                    then(pass, offsets);
                }
            }
        })
    }

    /// Submits the leaf sums of the other chunks, whose rows the host brings, then the rest of the tree. [`Pass::submit`]
    /// comes before: the leaves fill their pages in order.
    pub(super) fn stream(&mut self, device: &Device, offsets: DynamicOffsets) -> Result<()> {
        for number in self.chunks.by_host() {
            let rows = self.chunks.list()[number].rows.clone();
            self.chunks.load(device, number, rows)?;
            let (kernel, tree) = (&self.leaf_kernel, &self.tree);
            let blocks = kernel.blocks(number);
            device.submit_parts("stream", &mut self.size, blocks, |pass, blocks| {
                for block in blocks {
                    kernel.record(pass, (block, offsets), tree);
                }
            })?;
        }
        Ok(())
    }
}
