//! Networks whose values a device holds are checked stage by stage: what a device holds is compared with what its own inputs of
//! that stage give in float64. A bound from the data to the gradient would grow with every layer until it says nothing;
//! if every stage is right, the whole is.

#[cfg(test)]
mod tests;

use super::bound::{Bounded, Neuron, activation, gamma, pre_activation, slope};
use super::end_to_end::EndToEnd;
use super::updates::Updates;
use super::{Check, Vacuous, beyond_f32, check_range, is_finite};
use crate::backend::{Backend, Evaluation, Problem, Stage, Staged};
use crate::data::RowsRead;
use crate::error::Result;
use crate::network::Layer;
use rayon::prelude::*;
use std::iter::zip;
use std::ops::Range;

/// The checks of one leaf, or of all of them.
#[derive(Debug)]
struct StageChecks {
    z: Vec<Check>,
    a: Vec<Check>,
    e: Vec<Check>,
    predictions: Check,
    /// Of the gradient of each layer.
    gradients: Vec<Check>,
    loss: Check,
    slope: Check,
}

/// Compares every stage of `candidate` with float64 arithmetic on its own inputs, at its own parameters: of every row
/// each layer's pre-activations, activations and errors; the sums of every leaf; the sums over all leaves; one update.
/// Two promises are exact, as in [`super::check()`]. The forward pass as a whole is compared with that of the reference,
/// from the data on, unless its bound promises nothing. The candidate keeps its parameters.
///
/// # Errors
/// If a device fails, or a value may leave the range of f32.
pub(super) fn check(
    problem: &Problem<'_>,
    candidate: &mut dyn Staged,
    reference: &mut dyn Backend,
    learning_rate: f64,
) -> Result<(Vec<Check>, Vec<Vacuous>)> {
    let updates = Updates::of(candidate, learning_rate)?;
    let before = &updates.before;
    if is_finite(before) && !is_finite(&updates.one_by_one) {
        check_range(problem, None, reference, before, learning_rate)?;
    }

    reference.set_parameters(before)?;

    let whole = candidate.evaluate()?;
    let mut end_to_end = EndToEnd::new();
    let mut stages = StageChecks::new(problem.network.layers().len());
    let mut folded = Evaluation::zero(before.len());
    let mut magnitudes = Evaluation::zero(before.len());
    let leaves = problem.leaves();
    for leaf in 0..leaves.count() {
        let held = candidate.stages(leaf)?;
        let predicted = candidate.predict(leaves.rows(leaf))?;
        end_to_end.extend(problem, before, leaves.rows(leaf), &predicted, reference)?;
        let sums = candidate.leaf_evaluations(leaf..leaf + 1)?.remove(0);
        let leaf = Leaf {
            problem,
            parameters: before,
            rows: leaves.rows(leaf),
            held: &held,
        };
        if !leaf.check(&predicted.prediction, &sums, &mut stages) {
            return Err(beyond_f32(problem, before));
        }
        folded.add(&sums);
        magnitudes.add(&magnitude(&sums));
    }
    let of_fold = gamma(f64::from(leaves.fold_depth()));
    let values = |it: &Evaluation| -> Vec<f64> {
        let summary = [it.summary.loss, it.summary.mean_slope];
        it.gradient.iter().copied().chain(summary).collect()
    };
    let totals = zip(values(&whole), zip(values(&folded), values(&magnitudes)))
        .map(|(value, (sum, magnitude))| [value, sum, of_fold * magnitude]);
    let (from_data, vacuous) = end_to_end.finish();
    let mut checks = stages.into_list();
    checks.push(Check::of("sums over all leaves", totals));
    let known = std::iter::repeat(0.0);
    checks.extend(updates.checks(&whole.gradient, known, whole.summary));
    checks.extend(from_data);
    Ok((checks, vacuous))
}

/// The magnitudes of all sums.
fn magnitude(sums: &Evaluation) -> Evaluation {
    let mut magnitudes = sums.clone();
    (magnitudes.gradient.iter_mut()).for_each(|number| *number = number.abs());
    magnitudes.summary.loss = magnitudes.summary.loss.abs();
    magnitudes
}

impl StageChecks {
    fn new(n_layers: usize) -> Self {
        let each = |what: &str| -> Vec<Check> {
            let names = (0..n_layers).map(|layer| format!("{what} of layer {layer}"));
            names.map(|name| Check::of(name, [])).collect()
        };
        Self {
            z: each("z"),
            a: each("activation"),
            e: each("dloss/dz"),
            predictions: Check::of("prediction y", []),
            gradients: each("leaf gradient"),
            loss: Check::of("loss of each leaf", []),
            slope: Check::of("slope of each leaf", []),
        }
    }

    /// The checks in the order in which a device computes.
    fn into_list(self) -> Vec<Check> {
        let forward = zip(self.z, self.a).flat_map(|(z, a)| [z, a]);
        let backward = zip(self.e, self.gradients).rev();
        let backward = backward.flat_map(|(e, gradient)| [e, gradient]);
        let mut checks: Vec<Check> = forward.collect();
        checks.extend(
            [self.predictions, self.loss, self.slope]
                .into_iter()
                .chain(backward),
        );
        // The activations of the last layer are the predictions.
        checks.retain(|check| check.n_values > 0);
        checks
    }
}

/// One leaf, and what a device holds of it.
struct Leaf<'a> {
    problem: &'a Problem<'a>,
    parameters: &'a [f64],
    rows: Range<usize>,
    held: &'a [Stage],
}

impl Leaf<'_> {
    /// Adds the values of this leaf to `checks`; false if one of them may leave f32.
    fn check(&self, predicted: &[f64], sums: &Evaluation, checks: &mut StageChecks) -> bool {
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
            for (x, (z, a)) in rows.zip(held) {
                for o in 0..layer.n_outputs {
                    let w = &weight[o * layer.n_inputs..][..layer.n_inputs];
                    let bias = bias.map_or(0.0, |bias| bias[o]);
                    let exact = pre_activation(w, bias, x, gamma_z);
                    is_in_range &= !exact.bound.is_infinite();
                    checks.z[at].extend([[z[o], exact.value, exact.bound]]);
                    if at + 1 < n_layers {
                        let exact = activation(layer.activation, Bounded::exact(z[o]));
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
        predicted: &[f64],
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
            zip(
                stage.e.chunks_exact(n_outputs),
                predicted.chunks_exact(n_outputs),
            ),
        );
        let mut totals = [Bounded::exact(0.0); 2];
        let mut magnitudes = [0.0; 2];
        for (t, (z, (e, y))) in targets.zip(values) {
            let (t, weight) = t.split_at(n_outputs);
            let weight = weight.first().map(|weight| f64::from(*weight));
            let z: Vec<Bounded> = z.iter().copied().map(Bounded::exact).collect();
            let neurons = Neuron::of_outputs(layer.activation, &z);
            for (o, neuron) in neurons.iter().enumerate() {
                checks
                    .predictions
                    .extend([[y[o], neuron.y.value, neuron.y.bound]]);
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
        let reduced = |at: usize| totals[at].bound + additions * magnitudes[at];
        let scale = self.scales();
        let found = [sums.summary.loss, sums.summary.mean_slope];
        let all = [&mut checks.loss, &mut checks.slope];
        for (at, check) in all.into_iter().enumerate() {
            check.extend([[
                found[at],
                totals[at].value * scale[at],
                reduced(at) * scale[at],
            ]]);
        }
        !reduced(0).is_infinite()
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
            for (above, (z, e)) in rows {
                for i in 0..layer.n_inputs {
                    let column = weight.iter().skip(i).step_by(layer.n_inputs);
                    let sum = dot_of(column, above, gamma_e);
                    let exact = sum.times(slope(below.activation, z[i]));
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
