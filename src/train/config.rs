//! The settings of a training.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::network::Activation;
use crate::objective::{Loss, Reduction};

/// What is trained, and how. Every value may be set; [`Training::start`](super::Training::start) checks them against the data.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct TrainConfig {
    /// Updates of the parameters; 0 leaves the start as it is.
    pub iterations: u64,
    /// Positive and finite.
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
        }
    }

    /// The settings that suit the targets of `dataset`, where nothing else is said: the article's for its samples; a
    /// softmax for more than two classes; a sigmoid for two, and for numbers in [0, 1]; the identity and the
    /// squared error for other numbers. Otherwise the defaults.
    #[must_use]
    pub fn suited_to(dataset: &Dataset) -> Self {
        let activation = match dataset.classes() {
            _ if dataset.is_article() => return Self::article(),
            Some(classes) if classes.names.len() > 2 => Activation::Softmax,
            None if dataset.target_outside_unit().is_some() => Activation::Identity,
            _ => Activation::Sigmoid,
        };
        Self {
            activation,
            loss: match activation {
                Activation::Identity => Loss::SquaredError,
                Activation::Sigmoid | Activation::Softmax => Loss::CrossEntropy,
            },
            ..Self::default()
        }
    }

    /// What to change where the updates are too large.
    #[must_use]
    pub fn smaller_steps(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "take --reduction mean, or a smaller --learning-rate",
            Reduction::Mean => "take a smaller --learning-rate",
        }
    }

    pub(super) fn check(&self, dataset: &Dataset) -> Result<()> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::Setting {
                flag: "--learning-rate",
                problem: format!(
                    "{} is no learning rate; it must be positive and finite",
                    self.learning_rate
                ),
            });
        }
        if !self.loss.suits(self.activation) {
            return Err(Error::Setting {
                flag: "--loss",
                problem: match self.activation {
                    Activation::Softmax => "a softmax is trained towards cross-entropy; take --loss cross-entropy",
                    _ => "the identity is trained towards the squared error; take --loss squared-error",
                }
                .to_owned(),
            });
        }
        if self.activation == Activation::Softmax && dataset.n_outputs() < 2 {
            return Err(Error::Setting {
                flag: "--activation",
                problem: "a softmax needs a target for each of at least two classes, and there is one; take --activation sigmoid".to_owned(),
            });
        }
        if dataset.n_outputs() == 0 {
            return Err(Error::Dataset {
                source_name: dataset.source().to_owned(),
                problem: "was opened for its features alone; there is no target to train on"
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
        }
    }
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
    const ROWS: usize = 1 << 12;
    let (n_outputs, width) = (dataset.n_outputs(), dataset.target_width());
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for first in (0..dataset.n_samples()).step_by(ROWS) {
        let rows = first..(first + ROWS).min(dataset.n_samples());
        inputs.resize(rows.len() * dataset.n_inputs(), 0.0);
        targets.resize(rows.len() * width, 0.0);
        dataset.read(rows.clone(), &mut inputs, &mut targets);
        for (row, targets) in rows.zip(targets.chunks_exact(width)) {
            let sum: f64 = targets[..n_outputs].iter().map(|t| f64::from(*t)).sum();
            if (sum - 1.0).abs() > 1e-6 * n_outputs as f64 {
                return Err(Error::Input {
                    place: dataset.target_place(row, 0),
                    problem: format!(
                        "this target and those beside it sum to {sum}, and a softmax needs shares that sum to 1; rescale them, or take --activation sigmoid"
                    ),
                });
            }
        }
    }
    Ok(())
}
