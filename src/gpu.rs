//! The GPU: the same passes as [`crate::cpu`] in f32 shaders, through wgpu.
//!
//! An iteration is one dispatch of `leaf_sums` for each chunk of the data, and dispatches of `fold`
//! until one sum is left; the last of them updates the parameters. Many iterations make one submission.
//! Where the data are one leaf, many iterations are one dispatch of `one_leaf`.
//!
//! A mini-batch is summed by the same kernels, out of memory of its own into which the host gathers its rows.

mod adapter;
mod batch;
mod chunks;
mod descent;
mod device;
mod generate;
mod inputs;
mod kernels;
mod lanes;
mod layout;
mod params;
mod pipeline;
mod plan;
mod predict;
mod read;
mod readbacks;
mod ring;
mod sums;
mod tree;
mod unroll;
#[cfg(test)]
mod variants;
mod width;

pub use adapter::{Adapter, AdapterKind, Software, adapters};
pub use read::Reader;

use crate::backend::{Backend, BackendKind, Evaluation, Predictions, Problem, Rounding, Summary};
use crate::error::Result;
use crate::leaves::Leaves;
use batch::Batches;
use chunks::Chunks;
use device::Device;
use inputs::Inputs;
use lanes::{Lanes, Machine};
use layout::Layout;
use pipeline::Pipeline;
use predict::Predict;
use readbacks::Readbacks;
use std::num::NonZeroU32;
use std::ops::Range;
use sums::{Operands, sums};
use tree::{Trained, Tree};

/// Most features of a sample on a GPU.
pub const MAX_INPUTS: usize = 8192;
/// Most outputs of a layer on a GPU.
pub const MAX_OUTPUTS: usize = 16;

/// How the GPU is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Bytes of one chunk of the data, and of one page of the sums of its leaves, at most; `None` takes
    /// what one binding of the device can hold.
    pub max_chunk_bytes: Option<u64>,
    /// Bytes of the data on the device at any time, at most: what exceeds them streams in every iteration.
    /// `None` takes what the device grants. The bits do not depend on it. What mini-batches gather, a few MiB, comes on top.
    pub max_device_bytes: Option<u64>,
    /// Whether the lanes of a row exchange their sums through workgroup memory even where the
    /// adapter has subgroups.
    pub without_subgroups: bool,
    /// Whether synthetic rows are made by the host and uploaded, as the rows of a file are, not by the
    /// device itself; the bits do not depend on it.
    pub rows_from_host: bool,
}

/// A problem held by a GPU.
#[derive(Debug)]
pub struct Gpu<'a> {
    problem: Problem<'a>,
    options: GpuOptions,
    device: Device,
    layout: Layout,
    lanes: Lanes,
    leaves: Leaves,
    chunks: Chunks<'a>,
    parameters: wgpu::Buffer,
    /// Scales and offsets of the inputs, where their storage has such.
    columns: Option<wgpu::Buffer>,
    /// One dispatch a chunk of `leaf_sums`, or the one of `one_leaf`.
    sums: Pipeline,
    tree: Tree,
    batches: Batches,
    /// Made when it is first asked for: training needs none of its memory.
    predict: Option<Predict>,
    readbacks: Readbacks,
}

impl<'a> Gpu<'a> {
    /// Opens an adapter and uploads `problem`, with every parameter 0.
    ///
    /// # Errors
    /// Where there is no adapter, or the problem exceeds its limits or its memory.
    pub fn new(problem: Problem<'a>, software: Software, options: GpuOptions) -> Result<Self> {
        let (adapter, handle) = adapter::select(software)?;
        let device = Device::open(adapter, &handle, !options.without_subgroups)?;
        Self::on(device, problem, options)
    }

    /// As [`Gpu::new`], on an adapter that is open.
    fn on(mut device: Device, problem: Problem<'a>, options: GpuOptions) -> Result<Self> {
        let layer = problem.network.layer();
        check_limits(&device, layer.n_inputs, layer.n_outputs)?;

        let leaves = problem.dataset.leaves();
        let layout = Layout::new(layer);
        let parameters = device.storage("parameters", layout.n_parameters())?;
        let trained = Trained {
            parameters: &parameters,
            n_floats: layout.n_trained(),
        };
        let tree = Tree::new(
            &mut device,
            leaves.count(),
            layout.n_sums(),
            &trained,
            options.max_chunk_bytes,
        )?;
        let chunks = Chunks::new(
            &mut device,
            problem.dataset,
            tree.leaves_per_page(),
            options,
        )?;

        let codes = problem.dataset.codes();
        let columns = inputs::columns(&mut device, codes)?;
        let lanes = Lanes::new(layer, leaves, Machine::new(&device));
        let operands = Operands {
            problem: &problem,
            parameters: &parameters,
            columns: columns.as_ref(),
        };
        let sums = sums(&device, &operands, &lanes, leaves, chunks.list(), &tree)?;
        Ok(Self {
            problem,
            options,
            device,
            layout,
            lanes,
            leaves,
            chunks,
            parameters,
            columns,
            sums,
            tree,
            batches: Batches::default(),
            predict: None,
            readbacks: Readbacks::default(),
        })
    }

    /// Number of chunks the data are cut into.
    #[must_use]
    pub fn n_chunks(&self) -> usize {
        self.chunks.list().len()
    }

    /// … and how many of them are brought to the device again for every pass.
    #[must_use]
    pub fn n_streamed_chunks(&self) -> usize {
        self.chunks.n_streamed()
    }

    /// Bytes of inputs and targets on the device at any time.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.chunks.held()
    }

    /// What of the data streams and why, where not all of them stay on the device.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.chunks.notice()
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
    #[must_use]
    pub fn rounding(&self) -> Rounding {
        Rounding {
            pre_activation: to_u32(self.lanes.pre_activation_roundings()),
            sum: to_u32(self.lanes.sum_additions()) + self.leaves.fold_depth(),
            input: u32::from(self.problem.dataset.codes().decoding_rounds()),
        }
    }

    /// Submits the passes over the chunks that come from the host, which [`Gpu::record_sums`] leaves out.
    fn stream(&mut self) -> Result<()> {
        for number in self.chunks.by_host() {
            self.chunks.load_then(&self.device, number, |encoder| {
                Device::pass(encoder, "stream", |pass| {
                    self.sums.record_one(pass, number);
                });
            })?;
        }
        Ok(())
    }

    /// Records one pass over the data, which ends in the tree's total.
    fn record_sums(&self, pass: &mut wgpu::ComputePass<'_>) {
        for number in self.chunks.recorded() {
            self.chunks.record(pass, number);
            self.sums.record_one(pass, number);
        }
        self.tree.record(pass);
    }

    /// Sums of gradient, loss and y(1−y), which the shaders lay out one after the other.
    fn unpack_sums(&self, sums: &[f32]) -> Evaluation {
        let (gradient, seen) = sums.split_at(self.layout.n_parameters());
        Evaluation {
            summary: unpack_summary(seen),
            gradient: self.layout.unpack(gradient),
        }
    }
}

fn unpack_summary(seen: &[f32]) -> Summary {
    Summary {
        loss: f64::from(seen[0]),
        mean_slope: f64::from(seen[1]),
    }
}

fn check_limits(device: &Device, n_inputs: usize, n_outputs: usize) -> Result<()> {
    for (what, n, most) in [
        ("inputs", n_inputs, MAX_INPUTS),
        ("outputs", n_outputs, MAX_OUTPUTS),
    ] {
        if n > most {
            return Err(device.limit(format!("{n} {what}; a GPU takes at most {most}")));
        }
    }
    let most = device.adapter.max_invocations;
    if (most as usize) < lanes::MAX_WORKGROUP_SIZE {
        return Err(device.limit(format!(
            "workgroups of {most} invocations; {} are needed",
            lanes::MAX_WORKGROUP_SIZE
        )));
    }
    Ok(())
}

/// A count that a binding of less than 2³² bytes bounds.
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).expect("counts within one binding fit 32 bits")
}

impl Backend for Gpu<'_> {
    fn kind(&self) -> BackendKind {
        BackendKind::Gpu
    }

    fn adapter(&self) -> String {
        self.device.adapter.to_string()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        let packed = self.layout.pack(parameters);
        self.device
            .write(&self.parameters, 0, bytemuck::cast_slice(&packed));
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        let packed = self
            .device
            .read(&self.parameters, 0, self.layout.n_parameters())?;
        Ok(self.layout.unpack(&packed))
    }

    fn evaluate(&mut self) -> Result<Evaluation> {
        self.tree.poison(&self.device)?;
        self.set_rate(1, 0.0);
        self.stream()?;
        self.device
            .run_pass("evaluate", |pass| self.record_sums(pass))?;
        let sums = self
            .device
            .read(self.tree.total(), 0, self.layout.n_sums())?;
        Ok(self.problem.reduced(self.unpack_sums(&sums)))
    }

    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation> {
        let operands = Operands {
            problem: &self.problem,
            parameters: &self.parameters,
            columns: self.columns.as_ref(),
        };
        let (device, options) = (&mut self.device, self.options);
        let sums = self.batches.sums(device, &operands, options, rows)?;
        let weight = self.problem.dataset.weight_of(rows);
        Ok(self.problem.reduced_of(weight, self.unpack_sums(&sums)))
    }

    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>> {
        let n_sums = self.layout.n_sums();
        let sums = self.tree.read_leaves(&mut self.device, leaves)?;
        Ok(sums
            .chunks_exact(n_sums)
            .map(|sums| self.problem.reduced(self.unpack_sums(sums)))
            .collect())
    }

    fn submit(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<()> {
        let rate = descent::rate(learning_rate * self.problem.scale())?;
        self.descend(iterations.get(), rate)?;
        let (first, n_sums) = (self.layout.n_parameters(), self.layout.n_sums());
        let total = self.tree.total();
        self.readbacks
            .send_for(&mut self.device, total, first, n_sums - first)
    }

    fn wait(&mut self) -> Result<Summary> {
        let seen = self.readbacks.receive(&self.device)?;
        Ok(self.problem.reduced_summary(unpack_summary(&seen)))
    }

    /// One that the device works on, one that it finds when it is done with that.
    fn queue_depth(&self) -> usize {
        2
    }

    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions> {
        let layer = self.problem.network.layer();
        let inputs = Inputs::new(self.problem.dataset.codes());
        let subgroup = self.device.subgroup();
        let kernel = kernels::predict(&self.lanes, subgroup, layer.activation, inputs);
        let predict = match &self.predict {
            Some(predict) => predict,
            None => self.predict.insert(Predict::new(
                &mut self.device,
                &kernel,
                self.chunks.list(),
                &self.parameters,
                self.columns.as_ref(),
                layer.n_outputs,
            )?),
        };
        predict.rows(&mut self.device, &mut self.chunks, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::adapter::{self, Software};
    use super::device::Device;

    /// A device for the tests of this module's parts.
    pub(super) fn device() -> Device {
        let Ok((adapter, handle)) = adapter::select(Software::Allowed) else {
            panic!(
                "this test needs a GPU or a software adapter: run `sh tests/run`, which installs one"
            );
        };
        Device::open(adapter, &handle, true).expect("the adapter opens")
    }
}
