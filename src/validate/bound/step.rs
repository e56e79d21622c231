//! The bounds of one step of an optimizer, from the gradient and from what the optimizer keeps.

use super::{Bounded, gamma};
use crate::network::Network;
use crate::optimizer::{
    ADAM_DECAY, ADAM_EPSILON, CLIP_EPSILON, Optimizer, RMSPROP_DECAY, RMSPROP_EPSILON, UpdateRule,
    adam_shares,
};

/// Roundings of a sum of squares: four of a vec4 and of the vec4 of an invocation, and one for each level of the tree
/// over up to 2³² vec4.
const NORM_ROUNDINGS: f64 = 40.0;

/// The step of update number `update` by `rule`.
#[derive(Clone, Copy, Debug)]
pub(in crate::validate) struct StepBound<'r> {
    rule: &'r UpdateRule,
    update: u64,
    /// What clipping multiplies the gradient by.
    factor: Bounded,
}

/// One parameter before a step.
#[derive(Clone, Copy, Debug)]
pub(in crate::validate) struct Before {
    pub(in crate::validate) parameter: f64,
    /// The gradient of the loss, exact but for the rounding of its scale.
    pub(in crate::validate) gradient: f64,
    /// What the optimizer keeps of it.
    pub(in crate::validate) kept: [f64; 2],
    pub(in crate::validate) is_weight: bool,
}

impl<'r> StepBound<'r> {
    /// `all` are all parameters.
    pub(in crate::validate) fn new(
        rule: &'r UpdateRule,
        update: u64,
        all: impl Iterator<Item = Before>,
    ) -> Self {
        let one = Bounded::exact(1.0);
        let mut bound = Self {
            rule,
            update,
            factor: one,
        };
        if let Some(most) = rule.clip_norm {
            let (mut square, mut error) = (0.0, 0.0);
            for before in all {
                let gradient = bound.gradient(before);
                square += gradient.value * gradient.value;
                error += gradient.bound * (2.0 * gradient.value.abs() + gradient.bound);
            }
            let error = error + gamma(NORM_ROUNDINGS) * (square + error);
            // A device squares 2⁻⁸⁰ times the gradient where its squares near the largest f32.
            let scale = match square > 2.0_f64.powi(126) {
                true => 2.0_f64.powi(-80),
                false => 1.0,
            };
            let norm = Bounded::new(scale * scale * square, scale * scale * error).root();
            let norm = norm.times(Bounded::exact(1.0 / scale));
            let norm = norm.plus(Bounded::rounded(CLIP_EPSILON));
            let factor = Bounded::rounded(most).over(norm);
            bound.factor = match factor.value < 1.0 {
                true => factor,
                false => Bounded::new(1.0, (1.0 - (factor.value - factor.bound)).max(0.0)),
            };
        }
        bound
    }

    /// That of the loss and of the L2 penalty.
    fn gradient(&self, before: Before) -> Bounded {
        let scaled = Bounded::rounded(before.gradient).times(Bounded::exact(1.0));
        match before.is_weight && self.rule.l2 > 0.0 {
            true => {
                let l2 = Bounded::rounded(self.rule.l2);
                scaled.plus(l2.times(Bounded::exact(before.parameter)))
            }
            false => scaled,
        }
    }

    /// The running mean after a step from the mean `before` to the parameter `after`.
    pub(in crate::validate) fn average(&self, before: f64, after: Bounded) -> Bounded {
        mean(
            self.rule.average_decay.unwrap_or(0.0),
            Bounded::exact(before),
            after,
        )
    }

    /// The parameter after the step, and what the optimizer keeps then.
    pub(in crate::validate) fn after(&self, before: Before) -> (Bounded, [Bounded; 2]) {
        let rule = self.rule;
        let rate = rule.rate(self.update);
        let gradient = self.gradient(before).times(self.factor);
        let parameter = Bounded::exact(before.parameter);
        let kept @ [first, second] = before.kept.map(Bounded::exact);
        let from = |from: Bounded, step: Bounded, rate: f64| {
            from.plus(Bounded::rounded(rate).times(step).negated())
        };
        let threshold = if before.is_weight {
            rate * rule.l1
        } else {
            0.0
        };
        match rule.optimizer {
            Optimizer::RmsProp => {
                let square = mean(RMSPROP_DECAY, first, gradient.times(gradient));
                let root = square.root().plus(Bounded::rounded(RMSPROP_EPSILON));
                let step = Bounded::rounded(rate).times(gradient).over(root);
                (parameter.plus(step.negated()), [square, second])
            }
            Optimizer::Adam | Optimizer::AdamW => {
                let [mean_share, square_share] = adam_shares(self.update + 1);
                let moment = mean(ADAM_DECAY[0], first, gradient);
                let square = mean(ADAM_DECAY[1], second, gradient.times(gradient));
                let decayed = match before.is_weight {
                    true => from(parameter, parameter, rate * rule.weight_decay),
                    false => parameter,
                };
                let root = Bounded::rounded(1.0 / square_share).times(square).root();
                let root = root.plus(Bounded::rounded(ADAM_EPSILON));
                let step = Bounded::rounded(rate / mean_share).times(moment).over(root);
                (decayed.plus(step.negated()), [moment, square])
            }
            Optimizer::Momentum | Optimizer::Nesterov => {
                let momentum = Bounded::rounded(rule.momentum);
                let velocity = gradient.plus(momentum.times(first));
                if rule.optimizer == Optimizer::Nesterov {
                    let step = gradient.plus(momentum.times(velocity));
                    return (from(parameter, step, rate), [velocity, second]);
                }
                let after = from(parameter, velocity, rate);
                let velocity = match threshold > 0.0 {
                    true => velocity.plus(after.clamped(threshold).over(Bounded::rounded(rate))),
                    false => velocity,
                };
                (after.shrunk(threshold), [velocity, second])
            }
            Optimizer::GradientDescent => (from(parameter, gradient, rate).shrunk(threshold), kept),
            Optimizer::LBfgs => unreachable!("the host searches its steps"),
        }
    }
}

/// A running mean that keeps the share `decay` of itself and takes a new number.
fn mean(decay: f64, mean: Bounded, new: Bounded) -> Bounded {
    mean.plus(Bounded::rounded(1.0 - decay).times(new.plus(mean.negated())))
}

/// The penalties on the weights among `parameters`, of whose norms a device takes the sums; without a finite bound where one
/// may leave f32.
pub(in crate::validate) fn penalty(
    rule: &UpdateRule,
    network: &Network,
    parameters: &[f64],
) -> Bounded {
    let penalty = rule.penalty(network);
    // A device may take a square for 0 where it is below the least normal f32.
    let lost = parameters.len() as f64 * f64::from(f32::MIN_POSITIVE);
    let (mut value, mut bound) = (0.0, 0.0);
    for (factor, loss) in [
        (rule.l1, penalty.l1_loss(parameters)),
        (0.5 * rule.l2, penalty.l2_loss(parameters)),
    ] {
        if factor > 0.0 {
            let norm = loss / factor;
            value += loss;
            bound += factor * Bounded::new(norm, gamma(NORM_ROUNDINGS) * norm + lost).bound;
        }
    }
    Bounded { value, bound }
}
