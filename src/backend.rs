//! What a backend does: the one interface through which training and validation see CPU and GPU.

mod holdout;
mod staged;

pub use holdout::Holdout;
pub use staged::{Stage, Staged};

use crate::data::Dataset;
use crate::error::Result;
use crate::leaves::Leaves;
use crate::network::{Dropout, Mask, Network};
use crate::objective::Objective;
use crate::optimizer::{Memory, UpdateRule};
use crate::parts::{self, PART};
use crate::precision::Precision;
use std::num::NonZeroU32;
use std::ops::Range;

/// The samples, the network and the objective of one training.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// The samples.
    pub dataset: &'a Dataset,
    /// The network, as wide as the samples.
    pub network: Network,
    /// What is minimised.
    pub objective: Objective,
    /// Which units of hidden layers an update goes without; `None` for an update by all.
    pub dropout: Option<Dropout>,
}

impl Problem<'_> {
    /// The leaves of the samples: those of the data set for a network of one layer that reads each row once.
    pub(crate) fn leaves(&self) -> Leaves {
        self.leaves_of(self.dataset.n_samples())
    }

    /// The leaves of `n_rows` rows like those of the problem.
    pub(crate) fn leaves_of(&self, n_rows: usize) -> Leaves {
        let network = &self.network;
        if network.reads_rows_once() {
            return Leaves::new(n_rows, network.n_inputs(), network.n_outputs());
        }
        let width = network.layers().iter().map(|layer| layer.n_outputs).sum();
        Leaves::of_network(n_rows, network.n_parameters(), width)
    }

    /// The units that update number `update` goes without; none without an update.
    pub(crate) fn mask(&self, update: Option<u64>) -> Option<Mask> {
        let (dropout, update) = self.dropout.zip(update)?;
        Some(dropout.mask(update))
    }

    /// The weight of `rows` together, or of all.
    pub(crate) fn weight_of(&self, rows: Option<&[usize]>) -> f64 {
        match rows {
            None => self.dataset.total_weight(),
            Some(rows) => self.dataset.weight_of(rows),
        }
    }

    /// The factor by which the reduction multiplies sums over all samples.
    pub(crate) fn scale(&self) -> f64 {
        let total_weight = self.dataset.total_weight();
        self.objective.reduction.scale(total_weight)
    }
}

/// What one pass over the data sees at the parameters it started from.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Summary {
    /// The loss, reduced over the samples.
    pub loss: f64,
    /// Mean of `dy/dz` over samples and outputs. Of a sigmoid it is `y(1 − y)`: ¼ for an undecided layer, 0 for a
    /// saturated one.
    pub mean_slope: f64,
}

impl Summary {
    /// `self += other`
    pub(crate) fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.mean_slope += other.mean_slope;
    }

    /// Reduces sums over rows of `problem` whose weights add up to `total_weight`: the loss is scaled as the
    /// reduction says, the slope becomes the mean over rows and outputs. If the rows weigh nothing, the sums are
    /// returned as they are.
    pub(crate) fn reduced(self, problem: &Problem<'_>, total_weight: f64) -> Self {
        if total_weight <= 0.0 {
            return self;
        }
        Self {
            loss: self.loss * problem.objective.reduction.scale(total_weight),
            mean_slope: self.mean_slope / (total_weight * problem.dataset.n_outputs() as f64),
        }
    }
}

/// What an update saw at the parameters before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UpdateSummary {
    /// Loss and mean slope of its rows.
    pub summary: Summary,
    /// The penalties on the weights.
    pub penalty: f64,
}

impl UpdateSummary {
    /// What is minimised: the loss and the penalties.
    pub(crate) fn objective(&self) -> f64 {
        self.summary.loss + self.penalty
    }
}

/// [`Backend::evaluate`]'s result.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Loss and mean slope.
    pub summary: Summary,
    /// `dloss/dparameters`, in the layout of the parameters.
    pub gradient: Vec<f64>,
}

impl Evaluation {
    /// Sums that nothing was added to yet.
    pub(crate) fn zero(n_parameters: usize) -> Self {
        Self {
            summary: Summary::default(),
            gradient: vec![0.0; n_parameters],
        }
    }

    /// Reduces sums like [`Summary::reduced`]; the gradient is scaled like the loss.
    pub(crate) fn reduced(mut self, problem: &Problem<'_>, total_weight: f64) -> Self {
        self.summary = self.summary.reduced(problem, total_weight);
        if total_weight > 0.0 {
            let scale = problem.objective.reduction.scale(total_weight);
            parts::for_each(self.gradient.chunks_mut(PART), |part| {
                part.iter_mut().for_each(|sum| *sum *= scale);
            });
        }
        self
    }

    /// `self += other`
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, term) in self.gradient.iter_mut().zip(&other.gradient) {
            *sum += term;
        }
        self.summary.add(&other.summary);
    }
}

/// The last layer of some rows, both (rows, O).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// `z = x Wᵀ + b`.
    pub pre_activation: Vec<f64>,
    /// `y = f(z)`.
    pub prediction: Vec<f64>,
}

impl Predictions {
    /// No rows, with room for `floats` of each.
    pub(crate) fn with_capacity(floats: usize) -> Self {
        Self {
            pre_activation: Vec::with_capacity(floats),
            prediction: Vec::with_capacity(floats),
        }
    }

    /// Appends one row, or several.
    pub(crate) fn push(&mut self, pre_activation: &[f64], prediction: &[f64]) {
        self.pre_activation.extend_from_slice(pre_activation);
        self.prediction.extend_from_slice(prediction);
    }

    /// The rows of all `pieces`, in order.
    pub(crate) fn concat(pieces: Vec<Self>) -> Self {
        let mut all = Self::default();
        for piece in pieces {
            all.pre_activation.extend(piece.pre_activation);
            all.prediction.extend(piece.prediction);
        }
        all
    }
}

/// How a backend that computes in f32 rounds: what an a-priori error bound has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArithmeticRounding {
    /// Most roundings between one product `x w` and the pre-activation it ends in.
    pub pre_activation: u32,
    /// Most additions between one sample's term and the sum over all samples.
    pub sum: u32,
    /// Roundings of an input as it is decoded, 0 or 1. If it is 1, the device may take the other one of the two f32
    /// around the exact value than the data set does.
    pub input: u32,
}

/// What a backend computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// The host.
    Cpu,
    /// A device, in f32.
    Gpu,
}

impl BackendKind {
    /// `cpu` or `gpu`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

/// One problem held by a CPU or a GPU, with its parameters.
pub trait Backend: Send {
    /// What computes.
    fn kind(&self) -> BackendKind;

    /// The hardware, with its driver or number of threads, for people to read.
    fn adapter(&self) -> String;

    /// The hardware as far as the bits of a result depend on it, [`precision`](Backend::precision) aside.
    fn identity(&self) -> String {
        self.adapter()
    }

    /// The numbers it computes in.
    fn precision(&self) -> Precision {
        match self.kind() {
            BackendKind::Cpu => Precision::F64,
            BackendKind::Gpu => Precision::F32,
        }
    }

    /// Replaces the parameters, in the layout of [`Network`], rounded to the precision of the backend.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are more or fewer than the network has.
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()>;

    /// The parameters as they are held; exact.
    ///
    /// # Errors
    /// Where the device fails.
    fn parameters(&mut self) -> Result<Vec<f64>>;

    /// Loss, mean slope and gradient at the parameters, in one pass over the data; without the units that the problem's
    /// dropout takes from update number `update`, if one is given.
    ///
    /// Of `rows`, if they are given, alone and in this order: the reduction is over these, and they are folded in leaves
    /// of their own, as if they were all there is. Rows that weigh nothing together give 0.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `rows` are given and there are none, or one of them is past the last.
    fn evaluate_for(&mut self, update: Option<u64>, rows: Option<&[usize]>) -> Result<Evaluation>;

    /// [`Backend::evaluate_for`] of all rows and with all units.
    ///
    /// # Errors
    /// Where the device fails.
    fn evaluate(&mut self) -> Result<Evaluation> {
        self.evaluate_for(None, None)
    }

    /// [`Backend::evaluate_for`] of some rows and with all units.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are no rows, or one of them is past the last.
    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation> {
        self.evaluate_for(None, Some(rows))
    }

    /// What each of the leaves `leaves` contributed to the last evaluation, which was one of all rows, and since which
    /// nothing was updated: a backend may sum them again, without the units that that one went without.
    ///
    /// # Errors
    /// Where the device fails, or there are fewer leaves.
    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>>;

    /// Makes the updates that are submitted from now on follow `rule`, of a first-order method, with nothing kept of earlier
    /// ones.
    ///
    /// # Errors
    /// Where the device fails, or cannot multiply by the learning rate.
    ///
    /// # Panics
    /// Where the rule is L-BFGS, whose steps a host searches.
    fn follow(&mut self, rule: &UpdateRule) -> Result<()>;

    /// Starts the updates of the numbers `updates` by the rule that is followed. A GPU goes on by itself. After a loss of a
    /// network with hidden layers that is not finite, [`Cpu`](crate::cpu::Cpu) and [`Gpu`](crate::gpu::Gpu) make no update
    /// until they are given other parameters.
    ///
    /// # Errors
    /// Where the device fails, or cannot multiply by a learning rate.
    ///
    /// # Panics
    /// Where there are no updates, or no rule is followed.
    fn submit(&mut self, updates: Range<u64>) -> Result<()>;

    /// Waits for the end of the updates that were started first, and gives what the last of them saw: one at least, and
    /// as many as the backend keeps.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where none was started.
    fn wait(&mut self) -> Result<Vec<UpdateSummary>>;

    /// What the rule that is followed keeps from update to update, after those submitted.
    ///
    /// # Errors
    /// Where the device fails.
    fn memory(&mut self) -> Result<Memory> {
        Ok(Memory::default())
    }

    /// Replaces what the rule that is followed keeps; a GPU rounds it to f32.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where the rule keeps other vectors.
    fn set_memory(&mut self, _memory: &Memory) -> Result<()> {
        Ok(())
    }

    /// Holds `dataset`, unscaled samples that are not trained on, beside those that are. `None` if the backend leaves their
    /// evaluation to the CPU, which makes it in float64.
    ///
    /// # Errors
    /// Where the device cannot hold the samples, or fails.
    fn holdout(&self, _dataset: &Dataset) -> Result<Option<Box<dyn Holdout>>> {
        Ok(None)
    }

    /// How many submissions to have under way at once, so that the hardware never waits for the host.
    fn queue_depth(&self) -> usize;

    /// Makes `iterations` updates by plain gradient descent, from their start to their end, and gives what the last one
    /// saw.
    ///
    /// # Errors
    /// Where the device fails.
    fn advance(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<Summary> {
        self.follow(&UpdateRule::gradient_descent(learning_rate))?;
        self.submit(0..u64::from(iterations.get()))?;
        let seen = self.wait()?;
        Ok(seen.last().expect("one at least").summary)
    }

    /// Pre-activations and predictions of the rows `rows` at the parameters.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `rows` end past the last.
    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions>;
}
