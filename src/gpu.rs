//! The GPU: the same passes as [`crate::cpu`] in f32 shaders, through wgpu.
//!
//! A pass over the data sums leaves of rows: by one dispatch of `leaf_sums` for each chunk for a narrow layer, by several
//! of `dense_forward`, `output_gradient`, `dense_backward` and `dense_gradient` for each block of rows for any other
//! network. Dispatches of `fold` add the leaves up, and one of `optimizer` updates the parameters; plain gradient descent
//! of a narrow layer is part of the last `fold`. Many updates make one submission. If the data are one leaf of a narrow
//! layer, many updates are one dispatch of `one_leaf`; if a workgroup can hold a network and its values, of
//! `small_network`.
//!
//! A mini-batch is summed by the same kernels, which read its rows where they lie, or out of memory into which the host
//! gathers them. If it is one leaf, `dense_gradient` makes the update, too.
//!
//! `shaders/README.md` explains the kernels.

mod adapter;
mod backend;
mod batch;
mod chunk;
mod chunks;
mod dense;
mod dense_kernels;
mod device;
mod fma;
mod forward;
mod generate;
mod gradients;
mod holdout;
mod input_format;
mod kernel;
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
mod range;
mod read;
mod resources;
mod ring;
mod row_layout;
mod row_numbers;
mod small_network;
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

use crate::backend::{ArithmeticRounding, Problem};
use crate::data::Dataset;
use crate::error::{Error, LEAVE_OUT, Remedy, Result};
use crate::leaves::Leaves;
use crate::network::Network;
use batch::BatchCache;
use chunks::Chunks;
use device::{Device, Readbacks};
use optimizer::{DeviceOptimizer, UpdateDispatches};
use parameter_layout::ParameterLayout;
use params::to_u32;
use pass::Pass;
use predict::Predict;
use resources::Resources;
use row_layout::{RowLayout, leaves_per_chunk};
use small_network::SmallNetwork;
use std::collections::VecDeque;
use std::sync::Arc;
use tree::Tree;
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
    resources: Resources<'a>,
    options: GpuOptions,
    device: Arc<Device>,
    /// How workgroups share rows, if the network reads each row once.
    shape: Option<WorkgroupShape>,
    leaves: Leaves,
    pass: Pass,
    batches: BatchCache,
    /// Made when it is first asked for: training needs none of its memory.
    predict: Option<Predict>,
    readbacks: Readbacks,
    rule_state: RuleState,
    /// What was not waited for yet.
    submitted: VecDeque<Submitted>,
}

/// Updates that were submitted together.
#[derive(Debug)]
struct Submitted {
    /// The updates of which something comes back, with the weights of their rows, in groups that come back together.
    groups: Vec<Vec<(u64, f64)>>,
    /// The factors of the penalties in the rule that they follow.
    l1: f64,
    l2: f64,
}

/// The rule of the updates, and what makes them.
#[derive(Debug)]
enum RuleState {
    Unset,
    /// Plain gradient descent of a network that reads each row once: the kernels of its gradient make the updates.
    Plain {
        learning_rate: f64,
    },
    /// Any other.
    Optimizer(Box<OptimizerKernels>),
}

/// An optimizer, and the dispatches that make its updates.
#[derive(Debug)]
struct OptimizerKernels {
    optimizer: DeviceOptimizer,
    /// The dispatches that update from all rows.
    whole: UpdateDispatches,
    /// What makes many updates at once, if the network is small.
    small: Option<SmallNetwork>,
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
        Self::on(Arc::new(device), problem, options)
    }

    /// The device, which may hold other problems too.
    pub(crate) fn device(&self) -> Arc<Device> {
        Arc::clone(&self.device)
    }

    /// Uploads `problem` to a device that is open. Whether it uses subgroups and keeps loops is the device's to
    /// say, whatever the options say.
    ///
    /// # Errors
    /// If the problem exceeds the limits or the memory of the device.
    pub(crate) fn on(
        device: Arc<Device>,
        problem: Problem<'a>,
        options: GpuOptions,
    ) -> Result<Self> {
        let (dataset, leaves) = (problem.dataset, problem.leaves());
        range::check_targets(&problem)?;
        let resources = Resources::new(&device, problem)?;
        check_chunks(&device, dataset, leaves, options)?;
        let layout = &resources.layout;
        let shape = WorkgroupShape::of_network(&resources.problem.network, leaves, &device);
        let max_bytes = options.max_chunk_bytes;
        let target = (shape.is_some()).then_some((&resources.parameters, layout.n_trained));
        let tree = Tree::new(&device, leaves.count(), layout.n_sums(), target, max_bytes)?;
        // A dense network takes a chunk in blocks, each of which is within a page.
        let per_page = match shape {
            Some(_) => tree.leaves_per_page,
            None => usize::MAX,
        };
        let chunks = Chunks::new(&device, dataset, leaves, per_page, options)?;
        let pass = Pass::new(&device, &resources, shape.as_ref(), chunks, tree)?;
        let batches = BatchCache::new(pass.chunks.resident());
        device.finish_compiling()?;
        Ok(Self {
            resources,
            options,
            device,
            shape,
            leaves,
            pass,
            batches,
            predict: None,
            readbacks: Readbacks::default(),
            rule_state: RuleState::Unset,
            submitted: VecDeque::new(),
        })
    }

    /// Number of chunks that the data are cut into.
    #[must_use]
    pub fn n_chunks(&self) -> usize {
        self.pass.chunks.list().len()
    }

    /// Number of chunks that are brought to the device again for every pass.
    #[must_use]
    pub fn n_streamed_chunks(&self) -> usize {
        self.pass.chunks.n_streamed()
    }

    /// Bytes of inputs and targets on the device at any time.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.pass.chunks.held()
    }

    /// How much of the data streams and why; `None` if all of them stay on the device.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.pass.chunks.notice()
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
    /// If the network does not read each row once: it has hidden layers, or many outputs.
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
                self.resources
                    .problem
                    .dataset
                    .quantization()
                    .decoding_rounds(),
            ),
        }
    }
}

fn check_limits(device: &Device, network: &Network, layout: &ParameterLayout) -> Result<()> {
    for (what, n, most) in [
        ("inputs", network.n_inputs(), MAX_INPUTS),
        ("outputs", network.n_outputs(), MAX_OUTPUTS),
    ] {
        if n > most {
            return Err(device.limit(format!("{n} {what}; a GPU takes at most {most}")));
        }
    }
    let bytes = 4 * layout.n_parameters as u64;
    let most = device.max_binding_bytes();
    if bytes > most {
        return Err(device.limit(format!(
            "{} parameters need {bytes} bytes in one binding; the limit is {most}",
            network.n_parameters()
        )));
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
    let most = options.max_device_bytes.unwrap_or(u64::MAX);
    let n_chunks = |most| {
        let limits = layout.limits(dataset, leaves, (per_chunk, usize::MAX), most);
        limits.n_chunks(leaves.count())
    };
    let reason = || {
        format!(
            "{} bytes of {} in {} chunks; a pass takes at most {MAX_CHUNKS}",
            layout.data_bytes(dataset),
            dataset.source(),
            n_chunks(most)
        )
    };
    if n_chunks(u64::MAX) > MAX_CHUNKS {
        return Err(device.limit(reason()));
    }
    if n_chunks(most) > MAX_CHUNKS {
        return Err(Error::Setting {
            setting: "max_device_bytes",
            reason: reason(),
            remedies: &[Remedy::Do("take more")],
        });
    }
    Ok(())
}
