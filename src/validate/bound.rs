//! A-priori error bounds of a backend that computes in f32, taken from the data and the parameters.
//!
//! Sources: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, sections 3.1
//! and 4.2 (sums and dot products in any order); WGSL, section "Floating Point Accuracy" (`+ − ×`: the
//! nearest value above or below; `/`: 2.5 ULP; `exp`: 3 + 2|x| ULP; `log` on [½, 2]: 2⁻²¹ absolute;
//! subnormal values may be flushed to 0). A fused multiply-add rounds once where two are counted.

mod forward;
mod hidden;
mod neuron;
mod outputs;
mod running;
mod softmax;
mod step;
mod sums;

pub(super) use forward::forward_is_beyond_f32;
pub(super) use hidden::{activation, slope};
pub(super) use neuron::Neuron;
pub(super) use outputs::outputs;
pub(crate) use running::running;
pub(super) use step::{Before, StepBound, penalty};
pub(super) use sums::SumBounds;

use crate::backend::{ArithmeticRounding, Predictions, Problem};
use crate::leaves::Fold;
use rayon::prelude::*;
use std::ops::Range;

/// One ULP relative to a value, at most: either neighbour may be the result of `+ − ×`.
const E: f64 = 1.0 / (1u64 << 23) as f64;
/// The largest error of flushing a subnormal value to 0.
pub(super) const FLUSHED: f64 = f32::MIN_POSITIVE as f64;
/// The largest error of the reference's own roundings in a number in [0, 1].
const FLOAT64: f64 = 4.0 * f64::EPSILON;
/// The absolute error of `log` on [½, 2].
const LOG: f64 = 1.0 / (1u64 << 21) as f64;

/// Values whose bounds are held at a time.
const BLOCK_VALUES: usize = 1 << 22;

/// The leaves of `problem`, in blocks that threads share and whose sums fit into memory.
pub(super) fn blocks_of_leaves(problem: &Problem<'_>) -> impl Iterator<Item = Range<usize>> {
    let n_leaves = problem.leaves().count();
    let per_block = (BLOCK_VALUES / problem.network.n_parameters()).max(1);
    let firsts = (0..n_leaves).step_by(per_block);
    firsts.map(move |first| first..(first + per_block).min(n_leaves))
}

/// `γₙ = nE / (1 − nE)`: the relative error of n roundings; infinite past 1 / E roundings.
pub(super) fn gamma(n: f64) -> f64 {
    if n * E < 1.0 {
        n * E / (1.0 - n * E)
    } else {
        f64::INFINITY
    }
}

/// A reference value and the bound of the error of its f32 counterpart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    pub(super) value: f64,
    pub(super) bound: f64,
}

impl Bounded {
    /// Makes the bound infinite if the f32 value may leave the range of f32.
    fn new(value: f64, bound: f64) -> Self {
        let overflows = value.abs() + bound > f64::from(f32::MAX);
        let bound = if overflows { f64::INFINITY } else { bound };
        Self { value, bound }
    }

    /// A value that both have.
    pub(super) fn exact(value: f64) -> Self {
        Self { value, bound: 0.0 }
    }

    /// A constant that f32 may not hold.
    pub(super) fn rounded(value: f64) -> Self {
        Self::new(value, E * value.abs())
    }

    /// A sum whose terms have the magnitudes `magnitude` together and are rounded as `gamma` says; `flushable` numbers
    /// of the size 1 may have been flushed to 0 on the way.
    pub(super) fn sum(value: f64, magnitude: f64, gamma: f64, flushable: f64) -> Self {
        let bound = gamma * magnitude + FLUSHED * flushable;
        // Partial sums may be as large as the magnitudes of all terms together.
        let largest = Self::new(magnitude, bound);
        Self::new(value, largest.bound)
    }

    /// The largest magnitude of the f32 value.
    fn most(self) -> f64 {
        self.value.abs() + self.bound
    }

    /// The product, rounded once.
    pub(super) fn times(self, other: Self) -> Self {
        let value = self.value * other.value;
        let most = self.most() * other.most();
        Self::new(value, most - value.abs() + E * most + FLUSHED)
    }

    /// The sum, rounded once.
    pub(super) fn plus(self, other: Self) -> Self {
        let value = self.value + other.value;
        let inherited = self.bound + other.bound;
        Self::new(value, inherited + E * (value.abs() + inherited) + FLUSHED)
    }

    pub(super) fn negated(self) -> Self {
        Self::new(-self.value, self.bound)
    }

    /// The quotient by a positive number, off by 2.5 ULP.
    fn over(self, other: Self) -> Self {
        let value = self.value / other.value;
        let least = other.value - other.bound;
        if least <= 0.0 {
            return Self {
                value,
                bound: f64::INFINITY,
            };
        }
        let inherited = (self.bound + value.abs() * other.bound) / least;
        let rounded = gamma(2.5) * (value.abs() + inherited) + FLUSHED;
        Self::new(value, inherited + rounded)
    }

    /// The square root of a number that is not negative, taken from `1 / inverseSqrt`: 2 ULP and 2.5 more.
    fn root(self) -> Self {
        let value = self.value.max(0.0).sqrt();
        let least = (self.value - self.bound).max(0.0).sqrt();
        let inherited = (value - least).max((self.value + self.bound).sqrt() - value);
        let rounded = gamma(4.5) * (value + inherited) + FLUSHED;
        Self::new(value, inherited + rounded)
    }

    /// The number, or ±`threshold` if it is beyond. A clamp moves by no more than the number or the threshold do.
    fn clamped(self, threshold: f64) -> Self {
        Self::new(
            self.value.clamp(-threshold, threshold),
            self.bound.min(2.0 * threshold) + E * threshold,
        )
    }

    /// The number moved towards 0 by `threshold`, but not beyond.
    fn shrunk(self, threshold: f64) -> Self {
        if threshold <= 0.0 {
            return self;
        }
        // The difference moves by no more than the number or the threshold do.
        let value = self.value - self.value.clamp(-threshold, threshold);
        let inherited = self.bound + E * threshold;
        Self::new(value, inherited + E * (value.abs() + inherited) + FLUSHED)
    }
}

/// Computes bounds for one problem and one kind of rounding.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    problem: &'a Problem<'a>,
    /// Relative error of the terms of a pre-activation.
    gamma_z: f64,
    /// Relative error of the terms of a sum over samples.
    gamma_sum: f64,
    /// Relative error of an input that a device decodes from its storage.
    input: f64,
}

impl<'a> Bounds<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, rounding: ArithmeticRounding) -> Self {
        let layer = problem.network.layer();
        // n terms are rounded n times at most: once each as products, n − 1 times as sums.
        let n_terms = (layer.n_inputs + usize::from(layer.bias)) as f64;
        let n_terms_summed = problem.dataset.n_samples() as f64 * layer.n_outputs as f64;
        Self {
            problem,
            gamma_z: gamma(
                f64::from(rounding.pre_activation).min(n_terms) + f64::from(rounding.input),
            ),
            // A sum of n terms takes n − 1 additions that round; the loss has a term for each output.
            gamma_sum: gamma(f64::from(rounding.sum).min(n_terms_summed)),
            input: E * f64::from(rounding.input),
        }
    }

    /// The bounds of `problem`, which has some of the rows of this one and no others.
    pub(super) fn of<'b>(&self, problem: &'b Problem<'b>) -> Bounds<'b> {
        Bounds {
            problem,
            gamma_z: self.gamma_z,
            gamma_sum: self.gamma_sum,
            input: self.input,
        }
    }

    /// Bounds of the pre-activations and predictions of the rows `rows`.
    pub(super) fn rows(&self, rows: Range<usize>, parameters: &[f64]) -> Predictions {
        let rows_per_leaf = self.problem.leaves().rows_per_leaf();
        let blocks = rows.clone().into_par_iter().step_by(rows_per_leaf);
        let bounds = blocks.map(|first| {
            let mut bounds = Predictions::default();
            let block = first..(first + rows_per_leaf).min(rows.end);
            self.each_sample(block, parameters, |_, neurons, _| {
                let z = neurons.iter().map(|neuron| neuron.z.bound);
                bounds.pre_activation.extend(z);
                let y = neurons.iter().map(|neuron| neuron.y.bound);
                bounds.prediction.extend(y);
            });
            bounds
        });
        Predictions::concat(bounds.collect())
    }

    /// Bounds of the contributions of the leaves to loss, gradient and mean slope, reduced like those. Their sum bounds
    /// the total, the roundings of the fold included.
    pub(super) fn leaves(&self, leaves: Range<usize>, parameters: &[f64]) -> Vec<SumBounds> {
        let dataset = self.problem.dataset;
        let (all_leaves, total_weight) = (self.problem.leaves(), dataset.total_weight());
        let bounds = leaves.into_par_iter().map(|leaf| {
            let mut bounds = SumBounds::zero(parameters.len());
            let n_outputs = dataset.n_outputs();
            self.each_sample(all_leaves.rows(leaf), parameters, |x, neurons, targets| {
                let (targets, weight) = targets.split_at(n_outputs);
                let weight = weight.first().map(|weight| f64::from(*weight));
                for (o, (neuron, t)) in neurons.iter().zip(targets).enumerate() {
                    self.add(&mut bounds, neuron, x, f64::from(*t), weight, o);
                }
            });
            bounds.reduced(self.problem, total_weight)
        });
        bounds.collect()
    }

    /// Bounds of the sums over all leaves.
    pub(super) fn total(&self, parameters: &[f64]) -> SumBounds {
        let mut total = Fold::new(SumBounds::add);
        for leaves in blocks_of_leaves(self.problem) {
            for bounds in self.leaves(leaves, parameters) {
                total.push(bounds);
            }
        }
        total.finish().expect("a data set has at least one leaf")
    }

    /// Adds what one output of a sample contributes to the bounds of the sums: the error of its term, and the
    /// roundings of that term on its way through the additions.
    fn add(
        &self,
        bounds: &mut SumBounds,
        neuron: &Neuron,
        x: &[f32],
        t: f64,
        weight: Option<f64>,
        o: usize,
    ) {
        let layer = self.problem.network.layer();
        let summed = |term: Bounded| {
            let error = term.bound + self.gamma_sum * term.most() + FLUSHED;
            (error, term.most())
        };
        let weighed = |term: Bounded| match weight {
            Some(weight) => term.times(Bounded::new(weight, FLUSHED)),
            None => term,
        };
        let grad_z = weighed(neuron.grad_z(self.problem.objective.loss, t));
        let span = o * layer.n_inputs..(o + 1) * layer.n_inputs;
        // The product with x like `times` has it: x is exact except for flushing and its storage.
        let (error, most) = (grad_z.bound, grad_z.most());
        let product = error + (E + self.gamma_sum * (1.0 + E)) * most;
        let per_x = product * (1.0 + self.input) + self.input * most + FLUSHED;
        let per_row = FLUSHED * (2.0 + most);
        let per_x_most = per_x + (1.0 + self.input) * most;
        for ((error, most), x) in bounds.gradient(span).zip(x) {
            let x = f64::from(x.abs());
            *error += x * per_x + per_row;
            *most += x * per_x_most + per_row;
        }
        if layer.bias {
            let at = layer.n_weights() + o;
            bounds.push(|sums| &mut sums.gradient[at], summed(grad_z));
        }
        let loss = weighed(neuron.loss(self.problem.objective.loss, t));
        bounds.push(|sums| &mut sums.summary.loss, summed(loss));
        let slope = weighed(neuron.slope());
        bounds.push(|sums| &mut sums.summary.mean_slope, summed(slope));
    }

    /// Calls `take` with the features, the bounded outputs, and the targets and weight of each sample.
    fn each_sample(
        &self,
        rows: Range<usize>,
        parameters: &[f64],
        mut take: impl FnMut(&[f32], &[Neuron], &[f32]),
    ) {
        let (dataset, layer) = (self.problem.dataset, self.problem.network.layer());
        let (weight, bias) = layer.split(parameters);
        let (mut z, mut neurons) = (Vec::new(), Vec::new());
        dataset.with_rows(rows, |rows| {
            let samples = rows.inputs.chunks_exact(layer.n_inputs);
            for (x, targets) in samples.zip(rows.targets.chunks_exact(dataset.target_width())) {
                z.clear();
                z.extend((0..layer.n_outputs).map(|o| {
                    let w = &weight[o * layer.n_inputs..(o + 1) * layer.n_inputs];
                    let x = x.iter().map(|x| Bounded::exact(f64::from(*x)));
                    pre_activation(w, bias.map_or(0.0, |bias| bias[o]), x, self.gamma_z)
                }));
                neurons.clear();
                neurons.extend(outputs(layer.activation, &z));
                take(x, &neurons, targets);
            }
        });
    }
}

/// `Σ w x + bias` of one output. An unbounded input, or a parameter that is not finite, leaves it without a bound: infinite
/// or NaN.
pub(super) fn pre_activation(
    w: &[f64],
    bias: f64,
    x: impl Iterator<Item = Bounded>,
    gamma_z: f64,
) -> Bounded {
    let (mut value, mut inherited) = (bias, 0.0);
    let (mut magnitude, mut flushable) = (bias.abs(), bias.abs() + 2.0);
    for (w, x) in w.iter().zip(x) {
        value += w * x.value;
        inherited += w.abs() * x.bound;
        magnitude += w.abs() * x.most();
        flushable += w.abs() + x.most() + 2.0;
    }
    let rounded = Bounded::sum(value, magnitude, gamma_z, flushable);
    Bounded::new(value, inherited + rounded.bound)
}
