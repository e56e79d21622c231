//! Dense networks, those with hidden layers or more than 16 outputs, whose values lie in buffers between the kernels: forward
//! pass, backward pass and gradients of the leaves of a chunk. They go a block of leaves at a time, so that the values take
//! little memory however many rows there are.

use super::chunk::Chunk;
use super::chunks::Chunks;
use super::device::{Buffer, Device};
use super::forward::Forward;
use super::gradients::GradientSource;
use super::kernel::Kernel;
use super::kernels::RowLoss;
use super::optimizer::DeviceOptimizer;
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::{BatchRows, Resources};
use super::tile::Tile;
use super::tree::Tree;
use crate::backend::Stage;
use crate::error::Result;
use crate::leaves::Leaves;
use std::iter::zip;
use std::ops::Range;

/// The kernels that sum the leaves of each block.
#[derive(Debug)]
pub(super) struct Dense {
    forward: Forward,
    /// The loss, dy/dz and weight of each row of a block, a vec4.
    row_losses: Buffer,
    /// What follows the forward pass, each with a dispatch for each block: the errors of the last layer, the losses of the
    /// leaves, the errors of the layers below from the last but one down, and the gradients.
    steps: Vec<Pipeline>,
}

impl Dense {
    /// The kernels for `chunks`, whose leaves are `leaves`, which write their sums into the page of `tree`; those of
    /// a batch if `rows` are its numbers.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        leaves: Leaves,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
        tree: &Tree,
    ) -> Result<Self> {
        let per_page = tree.leaves_per_page;
        let forward = Forward::new(device, resources, (leaves, per_page), chunks, rows)?;
        let row_losses = device.storage("losses of the rows of a block", 4 * forward.max_rows())?;
        let kernel = &forward.kernels[forward.last()];
        let values = &forward.values[forward.last()];
        let row_loss = RowLoss::new(&resources.problem);
        let gradient = kernel.output_gradient(row_loss, BatchRows::order(rows));
        let mut outputs = Pipeline::new(device, &gradient)?;
        let mut losses = Pipeline::new(device, &kernel.leaf_losses())?;
        for block in &forward.blocks {
            let mut buffers = vec![&block.params, &values.pre_activations];
            buffers.extend([&block.targets, &values.errors, &row_losses]);
            buffers.extend(rows.map(|rows| &rows.numbers));
            let workgroups = kernel.workgroups_of_rows(block.rows.len());
            outputs.add(device, &buffers, [workgroups])?;
            let buffers = [&block.params, &row_losses, tree.page()];
            losses.add(device, &buffers, [block.leaves.len()])?;
        }
        let mut steps = vec![outputs, losses];
        for (at, kernel) in forward.kernels.iter().enumerate().skip(1).rev() {
            let n_inputs = kernel.layout.layer.n_inputs;
            let (errors, below) = (&forward.values[at].errors, &forward.values[at - 1]);
            let activation = forward.kernels[at - 1].layout.layer.activation;
            let tile = Tile::of([forward.max_rows(), n_inputs], 1);
            let mut pipeline = Pipeline::new(device, &kernel.backward(activation, tile))?;
            for block in &forward.blocks {
                let mut buffers = vec![&block.params, errors, &resources.parameters];
                buffers.extend([&below.pre_activations, &below.activations, &below.errors]);
                buffers.push(&forward.params[at]);
                buffers.extend(resources.masks.as_ref().map(|masks| &masks.buffer));
                let product = [block.rows.len(), n_inputs];
                pipeline.add(device, &buffers, tile.workgroups(product))?;
            }
            steps.push(pipeline);
        }
        let source = GradientSource {
            device,
            resources,
            forward: &forward,
            rows,
        };
        steps.extend(source.sums(tree.page())?);
        Ok(Self {
            forward,
            row_losses,
            steps,
        })
    }

    /// What follows the forward pass of a batch that is one leaf, whose rows have the numbers `rows`, to update by
    /// `optimizer` from its gradients as they are found; `None` if the sums of leaves are needed. The errors of the last
    /// layer and of the one below it are one dispatch if that takes all outputs at once.
    pub(super) fn fused_update(
        &self,
        device: &Device,
        resources: &Resources<'_>,
        optimizer: &DeviceOptimizer,
        rows: &BatchRows,
    ) -> Result<Option<Vec<Pipeline>>> {
        let source = GradientSource {
            device,
            resources,
            forward: &self.forward,
            rows: Some(rows),
        };
        let Some(gradients) = source.fused_update(&self.row_losses, optimizer)? else {
            return Ok(None);
        };
        let last = self.forward.last();
        let backward = &self.steps[2..2 + last];
        let mut steps = match self.backward_from_outputs(device, resources, rows) {
            None => [&self.steps[..1], backward].concat(),
            Some((kernel, tile)) => {
                let mut from_outputs = Pipeline::new(device, &kernel)?;
                let block = &self.forward.blocks[0];
                let (values, below) = (&self.forward.values[last], &self.forward.values[last - 1]);
                let mut buffers = vec![&block.params, &values.errors, &resources.parameters];
                buffers.extend([&below.pre_activations, &below.activations, &below.errors]);
                buffers.extend([&self.forward.params[last], &values.pre_activations]);
                buffers.extend([&block.targets, &self.row_losses, &rows.numbers]);
                buffers.extend(resources.masks.as_ref().map(|masks| &masks.buffer));
                let n_inputs = self.forward.kernels[last].layout.layer.n_inputs;
                let product = [block.rows.len(), n_inputs];
                from_outputs.add(device, &buffers, tile.workgroups(product))?;
                [&[from_outputs][..], &backward[1..]].concat()
            }
        };
        steps.push(gradients);
        Ok(Some(steps))
    }

    /// The kernel of the errors of the last layer and of the one below it, and its tile; `None` if these are two kernels.
    fn backward_from_outputs(
        &self,
        device: &Device,
        resources: &Resources<'_>,
        rows: &BatchRows,
    ) -> Option<(Kernel, Tile)> {
        let layers = &self.forward.kernels;
        let [.., below, last] = &layers[..] else {
            return None;
        };
        let tile = Tile::of([self.forward.max_rows(), last.layout.layer.n_inputs], 1);
        let kernel = last.backward_from_outputs(
            below.layout.layer.activation,
            tile,
            RowLoss::new(&resources.problem),
            BatchRows::order(Some(rows)),
        );
        (last.takes_outputs_at_once() && device.binds(&kernel)).then_some((kernel, tile))
    }

    /// Dispatches for all chunks.
    pub(super) fn n_dispatches(&self) -> usize {
        self.n_blocks() * (self.forward.pipelines.len() + self.steps.len())
    }

    /// The values of each layer for the rows `rows` of a leaf, of the update at `offsets`.
    pub(super) fn stages(
        &self,
        device: &Device,
        chunks: &mut Chunks,
        rows: Range<usize>,
        offsets: DynamicOffsets,
    ) -> Result<Vec<Stage>> {
        let forward = &self.forward;
        let mut blocks = forward.blocks.iter();
        let number = blocks.position(|block| block.rows.contains(&rows.start));
        let number = number.expect("every leaf is in a block");
        let block = &forward.blocks[number];
        chunks.load(device, block.chunk, block.rows.clone())?;
        for values in &forward.values {
            for values in [&values.pre_activations, &values.activations, &values.errors] {
                device.poison(values)?;
            }
        }
        device.run_pass("stages", |pass| {
            self.record(pass, (number, offsets));
        })?;
        let layers = zip(&forward.values, &forward.kernels).map(|(values, kernel)| {
            let n_outputs = kernel.layout.layer.n_outputs;
            let padded = n_outputs.next_multiple_of(4);
            let read = |buffer: &Buffer| -> Result<Vec<f64>> {
                let at = (rows.start - block.rows.start) * padded;
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

    pub(super) fn n_blocks(&self) -> usize {
        self.forward.blocks.len()
    }

    /// The blocks of chunk `number`.
    pub(super) fn blocks(&self, number: usize) -> Range<usize> {
        self.forward.blocks_of_chunks[number].clone()
    }

    /// The leaves of block `block`.
    pub(super) fn leaves(&self, block: usize) -> &Range<usize> {
        &self.forward.blocks[block].leaves
    }

    /// Records the sums of block `block` for the update and the batch at `offsets`.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (block, offsets): (usize, DynamicOffsets),
    ) {
        self.record_block(pass, (block, offsets), &self.steps);
    }

    /// Records block `block` for the update and the batch at `offsets`: the forward pass and what follows it, `steps`.
    pub(super) fn record_block(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (block, offsets): (usize, DynamicOffsets),
        steps: &[Pipeline],
    ) {
        self.forward.record_block(pass, block, offsets);
        for step in steps {
            step.record_at(pass, block, offsets);
        }
    }
}
