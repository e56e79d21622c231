//! Networks whose values are held, with hidden layers or many outputs: forward pass, backward pass and gradients of the
//! leaves of a chunk, a block of leaves at a time, so that the values take little memory however many rows there are.

use super::chunk::Chunk;
use super::chunks::Chunks;
use super::device::{Buffer, Device};
use super::forward::{Block, Forward, Values};
use super::gradients::{GradientSource, Gradients, Losses};
use super::kernels::{Kernel, Summand};
use super::leaf_kernel::{BatchRows, Operands};
use super::optimizer::DeviceOptimizer;
use super::pipeline::{Pipeline, Places};
use super::tile::Tile;
use super::tree::Tree;
use crate::backend::{Problem, Stage};
use crate::error::Result;
use crate::leaves::Leaves;
use std::iter::zip;
use std::ops::Range;

/// The sums of the leaves of each block.
#[derive(Debug)]
pub(super) struct Dense {
    forward: Forward,
    /// Errors and loss of the last layer.
    outputs: Vec<Pipeline>,
    /// One for each layer but the first, with a dispatch for each block.
    backward: Vec<Pipeline>,
    gradients: Gradients,
}

/// An update by the kernel that finds the gradient.
#[derive(Debug)]
pub(super) struct FusedUpdate {
    /// Errors of the last layer and of the one below it, in one dispatch; `None` if they take one each.
    pub(super) from_outputs: Option<Pipeline>,
    gradients: Gradients,
}

impl Dense {
    /// The kernels for `chunks`, whose leaves are `leaves`, which write their sums into the page of `tree`; those of
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
        let per_page = tree.leaves_per_page;
        let forward = Forward::new(device, operands, (leaves, per_page), chunks, rows)?;
        let outputs = Self::outputs(&forward, device, problem, chunks, rows, tree.page())?;
        let mut backward = Vec::new();
        for (at, kernel) in forward.kernels.iter().enumerate().skip(1) {
            let layer = kernel.layout.layer;
            let errors = &forward.values[at].errors;
            let below = at - 1;
            let activation = forward.kernels[below].layout.layer.activation;
            let tile = Tile::of([forward.longest(), layer.n_inputs], 1);
            let mut pipeline = Pipeline::new(device, &kernel.backward(activation, tile))?;
            let below = &forward.values[below];
            for block in &forward.blocks {
                let mut buffers = vec![&block.params, errors, &operands.parameters];
                buffers.extend([&below.pre_activations, &below.activations, &below.errors]);
                buffers.push(&forward.params[at]);
                buffers.extend(operands.masks.as_ref().map(|masks| &masks.buffer));
                let product = [block.n_rows, layer.n_inputs];
                pipeline.add(device, &buffers, tile.workgroups(product))?;
            }
            backward.push(pipeline);
        }
        let source = GradientSource {
            device,
            operands,
            forward: &forward,
            chunks,
            rows,
        };
        let gradients = Gradients::new(source, tree.page())?;
        Ok(Self {
            forward,
            outputs,
            backward,
            gradients,
        })
    }

    /// What updates from the gradients of `chunks` by `optimizer` as it finds them; `None` if the sums of leaves are needed.
    pub(super) fn fused_update(
        &self,
        device: &Device,
        operands: &Operands<'_>,
        optimizer: &DeviceOptimizer,
        (chunks, rows): (&[Chunk], Option<&BatchRows>),
        tree: &Tree,
    ) -> Result<Option<FusedUpdate>> {
        let source = GradientSource {
            device,
            operands,
            forward: &self.forward,
            chunks,
            rows,
        };
        let Some((kernel, tile)) = self.backward_from_outputs(device, operands, rows) else {
            let losses = (Losses::OfLeaf, tree.page());
            let gradients = Gradients::fused_update(source, losses, optimizer)?;
            return Ok(gradients.map(|gradients| FusedUpdate {
                from_outputs: None,
                gradients,
            }));
        };
        let of_rows = device.storage("losses of rows", 2 * self.forward.longest())?;
        let losses = (Losses::OfRows, &of_rows);
        let Some(gradients) = Gradients::fused_update(source, losses, optimizer)? else {
            return Ok(None);
        };
        let mut from_outputs = Pipeline::new(device, &kernel)?;
        let (block, last) = (&self.forward.blocks[0], self.forward.last());
        let (values, below) = (&self.forward.values[last], &self.forward.values[last - 1]);
        let mut buffers = vec![&block.params, &values.errors, &operands.parameters];
        buffers.extend([&below.pre_activations, &below.activations, &below.errors]);
        buffers.extend([&self.forward.params[last], &values.pre_activations]);
        buffers.extend([&chunks[block.chunk].targets, &of_rows]);
        buffers.extend(rows.map(|rows| &rows.numbers));
        buffers.extend(operands.masks.as_ref().map(|masks| &masks.buffer));
        let product = [
            block.n_rows,
            self.forward.kernels[last].layout.layer.n_inputs,
        ];
        from_outputs.add(device, &buffers, tile.workgroups(product))?;
        Ok(Some(FusedUpdate {
            from_outputs: Some(from_outputs),
            gradients,
        }))
    }

    /// The kernel of the errors of the last layer and of the one below it, and its tile; `None` if these are two kernels.
    fn backward_from_outputs(
        &self,
        device: &Device,
        operands: &Operands<'_>,
        rows: Option<&BatchRows>,
    ) -> Option<(Kernel, Tile)> {
        let layers = &self.forward.kernels;
        let [.., below, last] = &layers[..] else {
            return None;
        };
        let tile = Tile::of([self.forward.longest(), last.layout.layer.n_inputs], 1);
        let kernel = last.backward_from_outputs(
            below.layout.layer.activation,
            tile,
            Summand::new(&operands.problem),
            BatchRows::order(rows),
        );
        let fits = kernel.n_storage() <= device.max_storage_buffers();
        (last.takes_outputs_at_once() && fits).then_some((kernel, tile))
    }

    /// The kernels of errors and loss of the last layer, with a dispatch for each block, whose leaf sums are in `page`.
    fn outputs(
        forward: &Forward,
        device: &Device,
        problem: &Problem<'_>,
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
        page: &Buffer,
    ) -> Result<Vec<Pipeline>> {
        let (kernel, values) = (
            &forward.kernels[forward.last()],
            &forward.values[forward.last()],
        );
        let order = BatchRows::order(rows);
        let gradient = kernel.output_gradient(Summand::new(problem), order);
        let mut gradient = Pipeline::new(device, &gradient)?;
        let shared = kernel.output_lanes() > 1;
        let of_rows = match shared {
            true => Some(device.storage("losses of the rows of a block", 2 * forward.longest())?),
            false => None,
        };
        for block in &forward.blocks {
            let mut buffers = vec![&block.params, &values.pre_activations];
            buffers.extend([&chunks[block.chunk].targets, &values.errors]);
            buffers.push(of_rows.as_ref().unwrap_or(page));
            buffers.extend(rows.map(|rows| &rows.numbers));
            let workgroups = match shared {
                true => kernel.workgroups_of_rows(block.n_rows),
                false => block.leaves.len(),
            };
            gradient.add(device, &buffers, [workgroups])?;
        }
        let Some(of_rows) = of_rows else {
            return Ok(vec![gradient]);
        };
        let mut losses = Pipeline::new(device, &kernel.row_losses())?;
        for block in &forward.blocks {
            let buffers = [&block.params, &of_rows, page];
            losses.add(device, &buffers, [block.leaves.len()])?;
        }
        Ok(vec![gradient, losses])
    }

    /// Dispatches for all chunks.
    pub(super) fn n_dispatches(&self) -> usize {
        let of_layers = self.forward.kernels.len() + self.backward.len();
        let of_block = of_layers + self.outputs.len() + self.gradients.n_dispatches();
        self.forward.blocks.len() * of_block
    }

    /// The values of each layer for the rows `rows`, which are those of a leaf.
    pub(super) fn stages(
        &self,
        device: &Device,
        chunks: &mut Chunks,
        rows: Range<usize>,
        places: Places,
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
        device.run_pass("stages", |pass| {
            self.record_block(pass, number, places, &self.gradients)
        })?;
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

    /// Records those for chunk `number`, of the update and the batch that have `places`, and those of `tree` that are due
    /// after each block.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (number, places): (usize, Places),
        tree: &Tree,
    ) {
        for block in self.forward.of_chunks[number].clone() {
            self.record_block(pass, block, places, &self.gradients);
            tree.record_due(pass, self.forward.blocks[block].leaves.end);
        }
    }

    /// Records those for the blocks of chunk `number` that have some of the leaves `leaves`, of the update that has
    /// `places`.
    pub(super) fn record_leaves(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (number, places): (usize, Places),
        leaves: &Range<usize>,
    ) {
        for block in self.forward.of_chunks[number].clone() {
            let own = &self.forward.blocks[block].leaves;
            if own.start < leaves.end && leaves.start < own.end {
                self.record_block(pass, block, places, &self.gradients);
            }
        }
    }

    /// Records the update by `fused`, which [`Dense::fused_update`] has made, that has `places`.
    pub(super) fn record_update(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        places: Places,
        fused: &FusedUpdate,
    ) {
        let Some(from_outputs) = &fused.from_outputs else {
            return self.record_block(pass, 0, places, &fused.gradients);
        };
        self.forward.record_block(pass, 0, places);
        from_outputs.record_at(pass, 0, places);
        for backward in self.backward.iter().rev().skip(1) {
            backward.record_at(pass, 0, places);
        }
        fused.gradients.record(pass, 0, places);
    }

    fn record_block(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        block: usize,
        places: Places,
        gradients: &Gradients,
    ) {
        self.forward.record_block(pass, block, places);
        for outputs in &self.outputs {
            outputs.record_at(pass, block, places);
        }
        for backward in self.backward.iter().rev() {
            backward.record_at(pass, block, places);
        }
        gradients.record(pass, block, places);
    }
}
