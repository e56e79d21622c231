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
mod forward;
mod generate;
mod input_format;
mod kernels;
mod leaf_kernel;
mod masks;
mod memory_plan;
mod optimizer;
mod options;
mod parameter_layout;
mod params;
mod pass;
mod pipeline;
mod predict;
mod predictor;
mod read;
mod ring;
mod row_layout;
mod row_numbers;
mod tile;
mod tree;
mod unroll;
mod updates;
#[cfg(test)]
mod variants;
mod workgroup_shape;

pub use adapter::{Adapter, AdapterKind, Software, adapters};
pub use fma::Multiplier;
pub use options::GpuOptions;
pub(crate) use predictor::Predictor;
pub use read::Reader;

use crate::backend::{
    ArithmeticRounding, Backend, BackendKind, Evaluation, Predictions, Problem, Seen, Stage,
    Staged, Summary,
};
use crate::data::Dataset;
use crate::error::{Error, LEAVE_OUT, Result};
use crate::leaves::Leaves;
use crate::network::Network;
use crate::optimizer::{Memory, UpdateRule};
use batch::Batches;
use chunks::Chunks;
use device::{Device, Readbacks};
use leaf_kernel::Operands;
use masks::Masks;
use optimizer::{DeviceOptimizer, MAX_UPDATES, UpdateDispatches};
use parameter_layout::ParameterLayout;
use params::to_u32;
use pass::Pass;
use pipeline::Places;
use predict::Predict;
use ring::Samples;
use row_layout::{RowLayout, leaves_per_chunk};
use std::collections::VecDeque;

use std::ops::Range;
use tree::{Tree, UpdateTarget};
use updates::Updates;
use workgroup_shape::WorkgroupShape;

/// Most features of a sample on a GPU.
pub const MAX_INPUTS: usize = 8192;
/// Most chunks of a pass: each takes the host some memory and time.
const MAX_CHUNKS: usize = 1 << 16;
/// Most outputs of a network on a GPU.
pub const MAX_OUTPUTS: usize = 8192;

/// A problem held by a GPU.
#[derive(Debug)]
pub struct Gpu<'a> {
    operands: Operands<'a>,
    options: GpuOptions,
    device: Device,
    parameter_layout: ParameterLayout,
    /// Of a network that reads each row once.
    shape: Option<WorkgroupShape>,
    leaves: Leaves,
    pass: Pass<'a>,
    batches: Batches,
    /// Made when it is first asked for: training needs none of its memory.
    predict: Option<Predict>,
    readbacks: Readbacks,
    followed: Followed,
    /// Of each submission that was not waited for yet the updates of which something comes back, with the weights of
    /// their rows.
    submitted: VecDeque<Vec<(u64, f64)>>,
}

/// The rule of the updates.
#[derive(Debug)]
enum Followed {
    Nothing,
    /// Gradient descent, which the kernels of a network that reads each row once make by themselves.
    Plain {
        learning_rate: f64,
    },
    /// Any other, with the dispatches that update from all rows.
    Optimizer(Box<DeviceOptimizer>, UpdateDispatches),
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
        check_chunks(&device, dataset, leaves, options)?;
        let layout = ParameterLayout::new(&problem.network);
        let shape = WorkgroupShape::of_network(&problem.network, leaves, &device);
        let operands = Operands {
            parameters: device.storage("parameters", layout.n_parameters())?,
            masks: (problem.dropout.map(|dropout| Masks::new(&device, dropout))).transpose()?,
            scales_and_offsets: input_format::scales_and_offsets(&device, dataset.quantization())?,
            problem,
        };
        let target = UpdateTarget {
            parameters: &operands.parameters,
            n_floats: layout.n_trained(),
        };
        let max_bytes = options.max_chunk_bytes;
        let target = shape.is_some().then_some(&target);
        let tree = Tree::new(&device, leaves.count(), layout.n_sums(), target, max_bytes)?;
        // A network whose values are held takes blocks of a chunk, each of which is within a page.
        let per_page = match shape {
            Some(_) => tree.leaves_per_page(),
            None => usize::MAX,
        };
        let chunks = Chunks::new(&device, dataset, leaves, per_page, options)?;
        let pass = Pass::new(&device, &operands, shape.as_ref(), chunks, tree)?;
        let batches = Batches::new(pass.chunks().resident());
        Ok(Self {
            operands,
            options,
            device,
            parameter_layout: layout,
            shape,
            leaves,
            pass,
            batches,
            predict: None,
            readbacks: Readbacks::default(),
            followed: Followed::Nothing,
            submitted: VecDeque::new(),
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
    /// If the network holds the values of its layers: it has hidden layers, or many outputs.
    #[must_use]
    pub fn rounding(&self) -> ArithmeticRounding {
        let shape = self
            .shape
            .as_ref()
            .expect("a network that reads each row once");
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

    /// Loss, mean slope and gradient of the update that has `places`, over `rows`, or over all.
    fn evaluate_at(&mut self, places: Places, rows: Option<&[usize]>) -> Result<Evaluation> {
        let (device, dataset) = (&self.device, self.operands.problem.dataset);
        let (sums, weight) = match rows {
            None => (self.pass.evaluate(device, places)?, dataset.total_weight()),
            Some(rows) => {
                let batches = &mut self.batches;
                let batch = batches.of(device, &self.operands, self.options, rows.len())?;
                let samples = Samples::numbered(dataset, rows);
                (
                    batch.evaluate(device, samples, places)?,
                    dataset.weight_of(rows),
                )
            }
        };
        Ok(self
            .unpack_sums(&sums)
            .reduced(&self.operands.problem, weight))
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
    for (what, n, most) in [
        ("inputs", network.n_inputs(), MAX_INPUTS),
        ("outputs", network.n_outputs(), MAX_OUTPUTS),
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

/// Fails if `dataset` has more chunks than a pass takes.
fn check_chunks(
    device: &Device,
    dataset: &Dataset,
    leaves: Leaves,
    options: GpuOptions,
) -> Result<()> {
    let layout = RowLayout::new(dataset);
    let per_chunk = leaves_per_chunk(device, leaves, layout, options.max_chunk_bytes)?;
    let n_chunks = leaves.count().div_ceil(per_chunk);
    if n_chunks > MAX_CHUNKS {
        return Err(device.limit(format!(
            "{} bytes of {} in {n_chunks} chunks; a pass takes at most {MAX_CHUNKS}",
            layout.data_bytes(dataset),
            dataset.source()
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
        if let Followed::Optimizer(optimizer, _) = &self.followed {
            optimizer.forget_history(&self.device);
        }
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
        self.evaluate_at(Places::default(), None)
    }

    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation> {
        self.evaluate_at(Places::default(), Some(rows))
    }

    fn evaluate_update(&mut self, update: u64, rows: Option<&[usize]>) -> Result<Evaluation> {
        if let Some(masks) = &self.operands.masks {
            masks.write(&self.device, [update]);
        }
        self.evaluate_at(Places::of_record(0), rows)
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let n_sums = self.parameter_layout.n_sums();
        let sums = self.pass.leaf_sums(&self.device, leaves, self.leaves)?;
        let total_weight = self.operands.problem.dataset.total_weight();
        Ok(sums
            .chunks_exact(n_sums)
            .map(|sums| {
                self.unpack_sums(sums)
                    .reduced(&self.operands.problem, total_weight)
            })
            .collect())
    }

    fn follow(&mut self, rule: &UpdateRule) -> Result<bool> {
        if let Followed::Optimizer(optimizer, _) = &self.followed
            && optimizer.rule == *rule
        {
            optimizer.forget(&self.device);
            return Ok(true);
        }
        self.readbacks = Readbacks::default();
        self.batches.forget_updates();
        self.followed = if rule.is_plain() && self.shape.is_some() {
            let learning_rate = rule.learning_rate;
            Followed::Plain { learning_rate }
        } else {
            let (device, operands) = (&self.device, &self.operands);
            let optimizer = DeviceOptimizer::new(device, &operands.problem, rule)?;
            let total = self.pass.tree().total();
            let whole = optimizer.dispatches(device, &operands.parameters, total)?;
            Followed::Optimizer(Box::new(optimizer), whole)
        };
        Ok(true)
    }

    fn submit(&mut self, updates: Range<u64>) -> Result<()> {
        assert!(!updates.is_empty(), "no updates");
        let device = &self.device;
        match &self.followed {
            Followed::Nothing => panic!("no rule is followed"),
            Followed::Plain { learning_rate } => {
                let problem = &self.operands.problem;
                let rate = pass::rate(learning_rate * problem.scale())?;
                let iterations = to_u32(updates.clone().count());
                self.pass.descend(device, iterations, rate)?;
                let weight = problem.dataset.total_weight();
                self.submitted.push_back(vec![(updates.end - 1, weight)]);
                let first = self.parameter_layout.n_parameters();
                (self.readbacks).send_for(device, self.pass.tree().total(), first, 4)
            }
            Followed::Optimizer(optimizer, whole) => {
                let mut submission = Updates {
                    device,
                    operands: &self.operands,
                    options: self.options,
                    pass: &mut self.pass,
                    batches: &mut self.batches,
                    optimizer,
                    whole,
                };
                self.submitted.push_back(submission.submit(updates)?);
                (self.readbacks).send_for(device, &optimizer.history, 0, 4 * MAX_UPDATES)
            }
        }
    }

    fn wait(&mut self) -> Result<Vec<Seen>> {
        let vectors = self.readbacks.receive(&self.device)?;
        let updates = self.submitted.pop_front().expect("updates were submitted");
        let (l1, l2) = match &self.followed {
            Followed::Optimizer(optimizer, _) => (optimizer.rule.l1, optimizer.rule.l2),
            _ => (0.0, 0.0),
        };
        let seen = updates.into_iter().map(|(update, weight)| {
            let vectors: &[[f32; 4]] = vectors.as_chunks().0;
            let number = usize::try_from(update % vectors.len() as u64).expect("below a length");
            let [_, _, magnitudes, squares] = vectors[number].map(f64::from);
            Seen {
                summary: unpack_summary(&vectors[number]).reduced(&self.operands.problem, weight),
                penalty: l1 * magnitudes + 0.5 * l2 * squares,
            }
        });
        Ok(seen.collect())
    }

    fn memory(&mut self) -> Result<Memory> {
        match &self.followed {
            Followed::Optimizer(optimizer, _) => optimizer.memory(&self.device),
            _ => Ok(Memory::default()),
        }
    }

    fn set_memory(&mut self, memory: &Memory) -> Result<()> {
        if let Followed::Optimizer(optimizer, _) = &self.followed {
            optimizer.set_memory(&self.device, memory);
        }
        Ok(())
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
    /// If the network reads each row once and holds no values.
    fn stages(&mut self, leaf: usize) -> Result<Vec<Stage>> {
        self.pass.stages(&self.device, leaf, self.leaves)
    }
}
