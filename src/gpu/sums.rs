//! The kernel that sums the leaves of chunks.

use super::chunks::Chunk;
use super::device::Device;
use super::inputs::Inputs;
use super::kernels;
use super::lanes::Lanes;
use super::pipeline::Pipeline;
use super::tree::Tree;
use crate::backend::Problem;
use crate::error::Result;
use crate::leaves::Leaves;

/// What is the same whichever rows are summed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'o> {
    pub(super) problem: &'o Problem<'o>,
    pub(super) parameters: &'o wgpu::Buffer,
    /// Scales and offsets of the inputs, where their storage has such.
    pub(super) columns: Option<&'o wgpu::Buffer>,
}

/// The kernel for `leaves`, with a dispatch a chunk that writes the sums of its leaves into their page of `tree`.
pub(super) fn sums(
    device: &Device,
    operands: &Operands<'_>,
    lanes: &Lanes,
    leaves: Leaves,
    chunks: &[Chunk],
    tree: &Tree,
) -> Result<Pipeline> {
    let problem = operands.problem;
    let kernel = match leaves.count() {
        1 => kernels::one_leaf,
        _ => kernels::leaf_sums,
    };
    let kernel = kernel(
        lanes,
        device.subgroup(),
        problem.network.layer().activation,
        problem.objective.loss,
        problem.dataset.is_weighted(),
        Inputs::new(problem.dataset.codes()),
    );
    let mut sums = Pipeline::new(device, &kernel)?;
    for chunk in chunks {
        let mut buffers = vec![&chunk.params, &chunk.inputs, operands.parameters];
        buffers.extend([&chunk.targets, tree.page(chunk.first_leaf)]);
        buffers.extend(operands.columns);
        sums.add(device, &buffers, [chunk.n_leaves, 1])?;
    }
    Ok(sums)
}
