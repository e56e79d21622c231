//! Networks so small that one workgroup holds their parameters and the values of an update's rows: one dispatch makes
//! many updates, where a larger network takes several dispatches for each.

#[cfg(test)]
pub(super) mod tests;

use super::dense_kernels::{MAX_OUTPUTS_OF_INVOCATION, header_of_activations};
use super::device::{Buffer, Device};
use super::input_format::InputFormat;
use super::kernel::Binding::{Read, ReadWrite, UniformAt};
use super::kernel::{Kernel, constants, shaders};
use super::kernels::{RowLoss, RowOrder, row_reader};
use super::optimizer::{
    DeviceOptimizer, VEC4_PER_WORKGROUP, WORKGROUP_SIZE, header_of_updates, needs_norms,
    workgroup_header,
};
use super::parameter_layout::ParameterLayout;
use super::params::{
    MAX_UPDATES, MaskParams, SmallUpdateParams, SmallUpdatesParams, UNIFORM_STRIDE, to_u32,
};
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::{BatchRows, Resources, row_buffers};
use super::row_numbers::{RowNumbers, offsets, room, segments};
use super::workgroup_shape::MAX_LOOP_TRIPS;
use crate::error::Result;
use crate::network::{Activation, Network};
use crate::optimizer::UpdateRule;
use std::ops::Range;
use wgpu::BufferUsages;

/// Most updates of one dispatch: their uniform stays below the 16 KiB that every adapter takes.
const MOST_UPDATES: usize = 200;

/// The kernel, compiled for a rule, and what it reads of the updates recorded at once.
#[derive(Debug)]
pub(super) struct SmallNetwork {
    pipeline: Pipeline,
    /// A uniform for each dispatch, [`stride`] bytes apart.
    uniforms: Buffer,
    /// Updates of one dispatch, at most.
    per_dispatch: usize,
    /// The numbers of the rows of batches; `None` if each update takes all rows.
    numbers: Option<RowNumbers>,
}

impl SmallNetwork {
    /// The kernel for updates by the rule of `optimizer` of a problem whose inputs and targets are `resident`; `None` if
    /// the network, or a batch, is not small.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        optimizer: &DeviceOptimizer,
        resident: &[Buffer; 2],
    ) -> Result<Option<Self>> {
        let (problem, rule) = (&resources.problem, &optimizer.rule);
        let n_samples = problem.dataset.n_samples();
        let rows = rule.batches.map_or(n_samples, |it| it.size.min(n_samples));
        if problem.network.reads_rows_once() || problem.leaves_of(rows).count() > 1 {
            return Ok(None);
        }
        let layout = SmallLayout::new(&problem.network, rows);
        if !layout.is_small(device.adapter.max_workgroup_bytes as usize) {
            return Ok(None);
        }
        let numbers = rule
            .batches
            .map(|batches| RowNumbers::new(device, room(batches.size)));
        let numbers = numbers.transpose()?;
        let rows = numbers.as_ref().map(|numbers| BatchRows {
            numbers: numbers.buffer.clone(),
            bytes: numbers.buffer.size(),
        });
        let kernel = layout.kernel(
            rule,
            RowLoss::new(problem),
            (
                InputFormat::new(problem.dataset.quantization()),
                BatchRows::order(rows.as_ref()),
            ),
            resources.masks.is_some(),
        );
        if !device.binds(&kernel) {
            return Ok(None);
        }
        let per_dispatch = layout.per_dispatch();
        let uniforms = device.buffer(
            "updates of a small network",
            (MAX_UPDATES.div_ceil(per_dispatch) * stride(per_dispatch)) as u64,
            BufferUsages::UNIFORM | BufferUsages::COPY_DST,
        )?;
        let mut pipeline = Pipeline::new(device, &kernel)?;
        let [inputs, targets] = resident;
        let [memory_0, memory_1] = &optimizer.memory;
        let mut buffers = vec![&uniforms, inputs, &resources.parameters, targets];
        buffers.extend([memory_0, memory_1, &optimizer.history, &optimizer.average]);
        buffers.extend(row_buffers(resources, rows.as_ref()));
        pipeline.add(device, &buffers, [1])?;
        Ok(Some(Self {
            pipeline,
            uniforms,
            per_dispatch,
            numbers,
        }))
    }

    /// Submits `updates`, at most as many as there is room for the numbers of their rows, each with the scale of its
    /// reduction.
    pub(super) fn submit(
        &self,
        device: &Device,
        resources: &Resources<'_>,
        optimizer: &DeviceOptimizer,
        updates: Range<u64>,
        scaled: impl Iterator<Item = (u64, f64)>,
    ) {
        let n_samples = resources.problem.dataset.n_samples();
        let batches = optimizer.rule.batches;
        let of_update = |(number, (update, scale)): (usize, (u64, f64))| {
            let (n_rows, first_row) = match batches {
                None => (n_samples, 0),
                Some(batches) => (
                    batches.batch(update, n_samples).places.len(),
                    offsets(batches.size, number).rows / 4,
                ),
            };
            let masks = resources.masks.as_ref();
            SmallUpdateParams {
                rule: optimizer.params(update, scale),
                mask: masks.map_or(MaskParams::ALL, |masks| masks.params(update)),
                n_rows: to_u32(n_rows),
                first_row,
                _pad: [0; 2],
            }
        };
        let params: Vec<_> = scaled.enumerate().map(of_update).collect();
        device.write(&self.uniforms, 0, &self.uniforms_of(&params));
        let segments =
            batches.map_or_else(Vec::new, |batches| segments(batches, n_samples, updates));
        if let Some(numbers) = &self.numbers {
            numbers.write_segments(device, &segments);
        }
        device.submit("updates", |encoder| {
            Device::pass(encoder, "updates", |pass| {
                if let Some(numbers) = &self.numbers {
                    numbers.record(device, pass, &segments);
                }
                for number in 0..params.len().div_ceil(self.per_dispatch) {
                    let offsets = DynamicOffsets {
                        uniform: to_u32(number * stride(self.per_dispatch)),
                        rows: 0,
                    };
                    self.pipeline.record_at(pass, 0, offsets);
                }
            });
        });
    }

    /// The uniforms of the dispatches that make the updates `params`.
    fn uniforms_of(&self, params: &[SmallUpdateParams]) -> Vec<u8> {
        let mut uniforms = Vec::new();
        for (number, group) in params.chunks(self.per_dispatch).enumerate() {
            uniforms.resize(number * stride(self.per_dispatch), 0);
            let head = SmallUpdatesParams {
                n_updates: to_u32(group.len()),
                _pad: [0; 3],
            };
            uniforms.extend_from_slice(bytemuck::bytes_of(&head));
            uniforms.extend_from_slice(bytemuck::cast_slice(group));
        }
        uniforms
    }
}

/// Bytes of the uniform of a dispatch of `per_dispatch` updates.
fn uniform_bytes(per_dispatch: usize) -> usize {
    size_of::<SmallUpdatesParams>() + per_dispatch * size_of::<SmallUpdateParams>()
}

/// Bytes from the uniform of one dispatch to that of the next.
fn stride(per_dispatch: usize) -> usize {
    uniform_bytes(per_dispatch).next_multiple_of(UNIFORM_STRIDE)
}

/// Where the values of each layer lie in workgroup memory.
struct SmallLayout {
    parameters: ParameterLayout,
    /// Most rows of an update.
    n_rows: usize,
    /// Places in vec4, of each layer.
    layers: Vec<SmallLayer>,
    /// vec4 of all values.
    n_values: usize,
    hidden: Activation,
    output: Activation,
}

/// What the shader knows of a layer, which says what each means.
struct SmallLayer {
    outputs: usize,
    input_width: usize,
    output_width: usize,
    weight_at: usize,
    bias_at: usize,
    x_at: usize,
    z_at: usize,
    a_at: usize,
}

impl SmallLayout {
    fn new(network: &Network, n_rows: usize) -> Self {
        let parameters = ParameterLayout::new(network);
        let last = parameters.layers.len() - 1;
        let mut layers = Vec::new();
        let (mut x_at, mut end) = (0, n_rows * parameters.layers[0].row / 4);
        for (at, layout) in parameters.layers.iter().enumerate() {
            let output_width = layout.layer.n_outputs.div_ceil(4);
            let (z_at, a_at) = (end, end + n_rows * output_width);
            layers.push(SmallLayer {
                outputs: layout.layer.n_outputs,
                input_width: layout.row / 4,
                output_width,
                weight_at: layout.weight_at / 4,
                bias_at: layout.bias_at / 4,
                x_at,
                z_at,
                a_at,
            });
            x_at = a_at;
            end = a_at + if at < last { n_rows * output_width } else { 0 };
        }
        Self {
            n_rows,
            layers,
            n_values: end,
            hidden: parameters.layers[0].layer.activation,
            output: parameters.layers[last].layer.activation,
            parameters,
        }
    }

    /// Whether one workgroup can hold all of it in `max_bytes`, and sums as the kernels of larger networks do.
    fn is_small(&self, max_bytes: usize) -> bool {
        let n_columns = self.parameters.n_parameters / 4;
        let vectors = 2 * n_columns + self.n_values + WORKGROUP_SIZE;
        n_columns <= VEC4_PER_WORKGROUP
            && self
                .parameters
                .layers
                .last()
                .is_some_and(|last| last.layer.n_outputs <= MAX_OUTPUTS_OF_INVOCATION)
            && 16 * vectors <= max_bytes
    }

    /// Updates of one dispatch, at most.
    fn per_dispatch(&self) -> usize {
        (MAX_LOOP_TRIPS / self.loop_trips()).clamp(1, MOST_UPDATES)
    }

    /// Loop trips that an invocation makes for one update, or a few more.
    fn loop_trips(&self) -> usize {
        let shared = |n: usize| n.div_ceil(WORKGROUP_SIZE);
        let tree = WORKGROUP_SIZE.ilog2() as usize;
        let last = &self.layers[self.layers.len() - 1];
        let of_layer = |layer: &SmallLayer| {
            let forward = shared(self.n_rows * layer.output_width) * (1 + 5 * layer.input_width);
            let backward = shared(self.n_rows * layer.input_width) * (1 + 5 * layer.output_width);
            let weights = shared(layer.outputs * layer.input_width);
            2 + forward + backward + (weights + shared(layer.output_width)) * (1 + self.n_rows)
        };
        let layers: usize = self.layers.iter().map(of_layer).sum();
        let outputs = shared(self.n_rows) * (1 + 4 * 4 * last.output_width);
        let columns = shared(self.parameters.n_parameters / 4);
        let rows = shared(self.n_rows * self.layers[0].input_width);
        1 + layers + outputs + 2 * tree + 4 + columns + rows
    }

    /// `small_network`: updates by `rule` from the rows and the inputs that `(format, order)` tells.
    fn kernel(
        &self,
        rule: &UpdateRule,
        row_loss: RowLoss,
        (format, order): (InputFormat, RowOrder),
        drops: bool,
    ) -> Kernel {
        let per_dispatch = self.per_dispatch();
        let mut bindings = vec![UniformAt(uniform_bytes(per_dispatch) as u64), Read];
        bindings.extend([ReadWrite, Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite]);
        let reader = row_reader(format, order, &mut bindings);
        let parts = shaders!(
            "common/functions.wgsl",
            "common/loss.wgsl",
            "common/output_row.wgsl",
            "common/output_errors.wgsl",
            "common/sum_of_workgroup.wgsl",
            "common/threefry.wgsl",
            "common/mask.wgsl",
            "common/update.wgsl",
            "common/norm_terms.wgsl",
            "common/update_rule.wgsl",
            "small_network.wgsl"
        );
        let header = self.header(rule, drops, order != RowOrder::InOrder);
        Kernel {
            name: "small_network",
            wgsl: [
                &header_of_updates(&self.parameters, rule),
                &workgroup_header(),
                &header,
                &row_loss.header(),
                &reader,
                parts,
            ]
            .concat(),
            bindings,
        }
    }

    fn header(&self, rule: &UpdateRule, drops: bool, of_batches: bool) -> String {
        let row = self.layers[0].input_width;
        let has_bias = self.parameters.layers[0].layer.bias;
        let header = constants([
            ("VEC4_PER_ROW", row),
            // An invocation reads any vec4 of a row, one at a time.
            ("VEC4_PER_LANE", 1),
            ("LANES_PER_ROW", row),
            ("LAYERS", self.layers.len()),
            ("PARAMETERS", self.parameters.n_parameters / 4),
            ("VALUES", self.n_values),
            ("MOST_UPDATES", self.per_dispatch()),
            ("HAS_BIAS", usize::from(has_bias)),
            ("BATCHES", usize::from(of_batches)),
            ("DROPOUT", usize::from(drops)),
            ("NORMS", usize::from(needs_norms(rule))),
        ]);
        let layers: Vec<String> = self.layers.iter().map(SmallLayer::wgsl).collect();
        let cases = layers
            .iter()
            .enumerate()
            .map(|(number, layer)| format!("        case {number}u: {{ return {layer}; }}\n"));
        let cases: String = cases.collect();
        header
            + &header_of_activations(self.hidden, self.output)
            + &format!(
                "const LAST_LAYER = {};

fn layer_of(number: u32) -> Layer {{
    switch number {{
{cases}        default: {{ return LAST_LAYER; }}
    }}
}}
",
                layers[layers.len() - 1]
            )
    }
}

impl SmallLayer {
    /// The layer as the shader writes it.
    fn wgsl(&self) -> String {
        let numbers = [
            self.outputs,
            self.input_width,
            self.output_width,
            self.weight_at,
            self.bias_at,
            self.x_at,
            self.z_at,
            self.a_at,
        ];
        let numbers = numbers.map(|number| format!("{number}u"));
        format!("Layer({})", numbers.join(", "))
    }
}
