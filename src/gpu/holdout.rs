//! Samples that are not trained on, on the device beside those that are.

use super::chunks::Chunks;
use super::device::{Buffer, Device};
use super::memory_plan::SLOTS;
use super::options::GpuOptions;
use super::parameter_layout::ParameterLayout;
use super::predict::Predict;
use super::resources::Resources;
use super::row_layout::RowLayout;
use super::workgroup_shape::WorkgroupShape;
use super::{Gpu, check_chunks};
use crate::backend::{self, Predictions, Problem};
use crate::data::Dataset;
use crate::error::Result;
use crate::leaves::{Fold, Leaves};
use crate::network::Network;
use crate::objective::Objective;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Most predictions of a chunk, unless a single leaf has more: the host holds those of one chunk at a time.
const MAX_PREDICTIONS: usize = 1 << 23;
/// Where not all samples that are trained on fit on the device, held-out ones get the bytes of those over this number:
/// most of what is free is left to mini-batches and updates.
const SHARES_OF_FULL_DEVICE: u64 = 16;

/// A network and held-out samples on a device, for their loss.
#[derive(Debug)]
pub(super) struct Holdout {
    device: Arc<Device>,
    layout: ParameterLayout,
    parameters: Buffer,
    chunks: Chunks,
    predict: Predict,
    losses: Losses,
}

/// Makes losses of predictions, on the host.
#[derive(Debug)]
struct Losses {
    /// Scaled like the samples that are trained on.
    dataset: Dataset,
    /// The targets of all samples (N, O), or (N, O + 1) with the weights.
    targets: Vec<f32>,
    network: Network,
    objective: Objective,
    leaves: Leaves,
}

impl Holdout {
    /// Brings `dataset` to the device of `trained`, for the same network and objective.
    pub(super) fn new(trained: &Gpu<'_>, dataset: &Dataset) -> Result<Self> {
        let (device, of_trained) = (trained.device(), &trained.resources.problem);
        let dataset = dataset.scaled_like(of_trained.dataset);
        let problem = Problem {
            dataset: &dataset,
            network: of_trained.network.clone(),
            objective: of_trained.objective,
            dropout: None,
        };
        let leaves = problem.leaves();
        let options = options(trained, &dataset, leaves);
        check_chunks(&device, &dataset, leaves, options)?;
        let chunks = Chunks::new(&device, &dataset, leaves, usize::MAX, options)?;
        let shape = WorkgroupShape::of_network(&problem.network, leaves, &device);
        let resources = Resources::new(&device, problem)?;
        let predict = Predict::new(&device, &resources, shape.as_ref(), chunks.list())?;
        device.finish_compiling()?;
        let Resources {
            layout,
            parameters,
            problem,
            ..
        } = resources;
        let (network, objective) = (problem.network, problem.objective);
        Ok(Self {
            device,
            layout,
            parameters,
            chunks,
            predict,
            losses: Losses {
                network,
                objective,
                leaves,
                targets: dataset.targets(),
                dataset,
            },
        })
    }
}

impl Losses {
    /// The losses of the leaves `leaves`, each summed over its rows, from the predictions of these rows.
    fn of_leaves(&self, leaves: Range<usize>, predictions: &Predictions) -> Vec<f64> {
        let first = self.leaves.rows(leaves.start).start;
        let of_leaf = |leaf| self.of_rows(self.leaves.rows(leaf), first, predictions);
        leaves.into_par_iter().map(of_leaf).collect()
    }

    /// The loss summed over `rows`, from predictions of which those of row `first` are the first. A row that weighs
    /// nothing is left out, whatever its predictions are.
    fn of_rows(&self, rows: Range<usize>, first: usize, predictions: &Predictions) -> f64 {
        let (n_outputs, width) = (self.network.n_outputs(), self.dataset.target_width());
        let (activation, loss) = (self.network.output_layer().activation, self.objective.loss);
        let targets = &self.targets[rows.start * width..rows.end * width];
        let mut t = Vec::with_capacity(n_outputs);
        let of_row = |(row, read): (usize, &[f32])| {
            let (read, weight) = read.split_at(n_outputs);
            let weight = weight.first().map_or(1.0, |weight| f64::from(*weight));
            if weight <= 0.0 {
                return 0.0;
            }
            t.clear();
            t.extend(read.iter().map(|t| f64::from(*t)));
            let span = (row - first) * n_outputs..(row - first + 1) * n_outputs;
            let z = &predictions.pre_activation[span.clone()];
            weight * loss.value(activation, z, &predictions.prediction[span], &t)
        };
        rows.zip(targets.chunks_exact(width)).map(of_row).sum()
    }

    /// The loss of unscaled targets as the objective reduces it, from the sum over all samples.
    fn reduced(&self, sum: f64) -> f64 {
        let sum = sum * self.dataset.loss_unit();
        match self.dataset.total_weight() {
            weight if weight > 0.0 => sum * self.objective.reduction.scale(weight),
            _ => sum,
        }
    }
}

/// How the held-out samples are cut into chunks, and how much of the device they may take: as much as the samples that
/// are trained on, and a leaf of them in a chunk and two on the device at least.
fn options(trained: &Gpu<'_>, dataset: &Dataset, leaves: Leaves) -> GpuOptions {
    let row_layout = RowLayout::new(dataset);
    let chunk_of = |n_rows: usize| n_rows as u64 * row_layout.bytes();
    let least = chunk_of(leaves.rows_per_leaf());
    let most = chunk_of(MAX_PREDICTIONS / dataset.n_outputs());
    let asked = trained.options.max_chunk_bytes.unwrap_or(u64::MAX);
    let is_full = trained.n_streamed_chunks() > 0;
    let share = is_full.then(|| trained.data_bytes() / SHARES_OF_FULL_DEVICE);
    let most_on_device = trained.options.max_device_bytes.or(share);
    GpuOptions {
        max_chunk_bytes: Some(asked.min(most).max(least)),
        max_device_bytes: most_on_device
            .map(|bytes| bytes.max(SLOTS as u64 * row_layout.leaf_bytes(leaves))),
        ..trained.options
    }
}

impl backend::Holdout for Holdout {
    fn loss_at(&mut self, parameters: &[f64]) -> Result<f64> {
        let Losses {
            dataset, network, ..
        } = &self.losses;
        let packed = (self.layout).pack(&dataset.scaled_parameters(network, parameters));
        (self.device).write(&self.parameters, 0, bytemuck::cast_slice(&packed));
        let mut fold = Fold::new(|sum: &mut f64, later| *sum += later);
        for number in 0..self.chunks.list().len() {
            let chunk = &self.chunks.list()[number];
            let leaves = chunk.leaves.clone();
            let rows = chunk.rows.clone();
            let mut predictions = Predictions::with_capacity(rows.len() * network.n_outputs());
            self.chunks.load(&self.device, number, rows.clone())?;
            (self.predict).append(&self.device, number, 0..rows.len(), &mut predictions)?;
            let losses = self.losses.of_leaves(leaves, &predictions);
            losses.into_iter().for_each(|loss| fold.push(loss));
        }
        let sum = fold.finish().expect("a data set has at least one leaf");
        Ok(self.losses.reduced(sum))
    }
}
