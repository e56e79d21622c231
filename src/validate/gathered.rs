//! Mini-batches, whose rows a device reads where they lie, against data that are these rows alone.

use super::Check;
use crate::backend::{Backend, Evaluation, Problem};
use crate::error::Result;

/// What an update of some number sees of all rows of a problem at some parameters, by another backend of the kind that is
/// checked, and the checks of that backend against float64.
pub(super) type EvaluateAlone<'e> =
    dyn Fn(Problem<'_>, &[f64], u64) -> Result<(Evaluation, Vec<Check>)> + 'e;

/// What update number `update` of `backend` sees of all rows at `parameters`.
///
/// # Errors
/// If the device fails.
pub(super) fn evaluation(
    backend: &mut impl Backend,
    parameters: &[f64],
    update: u64,
) -> Result<Evaluation> {
    backend.set_parameters(parameters)?;
    backend.evaluate_for(Some(update), None)
}

/// What update number `update` sees of the rows `rows`, `of_batch`, against what `evaluate_alone` sees of a copy of them:
/// the same, but for the rounding of the scale in float64. The copy is checked as a whole data set is, so the batch is
/// proven too. No checks if all rows weigh nothing.
///
/// # Errors
/// If a device fails.
pub(super) fn check(
    problem: &Problem<'_>,
    evaluate_alone: &EvaluateAlone<'_>,
    parameters: &[f64],
    (update, rows): (u64, &[usize]),
    of_batch: &Evaluation,
) -> Result<Vec<Check>> {
    if problem.dataset.weight_of(rows) <= 0.0 {
        return Ok(Vec::new());
    }
    let gathered = problem.dataset.rows_alone(rows);
    let alone = Problem {
        dataset: &gathered,
        ..problem.clone()
    };
    let (expected, of_copy) = evaluate_alone(alone, parameters, update)?;
    let values = of_batch.gradient.iter().zip(&expected.gradient);
    let summaries = [
        (&of_batch.summary.loss, &expected.summary.loss),
        (&of_batch.summary.mean_slope, &expected.summary.mean_slope),
    ];
    let compared = values.chain(summaries).map(|(found, expected)| {
        // The scale of the reduction is one division and its factor another rounding, of sums in another order.
        let bound = (rows.len() + 3) as f64 * f64::EPSILON * expected.abs();
        [*found, *expected, bound]
    });
    Ok(vec![
        Check::of("gradient of a batch", compared),
        Check::worst_of("rows of a batch alone", of_copy),
    ])
}
