//! Networks whose values a device holds are checked stage by stage: what a device holds is compared with what its own inputs of
//! that stage give in float64. A bound from the data to the gradient would grow with every layer until it says nothing;
//! if every stage is right, the whole is.

mod leaf;
#[cfg(test)]
mod tests;

use super::bound::{FLUSHED, gamma};
use super::end_to_end::EndToEnd;
use super::{Check, Vacuous, beyond_f32, is_finite};
use crate::backend::{Backend, Evaluation, Problem, Staged};
use crate::error::Result;
use crate::network::Mask;
use leaf::Leaf;
use std::iter::zip;

/// The checks of the leaves and of their sums.
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
    /// Of the sums over all leaves.
    totals: Check,
}

/// Compares every stage of `candidate` with float64 arithmetic on its own inputs, at its own parameters: of every row
/// each layer's pre-activations, activations and errors; the sums of every leaf; the sums over all leaves. With dropout the
/// stages are compared with all units, then without those that update number `update` goes without. The forward pass as a
/// whole is compared with that of the reference, from the data on, unless its bound promises nothing.
///
/// # Errors
/// If a device fails, or a value may leave the range of f32.
pub(super) fn check(
    problem: &Problem<'_>,
    candidate: &mut dyn Staged,
    reference: &mut dyn Backend,
    update: u64,
) -> Result<(Vec<Check>, Vec<Vacuous>)> {
    reference.set_parameters(&candidate.parameters()?)?;
    let mut stages = StageChecks::new(problem.network.layers().len());
    let mut end_to_end = EndToEnd::new(reference);
    let whole = candidate.evaluate()?;
    let units = Units::All(&mut end_to_end);
    check_stages(problem, candidate, units, &whole, &mut stages)?;
    if let Some(dropout) = problem.dropout {
        let whole = candidate.evaluate_for(Some(update), None)?;
        let units = Units::Without(dropout.mask(update));
        check_stages(problem, candidate, units, &whole, &mut stages)?;
    }
    let (from_data, vacuous) = end_to_end.finish();
    let mut checks = stages.into_list();
    checks.extend(from_data);
    Ok((checks, vacuous))
}

/// The units of an evaluation.
enum Units<'a, 'b> {
    /// All: so it agrees with what is predicted, which is checked from the data on.
    All(&'a mut EndToEnd<'b>),
    /// Those that a mask keeps.
    Without(Mask),
}

/// Adds the values of the evaluation `whole`, which had the units `units`, to `checks`.
fn check_stages(
    problem: &Problem<'_>,
    candidate: &mut dyn Staged,
    mut units: Units<'_, '_>,
    whole: &Evaluation,
    checks: &mut StageChecks,
) -> Result<()> {
    let parameters = candidate.parameters()?;
    let mut folded = Evaluation::zero(parameters.len());
    let mut magnitudes = Evaluation::zero(parameters.len());
    let leaves = problem.leaves();
    for leaf in 0..leaves.count() {
        let held = candidate.stages(leaf)?;
        let sums = candidate.leaf_evaluations(leaf..leaf + 1)?.remove(0);
        let rows = leaves.rows(leaf);
        let (mask, predicted) = match &mut units {
            Units::All(end_to_end) => {
                let predicted = candidate.predict(rows.clone())?;
                end_to_end.extend(problem, &parameters, rows.clone(), &predicted)?;
                (None, Some(predicted.prediction))
            }
            Units::Without(mask) => (Some(*mask), None),
        };
        let leaf = Leaf {
            problem,
            parameters: &parameters,
            rows,
            held: &held,
            mask,
        };
        if !leaf.check(predicted.as_deref(), &sums, checks) && is_finite(&parameters) {
            return Err(beyond_f32(problem, &parameters));
        }
        folded.add(&sums);
        magnitudes.add(&magnitude(&sums));
    }
    let of_fold = gamma(f64::from(leaves.fold_depth()));
    let values = |it: &Evaluation| -> Vec<f64> {
        let summary = [it.summary.loss, it.summary.mean_slope];
        it.gradient.iter().copied().chain(summary).collect()
    };
    let [whole, folded, magnitudes] = [whole, &folded, &magnitudes].map(values);
    // A device adds before it reduces. Sums of leaves that are wrong say nothing about the range.
    let (slope, others) = magnitudes.split_last().expect("several");
    let most = others.iter().copied().fold(0.0, f64::max) / problem.scale();
    let of_slope = problem.dataset.total_weight() * problem.dataset.n_outputs() as f64;
    let most = most.max(slope * of_slope) * (1.0 + of_fold);
    if checks.has_right_leaves() && most > f64::from(f32::MAX) {
        return Err(beyond_f32(problem, &parameters));
    }
    let totals = zip(whole, zip(folded, magnitudes));
    let flushed = FLUSHED * leaves.count() as f64;
    checks.totals.extend(
        totals.map(|(value, (sum, magnitude))| [value, sum, of_fold * magnitude + flushed]),
    );
    Ok(())
}

/// The magnitudes of all sums.
fn magnitude(sums: &Evaluation) -> Evaluation {
    let mut magnitudes = sums.clone();
    (magnitudes.gradient.iter_mut()).for_each(|number| *number = number.abs());
    let summary = &mut magnitudes.summary;
    (summary.loss, summary.mean_slope) = (summary.loss.abs(), summary.mean_slope.abs());
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
            totals: Check::of("sums over all leaves", []),
        }
    }

    /// Whether the sums of all leaves are within their bounds.
    fn has_right_leaves(&self) -> bool {
        let mut of_leaves = self.gradients.iter().chain([&self.loss, &self.slope]);
        of_leaves.all(|check| check.within)
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
        checks.push(self.totals);
        // The activations of the last layer are the predictions.
        checks.retain(|check| check.n_values > 0);
        checks
    }
}
