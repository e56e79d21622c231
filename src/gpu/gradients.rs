//! Gradients of dense networks: as the sums of leaves, or, of a batch that is one leaf, taken for the update as soon as they
//! are found.

use super::dense_kernels::{DenseKernel, WORKGROUP_SIZE, header_of_tile};
use super::device::{Buffer, Device};
use super::forward::Forward;
use super::kernel::Binding::{self, Read, ReadWrite, Uniform, UniformAt};
use super::kernel::{Kernel, shaders};
use super::optimizer::{DeviceOptimizer, RULE_BYTES, header_of_rule, needs_norms};
use super::params::{LayerParams, to_u32};
use super::pipeline::Pipeline;
use super::resources::{BatchRows, Resources, row_buffers};
use super::tile::Tile;
use crate::error::Result;
use crate::optimizer::UpdateRule;

/// What gradients are found from.
#[derive(Clone, Copy, Debug)]
pub(super) struct GradientSource<'f> {
    pub(super) device: &'f Device,
    pub(super) resources: &'f Resources<'f>,
    pub(super) forward: &'f Forward,
    /// The numbers of the rows of a batch.
    pub(super) rows: Option<&'f BatchRows>,
}

impl GradientSource<'_> {
    /// The gradients of all layers as sums of leaves in `page`, with a dispatch of each pipeline for each block. Layers
    /// share a dispatch where one leaf alone would keep few cores busy.
    pub(super) fn sums(self, page: &Buffer) -> Result<Vec<Pipeline>> {
        let layers = &self.forward.kernels;
        let all = GradientKernel::new(layers, self.shared_tile());
        if self.is_one_leaf() && self.fits(&all, &all.sums()) {
            return Ok(vec![self.pipeline(0, &all, &all.sums(), &[page])?]);
        }
        let blocks = self.forward.blocks.iter();
        let n_leaves = blocks.map(|block| block.leaves.len()).max();
        let of_layer = |at: usize| {
            let layer = layers[at].layout.layer;
            let product = [layer.n_outputs, layer.n_inputs];
            let tile = Tile::of(product, n_leaves.unwrap_or(1));
            let one = GradientKernel::new(&layers[at..=at], tile);
            self.pipeline(at, &one, &one.sums(), &[page])
        };
        (0..layers.len()).map(of_layer).collect()
    }

    /// The gradients of all layers, each of which updates its parameters by `optimizer` as soon as it is found. `row_losses`
    /// are the losses of the rows. `None` if there are several leaves, or if an update depends on all of the gradient.
    pub(super) fn fused_update(
        self,
        row_losses: &Buffer,
        optimizer: &DeviceOptimizer,
    ) -> Result<Option<Pipeline>> {
        let all = GradientKernel::new(&self.forward.kernels, self.shared_tile());
        let kernel = all.updates(&optimizer.rule);
        let fits = self.fits(&all, &kernel);
        if !self.is_one_leaf() || needs_norms(&optimizer.rule) || !fits {
            return Ok(None);
        }
        let parameters = &self.resources.parameters;
        let [memory_0, memory_1] = &optimizer.memory;
        let mut buffers = vec![
            row_losses,
            &optimizer.uniforms,
            parameters,
            memory_0,
            memory_1,
        ];
        buffers.extend([&optimizer.history, &optimizer.average]);
        self.pipeline(0, &all, &kernel, &buffers).map(Some)
    }

    /// Whether the device takes `kernel`, of `gradients`, in one dispatch.
    fn fits(self, gradients: &GradientKernel<'_>, kernel: &Kernel) -> bool {
        self.device.binds(kernel)
            && gradients.n_tiles() <= self.device.adapter.max_workgroups as usize
    }

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
        let later = first + 1..first + gradients.layers.len();
        let mut pipeline = Pipeline::new(self.device, kernel)?;
        let params = (self.device).uniforms("gradients.layers", &gradients.params(first))?;
        let errors = |at: usize| &self.forward.values[at].errors;
        for block in &self.forward.blocks {
            let inputs = |at| self.forward.inputs(at, block);
            let mut buffers = vec![&block.params, inputs(first), errors(first)];
            buffers.extend(to);
            buffers.push(&params);
            buffers.extend(later.clone().map(errors));
            buffers.extend(later.clone().map(inputs));
            buffers.extend(row_buffers(self.resources, self.rows).filter(|_| first == 0));
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

    /// The uniforms of the layers, the first of which is number `first` of the network.
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
        self.kernel(shaders!("common/gradient_sums.wgsl"), &[ReadWrite])
    }

    /// `dense_gradient` that updates the parameters by `rule`.
    pub(super) fn updates(&self, rule: &UpdateRule) -> Kernel {
        let parts = shaders!(
            "common/loss_of_rows.wgsl",
            "common/update.wgsl",
            "common/update_rule.wgsl",
            "common/gradient_updates.wgsl"
        );
        let header = format!("const LOSS_LANES = {WORKGROUP_SIZE}u;\n") + &header_of_rule(rule);
        let mut bindings = vec![Read, UniformAt(RULE_BYTES)];
        bindings.extend([ReadWrite; 5]);
        self.kernel(&(header + parts), &bindings)
    }

    /// The kernel with `epilogue`, the part that takes the gradient, and its bindings.
    fn kernel(&self, epilogue: &str, of_epilogue: &[Binding]) -> Kernel {
        let mut bindings = vec![Uniform, Read, Read];
        bindings.extend(of_epilogue);
        let operands = self.operands(bindings.len());
        bindings.push(Uniform);
        bindings.extend(vec![Read; 2 * (self.layers.len() - 1)]);
        let reader = self.layers[0].reader(&mut bindings);
        Kernel {
            name: "dense_gradient",
            wgsl: [
                &header_of_tile(self.tile),
                &operands,
                &reader,
                shaders!("common/dense_x.wgsl"),
                epilogue,
                shaders!("dense_gradient.wgsl"),
            ]
            .concat(),
            bindings,
        }
    }

    /// The WGSL of the operands x and e of the layers. Binding `layers_at` has the uniforms of the layers; the operands of all
    /// but the first come after it.
    fn operands(&self, layers_at: usize) -> String {
        let last = self.layers.len() - 1;
        let (mut declared, mut x_of, mut e_of) = (String::new(), String::new(), String::new());
        for number in 0..=last {
            let errors_at = if number == 0 { 2 } else { layers_at + number };
            declared += &operand("errors", number, errors_at);
            let case = match number == last {
                true => "default".to_owned(),
                false => format!("case {number}u"),
            };
            let at = "row * layer.output_width + vector";
            e_of += &format!("        {case}: {{ return errors_{number}[{at}]; }}\n");
            if number > 0 {
                declared += &operand("x", number, layers_at + last + number);
                let at = "row * layer.input_width + vector";
                x_of += &format!("        case {number}u: {{ return x_{number}[{at}]; }}\n");
            }
        }
        format!(
            "const LAYERS = {n_layers}u;
{declared}@group(0) @binding({layers_at}) var<uniform> layers: array<Layer, LAYERS>;

fn x_of(layer_at: u32, row: u32, vector: u32) -> vec4<f32> {{
    switch layer_at {{
{x_of}        default: {{ return x_at(row, vector); }}
    }}
}}

fn e_of(layer_at: u32, row: u32, vector: u32) -> vec4<f32> {{
    switch layer_at {{
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
