//! The settings of a training.

use crate::data::Dataset;
use crate::error::{Error, LEAVE_OUT, Remedy, Result};
use crate::network::Activation;
use crate::objective::{Loss, Reduction};
use crate::train::{Optimizer, Schedule};

/// What is trained, and how. Every value may be set; [`Training::start`](super::Training::start) checks them against the data.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct TrainConfig {
    /// Updates of the parameters; 0 leaves the start as it is.
    pub iterations: u64,
    /// Positive and finite. L-BFGS, which searches its steps itself, does without.
    pub learning_rate: f64,
    /// What is applied to the pre-activations.
    pub activation: Activation,
    /// The loss of one prediction.
    pub loss: Loss,
    /// Over the samples.
    pub reduction: Reduction,
    /// Whether the layer has a bias.
    pub bias: bool,
    /// As for `numpy.random.RandomState`.
    pub seed: u32,
    /// How the parameters are updated.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// What momentum keeps of its velocity with each update, in [0, 1).
    #[serde(default = "usual_momentum")]
    pub momentum: f64,
    /// How the learning rate goes on.
    #[serde(default)]
    pub schedule: Schedule,
    /// Adds `l1 ‖W‖₁` to the reduced loss, of the weights alone: those of standardised features where these are.
    #[serde(default)]
    pub l1: f64,
    /// Adds `½ l2 ‖W‖²` to the reduced loss, likewise.
    #[serde(default)]
    pub l2: f64,
    /// Ends a training where each component of the gradient has fallen to this share of the largest that it has
    /// been, which does not depend on the scale of a feature, the loss or the reduction; with `l1`, of the
    /// pseudo-gradient. `None` does not look.
    #[serde(default)]
    pub gradient_tolerance: Option<f64>,
    /// Ends a training where an iteration changes the loss by no more than this share of it. `None` does not look.
    #[serde(default)]
    pub loss_tolerance: Option<f64>,
    /// Ends a training after the iteration in which it has lasted this long. `None` does not look.
    #[serde(default)]
    pub max_seconds: Option<f64>,
    /// Rows of which each update sees the loss, drawn anew each epoch by `seed`, the same on every backend; `None` for
    /// all.
    #[serde(default)]
    pub batch_size: Option<usize>,
    /// Rows, spread evenly over all, on whose loss L-BFGS begins, before its first iteration; 0 for none. `None` for a
    /// sixteenth of them on the CPU, where that is many.
    #[serde(default)]
    pub warm_start_rows: Option<usize>,
    /// Iterations from one look at the samples held back to the next; `None` for every one of L-BFGS, and about a
    /// hundred of others.
    #[serde(default)]
    pub validation_every: Option<u64>,
    /// Ends a training where the loss on the samples held back has not fallen for this many looks, and keeps the best
    /// parameters. `None` keeps the last.
    #[serde(default)]
    pub early_stopping: Option<u32>,
}

fn usual_momentum() -> f64 {
    0.9
}

impl TrainConfig {
    /// The article's settings: 10,000 iterations of learning rate 1 on the summed squared error, no bias, seed 1.
    #[must_use]
    pub fn article() -> Self {
        Self {
            iterations: 10_000,
            learning_rate: 1.0,
            activation: Activation::Sigmoid,
            loss: Loss::SquaredError,
            reduction: Reduction::Sum,
            bias: false,
            seed: 1,
            ..Self::default()
        }
    }

    /// What the command line takes for a file: L-BFGS, up to 1,000 iterations, until each component of the gradient has
    /// fallen to 10⁻⁵ of its largest. The loss of a well-conditioned convex problem is then within about 10⁻⁹ of its
    /// minimum, since it goes with the square of the gradient.
    #[must_use]
    pub fn lbfgs() -> Self {
        Self {
            optimizer: Optimizer::LBfgs,
            gradient_tolerance: Some(1e-5),
            ..Self::default()
        }
    }

    /// The settings that suit the targets of `dataset`, where nothing else is said: the article's for its samples; a
    /// softmax for more than two classes; a sigmoid for two, and for numbers in [0, 1]; the identity and the
    /// squared error for other numbers. Otherwise the defaults.
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

    /// What to change where the updates are too large.
    #[must_use]
    pub fn smaller_steps(&self) -> &'static [Remedy] {
        const SMALLER: Remedy = Remedy::Lower("learning_rate");
        if self.optimizer == Optimizer::LBfgs {
            return &[
                Remedy::Do("rescale the columns"),
                Remedy::Set("l2", "0.0001, which keeps the weights small"),
            ];
        }
        match self.reduction {
            Reduction::Sum => &[Remedy::Set("reduction", "mean"), SMALLER],
            Reduction::Mean => &[SMALLER],
        }
    }

    /// Whether the device makes the updates by itself: plain gradient descent, at whose gradient nobody looks.
    pub(super) fn stays_on_device(&self) -> bool {
        let plain = Self {
            optimizer: Optimizer::GradientDescent,
            schedule: Schedule::Constant,
            l1: 0.0,
            l2: 0.0,
            gradient_tolerance: None,
            loss_tolerance: None,
            batch_size: None,
            ..self.clone()
        };
        *self == plain
    }

    /// Iterations from one look at the samples held back to the next.
    pub(super) fn look_every(&self) -> u64 {
        let usual = match self.optimizer {
            Optimizer::LBfgs => 1,
            _ => (self.iterations / 100).clamp(1, 1000),
        };
        self.validation_every.unwrap_or(usual)
    }

    /// Updates of an epoch, one pass over `n_samples` rows.
    #[must_use]
    pub fn updates_an_epoch(&self, n_samples: usize) -> u64 {
        let size = self.batch_size.unwrap_or(n_samples);
        n_samples.div_ceil(size.max(1)) as u64
    }

    /// The learning rate of update number `update`, counted from 0.
    pub(super) fn rate(&self, update: u64) -> f64 {
        self.learning_rate * self.schedule.factor(update, self.iterations)
    }

    pub(super) fn check(&self, dataset: &Dataset) -> Result<()> {
        self.check_updates()?;
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse(
                "learning_rate",
                format!(
                    "{} is not a learning rate; it must be positive and finite",
                    self.learning_rate
                ),
                &[],
            );
        }
        if !self.loss.suits(self.activation) {
            return match self.activation {
                Activation::Softmax => refuse(
                    "loss",
                    "a softmax is trained towards cross-entropy",
                    &[Remedy::Set("loss", "cross-entropy")],
                ),
                _ => refuse(
                    "loss",
                    "numbers are trained towards the squared error",
                    &[Remedy::Set("loss", "squared-error")],
                ),
            };
        }
        if self.activation == Activation::Softmax && dataset.n_outputs() < 2 {
            return refuse(
                "activation",
                "a softmax needs a target for each of at least two classes, and there is one",
                &[
                    Remedy::Set("classes", "true"),
                    Remedy::Set("activation", "sigmoid"),
                ],
            );
        }
        if dataset.n_outputs() == 0 {
            return Err(Error::Dataset {
                source_name: dataset.source().to_owned(),
                reason: "was opened for its features alone; there is no target to train on"
                    .to_owned(),
            });
        }
        if self.loss == Loss::CrossEntropy {
            check_targets(dataset)?;
        }
        if self.activation == Activation::Softmax && dataset.classes().is_none() {
            check_shares(dataset)?;
        }
        Ok(())
    }

    /// What needs no data to be checked.
    fn check_updates(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.momentum) {
            let momentum = self.momentum;
            return refuse(
                "momentum",
                format!(
                    "{momentum} is not a share of a velocity; it must be at least 0 and below 1"
                ),
                &[],
            );
        }
        for (setting, value) in [
            ("l1", Some(self.l1)),
            ("l2", Some(self.l2)),
            ("gradient_tolerance", self.gradient_tolerance),
            ("loss_tolerance", self.loss_tolerance),
            ("max_seconds", self.max_seconds),
        ] {
            if let Some(value) = value.filter(|value| !(*value >= 0.0 && value.is_finite())) {
                return refuse(
                    setting,
                    format!("{value} must be finite and not negative"),
                    &[],
                );
            }
        }
        if let Schedule::Step { every, factor } = self.schedule {
            if every == 0 {
                let reason = "0 must be at least 1: the updates from one rate to the next";
                return refuse("schedule_every", reason, &[]);
            }
            if !(factor > 0.0 && factor.is_finite()) {
                let reason = format!("{factor} is not a factor; it must be positive and finite");
                return refuse("schedule_factor", reason, &[]);
            }
        }
        if self.validation_every == Some(0) {
            let reason = "0 must be at least 1: the iterations from one look to the next";
            return refuse("validation_every", reason, &[]);
        }
        if self.early_stopping == Some(0) {
            let reason = "0 must be at least 1: the looks to wait for a better one";
            return refuse("early_stopping", reason, &[]);
        }
        if self.batch_size.is_some() {
            self.check_batches()?;
        }
        if self.warm_start_rows.is_some() && self.optimizer != Optimizer::LBfgs {
            let remedies = &[Remedy::Set("optimizer", "lbfgs"), LEAVE_OUT];
            return refuse("warm_start_rows", "is where L-BFGS begins", remedies);
        }
        match self.optimizer {
            Optimizer::Adam if self.l1 > 0.0 => refuse(
                "l1",
                "Adam's steps, a different one for each weight, keep none at 0",
                &[
                    Remedy::Set("optimizer", "lbfgs, momentum or gradient-descent"),
                    Remedy::Set("l2", "0.001 instead"),
                ],
            ),
            Optimizer::LBfgs if self.schedule != Schedule::Constant => refuse(
                "schedule",
                "L-BFGS searches its steps itself",
                &[LEAVE_OUT, FIRST_ORDER],
            ),
            _ => Ok(()),
        }
    }

    fn check_batches(&self) -> Result<()> {
        const NOISY: &str = "what one batch shows is too noisy for it";
        const STOP_EARLY: &[Remedy] = &[LEAVE_OUT, Remedy::Set("early_stopping", "10")];
        if self.batch_size == Some(0) {
            return refuse("batch_size", "0 must be at least 1 row", &[]);
        }
        if self.optimizer == Optimizer::LBfgs {
            return refuse(
                "batch_size",
                "L-BFGS needs all rows for its steps",
                &[LEAVE_OUT, FIRST_ORDER],
            );
        }
        if self.gradient_tolerance.is_some() {
            return refuse("gradient_tolerance", NOISY, STOP_EARLY);
        }
        if self.loss_tolerance.is_some() {
            return refuse("loss_tolerance", NOISY, STOP_EARLY);
        }
        Ok(())
    }
}

impl Default for TrainConfig {
    /// For data of the user's own: the article's rule saturates on large batches, so the mean of the
    /// cross-entropy, with a bias.
    fn default() -> Self {
        Self {
            iterations: 1000,
            learning_rate: 0.1,
            activation: Activation::Sigmoid,
            loss: Loss::CrossEntropy,
            reduction: Reduction::Mean,
            bias: true,
            seed: 1,
            optimizer: Optimizer::GradientDescent,
            momentum: usual_momentum(),
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

const FIRST_ORDER: Remedy = Remedy::Set("optimizer", "gradient-descent, momentum or adam");

fn refuse(
    setting: &'static str,
    reason: impl Into<String>,
    remedies: &'static [Remedy],
) -> Result<()> {
    Err(Error::Setting {
        setting,
        reason: reason.into(),
        remedies,
    })
}

fn check_targets(dataset: &Dataset) -> Result<()> {
    match dataset.target_outside_unit() {
        None => Ok(()),
        Some((row, output, value)) => Err(Error::Target {
            place: dataset.target_place(row, output),
            value,
        }),
    }
}

/// The targets of a softmax are shares of one whole, to within the roundings of an f32 sum.
fn check_shares(dataset: &Dataset) -> Result<()> {
    let (n_outputs, width) = (dataset.n_outputs(), dataset.target_width());
    let wrong_sum = dataset.find_in_leaves(|leaf| {
        let sums = leaf.targets.chunks_exact(width).map(|targets| {
            let shares = targets[..n_outputs].iter();
            shares.map(|t| f64::from(*t)).sum::<f64>()
        });
        let mut sums = leaf.rows.zip(sums);
        sums.find(|(_, sum)| (sum - 1.0).abs() > 1e-6 * n_outputs as f64)
    });
    match wrong_sum {
        None => Ok(()),
        Some((row, sum)) => Err(Error::Input {
            place: dataset.target_place(row, 0),
            reason: format!(
                "this target and those beside it sum to {sum}, and a softmax needs shares that sum to 1"
            ),
            remedies: &[
                Remedy::Do("rescale them"),
                Remedy::Set("activation", "sigmoid"),
            ],
        }),
    }
}
