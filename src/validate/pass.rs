//! One pass over the data by a network that reads each row once: every row, every leaf and all of them, against float64 from
//! the data on.

use super::bound::{Bounds, SumBounds, blocks_of_leaves};
use super::check::compared;
use super::range::beyond_f32;
use super::{Check, is_finite};
use crate::backend::{Backend, Problem};
use crate::error::Result;
use crate::leaves::Fold;
use std::iter::zip;

/// Predictions compared at a time.
const BLOCK_VALUES: usize = 1 << 22;

/// The checks of one pass over the data, of those of [`check()`](super::check()).
pub(super) fn check(
    problem: &Problem<'_>,
    bounds: &Bounds<'_>,
    candidate: &mut dyn Backend,
    reference: &mut dyn Backend,
) -> Result<Vec<Check>> {
    let parameters = candidate.parameters()?;
    reference.set_parameters(&parameters)?;
    let mut checks = check_rows(problem, bounds, candidate, reference, &parameters)?;
    let (measured, expected) = (candidate.evaluate()?, reference.evaluate()?);
    let (leaves, bound) = check_leaves(problem, bounds, candidate, reference, &parameters)?;
    if is_finite(&parameters) && bound.is_beyond_f32() {
        return Err(beyond_f32(problem, &parameters));
    }
    let bound = bound.error;
    let n_weights = problem.network.layer().n_weights();
    let gradient = compared(&measured.gradient, &expected.gradient, &bound.gradient);
    let [value, exact, limit] = [&measured, &expected, &bound].map(|evaluation| evaluation.summary);
    checks.extend([
        leaves,
        Check::of("gradient of weight", gradient.clone().take(n_weights)),
        Check::of("gradient of bias", gradient.skip(n_weights)),
        Check::of("loss", [[value.loss, exact.loss, limit.loss]]),
        Check::of(
            "mean slope dy/dz",
            [[value.mean_slope, exact.mean_slope, limit.mean_slope]],
        ),
    ]);
    checks.retain(|check| check.n_values > 0);
    Ok(checks)
}

fn check_rows(
    problem: &Problem<'_>,
    bounds: &Bounds<'_>,
    candidate: &mut dyn Backend,
    reference: &mut dyn Backend,
    parameters: &[f64],
) -> Result<Vec<Check>> {
    let [mut z, mut y] = ["pre-activation z", "prediction y"].map(|name| Check::of(name, []));
    let dataset = problem.dataset;
    let rows_per_block = (BLOCK_VALUES / dataset.n_outputs()).max(1);
    for first in (0..dataset.n_samples()).step_by(rows_per_block) {
        let rows = first..(first + rows_per_block).min(dataset.n_samples());
        let measured = candidate.predict(rows.clone())?;
        let expected = reference.predict(rows.clone())?;
        let bounds = bounds.rows(rows, parameters);
        let mut of_z = bounds.pre_activation.iter();
        if is_finite(parameters) && of_z.any(|bound| bound.is_infinite()) {
            return Err(beyond_f32(problem, parameters));
        }
        z.extend(compared(
            &measured.pre_activation,
            &expected.pre_activation,
            &bounds.pre_activation,
        ));
        y.extend(compared(
            &measured.prediction,
            &expected.prediction,
            &bounds.prediction,
        ));
    }
    Ok(vec![z, y])
}

/// Checks the sums of every leaf, and returns the bounds of the sums over all of them too.
fn check_leaves(
    problem: &Problem<'_>,
    bounds: &Bounds<'_>,
    candidate: &mut dyn Backend,
    reference: &mut dyn Backend,
    parameters: &[f64],
) -> Result<(Check, SumBounds)> {
    let mut check = Check::of("sums of each leaf", []);
    let mut total = Fold::new(SumBounds::add);
    for leaves in blocks_of_leaves(problem) {
        let measured = candidate.leaf_evaluations(leaves.clone())?;
        let expected = reference.leaf_evaluations(leaves.clone())?;
        let bounds = bounds.leaves(leaves, parameters);
        for ((measured, expected), bound) in zip(&measured, &expected).zip(bounds) {
            let [value, exact, limit] = [measured, expected, &bound.error].map(|sums| sums.summary);
            let gradient = compared(
                &measured.gradient,
                &expected.gradient,
                &bound.error.gradient,
            );
            check.extend(gradient.chain([
                [value.loss, exact.loss, limit.loss],
                [value.mean_slope, exact.mean_slope, limit.mean_slope],
            ]));
            total.push(bound);
        }
    }
    let total = total.finish().expect("a data set has at least one leaf");
    Ok((check, total))
}
