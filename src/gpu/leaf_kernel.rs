//! The kernels that sum the leaves of chunks.

use super::check_limits;
use super::chunk::Chunk;
use super::dense::Dense;
use super::device::{Buffer, Device};
use super::input_format::{InputFormat, scales_and_offsets};
use super::kernels::{RowKernel, RowLoss, RowOrder};
use super::masks::Masks;
use super::parameter_layout::ParameterLayout;
use super::pipeline::{DynamicOffsets, Pipeline};
use super::tree::Tree;
use super::workgroup_shape::WorkgroupShape;
use crate::backend::Problem;
use crate::error::Result;
use crate::leaves::Leaves;
use std::ops::Range;

/// A problem, and what its kernels take besides the rows.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) problem: Problem<'a>,
    pub(super) layout: ParameterLayout,
    pub(super) parameters: Buffer,
    /// The units that updates go without; `None` if they take all.
    pub(super) masks: Option<Masks>,
    /// Scales and offsets of the inputs; `None` if they are not stored with such.
    pub(super) scales_and_offsets: Option<Buffer>,
}

impl<'a> Resources<'a> {
    /// The resources for `problem`, with every parameter 0.
    ///
    /// # Errors
    /// If the network exceeds the limits of the device, or a buffer its memory.
    pub(super) fn new(device: &Device, problem: Problem<'a>) -> Result<Self> {
        let layout = ParameterLayout::new(&problem.network);
        check_limits(device, &problem.network, &layout)?;
        let quantization = problem.dataset.quantization();
        Ok(Self {
            parameters: device.storage("parameters", layout.n_parameters)?,
            masks: (problem.dropout.map(|dropout| Masks::new(device, dropout))).transpose()?,
            scales_and_offsets: scales_and_offsets(device, quantization)?,
            layout,
            problem,
        })
    }

    /// The kernel that reads rows of this problem in workgroups of the shape `shape`.
    pub(super) fn row_kernel<'k>(
        &self,
        device: &Device,
        shape: &'k WorkgroupShape,
        order: RowOrder,
    ) -> RowKernel<'k> {
        RowKernel {
            shape,
            subgroup: device.subgroup(),
            activation: self.problem.network.layer().activation,
            format: InputFormat::new(self.problem.dataset.quantization()),
            order,
        }
    }
}

/// The numbers of the rows of batches that lie among all rows on the device.
#[derive(Clone, Debug)]
pub(super) struct BatchRows {
    /// u32, those of several batches one after the other.
    pub(super) numbers: Buffer,
    /// Bytes of the numbers of one batch.
    pub(super) bytes: u64,
}

impl BatchRows {
    /// Which rows a kernel takes, given the numbers of those of a batch.
    pub(super) fn order(rows: Option<&Self>) -> RowOrder {
        rows.map_or(RowOrder::InOrder, |rows| RowOrder::OfBatch(rows.bytes))
    }
}

/// The buffers that a kernel which reads rows has last, in the order of [`super::kernels::row_reader`].
pub(super) fn row_buffers<'b>(
    resources: &'b Resources<'_>,
    rows: Option<&'b BatchRows>,
) -> impl Iterator<Item = &'b Buffer> {
    let numbers = rows.map(|rows| &rows.numbers);
    resources.scales_and_offsets.iter().chain(numbers)
}

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

#[cfg(test)]
mod tests {
    use super::Resources;
    use crate::backend::Problem;
    use crate::data::Dataset;
    use crate::gpu::device::tests::device;
    use crate::network::Network;
    use crate::objective::{Loss, Objective, Reduction};

    /// 256 floats and 272, on a device whose bindings hold 256.
    #[test]
    fn parameters_beyond_a_binding_are_refused_with_the_limit() {
        let mut device = device();
        device.adapter.max_binding_bytes = 1024;
        let refusal = |n_outputs: usize| {
            let targets = vec![0.0; n_outputs];
            let dataset = Dataset::from_rows("rows", 16, n_outputs, vec![0.0; 16], targets);
            let problem = Problem {
                dataset: &dataset.unwrap(),
                network: Network::single_layer(16, n_outputs, true),
                objective: Objective {
                    loss: Loss::SquaredError,
                    reduction: Reduction::Mean,
                },
                dropout: None,
            };
            let resources = Resources::new(&device, problem);
            resources.err().map(|error| error.to_string())
        };
        assert_eq!(refusal(15), None);
        let told = refusal(16).unwrap();
        let limit = "272 parameters need 1088 bytes in one binding; the limit is 1024";
        assert!(told.contains(limit), "{told}");
    }
}
