//! Gradients of networks whose values are held: as the sums of leaves, or, of a batch that is one leaf, taken for the
//! update as soon as they are found.

use super::chunk::Chunk;
use super::dense_kernels::{DenseKernel, WORKGROUP_SIZE, header_of_tile};
use super::device::{Buffer, Device};
use super::forward::Forward;
use super::kernels::Binding::{Read, ReadWrite, Uniform, UniformAt};
use super::kernels::{Kernel, numbered, shaders};
use super::leaf_kernel::{BatchRows, Operands, row_buffers};
use super::optimizer::{DeviceOptimizer, RECORD, header_of_rule, needs_norms};
use super::params::{LayerParams, to_u32};
use super::pipeline::{Pipeline, Places};
use super::tile::Tile;
use crate::error::Result;
use crate::optimizer::UpdateRule;

/// The gradients of all layers, with a dispatch of each pipeline for each block.
#[derive(Debug)]
pub(super) struct Gradients(Vec<Pipeline>);

/// What gradients are found from.
#[derive(Clone, Copy, Debug)]
pub(super) struct GradientSource<'f> {
    pub(super) device: &'f Device,
    pub(super) operands: &'f Operands<'f>,
    pub(super) forward: &'f Forward,
    pub(super) chunks: &'f [Chunk],
    /// The numbers of the rows of a batch.
    pub(super) rows: Option<&'f BatchRows>,
}

impl Gradients {
    /// As sums of leaves in `page`. Layers share a dispatch where one leaf alone would keep few cores busy.
    pub(super) fn new(source: GradientSource<'_>, page: &Buffer) -> Result<Self> {
        let layers = &source.forward.kernels;
        let all = GradientKernel::new(layers, source.shared_tile());
        if source.is_one_leaf() && all.sums().n_storage() <= source.device.max_storage_buffers() {
            let pipeline = source.pipeline(0, &all, &all.sums(), &[page])?;
            return Ok(Self(vec![pipeline]));
        }
        let blocks = source.forward.blocks.iter();
        let n_leaves = blocks.map(|block| block.leaves.len()).max();
        let of_layer = |at: usize| {
            let layer = layers[at].layout.layer;
            let product = [layer.n_outputs, layer.n_inputs];
            let tile = Tile::of(product, n_leaves.unwrap_or(1));
            let one = GradientKernel::new(&layers[at..=at], tile);
            source.pipeline(at, &one, &one.sums(), &[page])
        };
        Ok(Self(
            (0..layers.len()).map(of_layer).collect::<Result<_>>()?,
        ))
    }

    /// Taken to update the parameters by `optimizer`, after the loss that is in the buffer as the [`Losses`] say; `None` if
    /// there are several leaves, or if an update depends on all of the gradient.
    pub(super) fn fused_update(
        source: GradientSource<'_>,
        (losses, found): (Losses, &Buffer),
        optimizer: &DeviceOptimizer,
    ) -> Result<Option<Self>> {
        let all = GradientKernel::new(&source.forward.kernels, source.shared_tile());
        let kernel = all.updates(&optimizer.rule, losses);
        let fits = kernel.n_storage() <= source.device.max_storage_buffers();
        if !source.is_one_leaf() || needs_norms(&optimizer.rule) || !fits {
            return Ok(None);
        }
        let parameters = &source.operands.parameters;
        let [first, second] = &optimizer.memory;
        let mut buffers = vec![found, &optimizer.records, parameters, first, second];
        buffers.extend([&optimizer.history, &optimizer.average]);
        let pipeline = source.pipeline(0, &all, &kernel, &buffers)?;
        Ok(Some(Self(vec![pipeline])))
    }

    /// Dispatches of a block.
    pub(super) fn n_dispatches(&self) -> usize {
        self.0.len()
    }

    /// Records those of block `block`, of the update and the batch that have `places`.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, block: usize, places: Places) {
        for pipeline in &self.0 {
            pipeline.record_at(pass, block, places);
        }
    }
}

/// Where an update finds the loss of its rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Losses {
    /// In a page of leaf sums.
    OfLeaf,
    /// In the loss and dy/dz of each row, a vec2.
    OfRows,
}

impl GradientSource<'_> {
    fn is_one_leaf(self) -> bool {
        matches!(&self.forward.blocks[..], [block] if block.leaves.len() == 1)
    }

    /// The tile for all layers: that of the layer with the most weights.
    fn shared_tile(self) -> Tile {
        let layers = self.forward.kernels.iter();
        let layers = layers.map(|kernel| kernel.layout.layer);
        let largest = layers.max_by_key(|layer| layer.n_weights());
        let product = largest.map_or([1, 1], |layer| [layer.n_outputs, layer.n_inputs]);
        Tile::of(product, 1)
    }

    /// `kernel`, the text of `gradients` of layer `first` and those after it, with a dispatch for each block; the buffers
    /// `to` take what it finds.
    fn pipeline(
        self,
        first: usize,
        gradients: &GradientKernel<'_>,
        kernel: &Kernel,
        to: &[&Buffer],
    ) -> Result<Pipeline> {
        let layers = first..first + gradients.layers.len();
        let mut pipeline = Pipeline::new(self.device, kernel)?;
        let params = (self.device).uniforms("gradients.layers", &gradients.params(first))?;
        for block in &self.forward.blocks {
            let inputs = |at| self.forward.inputs(at, &self.chunks[block.chunk]);
            let mut buffers = vec![&block.params, inputs(first)];
            buffers.extend(layers.clone().map(|at| &self.forward.values[at].errors));
            buffers.extend(layers.clone().skip(1).map(inputs));
            buffers.extend(to);
            buffers.push(&params);
            buffers.extend(row_buffers(self.operands, self.rows).filter(|_| first == 0));
            let workgroups = [gradients.n_tiles(), block.leaves.len()];
            pipeline.add(self.device, &buffers, workgroups)?;
        }
        Ok(pipeline)
    }
}

/// What decides the text of the kernel of the gradients of some layers.
#[derive(Debug)]
pub(super) struct GradientKernel<'k> {
    layers: &'k [DenseKernel],
    tile: Tile,
}

impl<'k> GradientKernel<'k> {
    /// Of neighbouring layers, in tiles `tile`.
    pub(super) fn new(layers: &'k [DenseKernel], tile: Tile) -> Self {
        Self { layers, tile }
    }

    /// Tiles of a layer.
    fn tiles(&self, kernel: &DenseKernel) -> usize {
        let layer = kernel.layout.layer;
        let [down, across] = self.tile.workgroups([layer.n_outputs, layer.n_inputs]);
        down * across
    }

    /// Tiles of all layers.
    fn n_tiles(&self) -> usize {
        self.layers.iter().map(|kernel| self.tiles(kernel)).sum()
    }

    /// Where the operands of the layers lie, the first of which is number `first` of the network.
    fn params(&self, first: usize) -> Vec<LayerParams> {
        let mut first_tile = 0;
        let of_layer = |(number, kernel): (usize, &DenseKernel)| {
            let params = LayerParams {
                first_tile: to_u32(first_tile),
                ..kernel.params(number)
            };
            first_tile += self.tiles(kernel);
            params
        };
        (first..).zip(self.layers).map(of_layer).collect()
    }

    /// `dense_gradient` that keeps the sums of leaves.
    pub(super) fn sums(&self) -> Kernel {
        self.kernel(shaders!("common/gradient_sums.wgsl"), 0)
    }

    /// `dense_gradient` that updates the parameters by `rule`.
    pub(super) fn updates(&self, rule: &UpdateRule, losses: Losses) -> Kernel {
        let parts = shaders!(
            "common/update.wgsl",
            "common/update_rule.wgsl",
            "common/gradient_updates.wgsl"
        );
        let losses = match losses {
            Losses::OfLeaf => shaders!("common/loss_of_leaf.wgsl").to_owned(),
            Losses::OfRows => {
                format!("const LOSS_LANES = {WORKGROUP_SIZE}u;\n")
                    + shaders!("common/loss_of_rows.wgsl")
            }
        };
        self.kernel(&(header_of_rule(rule) + &losses + parts), 5)
    }

    /// The kernel with `taking`, the part that takes the gradient, which binds the leaf sums or, to update them, a record
    /// and `n_updated` buffers more.
    fn kernel(&self, taking: &str, n_updated: usize) -> Kernel {
        let n_layers = self.layers.len();
        let mut bindings = vec![Uniform, Read];
        bindings.extend(vec![Read; 2 * n_layers - 1]);
        // The part is numbered as for one layer.
        let shift = 2 * (n_layers - 1);
        let mut taking = taking.to_owned();
        for number in (3..=3 + 1 + n_updated).rev() {
            taking = numbered(&taking, number, number + shift);
        }
        match n_updated {
            0 => bindings.push(ReadWrite),
            _ => {
                bindings.extend([Read, UniformAt(RECORD)]);
                bindings.extend(vec![ReadWrite; n_updated]);
            }
        }
        let operands = self.operands(bindings.len());
        bindings.push(Uniform);
        let reader = self.layers[0].reader(&mut bindings);
        Kernel {
            name: "dense_gradient",
            wgsl: [
                &header_of_tile(self.tile),
                &operands,
                &reader,
                shaders!("common/dense_x.wgsl"),
                &taking,
                shaders!("dense_gradient.wgsl"),
            ]
            .concat(),
            bindings,
        }
    }

    /// The operands of the layers, which binding `layers_at` tells of.
    fn operands(&self, layers_at: usize) -> String {
        let last = self.layers.len() - 1;
        let (mut declared, mut x_of, mut e_of) = (String::new(), String::new(), String::new());
        for number in 0..=last {
            declared += &operand("errors", number, 2 + number);
            let case = match number == last {
                true => "default".to_owned(),
                false => format!("case {number}u"),
            };
            let at = "row * layer.output_width + vector";
            e_of += &format!("        {case}: {{ return errors_{number}[{at}]; }}\n");
            if number > 0 {
                declared += &operand("x", number, 2 + last + number);
                let at = "row * layer.input_width + vector";
                x_of += &format!("        case {number}u: {{ return x_{number}[{at}]; }}\n");
            }
        }
        format!(
            "const LAYERS = {n_layers}u;
{declared}@group(0) @binding({layers_at}) var<uniform> layers: array<Layer, LAYERS>;

fn x_of(place: u32, row: u32, vector: u32) -> vec4<f32> {{
    switch place {{
{x_of}        default: {{ return x_at(row, vector); }}
    }}
}}

fn e_of(place: u32, row: u32, vector: u32) -> vec4<f32> {{
    switch place {{
{e_of}    }}
}}
",
            n_layers = self.layers.len()
        )
    }
}

/// The declaration of an operand of layer `number`.
fn operand(name: &str, number: usize, binding: usize) -> String {
    format!("@group(0) @binding({binding}) var<storage, read> {name}_{number}: array<vec4<f32>>;\n")
}

#[cfg(test)]
pub(super) mod tests;
