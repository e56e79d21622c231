//! One update: what a first-order method makes of a gradient.

use super::{Memory, Optimizer, Penalty, UpdateRule};
use super::{adam, gradient_descent, norm};
use crate::parts::{self, PART};
use crate::precision::Precision;
use std::iter::zip;

/// Added to the norm of a gradient that is shortened, as `torch.nn.utils.clip_grad_norm_` does.
pub(crate) const CLIP_EPSILON: f64 = 1e-6;

/// The share of the mean square that each step of RMSprop keeps.
pub(crate) const RMSPROP_DECAY: f64 = 0.99;
/// Keeps the step of RMSprop finite if a gradient has always been 0.
pub(crate) const RMSPROP_EPSILON: f64 = 1e-8;

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
        let vectors = memory.vectors.iter_mut();
        let mut memory: Vec<_> = vectors.map(|vector| vector.chunks_mut(PART)).collect();
        let parts = parameters.chunks_mut(PART).enumerate();
        let parts = parts.map(|(at, parameters)| Part {
            first: at * PART,
            memory: memory.iter_mut().filter_map(Iterator::next).collect(),
            parameters,
        });
        parts::for_each(parts, |part| {
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
                penalty.soft_threshold(rate, first, parameters, |_, _| {});
            }
            (Optimizer::Momentum | Optimizer::Nesterov, [velocity]) => {
                momentum(rule, rate, gradient, velocity, parameters);
                // A rate that has fallen to 0 moves nothing, and no velocity can be told from that.
                if rate > 0.0 {
                    // The velocity is the whole step over the rate, what a proximal operator took from the parameter
                    // included (Ochs et al., iPiano, SIAM J. Imaging Sci. 7, 2014, Algorithm 1).
                    penalty.soft_threshold(rate, first, parameters, |at, taken| {
                        velocity[at] += taken / rate;
                    });
                }
            }
            (Optimizer::RmsProp, [square]) => rmsprop(rate, gradient, square, parameters),
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

/// Polyak's heavy ball and Nesterov's momentum, without dampening, the same as `torch.optim.SGD(momentum=…)`:
/// `velocity ← momentum · velocity + gradient`, then `parameters ← parameters − rate · velocity`, or if the step is
/// Nesterov's `parameters ← parameters − rate · (gradient + momentum · velocity)`.
fn momentum(
    rule: &UpdateRule,
    rate: f64,
    gradient: &[f64],
    velocity: &mut [f64],
    parameters: &mut [f64],
) {
    for ((velocity, gradient), parameter) in zip(zip(velocity, gradient), parameters) {
        *velocity = rule.momentum * *velocity + gradient;
        *parameter -= rate
            * match rule.optimizer {
                Optimizer::Nesterov => gradient + rule.momentum * *velocity,
                _ => *velocity,
            };
    }
}

/// RMSprop (Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012), the same as
/// `torch.optim.RMSprop`: `parameters ← parameters − rate · gradient / (√square + ε)`, where `square` is the mean square
/// of each gradient.
fn rmsprop(rate: f64, gradient: &[f64], square: &mut [f64], parameters: &mut [f64]) {
    for ((square, gradient), parameter) in zip(zip(square, gradient), parameters) {
        *square = RMSPROP_DECAY * *square + (1.0 - RMSPROP_DECAY) * gradient * gradient;
        *parameter -= rate * gradient / (square.sqrt() + RMSPROP_EPSILON);
    }
}
