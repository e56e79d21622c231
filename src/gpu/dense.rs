//! Networks whose values are held, with hidden layers or many outputs: forward pass, backward pass and gradients of the leaves of a chunk, a block of leaves
//! at a time, so that the values of hidden layers take little memory however many rows there are.

use super::chunk::Chunk;
use super::chunks::Chunks;
use super::dense_kernels::{DenseKernel, TILE};
use super::device::{Buffer, Device};
use super::input_format::InputFormat;
use super::leaf_kernel::{BatchRows, Operands, row_buffers};
use super::parameter_layout::ParameterLayout;
use super::params::{BlockParams, to_u32};
use super::pipeline::Pipeline;
use super::tree::Tree;
use crate::backend::{Problem, Stage};
use crate::error::Result;
use crate::leaves::Leaves;
use crate::network::Activation;
use std::iter::zip;
use std::ops::Range;

/// Bytes of the values of a block, about: they stay in the cache of a GPU.
const BLOCK_BYTES: usize = 1 << 24;

/// Some whole leaves of a chunk.
#[derive(Debug)]
struct Block {
    chunk: usize,
    /// Number of its first row in the chunk.
    first_row: usize,
    n_rows: usize,
    n_leaves: usize,
    /// A [`BlockParams`].
    params: Buffer,
}

/// The values of one layer for the rows of a block, each (rows, O padded to vec4).
#[derive(Debug)]
struct Values {
    pre_activations: Buffer,
    activations: Buffer,
    /// dloss/dz.
    errors: Buffer,
}

/// The forward pass of each block.
#[derive(Debug)]
pub(super) struct Forward {
    blocks: Vec<Block>,
    /// The blocks of each chunk.
    of_chunks: Vec<Range<usize>>,
    values: Vec<Values>,
    kernels: Vec<DenseKernel>,
    /// One for each layer, with a dispatch for each block.
    layers: Vec<Pipeline>,
    predictions: Option<Pipeline>,
}

impl Forward {
    /// The forward pass of the rows of `chunks`, whose leaves are `leaves`; of a batch if `rows` are its numbers.
    pub(super) fn new(
        device: &Device,
        operands: &Operands<'_>,
        leaves: Leaves,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
    ) -> Result<Self> {
        let problem = &operands.problem;
        let layout = ParameterLayout::new(&problem.network);
        let format = InputFormat::new(problem.dataset.quantization());
        let padded = |n_outputs: usize| n_outputs.next_multiple_of(4);
        let layers = problem.network.layers();
        let row_bytes: usize = layers.iter().map(|it| 3 * 4 * padded(it.n_outputs)).sum();
        let leaf_bytes = row_bytes * leaves.rows_per_leaf();
        let leaves_per_block = (BLOCK_BYTES / leaf_bytes).max(1);
        let (blocks, of_chunks) = blocks(device, leaves, leaves_per_block, chunks)?;
        let longest = longest(&blocks);
        let values = layers.iter().map(|layer| {
            let floats = longest * padded(layer.n_outputs);
            Ok(Values {
                pre_activations: device.storage("pre-activations of a block", floats)?,
                activations: device.storage("activations of a block", floats)?,
                errors: device.storage("errors of a block", floats)?,
            })
        });
        let values: Vec<Values> = values.collect::<Result<_>>()?;
        let kernels = layout
            .layers
            .iter()
            .enumerate()
            .map(|(at, layer)| DenseKernel {
                layout: *layer,
                vec4_per_leaf: layout.n_sums() / 4,
                data: (at == 0).then_some((format, BatchRows::order(rows))),
            });
        let mut forward = Self {
            blocks,
            of_chunks,
            values,
            kernels: kernels.collect(),
            layers: Vec::new(),
            predictions: None,
        };
        for (at, kernel) in forward.kernels.iter().enumerate() {
            // The last layer's activations are those of its outputs, which other kernels compute.
            let activation = match at == forward.last() {
                true => Activation::Identity,
                false => kernel.layout.layer.activation,
            };
            let mut pipeline = Pipeline::new(device, &kernel.forward(activation))?;
            for block in &forward.blocks {
                let x = forward.inputs(at, &chunks[block.chunk]);
                let Values {
                    pre_activations,
                    activations,
                    ..
                } = &forward.values[at];
                let mut buffers = vec![&block.params, x, &operands.parameters];
                buffers.extend([pre_activations, activations]);
                buffers.extend(row_buffers(operands, rows).filter(|_| at == 0));
                let tiles = [block.n_rows, kernel.layout.layer.n_outputs];
                pipeline.add(device, &buffers, tiles.map(|n| n.div_ceil(TILE)))?;
            }
            forward.layers.push(pipeline);
        }
        Ok(forward)
    }

    /// What layer `at` multiplies: the data of `chunk`, or the activations below it.
    fn inputs<'b>(&'b self, at: usize, chunk: &'b Chunk) -> &'b Buffer {
        match at {
            0 => &chunk.inputs,
            _ => &self.values[at - 1].activations,
        }
    }

    fn last(&self) -> usize {
        self.kernels.len() - 1
    }

    /// Rows of the longest block.
    fn longest(&self) -> usize {
        longest(&self.blocks)
    }

    /// The kernels of errors and loss of the last layer, with a dispatch for each block, whose leaf sums are in its
    /// `page`.
    fn outputs<'b>(
        &self,
        device: &Device,
        problem: &Problem<'_>,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
        page: impl Fn(&Block) -> &'b Buffer,
    ) -> Result<Vec<Pipeline>> {
        let (kernel, values) = (&self.kernels[self.last()], &self.values[self.last()]);
        let order = BatchRows::order(rows);
        let (loss, is_weighted) = (problem.objective.loss, problem.dataset.is_weighted());
        let gradient = kernel.output_gradient(loss, is_weighted, order);
        let mut gradient = Pipeline::new(device, &gradient)?;
        let shared = kernel.output_lanes() > 1;
        let of_rows = match shared {
            true => Some(device.storage("losses of the rows of a block", 2 * self.longest())?),
            false => None,
        };
        for block in &self.blocks {
            let mut buffers = vec![&block.params, &values.pre_activations];
            buffers.extend([&chunks[block.chunk].targets, &values.errors]);
            buffers.push(of_rows.as_ref().unwrap_or(page(block)));
            buffers.extend(rows.map(|rows| &rows.numbers));
            let workgroups = match shared {
                true => kernel.workgroups_of_rows(block.n_rows),
                false => block.n_leaves,
            };
            gradient.add(device, &buffers, [workgroups, 1])?;
        }
        let Some(of_rows) = of_rows else {
            return Ok(vec![gradient]);
        };
        let mut losses = Pipeline::new(device, &kernel.row_losses())?;
        for block in &self.blocks {
            let buffers = [&block.params, &of_rows, page(block)];
            losses.add(device, &buffers, [block.n_leaves, 1])?;
        }
        Ok(vec![gradient, losses])
    }

    /// Makes [`Forward::record_predictions`] write pre-activations and predictions into `buffers`.
    pub(super) fn predict_into(&mut self, device: &Device, buffers: [&Buffer; 2]) -> Result<()> {
        let kernel = &self.kernels[self.last()];
        let mut pipeline = Pipeline::new(device, &kernel.predictions())?;
        let z = &self.values[self.last()].pre_activations;
        for block in &self.blocks {
            let buffers = [&block.params, z, buffers[0], buffers[1]];
            let workgroups = kernel.workgroups_of_rows(block.n_rows);
            pipeline.add(device, &buffers, [workgroups, 1])?;
        }
        self.predictions = Some(pipeline);
        Ok(())
    }

    /// Records the forward pass and the predictions of chunk `number`.
    pub(super) fn record_predictions(&self, pass: &mut wgpu::ComputePass<'_>, number: usize) {
        for block in self.of_chunks[number].clone() {
            self.record_block(pass, block, 0);
            if let Some(predictions) = &self.predictions {
                predictions.record_one(pass, block);
            }
        }
    }

    fn record_block(&self, pass: &mut wgpu::ComputePass<'_>, block: usize, rows_at: u32) {
        for layer in &self.layers {
            layer.record_at(pass, block, rows_at);
        }
    }
}

/// Rows of the longest of `blocks`.
fn longest(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.n_rows).max().unwrap_or(0)
}

/// The blocks of `chunks`, of at most `leaves_per_block` leaves, and those of each chunk.
fn blocks(
    device: &Device,
    leaves: Leaves,
    leaves_per_block: usize,
    chunks: &[Chunk],
) -> Result<(Vec<Block>, Vec<Range<usize>>)> {
    let rows_per_leaf = leaves.rows_per_leaf();
    let (mut blocks, mut of_chunks) = (Vec::new(), Vec::new());
    for (number, chunk) in chunks.iter().enumerate() {
        let first_block = blocks.len();
        for first in (0..chunk.n_leaves).step_by(leaves_per_block) {
            let n_leaves = leaves_per_block.min(chunk.n_leaves - first);
            let first_row = first * rows_per_leaf;
            let n_rows = (n_leaves * rows_per_leaf).min(chunk.rows.len() - first_row);
            let params = BlockParams {
                n_rows: to_u32(n_rows),
                first_row: to_u32(first_row),
                first_leaf: to_u32(chunk.first_leaf_in_page + first),
                rows_per_leaf: to_u32(rows_per_leaf),
            };
            blocks.push(Block {
                chunk: number,
                first_row,
                n_rows,
                n_leaves,
                params: device.uniform("block.params", &params)?,
            });
        }
        of_chunks.push(first_block..blocks.len());
    }
    Ok((blocks, of_chunks))
}

/// The sums of the leaves of each block.
#[derive(Debug)]
pub(super) struct Dense {
    forward: Forward,
    /// Errors and loss of the last layer.
    outputs: Vec<Pipeline>,
    /// One for each layer, with a dispatch for each block.
    gradients: Vec<Pipeline>,
    /// One for each layer but the first.
    backward: Vec<Pipeline>,
}

impl Dense {
    /// The kernels for `chunks`, whose leaves are `leaves`, which write their sums into their page of `tree`; those of
    /// a batch if `rows` are its numbers.
    pub(super) fn new(
        device: &Device,
        operands: &Operands<'_>,
        leaves: Leaves,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
        tree: &Tree,
    ) -> Result<Self> {
        let problem = &operands.problem;
        let forward = Forward::new(device, operands, leaves, chunks, rows)?;
        let page = |block: &Block| tree.page(chunks[block.chunk].first_leaf);
        let outputs = forward.outputs(device, problem, chunks, rows, page)?;
        let (mut gradients, mut backward) = (Vec::new(), Vec::new());
        for (at, kernel) in forward.kernels.iter().enumerate() {
            let layer = kernel.layout.layer;
            let errors = &forward.values[at].errors;
            let [across, down] = [layer.n_inputs, layer.n_outputs].map(|n| n.div_ceil(TILE));
            let mut pipeline = Pipeline::new(device, &kernel.gradient())?;
            for block in &forward.blocks {
                let x = forward.inputs(at, &chunks[block.chunk]);
                let mut buffers = vec![&block.params, x, errors, page(block)];
                buffers.extend(row_buffers(operands, rows).filter(|_| at == 0));
                pipeline.add(device, &buffers, [across * down, block.n_leaves])?;
            }
            gradients.push(pipeline);
            let Some(below) = at.checked_sub(1) else {
                continue;
            };
            let activation = forward.kernels[below].layout.layer.activation;
            let mut pipeline = Pipeline::new(device, &kernel.backward(activation))?;
            let below = &forward.values[below];
            for block in &forward.blocks {
                let mut buffers = vec![&block.params, errors, &operands.parameters];
                buffers.extend([&below.pre_activations, &below.activations, &below.errors]);
                pipeline.add(device, &buffers, [block.n_rows.div_ceil(TILE), across])?;
            }
            backward.push(pipeline);
        }
        Ok(Self {
            forward,
            outputs,
            gradients,
            backward,
        })
    }

    /// Dispatches for all chunks.
    pub(super) fn n_dispatches(&self) -> usize {
        let n_layers = self.gradients.len();
        self.forward.blocks.len() * (3 * n_layers - 1 + self.outputs.len())
    }

    /// The values of each layer for the rows `rows`, which are those of a leaf.
    pub(super) fn stages(
        &self,
        device: &Device,
        chunks: &mut Chunks<'_>,
        rows: Range<usize>,
    ) -> Result<Vec<Stage>> {
        let forward = &self.forward;
        let is_in = |block: &Block| {
            let first = chunks.list()[block.chunk].rows.start + block.first_row;
            (first..first + block.n_rows).contains(&rows.start)
        };
        let number = forward.blocks.iter().position(is_in);
        let number = number.expect("every leaf is in a block");
        let block = &forward.blocks[number];
        let first = chunks.list()[block.chunk].rows.start + block.first_row;
        chunks.load(device, block.chunk, first..first + block.n_rows)?;
        for Values {
            pre_activations,
            activations,
            errors,
        } in &forward.values
        {
            for values in [pre_activations, activations, errors] {
                device.poison(values)?;
            }
        }
        device.run_pass("stages", |pass| self.record_block(pass, number, 0))?;
        let layers = zip(&forward.values, &forward.kernels).map(|(values, kernel)| {
            let n_outputs = kernel.layout.layer.n_outputs;
            let padded = n_outputs.next_multiple_of(4);
            let read = |buffer: &Buffer| -> Result<Vec<f64>> {
                let at = (rows.start - first) * padded;
                let floats = device.read(buffer, at, rows.len() * padded)?;
                let units = floats
                    .chunks_exact(padded)
                    .flat_map(|row| &row[..n_outputs]);
                Ok(units.map(|value| f64::from(*value)).collect())
            };
            Ok(Stage {
                z: read(&values.pre_activations)?,
                a: read(&values.activations)?,
                e: read(&values.errors)?,
            })
        });
        layers.collect()
    }

    /// Records those for chunk `number`, of the batch whose rows have their numbers from byte `rows_at` on.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, number: usize, rows_at: u32) {
        for block in self.forward.of_chunks[number].clone() {
            self.record_block(pass, block, rows_at);
        }
    }

    fn record_block(&self, pass: &mut wgpu::ComputePass<'_>, block: usize, rows_at: u32) {
        self.forward.record_block(pass, block, rows_at);
        for outputs in &self.outputs {
            outputs.record_at(pass, block, rows_at);
        }
        for (at, gradient) in self.gradients.iter().enumerate().rev() {
            gradient.record_at(pass, block, rows_at);
            if let Some(below) = at.checked_sub(1) {
                self.backward[below].record_one(pass, block);
            }
        }
    }
}
