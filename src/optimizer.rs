//! How parameters are updated: each method a step that knows nothing of data, in float64 here and in f32 in
//! `shaders/optimizer.wgsl`.

mod adam;
mod batches;
mod momentum;
mod penalty;
mod rmsprop;
mod schedule;
#[cfg(test)]
mod tests;

pub(crate) use adam::{DECAY as ADAM_DECAY, EPSILON as ADAM_EPSILON, shares as adam_shares};
pub(crate) use batches::Batch;
pub use batches::Batches;
pub(crate) use penalty::Penalty;
pub(crate) use rmsprop::{DECAY as RMSPROP_DECAY, EPSILON as RMSPROP_EPSILON};
pub use schedule::Schedule;

use crate::network::Network;
use crate::parts::{self, PART};
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

    /// The vectors by their names; empty ones if the memory was read without them.
    pub fn vectors_mut(&mut self) -> impl Iterator<Item = (&str, &mut Vec<f64>)> {
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
        let warm = (update + 1) as f64 / self.warm_up.max(1) as f64;
        self.learning_rate * self.schedule.factor(update, self.iterations) * warm.min(1.0)
    }

    /// The penalties on the weights of `network`.
    pub(crate) fn penalty(&self, network: &Network) -> Penalty {
        Penalty::new(self.l1, self.l2, network)
    }

    /// Makes update number `update`, on the threads of the pool that this is called in, if it is in one. `gradient` is that
    /// of the loss and of the L2 penalty.
    pub(crate) fn step(
        &self,
        penalty: &Penalty,
        update: u64,
        gradient: &mut [f64],
        memory: &mut Memory,
        parameters: &mut [f64],
    ) {
        if let Some(most) = self.clip_norm {
            clip(most, gradient);
        }
        let part = Part {
            first: 0,
            gradient,
            memory: memory.vectors.iter_mut().map(Vec::as_mut_slice).collect(),
            parameters,
        };
        parts::for_each(part.cut(), |part| self.step_part(penalty, update, part));
    }

    /// Makes update number `update` of some parameters.
    fn step_part(&self, penalty: &Penalty, update: u64, part: Part<'_>) {
        let rate = self.rate(update);
        let Part {
            first,
            gradient,
            mut memory,
            parameters,
        } = part;
        let (own, average) = memory.split_at_mut(self.optimizer.memory().len());
        match (self.optimizer, own) {
            (Optimizer::GradientDescent, _) => {
                gradient_descent(rate, gradient, parameters);
                penalty.soft_threshold(rate, first, parameters);
            }
            (Optimizer::Momentum | Optimizer::Nesterov, [velocity]) => {
                let from = (penalty.l1 > 0.0).then(|| parameters.to_vec());
                let is_nesterovs = self.optimizer == Optimizer::Nesterov;
                momentum::step(
                    self.momentum,
                    rate,
                    gradient,
                    velocity,
                    parameters,
                    is_nesterovs,
                );
                if let Some(from) = from {
                    penalty.soft_threshold(rate, first, parameters);
                    momentum::set_velocity_from_step(rate, &from, parameters, velocity);
                }
            }
            (Optimizer::RmsProp, [square]) => rmsprop::step(rate, gradient, square, parameters),
            (Optimizer::Adam | Optimizer::AdamW, [mean, square]) => {
                penalty.decay(rate * self.weight_decay, first, parameters);
                adam::step(rate, update + 1, gradient, [mean, square], parameters);
            }
            _ => unreachable!("a first-order method with its own memory"),
        }
        if let (Some(decay), [average]) = (self.average_decay, average) {
            for (mean, parameter) in average.iter_mut().zip(parameters) {
                *mean = decay * *mean + (1.0 - decay) * *parameter;
            }
        }
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

/// Some neighbouring parameters, with all that an update of them depends on.
struct Part<'p> {
    /// The number of the first of them.
    first: usize,
    gradient: &'p [f64],
    memory: Vec<&'p mut [f64]>,
    parameters: &'p mut [f64],
}

impl<'p> Part<'p> {
    /// It in parts of [`PART`] parameters.
    fn cut(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        while self.parameters.len() > PART {
            let (part, rest) = self.split();
            parts.push(part);
            self = rest;
        }
        parts.push(self);
        parts
    }

    /// Its first [`PART`] parameters, and the others.
    fn split(self) -> (Self, Self) {
        let (gradient, later_gradient) = self.gradient.split_at(PART);
        let (parameters, later_parameters) = self.parameters.split_at_mut(PART);
        let halves = self.memory.into_iter().map(|it| it.split_at_mut(PART));
        let (memory, later_memory): (Vec<&'p mut [f64]>, Vec<_>) = halves.unzip();
        let part = Self {
            first: self.first,
            gradient,
            memory,
            parameters,
        };
        let rest = Self {
            first: self.first + PART,
            gradient: later_gradient,
            memory: later_memory,
            parameters: later_parameters,
        };
        (part, rest)
    }
}

/// `parameters ← parameters − rate · gradient`
#[inline]
pub fn gradient_descent(rate: f64, gradient: &[f64], parameters: &mut [f64]) {
    for (parameter, gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * gradient;
    }
}

/// Added to the norm of a gradient that is shortened, as `torch.nn.utils.clip_grad_norm_` does.
pub(crate) const CLIP_EPSILON: f64 = 1e-6;

/// Shortens a gradient whose norm is more than `most` to that norm.
fn clip(most: f64, gradient: &mut [f64]) {
    let factor = most / (norm(gradient) + CLIP_EPSILON);
    if factor < 1.0 {
        gradient.iter_mut().for_each(|term| *term *= factor);
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
