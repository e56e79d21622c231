//! How parameters are updated: each method a step that knows nothing of data, in float64 here and in f32 in
//! `shaders/optimizer.wgsl`.

mod adam;
mod batches;
mod penalty;
mod schedule;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use adam::{DECAY as ADAM_DECAY, EPSILON as ADAM_EPSILON, shares as adam_shares};
pub(crate) use batches::Batch;
pub use batches::Batches;
pub(crate) use penalty::Penalty;
pub use schedule::Schedule;
pub(crate) use step::{CLIP_EPSILON, RMSPROP_DECAY, RMSPROP_EPSILON, Step};

use crate::network::Network;
use serde::{Deserialize, Serialize};

/// How the parameters are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// `W ← W − learning_rate · gradient`, the article's.
    #[default]
    GradientDescent,
    /// Gradient descent with a memory of its past steps: Polyak's heavy ball, `torch.optim.SGD(momentum=…)`.
    Momentum,
    /// Momentum that looks ahead: each step has the gradient once more, `torch.optim.SGD(nesterov=True)`.
    Nesterov,
    /// A step size for each parameter, from the mean square of its gradient: Tieleman and Hinton, Lecture 6.5, 2012,
    /// `torch.optim.RMSprop`.
    #[serde(rename = "rmsprop")]
    RmsProp,
    /// A step size for each parameter, from the moments of its gradient: Kingma and Ba, ICLR 2015,
    /// `torch.optim.Adam`.
    Adam,
    /// Adam, and each weight falls by a share of itself with each update: Loshchilov and Hutter, Decoupled Weight Decay
    /// Regularization, ICLR 2019, `torch.optim.AdamW`.
    #[serde(rename = "adamw")]
    AdamW,
    /// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, section 7.2): a quasi-Newton method
    /// that searches its steps itself; with an L1 penalty OWL-QN (Andrew and Gao, ICML 2007).
    #[serde(rename = "lbfgs")]
    LBfgs,
}

impl Optimizer {
    /// Those that step along the gradient of each update: all but L-BFGS, which searches its steps.
    pub const FIRST_ORDER: [Self; 6] = [
        Self::GradientDescent,
        Self::Momentum,
        Self::Nesterov,
        Self::RmsProp,
        Self::Adam,
        Self::AdamW,
    ];

    /// The names of the vectors, each as long as the parameters, that a first-order method keeps from update to update.
    #[must_use]
    pub fn memory(self) -> &'static [&'static str] {
        match self {
            Self::GradientDescent | Self::LBfgs => &[],
            Self::Momentum | Self::Nesterov => &["velocity"],
            Self::RmsProp => &["square"],
            Self::Adam | Self::AdamW => &["mean", "square"],
        }
    }
}

/// What a rule keeps from update to update: vectors as long as the parameters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Memory {
    names: Vec<String>,
    #[serde(skip)]
    vectors: Vec<Vec<f64>>,
}

impl Memory {
    /// Before the first update of `n_parameters` parameters by `rule`: all 0.
    #[must_use]
    pub fn new(rule: &UpdateRule, n_parameters: usize) -> Self {
        let average = rule.average_decay.map(|_| AVERAGE);
        let names = rule.optimizer.memory().iter().copied().chain(average);
        let names: Vec<String> = names.map(str::to_owned).collect();
        Self {
            vectors: vec![vec![0.0; n_parameters]; names.len()],
            names,
        }
    }

    /// The vectors: those of the optimizer in the order of [`Optimizer::memory`], then the mean of the parameters.
    #[must_use]
    pub fn vectors(&self) -> &[Vec<f64>] {
        &self.vectors
    }

    /// The length of each vector.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.vectors.iter().map(Vec::len).collect()
    }

    /// The vectors by their names; empty ones if the memory was read without them.
    pub(crate) fn vectors_mut(&mut self) -> impl Iterator<Item = (&str, &mut Vec<f64>)> {
        self.vectors.resize(self.names.len(), Vec::new());
        self.names.iter().map(String::as_str).zip(&mut self.vectors)
    }
}

/// The name of the running mean of the parameters.
const AVERAGE: &str = "average";

/// All that a first-order update depends on, beside the parameters, their gradient and the memory of past updates.
/// Updates are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRule {
    /// Any but L-BFGS.
    pub optimizer: Optimizer,
    /// Positive and finite.
    pub learning_rate: f64,
    /// How the learning rate changes from update to update.
    pub schedule: Schedule,
    /// The updates over which a schedule may spread its rates.
    pub iterations: u64,
    /// Updates over which the learning rate rises evenly from 0 to what the schedule says.
    pub warm_up: u64,
    /// The share of its velocity that momentum keeps.
    pub momentum: f64,
    /// The share of each weight that AdamW takes from it, times the learning rate.
    pub weight_decay: f64,
    /// The largest norm of a gradient; one that is longer is shortened to it.
    pub clip_norm: Option<f64>,
    /// Adds `l1 ‖W‖₁` to the loss, where W are the weights and not the biases.
    pub l1: f64,
    /// Adds `½ l2 ‖W‖²` to the loss.
    pub l2: f64,
    /// The share of itself that the running mean of the parameters keeps in each update; `None` for no such mean.
    pub average_decay: Option<f64>,
    /// The rows of each update; `None` for all.
    pub batches: Option<Batches>,
}

impl UpdateRule {
    /// `parameters ← parameters − learning_rate · gradient`, from all rows.
    #[must_use]
    pub fn gradient_descent(learning_rate: f64) -> Self {
        Self {
            optimizer: Optimizer::GradientDescent,
            learning_rate,
            schedule: Schedule::Constant,
            iterations: 0,
            warm_up: 0,
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: None,
            l1: 0.0,
            l2: 0.0,
            average_decay: None,
            batches: None,
        }
    }

    /// Whether it is [`UpdateRule::gradient_descent`] at a rate that never changes.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = Self {
            iterations: self.iterations,
            momentum: self.momentum,
            ..Self::gradient_descent(self.learning_rate)
        };
        *self == plain
    }

    /// The learning rate of update number `update`.
    #[must_use]
    pub fn rate(&self, update: u64) -> f64 {
        let warm_up = self.warm_up.max(1);
        let warm = (update + 1) as f64 / warm_up as f64;
        let update = match self.schedule {
            // From the start on it would fall as fast as the warm-up rises.
            Schedule::Inverse => (update + 1).saturating_sub(warm_up),
            _ => update,
        };
        self.learning_rate * self.schedule.factor(update, self.iterations) * warm.min(1.0)
    }

    /// Asserts that a backend can make updates by the rule.
    pub(crate) fn assert_first_order(&self) {
        let is_first_order = self.optimizer != Optimizer::LBfgs;
        assert!(is_first_order, "a host searches the steps of L-BFGS");
    }

    /// The penalties on the weights of `network`.
    pub(crate) fn penalty(&self, network: &Network) -> Penalty {
        Penalty::new(self.l1, self.l2, network)
    }

    /// The rows of update number `update` of `n_samples`; `None` for all.
    pub(crate) fn rows(&self, update: u64, n_samples: usize) -> Option<Vec<usize>> {
        let batches = self.batches?;
        Some(batches.rows(update, n_samples))
    }

    /// The mean of the parameters after `updates` updates, without the bias of its start from 0; `None` if the rule asks
    /// for none, or before the first update.
    pub(crate) fn average(&self, memory: &Memory, updates: u64) -> Option<Vec<f64>> {
        let decay = self.average_decay.filter(|_| updates > 0)?;
        let seen = 1.0 - decay.powi(i32::try_from(updates).unwrap_or(i32::MAX));
        let mean = memory.vectors.last()?;
        Some(mean.iter().map(|mean| mean / seen).collect())
    }
}

/// `parameters ← parameters − rate · gradient`
#[inline]
pub fn gradient_descent(rate: f64, gradient: &[f64], parameters: &mut [f64]) {
    for (parameter, gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * gradient;
    }
}

/// `Σ a b`
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    std::iter::zip(a, b).map(|(a, b)| a * b).sum()
}

/// `√Σ a²`
pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
