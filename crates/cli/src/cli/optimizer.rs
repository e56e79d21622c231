//! The arguments that say how a network is trained.

use super::TaskArgs;
use super::choice::{choice, schedule_name, value};
use crate::error::{Error, Result};
use clap::Args;
use neuralnet::{Dataset, Loss, Optimizer, Schedule, TrainConfig};

/// The default learning rate of Adam, whose steps are about as long as it whatever the gradient.
const ADAM_LEARNING_RATE: f64 = 0.01;

/// The optimizer and its settings. What is not given, the data set or the optimizer decides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimizer")]
pub(super) struct OptimizerArgs {
    /// How the weights are updated (default: momentum with --momentum; adamw with --hidden or --weight-decay; adam with --batch-size; to train on a file lbfgs, unless --learning-rate or --schedule is given; otherwise gradient-descent)
    #[arg(long, value_parser = choice::<Optimizer>())]
    optimizer: Option<Optimizer>,
    /// The share of its velocity that --optimizer momentum or nesterov keeps with each update (default: 0.9)
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// The share of each weight that --optimizer adamw takes from it with each update, times the learning rate (default: 0.01)
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Shorten gradients that are longer than NORM to it (default: no limit)
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    clip_norm: Option<f64>,
    /// End with a running mean of the weights that keeps this share of itself with each update, 0.999 for instance (default: the last weights)
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    average_decay: Option<f64>,
    /// Share of the units of hidden layers that each update goes without, 0.2 for instance (default: 0)
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Updates over which the learning rate rises evenly from 0 (default: 0)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    warm_up: Option<u64>,
    /// How the learning rate changes over the updates (default: constant)
    #[arg(long, value_parser = schedule_name())]
    schedule: Option<String>,
    /// Updates from one rate of --schedule step to the next
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    schedule_every: Option<u64>,
    /// What --schedule step multiplies the rate by (default: 0.1)
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    schedule_factor: Option<f64>,
    /// Add R times the sum of the weights' magnitudes to the loss, not of the bias: many weights become 0 (default: 0)
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    l1: Option<f64>,
    /// Add R/2 times the sum of the weights' squares to the loss, not of the bias: weights stay small (default: to train on a file by lbfgs towards cross-entropy what scikit-learn takes, as much as one sample weighs, so 1 over the samples for a mean; 0 with --l1 and otherwise)
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    l2: Option<f64>,
    /// Rows of each update, shuffled each epoch, or `all` (default: 128 with --hidden and more rows than that, unless the optimizer is lbfgs; otherwise all)
    #[arg(long, value_name = "ROWS", value_parser = batch_size, allow_negative_numbers = true)]
    batch_size: Option<BatchSize>,
    /// The iterations as passes over the rows: with --batch-size an epoch takes several (default, with --hidden and batches: 10, or as many more as make 1000 updates)
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "iterations",
        allow_negative_numbers = true
    )]
    pub(super) epochs: Option<u64>,
}

/// How a training begins and ends; a validation makes all its iterations.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimizer")]
pub(super) struct StopArgs {
    /// Rows, spread evenly over all, on which lbfgs begins (default: on the CPU a sixteenth of them, where that is many; 0: none)
    #[arg(long, value_name = "ROWS", allow_negative_numbers = true)]
    warm_start_rows: Option<usize>,
    /// Stop once the next step promises to lower the loss by half the square of this share of it, or less; it means the same for all units and starts; with --hidden only lbfgs takes it (default: 1e-6 for lbfgs; otherwise no such rule)
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    gradient_tolerance: Option<f64>,
    /// Stop once an iteration changes the loss by this share or less (default: no such rule)
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    loss_tolerance: Option<f64>,
    /// Stop after this many seconds of iterations, with the weights reached
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    max_seconds: Option<f64>,
}

impl StopArgs {
    /// Completes `config` with what is given.
    pub(super) fn complete(&self, config: TrainConfig) -> TrainConfig {
        TrainConfig {
            warm_start_rows: self.warm_start_rows,
            gradient_tolerance: self.gradient_tolerance.or(config.gradient_tolerance),
            loss_tolerance: self.loss_tolerance,
            max_seconds: self.max_seconds,
            ..config
        }
    }
}

/// Rows of an update.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BatchSize {
    All,
    Rows(usize),
}

impl BatchSize {
    /// The rows, and `None` for all; `given` is what the user says, if anything. The usual number applies if there are
    /// more of them.
    pub(crate) fn or_usual(given: Option<Self>, n_samples: usize) -> Option<usize> {
        match given {
            Some(Self::All) => None,
            Some(Self::Rows(rows)) => Some(rows),
            None => Some(BATCH_SIZE).filter(|rows| *rows < n_samples),
        }
    }
}

pub(super) fn batch_size(text: &str) -> std::result::Result<BatchSize, String> {
    match text {
        "all" => Ok(BatchSize::All),
        number => number
            .parse()
            .map(BatchSize::Rows)
            .map_err(|error| format!("{error}; name a number of rows, or all")),
    }
}

/// Rows of an update of a network with hidden layers.
const BATCH_SIZE: usize = 128;
/// Epochs of a network with hidden layers that is trained in batches, at least.
const EPOCHS: u64 = 10;
/// Updates of such a network, at least: of a small table a few epochs are next to none.
const UPDATES: u64 = 1000;

/// The default of `--l2`, which keeps the weights finite if a line separates the classes: `½ ‖W‖²` beside the sum of
/// the losses, like scikit-learn's `LogisticRegression` with `C = 1`. It is 0 for optimizers that do not search for the
/// minimum itself.
fn default_l2(config: &TrainConfig, dataset: &Dataset) -> f64 {
    if config.optimizer == Optimizer::LBfgs && config.loss == Loss::CrossEntropy {
        config.reduction.scale(dataset.total_weight())
    } else {
        0.0
    }
}

impl OptimizerArgs {
    /// Completes `config`, whose defaults are those of gradient descent on `dataset`; `for_file` is the optimizer of
    /// one layer on a file.
    pub(super) fn complete(
        &self,
        config: TrainConfig,
        dataset: &Dataset,
        task: &TaskArgs,
        for_file: Optimizer,
    ) -> Result<TrainConfig> {
        let has_hidden = !config.hidden.is_empty();
        let optimizer = self.optimizer(task, has_hidden, for_file);
        let has_batches = has_hidden && optimizer != Optimizer::LBfgs;
        let batch_size = match has_batches || self.batch_size.is_some() {
            true => BatchSize::or_usual(self.batch_size, dataset.n_samples()),
            false => None,
        };
        let defaults = match optimizer {
            Optimizer::LBfgs => TrainConfig::lbfgs(),
            Optimizer::AdamW => TrainConfig::adamw(),
            _ => TrainConfig::default(),
        };
        self.check(optimizer, task)?;
        let mut config = TrainConfig {
            optimizer,
            learning_rate: match optimizer {
                Optimizer::Adam | Optimizer::RmsProp => {
                    task.learning_rate.unwrap_or(ADAM_LEARNING_RATE)
                }
                Optimizer::AdamW => task.learning_rate.unwrap_or(defaults.learning_rate),
                _ => config.learning_rate,
            },
            batch_size,
            clip_norm: self.clip_norm,
            average_decay: self.average_decay,
            dropout: self.dropout.unwrap_or(0.0),
            warm_up: self.warm_up.unwrap_or(0),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            momentum: self.momentum.unwrap_or(defaults.momentum),
            schedule: self.schedule()?,
            l1: self.l1.unwrap_or(defaults.l1),
            l2: self.l2.unwrap_or(0.0),
            gradient_tolerance: defaults.gradient_tolerance,
            ..config
        };
        if self.l2.is_none() && self.l1.is_none() && task.is_file() {
            config.l2 = default_l2(&config, dataset);
        }
        let an_epoch = config.updates_an_epoch(dataset.n_samples());
        let usual = (has_hidden && batch_size.is_some() && task.iterations.is_none())
            .then(|| EPOCHS.max(UPDATES.div_ceil(an_epoch)));
        if let Some(epochs) = self.epochs.or(usual) {
            config.iterations = epochs.saturating_mul(an_epoch);
        }
        Ok(config)
    }

    /// The optimizer asked for, or else the one that suits the other arguments and the data.
    fn optimizer(&self, task: &TaskArgs, has_hidden: bool, for_file: Optimizer) -> Optimizer {
        match self.optimizer {
            Some(optimizer) => optimizer,
            None if self.momentum.is_some() => Optimizer::Momentum,
            None if has_hidden || self.weight_decay.is_some() => Optimizer::AdamW,
            None if self.batch_size.is_some() => Optimizer::Adam,
            None if task.learning_rate.is_some() || self.schedule.is_some() => {
                Optimizer::GradientDescent
            }
            None if task.is_file() => for_file,
            None => Optimizer::GradientDescent,
        }
    }

    /// Refuses settings that the optimizer does not use.
    fn check(&self, optimizer: Optimizer, task: &TaskArgs) -> Result<()> {
        let has_momentum = [Optimizer::Momentum, Optimizer::Nesterov].contains(&optimizer);
        if self.momentum.is_some() && !has_momentum {
            let reason = "is a setting of --optimizer momentum and nesterov; take one of them, or leave it out";
            return Err(Error::setting("--momentum", reason));
        }
        if self.weight_decay.is_some() && optimizer != Optimizer::AdamW {
            let reason = "is a setting of --optimizer adamw; take that, or --l2, or leave it out";
            return Err(Error::setting("--weight-decay", reason));
        }
        if task.learning_rate.is_some() && optimizer == Optimizer::LBfgs {
            let reason = "L-BFGS searches its steps itself; leave it out, or take --optimizer gradient-descent, momentum, nesterov, rmsprop, adam or adamw";
            return Err(Error::setting("--learning-rate", reason));
        }
        Ok(())
    }

    /// The schedule, with the settings of `step`.
    fn schedule(&self) -> Result<Schedule> {
        if self.schedule.as_deref() == Some("step") {
            const NEEDED: &str =
                "step needs --schedule-every: the updates from one rate to the next";
            let every = self.schedule_every;
            return Ok(Schedule::Step {
                every: every.ok_or_else(|| Error::setting("--schedule", NEEDED))?,
                factor: self.schedule_factor.unwrap_or(0.1),
            });
        }
        for (flag, is_given) in [
            ("--schedule-every", self.schedule_every.is_some()),
            ("--schedule-factor", self.schedule_factor.is_some()),
        ] {
            if is_given {
                let reason = "is a setting of --schedule step; take that, or leave it out";
                return Err(Error::setting(flag, reason));
            }
        }
        Ok(self.schedule.as_deref().map_or(Schedule::default(), value))
    }
}
