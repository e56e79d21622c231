//! The stages of one leaf, each against float64 arithmetic on the values that a device holds of the stage before.

use super::StageChecks;
use crate::backend::{Evaluation, Problem, Stage};
use crate::data::RowsRead;
use crate::network::{Layer, Mask};
use crate::validate::bound::{Bounded, activation, gamma, outputs, pre_activation, slope};
use rayon::prelude::*;
use std::iter::zip;
use std::ops::Range;

/// One leaf, and what a device holds of it.
pub(super) struct Leaf<'a> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) parameters: &'a [f64],
    pub(super) rows: Range<usize>,
    pub(super) held: &'a [Stage],
    /// The units that are dropped.
    pub(super) mask: Option<Mask>,
}

impl Leaf<'_> {
    /// Adds the values of this leaf to `checks`, and what was `predicted` of its rows with all units; false if one of the
    /// values may leave f32.
    pub(super) fn check(
        &self,
        predicted: Option<&[f64]>,
        sums: &Evaluation,
        checks: &mut StageChecks,
    ) -> bool {
        let dataset = self.problem.dataset;
        dataset.with_rows(self.rows.clone(), |read| {
            let x: Vec<f64> = read.inputs.iter().map(|x| f64::from(*x)).collect();
            let mut is_in_range = self.check_forward(&x, checks);
            is_in_range &= self.check_outputs(&read, predicted, sums, checks);
            is_in_range &= self.check_errors(checks);
            is_in_range &= self.check_gradients(&x, sums, checks);
            is_in_range
        })
    }

    /// What layer `at` multiplies.
    fn inputs<'b>(&'b self, at: usize, x: &'b [f64]) -> &'b [f64] {
        match at {
            0 => x,
            _ => &self.held[at - 1].a,
        }
    }

    /// The factors of the units of hidden layer `at` for each row, none if no unit is dropped.
    fn factors(&self, at: usize) -> Option<Vec<Bounded>> {
        let mask = self.mask?;
        let mut factors = vec![0.0; self.problem.network.layers()[at].n_outputs];
        let of_row = |place| {
            mask.factors(at, place, &mut factors);
            let rounded = factors.iter().copied().map(Bounded::rounded);
            rounded.collect::<Vec<_>>()
        };
        Some(self.rows.clone().flat_map(of_row).collect())
    }

    fn check_forward(&self, x: &[f64], checks: &mut StageChecks) -> bool {
        // Data that are decoded on the device are rounded once more.
        let decoding = self.problem.dataset.quantization().decoding_rounds();
        let n_layers = self.held.len();
        let mut is_in_range = true;
        for (at, (layer, range)) in self.problem.network.parts().enumerate() {
            let (weight, bias) = layer.split(&self.parameters[range]);
            let n_terms = layer.n_inputs + usize::from(layer.bias);
            let gamma_z = gamma(n_terms as f64 + f64::from(u8::from(decoding && at == 0)));
            let rows = self.inputs(at, x).chunks_exact(layer.n_inputs);
            let held = zip(
                self.held[at].z.chunks_exact(layer.n_outputs),
                self.held[at].a.chunks_exact(layer.n_outputs),
            );
            let is_hidden = at + 1 < n_layers;
            let factors = is_hidden.then(|| self.factors(at)).flatten();
            for (row, (x, (z, a))) in rows.zip(held).enumerate() {
                for o in 0..layer.n_outputs {
                    let w = &weight[o * layer.n_inputs..][..layer.n_inputs];
                    let bias = bias.map_or(0.0, |bias| bias[o]);
                    let x = x.iter().copied().map(Bounded::exact);
                    let exact = pre_activation(w, bias, x, gamma_z);
                    is_in_range &= !exact.bound.is_infinite();
                    checks.z[at].extend([[z[o], exact.value, exact.bound]]);
                    if is_hidden {
                        let exact = activation(layer.activation, Bounded::exact(z[o]));
                        let unit = row * layer.n_outputs + o;
                        let exact = times(exact, factors.as_deref(), unit);
                        checks.a[at].extend([[a[o], exact.value, exact.bound]]);
                    }
                }
            }
        }
        is_in_range
    }

    /// The predictions, the errors of the last layer, and the leaf's loss and slope.
    fn check_outputs(
        &self,
        read: &RowsRead<'_>,
        predicted: Option<&[f64]>,
        sums: &Evaluation,
        checks: &mut StageChecks,
    ) -> bool {
        let (loss, dataset) = (self.problem.objective.loss, self.problem.dataset);
        let last = self.held.len() - 1;
        let layer = self.problem.network.output_layer();
        let n_outputs = layer.n_outputs;
        let stage = &self.held[last];
        let targets = read.targets.chunks_exact(dataset.target_width());
        let values = zip(
            stage.z.chunks_exact(n_outputs),
            stage.e.chunks_exact(n_outputs),
        );
        let mut predicted = predicted.map(|y| y.chunks_exact(n_outputs));
        let mut totals = [Bounded::exact(0.0); 2];
        let mut magnitudes = [0.0; 2];
        for (t, (z, e)) in targets.zip(values) {
            let y = predicted.as_mut().and_then(Iterator::next);
            let (t, weight) = t.split_at(n_outputs);
            let weight = weight.first().map(|weight| f64::from(*weight));
            let z: Vec<Bounded> = z.iter().copied().map(Bounded::exact).collect();
            let neurons = outputs(layer.activation, &z);
            for (o, neuron) in neurons.iter().enumerate() {
                let y = y.map(|y| [y[o], neuron.y.value, neuron.y.bound]);
                checks.predictions.extend(y);
                let weigh = |number: Bounded| match weight {
                    Some(weight) => number.times(Bounded::exact(weight)),
                    None => number,
                };
                let t = f64::from(t[o]);
                let exact = weigh(neuron.grad_z(loss, t));
                checks.e[last].extend([[e[o], exact.value, exact.bound]]);
                for (at, term) in [neuron.loss(loss, t), neuron.slope()]
                    .into_iter()
                    .enumerate()
                {
                    let term = weigh(term);
                    totals[at].value += term.value;
                    totals[at].bound += term.bound;
                    magnitudes[at] += term.value.abs() + term.bound;
                }
            }
        }
        // Each output is added to its row, each row to its invocation, and those in a tree.
        let additions = gamma((self.rows.len() * n_outputs) as f64);
        let exact = zip(totals, magnitudes).map(|(total, magnitude)| {
            let rounded = Bounded::sum(total.value, magnitude, additions, 0.0);
            [total.value, total.bound + rounded.bound]
        });
        let scale = self.scales();
        let found = [sums.summary.loss, sums.summary.mean_slope];
        let all = [&mut checks.loss, &mut checks.slope];
        let mut is_in_range = true;
        for (at, (check, [value, bound])) in zip(all, exact).enumerate() {
            is_in_range &= !bound.is_infinite();
            check.extend([[found[at], value * scale[at], bound * scale[at]]]);
        }
        is_in_range
    }

    /// The errors of the hidden layers, from those of the layer above each.
    fn check_errors(&self, checks: &mut StageChecks) -> bool {
        let mut is_in_range = true;
        let parts: Vec<(Layer, Range<usize>)> = self.problem.network.parts().collect();
        for (at, (layer, range)) in parts.iter().enumerate().skip(1) {
            let below = parts[at - 1].0;
            let (weight, _) = layer.split(&self.parameters[range.clone()]);
            let rows = zip(
                self.held[at].e.chunks_exact(layer.n_outputs),
                zip(
                    self.held[at - 1].z.chunks_exact(layer.n_inputs),
                    self.held[at - 1].e.chunks_exact(layer.n_inputs),
                ),
            );
            let gamma_e = gamma(layer.n_outputs as f64);
            let factors = self.factors(at - 1);
            for (row, (above, (z, e))) in rows.enumerate() {
                for i in 0..layer.n_inputs {
                    let column = weight.iter().skip(i).step_by(layer.n_inputs);
                    let sum = dot_of(column, above, gamma_e);
                    let exact = sum.times(slope(below.activation, z[i]));
                    let exact = times(exact, factors.as_deref(), row * layer.n_inputs + i);
                    is_in_range &= !exact.bound.is_infinite();
                    checks.e[at - 1].extend([[e[i], exact.value, exact.bound]]);
                }
            }
        }
        is_in_range
    }

    fn check_gradients(&self, x: &[f64], sums: &Evaluation, checks: &mut StageChecks) -> bool {
        let mut is_in_range = true;
        let [scale, _] = self.scales();
        let decoding = self.problem.dataset.quantization().decoding_rounds();
        for (at, (layer, range)) in self.problem.network.parts().enumerate() {
            let (weight, bias) = layer.split(&sums.gradient[range]);
            let (e, x) = (&self.held[at].e, self.inputs(at, x));
            let n_terms = self.rows.len() as f64 + f64::from(u8::from(decoding && at == 0));
            let gamma_sum = gamma(n_terms);
            let of_output = |o: usize| -> Vec<[f64; 3]> {
                let errors: Vec<f64> = e.iter().skip(o).step_by(layer.n_outputs).copied().collect();
                let weight = weight[o * layer.n_inputs..][..layer.n_inputs].iter();
                let weights = weight.enumerate().map(|(i, found)| {
                    let column = x.iter().skip(i).step_by(layer.n_inputs);
                    (found, dot_of(column, &errors, gamma_sum))
                });
                let bias = bias.map(|bias| {
                    let ones = std::iter::repeat_n(&1.0, errors.len());
                    (&bias[o], dot_of(ones, &errors, gamma_sum))
                });
                let both = weights.chain(bias);
                both.map(|(found, exact)| [*found, exact.value * scale, exact.bound * scale])
                    .collect()
            };
            let compared: Vec<_> = (0..layer.n_outputs)
                .into_par_iter()
                .map(of_output)
                .collect();
            for values in compared {
                is_in_range &= values.iter().all(|[.., bound]| !bound.is_infinite());
                checks.gradients[at].extend(values);
            }
        }
        is_in_range
    }

    /// The factors by which sums become the loss, or its gradient, and the mean slope.
    fn scales(&self) -> [f64; 2] {
        let total_weight = self.problem.dataset.total_weight();
        let n_outputs = self.problem.dataset.n_outputs() as f64;
        [
            self.problem.objective.reduction.scale(total_weight),
            1.0 / (total_weight * n_outputs),
        ]
    }
}

/// The number times factor number `unit`, if there are factors.
fn times(number: Bounded, factors: Option<&[Bounded]>, unit: usize) -> Bounded {
    factors.map_or(number, |factors| number.times(factors[unit]))
}

/// `Σ a b` in f32, each term rounded as `gamma` says.
fn dot_of<'a>(a: impl Iterator<Item = &'a f64>, b: &[f64], gamma: f64) -> Bounded {
    let (mut value, mut magnitude, mut n_terms) = (0.0, 0.0, 0.0);
    for (a, b) in a.zip(b) {
        value += a * b;
        magnitude += (a * b).abs();
        n_terms += 1.0 + a.abs() + b.abs();
    }
    Bounded::sum(value, magnitude, gamma, n_terms)
}
