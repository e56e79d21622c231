//! Mini-batches, whose rows a device reads where they lie, against data that are these rows alone.

use super::Check;
use crate::backend::{Backend, Evaluation, Problem};
use crate::data::Dataset;
use crate::error::Result;

/// What an update of some number sees of all rows of a problem at some parameters, by another backend of the kind that is
/// checked.
pub(super) type Elsewhere<'e> = dyn Fn(Problem<'_>, &[f64], u64) -> Result<Evaluation> + 'e;

/// What update number `update` of `backend` sees of all rows at `parameters`.
///
/// # Errors
/// If the device fails.
pub(super) fn seen(
    mut backend: impl Backend,
    parameters: &[f64],
    update: u64,
) -> Result<Evaluation> {
    backend.set_parameters(parameters)?;
    backend.evaluate_for(Some(update), None)
}

/// What update number `update` sees of the rows `rows`, `of_batch`, against what it sees of a copy of them `elsewhere`: the
/// same, but for the rounding of the scale in float64. So a batch is proven by the checks of whole data sets. `None` if all
/// rows weigh nothing.
///
/// # Errors
/// If a device fails.
pub(super) fn check(
    problem: &Problem<'_>,
    elsewhere: &Elsewhere<'_>,
    parameters: &[f64],
    (update, rows): (u64, &[usize]),
    of_batch: &Evaluation,
) -> Result<Option<Check>> {
    if problem.dataset.weight_of(rows) <= 0.0 {
        return Ok(None);
    }
    let gathered = gathered(problem.dataset, rows)?;
    let alone = Problem {
        dataset: &gathered,
        ..problem.clone()
    };
    let expected = elsewhere(alone, parameters, update)?;
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
    Ok(Some(Check::of("gradient of a batch", compared)))
}

/// The rows `rows` as data of their own.
fn gathered(dataset: &Dataset, rows: &[usize]) -> Result<Dataset> {
    let (n_inputs, n_outputs) = (dataset.n_inputs(), dataset.n_outputs());
    let width = dataset.target_width();
    let mut inputs = vec![0.0; n_inputs * rows.len()];
    let mut of_rows = vec![0.0; width * rows.len()];
    let copies = inputs.chunks_exact_mut(n_inputs);
    for (row, (inputs, targets)) in rows.iter().zip(copies.zip(of_rows.chunks_exact_mut(width))) {
        dataset.read(*row..*row + 1, inputs, targets);
    }
    let of_rows = of_rows.chunks_exact(width);
    let targets = of_rows.clone().flat_map(|row| &row[..n_outputs]);
    let targets = targets.copied().collect();
    let gathered = Dataset::from_rows(dataset.source(), n_inputs, n_outputs, inputs, targets)?;
    if !dataset.is_weighted() {
        return Ok(gathered);
    }
    let weights: Vec<f32> = of_rows.map(|row| row[n_outputs]).collect();
    gathered.with_weights(&weights)
}
