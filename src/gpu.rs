//! The GPU: the same passes as [`crate::cpu`] in f32 shaders, through wgpu.
//!
//! An iteration is one dispatch of `leaf_sums` for each chunk of the data, dispatches of `fold`
//! until one sum is left, and one of `gradient_descent`. Many iterations make one submission.

mod adapter;
mod chunks;
mod device;
mod kernels;
mod lanes;
mod layout;

pub use adapter::{Adapter, AdapterKind, Software, adapters};

use crate::backend::{Backend, Evaluation, Pass, Predictions, Problem, Rounding};
use crate::error::{Error, Result};
use crate::leaves::Leaves;
use chunks::Chunk;
use device::Device;
use kernels::{
    DESCENT_WORKGROUP_SIZE, DescentParams, Dispatch, FOLD_COLUMNS, FOLD_NODES, FoldParams, Pipeline,
};
use lanes::Lanes;
use layout::Layout;
use std::num::NonZeroU32;
use std::ops::Range;

/// Most features of a sample on a GPU.
pub const MAX_INPUTS: usize = 8192;
/// Most outputs of a layer on a GPU.
pub const MAX_OUTPUTS: usize = 16;

/// Dispatches of one submission, at most: recording them must not keep the device waiting long.
const MAX_DISPATCHES: usize = 4096;

/// How the GPU is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Bytes of one chunk of the data, at most; `None` takes what one binding of the device can hold.
    pub max_chunk_bytes: Option<u64>,
    /// Whether the lanes of a row exchange their sums through workgroup memory even where the
    /// adapter has subgroups.
    pub without_subgroups: bool,
}

/// A problem held by a GPU.
#[derive(Debug)]
pub struct Gpu<'a> {
    problem: Problem<'a>,
    device: Device,
    layout: Layout,
    lanes: Lanes,
    leaves: Leaves,
    chunks: Vec<Chunk>,
    parameters: wgpu::Buffer,
    /// The sums of every leaf, of every 1,024 leaves, and so on to one.
    levels: Vec<wgpu::Buffer>,
    descent_params: wgpu::Buffer,
    leaf_sums: (Pipeline, Vec<Dispatch>),
    fold: (Pipeline, Vec<Dispatch>),
    gradient_descent: (Pipeline, Dispatch),
    predict: Predict,
}

/// The kernel that predicts the rows of a chunk, with room for the longest.
#[derive(Debug)]
struct Predict {
    pipeline: Pipeline,
    /// One a chunk.
    dispatches: Vec<Dispatch>,
    /// (rows of the longest chunk, O), both.
    pre_activations: wgpu::Buffer,
    predictions: wgpu::Buffer,
}

impl<'a> Gpu<'a> {
    /// Opens an adapter and uploads `problem`, with every parameter 0.
    ///
    /// # Errors
    /// Where there is no adapter, or the problem exceeds its limits or its memory.
    pub fn new(problem: Problem<'a>, software: Software, options: GpuOptions) -> Result<Self> {
        let layer = problem.network.layer();
        let (adapter, handle) = adapter::select(software)?;
        let mut device = Device::open(adapter, &handle, !options.without_subgroups)?;
        check_limits(&device, layer.n_inputs, layer.n_outputs)?;

        let leaves = problem.dataset.leaves();
        let layout = Layout::new(layer);
        let chunks = chunks::upload(&mut device, problem.dataset, options.max_chunk_bytes)?;
        let parameters = device.storage("parameters", layout.n_parameters())?;
        let levels = levels(&mut device, leaves.count(), layout)?;

        let least_subgroup = usize::try_from(device.adapter.subgroup_size[0]).unwrap_or(1);
        let lanes = Lanes::new(layer, leaves.rows_per_leaf(), least_subgroup);
        let subgroup = device.subgroups.then_some(least_subgroup);
        let loss = problem.objective.loss;
        let pipeline = Pipeline::new(
            &device,
            &kernels::leaf_sums(&lanes, subgroup, layer.activation, loss),
        )?;
        let dispatches = chunks
            .iter()
            .map(|chunk| {
                let buffers = [
                    &chunk.params,
                    &chunk.inputs,
                    &parameters,
                    &chunk.targets,
                    &levels[0],
                ];
                pipeline.dispatch(&device, &buffers, [chunk.n_leaves, 1])
            })
            .collect::<Result<_>>()?;
        let leaf_sums = (pipeline, dispatches);
        let fold = fold(&mut device, &levels, leaves.count(), layout)?;
        let predict = Predict::new(
            &mut device,
            &kernels::predict(&lanes, subgroup, layer.activation),
            &chunks,
            &parameters,
            layer.n_outputs,
        )?;

        let n_vectors = layout.n_trained() / 4;
        let params = DescentParams {
            n_vectors: to_u32(n_vectors),
            rate: 0.0,
            _pad: [0; 2],
        };
        let descent_params = device.uniform("gradient_descent.params", &params)?;
        let pipeline = Pipeline::new(&device, &kernels::gradient_descent())?;
        let buffers = [&descent_params, last(&levels), &parameters];
        let workgroups = [n_vectors.div_ceil(DESCENT_WORKGROUP_SIZE), 1];
        let dispatch = pipeline.dispatch(&device, &buffers, workgroups)?;
        Ok(Self {
            problem,
            device,
            layout,
            lanes,
            leaves,
            chunks,
            parameters,
            levels,
            descent_params,
            leaf_sums,
            fold,
            gradient_descent: (pipeline, dispatch),
            predict,
        })
    }

    /// Number of chunks the data are cut into.
    #[must_use]
    pub fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Whether the lanes of a row exchange their sums by subgroup shuffles.
    #[must_use]
    pub fn subgroups(&self) -> bool {
        self.device.subgroups
    }

    /// Records one pass over the data: the sums over all samples end in the last level.
    fn record_sums(&self, pass: &mut wgpu::ComputePass<'_>) {
        let (pipeline, dispatches) = &self.leaf_sums;
        pipeline.record(pass, dispatches);
        let (pipeline, dispatches) = &self.fold;
        pipeline.record(pass, dispatches);
    }

    /// Runs `record` in one compute pass, to its end.
    fn run(&self, label: &str, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) -> Result<()> {
        self.device.run(label, |encoder| {
            let label = format!("neuralnet.{label}");
            record(
                &mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(&label),
                    timestamp_writes: None,
                }),
            );
        })
    }

    /// Sums of gradient, loss and y(1−y), laid out as the shaders do.
    fn unpack_sums(&self, sums: &[f32]) -> Evaluation {
        let (gradient, seen) = sums.split_at(self.layout.n_parameters());
        self.problem.reduced(Evaluation {
            pass: unpack_pass(seen),
            gradient: self.layout.unpack(gradient),
        })
    }
}

fn unpack_pass(seen: &[f32]) -> Pass {
    Pass {
        loss: f64::from(seen[0]),
        saturation: f64::from(seen[1]),
    }
}

fn check_limits(device: &Device, n_inputs: usize, n_outputs: usize) -> Result<()> {
    for (what, n, most) in [
        ("inputs", n_inputs, MAX_INPUTS),
        ("outputs", n_outputs, MAX_OUTPUTS),
    ] {
        if n > most {
            return Err(device.limit(format!(
                "{n} {what}; a GPU takes at most {most}; take fewer, or --backend cpu"
            )));
        }
    }
    let most = device.adapter.max_invocations;
    if (most as usize) < lanes::WORKGROUP_SIZE {
        return Err(device.limit(format!(
            "workgroups of {most} invocations; {} are needed",
            lanes::WORKGROUP_SIZE
        )));
    }
    Ok(())
}

/// Buffers for the sums of every level of the tree, down to one.
fn levels(device: &mut Device, n_leaves: usize, layout: Layout) -> Result<Vec<wgpu::Buffer>> {
    let mut levels = Vec::new();
    let mut n_nodes = n_leaves;
    loop {
        let floats = n_nodes * layout.n_sums();
        let (bytes, most) = (4 * floats as u64, device.adapter.max_binding_bytes);
        if bytes > most {
            return Err(device.limit(format!(
                "the sums of {n_nodes} leaves need {bytes} bytes in one binding; the limit is {most}; take fewer rows or outputs, or --backend cpu"
            )));
        }
        levels.push(device.storage(&format!("sums of {n_nodes} leaves"), floats)?);
        if n_nodes == 1 {
            return Ok(levels);
        }
        n_nodes = n_nodes.div_ceil(FOLD_NODES);
    }
}

/// The sums over all samples.
fn last(levels: &[wgpu::Buffer]) -> &wgpu::Buffer {
    levels.last().expect("there is a level of leaves")
}

/// One dispatch from each level to the next.
fn fold(
    device: &mut Device,
    levels: &[wgpu::Buffer],
    n_leaves: usize,
    layout: Layout,
) -> Result<(Pipeline, Vec<Dispatch>)> {
    let pipeline = Pipeline::new(device, &kernels::fold())?;
    let n_columns = layout.n_sums() / 4;
    let mut n_nodes = n_leaves;
    let mut dispatches = Vec::new();
    for level in levels.windows(2) {
        let params = FoldParams {
            n_nodes: to_u32(n_nodes),
            n_columns: to_u32(n_columns),
            _pad: [0; 2],
        };
        let params = device.uniform("fold.params", &params)?;
        n_nodes = n_nodes.div_ceil(FOLD_NODES);
        let workgroups = [n_columns.div_ceil(FOLD_COLUMNS), n_nodes];
        dispatches.push(pipeline.dispatch(device, &[&params, &level[0], &level[1]], workgroups)?);
    }
    Ok((pipeline, dispatches))
}

impl Predict {
    fn new(
        device: &mut Device,
        kernel: &kernels::Kernel,
        chunks: &[Chunk],
        parameters: &wgpu::Buffer,
        n_outputs: usize,
    ) -> Result<Self> {
        let pipeline = Pipeline::new(device, kernel)?;
        let longest = chunks
            .iter()
            .map(|chunk| chunk.rows.len())
            .max()
            .unwrap_or(0);
        let pre_activations = device.storage("pre_activations", longest * n_outputs)?;
        let predictions = device.storage("predictions", longest * n_outputs)?;
        let dispatches = chunks
            .iter()
            .map(|chunk| {
                let buffers = [
                    &chunk.params,
                    &chunk.inputs,
                    parameters,
                    &pre_activations,
                    &predictions,
                ];
                pipeline.dispatch(device, &buffers, [chunk.n_leaves, 1])
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            pipeline,
            dispatches,
            pre_activations,
            predictions,
        })
    }
}

/// A count that a binding of less than 2³² bytes bounds.
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).expect("counts within one binding fit 32 bits")
}

impl Backend for Gpu<'_> {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn adapter(&self) -> String {
        self.device.adapter.to_string()
    }

    /// Counted in f32, whose unit is 2⁻²³.
    fn rounding(&self) -> Rounding {
        Rounding {
            pre_activation: to_u32(self.lanes.pre_activation_roundings()),
            sum: to_u32(self.lanes.sum_additions()) + self.leaves.fold_depth(),
        }
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        let packed = self.layout.pack(parameters);
        self.device
            .write(&self.parameters, 0, bytemuck::cast_slice(&packed));
        self.device.finish_writes()
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        let packed = self
            .device
            .read(&self.parameters, 0, self.layout.n_parameters())?;
        Ok(self.layout.unpack(&packed))
    }

    fn evaluate(&mut self) -> Result<Evaluation> {
        for level in &self.levels {
            self.device.poison(level)?;
        }
        self.run("evaluate", |pass| self.record_sums(pass))?;
        let sums = self
            .device
            .read(last(&self.levels), 0, self.layout.n_sums())?;
        Ok(self.unpack_sums(&sums))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let n_sums = self.layout.n_sums();
        let sums = self.device.read(
            &self.levels[0],
            leaves.start * n_sums,
            leaves.len() * n_sums,
        )?;
        Ok(sums
            .chunks_exact(n_sums)
            .map(|sums| self.unpack_sums(sums))
            .collect())
    }

    fn advance(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<Pass> {
        let rate = rate(learning_rate * self.problem.scale())?;
        let at = std::mem::offset_of!(DescentParams, rate) as u64;
        self.device
            .write(&self.descent_params, at, bytemuck::bytes_of(&rate));
        let dispatches = self.chunks.len() + self.levels.len();
        let most = u32::try_from(MAX_DISPATCHES / dispatches)
            .unwrap_or(1)
            .max(1);
        let mut left = iterations.get();
        while left > 0 {
            let batch = left.min(most);
            self.run("advance", |pass| {
                for _ in 0..batch {
                    self.record_sums(pass);
                    let (pipeline, dispatch) = &self.gradient_descent;
                    pipeline.record(pass, [dispatch]);
                }
            })?;
            left -= batch;
        }
        let (first, n_sums) = (self.layout.n_parameters(), self.layout.n_sums());
        let seen = self
            .device
            .read(last(&self.levels), first, n_sums - first)?;
        Ok(self.problem.reduced_pass(unpack_pass(&seen)))
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let n_outputs = self.problem.network.layer().n_outputs;
        let mut pre_activation = Vec::with_capacity(rows.len() * n_outputs);
        let mut prediction = Vec::with_capacity(rows.len() * n_outputs);
        for (chunk, dispatch) in self.chunks.iter().zip(&self.predict.dispatches) {
            let span = rows.start.max(chunk.rows.start)..rows.end.min(chunk.rows.end);
            if span.is_empty() {
                continue;
            }
            let outputs = [
                (&self.predict.pre_activations, &mut pre_activation),
                (&self.predict.predictions, &mut prediction),
            ];
            for (buffer, _) in &outputs {
                self.device.poison(buffer)?;
            }
            self.run("predict", |pass| {
                self.predict.pipeline.record(pass, [dispatch])
            })?;
            let first = (span.start - chunk.rows.start) * n_outputs;
            for (buffer, values) in outputs {
                let read = self.device.read(buffer, first, span.len() * n_outputs)?;
                values.extend(read.into_iter().map(f64::from));
            }
        }
        Ok(Predictions {
            pre_activation,
            prediction,
        })
    }
}

/// The rate as the shader multiplies by it.
fn rate(rate: f64) -> Result<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose; the rest is an error"
    )]
    let rounded = rate as f32;
    if rounded.is_normal() {
        return Ok(rounded);
    }
    Err(Error::Setting {
        flag: "--learning-rate",
        problem: format!(
            "times the reduction is {rate:e}, which a GPU cannot multiply by: the least is {:e}, the largest {:e}; take another, or --backend cpu",
            f32::MIN_POSITIVE,
            f32::MAX
        ),
    })
}
