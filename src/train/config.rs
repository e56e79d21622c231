//! The settings of a training.

pub(super) mod check;

use super::Progress;
use crate::backend::Problem;
use crate::data::Dataset;
use crate::error::{CLIP, Error, RESCALE, Remedy, Result};
use crate::network::{Activation, Dropout, Hidden, Init, Network};
use crate::objective::{Loss, Objective, Reduction};
use crate::optimizer::{Batches, Optimizer, Schedule, UpdateRule};
use std::borrow::Cow;

/// What is trained, and how. [`Training::start`](super::Training::start) checks the values against the data.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct TrainConfig {
    /// Updates of the parameters; 0 leaves the start as it is.
    pub iterations: u64,
    /// Positive and finite. L-BFGS, which searches its steps itself, ignores it.
    pub learning_rate: f64,
    /// The activation of the last layer.
    pub activation: Activation,
    /// The layers before the last one.
    #[serde(skip_serializing_if = "Hidden::is_empty")]
    pub hidden: Hidden,
    /// How the start is drawn; `None` for [`Network::initial_parameters`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// The loss of one prediction.
    pub loss: Loss,
    /// How the losses of the samples become one.
    pub reduction: Reduction,
    /// Whether the layers have a bias.
    pub bias: bool,
    /// The seed of the start and of the order of the rows: one of `numpy.random.RandomState`.
    pub seed: u32,
    /// How the parameters are updated.
    pub optimizer: Optimizer,
    /// The share of its velocity that momentum keeps in each update, in [0, 1).
    pub momentum: f64,
    /// The share of each weight that AdamW takes from it with each update, times the learning rate. Other optimizers
    /// need 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight_decay: f64,
    /// The largest norm of a gradient, by the parameters for standardised features and targets where these are
    /// standardised; one that is longer is shortened to it. `None` for no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The share of itself, in [0, 1), that a running mean of the parameters keeps with each update: the training ends
    /// with that mean, and held-out samples are measured by it. `None` for the last parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_decay: Option<f64>,
    /// The share, in [0, 1), of the units of hidden layers that an update goes without.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropout: f64,
    /// Updates over which the learning rate rises evenly from 0 to what the schedule says.
    #[serde(skip_serializing_if = "is_zero")]
    pub warm_up: u64,
    /// How the learning rate changes from update to update.
    pub schedule: Schedule,
    /// Adds `l1 ‖W‖₁` to the reduced loss. W are the weights without the bias, for standardised features and targets where
    /// these are standardised, and the loss is then that of such targets.
    pub l1: f64,
    /// Adds `½ l2 ‖W‖²` to the reduced loss; W are the weights that `l1` penalises.
    pub l2: f64,
    /// Ends a training when the next step promises to lower the loss by half the square of this share of it, or less:
    /// `½ gᵀ H⁻¹ g` for the gradient g and what is known of the curvature H. Neither units nor the start have an
    /// influence. With `l1` the gradient is the pseudo-gradient. `None` for no such end.
    pub gradient_tolerance: Option<f64>,
    /// Ends a training when an iteration changes the loss by no more than this share of it. `None` for no such end.
    pub loss_tolerance: Option<f64>,
    /// Ends a training after the iteration in which this many seconds are over, since it began or was resumed. `None`
    /// for no such end.
    pub max_seconds: Option<f64>,
    /// Rows of an update, drawn anew each epoch by `seed`, the same on every backend; `None` for all rows.
    pub batch_size: Option<usize>,
    /// Rows, spread evenly over all, on which L-BFGS begins before its first iteration; 0 for none. `None` for a
    /// sixteenth of the rows on the CPU if that is many, and otherwise for none.
    pub warm_start_rows: Option<usize>,
    /// Iterations from one evaluation of the held-out samples to the next; `None` for 1 with L-BFGS, for those of an
    /// epoch with `batch_size`, and otherwise for a hundredth of all, 1,000 at most.
    pub validation_every: Option<u64>,
    /// Ends a training when the loss on the held-out samples has not fallen for this many evaluations, and returns to
    /// the best parameters. `None` keeps the last ones.
    pub early_stopping: Option<u32>,
}

impl TrainConfig {
    /// The article's settings: 10,000 iterations of learning rate 1 on the summed squared error, no bias, seed 1.
    #[must_use]
    pub fn article() -> Self {
        Self {
            iterations: 10_000,
            learning_rate: 1.0,
            loss: Loss::SquaredError,
            reduction: Reduction::Sum,
            bias: false,
            ..Self::default()
        }
    }

    /// The command line's defaults for a file: up to 1,000 iterations of L-BFGS, until the gradient promises a decrease
    /// of the loss of 5 · 10⁻¹³ of it. The loss of a convex problem is then within about 10⁻¹¹ of its minimum, as far
    /// as the curvature is known.
    #[must_use]
    pub fn lbfgs() -> Self {
        Self {
            optimizer: Optimizer::LBfgs,
            gradient_tolerance: Some(1e-6),
            ..Self::default()
        }
    }

    /// The command line's defaults for hidden layers: AdamW with PyTorch's rate and decay.
    #[must_use]
    pub fn adamw() -> Self {
        Self {
            optimizer: Optimizer::AdamW,
            learning_rate: 0.001,
            weight_decay: 0.01,
            ..Self::default()
        }
    }

    /// The settings that suit the targets of `dataset`: the article's for its samples; a softmax for more than two
    /// classes; a sigmoid for two, and for numbers in [0, 1]; the identity and the squared error for other numbers. All
    /// other settings are the defaults.
    #[must_use]
    pub fn suited_to(dataset: &Dataset) -> Self {
        let activation = match dataset.classes() {
            _ if dataset.is_article() => return Self::article(),
            Some(classes) if classes.n_outputs() > 1 => Activation::Softmax,
            None if dataset.target_outside_unit().is_some() => Activation::Identity,
            _ => Activation::Sigmoid,
        };
        Self {
            activation,
            loss: Loss::usual(activation),
            ..Self::default()
        }
    }

    /// The problem that these settings pose on a data set.
    ///
    /// # Errors
    /// If a setting cannot be used on the data.
    pub fn problem<'a>(&self, dataset: &'a Dataset) -> Result<Problem<'a>> {
        self.check(dataset)?;
        Ok(Problem {
            dataset,
            network: Network::single_layer(dataset.n_inputs(), dataset.n_outputs(), self.bias)
                .with_activation(self.activation)
                .with_hidden(&self.hidden),
            objective: Objective {
                loss: self.loss,
                reduction: self.reduction,
            },
            dropout: self.unit_dropout(),
        })
    }

    /// Which units updates go without; `None` for all units.
    pub(super) fn unit_dropout(&self) -> Option<Dropout> {
        (self.dropout > 0.0).then_some(Dropout {
            rate: self.dropout,
            seed: self.seed,
        })
    }

    /// How the parameters are updated; of L-BFGS only the penalties count.
    #[must_use]
    pub fn rule(&self) -> UpdateRule {
        UpdateRule {
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            iterations: self.iterations,
            warm_up: self.warm_up,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            clip_norm: self.clip_norm,
            average_decay: self.average_decay,
            l1: self.l1,
            l2: self.l2,
            batches: self.batch_size.map(|size| Batches {
                seed: self.seed,
                size,
            }),
        }
    }

    /// An error if the loss of the last pass is not finite.
    pub(super) fn check_loss(&self, progress: &Progress) -> Result<()> {
        match progress.loss.is_finite() {
            true => Ok(()),
            false => Err(self.diverged(progress.iteration, "the loss")),
        }
    }

    /// The error that `what` is not finite after iteration `iteration`.
    pub(crate) fn diverged(&self, iteration: u64, what: impl Into<Cow<'static, str>>) -> Error {
        let rescale = self.rescale();
        let mut remedies = match (iteration, self.reduction) {
            // The loss at the start, which no update led to, is that of the data and the weights.
            (0, Reduction::Mean) => vec![rescale],
            (0, Reduction::Sum) => vec![Remedy::Set("reduction", "mean"), rescale],
            _ => self.smaller_steps(),
        };
        if iteration > 0 && !self.hidden.is_empty() && self.optimizer != Optimizer::LBfgs {
            remedies.retain(|remedy| *remedy != rescale);
            remedies.extend(self.clip_norm.is_none().then_some(CLIP));
            remedies.push(rescale);
        }
        Error::Diverged {
            iteration,
            what: what.into(),
            remedies,
        }
    }

    /// What to change if the updates are too large.
    #[must_use]
    pub fn smaller_steps(&self) -> Vec<Remedy> {
        const SMALLER: Remedy = Remedy::Lower("learning_rate");
        match (self.optimizer, self.reduction) {
            (Optimizer::LBfgs, _) => vec![self.rescale(), Remedy::Raise("l2")],
            (_, Reduction::Sum) => vec![Remedy::Set("reduction", "mean"), SMALLER],
            (_, Reduction::Mean) => vec![SMALLER, self.rescale()],
        }
    }

    /// What to rescale: linear outputs are as large as their targets.
    fn rescale(&self) -> Remedy {
        match self.activation {
            Activation::Identity => Remedy::Do("rescale the columns and the target"),
            _ => RESCALE,
        }
    }

    /// Whether a backend can make the updates by itself: the host searches the steps of L-BFGS, and sees whether a
    /// tolerance is reached.
    pub(super) fn stays_on_device(&self) -> bool {
        let is_first_order = self.optimizer != Optimizer::LBfgs;
        is_first_order && self.gradient_tolerance.is_none() && self.loss_tolerance.is_none()
    }

    /// Iterations from one evaluation of the held-out samples to the next, of a training on `n_samples` others.
    pub(super) fn holdout_interval(&self, n_samples: usize) -> u64 {
        let usual = match (self.optimizer, self.batch_size) {
            (Optimizer::LBfgs, _) => 1,
            (_, Some(_)) => self.updates_an_epoch(n_samples),
            (_, None) => (self.iterations / 100).clamp(1, 1000),
        };
        self.validation_every.unwrap_or(usual)
    }

    /// Updates of an epoch, one pass over `n_samples` rows.
    #[must_use]
    pub fn updates_an_epoch(&self, n_samples: usize) -> u64 {
        let size = self.batch_size.unwrap_or(n_samples);
        n_samples.div_ceil(size.max(1)) as u64
    }
}

/// Whether a setting that is 0 unless it is given is not given.
fn is_zero<T: PartialEq + Default>(number: &T) -> bool {
    *number == T::default()
}

impl Default for TrainConfig {
    /// Settings for data of the user's own: the mean of the cross-entropy, with a bias, because the article's rule
    /// saturates on large batches.
    fn default() -> Self {
        Self {
            iterations: 1000,
            learning_rate: 0.1,
            activation: Activation::Sigmoid,
            hidden: Hidden::default(),
            init: None,
            loss: Loss::CrossEntropy,
            reduction: Reduction::Mean,
            bias: true,
            seed: 1,
            optimizer: Optimizer::GradientDescent,
            momentum: 0.9,
            weight_decay: 0.0,
            clip_norm: None,
            average_decay: None,
            dropout: 0.0,
            warm_up: 0,
            schedule: Schedule::Constant,
            l1: 0.0,
            l2: 0.0,
            gradient_tolerance: None,
            loss_tolerance: None,
            max_seconds: None,
            batch_size: None,
            warm_start_rows: None,
            validation_every: None,
            early_stopping: None,
        }
    }
}
