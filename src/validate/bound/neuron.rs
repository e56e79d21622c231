//! Bounds of what one output makes of its pre-activation: prediction, slope, loss and its derivative.

use super::{Bounded, E, FLOAT64, FLUSHED, LOG, gamma};
use crate::network::{Activation, sigmoid};
use crate::objective::Loss;

/// The pre-activation and prediction of one output, with the bounds of their f32 counterparts.
#[derive(Clone, Copy, Debug)]
pub(in crate::validate) struct Neuron {
    pub(super) z: Bounded,
    pub(in crate::validate) y: Bounded,
    pub(super) kind: NeuronKind,
}

/// The activation, with the other intermediate that enters the loss.
#[derive(Clone, Copy, Debug)]
pub(super) enum NeuronKind {
    Sigmoid {
        /// `exp(−|z|)`
        exp: Bounded,
    },
    Softmax {
        /// `ln Σ exp(z)` of the sample
        log_sum: Bounded,
    },
    Identity,
    Tanh,
}

impl Neuron {
    /// That of an activation of outputs which depends on one pre-activation.
    pub(super) fn new(activation: Activation, z: Bounded) -> Self {
        match activation {
            Activation::Sigmoid => Self::sigmoid(z),
            Activation::Tanh => Self::tanh(z),
            Activation::Identity => Self {
                z,
                y: z,
                kind: NeuronKind::Identity,
            },
            other => unreachable!("{other:?} is none of one output"),
        }
    }

    pub(in crate::validate) fn sigmoid(z: Bounded) -> Self {
        let value = z.value;
        // exp(−|z|) at the f32 pre-activation, which lies within z.bound of z.
        let exp = (-value.abs()).exp();
        let least = (-z.most()).exp();
        let most = (z.bound - value.abs()).min(0.0).exp();
        let exp_error = (3.0 + 2.0 * z.most()) * E * most + FLUSHED;
        let exp = Bounded::new(exp, exp_error + (most - exp).max(exp - least));

        // y rises with z, so it moves most at one of the ends. By q = exp(−|z|) it is 1/(1+q) or q/(1+q), both with a
        // slope of magnitude 1/(1+q)².
        let y = sigmoid(value);
        let moved = (sigmoid(value + z.bound) - y).max(y - sigmoid(value - z.bound)) + FLOAT64;
        let least = (least - exp_error).max(0.0);
        let inherited = moved + exp_error / ((1.0 + least) * (1.0 + least));
        // 1 + q: 1 rounding; 1 / (1 + q): 2.5; q · r: 1.
        let rounded = gamma(4.5) * (y + inherited) + FLUSHED;
        Self {
            z,
            y: Bounded::new(y, inherited + rounded),
            kind: NeuronKind::Sigmoid { exp },
        }
    }

    /// |tanh z| is (1 − q) / (1 + q) with q = exp(−2|z|). Its slope by q is −2 / (1 + q)², at most 2 in magnitude.
    pub(in crate::validate) fn tanh(z: Bounded) -> Self {
        let most = (2.0 * (z.bound - z.value.abs()).min(0.0)).exp();
        // exp at its own argument, which is doubled without a rounding.
        let exp_error = (3.0 + 4.0 * z.most()) * E * most + FLUSHED;
        // y rises with z, so it moves most at one of the ends.
        let y = z.value.tanh();
        let moved = ((z.value + z.bound).tanh() - y).max(y - (z.value - z.bound).tanh());
        let inherited = moved + FLOAT64 + 2.0 * exp_error;
        // 1 − q and 1 + q: 1 rounding each, of the first up to E absolutely; 1 / (1 + q): 2.5; their product: 1.
        let rounded = E + gamma(4.5) * (y.abs() + inherited) + FLUSHED;
        Self {
            z,
            y: Bounded::new(y, inherited + rounded),
            kind: NeuronKind::Tanh,
        }
    }

    /// dy/dz: y (1 − y) for a sigmoid and a softmax, (1 − y) (1 + y) for tanh.
    pub(in crate::validate) fn slope(&self) -> Bounded {
        let one = Bounded::new(1.0, 0.0);
        let one_minus_y = one.plus(self.y.negated());
        let (slope, largest) = match self.kind {
            NeuronKind::Identity => return one,
            NeuronKind::Tanh => (one_minus_y.times(one.plus(self.y)), 1.0),
            NeuronKind::Sigmoid { .. } | NeuronKind::Softmax { .. } => {
                (self.y.times(one_minus_y), 0.25)
            }
        };
        // Both the slope and its f32 counterpart lie in [0, largest], to within roundings.
        Bounded::new(slope.value, slope.bound.min(largest + 16.0 * E))
    }

    pub(in crate::validate) fn grad_z(&self, loss: Loss, t: f64) -> Bounded {
        let difference = self.y.plus(Bounded::new(-t, FLUSHED));
        match (loss, self.kind) {
            (Loss::CrossEntropy, _) | (_, NeuronKind::Identity) => difference,
            (Loss::SquaredError, _) => difference.times(self.slope()),
        }
    }

    /// The loss of this output; the losses of a sample's outputs are summed.
    pub(in crate::validate) fn loss(&self, loss: Loss, t: f64) -> Bounded {
        match (loss, self.kind) {
            (Loss::CrossEntropy, NeuronKind::Sigmoid { exp }) => self.cross_entropy(exp, t),
            (Loss::CrossEntropy, NeuronKind::Softmax { log_sum }) => log_sum
                .plus(self.z.negated())
                .times(Bounded::new(t, FLUSHED)),
            _ => {
                let difference = Bounded::new(t, FLUSHED).plus(self.y.negated());
                difference.times(difference).times(Bounded::new(0.5, 0.0))
            }
        }
    }

    fn cross_entropy(&self, exp: Bounded, t: f64) -> Bounded {
        let (z, y) = (self.z.value, self.y.value);
        let value = z.max(0.0) - z * t + exp.value.ln_1p();
        // z moves every term at once. The slope by z is y − t here, grows by at most ¼, and is nowhere more than |t| or
        // |1 − t|.
        let steepest = t.abs().max((1.0 - t).abs());
        let slope = ((y - t).abs() + self.z.bound / 8.0).min(steepest);
        let moved = slope * self.z.bound;
        // The error of exp at its own argument, the rounding of 1 + q, and the absolute error of log.
        let logarithm = (3.0 + 2.0 * self.z.most()) * E * exp.most() + FLUSHED + E + LOG;
        // z t, max(z, 0) − z t, and their sum with the logarithm are rounded.
        let linear = E * self.z.most() * (1.0 + 2.0 * t.abs());
        let inherited = moved + logarithm + linear;
        Bounded::new(value, inherited + E * (value + inherited) + FLUSHED)
    }
}
