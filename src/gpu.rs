//! The GPU: the same passes as [`crate::cpu`] in f32 shaders, through wgpu.
//!
//! An iteration is one dispatch of `leaf_sums` for each chunk of the data, and dispatches of `fold`
//! until one sum is left; the last of them updates the parameters. Many iterations make one submission.
//! If the data are one leaf, many iterations are one dispatch of `one_leaf`.
//!
//! A mini-batch is summed by the same kernels, out of memory of its own into which the host gathers its rows.
//!
//! `shaders/README.md` explains the kernels.

mod adapter;
mod batch;
mod chunk;
mod chunks;
mod dense;
mod dense_kernels;
mod device;
mod fma;
mod generate;
mod input_format;
mod kernels;
mod leaf_kernel;
mod memory_plan;
mod options;
mod parameter_layout;
mod params;
mod pass;
mod pipeline;
mod predict;
mod read;
mod ring;
mod row_layout;
mod tree;
mod unroll;
#[cfg(test)]
mod variants;
mod workgroup_shape;

pub use adapter::{Adapter, AdapterKind, Software, adapters};
pub use fma::Multiplier;
pub use options::GpuOptions;
pub use read::Reader;

use crate::backend::{
    ArithmeticRounding, Backend, BackendKind, Evaluation, Predictions, Problem, Stage, Staged,
    Summary,
};
use crate::error::{Error, LEAVE_OUT, Result};
use crate::leaves::Leaves;
use crate::network::Network;
use batch::Batches;
use chunks::Chunks;
use device::{Device, Readbacks};
use leaf_kernel::Operands;
use parameter_layout::ParameterLayout;
use params::to_u32;
use pass::Pass;
use predict::Predict;

use std::num::NonZeroU32;
use std::ops::Range;
use tree::{Tree, UpdateTarget};
use workgroup_shape::WorkgroupShape;

/// Most features of a sample on a GPU.
pub const MAX_INPUTS: usize = 8192;
/// Most outputs of a network of one layer on a GPU.
pub const MAX_OUTPUTS: usize = 16;
/// Most outputs of a network with hidden layers on a GPU: an invocation takes all outputs of a row one after the other.
pub const MAX_NETWORK_OUTPUTS: usize = 1024;

/// A problem held by a GPU.
#[derive(Debug)]
pub struct Gpu<'a> {
    operands: Operands<'a>,
    options: GpuOptions,
    device: Device,
    parameter_layout: ParameterLayout,
    /// Of a network of one layer.
    shape: Option<WorkgroupShape>,
    leaves: Leaves,
    pass: Pass<'a>,
    batches: Batches,
    /// Made when it is first asked for: training needs none of its memory.
    predict: Option<Predict>,
    readbacks: Readbacks,
}

impl<'a> Gpu<'a> {
    /// Opens an adapter and uploads `problem`, with every parameter 0.
    ///
    /// # Errors
    /// If there is no adapter, if the problem exceeds its limits or its memory, or if a software adapter is
    /// asked to keep the loops.
    pub fn new(problem: Problem<'a>, software: Software, options: GpuOptions) -> Result<Self> {
        let (adapter, handle) = adapter::select(software)?;
        let mut device = Device::open(adapter, &handle, !options.without_subgroups)?;
        if options.keep_loops && device.adapter.kind == AdapterKind::Software {
            return Err(Error::Setting {
                setting: "keep_loops",
                reason: format!(
                    "{} is a software adapter, which may end long loops too early",
                    device.adapter
                ),
                remedies: &[LEAVE_OUT],
            });
        }
        device.keep_loops = options.keep_loops;
        Self::on(device, problem, options)
    }

    /// Uploads `problem` to a device that is open. Whether it uses subgroups and keeps loops is the device's to
    /// say, whatever the options say.
    fn on(device: Device, problem: Problem<'a>, options: GpuOptions) -> Result<Self> {
        let dataset = problem.dataset;
        check_limits(&device, &problem.network)?;

        let leaves = problem.leaves();
        let layout = ParameterLayout::new(&problem.network);
        let shape = WorkgroupShape::of_network(&problem.network, leaves, &device);
        let operands = Operands {
            parameters: device.storage("parameters", layout.n_parameters())?,
            scales_and_offsets: input_format::scales_and_offsets(&device, dataset.quantization())?,
            problem,
        };
        let target = UpdateTarget {
            parameters: &operands.parameters,
            n_floats: layout.n_trained(),
            except_one_leaf: shape.is_some(),
        };
        let max_bytes = options.max_chunk_bytes;
        let tree = Tree::new(&device, leaves.count(), layout.n_sums(), &target, max_bytes)?;
        let per_page = tree.leaves_per_page();
        let chunks = Chunks::new(&device, dataset, leaves, per_page, options)?;
        let pass = Pass::new(&device, &operands, shape.as_ref(), chunks, tree)?;
        Ok(Self {
            operands,
            options,
            device,
            parameter_layout: layout,
            shape,
            leaves,
            pass,
            batches: Batches::default(),
            predict: None,
            readbacks: Readbacks::default(),
        })
    }

    /// Number of chunks that the data are cut into.
    #[must_use]
    pub fn n_chunks(&self) -> usize {
        self.pass.chunks().list().len()
    }

    /// Number of chunks that are brought to the device again for every pass.
    #[must_use]
    pub fn n_streamed_chunks(&self) -> usize {
        self.pass.chunks().n_streamed()
    }

    /// Bytes of inputs and targets on the device at any time.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.pass.chunks().held()
    }

    /// How much of the data streams and why; `None` if all of them stay on the device.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.pass.chunks().notice()
    }

    /// Whether the adapter is hardware, and of which kind.
    #[must_use]
    pub fn kind(&self) -> AdapterKind {
        self.device.adapter.kind
    }

    /// Whether the lanes of a row exchange their sums by subgroup shuffles.
    #[must_use]
    pub fn subgroups(&self) -> bool {
        self.device.subgroup().is_some()
    }

    /// The roundings of the kernels as they are laid out for this problem.
    ///
    /// # Panics
    /// If the network has hidden layers.
    #[must_use]
    pub fn rounding(&self) -> ArithmeticRounding {
        let shape = self.shape.as_ref().expect("a network of one layer");
        ArithmeticRounding {
            pre_activation: to_u32(shape.pre_activation_roundings()),
            sum: to_u32(shape.sum_additions()) + self.leaves.fold_depth(),
            input: u32::from(
                self.operands
                    .problem
                    .dataset
                    .quantization()
                    .decoding_rounds(),
            ),
        }
    }

    /// Gradient, loss and mean slope out of the sums of the shaders, which lay them out one after the other.
    fn unpack_sums(&self, sums: &[f32]) -> Evaluation {
        let (gradient, summary) = sums.split_at(self.parameter_layout.n_parameters());
        Evaluation {
            summary: unpack_summary(summary),
            gradient: self.parameter_layout.unpack(gradient),
        }
    }
}

fn unpack_summary(sums: &[f32]) -> Summary {
    Summary {
        loss: f64::from(sums[0]),
        mean_slope: f64::from(sums[1]),
    }
}

fn check_limits(device: &Device, network: &Network) -> Result<()> {
    let most_outputs = match network.has_hidden() {
        true => MAX_NETWORK_OUTPUTS,
        false => MAX_OUTPUTS,
    };
    for (what, n, most) in [
        ("inputs", network.n_inputs(), MAX_INPUTS),
        ("outputs", network.n_outputs(), most_outputs),
    ] {
        if n > most {
            return Err(device.limit(format!("{n} {what}; a GPU takes at most {most}")));
        }
    }
    let most = device.adapter.max_invocations;
    if (most as usize) < workgroup_shape::MAX_WORKGROUP_SIZE {
        return Err(device.limit(format!(
            "workgroups of {most} invocations; {} are needed",
            workgroup_shape::MAX_WORKGROUP_SIZE
        )));
    }
    Ok(())
}

impl Backend for Gpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Gpu
    }

    fn adapter(&self) -> String {
        self.device.adapter.to_string()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        let packed = self.parameter_layout.pack(parameters);
        self.device
            .write(&self.operands.parameters, 0, bytemuck::cast_slice(&packed));
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        let packed = self.device.read(
            &self.operands.parameters,
            0,
            self.parameter_layout.n_parameters(),
        )?;
        Ok(self.parameter_layout.unpack(&packed))
    }

    fn evaluate(&mut self) -> Result<Evaluation> {
        let sums = self.pass.evaluate(&self.device)?;
        let total_weight = self.operands.problem.dataset.total_weight();
        Ok(self
            .unpack_sums(&sums)
            .reduced(&self.operands.problem, total_weight))
    }

    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation> {
        let (device, options) = (&self.device, self.options);
        let sums = self
            .batches
            .evaluate(device, &self.operands, options, rows)?;
        let problem = &self.operands.problem;
        let weight = problem.dataset.weight_of(rows);
        Ok(self.unpack_sums(&sums).reduced(problem, weight))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let n_sums = self.parameter_layout.n_sums();
        let sums = self.pass.tree().read_leaves(&self.device, leaves)?;
        let total_weight = self.operands.problem.dataset.total_weight();
        Ok(sums
            .chunks_exact(n_sums)
            .map(|sums| {
                self.unpack_sums(sums)
                    .reduced(&self.operands.problem, total_weight)
            })
            .collect())
    }

    fn submit(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<()> {
        let rate = pass::rate(learning_rate * self.operands.problem.scale())?;
        self.pass.descend(&self.device, iterations.get(), rate)?;
        let (first, n_sums) = (
            self.parameter_layout.n_parameters(),
            self.parameter_layout.n_sums(),
        );
        let total = self.pass.tree().total();
        self.readbacks
            .send_for(&self.device, total, first, n_sums - first)
    }

    fn wait(&mut self) -> Result<Summary> {
        let sums = self.readbacks.receive(&self.device)?;
        let total_weight = self.operands.problem.dataset.total_weight();
        Ok(unpack_summary(&sums).reduced(&self.operands.problem, total_weight))
    }

    /// Two: one submission that the device works on, and one that it finds when it is done with that.
    fn queue_depth(&self) -> usize {
        2
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let chunks = self.pass.chunks().list();
        let predict = match &self.predict {
            Some(predict) => predict,
            None => self.predict.insert(Predict::new(
                &self.device,
                &self.operands,
                self.shape.as_ref(),
                chunks,
            )?),
        };
        predict.rows(&self.device, self.pass.chunks_mut(), &rows)
    }
}

impl Staged for Gpu<'_> {
    /// # Panics
    /// If the network has one layer, whose kernels hold no values.
    fn stages(&mut self, leaf: usize) -> Result<Vec<Stage>> {
        self.pass.stages(&self.device, leaf, self.leaves)
    }
}
