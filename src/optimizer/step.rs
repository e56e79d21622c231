//! One update: what a first-order method makes of a gradient.

use super::{Memory, Optimizer, Penalty, UpdateRule};
use super::{adam, gradient_descent, momentum, norm, rmsprop};
use crate::parts::{self, PART};
use crate::precision::Precision;

/// Added to the norm of a gradient that is shortened, as `torch.nn.utils.clip_grad_norm_` does.
pub(crate) const CLIP_EPSILON: f64 = 1e-6;

/// An update by a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'s> {
    pub(crate) rule: &'s UpdateRule,
    pub(crate) penalty: &'s Penalty,
    /// Its number.
    pub(crate) update: u64,
    /// What the parameters are rounded to.
    pub(crate) precision: Precision,
}

impl Step<'_> {
    /// Makes it, on the threads of the pool that this is called in, if it is in one.
    ///
    /// `gradient` gets the number of a parameter and some parameters from this one on, and writes the gradient of the
    /// loss and of the L2 penalty there. It is asked for a few parameters at a time, which are updated while their
    /// gradient is still in the cache.
    pub(crate) fn make(
        self,
        gradient: impl Fn(usize, &[f64], &mut [f64]) + Sync,
        memory: &mut Memory,
        parameters: &mut [f64],
    ) {
        let Some(most) = self.rule.clip_norm else {
            return self.make_in_parts(gradient, memory, parameters);
        };
        let mut whole = vec![0.0; parameters.len()];
        let parts = whole.chunks_mut(PART).zip(parameters.chunks(PART));
        parts::for_each(parts.enumerate(), |(at, (part, parameters))| {
            gradient(at * PART, parameters, part);
        });
        let shortened = (most / (norm(&whole) + CLIP_EPSILON)).min(1.0);
        let gradient = |first, _: &[f64], part: &mut [f64]| {
            let terms = part.iter_mut().zip(&whole[first..]);
            terms.for_each(|(to, term)| *to = shortened * term);
        };
        self.make_in_parts(gradient, memory, parameters);
    }

    fn make_in_parts(
        self,
        gradient: impl Fn(usize, &[f64], &mut [f64]) + Sync,
        memory: &mut Memory,
        parameters: &mut [f64],
    ) {
        let all = Part {
            first: 0,
            memory: memory.vectors.iter_mut().map(Vec::as_mut_slice).collect(),
            parameters,
        };
        parts::for_each(all.cut(), |part| {
            let mut of_part = vec![0.0; part.parameters.len()];
            gradient(part.first, part.parameters, &mut of_part);
            self.make_part(&of_part, part);
        });
    }

    /// Updates some parameters.
    fn make_part(self, gradient: &[f64], part: Part<'_>) {
        let Self { rule, penalty, .. } = self;
        let rate = rule.rate(self.update);
        let Part {
            first,
            mut memory,
            parameters,
        } = part;
        let (own, average) = memory.split_at_mut(rule.optimizer.memory().len());
        match (rule.optimizer, own) {
            (Optimizer::GradientDescent, _) => {
                gradient_descent(rate, gradient, parameters);
                penalty.soft_threshold(rate, first, parameters);
            }
            (Optimizer::Momentum | Optimizer::Nesterov, [velocity]) => {
                let from = (penalty.l1 > 0.0).then(|| parameters.to_vec());
                let is_nesterovs = rule.optimizer == Optimizer::Nesterov;
                momentum::step(
                    rule.momentum,
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
                penalty.decay(rate * rule.weight_decay, first, parameters);
                adam::step(rate, self.update + 1, gradient, [mean, square], parameters);
            }
            _ => unreachable!("a first-order method with its own memory"),
        }
        self.precision.round(parameters);
        if let (Some(decay), [average]) = (rule.average_decay, average) {
            for (mean, parameter) in average.iter_mut().zip(parameters) {
                *mean = decay * *mean + (1.0 - decay) * *parameter;
            }
        }
    }
}

/// Some neighbouring parameters, with what is kept for them.
struct Part<'p> {
    /// The number of the first of them.
    first: usize,
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
        let (parameters, later_parameters) = self.parameters.split_at_mut(PART);
        let halves = self.memory.into_iter().map(|it| it.split_at_mut(PART));
        let (memory, later_memory): (Vec<&'p mut [f64]>, Vec<_>) = halves.unzip();
        let part = Self {
            first: self.first,
            memory,
            parameters,
        };
        let rest = Self {
            first: self.first + PART,
            memory: later_memory,
            parameters: later_parameters,
        };
        (part, rest)
    }
}
