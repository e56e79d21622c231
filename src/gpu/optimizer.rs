//! Updates by a first-order method on the device, from the total of a pass, without the host.

use super::device::{Buffer, Device};
use super::kernel::Binding::{Read, ReadWrite, UniformAt};
use super::kernel::{Kernel, constants, shaders};
use super::parameter_layout::ParameterLayout;
use super::params::{MAX_UPDATES, RuleParams, UNIFORM_STRIDE, UNWRITTEN};
use super::pipeline::{DynamicOffsets, Pipeline};
use super::range;
use super::tree::Tree;
use crate::error::Result;
use crate::optimizer::{Memory, Optimizer, UpdateRule, adam_shares};
use std::ops::Range;
use wgpu::BufferUsages;

/// vec4 of the parameters that a workgroup of `norms` takes; a small network has no more.
pub(super) const VEC4_PER_WORKGROUP: usize = 1024;
pub(super) const WORKGROUP_SIZE: usize = 256;

/// A rule, compiled, with what it keeps from update to update.
#[derive(Debug)]
pub(super) struct DeviceOptimizer {
    pub(super) rule: UpdateRule,
    pub(super) layout: ParameterLayout,
    /// What adds up the norms of the gradient and of the weights, if the rule asks for them.
    norms: Option<Tree>,
    /// Zeros that stand for the norms otherwise.
    zero: Buffer,
    /// What the method keeps, as `common/update_rule.wgsl` says; a vector that it does not use has room for one vec4.
    pub(super) memory: [Buffer; 2],
    /// The running mean of the parameters; one vec4 if the rule asks for none.
    pub(super) average: Buffer,
    /// The [`RuleParams`] of each update recorded at once, [`UNIFORM_STRIDE`] bytes apart.
    pub(super) uniforms: Buffer,
    /// What each update saw, a vec4: the sums of the loss and of dy/dz, of the magnitudes of the weights and of their
    /// squares. Update u is number u modulo [`MAX_UPDATES`].
    pub(super) history: Buffer,
}

/// The dispatches of an update from one total.
#[derive(Debug)]
pub(super) struct UpdateDispatches {
    norms: Option<Pipeline>,
    optimizer: Pipeline,
}

impl DeviceOptimizer {
    /// `rule`, with nothing kept of earlier updates.
    pub(super) fn new(
        device: &Device,
        layout: &ParameterLayout,
        rule: &UpdateRule,
    ) -> Result<Self> {
        // Rates that schedules make as small as they like need not be numbers that a GPU can multiply by.
        range::f32_rate("is", rule.learning_rate)?;
        range::check_rule(rule)?;
        let n_own = rule.optimizer.memory().len();
        let vector = |is_used: bool| {
            let floats = if is_used { layout.n_trained } else { 4 };
            device.storage("memory of the optimizer", floats)
        };
        let n_nodes = (layout.n_trained / 4).div_ceil(VEC4_PER_WORKGROUP);
        let norms = needs_norms(rule).then(|| Tree::new(device, n_nodes, 4, None, None));
        let bytes = (MAX_UPDATES * UNIFORM_STRIDE) as u64;
        Ok(Self {
            norms: norms.transpose()?,
            zero: device.storage("no norms", 4)?,
            memory: [vector(n_own > 0)?, vector(n_own > 1)?],
            average: vector(rule.average_decay.is_some())?,
            uniforms: device.buffer(
                "uniforms of updates",
                bytes,
                BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            )?,
            history: device.storage("history", 4 * MAX_UPDATES)?,
            rule: rule.clone(),
            layout: layout.clone(),
        })
    }

    /// The dispatches that update `parameters` from `total`, which is laid out as in the tree.
    pub(super) fn dispatches(
        &self,
        device: &Device,
        parameters: &Buffer,
        total: &Buffer,
    ) -> Result<UpdateDispatches> {
        let n_columns = self.layout.n_trained / 4;
        let norms = self.norms.as_ref().map(|tree| {
            let mut pipeline = Pipeline::new(device, &norms(&self.layout))?;
            let buffers = [&self.uniforms, total, parameters, tree.page()];
            let workgroups = device.workgroups(n_columns.div_ceil(VEC4_PER_WORKGROUP));
            pipeline.add(device, &buffers, workgroups)?;
            Ok(pipeline)
        });
        let mut optimizer = Pipeline::new(device, &optimizer(&self.layout, &self.rule))?;
        let [memory_0, memory_1] = &self.memory;
        let norm = self.norms.as_ref().map_or(&self.zero, Tree::total);
        let buffers = [
            &self.uniforms,
            total,
            parameters,
            memory_0,
            memory_1,
            norm,
            &self.history,
            &self.average,
        ];
        let workgroups = device.workgroups(n_columns.div_ceil(WORKGROUP_SIZE));
        optimizer.add(device, &buffers, workgroups)?;
        Ok(UpdateDispatches {
            norms: norms.transpose()?,
            optimizer,
        })
    }

    /// Dispatches of an update.
    pub(super) fn n_dispatches(&self) -> usize {
        let norms = self.norms.as_ref();
        1 + norms.map_or(0, |tree| 1 + tree.n_dispatches())
    }

    /// Writes the uniforms of `updates`, each with its number and the scale of its reduction, at most [`MAX_UPDATES`].
    pub(super) fn write_uniforms(
        &self,
        device: &Device,
        updates: impl IntoIterator<Item = (u64, f64)>,
    ) {
        let mut uniforms = Vec::new();
        for (update, scale) in updates {
            let start = uniforms.len();
            uniforms.extend_from_slice(bytemuck::bytes_of(&self.params(update, scale)));
            uniforms.resize(start + UNIFORM_STRIDE, 0);
        }
        device.write(&self.uniforms, 0, &uniforms);
    }

    /// The uniform of update number `update`, whose reduction has the scale `scale`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn params(&self, update: u64, scale: f64) -> RuleParams {
        let rule = &self.rule;
        let rate = rule.rate(update);
        let [mean_share, square_share] = match rule.optimizer {
            Optimizer::Adam | Optimizer::AdamW => adam_shares(update + 1),
            _ => [1.0, 1.0],
        };
        RuleParams {
            scale: scale as f32,
            rate: (rate / mean_share) as f32,
            square_scale: (1.0 / square_share) as f32,
            decay: (rate * rule.weight_decay) as f32,
            momentum: rule.momentum as f32,
            threshold: (rate * rule.l1) as f32,
            l2: rule.l2 as f32,
            clip_norm: rule.clip_norm.unwrap_or(0.0) as f32,
            number: (update % MAX_UPDATES as u64) as u32,
            average_gain: rule.average_decay.map_or(0.0, |decay| 1.0 - decay) as f32,
            _pad: [0; 2],
        }
    }

    /// Records the update at `offsets`.
    pub(super) fn record_update(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        dispatches: &UpdateDispatches,
        offsets: DynamicOffsets,
    ) {
        if let (Some(pipeline), Some(tree)) = (&dispatches.norms, &self.norms) {
            pipeline.record_at(pass, 0, offsets);
            tree.record(pass);
        }
        dispatches.optimizer.record_at(pass, 0, offsets);
    }

    /// What the rule keeps, in the order of [`Memory::vectors`].
    fn kept(&self) -> impl Iterator<Item = &Buffer> {
        let own = &self.memory[..self.rule.optimizer.memory().len()];
        let average = self.rule.average_decay.map(|_| &self.average);
        own.iter().chain(average)
    }

    /// What the method keeps.
    pub(super) fn memory(&self, device: &Device) -> Result<Memory> {
        let mut memory = Memory::new(&self.rule, 0);
        for ((_, vector), buffer) in memory.vectors_mut().zip(self.kept()) {
            let mut packed = device.read(buffer, 0, self.layout.n_trained)?;
            packed.resize(self.layout.n_parameters, 0.0);
            *vector = self.layout.unpack(&packed);
        }
        Ok(memory)
    }

    /// Replaces what the method keeps.
    pub(super) fn set_memory(&self, device: &Device, memory: &Memory) {
        let vectors = memory.vectors();
        assert_eq!(vectors.len(), self.kept().count(), "vectors of the rule");
        for (vector, buffer) in vectors.iter().zip(self.kept()) {
            let packed = &self.layout.pack(vector)[..self.layout.n_trained];
            device.write(buffer, 0, bytemuck::cast_slice(packed));
        }
    }

    /// Makes the history say of each of `updates`, fewer than [`MAX_UPDATES`], that it was not made.
    pub(super) fn expect(&self, device: &Device, updates: &Range<u64>) {
        let place = |update: u64| 16 * (update % MAX_UPDATES as u64);
        let unwritten = [UNWRITTEN; 4 * MAX_UPDATES];
        let unwritten = bytemuck::cast_slice(&unwritten);
        let (start, end) = (place(updates.start), place(updates.end));
        let write = |at: u64, bytes: u64| {
            let bytes = usize::try_from(bytes).expect("below the length of the history");
            device.write(&self.history, at, &unwritten[..bytes]);
        };
        if start <= end {
            write(start, end - start);
        } else {
            write(start, 16 * MAX_UPDATES as u64 - start);
            write(0, end);
        }
    }

    /// Forgets all updates so far.
    pub(super) fn forget(&self, device: &Device) {
        device.submit("forget", |encoder| {
            for buffer in self.kept().chain([&self.history]) {
                encoder.clear_buffer(buffer, 0, None);
            }
        });
    }

    /// Forgets what updates saw: after a loss that was not finite others can follow again.
    pub(super) fn forget_history(&self, device: &Device) {
        device.submit("forget history", |encoder| {
            encoder.clear_buffer(&self.history, 0, None);
        });
    }
}

/// The WGSL that depends on the layout of the parameters alone: constants, and which vec4 are weights.
fn header(layout: &ParameterLayout) -> String {
    let of_layers = layout.layers.iter().map(|layer| {
        let (first, end) = (layer.weight_at / 4, layer.bias_at / 4);
        format!("(column >= {first}u && column < {end}u)")
    });
    let is_weight = of_layers.collect::<Vec<_>>().join(" || ");
    let header = constants([
        ("TRAINED", layout.n_trained / 4),
        ("LOSS_AT", layout.n_sums() / 4 - 1),
    ]);
    header + "fn is_weight(column: u32) -> bool {\n    return " + &is_weight + ";\n}\n"
}

/// The constant of the size of a workgroup of `norms`, `optimizer` and `small_network`.
pub(super) fn workgroup_header() -> String {
    format!("const WORKGROUP_SIZE = {WORKGROUP_SIZE}u;\n")
}

/// Bytes of the uniform of an update.
pub(super) const RULE_BYTES: u64 = size_of::<RuleParams>() as u64;

/// `norms`: norms of the gradient and of the weights.
fn norms(layout: &ParameterLayout) -> Kernel {
    Kernel {
        name: "norms",
        wgsl: header(layout)
            + &workgroup_header()
            + shaders!(
                "common/update.wgsl",
                "common/sum_of_workgroup.wgsl",
                "common/norm_terms.wgsl",
                "norms.wgsl"
            ),
        bindings: vec![UniformAt(RULE_BYTES), Read, Read, ReadWrite],
    }
}

/// Whether updates by `rule` depend on the norm of the gradient, or their history on those of the weights.
pub(super) fn needs_norms(rule: &UpdateRule) -> bool {
    rule.clip_norm.is_some() || rule.l1 > 0.0 || rule.l2 > 0.0
}

/// The WGSL that decides how a kernel updates parameters that lie as `layout` tells by `rule`.
pub(super) fn header_of_updates(layout: &ParameterLayout, rule: &UpdateRule) -> String {
    header(layout) + &header_of_rule(rule)
}

/// The constants of an update by `rule`.
pub(super) fn header_of_rule(rule: &UpdateRule) -> String {
    let method = match rule.optimizer {
        Optimizer::GradientDescent => "DESCENT",
        Optimizer::Momentum => "MOMENTUM",
        Optimizer::Nesterov => "NESTEROV",
        Optimizer::RmsProp => "RMSPROP",
        Optimizer::Adam | Optimizer::AdamW => "ADAM",
        Optimizer::LBfgs => unreachable!("the host searches its steps"),
    };
    let averages = u32::from(rule.average_decay.is_some());
    format!(
        "const METHOD = {method};\nconst HISTORY = {MAX_UPDATES}u;\nconst AVERAGES = {averages}u;\n"
    )
}

/// `optimizer`: an update.
fn optimizer(layout: &ParameterLayout, rule: &UpdateRule) -> Kernel {
    let mut bindings = vec![UniformAt(RULE_BYTES), Read, ReadWrite, ReadWrite, ReadWrite];
    bindings.extend([Read, ReadWrite, ReadWrite]);
    Kernel {
        name: "optimizer",
        wgsl: header_of_updates(layout, rule)
            + &workgroup_header()
            + shaders!(
                "common/update.wgsl",
                "common/update_rule.wgsl",
                "optimizer.wgsl"
            ),
        bindings,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{ParameterLayout, WORKGROUP_SIZE, norms, optimizer};
    use crate::backend::{Backend, Problem};
    use crate::data::Dataset;
    use crate::gpu::device::tests::device;
    use crate::gpu::kernel::Kernel;
    use crate::gpu::{Gpu, GpuOptions};
    use crate::network::{Activation, Hidden, Network};
    use crate::objective::{Loss, Objective, Reduction};
    use crate::optimizer::{Optimizer, UpdateRule};
    use std::sync::Arc;

    /// Every kernel in every variant, with the invocations of a workgroup.
    pub(in crate::gpu) fn kernels() -> Vec<(Kernel, usize)> {
        let hidden = Hidden {
            widths: vec![5, 70],
            activation: Activation::Relu,
        };
        let layout = ParameterLayout::new(&Network::single_layer(9, 3, true).with_hidden(&hidden));
        let kernels = rules().map(|rule| optimizer(&layout, &rule));
        let kernels = kernels.into_iter().chain([norms(&layout)]);
        kernels.map(|kernel| (kernel, WORKGROUP_SIZE)).collect()
    }

    /// A rule of each method.
    pub(in crate::gpu) fn rules() -> [UpdateRule; 5] {
        let methods = [
            Optimizer::GradientDescent,
            Optimizer::Momentum,
            Optimizer::Nesterov,
            Optimizer::RmsProp,
            Optimizer::Adam,
        ];
        methods.map(|optimizer| UpdateRule {
            optimizer,
            average_decay: (optimizer == Optimizer::Adam).then_some(0.9),
            ..UpdateRule::gradient_descent(0.1)
        })
    }

    /// 2,048 inputs of 16 outputs: 8 workgroups of `norms` and 32 of `optimizer`, in dimensions of at most 6.
    #[test]
    fn parameters_of_more_workgroups_than_a_dimension_has_are_updated() {
        let inputs = (0..6144_u16).map(|i| f32::from(i % 97) / 97.0 - 0.5);
        let targets = (0..48_u8).map(|i| f32::from(i % 5));
        let rows = Dataset::from_rows("rows", 2048, 16, inputs.collect(), targets.collect());
        let dataset = rows.unwrap();
        let problem = Problem {
            dataset: &dataset,
            network: Network::single_layer(2048, 16, true),
            objective: Objective {
                loss: Loss::SquaredError,
                reduction: Reduction::Mean,
            },
            dropout: None,
        };
        let rule = UpdateRule {
            clip_norm: Some(0.1),
            ..UpdateRule::gradient_descent(0.1)
        };
        let updated = |max_workgroups: Option<u32>| {
            let mut device = device();
            device.adapter.max_workgroups = max_workgroups.unwrap_or(u32::MAX);
            let options = GpuOptions::default();
            let mut gpu = Gpu::on(Arc::new(device), problem.clone(), options).unwrap();
            gpu.follow(&rule).unwrap();
            gpu.submit(0..3).unwrap();
            let seen = gpu.wait().unwrap();
            (gpu.parameters().unwrap(), seen)
        };
        assert!(updated(Some(6)) == updated(None), "bits");
    }
}
