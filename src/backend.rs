//! What a backend does: the one interface through which training and validation see CPU and GPU.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::network::{Network, NetworkValues};
use crate::objective::Objective;
use std::num::NonZeroU32;
use std::ops::Range;

/// What is to be trained, on what, towards what.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// The samples.
    pub dataset: &'a Dataset,
    /// The network, as wide as the samples.
    pub network: Network,
    /// What is minimised.
    pub objective: Objective,
}

impl Problem<'_> {
    /// What sums over samples are multiplied by, as the reduction says.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let total_weight = self.dataset.total_weight();
        self.objective.reduction.scale(total_weight)
    }

    /// Sums over samples and outputs as an evaluation reports them: loss and gradient scaled by the
    /// reduction, dy/dz as the mean over all samples and outputs.
    #[must_use]
    pub fn reduced(&self, sums: Evaluation) -> Evaluation {
        self.reduced_of(self.dataset.total_weight(), sums)
    }

    /// As [`Problem::reduced`], of samples that weigh `total_weight` together; such as weigh nothing say nothing.
    pub(crate) fn reduced_of(&self, total_weight: f64, mut sums: Evaluation) -> Evaluation {
        if total_weight <= 0.0 {
            return sums;
        }
        let scale = self.objective.reduction.scale(total_weight);
        sums.gradient.iter_mut().for_each(|sum| *sum *= scale);
        sums.summary.loss *= scale;
        sums.summary.mean_slope /= total_weight * self.dataset.n_outputs() as f64;
        sums
    }

    /// As [`Problem::reduced`], without the gradient.
    #[must_use]
    pub fn reduced_summary(&self, sums: Summary) -> Summary {
        let n_values = self.dataset.total_weight() * self.dataset.n_outputs() as f64;
        Summary {
            loss: sums.loss * self.scale(),
            mean_slope: sums.mean_slope / n_values,
        }
    }
}

/// What one pass over the data sees at the parameters it started from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The loss, reduced over the samples.
    pub loss: f64,
    /// Mean of `dy/dz` over samples and outputs. Of a sigmoid it is `y(1 − y)`: ¼ for an undecided layer, 0 for a
    /// saturated one.
    pub mean_slope: f64,
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
            summary: Summary {
                loss: 0.0,
                mean_slope: 0.0,
            },
            gradient: vec![0.0; n_parameters],
        }
    }

    /// Whether, taken as bounds, one of them promises nothing. NaN is another matter: parameters that
    /// are not numbers.
    pub(crate) fn is_beyond_f32(&self) -> bool {
        let Summary { loss, mean_slope } = self.summary;
        let mut numbers = self.gradient.iter().chain([&loss, &mean_slope]);
        numbers.any(|number| number.is_infinite())
    }

    /// `self += other`
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, term) in self.gradient.iter_mut().zip(&other.gradient) {
            *sum += term;
        }
        self.summary.loss += other.summary.loss;
        self.summary.mean_slope += other.summary.mean_slope;
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
    /// Appends one row.
    pub(crate) fn push(&mut self, row: &NetworkValues) {
        self.pre_activation.extend_from_slice(row.pre_activation());
        self.prediction.extend_from_slice(row.prediction());
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
pub struct Rounding {
    /// Most roundings between one product `x w` and the pre-activation it ends in.
    pub pre_activation: u32,
    /// Most additions between one sample's term and the sum over all samples.
    pub sum: u32,
    /// Roundings of an input on its way out of its storage, 0 or 1: elsewhere the product may be the
    /// other of the two neighbours of what the data set holds.
    pub input: u32,
}

/// What a backend computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// The host, in float64.
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
pub trait Backend {
    /// What computes.
    fn kind(&self) -> BackendKind;

    /// The hardware, with its driver or number of threads, for people to read.
    fn adapter(&self) -> String;

    /// The hardware as far as the bits of a result depend on it.
    fn identity(&self) -> String {
        self.adapter()
    }

    /// The share of a loss by which two losses have to differ to be told apart: four units in the last place,
    /// since a sum over samples, taken in a tree, is off by a few.
    fn resolution(&self) -> f64 {
        match self.kind() {
            BackendKind::Cpu => 4.0 * f64::EPSILON,
            BackendKind::Gpu => 4.0 * f64::from(f32::EPSILON),
        }
    }

    /// Replaces the parameters, in the layout of [`Network`]; a GPU rounds them to f32.
    ///
    /// # Errors
    /// Where the device fails.
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()>;

    /// The parameters as they are held; exact.
    ///
    /// # Errors
    /// Where the device fails.
    fn parameters(&mut self) -> Result<Vec<f64>>;

    /// Loss, mean slope and gradient at the parameters; one pass over the data.
    ///
    /// # Errors
    /// Where the device fails.
    fn evaluate(&mut self) -> Result<Evaluation>;

    /// As [`Backend::evaluate`], of the rows `rows` alone, in this order: the reduction is over these. They are
    /// folded in leaves of their own, as if they were all there is. Rows that weigh nothing together give 0.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where `rows` is empty, or one of them is past the last.
    fn evaluate_rows(&mut self, rows: &[usize]) -> Result<Evaluation>;

    /// What each of the leaves `leaves` contributed to the last [`Backend::evaluate`].
    ///
    /// # Errors
    /// Where the device fails.
    fn leaf_evaluations(&mut self, leaves: Range<usize>) -> Result<Vec<Evaluation>>;

    /// Starts `iterations` times `parameters −= learning_rate · gradient`. A GPU goes on by itself, nothing
    /// is read back but the last pass, which saw the parameters before the last update.
    ///
    /// # Errors
    /// Where the device fails.
    fn submit(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<()>;

    /// Waits for the end of the updates that were started first, and gives their last pass.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where none was started.
    fn wait(&mut self) -> Result<Summary>;

    /// How often to start updates before those started first are finished, so that the hardware never
    /// waits for the host.
    fn queue_depth(&self) -> usize;

    /// Makes `iterations` updates, from their start to their end.
    ///
    /// # Errors
    /// Where the device fails.
    fn advance(&mut self, iterations: NonZeroU32, learning_rate: f64) -> Result<Summary> {
        self.submit(iterations, learning_rate)?;
        self.wait()
    }

    /// Pre-activations and predictions of the rows `rows` at the parameters.
    ///
    /// # Errors
    /// Where the device fails.
    fn predict(&mut self, rows: Range<usize>) -> Result<Predictions>;
}
